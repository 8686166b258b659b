//! Small charts side by side over common axes, drawn to SVG and PNG from one description.

use super::ReportError;
use super::colour::{INK, PALETTE};
use super::font::{self, FAMILY};
use super::ticks::Axis;
use super::write::{self, draw_error, write_pair};
use plotters::chart::ChartBuilder;
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use std::path::{Path, PathBuf};

const GRID: RGBColor = RGBColor(232, 232, 232);
const TITLE_SIZE: f64 = 21.0;
const PANEL_SIZE: f64 = 16.0;
const LABEL_SIZE: f64 = 13.0;
const LEGEND_SIZE: f64 = 15.0;
/// Pixels above the panels: title and legend.
const TOP: i32 = 76;
/// Pixels of a panel, its own axes included.
const PANEL: (i32, i32) = (300, 216);
/// Pixels below the panels: the x axis' name.
const BOTTOM: i32 = 30;

/// What one panel shows beside the truth. Values beyond the axis are drawn at its end.
#[derive(Debug, Clone, PartialEq)]
pub struct Panel {
    /// Its title.
    pub title: String,
    /// A line and a band about it for each name of the legend; an empty one is left out.
    pub curves: Vec<Curve>,
}

/// A line in a band.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Curve {
    /// `(x, y)` of the line.
    pub line: Vec<(f64, f64)>,
    /// `(x, low, high)` of the band.
    pub band: Vec<(f64, f64, f64)>,
}

/// Panels of equal axes in rows of four, each with the same dashed line.
#[derive(Debug, Clone, PartialEq)]
pub struct PanelChart {
    /// Above all.
    pub title: String,
    /// Below all.
    pub x_label: String,
    /// What the curves of each panel are, one or two names.
    pub legend: Vec<String>,
    /// The dashed line: its name and its points.
    pub truth: (String, Vec<(f64, f64)>),
    /// Ends of the y axis.
    pub y: (f64, f64),
    /// The panels.
    pub panels: Vec<Panel>,
}

/// Panels in a row.
const COLUMNS: usize = 4;

impl PanelChart {
    /// The chart as SVG.
    ///
    /// # Errors
    /// [`ReportError::Empty`] without panels or truth, [`ReportError::NonFinite`].
    pub fn svg(&self) -> Result<String, ReportError> {
        let (size, axes) = self.check()?;
        write::svg(size, |root, scale| self.draw(root, &axes, scale))
    }

    /// The chart as PNG, 8-bit RGB.
    ///
    /// # Errors
    /// As [`PanelChart::svg`].
    pub fn png(&self) -> Result<Vec<u8>, ReportError> {
        let (size, axes) = self.check()?;
        write::png(size, |root, scale| self.draw(root, &axes, scale))
    }

    /// Writes `stem.svg` and `stem.png`, each whole or not at all; returns their paths.
    ///
    /// # Errors
    /// As [`PanelChart::svg`], and [`ReportError::Io`].
    pub fn write(&self, stem: impl AsRef<Path>) -> Result<[PathBuf; 2], ReportError> {
        write_pair(stem.as_ref(), self.svg()?.as_bytes(), &self.png()?)
    }

    /// Checks every number; the size in pixels and the axes.
    fn check(&self) -> Result<((u32, u32), (Axis, Axis)), ReportError> {
        font::register()?;
        let empty = |item| ReportError::Empty { what: format!("chart {:?}", self.title), item };
        if self.panels.is_empty() {
            return Err(empty("panel"));
        }
        let truth = &self.truth.1;
        let (Some(first), Some(last)) = (truth.first(), truth.last()) else { return Err(empty("point")) };
        let check = |what: &str, index: usize, values: &[f64]| match values.iter().find(|v| !v.is_finite()) {
            None => Ok(()),
            Some(v) => Err(ReportError::NonFinite { what: what.to_owned(), index, value: v.to_string() }),
        };
        check("the y axis", 0, &[self.y.0, self.y.1])?;
        truth.iter().enumerate().try_for_each(|(i, &(x, y))| check(&self.truth.0, i, &[x, y]))?;
        for panel in &self.panels {
            for curve in &panel.curves {
                curve.line.iter().enumerate().try_for_each(|(i, &(x, y))| check(&panel.title, i, &[x, y]))?;
                curve.band.iter().enumerate().try_for_each(|(i, &(x, a, b))| check(&panel.title, i, &[x, a, b]))?;
            }
        }
        let columns = self.panels.len().min(COLUMNS) as i32;
        let rows = self.panels.len().div_ceil(COLUMNS) as i32;
        let size = ((columns * PANEL.0).max(600) as u32, (TOP + rows * PANEL.1 + BOTTOM) as u32);
        let x = Axis::linear(first.0, last.0, 4, false);
        Ok((size, (x, Axis::linear(self.y.0, self.y.1, 6, true))))
    }

