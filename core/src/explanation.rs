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

/// Who listens while a decision is made. `decide` and `explain` are one code path; only `explain` has
/// it recorded, and otherwise no text is ever made.
pub(crate) struct Recorder(Option<Vec<Step>>);

impl Recorder {
    pub(crate) const fn silent() -> Self {
        Self(None)
    }

    pub(crate) const fn listening() -> Self {
        Self(Some(Vec::new()))
    }

    pub(crate) fn step(&mut self, topic: Topic, text: impl FnOnce() -> String) {
        if let Some(steps) = &mut self.0 {
            steps.push(Step {
                topic,
                text: text(),
            });
        }
    }

    pub(crate) fn into_steps(self) -> Vec<Step> {
        self.0.unwrap_or_default()
    }
}
