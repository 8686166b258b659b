//! Requests: one hop at a time, the token for the hub alone, faults told apart.

use super::retry::{Cause, Fault};
use super::{DEFAULT_ENDPOINT, HubConfig, HubError};
use std::time::Duration;
use ureq::http::header::{ACCEPT_ENCODING, AUTHORIZATION, HeaderMap, HeaderValue, LOCATION, RANGE, RETRY_AFTER};
use ureq::http::{Method, Request, Response, Uri};
use ureq::{Agent, Body};

/// Redirects that are followed.
const MOST_REDIRECTS: usize = 10;

/// What a request is about, for messages.
#[derive(Clone, Copy, Debug)]
pub(super) struct About<'a> {
    pub repo: &'a str,
    pub revision: &'a str,
    pub path: Option<&'a str>,
}

/// How far redirects are followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Follow {
    /// Within the hub: the answer that leads away from it is the one with the file's facts.
    Hub,
    /// To whoever holds the bytes.
    Anywhere,
}

#[derive(Debug)]
pub(super) struct Client {
    agent: Agent,
    endpoint: Uri,
    authorization: Option<HeaderValue>,
}

impl Client {
    pub(super) fn new(config: &HubConfig) -> Result<Self, HubError> {
        let endpoint: Uri = config
            .endpoint
            .parse()
            .ok()
            .filter(|uri| origin(uri).is_some())
            .ok_or_else(|| HubError::Endpoint { endpoint: config.endpoint.clone() })?;
        let authorization = match &config.token {
            Some(token) => {
                let mut value =
                    HeaderValue::from_str(&format!("Bearer {}", token.secret())).map_err(|_| HubError::Token)?;
                value.set_sensitive(true);
                Some(value)
            }
            None => None,
        };
        let mut agent = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .user_agent(concat!("infomax/", env!("CARGO_PKG_VERSION")))
            .timeout_resolve(Some(config.answer_timeout))
            .timeout_connect(Some(config.answer_timeout))
            .timeout_recv_response(Some(config.answer_timeout))
            .timeout_per_read(Some(config.read_timeout));
        // A hub on this machine is not behind the proxy that leads out of it.
        if endpoint.host().is_some_and(is_loopback) {
            agent = agent.proxy(None);
        }
        Ok(Self { agent: agent.build().new_agent(), endpoint, authorization })
    }

    /// Sends a request and follows redirects; the answer is a success, a redirect that was not to be followed, or 416.
    /// Also says where the answer came from.
    pub(super) fn send(
        &self,
        method: &Method,
        url: &Uri,
        from: Option<u64>,
        follow: Follow,
        about: About<'_>,
    ) -> Result<(Response<Body>, Uri), Fault> {
        let mut at = url.clone();
        for _ in 0..=MOST_REDIRECTS {
            let answer = self.hop(method, &at, from)?;
            if !answer.status().is_redirection() {
                return Ok((self.checked(answer, &at, about)?, at));
            }
            let protocol = |reason: &str| HubError::Protocol { url: at.to_string(), reason: reason.to_owned() };
            let location = answer.headers().get(LOCATION).and_then(|v| v.to_str().ok());
            let location = location.ok_or_else(|| protocol("a redirect without a place"))?;
            let next = resolve(&at, location).ok_or_else(|| protocol("a redirect to no http address"))?;
            if follow == Follow::Hub && origin(&next) != origin(&at) && !self.is_hub(&next) {
                return Ok((answer, at));
            }
            at = next;
        }
        Err(HubError::Redirects { url: url.to_string() }.into())
    }

