//! Canonical correlations and counts against closed forms.

use crate::{near, normal_mi, normal_pair};
use infomax::mi::Samples;
use infomax::mi::classical::*;

fn exact(x: &Samples, y: &Samples) -> CcaEstimate {
    gaussian_mi(x, y, &CcaConfig::default()).unwrap()
}

#[test]
fn the_wishart_correction_takes_all_of_the_bias_away() {
    let (dx, dy, rows, seeds) = (4, 3, 30, 2000);
    let rho = [0.7, 0.4];
    let found: Vec<_> = (0..seeds).map(|s| normal_pair(&rho, dx, dy, rows, s)).map(|(x, y)| exact(&x, &y)).collect();
    let n = seeds as f64;
    let mean = found.iter().map(|f| f.nats).sum::<f64>() / n;
    let variance = found.iter().map(|f| (f.nats - mean).powi(2)).sum::<f64>() / n;
    println!("mean {mean}, plug-in bias {}, standard error {}", found[0].bias, (variance / n).sqrt());
    near(mean, normal_mi(&rho), 4.0 * (variance / n).sqrt());
    assert!(found[0].bias > 0.2);
    let (x, y) = normal_pair(&rho, dx, dy, 3000, 0);
    let [wishart, first] = [Correction::Wishart, Correction::FirstOrder]
        .map(|correction| gaussian_mi(&x, &y, &CcaConfig { correction, ..CcaConfig::default() }).unwrap().bias);
    near(wishart, first, 1e-5);
}

#[test]
fn intervals_cover_and_p_values_are_uniform_without_dependence() {
    let share = |rho: &[f64], d: usize, rows: usize, what: &dyn Fn(&CcaEstimate) -> bool| {
        let hits = (0..300).filter(|&seed| {
            let (x, y) = normal_pair(rho, d, d, rows, seed);
            what(&exact(&x, &y))
        });
        hits.count() as f64 / 300.0
    };
    for (rho, d, rows) in
        [(&[0.5][..], 1, 50), (&[0.0], 1, 50), (&[0.5, 0.5, 0.3], 3, 300), (&[0.7], 5, 200), (&[], 5, 200)]
    {
        let truth = normal_mi(rho);
        let covered = share(rho, d, rows, &|f| f.interval.is_some_and(|(low, high)| low <= truth && truth <= high));
        println!("{rho:?} {d} {rows}: {covered}");
        assert!(covered >= 0.9, "{covered}");
    }
    for d in [1, 4] {
        let small = share(&[], d, 60, &|f| f.p_value.is_some_and(|p| p < 0.1));
        // Three standard errors.
        near(small, 0.1, 0.052);
    }
    assert!(share(&[0.6], 2, 100, &|f| f.p_value.is_some_and(|p| p < 0.01)) > 0.98);
}

#[test]
fn many_columns() {
    let rho = [0.8, 0.7];
    let (x, y) = normal_pair(&rho, 25, 25, 10_000, 0);
    near(exact(&x, &y).nats, normal_mi(&rho), 0.03);
}

#[test]
fn the_model_whitens_and_its_ratio_is_the_densities() {
    let (x, y) = normal_pair(&[0.8, -0.5], 3, 2, 400, 3);
    // Mixed columns of other scales.
    let mix = |s: &Samples| {
        let rows = (0..s.rows()).flat_map(|i| {
            let row = s.row(i).to_vec();
            (0..row.len()).map(move |c| 10f64.powi(c as i32) * (3.0 + row[c] + 0.5 * row[(c + 1) % row.len()]))
        });
        Samples::new(rows.collect(), s.columns()).unwrap()
    };
    let (x, y) = (mix(&x), mix(&y));
    let model = GaussianModel::fit(&x, &y, Shrinkage::None).unwrap();
    let (a, b) = model.directions();
    let (mean_x, mean_y) = model.means();
    let r = model.correlations().len();
    assert_eq!((a.len(), b.len(), r), (6, 4, 2));
    let project = |s: &Samples, mean: &[f64], w: &[f64], i: usize, k: usize| -> f64 {
        s.row(i).iter().zip(mean).enumerate().map(|(c, (v, m))| (v - m) * w[c * r + k]).sum()
    };
    for k in 0..r {
        for l in 0..r {
            let sum = |f: &dyn Fn(usize) -> f64| (0..400).map(f).sum::<f64>() / 399.0;
            let u = |i: usize, k: usize| project(&x, mean_x, a, i, k);
            let v = |i: usize, k: usize| project(&y, mean_y, b, i, k);
            let same = f64::from(u8::from(k == l));
            near(sum(&|i| u(i, k) * u(i, l)), same, 1e-10);
            near(sum(&|i| v(i, k) * v(i, l)), same, 1e-10);
            near(sum(&|i| u(i, k) * v(i, l)), same * model.correlations()[k], 1e-10);
        }
    }
    let ratios = model.log_ratios(&x, &y).unwrap();
    near(ratios.iter().sum::<f64>() / 400.0, model.nats(), 1e-10);

    // One column each: log N(x, y; ρ) − log N(x) − log N(y) by its formula.
    let (x, y) = normal_pair(&[0.7], 1, 1, 50, 4);
    let model = GaussianModel::fit(&x, &y, Shrinkage::Fixed(0.2)).unwrap();
    let moments = |s: &Samples| {
        let mean = s.values().iter().sum::<f64>() / 50.0;
        (mean, (s.values().iter().map(|v| (v - mean).powi(2)).sum::<f64>() / 49.0).sqrt())
    };
    let ((mx, sx), (my, sy)) = (moments(&x), moments(&y));
    let r = x.values().iter().zip(y.values()).map(|(x, y)| (x - mx) * (y - my)).sum::<f64>() / 49.0 / sx / sy;
    let rho = 0.8 * r;
    for (x, y) in [(0.0, 0.0), (1.0, -2.0), (3.0, 2.5)] {
        let (u, v) = ((x - mx) / sx, (y - my) / sy);
        let joint = -0.5 * (u * u - 2.0 * rho * u * v + v * v) / (1.0 - rho * rho) - 0.5 * (1.0 - rho * rho).ln();
        near(model.log_ratio(&[x], &[y]), joint + 0.5 * (u * u + v * v), 1e-10);
    }
}

