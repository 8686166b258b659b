//! `infomax experiment utility` through the program.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use tempfile::tempdir;

fn utility(folder: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_infomax"));
    command.args(["experiment", "utility"]).args(args).current_dir(folder).stdin(Stdio::null()).output().unwrap()
}

/// Scores that rise by 0.1 with every doubling; the other arm is one doubling ahead up to 400 labels.
fn table() -> String {
    let mut text = String::from("arm,labels,seed,score\n");
    for k in 0..5u32 {
        for seed in 0..3 {
            let score = 0.3 + 0.1 * f64::from(k) + 0.001 * f64::from(seed);
            let gain = if k < 3 { 0.1 } else { 0.0 };
            text += &format!("scratch, {n}, {seed}, {score}\ndim, {n}, {seed}, {}\n", score + gain, n = 100 << k);
        }
    }
    text
}

#[test]
fn a_table_of_trials_becomes_utilities() {
    let root = tempdir().unwrap();
    fs::write(root.path().join("trials.csv"), table()).unwrap();
    let output = utility(root.path(), &["trials.csv", "--out", "curves"]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.contains("The utility of dim falls: 1.00 with 100 labels, 0.00 with 1600"), "{text}");
    for file in ["curves.svg", "curves.png", "curves-scores.svg", "curves-scores.png"] {
        assert!(root.path().join(file).is_file() && text.contains(file), "{file}: {text}");
    }
    let output = utility(root.path(), &["trials.csv", "--json"]);
    let told: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(told["report"]["trials"].as_array().unwrap().len(), 30);
    let first = &told["report"]["arms"][0]["points"][0];
    assert!((first["utility"]["value"].as_f64().unwrap() - 1.0).abs() < 1e-9, "{first}");
    assert_eq!(first["interval"].as_array().unwrap().len(), 2);
}

#[test]
fn bad_tables_are_told_in_one_line() {
    let root = tempdir().unwrap();
    let whole = table();
    let write = |name: &str, text: &str| fs::write(root.path().join(name), text).unwrap();
    write("whole.csv", &whole);
    write("columns.csv", &whole.replace("score\n", "accuracy\n"));
    write("word.csv", &whole.replacen("100", "many", 1));
    write("hole.csv", &whole.replacen("dim, 100, 0, 0.4\n", "", 1));
    for (args, said) in [
        (&["missing.csv"][..], "missing.csv"),
        (&["columns.csv"], "arm, labels, seed, score"),
        (&["word.csv"], "line: 2"),
        (&["hole.csv"], "seed 0 has no trial with 100 labels"),
        (&["whole.csv", "--baseline", "none"], "dim, scratch"),
        (&["whole.csv", "--level", "1.5"], "level"),
    ] {
        let output = utility(root.path(), args);
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{error}");
        assert!(error.contains(said) && error.lines().count() == 1, "{said}: {error}");
    }
}
