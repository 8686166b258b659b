//! Encoded images to bytes.

use super::{DataError, Table};
use image::{ImageReader, Limits};
use rayon::prelude::*;
use std::io::Cursor;

/// The most pixels on a side that are decoded: a small file can unpack to a very large picture.
const MAX_SIDE: u32 = 4096;

/// Width and height of an encoded image, from its header.
pub(super) fn size_of(table: &Table, row: usize) -> Result<(u32, u32), DataError> {
    let bad = |reason: String| DataError::Decode { path: table.path.clone(), row: table.rows[row], reason };
    let reader =
        ImageReader::new(Cursor::new(&table.images[row])).with_guessed_format().map_err(|e| bad(e.to_string()))?;
    reader.into_dimensions().map_err(|e| bad(e.to_string()))
}

/// Whether the image has colour, from its decoded form.
pub(super) fn channels_of(table: &Table, row: usize) -> Result<usize, DataError> {
    Ok(if open(table, row)?.color().has_color() { 3 } else { 1 })
}

fn open(table: &Table, row: usize) -> Result<image::DynamicImage, DataError> {
    let bad = |reason: String| DataError::Decode { path: table.path.clone(), row: table.rows[row], reason };
    let mut reader =
        ImageReader::new(Cursor::new(&table.images[row])).with_guessed_format().map_err(|e| bad(e.to_string()))?;
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    limits.max_alloc = Some(u64::from(MAX_SIDE) * u64::from(MAX_SIDE) * 8);
    reader.limits(limits);
    reader.decode().map_err(|e| bad(e.to_string()))
}

/// Decodes every image to planes, `[N, C, H, W]`, in parallel. Colour becomes grey, or grey colour, as `channels` says.
pub(super) fn decode(table: &Table, channels: usize, size: (u32, u32)) -> Result<Vec<u8>, DataError> {
    let area = size.0 as usize * size.1 as usize;
    let mut out = vec![0u8; table.images.len() * channels * area];
    out.par_chunks_mut(channels * area).enumerate().try_for_each(|(row, planes)| {
        let image = open(table, row)?;
        let found = (image.width(), image.height());
        if found != size {
            return Err(DataError::Size { path: table.path.clone(), row: table.rows[row], found, expected: size });
        }
        if channels == 1 {
            planes.copy_from_slice(image.to_luma8().as_raw());
        } else {
            for (place, pixel) in image.to_rgb8().as_raw().chunks_exact(3).enumerate() {
                for (c, &v) in pixel.iter().enumerate() {
                    planes[c * area + place] = v;
                }
            }
        }
        Ok(())
    })?;
    Ok(out)
}
