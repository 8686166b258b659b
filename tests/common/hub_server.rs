//! A hub on loopback: serves a folder of `datasets/<org>/<name>/<path>` as the Hugging Face hub does, the bytes of large
//! files from a second host, and fails on command.

#[path = "hub_http.rs"]
mod hub_http;

use hub_http::{Answer, Query, decode, hex, names};
use sha1::Sha1;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::io::Write;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::Duration;

/// Which question is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The listing of a repository.
    Info,
    /// A file's headers, from the hub.
    Head,
    /// A file, from the hub.
    Get,
    /// A file's bytes, from the second host.
    Blob,
}

/// What goes wrong with one answer.
#[derive(Clone, Debug)]
pub enum Fault {
    /// A status with headers.
    Status(u16, Vec<(&'static str, String)>),
    /// The connection is closed without an answer.
    Close,
    /// The connection is closed before this byte of the file.
    Cut(u64),
    /// The file has so many bytes here.
    Length(u64),
    /// The bit of this byte is flipped.
    Flip(u64),
    /// The whole file, whatever part was asked for.
    Whole,
    /// Another part than was asked for.
    OtherPart,
    /// So many bytes at a time, with a pause after each.
    Pace(usize, Duration),
}

/// One request, as seen.
#[derive(Clone, Debug)]
pub struct Seen {
    pub stage: Stage,
    pub authorization: Option<String>,
    /// First byte asked for.
    pub from: Option<u64>,
    /// Bytes of the file in the answer.
    pub bytes: u64,
}

#[derive(Clone)]
struct Facts {
    size: u64,
    git: String,
    sha256: String,
}

#[derive(Default)]
struct State {
    faults: Vec<(Stage, usize, Fault)>,
    seen: Vec<Seen>,
    token: Option<String>,
    extra: Vec<String>,
    also: Vec<String>,
    facts: HashMap<PathBuf, Facts>,
}

struct Shared {
    root: PathBuf,
    addresses: [SocketAddr; 2],
    closing: AtomicBool,
    state: Mutex<State>,
}

/// The two hosts; they end when it is dropped.
pub struct HubServer {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

impl HubServer {
    /// Serves `root`, which holds `datasets/`.
    pub fn start(root: impl Into<PathBuf>) -> Self {
        let listeners = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").expect("a free port"));
        let addresses = [0, 1].map(|i| listeners[i].local_addr().expect("an address"));
        let (root, closing) = (root.into(), AtomicBool::new(false));
        let shared = Arc::new(Shared { root, addresses, closing, state: Mutex::default() });
        let threads = listeners
            .into_iter()
            .enumerate()
            .map(|(host, listener)| {
                let shared = Arc::clone(&shared);
                std::thread::spawn(move || {
                    for stream in listener.incoming().flatten() {
                        if shared.closing.load(Ordering::SeqCst) {
                            break;
                        }
                        let shared = Arc::clone(&shared);
                        // What the client does to the connection is its own business.
                        std::thread::spawn(move || {
                            let _ = shared.serve(host == 1, stream);
                        });
                    }
                })
            })
            .collect();
        Self { shared, threads }
    }

    /// The address for `HF_ENDPOINT`.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.shared.addresses[0])
    }

    /// The next `times` requests of this stage fail so; several faults of one stage follow each other.
    pub fn fault(&self, stage: Stage, times: usize, fault: Fault) {
        self.shared.state().faults.push((stage, times, fault));
    }

    /// Forgets the faults that have not happened, and the requests seen.
    pub fn reset(&self) {
        let mut state = self.shared.state();
        state.faults.clear();
        state.seen.clear();
    }

    /// Asks for this token from now on.
    pub fn require(&self, token: &str) {
        self.shared.state().token = Some(token.to_owned());
    }

    /// Gives out the same files as this commit, too.
    pub fn also_at(&self, commit: &str) {
        self.shared.state().also.push(commit.to_owned());
    }

    /// Lists a file that is not there.
    pub fn list_also(&self, name: &str) {
        self.shared.state().extra.push(name.to_owned());
    }

    /// The requests so far.
    pub fn seen(&self) -> Vec<Seen> {
        self.shared.state().seen.clone()
    }

    /// The requests of a stage.
    pub fn seen_of(&self, stage: Stage) -> Vec<Seen> {
        self.seen().into_iter().filter(|s| s.stage == stage).collect()
    }

    /// The commit that `main` of a data set is at.
    pub fn commit(&self, repo: &str) -> String {
        self.shared.commit(repo)
    }
}

impl Drop for HubServer {
    fn drop(&mut self) {
        self.shared.closing.store(true, Ordering::SeqCst);
        for address in self.shared.addresses {
            let _ = TcpStream::connect(address);
        }
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no thread of the server panics")
    }

    /// The fault for this request, if one is due.
    fn due(&self, stage: Stage) -> Option<Fault> {
        let mut state = self.state();
        let (_, left, fault) = state.faults.iter_mut().find(|(s, left, _)| *s == stage && *left > 0)?;
        *left -= 1;
        Some(fault.clone())
    }

    fn serve(&self, second: bool, mut stream: TcpStream) -> std::io::Result<()> {
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        stream.set_nodelay(true)?;
        let Some(query) = Query::read(&stream)? else { return Ok(()) };
        let stage = match (second, query.head) {
            (true, _) => Stage::Blob,
            _ if query.path.starts_with("/api/") => Stage::Info,
            (false, true) => Stage::Head,
            (false, false) => Stage::Get,
        };
        let fault = self.due(stage);
        let authorization = query.headers.get("authorization").cloned();
        let mut seen = Seen { stage, authorization, from: query.from(), bytes: 0 };
        let token = self.state().token.clone();
        let refused = !second && token.is_some_and(|t| seen.authorization != Some(format!("Bearer {t}")));
        let answer = match &fault {
            Some(Fault::Close) => {
                self.state().seen.push(seen);
                return Ok(());
            }
            Some(Fault::Status(status, headers)) => {
                headers.iter().fold(Answer::new(*status), |answer, (name, value)| answer.with(name, value))
            }
            _ if refused => Answer::error(401, "GatedRepo"),
            _ if stage == Stage::Info => self.info(&query),
            _ => match self.file(&query, second, fault.as_ref()) {
                Ok((answer, first, content)) => {
                    let end = match fault {
                        Some(Fault::Cut(end)) => end.saturating_sub(first).min(content.len() as u64),
                        _ => content.len() as u64,
                    };
                    seen.bytes = if query.head { 0 } else { end };
                    self.state().seen.push(seen);
                    answer.send_head(&mut stream, content.len())?;
                    let content = &content[..end as usize];
                    let (part, pause) = match fault {
                        Some(Fault::Pace(part, pause)) => (part, pause),
                        _ => (1 << 16, Duration::ZERO),
                    };
                    for part in content.chunks(part).take(if query.head { 0 } else { usize::MAX }) {
                        stream.write_all(part)?;
                        std::thread::sleep(pause);
                    }
                    return Ok(());
                }
                Err(answer) => answer,
            },
        };
        self.state().seen.push(seen);
        answer.send_head(&mut stream, answer.body.len())?;
        if !query.head {
            stream.write_all(&answer.body)?;
        }
        Ok(())
    }

    /// A file from the hub or the second host: the answer's head, the first byte sent, and the bytes.
    fn file(&self, query: &Query, second: bool, fault: Option<&Fault>) -> Result<(Answer, u64, Vec<u8>), Answer> {
        let none = || Answer::error(404, "RepoNotFound");
        let rest = query.path.strip_prefix("/datasets/").ok_or_else(none)?;
        let (repo, rest) = rest.split_once("/resolve/").ok_or_else(none)?;
        let (revision, name) = rest.split_once('/').ok_or_else(none)?;
        let folder = self.folder(repo).ok_or_else(none)?;
        let commit = self.commit_of(repo, &decode(revision)).ok_or_else(|| Answer::error(404, "RevisionNotFound"))?;
        let name = decode(name);
        let file = folder.join(&name);
        if name.contains("..") || !file.is_file() {
            return Err(Answer::error(404, "EntryNotFound").with("X-Repo-Commit", commit));
        }
        let facts = self.facts(&file);
        let large = is_large(&name, facts.size);
        let mut head = Answer::new(200).with("Accept-Ranges", "bytes");
        if !second {
            head = head.with("X-Repo-Commit", &commit);
            if large {
                let place = format!("http://{}{}?signature=x", self.addresses[1], query.path);
                return Err(Answer { status: 302, ..head }
                    .with("Location", place)
                    .with("X-Linked-Etag", format!("\"{}\"", facts.sha256))
                    .with("X-Linked-Size", facts.size)
                    .with("ETag", "\"of-the-redirect\""));
            }
        }
        head =
            head.with("ETag", if large { "\"of-the-second-host\"".to_owned() } else { format!("\"{}\"", facts.git) });
        let mut content = std::fs::read(&file).expect("the served file is readable");
        match fault {
            Some(Fault::Length(n)) => content.resize(*n as usize, 7),
            Some(Fault::Flip(at)) => content[*at as usize] ^= 1,
            _ => {}
        }
        let size = content.len() as u64;
        match (query.from(), fault) {
            (None, _) | (_, Some(Fault::Whole)) => Ok((head, 0, content)),
            (Some(from), _) if from >= size => Err(Answer::new(416).with("Content-Range", format!("bytes */{size}"))),
            (Some(from), fault) => {
                let from = if matches!(fault, Some(Fault::OtherPart)) { from / 2 } else { from };
                let to = query.to().unwrap_or(u64::MAX).min(size - 1);
                let range = format!("bytes {from}-{to}/{size}");
                let part = content[from as usize..=to as usize].to_vec();
                Ok((Answer { status: 206, ..head }.with("Content-Range", range), from, part))
            }
        }
    }

    /// `/api/datasets/<org>/<name>[/revision/<revision>]` and `/api/datasets/<org>/<name>/tree/<revision>`.
    fn info(&self, query: &Query) -> Answer {
        let rest = query.path.trim_start_matches("/api/datasets/");
        let (repo, tree, revision) = match (rest.split_once("/revision/"), rest.split_once("/tree/")) {
            (Some((repo, revision)), _) => (repo, false, revision),
            (_, Some((repo, revision))) => (repo, true, revision),
            _ => (rest, false, "main"),
        };
        let Some(folder) = self.folder(repo) else { return Answer::error(404, "RepoNotFound") };
        let Some(commit) = self.commit_of(repo, &decode(revision)) else {
            return Answer::error(404, "RevisionNotFound");
        };
        let blobs = query.parameters.to_ascii_lowercase().contains("blobs=true");
        let mut files: Vec<serde_json::Value> = names(&folder)
            .iter()
            .map(|name| {
                let facts = self.facts(&folder.join(name));
                let large = is_large(name, facts.size);
                if tree {
                    let lfs = serde_json::json!({ "oid": facts.sha256, "size": facts.size, "pointerSize": 130 });
                    let mut file = serde_json::json!({
                        "type": "file", "path": name, "size": facts.size, "oid": facts.git,
                    });
                    if large {
                        file["lfs"] = lfs;
                    }
                    return file;
                }
                let mut file = serde_json::json!({ "rfilename": name });
                if blobs {
                    (file["size"], file["blobId"]) = (facts.size.into(), facts.git.clone().into());
                    if large {
                        file["lfs"] = serde_json::json!({ "sha256": facts.sha256, "size": facts.size });
                    }
                }
                file
            })
            .collect();
        files.extend(self.state().extra.iter().map(|name| serde_json::json!({ "rfilename": name })));
        let body = if tree {
            serde_json::Value::Array(files)
        } else {
            serde_json::json!({
                "_id": "0", "id": repo, "sha": commit, "private": false, "gated": false, "disabled": false,
                "downloads": 0, "likes": 0, "tags": [], "siblings": files,
            })
        };
        let mut answer = Answer::new(200).with("Content-Type", "application/json").with("X-Repo-Commit", commit);
        answer.body = body.to_string().into_bytes();
        answer
    }

    fn folder(&self, repo: &str) -> Option<PathBuf> {
        let folder = self.root.join("datasets").join(repo);
        (!repo.contains("..") && repo.split('/').count() == 2 && folder.is_dir()).then_some(folder)
    }

    /// The commit that a revision is at.
    fn commit_of(&self, repo: &str, revision: &str) -> Option<String> {
        if self.state().also.iter().any(|commit| commit == revision) {
            return Some(revision.to_owned());
        }
        let commit = self.commit(repo);
        [commit.as_str(), "main"].contains(&revision).then_some(commit)
    }

    /// A commit that changes with names and contents.
    fn commit(&self, repo: &str) -> String {
        let folder = self.root.join("datasets").join(repo);
        let mut hash = Sha1::new();
        for name in names(&folder) {
            hash.update(format!("{name} {}\n", self.facts(&folder.join(&name)).git));
        }
        hex(&hash.finalize())
    }

    fn facts(&self, file: &Path) -> Facts {
        if let Some(facts) = self.state().facts.get(file) {
            return facts.clone();
        }
        let content = std::fs::read(file).expect("the served file is readable");
        let mut git = Sha1::new_with_prefix(format!("blob {}\0", content.len()));
        git.update(&content);
        let facts =
            Facts { size: content.len() as u64, git: hex(&git.finalize()), sha256: hex(&Sha256::digest(&content)) };
        self.state().facts.insert(file.to_owned(), facts.clone());
        facts
    }
}

/// Whether a file is stored apart from git.
fn is_large(name: &str, size: u64) -> bool {
    name.ends_with(".parquet") || size > 1_000_000
}
