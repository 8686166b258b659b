//! Rotation prediction.

use super::label_loss;
use super::model::{Task, descend, encode};
use crate::dim::part::{Part, device_error};
use crate::dim::{DimError, StepInput, StepReport};
use crate::encoder::Encoder;
use crate::nn::checkpoint::Array;
use crate::nn::{AdamConfig, Backend, Linear};
use crate::seed::stream;
use dfdx::prelude::*;
use rand::Rng;
use std::collections::BTreeMap;

/// The rotations that are told apart.
pub(super) const TURNS: usize = 4;

/// Turns the square planes `image [C, side, side]` in place by `turns` quarters, counter-clockwise.
///
/// # Panics
/// When `image` is not of whole planes.
///
/// ```
/// let mut image = [1.0, 2.0, 3.0, 4.0];
/// infomax::baseline::rotate(&mut image, 2, 1);
/// assert_eq!(image, [2.0, 4.0, 1.0, 3.0]);
/// ```
pub fn rotate(image: &mut [f32], side: usize, turns: u32) {
    assert!(side > 0 && image.len().is_multiple_of(side * side), "whole square planes");
    if turns.is_multiple_of(4) {
        return;
    }
    let mut from = vec![0f32; side * side];
    let last = side - 1;
    for plane in image.chunks_exact_mut(side * side) {
        from.copy_from_slice(plane);
        for (at, out) in plane.iter_mut().enumerate() {
            let (y, x) = (at / side, at % side);
            let (y, x) = match turns % 4 {
                1 => (x, last - y),
                2 => (last - y, last - x),
                _ => (last - x, y),
            };
            *out = from[y * side + x];
        }
    }
}

/// Rotation prediction (Gidaris, Singh & Komodakis 2018): each image is turned by 0, 90, 180 or 270 degrees, drawn uniformly,
/// and a linear layer on `Y` says by which ([`label_loss`] of four classes; a guess costs `log 4` nats).
///
/// The authors show all four rotations of each image in a batch; here each image has one (Newell & Deng 2020), so that a step
/// costs what it costs the other methods.
pub struct Rotation<const Y: usize, D: Backend<f32>> {
    head: Part<Linear<Y, TURNS, false, f32, D>, D>,
}

impl<const Y: usize, D: Backend<f32>> Rotation<Y, D> {
    /// With this head.
    pub(super) fn new(head: Linear<Y, TURNS, false, f32, D>, adam: AdamConfig) -> Result<Self, DimError> {
        Ok(Self { head: Part::new(head, adam)? })
    }
}

impl<N, const FC: usize, const Y: usize, D: Backend<f32>> Task<N, FC, Y, D> for Rotation<Y, D>
where
    N: TensorCollection<f32, D, To<f32, D> = N> + Encoder<f32, D, Global<usize> = (usize, Const<Y>)>,
{
    fn step(&mut self, encoder: &mut Part<N, D>, device: &D, input: StepInput) -> Result<StepReport, DimError> {
        let StepInput { batch, mut pixels, seed, .. } = input;
        let sizes = N::image(1usize).concrete();
        let (channels, height, width) = (sizes[1], sizes[2], sizes[3]);
        if height != width {
            return Err(DimError::Config(format!(
                "images of {height} x {width} cannot be turned by 90 degrees in place"
            )));
        }
        let mut rng = stream(seed, "rotation", 0);
        let turns: Vec<u32> = (0..batch).map(|_| rng.gen_range(0..TURNS as u32)).collect();
        let images = pixels.chunks_exact_mut(channels * height * width);
        images.zip(&turns).for_each(|(image, &turns)| rotate(image, height, turns));
        let (_, f) = encode(&mut encoder.module, device, batch, pixels).map_err(device_error)?;
        let logits = self.head.module.try_forward(f.global.put_tape(f.tape)).map_err(device_error)?;
        let loss = label_loss(logits, TURNS, &turns).map_err(device_error)?;
        let value = f64::from(loss.as_vec()[0]);
        let report = StepReport { loss: value, cross_entropy: value, ..StepReport::default() };
        descend(loss, report, encoder, &mut self.head)
    }

    fn parameters(&self) -> usize {
        self.head.parameters()
    }

    fn collect(&self, arrays: &mut BTreeMap<String, Array>) {
        self.head.collect("head", arrays);
    }

    fn restore(&mut self, arrays: &BTreeMap<String, Array>, steps: u64) -> Result<(), DimError> {
        self.head.restore("head", arrays, steps)
    }
}
