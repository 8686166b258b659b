//! What a value looks like in a notebook, and the lines that the kernel reads.

use crate::mi::estimate::Estimate;
use crate::report::{ContactSheet, HeatMap, LineChart, PanelChart, ReportError, Scatter, Table, base64};
use serde_json::{Map, Value, json};
use std::fmt::{Display, Write as _};
use std::io::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};

/// One form of a value: its type and what is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// `text/plain`, `text/html` or `image/png`.
    pub mime: &'static str,
    /// Text, or a picture in base64.
    pub body: String,
}

impl Content {
    /// Plain text.
    pub fn text(body: impl Into<String>) -> Self {
        Self { mime: "text/plain", body: body.into() }
    }

    /// HTML.
    pub fn html(body: impl Into<String>) -> Self {
        Self { mime: "text/html", body: body.into() }
    }

    /// The bytes of a PNG file.
    pub fn png(bytes: &[u8]) -> Self {
        Self { mime: "image/png", body: base64(bytes) }
    }
}

/// A value that a notebook can show. The kernel calls [`evcxr_display`](Show::evcxr_display) on the value that a cell ends
/// in, as long as this trait is in scope.
pub trait Show {
    /// The forms of the value; a frontend takes the richest that it knows. One is plain text.
    ///
    /// # Errors
    /// When a picture cannot be drawn.
    fn contents(&self) -> Result<Vec<Content>, ReportError>;

    /// Prints the forms between the lines that the kernel looks for; what goes wrong is printed as text.
    fn evcxr_display(&self) {
        let contents = self.contents().unwrap_or_else(|e| vec![Content::text(format!("cannot be shown: {e}"))]);
        // A notebook that has gone away is no reason to stop.
        let _ = std::io::stdout().lock().write_all(framed(&contents).as_bytes());
    }
}

/// Shows a value before its cell ends, one after the other, under the kernel `infomax (Rust)` on Linux. Plain evcxr shows the
/// last of a cell when the cell ends; outside of a notebook the plain text is printed.
pub fn display(value: &impl Show) {
    let contents = value.contents().unwrap_or_else(|e| vec![Content::text(format!("cannot be shown: {e}"))]);
    Place::new().put(&contents);
}

/// Where a value is shown, to be replaced by the next.
#[derive(Clone, Debug)]
pub(super) struct Place(String);

impl Place {
    pub fn new() -> Self {
        static PLACES: AtomicU64 = AtomicU64::new(0);
        let place = PLACES.fetch_add(1, Ordering::Relaxed);
        Self(format!("infomax-{}-{place}", std::process::id()))
    }

    /// Whether what was put here can be replaced.
    pub fn is_kept() -> bool {
        std::env::var_os("INFOMAX_DISPLAY").is_some()
    }

    /// One line, which `notebooks/kernel.py` makes a picture of, or what evcxr reads; or the text.
    pub fn put(&self, contents: &[Content]) {
        let text = if Self::is_kept() {
            self.line(contents)
        } else if std::env::var_os("EVCXR_IS_RUNTIME").is_some() {
            framed(contents)
        } else {
            contents.iter().filter(|c| c.mime == "text/plain").map(|c| format!("{}\n", c.body)).collect()
        };
        let mut out = std::io::stdout().lock();
        // A notebook that has gone away is no reason to stop.
        let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    }

    fn line(&self, contents: &[Content]) -> String {
        let data: Map<String, Value> = contents.iter().map(|c| (c.mime.to_owned(), c.body.clone().into())).collect();
        format!("INFOMAX_DISPLAY {}\n", json!({ "id": self.0, "data": data }))
    }
}

/// The lines that the kernel reads.
fn framed(contents: &[Content]) -> String {
    let mut out = String::new();
    for Content { mime, body } in contents {
        // An end of ours within a text would end it early.
        let body = body.replace("EVCXR_END_CONTENT", "EVCXR END CONTENT");
        let _ = write!(out, "EVCXR_BEGIN_CONTENT {mime}\n{}\nEVCXR_END_CONTENT\n", body.trim_end_matches('\n'));
    }
    out
}

impl<T: Show + ?Sized> Show for &T {
    fn contents(&self) -> Result<Vec<Content>, ReportError> {
        (**self).contents()
    }
}

