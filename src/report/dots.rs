//! Dot charts: named rows, a dot for each measure, drawn to SVG and PNG from one description.

use super::ReportError;
use super::colour::{INK, PALETTE};
use super::font::{self, FAMILY};
use super::ticks::Axis;
use super::write::{self, draw_error, write_pair};
use plotters::coord::Shift;
use plotters::coord::ranged1d::Ranged;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use std::path::{Path, PathBuf};

const GRID: RGBColor = RGBColor(228, 228, 228);
const TITLE_SIZE: f64 = 21.0;
const LABEL_SIZE: f64 = 15.0;
const WIDTH: i32 = 900;
/// Pixels above the rows: title and legend.
const TOP: i32 = 82;
/// Pixels of a row, without its dots.
const ROW: i32 = 14;
/// Pixels between the dots of a row, one below the other.
const DOT: i32 = 9;
/// Pixels below the rows: marks and the axis' name.
const BOTTOM: i32 = 58;
/// The most pixels of the rows' names.
const NAMES: i32 = 260;

/// A value with half the length of its error bar.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Dot {
    /// In the unit of the axis.
    pub value: f64,
    /// None is drawn for zero.
    pub error: f64,
}

/// A named row.
#[derive(Debug, Clone, PartialEq)]
pub struct DotRow {
    /// Its name.
    pub name: String,
    /// A filled dot for each name of the legend; `None` leaves it out.
    pub dots: Vec<Option<Dot>>,
    /// A ring for each name of the legend, for another's figures.
    pub rings: Vec<Option<f64>>,
}

/// Rows of dots over one axis.
#[derive(Debug, Clone, PartialEq)]
pub struct DotChart {
    /// Above all.
    pub title: String,
    /// Below all, with the unit.
    pub x_label: String,
    /// What the dots of a row are: up to four names.
    pub legend: Vec<String>,
    /// What rings are; drawn in the legend when there are any.
    pub ring: String,
    /// The rows, from the top.
    pub rows: Vec<DotRow>,
}

impl DotChart {
    /// The chart as SVG.
    ///
    /// # Errors
    /// [`ReportError::Empty`] without rows or dots, [`ReportError::NonFinite`].
    pub fn svg(&self) -> Result<String, ReportError> {
        let axis = self.axis()?;
        write::svg((WIDTH as u32, self.height()), |root, unit| self.draw(root, &axis, unit))
    }

    /// The chart as PNG, 8-bit RGB.
    ///
    /// # Errors
    /// As [`DotChart::svg`].
    pub fn png(&self) -> Result<Vec<u8>, ReportError> {
        let axis = self.axis()?;
        write::png((WIDTH as u32, self.height()), |root, unit| self.draw(root, &axis, unit))
    }

    /// Writes `stem.svg` and `stem.png`, each whole or not at all; returns their paths.
    ///
    /// # Errors
    /// As [`DotChart::svg`], and [`ReportError::Io`].
    pub fn write(&self, stem: impl AsRef<Path>) -> Result<[PathBuf; 2], ReportError> {
        write_pair(stem.as_ref(), self.svg()?.as_bytes(), &self.png()?)
    }

    /// Pixels of a row.
    fn row_height(&self) -> i32 {
        ROW + DOT * self.legend.len() as i32
    }

    fn height(&self) -> u32 {
        (TOP + self.row_height() * self.rows.len() as i32 + BOTTOM) as u32
    }

    /// Checks every number and finds the axis.
    fn axis(&self) -> Result<Axis, ReportError> {
        font::register()?;
        let mut ends = (f64::INFINITY, f64::NEG_INFINITY);
        for row in &self.rows {
            let dots = row.dots.iter().flatten().flat_map(|d| [d.value - d.error, d.value + d.error]);
            for (index, value) in dots.chain(row.rings.iter().flatten().copied()).enumerate() {
                if !value.is_finite() {
                    let value = value.to_string();
                    return Err(ReportError::NonFinite { what: format!("row {:?}", row.name), index, value });
                }
                ends = (ends.0.min(value), ends.1.max(value));
            }
        }
        if ends.0 > ends.1 {
            return Err(ReportError::Empty { what: format!("chart {:?}", self.title), item: "dot" });
        }
        Ok(Axis::linear(ends.0, ends.1, 8, true))
    }

