//! The program itself: killed, stopped, two at once, without space.

use super::hub_server::{Fault, Stage};
use super::*;
use std::process::{Child, Command, Output, Stdio};
use std::time::Instant;

/// The program, or another one, with this place's hub and cache.
fn command(place: &Place, program: &str, args: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    for name in ["HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_TOKEN", "HF_TOKEN_PATH", "HF_HUB_OFFLINE"] {
        command.env_remove(name);
    }
    command.env("HF_HOME", place.home.path()).env("HF_ENDPOINT", place.server.endpoint());
    command
}

const INFOMAX: &str = env!("CARGO_BIN_EXE_infomax");

fn download(place: &Place, more: &[&str]) -> Command {
    let mut command = command(place, INFOMAX, &["data", "download", "cifar10"]);
    command.args(more);
    command
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// A slow answer for the next transfer of training images.
fn slow(place: &Place) {
    place.server.fault(Stage::Blob, 1, Fault::Pace(4_000, Duration::from_millis(10)));
}

/// Waits until so many bytes of a file have arrived.
fn wait_for(place: &Place, bytes: u64, child: &mut Child) {
    let began = Instant::now();
    while place.partials().first().is_none_or(|&n| n < bytes) {
        assert!(child.try_wait().unwrap().is_none(), "it ended before {bytes} bytes were here");
        assert!(began.elapsed() < Duration::from_secs(20), "no {bytes} bytes in 20 s");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn completes(place: &Place, more: &[&str]) -> Output {
    let output = download(place, more).output().unwrap();
    assert!(output.status.success(), "{}", text(&output));
    assert!(place.partials().is_empty());
    place.check_sound();
    output
}

#[test]
fn the_program_downloads_lists_and_verifies() {
    let place = Place::new();
    completes(&place, &["--split", "test"]);
    let output = download(&place, &[]).env("HF_HUB_OFFLINE", "1").output().unwrap();
    assert!(output.status.code() == Some(1) && text(&output).contains("train-*.parquet of"), "{}", text(&output));
    let output = completes(&place, &[]);
    let out = String::from_utf8(output.stdout.clone()).unwrap();
    let paths: Vec<&str> = out.lines().collect();
    assert_eq!(paths.len(), 2, "the card's files, not all");
    assert!(paths[0].ends_with(TEST) && paths[1].ends_with(TRAIN), "{out}");
    assert!(fs::read(paths[1]).unwrap() == place.served(TRAIN));
    assert!(text(&output).contains("next: infomax data show cifar10"));
    // Offline, as JSON, and verified.
    place.server.reset();
    let json = |output: Output| serde_json::from_slice::<serde_json::Value>(&output.stdout).unwrap();
    let found = json(download(&place, &["--json"]).env("HF_HUB_OFFLINE", "yes").output().unwrap());
    assert_eq!(found["files"], serde_json::json!(paths));
    assert_eq!((&found["commit"], &found["revision"]), (&pinned().into(), &pinned().into()));
    assert!(place.server.seen().is_empty());
    let verify = |args: &[&str]| command(&place, INFOMAX, &["data", "verify", "cifar10"]).args(args).output().unwrap();
    let output = verify(&[]);
    assert!(output.status.success() && text(&output).contains("ok, 400000 bytes"), "{}", text(&output));
    let blob = fs::canonicalize(paths[1]).unwrap();
    fs::write(&blob, vec![0; SIZE as usize]).unwrap();
    let output = verify(&["--json"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output).contains("error: 1 of 2 files are damaged") && text(&output).contains("--force"));
    assert_eq!(json(output)["files"][1]["state"], "wrong_hash");
    completes(&place, &["--force", "-q"]);
    assert!(verify(&[]).status.success());
    // Wrong use.
    for (args, words) in [(&["--split", "valid"][..], "no split `valid`"), (&["--jobs", "0"], "--jobs")] {
        let output = download(&place, args).output().unwrap();
        assert!(output.status.code() == Some(2) && text(&output).contains(words), "{}", text(&output));
    }
    let output = download(&place, &["--revision", "v9"]).output().unwrap();
    assert!(output.status.code() == Some(1) && text(&output).contains("error: the hub at"), "{}", text(&output));
}

/// Without a word on the revision the card's commit counts; it is found by its name, online and not.
#[test]
fn the_commit_that_the_card_pins_is_downloaded() {
    let place = Place::new();
    let snapshots = place.store().join("snapshots");
    let output = completes(&place, &[]);
    assert!(!text(&output).contains("note:"), "{}", text(&output));
    assert!(snapshots.join(pinned()).join(TRAIN).is_file());
    assert!(!place.store().join("refs").exists(), "no branch was asked for");
    let show = |args: &[&str]| {
        let mut show = command(&place, INFOMAX, &["data", "list", "--json"]);
        let output = show.args(args).env_remove("INFOMAX_DATA").current_dir(place.home.path()).output().unwrap();
        let all: Vec<serde_json::Value> = serde_json::from_slice(&output.stdout).unwrap();
        all.into_iter().find(|s| s["card"]["name"] == "cifar10").unwrap()["here"].clone()
    };
    assert_eq!(show(&[]), serde_json::json!(["train", "test"]));
    // The branch on demand: another commit of the same contents, of which nothing is transferred again.
    place.server.reset();
    let output = completes(&place, &["--revision", "main"]);
    let main = place.server.commit(REPO);
    assert!(text(&output).contains(&format!("note: this is commit {main}; the card was written for {}", pinned())));
    assert!(place.server.seen_of(Stage::Get).is_empty());
    assert!(snapshots.join(&main).join(TRAIN).is_file());
    assert_eq!(fs::read_to_string(place.store().join("refs/main")).unwrap(), main);
    let verify = command(&place, INFOMAX, &["data", "verify", "cifar10", "--json"]).output().unwrap();
    let found: serde_json::Value = serde_json::from_slice(&verify.stdout).unwrap();
    let commits: std::collections::BTreeSet<&str> =
        found["files"].as_array().unwrap().iter().map(|f| f["commit"].as_str().unwrap()).collect();
    assert_eq!(commits, [main.as_str(), &pinned()].into());
    // A hub that has the data set without its history.
    let other = HubServer::start(place.served.path());
    let asked = |args: &[&str]| download(&place, args).env("HF_ENDPOINT", other.endpoint()).output().unwrap();
    let output = asked(&[]);
    assert_eq!(output.status.code(), Some(1));
    for words in ["no revision", &pinned(), "--revision main takes what is there now"] {
        assert!(text(&output).contains(words), "no {words:?} in {}", text(&output));
    }
    assert!(asked(&["--revision", "main"]).status.success());
}

/// A card that pins no commit follows its branch, and says so.
#[test]
fn a_card_without_a_commit_follows_main() {
    let place = Place::new();
    let repo = "jxie/stl10";
    for split in ["train", "test", "unlabeled"] {
        let file = place.served.path().join(format!("datasets/{repo}/data/{split}-00000-of-00001.parquet"));
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, split).unwrap();
    }
    let output = command(&place, INFOMAX, &["data", "download", "stl10"]).output().unwrap();
    let (said, commit) = (text(&output), place.server.commit(repo));
    assert!(output.status.success(), "{said}");
    assert!(said.contains(&format!("note: the card pins no commit; main is at {commit} now and may move")), "{said}");
    let store = place.cache().join("datasets--jxie--stl10");
    assert_eq!(fs::read_to_string(store.join("refs/main")).unwrap(), commit);
    assert_eq!(
        fs::read(store.join("snapshots").join(commit).join("data/test-00000-of-00001.parquet")).unwrap(),
        b"test"
    );
}

/// A split in three files: offline it is here when all of them are, and else the one that is missing is named.
#[test]
fn a_split_of_several_files_is_here_as_a_whole_or_not() {
    let place = Place::new();
    let folder = place.served.path().join("datasets").join(REPO).join("plain_text");
    fs::remove_file(folder.join("train-00000-of-00001.parquet")).unwrap();
    let name = |i: usize| format!("train-0000{i}-of-00003.parquet");
    for i in 0..3 {
        fs::write(folder.join(name(i)), vec![i as u8; 1000]).unwrap();
    }
    let server = HubServer::start(place.served.path());
    server.also_at(&pinned());
    let here = |args: &[&str]| {
        let mut command = download(&place, args);
        command.env("HF_ENDPOINT", server.endpoint()).output().unwrap()
    };
    let offline = || download(&place, &["--split", "train"]).env("HF_HUB_OFFLINE", "1").output().unwrap();
    assert!(here(&[]).status.success());
    server.reset();
    let output = offline();
    assert!(output.status.success(), "{}", text(&output));
    let paths = String::from_utf8(output.stdout).unwrap();
    assert_eq!(paths.lines().count(), 3);
    assert!(server.seen().is_empty());
    // One of them is gone: by its name, and then by its content only.
    let second = paths.lines().nth(1).unwrap();
    let blob = fs::canonicalize(second).unwrap();
    for gone in [blob.as_path(), Path::new(second)] {
        fs::remove_file(gone).unwrap();
        let output = offline();
        assert_eq!(output.status.code(), Some(1), "{}", text(&output));
        for words in [name(1).as_str(), "is not in", "unset HF_HUB_OFFLINE"] {
            assert!(text(&output).contains(words), "no {words:?} in {}", text(&output));
        }
    }
    // Nor is what is left taken for the whole set.
    let show = |verb: &str| {
        let mut show = command(&place, INFOMAX, &["data", verb, "cifar10", "--split", "train", "--out", "x"]);
        text(&show.env_remove("INFOMAX_DATA").current_dir(place.home.path()).output().unwrap())
    };
    let said = show("preview");
    assert!(said.contains("2 of its 3 files") && said.contains(&name(1)), "{said}");
    assert!(here(&["--split", "train"]).status.success());
    assert!(offline().status.success());
}

#[test]
fn a_program_killed_twice_goes_on() {
    let place = Place::new();
    let mut before = 0;
    for more in [40_000, 60_000] {
        slow(&place);
        let mut child = download(&place, &["--split", "train"]).spawn().unwrap();
        wait_for(&place, before + more, &mut child);
        child.kill().unwrap();
        child.wait().unwrap();
        place.check_sound();
        before = place.partials()[0];
        assert!(before < SIZE, "it was killed too late");
        assert!(!place.store().join("snapshots").exists(), "nothing has a name yet");
    }
    completes(&place, &["--split", "train"]);
    let blobs = place.server.seen_of(Stage::Blob);
    assert_eq!((blobs.len(), blobs[2].from), (3, Some(before)));
}

#[test]
fn ctrl_c_leaves_what_has_arrived() {
    let place = Place::new();
    slow(&place);
    let mut child = download(&place, &["--split", "train"]).spawn().unwrap();
    wait_for(&place, 40_000, &mut child);
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", text(&output));
    assert!(text(&output).contains("the same command goes on from there"), "{}", text(&output));
    let partial = place.partials()[0];
    completes(&place, &["--split", "train"]);
    assert_eq!(place.server.seen_of(Stage::Blob)[1].from, Some(partial));
}

#[test]
fn two_programs_take_turns() {
    let place = Place::new();
    slow(&place);
    let mut first = download(&place, &["--split", "train"]).spawn().unwrap();
    wait_for(&place, 10_000, &mut first);
    let second = download(&place, &["--split", "train"]).spawn().unwrap();
    let outputs = [first.wait_with_output().unwrap(), second.wait_with_output().unwrap()];
    for output in &outputs {
        assert!(output.status.success(), "{}", text(output));
    }
    assert!(text(&outputs[1]).contains("another process downloads it; waiting"), "{}", text(&outputs[1]));
    assert_eq!(outputs[0].stdout, outputs[1].stdout);
    assert_eq!(place.server.seen_of(Stage::Blob).len(), 1, "one transfer served both");
    place.check_sound();
    // Started at the same moment, each time on an empty cache.
    for _ in 0..3 {
        fs::remove_dir_all(place.cache()).unwrap();
        let both = [(); 2].map(|()| download(&place, &["-q"]).spawn().unwrap());
        for child in both {
            let output = child.wait_with_output().unwrap();
            assert!(output.status.success(), "{}", text(&output));
        }
        place.check_sound();
        assert!(place.partials().is_empty());
    }
}

/// A limit on the length of files stands for a full disk on every system: the write fails in the midst.
#[test]
fn a_write_that_fails_is_told_and_what_arrived_is_kept() {
    let place = Place::new();
    let script = "trap '' XFSZ; ulimit -f 100; exec \"$@\"";
    let args = ["-c", script, "sh", INFOMAX, "data", "download", "cifar10", "--split", "train"];
    let output = command(&place, "sh", &args).output().unwrap();
    let said = text(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    for words in ["error: no space left for", "more is needed", "HF_HUB_CACHE", "what has arrived is kept"] {
        assert!(said.contains(words), "no {words:?} in {said}");
    }
    place.check_sound();
    let partial = place.partials()[0];
    assert!((50_000..=110_000).contains(&partial), "{partial} bytes of 100 blocks");
    completes(&place, &["--split", "train"]);
    assert_eq!(place.server.seen_of(Stage::Blob)[1].from, Some(partial));
}

/// A real file system that is too small, and one that another program fills meanwhile. It is mounted in a namespace of
/// its own, which ends with the shell.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_told_before_and_during_the_transfer() {
    let place = Place::new();
    let disk = place.home.path().join("hub");
    fs::create_dir_all(&disk).unwrap();
    let mount = "mount -t tmpfs -o size=$SIZE none \"$DISK\"";
    let run = |size: &str, script: &str| {
        let mut shell = command(&place, "unshare", &["--mount", "sh", "-c", &format!("{mount} || exit 99; {script}")]);
        shell.env("DISK", &disk).env("SIZE", size).env("INFOMAX", INFOMAX).output()
    };
    match run("1m", "true") {
        Ok(output) if output.status.success() => {}
        // Only the administrator may mount.
        _ => return,
    }
    let output = run("200k", "exec \"$INFOMAX\" data download cifar10").unwrap();
    let said = text(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("error: the download needs 490.0 kB more in") && said.contains("HF_HUB_CACHE"), "{said}");
    assert!(place.server.seen_of(Stage::Get).is_empty(), "nothing was asked for");
    // Another program takes the space once the transfer runs; then it is freed, and the same command goes on.
    slow(&place);
    let script = "\"$INFOMAX\" data download cifar10 --split train & pid=$!
        until [ -s \"$DISK\"/datasets--*/blobs/*.incomplete ]; do sleep 0.02; done
        head -c 2000000 /dev/zero >\"$DISK/filler\" 2>/dev/null
        wait $pid; echo code $?
        ls \"$DISK\"/datasets--*/blobs \"$DISK\"/datasets--*/snapshots
        rm \"$DISK/filler\"
        \"$INFOMAX\" data download cifar10 --split train && cat \"$DISK\"/datasets--*/snapshots/*/*/train* | cksum";
    let output = run("1m", script).unwrap();
    let said = text(&output);
    for words in ["code 1", "error: no space left for", "more is needed", "what has arrived is kept", ".incomplete"] {
        assert!(said.contains(words), "no {words:?} in {said}");
    }
    let sum = command(&place, "cksum", &[])
        .stdin(fs::File::open(place.served.path().join("datasets").join(REPO).join(TRAIN)).unwrap())
        .output();
    assert!(said.contains(text(&sum.unwrap()).trim()), "{said}");
    let blobs = place.server.seen_of(Stage::Blob);
    assert!(blobs.len() == 2 && blobs[1].from.is_some_and(|from| from > 0), "{blobs:?}");
}
