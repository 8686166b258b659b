//! The images of a study with the targets of its tasks.

use super::{SCENES, UtilityPlan};
use crate::data::scene::CARD_FILE;
use crate::data::subset::stratified;
use crate::data::{ImageSet, Split, UNLABELLED};
use crate::experiment::ExperimentError;
use crate::train::{Progress, TrainError};
use crate::transfer::{Examples, Targets, Task};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Images and targets.
pub struct UtilityData {
    /// What is learned from.
    pub train: Arc<ImageSet>,
    /// What is scored.
    pub test: Arc<ImageSet>,
    /// Training and test examples of each task.
    pub tasks: Vec<(Task, [Examples; 2])>,
}

impl UtilityData {
    /// Loads the data of a plan. Scenes are rendered to a folder of their own in `root` when they are not there; `load` reads
    /// a split of images.
    ///
    /// # Errors
    /// When something is missing or damaged, the encoder takes other images, or there are too few images for the numbers of
    /// labels, or too few labels for the classes.
    pub fn load<E: From<ExperimentError>>(
        plan: &UtilityPlan,
        root: &Path,
        load: &mut dyn FnMut(&str, Split, Option<&Path>) -> Result<ImageSet, E>,
        progress: &mut dyn Progress,
    ) -> Result<Self, E> {
        let settings = &plan.settings;
        let source = source(plan, root, progress)?;
        let dir = settings.data.dir.as_deref();
        let mut images = |split| {
            let set = settings.data.prepare(load(&source, split, dir)?, split).map_err(ExperimentError::from)?;
            Ok::<_, E>(Arc::new(set))
        };
        let (train, test) = (images(Split::Train)?, images(Split::Test)?);
        train.check_alike(&test).map_err(train_error)?;
        plan.check_images([train.channels, train.height, train.width], &train.name)?;
        plan.check_labels(train.len(), &train.name)?;
        let side = settings.model.encoder.map_side();
        let mut tasks = Vec::new();
        for &task in &settings.tasks {
            let of = |images: &Arc<ImageSet>, split| Examples::load(images, task, &source, split, dir, side);
            let both = [
                of(&train, Split::Train).map_err(ExperimentError::from)?,
                of(&test, Split::Test).map_err(ExperimentError::from)?,
            ];
            if let Targets::Classes { classes, .. } = &both[0].targets
                && !task.is_dense()
            {
                plan.check_classes(task, *classes)?;
            }
            tasks.push((task, both));
        }
        Ok(Self { train, test, tasks })
    }

    /// Training and test examples of a task.
    pub(super) fn examples(&self, task: Task) -> Option<&[Examples; 2]> {
        self.tasks.iter().find(|(t, _)| *t == task).map(|(_, both)| both)
    }

    /// The order in which training images get labels for a task: its first n are the n labelled images, stratified by the
    /// task's classes, or by the images' for locations.
    pub(super) fn order(&self, task: Task, seed: u64) -> Vec<usize> {
        let strata = match self.examples(task).map(|both| &both[0].targets) {
            Some(Targets::Classes { values, .. }) if !task.is_dense() => values.clone(),
            _ => (0..self.train.len())
                .map(|i| self.train.label(i))
                .map(|l| if l == UNLABELLED { 0 } else { l })
                .collect(),
        };
        stratified(&strata, seed)
    }
}

fn train_error(e: crate::data::DataError) -> ExperimentError {
    TrainError::from(e).into()
}

/// What to load: the plan's own source, or rendered scenes.
fn source(plan: &UtilityPlan, root: &Path, progress: &mut dyn Progress) -> Result<String, ExperimentError> {
    let settings = &plan.settings;
    if settings.data.source != SCENES {
        return Ok(settings.data.source.clone());
    }
    let set = settings.scenes.set().map_err(train_error)?;
    let folder = scene_folder(plan, root, &set.config.variant.to_string());
    if !folder.join(CARD_FILE).is_file() {
        progress.task_begins("rendering scenes", set.images());
        let written = set.write(&folder, |images| progress.task_advances(images));
        progress.task_ends();
        written.map_err(train_error)?;
    }
    Ok(folder.join(CARD_FILE).to_string_lossy().into_owned())
}

/// A name that says everything that the scenes depend on.
fn scene_folder(plan: &UtilityPlan, root: &Path, variant: &str) -> PathBuf {
    let s = &plan.settings.scenes;
    let switches = variant.replace('-', "0");
    root.join(format!("scenes-{switches}-{}-{}-{}-{}-{}", s.size, s.objects, s.train, s.test, s.seed))
}
