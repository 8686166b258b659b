//! A table whose cells are coloured by their values.

use super::ReportError;
use super::colour::INK;
use super::font::{self, FAMILY};
use super::write::{self, draw_error, write_pair};
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use std::path::{Path, PathBuf};

/// Of cells without a value.
const NONE: RGBColor = RGBColor(222, 222, 222);
/// Ends of the scale: below zero, zero, above zero.
const SCALE: [[f64; 3]; 3] = [[33.0, 102.0, 172.0], [250.0, 250.0, 250.0], [178.0, 24.0, 43.0]];
const TITLE_SIZE: f64 = 21.0;
const LABEL_SIZE: f64 = 13.0;
/// Pixels of a cell.
const CELL: (i32, i32) = (74, 20);
/// Pixels above the cells: title and column names.
const TOP: i32 = 72;
const MARGIN: i32 = 14;

/// Rows × columns of signed values: blue below zero, white at zero, red above, each cell with its value in figures.
#[derive(Clone, Debug, PartialEq)]
pub struct ErrorMap {
    /// Above the cells.
    pub title: String,
    /// Names of the columns.
    pub columns: Vec<String>,
    /// Names of the rows, and a value for each column; none leaves the cell grey.
    pub rows: Vec<(String, Vec<Option<f64>>)>,
    /// The absolute value of the strongest colours; larger ones are coloured the same. Above zero.
    pub limit: f64,
}

impl ErrorMap {
    /// The picture as SVG.
    ///
    /// # Errors
    /// [`ReportError::Empty`], [`ReportError::Cells`] when a row has too few or too many values,
    /// [`ReportError::NonFinite`].
    pub fn svg(&self) -> Result<String, ReportError> {
        let (size, names) = self.check()?;
        write::svg(size, |root, unit| self.draw(root, names, unit))
    }

    /// The picture as PNG, 8-bit RGB.
    ///
    /// # Errors
    /// As [`ErrorMap::svg`].
    pub fn png(&self) -> Result<Vec<u8>, ReportError> {
        let (size, names) = self.check()?;
        write::png(size, |root, unit| self.draw(root, names, unit))
    }

    /// Writes `stem.svg` and `stem.png`, each whole or not at all; returns their paths.
    ///
    /// # Errors
    /// As [`ErrorMap::svg`], and [`ReportError::Io`].
    pub fn write(&self, stem: impl AsRef<Path>) -> Result<[PathBuf; 2], ReportError> {
        write_pair(stem.as_ref(), self.svg()?.as_bytes(), &self.png()?)
    }

    /// Checks every number; the size in pixels and the width of the row names.
    fn check(&self) -> Result<((u32, u32), i32), ReportError> {
        font::register()?;
        let empty = |item| ReportError::Empty { what: format!("error map {:?}", self.title), item };
        if self.rows.is_empty() {
            return Err(empty("row"));
        }
        if self.columns.is_empty() {
            return Err(empty("column"));
        }
        if !(self.limit.is_finite() && self.limit > 0.0) {
            return Err(ReportError::NonFinite { what: "the scale".into(), index: 0, value: self.limit.to_string() });
        }
        let mut names = 0;
        for (index, (name, values)) in self.rows.iter().enumerate() {
            if values.len() != self.columns.len() {
                return Err(ReportError::Cells { row: index, got: values.len(), expected: self.columns.len() });
            }
            if let Some((index, v)) = values.iter().enumerate().find(|(_, v)| v.is_some_and(|v| !v.is_finite())) {
                let value = v.map_or_else(String::new, |v| v.to_string());
                return Err(ReportError::NonFinite { what: name.clone(), index, value });
            }
            names = names.max(font::width(&font::clean(name), LABEL_SIZE)? as i32);
        }
        let names = names + 2 * MARGIN;
        let width = names + self.columns.len() as i32 * CELL.0 + MARGIN;
        let title = font::width(&font::clean(&self.title), TITLE_SIZE)? as i32 + 2 * MARGIN;
        let height = TOP + self.rows.len() as i32 * CELL.1 + MARGIN;
        Ok(((width.max(title) as u32, height as u32), names))
    }

