//! One file's way into the cache: resumed, checked, named only when whole.

use super::cache::{Store, length, publish};
use super::client::{About, Follow, host_of};
use super::digest::Expected;
use super::meta::{Inquiry, Meta};
use super::retry::{Attempts, Cause, Fault, Stop};
use super::{DownloadProgress, HubConfig, HubError, Request};
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use ureq::http::header::{CONTENT_LENGTH, CONTENT_RANGE};
use ureq::http::{HeaderMap, HeaderName, Method, StatusCode};

/// Bytes read at a time; each part is in the file before the next is asked for, so a cut costs nothing.
const PART: usize = 1 << 17;

/// One file to transfer.
pub(super) struct Transfer<'a> {
    pub config: &'a HubConfig,
    pub inquiry: &'a Inquiry,
    pub store: Store,
    pub request: &'a Request,
    pub meta: Meta,
    pub file: usize,
    pub progress: &'a dyn DownloadProgress,
    pub stop: &'a Stop<'a>,
}

impl Transfer<'_> {
    /// Bytes of the file that are here: all if its blob is, else what has arrived.
    pub(super) fn have(&self) -> Result<u64, HubError> {
        if self.is_here()? {
            return Ok(self.meta.size);
        }
        if self.config.force {
            return Ok(0);
        }
        Ok(length(&self.store.partial(&self.meta.etag))?.filter(|&n| n <= self.meta.size).unwrap_or(0))
    }

    /// A blob is only named when it was checked; one of another length was changed later, and is fetched again.
    fn is_here(&self) -> Result<bool, HubError> {
        Ok(!self.config.force && length(&self.store.blob(&self.meta.etag))? == Some(self.meta.size))
    }

    /// Brings the file into the cache; where it is named.
    pub(super) fn run(&self) -> Result<PathBuf, HubError> {
        if !self.is_here()? {
            let other = || self.progress.waits(Some(self.file), "another process downloads it; waiting for that");
            let _lock = self.store.lock(&self.meta.etag, self.stop, &other)?;
            // The other process may have finished it.
            if !self.is_here()? {
                self.fetch()?;
            }
        }
        let named = self.store.link(&self.meta.etag, &self.meta.commit, &self.request.path)?;
        self.progress.ends(self.file);
        Ok(named)
    }

    /// Fills the unfinished file, checks it and gives it its name; once more from the beginning if it is damaged.
    fn fetch(&self) -> Result<(), HubError> {
        let partial = self.store.partial(&self.meta.etag);
        if let Some(folder) = partial.parent() {
            fs::create_dir_all(folder).map_err(HubError::io("create", folder))?;
        }
        if self.config.force {
            remove(&partial)?;
        }
        let mut again = true;
        while let Some(damage) = self.arrive(&partial)? {
            remove(&partial)?;
            if !again {
                let (repo, file) = (self.request.repo.clone(), self.request.path.clone());
                return Err(HubError::Damaged { repo, file, reason: damage });
            }
            again = false;
            self.say(&format!("it arrived damaged ({damage}); once more from the beginning"));
        }
        publish(&partial, &self.store.blob(&self.meta.etag))
    }

    /// Fills and checks the unfinished file; what is wrong with it, if anything.
    fn arrive(&self, partial: &Path) -> Result<Option<String>, HubError> {
        let file = OpenOptions::new().write(true).create(true).truncate(false).open(partial);
        let mut file = file.map_err(HubError::io("open", partial))?;
        if let Some(damage) = self.fill(&mut file, partial)? {
            return Ok(Some(damage));
        }
        self.progress.checks(self.file);
        file.sync_all().map_err(|e| self.disk(partial, 0, e))?;
        let differs = Expected::of_etag(&self.meta.etag).differs(partial, self.stop)?;
        Ok(differs.map(|(expected, found)| format!("its hash is {found} instead of {expected}")))
    }

    /// Appends until the file has its length; what is wrong, if the server has other bytes than it said.
    fn fill(&self, file: &mut File, partial: &Path) -> Result<Option<String>, HubError> {
        let mut at = file.metadata().map_err(HubError::io("look at", partial))?.len();
        if at > self.meta.size {
            self.restart(file, partial, &mut at)?;
        }
        self.progress.at(self.file, at);
        let mut attempts = Attempts::new(self.config, self.stop);
        // A server that begins anew each time makes no progress, however much it sends.
        let mut furthest = at;
        while at < self.meta.size {
            self.stop.check()?;
            match self.attempt(file, partial, &mut at) {
                Ok(()) => {}
                Err(Fault::Damaged(reason)) => return Ok(Some(reason)),
                Err(Fault::Lasting(e)) => return Err(e),
                Err(Fault::Passing { host, cause, wait }) => {
                    attempts.wait(host, cause, wait, at > furthest, &|why| self.say(why))?;
                }
            }
            furthest = furthest.max(at);
        }
        Ok(None)
    }

    /// One answer's bytes, from `at` on.
    fn attempt(&self, file: &mut File, partial: &Path, at: &mut u64) -> Result<(), Fault> {
        let (request, size) = (self.request, self.meta.size);
        // By the commit, so that a branch that moves meanwhile does not mix two contents; and through the hub each time,
        // since the address of the bytes is signed for a short time only.
        let url = self.inquiry.file(&request.repo, &self.meta.commit, &request.path)?;
        let about = About { repo: &request.repo, revision: &request.revision, path: Some(&request.path) };
        let from = (*at > 0).then_some(*at);
        let (answer, place) = self.inquiry.client.send(&Method::GET, &url, from, Follow::Anywhere, about)?;
        let host = host_of(&place);
        match answer.status() {
            StatusCode::PARTIAL_CONTENT => match content_range(answer.headers()) {
                Some((_, Some(total))) if total != size => return Err(other_length(total, size)),
                Some((first, _)) if first == *at => {}
                _ => {
                    self.restart(file, partial, at)?;
                    return Err(Fault::network(host, "the server sent another part than was asked for"));
                }
            },
            StatusCode::RANGE_NOT_SATISFIABLE => {
                self.restart(file, partial, at)?;
                return Err(Fault::Passing { host, cause: Cause::Status(416), wait: None });
            }
            _ => {
                if let Some(length) = number(answer.headers(), CONTENT_LENGTH).filter(|&n| n != size) {
                    return Err(other_length(length, size));
                }
                // The whole file, although its end was asked for.
                if *at > 0 {
                    self.restart(file, partial, at)?;
                }
            }
        }
        file.seek(SeekFrom::Start(*at)).map_err(HubError::io("write", partial))?;
        let (mut body, mut part) = (answer.into_body().into_reader(), vec![0; PART]);
        loop {
            self.stop.check()?;
            let n = match body.read(&mut part) {
                Ok(0) => break,
                Ok(n) => n,
                Err(e) if e.kind() == ErrorKind::Interrupted => continue,
                Err(e) => return Err(Fault::network(host, format!("cut at byte {at} of {size}: {e}"))),
            };
            if *at + n as u64 > size {
                return Err(Fault::Damaged(format!("the server sends more than the {size} bytes of the file")));
            }
            file.write_all(&part[..n]).map_err(|e| self.disk(partial, size - *at, e))?;
            *at += n as u64;
            self.progress.advanced(self.file, n as u64);
        }
        if *at < size {
            return Err(Fault::network(host, format!("cut at byte {at} of {size}")));
        }
        Ok(())
    }

    fn restart(&self, file: &File, partial: &Path, at: &mut u64) -> Result<(), HubError> {
        file.set_len(0).map_err(HubError::io("shorten", partial))?;
        *at = 0;
        self.progress.at(self.file, 0);
        Ok(())
    }

    fn say(&self, why: &str) {
        self.progress.waits(Some(self.file), why);
    }

    /// A failed write: no space, or something else.
    fn disk(&self, path: &Path, needed: u64, source: std::io::Error) -> HubError {
        match source.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
                HubError::DiskFull { path: path.to_owned(), needed, source }
            }
            _ => HubError::io("write", path)(source),
        }
    }
}

