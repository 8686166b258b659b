//! `infomax mi staircase` as a user runs it.
#![cfg(feature = "cli")]

use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

fn staircase(out: &Path, more: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_infomax"));
    command.args(["mi", "staircase", "--dim", "5", "--levels", "0.5,1", "--steps-per-level", "30", "--quiet", "--out"]);
    command.arg(out).args(more).stdin(Stdio::null()).output().expect("the program starts")
}

fn files(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|f| f.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_comparison_is_written_and_gone_on_with() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("stairs");
    let first = staircase(&out, &["--objectives", "infonce,dv"]);
    let text = String::from_utf8_lossy(&first.stdout);
    assert_eq!(first.status.code(), Some(0), "{}", String::from_utf8_lossy(&first.stderr));
    assert!(text.contains("InfoNCE") && text.contains("1 nats") && text.contains("table.md"), "{text}");
    assert_eq!(files(&out), ["curves.csv", "runs", "staircase.png", "staircase.svg", "table.md"]);
    let kept = files(&out.join("runs"));
    assert_eq!(kept.len(), 2);
    let csv = fs::read_to_string(out.join("curves.csv")).unwrap();
    let lines: Vec<&str> = csv.lines().collect();
    assert_eq!(lines[0], "step,truth,separable/infonce/0,separable/dv/0");
    assert_eq!(lines.len(), 61);
    assert!(lines[31].starts_with("30,1,"), "{}", lines[31]);
    assert!(fs::read_to_string(out.join("staircase.svg")).unwrap().contains("true value"));

    // What is finished is not trained again: a kept value that was changed comes out as it is.
    let path = out.join("runs").join(kept.iter().find(|k| k.starts_with("separable-dv")).unwrap());
    let mut run: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    run["climb"]["nats"].as_array_mut().unwrap().iter_mut().for_each(|v| *v = Value::from(0.75));
    fs::write(&path, run.to_string()).unwrap();
    let again = staircase(&out, &["--objectives", "dv,nwj", "--json"]);
    let text = String::from_utf8_lossy(&again.stdout);
    let rows: Vec<Value> = text.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    assert_eq!(rows.len(), 2);
    assert_eq!((&rows[0]["objective"], &rows[1]["objective"]), (&Value::from("dv"), &Value::from("nwj")));
    assert_eq!(rows[0]["levels"][0]["bias"], Value::from(0.25));
    assert_eq!(rows[0]["levels"][1]["mse"], Value::from(0.0625));
    assert!(rows[0]["reference"].is_null());
    assert_eq!(files(&out.join("runs")).len(), 3);
}

#[test]
fn both_critics_and_two_seeds() {
    let folder = tempfile::tempdir().unwrap();
    let more = ["--critic", "both", "--objectives", "smile-inf", "--seeds", "2", "--batch", "8", "--json"];
    let done = staircase(folder.path(), &more);
    let text = String::from_utf8_lossy(&done.stdout);
    let rows: Vec<Value> = text.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    assert_eq!(rows.len(), 2, "{}", String::from_utf8_lossy(&done.stderr));
    for row in rows {
        assert_eq!(row["seeds"], serde_json::json!([0, 1]));
        assert!(row["levels"][0]["spread"].as_f64().unwrap() >= 0.0);
    }
}

#[test]
fn what_is_wrong_is_said_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    for (more, word, code) in [
        (&["--batch", "2"][..], "batch = 2", 1),
        (&["--lr", "0"], "learning rate", 1),
        (&["--objectives", "smile-0"], "tau", 1),
        (&["--objectives", "mice"], "mice", 2),
    ] {
        let failed = staircase(folder.path(), more);
        let error = String::from_utf8_lossy(&failed.stderr);
        assert_eq!(failed.status.code(), Some(code), "{error}");
        assert!(error.contains(word), "{error}");
        assert!(!folder.path().join("runs").exists());
    }
}
