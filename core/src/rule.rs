//! A policy's rules: which failures each names, and what it says of them.

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Serialize, Serializer};

use crate::decision::{FailureClass, Reason, Source};
use crate::failure::{Failure, Phase, TransportKind};
use crate::hint::Hint;
use crate::response::Response;
use crate::verdict::Outcome;

/// One rule: the failures it names, and what it says of them. A failure must meet every condition
/// that the rule has, and a condition is met by any of its values.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Rule {
    /// Response statuses.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub status: Vec<StatusRange>,
    /// The error body's `type`, exactly.
    #[serde(rename = "type", skip_serializing_if = "Vec::is_empty")]
    pub error_type: Vec<String>,
    /// The error body's `code`, exactly.
    #[serde(rename = "code", skip_serializing_if = "Vec::is_empty")]
    pub error_code: Vec<String>,
    /// What class of failure the error body tells.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub error_class: Vec<FailureClass>,
    /// Whether the response must have a hint that the policy reads, and from where.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hinted: Option<Hinted>,
    /// Kinds of transport failure.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub transport: Vec<TransportKind>,
    /// How far the attempt got before its transport failed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub phase: Vec<Phase>,
    /// What the rule says.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// At most so many retries after such a failure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retries: Option<u32>,
    /// The shortest wait after such a failure, in milliseconds.
    #[serde(skip_serializing_if = "is_zero")]
    pub min_ms: u64,
    /// The base of the backoff after such a failure, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base_ms: Option<u64>,
}

/// That a response has a hint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Hinted {
    /// From one of these sources; none stands for any.
    pub sources: Vec<Source>,
}

impl Hinted {
    fn met_by(&self, hint: Option<Hint>) -> bool {
        let right = |hint: Hint| self.sources.is_empty() || self.sources.contains(&hint.source);
        hint.is_some_and(right)
    }
}

impl Serialize for Hinted {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.sources.is_empty() {
            serializer.serialize_bool(true)
        } else {
            self.sources.serialize(serializer)
        }
    }
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// One status, or all from a first to a last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StatusRange {
    /// The first status in the range.
    pub first: u16,
    /// The last status in the range, the first again where it is only one.
    pub last: u16,
}

impl StatusRange {
    /// Whether one of the ranges has the status.
    pub(crate) fn any_contains(ranges: &[Self], status: Option<u16>) -> bool {
        let has = |status| ranges.iter().any(|range| range.contains(status));
        status.is_some_and(has)
    }

    fn contains(self, status: u16) -> bool {
        (self.first..=self.last).contains(&status)
    }
}

impl Serialize for StatusRange {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { first, last } = self;
        if first == last {
            serializer.serialize_u16(*first)
        } else {
            serializer.collect_str(&format_args!("{first}-{last}"))
        }
    }
}

impl Rule {
    /// Why the rule applies to the failure, if it does: its most telling condition.
    pub(crate) fn applies(
        &self,
        failure: &Failure<'_>,
        response: &Response<'_>,
        hint: Option<Hint>,
    ) -> Option<Reason> {
        if let Failure::Transport(kind, phase) = failure {
            let in_phase = self.phase.is_empty() || self.phase.contains(phase);
            return (self.transport.contains(kind) && in_phase).then_some(Reason::Transport);
        }
        let error = response.error.as_deref();
        let names = |values: &[String], value: Option<&str>| {
            let named = || value.is_some_and(|value| values.iter().any(|other| other == value));
            values.is_empty() || named()
        };
        let status = || StatusRange::any_contains(&self.status, response.status);
        let class = || {
            let class = error.and_then(|error| error.class);
            class.is_some_and(|(class, _)| self.error_class.contains(&class))
        };
        let met = self.transport.is_empty()
            && (self.status.is_empty() || status())
            && (self.error_class.is_empty() || class())
            && names(&self.error_code, error.and_then(|e| e.code.as_deref()))
            && names(&self.error_type, error.and_then(|e| e.kind.as_deref()))
            && self
                .hinted
                .as_ref()
                .is_none_or(|hinted| hinted.met_by(hint));
        met.then_some(if !self.error_code.is_empty() {
            Reason::ErrorCode
        } else if !self.error_type.is_empty() {
            Reason::ErrorType
        } else if !self.error_class.is_empty() {
            Reason::ErrorClass
        } else {
            Reason::Status
        })
    }

    /// Whether the rule looks into the error body.
    pub(crate) fn reads_body(&self) -> bool {
        !self.error_type.is_empty() || !self.error_code.is_empty() || !self.error_class.is_empty()
    }
}
