//! `infomax probe` and `infomax embed` as a user runs them.

use image::{ExtendedColorType, ImageEncoder, codecs::png::PngEncoder};
use infomax::data::write_parquet;
use infomax::seed::stream;
use polars::prelude::{ParquetReader, SerReader};
use rand::Rng;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

/// A run of a few steps on noise: 40 training and 20 test images of two classes.
struct Run {
    folder: TempDir,
    run: PathBuf,
}

fn infomax(folder: &Path, args: &[&str]) -> Output {
    let program = env!("CARGO_BIN_EXE_infomax");
    Command::new(program).args(args).current_dir(folder).stdin(Stdio::null()).output().expect("the program starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

impl Run {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let png = |seed: u64| {
            let mut rng = stream(seed, "test image", 0);
            let pixels: Vec<u8> = (0..784).map(|_| rng.r#gen()).collect();
            let mut out = Vec::new();
            PngEncoder::new(&mut out).write_image(&pixels, 28, 28, ExtendedColorType::L8).unwrap();
            out
        };
        let images: Vec<Vec<u8>> = (0..40).map(png).collect();
        let images: Vec<&[u8]> = images.iter().map(Vec::as_slice).collect();
        let labels: Vec<i64> = (0..40).map(|i| i % 2).collect();
        for (split, n) in [("train", 40), ("test", 20)] {
            let file = folder.path().join(format!("set/{split}-00000-of-00001.parquet"));
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            write_parquet(&file, "image", "label", &images[..n], &labels[..n]).unwrap();
        }
        let settings = ["--batch", "8", "--epochs", "1", "--no-probe", "--prior", "ball", "--gradient-penalty", "0.5"];
        let more = ["--coordinates", "both", "--coordinate-weight", "0.5", "--occlude", "9", "--data", "set"];
        let output = infomax(folder.path(), &[&["train"], &settings[..], &more[..]].concat());
        assert!(output.status.success(), "{}", text(&output.stderr));
        let run = fs::read_dir(folder.path().join("runs")).unwrap().next().unwrap().unwrap().path();
        Self { folder, run }
    }

    fn verb(&self, verb: &str, more: &[&str]) -> Output {
        infomax(self.folder.path(), &[&[verb, self.run.to_str().unwrap(), "-q"], more].concat())
    }

    fn fails(&self, verb: &str, more: &[&str], code: i32, words: &str) {
        let output = self.verb(verb, more);
        let error = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{error}");
        assert!(error.contains(words), "{error}");
    }
}

#[test]
fn settings_of_training_are_kept() {
    let run = Run::new();
    let config = fs::read_to_string(run.run.join("config.toml")).unwrap();
    for words in [
        "[model.prior]\nkind = \"ball\"\ngradient_penalty = 0.5\n",
        "[model.coordinates]\nabsolute = 0.5\nrelative = 0.5\n",
        "occlusion = 9\n",
    ] {
        assert!(config.contains(words), "{config}");
    }
    let history = fs::read_to_string(run.run.join("metrics.jsonl")).unwrap();
    let epoch: serde_json::Value = serde_json::from_str(history.lines().last().unwrap()).unwrap();
    for term in ["gradient_penalty", "absolute_coordinates", "relative_coordinates"] {
        assert!(epoch[term].as_f64().unwrap() > 0.0, "{epoch}");
    }
    let refused = |args: &[&str], words: &str| {
        let output = infomax(run.folder.path(), &[&["train", "--data", "set", "--batch", "8"], args].concat());
        assert!(!output.status.success() && text(&output.stderr).contains(words), "{}", text(&output.stderr));
    };
    refused(&["--gradient-penalty", "nan"], "gradient_penalty is NaN");
    refused(&["--occlude", "28"], "occlusion is 28 pixels");
    refused(&["--coordinates", "both", "--coordinate-weight=-2"], "coordinates.absolute is -2");
    refused(&["--coordinate-weight", "2"], "--coordinates");
    assert_eq!(fs::read_dir(run.folder.path().join("runs")).unwrap().count(), 1);
}

#[test]
fn probes_are_chosen_on_the_command_line() {
    let run = Run::new();
    let plain = run.verb("probe", &["--mlp-epochs", "4,4,12", "--no-untrained", "--json"]);
    assert!(plain.status.success(), "{}", text(&plain.stderr));
    let plain: serde_json::Value = serde_json::from_slice(&plain.stdout).unwrap();
    let passes: Vec<_> =
        plain[0]["layers"].as_array().unwrap().iter().map(|l| l["mlp"]["iterations"].clone()).collect();
    assert_eq!(passes, [4, 4, 12]);
    assert!(plain[0]["layers"][0].get("svm").is_none() && plain[0].get("ndm").is_none(), "{plain}");
    for passes in ["4,4", "4,4,x", "4,0,4", "1,2,3,4", ""] {
        run.fails("probe", &["--mlp-epochs", passes], 2, "three numbers of 1 or more");
    }
    let short = run.verb("probe", &["--iterations", "3", "--mlp-epochs", "1,1,1", "--no-untrained", "--json"]);
    let short: serde_json::Value = serde_json::from_slice(&short.stdout).unwrap();
    let iterations =
        |report: &serde_json::Value, layer: usize| report[0]["layers"][layer]["linear"]["iterations"].as_u64();
    assert!((0..3).all(|layer| iterations(&short, layer) == Some(3) && iterations(&plain, layer) > Some(3)), "{short}");
    run.fails("probe", &["--iterations", "0"], 2, "--iterations");

    let more = [
        "--svm",
        "--knn",
        "--knn-k",
        "7",
        "--rank-me",
        "--ndm",
        "--ndm-steps",
        "4",
        "--mlp-epochs",
        "1,1,1",
        "--ms-ssim",
        "--decoder-epochs",
        "2",
    ];
    let all = run.verb("probe", &[&more[..], &["--json", "--no-untrained"]].concat());
    assert!(all.status.success(), "{}", text(&all.stderr));
    let all: serde_json::Value = serde_json::from_slice(&all.stdout).unwrap();
    for (i, layer) in all[0]["layers"].as_array().unwrap().iter().enumerate() {
        assert_eq!(layer["linear"]["test_accuracy"], plain[0]["layers"][i]["linear"]["test_accuracy"]);
        assert_eq!(layer["svm"]["probe"], "svm");
        assert_eq!((layer["knn"]["k"].clone(), layer["knn"]["temperature"].clone()), (7.into(), 0.1.into()));
        let rank = layer["rank_me"].as_f64();
        // 6,272 features are too many to rank.
        assert_eq!(rank.is_none(), i == 0, "{layer}");
        assert!(rank.is_none_or(|r| (1.0..=40.0).contains(&r)), "{layer}");
    }
    assert!(all[0]["ndm"]["sigmoid"].is_f64() && all[0]["ndm"]["linear"].is_f64(), "{all}");
    let made = &all[0]["reconstructions"];
    assert_eq!(
        (made["epochs"].clone(), made["scales"].clone(), made["window"].clone()),
        (2.into(), 2.into(), 11.into())
    );
    assert!((0.0..1.0).contains(&made["ms_ssim"].as_f64().unwrap()) && made["squared_error"].as_f64().unwrap() > 0.1);
    let table = text(&run.verb("probe", &more).stdout);
    for words in
        ["SVM", "kNN", "RankMe", "7 neighbours in cosine similarity", "NDM of the untrained encoder's Y", "MS-SSIM"]
    {
        assert!(table.contains(words), "{table}");
    }
    run.fails("probe", &["--knn"], 1, "k = 200");
    run.fails("probe", &["--knn-k", "5"], 2, "--knn");
}

/// The header's shape and the values of an array of `float32`.
fn read_npy(path: &Path) -> (String, Vec<f32>) {
    let bytes = fs::read(path).unwrap();
    let end = 10 + usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    let values = bytes[end..].chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
    (text(&bytes[10..end]), values)
}

#[test]
fn features_are_the_same_in_every_format() {
    let run = Run::new();
    let at = |name: &str| run.folder.path().join(name);
    let embed = |name: &str, more: &[&str]| {
        let output = run.verb("embed", &[&["--out", name], more].concat());
        assert!(output.status.success(), "{}", text(&output.stderr));
        text(&output.stdout)
    };
    let said = embed("y.npy", &[]);
    assert!(said.contains("float32 [20, 64]") && said.contains("y.labels.npy"), "{said}");
    let (header, values) = read_npy(&at("y.npy"));
    assert!(header.contains("'<f4'") && header.contains("(20, 64,)"), "{header}");
    let labels = fs::read(at("y.labels.npy")).unwrap();
    assert_eq!(labels[labels.len() - 16..], [0i64.to_le_bytes(), 1i64.to_le_bytes()].concat());

    embed("y.safetensors", &["--rows", "20"]);
    let file = fs::read(at("y.safetensors")).unwrap();
    let tensors = safetensors::SafeTensors::deserialize(&file).unwrap();
    let features = tensors.tensor("features").unwrap();
    assert_eq!(features.shape(), [20, 64]);
    assert!(features.data().chunks_exact(4).zip(&values).all(|(b, v)| b == v.to_le_bytes()));

    embed("y.parquet", &[]);
    let frame = ParquetReader::new(File::open(at("y.parquet")).unwrap()).finish().unwrap();
    assert_eq!(frame.get_column_names(), ["features", "label", "index"]);
    let lists = frame.column("features").unwrap().as_materialized_series().list().unwrap().get_inner();
    assert!(lists.f32().unwrap().into_no_null_iter().eq(values.iter().copied()));

    // The same images, but for the rounding of sums over another number of them.
    embed("few.npy", &["--rows", "3"]);
    let few = read_npy(&at("few.npy")).1;
    assert!(few.len() == 3 * 64 && few.iter().zip(&values).all(|(f, v)| (f - v).abs() < 1e-6), "{few:?}");
    embed("fc.npy", &["--layer", "FC", "--split", "train"]);
    assert_eq!(read_npy(&at("fc.npy")).1.len(), 40 * 1024);

    run.fails("embed", &["--out", "y.npy"], 1, "y.npy");
    embed("y.npy", &["--force"]);
    run.fails("embed", &["--out", "y.txt"], 2, "does not say the format");
    run.fails("embed", &["--out", "z.npy", "--rows", "21"], 1, "21 rows");
    run.fails("embed", &["--out", "z.npy", "--data", "cifar10_sample"], 1, "cifar10_sample");
    assert!(!at("z.npy").exists());
}
