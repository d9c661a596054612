//! The misbehaving server, in a process of its own.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;

/// A server that plays a scenario until it is dropped.
pub struct Server {
    process: Child,
    pub base: String,
}

/// One request, as the server saw it.
#[derive(Debug)]
pub struct Seen {
    pub at_ms: u64,
    pub entry: Value,
}

impl Server {
    pub fn playing(scenario: &Value) -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
            .join(format!("{}-{count}-scenario.json", std::process::id()));
        std::fs::write(&file, scenario.to_string()).unwrap();
        let binary = binary();
        let mut process = Command::new(&binary)
            .arg("--until-stdin-closes")
            .arg("--scenario")
            .arg(&file)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| {
                let binary = binary.display();
                panic!("{binary}: {error}; run `cargo build --package holdoff-faults`")
            });
        let mut line = String::new();
        BufReader::new(process.stdout.as_mut().unwrap())
            .read_line(&mut line)
            .unwrap();
        std::fs::remove_file(file).unwrap();
        let base = line.trim_end().strip_prefix("listening on ").unwrap();
        Self {
            base: base.to_owned(),
            process,
        }
    }

    /// The requests for a path, in order.
    pub async fn seen(&self, path: &str) -> Vec<Seen> {
        let log = self.ask(&format!("/__log?path={path}")).await;
        let entries = log.as_array().unwrap().iter();
        entries
            .map(|entry| Seen {
                at_ms: entry["at_ms"].as_u64().unwrap(),
                entry: entry.clone(),
            })
            .collect()
    }

    /// How many connections are open, and how many were accepted.
    pub async fn connections(&self) -> (u64, u64) {
        let counts = self.ask("/__connections").await;
        let count = |name: &str| counts[name].as_u64().unwrap();
        (count("open"), count("accepted"))
    }

    /// Waits until the server knows of no more open connections than these.
    pub async fn until_at_most(&self, most: u64) {
        let start = Instant::now();
        loop {
            let (open, accepted) = self.connections().await;
            if open <= most {
                return;
            }
            let patience = start.elapsed() < Duration::from_secs(5);
            assert!(patience, "{open} of {accepted} connections are open");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    async fn ask(&self, path: &str) -> Value {
        let client = reqwest::Client::new();
        let response = client.get(self.base.clone() + path).send().await.unwrap();
        serde_json::from_slice(&response.bytes().await.unwrap()).unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

fn binary() -> PathBuf {
    match std::env::var_os("HOLDOFF_FAULTS") {
        Some(path) => path.into(),
        // target/debug/deps/clients-…: the server is two folders up.
        None => std::env::current_exe()
            .unwrap()
            .ancestors()
            .nth(2)
            .unwrap()
            .join(format!("holdoff-faults{}", std::env::consts::EXE_SUFFIX)),
    }
}