    fn draw<DB: DrawingBackend>(
        &self,
        root: &DrawingArea<DB, Shift>,
        names: i32,
        unit: i32,
    ) -> Result<(), ReportError> {
        root.fill(&WHITE).map_err(draw_error)?;
        let text = |words: &str, size: f64, x: i32, y: i32, place: HPos, colour: &RGBColor| {
            let style = (FAMILY, size * f64::from(unit)).into_font().color(colour).pos(Pos::new(place, VPos::Center));
            root.draw(&Text::new(font::clean(words), (x * unit, y * unit), style)).map_err(draw_error)
        };
        let width = root.dim_in_pixel().0 as i32 / unit;
        text(&self.title, TITLE_SIZE, width / 2, 22, HPos::Center, &INK)?;
        for (column, name) in self.columns.iter().enumerate() {
            let name = font::fit(name, LABEL_SIZE, CELL.0 as u32 - 4)?;
            text(&name, LABEL_SIZE, names + column as i32 * CELL.0 + CELL.0 / 2, TOP - 14, HPos::Center, &INK)?;
        }
        for (row, (name, values)) in self.rows.iter().enumerate() {
            let top = TOP + row as i32 * CELL.1;
            text(name, LABEL_SIZE, names - MARGIN, top + CELL.1 / 2, HPos::Right, &INK)?;
            for (column, value) in values.iter().enumerate() {
                let left = names + column as i32 * CELL.0;
                let corners = [(left * unit, top * unit), ((left + CELL.0 - 1) * unit, (top + CELL.1 - 1) * unit)];
                let (fill, ink) = value.map_or((NONE, INK), |v| colours(v / self.limit));
                root.draw(&Rectangle::new(corners, fill.filled())).map_err(draw_error)?;
                let words = value.map_or_else(|| "none".into(), |v| format!("{v:+.3}"));
                text(&words, LABEL_SIZE, left + CELL.0 / 2, top + CELL.1 / 2, HPos::Center, &ink)?;
            }
        }
        Ok(())
    }
}

/// Fill and ink of a cell at `share` of the scale.
fn colours(share: f64) -> (RGBColor, RGBColor) {
    let strength = share.abs().min(1.0);
    let end = if share < 0.0 { SCALE[0] } else { SCALE[2] };
    let mix = |c: usize| (SCALE[1][c] + (end[c] - SCALE[1][c]) * strength).round() as u8;
    (RGBColor(mix(0), mix(1), mix(2)), if strength > 0.6 { WHITE } else { INK })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(values: Vec<Option<f64>>) -> ErrorMap {
        let columns = vec!["ksg".to_owned(), "cca".into()];
        ErrorMap { title: "Errors".into(), columns, rows: vec![("1v1".into(), values)], limit: 0.5 }
    }

    #[test]
    fn cells_take_the_colour_of_their_value() {
        assert_eq!(colours(0.0), (RGBColor(250, 250, 250), INK));
        assert_eq!(colours(-7.0), (RGBColor(33, 102, 172), WHITE));
        let (RGBColor(r, _, b), _) = colours(0.3);
        assert!(r > b);
        let svg = map(vec![Some(0.25), Some(-0.5)]).svg().unwrap();
        assert!(svg.contains("+0.250") && svg.contains("-0.500") && svg.contains("1v1"));
        assert!(map(vec![Some(0.1), None]).png().unwrap().starts_with(b"\x89PNG"));
    }

    #[test]
    fn what_cannot_be_drawn_is_named() {
        let text = |m: ErrorMap| m.svg().unwrap_err().to_string();
        assert!(text(map(vec![None])).contains("row 0 has 1 cells"));
        assert!(text(map(vec![Some(f64::NAN), None])).contains("1v1 has NaN at index 0"));
        assert!(text(ErrorMap { rows: vec![], ..map(vec![]) }).contains("at least one row"));
        assert!(text(ErrorMap { limit: 0.0, ..map(vec![None, None]) }).contains("the scale has 0"));
    }
}
