//! Numeric columns of a parquet file.

use super::{Columns, NumbersError};
use crate::data::guard::guarded;
use polars::prelude::*;
use std::fs::File;
use std::path::{Path, PathBuf};

/// A parquet file whose columns are read by name.
pub(super) struct Parquet {
    path: PathBuf,
    names: Vec<String>,
}

/// The reader of polars panics on some damaged files; that is an error here.
fn reading<T>(path: &Path, work: impl FnOnce() -> Result<T, NumbersError>) -> Result<T, NumbersError> {
    guarded(work).unwrap_or_else(|said| Err(NumbersError::damaged(path, format!("its reader gave up: {said}"))))
}

/// polars' errors can span lines; the first says what is wrong.
fn failed(path: &Path) -> impl Fn(PolarsError) -> NumbersError + '_ {
    |e| NumbersError::damaged(path, e.to_string().lines().next().unwrap_or_default())
}

impl Parquet {
    pub fn open(path: &Path) -> Result<Self, NumbersError> {
        reading(path, || {
            let file = File::open(path).map_err(NumbersError::read(path))?;
            let schema = ParquetReader::new(file).schema().map_err(failed(path))?;
            Ok(Self { path: path.to_owned(), names: schema.iter_names().map(ToString::to_string).collect() })
        })
    }
}

impl Columns for Parquet {
    fn names(&self) -> Vec<String> {
        self.names.clone()
    }

    fn read(&mut self, places: &[usize]) -> Result<Vec<Vec<f64>>, NumbersError> {
        let path = &self.path;
        reading(path, || {
            let file = File::open(path).map_err(NumbersError::read(path))?;
            let wanted: Vec<String> = places.iter().map(|&p| self.names[p].clone()).collect();
            let reader = ParquetReader::new(file).with_columns(Some(wanted.clone()));
            let frame = reader.finish().map_err(failed(path))?;
            wanted
                .iter()
                .map(|name| {
                    let column = frame.column(name).map_err(failed(path))?;
                    if !column.dtype().is_primitive_numeric() && !column.dtype().is_bool() {
                        let reason = format!("column `{name}` holds {}, not numbers", column.dtype());
                        return Err(NumbersError::damaged(path, reason));
                    }
                    let numbers = column.cast(&DataType::Float64).map_err(failed(path))?;
                    let numbers = numbers.f64().map_err(failed(path))?;
                    let cell = |(row, v): (usize, Option<f64>)| {
                        v.ok_or_else(|| NumbersError::Cell {
                            path: path.clone(),
                            column: name.clone(),
                            row,
                            found: "an empty cell".into(),
                        })
                    };
                    numbers.iter().enumerate().map(cell).collect()
                })
                .collect()
        })
    }
}
