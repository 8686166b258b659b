//! Line charts, drawn to SVG and PNG from one description.

use super::ReportError;
use super::colour::{INK, PALETTE};
use super::font::{self, FAMILY};
use super::ticks::Axis;
use super::write::{self, draw_error, write_pair};
use plotters::chart::{ChartBuilder, ChartContext};
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use std::path::{Path, PathBuf};

const GRID: RGBColor = RGBColor(228, 228, 228);
const REFERENCE: RGBColor = RGBColor(120, 120, 120);
const TITLE_SIZE: f64 = 23.0;
const LEGEND_SIZE: f64 = 17.0;
const LABEL_SIZE: f64 = 16.0;
const DESCRIPTION_SIZE: f64 = 18.0;
const LEGEND_ROW: i32 = 24;
/// Longer series are drawn without markers.
const MARKERS_UP_TO: usize = 40;

/// A point of a series.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// In the unit of the x axis.
    pub x: f64,
    /// In the unit of the y axis.
    pub y: f64,
    /// Half the length of the error bar, in the unit of the y axis; none is drawn for zero.
    pub error: f64,
}

/// A named line.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    label: String,
    points: Vec<Point>,
    band: Vec<(f64, f64, f64)>,
}

impl Series {
    /// A line through `(x, y)`, in the order given.
    pub fn new(label: impl Into<String>, points: impl IntoIterator<Item = (f64, f64)>) -> Self {
        Self::with_errors(label, points.into_iter().map(|(x, y)| (x, y, 0.0)))
    }

    /// A line through `(x, y)` with error bars of `±error`: `(x, y, error)`.
    pub fn with_errors(label: impl Into<String>, points: impl IntoIterator<Item = (f64, f64, f64)>) -> Self {
        let points = points.into_iter().map(|(x, y, error)| Point { x, y, error: error.abs() }).collect();
        Self { label: label.into(), points, band: Vec::new() }
    }

    /// A line through `(x, y)` in a band from `low` to `high`: `(x, y, low, high)`.
    pub fn with_band(label: impl Into<String>, points: impl IntoIterator<Item = (f64, f64, f64, f64)>) -> Self {
        let all: Vec<_> = points.into_iter().collect();
        let line = Self::new(label, all.iter().map(|p| (p.0, p.1)));
        Self { band: all.iter().map(|p| (p.0, p.2, p.3)).collect(), ..line }
    }
}

/// A chart of one or more lines over a common axis.
///
/// ```
/// use infomax::report::{LineChart, Series};
/// let chart = LineChart::new("Probe accuracy", "epoch", "accuracy (%)")
///     .series(Series::new("conv", [(0.0, 45.1), (1.0, 56.9), (2.0, 58.9)]))
///     .reference(10.0, "chance");
/// assert!(chart.svg()?.contains("accuracy (%)"));
/// # Ok::<(), infomax::report::ReportError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct LineChart {
    title: String,
    x_label: String,
    y_label: String,
    log_x: bool,
    size: (u32, u32),
    series: Vec<Series>,
    references: Vec<(f64, String)>,
    include: Vec<f64>,
    /// Zones from low to high: `(x, low, high)`.
    greys: Vec<Vec<(f64, f64, f64)>>,
}

type Plot<'a, DB> = ChartContext<'a, DB, Cartesian2d<Axis, Axis>>;

/// What a legend entry looks like.
#[derive(Clone, Copy)]
enum Look {
    Line { color: RGBColor, dashed: bool, markers: bool },
    Reference,
}

