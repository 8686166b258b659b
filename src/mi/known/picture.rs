//! Pictures that show a few numbers of [0, 1], and those numbers read from them (Butakov et al. 2024).
//!
//! Pixels are in [0, 1], rows of the picture one after the other. No two sets of numbers have the same picture, so
//! pictures of correlated numbers have the numbers' mutual information.

use super::out_of_range;
use crate::mi::MiError;

/// A round blob, `exp(−|pixel − centre|²/2σ²)` with σ a fifth of the side. The numbers are the centre's horizontal and
/// vertical place; pixels lie at 0, 1/(side−1), …, 1.
#[derive(Clone, Debug, PartialEq)]
pub struct Blob {
    side: usize,
}

impl Blob {
    /// σ, in sides.
    pub const WIDTH: f64 = 0.2;

    /// Of a picture with `side` rows and columns.
    ///
    /// # Errors
    /// When the side is under 2 or over 4,096.
    pub fn new(side: usize) -> Result<Self, MiError> {
        if (2..=4096).contains(&side) { Ok(Self { side }) } else { Err(out_of_range("side", side, "2 to 4096 pixels")) }
    }

    /// Pixels of the picture.
    pub fn pixels(&self) -> usize {
        self.side * self.side
    }

    /// From the two numbers at the front to the picture.
    pub(super) fn draw(&self, row: &mut [f64]) {
        let centre = [row[0], row[1]];
        let profile = |centre: f64| {
            let last = (self.side - 1) as f64;
            move |i: usize| (-0.5 * ((i as f64 / last - centre) / Self::WIDTH).powi(2)).exp()
        };
        let across: Vec<f64> = (0..self.side).map(profile(centre[0])).collect();
        for (line, down) in row.chunks_exact_mut(self.side).zip((0..self.side).map(profile(centre[1]))) {
            line.iter_mut().zip(&across).for_each(|(pixel, across)| *pixel = across * down);
        }
    }

    /// From the picture to the two numbers at the front: the ratio of the outermost pixels of a line tells the centre.
    pub(super) fn read(&self, row: &mut [f64]) {
        let last = self.side - 1;
        let place = |near: f64, far: f64| 0.5 + Self::WIDTH * Self::WIDTH * (far / near).ln();
        let across = place(row[0], row[last]);
        let down = place(row[0], row[last * self.side]);
        (row[0], row[1]) = (across, down);
    }
}

/// A rectangle of ones on zeros, its edges drawn with the share of a pixel that they cover. The numbers are, for the
/// vertical and then for the horizontal axis, what gives the two ends of its side ([`Rectangle::SHORTEST`] or more).
#[derive(Clone, Debug, PartialEq)]
pub struct Rectangle {
    side: usize,
}

impl Rectangle {
    /// Shortest side of a rectangle, in sides of the picture.
    pub const SHORTEST: f64 = 0.2;

    /// Of a picture with `side` rows and columns.
    ///
    /// # Errors
    /// When the side is under 15, where a rectangle may be too small for its edges to be told, or over 4,096.
    pub fn new(side: usize) -> Result<Self, MiError> {
        if (15..=4096).contains(&side) {
            Ok(Self { side })
        } else {
            Err(out_of_range("side", side, "15 to 4096 pixels"))
        }
    }

    /// Pixels of the picture.
    pub fn pixels(&self) -> usize {
        self.side * self.side
    }

    /// Ends of a side from two uniform numbers: all pairs of ends that are far enough apart are equally likely.
    fn ends([u, v]: [f64; 2]) -> [f64; 2] {
        let from = (1.0 - Self::SHORTEST) * (1.0 - (1.0 - u).sqrt());
        [from, from + Self::SHORTEST + v * (1.0 - from - Self::SHORTEST)]
    }

    fn numbers([from, to]: [f64; 2]) -> [f64; 2] {
        let rest = 1.0 - from / (1.0 - Self::SHORTEST);
        [1.0 - rest * rest, (to - from - Self::SHORTEST) / (1.0 - from - Self::SHORTEST)]
    }

