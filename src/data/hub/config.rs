//! Where the hub is, where its files are kept here, and how patient we are.

use super::HubError;
use hf_hub::Cache;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Where the hub is when nothing else is said.
pub const DEFAULT_ENDPOINT: &str = "https://huggingface.co";

/// A secret that proves who asks; its value is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// Takes the token as the hub gave it, without the space around it; nothing if nothing is left.
    pub fn new(text: &str) -> Option<Self> {
        let text = text.trim();
        (!text.is_empty()).then(|| Self(text.to_owned()))
    }

    pub(super) fn secret(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(not shown)")
    }
}

/// Settings of a [`Hub`](super::Hub).
#[derive(Clone, Debug)]
pub struct HubConfig {
    /// Address of the hub, without a slash at its end.
    pub endpoint: String,
    /// Folder of the hub's cache, which holds `datasets--org--name` folders.
    pub cache: PathBuf,
    /// Sent to the endpoint and to no other host.
    pub token: Option<Token>,
    /// Make no request; use what the cache holds.
    pub offline: bool,
    /// Download also what is already there, from the beginning.
    pub force: bool,
    /// Files that are transferred at once, at least 1.
    pub jobs: usize,
    /// Attempts in a row that may fail without a byte of progress, at least 1.
    pub attempts: u32,
    /// Wait after the first failed attempt; it doubles with each further one, shortened by up to a half at random.
    pub first_wait: Duration,
    /// Longest wait between two attempts, also when the server asks for a longer one.
    pub longest_wait: Duration,
    /// Time that a connection and an answer's headers may take.
    pub answer_timeout: Duration,
    /// Time without a byte after which a transfer counts as cut.
    pub read_timeout: Duration,
}

impl HubConfig {
    /// The hub at [`DEFAULT_ENDPOINT`], without a token, with this cache folder.
    pub fn new(cache: impl Into<PathBuf>) -> Self {
        Self {
            endpoint: DEFAULT_ENDPOINT.to_owned(),
            cache: cache.into(),
            token: None,
            offline: false,
            force: false,
            jobs: 4,
            attempts: 5,
            first_wait: Duration::from_secs(1),
            longest_wait: Duration::from_secs(120),
            answer_timeout: Duration::from_secs(10),
            read_timeout: Duration::from_secs(10),
        }
    }

    /// Reads `HF_ENDPOINT`, `HF_HOME`, `HF_HUB_CACHE`, `HF_TOKEN`, `HF_TOKEN_PATH`, `HF_HUB_OFFLINE`,
    /// `HF_HUB_DISABLE_IMPLICIT_TOKEN`, `HF_HUB_ETAG_TIMEOUT`, `HF_HUB_DOWNLOAD_TIMEOUT` and `XDG_CACHE_HOME` as
    /// Python's `huggingface_hub` does, so that both use the same files. Empty variables count as unset.
    ///
    /// # Errors
    /// When neither a variable nor the user's home folder says where the cache is.
    pub fn from_env() -> Result<Self, HubError> {
        Self::from_vars(|name| std::env::var_os(name), std::env::home_dir())
    }

    /// The same from other variables.
    ///
    /// # Errors
    /// As [`Self::from_env`].
    pub fn from_vars(var: impl Fn(&str) -> Option<OsString>, home: Option<PathBuf>) -> Result<Self, HubError> {
        let home = home.filter(|h| !h.as_os_str().is_empty());
        let var = |name: &str| var(name).filter(|v| !v.is_empty());
        let path = |name: &str| var(name).map(|v| expand_user(PathBuf::from(v), home.as_deref()));
        let text = |name: &str| var(name).and_then(|v| v.into_string().ok());
        let is_true = |name: &str| {
            text(name).is_some_and(|v| ["1", "true", "yes", "on"].contains(&v.to_ascii_lowercase().as_str()))
        };
        let seconds = |name: &str| text(name).and_then(|v| v.trim().parse().ok()).filter(|&s| s > 0);

        let hf_home = path("HF_HOME").or_else(|| {
            let caches = path("XDG_CACHE_HOME").or_else(|| home.as_ref().map(|h| h.join(".cache")));
            caches.map(|c| c.join("huggingface"))
        });
        let cache = path("HF_HUB_CACHE").or_else(|| path("HUGGINGFACE_HUB_CACHE"));
        let cache = cache.or_else(|| hf_home.as_ref().map(|h| h.join("hub"))).ok_or(HubError::NoHome)?;
        let token = || {
            let named = text("HF_TOKEN").or_else(|| text("HUGGING_FACE_HUB_TOKEN"));
            named.as_deref().and_then(Token::new).or_else(|| {
                let kept = match path("HF_TOKEN_PATH") {
                    Some(file) => std::fs::read_to_string(file).ok(),
                    // The file that logging in writes lies beside the default cache folder.
                    None => hf_home.as_ref().and_then(|h| Cache::new(h.join("hub")).token()),
                };
                kept.as_deref().and_then(Token::new)
            })
        };
        let mut config = Self::new(cache);
        config.token = if is_true("HF_HUB_DISABLE_IMPLICIT_TOKEN") { None } else { token() };
        config.offline = is_true("HF_HUB_OFFLINE");
        if let Some(endpoint) = text("HF_ENDPOINT") {
            endpoint.trim_end_matches('/').clone_into(&mut config.endpoint);
        }
        if let Some(s) = seconds("HF_HUB_ETAG_TIMEOUT") {
            config.answer_timeout = Duration::from_secs(s);
        }
        if let Some(s) = seconds("HF_HUB_DOWNLOAD_TIMEOUT") {
            config.read_timeout = Duration::from_secs(s);
        }
        Ok(config)
    }
}

