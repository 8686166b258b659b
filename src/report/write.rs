//! Pictures to files.

use super::ReportError;
use super::font;
use crate::files::write_atomic;
use plotters::coord::Shift;
use plotters::prelude::*;
use std::path::{Path, PathBuf};

pub(super) fn draw_error(error: impl std::fmt::Display) -> ReportError {
    ReportError::Draw(error.to_string())
}

/// PNG of dense 8-bit RGB rows.
pub(super) fn encode_png(pixels: &[u8], width: u32, height: u32) -> Result<Vec<u8>, ReportError> {
    use image::ImageEncoder;
    let mut bytes = Vec::new();
    image::codecs::png::PngEncoder::new(&mut bytes)
        .write_image(pixels, width, height, image::ExtendedColorType::Rgb8)
        .map_err(draw_error)?;
    Ok(bytes)
}

/// What `draw` draws at scale 1 on `size` pixels, as SVG.
pub(super) fn svg(
    size: (u32, u32),
    draw: impl FnOnce(&DrawingArea<SVGBackend, Shift>, i32) -> Result<(), ReportError>,
) -> Result<String, ReportError> {
    let mut text = String::new();
    let root = SVGBackend::with_string(&mut text, size).into_drawing_area();
    draw(&root, 1)?;
    root.present().map_err(draw_error)?;
    drop(root);
    Ok(text)
}

/// What `draw` draws, as PNG: drawn at scale [`font::FINE`] and made smaller, so that edges and letters are smooth.
pub(super) fn png(
    (width, height): (u32, u32),
    draw: impl FnOnce(&DrawingArea<BitMapBackend, Shift>, i32) -> Result<(), ReportError>,
) -> Result<Vec<u8>, ReportError> {
    let fine = font::FINE as u32;
    let (wide, high) = (width * fine, height * fine);
    let mut pixels = vec![255; wide as usize * high as usize * 3];
    let root = BitMapBackend::with_buffer(&mut pixels, (wide, high)).into_drawing_area();
    draw(&root, fine as i32)?;
    root.present().map_err(draw_error)?;
    drop(root);
    encode_png(&font::shrink(&pixels, width as usize, height as usize), width, height)
}

/// Writes `stem.svg` and `stem.png`; a dot in the stem stays.
pub(super) fn write_pair(stem: &Path, svg: &[u8], png: &[u8]) -> Result<[PathBuf; 2], ReportError> {
    let with = |extension: &str| {
        let mut name = stem.as_os_str().to_owned();
        name.push(extension);
        PathBuf::from(name)
    };
    let paths = [with(".svg"), with(".png")];
    for (path, bytes) in paths.iter().zip([svg, png]) {
        write_atomic(path, bytes).map_err(|source| ReportError::Io { path: path.clone(), source })?;
    }
    Ok(paths)
}
