//! Pictures to files.

use super::ReportError;
use crate::files::write_atomic;
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
