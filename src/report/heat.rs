//! A matrix as coloured cells.

use super::ReportError;
use super::colour::{INK, ends, share, viridis};
use super::font::{self, FAMILY};
use super::write::{self, draw_error, write_pair};
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use std::path::{Path, PathBuf};

const TITLE_SIZE: f64 = 19.0;
const LABEL_SIZE: f64 = 14.0;
/// Pixels of the whole matrix, at most, on its longer side.
const SIDE: i32 = 420;
/// Cells that are wide enough for a number.
const NUMBERED: i32 = 30;
const TOP: i32 = 44;
const BOTTOM: i32 = 34;
const RIGHT: i32 = 84;
const BAR: i32 = 14;
/// Rows or columns, at most.
const MOST: usize = 1024;

/// A matrix whose cells are coloured by their values, dark violet for the smallest and yellow for the largest.
///
/// ```
/// use infomax::report::HeatMap;
/// let map = HeatMap::new("Scores", 2, 3, vec![0.0, 1.0, 2.0, 3.0, 4.0, 5.0])?.labels("image", "global vector");
/// assert!(map.svg()?.contains("global vector"));
/// # Ok::<(), infomax::report::ReportError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct HeatMap {
    title: String,
    rows: usize,
    columns: usize,
    values: Vec<f64>,
    labels: [String; 2],
    names: Vec<String>,
    numbers: bool,
}

impl HeatMap {
    /// A map of `values [rows, columns]`, row by row. Negative infinity (a masked score) is drawn as the smallest value.
    ///
    /// # Errors
    /// [`ReportError::Empty`], [`ReportError::Size`] for another number of values or more than 1024 rows or columns,
    /// [`ReportError::NonFinite`] for NaN and positive infinity.
    pub fn new(title: impl Into<String>, rows: usize, columns: usize, values: Vec<f64>) -> Result<Self, ReportError> {
        let title = title.into();
        if rows == 0 || columns == 0 {
            return Err(ReportError::Empty { what: format!("heat map {title:?}"), item: "row and column" });
        }
        if rows.max(columns) > MOST || rows * columns != values.len() {
            return Err(ReportError::Size {
                what: format!("heat map {title:?}"),
                got: format!("{rows} x {columns} with {} values", values.len()),
                expected: format!("give rows x columns values, at most {MOST} rows and columns"),
            });
        }
        if let Some(index) = values.iter().position(|&v| v.is_nan() || v == f64::INFINITY) {
            return Err(ReportError::NonFinite { what: title, index, value: values[index].to_string() });
        }
        Ok(Self { title, rows, columns, values, labels: Default::default(), names: Vec::new(), numbers: false })
    }

    /// What the rows and the columns are.
    pub fn labels(mut self, rows: impl Into<String>, columns: impl Into<String>) -> Self {
        self.labels = [rows.into(), columns.into()];
        self
    }

    /// A name for each row, written beside it as far as there is room.
    pub fn row_names<S: Into<String>>(mut self, names: impl IntoIterator<Item = S>) -> Self {
        self.names = names.into_iter().map(Into::into).collect();
        self
    }

    /// Writes each value into its cell, without decimals, where cells are large enough.
    pub fn with_numbers(mut self) -> Self {
        self.numbers = true;
        self
    }

    /// The title.
    pub fn title(&self) -> &str {
        &self.title
    }

    /// The map as SVG.
    ///
    /// # Errors
    /// [`ReportError::Draw`].
    pub fn svg(&self) -> Result<String, ReportError> {
        let layout = self.layout()?;
        write::svg(layout.size, |root, unit| self.draw(root, &layout, unit))
    }

    /// The map as PNG, 8-bit RGB.
    ///
    /// # Errors
    /// [`ReportError::Draw`].
    pub fn png(&self) -> Result<Vec<u8>, ReportError> {
        let layout = self.layout()?;
        write::png(layout.size, |root, unit| self.draw(root, &layout, unit))
    }

    /// Writes `stem.svg` and `stem.png`, each whole or not at all; returns their paths.
    ///
    /// # Errors
    /// As [`HeatMap::png`], and [`ReportError::Io`].
    pub fn write(&self, stem: impl AsRef<Path>) -> Result<[PathBuf; 2], ReportError> {
        write_pair(stem.as_ref(), self.svg()?.as_bytes(), &self.png()?)
    }

