//! Where an axis has its marks, and what they say.

use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, Ranged, ValueFormatter};
use std::ops::Range;

/// An axis in the units that are drawn (the logarithm to base ten on a logarithmic axis).
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Axis {
    pub from: f64,
    pub to: f64,
    pub ticks: Vec<f64>,
    pub labels: Vec<String>,
}

impl Axis {
    /// Marks at 1, 2 or 5 times a power of ten. `snap` moves the ends out to marks, otherwise they get 2 % of air.
    pub fn linear(low: f64, high: f64, target: usize, snap: bool) -> Self {
        let (low, high) = spread(low, high);
        let step = nice((high - low) / target as f64);
        let (from, to) = if snap {
            ((low / step + 1e-9).floor() * step, (high / step - 1e-9).ceil() * step)
        } else {
            let air = 0.02 * (high - low);
            (low - air, high + air)
        };
        let (first, last) = ((from / step - 1e-9).ceil() as i64, (to / step + 1e-9).floor() as i64);
        let ticks: Vec<f64> = (first..=last).map(|i| i as f64 * step).collect();
        let labels = ticks.iter().map(|&t| number(t, step)).collect();
        Self { from, to, ticks, labels }
    }

    /// Marks at powers of ten, and at twice and five times these when they are few. Ends are given in logarithms.
    pub fn logarithmic(low: f64, high: f64) -> Self {
        let (low, high) = spread(low, high);
        let air = 0.03 * (high - low);
        let (from, to) = (low - air, high + air);
        let decades = high - low;
        let digits: &[f64] = if decades <= 3.0 { &[1.0, 2.0, 5.0] } else { &[1.0] };
        let stride = ((decades / 8.0).ceil() as i32).max(1);
        let mut ticks = Vec::new();
        for power in from.floor() as i32..=to.ceil() as i32 {
            if power % stride == 0 {
                ticks.extend(digits.iter().map(|d| d.log10() + f64::from(power)));
            }
        }
        ticks.retain(|t| (from..=to).contains(t));
        if ticks.len() < 2 {
            let mut axis = Self::linear(10f64.powf(low), 10f64.powf(high), 4, false);
            axis.ticks.iter_mut().for_each(|t| *t = t.log10());
            let inside = |t: &f64| (from..=to).contains(t);
            let labels = axis.labels.into_iter().zip(&axis.ticks).filter(|(_, t)| inside(t)).map(|(l, _)| l).collect();
            axis.ticks.retain(inside);
            return Self { from, to, ticks: axis.ticks, labels };
        }
        let labels = ticks.iter().map(|&t| number(10f64.powf(t), 10f64.powf(t.floor()))).collect();
        Self { from, to, ticks, labels }
    }

    /// The label of the mark nearest to `at`.
    fn label(&self, at: f64) -> String {
        let near = |i: &usize| (self.ticks[*i] - at).abs();
        (0..self.ticks.len())
            .min_by(|a, b| near(a).total_cmp(&near(b)))
            .map_or(String::new(), |i| self.labels[i].clone())
    }
}

impl Ranged for Axis {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, (first, last): (i32, i32)) -> i32 {
        first + (f64::from(last - first) * (value - self.from) / (self.to - self.from)).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, _: Hint) -> Vec<f64> {
        self.ticks.clone()
    }

    fn range(&self) -> Range<f64> {
        self.from..self.to
    }
}

impl ValueFormatter<f64> for Axis {
    fn format_ext(&self, value: &f64) -> String {
        self.label(*value)
    }
}

/// Room around a single value.
fn spread(low: f64, high: f64) -> (f64, f64) {
    let least = 1e-9 * low.abs().max(high.abs());
    if high - low > least {
        return (low, high);
    }
    let pad = if low == 0.0 { 1.0 } else { 0.1 * low.abs() };
    (low - pad, high + pad)
}

/// The smallest of 1, 2 and 5 times a power of ten that is not below `step`.
fn nice(step: f64) -> f64 {
    let power = 10f64.powf(step.log10().floor());
    [1.0, 2.0, 5.0, 10.0].into_iter().map(|d| d * power).find(|&s| s >= step * (1.0 - 1e-9)).unwrap_or(10.0 * power)
}

/// `value` with the decimals that `step` calls for; thousands are set apart.
fn number(value: f64, step: f64) -> String {
    let value = if value.abs() < step * 1e-6 { 0.0 } else { value };
    if value != 0.0 && (value.abs() >= 1e7 || step < 1e-5) {
        let digits = ((value.abs() / step).log10().round().max(0.0) as usize).min(8);
        let text = format!("{value:.digits$e}");
        return match text.split_once('e') {
            Some((m, e)) if m.contains('.') => format!("{}e{e}", m.trim_end_matches('0').trim_end_matches('.')),
            _ => text,
        };
    }
    let decimals = (-(step * 1.000001).log10().floor()).max(0.0) as usize;
    let text = format!("{value:.decimals$}");
    let (whole, rest) = text.split_once('.').map_or((text.as_str(), None), |(w, r)| (w, Some(r)));
    let (sign, digits) = whole.strip_prefix('-').map_or(("", whole), |d| ("−", d));
    let mut out = String::from(sign);
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    if let Some(rest) = rest {
        out.push('.');
        out.push_str(rest);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_round_numbers() {
        assert_eq!(Axis::linear(0.0, 1.0, 5, true).labels, ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
        assert_eq!(Axis::linear(-3.0, 12_000.0, 3, true).labels, ["−5,000", "0", "5,000", "10,000", "15,000"]);
        assert_eq!(Axis::logarithmic(0.0, 2.0).labels, ["1", "2", "5", "10", "20", "50", "100"]);
        assert_eq!(Axis::logarithmic(-4.0, 0.0).labels, ["0.0001", "0.001", "0.01", "0.1", "1"]);
        assert!(Axis::logarithmic(2.0, 2.02).ticks.len() >= 2);
    }

    #[test]
    fn odd_ranges_have_marks() {
        for (low, high) in [(0.0, 0.0), (5.0, 5.0), (-1e-12, 1e-12), (1e9, 1e9 + 1.0), (-7e14, 3e15), (1e-300, 1e-299)]
        {
            let axis = Axis::linear(low, high, 6, true);
            assert!((2..30).contains(&axis.ticks.len()), "{low} {high}: {axis:?}");
            assert!(axis.from <= low && axis.to >= high && axis.from < axis.to, "{low} {high}: {axis:?}");
        }
    }
}
