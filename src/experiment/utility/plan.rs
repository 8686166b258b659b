//! From the study to a plan: base settings, a budget's, overrides, and what each arm changes.

use super::{ArmDefinition, BASELINE, SCENES, UtilityDefinition};
use crate::data::augment::Augment;
use crate::data::scene::{CLASS_NAMES, POSES, SceneConfig, SceneSet};
use crate::data::{DataError, Order};
use crate::dim::{Method, ModelConfig, build};
use crate::experiment::near::near;
use crate::experiment::resolve::{Fault, leaves, merge, nested, parse_override, strict};
use crate::experiment::{Budget, Choice, ExperimentError};
use crate::train::{Checkpoint, DataConfig, RunConfig, TrainError};
use crate::transfer::{Mode, Task, TransferConfig};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use toml::{Table, Value};

/// Which scenes, where the data source is `scenes`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SceneSettings {
    /// What varies: letters of TCVL, or - for nothing.
    pub variant: String,
    /// Side of an image, pixels.
    pub size: usize,
    /// Objects in a scene.
    pub objects: usize,
    /// Training images.
    pub train: u64,
    /// Test images.
    pub test: u64,
    /// Root of all that is drawn.
    pub seed: u64,
}

impl SceneSettings {
    /// The set to be rendered.
    ///
    /// # Errors
    /// When the variant is none.
    pub fn set(&self) -> Result<SceneSet, DataError> {
        let config =
            SceneConfig { variant: self.variant.parse()?, size: self.size, objects: self.objects, seed: self.seed };
        config.check()?;
        Ok(SceneSet { config, train: self.train, valid: 0, test: self.test })
    }
}

/// How encoders are pretrained, without labels.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PretrainSettings {
    /// Passes over the training images.
    pub epochs: u64,
    /// Images a step.
    pub batch: usize,
    /// Steps between entries of the loss history.
    pub log_every: u64,
    /// Steps between checkpoints.
    pub checkpoint_every: u64,
    /// What is done to each image.
    #[serde(default)]
    pub augment: Augment,
}

/// Everything that can be set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UtilitySettings {
    /// The tasks.
    pub tasks: Vec<Task>,
    /// Numbers of labelled images, ascending.
    pub labels: Vec<usize>,
    /// The images; `scenes` are rendered here.
    pub data: DataConfig,
    /// Which scenes.
    pub scenes: SceneSettings,
    /// How encoders are pretrained.
    pub pretrain: PretrainSettings,
    /// The encoder, and what it is pretrained by; arms change this.
    pub model: ModelConfig,
    /// How tasks are learned.
    pub tune: TransferConfig,
}

/// How an arm begins.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Start {
    /// From weights that are drawn.
    Scratch,
    /// From an encoder that is trained first, once a seed; the run has seed 0 here.
    Pretrain(Box<RunConfig>),
    /// From the encoder of a run, or of a checkpoint's file; the same for every seed.
    Checkpoint(PathBuf),
}

/// An arm with all its settings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlannedArm {
    /// Letters, digits and dashes.
    pub id: String,
    /// As the report prints it.
    pub name: String,
    /// How it begins.
    pub start: Start,
}

impl PlannedArm {
    /// The checkpoint that it begins from, if it is one.
    pub(super) fn checkpoint(&self, settings: &UtilitySettings) -> Result<Option<Checkpoint>, ExperimentError> {
        let Start::Checkpoint(path) = &self.start else { return Ok(None) };
        let (found, config) = Checkpoint::find(path).map_err(|e| self.missing(e.to_string()))?;
        let (own, wanted) = (config.model.encoder, settings.model.encoder);
        if own != wanted {
            let path = path.display();
            return Err(self.missing(format!("{path} is of encoder {own:?}, and the study's is {wanted:?}")));
        }
        Ok(Some(found))
    }

    /// That it has none.
    pub(super) fn missing(&self, reason: String) -> ExperimentError {
        ExperimentError::Arm { arm: self.id.clone(), reason }
    }
}

/// Everything that fixes the numbers of a study.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UtilityPlan {
    /// How much is spent.
    pub budget: Budget,
    /// Seeds; each cell is run with each.
    pub seeds: Vec<u64>,
    /// What was overridden, as it was given.
    pub overrides: Vec<String>,
    /// The arms.
    pub arms: Vec<PlannedArm>,
    /// All else.
    pub settings: UtilitySettings,
}

/// What is chosen of the study.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct UtilityChoice {
    /// Overrides, seeds, where data lie; its rows are arms.
    pub choice: Choice,
    /// Tasks by name; those of the budget if empty.
    pub tasks: Vec<String>,
    /// Arms that begin from a checkpoint: a name, and a run's folder or a file.
    pub checkpoints: Vec<(String, PathBuf)>,
}