    fn hop(&self, method: &Method, url: &Uri, from: Option<u64>) -> Result<Response<Body>, Fault> {
        // Compressed answers would have other lengths than the file.
        let mut request = Request::builder().method(method).uri(url).header(ACCEPT_ENCODING, "identity");
        if let Some(from) = from {
            request = request.header(RANGE, format!("bytes={from}-"));
        }
        if let Some(value) = self.authorization.as_ref().filter(|_| self.is_hub(url)) {
            request = request.header(AUTHORIZATION, value);
        }
        let protocol = |reason: String| Fault::Lasting(HubError::Protocol { url: url.to_string(), reason });
        let request = request.body(()).map_err(|e| protocol(e.to_string()))?;
        self.agent.run(request).map_err(|error| match error {
            ureq::Error::Io(_)
            | ureq::Error::Timeout(_)
            | ureq::Error::HostNotFound
            | ureq::Error::ConnectionFailed
            | ureq::Error::ConnectProxyFailed(_)
            | ureq::Error::BodyStalled => Fault::network(host_of(url), network_reason(&error)),
            other => protocol(other.to_string()),
        })
    }

    /// Turns statuses that are failures into faults.
    fn checked(&self, answer: Response<Body>, at: &Uri, about: About<'_>) -> Result<Response<Body>, Fault> {
        let status = answer.status().as_u16();
        let hub = self.is_hub(at);
        Err(match status {
            200..=299 | 416 => return Ok(answer),
            408 | 425 | 429 | 500..=599 => passing(at, status, asked_wait(answer.headers())),
            401 | 403 if hub => self.denied(status, about).into(),
            // The address of the bytes is signed for a short time; the next attempt asks the hub for a new one.
            401 | 403 => passing(at, status, None),
            404 | 410 if hub => self.not_found(answer.headers(), about).into(),
            _ => HubError::Status { url: at.to_string(), status }.into(),
        })
    }

    fn denied(&self, status: u16, about: About<'_>) -> HubError {
        let page = format!("{}/datasets/{}", self.address(), about.repo);
        let way_out = if self.authorization.is_none() {
            format!(
                "log in with `hf auth login` or set HF_TOKEN, and accept the data set's terms at {page} if it has any; \
                 a name that does not exist is answered in the same way"
            )
        } else {
            format!("the token was sent; check that HF_TOKEN is valid, and accept the data set's terms at {page}")
        };
        HubError::Denied { repo: about.repo.to_owned(), status, way_out }
    }

    fn not_found(&self, headers: &HeaderMap, about: About<'_>) -> HubError {
        let About { repo, revision, path } = about;
        let code = headers.get("x-error-code").and_then(|v| v.to_str().ok()).unwrap_or_default();
        let what = match (code, path) {
            ("RevisionNotFound", _) => format!("revision {revision} of {repo}"),
            ("RepoNotFound", _) => format!("data set {repo}"),
            (_, None) => format!("data set {repo} with a revision {revision}"),
            (_, Some(path)) => format!("file {path} in {repo} at {revision}"),
        };
        HubError::NotFound { endpoint: self.address(), what }
    }

    fn address(&self) -> String {
        self.endpoint.to_string().trim_end_matches('/').to_owned()
    }

    /// Whether `url` is the hub's own, which may see the token.
    fn is_hub(&self, url: &Uri) -> bool {
        origin(url) == origin(&self.endpoint)
    }
}

fn passing(at: &Uri, status: u16, wait: Option<Duration>) -> Fault {
    Fault::Passing { host: host_of(at), cause: Cause::Status(status), wait }
}

/// `Retry-After` in seconds, or the time until a quota is renewed (`RateLimit: "api";r=0;t=55`).
fn asked_wait(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: &str| headers.get(name).and_then(|v| v.to_str().ok());
    let after = text(RETRY_AFTER.as_str()).and_then(|v| v.trim().parse().ok());
    let renewed = || {
        let parts: Vec<&str> = text("ratelimit")?.split(';').map(str::trim).collect();
        let value = |key: &str| parts.iter().find_map(|p| p.strip_prefix(key)).and_then(|v| v.parse::<u64>().ok());
        if value("r=") == Some(0) { value("t=") } else { None }
    };
    after.or_else(renewed).map(Duration::from_secs)
}

