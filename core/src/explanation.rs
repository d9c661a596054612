//! The ordered steps that led to a decision, for a person or a log.

use alloc::format;
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
        /// What calls to the server share.
        Upstream "upstream",
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

/// The beginning of a text, so that what is said of it stays readable whatever it holds; cut after
/// `longest` characters.
pub(crate) fn excerpt(text: &str, longest: usize) -> String {
    match text.char_indices().nth(longest) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or(text)),
        None => text.into(),
    }
}

/// The text without anything that a terminal would obey or that would end the line: it may hold what
/// a server sent.
fn on_one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() {
            line.extend(c.escape_default());
        } else {
            line.push(c);
        }
    }
    line
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

    /// Whether nobody listens, so that nothing needs to be found out only to be told.
    pub(crate) const fn is_silent(&self) -> bool {
        self.0.is_none()
    }

    pub(crate) fn step(&mut self, topic: Topic, text: impl FnOnce() -> String) {
        if let Some(steps) = &mut self.0 {
            steps.push(Step {
                topic,
                text: on_one_line(&text()),
            });
        }
    }

    pub(crate) fn into_steps(self) -> Vec<Step> {
        self.0.unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::on_one_line;

    #[test]
    fn what_a_terminal_would_obey_is_shown_instead() {
        assert_eq!(
            on_one_line("`a\n\u{1b}[31mé\u{9b}`"),
            r"`a\n\u{1b}[31mé\u{9b}`"
        );
    }
}