/// Puts the study's settings together.
///
/// # Errors
/// When there is no such budget, arm, task or setting (the error names what was probably meant), or numbers of labels, arms
/// or settings cannot work.
pub fn resolve_utility(
    definition: &UtilityDefinition,
    budget: Budget,
    choice: &UtilityChoice,
) -> Result<UtilityPlan, ExperimentError> {
    let UtilityChoice { choice, tasks, checkpoints } = choice;
    let of_budget = definition.budget(budget)?;
    let malformed = |fault: Fault, what: &str| ExperimentError::Definition {
        name: definition.name.clone(),
        reason: fault.in_words(what),
    };
    let mut shared = definition.base.clone();
    merge(&mut shared, &of_budget.set);
    if let Some(dir) = &choice.data_dir {
        merge(&mut shared, &nested("data.dir", Value::String(dir.to_string_lossy().into_owned())));
    }
    let known = known_keys(&typed(&shared).map_err(|fault| malformed(fault, "base and budget"))?);
    for text in &choice.overrides {
        let (key, value) = parse_override(text)?;
        merge(&mut shared, &nested(&key, value.clone()));
        typed(&shared).map_err(|fault| fault.of_override(&key, &value, &known))?;
    }
    let mut settings = typed(&shared).map_err(|fault| malformed(fault, "base and budget"))?;
    if !tasks.is_empty() {
        settings.tasks = tasks.iter().map(|name| task(name)).collect::<Result<_, _>>()?;
    }
    let mut arms = Vec::new();
    for id in &choice.rows {
        if !definition.arms.iter().any(|a| a.id == *id) {
            let known = || definition.arms.iter().map(|a| a.id.as_str());
            return Err(ExperimentError::NoRow {
                experiment: definition.name.clone(),
                row: id.clone(),
                near: near(id, known()).map(str::to_owned),
                known: known().collect::<Vec<_>>().join(", "),
            });
        }
    }
    let is_chosen =
        |a: &ArmDefinition| if choice.rows.is_empty() { !a.on_request } else { choice.rows.contains(&a.id) };
    for arm in definition.arms.iter().filter(|a| is_chosen(a)) {
        let start = match &arm.set {
            None => Start::Scratch,
            Some(set) => {
                let mut tree = shared.clone();
                merge(&mut tree, set);
                let own = typed(&tree).map_err(|fault| malformed(fault, &arm.id))?;
                Start::Pretrain(Box::new(run_config(&arm.id, own)?))
            }
        };
        arms.push(PlannedArm { id: arm.id.clone(), name: arm.name.clone(), start });
    }
    for (id, path) in checkpoints {
        let name = format!("{id} (a checkpoint)");
        arms.push(PlannedArm { id: id.clone(), name, start: Start::Checkpoint(path.clone()) });
    }
    let seeds = choice.seeds.clone().unwrap_or_else(|| (0..of_budget.seeds).collect());
    let plan = UtilityPlan { budget, seeds, overrides: choice.overrides.clone(), arms, settings };
    plan.check()?;
    Ok(plan)
}

fn task(name: &str) -> Result<Task, ExperimentError> {
    let known = || Task::ALL.into_iter().map(Task::name);
    Task::named(name).ok_or_else(|| ExperimentError::Task {
        name: name.to_owned(),
        near: near(name, known()).map(str::to_owned),
        known: known().collect::<Vec<_>>().join(", "),
    })
}

fn typed(tree: &Table) -> Result<UtilitySettings, Fault> {
    strict(Value::Table(tree.clone()), "")
}

/// The run that pretrains an arm.
fn run_config(arm: &str, settings: UtilitySettings) -> Result<RunConfig, ExperimentError> {
    let PretrainSettings { epochs, batch, log_every, checkpoint_every, augment } = settings.pretrain;
    let run = RunConfig {
        name: arm.to_owned(),
        seed: 0,
        epochs,
        batch,
        log_every,
        checkpoint_every,
        data: settings.data,
        order: Order::Shuffled,
        augment,
        model: settings.model,
        online: None,
    };
    run.check()?;
    Ok(run)
}

/// All settings, dotted.
fn known_keys(settings: &UtilitySettings) -> Vec<String> {
    let mut known = vec![
        "data.dir".to_owned(),
        "data.fit".to_owned(),
        "pretrain.augment.jitter".to_owned(),
        "model.occlusion".to_owned(),
    ];
    if let Ok(value) = Value::try_from(settings) {
        leaves(&value, "", &mut known);
    }
    known
}

