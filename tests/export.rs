//! Exports and the patches verb, through the program; what was written is read back.

use image::{ExtendedColorType, ImageEncoder, codecs::png::PngEncoder};
use infomax::data::{ExportFormat, ImageSet, Split, Table, write_parquet};
use infomax::patch::Cutter;
use safetensors::{Dtype, SafeTensors};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

/// 14 colour images of 12x10 pixels (height x width) in two classes, and a place to write to.
struct Place {
    folder: TempDir,
    set: ImageSet,
}

impl Place {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let images: Vec<Vec<u8>> = (0..14u32)
            .map(|i| {
                let pixels: Vec<u8> = (0..12 * 10 * 3u32).map(|p| (p * 37 + p / 11 * 5 + i * 101) as u8).collect();
                let mut out = Vec::new();
                PngEncoder::new(&mut out).write_image(&pixels, 10, 12, ExtendedColorType::Rgb8).unwrap();
                out
            })
            .collect();
        let images: Vec<&[u8]> = images.iter().map(Vec::as_slice).collect();
        let labels: Vec<i64> = (0..14).map(|i| i % 2).collect();
        write_parquet(&folder.path().join("set/train-0.parquet"), "image", "label", &images, &labels).unwrap();
        let set = ImageSet::load(folder.path().join("set").to_str().unwrap(), Split::Train, None).unwrap();
        assert_eq!([set.channels, set.height, set.width], [3, 12, 10]);
        Self { folder, set }
    }

    fn out(&self, name: &str) -> PathBuf {
        self.folder.path().join("out").join(name)
    }

    fn run(&self, verb: &str, args: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_infomax"));
        command.args(["data", verb]).arg(self.folder.path().join("set")).args(args).stdin(Stdio::null());
        command.output().expect("the program starts")
    }

    /// Exports to `out/name`, which must work.
    fn export(&self, name: &str, args: &[&str]) -> String {
        let out = self.out(name);
        let output = self.run("export", &[&["--out", out.to_str().unwrap()], args].concat());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// The files in `out`, hidden ones too.
    fn files(&self) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.out("")) else { return Vec::new() };
        let mut names: Vec<_> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// All images' planes, or patches.
    fn pixels(&self, cutter: Option<&Cutter>, n: usize) -> Vec<u8> {
        let whole: Vec<u8> = (0..n).flat_map(|i| self.set.image(i).to_vec()).collect();
        cutter.map_or(whole.clone(), |c| c.cut(&whole, &(0..n).collect::<Vec<_>>()).unwrap())
    }
}

/// The one line of a failure with this exit code.
fn fails(output: &Output, code: i32, words: &[&str]) {
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{error}");
    assert_eq!(error.lines().count(), 1, "{error}");
    words.iter().for_each(|word| assert!(error.contains(word), "no {word:?} in {error:?}"));
}

/// The type, shape and values of an `.npy` file, by the format's own rules.
fn read_npy(path: &Path) -> (String, Vec<usize>, Vec<u8>) {
    let bytes = fs::read(path).unwrap();
    assert_eq!(&bytes[..8], b"\x93NUMPY\x01\x00");
    let length = usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    assert_eq!((10 + length) % 64, 0);
    let header = std::str::from_utf8(&bytes[10..10 + length]).unwrap();
    assert!(header.ends_with('\n') && header.contains("'fortran_order': False"));
    let between = |start: &str, end: &str| {
        let from = header.find(start).unwrap() + start.len();
        header[from..from + header[from..].find(end).unwrap()].to_owned()
    };
    let shape = between("'shape': (", ")");
    let shape: Vec<usize> =
        shape.split(',').filter(|n| !n.trim().is_empty()).map(|n| n.trim().parse().unwrap()).collect();
    assert!(shape.len() > 1 || header.contains(",)"), "a tuple of one needs its comma");
    (between("'descr': '", "'"), shape, bytes[10 + length..].to_vec())
}

fn integers(bytes: &[u8]) -> Vec<i64> {
    bytes.chunks_exact(8).map(|b| i64::from_le_bytes(b.try_into().unwrap())).collect()
}

fn places(cutter: &Cutter, images: usize) -> Vec<i64> {
    let positions = (0..images).flat_map(|i| cutter.positions(i).into_owned());
    positions.flat_map(|p| [p.row as i64, p.column as i64]).collect()
}

