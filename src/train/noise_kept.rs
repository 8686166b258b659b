//! How much of the noise in an image its global vector has kept.

use super::TrainError;
use crate::data::{ImageSet, PatchNoise, Split};
use crate::probe::{Features, LinearConfig, linear_probe};

/// Squares of the noise that are asked for; they lie in different patches as far as there are so many.
const ASKED: usize = 8;

/// The accuracy, in [0, 1], with which linear probes say of single squares of the noise whether they are black or white, from
/// features `[train, test]` (standardised) of the first images of both sets; the mean over up to 8 squares. 0.5 is a guess.
/// `None` when no patch is noise.
///
/// # Errors
/// When the features do not allow a probe.
pub fn noise_kept(
    noise: &PatchNoise,
    [train, test]: [&Features; 2],
    [train_set, test_set]: [&ImageSet; 2],
) -> Result<Option<f64>, TrainError> {
    let of = |set: &ImageSet, split, rows| -> Vec<Vec<bool>> {
        (0..rows).map(|i| noise.squares(set.shape(), split, i)).collect()
    };
    let squares = [of(train_set, Split::Train, train.rows), of(test_set, Split::Test, test.rows)];
    let patches = noise.places(train_set.shape()).len();
    let Some(count) = squares[0].first().map(Vec::len).filter(|&n| n > 0) else { return Ok(None) };
    let asked = ASKED.min(patches);
    let mut sum = 0.0;
    for k in 0..asked {
        // The first square of every so manieth patch.
        let at = k * patches / asked * (count / patches);
        let [learn, held] = squares.each_ref().map(|s| s.iter().map(|s| u32::from(s[at])).collect::<Vec<_>>());
        sum += linear_probe(train, &learn, test, &held, 2, &LinearConfig::default())?.1.test_accuracy;
    }
    Ok(Some(sum / asked as f64))
}
