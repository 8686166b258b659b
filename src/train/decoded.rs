//! How much of an image can be made of its global vector: a decoder on frozen features.

use super::TrainError;
use crate::baseline::{Decoder28, Decoder32, Decoder64, reconstruction_loss};
use crate::data::{ImageSet, epoch_order, normalise};
use crate::dim::build::{FC, Y};
use crate::dim::part::{Part, device_error};
use crate::dim::{DimError, EncoderKind};
use crate::nn::AdamConfig;
use crate::probe::{Features, MsSsimConfig, ms_ssim};
use crate::seed::child;
use dfdx::prelude::*;
use serde::Serialize;

/// Settings of [`reconstruct`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DecoderConfig {
    /// Passes over the training images.
    pub epochs: usize,
    /// Images a step; all if there are fewer.
    pub batch: usize,
    /// Learning rate of Adam.
    pub lr: f64,
    /// Root seed.
    pub seed: u64,
}

impl Default for DecoderConfig {
    fn default() -> Self {
        Self { epochs: 10, batch: 64, lr: 1e-3, seed: 0 }
    }
}

impl DecoderConfig {
    /// Rejects settings that cannot work with `rows` training images.
    ///
    /// # Errors
    /// [`TrainError::Config`].
    pub fn check(&self, rows: usize) -> Result<(), TrainError> {
        let (epochs, batch) = (self.epochs, self.batch.min(rows));
        if epochs == 0 || batch < 2 {
            return Err(TrainError::Config(format!(
                "a decoder was to be trained for {epochs} epochs on batches of {batch} images; it needs 1 epoch or more and \
                 2 images or more"
            )));
        }
        Ok(())
    }
}

/// How well test images are made of their global vectors.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Reconstructions {
    /// Passes of the decoder over the training images.
    pub epochs: usize,
    /// Multi-scale structural similarity of test images and reconstructions, at most 1; see [`ms_ssim`].
    pub ms_ssim: f64,
    /// Its window, pixels.
    pub window: usize,
    /// Its number of scales: images too small for five have fewer.
    pub scales: usize,
    /// Mean squared error of a test image's pixel, in [−1, 1] each.
    pub squared_error: f64,
}

/// Trains a decoder from global vectors to images by the squared error (Hjelm et al. 2019, section 4.1) and compares the
/// test images with what it makes of theirs. Decoders are [`Decoder64`], [`Decoder32`] and [`Decoder28`], those of the autoencoders.
///
/// # Errors
/// When there are too few images for a batch, the features are not `Y` of these images, or the device fails.
pub fn reconstruct(
    [train, test]: [&Features; 2],
    [train_set, test_set]: [&ImageSet; 2],
    config: &DecoderConfig,
) -> Result<Reconstructions, TrainError> {
    let image = [test_set.channels, test_set.height, test_set.width];
    let wrong = |text: String| Err(TrainError::Config(text));
    if train.dim != Y || test.dim != Y || train.rows > train_set.len() || test.rows > test_set.len() {
        let [of_train, of_test] = [train, test].map(|f| [f.rows, f.dim]);
        return wrong(format!(
            "a decoder wants a global vector of {Y} numbers for each image, and got {of_train:?} for {} training images and \
             {of_test:?} for {} test images",
            train_set.len(),
            test_set.len()
        ));
    }
    config.check(train.rows)?;
    let config = DecoderConfig { batch: config.batch.min(train.rows), ..*config };
    let sets = [train_set, test_set];
    match EncoderKind::for_image(image) {
        Some(EncoderKind::Dcgan32) => {
            type Net = Decoder32<3, 64, 128, 256, 4096, FC, Y>;
            decode::<Net, Const<3>, Const<32>, Const<32>>([train, test], sets, &config)
        }
        Some(EncoderKind::Dcgan64) => {
            type Net = Decoder64<3, 64, 128, 256, 512, 8192, FC, Y>;
            decode::<Net, Const<3>, Const<64>, Const<64>>([train, test], sets, &config)
        }
        Some(EncoderKind::Dcgan28) => {
            type Net = Decoder28<1, 64, 128, 6272, FC, Y>;
            decode::<Net, Const<1>, Const<28>, Const<28>>([train, test], sets, &config)
        }
        _ => wrong(format!("there is no decoder for images of {image:?} (channels, height, width)")),
    }
}

