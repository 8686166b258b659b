//! From an experiment to a plan: base settings, a budget's, overrides, and what each row changes.

use super::near::near;
use super::{Budget, Compare, Definition, ExperimentError};
use crate::dim::Method;
use crate::probe::NdmConfig;
use crate::train::{DecoderConfig, InformationConfig, MoreMeasures, ProbeConfig, RunConfig, TrainError, check_mlp};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use toml::{Table, Value};

/// What is chosen of an experiment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Choice {
    /// Seeds; those of the budget if `None`.
    pub seeds: Option<Vec<u64>>,
    /// `key=value`, the value as TOML or a bare word. They come before what rows change.
    pub overrides: Vec<String>,
    /// Rows by `id`; all that run if empty.
    pub rows: Vec<String>,
    /// Where to look for a named data set first.
    pub data_dir: Option<PathBuf>,
}

/// How a row's encoder is probed; the seed is the cell's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProbeSettings {
    /// Passes of the MLP probe over its labels, for conv, fc and Y.
    pub mlp_epochs: [usize; 3],
    /// Share of its steps, the last ones, whose weights are averaged; the last step's weights if it is 0 or left out.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub mlp_average: f64,
    /// Use the first so many training images only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels: Option<usize>,
    /// Whether a support vector machine is fitted to each layer as well.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub svm: bool,
    /// What is measured beside accuracy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measures: Option<MeasureSettings>,
}

/// What is measured beside the probes' accuracy, each if its setting is given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct MeasureSettings {
    /// Steps of the neural dependency measure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ndm_steps: Option<usize>,
    /// Passes of the decoder whose images are compared by MS-SSIM.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decoder_epochs: Option<usize>,
    /// Most steps of the critics of MINE.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mine_steps: Option<usize>,
    /// Images that MINE is estimated on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mine_images: Option<usize>,
    /// Passes over the labels in which the whole encoder learns, with a small network on its last convolution.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fine_tune_epochs: Option<usize>,
}

impl MeasureSettings {
    fn more(&self) -> MoreMeasures {
        let mine = InformationConfig::default();
        let rows = self.mine_images.unwrap_or(mine.rows);
        MoreMeasures {
            ndm: self.ndm_steps.map(|steps| NdmConfig { steps, ..NdmConfig::default() }),
            decoder: self.decoder_epochs.map(|epochs| DecoderConfig { epochs, ..DecoderConfig::default() }),
            information: self.mine_steps.map(|steps| InformationConfig { rows, steps, ..mine }),
            ..MoreMeasures::default()
        }
    }
}

fn is_zero(share: &f64) -> bool {
    *share == 0.0
}

impl ProbeSettings {
    /// Of so many training images, how many have labels that the probes see.
    pub fn rows(&self, images: usize) -> usize {
        self.labels.unwrap_or(usize::MAX).clamp(1, images)
    }

    /// Rejects what cannot work with these probes.
    fn check(&self, method: Method, compared: Compare) -> Result<(), TrainError> {
        let fail = |text: &str| Err(TrainError::Config(text.into()));
        check_mlp(self.mlp_epochs, self.mlp_average)?;
        match self.measures.and_then(|m| m.fine_tune_epochs) {
            Some(0) => {
                fail("probes.measures.fine_tune_epochs is 0; it takes 1 pass or more, and leaving it out tunes nothing")
            }
            Some(_) if matches!(method, Method::Cmc { .. }) => fail(
                "probes.measures.fine_tune_epochs: cmc trains two encoders of half the size, and fine-tuning takes one",
            ),
            _ if compared == Compare::Svm && !self.svm => {
                fail("probes.svm is false, and the accuracies of this experiment are a support vector machine's")
            }
            _ => Ok(()),
        }
    }

    /// The probes of a cell.
    pub fn config(&self, seed: u64) -> ProbeConfig {
        let Self { mlp_epochs, mlp_average, labels, svm, .. } = *self;
        let more = MoreMeasures { svm, ..self.measures.map(|m| m.more()).unwrap_or_default() };
        ProbeConfig { mlp_epochs, mlp_average, labels, seed, more, ..ProbeConfig::default() }
    }
}

/// A row with all its settings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlannedRow {
    /// The row's `id`.
    pub id: String,
    /// As the table prints it.
    pub name: String,
    /// The encoder is probed as it was initialised.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub untrained: bool,
    /// The run, with seed 0; each cell has its own.
    pub run: RunConfig,
    /// The probes.
    pub probes: ProbeSettings,
}

/// A resolved experiment: everything that fixes the numbers of a grid.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The experiment.
    pub experiment: String,
    /// How much is spent.
    pub budget: Budget,
    /// Seeds; each row is run with each.
    pub seeds: Vec<u64>,
    /// What was overridden, as it was given.
    pub overrides: Vec<String>,
    /// Overrides that rows do not follow, in words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kept: Vec<String>,
    /// The rows that run.
    pub rows: Vec<PlannedRow>,
}

