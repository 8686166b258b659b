//! Records of any source to planes and checked labels.

use super::decode::{ImageShape, PictureError, decode_picture, picture_form};
use super::source::files::{read, reserve};
use super::source::{ImageFile, Images, MAX_CLASSES, Part, Records, SourceError, numbered};
use super::{DataError, Split};
use rayon::prelude::*;
use std::borrow::Cow;
use std::ops::Range;
use std::path::Path;

/// The longest file of one image, bytes: the largest picture that is decoded, not packed at all.
const MAX_IMAGE_FILE: u64 = 1 << 28;
/// Images whose headers are read at a time.
const HEADERS: usize = 4096;
/// Bytes decoded at a time. What is decoded is written where it stays, and only that much memory is touched ahead of it,
/// so that headers that promise much take little.
const CHUNK: usize = 1 << 25;

/// What the images of a split have in common. Without a card, all headers are read: every image must be of the first
/// one's size, and one in colour makes it a set in colour.
pub(super) fn form(records: &Records) -> Result<ImageShape, DataError> {
    if let Some(form) = records.form {
        return Ok(form);
    }
    let mut found = None;
    for part in &records.parts {
        match &part.images {
            Images::Planes(form, _) => agree(&mut found, *form, || Place::Row(&part.path, 0))?,
            Images::Table(table) => {
                for rows in pieces_of(part) {
                    let start = rows.start;
                    let bytes = table.rows(rows)?;
                    let place = |row, _: &Vec<u8>| Place::Row(&part.path, start + row);
                    survey(&mut found, &bytes, place, |b| Ok(Cow::Borrowed(b.as_slice())))?;
                }
            }
            Images::Files(files) => survey(&mut found, files, |_, file| Place::File(file), content)?,
        }
    }
    survey(&mut found, &records.others, |_, file| Place::File(file), content)?;
    found.ok_or_else(|| {
        let path = records.parts.first().map(|p| p.path.clone()).unwrap_or_default();
        DataError::Empty { path, split: "asked for" }
    })
}

/// Where an image stands, for messages.
enum Place<'a> {
    Row(&'a Path, usize),
    File(&'a ImageFile),
}

impl Place<'_> {
    fn undecodable(&self, e: PictureError) -> DataError {
        let reason = e.to_string();
        match *self {
            Self::Row(path, row) => DataError::Decode { path: path.to_owned(), row, reason },
            Self::File(ImageFile { path, list }) => {
                SourceError::Image { path: path.clone(), list: list.clone(), reason }.into()
            }
        }
    }

    fn other_size(&self, found: (u32, u32), expected: (u32, u32)) -> DataError {
        match *self {
            Self::Row(path, row) => DataError::Size { path: path.to_owned(), row, found, expected },
            Self::File(ImageFile { path, list }) => {
                SourceError::ImageSize { path: path.clone(), list: list.clone(), found, expected }.into()
            }
        }
    }
}

/// The bytes of an image file. Of a list, the message names the line.
fn content(file: &ImageFile) -> Result<Cow<'_, [u8]>, DataError> {
    read(&file.path, MAX_IMAGE_FILE).map(Cow::Owned).map_err(|e| match (&file.list, e) {
        (Some(_), DataError::Io { source, .. }) => {
            SourceError::ImageFile { path: file.path.clone(), list: file.list.clone(), reason: source.to_string() }
                .into()
        }
        (_, e) => e,
    })
}

