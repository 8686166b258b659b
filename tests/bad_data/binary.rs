//! The binary files of MNIST, CIFAR and STL-10.

use crate::made::{gzipped, idx, noise, write};
use crate::{fails, load};
use infomax::data::source::SourceError;
use infomax::data::{DataError, ImageSet, Split};
use std::fs;
use std::path::Path;
use tempfile::tempdir;

const IMAGES: &str = "train-images-idx3-ubyte";
const LABELS: &str = "train-labels-idx1-ubyte";

/// A folder with these training files of MNIST's kind.
fn mnist(images: &[u8], labels: &[u8]) -> Result<ImageSet, DataError> {
    let root = tempdir().unwrap();
    write(root.path(), IMAGES, images);
    write(root.path(), LABELS, labels);
    load(root.path(), Split::Train)
}

#[test]
fn idx_headers() {
    let labels = idx(&[2], &[0, 1]);
    let wrong = |bytes: &[u8], words: &[&str]| {
        fails!(mnist(bytes, &labels), DataError::Source(SourceError::Idx { .. }), [IMAGES].iter().chain(words));
    };
    wrong(&[], &["it has 0 bytes"]);
    wrong(&[0, 0], &["it has 2 bytes"]);
    wrong(b"\x89PNG\r\n\x1a\n", &["begins with 89 50 4e 47, not with 00 00 08"]);
    wrong(&gzipped(&idx(&[2, 1, 1], &[0, 0])), &["begins with 1f 8b"]);
    wrong(&[0, 0, 8, 0, 1], &["begins with 00 00 08 00"]);
    wrong(&[0, 0, 8, 200], &["begins with 00 00 08 c8"]);
    wrong(&[0, 0, 0x0d, 3, 0, 0, 0, 1], &["values are of type 0x0d"]);
    wrong(&[0, 0, 8, 3, 0, 0, 0, 1, 0], &["ends in its header"]);
    // 2^96 bytes, 2^64 bytes, and more than any file.
    wrong(&idx(&[u32::MAX; 3], &[]), &["dimensions [4294967295, 4294967295, 4294967295]", "larger than any file"]);
    wrong(&idx(&[1 << 31, 1 << 31, 4], &[]), &["larger than any file"]);
    wrong(&idx(&[1 << 20, 1 << 10, 1 << 10], &[]), &["larger than any file"]);
    wrong(&idx(&[2, 4], &[0; 8]), &["three dimensions", "[2, 4]"]);
    wrong(&idx(&[2, 0, 4], &[]), &["sides of 1 to 4096", "[2, 0, 4]"]);
    wrong(&idx(&[1, 1, 5000], &[0; 5000]), &["sides of 1 to 4096", "[1, 1, 5000]"]);
}

#[test]
fn idx_lengths() {
    let labels = idx(&[2], &[0, 1]);
    let wrong = |images: &[u8], words: [&str; 2]| {
        fails!(mnist(images, &labels), DataError::Source(SourceError::Length { .. }), words);
    };
    wrong(&idx(&[2, 2, 2], &[0; 7]), ["has 23 bytes", "not the 24 that its dimensions [2, 2, 2] ask for"]);
    wrong(&idx(&[2, 2, 2], &[0; 9]), ["has 25 bytes", "not the 24"]);
    wrong(&idx(&[60_000, 28, 28], &[]), ["has 16 bytes", "not the 47040016"]);
    fails!(
        mnist(&idx(&[3, 2, 2], &[0; 12]), &labels),
        DataError::Source(SourceError::Counts { images: 3, labels: 2, .. }),
        ["has 3 images", "has 2 labels"]
    );
    fails!(
        mnist(&idx(&[2, 2, 2], &[0; 8]), &idx(&[2, 1], &[0, 1])),
        DataError::Source(SourceError::Idx { .. }),
        [LABELS, "labels have one dimension"]
    );
    fails!(mnist(&idx(&[0, 2, 2], &[]), &idx(&[0], &[])), DataError::Empty { .. }, ["the train split is empty"]);
}

#[test]
fn idx_without_labels_or_a_split() {
    let root = tempdir().unwrap();
    write(root.path(), IMAGES, idx(&[1, 2, 2], &[0; 4]));
    fails!(
        load(root.path(), Split::Train),
        DataError::Source(SourceError::NoSplit { .. }),
        ["no train split", "train-labels-idx1-ubyte, plain or .gz"]
    );
    fails!(load(root.path(), Split::Test), DataError::Source(SourceError::NoSplit { .. }), ["t10k-images-idx3-ubyte"]);
}

