//! What was measured, as charts.

use super::principal_plane;
use crate::mi::Scores;
use crate::mi::estimate::Estimate;
use crate::probe::Features;
use crate::report::{HeatMap, LineChart, ReportError, Scatter, Series};
use dfdx::prelude::Storage;

/// A point of a curve of mutual information.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MiPoint {
    /// What it is drawn over.
    pub x: f64,
    /// The estimate, nats.
    pub nats: f64,
    /// The interval's lower end, nats.
    pub low: f64,
    /// The interval's upper end, nats.
    pub high: f64,
}

impl MiPoint {
    /// An estimate over `x`; one without an interval is a band of no width.
    pub fn of(x: f64, estimate: &Estimate) -> Self {
        let nats = estimate.nats;
        let [low, high] = estimate.interval.unwrap_or([nats, nats]);
        Self { x, nats, low, high }
    }
}

/// Curves of mutual information, each in the band of its intervals; `truth` as one more line where it is known (leave it
/// empty otherwise), and `ceiling`, the most that can be shown, as a dashed one.
pub fn mi_curve(
    title: &str,
    x_label: &str,
    curves: &[(&str, &[MiPoint])],
    truth: &[(f64, f64)],
    ceiling: Option<f64>,
) -> LineChart {
    let mut chart = LineChart::new(title, x_label, "nats").include_y(0.0);
    for (name, points) in curves {
        chart = chart.series(Series::with_band(*name, points.iter().map(|p| (p.x, p.nats, p.low, p.high))));
    }
    if !truth.is_empty() {
        chart = chart.series(Series::new("truth", truth.iter().copied()));
    }
    match ceiling {
        Some(nats) => chart.reference(nats, format!("ceiling, {nats:.2} nats")),
        None => chart,
    }
}

/// The scores `[B, K]` that location `location` of each image has with each column; joint pairs are on the diagonal when
/// all pairs were scored.
///
/// # Errors
/// [`ReportError::Size`] when there is no such location, [`ReportError::NonFinite`] for NaN.
pub fn score_matrix<D: Storage<f32>>(scores: &Scores<f32, D>, location: usize) -> Result<HeatMap, ReportError> {
    let (batch, locations, columns) = *dfdx::prelude::HasShape::shape(scores);
    if location >= locations {
        return Err(ReportError::Size {
            what: "the location".into(),
            got: location.to_string(),
            expected: format!("the map has {locations} locations, from 0"),
        });
    }
    let all = scores.as_vec();
    let row = |i: usize| all[(i * locations + location) * columns..][..columns].iter().map(|&v| f64::from(v));
    let values = (0..batch).flat_map(row).collect();
    let title = format!("Scores at location {location} of {locations}");
    Ok(HeatMap::new(title, batch, columns, values)?.labels("local features of image", "global vector of image"))
}

/// How often each class (rows) was taken for each (columns).
///
/// # Errors
/// [`ReportError::Size`] when there are not as many predictions as labels, or one is no class; [`ReportError::Empty`]
/// without classes.
pub fn confusion<S: AsRef<str>>(labels: &[u32], predictions: &[u32], classes: &[S]) -> Result<HeatMap, ReportError> {
    let n = classes.len();
    let size = |got: String, expected: String| ReportError::Size { what: "a confusion matrix".into(), got, expected };
    if labels.len() != predictions.len() {
        let got = format!("of {} labels and {} predictions", labels.len(), predictions.len());
        return Err(size(got, "give one prediction for each label".into()));
    }
    let mut counts = vec![0.0; n * n];
    for (&label, &guess) in labels.iter().zip(predictions) {
        let cell = (label as usize) * n + guess as usize;
        match (label as usize) < n && (guess as usize) < n {
            true => counts[cell] += 1.0,
            false => return Err(size(format!("of class {}", label.max(guess)), format!("there are {n} classes"))),
        }
    }
    let right = (0..n).map(|i| counts[i * n + i]).sum::<f64>();
    let title = format!("Confusions, {:.1} % right", 100.0 * right / labels.len().max(1) as f64);
    let map = HeatMap::new(title, n, n, counts)?.labels("class", "taken for (same order)").with_numbers();
    Ok(map.row_names(classes.iter().map(|c| c.as_ref())))
}

/// Features in the plane of their two principal components, coloured by label.
///
/// # Errors
/// [`ReportError::Size`] when there are fewer than two columns or not one label for each row, and as [`Scatter::png`].
pub fn embedding<S: AsRef<str>>(
    title: &str,
    features: &Features,
    labels: &[u32],
    classes: &[S],
) -> Result<Scatter, ReportError> {
    if labels.len() != features.rows {
        return Err(ReportError::Size {
            what: "the labels".into(),
            got: labels.len().to_string(),
            expected: format!("one for each of {} rows is needed", features.rows),
        });
    }
    let (points, shares) = principal_plane(features)?;
    let axis =
        |i: usize, name: &str| format!("{name} principal component ({:.0} % of the variance)", 100.0 * shares[i]);
    let mut plot = Scatter::new(title, axis(0, "first"), axis(1, "second"));
    for (class, name) in classes.iter().enumerate() {
        let of_class = points.iter().zip(labels).filter(|(_, label)| **label as usize == class).map(|(p, _)| *p);
        plot = plot.group(name.as_ref(), of_class);
    }
    Ok(plot)
}

#[cfg(test)]
mod tests {
    use super::*;
    use dfdx::prelude::*;

    #[test]
    fn confusions_are_counted_by_row() {
        let map = confusion(&[0, 0, 1], &[0, 1, 1], &["a", "b"]).unwrap();
        let expected = HeatMap::new("Confusions, 66.7 % right", 2, 2, vec![1.0, 1.0, 0.0, 1.0]).unwrap();
        let expected = expected.labels("class", "taken for (same order)").with_numbers().row_names(["a", "b"]);
        assert_eq!(map, expected);
        assert!(confusion(&[0], &[2], &["a", "b"]).is_err() && confusion(&[0], &[], &["a"]).is_err());
    }

    #[test]
    fn scores_of_one_location() {
        let values: Vec<f32> = (0..12).map(|v| v as f32).collect();
        let scores = Cpu::default().tensor_from_vec(values, (2, 3, 2));
        let map = score_matrix(&scores, 1).unwrap();
        let expected = HeatMap::new("Scores at location 1 of 3", 2, 2, vec![2.0, 3.0, 8.0, 9.0]).unwrap();
        assert_eq!(map, expected.labels("local features of image", "global vector of image"));
        assert!(score_matrix(&scores, 3).is_err());
    }

    #[test]
    fn curves_need_no_truth() {
        let points =
            [MiPoint { x: 1.0, nats: 0.5, low: 0.4, high: 0.7 }, MiPoint { x: 2.0, nats: 1.5, low: 1.0, high: 1.6 }];
        let svg = mi_curve("t", "x", &[("a", &points)], &[], Some(2.0)).svg().unwrap();
        assert!(svg.contains("ceiling, 2.00 nats") && svg.contains("<polygon"), "{svg}");
    }
}
