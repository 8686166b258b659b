//! What a download tells while it runs.

/// One file of a download, as planned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planned {
    /// Its repository.
    pub repo: String,
    /// Its name in the repository.
    pub path: String,
    /// Bytes in all.
    pub size: u64,
    /// Bytes that are here already: none, some, or all.
    pub have: u64,
}

/// Is told how a download goes on, from several threads. Files are counted in the order of the requests.
pub trait DownloadProgress: Sync {
    /// What will be done, after the hub was asked and before the first byte.
    fn planned(&self, files: &[Planned]) {
        let _ = files;
    }

    /// The transfer of a file begins or goes on, with `have` bytes here. Also said when it must begin anew.
    fn at(&self, file: usize, have: u64) {
        let _ = (file, have);
    }

    /// More bytes of a file have arrived.
    fn advanced(&self, file: usize, bytes: u64) {
        let _ = (file, bytes);
    }

    /// It must wait: for another process, for a busy server, after a broken connection. No file while the hub is asked.
    fn waits(&self, file: Option<usize>, why: &str) {
        let _ = (file, why);
    }

    /// All bytes are here; their hash is being checked.
    fn checks(&self, file: usize) {
        let _ = file;
    }

    /// A file is here, whole.
    fn ends(&self, file: usize) {
        let _ = file;
    }
}

/// Says nothing.
impl DownloadProgress for () {}