/// Settings that hold one of several kinds of value: an override replaces the whole of it.
const WHOLE: [&str; 5] = ["bound", "pairing", "order", "crop", "normalise"];

/// Settings that need not be given, for suggestions.
const OPTIONAL: [&str; 24] = [
    "data.dir",
    "data.stream",
    "augment.resize",
    "augment.crop",
    "augment.jitter",
    "model.prior.kind",
    "model.prior.gradient_penalty",
    "model.coordinates.absolute",
    "model.coordinates.relative",
    "model.occlusion",
    "probes.labels",
    "probes.mlp_average",
    "probes.svm",
    "order.buffered",
    "online.every",
    "data.noise.share",
    "data.images",
    "data.unlabeled",
    "data.fit",
    "probes.measures.ndm_steps",
    "probes.measures.decoder_epochs",
    "probes.measures.mine_steps",
    "probes.measures.mine_images",
    "probes.measures.fine_tune_epochs",
];

/// Puts an experiment's settings together: base, then budget, then overrides, then each row's own.
///
/// # Errors
/// When the experiment has no such budget or row, an override names no setting or gives it an impossible value (the error
/// names what was probably meant), or a row's settings cannot work.
pub fn resolve(definition: &Definition, budget: Budget, choice: &Choice) -> Result<Plan, ExperimentError> {
    let settings = definition.budget(budget)?;
    let malformed = |reason: String| ExperimentError::Definition { name: definition.name.clone(), reason };
    let mut shared = definition.base.clone();
    merge(&mut shared, &settings.set);
    if let Some(dir) = &choice.data_dir {
        let dir = Value::String(dir.to_string_lossy().into_owned());
        merge(&mut shared, &nested("data.dir", dir));
    }
    let (run, probes) = typed(&shared, "base").map_err(|fault| malformed(fault.in_words("base and budget")))?;
    let known = known_keys(&run, &probes);
    let mut given = Vec::with_capacity(choice.overrides.len());
    for text in &choice.overrides {
        let (key, value) = parse_override(text)?;
        merge(&mut shared, &nested(&key, value.clone()));
        typed(&shared, "base").map_err(|fault| fault.of_override(&key, &value, &known))?;
        given.push(key);
    }
    let runnable: Vec<_> = definition.rows.iter().filter(|r| r.runs()).collect();
    for id in &choice.rows {
        if !runnable.iter().any(|r| r.id == *id) {
            return Err(ExperimentError::NoRow {
                experiment: definition.name.clone(),
                row: id.clone(),
                near: near(id, runnable.iter().map(|r| r.id.as_str())).map(str::to_owned),
                known: runnable.iter().map(|r| r.id.as_str()).collect::<Vec<_>>().join(", "),
            });
        }
    }
    let (mut rows, mut kept) = (Vec::new(), Vec::new());
    for row in runnable.iter().filter(|r| choice.rows.is_empty() || choice.rows.contains(&r.id)) {
        let mut tree = shared.clone();
        if let Some(set) = &row.set {
            merge(&mut tree, set);
        }
        if let Some(set) = row.budgets.get(budget.name()) {
            merge(&mut tree, set);
        }
        let (run, probes) = typed(&tree, &row.id).map_err(|fault| malformed(fault.in_words(&row.id)))?;
        run.check()?;
        probes.check(run.model.method, definition.probe)?;
        for key in &given {
            let note = format!("{} keeps its own `{key}`", row.id);
            if lookup(&tree, key) != lookup(&shared, key) && !kept.contains(&note) {
                kept.push(note);
            }
        }
        rows.push(PlannedRow { id: row.id.clone(), name: row.name.clone(), untrained: row.untrained, run, probes });
    }
    Ok(Plan {
        experiment: definition.name.clone(),
        budget,
        seeds: choice.seeds.clone().unwrap_or_else(|| (0..settings.seeds).collect()),
        overrides: choice.overrides.clone(),
        kept,
        rows,
    })
}

/// Puts `from` over `into`, table by table.
pub(super) fn merge(into: &mut Table, from: &Table) {
    for (key, value) in from {
        match (into.get_mut(key), value) {
            (Some(Value::Table(old)), Value::Table(new)) if !WHOLE.contains(&key.as_str()) => merge(old, new),
            _ => {
                into.insert(key.clone(), value.clone());
            }
        }
    }
}

/// `key = value` as a tree of tables.
pub(super) fn nested(key: &str, value: Value) -> Table {
    let mut parts = key.rsplit('.');
    let last = parts.next().unwrap_or_default().to_owned();
    let leaf = Table::from_iter([(last, value)]);
    parts.fold(leaf, |inner, part| Table::from_iter([(part.to_owned(), Value::Table(inner))]))
}