#[test]
fn packed_idx() {
    let packed = |bytes: &[u8]| {
        let root = tempdir().unwrap();
        write(root.path(), &format!("{IMAGES}.gz"), bytes);
        write(root.path(), LABELS, idx(&[2], &[0, 1]));
        load(root.path(), Split::Train)
    };
    let whole = gzipped(&idx(&[2, 8, 8], &noise(128, 1)));
    assert_eq!(packed(&whole).unwrap().image(1), &noise(128, 1)[64..]);
    let wrong = |bytes: &[u8], words: &[&str]| {
        fails!(packed(bytes), DataError::Source(SourceError::Idx { .. }), words);
    };
    wrong(&idx(&[2, 2, 2], &[0; 8]), &["does not unpack"]);
    wrong(&whole[..whole.len() / 2], &["does not unpack"]);
    wrong(&[&whole[..], b"trailing"].concat(), &["does not unpack"]);
    // A few bytes that say they hold 15 GB.
    wrong(&gzipped(&idx(&[15_000, 1000, 1000], &[0; 100])), &["dimensions [15000, 1000, 1000] ask for more than"]);
    // A megabyte that holds a gigabyte where the header asks for 8 bytes: no more than that is unpacked.
    let bomb = gzipped(&[idx(&[2, 2, 2], &[]), vec![0; 1 << 26]].concat());
    fails!(packed(&bomb), DataError::Source(SourceError::Length { bytes: 25, .. }), ["not the 24"]);
}

#[test]
fn cifar() {
    let root = tempdir().unwrap();
    let record = |label: u8| [&[label][..], &noise(3072, 1)].concat();
    let ten = |i: usize, bytes: &[u8]| write(root.path(), &format!("data_batch_{i}.bin"), bytes);
    (1..=4).for_each(|i| ten(i, &record(0)));
    let load = || load(root.path(), Split::Train);
    fails!(load(), DataError::Io { .. }, ["data_batch_5.bin"]);
    for bad in [&[][..], &[3], &record(1)[1..], &[record(1), record(2)[..10].to_vec()].concat()] {
        ten(5, bad);
        let words = ["data_batch_5.bin", "not a whole number of records of 3073 bytes"];
        fails!(load(), DataError::Source(SourceError::Length { .. }), words);
    }
    for label in [10, 255] {
        ten(5, &[record(9), record(label)].concat());
        let words =
            ["data_batch_5.bin row 1".to_owned(), format!("label {label} is out of range"), "0 to 9".to_owned()];
        fails!(load(), DataError::Label { row: 1, .. }, words.iter().map(String::as_str));
    }
    ten(5, &record(9));
    assert_eq!(load().unwrap().len(), 5);
    write(root.path(), "batches.meta.txt", "cat\ndog\n");
    fails!(
        load(),
        DataError::Source(SourceError::Names { found: 2, .. }),
        ["batches.meta.txt names 2 classes", "has 10"]
    );
    write(root.path(), "batches.meta.txt", b"a\nb\xff\n");
    fails!(load(), DataError::Source(SourceError::Text { line: 2, .. }), ["batches.meta.txt line 2"]);
    fails!(
        ImageSet::load(root.path().to_str().unwrap(), Split::Test, None),
        DataError::Source(SourceError::NoSplit { .. }),
        ["no test split", "test_batch.bin"]
    );
}

#[test]
fn cifar_100_labels() {
    let root = tempdir().unwrap();
    write(root.path(), "train.bin", [&[0, 100][..], &noise(3072, 1)].concat());
    fails!(load(root.path(), Split::Train), DataError::Label { row: 0, label: 100, .. }, ["train.bin", "0 to 99"]);
    write(root.path(), "train.bin", noise(3073, 1));
    fails!(load(root.path(), Split::Train), DataError::Source(SourceError::Length { .. }), ["records of 3074 bytes"]);
}

#[test]
fn stl_10() {
    let root = tempdir().unwrap();
    let load = || load(root.path(), Split::Train);
    write(root.path(), "train_X.bin", vec![7; 2 * 27648]);
    fails!(load(), DataError::Io { .. }, ["train_y.bin"]);
    for label in [0, 11, 255] {
        write(root.path(), "train_y.bin", [1, label]);
        let words = ["train_y.bin row 1".to_owned(), format!("label {label} is out of range"), "1 to 10".to_owned()];
        fails!(load(), DataError::Source(SourceError::FromOne { row: 1, .. }), words.iter().map(String::as_str));
    }
    write(root.path(), "train_y.bin", [1, 2, 3]);
    fails!(load(), DataError::Source(SourceError::Counts { .. }), ["2 images", "3 labels"]);
    write(root.path(), "train_X.bin", vec![7; 27647]);
    fails!(
        load(),
        DataError::Source(SourceError::Length { .. }),
        ["train_X.bin has 27647 bytes", "images of 27648 bytes"]
    );
}

/// What cannot be read at all is told as that.
#[test]
fn a_folder_where_a_file_should_be() {
    let root = tempdir().unwrap();
    write(root.path(), LABELS, idx(&[1], &[0]));
    fs::create_dir(root.path().join(IMAGES)).unwrap();
    fails!(load(root.path(), Split::Train), DataError::Source(SourceError::NotAFile { .. }), [IMAGES]);
    fails!(load(Path::new("no/such/path"), Split::Train), DataError::Unknown { .. }, ["no/such/path", "cifar10"]);
}