    fn draw<DB: DrawingBackend>(
        &self,
        root: &DrawingArea<DB, Shift>,
        axis: &Axis,
        unit: i32,
    ) -> Result<(), ReportError> {
        root.fill(&WHITE).map_err(draw_error)?;
        let put = |text: String, (x, y): (i32, i32), size: f64, side: HPos| {
            let style = ink(size, unit).pos(Pos::new(side, VPos::Center));
            root.draw(&Text::new(text, (x * unit, y * unit), style)).map_err(draw_error)
        };
        let line = |from: (i32, i32), to: (i32, i32), colour: RGBColor, wide: i32| {
            let ends = [from, to].map(|(x, y)| (x * unit, y * unit));
            root.draw(&PathElement::new(ends, colour.stroke_width((wide * unit) as u32))).map_err(draw_error)
        };
        put(font::fit(&self.title, TITLE_SIZE, WIDTH as u32 - 40)?, (WIDTH / 2, 24), TITLE_SIZE, HPos::Center)?;
        let widest = self.rows.iter().map(|r| font::width(&r.name, LABEL_SIZE));
        let widest = widest.collect::<Result<Vec<_>, _>>()?.into_iter().max().unwrap_or(0) as i32;
        let (left, right) = (widest.min(NAMES) + 34, WIDTH - 30);
        let bottom = TOP + self.row_height() * self.rows.len() as i32;
        let place = |value: f64| axis.map(&value, (left, right));
        for (&tick, label) in axis.ticks.iter().zip(&axis.labels) {
            line((place(tick), TOP), (place(tick), bottom), GRID, 1)?;
            put(label.clone(), (place(tick), bottom + 14), LABEL_SIZE, HPos::Center)?;
        }
        put(
            font::fit(&self.x_label, LABEL_SIZE, WIDTH as u32 - 40)?,
            ((left + right) / 2, bottom + 40),
            LABEL_SIZE,
            HPos::Center,
        )?;
        self.draw_legend(root, left, unit)?;
        for (number, row) in self.rows.iter().enumerate() {
            let top = TOP + number as i32 * self.row_height();
            line((left, top), (right, top), GRID, 1)?;
            let name = font::fit(&row.name, LABEL_SIZE, NAMES as u32)?;
            put(name, (left - 12, top + self.row_height() / 2), LABEL_SIZE, HPos::Right)?;
            for (place_in_row, colour) in PALETTE.iter().enumerate().take(self.legend.len()) {
                let y = top + (ROW + DOT) / 2 + place_in_row as i32 * DOT;
                if let Some(Some(value)) = row.rings.get(place_in_row) {
                    let ring = Circle::new(
                        (place(*value) * unit, y * unit),
                        5 * unit,
                        colour.stroke_width(unit as u32 + unit as u32 / 2),
                    );
                    root.draw(&ring).map_err(draw_error)?;
                }
                if let Some(Some(dot)) = row.dots.get(place_in_row) {
                    if dot.error > 0.0 {
                        line((place(dot.value - dot.error), y), (place(dot.value + dot.error), y), *colour, 2)?;
                    }
                    let filled = Circle::new((place(dot.value) * unit, y * unit), 4 * unit, colour.filled());
                    root.draw(&filled).map_err(draw_error)?;
                }
            }
        }
        line((left, bottom), (right, bottom), INK, 1)
    }

    /// One row of names under the title.
    fn draw_legend<DB: DrawingBackend>(
        &self,
        root: &DrawingArea<DB, Shift>,
        left: i32,
        unit: i32,
    ) -> Result<(), ReportError> {
        let rings = self.rows.iter().any(|r| r.rings.iter().any(Option::is_some));
        let names = self.legend.iter().zip(PALETTE).map(|(name, colour)| (name, colour, true));
        let (mut x, y) = (left, 58);
        for (name, colour, filled) in names.chain(rings.then_some((&self.ring, INK, false))) {
            let style = if filled { colour.filled() } else { colour.stroke_width(unit as u32) };
            root.draw(&Circle::new((x * unit, y * unit), 5 * unit, style)).map_err(draw_error)?;
            let name = font::fit(name, LABEL_SIZE, (WIDTH - 30 - x).max(40) as u32)?;
            let wide = font::width(&name, LABEL_SIZE)? as i32;
            let style = ink(LABEL_SIZE, unit).pos(Pos::new(HPos::Left, VPos::Center));
            root.draw(&Text::new(name, ((x + 12) * unit, y * unit), style)).map_err(draw_error)?;
            x += wide + 40;
        }
        Ok(())
    }
}

fn ink(size: f64, unit: i32) -> TextStyle<'static> {
    (FAMILY, size * f64::from(unit)).into_font().color(&INK)
}
