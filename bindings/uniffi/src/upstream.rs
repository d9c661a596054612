//! What many calls to one server share, behind a lock.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use holdoff::{Decision, Failure, Headers, Ticket};

use crate::request::Request;
use crate::{ExplanationParts, Policy, PolicyError, explanation_parts};

/// What many calls to one server share. Any number of threads may use it at once.
#[derive(Debug, Default, uniffi::Object)]
pub struct Upstream(Mutex<holdoff::Upstream>);

#[uniffi::export]
impl Upstream {
    /// A state in which nothing is known.
    #[uniffi::constructor]
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// The state that `to_json` wrote.
    #[uniffi::constructor]
    pub fn from_json(json: &str) -> Result<Arc<Self>, PolicyError> {
        match holdoff::Upstream::from_json(json) {
            Ok(state) => Ok(Arc::new(Self(Mutex::new(state)))),
            Err(error) => Err(PolicyError::Invalid {
                reason: error.to_string(),
            }),
        }
    }

    /// The state as a JSON object.
    pub fn to_json(&self) -> String {
        self.state().to_json()
    }

    /// Whether an attempt may be sent, as the bits of an admission. Of the request only the call is
    /// looked at. 0, which is to send, where it is not packed as it should be.
    pub fn admit(&self, policy: &Policy, request: &[u8], ticket: u32) -> i64 {
        Request::unpack(request).map_or(0, |request| {
            let ticket = Ticket::from_bits(ticket);
            let admission = self.state().admit(&policy.0, &request.call, ticket);
            admission.to_bits()
        })
    }

    /// Takes in that an attempt succeeded, with this answer. `after`: the bits of the decision that led
    /// to it, or 0.
    pub fn succeed(&self, policy: &Policy, request: &[u8], after: u64) {
        if let Some(Request { failure, call }) = Request::unpack(request) {
            let headers = match failure {
                Failure::Response { headers, .. } => headers,
                Failure::Transport(..) => Headers::NONE,
            };
            let after = Decision::from_bits(after);
            self.state().succeed(&policy.0, &call, after, headers);
        }
    }

    /// Takes in that an attempt failed; the decision's bits, 0 where the request is not packed as it
    /// should be.
    pub fn decide(&self, policy: &Policy, request: &[u8]) -> u64 {
        Request::unpack(request).map_or(0, |Request { failure, call }| {
            let decision = self.state().decide(&policy.0, &failure, &call);
            decision.to_bits()
        })
    }

    /// The same, with the steps that led to the decision.
    pub fn explain(&self, policy: &Policy, request: &[u8]) -> Option<ExplanationParts> {
        let Request { failure, call } = Request::unpack(request)?;
        let explanation = self.state().explain(&policy.0, &failure, &call);
        Some(explanation_parts(&explanation))
    }

    /// Takes in what another copy of the same state knows.
    pub fn merge(&self, other: &Self) {
        // One lock after the other, for two threads may merge two states into each other.
        let other = other.state().clone();
        self.state().merge(&other);
    }
}

/// Whether two states, as JSON, differ in nothing but what is counted. False where they are none.
#[uniffi::export]
pub fn differ_in_counts_only(before: &str, after: &str) -> bool {
    let (before, after) = (
        holdoff::Upstream::from_json(before),
        holdoff::Upstream::from_json(after),
    );
    matches!((before, after), (Ok(before), Ok(after)) if after.differs_in_counts_only(&before))
}

impl Upstream {
    /// A thread that panicked while it held the lock has changed nothing by halves that matters.
    fn state(&self) -> MutexGuard<'_, holdoff::Upstream> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