    fn layout(&self) -> Result<Layout, ReportError> {
        font::register()?;
        let longer = self.rows.max(self.columns) as i32;
        let least = if self.numbers { NUMBERED } else { 1 };
        let cell = (SIDE / longer).clamp(least, 48);
        let named = self.names.iter().map(|n| font::width(n, LABEL_SIZE)).collect::<Result<Vec<_>, _>>()?;
        let named = named.into_iter().max().unwrap_or(0).min(160) as i32;
        let left = 36 + if named > 0 { named + 8 } else { 0 };
        let title = font::width(&self.title, TITLE_SIZE)?.min(700) as i32;
        let width = (left + cell * self.columns as i32 + RIGHT).max(title + 24);
        let height = TOP + cell * self.rows as i32 + BOTTOM;
        Ok(Layout { cell, left, size: (width as u32, height.max(160) as u32) })
    }

    /// Draws everything `unit` times larger than asked for.
    fn draw<DB: DrawingBackend>(
        &self,
        root: &DrawingArea<DB, Shift>,
        layout: &Layout,
        unit: i32,
    ) -> Result<(), ReportError> {
        root.fill(&WHITE).map_err(draw_error)?;
        let Layout { cell, left, size } = *layout;
        let range = ends(self.values.iter().copied()).unwrap_or((0.0, 0.0));
        let text = |words: String, at: (i32, i32), size: f64, colour: RGBColor, side: HPos| {
            let style = (FAMILY, size * f64::from(unit)).into_font().color(&colour);
            let style = style.pos(Pos::new(side, VPos::Center));
            root.draw(&Text::new(words, (at.0 * unit, at.1 * unit), style)).map_err(draw_error)
        };
        let block = |from: (i32, i32), to: (i32, i32), [r, g, b]: [u8; 3]| {
            let corners = [(from.0 * unit, from.1 * unit), (to.0 * unit, to.1 * unit)];
            root.draw(&Rectangle::new(corners, RGBColor(r, g, b).filled())).map_err(draw_error)
        };
        let title = font::fit(&self.title, TITLE_SIZE, size.0 - 16)?;
        text(title, (size.0 as i32 / 2, 20), TITLE_SIZE, INK, HPos::Center)?;
        let (wide, high) = (cell * self.columns as i32, cell * self.rows as i32);
        for (i, &value) in self.values.iter().enumerate() {
            let (x, y) = (left + (i % self.columns) as i32 * cell, TOP + (i / self.columns) as i32 * cell);
            let part = share(value, range);
            block((x, y), (x + cell, y + cell), viridis(part))?;
            if self.numbers {
                let ink = if part > 0.55 { INK } else { WHITE };
                let words = font::fit(&format!("{value:.0}"), 12.0, cell as u32)?;
                text(words, (x + cell / 2, y + cell / 2), 12.0, ink, HPos::Center)?;
            }
        }
        let every = (18 / cell + 1) as usize;
        for (i, name) in self.names.iter().take(self.rows).enumerate().step_by(every) {
            let name = font::fit(name, LABEL_SIZE, 160)?;
            text(name, (left - 8, TOP + i as i32 * cell + cell / 2), LABEL_SIZE, INK, HPos::Right)?;
        }
        let across = font::fit(&self.labels[1], LABEL_SIZE, size.0 - 16)?;
        text(across, (left + wide / 2, TOP + high + 16), LABEL_SIZE, INK, HPos::Center)?;
        let down = font::fit(&self.labels[0], LABEL_SIZE, high.max(60) as u32)?;
        let style = (FAMILY, LABEL_SIZE * f64::from(unit)).into_font().transform(FontTransform::Rotate270).color(&INK);
        let style = style.pos(Pos::new(HPos::Center, VPos::Center));
        root.draw(&Text::new(down, (14 * unit, (TOP + high / 2) * unit), style)).map_err(draw_error)?;
        let bar = left + wide + 16;
        for y in 0..high {
            let part = 1.0 - f64::from(y) / f64::from((high - 1).max(1));
            block((bar, TOP + y), (bar + BAR, TOP + y + 1), viridis(part))?;
        }
        for (value, y) in [(range.1, TOP + 6), (range.0, TOP + high - 6)] {
            text(short(value), (bar + BAR + 4, y), 12.0, INK, HPos::Left)?;
        }
        Ok(())
    }
}

/// Sizes in pixels.
struct Layout {
    cell: i32,
    left: i32,
    size: (u32, u32),
}

/// A number in few letters.
fn short(value: f64) -> String {
    match value.abs() {
        0.0 => "0".into(),
        v if !(1e-2..1e5).contains(&v) => format!("{value:.0e}"),
        v if v >= 100.0 || value.fract() == 0.0 => format!("{value:.0}"),
        _ => format!("{value:.2}"),
    }
}
