//! What a cell gives, as a notebook holds it.

use super::document::lines;
use super::session::{CellError, Stream};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::HashMap;

/// How a line begins that holds a picture which the next of its name replaces: `notebook::display`, `notebook::Live`.
const MARK: &str = "INFOMAX_DISPLAY ";

/// What is shown in a place.
#[derive(Deserialize)]
struct Shown {
    id: String,
    data: Map<String, Value>,
}

/// The outputs of a cell, in their order. Lines that follow each other are one text; a picture that is replaced keeps its
/// place.
#[derive(Debug, Default)]
pub(super) struct Outputs {
    list: Vec<Output>,
    places: HashMap<String, usize>,
}

#[derive(Debug)]
enum Output {
    Text(Stream, String),
    Other(Value),
}

impl Outputs {
    /// Adds a line that the cell printed. What it says in plain text, when it is a picture.
    pub fn line(&mut self, stream: Stream, line: &str) -> Option<String> {
        let shown = line.strip_prefix(MARK).filter(|_| stream == Stream::Stdout);
        if let Some(Shown { id, data }) = shown.and_then(|shown| serde_json::from_str(shown).ok()) {
            let text = data.get("text/plain").and_then(Value::as_str).unwrap_or_default().to_owned();
            let output = json!({ "output_type": "display_data", "data": split(data), "metadata": {} });
            match self.places.get(&id).and_then(|&place| self.list.get_mut(place)) {
                Some(old) => *old = Output::Other(output),
                None => {
                    self.places.insert(id, self.list.len());
                    self.list.push(Output::Other(output));
                }
            }
            return Some(text);
        }
        match self.list.last_mut() {
            Some(Output::Text(last, text)) if *last == stream => {
                text.push_str(line);
                text.push('\n');
            }
            _ => self.list.push(Output::Text(stream, format!("{line}\n"))),
        }
        None
    }

    /// Adds the forms of the value that the cell ended in.
    pub fn result(&mut self, data: Map<String, Value>, number: usize) {
        let data = split(data);
        let result =
            json!({ "output_type": "execute_result", "execution_count": number, "data": data, "metadata": {} });
        self.list.push(Output::Other(result));
    }

    /// Adds what is wrong with the cell.
    pub fn error(&mut self, error: &CellError) {
        let CellError { message, traceback } = error;
        let error = json!({ "output_type": "error", "ename": "Error", "evalue": message, "traceback": traceback });
        self.list.push(Output::Other(error));
    }

    /// What the cell printed to a stream.
    pub fn printed(&self, stream: Stream) -> String {
        let texts = self.list.iter().filter_map(|o| match o {
            Output::Text(of, text) if *of == stream => Some(text.as_str()),
            _ => None,
        });
        texts.collect()
    }

    /// What is wrong with the cell, as it is shown.
    pub fn tracebacks(&self) -> String {
        let errors = self.list.iter().filter_map(|o| match o {
            Output::Other(value) => value.get("traceback")?.as_array(),
            Output::Text(..) => None,
        });
        errors.flatten().filter_map(Value::as_str).flat_map(|line| [line, "\n"]).collect()
    }

    /// As a notebook's file has them.
    pub fn into_values(self) -> Vec<Value> {
        let value = |output| match output {
            Output::Text(stream, text) => {
                json!({ "output_type": "stream", "name": stream.name(), "text": lines(&text) })
            }
            Output::Other(value) => value,
        };
        self.list.into_iter().map(value).collect()
    }
}

/// Text in lines; of forms that are JSON, what it says.
fn split(data: Map<String, Value>) -> Map<String, Value> {
    let form = |(mime, body): (String, Value)| {
        let Value::String(body) = body else { return (mime, body) };
        let json = mime.contains("json").then(|| serde_json::from_str(&body).ok()).flatten();
        let value = json.unwrap_or_else(|| lines(&body));
        (mime, value)
    };
    data.into_iter().map(form).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data(pairs: &[(&str, &str)]) -> Map<String, Value> {
        pairs.iter().map(|(mime, body)| ((*mime).to_owned(), (*body).into())).collect()
    }

    #[test]
    fn pictures_keep_their_place_and_lines_join() {
        let mut outputs = Outputs::default();
        let shown = |id: &str, text: &str| format!(r#"{MARK}{{"id": "{id}", "data": {{"text/plain": "{text}"}}}}"#);
        assert_eq!(outputs.line(Stream::Stdout, "a"), None);
        assert_eq!(outputs.line(Stream::Stdout, ""), None);
        assert_eq!(outputs.line(Stream::Stdout, &shown("x", "1 of 2")).as_deref(), Some("1 of 2"));
        outputs.line(Stream::Stderr, &shown("x", "no picture"));
        outputs.line(Stream::Stdout, &shown("y", "other"));
        outputs.line(Stream::Stdout, &shown("x", "2 of 2"));
        outputs.line(Stream::Stdout, "INFOMAX_DISPLAY but no JSON");
        outputs.result(data(&[("text/html", "<b>\n</b>"), ("application/json", r#"{"a": 1}"#)]), 3);
        outputs.error(&CellError { message: "m".into(), traceback: vec!["t".into()] });
        assert!(outputs.printed(Stream::Stderr).contains("no picture"));
        let picture =
            |text: &str| json!({ "output_type": "display_data", "data": { "text/plain": [text] }, "metadata": {} });
        let values = outputs.into_values();
        assert_eq!(values[0], json!({ "output_type": "stream", "name": "stdout", "text": ["a\n", "\n"] }));
        assert_eq!([&values[1], &values[3]], [&picture("2 of 2"), &picture("other")]);
        assert_eq!(values[4]["text"], json!(["INFOMAX_DISPLAY but no JSON\n"]));
        assert_eq!(values[5]["data"], json!({ "text/html": ["<b>\n", "</b>"], "application/json": { "a": 1 } }));
        assert_eq!((&values[5]["execution_count"], &values[6]["evalue"]), (&json!(3), &json!("m")));
        assert_eq!(values.len(), 7);
    }
}
