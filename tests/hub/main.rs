//! Downloads from a hub on loopback that fails in every way we know: after each fault nothing damaged has a final name,
//! the message says what to do, and the next run completes.

mod faults;
#[path = "../common/hub_server.rs"]
mod hub_server;
mod local;
#[cfg(unix)]
mod process;

use hub_server::HubServer;
use infomax::data::hub::{DownloadProgress, Hub, HubConfig, HubError, Request};
use infomax::seed::stream;
use rand::RngCore;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;
use std::time::Duration;
use tempfile::TempDir;

const REPO: &str = "uoft-cs/cifar10";
const TRAIN: &str = "plain_text/train-00000-of-00001.parquet";
const TEST: &str = "plain_text/test-00000-of-00001.parquet";
/// A file that is kept in git, whose etag is not a SHA-256.
const README: &str = "README.md";
/// Length of the training file.
const SIZE: u64 = 400_000;

/// A served repository, and an empty home for the cache.
struct Place {
    served: TempDir,
    home: TempDir,
    server: HubServer,
}

impl Place {
    fn new() -> Self {
        let served = TempDir::new().unwrap();
        let folder = served.path().join("datasets").join(REPO);
        for (i, (name, size)) in [(TRAIN, SIZE), (TEST, 90_000), (README, 5_000)].into_iter().enumerate() {
            let mut content = vec![0; size as usize];
            stream(7, "served", i as u64).fill_bytes(&mut content);
            fs::create_dir_all(folder.join(name).parent().unwrap()).unwrap();
            fs::write(folder.join(name), content).unwrap();
        }
        let server = HubServer::start(served.path());
        server.also_at(&pinned());
        Self { server, served, home: TempDir::new().unwrap() }
    }

    fn cache(&self) -> PathBuf {
        self.home.path().join("hub")
    }

    /// The repository's folder in the cache.
    fn store(&self) -> PathBuf {
        self.cache().join("datasets--uoft-cs--cifar10")
    }

    /// Impatient settings.
    fn config(&self) -> HubConfig {
        HubConfig {
            endpoint: self.server.endpoint(),
            attempts: 4,
            first_wait: Duration::from_millis(1),
            longest_wait: Duration::from_secs(2),
            ..HubConfig::new(self.cache())
        }
    }

    fn served(&self, name: &str) -> Vec<u8> {
        fs::read(self.served.path().join("datasets").join(REPO).join(name)).unwrap()
    }

    /// Downloads with these settings; the cache is sound afterwards in any case.
    fn with(&self, config: HubConfig, names: &[&str]) -> Result<Vec<PathBuf>, HubError> {
        let requests: Vec<Request> = names.iter().map(|name| Request::new(REPO, "main", *name)).collect();
        let result = Hub::new(config)?.download(&requests, &(), &AtomicBool::new(false));
        self.check_sound();
        result
    }

    fn download(&self, name: &str) -> Result<PathBuf, HubError> {
        self.with(self.config(), &[name]).map(|paths| paths[0].clone())
    }

    /// A run that gives up at the first fault.
    fn once(&self, name: &str) -> Result<PathBuf, HubError> {
        self.with(HubConfig { attempts: 1, ..self.config() }, &[name]).map(|paths| paths[0].clone())
    }

    /// A run that must succeed.
    fn completes(&self, name: &str) {
        let path = self.download(name).unwrap();
        assert!(fs::read(&path).unwrap() == self.served(name), "{name} differs");
        assert!(self.partials().is_empty(), "nothing unfinished stays");
    }

    /// Lengths of the unfinished files.
    fn partials(&self) -> Vec<u64> {
        let Ok(entries) = fs::read_dir(self.store().join("blobs")) else { return Vec::new() };
        let partial = |path: &PathBuf| path.to_str().unwrap().ends_with(".incomplete");
        entries.map(|e| e.unwrap().path()).filter(partial).map(|p| p.metadata().unwrap().len()).collect()
    }

    /// Everything that has a final name is what the server has.
    fn check_sound(&self) {
        let served: Vec<Vec<u8>> = [TRAIN, TEST, README].into_iter().map(|n| self.served(n)).collect();
        for entry in fs::read_dir(self.store().join("blobs")).into_iter().flatten() {
            let path = entry.unwrap().path();
            if !path.to_str().unwrap().ends_with(".incomplete") {
                assert!(served.contains(&fs::read(&path).unwrap()), "{} is damaged", path.display());
            }
        }
        for commit in [self.server.commit(REPO), pinned()] {
            let snapshot = self.store().join("snapshots").join(commit);
            for (name, content) in [TRAIN, TEST, README].into_iter().zip(&served) {
                if snapshot.join(name).symlink_metadata().is_ok() {
                    assert!(fs::read(snapshot.join(name)).unwrap() == *content, "{name} is damaged");
                }
            }
        }
    }
}

/// The commit that the card of `REPO` pins.
fn pinned() -> String {
    infomax::data::Card::named("cifar10").unwrap().unwrap().commit().unwrap().to_owned()
}

/// The message has every word.
fn says<T: std::fmt::Debug>(result: Result<T, HubError>, words: &[&str]) -> HubError {
    let error = result.unwrap_err();
    let text = error.to_string();
    assert!(!text.contains('\n'), "{text}");
    for word in words {
        assert!(text.contains(word), "no {word:?} in {text:?}");
    }
    error
}

/// Remembers what it is told.
#[derive(Default)]
struct Told {
    waits: Mutex<Vec<String>>,
    bytes: Mutex<u64>,
}

impl DownloadProgress for Told {
    fn advanced(&self, _: usize, bytes: u64) {
        *self.bytes.lock().unwrap() += bytes;
    }

    fn waits(&self, _: Option<usize>, why: &str) {
        self.waits.lock().unwrap().push(why.to_owned());
    }
}

fn is_link_to(path: &Path, target: &str) -> bool {
    cfg!(not(unix)) || fs::read_link(path).is_ok_and(|t| t == Path::new(target))
}