    /// From the four numbers at the front to the picture.
    pub(super) fn draw(&self, row: &mut [f64]) {
        let side = self.side as f64;
        let covered = |numbers: [f64; 2]| {
            let [from, to] = Self::ends(numbers).map(|end| end * side);
            move |i: usize| (i as f64 - from).min(to - i as f64).clamp(0.0, 1.0)
        };
        let (down, across) = (covered([row[0], row[1]]), covered([row[2], row[3]]));
        let across: Vec<f64> = (0..self.side).map(across).collect();
        for (line, down) in row.chunks_exact_mut(self.side).zip((0..self.side).map(down)) {
            line.iter_mut().zip(&across).for_each(|(pixel, across)| *pixel = across * down);
        }
    }

    /// From the picture to the four numbers at the front.
    pub(super) fn read(&self, row: &mut [f64]) {
        let brightest = |line: &mut dyn Iterator<Item = f64>| line.fold(0.0, f64::max);
        let down: Vec<f64> = row.chunks_exact(self.side).map(|line| brightest(&mut line.iter().copied())).collect();
        let column = |c: usize| brightest(&mut row[c..].iter().step_by(self.side).copied());
        let across: Vec<f64> = (0..self.side).map(column).collect();
        let numbers = [down, across].map(|profile| {
            let lit = |v: &f64| *v > 0.0;
            let (first, last) = (profile.iter().position(lit).unwrap_or(0), profile.iter().rposition(lit).unwrap_or(0));
            let ends = [first as f64 - profile[first], last as f64 + profile[last]];
            Self::numbers(ends.map(|end| end / self.side as f64))
        });
        row[..4].copy_from_slice(numbers.as_flattened());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::stream;
    use rand::Rng;

    #[test]
    fn the_numbers_can_be_read_from_the_picture() {
        let mut rng = stream(2, "test", 0);
        for side in [15, 16, 32, 33] {
            let (blob, rectangle) = (Blob::new(side).unwrap(), Rectangle::new(side).unwrap());
            for _ in 0..200 {
                let numbers: [f64; 4] = rng.r#gen();
                let mut row = vec![0.0; side * side];
                row[..2].copy_from_slice(&numbers[..2]);
                blob.draw(&mut row);
                assert!(row.iter().all(|p| (0.0..=1.0).contains(p)));
                blob.read(&mut row);
                assert!(row[..2].iter().zip(numbers).all(|(a, b)| (a - b).abs() < 1e-12));
                row[..4].copy_from_slice(&numbers);
                rectangle.draw(&mut row);
                assert!(row.iter().all(|p| (0.0..=1.0).contains(p)));
                assert!(row.contains(&1.0));
                rectangle.read(&mut row);
                assert!(row[..4].iter().zip(numbers).all(|(a, b)| (a - b).abs() < 1e-9), "{numbers:?} {:?}", &row[..4]);
            }
        }
        assert!(Blob::new(1).is_err() && Rectangle::new(14).is_err());
    }

    #[test]
    fn pictures_by_hand() {
        // The centre in the middle of the right edge.
        let mut row = vec![0.0; 9];
        row[..2].copy_from_slice(&[1.0, 0.5]);
        Blob::new(3).unwrap().draw(&mut row);
        assert_eq!(row[5], 1.0);
        assert!((row[4] - (-3.125f64).exp()).abs() < 1e-15 && (row[2] - row[4]).abs() < 1e-15);
        // From pixel 0 to 20 of 20 down; the narrowest from 0 across, to 4.
        let mut row = vec![0.0; 400];
        row[..4].copy_from_slice(&[0.0, 1.0, 0.0, 0.0]);
        Rectangle::new(20).unwrap().draw(&mut row);
        assert!(row[..20].iter().all(|p| *p == 0.0), "the first line only begins there");
        assert_eq!(row[20..26], [0.0, 1.0, 1.0, 1.0, 0.0, 0.0]);
        assert_eq!(row[380..386], row[20..26]);
    }
}
