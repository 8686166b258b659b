//! Text with a line of names and then numbers.

use super::{Columns, NumbersError};
use ::csv::{ReaderBuilder, StringRecord};
use std::path::{Path, PathBuf};

/// A text file with separated cells; the first line names the columns.
pub(super) struct Csv {
    path: PathBuf,
    separator: u8,
    names: Vec<String>,
}

impl Csv {
    pub fn open(path: &Path, separator: u8) -> Result<Self, NumbersError> {
        let mut reader = reader(path, separator)?;
        let names = reader.headers().map_err(|e| failed(path, e))?.iter().map(str::to_owned).collect();
        Ok(Self { path: path.to_owned(), separator, names })
    }
}

fn reader(path: &Path, separator: u8) -> Result<::csv::Reader<std::fs::File>, NumbersError> {
    let file = std::fs::File::open(path).map_err(NumbersError::read(path))?;
    Ok(ReaderBuilder::new().delimiter(separator).trim(::csv::Trim::All).from_reader(file))
}

fn failed(path: &Path, e: ::csv::Error) -> NumbersError {
    match e.into_kind() {
        ::csv::ErrorKind::Io(source) => NumbersError::Read { path: path.to_owned(), source },
        ::csv::ErrorKind::UnequalLengths { pos, expected_len, len } => {
            let line = pos.map_or(0, |p| p.line());
            NumbersError::damaged(path, format!("line {line} has {len} cells where the first has {expected_len}"))
        }
        ::csv::ErrorKind::Utf8 { pos, .. } => {
            NumbersError::damaged(path, format!("line {} is no UTF-8", pos.map_or(0, |p| p.line())))
        }
        other => NumbersError::damaged(path, format!("{other:?}")),
    }
}

impl Columns for Csv {
    fn names(&self) -> Vec<String> {
        self.names.clone()
    }

    fn read(&mut self, places: &[usize]) -> Result<Vec<Vec<f64>>, NumbersError> {
        let mut reader = reader(&self.path, self.separator)?;
        let mut columns = vec![Vec::new(); places.len()];
        let (mut record, mut row) = (StringRecord::new(), 0);
        while reader.read_record(&mut record).map_err(|e| failed(&self.path, e))? {
            for (column, &place) in columns.iter_mut().zip(places) {
                let cell = record.get(place).unwrap_or_default();
                column.push(cell.parse().map_err(|_| NumbersError::Cell {
                    path: self.path.clone(),
                    column: self.names[place].clone(),
                    row,
                    found: if cell.is_empty() { "an empty cell".into() } else { format!("`{cell}`") },
                })?);
            }
            row += 1;
        }
        Ok(columns)
    }
}
