//! Non-decreasing fits, and where they reach a value.

/// The non-decreasing sequence nearest to `values` in weighted squares, by pooling adjacent violators (Ayer et al. 1955).
/// Weights are positive; values without a weight are left out.
///
/// ```
/// use infomax::probe::isotonic_fit;
/// assert_eq!(isotonic_fit(&[1.0, 3.0, 2.0, 4.0], &[1.0; 4]), [1.0, 2.5, 2.5, 4.0]);
/// ```
pub fn isotonic_fit(values: &[f64], weights: &[f64]) -> Vec<f64> {
    // Blocks of equal fit: mean, weight, length.
    let mut blocks: Vec<(f64, f64, usize)> = Vec::with_capacity(values.len());
    for (&value, &weight) in values.iter().zip(weights) {
        let mut block = (value, weight, 1);
        while let Some(before) = blocks.pop_if(|before| before.0 >= block.0) {
            let weight = before.1 + block.1;
            block = ((before.0 * before.1 + block.0 * block.1) / weight, weight, before.2 + block.2);
        }
        blocks.push(block);
    }
    blocks.iter().flat_map(|&(mean, _, n)| std::iter::repeat_n(mean, n)).collect()
}

/// Where a curve first reaches a value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Reached {
    /// It is above already where it begins.
    Before,
    /// At this place.
    At(f64),
    /// Not where it is known.
    Beyond,
}

/// The first place where the lines between the points (`places`, `curve`), both non-decreasing, reach `value`.
pub(super) fn reaches(places: &[f64], curve: &[f64], value: f64) -> Reached {
    let known = || places.iter().copied().zip(curve.iter().copied());
    let Some((at, high)) = known().find(|&(_, height)| height >= value) else { return Reached::Beyond };
    match known().take_while(|&(_, height)| height < value).last() {
        None if high == value => Reached::At(at),
        None => Reached::Before,
        Some((from, low)) => Reached::At(from + (at - from) * (value - low) / (high - low)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::stream;
    use rand::Rng;

    /// The closed form: the largest over beginnings of the smallest over ends of the mean between them.
    #[test]
    fn fits_are_those_of_the_closed_form() {
        let mut rng = stream(0, "test", 0);
        for n in 1..30 {
            let values: Vec<f64> = (0..n).map(|i| 0.1 * i as f64 + rng.gen_range(-1.0..1.0)).collect();
            let weights: Vec<f64> = (0..n).map(|_| rng.gen_range(0.5..3.0)).collect();
            let mean = |a: usize, b: usize| {
                let weighted: f64 = (a..=b).map(|i| values[i] * weights[i]).sum();
                weighted / weights[a..=b].iter().sum::<f64>()
            };
            let fit = isotonic_fit(&values, &weights);
            for (i, fitted) in fit.into_iter().enumerate() {
                let lowest = |a: usize| (i..n).map(|b| mean(a, b)).fold(f64::MAX, f64::min);
                let expected = (0..=i).map(lowest).fold(f64::MIN, f64::max);
                assert!((fitted - expected).abs() < 1e-12, "{n} {i}: {fitted} {expected}");
            }
        }
    }

    #[test]
    fn curves_reach_values_where_they_should() {
        let (places, curve) = ([0.0, 1.0, 2.0, 4.0], [0.1, 0.5, 0.5, 0.9]);
        for (value, expected) in [
            (0.05, Reached::Before),
            (0.1, Reached::At(0.0)),
            (0.3, Reached::At(0.5)),
            (0.5, Reached::At(1.0)),
            (0.7, Reached::At(3.0)),
            (0.9, Reached::At(4.0)),
            (0.91, Reached::Beyond),
        ] {
            match (reaches(&places, &curve, value), expected) {
                (Reached::At(a), Reached::At(b)) => assert!((a - b).abs() < 1e-12, "{value}: {a}"),
                (found, expected) => assert_eq!(found, expected, "{value}"),
            }
        }
    }
}
