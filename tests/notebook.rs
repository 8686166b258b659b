//! `infomax notebook`: bad input is one clear line, and without Jupyter a notebook gives what it gives with it. Cells use the
//! standard library only, so that nothing big is compiled.

use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

/// A folder with a notebook, and a home of its own.
struct Place {
    folder: TempDir,
}

impl Place {
    fn new() -> Self {
        Self { folder: TempDir::new().unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a notebook of these code cells, each with its tags.
    fn notebook(&self, name: &str, cells: &[(&str, &[&str])]) -> PathBuf {
        let cell = |(source, tags): &(&str, &[&str])| {
            json!({
                "cell_type": "code", "execution_count": null, "metadata": { "tags": tags }, "outputs": [], "source": source,
            })
        };
        let cells: Vec<Value> = cells.iter().map(cell).collect();
        let notebook = json!({ "cells": cells, "metadata": { "own": 1 }, "nbformat": 4, "nbformat_minor": 4 });
        let path = self.path(name);
        fs::write(&path, notebook.to_string()).unwrap();
        path
    }

    fn infomax(&self, args: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_infomax"));
        command.arg("notebook").args(args).env("INFOMAX_HOME", self.path("home")).stdin(Stdio::null());
        command.output().expect("the program starts")
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Checks that it failed with one line that has all of these words.
fn fails(output: &Output, words: &[&str]) {
    let error = text(&output.stderr);
    let lines: Vec<&str> = error.lines().filter(|l| l.starts_with("error:")).collect();
    assert_eq!((output.status.code(), lines.len()), (Some(1), 1), "{error}");
    for word in words {
        assert!(lines[0].contains(word), "no {word:?} in {error}");
    }
}

fn name(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn what_is_no_notebook_is_one_line() {
    let place = Place::new();
    let bad = place.path("bad.ipynb");
    for (content, words) in
        [("{", "its JSON is wrong"), (r#"{"nbformat": 4, "nbformat_minor": 5, "metadata": {}}"#, "cells")]
    {
        fs::write(&bad, content).unwrap();
        for verb in ["run", "check"] {
            fails(&place.infomax(&[verb, name(&bad)]), &[name(&bad), "this is no notebook", words]);
        }
        assert_eq!(fs::read_to_string(&bad).unwrap(), content);
    }
    fs::remove_file(&bad).unwrap();
    fails(&place.infomax(&["run", name(&bad)]), &[name(&bad), "No such file"]);
    let good = place.notebook("good.ipynb", &[("let n = 1;", &[])]);
    fails(&place.infomax(&["run", name(&good), "--set", "m=2"]), &["--set m=2", "let m"]);
    let several = place.infomax(&["run", name(&good), name(&good), "--out", name(&place.path("out.ipynb"))]);
    assert_eq!(several.status.code(), Some(2));
}

#[test]
fn outputs_of_another_program_are_compared() {
    let place = Place::new();
    let one = place.notebook("one.ipynb", &[("1 + 1", &[]), ("2", &[])]);
    let same = place.infomax(&["check", name(&one), "--fresh", name(&one)]);
    assert!(same.status.success(), "{}", text(&same.stderr));
    let mut other: Value = serde_json::from_slice(&fs::read(&one).unwrap()).unwrap();
    other["cells"][1]["outputs"] = json!([{ "output_type": "stream", "name": "stdout", "text": "x" }]);
    let fresh = place.path("fresh");
    fs::create_dir(&fresh).unwrap();
    fs::write(fresh.join("one.ipynb"), other.to_string()).unwrap();
    let differs = place.infomax(&["check", name(&one), "--fresh", name(&fresh)]);
    fails(&differs, &[name(&one), "cell 2 (2)", "it gave nothing, now stream"]);
}

#[cfg(unix)]
#[test]
fn setup_says_what_is_missing_and_writes_one_file() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new();
    let python = place.path("python");
    let jupyter = |kernel: Value| {
        let said = json!({
            "program": python,
            "jupyter": { "client": "8", "nbclient": "0", "data": place.path("data"), "kernel": kernel },
        });
        fs::write(&python, format!("#!/bin/sh\necho '{said}'\n")).unwrap();
        fs::set_permissions(&python, fs::Permissions::from_mode(0o700)).unwrap();
    };
    let nothing = place.infomax(&["setup", "--python", name(&place.path("nowhere"))]);
    assert_eq!(nothing.status.code(), Some(1));
    assert!(text(&nothing.stdout).contains("Jupyter         missing"), "{}", text(&nothing.stdout));
    assert!(text(&nothing.stdout).contains("-m pip install jupyter"));
    jupyter(Value::Null);
    let shown = place.infomax(&["setup", "--python", name(&python)]);
    let file = place.path("data/kernels/infomax/kernel.json");
    assert!(text(&shown.stdout).contains(name(&file)) && text(&shown.stdout).contains("\"argv\""));
    assert_eq!((shown.status.code(), file.exists()), (Some(1), false));
    let _ = place.infomax(&["setup", "--write", "--python", name(&python)]);
    let kernel: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    assert_eq!(kernel["argv"][0], name(&python));
    assert!(Path::new(kernel["argv"][1].as_str().unwrap()).is_file());
    jupyter(json!(file.parent()));
    let again = place.infomax(&["setup", "--python", name(&python)]);
    assert!(text(&again.stdout).contains(&format!("kernel          {}", file.display())), "{}", text(&again.stdout));
    assert!(!text(&again.stdout).contains("argv"));
    // The cargo that rust-analyzer asks.
    let cargo = fs::read_to_string(place.path("home/notebook/cargo-home/bin/cargo")).unwrap();
    assert!(cargo.contains(env!("CARGO_BIN_EXE_infomax")), "{cargo}");
}

#[cfg(not(feature = "notebook-run"))]
#[test]
fn a_build_without_evcxr_says_how_to_get_one() {
    let place = Place::new();
    let path = place.notebook("a.ipynb", &[("1", &[])]);
    for verb in ["run", "check"] {
        fails(&place.infomax(&[verb, name(&path)]), &["cargo run --release --features notebook-run -- notebook run"]);
    }
}

#[cfg(feature = "notebook-run")]
mod executed {
    use super::*;
    use std::time::{Duration, Instant};

    fn read(path: &Path) -> Value {
        serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
    }

    /// The outputs of each code cell, with a stream's pieces as one text and without what tells when and by whom.
    fn outputs(notebook: &Value) -> Vec<Vec<Value>> {
        let cells = notebook["cells"].as_array().unwrap().iter().filter(|c| c["cell_type"] == "code");
        let of = |cell: &Value| {
            let mut outputs: Vec<Value> = Vec::new();
            for output in cell["outputs"].as_array().unwrap() {
                let mut output = output.clone();
                output.as_object_mut().unwrap().remove("execution_count");
                match outputs.last_mut() {
                    _ if output["name"] == "stderr" => (),
                    Some(last) if last["name"] == "stdout" && output["name"] == "stdout" => {
                        let more = output["text"].as_array().unwrap().clone();
                        last["text"].as_array_mut().unwrap().extend(more);
                    }
                    _ => outputs.push(output),
                }
            }
            outputs
        };
        cells.map(of).collect()
    }

    #[test]
    fn without_jupyter_a_notebook_gives_what_it_gives_with_it() {
        let place = Place::new();
        let committed = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/notebooks/std.ipynb");
        let out = place.path("out.ipynb");
        let ran = place.infomax(&["run", name(&committed), "--out", name(&out)]);
        assert!(ran.status.success(), "{}", text(&ran.stderr));
        let (before, after) = (read(&committed), read(&out));
        for (old, new) in outputs(&before).iter().zip(outputs(&after)) {
            assert_eq!(*old, new);
        }
        let printed = after["cells"][2]["outputs"].as_array().unwrap();
        assert!(
            printed.iter().any(|o| o["name"] == "stderr" && o["text"] == json!(["a line on stderr\n"])),
            "{printed:?}"
        );
        assert_eq!(after["cells"][3]["metadata"]["someone"], json!({ "else": [1, "é"] }));
        assert_eq!(after["metadata"], before["metadata"]);
        let numbers: Vec<u64> = (1..=10).map(|i| after["cells"][i]["execution_count"].as_u64().unwrap()).collect();
        assert_eq!(numbers, (1..=10).collect::<Vec<_>>());
        assert!(after["cells"][1]["metadata"]["execution"]["shell.execute_reply"].is_string());
        let checked = place.infomax(&["check", name(&committed), "--fresh", name(&out)]);
        assert!(checked.status.success(), "{}", text(&checked.stderr));
    }

    #[test]
    fn parameters_change_and_the_file_is_replaced() {
        let place = Place::new();
        let path = place.notebook("a.ipynb", &[("let n = 1;", &[]), ("let n = 2;", &["parameters"]), ("n", &[])]);
        let ran = place.infomax(&["run", name(&path), "--set", "n=40 + 2", "--json"]);
        assert!(ran.status.success(), "{}", text(&ran.stderr));
        let told: Value = serde_json::from_slice(&ran.stdout).unwrap();
        assert_eq!(
            told["notebooks"][0]["parameters"],
            json!([{ "cell": 2, "line": "let n = 40 + 2;", "tagged": true }])
        );
        assert_eq!(told["notebooks"][0]["cells"].as_array().unwrap().len(), 3);
        let after = read(&path);
        assert_eq!(after["cells"][2]["outputs"][0]["data"], json!({ "text/plain": ["42"] }));
        assert_eq!(
            (&after["cells"][1]["source"], &after["metadata"]),
            (&json!(["let n = 40 + 2;"]), &json!({ "own": 1 }))
        );
        let left: Vec<_> = fs::read_dir(place.folder.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert_eq!(left.len(), 2, "{left:?}");
    }

    /// Runs a notebook whose second cell fails, and checks what is told and that the file is as it was.
    fn second_fails(cell: (&str, &[&str]), more: &[&str], words: &[&str], said: &str) -> Value {
        let place = Place::new();
        let path = place.notebook("a.ipynb", &[("println!(\"first\");", &[]), cell, ("println!(\"never\");", &[])]);
        let (before, out) = (fs::read(&path).unwrap(), place.path("out.ipynb"));
        let ran = place.infomax(&[&["run", name(&path), "--out", name(&out)], more].concat());
        fails(&ran, &[&[name(&path), "cell 2: "], words].concat());
        assert!(text(&ran.stderr).contains(said), "{}", text(&ran.stderr));
        assert!(!text(&ran.stderr).contains('\x1b'));
        assert_eq!(fs::read(&path).unwrap(), before);
        let out = read(&out);
        assert_eq!(out["cells"][0]["outputs"][0]["text"], json!(["first\n"]));
        assert_eq!(out["cells"][2]["outputs"], json!([]));
        out
    }

    #[test]
    fn a_panic_is_told_as_one() {
        let out = second_fails(("let v: Vec<u8> = vec![]; v[3]", &[]), &[], &["it panicked"], "index out of bounds");
        assert!(out["cells"][1]["outputs"].to_string().contains("index out of bounds"));
    }

    #[test]
    fn a_question_mark_is_told_as_one() {
        let cell = "eprintln!(\"a word?\");\nlet n: u32 = \"x\".parse()?;";
        second_fails((cell, &[]), &[], &["a `?` ended it early"], "invalid digit");
    }

    #[test]
    fn a_mistake_is_told_in_the_compilers_words() {
        let cell = ("let n: u32 = \"x\";", &[][..]);
        let out = second_fails(cell, &[], &["it does not compile: mismatched types"], "expected `u32`, found `&str`");
        assert_eq!(out["cells"][1]["outputs"][0]["ename"], "Error");
    }

    #[test]
    fn a_cell_that_ends_its_process_is_told() {
        second_fails(("std::process::exit(3);", &[]), &[], &["the process that ran it ended"], "exit status: 3");
    }

    #[test]
    fn what_must_fail_and_does_not_is_a_failure() {
        second_fails(("1", &["raises-exception"]), &[], &["`raises-exception` but did not fail"], "");
    }

    #[test]
    fn a_cell_that_never_ends_is_ended_with_all_that_it_started() {
        let place = Place::new();
        let pid = place.path("pid");
        let cell = format!("std::fs::write({:?}, std::process::id().to_string()).unwrap();\nloop {{}}", name(&pid));
        let path = place.notebook("a.ipynb", &[(&cell, &[])]);
        let (before, began) = (fs::read(&path).unwrap(), Instant::now());
        let ran = place.infomax(&["run", name(&path), "--timeout", "20"]);
        fails(&ran, &["cell 1: it took longer than --timeout 20 s"]);
        assert!(began.elapsed() >= Duration::from_secs(20));
        assert_eq!(fs::read(&path).unwrap(), before);
        // On a machine with much else to do, 20 s may not be enough to compile it.
        if let (true, Ok(pid)) = (cfg!(target_os = "linux"), fs::read_to_string(&pid)) {
            let command = fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            assert!(!command.contains("infomax"), "{pid} still runs");
        }
    }

    #[test]
    fn check_runs_and_names_the_cell_that_differs() {
        let place = Place::new();
        let path = place.notebook("a.ipynb", &[("1 + 1", &[]), ("\"two\"", &[])]);
        let ran = place.infomax(&["run", name(&path)]);
        assert!(ran.status.success(), "{}", text(&ran.stderr));
        let same = place.infomax(&["check", name(&path)]);
        assert!(same.status.success(), "{}", text(&same.stderr));
        let mut changed = read(&path);
        changed["cells"][1]["outputs"][0]["data"]["text/plain"] = json!("\"three\"");
        fs::write(&path, changed.to_string()).unwrap();
        fails(&place.infomax(&["check", name(&path)]), &["cell 2", "three", "two"]);
        assert_eq!(read(&path), changed);
        changed["cells"][1]["source"] = json!("panic!(\"now\")");
        fs::write(&path, changed.to_string()).unwrap();
        fails(&place.infomax(&["run", name(&path)]), &["cell 2", "it panicked"]);
        assert_eq!(read(&path), changed);
    }
}
