//! Scenes rendered a second, by variant; and rendered, encoded and written as parquet.
//!
//! ```sh
//! RAYON_NUM_THREADS=2 cargo bench --bench scene
//! ```
//! There is no peer to run beside: the paper's renderer is Blender's Cycles on meshes that are not ours to fetch.

use infomax::data::Split;
use infomax::data::scene::{Scene, SceneConfig, SceneSet, Variant};
use rayon::prelude::*;
use std::time::Instant;

const ROUNDS: usize = 5;

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Images a second; the sum of pixels keeps the work from being left out.
fn rate(config: &SceneConfig, images: u64) -> f64 {
    let start = Instant::now();
    let sum: u64 = (0..images)
        .into_par_iter()
        .map(|i| {
            let image = Scene::draw(config, Split::Train, i).expect("valid settings").render();
            image.pixels.iter().map(|&p| u64::from(p)).sum::<u64>()
        })
        .sum();
    assert!(sum > 0);
    images as f64 / start.elapsed().as_secs_f64()
}

fn main() {
    println!("{} threads, median of {ROUNDS} rounds", rayon::current_num_threads());
    let off = Variant::default();
    let cases = [
        (off, 64, 1, 2000),
        (Variant { texture: true, ..off }, 64, 1, 2000),
        (Variant::ALL, 64, 1, 2000),
        (Variant::ALL, 128, 1, 500),
        (Variant::ALL, 128, 4, 250),
    ];
    for (variant, size, objects, images) in cases {
        let config = SceneConfig { variant, size, objects, seed: 0 };
        let rates = (0..ROUNDS).map(|_| rate(&config, images)).collect();
        println!("{variant} {size}x{size}, {objects} object(s): {:.0} images/s", median(rates));
    }
    let set = SceneSet { config: SceneConfig::default(), train: 4000, valid: 0, test: 1 };
    let rates = (0..ROUNDS).map(|_| {
        let folder = tempfile::tempdir().expect("a folder");
        let start = Instant::now();
        set.write(&folder.path().join("scenes"), |_| {}).expect("room for the scenes");
        set.images() as f64 / start.elapsed().as_secs_f64()
    });
    println!("{} 64x64, 1 object, written: {:.0} images/s", Variant::ALL, median(rates.collect()));
}
