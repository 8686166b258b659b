//! A smaller, class-balanced cut of a data set, in the same layout.

use super::source::Source;
use super::subset::balanced;
use super::{Card, DataError, Split, Table, write_parquet};
use std::path::{Path, PathBuf};

/// Writes `per_class` = [train, test] images of each class of a named set under `out/org/name/…`, the encoded bytes
/// unchanged. Returns the files written. The cut is a function of the seed; a larger cut contains a smaller one.
///
/// # Errors
/// When the set is not found or damaged, a class has too few images, or a file cannot be written.
pub fn write_sample(
    name: &str,
    from: Option<&Path>,
    out: &Path,
    per_class: [usize; 2],
    seed: u64,
) -> Result<Vec<PathBuf>, DataError> {
    let mut written = Vec::new();
    for (split, per_class) in [Split::Train, Split::Test].into_iter().zip(per_class) {
        let Source::Named(named) = Source::detect(name, from)? else {
            let known = Card::names().collect::<Vec<_>>().join(", ");
            return Err(DataError::Unknown { name: name.to_owned(), known });
        };
        let (files, card) = (named.files(split)?, &named.card);
        let (mut images, mut labels) = (Vec::new(), Vec::new());
        for file in &files {
            let table = Table::read(file, Some(&card.image_column), Some(&card.label_column))?;
            images.extend(table.images);
            labels.extend(table.labels);
        }
        // A label that names no class is in no class's choice.
        let known: Vec<u32> = labels.iter().map(|&l| u32::try_from(l).unwrap_or(u32::MAX)).collect();
        let rows = balanced(&known, card.classes.len(), per_class, seed)?;
        let images: Vec<&[u8]> = rows.iter().map(|&r| images[r].as_slice()).collect();
        let labels: Vec<i64> = rows.iter().map(|&r| labels[r]).collect();
        let file = card.pattern(split)?.replace('*', "00000-of-00001");
        let path = out.join(&card.repo).join(file);
        write_parquet(&path, &card.image_column, &card.label_column, &images, &labels)?;
        written.push(path);
    }
    Ok(written)
}
