//! Faults of the server and of what lies between.

use super::hub_server::{Fault, HubServer, Stage};
use super::*;
use infomax::data::hub::Token;
use std::time::Instant;

#[test]
fn a_body_cut_at_every_tenth_is_resumed_without_a_byte_twice() {
    let place = Place::new();
    for tenth in 1..10 {
        place.server.fault(Stage::Blob, 1, Fault::Cut(SIZE * tenth / 10));
    }
    // Two attempts: only progress keeps it going.
    let told = Told::default();
    let hub = Hub::new(HubConfig { attempts: 2, ..place.config() }).unwrap();
    hub.download(&[Request::new(REPO, "main", TRAIN)], &told, &AtomicBool::new(false)).unwrap();
    place.completes(TRAIN);
    let blobs = place.server.seen_of(Stage::Blob);
    assert_eq!(blobs.len(), 10);
    assert_eq!(blobs.iter().map(|s| s.bytes).sum::<u64>(), SIZE);
    assert_eq!(*told.bytes.lock().unwrap(), SIZE);
    assert!(told.waits.lock().unwrap().iter().all(|w| w.contains("cut at byte") && w.contains("trying again")));
}

#[test]
fn each_run_goes_on_where_the_last_was_cut() {
    let place = Place::new();
    for tenth in 1..10 {
        let cut = SIZE * tenth / 10;
        place.server.fault(Stage::Blob, 1, Fault::Cut(cut));
        says(
            place.once(TRAIN),
            &["cannot reach 127.0.0.1", &format!("cut at byte {cut} of {SIZE}"), "goes on from there"],
        );
        assert_eq!(place.partials(), [cut]);
    }
    place.completes(TRAIN);
    let from: Vec<_> = place.server.seen_of(Stage::Blob).iter().map(|s| s.from.unwrap_or(0)).collect();
    assert!(from.into_iter().eq((0..10).map(|tenth| SIZE * tenth / 10)));
}

#[test]
fn a_small_file_is_resumed_from_the_hub_itself() {
    let place = Place::new();
    place.server.fault(Stage::Get, 1, Fault::Cut(1234));
    says(place.once(README), &["cut at byte 1234 of 5000"]);
    place.completes(README);
    assert_eq!(place.server.seen_of(Stage::Get)[1].from, Some(1234));
    assert!(place.server.seen_of(Stage::Blob).is_empty());
}

#[test]
fn a_busy_server_is_waited_for() {
    let place = Place::new();
    let busy = |status, wait: &str| Fault::Status(status, vec![("Retry-After", wait.to_owned())]);
    for stage in [Stage::Info, Stage::Head, Stage::Get, Stage::Blob] {
        place.server.fault(stage, 2, Fault::Status(503, Vec::new()));
    }
    place.server.fault(Stage::Blob, 1, busy(429, "1"));
    let (told, began) = (Told::default(), Instant::now());
    let hub = Hub::new(HubConfig { attempts: 6, ..place.config() }).unwrap();
    hub.download(&[Request::new(REPO, "main", TRAIN)], &told, &AtomicBool::new(false)).unwrap();
    assert!(began.elapsed() >= Duration::from_secs(1), "Retry-After is honoured");
    place.completes(TRAIN);
    let waits = told.waits.lock().unwrap();
    assert!(waits.iter().any(|w| w.contains("status 429; trying again in 1.0 s")), "{waits:?}");
    assert_eq!(waits.iter().filter(|w| w.contains("status 503")).count(), 8);
}

#[test]
fn a_server_that_stays_busy_is_told_and_left() {
    let place = Place::new();
    for (status, stage) in [(503, Stage::Info), (500, Stage::Head), (429, Stage::Get), (504, Stage::Blob)] {
        place.server.fault(stage, 4, Fault::Status(status, Vec::new()));
        says(place.download(TRAIN), &["is busy", &format!("status {status}, 4 attempts"), "try again later"]);
    }
    place.completes(TRAIN);
}

#[test]
fn another_length_is_noticed() {
    for length in [SIZE - 1, SIZE + 1, 0] {
        let place = Place::new();
        place.server.fault(Stage::Blob, 2, Fault::Length(length));
        says(place.download(TRAIN), &["arrived damaged twice", &format!("{length} bytes instead of {SIZE}"), TRAIN]);
        assert!(place.partials().is_empty());
        // Once only, it is fetched again without a word to the user.
        place.server.fault(Stage::Blob, 1, Fault::Length(length));
        place.completes(TRAIN);
    }
    // Also while resuming, where the server says how long the whole is.
    let place = Place::new();
    place.server.fault(Stage::Blob, 1, Fault::Cut(1000));
    place.server.fault(Stage::Blob, 1, Fault::Length(SIZE + 1));
    place.completes(TRAIN);
}

