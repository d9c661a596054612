//! What a policy says of hints: which count, and what is done with them.

use alloc::vec::Vec;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::Hint;
use super::form::{Form, Repeated};
use super::source::readable_header;
use crate::code::words;
use crate::decision::{MAX_WAIT_MS, Source};
use crate::header::HeaderName;
use crate::jitter::Jitter;
use crate::rule::StatusRange;

/// Which hints count, and what is done with them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct HintRules {
    /// What is read of the response; the first that can be read counts.
    pub sources: Vec<HintSource>,
    /// The statuses whose responses are read; none stands for all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub status: Vec<StatusRange>,
    /// Which line counts of a header that came more than once, where a source has forms.
    pub repeated: Repeated,
    /// By whose clock times are measured.
    pub clock: HintClock,
    /// The shortest wait that a hint leads to, in milliseconds.
    pub min_ms: u64,
    /// What happens when a hint is 0.
    pub zero: Zero,
    /// What happens when a hint is below 0, or a time that has passed.
    pub past: Past,
    /// The longest hint that is waited for, in milliseconds.
    pub max_ms: u64,
    /// What happens when a hint is longer.
    pub beyond_max: BeyondMax,
    /// Whether a hint shorter than the backoff becomes as long.
    pub at_least_backoff: bool,
    /// By how much a hint may be longer than the backoff, in milliseconds; it is cut where it is
    /// longer still.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_above_backoff_ms: Option<u64>,
    /// What is added to a hint, so that many callers who got the same don't come back at once.
    pub jitter: Jitter,
}

/// One place where a response may say how long to wait.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HintSource {
    pub source: Source,
    /// The forms in which its one header is read; without any, it is read in all that holdoff knows.
    pub reads: Vec<Form>,
    /// What is added to this hint, in place of what is added to all.
    pub jitter: Option<Jitter>,
}

impl HintSource {
    /// The one header that is read, where a form says how, and what its numbers count.
    pub(super) fn only_header(&self) -> Option<(HeaderName, u64)> {
        readable_header(self.source).filter(|_| !self.reads.is_empty())
    }
}

impl Serialize for HintSource {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.reads.is_empty() && self.jitter.is_none() {
            return self.source.serialize(serializer);
        }
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("source", &self.source)?;
        if !self.reads.is_empty() {
            map.serialize_entry("reads", &self.reads)?;
        }
        if let Some(jitter) = &self.jitter {
            map.serialize_entry("jitter", jitter)?;
        }
        map.end()
    }
}

words! {
    /// By whose clock it is measured how long it is until a time that a hint names.
    pub(crate) enum HintClock {
        /// The server's, as far as the response tells it: no matter if the caller's is wrong.
        Server "server",
        /// The caller's.
        Local "local",
    }
}

words! {
    /// What happens when a hint is below 0, or a time that has passed.
    pub(crate) enum Past {
        /// It counts as 0.
        Zero "zero",
        /// It is passed over, and the backoff takes its place.
        Ignore "ignore",
        /// It is passed over, and the next source is read.
        Next "next",
    }
}

words! {
    /// What happens when a hint is 0.
    pub(crate) enum Zero {
        /// It counts like any other.
        Wait "wait",
        /// It is passed over, and the backoff takes its place.
        Ignore "ignore",
        /// It is passed over, and the next source is read.
        Next "next",
    }
}

words! {
    /// What happens when a hint is longer than the policy's longest.
    pub(crate) enum BeyondMax {
        /// The call ends; the decision says how long the wait would have been.
        Stop "stop",
        /// The longest is waited instead, so the retry comes before the server wants it.
        Clamp "clamp",
        /// The hint is passed over, and the backoff takes its place.
        Ignore "ignore",
    }
}

/// What a hint stands for, by what the policy says of those that are past or 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// A wait.
    Wait,
    /// The backoff, in its place; and why.
    Backoff(&'static str),
    /// What the next source says.
    Next,
}

impl HintRules {
    pub(crate) fn meaning(&self, hint: Hint) -> Meaning {
        match (self.past, self.zero) {
            (Past::Next, _) if hint.past => Meaning::Next,
            (Past::Ignore, _) if hint.past => Meaning::Backoff("that has passed"),
            (_, Zero::Next) if hint.ms == 0 => Meaning::Next,
            (_, Zero::Ignore) if hint.ms == 0 => Meaning::Backoff("that is no wait"),
            _ => Meaning::Wait,
        }
    }
}

impl Default for HintRules {
    /// Nothing is read.
    fn default() -> Self {
        Self {
            sources: Vec::new(),
            status: Vec::new(),
            repeated: Repeated::Joined,
            clock: HintClock::Server,
            min_ms: 0,
            zero: Zero::Wait,
            past: Past::Zero,
            max_ms: MAX_WAIT_MS,
            beyond_max: BeyondMax::Stop,
            at_least_backoff: false,
            max_above_backoff_ms: None,
            jitter: Jitter::None,
        }
    }
}
