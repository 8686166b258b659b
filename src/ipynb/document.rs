//! A notebook's file (nbformat 4).

use super::NotebookError;
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::fs;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

/// A notebook. Whatever is in its file and not known here stays as it is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Document {
    root: Map<String, Value>,
}

impl Document {
    /// Reads a file.
    ///
    /// # Errors
    /// When it cannot be read, or is no notebook of nbformat 4; the reason names the cell.
    pub fn read(path: &Path) -> Result<Self, NotebookError> {
        let bytes = fs::read(path).map_err(|reason| NotebookError::Read { path: path.to_owned(), reason })?;
        Self::parse(&bytes).map_err(|reason| NotebookError::Malformed { path: path.to_owned(), reason })
    }

    /// Reads the bytes of a file.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        let root: Value = serde_json::from_slice(bytes).map_err(|e| format!("its JSON is wrong: {e}"))?;
        let Value::Object(root) = root else { return Err("it is not a JSON object".into()) };
        match root.get("nbformat").and_then(Value::as_u64) {
            Some(4) => (),
            Some(other) => {
                return Err(format!("it has nbformat {other}; `jupyter nbconvert --to notebook` makes it 4"));
            }
            None => return Err("it has no nbformat number".into()),
        }
        if !root.get("nbformat_minor").is_some_and(Value::is_u64) {
            return Err("it has no nbformat_minor number".into());
        }
        if !root.get("metadata").is_some_and(Value::is_object) {
            return Err("its metadata are not an object".into());
        }
        let cells = root.get("cells").and_then(Value::as_array).ok_or("it has no list of cells")?;
        for (index, cell) in cells.iter().enumerate() {
            checked(cell).map_err(|reason| format!("cell {} of all: {reason}", index + 1))?;
        }
        Ok(Self { root })
    }

    /// A notebook of these code cells, each with its tags.
    pub fn of(cells: &[(&str, &[&str])], kernel: &str) -> Self {
        let cells: Vec<Value> = cells
            .iter()
            .map(|(source, tags)| {
                json!({
                    "cell_type": "code", "execution_count": null, "metadata": { "tags": tags }, "outputs": [],
                    "source": lines(source),
                })
            })
            .collect();
        let metadata = json!({ "kernelspec": { "name": kernel, "display_name": kernel, "language": "rust" } });
        let root = [("cells", Value::Array(cells)), ("metadata", metadata), ("nbformat", 4.into())];
        let minor = ("nbformat_minor", 4.into());
        Self { root: root.into_iter().chain([minor]).map(|(key, value)| (key.to_owned(), value)).collect() }
    }

    /// The cells, of all kinds.
    pub fn cells(&self) -> impl Iterator<Item = Cell<'_>> {
        self.root.get("cells").and_then(Value::as_array).into_iter().flatten().map(Cell)
    }

    /// The code cells that are not empty, which are numbered from 1, to be changed.
    pub fn code_mut(&mut self) -> impl Iterator<Item = CellMut<'_>> {
        let cells = self.root.get_mut("cells").and_then(Value::as_array_mut).into_iter().flatten();
        cells.filter_map(Value::as_object_mut).filter(|c| is_code(c)).map(CellMut)
    }

    /// The code cells that are not empty, which are numbered from 1.
    pub fn code(&self) -> impl Iterator<Item = Cell<'_>> {
        self.cells().filter(|c| c.0.as_object().is_some_and(is_code))
    }

    /// The file's bytes, as Python's `nbformat` writes them.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let form = serde_json::ser::PrettyFormatter::with_indent(b" ");
        // Writing to memory does not fail, and all keys are text.
        let _ = self.root.serialize(&mut serde_json::Serializer::with_formatter(&mut out, form));
        out.push(b'\n');
        out
    }
}

/// A cell.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cell<'a>(&'a Value);

impl Cell<'_> {
    /// Its text.
    pub fn source(&self) -> String {
        self.0.get("source").map(text).unwrap_or_default()
    }

    /// Whether it has a tag.
    pub fn has_tag(&self, tag: &str) -> bool {
        let tags = self.0.pointer("/metadata/tags").and_then(Value::as_array);
        tags.is_some_and(|tags| tags.iter().any(|t| t == tag))
    }

    /// What it gave.
    pub fn outputs(&self) -> &[Value] {
        self.0.get("outputs").and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }
}

/// A code cell, to be changed.
#[derive(Debug)]
pub(crate) struct CellMut<'a>(&'a mut Map<String, Value>);

impl CellMut<'_> {
    /// Replaces its text.
    pub fn set_source(&mut self, source: &str) {
        self.0.insert("source".into(), lines(source));
    }

    /// Takes away what it gave.
    pub fn clear(&mut self) {
        self.set_outputs(Vec::new(), None);
        if let Some(metadata) = self.0.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.remove("execution");
        }
    }

    /// Replaces what it gave, and its number.
    pub fn set_outputs(&mut self, outputs: Vec<Value>, number: Option<usize>) {
        self.0.insert("outputs".into(), outputs.into());
        self.0.insert("execution_count".into(), number.into());
    }

    /// Notes when it ran, where JupyterLab looks for that.
    pub fn set_time(&mut self, began: SystemTime, ended: SystemTime) {
        if let Some(metadata) = self.0.get_mut("metadata").and_then(Value::as_object_mut) {
            let times = json!({ "iopub.execute_input": moment(began), "shell.execute_reply": moment(ended) });
            metadata.insert("execution".into(), times);
        }
    }
}

