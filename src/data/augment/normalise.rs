//! The range that numbers come out in.

use crate::data::{DataError, ImageShape};
use serde::{Deserialize, Serialize};

/// How bytes become numbers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Normalise {
    /// To [−1, 1]: `v/127.5 − 1`.
    #[default]
    Symmetric,
    /// To [0, 1]: `v/255`.
    Unit,
    /// To zero mean and unit deviation of each channel: `(v/255 − mean)/std`.
    Channels {
        /// Mean of each channel, in [0, 1].
        mean: Vec<f32>,
        /// Standard deviation of each channel, above 0.
        std: Vec<f32>,
    },
}

impl Normalise {
    pub(super) fn check(&self, channels: usize) -> Result<(), DataError> {
        let Self::Channels { mean, std } = self else { return Ok(()) };
        if mean.len() != channels || std.len() != channels {
            return Err(DataError::Setting(format!(
                "normalising by {} means and {} deviations, but the images have {channels} channels: give one of each for a channel",
                mean.len(),
                std.len()
            )));
        }
        match std.iter().chain(mean).all(|v| v.is_finite()) && std.iter().all(|&s| s > 0.0) {
            true => Ok(()),
            false => {
                Err(DataError::Setting(format!("normalising by {mean:?} and {std:?}: deviations must be above 0")))
            }
        }
    }

    /// Multiplier and offset of `channel` for numbers in [0, 255 / `unit`].
    fn affine(&self, channel: usize, unit: f32) -> (f32, f32) {
        match self {
            Self::Symmetric => (2.0 / (255.0 / unit), -1.0),
            Self::Unit => (unit / 255.0, 0.0),
            Self::Channels { mean, std } => (unit / (255.0 * std[channel]), -mean[channel] / std[channel]),
        }
    }

    /// Bytes of planes to numbers.
    pub(super) fn bytes(&self, bytes: &[u8], shape: ImageShape, out: &mut [f32]) {
        let area = shape.height * shape.width;
        match self {
            // The one that `data::normalise` gives, to the bit.
            Self::Symmetric => super::super::normalise(bytes, out),
            _ => {
                for (c, (bytes, out)) in bytes.chunks_exact(area).zip(out.chunks_exact_mut(area)).enumerate() {
                    let (scale, offset) = self.affine(c, 1.0);
                    out.iter_mut().zip(bytes).for_each(|(o, &b)| *o = f32::from(b) * scale + offset);
                }
            }
        }
    }

    /// Numbers in [0, 1], in place.
    pub(super) fn unit(&self, values: &mut [f32], shape: ImageShape) {
        for (c, plane) in values.chunks_exact_mut(shape.height * shape.width).enumerate() {
            let (scale, offset) = self.affine(c, 255.0);
            plane.iter_mut().for_each(|v| *v = *v * scale + offset);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_and_units_agree() {
        let shape = ImageShape { channels: 3, height: 2, width: 2 };
        let bytes: Vec<u8> = (0..12).map(|i| i * 23).collect();
        let channels = Normalise::Channels { mean: vec![0.4, 0.5, 0.6], std: vec![0.2, 0.25, 0.3] };
        for normalise in [Normalise::Symmetric, Normalise::Unit, channels] {
            let mut a = vec![0.0; 12];
            normalise.bytes(&bytes, shape, &mut a);
            let mut b: Vec<f32> = bytes.iter().map(|&v| f32::from(v) / 255.0).collect();
            normalise.unit(&mut b, shape);
            assert!(a.iter().zip(&b).all(|(a, b)| (a - b).abs() < 1e-5), "{normalise:?}: {a:?} {b:?}");
            if let Normalise::Channels { mean, std } = &normalise {
                let expected = (23.0 * 5.0 / 255.0 - mean[1]) / std[1];
                assert!((a[5] - expected).abs() < 1e-5);
            }
        }
    }
}
