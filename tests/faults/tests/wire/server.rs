//! A server in a process of its own, and a client that shows what a friendlier one would hide.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;

/// Far beyond what anything here takes, so that a test that fails does not hang.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A file for one test in the directory that cargo keeps for them.
pub fn temporary_file(name: &str, text: &str) -> PathBuf {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let directory = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let file = directory.join(format!("{}-{count}-{name}", std::process::id()));
    std::fs::write(&file, text).unwrap();
    file
}

/// The command, not yet started.
pub fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_holdoff-faults"));
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// A running server; it is killed when it is dropped.
pub struct Server {
    pub process: Child,
    address: String,
}

impl Server {
    /// Starts a server on a scenario given as text.
    pub fn playing(scenario: &str) -> Self {
        let file = temporary_file("scenario.json", scenario);
        let server = Self::start(command().arg("--scenario").arg(&file));
        std::fs::remove_file(file).unwrap();
        server
    }

    pub fn start(command: &mut Command) -> Self {
        let mut process = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.as_mut().unwrap())
            .read_line(&mut line)
            .unwrap();
        let address = line
            .trim_end()
            .strip_prefix("listening on http://")
            .unwrap_or_else(|| panic!("not the line that was promised: {line:?}"))
            .to_owned();
        Self { process, address }
    }

    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// Sends a request and reads to the end of the connection.
    pub fn exchange(&self, method: &str, path: &str) -> Received {
        let mut stream = self.connect();
        send(&mut stream, method, path, "connection: close\r\n");
        Received::all_of(&mut stream)
    }

    pub fn get(&self, path: &str) -> Received {
        self.exchange("GET", path)
    }

    /// The log of one path.
    pub fn log(&self, path: &str) -> Vec<Value> {
        self.get(&format!("/__log?path={path}"))
            .json()
            .as_array()
            .unwrap()
            .clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

pub fn send(stream: &mut TcpStream, method: &str, path: &str, headers: &str) {
    let request = format!("{method} {path} HTTP/1.1\r\nhost: faults\r\n{headers}\r\n");
    stream.write_all(request.as_bytes()).unwrap();
}

/// What came over a connection, and how it ended.
#[derive(Debug)]
pub struct Received {
    pub bytes: String,
    pub end: Result<(), ErrorKind>,
}

impl Received {
    pub fn all_of(stream: &mut TcpStream) -> Self {
        let mut bytes = Vec::new();
        let end = stream
            .read_to_end(&mut bytes)
            .map(drop)
            .map_err(|error| error.kind());
        Self {
            bytes: String::from_utf8(bytes).unwrap(),
            end,
        }
    }

    pub fn status(&self) -> &str {
        self.bytes.split(' ').nth(1).unwrap()
    }

    pub fn header(&self, name: &str) -> &str {
        let mut lines = self.head().lines().filter_map(|line| line.split_once(": "));
        let found = lines.find(|(n, _)| n.eq_ignore_ascii_case(name));
        found.unwrap_or_else(|| panic!("no {name} in {self:?}")).1
    }

    pub fn head(&self) -> &str {
        self.bytes.split_once("\r\n\r\n").unwrap().0
    }

    pub fn body(&self) -> &str {
        self.bytes.split_once("\r\n\r\n").unwrap().1
    }

    pub fn json(&self) -> Value {
        assert_eq!(self.end, Ok(()));
        serde_json::from_str(self.body()).unwrap()
    }
}

/// Reads up to `expected_end` and asserts that nothing comes after it, not even the connection's end.
pub fn received_before_silence(stream: &mut TcpStream, expected_end: &str) -> String {
    let mut bytes = Vec::new();
    while !bytes.ends_with(expected_end.as_bytes()) {
        let mut buffer = [0; 1024];
        let count = stream.read(&mut buffer).unwrap();
        assert_ne!(
            count,
            0,
            "closed after {:?}",
            String::from_utf8_lossy(&bytes)
        );
        bytes.extend_from_slice(&buffer[..count]);
    }
    stream
        .set_read_timeout(Some(Duration::from_millis(30)))
        .unwrap();
    let kind = stream.read(&mut [0; 1]).unwrap_err().kind();
    assert!(
        matches!(kind, ErrorKind::WouldBlock | ErrorKind::TimedOut),
        "{kind:?}"
    );
    String::from_utf8(bytes).unwrap()
}

/// Waits for what happens in another process, or panics.
pub fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < PATIENCE, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}
