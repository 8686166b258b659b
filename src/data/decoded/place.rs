//! Where infomax keeps what it can make again.

use std::ffi::OsString;
use std::path::PathBuf;

/// `INFOMAX_HOME`, or `infomax` in the system's folder for caches. Empty variables count as unset, and so do relative
/// paths where the XDG specification says so.
pub(super) fn home(var: impl Fn(&str) -> Option<OsString>, user: Option<PathBuf>) -> Option<PathBuf> {
    let path = |name: &str| var(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    if let Some(home) = path("INFOMAX_HOME") {
        return Some(home);
    }
    let user = user.filter(|u| !u.as_os_str().is_empty());
    let caches = if cfg!(windows) {
        path("LOCALAPPDATA").or_else(|| user.map(|u| u.join("AppData").join("Local")))
    } else if cfg!(target_os = "macos") {
        user.map(|u| u.join("Library").join("Caches"))
    } else {
        path("XDG_CACHE_HOME").filter(|p| p.is_absolute()).or_else(|| user.map(|u| u.join(".cache")))
    };
    caches.map(|c| c.join("infomax"))
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn the_users_word_counts_first() {
        let found = |vars: &[(&str, &str)], user: Option<&str>| {
            let find = |name: &str| vars.iter().find(|(n, _)| *n == name).map(|(_, v)| OsString::from(v));
            home(find, user.map(PathBuf::from))
        };
        let (xdg, user) = (("XDG_CACHE_HOME", "/c"), Some("/home/x"));
        assert_eq!(found(&[("INFOMAX_HOME", "/i"), xdg], user).as_deref(), Some(Path::new("/i")));
        assert_eq!(found(&[xdg], user).as_deref(), Some(Path::new("/c/infomax")));
        for vars in [[("XDG_CACHE_HOME", "")], [("XDG_CACHE_HOME", "here")], [("INFOMAX_HOME", "")]] {
            assert_eq!(found(&vars, user).as_deref(), Some(Path::new("/home/x/.cache/infomax")), "{vars:?}");
        }
        assert_eq!(found(&[], None), None);
        assert_eq!(found(&[], Some("")), None);
    }
}
