//! Folders of images.

use crate::made::{grey, write};
use crate::{fails, load};
use infomax::data::source::SourceError;
use infomax::data::{DataError, Split};
use std::fs;
use tempfile::{TempDir, tempdir};

/// `train` and `test` with the classes `a` and `b`.
fn made() -> TempDir {
    let root = tempdir().unwrap();
    for (i, name) in ["train/a/1.png", "train/b/1.png", "test/a/1.png", "test/b/1.png"].into_iter().enumerate() {
        write(root.path(), name, grey(4, 4, i as u64));
    }
    root
}

macro_rules! wrong {
    ($root:expr, $words:expr) => {
        fails!(load($root.path(), Split::Train), DataError::Source(SourceError::Folder { .. }), $words)
    };
}

#[test]
fn an_empty_class() {
    let root = made();
    fs::create_dir(root.path().join("train/c")).unwrap();
    wrong!(root, ["train/c", "the class has no images (png, jpg, jpeg)", "remove the folder"]);
    write(root.path(), "train/c/.hidden.png", grey(4, 4, 0));
    write(root.path(), "train/c/readme.txt", "soon");
    wrong!(root, ["train/c", "the class has no images"]);
}

#[test]
fn classes_that_differ() {
    let root = made();
    write(root.path(), "train/c/1.png", grey(4, 4, 9));
    for split in [Split::Train, Split::Test] {
        fails!(
            load(root.path(), split),
            DataError::Source(SourceError::ClassMissing { .. }),
            ["class `c` has a folder in", "/train but none in", "/test"]
        );
    }
    write(root.path(), "test/c/1.png", grey(4, 4, 9));
    write(root.path(), "test/d/1.png", grey(4, 4, 9));
    fails!(
        load(root.path(), Split::Train),
        DataError::Source(SourceError::ClassMissing { .. }),
        ["class `d` has a folder in", "/test but none in", "/train"]
    );
}

#[test]
fn sizes_that_differ() {
    let root = made();
    write(root.path(), "train/b/2.png", grey(4, 6, 0));
    fails!(
        load(root.path(), Split::Train),
        DataError::Source(SourceError::ImageSize { .. }),
        ["train/b/2.png", "4x6, the others are 4x4"]
    );
    // The other split's images have to be of that size too.
    let root = made();
    write(root.path(), "test/b/2.png", grey(6, 4, 0));
    for split in [Split::Train, Split::Test] {
        fails!(load(root.path(), split), DataError::Source(SourceError::ImageSize { .. }), ["6x4"]);
    }
}

#[test]
fn images_in_the_wrong_place_or_of_another_kind() {
    let root = made();
    write(root.path(), "train/stray.png", grey(4, 4, 0));
    wrong!(root, ["train/stray.png", "outside a class's folder"]);
    let root = made();
    write(root.path(), "train/a/moving.GIF", "GIF89a");
    wrong!(root, ["train/a/moving.GIF", "kind gif are not read", "convert it to PNG"]);
    let root = made();
    let deep = format!("train/a/{}x.png", "d/".repeat(20));
    write(root.path(), &deep, grey(4, 4, 0));
    wrong!(root, ["more than 16 folders deep"]);
}

#[cfg(unix)]
#[test]
fn links_in_a_circle() {
    let root = made();
    std::os::unix::fs::symlink("..", root.path().join("train/a/round")).unwrap();
    wrong!(root, ["a link to a folder of the same class", "remove the link"]);
    let root = made();
    std::os::unix::fs::symlink("itself", root.path().join("train/a/itself")).unwrap();
    assert_eq!(load(root.path(), Split::Train).unwrap().len(), 2);
    std::os::unix::fs::symlink("itself.png", root.path().join("train/a/itself.png")).unwrap();
    fails!(load(root.path(), Split::Train), DataError::Io { .. }, ["train/a/itself.png"]);
}

#[cfg(target_os = "linux")]
#[test]
fn a_class_whose_name_is_no_text() {
    use std::os::unix::ffi::OsStrExt;
    let root = made();
    let name = std::ffi::OsStr::from_bytes(b"\xff\xfe");
    fs::create_dir(root.path().join("train").join(name)).unwrap();
    wrong!(root, ["the class's name is not UTF-8", "rename the folder"]);
}

#[test]
fn splits_that_are_not_there() {
    let root = made();
    fs::remove_dir_all(root.path().join("test")).unwrap();
    fails!(
        load(root.path(), Split::Test),
        DataError::Source(SourceError::NoSplit { split: "test", .. }),
        ["no test split", "test, valid, validation, val"]
    );
    let root = tempdir().unwrap();
    fs::create_dir_all(root.path().join("train")).unwrap();
    fails!(load(root.path(), Split::Train), DataError::Source(SourceError::Format { .. }), ["is no data set"]);
}
