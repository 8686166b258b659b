//! What lies in the cache: layout, offline use, verification, stopping.

use super::hub_server::{Fault, Stage};
use super::*;
use infomax::data::hub::FileState;
use std::sync::atomic::Ordering;

#[test]
fn the_layout_is_the_hubs() {
    let place = Place::new();
    let paths = place.with(place.config(), &[TRAIN, README, TEST]).unwrap();
    let commit = place.server.commit(REPO);
    let snapshot = place.store().join("snapshots").join(&commit);
    assert_eq!(paths, [TRAIN, README, TEST].map(|name| snapshot.join(name)));
    assert_eq!(fs::read_to_string(place.store().join("refs/main")).unwrap(), commit);
    for (path, up) in [(&paths[0], "../../../"), (&paths[1], "../../")] {
        let etag = fs::canonicalize(path).unwrap().file_name().unwrap().to_str().unwrap().to_owned();
        assert!(is_link_to(path, &format!("{up}blobs/{etag}")));
        assert_eq!(etag.len(), if up.len() == 9 { 64 } else { 40 });
    }
    let locks = fs::read_dir(place.cache().join(".locks/datasets--uoft-cs--cifar10")).unwrap();
    assert_eq!(locks.count(), 3);
    // A second run asks, and transfers nothing.
    place.server.reset();
    assert_eq!(place.with(place.config(), &[TRAIN, README, TEST]).unwrap(), paths);
    assert!(place.server.seen_of(Stage::Get).is_empty());
    // By the commit, without the listing.
    let hub = Hub::new(place.config()).unwrap();
    let request = Request::new(REPO, &commit, TEST);
    assert_eq!(hub.download(std::slice::from_ref(&request), &(), &AtomicBool::new(false)).unwrap(), paths[2..]);
    assert_eq!(hub.cached(&request).unwrap(), paths[2]);
    // One file asked for twice.
    place.server.reset();
    let forced = HubConfig { force: true, ..place.config() };
    assert_eq!(place.with(forced, &[TEST, TEST]).unwrap()[0], paths[2]);
    let all = hub.list(REPO, "main").unwrap();
    assert_eq!(all, (commit, vec![README.to_owned(), TEST.to_owned(), TRAIN.to_owned()]));
}

#[test]
fn offline_no_request_is_made() {
    let place = Place::new();
    let offline = || HubConfig { offline: true, ..place.config() };
    says(place.with(offline(), &[TRAIN]), &[TRAIN, "is not in", "unset HF_HUB_OFFLINE"]);
    says(Hub::new(offline()).unwrap().list(REPO, "main"), &["is not in", "HF_HUB_OFFLINE"]);
    assert!(place.server.seen().is_empty());
    place.completes(TRAIN);
    place.server.reset();
    let paths = place.with(offline(), &[TRAIN]).unwrap();
    assert!(fs::read(&paths[0]).unwrap() == place.served(TRAIN));
    says(place.with(offline(), &[TRAIN, TEST]), &[TEST, "unset HF_HUB_OFFLINE"]);
    let hub = Hub::new(offline()).unwrap();
    assert_eq!(hub.list(REPO, "main").unwrap().1, [TRAIN]);
    assert_eq!(hub.verify(REPO, Some("main")).unwrap().len(), 1);
    assert!(place.server.seen().is_empty());
}