#[test]
fn npy_of_images_and_patches() {
    let place = Place::new();
    let text = place.export("whole.npy", &[]);
    assert!(text.contains("uint8 [14, 3, 12, 10]"), "{text}");
    assert_eq!(place.files(), ["whole.indices.npy", "whole.labels.npy", "whole.npy"]);
    let (descr, shape, values) = read_npy(&place.out("whole.npy"));
    assert_eq!((descr.as_str(), shape), ("|u1", vec![14, 3, 12, 10]));
    assert!(values == place.pixels(None, 14));
    let (descr, shape, values) = read_npy(&place.out("whole.labels.npy"));
    assert_eq!((descr.as_str(), shape), ("<i8", vec![14]));
    assert_eq!(integers(&values), (0..14).map(|i| i % 2).collect::<Vec<_>>());

    place.export("cut.npy", &["--patches", "strided", "--size", "4", "--stride", "2", "--rows", "5"]);
    let cutter = Cutter::strided([3, 12, 10], 4, 2).unwrap();
    let (_, shape, values) = read_npy(&place.out("cut.npy"));
    assert_eq!(shape, [5, 20, 3, 4, 4]);
    assert!(values == place.pixels(Some(&cutter), 5));
    let (_, shape, values) = read_npy(&place.out("cut.positions.npy"));
    assert_eq!(shape, [5, 20, 2]);
    assert_eq!(integers(&values), places(&cutter, 5));
    assert_eq!(integers(&read_npy(&place.out("cut.indices.npy")).2), [0, 1, 2, 3, 4]);
}

#[test]
fn safetensors_of_random_patches() {
    let place = Place::new();
    let random = ["--patches", "random", "--size", "5", "--count", "7", "--seed", "3"];
    place.export("cut.safetensors", &random);
    let bytes = fs::read(place.out("cut.safetensors")).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let cutter = Cutter::random([3, 12, 10], 5, 7, 3, 0).unwrap();
    let patches = file.tensor("patches").unwrap();
    assert_eq!((patches.dtype(), patches.shape()), (Dtype::U8, &[14, 7, 3, 5, 5][..]));
    assert!(patches.data() == place.pixels(Some(&cutter), 14));
    let positions = file.tensor("positions").unwrap();
    assert_eq!((positions.dtype(), positions.shape()), (Dtype::I64, &[14, 7, 2][..]));
    assert_eq!(integers(positions.data()), places(&cutter, 14));
    assert_eq!(integers(file.tensor("labels").unwrap().data()), (0..14).map(|i| i % 2).collect::<Vec<_>>());
    assert_eq!(integers(file.tensor("indices").unwrap().data()), (0..14).collect::<Vec<_>>());
    assert_eq!(file.len(), 4);
    let (_, header) = SafeTensors::read_metadata(&bytes).unwrap();
    let about = header.metadata().as_ref().unwrap();
    assert_eq!(about["patches"], "7 random 5x5 patches an image (seed 3, epoch 0)");
    // The same bytes from any number of threads, and other places from another seed.
    place.export("again.safetensors", &random);
    assert!(fs::read(place.out("again.safetensors")).unwrap() == bytes);
    place.export("other.safetensors", &["--patches", "random", "--size", "5", "--count", "7", "--seed", "4"]);
    let other = fs::read(place.out("other.safetensors")).unwrap();
    let other = SafeTensors::deserialize(&other).unwrap();
    assert_ne!(other.tensor("positions").unwrap().data(), positions.data());

    place.export("whole.safetensors", &["--rows", "3"]);
    let bytes = fs::read(place.out("whole.safetensors")).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    assert!(file.tensor("images").unwrap().data() == place.pixels(None, 3));
    assert!(file.tensor("positions").is_err());
}

#[test]
fn parquet_is_a_data_set_again() {
    let place = Place::new();
    // The name makes the folder a data set of ours.
    place.export("train-0.parquet", &["--patches", "grid", "--size", "5"]);
    let cutter = Cutter::grid([3, 12, 10], 5).unwrap();
    let again = ImageSet::load(place.out("").to_str().unwrap(), Split::Train, None).unwrap();
    assert_eq!((again.len(), again.channels, again.height, again.width), (14 * 4, 3, 5, 5));
    let pixels: Vec<u8> = (0..again.len()).flat_map(|i| again.image(i).to_vec()).collect();
    assert!(pixels == place.pixels(Some(&cutter), 14));
    assert!(again.labels().iter().enumerate().all(|(i, &l)| l as usize == i / 4 % 2));
    // A label column stands for any integer column: so the others are read too.
    let column = |name: &str| Table::read(&place.out("train-0.parquet"), None, Some(name)).unwrap().labels;
    assert_eq!(column("index"), (0..56).map(|i| i / 4).collect::<Vec<_>>());
    let (rows, columns) = (column("row"), column("column"));
    assert_eq!(rows.iter().zip(columns).flat_map(|(r, c)| [*r, c]).collect::<Vec<_>>(), places(&cutter, 14));

    let text = place.export("whole.bin", &["--format", "parquet"]);
    assert!(text.contains("14 rows: image, label, index"), "{text}");
    let table = Table::read(&place.out("whole.bin"), None, None).unwrap();
    let image = image::load_from_memory(&table.images[13]).unwrap().to_rgb8();
    assert_eq!(image.dimensions(), (10, 12));
    assert_eq!(image.get_pixel(9, 11).0, [0, 1, 2].map(|c| place.set.image(13)[c * 120 + 119]));
}