#[test]
fn damaged_bytes_are_noticed() {
    for (name, stage) in [(TRAIN, Stage::Blob), (README, Stage::Get)] {
        let place = Place::new();
        place.server.fault(stage, 2, Fault::Flip(3456));
        says(place.download(name), &["arrived damaged twice", "its hash is", "try again"]);
        assert!(place.partials().is_empty());
        place.server.fault(stage, 1, Fault::Flip(0));
        place.completes(name);
    }
}

#[test]
fn what_arrived_before_may_be_damaged_too() {
    let place = Place::new();
    place.server.fault(Stage::Blob, 1, Fault::Cut(SIZE / 2));
    says(place.once(TRAIN), &["cut"]);
    let blobs = place.store().join("blobs");
    let partial = fs::read_dir(&blobs).unwrap().next().unwrap().unwrap().path();
    let spoil = |length: u64| fs::write(&partial, vec![1; length as usize]).unwrap();
    for length in [10, SIZE / 2, SIZE, SIZE + 10] {
        spoil(length);
        place.completes(TRAIN);
        fs::remove_dir_all(place.store()).unwrap();
        fs::create_dir_all(&blobs).unwrap();
    }
}

#[test]
fn redirects_without_end_are_left() {
    let place = Place::new();
    let lead = |to: &str| Fault::Status(302, vec![("Location", to.to_owned())]);
    let loops = |path: &str| lead(&format!("/datasets/{REPO}/resolve/main/{path}"));
    place.server.fault(Stage::Head, 11, loops(TRAIN));
    says(place.download(TRAIN), &["more than 10 redirects", "HF_ENDPOINT"]);
    assert_eq!(place.server.seen_of(Stage::Head).len(), 11);
    place.server.fault(Stage::Get, 11, loops(TRAIN));
    says(place.download(TRAIN), &["more than 10 redirects"]);
    place.server.fault(Stage::Head, 1, lead("ftp://elsewhere/x"));
    says(place.download(TRAIN), &["does not answer as a hub does", "no http address"]);
    place.server.fault(Stage::Head, 1, Fault::Status(302, Vec::new()));
    says(place.download(TRAIN), &["a redirect without a place"]);
    // A repository that moved within the hub is followed.
    let commit = place.server.commit(REPO);
    for stage in [Stage::Head, Stage::Get] {
        place.server.fault(stage, 3, lead(&format!("/datasets/{REPO}/resolve/{commit}/{TRAIN}")));
    }
    place.completes(TRAIN);
}

#[test]
fn a_closed_data_set_asks_for_the_token_and_the_second_host_never_sees_it() {
    let place = Place::new();
    place.server.require("hf_right");
    let with = |token: &str| HubConfig { token: Token::new(token), ..place.config() };
    let terms = format!("{}/datasets/{REPO}", place.server.endpoint());
    says(place.download(TRAIN), &["status 401", "hf auth login", "HF_TOKEN", &terms]);
    says(place.with(with("hf_wrong"), &[TRAIN]), &["status 401", "the token was sent", "HF_TOKEN is valid", &terms]);
    place.with(with("hf_right"), &[TRAIN, README]).unwrap();
    let seen = place.server.seen();
    assert!(seen.iter().any(|s| s.authorization.as_deref() == Some("Bearer hf_right")));
    assert!(seen.iter().any(|s| s.stage == Stage::Blob));
    assert!(seen.iter().filter(|s| s.stage == Stage::Blob).all(|s| s.authorization.is_none()));
    // Terms that are not accepted.
    place.server.fault(Stage::Info, 1, Fault::Status(403, vec![("X-Error-Code", "GatedRepo".into())]));
    says(place.with(with("hf_right"), &[TRAIN]), &["status 403", "accept the data set's terms"]);
    assert!(matches!(Hub::new(with("hf_ä\u{1}")), Err(HubError::Token)));
}

#[test]
fn an_address_that_is_no_longer_signed_is_asked_for_anew() {
    let place = Place::new();
    place.server.fault(Stage::Blob, 1, Fault::Status(403, Vec::new()));
    place.completes(TRAIN);
    assert_eq!(place.server.seen_of(Stage::Get).len(), 2);
}

#[test]
fn what_does_not_exist_is_named() {
    let place = Place::new();
    says(place.download("nothing.parquet"), &["no file nothing.parquet in uoft-cs/cifar10 at main"]);
    let hub = Hub::new(place.config()).unwrap();
    says(hub.list("uoft-cs/cifar11", "main"), &["no data set uoft-cs/cifar11"]);
    says(hub.list(REPO, "v2"), &["no revision v2 of uoft-cs/cifar10"]);
    says(hub.list("a/b/c", "main"), &["a/b/c", "org/name"]);
    says(hub.list(REPO, "../x"), &["../x", "no branch"]);
    place.completes(TRAIN);
}