/// What happened on the network, without the library's own words around it.
pub(super) fn network_reason(error: &ureq::Error) -> String {
    match error {
        ureq::Error::Io(e) => e.to_string(),
        ureq::Error::HostNotFound => "no such host".to_owned(),
        ureq::Error::Timeout(_) => "no answer in time".to_owned(),
        other => other.to_string(),
    }
}

/// `host` or `host:port`.
pub(super) fn host_of(url: &Uri) -> String {
    url.authority().map_or_else(|| DEFAULT_ENDPOINT.to_owned(), |a| a.as_str().to_owned())
}

fn is_loopback(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// Scheme, host and port; two addresses of the same origin belong to the same server. None if it is no http address.
fn origin(url: &Uri) -> Option<(String, String, u16)> {
    let scheme = url.scheme_str()?;
    let default = match scheme {
        "http" => 80,
        "https" => 443,
        _ => return None,
    };
    Some((scheme.to_owned(), url.host()?.to_ascii_lowercase(), url.port_u16().unwrap_or(default)))
}

/// The address that `location` means in an answer from `base`; only http and https.
fn resolve(base: &Uri, location: &str) -> Option<Uri> {
    let (scheme, authority) = (base.scheme_str()?, base.authority()?);
    let text = if location.starts_with("//") {
        format!("{scheme}:{location}")
    } else if location.starts_with('/') {
        format!("{scheme}://{authority}{location}")
    } else if location.contains("://") {
        location.to_owned()
    } else {
        let folder = base.path().rsplit_once('/').map_or("", |(folder, _)| folder);
        format!("{scheme}://{authority}{folder}/{location}")
    };
    text.parse().ok().filter(|uri| origin(uri).is_some())
}

/// Percent-encodes what a path in an address may not hold; slashes stay.
pub(super) fn encode(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirects_are_resolved_as_browsers_do() {
        let base: Uri = "https://hub.co/datasets/a/b?x=1".parse().unwrap();
        for (location, expected) in [
            ("/c/d", "https://hub.co/c/d"),
            ("c", "https://hub.co/datasets/a/c"),
            ("//cdn.co/x?s=1", "https://cdn.co/x?s=1"),
            ("http://cdn.co:81/x", "http://cdn.co:81/x"),
        ] {
            assert_eq!(resolve(&base, location).unwrap().to_string(), expected);
        }
        assert!(resolve(&base, "file:///etc/passwd").is_none());
    }

    #[test]
    fn the_token_is_for_one_origin() {
        let config = HubConfig { endpoint: "http://127.0.0.1:8000".into(), ..HubConfig::new("x") };
        let client = Client::new(&config).unwrap();
        for (url, same) in [
            ("http://127.0.0.1:8000/x", true),
            ("http://127.0.0.1:8001/x", false),
            ("https://127.0.0.1:8000/x", false),
            ("http://localhost:8000/x", false),
        ] {
            assert_eq!(client.is_hub(&url.parse().unwrap()), same, "{url}");
        }
        for endpoint in ["", "huggingface.co", "ftp://hub.co", "https://"] {
            let config = HubConfig { endpoint: endpoint.into(), ..HubConfig::new("x") };
            assert!(matches!(Client::new(&config), Err(HubError::Endpoint { .. })), "{endpoint}");
        }
    }

    #[test]
    fn names_are_encoded_and_waits_read() {
        assert_eq!(encode("a b/c#1%é.parquet"), "a%20b/c%231%25%C3%A9.parquet");
        let wait = |name: &'static str, value: &'static str| {
            asked_wait(&HeaderMap::from_iter([(
                ureq::http::HeaderName::from_static(name),
                HeaderValue::from_static(value),
            )]))
        };
        assert_eq!(wait("retry-after", "7"), Some(Duration::from_secs(7)));
        assert_eq!(wait("retry-after", "Wed, 21 Oct 2015 07:28:00 GMT"), None);
        assert_eq!(wait("ratelimit", "\"api\";r=0;t=55"), Some(Duration::from_secs(55)));
        assert_eq!(wait("ratelimit", "\"api\";r=3;t=55"), None);
    }
}
