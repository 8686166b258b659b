//! Parquet in the hub's layout: a row for each image or patch, its pixels as PNG.

use super::rows::Rows;
use super::{ExportedFile, check_free, unwritable};
use crate::data::DataError;
use crate::files::NewFile;
use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, ImageEncoder, ImageError};
use polars::prelude::*;
use rayon::prelude::*;
use std::io::Error;
use std::ops::Range;
use std::path::Path;

pub(super) fn write(rows: &Rows<'_>, out: &Path, overwrite: bool) -> Result<Vec<ExportedFile>, DataError> {
    check_free(out, overwrite)?;
    let refused = |e: PolarsError| unwritable(out)(Error::other(e));
    let mut file = NewFile::create(out).map_err(unwritable(out))?;
    let mut writer = None;
    let mut written = 0;
    let mut columns = Vec::new();
    for block in rows.blocks() {
        let block = frame(rows, block, out)?;
        written += block.height();
        if writer.is_none() {
            columns = block.get_column_names().iter().map(ToString::to_string).collect();
            let plain = ParquetWriter::new(&mut file).with_compression(ParquetCompression::Uncompressed);
            writer = Some(plain.batched(block.schema()).map_err(refused)?);
        }
        if let Some(writer) = &mut writer {
            writer.write_batch(&block).map_err(refused)?;
        }
    }
    if let Some(writer) = writer {
        writer.finish().map_err(refused)?;
    }
    file.commit().map_err(unwritable(out))?;
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
    let png: Vec<Vec<u8>> = pixels
        .par_chunks(channels * side[0] * side[1])
        .map(|planes| encode(planes, channels, side))
        .collect::<Result<_, _>>()
        .map_err(|e| DataError::io("encode images for", out)(Error::other(e)))?;
    let png: Vec<&[u8]> = png.iter().map(Vec::as_slice).collect();
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
        let bytes = Series::new("bytes".into(), &png);
        let path = Series::full_null("path".into(), png.len(), &DataType::String);
        let image = StructChunked::from_series("image".into(), png.len(), [bytes, path].iter())?;
        columns.insert(0, image.into_series().into());
        DataFrame::new(png.len(), columns)
    };
    frame().map_err(|e| unwritable(out)(Error::other(e)))
}

/// Planes `[C, H, W]` as PNG, grey or RGB.
fn encode(planes: &[u8], channels: usize, [height, width]: [usize; 2]) -> Result<Vec<u8>, ImageError> {
    let area = height * width;
    let mut out = Vec::new();
    let (pixels, color) = match channels {
        1 => (planes.to_vec(), ExtendedColorType::L8),
        _ => ((0..area).flat_map(|i| (0..3).map(move |c| planes[c * area + i])).collect(), ExtendedColorType::Rgb8),
    };
    PngEncoder::new(&mut out).write_image(&pixels, width as u32, height as u32, color)?;
    Ok(out)
}
