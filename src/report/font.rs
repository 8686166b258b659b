//! The font of the bitmaps.

use super::ReportError;
use plotters::style::{FontStyle, register_font};
use std::sync::OnceLock;

/// Family name in SVG, and the name under which the shipped font is registered for bitmaps.
pub(super) const FAMILY: &str = "sans-serif";

static FONT: &[u8] = include_bytes!("../../assets/DejaVuSans-subset.ttf");

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
    use plotters::style::IntoFont;
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