impl LineChart {
    /// An empty chart of 900 x 540 pixels; labels should name the unit.
    pub fn new(title: impl Into<String>, x_label: impl Into<String>, y_label: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            x_label: x_label.into(),
            y_label: y_label.into(),
            log_x: false,
            size: (900, 540),
            series: Vec::new(),
            references: Vec::new(),
            include: Vec::new(),
            greys: Vec::new(),
        }
    }

    /// Adds a line.
    pub fn series(mut self, series: Series) -> Self {
        self.series.push(series);
        self
    }

    /// The title.
    pub fn title(&self) -> &str {
        &self.title
    }

    /// Makes the x axis logarithmic; all x must be positive then.
    pub fn log_x(mut self) -> Self {
        self.log_x = true;
        self
    }

    /// Adds a dashed horizontal line at `y`, named in the legend.
    pub fn reference(mut self, y: f64, label: impl Into<String>) -> Self {
        self.references.push((y, label.into()));
        self
    }

    /// Greys the zone `(x, low, high)`, as far as the axes reach; ends may be infinite.
    pub fn grey(mut self, zone: impl IntoIterator<Item = (f64, f64, f64)>) -> Self {
        self.greys.push(zone.into_iter().collect());
        self
    }

    /// Makes the y axis reach `y`, for charts that should start at zero, say.
    pub fn include_y(mut self, y: f64) -> Self {
        self.include.push(y);
        self
    }

    /// Width and height in pixels, each 300 to 4000.
    pub fn size(mut self, width: u32, height: u32) -> Self {
        self.size = (width, height);
        self
    }

    /// The chart as SVG.
    ///
    /// # Errors
    /// [`ReportError::Empty`], [`ReportError::NonFinite`], [`ReportError::LogRange`], [`ReportError::Size`].
    pub fn svg(&self) -> Result<String, ReportError> {
        let axes = self.axes()?;
        write::svg(self.size, |root, scale| self.draw(root, &axes, scale))
    }

    /// The chart as PNG, 8-bit RGB.
    ///
    /// # Errors
    /// As [`LineChart::svg`].
    pub fn png(&self) -> Result<Vec<u8>, ReportError> {
        let axes = self.axes()?;
        write::png(self.size, |root, scale| self.draw(root, &axes, scale))
    }

    /// Writes `stem.svg` and `stem.png`, each whole or not at all; returns their paths.
    ///
    /// # Errors
    /// As [`LineChart::svg`], and [`ReportError::Io`].
    pub fn write(&self, stem: impl AsRef<Path>) -> Result<[PathBuf; 2], ReportError> {
        write_pair(stem.as_ref(), self.svg()?.as_bytes(), &self.png()?)
    }

    /// Checks everything and finds the axes.
    fn axes(&self) -> Result<(Axis, Axis), ReportError> {
        font::register()?;
        check_size("the chart", self.size)?;
        if self.series.is_empty() {
            return Err(ReportError::Empty { what: format!("chart {:?}", self.title), item: "series" });
        }
        let (mut xs, mut ys) = (Vec::new(), self.include.clone());
        for series in &self.series {
            let name = format!("series {:?}", series.label);
            if series.points.is_empty() {
                return Err(ReportError::Empty { what: name, item: "point" });
            }
            for (index, p) in series.points.iter().enumerate() {
                for value in [p.x, p.y, p.error] {
                    check_value(&name, index, value)?;
                }
                if self.log_x && p.x <= 0.0 {
                    return Err(ReportError::LogRange { series: name, index, value: p.x });
                }
                xs.push(self.x_of(p));
                ys.extend([p.y - p.error, p.y + p.error]);
            }
            ys.extend(series.band.iter().flat_map(|b| [b.1, b.2]));
        }
        ys.extend(self.references.iter().map(|(y, _)| *y));
        for (index, &y) in ys.iter().enumerate() {
            check_value("the y axis", index, y)?;
        }
        let ends = |v: &[f64]| v.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), &x| (a.min(x), b.max(x)));
        let ((x0, x1), (y0, y1)) = (ends(&xs), ends(&ys));
        let x = if self.log_x { Axis::logarithmic(x0, x1) } else { Axis::linear(x0, x1, 8, false) };
        Ok((x, Axis::linear(y0, y1, 6, true)))
    }

    fn x_of(&self, p: &Point) -> f64 {
        if self.log_x { p.x.log10() } else { p.x }
    }

    /// Draws everything `unit` times larger than asked for.
    fn draw<DB: DrawingBackend>(
        &self,
        root: &DrawingArea<DB, Shift>,
        (x, y): &(Axis, Axis),
        unit: i32,
    ) -> Result<(), ReportError> {
        root.fill(&WHITE).map_err(draw_error)?;
        let (width, height) = self.size;
        let title = font::fit(&self.title, TITLE_SIZE, width - 40)?;
        let style = ink(TITLE_SIZE, unit).pos(Pos::new(HPos::Center, VPos::Top));
        root.draw(&Text::new(title, (width as i32 / 2 * unit, 14 * unit), style)).map_err(draw_error)?;
        let top = self.draw_legend(root, 50, unit)?;
        let below = root.clone().split_vertically(top.min(height as i32 / 2) * unit).1;
        let mut chart: Plot<'_, DB> = ChartBuilder::on(&below)
            .margin_top(14 * unit)
            .margin_right(28 * unit)
            .margin_bottom(8 * unit)
            .margin_left(14 * unit)
            .x_label_area_size(52 * unit)
            .y_label_area_size(78 * unit)
            .build_cartesian_2d(x.clone(), y.clone())
            .map_err(draw_error)?;
        let (limit_x, limit_y) = chart.plotting_area().dim_in_pixel();
        let line = |color: RGBColor| color.stroke_width(unit as u32);
        chart
            .configure_mesh()
            .light_line_style(TRANSPARENT)
            .bold_line_style(line(GRID))
            .axis_style(line(INK))
            .set_all_tick_mark_size(5 * unit)
            .label_style(ink(LABEL_SIZE, unit))
            .axis_desc_style(ink(DESCRIPTION_SIZE, unit))
            .x_desc(font::fit(&self.x_label, DESCRIPTION_SIZE, limit_x / unit as u32)?)
            .y_desc(font::fit(&self.y_label, DESCRIPTION_SIZE, limit_y / unit as u32)?)
            .draw()
            .map_err(draw_error)?;
        for zone in &self.greys {
            let at = |x: f64| if self.log_x { x.log10() } else { x };
            let end = |x: f64, height: f64| (at(x), height.clamp(y.from, y.to));
            let upper = zone.iter().map(|&(x, _, high)| end(x, high));
            let outline: Vec<_> = upper.chain(zone.iter().rev().map(|&(x, low, _)| end(x, low))).collect();
            chart.draw_series([Polygon::new(outline, GRID.filled())]).map_err(draw_error)?;
        }
        for (level, _) in &self.references {
            let line = [(x.from, *level), (x.to, *level)];
            let style = REFERENCE.stroke_width(2 * unit as u32);
            chart.draw_series(DashedLineSeries::new(line, 7 * unit, 5 * unit, style)).map_err(draw_error)?;
        }
        for (i, series) in self.series.iter().enumerate() {
            self.draw_series(&mut chart, series, look(i, series), unit)?;
        }
        Ok(())
    }

    fn draw_series<DB: DrawingBackend>(
        &self,
        chart: &mut Plot<'_, DB>,
        series: &Series,
        look: Look,
        unit: i32,
    ) -> Result<(), ReportError> {
        let Look::Line { color, dashed, markers } = look else { return Ok(()) };
        let at = |p: &Point| (self.x_of(p), p.y);
        let style = color.stroke_width(2 * unit as u32);
        if series.band.len() > 1 {
            let x = |x: f64| if self.log_x { x.log10() } else { x };
            let upper = series.band.iter().map(|&(at, _, high)| (x(at), high));
            let lower = series.band.iter().rev().map(|&(at, low, _)| (x(at), low));
            let outline: Vec<_> = upper.chain(lower).collect();
            chart.draw_series([Polygon::new(outline, color.mix(0.2))]).map_err(draw_error)?;
        }
        for p in series.points.iter().filter(|p| p.error > 0.0) {
            let (x, y) = at(p);
            let bar = PathElement::new(vec![(x, y - p.error), (x, y + p.error)], style);
            chart.draw_series([bar]).map_err(draw_error)?;
            let cap = vec![(-5 * unit, 0), (5 * unit, 0)];
            let caps =
                [y - p.error, y + p.error].map(|end| EmptyElement::at((x, end)) + PathElement::new(cap.clone(), style));
            chart.draw_series(caps).map_err(draw_error)?;
        }
        let line = series.points.iter().map(at);
        if dashed {
            chart.draw_series(DashedLineSeries::new(line, 8 * unit, 4 * unit, style)).map_err(draw_error)?;
        } else {
            chart.draw_series(LineSeries::new(line, style)).map_err(draw_error)?;
        }
        if markers {
            let dots = series.points.iter().map(|p| Circle::new(at(p), 4 * unit, color.filled()));
            chart.draw_series(dots).map_err(draw_error)?;
        }
        Ok(())
    }

    /// Draws the legend in rows from `top` down; returns where it ends. Entries without a label are left out.
    fn draw_legend<DB: DrawingBackend>(
        &self,
        root: &DrawingArea<DB, Shift>,
        top: i32,
        unit: i32,
    ) -> Result<i32, ReportError> {
        const SWATCH: i32 = 34;
        const GAP: i32 = 26;
        let width = self.size.0 as i32;
        let lines = self.series.iter().enumerate().map(|(i, s)| (s.label.as_str(), look(i, s)));
        let marks = self.references.iter().map(|(_, label)| (label.as_str(), Look::Reference));
        type Entry = (String, Look, i32);
        let mut rows: Vec<(i32, Vec<Entry>)> = Vec::new();
        for (label, look) in lines.chain(marks).filter(|(label, _)| !label.trim().is_empty()) {
            let label = font::fit(label, LEGEND_SIZE, (width - 40 - SWATCH) as u32)?;
            let need = SWATCH + font::width(&label, LEGEND_SIZE)? as i32;
            match rows.last_mut() {
                Some((used, row)) if *used + GAP + need <= width - 40 => {
                    *used += GAP + need;
                    row.push((label, look, need));
                }
                _ => rows.push((need, vec![(label, look, need)])),
            }
        }
        let mut y = top;
        for (used, row) in rows {
            let mut x = (width - used) / 2;
            let middle = y + LEGEND_ROW / 2;
            for (label, look, need) in row {
                let (color, dashes): (RGBColor, &[(i32, i32)]) = match look {
                    Look::Line { color, dashed: false, .. } => (color, &[(0, 26)]),
                    Look::Line { color, .. } => (color, &[(0, 8), (18, 26)]),
                    Look::Reference => (REFERENCE, &[(0, 7), (10, 17), (20, 27)]),
                };
                for (from, to) in dashes {
                    let ends = [from, to].map(|end| ((x + end) * unit, middle * unit));
                    let dash = PathElement::new(ends, color.stroke_width(2 * unit as u32));
                    root.draw(&dash).map_err(draw_error)?;
                }
                if let Look::Line { color, markers: true, .. } = look {
                    let dot = Circle::new(((x + 13) * unit, middle * unit), 4 * unit, color.filled());
                    root.draw(&dot).map_err(draw_error)?;
                }
                let style = ink(LEGEND_SIZE, unit).pos(Pos::new(HPos::Left, VPos::Center));
                root.draw(&Text::new(label, ((x + SWATCH) * unit, middle * unit), style)).map_err(draw_error)?;
                x += need + GAP;
            }
            y += LEGEND_ROW;
        }
        Ok(y)
    }
}

fn ink(size: f64, unit: i32) -> TextStyle<'static> {
    (FAMILY, size * f64::from(unit)).into_font().color(&INK)
}

/// Colour by position; dashed from the eighth line on.
fn look(index: usize, series: &Series) -> Look {
    let color = PALETTE[index % PALETTE.len()];
    let dashed = (index / PALETTE.len()) % 2 == 1;
    Look::Line { color, dashed, markers: series.points.len() <= MARKERS_UP_TO }
}

fn check_value(what: &str, index: usize, value: f64) -> Result<(), ReportError> {
    // sums of two such values and their differences stay finite
    if value.is_finite() && value.abs() < 1e300 {
        return Ok(());
    }
    Err(ReportError::NonFinite { what: what.into(), index, value: value.to_string() })
}

fn check_size(what: &str, (width, height): (u32, u32)) -> Result<(), ReportError> {
    if (300..=4000).contains(&width) && (300..=4000).contains(&height) {
        return Ok(());
    }
    let (what, got) = (what.into(), format!("{width} x {height} pixels"));
    Err(ReportError::Size { what, got, expected: "each side must be 300 to 4000".into() })
}
