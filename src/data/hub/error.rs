//! What can go wrong with a download.

use std::path::PathBuf;

/// An error that names the repository or file and the way out, in one line.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HubError {
    /// There is no place for the cache.
    #[error("it is not known where downloads are kept (no home folder); set HF_HOME to a folder")]
    NoHome,
    /// An address that cannot be asked.
    #[error("{endpoint:?} is no address of a hub; HF_ENDPOINT should look like https://huggingface.co")]
    Endpoint {
        /// What was given.
        endpoint: String,
    },
    /// A token that cannot be sent.
    #[error("the token holds characters that no token has; check HF_TOKEN, or log in again")]
    Token,
    /// A repository's name that is none.
    #[error("{repo:?} is no repository id; it should look like org/name")]
    Repo {
        /// What was given.
        repo: String,
    },
    /// A branch, tag or commit that cannot be one.
    #[error("{revision:?} is no branch, tag or commit")]
    Revision {
        /// What was given.
        revision: String,
    },
    /// A name from the server or the user that would leave the cache folder.
    #[error("{repo} names a file {name:?}, which would lie outside the cache folder; it is refused")]
    UnsafeName {
        /// The repository.
        repo: String,
        /// The name.
        name: String,
    },
    /// The server wants to know who asks, or does not let them in.
    #[error("the hub does not give out {repo} (status {status}): {way_out}")]
    Denied {
        /// The repository.
        repo: String,
        /// 401 or 403.
        status: u16,
        /// What to do, which depends on whether a token was sent.
        way_out: String,
    },
    /// No such repository, revision or file.
    #[error("the hub at {endpoint} has no {what}; check the name")]
    NotFound {
        /// The hub.
        endpoint: String,
        /// What is missing, in words.
        what: String,
    },
    /// An answer that no second attempt would change.
    #[error("{url} answered with status {status}; check HF_ENDPOINT and the name")]
    Status {
        /// What was asked.
        url: String,
        /// The status.
        status: u16,
    },
    /// The server asked for patience more often than we have it.
    #[error(
        "{host} is busy (status {status}, {tried} attempts); try again later: what has arrived is kept, and the same \
         command goes on from there"
    )]
    Busy {
        /// The server.
        host: String,
        /// 429 or 5xx.
        status: u16,
        /// Attempts without progress.
        tried: u32,
    },
    /// No connection, or one that breaks off again and again.
    #[error(
        "cannot reach {host} ({reason}; {tried} attempts); check the network and HF_ENDPOINT; what has arrived is kept, \
         and the same command goes on from there. HF_HUB_OFFLINE=1 uses what was downloaded before"
    )]
    Unreachable {
        /// The server.
        host: String,
        /// What happened.
        reason: String,
        /// Attempts without progress.
        tried: u32,
    },
    /// Redirects without an end.
    #[error("{url} leads on and on (more than 10 redirects); check HF_ENDPOINT")]
    Redirects {
        /// Where it began.
        url: String,
    },
    /// An answer that no hub gives.
    #[error("{url} does not answer as a hub does: {reason}; check HF_ENDPOINT and the proxy")]
    Protocol {
        /// What was asked.
        url: String,
        /// What is wrong with the answer.
        reason: String,
    },
    /// A file that arrived wrong, twice.
    #[error(
        "{file} of {repo} arrived damaged twice ({reason}) and was not kept; try again, and tell the owners of the data \
         set if it stays so"
    )]
    Damaged {
        /// The repository.
        repo: String,
        /// The file in it.
        file: String,
        /// What differs.
        reason: String,
    },
    /// Too little space to begin.
    #[error(
        "the download needs {} more in {}, where {} is free; make room, or set HF_HUB_CACHE to a folder on another disk",
        bytes(*needed), path.display(), bytes(*free)
    )]
    NoSpace {
        /// The cache folder.
        path: PathBuf,
        /// Bytes that are still to come.
        needed: u64,
        /// Bytes that are free.
        free: u64,
    },
    /// The space ended during the transfer.
    #[error(
        "no space left for {} ({source}): {} more is needed; make room, or set HF_HUB_CACHE to a folder on another disk; \
         what has arrived is kept", path.display(), bytes(*needed)
    )]
    DiskFull {
        /// The unfinished file.
        path: PathBuf,
        /// Bytes that are still to come.
        needed: u64,
        /// What the system says.
        source: std::io::Error,
    },
    /// A file of the cache could not be read or written.
    #[error("cannot {doing} {}: {source}; set HF_HUB_CACHE to use another folder", path.display())]
    Io {
        /// What was tried.
        doing: &'static str,
        /// Where.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// Not in the cache, and no request may be made.
    #[error("{what} is not in {}, and HF_HUB_OFFLINE forbids to ask for it; unset HF_HUB_OFFLINE to download", cache.display())]
    Offline {
        /// What was wanted, in words.
        what: String,
        /// The cache folder.
        cache: PathBuf,
    },
    /// Nothing to verify.
    #[error("{what} is not in {}; download it first", cache.display())]
    NotCached {
        /// What was wanted, in words.
        what: String,
        /// The cache folder.
        cache: PathBuf,
    },
    /// The caller asked to stop.
    #[error("stopped; what has arrived is kept, and the same command goes on from there")]
    Interrupted,
}

impl HubError {
    /// For `map_err`: an I/O error with what was tried and where.
    pub(super) fn io(doing: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { doing, path, source }
    }
}

/// A number of bytes to read: `512 B`, `1.5 MB`.
fn bytes(n: u64) -> String {
    let mut value = n as f64;
    for unit in ["B", "kB", "MB", "GB"] {
        if value < 999.5 {
            return if unit == "B" { format!("{n} B") } else { format!("{value:.1} {unit}") };
        }
        value /= 1000.0;
    }
    format!("{value:.1} TB")
}
