//! Lists of images: CSV files with the columns `path`, `label` and, if wanted, `split`.

use super::files::{line_ends, read, utf8};
use super::{ImageFile, Images, MAX_CLASSES, Part, Records, SourceError, split_names};
use crate::data::{DataError, Split};
use csv_core::{ReadRecordResult, Reader};
use std::collections::{BTreeSet, HashMap};
use std::path::{Component, Path, PathBuf};

/// The most that is read of a list, 1 GiB.
const MAX_LIST: u64 = 1 << 30;
/// The longest line, bytes.
const LONGEST: usize = 1 << 16;
/// The most columns.
const MAX_COLUMNS: usize = 256;

/// A line of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The line it begins on, from 1.
    pub line: u64,
    /// The image, as written.
    pub path: String,
    /// Its class.
    pub label: usize,
    /// Its split's name in lower case, if there is such a column.
    pub split: Option<String>,
}

/// A whole list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing {
    /// In the file's order.
    pub entries: Vec<Entry>,
    /// The classes' names, by label.
    pub classes: Vec<String>,
}

/// Reads the content of a list; `path` is for messages.
///
/// The first line names the columns: `path` and `label`, in any order, perhaps `split` (train, test, valid, validation,
/// val); others are left out. Labels are all integers from 0 on, or all names of classes, which are numbered in order of
/// name. Cells may be in double quotes; the text is UTF-8, with or without a byte order mark. A relative path may not
/// leave the list's folder by `..`; an absolute one may name any file.
///
/// # Errors
/// For anything else, with the line and the value.
pub fn parse(path: &Path, bytes: &[u8]) -> Result<Listing, SourceError> {
    let text = utf8(path, bytes)?;
    let wrong = |line, reason: String| SourceError::Csv { path: path.to_owned(), line, reason: shown(&reason) };
    let mut lines = Lines::new(text.as_bytes());
    let header = lines.next().transpose().map_err(|(line, reason)| wrong(line, reason))?;
    let (line, header) = header.ok_or_else(|| wrong(1, "the file is empty; it begins with path,label".into()))?;
    let place = |name: &str| {
        let mut places = header.iter().enumerate().filter(|(_, h)| h.trim() == name).map(|(i, _)| i);
        match (places.next(), places.next()) {
            (Some(_), Some(_)) => Err(wrong(line, format!("two columns are called {name}; leave one"))),
            (place, _) => Ok(place),
        }
    };
    let needed = |name: &str| {
        let found = header.join(", ");
        place(name)?.ok_or_else(|| {
            wrong(line, format!("no column `{name}`; the first line must name path and label, and names {found}"))
        })
    };
    let (image, label, split) = (needed("path")?, needed("label")?, place("split")?);
    let (mut entries, mut labels) = (Vec::new(), Vec::new());
    for record in lines {
        let (line, cells) = record.map_err(|(line, reason)| wrong(line, reason))?;
        if cells.len() != header.len() {
            let reason = format!("it has {} cells where the first line has {}", cells.len(), header.len());
            return Err(wrong(line, reason));
        }
        let cell = |i: usize| cells.get(i).map_or("", String::as_str);
        let at = |reason| wrong(line, reason);
        contained(cell(image)).map_err(at)?;
        let split = split.map(|i| split_of(cell(i))).transpose().map_err(at)?;
        labels.push(Label::of(cell(label)).map_err(at)?);
        entries.push(Entry { line, path: cell(image).to_owned(), label: 0, split });
    }
    if entries.is_empty() {
        return Err(wrong(line, "no images are listed after the first line".into()));
    }
    let classes = number(&mut entries, labels).map_err(|(line, reason)| wrong(line, reason))?;
    Ok(Listing { entries, classes })
}

/// A message that quotes the file: on one line, and not too long for it.
fn shown(reason: &str) -> String {
    const LONGEST_SHOWN: usize = 300;
    let mut text: String =
        reason.chars().take(LONGEST_SHOWN).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    if reason.chars().nth(LONGEST_SHOWN).is_some() {
        text.push('…');
    }
    text
}

/// A label as it is written.
enum Label {
    Number(usize),
    Name(String),
}

impl Label {
    fn of(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if text.is_empty() {
            return Err("no label".into());
        }
        if text.chars().any(char::is_control) {
            return Err(format!("label {text:?} has line ends or other control characters; is a quote missing?"));
        }
        let most = MAX_CLASSES - 1;
        match (text.parse::<i128>(), text.parse::<f64>()) {
            (Ok(n), _) => match usize::try_from(n).ok().filter(|&n| n <= most) {
                Some(n) => Ok(Self::Number(n)),
                None => Err(format!("label {text} is out of range; labels are 0 to {most}, or names")),
            },
            (_, Ok(_)) => Err(format!("label {text} is no integer; labels are 0 to {most}, or names")),
            _ => Ok(Self::Name(text.to_owned())),
        }
    }
}

