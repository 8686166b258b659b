//! Whether what lies in the cache is what the hub gave out.

use super::cache::{Store, check_repo, check_revision, length};
use super::digest::Expected;
use super::meta::{Inquiry, Listed};
use super::retry::Stop;
use super::{HubConfig, HubError};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// One file of the cache, examined.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Examined {
    /// The commit that it belongs to.
    pub commit: String,
    /// Its name in the repository.
    pub path: String,
    /// Where it lies.
    pub file: PathBuf,
    /// What was found.
    #[serde(flatten)]
    pub state: FileState,
}

/// What an examined file is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum FileState {
    /// Its hash is right.
    Ok {
        /// Bytes.
        size: u64,
    },
    /// It is there, but the hub's name for it is no hash; only its length may have been compared.
    Unchecked {
        /// Bytes.
        size: u64,
    },
    /// Another length than the hub says.
    WrongSize {
        /// Bytes it should have.
        expected: u64,
        /// Bytes it has.
        found: u64,
    },
    /// Another hash than the hub says.
    WrongHash {
        /// The hash it should have.
        expected: String,
        /// The hash it has.
        found: String,
    },
    /// It is named, but its content is gone.
    MissingBlob,
}

impl FileState {
    /// Whether the file can be used.
    pub fn is_sound(&self) -> bool {
        matches!(self, Self::Ok { .. } | Self::Unchecked { .. })
    }
}

#[derive(Deserialize)]
struct Listing {
    siblings: Vec<Listed>,
}

/// Examines the files under one revision, or under all that are here.
pub(super) fn verify(
    config: &HubConfig,
    inquiry: &Inquiry,
    repo: &str,
    revision: Option<&str>,
    stop: &Stop<'_>,
) -> Result<Vec<Examined>, HubError> {
    check_repo(repo)?;
    let store = Store::new(config, repo);
    let commits = match revision {
        Some(revision) => {
            check_revision(revision)?;
            store.commit(revision).into_iter().filter(|c| store.snapshot(c).is_dir()).collect()
        }
        None => store.commits(),
    };
    if commits.is_empty() {
        let what = revision.map_or_else(|| repo.to_owned(), |r| format!("{repo} at {r}"));
        return Err(HubError::NotCached { what, cache: config.cache.clone() });
    }
    let mut examined = Vec::new();
    for commit in commits {
        let listed = details(config, inquiry, repo, &commit);
        for path in store.names(&commit)? {
            let file = store.snapshot(&commit).join(&path);
            let state = examine(&file, listed.get(&path), stop)?;
            examined.push(Examined { commit: commit.clone(), path, file, state });
        }
    }
    Ok(examined)
}

/// What the hub says of the files, if it can be asked. The hashes are in the cache too, the lengths are not.
fn details(config: &HubConfig, inquiry: &Inquiry, repo: &str, commit: &str) -> BTreeMap<String, Listed> {
    if config.offline {
        return BTreeMap::new();
    }
    let listing = inquiry.listing::<Listing>(repo, commit, true);
    listing.map_or_else(|_| BTreeMap::new(), |l| l.siblings.into_iter().map(|s| (s.name.clone(), s)).collect())
}

fn examine(file: &Path, listed: Option<&Listed>, stop: &Stop<'_>) -> Result<FileState, HubError> {
    let Some(found) = length(file)? else { return Ok(FileState::MissingBlob) };
    if let Some(expected) = listed.and_then(|l| l.size).filter(|&e| e != found) {
        return Ok(FileState::WrongSize { expected, found });
    }
    // The link leads to a blob that is called by its etag; a copy has no such name.
    let blob = std::fs::read_link(file).ok().and_then(|t| Some(t.file_name()?.to_str()?.to_owned()));
    let etag = blob.as_deref().or_else(|| listed.and_then(Listed::etag)).unwrap_or_default();
    let expected = Expected::of_etag(etag);
    if expected == Expected::Unknown {
        return Ok(FileState::Unchecked { size: found });
    }
    Ok(match expected.differs(file, stop)? {
        None => FileState::Ok { size: found },
        Some((expected, found)) => FileState::WrongHash { expected, found },
    })
}
