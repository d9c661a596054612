//! A decision, as whoever listens is told of it.

use std::error::Error;
use std::time::Duration;

use holdoff::{Action, Decision, Explanation, Source, SupportReport};
use http::{Method, StatusCode};

use crate::target::Target;

/// One decision, and what it was about: a response or an error.
#[derive(Debug)]
#[non_exhaustive]
pub struct DecisionEvent<'e> {
    /// What was decided.
    pub decision: Decision,
    /// The attempt that failed, from zero; where nothing was sent, the one that was to be sent.
    pub attempt: u32,
    /// How long is waited now; `None` where the call ends.
    pub wait: Option<Duration>,
    /// The request's method.
    pub method: &'e Method,
    /// Where it was sent: the origin and the path, without credentials and query.
    pub endpoint: &'e str,
    /// The status, where a response came.
    pub status: Option<StatusCode>,
    /// The client's error, where none came.
    pub error: Option<&'e (dyn Error + 'static)>,
    /// The steps that led to the decision; `None` where the upstream ends the call.
    pub explanation: Option<Explanation>,
    /// What to send to the vendor's support, where the decision is to escalate.
    pub report: Option<SupportReport>,
}

/// Writes one line of log: the upstream does not yet let an attempt be sent.
pub(crate) fn log_held_back(after_ms: u64, source: Source, attempt: u32, target: &Target) {
    tracing::event!(
        name: "holdoff.held_back",
        target: "holdoff",
        tracing::Level::INFO,
        source = source.name(),
        after_ms,
        attempt,
        method = target.method.as_str(),
        endpoint = target.endpoint.as_str(),
    );
}

/// Writes one line of log, which is also an event of the span that is current.
pub(crate) fn log(decision: Decision, attempt: u32, target: &Target) {
    macro_rules! event {
        ($level:ident) => {
            tracing::event!(
                name: "holdoff.decision",
                target: "holdoff",
                tracing::Level::$level,
                action = decision.action().name(),
                reason = decision.reason().name(),
                class = decision.class().name(),
                source = decision.source().name(),
                after_ms = decision.after_ms(),
                attempt,
                method = target.method.as_str(),
                endpoint = target.endpoint.as_str(),
            )
        };
    }
    match decision.action() {
        Action::Retry => event!(INFO),
        Action::Escalate => event!(ERROR),
        // A call that fails without a retry, as by a 404, is its caller's affair.
        _ if attempt == 0 => event!(DEBUG),
        _ => event!(WARN),
    }
}