impl UtilityPlan {
    /// Rejects a study that no utility can come of.
    fn check(&self) -> Result<(), ExperimentError> {
        let fail = |text: String| Err(ExperimentError::Study(text));
        let UtilitySettings { labels, tasks, tune, data, model, .. } = &self.settings;
        tune.check()?;
        if data.stream {
            return fail("data.stream: labelled images are drawn from the whole set, which must be in memory".into());
        }
        if data.unlabeled || data.images.is_some() {
            return fail(
                "data.unlabeled and data.images: all arms see the same training images; leave them out".into(),
            );
        }
        if labels.len() < 2 || labels.windows(2).any(|pair| pair[0] >= pair[1]) {
            return fail(format!("labels is {labels:?}; it takes two numbers or more, each above the one before"));
        }
        if labels[0] < 2 {
            return fail(format!("labels begins with {}: batch norm needs 2 images or more", labels[0]));
        }
        if tasks.is_empty() || tasks.iter().enumerate().any(|(i, t)| tasks[..i].contains(t)) {
            return fail("tasks takes one task or more, each once".into());
        }
        if let Some(task) = tasks.iter().find(|t| t.is_dense() && tune.mode == Mode::FineTuneConv) {
            return fail(format!(
                "tune.mode is {}, which {task} does not have: take fine-tune, or name tasks of whole images with --task",
                tune.mode
            ));
        }
        if !self.arms.iter().any(|a| a.id == BASELINE) || self.arms.len() < 2 {
            let found = self.arms.iter().map(|a| a.id.as_str()).collect::<Vec<_>>().join(", ");
            return fail(format!("utility holds arms against {BASELINE}, and the arms are {found}: name both"));
        }
        for (i, arm) in self.arms.iter().enumerate() {
            let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            if arm.id.is_empty() || !arm.id.chars().all(plain) || arm.id.starts_with('-') {
                return fail(format!(
                    "an arm is called {:?}; names are of lower-case letters, digits and dashes",
                    arm.id
                ));
            }
            if self.arms[..i].iter().any(|a| a.id == arm.id) {
                return fail(format!("two arms are called {}; name the checkpoint otherwise", arm.id));
            }
            arm.checkpoint(&self.settings)?;
            if let Start::Pretrain(run) = &arm.start {
                if run.model.encoder != model.encoder {
                    let (own, all) = (run.model.encoder, model.encoder);
                    return fail(format!("arm {} pretrains encoder {own:?}, and tasks use {all:?}", arm.id));
                }
                if matches!(run.model.method, Method::Supervised { .. }) {
                    return fail(format!("arm {} learns from labels, and pretraining sees none", arm.id));
                }
                if matches!(run.model.method, Method::Cmc { .. }) {
                    return fail(format!("arm {} trains two encoders of half the size, and tasks use one", arm.id));
                }
                build(&run.model, 0).map_err(TrainError::from)?;
            }
        }
        if data.source == SCENES {
            self.check_scenes()?;
        }
        Ok(())
    }

    /// What would only be known after scenes have been rendered.
    fn check_scenes(&self) -> Result<(), ExperimentError> {
        let UtilitySettings { scenes, tasks, .. } = &self.settings;
        scenes.set().map_err(TrainError::from)?;
        let fitted = self.settings.data.fit.map_or([3, scenes.size, scenes.size], |f| [f.channels, f.side, f.side]);
        self.check_images(fitted, "rendered scenes")?;
        self.check_labels(usize::try_from(scenes.train).unwrap_or(usize::MAX), SCENES)?;
        for &task in tasks {
            let classes = match task {
                Task::Classification => CLASS_NAMES.len(),
                Task::Pose => POSES,
                Task::Segmentation | Task::Depth => 1,
            };
            self.check_classes(task, classes)?;
        }
        Ok(())
    }

    /// Rejects images that the encoder does not take.
    pub(super) fn check_images(&self, found: [usize; 3], name: &str) -> Result<(), ExperimentError> {
        let encoder = self.settings.model.encoder;
        if found == encoder.image() {
            return Ok(());
        }
        Err(ExperimentError::Study(format!(
            "encoder {encoder:?} takes images of {:?} (channels, height, width), but {name} has {found:?}; set model.encoder",
            encoder.image()
        )))
    }

    /// Rejects more labels than images.
    pub(super) fn check_labels(&self, images: usize, name: &str) -> Result<(), ExperimentError> {
        match self.settings.labels.last() {
            Some(&most) if most > images => Err(ExperimentError::Study(format!(
                "{most} labels were asked for, and {name} has {images} training images; set labels, or take more images"
            ))),
            _ => Ok(()),
        }
    }

    /// Rejects fewer labels than classes.
    pub(super) fn check_classes(&self, task: Task, classes: usize) -> Result<(), ExperimentError> {
        match self.settings.labels.first() {
            Some(&fewest) if fewest < classes => Err(ExperimentError::Study(format!(
                "{fewest} labels were asked for, and {task} has {classes} classes; a budget has a label of each or more"
            ))),
            _ => Ok(()),
        }
    }
}
