//! What is asked of a client, and what it answers.

use serde::{Deserialize, Serialize};

/// The clock of every case, UTC milliseconds since 1970: 2027-01-15T08:00:00Z.
pub(crate) const NOW_MS: u64 = 1_800_000_000_000;

/// A client at one version, and what it can be asked. The lists are in `clients.json` of each
/// language's folder.
#[derive(Clone, Debug, Deserialize)]
pub struct Peer {
    /// The preset that describes it.
    pub preset: String,
    /// The version that is installed.
    pub version: String,
    /// What it is installed together with, as a part of a file's name.
    #[serde(default)]
    pub environment: String,
    /// What can be said of its random numbers.
    pub draw: Draw,
    /// What it can be asked.
    pub inputs: Inputs,
}

impl Peer {
    /// The preset's name as that of a file: signs such as `>` are not for names of files.
    pub fn file(&self) -> String {
        self.preset.replace(['<', '>', '='], "")
    }
}

/// What can be said of a client's random numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Draw {
    /// They can be given.
    Pinned,
    /// They can't, so that a wait is compared with the range over all of them.
    Unpinned,
    /// There are none.
    None,
}

/// What a client looks at of a failure.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Inputs {
    /// Whether it can be asked of statuses.
    pub status: bool,
    /// The headers that it reads.
    pub headers: Vec<String>,
    /// The methods that it tells apart; none if it does not look.
    pub methods: Vec<String>,
    /// The transport failures, as kind and phase.
    pub transport: Vec<(String, String)>,
    /// The highest attempt.
    pub attempts: u32,
    /// Whether its number of retries can be set, or else the number that is set in every case.
    pub max_retries: MaxRetries,
    /// Bodies that it may look into.
    pub bodies: Vec<String>,
}

/// What can be done about a client's number of retries.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(untagged)]
pub enum MaxRetries {
    /// Whether it can be set.
    Settable(bool),
    /// It is this in every case, for the client has none of its own.
    Always(u32),
}

impl Default for MaxRetries {
    fn default() -> Self {
        Self::Settable(false)
    }
}

/// A failed attempt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Case {
    /// The response's status, where there was a response.
    pub status: Option<u16>,
    /// The response's headers.
    pub headers: Vec<(String, String)>,
    /// The response's body.
    pub body: String,
    /// How the transport failed, where there was no response.
    pub transport: Option<String>,
    /// How far the attempt had come.
    pub phase: Option<String>,
    /// The request's method.
    pub method: String,
    /// The attempt that failed, from 0.
    pub attempt: u32,
    /// How many retries the caller allows; the client's own number if not given.
    pub max_retries: Option<u32>,
    /// The random number, from 0 to 1.
    pub draw: f64,
}

/// What a client did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// Whether it would try again; unknown where it raised an error of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<bool>,
    /// After how many milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delay_ms: Option<Delay>,
    /// The error that it raised itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raises: Option<String>,
}

/// A wait in milliseconds, or a word for what is no number in JSON.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Delay {
    /// A number.
    Ms(f64),
    /// `NaN`, `inf` or `-inf`.
    Word(String),
}

/// A case, and what a client answered to it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Recorded {
    /// What was asked.
    pub case: Case,
    /// What it answered.
    pub answer: Answer,
}