/// Reads the headers of many images; the error is that of the first bad one.
fn survey<'a, T: Sync>(
    found: &mut Option<ImageShape>,
    images: &'a [T],
    place: impl Fn(usize, &'a T) -> Place<'a> + Sync,
    bytes: impl Fn(&'a T) -> Result<Cow<'a, [u8]>, DataError> + Sync,
) -> Result<(), DataError> {
    for (chunk, some) in images.chunks(HEADERS).enumerate() {
        let row = |i: usize| chunk * HEADERS + i;
        let one =
            |(i, image): (usize, &'a T)| picture_form(&bytes(image)?).map_err(|e| place(row(i), image).undecodable(e));
        let forms: Vec<Result<ImageShape, DataError>> = some.par_iter().enumerate().map(one).collect();
        for ((i, image), form) in some.iter().enumerate().zip(forms) {
            agree(found, form?, || place(row(i), image))?;
        }
    }
    Ok(())
}

fn agree<'a>(
    found: &mut Option<ImageShape>,
    form: ImageShape,
    place: impl FnOnce() -> Place<'a>,
) -> Result<(), DataError> {
    let known = found.get_or_insert(form);
    if known.size() != form.size() {
        return Err(place().other_size(form.size(), known.size()));
    }
    known.channels = known.channels.max(form.channels);
    Ok(())
}

/// Rows that are read and decoded at a time.
pub(super) const PIECE: usize = 1024;

/// A part's rows, in pieces.
fn pieces_of(part: &Part) -> impl Iterator<Item = Range<usize>> + use<> {
    let rows = part.labels.len();
    (0..rows).step_by(PIECE).map(move |row| row..rows.min(row + PIECE))
}

/// All images, in the pieces that they are read in when they are streamed: for each, its part and its rows there.
pub(super) fn pieces(records: &Records) -> Vec<(usize, Range<usize>)> {
    records.parts.iter().enumerate().flat_map(|(i, part)| pieces_of(part).map(move |rows| (i, rows))).collect()
}

/// Those pieces as ranges of the set's own indices.
pub(super) fn ranges(pieces: &[(usize, Range<usize>)]) -> Vec<Range<usize>> {
    let mut begin = 0;
    pieces
        .iter()
        .map(|(_, rows)| {
            let range = begin..begin + rows.len();
            begin = range.end;
            range
        })
        .collect()
}

/// The classes' names, and every label, each of which is one of the classes; no labels for a split without.
pub(super) fn labels(records: &Records, split: Split) -> Result<(Vec<String>, Vec<u32>), DataError> {
    if split == Split::Unlabeled {
        return Ok((records.classes.clone().unwrap_or_default(), Vec::new()));
    }
    let classes = match &records.classes {
        Some(classes) => classes.clone(),
        None => numbered(largest(records)? + 1),
    };
    let mut labels = Vec::with_capacity(records.parts.iter().map(|p| p.labels.len()).sum());
    for Part { path, labels: found, .. } in &records.parts {
        for (row, &label) in found.iter().enumerate() {
            let fits = u32::try_from(label).ok().filter(|&l| (l as usize) < classes.len());
            labels.push(fits.ok_or_else(|| DataError::Label {
                path: path.clone(),
                row,
                label,
                classes: classes.len(),
            })?);
        }
    }
    Ok((classes, labels))
}

/// The largest label of a set without a card.
fn largest(records: &Records) -> Result<usize, DataError> {
    let mut largest = 0;
    for Part { path, labels, .. } in &records.parts {
        for (row, &label) in labels.iter().enumerate() {
            // Labels below 0 are told of where all are checked.
            let label_or_0 = usize::try_from(label.max(0)).unwrap_or(usize::MAX);
            if label_or_0 >= MAX_CLASSES {
                return Err(SourceError::ManyClasses { path: path.clone(), row, label, limit: MAX_CLASSES }.into());
            }
            largest = largest.max(label_or_0);
        }
    }
    Ok(largest)
}

/// All images as planes, `[N, C, H, W]`.
pub(super) fn pixels(records: &mut Records, form: ImageShape, source: &Path) -> Result<Vec<u8>, DataError> {
    if let [Part { images: Images::Planes(found, pixels), .. }] = records.parts.as_mut_slice()
        && *found == form
    {
        return Ok(std::mem::take(pixels));
    }
    let images: usize = records.parts.iter().map(|p| p.labels.len()).sum();
    let mut out = Vec::new();
    reserve(&mut out, (images as u64).saturating_mul(form.numel() as u64), source)?;
    for part in &records.parts {
        for rows in pieces_of(part) {
            append(&mut out, form, part, &rows.collect::<Vec<_>>())?;
        }
    }
    Ok(out)
}

/// Decodes some rows of a part, in ascending order, to the end of `out`.
pub(super) fn append(out: &mut Vec<u8>, form: ImageShape, part: &Part, rows: &[usize]) -> Result<(), DataError> {
    let (Some(&first), Some(&last)) = (rows.first(), rows.last()) else { return Ok(()) };
    let file_of = |files: &'_ [ImageFile], row: usize| files.get(row).cloned().unwrap_or_default();
    match &part.images {
        Images::Planes(_, pixels) => {
            rows.iter().for_each(|row| out.extend(pixels.iter().skip(row * form.numel()).take(form.numel())));
            Ok(())
        }
        Images::Table(table) => {
            let bytes = table.rows(first..last + 1)?;
            let encoded = |&row: &usize| Ok(Cow::Borrowed(bytes.get(row - first).map_or(&[][..], Vec::as_slice)));
            decode(out, form, rows, |_, &row| Place::Row(&part.path, row), encoded)
        }
        Images::Files(files) => {
            let some: Vec<ImageFile> = rows.iter().map(|&row| file_of(files, row)).collect();
            decode(out, form, &some, |_, file| Place::File(file), content)
        }
    }
}

/// Decodes many images to the end of `out`; the error is that of the first bad one.
fn decode<'a, T: Sync>(
    out: &mut Vec<u8>,
    form: ImageShape,
    images: &'a [T],
    place: impl Fn(usize, &'a T) -> Place<'a> + Sync,
    bytes: impl Fn(&'a T) -> Result<Cow<'a, [u8]>, DataError> + Sync,
) -> Result<(), DataError> {
    let at_once = (CHUNK / form.numel().max(1)).max(1);
    for (chunk, some) in images.chunks(at_once).enumerate() {
        let begin = out.len();
        out.resize(begin + some.len() * form.numel(), 0);
        let room = out.get_mut(begin..).unwrap_or_default();
        let one = |((i, image), planes): ((usize, &'a T), &mut [u8])| {
            let place = || place(chunk * at_once + i, image);
            let picture = decode_picture(&bytes(image)?).map_err(|e| place().undecodable(e))?;
            if picture.form.size() != form.size() {
                return Err(place().other_size(picture.form.size(), form.size()));
            }
            picture.planes(planes);
            Ok(())
        };
        let done: Vec<Result<(), DataError>> =
            some.par_iter().enumerate().zip(room.par_chunks_exact_mut(form.numel().max(1))).map(one).collect();
        done.into_iter().collect::<Result<(), DataError>>()?;
    }
    Ok(())
}
