//! The same through the program.

use super::*;
use std::process::{Command, Output, Stdio};

/// More than 16 MiB decoded, of seven images again and again.
const IMAGES: usize = 22_000;

/// A set, and a home for copies.
struct Large(TempDir);

impl Large {
    fn new() -> Self {
        let large = Self(TempDir::new().unwrap());
        let image = |value: u8| {
            let mut out = Vec::new();
            PngEncoder::new(&mut out).write_image(&[value; 784], 28, 28, ExtendedColorType::L8).unwrap();
            out
        };
        let kinds: Vec<Vec<u8>> = (0..7).map(|i| image(i * 30)).collect();
        let images: Vec<&[u8]> = (0..IMAGES).map(|i| kinds[i % 7].as_slice()).collect();
        let labels: Vec<i64> = (0..IMAGES as i64).map(|i| i % 7).collect();
        let path = large.path("set/train-00000-of-00001.parquet");
        write_parquet(&path, "image", "label", &images, &labels).unwrap();
        large
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn command(&self, program: &str, args: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.current_dir(self.0.path()).env("INFOMAX_HOME", self.path("home"));
        command
    }

    fn preview(&self, more: &[&str]) -> Command {
        let mut command = self.command(INFOMAX, &["data", "preview", "set", "--images", "4", "--out", "sheet"]);
        command.args(more);
        command
    }

    fn cache(&self, more: &[&str]) -> String {
        let output = self.command(INFOMAX, &["data", "cache"]).args(more).output().unwrap();
        succeeded(&output);
        String::from_utf8(output.stdout).unwrap()
    }

    fn copies(&self) -> Vec<PathBuf> {
        fs::read_dir(self.path("home/decoded")).into_iter().flatten().map(|e| e.unwrap().path()).collect()
    }
}

const INFOMAX: &str = env!("CARGO_BIN_EXE_infomax");

/// What it said besides its result.
fn succeeded(output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    said
}

fn said(command: &mut Command) -> String {
    succeeded(&command.output().unwrap())
}

#[test]
fn copies_are_kept_listed_repaired_and_removed() {
    let large = Large::new();
    assert_eq!(said(&mut large.preview(&["--no-cache"])), "");
    assert!(!large.path("home").exists());
    assert!(large.cache(&[]).starts_with("0 files, 0.0 MB, in "));
    // Two at once on an empty cache, and one more.
    let both = [(); 2].map(|()| large.preview(&[]).spawn().unwrap());
    for child in both {
        assert_eq!(succeeded(&child.wait_with_output().unwrap()), "");
    }
    let copies = large.copies();
    assert_eq!(copies.len(), 1, "{copies:?}");
    let copy = fs::read(&copies[0]).unwrap();
    assert_eq!(said(&mut large.preview(&[])), "");
    let listed = large.cache(&[]);
    for words in ["set", "train", "22000", "28x28x1", "17.3", "1 files, 17.3 MB, in "] {
        assert!(listed.contains(words), "no {words:?} in {listed}");
    }
    let found: serde_json::Value = serde_json::from_str(&large.cache(&["--json"])).unwrap();
    assert_eq!((&found["bytes"], &found["kept"][0]["images"]), (&copy.len().into(), &IMAGES.into()));
    // A bit of an image.
    let mut bytes = copy.clone();
    bytes[10_000_000] ^= 1;
    fs::write(&copies[0], bytes).unwrap();
    let note = said(&mut large.preview(&[]));
    assert!(note.starts_with("note: the decoded copy ") && note.contains("its checksum differs"), "{note}");
    assert_eq!(note.lines().count(), 1);
    assert!(fs::read(&copies[0]).unwrap() == copy);
    assert_eq!(said(&mut large.preview(&[])), "");
    // What a killed program left is removed with all.
    fs::write(large.path("home/decoded/.set-train-0.images.1-1.tmp"), "cut").unwrap();
    assert!(large.cache(&["--clear", "other"]).starts_with("No copy of other in "));
    assert_eq!(large.copies().len(), 2);
    assert!(large.cache(&["--clear"]).starts_with("Removed 1 files, 17.3 MB, from "));
    assert!(large.copies().is_empty());
}

/// A limit on the length of files stands for a full disk.
#[test]
fn a_full_disk_or_a_bad_home_costs_a_note_only() {
    let large = Large::new();
    let script = "trap '' XFSZ; ulimit -f 2000; exec \"$@\"";
    let args = ["-c", script, "sh", INFOMAX, "data", "preview", "set", "--images", "4", "--out", "sheet"];
    let note = said(&mut large.command("sh", &args));
    assert!(note.starts_with("note: the decoded copy ") && note.contains("could not be kept"), "{note}");
    assert_eq!(note.lines().count(), 1);
    assert!(large.copies().is_empty(), "nothing unfinished stays");
    fs::write(large.path("file"), "").unwrap();
    let note = said(large.preview(&[]).env("INFOMAX_HOME", large.path("file")));
    assert!(note.contains("could not be kept") && note.lines().count() == 1, "{note}");
}
