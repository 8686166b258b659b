//! As much of HTTP as a hub on loopback needs: one question and one answer a connection.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;

/// A question.
pub struct Query {
    pub head: bool,
    pub path: String,
    pub parameters: String,
    pub headers: HashMap<String, String>,
}

impl Query {
    pub fn read(stream: &TcpStream) -> std::io::Result<Option<Self>> {
        let mut lines = BufReader::new(stream.take(1 << 16)).lines();
        let Some(first) = lines.next().transpose()? else { return Ok(None) };
        let mut words = first.split(' ');
        let (Some(method), Some(target)) = (words.next(), words.next()) else { return Ok(None) };
        let (path, parameters) = target.split_once('?').unwrap_or((target, ""));
        let mut query = Self {
            head: method == "HEAD",
            path: path.to_owned(),
            parameters: parameters.to_owned(),
            headers: HashMap::new(),
        };
        for line in lines {
            let line = line?;
            let Some((name, value)) = line.split_once(':') else { break };
            query.headers.insert(name.trim().to_ascii_lowercase(), value.trim().to_owned());
        }
        Ok(Some(query))
    }

    pub fn range(&self) -> Option<(&str, &str)> {
        self.headers.get("range")?.strip_prefix("bytes=")?.split_once('-')
    }

    pub fn from(&self) -> Option<u64> {
        self.range()?.0.parse().ok()
    }

    pub fn to(&self) -> Option<u64> {
        self.range()?.1.parse().ok()
    }
}

/// The part of an answer before its body.
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn new(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Vec::new() }
    }

    pub fn with(mut self, name: &str, value: impl ToString) -> Self {
        self.headers.push((name.to_owned(), value.to_string()));
        self
    }

    pub fn error(status: u16, code: &str) -> Self {
        Self::new(status).with("X-Error-Code", code).with("X-Error-Message", code)
    }

    pub fn send_head(&self, stream: &mut TcpStream, length: usize) -> std::io::Result<()> {
        let mut text = format!("HTTP/1.1 {} -\r\nConnection: close\r\nContent-Length: {length}\r\n", self.status);
        for (name, value) in &self.headers {
            let _ = write!(text, "{name}: {value}\r\n");
        }
        text.push_str("\r\n");
        stream.write_all(text.as_bytes())
    }
}

pub fn decode(text: &str) -> String {
    let (mut out, mut bytes) = (Vec::new(), text.bytes());
    while let Some(byte) = bytes.next() {
        let code = if byte == b'%' { bytes.next().zip(bytes.next()) } else { None };
        let digit = |b: u8| char::from(b).to_digit(16);
        out.push(match code.and_then(|(a, b)| Some(digit(a)? * 16 + digit(b)?)) {
            Some(value) => value as u8,
            None => byte,
        });
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// The files under a folder, sorted, with `/` between folders.
pub fn names(folder: &Path) -> Vec<String> {
    let (mut found, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(at) = folders.pop() {
        for entry in std::fs::read_dir(at).expect("the served folder is readable").flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if let Ok(name) = path.strip_prefix(folder) {
                found.push(name.to_string_lossy().replace('\\', "/"));
            }
        }
    }
    found.sort();
    found
}

/// Bytes as hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
