//! The font of the bitmaps.

use super::ReportError;
use plotters::prelude::*;
use plotters::style::{FontStyle, register_font};
use std::sync::OnceLock;

/// Family name in SVG, and the name under which the shipped font is registered for bitmaps.
pub(super) const FAMILY: &str = "sans-serif";

/// How much larger bitmaps are drawn before they are averaged.
pub(super) const FINE: usize = 3;

static FONT: &[u8] = include_bytes!("assets/DejaVuSans-subset.ttf");

/// Registers the shipped font, once per process.
pub(super) fn register() -> Result<(), ReportError> {
    static DONE: OnceLock<bool> = OnceLock::new();
    match DONE.get_or_init(|| register_font(FAMILY, FontStyle::Normal, FONT).is_ok()) {
        true => Ok(()),
        false => Err(ReportError::Draw("the shipped font cannot be read".into())),
    }
}

/// Control characters are not allowed in XML and have no glyph: they become spaces.
pub(super) fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') { ' ' } else { c }).collect()
}

/// Width of a line in pixels, as the bitmaps set it.
pub(super) fn width(text: &str, size: f64) -> Result<u32, ReportError> {
    let (w, _) = (FAMILY, size).into_font().box_size(text).map_err(|e| ReportError::Draw(e.to_string()))?;
    Ok(w)
}

/// The text, cut with an ellipsis when it is wider than `limit` pixels.
pub(super) fn fit(text: &str, size: f64, limit: u32) -> Result<String, ReportError> {
    let mut text = clean(text);
    if width(&text, size)? <= limit {
        return Ok(text);
    }
    while text.pop().is_some() {
        let cut = format!("{}…", text.trim_end());
        if width(&cut, size)? <= limit {
            return Ok(cut);
        }
    }
    Ok(text)
}

/// Averages squares of [`FINE`] pixels: dense RGB rows in, `[height, width, 3]` out.
pub(super) fn shrink(pixels: &[u8], width: usize, height: usize) -> Vec<u8> {
    let stride = width * FINE * 3;
    let mut out = Vec::with_capacity(width * height * 3);
    for y in 0..height {
        for x in 0..width {
            for c in 0..3 {
                let corner = y * FINE * stride + x * FINE * 3 + c;
                let sum: usize =
                    (0..FINE * FINE).map(|i| usize::from(pixels[corner + (i / FINE) * stride + (i % FINE) * 3])).sum();
                out.push(((sum + FINE * FINE / 2) / (FINE * FINE)) as u8);
            }
        }
    }
    out
}

/// A line of dark text on white as dense RGB rows, with its width and height in pixels.
pub(super) fn line(text: &str, size: f64) -> Result<(Vec<u8>, usize, usize), ReportError> {
    let (wide, high) = (width(text, size)? as usize + 4, (size * 1.4).ceil() as usize);
    let mut pixels = vec![255; wide * high * FINE * FINE * 3];
    let root =
        BitMapBackend::with_buffer(&mut pixels, ((wide * FINE) as u32, (high * FINE) as u32)).into_drawing_area();
    let draw_error = |e: DrawingAreaErrorKind<_>| ReportError::Draw(e.to_string());
    let style = (FAMILY, size * FINE as f64).into_font().color(&RGBColor(40, 40, 40));
    // the drawing library sets the base line half a size below the point it is given
    let top = (0.45 * size * FINE as f64) as i32;
    root.draw(&Text::new(text, (2 * FINE as i32, top), style)).map_err(draw_error)?;
    root.present().map_err(draw_error)?;
    drop(root);
    Ok((shrink(&pixels, wide, high), wide, high))
}
