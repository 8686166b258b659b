//! Which pairs of a batch a critic scores.

use serde::{Deserialize, Serialize};

/// Which global vectors each image's locations are scored against.
///
/// Scores are `[B, L, K]`: entry `(i, l, k)` is the critic's score of location `l` of image `i` with the global vector
/// of image [`partner(i, k)`](Pairing::partner). Joint pairs are those where the partner is the image itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pairing {
    /// Every image with every global vector: `K = B`, column `k` is global vector `k`, joint pairs on the diagonal.
    All,
    /// Each image with its own global vector (column 0) and with those of the next `n` images around the batch:
    /// `K = n + 1`. Rotations have no fixed point, so no marginal pair is a joint one.
    Rolled(usize),
}

impl Pairing {
    /// Number of columns for a batch of `b`.
    pub fn columns(self, b: usize) -> usize {
        match self {
            Self::All => b,
            Self::Rolled(n) => n + 1,
        }
    }

    /// The image whose global vector column `k` of image `i` holds.
    pub fn partner(self, i: usize, k: usize, b: usize) -> usize {
        match self {
            Self::All => k,
            Self::Rolled(_) => (i + k) % b,
        }
    }

    /// The column of image `i` that holds the global vector of image `j`, if it is scored.
    pub fn column(self, i: usize, j: usize, b: usize) -> Option<usize> {
        match self {
            Self::All => Some(j),
            Self::Rolled(n) => Some((j + b - i) % b).filter(|&k| k <= n),
        }
    }

    /// Marginal (negative) pairs that stand against each joint one in the InfoNCE bound, with `l` locations: every
    /// location of every other image that is scored with the same global vector.
    pub fn marginals(self, b: usize, l: usize) -> usize {
        (self.columns(b) - 1) * l
    }

    /// Whether the pairing can be made in a batch of `b`: there must be at least one marginal pair, and a rotation must
    /// not come round to the image itself.
    pub fn fits(self, b: usize) -> bool {
        match self {
            Self::All => b >= 2,
            Self::Rolled(n) => n >= 1 && n < b,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_and_partners_are_inverse_and_rotations_have_no_fixed_point() {
        for (pairing, b) in [(Pairing::All, 5), (Pairing::Rolled(1), 5), (Pairing::Rolled(4), 5)] {
            assert!(pairing.fits(b));
            for i in 0..b {
                for k in 0..pairing.columns(b) {
                    let j = pairing.partner(i, k, b);
                    assert_eq!(pairing.column(i, j, b), Some(k));
                    if let Pairing::Rolled(_) = pairing {
                        assert_eq!(j == i, k == 0);
                    }
                }
            }
        }
        assert!(!Pairing::Rolled(5).fits(5) && !Pairing::Rolled(0).fits(5) && !Pairing::All.fits(1));
    }
}