#[test]
fn shrinkage_makes_do_with_few_rows() {
    let (x, y) = normal_pair(&[], 25, 25, 40, 0);
    assert!(gaussian_mi(&x, &y, &CcaConfig::default()).is_err());
    let auto = gaussian_mi(&x, &y, &CcaConfig { shrinkage: Shrinkage::Auto, ..CcaConfig::default() }).unwrap();
    // Nothing is correlated here, and the rows say so.
    assert!(auto.model.shrinkage() > 0.8 && auto.nats < 0.2, "{} {}", auto.model.shrinkage(), auto.nats);
    assert_eq!((auto.interval, auto.p_value), (None, None));
    // Many rows: hardly any shrinkage where there is something to see.
    let (x, y) = normal_pair(&[0.9, 0.9], 2, 2, 5000, 0);
    let auto = gaussian_mi(&x, &y, &CcaConfig { shrinkage: Shrinkage::Auto, ..CcaConfig::default() }).unwrap();
    assert!(auto.model.shrinkage() < 0.01);
    near(auto.nats, normal_mi(&[0.9, 0.9]), 0.06);
}

#[test]
fn the_copula_sees_through_increasing_functions() {
    let (x, y) = normal_pair(&[0.75], 1, 1, 5000, 0);
    let bent = |s: &Samples, f: &dyn Fn(f64) -> f64| s.map_columns(|_, v| v.into_iter().map(f).collect()).unwrap();
    let config = CcaConfig::default();
    let plain = copula_mi(&x, &y, &config).unwrap().nats;
    near(plain, normal_mi(&[0.75]), 0.03);
    assert_eq!(plain, copula_mi(&bent(&x, &f64::exp), &bent(&y, &|v| v.powi(3)), &config).unwrap().nats);
    let (x, y) = (bent(&x, &f64::exp), bent(&y, &|v| v.powi(5)));
    assert!(exact(&x, &y).nats < 0.25);
}

#[test]
fn tables_of_counts() {
    // A binary symmetric channel that errs in one of ten: log 2 − H(0.1).
    let h = -(0.1 * f64::ln(0.1) + 0.9 * f64::ln(0.9));
    let channel = discrete_mi(&Table::new(&[450, 50, 50, 450], 2).unwrap());
    near(channel.plug_in, 2f64.ln() - h, 1e-12);
    near(channel.nats, channel.plug_in - 1.0 / 2000.0, 1e-12);
    assert_eq!((channel.degrees, channel.warnings.len()), (1, 0));
    // Independence: the plug-in is exactly 0, and empty rows count for nothing.
    let flat = discrete_mi(&Table::new(&[20, 40, 0, 0, 60, 120], 2).unwrap());
    near(flat.plug_in, 0.0, 1e-15);
    near(flat.p_value, 1.0, 1e-12);
    assert_eq!(flat.degrees, 1);
    // One label to each row: the counts say log N, and that they are too thin to say anything.
    let rows = Labels::new(0..100).unwrap();
    let thin = discrete_mi(&Table::of(&rows, &rows).unwrap());
    near(thin.plug_in, 100f64.ln(), 1e-12);
    assert_eq!(thin.warnings, [Warning::Sparse { cells: 100, rows: 100 }]);
}

#[test]
fn bins() {
    let (x, y) = normal_pair(&[0.8], 1, 1, 20_000, 0);
    for edges in [Edges::EqualWidth, Edges::EqualCount] {
        let found = histogram_mi(&x, &y, Bins::Count(20), edges).unwrap();
        near(found.nats, normal_mi(&[0.8]), 0.04);
        assert!(found.p_value < 1e-100);
    }
    let by_rule = bin(&x, Bins::FreedmanDiaconis, Edges::EqualWidth).unwrap();
    // Range of 20,000 normals about 8, width 2·1.349/27.1.
    assert!((60..110).contains(&by_rule.classes()), "{}", by_rule.classes());
    let counted = bin(&x, Bins::Count(10), Edges::EqualCount).unwrap();
    let mut counts = [0; 10];
    counted.values().iter().for_each(|&l| counts[l as usize] += 1);
    assert_eq!(counts, [2000; 10]);
}
