//! The file of a decoded set.
//!
//! ```text
//! 8 bytes       "infomax\0"
//! u32           version of the format
//! u32           length of the head
//! head          JSON, see `Header`
//! labels        u32 each; absent for a split without
//! images        u8, [N, C, H, W]
//! u32           CRC-32 of all before it
//! ```
//!
//! Numbers are little-endian. The checksum is against disks, not against people: who can write here can write anything.

use super::key::Identity;
use crate::data::{ImageSet, MAX_SIDE, Split};
use crate::files::NewFile;
use crc32fast::Hasher;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{self, Read, Write};
use std::ops::Range;
use std::path::Path;

/// Raised with any change of this layout, and of what decoding gives.
pub(super) const FORMAT: u32 = 1;

const MAGIC: [u8; 8] = *b"infomax\0";
/// The longest head, bytes.
const MAX_HEAD: u32 = 1 << 26;
/// Bytes that are read and summed at a time, while they are in the processor's cache.
const PART: u64 = 1 << 19;

/// What a file says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Header {
    /// What it was made from, as a hash.
    pub key: String,
    /// The set's name.
    pub name: String,
    /// The split's name.
    pub split: String,
    /// Channels, height, width.
    pub shape: [usize; 3],
    /// Names of the classes.
    pub classes: Vec<String>,
    /// Images in each piece.
    pub pieces: Vec<usize>,
    /// Whether there are labels.
    pub labelled: bool,
    /// Where it was made from; for people.
    pub files: Vec<String>,
}

impl Header {
    pub(super) fn of(set: &ImageSet, split: Split, identity: &Identity) -> Self {
        Self {
            key: identity.key.clone(),
            name: set.name.clone(),
            split: split.name().to_owned(),
            shape: [set.channels, set.height, set.width],
            classes: set.classes.clone(),
            pieces: set.pieces().iter().map(Range::len).collect(),
            labelled: !set.labels().is_empty(),
            files: identity.files.iter().map(|f| f.display().to_string()).collect(),
        }
    }

    /// Number of images.
    pub(super) fn images(&self) -> usize {
        self.pieces.iter().fold(0, |sum, &n| sum.saturating_add(n))
    }

    /// Bytes of labels and of images, if they are sizes that a set can have.
    fn sizes(&self) -> Option<(u64, u64)> {
        let [channels, height, width] = self.shape;
        let side = 1..=MAX_SIDE as usize;
        if ![1, 3].contains(&channels) || !side.contains(&height) || !side.contains(&width) || self.images() == 0 {
            return None;
        }
        let images = self.images() as u64;
        let labels = if self.labelled { images.checked_mul(4)? } else { 0 };
        Some((labels, images.checked_mul((channels * height * width) as u64)?))
    }
}

/// Reads and sums.
struct Reader {
    file: File,
    sum: Hasher,
}

impl Reader {
    fn open(file: File) -> Self {
        Self { file, sum: Hasher::new() }
    }

    /// The next `bytes`, or what is wrong.
    fn take(&mut self, bytes: u64) -> Result<Vec<u8>, String> {
        let mut out = Vec::new();
        let room = usize::try_from(bytes).ok().and_then(|n| out.try_reserve_exact(n).ok());
        room.ok_or_else(|| format!("there is no memory for its {bytes} bytes"))?;
        let mut left = bytes;
        while left > 0 {
            let before = out.len();
            (&self.file).take(left.min(PART)).read_to_end(&mut out).map_err(|e| e.to_string())?;
            let part = out.get(before..).unwrap_or_default();
            if part.is_empty() {
                return Err("it is cut off".into());
            }
            self.sum.update(part);
            left -= part.len() as u64;
        }
        Ok(out)
    }

    fn number(&mut self) -> Result<u32, String> {
        let bytes = self.take(4)?;
        bytes.first_chunk().map(|b| u32::from_le_bytes(*b)).ok_or_else(|| "it is cut off".into())
    }

