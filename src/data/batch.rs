//! Shuffled, augmented, normalised batches, prepared ahead.

use super::augment::{Augment, Scratch};
use super::decode::ImageShape;
use super::order::{Order, buffered_order, epoch_order};
use super::set::alike;
use super::stream::{Cursor, StreamSet};
use super::{DataError, ImageSet};
use crate::seed::{child, stream};
use dfdx::prelude::{Device, Rank4, Tensor};
use rayon::prelude::*;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::{Duration, Instant};

/// Batches that are prepared before they are asked for.
const AHEAD: usize = 2;

/// Bytes to [−1, 1]: `v/127.5 − 1`.
pub fn normalise(pixels: &[u8], out: &mut [f32]) {
    out.iter_mut().zip(pixels).for_each(|(o, &p)| *o = f32::from(p) / 127.5 - 1.0);
}

/// A batch as plain numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct FlatBatch {
    /// `[B, C, H, W]`; of several views, all first ones, then all second ones, `[V·B, C, H, W]`.
    pub pixels: Vec<f32>,
    /// `[B]`.
    pub labels: Vec<u32>,
    /// Each image's index in the set, `[B]`.
    pub indices: Vec<usize>,
    /// What one image is.
    pub shape: ImageShape,
}

/// A batch whose sizes are types.
#[derive(Clone, Debug)]
pub struct Batch<const B: usize, const C: usize, const H: usize, const W: usize, D: Device<f32>> {
    /// The images.
    pub images: Tensor<Rank4<B, C, H, W>, f32, D>,
    /// Each image's label.
    pub labels: [u32; B],
    /// Each image's index in the set.
    pub indices: [usize; B],
}

impl From<FlatBatch> for crate::dim::StepInput {
    /// Without noise, for models that ask for none: no prior is matched when γ = 0. The seed of the step's other draws is
    /// that of the images in it.
    fn from(batch: FlatBatch) -> Self {
        let FlatBatch { pixels, labels, indices, .. } = batch;
        let seed = indices.iter().fold(0, |seed, &i| crate::seed::child(seed, "batch", i as u64));
        Self { batch: indices.len(), pixels, labels, indices, noise: Vec::new(), seed }
    }
}

impl FlatBatch {
    /// The same as a tensor on `device`, with its sizes as types.
    ///
    /// # Errors
    /// When the sizes are others, or the device is out of memory.
    pub fn on<const B: usize, const C: usize, const H: usize, const W: usize, D: Device<f32>>(
        self,
        device: &D,
    ) -> Result<Batch<B, C, H, W, D>, DataError> {
        // Views do not fit: there are more of them than labels.
        let images = self.pixels.len() / self.shape.numel().max(1);
        let found = [images.max(self.labels.len()), self.shape.channels, self.shape.height, self.shape.width];
        if found != [B, C, H, W] {
            return Err(DataError::Shape { found, expected: [B, C, H, W] });
        }
        let images = device.try_tensor_from_vec(self.pixels, Default::default());
        let images = images.map_err(|e| DataError::Device(format!("{e:?}")))?;
        let fit = "as many as images";
        Ok(Batch { images, labels: self.labels.try_into().expect(fit), indices: self.indices.try_into().expect(fit) })
    }
}

/// Where a loader takes images from.
#[derive(Clone, Debug)]
pub enum Source {
    /// Decoded, in memory.
    Memory(Arc<ImageSet>),
    /// Read and decoded as they are needed.
    Stream(Arc<StreamSet>),
}

impl From<Arc<ImageSet>> for Source {
    fn from(set: Arc<ImageSet>) -> Self {
        Self::Memory(set)
    }
}

impl From<Arc<StreamSet>> for Source {
    fn from(set: Arc<StreamSet>) -> Self {
        Self::Stream(set)
    }
}

impl Source {
    /// The set's name, or its folder's.
    pub fn name(&self) -> &str {
        match self {
            Self::Memory(s) => &s.name,
            Self::Stream(s) => &s.name,
        }
    }

    /// Number of images.
    pub fn len(&self) -> usize {
        match self {
            Self::Memory(s) => s.len(),
            Self::Stream(s) => s.len(),
        }
    }

    /// Whether there are none; never true of a loaded set.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Names of the classes, by label.
    pub fn classes(&self) -> &[String] {
        match self {
            Self::Memory(s) => &s.classes,
            Self::Stream(s) => &s.classes,
        }
    }

    /// Labels of the first images: `[N]`, fewer where images without follow, none in a split without.
    pub fn labels(&self) -> &[u32] {
        match self {
            Self::Memory(s) => s.labels(),
            Self::Stream(s) => s.labels(),
        }
    }

    /// Whether images of `other` can stand beside these: as many channels, and the same size.
    ///
    /// # Errors
    /// When they cannot.
    pub fn check_alike(&self, other: &ImageSet) -> Result<(), DataError> {
        alike(self.name(), self.shape(), other.shape())
    }

    /// What each image is, before any augmentation.
    pub fn shape(&self) -> ImageShape {
        match self {
            Self::Memory(s) => s.shape(),
            Self::Stream(s) => s.shape(),
        }
    }
}

/// How batches are made.
#[derive(Clone, Debug, PartialEq)]
pub struct Loading {
    /// Images in a batch.
    pub batch: usize,
    /// Root seed of order and augmentation.
    pub seed: u64,
    /// How an epoch is shuffled. A set that is streamed needs [`Order::Buffered`].
    pub order: Order,
    /// What is done to each image.
    pub augment: Augment,
}