#[cfg(unix)]
#[test]
fn verification_finds_what_a_disk_did() {
    let place = Place::new();
    let hub = Hub::new(place.config()).unwrap();
    says(hub.verify(REPO, None), &["uoft-cs/cifar10 is not in", "download it first"]);
    let paths = place.with(place.config(), &[README, TEST, TRAIN]).unwrap();
    let states = |hub: &Hub| hub.verify(REPO, None).unwrap().into_iter().map(|e| e.state).collect::<Vec<_>>();
    let sizes = [5_000, 90_000, SIZE];
    assert_eq!(states(&hub), sizes.map(|size| FileState::Ok { size }));
    // One bit, some bytes less, gone.
    let blobs: Vec<PathBuf> = paths.iter().map(|p| fs::canonicalize(p).unwrap()).collect();
    let mut content = fs::read(&blobs[0]).unwrap();
    content[77] ^= 4;
    fs::write(&blobs[0], content).unwrap();
    fs::File::options().write(true).open(&blobs[1]).unwrap().set_len(80_000).unwrap();
    fs::remove_file(&blobs[2]).unwrap();
    let found = states(&hub);
    assert!(matches!(&found[0], FileState::WrongHash { expected, .. } if expected.len() == 40), "{found:?}");
    assert_eq!(found[1..], [FileState::WrongSize { expected: 90_000, found: 80_000 }, FileState::MissingBlob]);
    // Without the hub the hashes still tell.
    let offline = Hub::new(HubConfig { offline: true, ..place.config() }).unwrap();
    let found = states(&offline);
    assert!(matches!(&found[1], FileState::WrongHash { expected, .. } if expected.len() == 64), "{found:?}");
    // Other lengths are repaired by a download, a bit by a forced one.
    let requests = [README, TEST, TRAIN].map(|n| Request::new(REPO, "main", n));
    hub.download(&requests, &(), &AtomicBool::new(false)).unwrap();
    assert!(matches!(states(&hub)[..], [FileState::WrongHash { .. }, FileState::Ok { .. }, FileState::Ok { .. }]));
    place.with(HubConfig { force: true, ..place.config() }, &[README]).unwrap();
    assert_eq!(states(&hub), sizes.map(|size| FileState::Ok { size }));
}

/// Stops when the first bytes have arrived.
struct StopSoon(AtomicBool);

impl DownloadProgress for StopSoon {
    fn advanced(&self, _: usize, _: u64) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn a_stop_leaves_what_has_arrived() {
    let place = Place::new();
    place.server.fault(Stage::Blob, 1, Fault::Pace(20_000, Duration::from_millis(5)));
    let stop = StopSoon(AtomicBool::new(false));
    let result = Hub::new(place.config()).unwrap().download(&[Request::new(REPO, "main", TRAIN)], &stop, &stop.0);
    says(result, &["stopped", "the same command goes on"]);
    place.check_sound();
    let partial = place.partials()[0];
    assert!((1..SIZE).contains(&partial));
    assert!(!place.store().join("refs").exists(), "a branch is noted when all is there");
    place.completes(TRAIN);
    assert_eq!(place.server.seen_of(Stage::Blob)[1].from, Some(partial));
}

#[test]
fn one_failure_stops_the_rest_and_is_the_one_told() {
    let place = Place::new();
    place.server.fault(Stage::Get, 2, Fault::Status(404, vec![("X-Error-Code", "EntryNotFound".into())]));
    let config = HubConfig { jobs: 3, ..place.config() };
    says(place.with(config, &[TRAIN, TEST, README]), &["has no file"]);
    place.server.reset();
    place.with(place.config(), &[TRAIN, TEST, README]).unwrap();
    assert!(place.partials().is_empty());
}

#[test]
fn a_cache_that_cannot_be_written_is_named() {
    let place = Place::new();
    fs::write(place.cache(), "a file where a folder should be").unwrap();
    says(place.download(TRAIN), &["cannot", "hub", "HF_HUB_CACHE"]);
    fs::remove_file(place.cache()).unwrap();
    place.completes(TRAIN);
}

#[test]
fn what_was_downloaded_by_its_commit_is_found_as_main_if_it_is_that() {
    let place = Place::new();
    let main = place.server.commit(REPO);
    let get = |revision: &str| {
        let requests = [Request::new(REPO, revision, TEST)];
        Hub::new(place.config()).unwrap().download(&requests, &(), &AtomicBool::new(false)).unwrap()
    };
    let reference = place.store().join("refs/main");
    get(&pinned());
    assert!(!reference.exists(), "main is at another commit");
    get(&main);
    assert_eq!(fs::read_to_string(reference).unwrap(), main);
    let offline = HubConfig { offline: true, ..place.config() };
    assert!(Hub::new(offline).unwrap().cached(&Request::new(REPO, "main", TEST)).is_ok());
}