    fn draw<DB: DrawingBackend>(
        &self,
        root: &DrawingArea<DB, Shift>,
        (x, y): &(Axis, Axis),
        unit: i32,
    ) -> Result<(), ReportError> {
        root.fill(&WHITE).map_err(draw_error)?;
        let width = root.dim_in_pixel().0 as i32 / unit;
        let centred = |size| ink(size, unit).pos(Pos::new(HPos::Center, VPos::Top));
        let title = font::fit(&self.title, TITLE_SIZE, width as u32 - 40)?;
        root.draw(&Text::new(title, (width / 2 * unit, 12 * unit), centred(TITLE_SIZE))).map_err(draw_error)?;
        self.draw_legend(root, width, unit)?;
        for (number, panel) in self.panels.iter().enumerate() {
            let (column, row) = ((number % COLUMNS) as i32, (number / COLUMNS) as i32);
            let corner = (column * PANEL.0 * unit, (TOP + row * PANEL.1) * unit);
            let area = root.clone().shrink(corner, (PANEL.0 * unit, PANEL.1 * unit));
            self.draw_panel(&area, panel, x, y, unit)?;
        }
        let label = font::fit(&self.x_label, LEGEND_SIZE, width as u32 - 40)?;
        let below = root.dim_in_pixel().1 as i32 - 24 * unit;
        root.draw(&Text::new(label, (width / 2 * unit, below), centred(LEGEND_SIZE))).map_err(draw_error)
    }

    fn draw_panel<DB: DrawingBackend>(
        &self,
        area: &DrawingArea<DB, Shift>,
        panel: &Panel,
        x: &Axis,
        y: &Axis,
        unit: i32,
    ) -> Result<(), ReportError> {
        let title = font::fit(&panel.title, PANEL_SIZE, PANEL.0 as u32 - 20)?;
        let style = ink(PANEL_SIZE, unit).pos(Pos::new(HPos::Center, VPos::Top));
        area.draw(&Text::new(title, (PANEL.0 / 2 * unit, 2 * unit), style)).map_err(draw_error)?;
        let mut chart = ChartBuilder::on(area)
            .margin_top(24 * unit)
            .margin_right(16 * unit)
            .margin_bottom(4 * unit)
            .margin_left(4 * unit)
            .x_label_area_size(24 * unit)
            .y_label_area_size(34 * unit)
            .build_cartesian_2d(x.clone(), y.clone())
            .map_err(draw_error)?;
        let line = |colour: RGBColor| colour.stroke_width(unit as u32);
        chart
            .configure_mesh()
            .light_line_style(TRANSPARENT)
            .bold_line_style(line(GRID))
            .axis_style(line(INK))
            .set_all_tick_mark_size(4 * unit)
            .label_style(ink(LABEL_SIZE, unit))
            .draw()
            .map_err(draw_error)?;
        let inside = |v: f64| v.clamp(y.from, y.to);
        for (curve, colour) in panel.curves.iter().zip(PALETTE.iter().cycle()) {
            let upper = curve.band.iter().map(|&(x, _, high)| (x, inside(high)));
            let lower = curve.band.iter().rev().map(|&(x, low, _)| (x, inside(low)));
            if curve.band.len() > 1 {
                let outline: Vec<_> = upper.chain(lower).collect();
                chart.draw_series([Polygon::new(outline, colour.mix(0.25))]).map_err(draw_error)?;
            }
        }
        let truth = self.truth.1.iter().map(|&(x, y)| (x, inside(y)));
        let style = INK.stroke_width(unit as u32);
        chart.draw_series(DashedLineSeries::new(truth, 5 * unit, 3 * unit, style)).map_err(draw_error)?;
        for (curve, colour) in panel.curves.iter().zip(PALETTE.iter().cycle()) {
            let points = curve.line.iter().map(|&(x, y)| (x, inside(y)));
            let style = colour.stroke_width(2 * unit as u32);
            chart.draw_series(LineSeries::new(points, style)).map_err(draw_error)?;
        }
        Ok(())
    }

    /// One row of names under the title.
    fn draw_legend<DB: DrawingBackend>(
        &self,
        root: &DrawingArea<DB, Shift>,
        width: i32,
        unit: i32,
    ) -> Result<(), ReportError> {
        const SWATCH: i32 = 34;
        const GAP: i32 = 28;
        let mut entries: Vec<(String, RGBColor, bool)> = self
            .legend
            .iter()
            .zip(PALETTE.iter().cycle())
            .map(|(name, &colour)| (name.clone(), colour, false))
            .collect();
        entries.push((self.truth.0.clone(), INK, true));
        let each = (width - 40) / entries.len() as i32 - SWATCH - GAP;
        for entry in &mut entries {
            entry.0 = font::fit(&entry.0, LEGEND_SIZE, each.max(20) as u32)?;
        }
        let widths = entries.iter().map(|e| Ok(SWATCH + font::width(&e.0, LEGEND_SIZE)? as i32));
        let widths: Vec<i32> = widths.collect::<Result<_, ReportError>>()?;
        let used: i32 = widths.iter().sum::<i32>() + GAP * (widths.len() as i32 - 1);
        let (mut x, middle) = ((width - used) / 2, 56);
        for ((name, colour, dashed), wide) in entries.into_iter().zip(widths) {
            let dashes: &[(i32, i32)] = if dashed { &[(0, 6), (9, 15), (18, 24)] } else { &[(0, 26)] };
            for (from, to) in dashes {
                let ends = [from, to].map(|end| ((x + end) * unit, middle * unit));
                root.draw(&PathElement::new(ends, colour.stroke_width(2 * unit as u32))).map_err(draw_error)?;
            }
            let style = ink(LEGEND_SIZE, unit).pos(Pos::new(HPos::Left, VPos::Center));
            root.draw(&Text::new(name, ((x + SWATCH) * unit, middle * unit), style)).map_err(draw_error)?;
            x += wide + GAP;
        }
        Ok(())
    }
}

fn ink(size: f64, unit: i32) -> TextStyle<'static> {
    (FAMILY, size * f64::from(unit)).into_font().color(&INK)
}
