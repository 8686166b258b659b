//! Nothing wrong passes in silence.

use crate::{normal_pair, uniform};
use infomax::mi::classical::*;
use infomax::mi::{MiError, Samples};

fn named(columns: &[(&str, Vec<f64>)]) -> Samples {
    let rows = columns[0].1.len();
    let values = (0..rows).flat_map(|i| columns.iter().map(move |(_, v)| v[i])).collect();
    Samples::named(values, columns.iter().map(|(n, _)| (*n).to_owned()).collect()).unwrap()
}

fn column(s: &Samples, c: usize) -> Vec<f64> {
    s.column(c).collect()
}

/// What each estimator of two vectors says.
fn refusals(x: &Samples, y: &Samples) -> Vec<MiError> {
    vec![
        ksg(x, y, &KsgConfig::default()).unwrap_err(),
        gaussian_mi(x, y, &CcaConfig::default()).unwrap_err(),
        copula_mi(x, y, &CcaConfig::default()).unwrap_err(),
        histogram_mi(x, y, Bins::Count(3), Edges::EqualCount).unwrap_err(),
    ]
}

#[test]
fn lengths_and_few_rows() {
    let (x, y) = (uniform(20, 1, 0), uniform(19, 1, 1));
    assert!(refusals(&x, &y).iter().all(|e| *e == MiError::Lengths { x: 20, y: 19 }));
    let (x, y) = (uniform(9, 1, 0), uniform(9, 1, 1));
    assert!(refusals(&x, &y).iter().all(|e| *e == MiError::TooFew { rows: 9, least: 10 }));
    let labels = Labels::new(0..5).unwrap();
    assert!(mixed_mi(&x, &labels, 3, Norm::Max, Ties::default()).is_err());
    assert!(Table::of(&labels, &Labels::new(0..6).unwrap()).is_err());
    assert!(matches!(knn_entropy(&x, 3, Norm::Max, Ties::default()), Err(MiError::TooFew { .. })));
    // As many columns as rows: a Gaussian can be fitted to nothing here.
    let (x, y) = normal_pair(&[], 10, 10, 21, 0);
    let error = gaussian_mi(&x, &y, &CcaConfig::default()).unwrap_err();
    assert_eq!(error, MiError::TooFew { rows: 21, least: 22 });
}

#[test]
fn constant_columns_are_named() {
    let x = named(&[("a", column(&uniform(30, 1, 0), 0)), ("flat", vec![2.0; 30])]);
    let y = uniform(30, 1, 1);
    let constant = MiError::Constant { column: "flat".into(), value: 2.0 };
    for (a, b) in [(&x, &y), (&y, &x)] {
        assert!(refusals(a, b).iter().all(|e| *e == constant), "{:?}", refusals(a, b));
    }
    assert_eq!(knn_entropy(&x, 3, Norm::Max, Ties::default()).unwrap_err(), constant);
    let one = Labels::new([1; 30]).unwrap();
    assert!(matches!(mixed_mi(&y, &one, 3, Norm::Max, Ties::default()), Err(MiError::Constant { .. })));
}

#[test]
fn settings_out_of_range() {
    let (x, y) = normal_pair(&[0.5], 1, 1, 30, 0);
    for k in [0, 30, 1000] {
        let error = ksg(&x, &y, &KsgConfig { k, ..KsgConfig::default() }).unwrap_err();
        assert_eq!(error.to_string(), format!("k = {k} is out of range; from 1 to one less than the rows"));
    }
    assert!(ksg(&x, &y, &KsgConfig { k: 29, ..KsgConfig::default() }).is_ok());
    for confidence in [0.0, 1.0, f64::NAN] {
        assert!(gaussian_mi(&x, &y, &CcaConfig { confidence, ..CcaConfig::default() }).is_err());
    }
    for share in [-0.1, 1.1, f64::NAN] {
        assert!(GaussianModel::fit(&x, &y, Shrinkage::Fixed(share)).is_err());
    }
    assert!(histogram_mi(&x, &y, Bins::Count(1), Edges::EqualWidth).is_err());
    assert!(Table::new(&[1, 2, 3], 2).is_err() && Table::new(&[0, 0], 2).is_err() && Table::new(&[], 0).is_err());
}

#[test]
fn a_column_named_twice() {
    let (x, y) = normal_pair(&[0.5, 0.5], 2, 2, 50, 0);
    let twice = named(&[("a", column(&x, 0)), ("b", column(&x, 1)), ("again", column(&x, 0))]);
    let error = gaussian_mi(&twice, &y, &CcaConfig::default()).unwrap_err();
    assert_eq!(error.to_string(), "column `again` is a linear combination of `a`; leave it out or use shrinkage");
    let sum = column(&x, 0).iter().zip(column(&x, 1)).map(|(a, b)| 2.0 * a - b + 7.0).collect();
    let combined = named(&[("a", column(&x, 0)), ("b", column(&x, 1)), ("sum", sum)]);
    let error = gaussian_mi(&y, &combined, &CcaConfig::default()).unwrap_err();
    assert_eq!(error, MiError::Dependent { column: "sum".into(), of: "`a`, `b`".into() });
    let shrunk = CcaConfig { shrinkage: Shrinkage::Fixed(0.1), ..CcaConfig::default() };
    assert!(gaussian_mi(&twice, &y, &shrunk).is_ok());
    // Twice within x changes nothing for neighbours in the max norm.
    let plain = named(&[("a", column(&x, 0)), ("b", column(&x, 1))]);
    let of = |x: &Samples| ksg(x, &y, &KsgConfig::default()).unwrap().nats;
    assert_eq!(of(&plain), of(&twice));
}

