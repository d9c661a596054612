//! The log: what was received, when, and what answered it.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use hyper::header::HeaderMap;
use hyper::http::request::Parts;
use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// A body up to this many bytes is kept in the log as text; a longer one only by its hash.
const MAX_LOGGED_BODY_BYTES: usize = 4096;

/// The requests in the order in which they were answered, in memory and in a file if there is one.
#[derive(Debug)]
pub struct Log {
    start: Instant,
    entries: Vec<Entry>,
    file: Option<File>,
}

/// One request.
#[derive(Debug, Serialize)]
pub struct Entry {
    /// When the request had arrived whole: since the start of the server, monotonic.
    at_ms: u64,
    /// The same as UTC, since 1970.
    utc_ms: u64,
    method: String,
    /// As it was requested, with the run key.
    path: String,
    query: Option<String>,
    headers: BTreeMap<String, Lines>,
    body_bytes: usize,
    body_sha256: String,
    body: Option<String>,
    /// What answered: `steps[0]`, …, `then`, `preflight` or `unknown_path`.
    step: String,
}

/// The values of a header, written as in a scenario: a list only where the line was repeated.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Lines {
    One(String),
    Many(Vec<String>),
}

impl Log {
    /// A log that only `entries` can be asked for.
    pub fn in_memory() -> Self {
        Self {
            start: Instant::now(),
            entries: Vec::new(),
            file: None,
        }
    }

    /// A log that also appends each entry to a file, as a line of JSON.
    pub fn appending_to(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().append(true).create(true).open(path)?;
        Ok(Self {
            file: Some(file),
            ..Self::in_memory()
        })
    }

    /// Adds a request that has arrived just now.
    pub fn add(&mut self, request: &Parts, body: &[u8], step: String) {
        let now = SystemTime::now();
        let entry = Entry {
            at_ms: whole_ms(self.start.elapsed().as_millis()),
            utc_ms: whole_ms(
                now.duration_since(UNIX_EPOCH)
                    .unwrap_or_default()
                    .as_millis(),
            ),
            method: request.method.to_string(),
            path: request.uri.path().to_owned(),
            query: request.uri.query().map(str::to_owned),
            headers: lines_by_name(&request.headers),
            body_bytes: body.len(),
            body_sha256: hex(&Sha256::digest(body)),
            body: readable(body),
            step,
        };
        if let Some(file) = &mut self.file
            && let Err(error) = append(file, &entry)
        {
            eprintln!("holdoff-faults: the log file cannot be written: {error}");
        }
        self.entries.push(entry);
    }

    /// All entries, or those of one path, as a JSON array.
    pub fn to_json(&self, path: Option<&str>) -> serde_json::Result<Value> {
        let chosen = |entry: &&Entry| path.is_none_or(|path| entry.path == path);
        serde_json::to_value(self.entries.iter().filter(chosen).collect::<Vec<_>>())
    }
}

fn append(file: &mut File, entry: &Entry) -> io::Result<()> {
    let mut line = serde_json::to_vec(entry)?;
    line.push(b'\n');
    file.write_all(&line)
}

fn whole_ms(ms: u128) -> u64 {
    u64::try_from(ms).unwrap_or(u64::MAX)
}

fn lines_by_name(headers: &HeaderMap) -> BTreeMap<String, Lines> {
    let mut by_name = BTreeMap::new();
    for name in headers.keys() {
        let mut lines: Vec<String> = headers
            .get_all(name)
            .iter()
            .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
            .collect();
        let lines = match lines.pop() {
            Some(only) if lines.is_empty() => Lines::One(only),
            last => {
                lines.extend(last);
                Lines::Many(lines)
            }
        };
        by_name.insert(name.to_string(), lines);
    }
    by_name
}

fn readable(body: &[u8]) -> Option<String> {
    let short = body.len() <= MAX_LOGGED_BODY_BYTES;
    short
        .then(|| String::from_utf8(body.to_vec()).ok())
        .flatten()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::Request;

    fn entry(body: &[u8]) -> Value {
        let request = Request::post("/~run-7/slow?a=1")
            .header("x-once", "a")
            .header("x-twice", "a")
            .header("x-twice", "b")
            .body(())
            .unwrap();
        let mut log = Log::in_memory();
        log.add(&request.into_parts().0, body, "then".to_owned());
        log.to_json(None).unwrap()[0].take()
    }

    #[test]
    fn an_entry_says_what_was_received() {
        let entry = entry(b"hello");
        assert_eq!(entry["method"], "POST");
        assert_eq!(entry["path"], "/~run-7/slow");
        assert_eq!(entry["query"], "a=1");
        assert_eq!(entry["headers"]["x-once"], "a");
        assert_eq!(entry["headers"]["x-twice"], serde_json::json!(["a", "b"]));
        assert_eq!(entry["body"], "hello");
        assert_eq!(entry["body_bytes"], 5);
        assert_eq!(
            entry["body_sha256"],
            "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
        );
        assert_eq!(entry["step"], "then");
        assert!(entry["at_ms"].as_u64().unwrap() < entry["utc_ms"].as_u64().unwrap());
    }

    #[test]
    fn a_body_that_is_long_or_no_text_is_kept_by_its_hash() {
        assert!(entry(&[b'a'; MAX_LOGGED_BODY_BYTES])["body"].is_string());
        assert!(entry(&[b'a'; MAX_LOGGED_BODY_BYTES + 1])["body"].is_null());
        assert!(entry(b"\xff")["body"].is_null());
        assert_eq!(entry(b"\xff")["body_bytes"], 1);
    }
}
