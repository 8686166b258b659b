//! What the hub says a file's bytes hash to, and whether they do.

use super::HubError;
use super::retry::Stop;
use sha1::Sha1;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// The hash that a file's etag is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Expected {
    /// Large files: SHA-256 of the content.
    Sha256(String),
    /// Small files: the name that git gives the content, SHA-1 of `blob <length>\0` and the content.
    Git(String),
    /// Another etag, which says nothing of the content.
    Unknown,
}

impl Expected {
    pub(super) fn of_etag(etag: &str) -> Self {
        let hex = etag.bytes().all(|b| b.is_ascii_hexdigit());
        match etag.len() {
            64 if hex => Self::Sha256(etag.to_ascii_lowercase()),
            40 if hex => Self::Git(etag.to_ascii_lowercase()),
            _ => Self::Unknown,
        }
    }

    /// The expected and the found hash where they differ.
    pub(super) fn differs(&self, path: &Path, stop: &Stop<'_>) -> Result<Option<(String, String)>, HubError> {
        let (expected, found) = match self {
            Self::Sha256(expected) => (expected, hash(Sha256::new(), path, stop)?),
            Self::Git(expected) => {
                let length = path.metadata().map_err(HubError::io("look at", path))?.len();
                (expected, hash(Sha1::new_with_prefix(format!("blob {length}\0")), path, stop)?)
            }
            Self::Unknown => return Ok(None),
        };
        Ok((*expected != found).then(|| (expected.clone(), found)))
    }
}

fn hash<D: Digest>(mut digest: D, path: &Path, stop: &Stop<'_>) -> Result<String, HubError> {
    let mut file = File::open(path).map_err(HubError::io("open", path))?;
    let mut buffer = vec![0; 1 << 18];
    loop {
        stop.check()?;
        match file.read(&mut buffer).map_err(HubError::io("read", path))? {
            0 => break,
            n => digest.update(&buffer[..n]),
        }
    }
    Ok(digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicBool;

    /// Values of `printf hello | sha256sum` and `printf hello | git hash-object --stdin`.
    #[test]
    fn known_hashes() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("x");
        std::fs::write(&file, "hello").unwrap();
        let flag = AtomicBool::new(false);
        let stop = Stop::new(&flag);
        let sha256 = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
        let git = "b6fc4c620b67d95f953a5c1c1230aaab5db5a1b0";
        for etag in [sha256, git, "not-a-hash"] {
            assert_eq!(Expected::of_etag(etag).differs(&file, &stop).unwrap(), None, "{etag}");
        }
        std::fs::write(&file, "hellp").unwrap();
        for etag in [sha256, git] {
            let (expected, found) = Expected::of_etag(etag).differs(&file, &stop).unwrap().unwrap();
            assert!(expected == etag && found != etag && found.len() == etag.len());
        }
        assert_eq!(Expected::of_etag("not-a-hash"), Expected::Unknown);
    }
}
