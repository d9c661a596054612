//! The ordered steps that led to a decision, for a person or a log.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use serde::Serialize;

use crate::code::words;
use crate::decision::Decision;

/// The steps that led to a decision, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Explanation {
    /// The steps. The last one states the decision.
    pub steps: Vec<Step>,
    /// The decision, the same that `decide` gives.
    pub decision: Decision,
}

/// One step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Step {
    /// What the step is about.
    pub topic: Topic,
    /// What was found, one sentence for a person.
    pub text: String,
}

words! {
    /// What a step is about.
    #[non_exhaustive]
    pub enum Topic {
        /// What happened.
        Failure "failure",
        /// Whether it may be tried again at all.
        Verdict "verdict",
        /// A fact of the call that ends it.
        Call "call",
        /// How many retries are left.
        Retries "retries",
        /// What the server said of the wait.
        Hint "hint",
        /// The wait without a hint.
        Backoff "backoff",
        /// The random part of the wait.
        Jitter "jitter",
        /// The time that is left for the call.
        Deadline "deadline",
        /// The answer.
        Decision "decision",
    }
}

impl fmt::Display for Explanation {
    /// One line for each step.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, step) in self.steps.iter().enumerate() {
            let line_feed = if index == 0 { "" } else { "\n" };
            write!(f, "{line_feed}{:<9} {}", step.topic.name(), step.text)?;
        }
        Ok(())
    }
}

/// Who listens while a decision is made. `decide` and `explain` are one code path with different
/// listeners.
pub(crate) trait Record {
    fn step(&mut self, topic: Topic, text: impl FnOnce() -> String);
}

/// Listens to nothing, so that no text is ever made.
pub(crate) struct Silent;

impl Record for Silent {
    fn step(&mut self, _: Topic, _: impl FnOnce() -> String) {}
}

impl Record for Vec<Step> {
    fn step(&mut self, topic: Topic, text: impl FnOnce() -> String) {
        self.push(Step {
            topic,
            text: text(),
        });
    }
}