/// The batches of one epoch, from any batch on; the last, smaller one is left out. A thread of its own prepares them.
///
/// The same seed and epoch give the same batches, wherever they begin, whatever the number of threads, and whether the
/// set is in memory or streamed.
#[derive(Debug)]
pub struct BatchLoader {
    batches: Receiver<Result<FlatBatch, DataError>>,
    waited: Duration,
}

impl BatchLoader {
    /// Batches of epoch `epoch`, beginning with number `first`.
    ///
    /// # Errors
    /// When the set has fewer images than a batch, the settings cannot work, or no thread can be had.
    pub fn new(source: impl Into<Source>, loading: &Loading, epoch: u64, first: usize) -> Result<Self, DataError> {
        Self::with_views(source, loading, 1, epoch, first)
    }

    /// The same with `views` of each image, augmented apart from each other; the first of them is that of
    /// [`BatchLoader::new`].
    ///
    /// # Errors
    /// As [`BatchLoader::new`], and when there is to be no view.
    pub fn with_views(
        source: impl Into<Source>,
        loading: &Loading,
        views: usize,
        epoch: u64,
        first: usize,
    ) -> Result<Self, DataError> {
        if views == 0 {
            return Err(DataError::Setting("views is 0; a batch has 1 view of each image or more".into()));
        }
        let (source, loading) = (source.into(), loading.clone());
        let (batch, images) = (loading.batch, source.len());
        if batch == 0 || batch > images {
            return Err(DataError::Batch { batch, images, name: source.name().to_owned() });
        }
        let out = loading.augment.check(source.shape())?;
        let order = match (&source, loading.order) {
            (Source::Memory(set), Order::Shuffled) => epoch_order(set.len(), loading.seed, epoch),
            (Source::Memory(set), Order::Buffered(buffer)) => buffered_order(set.pieces(), buffer, loading.seed, epoch),
            (Source::Stream(set), Order::Buffered(buffer)) => buffered_order(set.pieces(), buffer, loading.seed, epoch),
            (Source::Stream(_), Order::Shuffled) => {
                return Err(DataError::Setting(
                    "a set that is streamed cannot be shuffled as a whole; give the order a buffer".into(),
                ));
            }
        };
        let (sender, batches) = sync_channel(AHEAD);
        let work = move || {
            let skipped = first.saturating_mul(batch).min(order.len());
            let mut cursor = match &source {
                Source::Memory(_) => None,
                Source::Stream(set) => Some(Cursor::new(set, loading.seed, epoch, &order[..skipped])),
            };
            for indices in order[skipped..].chunks_exact(batch) {
                let made = match (&source, &mut cursor) {
                    (Source::Stream(_), Some(cursor)) => cursor.take(indices).map(|images| {
                        prepare(&loading, views, epoch, [source.shape(), out], indices, |k| (&images[k].0, images[k].1))
                    }),
                    (Source::Memory(set), _) => {
                        let image = |k: usize| (set.image(indices[k]), set.label(indices[k]));
                        Ok(prepare(&loading, views, epoch, [set.shape(), out], indices, image))
                    }
                    (Source::Stream(_), None) => return,
                };
                let failed = made.is_err();
                // The receiver is gone when the consumer stopped early.
                if sender.send(made).is_err() || failed {
                    return;
                }
            }
        };
        std::thread::Builder::new()
            .name("batches".into())
            .spawn(work)
            .map_err(DataError::io("start a thread for", "batches"))?;
        Ok(Self { batches, waited: Duration::ZERO })
    }

    /// How long the consumer has waited for batches so far.
    pub fn waited(&self) -> Duration {
        self.waited
    }
}

impl Iterator for BatchLoader {
    type Item = Result<FlatBatch, DataError>;

    fn next(&mut self) -> Option<Self::Item> {
        let began = Instant::now();
        let batch = self.batches.recv().ok();
        self.waited += began.elapsed();
        batch
    }
}

/// The stream of a view of sample `index` in an epoch: its augmentation depends on nothing else.
fn sample_stream(seed: u64, view: usize, epoch: u64, index: usize) -> rand_chacha::ChaCha8Rng {
    let seed = if view == 0 { seed } else { child(seed, "view", view as u64) };
    stream(seed, "augment", (epoch << 40) | index as u64)
}

fn prepare<'a>(
    loading: &Loading,
    views: usize,
    epoch: u64,
    [shape, out]: [ImageShape; 2],
    indices: &[usize],
    image: impl Fn(usize) -> (&'a [u8], u32) + Sync,
) -> FlatBatch {
    let batch = indices.len();
    let mut pixels = vec![0f32; views * batch * out.numel()];
    pixels.par_chunks_mut(out.numel()).enumerate().for_each_init(Scratch::default, |scratch, (at, pixels)| {
        let (view, k) = (at / batch, at % batch);
        let mut rng = sample_stream(loading.seed, view, epoch, indices[k]);
        loading.augment.apply(image(k).0, shape, &mut rng, scratch, pixels);
    });
    let labels = (0..indices.len()).map(|k| image(k).1).collect();
    FlatBatch { pixels, labels, indices: indices.to_vec(), shape: out }
}
