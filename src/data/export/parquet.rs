//! Parquet in the hub's layout: a row for each image or patch, its pixels as PNG.

use super::rows::Rows;
use super::{ExportedFile, check_free, unwritable};
use crate::data::DataError;
use crate::data::encode::png;
use crate::data::table::{image_column, write_blocks};
use polars::prelude::*;
use rayon::prelude::*;
use std::io::Error;
use std::ops::Range;
use std::path::Path;

pub(super) fn write(rows: &Rows<'_>, out: &Path, overwrite: bool) -> Result<Vec<ExportedFile>, DataError> {
    check_free(out, overwrite)?;
    let (written, columns) = write_blocks(out, rows.blocks().map(|block| frame(rows, block, out)))?;
    let content = vec![format!("{written} rows: {}", columns.join(", "))];
    Ok(vec![ExportedFile { path: out.to_owned(), content }])
}

/// The rows of some images.
fn frame(rows: &Rows<'_>, images: Range<usize>, out: &Path) -> Result<DataFrame, DataError> {
    let (side, each) = match rows.cutter {
        Some(c) => ([c.size(); 2], c.per_image()),
        None => ([rows.set.height, rows.set.width], 1),
    };
    let pixels = rows.pixels(images.clone())?;
    let channels = rows.set.channels;
    let packed: Vec<Vec<u8>> = pixels
        .par_chunks(channels * side[0] * side[1])
        .map(|planes| png(planes, channels, side))
        .collect::<Result<_, _>>()
        .map_err(|e| DataError::io("encode images for", out)(Error::other(e)))?;
    let encoded: Vec<&[u8]> = packed.iter().map(Vec::as_slice).collect();
    let of_each = |f: &dyn Fn(usize) -> i64| -> Vec<i64> {
        images.clone().flat_map(|i| std::iter::repeat_n(f(i), each)).collect()
    };
    let mut columns = vec![
        Column::new("label".into(), of_each(&|i| rows.label(i))),
        Column::new("index".into(), of_each(&|i| i as i64)),
    ];
    if rows.cutter.is_some() {
        let positions: Vec<_> = images.clone().flat_map(|i| rows.positions(i).into_owned()).collect();
        let (row, column): (Vec<i64>, Vec<i64>) = positions.iter().map(|p| (p.row as i64, p.column as i64)).unzip();
        columns.extend([Column::new("row".into(), row), Column::new("column".into(), column)]);
    }
    let frame = || -> PolarsResult<DataFrame> {
        columns.insert(0, image_column("image", &encoded)?);
        DataFrame::new(encoded.len(), columns)
    };
    frame().map_err(|e| unwritable(out)(Error::other(e)))
}
