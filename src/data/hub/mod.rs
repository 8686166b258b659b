//! Files of data sets, from the Hugging Face hub into the hub's own cache folder, which Python's `huggingface_hub`
//! shares.
//!
//! A transfer resumes where it was cut, is tried again with growing waits while a server is busy or away, and gets its
//! final name only after its length and hash were checked and it was flushed to the disk. Two processes that want one
//! file take turns.
//!
//! ```no_run
//! use infomax::data::hub::{Hub, HubConfig, Request};
//! use std::sync::atomic::AtomicBool;
//! # fn main() -> Result<(), infomax::data::hub::HubError> {
//! let hub = Hub::new(HubConfig::from_env()?)?;
//! let stop = AtomicBool::new(false);
//! let (_commit, names) = hub.list("uoft-cs/cifar10", "main")?;
//! let wanted: Vec<Request> = names
//!     .iter()
//!     .filter(|name| name.ends_with(".parquet"))
//!     .map(|name| Request::new("uoft-cs/cifar10", "main", name))
//!     .collect();
//! for path in hub.download(&wanted, &(), &stop)? {
//!     println!("{}", path.display());
//! }
//! # Ok(())
//! # }
//! ```

mod cache;
mod client;
mod config;
mod digest;
mod error;
mod meta;
mod parallel;
mod progress;
mod retry;
mod transfer;
mod verify;

pub use config::{DEFAULT_ENDPOINT, HubConfig, Token};
pub use error::HubError;
pub use progress::{DownloadProgress, Planned};
pub use verify::{Examined, FileState};

use cache::{Store, check_name, check_repo, check_revision, free_space, is_commit, is_plain};
use hf_hub::api::RepoInfo;
use meta::{Inquiry, ask};
use retry::Stop;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use transfer::Transfer;

/// One file to download.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The data set's repository, `org/name`.
    pub repo: String,
    /// A branch, a tag or a full commit hash.
    pub revision: String,
    /// The file's name in the repository, with `/` between folders.
    pub path: String,
}

impl Request {
    /// From its parts.
    pub fn new(repo: impl Into<String>, revision: impl Into<String>, path: impl Into<String>) -> Self {
        Self { repo: repo.into(), revision: revision.into(), path: path.into() }
    }
}

/// A hub and its cache folder here.
pub struct Hub {
    config: HubConfig,
    inquiry: Inquiry,
}

impl std::fmt::Debug for Hub {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hub").field("config", &self.config).finish_non_exhaustive()
    }
}

impl Hub {
    /// Makes no request yet.
    ///
    /// # Errors
    /// When the endpoint is no http address or the token cannot be sent.
    pub fn new(config: HubConfig) -> Result<Self, HubError> {
        Ok(Self { inquiry: Inquiry::new(&config)?, config })
    }

    /// Its settings.
    pub fn config(&self) -> &HubConfig {
        &self.config
    }

    /// The commit that a revision of a data set is at, and the names of its files, sorted. Offline: of those that are
    /// in the cache.
    ///
    /// # Errors
    /// When the hub cannot be asked, does not give the repository out, or names files that would leave the cache.
    pub fn list(&self, repo: &str, revision: &str) -> Result<(String, Vec<String>), HubError> {
        self.list_with(repo, revision, &(), &AtomicBool::new(false))
    }

    /// The same, telling when it must wait, and giving up soon after `stop` is set.
    ///
    /// # Errors
    /// As [`Self::list`].
    pub fn list_with(
        &self,
        repo: &str,
        revision: &str,
        progress: &dyn DownloadProgress,
        stop: &AtomicBool,
    ) -> Result<(String, Vec<String>), HubError> {
        self.listed(repo, revision, progress, &Stop::new(stop))
    }

    fn listed(
        &self,
        repo: &str,
        revision: &str,
        progress: &dyn DownloadProgress,
        stop: &Stop<'_>,
    ) -> Result<(String, Vec<String>), HubError> {
        check_repo(repo)?;
        check_revision(revision)?;
        if self.config.offline {
            let store = Store::new(&self.config, repo);
            let commit = store.commit(revision).filter(|c| store.snapshot(c).is_dir());
            let commit = commit.ok_or_else(|| self.not_here(format!("{repo} at {revision}")))?;
            let names = store.names(&commit)?;
            return Ok((commit, names));
        }
        let say = |why: &str| progress.waits(None, why);
        let info: RepoInfo = ask(&self.config, stop, &say, || self.inquiry.listing(repo, revision, false))?;
        if !is_plain(&info.sha) {
            let reason = format!("the commit {:?} of {repo} is none", info.sha);
            return Err(HubError::Protocol { url: self.config.endpoint.clone(), reason });
        }
        let mut names: Vec<String> = info.siblings.into_iter().map(|s| s.rfilename).collect();
        names.iter().try_for_each(|name| check_name(repo, name))?;
        names.sort();
        Ok((info.sha, names))
    }

