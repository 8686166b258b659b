//! Parquet files.

use crate::made::{grey, write};
use crate::{fails, load};
use infomax::data::source::SourceError;
use infomax::data::{DataError, ImageSet, Split, write_parquet};
use polars::prelude::*;
use std::fs;
use std::path::PathBuf;
use tempfile::{TempDir, tempdir};

/// A folder with one parquet file of training images.
struct Made {
    folder: TempDir,
    file: PathBuf,
}

fn images(n: u64) -> Vec<Vec<u8>> {
    (0..n).map(|i| grey(4, 4, i)).collect()
}

impl Made {
    fn new(images: &[Vec<u8>], labels: &[i64]) -> Self {
        let made = Self::empty();
        let images: Vec<&[u8]> = images.iter().map(Vec::as_slice).collect();
        write_parquet(&made.file, "image", "label", &images, labels).unwrap();
        made
    }

    fn empty() -> Self {
        let folder = tempdir().unwrap();
        Self { file: folder.path().join("train-00000-of-00001.parquet"), folder }
    }

    /// Any columns.
    fn of(columns: Vec<Column>) -> Self {
        let made = Self::empty();
        let mut frame = DataFrame::new(columns[0].len(), columns).unwrap();
        ParquetWriter::new(fs::File::create(&made.file).unwrap()).finish(&mut frame).unwrap();
        made
    }

    fn load(&self) -> Result<ImageSet, DataError> {
        load(self.folder.path(), Split::Train)
    }
}

fn image_column(name: &str, images: &[Option<&[u8]>]) -> Column {
    let bytes = Series::new("bytes".into(), images);
    StructChunked::from_series(name.into(), images.len(), [bytes].iter()).unwrap().into_series().into()
}

/// Two images in the hub's form.
fn good_images() -> Column {
    let [a, b] = [grey(4, 4, 1), grey(4, 4, 2)];
    image_column("image", &[Some(&a), Some(&b)])
}

#[test]
fn cut_off_anywhere() {
    let made = Made::new(&images(9), &[0; 9]);
    let whole = fs::read(&made.file).unwrap();
    for cut in (0..whole.len()).step_by(37).chain([whole.len() - 1]) {
        fs::write(&made.file, &whole[..cut]).unwrap();
        fails!(made.load(), DataError::Parquet { .. }, ["train-00000-of-00001.parquet", "copy or download it again"]);
    }
}

#[test]
fn longer_than_it_was() {
    let made = Made::new(&images(9), &[0; 9]);
    let mut bytes = fs::read(&made.file).unwrap();
    bytes.extend([7; 100]);
    fs::write(&made.file, bytes).unwrap();
    fails!(made.load(), DataError::Parquet { .. }, ["not a readable parquet file"]);
}

#[test]
fn something_else_under_that_name() {
    let made = Made::empty();
    for content in [&b"no parquet at all"[..], &grey(4, 4, 0), b"PAR1PAR1", b"PAR1\xff\xff\xff\xffPAR1", b"", b"PAR1"] {
        fs::write(&made.file, content).unwrap();
        fails!(made.load(), DataError::Parquet { .. }, ["not a readable parquet file"]);
    }
}

/// Damage that no check sum guards: an error or other pixels, but no panic.
#[test]
fn any_byte_changed() {
    let made = Made::new(&images(3), &[0, 1, 2]);
    let whole = fs::read(&made.file).unwrap();
    // What the reader's own threads panic with comes back as an error; it need not fill the test's output.
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if !std::thread::current().name().is_some_and(|n| n.starts_with("polars-")) {
            report(panic);
        }
    }));
    let mut refused = 0;
    for place in 0..whole.len() {
        for change in [0x01, 0x02, 0x10, 0x40, 0x80, 0xff] {
            let mut bytes = whole.clone();
            bytes[place] ^= change;
            fs::write(&made.file, bytes).unwrap();
            if let Err(e) = made.load() {
                assert!(!e.to_string().contains('\n'));
                refused += 1;
            }
        }
    }
    assert!(refused > whole.len());
}