/// `2026-01-31T23:59:59.123Z`.
fn moment(time: SystemTime) -> String {
    let compact = crate::train::utc(time);
    let millis = time.duration_since(UNIX_EPOCH).map_or(0, |d| d.subsec_millis());
    let part = |at: std::ops::Range<usize>| compact.get(at).unwrap_or_default();
    let (date, clock) = ([part(0..4), part(4..6), part(6..8)], [part(9..11), part(11..13), part(13..15)]);
    format!("{}T{}.{millis:03}Z", date.join("-"), clock.join(":"))
}

fn is_code(cell: &Map<String, Value>) -> bool {
    cell.get("cell_type").is_some_and(|t| t == "code")
        && !cell.get("source").map(text).unwrap_or_default().trim().is_empty()
}

/// Whether a cell has what nbformat asks of it.
fn checked(cell: &Value) -> Result<(), String> {
    let kind = cell.get("cell_type").and_then(Value::as_str).ok_or("it has no cell_type")?;
    if !["code", "markdown", "raw"].contains(&kind) {
        return Err(format!("its cell_type is {kind:?}, not code, markdown or raw"));
    }
    if !cell.get("source").is_some_and(is_text) {
        return Err("its source is neither text nor a list of lines".into());
    }
    if !cell.get("metadata").is_some_and(Value::is_object) {
        return Err("its metadata are not an object".into());
    }
    if kind != "code" {
        return Ok(());
    }
    let outputs = cell.get("outputs").and_then(Value::as_array).ok_or("it has no list of outputs")?;
    for output in outputs {
        let right = match output.get("output_type").and_then(Value::as_str) {
            Some("stream") => {
                output.get("name").is_some_and(Value::is_string) && output.get("text").is_some_and(is_text)
            }
            Some("display_data" | "execute_result") => output.get("data").is_some_and(Value::is_object),
            Some("error") => output.get("traceback").is_some_and(is_text),
            _ => false,
        };
        if !right {
            return Err(
                "one of its outputs is not a stream, display_data, execute_result or error of nbformat 4".into()
            );
        }
    }
    Ok(())
}

fn is_text(value: &Value) -> bool {
    value.is_string() || value.as_array().is_some_and(|lines| lines.iter().all(Value::is_string))
}

/// Text that a notebook holds whole or in lines that keep their ends.
pub(super) fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(lines) => lines.iter().filter_map(Value::as_str).collect(),
        _ => String::new(),
    }
}

/// Text in lines that keep their ends.
pub(super) fn lines(text: &str) -> Value {
    text.split_inclusive('\n').collect::<Vec<_>>().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_is_kept_byte_for_byte() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("notebooks/04-shapes.ipynb");
        let bytes = fs::read(path).unwrap();
        assert!(Document::parse(&bytes).unwrap().to_bytes() == bytes);
        let odd = r#"{
 "cells": [
  {
   "cell_type": "code",
   "execution_count": null,
   "id": "a1",
   "metadata": {
    "other": [
     0.1,
     "é"
    ]
   },
   "outputs": [],
   "source": "1"
  }
 ],
 "extra": {},
 "metadata": {
  "authors": [
   "A"
  ]
 },
 "nbformat": 4,
 "nbformat_minor": 5
}
"#;
        let mut document = Document::parse(odd.as_bytes()).unwrap();
        assert_eq!(String::from_utf8(document.to_bytes()).unwrap(), odd);
        document
            .code_mut()
            .for_each(|mut c| c.set_time(UNIX_EPOCH, UNIX_EPOCH + std::time::Duration::from_millis(1500)));
        let text = String::from_utf8(document.to_bytes()).unwrap();
        assert!(text.contains(r#""shell.execute_reply": "1970-01-01T00:00:01.500Z""#), "{text}");
        assert!(text.contains(r#""other""#));
        document.code_mut().for_each(|mut c| c.clear());
        assert_eq!(String::from_utf8(document.to_bytes()).unwrap(), odd);
    }

    #[test]
    fn what_is_no_notebook_is_told_in_words() {
        let cell =
            |cell: &str| format!(r#"{{"nbformat": 4, "nbformat_minor": 5, "metadata": {{}}, "cells": [{cell}]}}"#);
        let code = |outputs: &str| {
            cell(&format!(r#"{{"cell_type": "code", "metadata": {{}}, "source": [], "outputs": {outputs}}}"#))
        };
        assert!(Document::parse(code("[]").as_bytes()).is_ok());
        for (text, words) in [
            ("{".to_owned(), "its JSON is wrong"),
            ("[]".into(), "not a JSON object"),
            (r#"{"cells": 3}"#.into(), "no nbformat"),
            (r#"{"nbformat": 3, "worksheets": []}"#.into(), "nbconvert"),
            (r#"{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": 3}"#.into(), "no list of cells"),
            (cell("3"), "cell 1 of all: it has no cell_type"),
            (cell(r#"{"cell_type": "heading"}"#), "heading"),
            (cell(r#"{"cell_type": "raw", "source": [1]}"#), "source"),
            (cell(r#"{"cell_type": "raw", "source": []}"#), "metadata"),
            (code("{}"), "no list of outputs"),
            (code(r#"[{"output_type": "stream"}]"#), "one of its outputs"),
            ("[".repeat(100_000), "its JSON is wrong"),
        ] {
            let error = Document::parse(text.as_bytes()).unwrap_err();
            assert!(error.contains(words), "{error}");
        }
    }
}
