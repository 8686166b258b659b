//! A run's state in one safetensors file: every tensor, and the position in its metadata.

use super::{TrainError, io};
use crate::dim::StepReport;
use crate::files::write_atomic;
use crate::nn::checkpoint::Array;
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
use std::path::Path;

/// Where a run stands: enough, with the tensors, to go on as if it had never stopped.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Position {
    /// Steps done.
    pub step: u64,
    /// Whole epochs done.
    pub epoch: u64,
    /// Batches done in the epoch that is under way.
    pub batch: u64,
    /// Sums of the reports since the last entry of the loss history, and their number.
    pub since_log: (StepReport, u64),
    /// Sums of the reports since the epoch began, and their number.
    pub since_epoch: (StepReport, u64),
    /// Length of the loss history at this point, bytes.
    pub history: u64,
    /// The best epoch so far and its merit; see [`Method::merit`](crate::dim::Method::merit).
    pub best: Option<(u64, f64)>,
}

/// A run's state.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint {
    /// Tensors by name.
    pub arrays: BTreeMap<String, Array>,
    /// Where the run stands.
    pub position: Position,
    /// The settings, as TOML, that the tensors belong to.
    pub config: String,
}

/// The name under which a file's metadata holds [`State`] as JSON.
const METADATA: &str = "infomax";

/// What a checkpoint holds besides tensors.
#[derive(Serialize, Deserialize)]
struct State {
    version: String,
    position: Position,
    config: String,
}

impl Checkpoint {
    /// Writes the file beside its place and renames it, so that it is whole or not there.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), TrainError> {
        let bad = |reason: String| TrainError::Checkpoint { path: path.to_owned(), reason };
        let bytes: BTreeMap<&str, Vec<u8>> = self
            .arrays
            .iter()
            .map(|(name, a)| (name.as_str(), a.values.iter().flat_map(|v| v.to_le_bytes()).collect()))
            .collect();
        let mut views = Vec::with_capacity(bytes.len());
        for (name, data) in &bytes {
            let view = TensorView::new(Dtype::F32, self.arrays[*name].shape.clone(), data);
            views.push((*name, view.map_err(|e| bad(format!("{e:?}")))?));
        }
        // One entry: a map of several has no fixed order, and the same state should be the same file.
        let state = serde_json::to_string(&State {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            position: self.position.clone(),
            config: self.config.clone(),
        });
        let metadata = HashMap::from([(METADATA.to_owned(), state.map_err(|e| bad(e.to_string()))?)]);
        let file = safetensors::serialize(views, &Some(metadata)).map_err(|e| bad(format!("{e:?}")))?;
        write_atomic(path, &file).map_err(io("write", path))
    }

    /// Reads a checkpoint.
    ///
    /// # Errors
    /// When the file cannot be read, is cut off, or was not written by [`Checkpoint::write`].
    pub fn read(path: &Path) -> Result<Self, TrainError> {
        let bad = |reason: String| TrainError::Checkpoint { path: path.to_owned(), reason };
        let file = std::fs::read(path).map_err(io("read", path))?;
        let (_, header) = SafeTensors::read_metadata(&file).map_err(|e| bad(format!("{e:?} (cut off or corrupt)")))?;
        let tensors = SafeTensors::deserialize(&file).map_err(|e| bad(format!("{e:?} (cut off or corrupt)")))?;
        let state = header.metadata().as_ref().and_then(|m| m.get(METADATA));
        let state = state.ok_or_else(|| bad(format!("its metadata has no `{METADATA}`; infomax did not write it")))?;
        let State { position, config, .. } = serde_json::from_str(state).map_err(|e| bad(format!("metadata: {e}")))?;
        let mut arrays = BTreeMap::new();
        for (name, view) in tensors.tensors() {
            if view.dtype() != Dtype::F32 {
                return Err(bad(format!("tensor `{name}` is {:?}, not F32", view.dtype())));
            }
            let values = view.data().chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
            arrays.insert(name, Array { shape: view.shape().to_vec(), values });
        }
        Ok(Self { arrays, position, config })
    }
}
