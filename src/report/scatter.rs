//! Points in the plane, coloured by group.

use super::ReportError;
use super::colour::{INK, PALETTE, ends};
use super::font::{self, FAMILY};
use super::ticks::Axis;
use super::write::{self, draw_error, write_pair};
use plotters::chart::ChartBuilder;
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use std::path::{Path, PathBuf};

const GRID: RGBColor = RGBColor(234, 234, 234);
const TITLE_SIZE: f64 = 20.0;
const LABEL_SIZE: f64 = 14.0;
const LEGEND_SIZE: f64 = 14.0;
const SIZE: (u32, u32) = (720, 520);
const LEGEND: i32 = 150;

/// Groups of points in the plane, each with its colour.
///
/// ```
/// use infomax::report::Scatter;
/// let plot = Scatter::new("Two classes", "first", "second").group("a", [(0.0, 1.0)]).group("b", [(1.0, 0.0)]);
/// assert!(plot.svg()?.contains("Two classes"));
/// # Ok::<(), infomax::report::ReportError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Scatter {
    title: String,
    labels: [String; 2],
    groups: Vec<(String, Vec<(f64, f64)>)>,
}

impl Scatter {
    /// An empty plot of 720 x 520 pixels.
    pub fn new(title: impl Into<String>, x_label: impl Into<String>, y_label: impl Into<String>) -> Self {
        Self { title: title.into(), labels: [x_label.into(), y_label.into()], groups: Vec::new() }
    }

    /// Adds points `(x, y)` under a name; colours repeat after ten groups.
    pub fn group(mut self, name: impl Into<String>, points: impl IntoIterator<Item = (f64, f64)>) -> Self {
        self.groups.push((name.into(), points.into_iter().collect()));
        self
    }

    /// The title.
    pub fn title(&self) -> &str {
        &self.title
    }

    /// The plot as SVG.
    ///
    /// # Errors
    /// [`ReportError::Empty`] without points, [`ReportError::NonFinite`].
    pub fn svg(&self) -> Result<String, ReportError> {
        let axes = self.axes()?;
        write::svg(SIZE, |root, unit| self.draw(root, &axes, unit))
    }

    /// The plot as PNG, 8-bit RGB.
    ///
    /// # Errors
    /// As [`Scatter::svg`].
    pub fn png(&self) -> Result<Vec<u8>, ReportError> {
        let axes = self.axes()?;
        write::png(SIZE, |root, unit| self.draw(root, &axes, unit))
    }

    /// Writes `stem.svg` and `stem.png`, each whole or not at all; returns their paths.
    ///
    /// # Errors
    /// As [`Scatter::svg`], and [`ReportError::Io`].
    pub fn write(&self, stem: impl AsRef<Path>) -> Result<[PathBuf; 2], ReportError> {
        write_pair(stem.as_ref(), self.svg()?.as_bytes(), &self.png()?)
    }

    fn axes(&self) -> Result<(Axis, Axis), ReportError> {
        font::register()?;
        for (name, points) in &self.groups {
            let bad = |p: &(f64, f64)| !(p.0.abs() < 1e300 && p.1.abs() < 1e300);
            if let Some(index) = points.iter().position(bad) {
                let value = format!("{:?}", points[index]);
                return Err(ReportError::NonFinite { what: format!("group {name:?}"), index, value });
            }
        }
        let points = || self.groups.iter().flat_map(|(_, points)| points);
        match (ends(points().map(|p| p.0)), ends(points().map(|p| p.1))) {
            (Some((x0, x1)), Some((y0, y1))) => Ok((Axis::linear(x0, x1, 6, false), Axis::linear(y0, y1, 6, false))),
            _ => Err(ReportError::Empty { what: format!("scatter plot {:?}", self.title), item: "point" }),
        }
    }

    /// Draws everything `unit` times larger than asked for.
    fn draw<DB: DrawingBackend>(
        &self,
        root: &DrawingArea<DB, Shift>,
        (x, y): &(Axis, Axis),
        unit: i32,
    ) -> Result<(), ReportError> {
        root.fill(&WHITE).map_err(draw_error)?;
        let style = |size: f64| (FAMILY, size * f64::from(unit)).into_font().color(&INK);
        let title = font::fit(&self.title, TITLE_SIZE, SIZE.0 - 40)?;
        let centred = style(TITLE_SIZE).pos(Pos::new(HPos::Center, VPos::Top));
        root.draw(&Text::new(title, (SIZE.0 as i32 / 2 * unit, 12 * unit), centred)).map_err(draw_error)?;
        let below = root.clone().split_vertically(40 * unit).1;
        let (left, _) = below.split_horizontally((SIZE.0 as i32 - LEGEND) * unit);
        let mut chart = ChartBuilder::on(&left)
            .margin(8 * unit)
            .x_label_area_size(44 * unit)
            .y_label_area_size(56 * unit)
            .build_cartesian_2d(x.clone(), y.clone())
            .map_err(draw_error)?;
        let line = |colour: RGBColor| colour.stroke_width(unit as u32);
        chart
            .configure_mesh()
            .light_line_style(TRANSPARENT)
            .bold_line_style(line(GRID))
            .axis_style(line(INK))
            .set_all_tick_mark_size(4 * unit)
            .label_style(style(LABEL_SIZE))
            .axis_desc_style(style(LABEL_SIZE))
            .x_desc(font::fit(&self.labels[0], LABEL_SIZE, 480)?)
            .y_desc(font::fit(&self.labels[1], LABEL_SIZE, 400)?)
            .draw()
            .map_err(draw_error)?;
        for ((_, points), colour) in self.groups.iter().zip(PALETTE.iter().cycle()) {
            let radius = if points.len() > 100 { 2 } else { 3 };
            let dots = points.iter().map(|&p| Circle::new(p, radius * unit, colour.mix(0.65).filled()));
            chart.draw_series(dots).map_err(draw_error)?;
        }
        let named = self.groups.iter().zip(PALETTE.iter().cycle()).filter(|((name, _), _)| !name.is_empty());
        for (i, ((name, _), colour)) in named.take(20).enumerate() {
            let (at, middle) = (SIZE.0 as i32 - LEGEND + 8, 62 + 22 * i as i32);
            let dot = Circle::new((at * unit, middle * unit), 5 * unit, colour.filled());
            root.draw(&dot).map_err(draw_error)?;
            let name = font::fit(name, LEGEND_SIZE, LEGEND as u32 - 26)?;
            let left = style(LEGEND_SIZE).pos(Pos::new(HPos::Left, VPos::Center));
            root.draw(&Text::new(name, ((at + 12) * unit, middle * unit), left)).map_err(draw_error)?;
        }
        Ok(())
    }
}
