//! Lists of paths and labels.

use crate::made::{grey, write};
use crate::{fails, load};
use infomax::data::source::SourceError;
use infomax::data::{DataError, Split};
use tempfile::{TempDir, tempdir};

/// A folder with images `a.png` to `c.png` beside a list.
fn made(list: impl AsRef<[u8]>) -> TempDir {
    let root = tempdir().unwrap();
    for (i, name) in ["a.png", "b.png", "c.png"].into_iter().enumerate() {
        write(root.path(), name, grey(4, 4, i as u64));
    }
    write(root.path(), "list.csv", list);
    root
}

/// Loads the training images of a list, which must fail as [`SourceError::Csv`] does, with all the words.
fn wrong(list: impl AsRef<[u8]>, words: &[&str]) {
    let root = made(list);
    fails!(load(&root.path().join("list.csv"), Split::Train), DataError::Source(SourceError::Csv { .. }), ["list.csv"]);
    fails!(load(&root.path().join("list.csv"), Split::Train), DataError::Source(SourceError::Csv { .. }), words);
}

#[test]
fn headers() {
    wrong("", &["line 1", "the file is empty"]);
    wrong("\n\n", &["the file is empty"]);
    wrong("a.png,1\nb.png,0\n", &["line 1", "no column `path`", "names a.png, 1"]);
    wrong("path,class\na.png,1\n", &["line 1", "no column `label`", "names path, class"]);
    wrong("path,label,label\na.png,1,2\n", &["line 1", "two columns are called label"]);
    wrong("path;label\na.png;1\n", &["no column `path`", "names path;label"]);
    wrong("path,label\n", &["no images are listed"]);
    wrong("\"a\nb\",label\nx,1\n", &["names a\u{fffd}b, label"]);
    wrong(format!("{},label\nx,1\n", "long".repeat(9000)), &["longlong", "…"]);
}

#[test]
fn ragged_rows() {
    wrong("path,label\na.png,1\nb.png\n", &["line 3", "1 cells where the first line has 2"]);
    wrong("path,label\na.png,1,x\n", &["line 2", "3 cells where the first line has 2"]);
    wrong("path,label\na.png,1\n\"b.png,0\nc.png,1\n", &["line 3", "1 cells"]);
    wrong("path,label\na.png,x\nb.png,\"y\nc.png,z\n", &["line 3", "control characters", "is a quote missing"]);
    let many = "x,".repeat(300);
    wrong(format!("path,label\n{many}\n"), &["line 2", "more than 256 columns"]);
    let long = "x".repeat(100_000);
    wrong(format!("path,label\na.png,1\n\n{long},1\n"), &["line 4", "longer than 65536 bytes"]);
}

#[test]
fn text_that_is_not_utf_8() {
    let root = made(b"path,label\na.png,1\n\xff\xfe.png,2\n");
    fails!(
        load(&root.path().join("list.csv"), Split::Train),
        DataError::Source(SourceError::Text { line: 3, .. }),
        ["list.csv line 3 is not UTF-8", "save the file as UTF-8"]
    );
}

#[test]
fn labels() {
    wrong("path,label\na.png,0\nb.png,-1\n", &["line 3", "label -1 is out of range"]);
    wrong("path,label\na.png,65536\n", &["line 2", "label 65536 is out of range", "0 to 65535"]);
    wrong("path,label\na.png,99999999999999999999\n", &["label 99999999999999999999 is out of range"]);
    wrong("path,label\na.png,1.5\n", &["line 2", "label 1.5 is no integer"]);
    wrong("path,label\na.png,nan\n", &["line 2", "label nan is no integer"]);
    wrong("path,label\na.png,\n", &["line 2", "no label"]);
    wrong("path,label\r\na.png,1\r\n\r\nb.png,cat\r\n", &["line 4", "label cat is a name, those before are numbers"]);
    // Lines end as they do on any system.
    wrong("path,label\ra.png,1\r\rb.png,cat\r", &["line 4", "label cat is a name"]);
    wrong("path,label\na.png,cat\nb.png,1\n", &["line 3", "label 1 is a number, those before are names"]);
}

#[test]
fn paths() {
    for path in ["../a.png", "x/../../a.png", "./../a.png", "..", "x/../.."] {
        wrong(format!("path,label\nb.png,1\n{path},1\n"), &["line 3", path, "leaves the list's folder"]);
    }
    wrong("path,label\n,1\n", &["line 2", "no path"]);
    wrong("path,label\na\0.png,1\n", &["line 2", "zero byte"]);
}

#[test]
fn splits() {
    wrong(
        "path,label,split\na.png,1,train\nb.png,1,trian\n",
        &["line 3", "split \"trian\" is not known", "validation"],
    );
    wrong("path,label,split\na.png,1,\n", &["line 2", "split \"\" is not known"]);
    let root = made("path,label\na.png,1\n");
    fails!(
        load(&root.path().join("list.csv"), Split::Test),
        DataError::Source(SourceError::NoSplit { split: "test", .. }),
        ["list.csv has no test split", "in the column split"]
    );
}

/// Images that are missing or bad are told with the line that names them.
#[test]
fn images() {
    let root = made("path,label\na.png,0\n\nünïcode/図.png,1\n");
    let list = root.path().join("list.csv");
    fails!(
        load(&list, Split::Train),
        DataError::Source(SourceError::ImageFile { .. }),
        ["ünïcode/図.png", "list.csv line 4"]
    );
    write(root.path(), "ünïcode/図.png", "no image");
    fails!(
        load(&list, Split::Train),
        DataError::Source(SourceError::Image { .. }),
        ["図.png", "list.csv line 4", "does not decode"]
    );
    write(root.path(), "ünïcode/図.png", grey(4, 5, 0));
    fails!(
        load(&list, Split::Train),
        DataError::Source(SourceError::ImageSize { .. }),
        ["図.png", "list.csv line 4", "4x5, the others are 4x4"]
    );
    write(root.path(), "ünïcode/図.png", grey(4, 4, 0));
    assert_eq!(load(&list, Split::Train).unwrap().len(), 2);
    write(root.path(), "list.csv", "path,label\na.png,0\nünïcode,1\n");
    fails!(
        load(&list, Split::Train),
        DataError::Source(SourceError::NotAFile { .. }),
        ["ünïcode is not an ordinary file"]
    );
}

/// A pipe would never give its end.
#[cfg(unix)]
#[test]
fn a_pipe_among_the_images() {
    let root = made("path,label\na.png,0\npipe.png,1\n");
    let pipe = root.path().join("pipe.png");
    assert!(std::process::Command::new("mkfifo").arg(pipe).status().unwrap().success());
    fails!(
        load(&root.path().join("list.csv"), Split::Train),
        DataError::Source(SourceError::NotAFile { .. }),
        ["pipe.png is not an ordinary file"]
    );
}