#[test]
fn a_column_in_both_vectors() {
    let (x, y) = normal_pair(&[0.5], 2, 1, 50, 0);
    let x = named(&[("a", column(&x, 0)), ("b", column(&x, 1))]);
    let y = named(&[("c", column(&y, 0)), ("b too", column(&x, 1))]);
    let expected = MiError::Infinite { x: "b".into(), y: "b too".into() };
    assert_eq!(ksg(&x, &y, &KsgConfig::default()).unwrap_err(), expected);
    assert_eq!(gaussian_mi(&x, &y, &CcaConfig::default()).unwrap_err(), expected);
    // A combination of y that is one of x, though no single column is.
    let hidden: Vec<f64> = column(&y, 0).iter().zip(column(&x, 0)).map(|(c, a)| c + a).collect();
    let y = named(&[("c", column(&y, 0)), ("c+a", hidden)]);
    let error = gaussian_mi(&x, &y, &CcaConfig::default()).unwrap_err();
    assert_eq!(error, MiError::Infinite { x: "a".into(), y: "c`, `c+a".into() });
}

#[test]
fn discrete_data_is_not_for_neighbours() {
    let (x, y) = normal_pair(&[0.5], 1, 1, 400, 0);
    let coarse = |s: &Samples, grain: f64| {
        s.map_columns(|_, v| v.into_iter().map(|v| (v / grain).round() * grain).collect()).unwrap()
    };
    let labels = coarse(&x, 1.0);
    let error = ksg(&labels, &y, &KsgConfig::default()).unwrap_err();
    let MiError::Discrete { side: "x", distinct: 5..=9, rows: 400 } = error else { panic!("{error}") };
    assert!(error.to_string().contains("use the discrete or the mixed estimator"));
    assert!(matches!(ksg(&y, &labels, &KsgConfig::default()), Err(MiError::Discrete { side: "y", .. })));
    // The way out works.
    assert!(mixed_mi(&y, &Labels::of_rows(&labels), 3, Norm::Max, Ties::Refuse).unwrap().nats > 0.05);
    // Rounded, but not to labels: said, and moved apart.
    let rounded = coarse(&x, 0.01);
    let found = ksg(&rounded, &y, &KsgConfig::default()).unwrap();
    let exact = ksg(&x, &y, &KsgConfig::default()).unwrap().nats;
    assert!((found.nats - exact).abs() < 0.03);
    let [Warning::Jittered { side: "x", repeated, .. }] = found.warnings[..] else { panic!("{:?}", found.warnings) };
    assert!(repeated > 50);
    assert!(found.warnings[0].to_string().contains("rows of x repeat others"));
    let refuse = KsgConfig { ties: Ties::Refuse, ..KsgConfig::default() };
    assert!(matches!(ksg(&rounded, &y, &refuse), Err(MiError::Repeated { side: "x", .. })));
}

#[test]
fn repeated_rows() {
    let (x, y) = normal_pair(&[0.5], 1, 1, 100, 0);
    // Every fifth row a copy of the first rows: told and repeatable.
    let some: Vec<usize> = (0..100).chain(0..20).collect();
    let (xs, ys) = (x.select(&some), y.select(&some));
    let found = ksg(&xs, &ys, &KsgConfig::default()).unwrap();
    assert_eq!(found.warnings.len(), 2);
    assert_eq!(found, ksg(&xs, &ys, &KsgConfig::default()).unwrap());
    assert!(found.nats.is_finite());
    // More copies than originals look like dependence without end.
    let most: Vec<usize> = (0..100).chain(0..100).chain(0..100).collect();
    let error = ksg(&x.select(&most), &y.select(&most), &KsgConfig::default()).unwrap_err();
    assert_eq!(error, MiError::Repeated { side: "x and y together", repeated: 200, rows: 300 });
    let error = knn_entropy(&x.select(&most), 3, Norm::Max, Ties::default()).unwrap_err();
    assert!(matches!(error, MiError::Repeated { .. }));
    // Noise is not rounded away beside a large mean.
    let far = xs.map_columns(|_, v| v.into_iter().map(|v| v + 1e12).collect()).unwrap();
    assert!(knn_entropy(&far, 1, Norm::Max, Ties::default()).unwrap().nats.is_finite());
}

#[test]
fn many_columns_are_said_to_be_many() {
    let (x, y) = normal_pair(&[0.5], 5, 5, 100, 0);
    let found = ksg(&x, &y, &KsgConfig::default()).unwrap();
    assert_eq!(found.warnings, [Warning::Dimension { columns: 10, rows: 100 }]);
}

#[test]
fn numbers_too_large_or_too_small_to_square() {
    let (x, y) = normal_pair(&[0.5], 1, 1, 50, 0);
    for factor in [1e300, 1e-300] {
        let x = x.map_columns(|_, v| v.into_iter().map(|v| v * factor).collect()).unwrap();
        for variant in [KsgVariant::One, KsgVariant::Two] {
            let error = ksg(&x, &y, &KsgConfig { variant, ..KsgConfig::default() }).unwrap_err();
            assert!(error.to_string().ends_with("between 1e-100 and 1e100; rescale it"), "{error}");
        }
        assert!(matches!(gaussian_mi(&y, &x, &CcaConfig::default()), Err(MiError::Setting { .. })));
        // Ranks do not mind.
        assert!(copula_mi(&x, &y, &CcaConfig::default()).unwrap().nats > 0.0);
    }
}
