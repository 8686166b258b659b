//! Utility of pretraining: a table, two charts and a reading.

use super::{Align, LineChart, ReportError, Series, Table};
use crate::probe::{ArmUtility, Utility, UtilityPoint, UtilityReport};

/// Points of the edge of what is known.
const EDGE: usize = 80;

/// A row for each arm and number of labels.
///
/// # Errors
/// As [`Table::push`].
pub fn utility_table(report: &UtilityReport) -> Result<Table, ReportError> {
    let interval = format!("{:.0} % interval", 100.0 * report.config.level);
    let mut table = Table::new(&[
        ("arm", Align::Left),
        ("labels", Align::Right),
        ("score", Align::Right),
        ("utility", Align::Right),
        (&interval, Align::Right),
    ]);
    for point in &report.curve {
        let row = [report.baseline.clone(), point.labels.to_string(), format!("{:.4}", point.score)];
        table.push(row.into_iter().chain(["-".to_owned(), "-".to_owned()]))?;
    }
    for arm in &report.arms {
        for p in &arm.points {
            let interval = p.interval.map_or("-".to_owned(), |[low, high]| format!("{low} to {high}"));
            let row = [arm.arm.clone(), p.labels.to_string(), format!("{:.4}", p.score), p.utility.to_string()];
            table.push(row.into_iter().chain([interval]))?;
        }
    }
    Ok(table)
}

/// Mean scores against the number of labels.
pub fn score_chart(report: &UtilityReport) -> LineChart {
    let scratch = report.curve.iter().map(|p| (p.labels as f64, p.score));
    let chart = LineChart::new("Scores", "labels", "score").log_x().series(Series::new(&report.baseline, scratch));
    report.arms.iter().fold(chart, |chart, arm| {
        chart.series(Series::new(&arm.arm, arm.points.iter().map(|p| (p.labels as f64, p.score))))
    })
}

/// Utility against the number of labels, with its intervals. Grey is what the baseline's budgets cannot tell: a point at
/// its edge is a bound.
pub fn utility_chart(report: &UtilityReport) -> LineChart {
    let points = || report.arms.iter().flat_map(|a| &a.points);
    let highest = points().map(|p| p.utility.number()).fold(1.0, f64::max);
    let top = 1.3 * highest;
    let clipped = |u: Utility| u.number().clamp(-1.0, top);
    let title = format!("Labels saved over {}", report.baseline);
    let mut chart = LineChart::new(title, "labels n", "utility (grey: not known)").log_x();
    let ends = [report.curve.first(), report.curve.last()].map(|p| p.map(|p| p.labels as f64));
    if let [Some(fewest), Some(most)] = ends {
        let spread = |n: f64| points().map(|p| p.labels as f64).fold((n, n), |(a, b), n| (a.min(n), b.max(n)));
        let (from, to) = spread(fewest);
        let places = (0..=EDGE).map(|i| from * (to / from).powf(i as f64 / EDGE as f64));
        chart = chart.grey(places.clone().map(|n| (n, most / n - 1.0, f64::INFINITY)));
        chart = chart.grey(places.map(|n| (n, f64::NEG_INFINITY, fewest / n - 1.0)));
    }
    for arm in &report.arms {
        let band = |p: &UtilityPoint| p.interval.unwrap_or([p.utility; 2]).map(clipped);
        let line = arm.points.iter().map(|p| (p.labels as f64, clipped(p.utility), band(p)[0], band(p)[1]));
        chart = chart.series(Series::with_band(&arm.arm, line));
    }
    chart.reference(0.0, "saves nothing").include_y(top)
}

/// One sentence for each arm: whether its utility falls as labels grow, as Newell & Deng 2020 found, and where it can no
/// longer be told from nothing.
pub fn utility_reading(report: &UtilityReport) -> String {
    report.arms.iter().map(sentence).collect::<Vec<_>>().join(" ")
}

fn sentence(arm: &ArmUtility) -> String {
    let known: Vec<(u64, f64)> = arm
        .points
        .iter()
        .filter_map(|p| match p.utility {
            Utility::Value(u) => Some((p.labels, u)),
            _ => None,
        })
        .collect();
    let name = &arm.arm;
    let [(fewest, first), .., (most, last)] = known[..] else {
        return format!("Of {name} fewer than two utilities are known: the baseline needs more labels.");
    };
    let falls = if last < first { "falls" } else { "does not fall" };
    let end = format!("The utility of {name} {falls}: {first:.2} with {fewest} labels, {last:.2} with {most}");
    let is_known = |p: &&UtilityPoint| matches!(p.utility, Utility::Value(_)) && p.interval.is_some();
    let nothing = arm.points.iter().filter(is_known).rev().take_while(|p| p.holds(0.0)).last();
    match nothing {
        Some(p) => format!("{end}; from {} labels on it may be nothing.", p.labels),
        None => format!("{end}."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::{Trial, UtilityConfig, utility};

    fn report(gain: impl Fn(u32) -> f64) -> UtilityReport {
        let mut trials = Vec::new();
        for k in 0..6u32 {
            for seed in 0..3u64 {
                let wobble = 0.002 * seed as f64;
                let mut add = |arm: &str, score: f64| {
                    trials.push(Trial { arm: arm.into(), labels: 100 << k, seed, score: score + wobble });
                };
                add("scratch", 0.3 + 0.1 * f64::from(k));
                add("vae", 0.3 + 0.1 * f64::from(k) + gain(k));
            }
        }
        utility(&trials, "scratch", &UtilityConfig::default()).unwrap()
    }

    #[test]
    fn readings_say_what_the_numbers_do() {
        let falling = report(|k| if k < 3 { 0.1 } else { 0.0 });
        let text = utility_reading(&falling);
        assert!(text.contains("vae falls: 1.00 with 100 labels, 0.00 with 3200"), "{text}");
        assert!(text.contains("from 800 labels on it may be nothing"), "{text}");
        let rising = utility_reading(&report(|k| if k < 2 { 0.05 } else { 0.1 }));
        assert!(rising.contains("does not fall") && !rising.contains("nothing"), "{rising}");
        // Nothing at first and something at the end is not "nothing from the first on".
        let late = utility_reading(&report(|k| if k < 2 { 0.0 } else { 0.1 }));
        assert!(!late.contains("nothing"), "{late}");
        let beyond = utility_reading(&report(|_| 1.0));
        assert!(beyond.contains("fewer than two"), "{beyond}");
    }

    #[test]
    fn tables_and_charts_show_what_is_known() {
        let report = report(|_| 0.1);
        let table = utility_table(&report).unwrap().to_text();
        assert!(table.contains("≥ 0.00") && table.contains("1.00") && table.contains("95 % interval"), "{table}");
        let svg = utility_chart(&report).svg().unwrap();
        assert!(svg.contains("saves nothing") && svg.contains("vae"), "{svg}");
        // Two grey zones and a band.
        assert_eq!(svg.matches("<polygon").count(), 3);
        assert!(score_chart(&report).svg().unwrap().contains("scratch"));
    }
}
