//! Shuffled, normalised batches, prepared one ahead.

use super::{DataError, ImageSet};
use crate::seed::stream;
use rand::Rng;
use rand::seq::SliceRandom;
use rayon::prelude::*;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};

/// A batch of normalised images.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    /// `[B, C, H, W]`, in [−1, 1].
    pub pixels: Vec<f32>,
    /// `[B]`.
    pub labels: Vec<u32>,
    /// Each image's index in the set, `[B]`.
    pub indices: Vec<usize>,
}

/// The order of `n` images in an epoch: a function of the seed and the epoch alone.
pub fn epoch_order(n: usize, seed: u64, epoch: u64) -> Vec<usize> {
    let mut order: Vec<usize> = (0..n).collect();
    order.shuffle(&mut stream(seed, "data", epoch));
    order
}

/// Bytes to [−1, 1]: `v/127.5 − 1`.
pub fn normalise(pixels: &[u8], out: &mut [f32]) {
    out.iter_mut().zip(pixels).for_each(|(o, &p)| *o = f32::from(p) / 127.5 - 1.0);
}

/// The batches of one epoch, from any batch on; the last, smaller one is left out. A thread of its own prepares them.
///
/// The same seed and epoch give the same batches, wherever they begin and whatever the number of threads.
#[derive(Debug)]
pub struct BatchLoader {
    batches: Receiver<Batch>,
}

impl BatchLoader {
    /// Batches of `batch` images of epoch `epoch`, beginning with number `first`. With `flip`, each image is mirrored
    /// left to right with probability ½.
    ///
    /// # Errors
    /// When the set has fewer images than a batch, or no thread can be had.
    pub fn new(
        set: Arc<ImageSet>,
        batch: usize,
        seed: u64,
        epoch: u64,
        first: usize,
        flip: bool,
    ) -> Result<Self, DataError> {
        if batch == 0 || batch > set.len() {
            return Err(DataError::Batch { batch, images: set.len(), name: set.name.clone() });
        }
        let (sender, batches) = sync_channel(2);
        let work = move || {
            let order = epoch_order(set.len(), seed, epoch);
            let mirrored: Vec<bool> = if flip {
                let mut rng = stream(seed, "flip", epoch);
                (0..set.len()).map(|_| rng.r#gen()).collect()
            } else {
                vec![false; set.len()]
            };
            for indices in order.chunks_exact(batch).skip(first) {
                // The receiver is gone when the consumer stopped early.
                if sender.send(prepare(&set, indices, &mirrored)).is_err() {
                    return;
                }
            }
        };
        std::thread::Builder::new()
            .name("batches".into())
            .spawn(work)
            .map_err(DataError::io("start a thread for", "batches"))?;
        Ok(Self { batches })
    }
}

impl Iterator for BatchLoader {
    type Item = Batch;

    fn next(&mut self) -> Option<Batch> {
        self.batches.recv().ok()
    }
}

fn prepare(set: &ImageSet, indices: &[usize], mirrored: &[bool]) -> Batch {
    let mut pixels = vec![0f32; indices.len() * set.image_len()];
    pixels.par_chunks_mut(set.image_len()).zip(indices).for_each(|(out, &i)| {
        normalise(set.image(i), out);
        if mirrored[i] {
            out.chunks_exact_mut(set.width).for_each(<[f32]>::reverse);
        }
    });
    Batch { pixels, labels: indices.iter().map(|&i| set.labels()[i]).collect(), indices: indices.to_vec() }
}
