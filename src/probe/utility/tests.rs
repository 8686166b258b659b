//! Curves whose utility is known.

use super::*;
use crate::seed::stream;

/// Score from scratch in %, of a power law: 90 − 80·(n/100)^−0.35.
fn scratch(n: u64) -> f64 {
    90.0 - 80.0 * (n as f64 / 100.0).powf(-0.35)
}

/// The score of a model with 0.75 of that error, for which U is 0.75^(−1/0.35) − 1 at every n.
fn tuned(n: u64) -> f64 {
    90.0 - 0.75 * (90.0 - scratch(n))
}

fn saves() -> f64 {
    0.75f64.powf(-1.0 / 0.35) - 1.0
}

fn doubling(budgets: u32) -> Vec<u64> {
    (0..budgets).map(|k| 100 << k).collect()
}

/// A table of both arms; `noise` gives what is added to an arm's score at a seed and a budget.
fn table(budgets: &[u64], seeds: u64, mut noise: impl FnMut(usize, u64, usize) -> f64) -> Vec<Trial> {
    let curves: [(&str, fn(u64) -> f64); 2] = [("scratch", scratch), ("tuned", tuned)];
    let mut trials = Vec::new();
    for (which, (arm, curve)) in curves.into_iter().enumerate() {
        for seed in 0..seeds {
            for (k, &labels) in budgets.iter().enumerate() {
                trials.push(Trial { arm: arm.into(), labels, seed, score: curve(labels) + noise(which, seed, k) });
            }
        }
    }
    trials
}

#[test]
fn known_utility_is_found_within_three_per_cent() {
    let budgets = doubling(12);
    let report = utility(&table(&budgets, 1, |_, _, _| 0.0), "scratch", &UtilityConfig::default()).unwrap();
    assert_eq!(report.trials.len(), 24);
    let points = &report.arms[0].points;
    // 2.27 times as many labels: the last two are beyond the largest budget.
    for point in &points[..10] {
        let Utility::Value(u) = point.utility else { panic!("{point:?}") };
        assert!((u / saves() - 1.0).abs() < 0.03, "{point:?}");
        assert!(point.interval.is_none());
    }
    for (point, least) in points[10..].iter().zip([1.0, 0.0]) {
        assert!(matches!(point.utility, Utility::AtLeast(u) if (u - least).abs() < 1e-12), "{point:?}");
    }
    // The other way round pretraining harms: 1/2.27 of the labels do, and the first two are below the first budget.
    let swapped = utility(&report.trials, "tuned", &UtilityConfig::default()).unwrap();
    let points = &swapped.arms[0].points;
    for (point, most) in points[..2].iter().zip([0.0, -0.5]) {
        assert!(matches!(point.utility, Utility::AtMost(u) if (u - most).abs() < 1e-12), "{point:?}");
    }
    for point in &points[2..] {
        let Utility::Value(u) = point.utility else { panic!("{point:?}") };
        assert!(((1.0 + u) * (1.0 + saves()) - 1.0).abs() < 0.03, "{point:?}");
    }
}

#[test]
fn an_arm_like_the_baseline_saves_nothing() {
    let mut trials = table(&doubling(6), 3, |_, seed, _| seed as f64);
    trials.retain(|t| t.arm == "scratch");
    let same: Vec<Trial> = trials.iter().map(|t| Trial { arm: "same".into(), ..t.clone() }).collect();
    trials.extend(same);
    let report = utility(&trials, "scratch", &UtilityConfig::default()).unwrap();
    for point in &report.arms[0].points {
        assert!(matches!(point.utility, Utility::Value(u) if u.abs() < 1e-9), "{point:?}");
        assert!(point.holds(0.0), "{point:?}");
    }
}

