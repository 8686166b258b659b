//! What must not change an estimate.

use crate::{near, normal_pair};
use infomax::mi::classical::*;
use infomax::mi::{Samples, Scaling, Standardiser};
use infomax::seed::stream;
use rand::seq::SliceRandom;

fn all_configs() -> Vec<KsgConfig> {
    let mut all = Vec::new();
    for variant in [KsgVariant::One, KsgVariant::Two] {
        for norm in [Norm::Max, Norm::Euclidean] {
            all.push(KsgConfig { variant, norm, k: 4, ties: Ties::Refuse });
        }
    }
    all
}

fn scaled(s: &Samples, f: impl Fn(f64) -> f64) -> Samples {
    s.map_columns(|_, v| v.into_iter().map(&f).collect()).unwrap()
}

fn swapped(s: &Samples) -> Samples {
    let rows = (0..s.rows()).flat_map(|i| s.row(i).iter().rev().copied().collect::<Vec<_>>());
    Samples::new(rows.collect(), s.columns()).unwrap()
}

#[test]
fn the_order_of_rows() {
    let (x, y) = normal_pair(&[0.6, 0.3], 2, 3, 301, 0);
    let mut rows: Vec<usize> = (0..301).collect();
    rows.shuffle(&mut stream(0, "order", 0));
    let (x2, y2) = (x.select(&rows), y.select(&rows));
    for config in all_configs() {
        let (a, b) = (ksg(&x, &y, &config).unwrap(), ksg(&x2, &y2, &config).unwrap());
        near(a.nats, b.nats, 1e-12);
        assert!(rows.iter().zip(&b.pointwise).all(|(&r, v)| a.pointwise[r] == *v));
    }
    let cca = |x, y| gaussian_mi(x, y, &CcaConfig::default()).unwrap().nats;
    near(cca(&x, &y), cca(&x2, &y2), 1e-12);
}

#[test]
fn x_and_y_change_places() {
    let (x, y) = normal_pair(&[0.6, 0.3], 2, 3, 300, 1);
    for config in all_configs() {
        assert_eq!(ksg(&x, &y, &config).unwrap().nats, ksg(&y, &x, &config).unwrap().nats);
    }
    let (a, b) =
        (gaussian_mi(&x, &y, &CcaConfig::default()).unwrap(), gaussian_mi(&y, &x, &CcaConfig::default()).unwrap());
    near(a.nats, b.nats, 1e-12);
    near(a.p_value.unwrap() / b.p_value.unwrap(), 1.0, 1e-9);
    let bins = |x, y| histogram_mi(x, y, Bins::Count(3), Edges::EqualCount).unwrap().nats;
    near(bins(&x, &y), bins(&y, &x), 1e-12);
}

#[test]
fn scale_shift_and_order_of_columns() {
    let (x, y) = normal_pair(&[0.6, 0.3], 2, 3, 300, 2);
    // One scale for all, by a power of two so that nothing is rounded; signs; columns in another order.
    let (x4, y4) = (scaled(&x, |v| -4.0 * v), scaled(&y, |v| 4.0 * v));
    for config in all_configs() {
        let plain = ksg(&x, &y, &config).unwrap().nats;
        assert_eq!(plain, ksg(&x4, &y4, &config).unwrap().nats);
        near(plain, ksg(&swapped(&x), &swapped(&y), &config).unwrap().nats, 1e-12);
        // Scaling x alone is another question to nearest neighbours (they need a common scale) …
        assert_ne!(plain, ksg(&scaled(&x, |v| 4.0 * v), &y, &config).unwrap().nats);
        // … which ranks answer, whatever increasing function the columns went through.
        let ranks = |s: &Samples| Standardiser::fit(s, Scaling::Uniform).unwrap().apply(s).unwrap();
        let bent = scaled(&x, |v| (3.0 * v).exp());
        let found = ksg(&ranks(&bent), &ranks(&y), &config).unwrap().nats;
        assert_eq!(found, ksg(&ranks(&x), &ranks(&y), &config).unwrap().nats);
    }
    // Canonical correlations are free of any invertible linear map.
    let cca = |x: &Samples, y: &Samples| gaussian_mi(x, y, &CcaConfig::default()).unwrap().nats;
    let mixed = x.map_columns(|c, v| {
        let factor = [1e-6, 1e9][c];
        v.iter().zip(x.column(1 - c)).map(|(a, b)| factor * (a + 0.3 * b + 1e3)).collect()
    });
    near(cca(&x, &y), cca(&mixed.unwrap(), &y), 1e-9);
}

#[test]
fn the_number_of_threads() {
    let (x, y) = normal_pair(&[0.6, 0.3], 6, 5, 997, 3);
    let in_pool = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let found: Vec<_> = all_configs().iter().map(|c| ksg(&x, &y, c).unwrap()).collect();
            let labels = bin(&y, Bins::Count(2), Edges::EqualCount).unwrap();
            let mixed = mixed_mi(&x, &labels, 3, Norm::Max, Ties::Refuse).unwrap().nats;
            let cca = gaussian_mi(&x, &y, &CcaConfig::default()).unwrap();
            (found, mixed.to_bits(), cca)
        })
    };
    let one = in_pool(1);
    assert_eq!(one, in_pool(2));
    assert_eq!(one, in_pool(5));
}