/// Gives each entry its class, and returns the classes' names.
fn number(entries: &mut [Entry], labels: Vec<Label>) -> Result<Vec<String>, (u64, String)> {
    let mut names = BTreeSet::new();
    let mut largest = 0;
    let all_names = matches!(labels.first(), Some(Label::Name(_)));
    for (entry, label) in entries.iter().zip(&labels) {
        match label {
            Label::Name(name) if all_names => _ = names.insert(name.as_str()),
            Label::Number(n) if !all_names => largest = largest.max(*n),
            Label::Name(name) => return Err((entry.line, mixed(name, "a name", "numbers"))),
            Label::Number(n) => return Err((entry.line, mixed(n, "a number", "names"))),
        }
        if names.len() > MAX_CLASSES {
            return Err((entry.line, format!("more than {MAX_CLASSES} classes; is the right column called label?")));
        }
    }
    let places: HashMap<&str, usize> = names.iter().enumerate().map(|(i, &n)| (n, i)).collect();
    for (entry, label) in entries.iter_mut().zip(&labels) {
        entry.label = match label {
            Label::Number(n) => *n,
            Label::Name(name) => places.get(name.as_str()).copied().unwrap_or_default(),
        };
    }
    Ok(if all_names { names.into_iter().map(str::to_owned).collect() } else { super::numbered(largest + 1) })
}

fn mixed(label: impl std::fmt::Display, is: &str, others: &str) -> String {
    format!("label {label} is {is}, those before are {others}; use one or the other")
}

/// The name of a split, in lower case, if it is one.
fn split_of(text: &str) -> Result<String, String> {
    let name = text.trim().to_lowercase();
    if [Split::Train, Split::Test].iter().any(|&s| split_names(s).contains(&name.as_str())) {
        return Ok(name);
    }
    Err(format!("split {text:?} is not known; it is train, test, valid, validation or val"))
}

/// Whether a path stays in the folder it is relative to.
fn contained(text: &str) -> Result<(), String> {
    if text.is_empty() {
        return Err("no path".into());
    }
    if text.contains('\0') {
        return Err("the path has a zero byte".into());
    }
    let path = Path::new(text);
    if path.is_absolute() {
        return Ok(());
    }
    let mut depth = 0usize;
    for component in path.components() {
        match component {
            Component::Normal(_) => depth += 1,
            Component::CurDir => {}
            Component::ParentDir if depth > 0 => depth -= 1,
            _ => return Err(format!("path {text} leaves the list's folder; write it from the root, or move the list")),
        }
    }
    Ok(())
}

/// The records of a CSV text, each with the line it begins on.
struct Lines<'a> {
    reader: Reader,
    text: &'a [u8],
    at: usize,
    line: u64,
    out: Vec<u8>,
    ends: [usize; MAX_COLUMNS],
}

impl<'a> Lines<'a> {
    fn new(text: &'a [u8]) -> Self {
        Self { reader: Reader::new(), text, at: 0, line: 1, out: vec![0; LONGEST], ends: [0; MAX_COLUMNS] }
    }

    /// Takes `n` bytes, counting lines.
    fn take(&mut self, n: usize) {
        let end = (self.at + n).min(self.text.len());
        self.line += line_ends(self.text, self.at..end);
        self.at = end;
    }

    fn rest(&self) -> &'a [u8] {
        self.text.get(self.at..).unwrap_or_default()
    }
}

impl Iterator for Lines<'_> {
    type Item = Result<(u64, Vec<String>), (u64, String)>;

    fn next(&mut self) -> Option<Self::Item> {
        // Blank lines, and the second half of the line end before.
        self.take(self.rest().iter().take_while(|b| matches!(b, b'\r' | b'\n')).count());
        let start = self.line;
        let (mut written, mut cells) = (0, 0);
        loop {
            let rest = self.rest();
            let (out, ends) = (self.out.get_mut(written..)?, self.ends.get_mut(cells..)?);
            let (result, taken, bytes, fields) = self.reader.read_record(rest, out, ends);
            self.take(taken);
            written += bytes;
            cells += fields;
            match result {
                // With nothing left, the next call ends the record.
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull => {
                    return Some(Err((start, format!("longer than {LONGEST} bytes; is a quote missing?"))));
                }
                ReadRecordResult::OutputEndsFull => {
                    return Some(Err((start, format!("more than {MAX_COLUMNS} columns"))));
                }
                ReadRecordResult::Record => break,
                ReadRecordResult::End => return None,
            }
        }
        let mut from = 0;
        let cells = self.ends.iter().take(cells).map(|&end| {
            let cell = self.out.get(from..end).unwrap_or_default();
            from = end;
            String::from_utf8_lossy(cell).into_owned()
        });
        Some(Ok((start, cells.collect())))
    }
}

/// The images of a split. Without a split column all are training images.
pub(super) fn load(path: &Path, split: Split) -> Result<Records, DataError> {
    let listing = parse(path, &read(path, MAX_LIST)?)?;
    let of = |e: &Entry| e.split.clone().unwrap_or_else(|| "train".into());
    let has = |name: &&str| listing.entries.iter().any(|e| of(e) == **name);
    let names = split_names(split);
    let name = names.iter().find(|n| has(n)).copied().ok_or_else(|| SourceError::NoSplit {
        path: path.to_owned(),
        split: split.name(),
        looked: format!("rows with {} in the column split", names.join(", ")),
    })?;
    let folder = path.parent().unwrap_or(Path::new(""));
    let (mut files, mut labels, mut others) = (Vec::new(), Vec::new(), Vec::new());
    for entry in &listing.entries {
        let file =
            ImageFile { path: PathBuf::from(folder).join(&entry.path), list: Some((path.to_owned(), entry.line)) };
        if of(entry) == name {
            files.push(file);
            labels.push(entry.label as i64);
        } else {
            others.push(file);
        }
    }
    let part = Part { path: path.to_owned(), images: Images::Files(files), labels };
    Ok(Records { parts: vec![part], classes: Some(listing.classes), others, form: None })
}