    /// Magic, version and head; the lengths they promise are those of the file.
    fn head(&mut self) -> Result<Header, String> {
        let length = self.file.metadata().map_err(|e| e.to_string())?.len();
        if self.take(8)? != MAGIC {
            return Err("it is no decoded set".into());
        }
        let format = self.number()?;
        if format != FORMAT {
            return Err(format!("it has version {format} of the format instead of {FORMAT}"));
        }
        let head_length = self.number()?;
        if head_length > MAX_HEAD || u64::from(head_length) > length {
            return Err(format!("a head of {head_length} bytes in a file of {length}"));
        }
        let head = self.take(u64::from(head_length))?;
        let head: Header = serde_json::from_slice(&head).map_err(|e| format!("its head: {e}"))?;
        let sizes = head.sizes().and_then(|(labels, images)| labels.checked_add(images));
        let promised = sizes.and_then(|n| n.checked_add(20 + u64::from(head_length)));
        let promised = promised.ok_or("its head has sizes that no set has")?;
        if promised != length {
            return Err(format!("it has {length} bytes instead of {promised}"));
        }
        Ok(head)
    }
}

/// Opens an ordinary file; opening a pipe would wait for its other end.
fn open(path: &Path) -> Result<Option<File>, String> {
    match std::fs::metadata(path) {
        Ok(known) if known.is_file() => File::open(path).map(Some).map_err(|e| e.to_string()),
        Ok(_) => Err("it is no ordinary file".into()),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(e.to_string()),
    }
}

/// What a file says of itself; nothing is summed.
pub(super) fn head(path: &Path) -> Result<Header, String> {
    Reader::open(open(path)?.ok_or("it is gone")?).head()
}

/// Reads the set that was made from what `key` says. Nothing when there is no file; the error is why it is of no use.
pub(super) fn read(path: &Path, key: &str) -> Result<Option<ImageSet>, String> {
    let Some(file) = open(path)? else { return Ok(None) };
    let mut reader = Reader::open(file);
    let head = reader.head()?;
    if head.key != key {
        return Err("it was made from something else".into());
    }
    let (label_bytes, pixel_bytes) = head.sizes().ok_or("its head has sizes that no set has")?;
    let labels = reader.take(label_bytes)?;
    let labels: Vec<u32> = labels.as_chunks::<4>().0.iter().map(|b| u32::from_le_bytes(*b)).collect();
    let pixels = reader.take(pixel_bytes)?;
    let found = reader.sum.clone().finalize();
    if reader.number()? != found {
        return Err("its checksum differs".into());
    }
    if labels.iter().any(|&l| l as usize >= head.classes.len()) {
        return Err("a label without a class".into());
    }
    let mut end = 0;
    let mut piece = |n: usize| {
        end += n;
        end - n..end
    };
    let pieces = head.pieces.iter().map(|&n| piece(n)).collect();
    let [channels, height, width] = head.shape;
    Ok(Some(ImageSet { name: head.name, classes: head.classes, channels, height, width, pixels, labels, pieces }))
}

/// Writes and sums.
struct Summed {
    file: NewFile,
    sum: Hasher,
}

impl Summed {
    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.sum.update(bytes);
        self.file.write_all(bytes)
    }
}

/// Writes a set: whole, or not at all.
pub(super) fn write(path: &Path, header: &Header, set: &ImageSet) -> io::Result<()> {
    let head = serde_json::to_vec(header)?;
    let length = u32::try_from(head.len()).ok().filter(|&n| n <= MAX_HEAD);
    let length = length.ok_or_else(|| io::Error::other("its class names are too long"))?;
    let mut out = Summed { file: NewFile::create(path)?, sum: Hasher::new() };
    out.put(&MAGIC)?;
    out.put(&FORMAT.to_le_bytes())?;
    out.put(&length.to_le_bytes())?;
    out.put(&head)?;
    for labels in set.labels().chunks(1 << 12) {
        out.put(&labels.iter().flat_map(|l| l.to_le_bytes()).collect::<Vec<u8>>())?;
    }
    for pixels in set.pixels.chunks(PART as usize) {
        out.put(pixels)?;
    }
    let Summed { mut file, sum } = out;
    file.write_all(&sum.finalize().to_le_bytes())?;
    file.commit()
}
