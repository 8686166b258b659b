//! Colours: of writing, of groups, and of numbers.

use plotters::style::RGBColor;

/// Of writing and axes.
pub(super) const INK: RGBColor = RGBColor(40, 40, 40);

/// Of lines and groups: Okabe & Ito 2008, told apart with any colour vision (yellow left out, too faint on white), then
/// three darker ones.
pub(super) const PALETTE: [RGBColor; 10] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
    RGBColor(86, 180, 233),
    RGBColor(90, 90, 90),
    RGBColor(120, 60, 20),
    RGBColor(110, 40, 130),
    RGBColor(150, 180, 0),
];

/// Nine equidistant colours of viridis (van der Walt & Smith 2015): even steps of lightness, readable in grey and with any
/// colour vision.
const VIRIDIS: [[u8; 3]; 9] = [
    [68, 1, 84],
    [71, 44, 122],
    [59, 81, 139],
    [44, 113, 142],
    [33, 144, 141],
    [39, 173, 129],
    [92, 200, 99],
    [170, 220, 50],
    [253, 231, 37],
];

/// The colour of `share` between dark violet (0) and yellow (1); shares beyond are taken as the nearer end.
pub fn viridis(share: f64) -> [u8; 3] {
    let last = VIRIDIS.len() - 1;
    let at = share.clamp(0.0, 1.0) * last as f64;
    let lower = (at as usize).min(last - 1);
    let part = at - lower as f64;
    let mix = |c: usize| f64::from(VIRIDIS[lower][c]) * (1.0 - part) + f64::from(VIRIDIS[lower + 1][c]) * part;
    [0, 1, 2].map(|c| mix(c).round() as u8)
}

/// The smallest and the largest of finite numbers; none when there are none.
pub(crate) fn ends(values: impl IntoIterator<Item = f64>) -> Option<(f64, f64)> {
    values.into_iter().filter(|v| v.is_finite()).fold(None, |ends, v| match ends {
        None => Some((v, v)),
        Some((low, high)) => Some((f64::min(low, v), f64::max(high, v))),
    })
}

/// Where `value` lies from `low` (0) to `high` (1); 0.5 when there is no way from one to the other.
pub(crate) fn share(value: f64, (low, high): (f64, f64)) -> f64 {
    if high > low { (value - low) / (high - low) } else { 0.5 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lightness_rises() {
        let light = |c: [u8; 3]| 0.2126 * f64::from(c[0]) + 0.7152 * f64::from(c[1]) + 0.0722 * f64::from(c[2]);
        let all: Vec<f64> = (0..=100).map(|i| light(viridis(f64::from(i) / 100.0))).collect();
        assert!(all.windows(2).all(|w| w[0] < w[1] + 1e-9), "{all:?}");
        assert_eq!((viridis(-3.0), viridis(7.0)), (VIRIDIS[0], VIRIDIS[8]));
    }

    #[test]
    fn shares_of_a_range() {
        assert_eq!(ends([2.0, f64::NAN, -1.0]), Some((-1.0, 2.0)));
        assert_eq!(ends([f64::NAN]), None);
        assert_eq!((share(0.5, (-1.0, 2.0)), share(3.0, (3.0, 3.0))), (0.5, 0.5));
    }
}
