//! Pixels to PNG.

use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, ImageEncoder, ImageError};

/// Planes `[C, H, W]` as PNG, grey or RGB.
pub(super) fn png(planes: &[u8], channels: usize, [height, width]: [usize; 2]) -> Result<Vec<u8>, ImageError> {
    let area = height * width;
    let mut out = Vec::new();
    let (pixels, color) = match channels {
        1 => (planes.to_vec(), ExtendedColorType::L8),
        _ => ((0..area).flat_map(|i| (0..3).map(move |c| planes[c * area + i])).collect(), ExtendedColorType::Rgb8),
    };
    PngEncoder::new(&mut out).write_image(&pixels, width as u32, height as u32, color)?;
    Ok(out)
}

/// Values `[H, W]` as PNG of 16 bits.
pub(super) fn png16(values: &[u16], [height, width]: [usize; 2]) -> Result<Vec<u8>, ImageError> {
    let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_ne_bytes()).collect();
    let mut out = Vec::new();
    PngEncoder::new(&mut out).write_image(&bytes, width as u32, height as u32, ExtendedColorType::L16)?;
    Ok(out)
}
