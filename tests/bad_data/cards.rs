//! Users' own cards.

use crate::made::{grey, write};
use crate::{fails, load};
use infomax::data::source::SourceError;
use infomax::data::{Card, DataError, Split, write_parquet};
use tempfile::tempdir;

const GOOD: &str = include_str!("../../datasets/fashion_mnist.toml");

/// Reads the shipped card with something replaced.
fn wrong(old: &str, new: &str, words: &[&str]) {
    assert!(GOOD.contains(old));
    let root = tempdir().unwrap();
    write(root.path(), "mine.toml", GOOD.replace(old, new));
    let result = load(&root.path().join("mine.toml"), Split::Train);
    fails!(result, DataError::Card { .. }, ["mine.toml", "is wrong"].iter().chain(words));
}

#[test]
fn keys_and_types() {
    wrong("licence =", "license =", &["unknown field `license`"]);
    wrong("width = 28\n", "", &["missing field `width`"]);
    wrong("width = 28", "width = \"28\"", &["line 9", "invalid type: string \"28\""]);
    wrong("width = 28", "width = -28", &["line 9", "-28"]);
    wrong("width = 28", "width = 1.5", &["line 9", "1.5"]);
    wrong("width = 28", "width = 99999999999", &["line 9", "99999999999"]);
    wrong("channels = 1", "channels = [1]", &["line 8", "invalid type: sequence"]);
    wrong("classes = [", "classes = [3, ", &["line 7", "invalid type: integer `3`"]);
    wrong("train = 60000", "train = \"many\"", &["invalid type: string \"many\""]);
    wrong("width = 28", "width = 28\nwidth = 28", &["line 10", "duplicate key"]);
    wrong("width = 28", "width 28", &["line 9"]);
    wrong("[files]", "[files", &["line 20"]);
}

#[test]
fn values_that_contradict_each_other() {
    wrong("channels = 1", "channels = 2", &["channels must be 1 or 3"]);
    wrong("channels = 1", "channels = 3", &["a mean and std for each"]);
    wrong("width = 28", "width = 0", &["it needs a size"]);
    wrong("zalando-datasets/fashion_mnist", "fashion_mnist", &["a repo of the form org/name"]);
}

#[test]
fn no_text_or_too_much() {
    let root = tempdir().unwrap();
    write(root.path(), "mine.toml", b"name = \"\xff\"");
    fails!(Card::read(&root.path().join("mine.toml")), DataError::Card { .. }, ["mine.toml", "not UTF-8"]);
    write(root.path(), "mine.toml", vec![b'#'; 2 << 20]);
    fails!(
        Card::read(&root.path().join("mine.toml")),
        DataError::Source(SourceError::TooLarge { .. }),
        ["mine.toml has 2097152 bytes"]
    );
    fails!(Card::read(&root.path().join("other.toml")), DataError::Io { .. }, ["cannot read", "other.toml"]);
    write(root.path(), "mine.toml", format!("name = {}", "[".repeat(100_000)));
    fails!(Card::read(&root.path().join("mine.toml")), DataError::Card { .. }, ["mine.toml"]);
}

#[test]
fn files() {
    for path in ["../train-*.parquet", "/elsewhere/train-*.parquet", "a/../../train-*.parquet"] {
        let root = tempdir().unwrap();
        write(root.path(), "mine.toml", GOOD.replace("fashion_mnist/train-*.parquet", path));
        let result = load(&root.path().join("mine.toml"), Split::Train);
        fails!(result, DataError::Card { .. }, [path, "not inside its folder"]);
    }
    let root = tempdir().unwrap();
    let test = ["test = \"fashion_mnist/test-*.parquet\"\n", "test = 10000\n"];
    assert!(test.iter().all(|line| GOOD.contains(line)));
    let card = GOOD.replace("zalando-datasets/fashion_mnist", "nobody/nothing");
    let card = test.iter().fold(card, |card, line| card.replace(line, ""));
    write(root.path(), "mine.toml", card);
    let path = root.path().join("mine.toml");
    fails!(load(&path, Split::Train), DataError::NotFound { .. }, ["fashion_mnist (train) is not on this machine"]);
    fails!(load(&path, Split::Test), DataError::Card { .. }, ["no files for the test split"]);
    // The card's size and classes hold for its images.
    let file = root.path().join("fashion_mnist/train-0.parquet");
    let [good, small] = [grey(28, 28, 0), grey(27, 28, 0)];
    write_parquet(&file, "image", "label", &[&good, &small], &[0, 1]).unwrap();
    fails!(load(&path, Split::Train), DataError::Size { row: 1, .. }, ["row 1", "27x28, the others are 28x28"]);
    write_parquet(&file, "image", "label", &[&good, &good], &[0, 10]).unwrap();
    fails!(load(&path, Split::Train), DataError::Label { row: 1, .. }, ["label 10", "10 classes, 0 to 9"]);
    write_parquet(&file, "img", "label", &[&good, &good], &[0, 1]).unwrap();
    fails!(load(&path, Split::Train), DataError::Column { .. }, ["`image`", "its columns are img, label"]);
}