fn other_length(found: u64, expected: u64) -> Fault {
    Fault::Damaged(format!("the server has {found} bytes instead of {expected}"))
}

fn number(headers: &HeaderMap, name: HeaderName) -> Option<u64> {
    headers.get(name)?.to_str().ok()?.trim().parse().ok()
}

/// First byte and whole length of `bytes 100-199/1000`; the length may be `*`.
fn content_range(headers: &HeaderMap) -> Option<(u64, Option<u64>)> {
    let text = headers.get(CONTENT_RANGE)?.to_str().ok()?.trim();
    let (range, total) = text.strip_prefix("bytes ")?.split_once('/')?;
    let (first, _) = range.split_once('-')?;
    let total = if total == "*" { None } else { Some(total.parse().ok()?) };
    Some((first.trim().parse().ok()?, total))
}

fn remove(path: &Path) -> Result<(), HubError> {
    match fs::remove_file(path) {
        Err(e) if e.kind() != ErrorKind::NotFound => Err(HubError::io("remove", path)(e)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ureq::http::HeaderValue;

    #[test]
    fn content_ranges_are_read() {
        let read = |text: &'static str| {
            content_range(&HeaderMap::from_iter([(CONTENT_RANGE, HeaderValue::from_static(text))]))
        };
        assert_eq!(read("bytes 100-199/1000"), Some((100, Some(1000))));
        assert_eq!(read("bytes 0-9/*"), Some((0, None)));
        for text in ["bytes */1000", "100-199/1000", "bytes 1-2", "bytes a-b/c", "bytes 1-2/x"] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