    /// Downloads files into the cache; their paths there, in the order of the requests. What is there already is not
    /// transferred again, unless the settings force it. All files of one revision are taken from one commit, and the
    /// revision is noted to be at that commit when all of them are there. Setting `stop` ends it soon.
    ///
    /// Offline no request is made: the paths are returned if all files are there.
    ///
    /// # Errors
    /// The first failure, which also stops the other transfers; what has arrived of each file is kept, and a second call
    /// goes on from there.
    pub fn download(
        &self,
        requests: &[Request],
        progress: &dyn DownloadProgress,
        stop: &AtomicBool,
    ) -> Result<Vec<PathBuf>, HubError> {
        for request in requests {
            check_repo(&request.repo)?;
            check_revision(&request.revision)?;
            check_name(&request.repo, &request.path)?;
        }
        if self.config.offline {
            return requests.iter().map(|request| self.cached(request)).collect();
        }
        let stop = Stop::new(stop);
        let commits = self.commits(requests, progress, &stop)?;
        let transfers = parallel::each(self.config.jobs, requests, &stop, |file, request| {
            self.prepare(file, request, &commits, progress, &stop)
        })?;
        self.plan(&transfers, progress)?;
        let paths = parallel::each(self.config.jobs, &transfers, &stop, |_, transfer| transfer.run())?;
        for ((repo, revision), commit) in &commits {
            let store = Store::new(&self.config, repo);
            store.refer(revision, commit)?;
            if is_commit(revision) && store.commit("main").is_none() {
                self.refer_main(&store, repo, commit, progress, &stop)?;
            }
        }
        Ok(paths)
    }

    /// Notes that `main` is at `commit`, if it is: whoever asks the cache for no revision in particular, as other programs
    /// do, then finds what was downloaded by its commit. A hub that does not say costs nothing but the note.
    fn refer_main(
        &self,
        store: &Store,
        repo: &str,
        commit: &str,
        progress: &dyn DownloadProgress,
        stop: &Stop<'_>,
    ) -> Result<(), HubError> {
        match self.listed(repo, "main", progress, stop) {
            Ok((main, _)) if main == commit => store.refer("main", commit),
            _ => Ok(()),
        }
    }

    /// The path of a file that is in the cache; makes no request.
    ///
    /// # Errors
    /// When it is not there.
    pub fn cached(&self, request: &Request) -> Result<PathBuf, HubError> {
        check_repo(&request.repo)?;
        check_revision(&request.revision)?;
        check_name(&request.repo, &request.path)?;
        let store = Store::new(&self.config, &request.repo);
        let path = store.commit(&request.revision).map(|commit| store.snapshot(&commit).join(&request.path));
        let what = || format!("{} of {} at {}", request.path, request.repo, request.revision);
        path.filter(|p| p.is_file()).ok_or_else(|| self.not_here(what()))
    }

    /// Examines what the cache holds of a data set, at one revision or at all: every file's hash, and its length where
    /// the hub can be asked for it.
    ///
    /// # Errors
    /// When nothing is there, or it cannot be read. Damage is no error but is in the report.
    pub fn verify(&self, repo: &str, revision: Option<&str>) -> Result<Vec<Examined>, HubError> {
        let flag = AtomicBool::new(false);
        verify::verify(&self.config, &self.inquiry, repo, revision, &Stop::new(&flag))
    }

    fn not_here(&self, what: String) -> HubError {
        let cache = self.config.cache.clone();
        if self.config.offline { HubError::Offline { what, cache } } else { HubError::NotCached { what, cache } }
    }

    /// The commit of each repository and revision among the requests.
    fn commits<'a>(
        &self,
        requests: &'a [Request],
        progress: &dyn DownloadProgress,
        stop: &Stop<'_>,
    ) -> Result<BTreeMap<(&'a str, &'a str), String>, HubError> {
        let mut commits = BTreeMap::new();
        for request in requests {
            let key = (request.repo.as_str(), request.revision.as_str());
            if commits.contains_key(&key) {
                continue;
            }
            let commit = if is_commit(key.1) { key.1.to_owned() } else { self.listed(key.0, key.1, progress, stop)?.0 };
            commits.insert(key, commit);
        }
        Ok(commits)
    }

    /// Asks for a file's facts.
    fn prepare<'a>(
        &'a self,
        file: usize,
        request: &'a Request,
        commits: &BTreeMap<(&str, &str), String>,
        progress: &'a dyn DownloadProgress,
        stop: &'a Stop<'a>,
    ) -> Result<Transfer<'a>, HubError> {
        let Request { repo, revision, path } = request;
        let commit = commits.get(&(repo.as_str(), revision.as_str())).map_or(revision.as_str(), String::as_str);
        let say = |why: &str| progress.waits(None, why);
        let meta = ask(&self.config, stop, &say, || self.inquiry.meta(request, commit))?;
        if meta.commit != commit {
            let reason = format!("{path} of {repo} is said to be at commit {} instead of {commit}", meta.commit);
            return Err(HubError::Protocol { url: self.config.endpoint.clone(), reason });
        }
        let store = Store::new(&self.config, repo);
        Ok(Transfer { config: &self.config, inquiry: &self.inquiry, store, request, meta, file, progress, stop })
    }

    /// Tells what will be done, and refuses what does not fit on the disk.
    fn plan(&self, transfers: &[Transfer<'_>], progress: &dyn DownloadProgress) -> Result<(), HubError> {
        let mut planned = Vec::with_capacity(transfers.len());
        // Two files of the same content share a blob.
        let mut missing = BTreeMap::new();
        for transfer in transfers {
            let (have, size) = (transfer.have()?, transfer.meta.size);
            missing.insert(transfer.store.blob(&transfer.meta.etag), size - have);
            let Request { repo, path, .. } = transfer.request;
            planned.push(Planned { repo: repo.clone(), path: path.clone(), size, have });
        }
        let needed: u64 = missing.values().sum();
        if let Some(free) = free_space(&self.config.cache).filter(|&free| free < needed) {
            return Err(HubError::NoSpace { path: self.config.cache.clone(), needed, free });
        }
        progress.planned(&planned);
        Ok(())
    }
}
