//! Results as a table that other programs read.

use super::error::io;
use super::{ExperimentError, Finished};
use crate::files::NewFile;
use polars::prelude::*;
use std::io::Error;
use std::path::Path;

/// Writes a row for each cell and layer to a parquet file, whole or not at all. Accuracies are in [0, 1]; a cell whose
/// training diverged has one row, without a layer.
///
/// # Errors
/// When it cannot be written.
pub fn write_parquet(path: &Path, cells: &[Finished]) -> Result<(), ExperimentError> {
    let refused = |e: PolarsError| io("write", path)(Error::other(e));
    let rows: Vec<_> = cells
        .iter()
        .flat_map(|cell| {
            let layers = cell.result.layers.iter().map(Some);
            let none = cell.result.layers.is_empty().then_some(None);
            layers.chain(none).map(move |layer| (cell, layer))
        })
        .collect();
    let text = |name: &str, f: &dyn Fn(&Finished) -> String| {
        Column::new(name.into(), rows.iter().map(|(c, _)| f(c)).collect::<Vec<_>>())
    };
    let count = |name: &str, f: &dyn Fn(&Finished) -> u64| {
        Column::new(name.into(), rows.iter().map(|(c, _)| f(c)).collect::<Vec<_>>())
    };
    let number = |name: &str, f: &dyn Fn(&Finished) -> Option<f64>| {
        Column::new(name.into(), rows.iter().map(|(c, _)| f(c)).collect::<Vec<_>>())
    };
    let score = |name: &str, f: &dyn Fn(&super::LayerScore) -> Option<f64>| {
        Column::new(name.into(), rows.iter().map(|(_, l)| l.and_then(f)).collect::<Vec<_>>())
    };
    let layer: Vec<Option<&str>> = rows.iter().map(|(_, l)| l.map(|l| l.layer.as_str())).collect();
    let columns = vec![
        text("experiment", &|c| c.experiment.clone()),
        text("budget", &|c| c.budget.to_string()),
        text("grid", &|c| c.grid.display().to_string()),
        text("data", &|c| c.data.clone()),
        text("row", &|c| c.result.row.clone()),
        count("seed", &|c| c.result.seed),
        count("epochs", &|c| c.result.epochs),
        count("images", &|c| c.result.images as u64),
        count("labels", &|c| c.result.labels as u64),
        count("test_images", &|c| c.result.test_images as u64),
        count("encoder_parameters", &|c| c.result.encoder_parameters as u64),
        number("nats", &|c| c.result.nats),
        Column::new("layer".into(), layer),
        score("features", &|l| Some(l.size as f64)),
        score("linear", &|l| Some(l.linear)),
        score("linear_train", &|l| Some(l.linear_train)),
        score("mlp", &|l| Some(l.mlp)),
        score("mlp_train", &|l| Some(l.mlp_train)),
        score("svm", &|l| l.svm),
        score("svm_train", &|l| l.svm_train),
        text("diverged", &|c| c.result.diverged.clone().unwrap_or_default()),
        number("ndm", &|c| c.result.measures?.ndm),
        number("ndm_linear", &|c| c.result.measures?.ndm_linear),
        number("ms_ssim", &|c| c.result.measures?.ms_ssim),
        number("mine", &|c| c.result.measures?.mine),
        number("mine_training", &|c| c.result.measures?.mine_training),
        number("semi_supervised", &|c| c.result.measures?.semi_supervised),
        number("noise", &|c| c.result.measures?.noise),
        number("train_seconds", &|c| c.seconds.map(|s| s.train)),
        number("probe_seconds", &|c| c.seconds.map(|s| s.probe)),
    ];
    let mut frame = DataFrame::new(rows.len(), columns).map_err(refused)?;
    let mut file = NewFile::create(path).map_err(io("write", path))?;
    ParquetWriter::new(&mut file)
        .with_compression(ParquetCompression::Uncompressed)
        .finish(&mut frame)
        .map_err(refused)?;
    file.commit().map_err(io("write", path))
}
