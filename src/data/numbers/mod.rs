//! Columns of numbers from a file: the samples of a question about mutual information.

mod csv;
mod npy;
mod parquet;

use crate::mi::{MiError, Samples};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use wildmatch::WildMatch;

/// Why there are no samples.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NumbersError {
    /// The system.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// Not one of the formats that are read.
    #[error("{} ends neither in .parquet nor in .csv, .tsv or .npy", path.display())]
    Kind {
        /// The file.
        path: PathBuf,
    },
    /// Damaged, or not what its name says.
    #[error("{}: {reason}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A column that is not there.
    #[error("{}: no column matches `{pattern}`; there are {there}", path.display())]
    Column {
        /// The file.
        path: PathBuf,
        /// What was asked for.
        pattern: String,
        /// The first of the columns.
        there: String,
    },
    /// A column that was asked for more than once.
    #[error("column `{column}` is named twice; name it once")]
    Twice {
        /// Its name.
        column: String,
    },
    /// A column that was asked for by a name that it shares with another.
    #[error("{}: {count} columns are called `{column}`; give each a name of its own", path.display())]
    Ambiguous {
        /// The file.
        path: PathBuf,
        /// The name.
        column: String,
        /// Columns of that name.
        count: usize,
    },
    /// A cell that is no number.
    #[error("{}: column `{column}`, row {row}: {found} is no number; drop or fill such rows", path.display())]
    Cell {
        /// The file.
        path: PathBuf,
        /// The column.
        column: String,
        /// Row, from 0.
        row: usize,
        /// What is there.
        found: String,
    },
    /// What the numbers are.
    #[error("{}: {source}", path.display())]
    Samples {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: MiError,
    },
}

impl NumbersError {
    fn read(path: &Path) -> impl Fn(std::io::Error) -> Self + '_ {
        |source| Self::Read { path: path.to_owned(), source }
    }

    fn damaged(path: &Path, reason: impl Into<String>) -> Self {
        Self::Damaged { path: path.to_owned(), reason: reason.into() }
    }
}

/// Columns of a file, read as they are asked for.
trait Columns {
    /// Names of all columns, in order.
    fn names(&self) -> Vec<String>;

    /// The numbers of some columns, by their places; each `[N]`.
    fn read(&mut self, places: &[usize]) -> Result<Vec<Vec<f64>>, NumbersError>;
}

/// Reads groups of columns of `path` (.parquet, .csv, .tsv or .npy), such as x and y: each is names with commas between them,
/// where `*` stands for any letters and `?` for one. A .npy file's columns are named 0, 1, 2 …
///
/// # Errors
/// A file that cannot be read or is damaged, a pattern without a column, a column named twice, a name that two columns
/// have, a cell without a finite number.
pub fn read_columns(path: &Path, groups: &[&str]) -> Result<Vec<Samples>, NumbersError> {
    let kind = path.extension().and_then(|e| e.to_str()).unwrap_or_default().to_ascii_lowercase();
    let mut file: Box<dyn Columns> = match kind.as_str() {
        "parquet" => Box::new(parquet::Parquet::open(path)?),
        "csv" => Box::new(csv::Csv::open(path, b',')?),
        "tsv" => Box::new(csv::Csv::open(path, b'\t')?),
        "npy" => Box::new(npy::Npy::open(path)?),
        _ => return Err(NumbersError::Kind { path: path.to_owned() }),
    };
    let names = file.names();
    let groups: Vec<Vec<usize>> = groups.iter().map(|g| select(path, &names, g)).collect::<Result<_, _>>()?;
    let all = groups.concat();
    if let Some((_, &twice)) = all.iter().enumerate().find(|(at, place)| all[..*at].contains(place)) {
        return Err(NumbersError::Twice { column: names[twice].clone() });
    }
    let mut counts = HashMap::new();
    names.iter().for_each(|name| *counts.entry(name).or_insert(0) += 1);
    for &place in &all {
        let count = counts[&names[place]];
        if count > 1 {
            return Err(NumbersError::Ambiguous { path: path.to_owned(), column: names[place].clone(), count });
        }
    }
    let columns = file.read(&all)?;
    let mut rest = &columns[..];
    groups
        .iter()
        .map(|places| {
            let (own, others) = rest.split_at(places.len());
            rest = others;
            samples(path, &names, places, own)
        })
        .collect()
}

/// The places of the columns that the patterns name.
fn select(path: &Path, names: &[String], patterns: &str) -> Result<Vec<usize>, NumbersError> {
    let mut places = Vec::new();
    for pattern in patterns.split(',').map(str::trim).filter(|p| !p.is_empty()) {
        // A name is itself, even with a star in it.
        let found: Vec<usize> = match names.iter().position(|n| n == pattern) {
            Some(place) => vec![place],
            None => {
                let wild = WildMatch::new(pattern);
                (0..names.len()).filter(|&i| wild.matches(&names[i])).collect()
            }
        };
        if found.is_empty() {
            let more = if names.len() > 12 { format!(" and {} more", names.len() - 12) } else { String::new() };
            let there = names.iter().take(12).map(String::as_str).collect::<Vec<_>>().join(", ") + &more;
            return Err(NumbersError::Column { path: path.to_owned(), pattern: pattern.into(), there });
        }
        places.extend(found);
    }
    Ok(places)
}

/// Rows of some columns.
fn samples(path: &Path, names: &[String], places: &[usize], columns: &[Vec<f64>]) -> Result<Samples, NumbersError> {
    let rows = columns.first().map_or(0, Vec::len);
    let values = (0..rows).flat_map(|r| columns.iter().map(move |c| c[r])).collect();
    let names = places.iter().map(|&p| names[p].clone()).collect();
    Samples::named(values, names).map_err(|source| NumbersError::Samples { path: path.to_owned(), source })
}
