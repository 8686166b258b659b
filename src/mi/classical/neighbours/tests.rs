use super::*;
use rand::Rng;

fn samples(rows: usize, columns: usize, seed: u64) -> Samples {
    let mut rng = crate::seed::stream(seed, "test", columns as u64);
    // Rounded, so that there are ties.
    let values = (0..rows * columns).map(|_| (rng.gen_range(-1.0f64..1.0) * 50.0).round() / 50.0).collect();
    Samples::new(values, columns).unwrap()
}

fn key(norm: Norm, a: &[f64], b: &[f64]) -> f64 {
    let d = a.iter().zip(b).map(|(a, b)| (a - b).abs());
    if norm == Norm::Max { d.fold(0.0, f64::max) } else { d.map(|d| d * d).sum() }
}

#[test]
fn the_walk_finds_what_looking_at_all_pairs_finds() {
    for norm in [Norm::Max, Norm::Euclidean] {
        for (rows, dx, dy) in [(10, 1, 1), (67, 1, 1), (203, 1, 2), (131, 3, 2), (90, 9, 12), (1500, 2, 1)] {
            let (x, y) = (samples(rows, dx, 1), samples(rows, dy, 2));
            let joint = Space::joint(&x, &y, norm);
            let k = 4;
            let near = joint.nearest(k);
            let limits: Vec<f64> = (0..rows).map(|i| near[i * k + k - 1].key).collect();
            let counts = count_below(&x, norm, &limits);
            for i in 0..rows {
                let pair = |j: usize| key(norm, x.row(i), x.row(j)).max(key(norm, y.row(i), y.row(j)));
                let mut all: Vec<f64> = (0..rows).filter(|&j| j != i).map(pair).collect();
                all.sort_by(f64::total_cmp);
                for (n, expected) in near[i * k..][..k].iter().zip(&all) {
                    assert_eq!(n.key, *expected, "{norm:?} {rows} {dx} {dy}");
                    assert_eq!(pair(n.row as usize), n.key);
                }
                let count = (0..rows).filter(|&j| j != i && key(norm, x.row(i), x.row(j)) < limits[i]).count();
                assert_eq!(counts[i] as usize, if limits[i] > 0.0 { count } else { 0 });
            }
        }
    }
}