/// `~` and `~/…` from the home folder, as Python expands them.
fn expand_user(path: PathBuf, home: Option<&Path>) -> PathBuf {
    match (path.strip_prefix("~"), home) {
        (Ok(rest), Some(home)) => home.join(rest),
        _ => path,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(vars: &[(&str, &str)]) -> HubConfig {
        let find = |name: &str| vars.iter().find(|(n, _)| *n == name).map(|(_, v)| OsString::from(v));
        HubConfig::from_vars(find, Some(PathBuf::from("/home/x"))).unwrap()
    }

    #[test]
    fn variables_count_as_in_python() {
        let plain = config(&[]);
        assert_eq!(plain.cache, Path::new("/home/x/.cache/huggingface/hub"));
        assert_eq!((plain.endpoint.as_str(), plain.token, plain.offline), (DEFAULT_ENDPOINT, None, false));
        assert_eq!(config(&[("XDG_CACHE_HOME", "/c")]).cache, Path::new("/c/huggingface/hub"));
        assert_eq!(config(&[("XDG_CACHE_HOME", "/c"), ("HF_HOME", "~/hf")]).cache, Path::new("/home/x/hf/hub"));
        assert_eq!(config(&[("HF_HOME", "/h"), ("HF_HUB_CACHE", "/k")]).cache, Path::new("/k"));
        assert_eq!(config(&[("HF_HOME", "/h"), ("HF_HUB_CACHE", "")]).cache, Path::new("/h/hub"));
        assert_eq!(config(&[("HF_ENDPOINT", "http://a:1/")]).endpoint, "http://a:1");
        for (value, offline) in [("1", true), ("True", true), ("yes", true), ("ON", true), ("0", false), ("", false)] {
            assert_eq!(config(&[("HF_HUB_OFFLINE", value)]).offline, offline, "{value}");
        }
        assert_eq!(config(&[("HF_HUB_DOWNLOAD_TIMEOUT", "3")]).read_timeout, Duration::from_secs(3));
        assert!(matches!(HubConfig::from_vars(|_| None, None), Err(HubError::NoHome)));
    }

    #[test]
    fn the_token_is_found_and_not_shown() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("token"), "hf_kept\n").unwrap();
        std::fs::write(folder.path().join("other"), "hf_other").unwrap();
        let (home, other) = (folder.path().to_str().unwrap(), folder.path().join("other"));
        let token = |vars: &[(&str, &str)]| config(vars).token;
        assert_eq!(token(&[("HF_HOME", home)]), Token::new("hf_kept"));
        assert_eq!(token(&[("HF_HOME", home), ("HF_TOKEN_PATH", other.to_str().unwrap())]), Token::new("hf_other"));
        assert_eq!(token(&[("HF_HOME", home), ("HF_TOKEN", " hf_named ")]), Token::new("hf_named"));
        assert_eq!(token(&[("HF_HOME", home), ("HF_HUB_DISABLE_IMPLICIT_TOKEN", "1")]), None);
        assert!(!format!("{:?}", config(&[("HF_TOKEN", "hf_named")])).contains("hf_named"));
    }
}
