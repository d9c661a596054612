//! The policies that decisions are tried with.

use std::sync::LazyLock;

use holdoff::{Policy, Source, preset_document};
use serde_json::{Value, json};

/// A policy, with what its document says of hints.
#[derive(Clone, Debug)]
pub(crate) struct Subject {
    pub policy: Policy,
    /// The longest hint that is waited for.
    pub max_ms: u64,
    /// Whether a longer one is cut to that.
    pub clamps: bool,
    /// Whether one is cut that is much longer than the backoff.
    pub keeps_near_backoff: bool,
    /// Whether one that is shorter than the backoff gives way to it.
    pub at_least_backoff: bool,
    /// The shortest backoff.
    pub backoff_min_ms: u64,
    /// The most time that a call may take, where it says nothing itself.
    pub deadline_ms: Option<u64>,
}

impl Subject {
    pub(crate) fn new(policy: Policy) -> Self {
        let document: Value = serde_json::from_str(&policy.to_json()).unwrap_or_default();
        let number = |path| document.pointer(path).and_then(Value::as_u64);
        let beyond_max = document.pointer("/hint/beyond_max").and_then(Value::as_str);
        let max_ms = number("/hint/max_ms");
        assert!(max_ms.is_some() && beyond_max.is_some(), "{document}");
        Self {
            max_ms: max_ms.unwrap_or_default(),
            clamps: beyond_max == Some("clamp"),
            keeps_near_backoff: number("/hint/max_above_backoff_ms").is_some(),
            at_least_backoff: document.pointer("/hint/at_least_backoff")
                == Some(&Value::Bool(true)),
            backoff_min_ms: number("/backoff/min_ms").unwrap_or_default(),
            deadline_ms: number("/deadline_ms"),
            policy,
        }
    }

    /// Of the headers that the policy reads: the `nth` that has a hint, and the one that says how
    /// much is left of its limit.
    pub(crate) fn value_and_left(&self, nth: usize) -> (&'static str, &'static str) {
        let is_left = |name: &str| name.ends_with("status") || name.contains("remaining");
        let own = self
            .policy
            .headers()
            .filter(|name| !["date", "age"].contains(name));
        let (left, values): (Vec<_>, Vec<_>) = own.partition(|name| is_left(name));
        let nth = nth.checked_rem(values.len()).unwrap_or(0);
        let value = values.get(nth).copied().unwrap_or("x-none");
        let [remaining, status] =
            ["remaining", "status"].map(|word| value.replacen("reset", word, 1));
        let left = left
            .into_iter()
            .find(|name| *name == remaining || *name == status);
        (value, left.unwrap_or("x-remaining"))
    }
}

/// Everything that a response can have a hint in.
pub(crate) fn sources() -> &'static [Source] {
    static SOURCES: LazyLock<Vec<Source>> = LazyLock::new(|| {
        let all = Source::ALL.iter().copied();
        all.filter(|source| source.is_hint()).collect()
    });
    &SOURCES
}

pub(crate) fn recommended() -> &'static Subject {
    static RECOMMENDED: LazyLock<Subject> = LazyLock::new(|| Subject::new(Policy::recommended()));
    &RECOMMENDED
}

pub(crate) fn tessera() -> &'static Subject {
    static TESSERA: LazyLock<Subject> = LazyLock::new(|| Subject::new(Policy::tessera()));
    &TESSERA
}

/// The recommended policy, but it reads every source and waits however long it is told.
pub(crate) fn hearing_all() -> &'static Subject {
    static HEARING_ALL: LazyLock<Subject> = LazyLock::new(|| hearing(sources()));
    &HEARING_ALL
}

/// The same for one source only.
pub(crate) fn hearing_only(source: Source) -> &'static Subject {
    static HEARING_ONLY: LazyLock<Vec<(Source, Subject)>> = LazyLock::new(|| {
        let sources = sources().iter();
        sources
            .map(|source| (*source, hearing(&[*source])))
            .collect()
    });
    let known = HEARING_ONLY.iter().find(|(other, _)| *other == source);
    known.map_or_else(hearing_all, |(_, subject)| subject)
}

fn hearing(sources: &[Source]) -> Subject {
    let text = preset_document("recommended").unwrap_or_default();
    let mut document: Value = serde_json::from_str(text).unwrap_or_default();
    if let Some(hint) = document.get_mut("hint") {
        let names: Vec<&str> = sources.iter().map(|source| source.name()).collect();
        *hint = json!({ "sources": names });
    }
    subject_of(&document)
}

/// A policy that a generator made, which has to be valid.
pub(crate) fn subject_of(document: &Value) -> Subject {
    match Policy::from_json(&document.to_string()) {
        Ok(policy) => Subject::new(policy),
        Err(error) => {
            assert_eq!(error.to_string(), "", "{document}");
            Subject::new(Policy::recommended())
        }
    }
}