impl<T: Show, E: Display> Show for Result<T, E> {
    fn contents(&self) -> Result<Vec<Content>, ReportError> {
        match self {
            Ok(value) => value.contents(),
            Err(e) => Ok(vec![Content::text(format!("error: {e}"))]),
        }
    }
}

impl Show for ContactSheet {
    fn contents(&self) -> Result<Vec<Content>, ReportError> {
        let name = if self.name().is_empty() { "" } else { " " };
        let text = format!("[contact sheet]{name}{} ({} tiles)", self.name(), self.len());
        Ok(vec![Content::png(&self.png()?), Content::text(text)])
    }
}

impl Show for LineChart {
    fn contents(&self) -> Result<Vec<Content>, ReportError> {
        Ok(vec![Content::png(&self.png()?), Content::text(format!("[chart] {}", self.title()))])
    }
}

impl Show for PanelChart {
    fn contents(&self) -> Result<Vec<Content>, ReportError> {
        Ok(vec![Content::png(&self.png()?), Content::text(format!("[charts] {}", self.title))])
    }
}

impl Show for HeatMap {
    fn contents(&self) -> Result<Vec<Content>, ReportError> {
        Ok(vec![Content::png(&self.png()?), Content::text(format!("[heat map] {}", self.title()))])
    }
}

impl Show for Scatter {
    fn contents(&self) -> Result<Vec<Content>, ReportError> {
        Ok(vec![Content::png(&self.png()?), Content::text(format!("[scatter plot] {}", self.title()))])
    }
}

impl Show for Table {
    fn contents(&self) -> Result<Vec<Content>, ReportError> {
        Ok(vec![Content::html(self.to_html()), Content::text(self.to_text())])
    }
}

impl Show for Estimate {
    fn contents(&self) -> Result<Vec<Content>, ReportError> {
        let table = super::estimates([("", self)])?;
        let mut notes: Vec<&str> = self.why.iter().map(String::as_str).collect();
        notes.extend(self.warnings.iter().map(String::as_str));
        let mut contents = table.contents()?;
        for content in &mut contents {
            for note in &notes {
                let line = match content.mime {
                    "text/html" => format!("<p>{}</p>\n", note.replace('&', "&amp;").replace('<', "&lt;")),
                    _ => format!("{note}\n"),
                };
                content.body.push_str(&line);
            }
        }
        Ok(contents)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Align;

    #[test]
    fn the_kernel_reads_each_form() {
        let mut table = Table::new(&[("a<b", Align::Left)]);
        table.push(["1 & 2"]).unwrap();
        let text = framed(&table.contents().unwrap());
        assert!(text.starts_with("EVCXR_BEGIN_CONTENT text/html\n<table>\n"), "{text}");
        assert!(text.contains("a&lt;b</th>") && text.contains("1 &amp; 2</td>"), "{text}");
        assert!(text.ends_with("EVCXR_BEGIN_CONTENT text/plain\na<b\n─────\n1 & 2\nEVCXR_END_CONTENT\n"), "{text}");
        assert_eq!(framed(&[Content::text("x EVCXR_END_CONTENT")]).matches("EVCXR_END_CONTENT").count(), 1);
    }

    #[test]
    fn what_is_replaced_is_one_line_and_has_a_name() {
        let (place, other) = (Place::new(), Place::new());
        let contents = [Content::png(&[1, 2, 3]), Content::text("two\nlines")];
        let line = place.line(&contents);
        assert_eq!((line.lines().count(), line.ends_with('\n')), (1, true), "{line}");
        let value: Value = serde_json::from_str(line.strip_prefix("INFOMAX_DISPLAY ").unwrap()).unwrap();
        assert_eq!(value["data"], json!({ "image/png": "AQID", "text/plain": "two\nlines" }));
        let id = |line: String| line.split("\"id\":").nth(1).unwrap().to_owned();
        assert_eq!(id(place.line(&contents)), id(line));
        assert_ne!(id(place.line(&contents)), id(other.line(&contents)));
    }

    #[test]
    fn errors_are_shown_in_words() {
        let failed: Result<Table, ReportError> = Err(ReportError::Empty { what: "it".into(), item: "row" });
        assert_eq!(failed.contents().unwrap(), [Content::text("error: it is empty: give at least one row")]);
    }
}