#[test]
fn columns_that_are_missing_or_of_another_type() {
    let labels = || Column::new("label".into(), [0i64, 1]);
    let wrong = |columns: Vec<Column>, words: &[&str]| {
        fails!(Made::of(columns).load(), DataError::Column { .. }, words);
    };
    wrong(vec![labels()], &["no usable column `image` or `img`", "its columns are label"]);
    wrong(vec![good_images()], &["no usable column `label` or `fine_label`", "its columns are image"]);
    wrong(vec![Column::new("image".into(), ["a.png", "b.png"]), labels()], &["`image` (a struct with a binary field"]);
    let paths = Series::new("path".into(), ["a.png", "b.png"]);
    let paths = StructChunked::from_series("image".into(), 2, [paths].iter()).unwrap().into_series();
    wrong(vec![paths.into(), labels()], &["`image` (a struct with a binary field `bytes`"]);
    wrong(vec![good_images(), Column::new("label".into(), ["cat", "dog"])], &["`label` (an integer or a yes-or-no)"]);
    wrong(vec![good_images(), Column::new("label".into(), [0.0, 1.5])], &["`label` (an integer or a yes-or-no)"]);
    wrong(vec![good_images(), Column::new("label".into(), [0, u64::MAX])], &["`label` (an integer below 2^63)"]);
    // Columns beside them are of no concern, nor is the integers' type.
    let more = Column::new("caption".into(), ["x", "y"]);
    let set = Made::of(vec![more, Column::new("label".into(), [1u32, 0]), good_images()]).load().unwrap();
    assert_eq!(set.labels(), [1, 0]);
    let set = Made::of(vec![good_images(), Column::new("label".into(), [false, true])]).load().unwrap();
    assert_eq!(set.labels(), [0, 1]);
}

#[test]
fn rows_without_an_image_or_label() {
    let labels = || Column::new("label".into(), [0i64, 1, 0]);
    let a = grey(4, 4, 1);
    let missing = image_column("image", &[Some(&a), Some(&a), None]);
    fails!(Made::of(vec![missing, labels()]).load(), DataError::Missing { row: 2, .. }, ["row 2: no image"]);
    let whole = image_column("image", &[Some(&a), Some(&a), Some(&a)]);
    let labels = Column::new("label".into(), [Some(0i64), None, Some(1)]);
    fails!(Made::of(vec![whole, labels]).load(), DataError::Missing { row: 1, .. }, ["row 1: no label"]);
}

#[test]
fn no_rows() {
    fails!(Made::new(&[], &[]).load(), DataError::Empty { .. }, ["no rows", "train split is empty"]);
}

#[test]
fn labels_out_of_range() {
    let made = |label| Made::new(&images(3), &[0, label, 1]).load();
    fails!(made(-1), DataError::Label { row: 1, label: -1, .. }, ["row 1", "label -1 is out of range", "0 to 1"]);
    fails!(made(i64::MIN), DataError::Label { .. }, ["label -9223372036854775808"]);
    // Without a limit, as many names of classes would be made.
    fails!(
        made(i64::MAX),
        DataError::Source(SourceError::ManyClasses { row: 1, .. }),
        ["row 1", "label 9223372036854775807 is too large", "0 to 65535"]
    );
    assert_eq!(made(65535).unwrap().classes.len(), 65536);
}

#[test]
fn images_of_other_sizes_or_none() {
    let with = |image: Vec<u8>| {
        let mut images = images(4);
        images[2] = image;
        Made::new(&images, &[0; 4]).load()
    };
    fails!(with(grey(5, 4, 0)), DataError::Size { row: 2, .. }, ["row 2", "5x4, the others are 4x4"]);
    fails!(with(Vec::new()), DataError::Decode { row: 2, .. }, ["row 2", "it has no bytes"]);
    fails!(with(b"GIF89a\x04\0\x04\0\0\0\0;".to_vec()), DataError::Decode { row: 2, .. }, ["row 2", "does not decode"]);
    fails!(with(b"<html>not found</html>".to_vec()), DataError::Decode { .. }, ["row 2"]);
}

#[test]
fn splits_that_are_not_there() {
    let made = Made::new(&images(2), &[0, 1]);
    fails!(
        load(made.folder.path(), Split::Test),
        DataError::Source(SourceError::NoSplit { split: "test", .. }),
        ["no test split", "test-*", "validation-*"]
    );
    let alone = made.folder.path().join("mine.parquet");
    fs::rename(&made.file, &alone).unwrap();
    assert_eq!(load(&alone, Split::Train).unwrap().len(), 2);
    fails!(
        load(&alone, Split::Test),
        DataError::Source(SourceError::NoSplit { .. }),
        ["mine.parquet has no test split"]
    );
    // In a folder, a name that belongs to no split is nothing that is looked for.
    fails!(
        made.load(),
        DataError::Source(SourceError::Format { .. }),
        ["is no data set", "train-*.parquet", "train/CLASS/*.png", "train-images-idx3-ubyte"]
    );
    write(made.folder.path(), "images.zip", "PK");
    fails!(
        load(&made.folder.path().join("images.zip"), Split::Train),
        DataError::Source(SourceError::Format { .. }),
        ["images.zip", "none of .toml, .parquet and .csv"]
    );
}
