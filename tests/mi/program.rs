//! `infomax mi estimate` and `mi bench` on files.

use crate::{draw, pairs};
use std::path::Path;
use std::process::{Command, Output};

/// The program on a file.
fn program(file: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_infomax"));
    command.args(["mi", "estimate"]).arg(file).args(args).arg("--quiet").output().unwrap()
}

fn failed(file: &Path, args: &[&str]) -> String {
    let out = program(file, args);
    let said = String::from_utf8(out.stderr).unwrap();
    assert_eq!(out.status.code(), Some(1), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    said
}

#[test]
fn the_same_columns_from_every_kind_of_file() {
    use polars::prelude::*;
    let dir = tempfile::tempdir().unwrap();
    let (x, y, _) = draw("multinormal-dense-2-2-0.5", 400, 0);
    let columns: Vec<Vec<f64>> =
        (0..4).map(|c| if c < 2 { x.column(c).collect() } else { y.column(c - 2).collect() }).collect();
    let names = ["x0", "x1", "y0", "y1"];
    let csv = dir.path().join("table.csv");
    let lines = (0..400).map(|r| columns.iter().map(|c| c[r].to_string()).collect::<Vec<_>>().join(","));
    std::fs::write(&csv, format!("{}\n{}\n", names.join(","), lines.collect::<Vec<_>>().join("\n"))).unwrap();
    let parquet = dir.path().join("table.parquet");
    let of = names.iter().zip(&columns).map(|(n, c)| Column::new((*n).into(), c)).collect();
    let mut frame = DataFrame::new(400, of).unwrap();
    ParquetWriter::new(std::fs::File::create(&parquet).unwrap()).finish(&mut frame).unwrap();
    let npy = dir.path().join("table.npy");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    let header = "{'descr': '<f8', 'fortran_order': False, 'shape': (400, 4), }\n";
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend((0..400).flat_map(|r| columns.iter().flat_map(move |c| c[r].to_le_bytes())));
    std::fs::write(&npy, bytes).unwrap();

    let nats = |file: &Path, x: &str, y: &str| {
        let out = program(file, &["--x", x, "--y", y, "--estimator", "ksg", "--json"]);
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        let line: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap();
        assert_eq!((&line["estimator"], &line["n"]), (&"ksg".into(), &400.into()));
        assert!(line["interval"].is_array() && line["ceiling"].is_number() && line["warnings"].is_array());
        line["nats"].as_f64().unwrap()
    };
    let expected = nats(&csv, "x*", "y*");
    assert_eq!(nats(&parquet, "x0,x1", "y?"), expected);
    assert_eq!(nats(&npy, "0,1", "2,3"), expected);
}

#[test]
fn what_is_wrong_with_a_file_is_one_line() {
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str, content: &[u8]| {
        let path = dir.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    };
    let rows: String = (0..40).map(|i| format!("{},{},5\n", i * 37 % 41, i * 11 % 43)).collect();
    let good = file("good.csv", format!("a,b,c\n{rows}").as_bytes());
    for (path, args, said) in [
        (good.clone(), ["--x", "a", "--y", "z*"], "no column matches `z*`; there are a, b, c"),
        (good.clone(), ["--x", "a,a", "--y", "b"], "column `a` is named twice"),
        (good.clone(), ["--x", "a", "--y", "?"], "column `a` is named twice"),
        (good.clone(), ["--x", "a", "--y", "c"], "column `c` is constant"),
        (
            file("nan.csv", format!("a,b\n{}NaN,1\n", "1,2\n".repeat(12)).as_bytes()),
            ["--x", "a", "--y", "b"],
            "row 12: NaN",
        ),
        (file("word.csv", b"a,b\n1,2\n1,two\n"), ["--x", "a", "--y", "b"], "column `b`, row 1: `two` is no number"),
        (file("hole.csv", b"a,b\n1,\n"), ["--x", "a", "--y", "b"], "an empty cell"),
        (file("ragged.csv", b"a,b\n1,2\n1\n"), ["--x", "a", "--y", "b"], "line 3 has 1 cells where the first has 2"),
        (file("few.csv", b"a,b\n1,2\n2,4\n3,1\n"), ["--x", "a", "--y", "b"], "3 rows are too few"),
        (
            file("names.csv", format!("a,b,a\n{rows}").as_bytes()),
            ["--x", "a", "--y", "b"],
            "2 columns are called `a`; give each a name of its own",
        ),
        (file("none.csv", b"a,b\n"), ["--x", "a", "--y", "b"], "there are no samples"),
        (file("cut.parquet", b"PAR1"), ["--x", "a", "--y", "b"], "cut.parquet"),
        (file("cut.npy", b"\x93NUMPY\x01\x00\x10"), ["--x", "0", "--y", "1"], "it ends in its header"),
        (file("table.txt", b"a b"), ["--x", "a", "--y", "b"], "ends neither in .parquet"),
        (dir.path().join("missing.csv"), ["--x", "a", "--y", "b"], "cannot read"),
    ] {
        let line = failed(&path, &args);
        assert!(line.contains(said), "{line}");
    }
    let copies = file("copies.csv", format!("a,b\n{}", "0.5,1.25\n0.75,2.5\n".repeat(20)).as_bytes());
    let line = failed(&copies, &["--x", "a", "--y", "b", "--estimator", "ksg"]);
    assert!(line.contains("discrete"), "{line}");
    // Among all estimators one that does not work is a line of its own, and the others go on.
    let out = program(&copies, &["--x", "a", "--y", "b", "--estimator", "all", "--json"]);
    let text = String::from_utf8(out.stdout).unwrap();
    assert!(
        text.lines().any(|l| l.contains("\"error\"")) && text.lines().next().unwrap().contains("discrete"),
        "{text}"
    );
}

#[test]
fn conditions_permutations_and_bits() {
    let dir = tempfile::tempdir().unwrap();
    let (x, y) = pairs(0.7, 300);
    let path = dir.path().join("table.csv");
    let lines = (0..300).map(|i| format!("{},{},{},{}\n", x.row(i)[0], x.row(i)[1], y.row(i)[0], y.row(i)[1]));
    std::fs::write(&path, format!("a,b,c,d\n{}", lines.collect::<String>())).unwrap();
    let json = |args: &[&str]| -> serde_json::Value {
        let out = program(&path, &[args, &["--json"]].concat());
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        serde_json::from_slice(&out.stdout).unwrap()
    };
    let whole = json(&["--x", "a", "--y", "c", "--estimator", "copula"])["nats"].as_f64().unwrap();
    let given = json(&["--x", "a", "--y", "c", "--given", "b,d", "--estimator", "copula"]);
    assert!((given["nats"].as_f64().unwrap() - whole).abs() < 0.05 && given["ceiling"].is_null(), "{given}");
    let tested = json(&["--x", "a", "--y", "c", "--estimator", "ksg", "--permutations", "19"]);
    assert_eq!((&tested["p_value"], &tested["asked"]), (&0.05.into(), &"ksg".into()));
    let out = program(&path, &["--x", "a", "--y", "c", "--estimator", "copula", "--bits"]);
    let bits = format!("{:.4}", whole / std::f64::consts::LN_2);
    assert!(String::from_utf8(out.stdout).unwrap().contains(&bits));
    // Where no estimator works, that is a failure.
    let few = dir.path().join("few.csv");
    std::fs::write(&few, "a,b\n1,2\n2,1\n").unwrap();
    assert!(failed(&few, &["--x", "a", "--y", "b", "--estimator", "all"]).contains("no estimator works"));
}

#[test]
fn a_bench_goes_on_where_it_stopped() {
    let dir = tempfile::tempdir().unwrap();
    let bench = |seeds: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_infomax"));
        command.args([
            "mi",
            "bench",
            "--tasks",
            "1v1-normal*,swissroll*",
            "--estimators",
            "ksg,copula",
            "--rows",
            "300",
        ]);
        let out = command.args(["--seeds", seeds, "--quiet", "--json", "--out"]).arg(dir.path()).output().unwrap();
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        String::from_utf8(out.stdout).unwrap()
    };
    let first = bench("1");
    assert_eq!(first.lines().count(), 4);
    // A call that was cut off in the middle of a line.
    let path = dir.path().join("trials.jsonl");
    let whole = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, &whole[..whole.len() - 20]).unwrap();
    let second = bench("2");
    assert_eq!(second.lines().count(), 8);
    // Kept estimates come back with the time that they took then.
    let kept: Vec<&str> = first.lines().take(3).collect();
    assert!(kept.iter().all(|l| second.contains(*l)), "{first}\n{second}");
    let table = std::fs::read_to_string(dir.path().join("table.md")).unwrap();
    assert!(table.contains("MAE") && table.contains("swissroll"));
}