/// The value at a dotted key.
fn lookup<'a>(tree: &'a Table, key: &str) -> Option<&'a Value> {
    let (path, last) = key.rsplit_once('.').unwrap_or(("", key));
    let inside = path.split('.').filter(|p| !p.is_empty()).try_fold(tree, |tree, part| tree.get(part)?.as_table())?;
    inside.get(last)
}

/// Splits `key=value`; a value that is not TOML is taken for a word.
pub(super) fn parse_override(text: &str) -> Result<(String, Value), ExperimentError> {
    let wrong = || ExperimentError::Override { text: text.to_owned() };
    let (key, word) = text.split_once('=').map(|(key, word)| (key.trim(), word.trim())).ok_or_else(wrong)?;
    if key.is_empty() || word.is_empty() || key.split('.').any(str::is_empty) {
        return Err(wrong());
    }
    let reserved = |instead| ExperimentError::Reserved { key: key.to_owned(), instead };
    match key {
        "seed" => return Err(reserved("say which seeds with --seeds")),
        "name" => return Err(reserved("runs are called after their rows")),
        _ => {}
    }
    let parsed = toml::from_str::<Table>(&format!("value = {word}")).ok().filter(|t| t.len() == 1);
    let value = parsed.and_then(|mut t| t.remove("value"));
    Ok((key.to_owned(), value.unwrap_or_else(|| Value::String(word.to_owned()))))
}

/// Why a tree of settings has no types.
pub(super) enum Fault {
    /// No such setting.
    Key(String),
    /// Another kind of value, or a setting that is missing.
    Value(String),
}

impl Fault {
    pub(super) fn in_words(self, what: &str) -> String {
        match self {
            Self::Key(key) => format!("{what}: there is no setting `{key}`"),
            Self::Value(reason) => format!("{what}: {reason}"),
        }
    }

    pub(super) fn of_override(self, key: &str, value: &Value, known: &[String]) -> ExperimentError {
        match self {
            Self::Key(key) => {
                let near = near(&key, known.iter().map(String::as_str)).map(str::to_owned);
                ExperimentError::Key { key, near }
            }
            Self::Value(reason) => {
                // serde names what it expected in backticks.
                let allowed: Vec<&str> =
                    reason.split_once("expected").map_or("", |p| p.1).split('`').skip(1).step_by(2).collect();
                let near = value.as_str().and_then(|v| near(v, allowed.iter().copied())).map(str::to_owned);
                ExperimentError::Value { key: key.to_owned(), value: value.to_string(), reason: reason.clone(), near }
            }
        }
    }
}

/// The types of a tree of settings.
fn typed(tree: &Table, name: &str) -> Result<(RunConfig, ProbeSettings), Fault> {
    let mut tree = tree.clone();
    let probes = tree.remove("probes").unwrap_or_else(|| Value::Table(Table::new()));
    tree.insert("name".into(), Value::String(name.to_owned()));
    tree.insert("seed".into(), Value::Integer(0));
    let run = strict(Value::Table(tree), "")?;
    Ok((run, strict(probes, "probes.")?))
}

/// Deserialises, and takes what nothing asks for as a fault.
pub(super) fn strict<T: serde::de::DeserializeOwned>(value: Value, prefix: &str) -> Result<T, Fault> {
    let mut unknown = None;
    let mut note = |path: serde_ignored::Path<'_>| {
        // `?` stands for the inside of an option.
        let path = path.to_string().split('.').filter(|p| *p != "?").collect::<Vec<_>>().join(".");
        unknown.get_or_insert(format!("{prefix}{path}"));
    };
    let found = serde_ignored::deserialize(value, &mut note);
    // An unknown key may be a known one misspelt, whose lack is the other error.
    match (unknown, found) {
        (Some(key), _) => Err(Fault::Key(key)),
        (None, Err(e)) => Err(Fault::Value(format!("{prefix}{}", e.to_string().trim().replace('\n', " ")))),
        (None, Ok(found)) => Ok(found),
    }
}

/// All settings, dotted.
fn known_keys(run: &RunConfig, probes: &ProbeSettings) -> Vec<String> {
    let mut known: Vec<String> = OPTIONAL.iter().map(|&k| k.to_owned()).collect();
    for (prefix, value) in [("", Value::try_from(run)), ("probes.", Value::try_from(probes))] {
        if let Ok(value) = value {
            leaves(&value, prefix.trim_end_matches('.'), &mut known);
        }
    }
    known.retain(|k| k != "name" && k != "seed");
    known
}

pub(super) fn leaves(value: &Value, path: &str, found: &mut Vec<String>) {
    match value {
        Value::Table(table) => {
            for (key, value) in table {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                leaves(value, &path, found);
            }
        }
        _ => found.push(path.to_owned()),
    }
}
