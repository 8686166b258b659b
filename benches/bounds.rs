//! Time of each bound's value and gradient, all pairs, f32, one core: `cargo bench --bench bounds`.

use infomax::mi::bound::BoundKind::{Dv, FDimeGan, FlatNce, IAlpha, InfoNce, InfoNceRows, JsNwj, Jsd, Nwj, Smile};
use infomax::mi::bound::{Mine, PairStatistics, ScoreSizes, TrainedBound};
use infomax::seed::stream;
use rand::Rng;
use std::hint::black_box;
use std::time::{Duration, Instant};

/// The median of repeated timings of `f`, for about a fifth of a second.
fn median(mut f: impl FnMut()) -> Duration {
    let start = Instant::now();
    let mut times = Vec::new();
    while start.elapsed() < Duration::from_millis(200) || times.len() < 5 {
        let one = Instant::now();
        f();
        times.push(one.elapsed());
    }
    times.sort();
    times[times.len() / 2]
}

fn numbers(name: &str, n: usize) -> Vec<f32> {
    let mut rng = stream(1, name, n as u64);
    (0..n).map(|_| rng.gen_range(-8.0..8.0)).collect()
}

fn main() {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("a pool of one thread");
    pool.install(|| {
        let plain = [
            Dv,
            Nwj,
            Jsd,
            JsNwj,
            Smile { tau: 5.0 },
            FDimeGan,
            InfoNce,
            InfoNceRows,
            FlatNce,
            IAlpha { alpha: 0.5, log_baseline: 1.0 },
        ];
        let mut bounds: Vec<_> = plain.into_iter().map(TrainedBound::Plain).collect();
        bounds.extend([TrainedBound::Mine(Mine::new(0.9)), TrainedBound::Tuba, TrainedBound::Flo]);
        println!("{:50} {:>12} {:>12}", "microseconds", "N = 64", "N = 512");
        for mut bound in bounds {
            let times = [64, 512].map(|n| {
                let sizes = ScoreSizes::matrix(n);
                let scores = numbers("scores", n * n);
                let second = numbers("second", bound.second_input().map_or(0, |s| s.len(sizes)));
                let time = median(|| {
                    black_box(bound.step(black_box(&scores), &second, sizes));
                });
                time.as_secs_f64() * 1e6
            });
            println!("{:50} {:12.1} {:12.1}", format!("{bound:?}"), times[0], times[1]);
        }
        let n = 2000;
        let scores = numbers("scores", n * n);
        let time = median(|| {
            let mut statistics = PairStatistics::new(n, 5.0);
            for (block, scores) in scores.chunks(250 * n).enumerate() {
                statistics.add_block(block * 250, scores);
            }
            black_box(statistics.smile());
        });
        println!("all read-outs over {n} × {n} pairs, in blocks of 250 rows: {:.1} ms", time.as_secs_f64() * 1e3);
    });
}
