//! The rules of a policy, immutable, as data.

mod client;
mod document;
mod read;
mod read_upstream;
mod read_wait;

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::backoff::Backoff;
use crate::decision::{Decision, FailureClass, Reason};
use crate::header::HeaderSet;
use crate::hint::HintRules;
use crate::json::Json;
use crate::rule::Rule;
use crate::server_verdict::ServerVerdict;
use crate::upstream::UpstreamRules;
use crate::verdict::Outcome;

pub use client::Client;

/// The JSON Schema of policy documents (draft 2020-12).
pub const POLICY_SCHEMA: &str = include_str!("schema.json");

/// The rules by which calls to one API are retried.
///
/// A policy is a JSON document, checked whole when it is loaded, or a preset.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Policy {
    pub(crate) name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) description: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) client: Option<Box<Client>>,
    pub(crate) retries: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) deadline_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) methods: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) idempotency_key_header: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) server_verdicts: Vec<ServerVerdict>,
    pub(crate) rules: Vec<Rule>,
    pub(crate) otherwise: Outcome,
    pub(crate) hint: HintRules,
    pub(crate) backoff: Backoff,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) upstream: Option<UpstreamRules>,
    #[serde(serialize_with = "by_class")]
    pub(crate) advice: Vec<(FailureClass, String)>,
    #[serde(skip)]
    pub(crate) reads: Reads,
}

/// What a policy's rules read of a response, worked out once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reads {
    pub headers: HeaderSet,
    pub body: bool,
}

impl Reads {
    fn of(rules: &[Rule], hint: &HintRules, server_verdicts: &[ServerVerdict]) -> Self {
        Self {
            headers: server_verdicts
                .iter()
                .fold(hint.headers(), |set, verdict| set.and(verdict.headers())),
            body: rules.iter().any(Rule::reads_body)
                || hint.reads_body()
                || server_verdicts.iter().any(|verdict| verdict.is_in_body()),
        }
    }
}

impl Policy {
    /// The policy that a JSON document describes.
    ///
    /// The error names the path in the document, the value found there and what would be right.
    pub fn from_json(document: &str) -> Result<Self, PolicyError> {
        let value = Json::parse(document)
            .map_err(|error| PolicyError::new("policy", format!("not JSON: {error}")))?;
        read::policy(&value)
    }

    /// The policy as a JSON document with every default spelt out.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default()
    }

    /// The policy's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// One sentence on what the policy is for; may be empty.
    pub fn description(&self) -> &str {
        &self.description
    }

    /// What the policy describes, where that is another client.
    pub fn client(&self) -> Option<&Client> {
        self.client.as_deref()
    }

    /// The names of the response headers that a decision reads, in lower case.
    pub fn headers(&self) -> impl Iterator<Item = &'static str> {
        self.reads.headers.names()
    }

    /// Whether a decision looks into the response body.
    pub fn reads_body(&self) -> bool {
        self.reads.body
    }

    /// The request header in which the API takes an idempotency key, where the policy asks for one.
    ///
    /// Whoever sends the requests gives those whose method is not idempotent a key of their own there,
    /// the same for all attempts of one call, and says that the call is idempotent.
    pub fn idempotency_key_header(&self) -> Option<&str> {
        self.idempotency_key_header.as_deref()
    }

    /// What a person should do about the failure, one sentence: the policy's own words for its
    /// class, or holdoff's.
    pub fn advice(&self, decision: Decision) -> &str {
        let own = self
            .advice
            .iter()
            .find(|(class, _)| *class == decision.class());
        match decision.reason() {
            Reason::NotAFailure => "nothing is to be done: the call succeeded",
            Reason::Delivered => {
                "show what was delivered and offer to start again: a retry would deliver it twice"
            }
            Reason::NotReplayable => {
                "keep the request body in memory or in a file, so that it can be sent again"
            }
            Reason::Aborted => "nothing is to be done: the caller ended the call",
            Reason::NotIdempotent | Reason::PossiblyExecuted => {
                "find out whether the request was executed before sending it again, \
                 or give it an idempotency key and say that it is idempotent"
            }
            Reason::RetriesExhausted => {
                "raise an alert or write to a failure log, with the support report"
            }
            Reason::HintTooLong => "come back after the wait that the server asks for",
            Reason::BudgetExhausted => {
                "too many calls to this server fail: look at its state, or give the budget more"
            }
            Reason::Held => "come back after the wait: the server is failing, or asked for it",
            Reason::Deadline => "come back after the wait, or give the call more time",
            Reason::Status
            | Reason::ErrorType
            | Reason::ErrorCode
            | Reason::ErrorClass
            | Reason::ServerVerdict
            | Reason::Transport
            | Reason::Unlisted => {
                own.map_or(decision.class().meaning(), |(_, advice)| advice.as_str())
            }
        }
    }
}

impl<'de> Deserialize<'de> for Policy {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read::policy(&Json::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

fn by_class<S: Serializer>(
    advice: &[(FailureClass, String)],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(advice.len()))?;
    for (class, text) in advice {
        map.serialize_entry(class, text)?;
    }
    map.end()
}

/// What is wrong with a policy document: where, and what would be right there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyError(Box<Problem>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Problem {
    path: String,
    what: Cow<'static, str>,
}

impl PolicyError {
    pub(crate) fn new(path: impl Into<String>, what: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Problem {
            path: path.into(),
            what: what.into(),
        }))
    }

    /// Where in the document, such as `rules[3].status[0]`; `policy` for the document as a whole.
    pub fn path(&self) -> &str {
        &self.0.path
    }
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.path, self.0.what)
    }
}

impl core::error::Error for PolicyError {}