#[test]
fn a_server_that_goes_away_is_told_and_another_goes_on() {
    let mut place = Place::new();
    place.server.fault(Stage::Blob, 1, Fault::Cut(SIZE / 4));
    says(place.once(TRAIN), &["cut"]);
    let config = place.config();
    place.server = HubServer::start(place.served.path());
    says(place.with(config, &[TRAIN]), &["cannot reach 127.0.0.1", "4 attempts", "HF_ENDPOINT", "HF_HUB_OFFLINE=1"]);
    assert!(place.server.seen().is_empty());
    place.completes(TRAIN);
    assert_eq!(place.server.seen_of(Stage::Blob)[0].from, Some(SIZE / 4));
    for stage in [Stage::Info, Stage::Head, Stage::Get, Stage::Blob] {
        place.server.fault(stage, 2, Fault::Close);
    }
    place.with(HubConfig { force: true, attempts: 6, ..place.config() }, &[TRAIN]).unwrap();
}

#[test]
fn a_server_that_falls_silent_is_given_up() {
    let place = Place::new();
    place.server.fault(Stage::Blob, 1, Fault::Pace(100_000, Duration::from_millis(600)));
    let config = HubConfig { read_timeout: Duration::from_millis(200), ..place.config() };
    place.with(config, &[TRAIN]).unwrap();
    let blobs = place.server.seen_of(Stage::Blob);
    assert_eq!((blobs.len(), blobs[1].from), (2, Some(100_000)));
    place.completes(TRAIN);
}

#[test]
fn servers_that_do_not_know_parts_are_coped_with() {
    let cut = |place: &Place| {
        place.server.fault(Stage::Blob, 1, Fault::Cut(SIZE / 2));
        says(place.once(TRAIN), &["cut"]);
    };
    // The whole file, where its end was asked for.
    let place = Place::new();
    cut(&place);
    place.server.fault(Stage::Blob, 1, Fault::Whole);
    place.completes(TRAIN);
    // Another part.
    let place = Place::new();
    cut(&place);
    place.server.fault(Stage::Blob, 1, Fault::OtherPart);
    place.completes(TRAIN);
    // A refusal.
    let place = Place::new();
    cut(&place);
    place.server.fault(Stage::Blob, 1, Fault::Status(416, Vec::new()));
    place.completes(TRAIN);
    assert_eq!(place.server.seen_of(Stage::Blob).last().unwrap().from, None);
    // One that begins anew each time and never comes to the end makes no progress.
    let place = Place::new();
    place.server.fault(Stage::Blob, 100, Fault::Status(416, Vec::new()));
    says(place.download(TRAIN), &["status 416, 4 attempts"]);
    place.server.reset();
    place.completes(TRAIN);
}

#[test]
fn names_that_leave_the_cache_are_refused() {
    for name in ["../../../evil", "/etc/evil", "a\\..\\evil", "a/../evil"] {
        let place = Place::new();
        place.server.list_also(name);
        says(Hub::new(place.config()).unwrap().list(REPO, "main"), &["outside the cache folder", "refused"]);
        says(place.download(name), &["outside the cache folder"]);
        says(place.download(TRAIN), &["outside the cache folder"]);
        assert!(!place.cache().exists());
    }
}

#[test]
fn answers_that_are_no_hubs_are_named() {
    let place = Place::new();
    let etag = ("X-Linked-Etag", format!("\"{}\"", "0".repeat(64)));
    let commit = ("X-Repo-Commit", place.server.commit(REPO));
    let elsewhere = ("Location", "http://127.0.0.2/".to_owned());
    let huge = ("X-Linked-Size", (1u64 << 60).to_string());
    for (headers, words) in [
        (vec![elsewhere.clone(), etag.clone()], "no X-Repo-Commit"),
        (vec![elsewhere.clone(), commit.clone()], "no usable ETag"),
        (vec![elsewhere.clone(), commit.clone(), ("X-Linked-Etag", "\"../x\"".into())], "no usable ETag"),
        (vec![elsewhere.clone(), commit.clone(), etag.clone()], "how long the file is"),
        (vec![elsewhere.clone(), ("X-Repo-Commit", "f".repeat(40)), etag.clone(), huge.clone()], "instead of"),
        (vec![elsewhere, commit, etag, huge], "TB more"),
    ] {
        place.server.fault(Stage::Head, 1, Fault::Status(302, headers));
        says(place.download(TRAIN), &[words]);
    }
    place.server.fault(Stage::Info, 1, Fault::Status(200, Vec::new()));
    says(place.download(TRAIN), &["does not answer as a hub does", "no listing"]);
    place.server.fault(Stage::Head, 1, Fault::Status(451, Vec::new()));
    says(place.download(TRAIN), &["status 451"]);
    place.completes(TRAIN);
}
