//! The settings of a run.

use super::{OnlineProbes, TrainError};
use crate::data::augment::{Augment, Normalise};
use crate::data::{Fit, ImageSet, ImageShape, Loading, Order, PatchNoise, Split};
use crate::dim::{Method, ModelConfig};
use crate::mi::bound::ScoreSizes;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Which images.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DataConfig {
    /// A data set's name (`cifar10`, `fashion_mnist`), or a path as for [`ImageSet::load`](crate::data::ImageSet::load).
    pub source: String,
    /// Where to look for a named set first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dir: Option<PathBuf>,
    /// Read the training images as they are needed, for a set larger than memory; asks for an order with a buffer.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub stream: bool,
    /// The shape that images are brought to, of those that are trained on and those that are held out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fit: Option<Fit>,
    /// Train on the first so many of the training images.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub images: Option<usize>,
    /// Train on the split `unlabeled` too, which follows the training images; probes see those with labels.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unlabeled: bool,
    /// Noise in place of patches of the images, of those that are trained on and those that are held out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub noise: Option<PatchNoise>,
}

impl DataConfig {
    /// What is done to a split of the set once it is loaded.
    ///
    /// # Errors
    /// When the noise does not fit the images, or they cannot have the shape.
    pub fn prepare(&self, set: ImageSet, split: Split) -> Result<ImageSet, TrainError> {
        let set = match &self.fit {
            Some(fit) => fit.apply(set)?,
            None => set,
        };
        match &self.noise {
            Some(noise) => Ok(noise.apply(set, split)?),
            None => Ok(set),
        }
    }
}

/// Everything that fixes a run's numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunConfig {
    /// First part of the run folder's name.
    pub name: String,
    /// The root seed; see [`crate::seed`].
    pub seed: u64,
    /// Passes over the training images.
    pub epochs: u64,
    /// Images a step.
    pub batch: usize,
    /// Steps between entries of the loss history.
    pub log_every: u64,
    /// Steps between checkpoints; one is also written after each epoch.
    pub checkpoint_every: u64,
    /// The images.
    pub data: DataConfig,
    /// How an epoch is shuffled.
    #[serde(default)]
    pub order: Order,
    /// What is done to each training image; probes see images as they are.
    #[serde(default)]
    pub augment: Augment,
    /// The model.
    pub model: ModelConfig,
    /// Probes while it is trained.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub online: Option<OnlineProbes>,
}

impl RunConfig {
    /// Rejects settings that cannot work, before any work is done.
    ///
    /// # Errors
    /// Names the setting, its value and what is allowed.
    pub fn check(&self) -> Result<(), TrainError> {
        let fail = |text: String| Err(TrainError::Config(text));
        if self.epochs == 0 {
            return fail("epochs is 0; train for 1 epoch or more".into());
        }
        if self.log_every == 0 || self.checkpoint_every == 0 {
            return fail("log_every and checkpoint_every count steps and must be 1 or more".into());
        }
        self.online.map_or(Ok(()), |o| o.check())?;
        if self.order == Order::Buffered(0) || (self.data.stream && self.order == Order::Shuffled) {
            return fail("a streamed set is shuffled through a buffer of 1 or more images; give the order one".into());
        }
        if self.data.stream && self.data.noise.is_some() {
            return fail("noise in patches is put into sets that are in memory; leave out stream or noise".into());
        }
        if self.data.stream && (self.data.fit.is_some() || self.data.unlabeled || self.data.images.is_some()) {
            return fail("fit, unlabeled and images are of sets that are in memory; leave out stream or these".into());
        }
        if let Some(Fit { channels, side }) = self.data.fit {
            let ImageShape { channels, height, width } =
                self.augment.check(ImageShape { channels, height: side, width: side })?;
            let (found, wanted) = ([channels, height, width], self.model.encoder.image());
            if found != wanted {
                return fail(format!(
                    "data.fit gives images of {found:?} (channels, height, width), and encoder {} takes {wanted:?}",
                    self.model.encoder.name()
                ));
            }
        }
        if self.model.method.is_dim() {
            self.check_pairs()?;
        } else if self.batch < 2 {
            return fail(format!("batch is {}: batch norm needs at least 2 images", self.batch));
        }
        if self.model.method.views() > 1 && !self.augment.is_random() {
            return fail(format!(
                "{} compares two views of each image, and without a random augmentation they are the same; give it a crop, \
                 jitter or flip",
                self.model.method.name()
            ));
        }
        if matches!(self.model.method, Method::Cmc { .. }) && self.augment.normalise != Normalise::Symmetric {
            return fail(
                "cmc takes lightness and colour from pixels in [-1, 1]; leave augment.normalise symmetric".into(),
            );
        }
        if self.name.is_empty() || self.name.contains(['/', '\\']) || self.name.starts_with('.') {
            return fail(format!("name is {:?}; a run's name is part of its folder's name", self.name));
        }
        Ok(())
    }

    /// Rejects pairs that Deep InfoMax cannot be trained on.
    fn check_pairs(&self) -> Result<(), TrainError> {
        let fail = |text: String| Err(TrainError::Config(text));
        if !self.model.pairing.fits(self.batch) {
            return fail(format!(
                "batch is {}: too small for {:?} pairs, which need at least {} images",
                self.batch,
                self.model.pairing,
                match self.model.pairing {
                    crate::mi::Pairing::All => 2,
                    crate::mi::Pairing::Rolled(n) => n + 1,
                }
            ));
        }
        let sizes = ScoreSizes { batch: self.batch, locations: 1, pairing: self.model.pairing };
        match self.model.bound.check(sizes) {
            Err(wrong) => fail(format!("bound: {wrong}")),
            Ok(()) => Ok(()),
        }
    }

    /// How batches are made.
    pub fn loading(&self) -> Loading {
        Loading { batch: self.batch, seed: self.seed, order: self.order, augment: self.augment.clone() }
    }

    /// The largest value of the bound's nats, if it has one; methods without a bound have none.
    pub fn ceiling(&self) -> Option<f64> {
        if !self.model.method.is_dim() {
            return None;
        }
        let side = self.model.encoder.map_side();
        let locations = if self.model.weights.beta == 0.0 { 1 } else { side * side };
        let sizes = ScoreSizes { batch: self.batch, locations, pairing: self.model.pairing };
        Some(self.model.bound.ceiling(sizes)).filter(|c| c.is_finite())
    }
}
