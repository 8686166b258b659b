//! What the hub says of a repository and of a file before its bytes are asked for.

use super::cache::is_plain;
use super::client::{About, Client, Follow, encode, host_of};
use super::retry::{Attempts, Fault, Stop};
use super::{HubConfig, HubError, Request};
use hf_hub::api::sync::{Api, ApiBuilder};
use hf_hub::{Cache, Repo, RepoType};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use ureq::http::header::{CONTENT_LENGTH, ETAG};
use ureq::http::{HeaderMap, Method, Uri};

/// Most bytes that a repository's listing may have; the largest data sets' have some tens of megabytes.
const LONGEST_LISTING: u64 = 1 << 28;

/// A file's facts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Meta {
    pub commit: String,
    pub etag: String,
    pub size: u64,
}

/// What a repository's listing says of one file, when asked for details.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Listed {
    #[serde(rename = "rfilename")]
    pub name: String,
    pub size: Option<u64>,
    #[serde(rename = "blobId")]
    pub git: Option<String>,
    pub lfs: Option<Lfs>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Lfs {
    pub sha256: String,
}

impl Listed {
    /// The file's etag.
    pub(super) fn etag(&self) -> Option<&str> {
        self.lfs.as_ref().map(|l| l.sha256.as_str()).or(self.git.as_deref())
    }
}

/// Asks the hub about repositories.
pub(super) struct Inquiry {
    pub client: Client,
    addresses: Api,
}

impl Inquiry {
    pub(super) fn new(config: &HubConfig) -> Result<Self, HubError> {
        let client = Client::new(config)?;
        // For addresses only; requests are the client's, which sees status and headers of failures too.
        let addresses = ApiBuilder::from_cache(Cache::new(config.cache.clone()))
            .with_endpoint(config.endpoint.trim_end_matches('/').to_owned())
            .with_token(None)
            .with_progress(false)
            .build()
            .map_err(|_| HubError::Endpoint { endpoint: config.endpoint.clone() })?;
        Ok(Self { client, addresses })
    }

    fn repo(&self, id: &str, revision: &str) -> hf_hub::api::sync::ApiRepo {
        self.addresses.repo(Repo::with_revision(id.to_owned(), RepoType::Dataset, encode(revision)))
    }

    /// The listing of a repository at a revision; `details` asks for sizes and hashes.
    pub(super) fn listing<T: DeserializeOwned>(&self, id: &str, revision: &str, details: bool) -> Result<T, Fault> {
        let request = self.repo(id, revision).info_request();
        let plain = request.uri_ref().ok_or_else(|| protocol(id, "no address for it"))?;
        let url = if details {
            format!("{plain}?blobs=true").parse().map_err(|_| protocol(id, "no address for it"))?
        } else {
            plain.clone()
        };
        let about = About { repo: id, revision, path: None };
        let (answer, at) = self.client.send(&Method::GET, &url, None, Follow::Hub, about)?;
        if answer.status().is_redirection() {
            return Err(protocol(&at.to_string(), "the listing is elsewhere").into());
        }
        let text = answer.into_body().into_with_config().limit(LONGEST_LISTING).read_to_vec();
        let text = text.map_err(|e| Fault::network(host_of(&at), super::client::network_reason(&e)))?;
        Ok(serde_json::from_slice(&text).map_err(|e| protocol(&at.to_string(), &format!("no listing ({e})")))?)
    }

    /// The address of a file's bytes.
    pub(super) fn file(&self, id: &str, revision: &str, name: &str) -> Result<Uri, HubError> {
        let url = self.repo(id, revision).url(&encode(name));
        url.parse().map_err(|_| protocol(&url, "no address"))
    }

    /// A file's facts at a commit. They are in the headers of the hub's own answer, which may be a redirect to the bytes.
    pub(super) fn meta(&self, request: &Request, commit: &str) -> Result<Meta, Fault> {
        let url = self.file(&request.repo, commit, &request.path)?;
        let about = About { repo: &request.repo, revision: &request.revision, path: Some(&request.path) };
        let (answer, at) = self.client.send(&Method::HEAD, &url, None, Follow::Hub, about)?;
        let headers = answer.headers();
        let wrong = |reason: &str| Fault::Lasting(protocol(&at.to_string(), reason));
        let commit = text(headers, "x-repo-commit").filter(|c| is_plain(c));
        let commit = commit.ok_or_else(|| wrong("no X-Repo-Commit"))?;
        let etag = text(headers, "x-linked-etag").or_else(|| text(headers, ETAG.as_str())).map(bare_etag);
        let etag = etag.filter(|e| is_plain(e)).ok_or_else(|| wrong("no usable ETag"))?;
        let size = text(headers, "x-linked-size").or_else(|| {
            // A redirect's own length is not the file's.
            if answer.status().is_redirection() { None } else { text(headers, CONTENT_LENGTH.as_str()) }
        });
        let size = size.and_then(|s| s.parse().ok()).ok_or_else(|| wrong("it does not say how long the file is"))?;
        Ok(Meta { commit: commit.to_owned(), etag: etag.to_owned(), size })
    }
}

/// Repeats a question until it is answered.
pub(super) fn ask<T>(
    config: &HubConfig,
    stop: &Stop<'_>,
    say: &dyn Fn(&str),
    question: impl Fn() -> Result<T, Fault>,
) -> Result<T, HubError> {
    let mut attempts = Attempts::new(config, stop);
    loop {
        stop.check()?;
        match question() {
            Ok(answer) => return Ok(answer),
            Err(Fault::Passing { host, cause, wait }) => attempts.wait(host, cause, wait, false, say)?,
            Err(Fault::Lasting(e)) => return Err(e),
            Err(Fault::Damaged(reason)) => return Err(protocol(&config.endpoint, &reason)),
        }
    }
}

fn protocol(url: &str, reason: &str) -> HubError {
    HubError::Protocol { url: url.to_owned(), reason: reason.to_owned() }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|v| v.to_str().ok()).map(str::trim)
}

/// An etag without the marks around it.
fn bare_etag(etag: &str) -> &str {
    etag.trim_start_matches("W/").trim_matches('"')
}
