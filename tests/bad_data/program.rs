//! The program says what is wrong in one line and ends with code 1; good data of every format it takes.

use crate::made::{grey, idx, noise, png, write};
use std::path::Path;
use std::process::{Command, Output};
use tempfile::tempdir;

fn infomax(args: &[&str], folder: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_infomax")).args(args).current_dir(folder).output().unwrap()
}

fn fails(args: &[&str], folder: &Path, words: &[&str]) {
    let output = infomax(args, folder);
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{error}");
    assert_eq!(error.lines().count(), 1, "{error}");
    for word in ["error: "].iter().chain(words) {
        assert!(error.contains(word), "no {word:?} in {error:?}");
    }
}

#[test]
fn bad_data_are_told_in_one_line() {
    let root = tempdir().unwrap();
    write(root.path(), "set/train/a/1.png", grey(28, 28, 0));
    write(root.path(), "set/train/b/1.png", "text");
    fails(&["train", "--data", "set"], root.path(), &["set/train/b/1.png", "does not decode"]);
    write(root.path(), "list.csv", "path,label\n../x.png,1\n");
    fails(&["data", "show", "list.csv"], root.path(), &["list.csv line 2", "leaves the list's folder"]);
    write(root.path(), "card.toml", "name = 1");
    fails(&["data", "show", "card.toml"], root.path(), &["card.toml", "line 1"]);
    write(root.path(), "digits/t10k-images-idx3-ubyte", idx(&[1, 28, 28], &[]));
    fails(&["train", "--data", "digits"], root.path(), &["digits has no train split"]);
    write(root.path(), "cifar/test_batch.bin", [99]);
    fails(&["train", "--data", "cifar"], root.path(), &["cifar has no train split"]);
    fails(&["data", "show", "cifar"], root.path(), &["test_batch.bin", "1 bytes"]);
    std::fs::create_dir(root.path().join("nothing")).unwrap();
    fails(&["data", "show", "nothing"], root.path(), &["nothing is no data set", "train/CLASS/*.png"]);
}

#[test]
fn a_folder_of_images_is_shown_and_trained_on() {
    let root = tempdir().unwrap();
    for i in 0..12u64 {
        let image = png(32, 32, 3, &noise(3 * 32 * 32, i));
        write(root.path(), &format!("set/train/{}/{i}.png", ["left", "right"][i as usize % 2]), image);
    }
    let shown = infomax(&["data", "show", "set"], root.path());
    let text = String::from_utf8_lossy(&shown.stdout);
    assert!(shown.status.success(), "{}", String::from_utf8_lossy(&shown.stderr));
    assert!(text.contains("32 x 32 pixels, 3 channels") && text.contains("left"), "{text}");
    let trained = infomax(&["train", "--data", "set", "--epochs", "1", "--batch", "4", "--no-probe"], root.path());
    assert!(trained.status.success(), "{}", String::from_utf8_lossy(&trained.stderr));
}
