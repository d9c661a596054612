//! The error of a call that was never sent.

use std::error::Error;
use std::fmt;

use holdoff::{Decision, Policy};

/// Nothing was sent: what calls share about the server holds the call back for longer than its deadline or
/// the policy allows.
#[derive(Clone, Debug)]
pub struct HeldBack {
    decision: Decision,
    advice: String,
}

impl HeldBack {
    pub(crate) fn new(policy: &Policy, decision: Decision) -> Self {
        Self {
            decision,
            advice: policy.advice(decision).to_owned(),
        }
    }

    /// What holds the call back (`source`), for how long (`after_ms`), why that is too long (`reason`:
    /// `deadline` or `held`), and the class of what last failed.
    pub fn decision(&self) -> Decision {
        self.decision
    }
}

impl fmt::Display for HeldBack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (source, after_ms) = (self.decision.source(), self.decision.after_ms());
        write!(
            f,
            "not sent: `{source}` holds it back for {after_ms} ms: {}",
            self.advice
        )
    }
}

impl Error for HeldBack {}