/// Images that are decoded at a time.
const CHUNK: usize = 500;

fn decode<N, C: Dim + ConstDim, H: Dim + ConstDim, W: Dim + ConstDim>(
    [train, test]: [&Features; 2],
    [train_set, test_set]: [&ImageSet; 2],
    config: &DecoderConfig,
) -> Result<Reconstructions, TrainError>
where
    N: BuildOnDevice<Cpu, f32>,
    N::Built: TensorCollection<f32, Cpu, To<f32, Cpu> = N::Built>
        + ModuleMut<
            Tensor<(usize, Const<Y>), f32, Cpu, OwnedTape<f32, Cpu>>,
            Output = Tensor<(usize, C, H, W), f32, Cpu, OwnedTape<f32, Cpu>>,
            Error = CpuError,
        > + Module<Tensor<(usize, Const<Y>), f32, Cpu>, Output = Tensor<(usize, C, H, W), f32, Cpu>, Error = CpuError>,
{
    let device = Cpu::seed_from_u64(child(config.seed, "decoder", 0));
    let net = device.try_build_module::<N, f32>().map_err(device_error)?;
    let mut net = Part::new(net, AdamConfig { lr: config.lr, betas: [0.9, 0.999], ..AdamConfig::default() })?;
    let vectors = |x: &Features, rows: &[usize]| {
        let values: Vec<f32> = rows.iter().flat_map(|&r| x.row(r)).copied().collect();
        device.try_tensor_from_vec(values, (rows.len(), Const::<Y>))
    };
    for epoch in 0..config.epochs {
        let order = epoch_order(train.rows, child(config.seed, "decoder", 1), epoch as u64);
        for (step, rows) in order.chunks_exact(config.batch).enumerate() {
            let images = device
                .try_tensor_from_vec(pixels(train_set, rows), (rows.len(), C::default(), H::default(), W::default()))
                .map_err(device_error)?;
            let y = vectors(train, rows).map_err(device_error)?;
            let decoded = net.module.try_forward_mut(y.leaky_traced()).map_err(device_error)?;
            let loss = reconstruction_loss(decoded, &images).map_err(device_error)?;
            let value = f64::from(loss.as_vec()[0]);
            if !value.is_finite() {
                let step = (epoch * (train.rows / config.batch) + step + 1) as u64;
                return Err(DimError::Diverged { term: "reconstruction", value, step }.into());
            }
            net.update(&mut loss.try_backward().map_err(device_error)?)?;
        }
    }
    let shape = [C::SIZE, H::SIZE, W::SIZE];
    let similarity = MsSsimConfig::for_side(H::SIZE.min(W::SIZE));
    let (mut similar, mut error) = (0.0, 0.0);
    let all: Vec<usize> = (0..test.rows).collect();
    for rows in all.chunks(CHUNK) {
        let y = vectors(test, rows).map_err(device_error)?;
        let decoded = net.module.try_forward(y).map_err(device_error)?.as_vec();
        let images = pixels(test_set, rows);
        similar += ms_ssim(&images, &decoded, shape, &similarity)? * rows.len() as f64;
        error += images.iter().zip(&decoded).map(|(a, b)| f64::from(a - b).powi(2)).sum::<f64>();
    }
    let (window, scales) = (similarity.window, similarity.weights.len());
    let images = test.rows as f64;
    Ok(Reconstructions {
        epochs: config.epochs,
        ms_ssim: similar / images,
        window,
        scales,
        squared_error: error / (images * shape.iter().product::<usize>() as f64),
    })
}

/// Images as the encoder sees them, in this order.
fn pixels(set: &ImageSet, rows: &[usize]) -> Vec<f32> {
    let mut pixels = vec![0f32; rows.len() * set.image_len()];
    for (out, &row) in pixels.chunks_exact_mut(set.image_len()).zip(rows) {
        normalise(set.image(row), out);
    }
    pixels
}