/// Three seeds an arm, noise of each run and noise that a seed has at all budgets: the interval holds the truth in at
/// least 90 % of 200 experiments at every budget, and is not so wide that it says nothing.
#[test]
fn intervals_hold_the_truth() {
    let budgets = doubling(7);
    let config = UtilityConfig { resamples: 400, ..UtilityConfig::default() };
    let (mut held, mut widths) = (vec![0; budgets.len()], Vec::new());
    for experiment in 0..200 {
        let mut rng = stream(11, "test", experiment);
        let whole: Vec<f64> = (0..6).map(|_| 0.5 * rng.sample::<f64, _>(StandardNormal)).collect();
        let mut noise = |arm: usize, seed: u64, k: usize| {
            // More of it with few labels.
            let own = 1.5 * 0.8f64.powi(k as i32) * rng.sample::<f64, _>(StandardNormal);
            own + whole[3 * arm + seed as usize]
        };
        let report = utility(&table(&budgets, 3, &mut noise), "scratch", &config).unwrap();
        for (point, held) in report.arms[0].points.iter().zip(&mut held) {
            *held += usize::from(point.holds(saves()));
            if let Some([Utility::Value(low), Utility::Value(high)]) = point.interval {
                widths.push(high - low);
            }
        }
    }
    assert!(held.iter().all(|&n| n >= 180), "{held:?}");
    widths.sort_by(f64::total_cmp);
    assert!(widths.len() > 400 && widths[widths.len() / 2] < 1.5, "{} {:?}", widths.len(), widths[widths.len() / 2]);
}

#[test]
fn censored_ends_are_open() {
    let end = |interval| UtilityPoint { labels: 1, score: 0.0, utility: Utility::Value(0.0), interval };
    let open = end(Some([Utility::AtMost(-0.5), Utility::AtLeast(3.0)]));
    assert!(open.holds(-0.9) && open.holds(100.0));
    let half = end(Some([Utility::Value(0.5), Utility::AtLeast(1.0)]));
    assert!(!half.holds(0.4) && half.holds(0.5) && half.holds(7.0));
    // The whole interval beyond the largest budget: at least that.
    let beyond = end(Some([Utility::AtLeast(1.0), Utility::AtLeast(1.0)]));
    assert!(!beyond.holds(0.9) && beyond.holds(1.1));
    let below = end(Some([Utility::AtMost(0.0), Utility::AtMost(0.0)]));
    assert!(below.holds(-0.4) && !below.holds(0.1));
}

#[test]
fn results_repeat_and_other_arms_do_not_matter() {
    let budgets = doubling(5);
    let trials = table(&budgets, 4, |arm, seed, k| ((seed * 7 + k as u64 * 3 + arm as u64) % 5) as f64 / 3.0);
    let config = UtilityConfig::default();
    let first = utility(&trials, "scratch", &config).unwrap();
    assert_eq!(first, utility(&trials, "scratch", &config).unwrap());
    let mut more = trials.clone();
    more.extend(trials.iter().filter(|t| t.arm == "tuned").map(|t| Trial { arm: "other".into(), ..t.clone() }));
    more.reverse();
    more.sort_by_key(|t| t.arm == "other");
    let second = utility(&more, "scratch", &config).unwrap();
    assert_eq!(first.arms[0], second.arms[0]);
    assert_eq!(second.arms[1].points.iter().map(|p| p.utility).collect::<Vec<_>>(), {
        first.arms[0].points.iter().map(|p| p.utility).collect::<Vec<_>>()
    });
}

#[test]
fn what_is_wrong_with_a_table_is_said() {
    let good = table(&doubling(3), 2, |_, _, _| 0.0);
    let config = UtilityConfig::default();
    let mut holed = good.clone();
    holed.remove(10);
    let mut twice = good.clone();
    twice.push(good[0].clone());
    let mut broken = good.clone();
    broken[7].score = f64::NAN;
    let mut none = good.clone();
    none.iter_mut().filter(|t| t.labels == 100).for_each(|t| t.labels = 0);
    let alone: Vec<Trial> = good.iter().filter(|t| t.arm == "scratch").cloned().collect();
    let single: Vec<Trial> = good.iter().filter(|t| t.labels == 100).cloned().collect();
    for (trials, said) in [
        (&holed, "seed 1 has no trial with 200 labels"),
        (&twice, "two trials"),
        (&broken, "NaN"),
        (&none, "0 labels"),
        (&alone, "the only one"),
        (&single, "two or more"),
        (&Vec::new(), "no trial"),
    ] {
        let error = utility(trials, "scratch", &config).unwrap_err().to_string();
        assert!(error.contains(said) && !error.contains('\n'), "{said}: {error}");
    }
    let error = utility(&good, "vae", &config).unwrap_err().to_string();
    assert!(error.contains("scratch, tuned"), "{error}");
    for config in [UtilityConfig { level: 1.0, ..config }, UtilityConfig { resamples: 5, ..config }] {
        assert!(matches!(utility(&good, "scratch", &config), Err(ProbeError::Setting { .. })));
    }
}
