//! What a decoded set was made from.

use crate::data::assemble::PIECE;
use crate::data::source::Source;
use crate::data::{Card, Split};
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Everything that fixes a decoded set's bytes, as one hash, and the files that it was made from.
pub(super) struct Identity {
    /// SHA-256, in hexadecimal digits.
    pub key: String,
    /// The files, for people.
    pub files: Vec<PathBuf>,
    stamps: Vec<(u64, SystemTime)>,
}

/// What is hashed. The order of the fields is part of the format.
#[derive(Serialize)]
struct Made<'a> {
    format: u32,
    /// Images that stand together when the set is dealt out as a stream would be.
    piece: usize,
    split: &'static str,
    card: Option<Asked<'a>>,
    /// Hash and length of each file.
    files: Vec<(String, u64)>,
}

/// What a card asks of the images. Without a card, the files decide.
#[derive(Serialize)]
struct Asked<'a> {
    image_column: &'a str,
    label_column: &'a str,
    shape: [usize; 3],
    classes: &'a [String],
}

impl Identity {
    /// Of a set of parquet files. None for other formats, and when a file cannot be read: loading it says why.
    pub(super) fn of(found: &Source, split: Split) -> Option<Self> {
        let (files, card) = found.tables(split)?;
        let asked = |card: &'_ Card| -> [usize; 3] { [card.channels, card.height as usize, card.width as usize] };
        let card = card.map(|card| Asked {
            image_column: &card.image_column,
            label_column: &card.label_column,
            shape: asked(card),
            classes: &card.classes,
        });
        let stamps = files.iter().map(|f| stamp(f)).collect::<io::Result<Vec<_>>>().ok()?;
        let hashes = files.iter().map(|f| content(f)).collect::<io::Result<Vec<_>>>().ok()?;
        let files_made = hashes.into_iter().zip(&stamps).map(|(hash, stamp)| (hash, stamp.0)).collect();
        let made = Made { format: super::file::FORMAT, piece: PIECE, split: split.name(), card, files: files_made };
        let key = hex(&Sha256::digest(serde_json::to_vec(&made).ok()?));
        Some(Self { key, files, stamps })
    }

    /// Whether the files are as long and as old as they were.
    pub(super) fn still_holds(&self) -> bool {
        self.files.iter().zip(&self.stamps).all(|(file, known)| stamp(file).is_ok_and(|now| now == *known))
    }
}

fn stamp(path: &Path) -> io::Result<(u64, SystemTime)> {
    let known = std::fs::metadata(path)?;
    if !known.is_file() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    Ok((known.len(), known.modified()?))
}

/// The SHA-256 of a file. The hub's cache has it as the name of what its links lead to; a blob is only named so when it
/// was checked.
fn content(path: &Path) -> io::Result<String> {
    if let Some(hash) = std::fs::read_link(path).ok().and_then(|target| hub_hash(&target)) {
        return Ok(hash);
    }
    let (mut file, mut digest, mut buffer) = (File::open(path)?, Sha256::new(), vec![0; 1 << 18]);
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok(hex(&digest.finalize())),
            Ok(n) => digest.update(buffer.get(..n).unwrap_or_default()),
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
}

fn hub_hash(target: &Path) -> Option<String> {
    let name = target.file_name()?.to_str()?;
    let is_hash = name.len() == 64 && name.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    (is_hash && target.parent()?.file_name()? == "blobs").then(|| name.to_owned())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
