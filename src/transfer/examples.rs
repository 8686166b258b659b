//! Images with what is to be told of them.

use super::Task;
use crate::data::scene::{CLASS_NAMES, DEPTH_LIMIT, DenseTargets, POSES, poses};
use crate::data::{DataError, ImageSet, Split, UNLABELLED, normalise};
use crate::probe::at_locations;
use crate::train::TrainError;
use std::path::Path;
use std::sync::Arc;

/// What is true, for each image or for each location of each image, an image's locations in reading order.
#[derive(Clone, Debug, PartialEq)]
pub enum Targets {
    /// Classes, each below `classes`.
    Classes {
        /// `[N]`, or `[N·M²]` for locations.
        values: Vec<u32>,
        /// Number of classes.
        classes: usize,
    },
    /// Depths, positive and finite, `[N·M²]`.
    Depths(Vec<f32>),
}

/// A split with the targets of a task.
#[derive(Clone, Debug, PartialEq)]
pub struct Examples {
    /// The images.
    pub images: Arc<ImageSet>,
    /// Their targets.
    pub targets: Targets,
    /// Targets of an image.
    pub per_image: usize,
}

impl Examples {
    /// The targets of `task` for the images of a split of `source`, at the locations of a map of `side` x `side` for dense
    /// tasks. The background's depth is [`DEPTH_LIMIT`].
    ///
    /// # Errors
    /// When the set has no labels, poses, masks or depths, or they are damaged.
    pub fn load(
        images: &Arc<ImageSet>,
        task: Task,
        source: &str,
        split: Split,
        dir: Option<&Path>,
        side: usize,
    ) -> Result<Self, TrainError> {
        let lacks = |what: &str, e: DataError| {
            TrainError::Config(format!(
                "{task} needs {what} for every image, and {source} has none that can be read: {e}"
            ))
        };
        let (targets, per_image) = match task {
            Task::Classification => (labels(images)?, 1),
            Task::Pose => {
                let values = poses(source, split, dir).map_err(|e| lacks("a pose", e))?;
                (Targets::Classes { values, classes: POSES }, 1)
            }
            Task::Segmentation | Task::Depth => {
                let what = if task == Task::Depth { "a depth map" } else { "a mask" };
                let dense = DenseTargets::load(source, split, dir).map_err(|e| lacks(what, e))?;
                let size = [dense.height, dense.width];
                let targets = if task == Task::Depth {
                    let mut depths = at_locations(&dense.depths, size, side)?;
                    depths.iter_mut().for_each(|d| *d = d.min(DEPTH_LIMIT));
                    Targets::Depths(depths)
                } else {
                    let values = at_locations(&dense.masks, size, side)?.into_iter().map(u32::from).collect();
                    Targets::Classes { values, classes: 1 + CLASS_NAMES.len() }
                };
                (targets, side * side)
            }
        };
        let found = targets.len() / per_image;
        if found != images.len() {
            return Err(TrainError::Config(format!(
                "{source} has targets of {task} for {found} images, and {} images",
                images.len()
            )));
        }
        Ok(Self { images: Arc::clone(images), targets, per_image })
    }

    /// The images of these rows as encoders see them, `[rows, C, H, W]`.
    pub(super) fn pixels(&self, rows: &[usize]) -> Vec<f32> {
        let length = self.images.image_len();
        let mut pixels = vec![0f32; rows.len() * length];
        for (out, &row) in pixels.chunks_exact_mut(length).zip(rows) {
            normalise(self.images.image(row), out);
        }
        pixels
    }

    /// The targets of these rows.
    pub(super) fn targets(&self, rows: &[usize]) -> Targets {
        let all = rows.iter().flat_map(|&row| row * self.per_image..(row + 1) * self.per_image);
        match &self.targets {
            Targets::Classes { values, classes } => {
                Targets::Classes { values: all.map(|i| values[i]).collect(), classes: *classes }
            }
            Targets::Depths(depths) => Targets::Depths(all.map(|i| depths[i]).collect()),
        }
    }
}

impl Targets {
    /// How many there are.
    pub fn len(&self) -> usize {
        match self {
            Self::Classes { values, .. } => values.len(),
            Self::Depths(depths) => depths.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

fn labels(images: &ImageSet) -> Result<Targets, TrainError> {
    let (values, classes) = (images.labels().to_vec(), images.classes.len());
    let without = |l: &u32| *l == UNLABELLED || *l as usize >= classes;
    if values.is_empty() || values.iter().any(without) {
        return Err(TrainError::Config(format!(
            "classification needs a label of every image, and {} has images without one",
            images.name
        )));
    }
    Ok(Targets::Classes { values, classes })
}