#[test]
fn nothing_is_overwritten_without_force() {
    let place = Place::new();
    place.export("a.npy", &[]);
    let before = fs::read(place.out("a.npy")).unwrap();
    let out = place.out("a.npy");
    let again = ["--out", out.to_str().unwrap(), "--rows", "2"];
    fails(&place.run("export", &again), 1, &["a.npy exists already", "--force"]);
    assert!(fs::read(&out).unwrap() == before);
    fs::remove_file(&out).unwrap();
    fails(&place.run("export", &again), 1, &["a.indices.npy exists already"]);
    place.export("a.npy", &["--rows", "2", "--force"]);
    assert_eq!(read_npy(&out).1, [2, 3, 12, 10]);
    assert_eq!(read_npy(&place.out("a.labels.npy")).1, [2]);
    // A place that cannot be written to: named, and nothing is left.
    let names = place.files();
    let blocked = place.out("a.npy/b.safetensors");
    fails(&place.run("export", &["--out", blocked.to_str().unwrap()]), 1, &["cannot", "b.safetensors"]);
    assert_eq!(place.files(), names);
}

#[test]
fn what_cannot_work_is_one_line() {
    let place = Place::new();
    let export = |args: &[&str]| {
        let out = place.out("x.npy");
        place.run("export", &[&["--out", out.to_str().unwrap()], args].concat())
    };
    fails(&export(&["--patches", "grid", "--size", "0"]), 1, &["patch size is 0"]);
    fails(&export(&["--patches", "strided", "--size", "4", "--stride", "0"]), 1, &["stride is 0"]);
    fails(&export(&["--patches", "random", "--size", "4", "--count", "0"]), 1, &["0 random patches"]);
    fails(&export(&["--patches", "grid", "--size", "11"]), 1, &["11x11", "12x10", "at most 10"]);
    let huge = u64::MAX.to_string();
    fails(&export(&["--patches", "random", "--size", "4", "--count", &huge]), 1, &["over the limit"]);
    fails(&export(&["--rows", "0"]), 1, &["0 rows", "14 images"]);
    fails(&export(&["--rows", "15"]), 1, &["15 rows", "14 images"]);
    fails(&export(&["--stride", "2"]), 2, &["need --patches"]);
    fails(&export(&["--patches", "grid", "--size", "4", "--stride", "2"]), 2, &["--stride is for strided patches"]);
    assert_eq!(export(&["--patches", "grid"]).status.code(), Some(2));
    assert_eq!(export(&["--split", "holdout"]).status.code(), Some(2));
    fails(&export(&["--split", "test"]), 1, &["test"]);
    let out = place.out("x.txt");
    fails(&place.run("export", &["--out", out.to_str().unwrap()]), 2, &["x.txt", ".npy, .safetensors, .parquet"]);
    assert_eq!(ExportFormat::of(Path::new("a.parquet")), Some(ExportFormat::Parquet));
    assert!(place.files().is_empty());
    fails(&place.run("patches", &["--size", "11"]), 1, &["11x11", "12x10"]);
    fails(&place.run("patches", &["--size", "3", "--kind", "strided", "--stride", "0"]), 1, &["stride is 0"]);
}

#[test]
fn the_patches_verb_counts_and_draws() {
    let place = Place::new();
    let text = String::from_utf8(place.run("patches", &["--size", "4", "--kind", "strided"]).stdout).unwrap();
    assert!(text.contains("4x4 patches at stride 2, 5x4 = 20 an image, 280 in all"), "{text}");
    assert!(text.contains("rows at     0 2 4 6 8\n") && text.contains("columns at  0 2 4 6\n"), "{text}");
    assert!(!text.contains("in no patch"));
    let text = String::from_utf8(place.run("patches", &["--size", "4"]).stdout).unwrap();
    assert!(text.contains("in no patch 24 of the 120 pixels"), "{text}");

    let stem = place.out("sheet");
    for kind in [&["--kind", "random", "--count", "5"][..], &["--kind", "grid"]] {
        let named = stem.with_extension("png");
        let draw = [kind, &["--size", "4", "--images", "3", "--json", "--preview", named.to_str().unwrap()]].concat();
        let output = place.run("patches", &draw);
        let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let random = kind.contains(&"random");
        assert_eq!(json["per_image"], if random { 5 } else { 6 });
        if random {
            let cutter = Cutter::random([3, 12, 10], 4, 5, 0, 0).unwrap();
            let expected = serde_json::json!((0..3).map(|i| cutter.positions(i).into_owned()).collect::<Vec<_>>());
            assert_eq!(json["positions"], expected);
        } else {
            assert_eq!(json["positions"][5], serde_json::json!({ "row": 8, "column": 4 }));
        }
        let sheet = image::open(&named).unwrap().to_rgb8();
        // Each colour of an image is in the picture: the image is beside its patches.
        let colours: std::collections::HashSet<[u8; 3]> = sheet.pixels().map(|p| p.0).collect();
        let image = place.set.image(2);
        let shown = (0..120).filter(|&i| colours.contains(&[0, 1, 2].map(|c| image[c * 120 + i]))).count();
        assert!(shown > if random { 60 } else { 119 }, "{shown}");
        assert!(fs::read_to_string(stem.with_extension("svg")).unwrap().starts_with("<svg"));
    }
}
