//! Small tables for the terminal and for Markdown.

use super::ReportError;
use serde::Serialize;

/// Which side a column's cells keep to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Align {
    /// Words.
    #[default]
    Left,
    /// Numbers.
    Right,
}

/// Headers, alignments and rows of text cells.
///
/// ```
/// use infomax::report::{Align, Table};
/// let mut table = Table::new(&[("layer", Align::Left), ("%", Align::Right)]);
/// table.push(["conv", "56.9"])?;
/// assert_eq!(table.to_markdown(), "| layer |    % |\n|:----- | ----:|\n| conv  | 56.9 |\n");
/// # Ok::<(), infomax::report::ReportError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Table {
    headers: Vec<String>,
    aligns: Vec<Align>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table without rows.
    pub fn new(columns: &[(&str, Align)]) -> Self {
        Self {
            headers: columns.iter().map(|(name, _)| one_line(name)).collect(),
            aligns: columns.iter().map(|(_, align)| *align).collect(),
            rows: Vec::new(),
        }
    }

    /// Adds a row. Line breaks in a cell become spaces.
    ///
    /// # Errors
    /// [`ReportError::Cells`] unless there is one cell per column.
    pub fn push<S: AsRef<str>>(&mut self, cells: impl IntoIterator<Item = S>) -> Result<(), ReportError> {
        let cells: Vec<String> = cells.into_iter().map(|c| one_line(c.as_ref())).collect();
        if cells.len() != self.headers.len() {
            let (row, got, expected) = (self.rows.len(), cells.len(), self.headers.len());
            return Err(ReportError::Cells { row, got, expected });
        }
        self.rows.push(cells);
        Ok(())
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// For a terminal with fixed-width letters: two spaces between columns, a rule under the headers.
    pub fn to_text(&self) -> String {
        let widths = widths(&self.headers, &self.rows, 0);
        let mut out = String::new();
        self.text_line(&mut out, &self.headers, &widths);
        let rules: Vec<String> = widths.iter().map(|&w| "─".repeat(w)).collect();
        self.text_line(&mut out, &rules, &widths);
        for row in &self.rows {
            self.text_line(&mut out, row, &widths);
        }
        out
    }

    /// A Markdown table, padded so that it can be read unrendered. Pipes are escaped.
    pub fn to_markdown(&self) -> String {
        let escape = |row: &Vec<String>| row.iter().map(|c| c.replace('|', "\\|")).collect::<Vec<_>>();
        let headers = escape(&self.headers);
        let rows: Vec<Vec<String>> = self.rows.iter().map(escape).collect();
        let widths = widths(&headers, &rows, 3);
        let line = |out: &mut String, cells: &[String]| {
            out.push('|');
            for ((cell, &width), &align) in cells.iter().zip(&widths).zip(&self.aligns) {
                out.push(' ');
                out.push_str(&pad(cell, width, align));
                out.push_str(" |");
            }
            out.push('\n');
        };
        let mut out = String::new();
        line(&mut out, &headers);
        out.push('|');
        for (&width, align) in widths.iter().zip(&self.aligns) {
            let dashes = "-".repeat(width);
            out.push_str(&match align {
                Align::Left => format!(":{dashes} |"),
                Align::Right => format!(" {dashes}:|"),
            });
        }
        out.push('\n');
        rows.iter().for_each(|row| line(&mut out, row));
        out
    }

    /// An HTML `<table>`, every cell escaped, without styles but the side that each column keeps to.
    pub fn to_html(&self) -> String {
        let line = |cells: &[String], tag: &str| {
            let cells = cells.iter().zip(&self.aligns).map(|(cell, align)| {
                let side = if *align == Align::Right { "right" } else { "left" };
                format!("<{tag} style=\"text-align:{side}\">{}</{tag}>", escape_html(cell))
            });
            format!("<tr>{}</tr>\n", cells.collect::<String>())
        };
        let rows: String = self.rows.iter().map(|row| line(row, "td")).collect();
        format!("<table>\n<thead>{}</thead>\n<tbody>\n{rows}</tbody>\n</table>\n", line(&self.headers, "th").trim_end())
    }

    fn text_line(&self, out: &mut String, cells: &[String], widths: &[usize]) {
        let padded: Vec<String> =
            cells.iter().zip(widths).zip(&self.aligns).map(|((c, &w), &a)| pad(c, w, a)).collect();
        out.push_str(padded.join("  ").trim_end());
        out.push('\n');
    }
}

/// Text for the inside of an HTML element or attribute.
pub(crate) fn escape_html(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c => out.push(c),
        }
    }
    out
}

fn one_line(cell: &str) -> String {
    cell.split(['\r', '\n', '\t']).collect::<Vec<_>>().join(" ")
}

fn widths(headers: &[String], rows: &[Vec<String>], least: usize) -> Vec<usize> {
    let length = |cell: &String| cell.chars().count();
    (0..headers.len())
        .map(|c| rows.iter().map(|r| length(&r[c])).max().unwrap_or(0).max(length(&headers[c])).max(least))
        .collect()
}

fn pad(cell: &str, width: usize, align: Align) -> String {
    match align {
        Align::Left => format!("{cell:<width$}"),
        Align::Right => format!("{cell:>width$}"),
    }
}
