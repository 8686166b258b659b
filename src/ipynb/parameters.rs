//! `--set name=value`: the way of papermill, but the line is changed and no cell is added.

use super::NotebookError;
use super::document::Document;

/// What was changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    /// The code cell, from 1.
    pub cell: usize,
    /// The line as it is now.
    pub line: String,
    /// Whether the cell has the tag `parameters`.
    pub tagged: bool,
}

/// Changes the first line `let name = …;` that is not indented: of the cells with the tag `parameters`, or else of all.
///
/// # Errors
/// When `setting` is not `name=value`, or there is no such line.
pub(crate) fn set(document: &mut Document, setting: &str) -> Result<Change, NotebookError> {
    let wrong = |reason: String| NotebookError::Parameter { setting: setting.to_owned(), reason };
    let (name, value) = setting.split_once('=').map(|(n, v)| (n.trim(), v.trim())).unwrap_or_default();
    let starts = name.chars().next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
    if !starts || !name.chars().all(is_word) || value.is_empty() || value.contains('\n') {
        return Err(wrong("it is name=value, with a value in one line".into()));
    }
    let sources: Vec<(bool, String)> = document.code().map(|c| (c.has_tag("parameters"), c.source())).collect();
    let tagged = sources.iter().enumerate().filter(|(_, (tagged, _))| *tagged);
    let others = sources.iter().enumerate().filter(|(_, (tagged, _))| !tagged);
    for (index, (tagged, source)) in tagged.chain(others) {
        let Some((changed, line)) = rewritten(source, name, value).map_err(&wrong)? else { continue };
        if let Some(mut cell) = document.code_mut().nth(index) {
            cell.set_source(&changed);
        }
        return Ok(Change { cell: index + 1, line, tagged: *tagged });
    }
    Err(wrong(format!("no cell has a line `let {name} = …;` that is not indented")))
}

/// The source with another value, and the line that has it.
fn rewritten(source: &str, name: &str, value: &str) -> Result<Option<(String, String)>, String> {
    let mut out = String::new();
    let mut found = None;
    for line in source.split_inclusive('\n') {
        match value_of(line, name).filter(|_| found.is_none()) {
            Some(Some((start, end))) => {
                let changed = format!("{} {value}{}", line[..start].trim_end(), &line[end..]);
                out.push_str(&changed);
                found = Some(changed.trim_end().to_owned());
            }
            Some(None) => return Err(format!("the value of `let {name}` goes on over several lines; put it on one")),
            None => out.push_str(line),
        }
    }
    Ok(found.map(|line| (out, line)))
}

/// Where the value of `let name` is in a line, from behind `=` to `;`; nothing inside when it has no end there.
fn value_of(line: &str, name: &str) -> Option<Option<(usize, usize)>> {
    let rest = line.strip_prefix("let ")?.trim_start();
    let rest = rest.strip_prefix("mut ").unwrap_or(rest).trim_start().strip_prefix(name)?;
    if rest.chars().next().is_some_and(is_word) {
        return None;
    }
    let from = line.len() - rest.len();
    let start = from + outside(rest, '=')? + 1;
    Some(outside(&line[start..], ';').map(|end| (start, start + end)))
}

/// Where `wanted` is, outside of brackets and text.
fn outside(code: &str, wanted: char) -> Option<usize> {
    let (mut depth, mut chars) = (0usize, code.char_indices());
    while let Some((at, c)) = chars.next() {
        match c {
            _ if c == wanted && depth == 0 => return Some(at),
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            // Of a type's parameters; of comparisons there are none before `=`.
            '<' if wanted == '=' => depth += 1,
            '>' if wanted == '=' => depth = depth.saturating_sub(1),
            '"' => while chars.next().is_some_and(|(_, c)| c != '"' && (c != '\\' || chars.next().is_some())) {},
            // A letter such as ';', and no lifetime.
            '\'' if code[at..].chars().nth(2) == Some('\'') => drop(chars.nth(1)),
            _ => (),
        }
    }
    None
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sources(document: &Document) -> Vec<String> {
        document.code().map(|c| c.source()).collect()
    }

    #[test]
    fn a_tagged_cell_comes_first_and_then_any() {
        let cells: [(&str, &[&str]); 3] = [
            ("let n = 1;\nlet m = 2;", &[]),
            ("let nn = 3;\nlet mut n: Map<K = u8> = 3; // three", &["parameters"]),
            ("n", &[]),
        ];
        let mut document = Document::of(&cells, "infomax");
        let change = set(&mut document, "n = 5").unwrap();
        assert_eq!(change, Change { cell: 2, line: "let mut n: Map<K = u8> = 5; // three".into(), tagged: true });
        assert_eq!(
            sources(&document),
            ["let n = 1;\nlet m = 2;", "let nn = 3;\nlet mut n: Map<K = u8> = 5; // three", "n"]
        );
        let change = set(&mut document, "m=a == b").unwrap();
        assert_eq!(change, Change { cell: 1, line: "let m = a == b;".into(), tagged: false });
    }

    #[test]
    fn values_end_where_rust_says() {
        for (line, changed) in [
            (r#"let s = "a;\"b;".len(); f();"#, "let s = 1; f();"),
            ("let s={let t = 1; t};", "let s= 1;"),
            ("let s: [u8; 2] = [1, 2];", "let s: [u8; 2] = 1;"),
            ("let s = a < b;", "let s = 1;"),
            ("let s: &'static [char] = &[';'];", "let s: &'static [char] = 1;"),
            ("let s = ';';", "let s = 1;"),
        ] {
            assert_eq!(rewritten(line, "s", "1").unwrap().unwrap().0, changed);
        }
        for line in ["  let s = 1;", "let ss = 1;", "let s;", "// let s = 1;", "s = 1;"] {
            assert_eq!(rewritten(line, "s", "1").unwrap(), None, "{line}");
        }
        assert!(rewritten("let s = [\n1];", "s", "1").unwrap_err().contains("several lines"));
    }

    #[test]
    fn what_is_not_there_is_refused() {
        let mut document = Document::of(&[("let n = 1;", &[])], "infomax");
        for (setting, words) in [
            ("n", "name=value"),
            ("=1", "name=value"),
            ("n=", "name=value"),
            ("1n=2", "name=value"),
            ("k=1", "`let k = …;`"),
        ] {
            let error = set(&mut document, setting).unwrap_err().to_string();
            assert!(error.contains(words) && error.contains(setting), "{error}");
        }
        assert_eq!(sources(&document), ["let n = 1;"]);
    }
}
