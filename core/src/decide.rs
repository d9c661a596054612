//! The rules in order; the first that applies decides.

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;

use crate::call::{Call, IDEMPOTENT_METHODS};
use crate::decision::{Action, Decision, FailureClass, Reason, Source};
use crate::error_body;
use crate::explanation::{Explanation, Recorder, Topic};
use crate::failure::{Failure, TransportKind};
use crate::hint::{Heard, Hint};
use crate::policy::Policy;
use crate::response::Response;
use crate::verdict::{self, Judgement, Verdict};

impl Policy {
    /// Whether the failed attempt may be tried again, and after how long.
    ///
    /// Pure and total: the same input always gives the same answer, and no input makes it fail.
    /// Without a body to look into, it allocates nothing.
    pub fn decide(&self, failure: &Failure<'_>, call: &Call<'_>) -> Decision {
        let (decision, _) = self.run(failure, call, &mut Recorder::silent());
        decision
    }

    /// The same decision, with the steps that led to it.
    pub fn explain(&self, failure: &Failure<'_>, call: &Call<'_>) -> Explanation {
        let mut record = Recorder::listening();
        let (decision, _) = self.run(failure, call, &mut record);
        record.step(Topic::Decision, || decision.describe());
        Explanation {
            steps: record.into_steps(),
            decision,
        }
    }

    /// How long the server said to wait, by the first of the policy's sources that can be read;
    /// whatever else the policy makes of the failure.
    pub fn hint(&self, failure: &Failure<'_>, call: &Call<'_>) -> Option<Hint> {
        let body = self.body(failure);
        let response = Response::read(failure, &body, call, self.reads.headers);
        let heard = self.hint.find(&response, &mut Recorder::silent());
        heard.map(|heard| heard.hint)
    }

    /// The decision, and the hint whatever became of it: the failure is read once for both.
    pub(crate) fn run(
        &self,
        failure: &Failure<'_>,
        call: &Call<'_>,
        record: &mut Recorder,
    ) -> (Decision, Option<Hint>) {
        record.step(Topic::Failure, || describe(failure, call));
        let body = self.body(failure);
        let response = Response::read(failure, &body, call, self.reads.headers);
        if !record.is_silent() && response.error.is_none() && error_body::looks_like_json(&body) {
            record.step(Topic::Failure, || {
                "the body looks like JSON, but no error can be read in it".into()
            });
        }
        let heard = self.hint.find(&response, record);
        let decision = self.conclude(failure, call, &response, heard, record);
        (decision, heard.map(|heard| heard.hint))
    }

    /// The decision, once the failure is read.
    fn conclude(
        &self,
        failure: &Failure<'_>,
        call: &Call<'_>,
        response: &Response<'_>,
        heard: Option<Heard>,
        record: &mut Recorder,
    ) -> Decision {
        let hint = heard.map(|heard| heard.hint);
        let judgement = verdict::find(self, failure, response, hint, record);
        let Judgement { class, reason, .. } = judgement;

        if let Some(reason) = terminal_fact(failure, call) {
            record.step(Topic::Call, || {
                format!("{}, whatever the verdict", reason.meaning())
            });
            return stop(class, reason);
        }
        if judgement.verdict == Verdict::Stop {
            return stop(class, reason);
        }
        if let Some(reason) = self.forbids_repeating(judgement.verdict, call) {
            record.step(Topic::Call, || {
                let method = match (call.idempotent, call.method) {
                    (Some(_), _) | (None, None) => "it is not idempotent".into(),
                    (None, Some(method)) => format!("its method is {method}"),
                };
                format!("{}: {method}", reason.meaning())
            });
            return stop(class, reason);
        }
        if judgement.verdict == Verdict::RetryIfIdempotent {
            record.step(Topic::Call, || match (call.idempotent, call.method) {
                (None, None) => "it may have been executed, and nothing says that the request is \
                                 not safe to repeat"
                    .into(),
                _ => "it may have been executed, but the request is safe to repeat".into(),
            });
        }
        if response.inside_success && call.delivered.is_none() {
            record.step(Topic::Call, || {
                "nothing says whether part of the answer was already delivered".into()
            });
        }
        let retries = call.max_retries.unwrap_or(self.retries);
        let retries = judgement.retries.map_or(retries, |most| retries.min(most));
        if call.attempt >= retries {
            record.step(Topic::Retries, || {
                format!(
                    "attempt {} is the last: all {retries} retries were made",
                    call.attempt
                )
            });
            let reason = Reason::RetriesExhausted;
            return Decision::new(Action::Escalate, class, reason, Source::None, 0);
        }
        record.step(Topic::Retries, || {
            format!(
                "retry {} of {retries} is left",
                call.attempt.saturating_add(1)
            )
        });

        let (wait_ms, source) = match self.wait(heard, &judgement, call, record) {
            Ok(wait) => wait,
            Err(Hint { ms, source, .. }) => {
                return Decision::new(Action::Stop, class, Reason::HintTooLong, source, ms);
            }
        };
        if let Some(deadline_ms) = call.deadline_ms.or(self.deadline_ms) {
            let end_ms = call.elapsed_ms.unwrap_or(0).saturating_add(wait_ms);
            record.step(Topic::Deadline, || {
                let past = if end_ms > deadline_ms {
                    "past"
                } else {
                    "within"
                };
                format!(
                    "the wait ends {end_ms} ms into the call, {past} the {deadline_ms} ms it has"
                )
            });
            if end_ms > deadline_ms {
                return Decision::new(Action::Stop, class, Reason::Deadline, source, wait_ms);
            }
        }
        Decision::new(Action::Retry, class, reason, source, wait_ms)
    }

    /// Why the call's request may not be sent again, as far as its method and nature are known.
    fn forbids_repeating(&self, verdict: Verdict, call: &Call<'_>) -> Option<Reason> {
        let methods = self.methods.as_deref();
        let allows = |method: &str| match methods {
            Some(methods) => methods.iter().any(|other| other == method),
            None => IDEMPOTENT_METHODS.contains(&method),
        };
        let reason = match verdict {
            _ if methods.is_some() => Reason::NotIdempotent,
            Verdict::RetryIfIdempotent => Reason::PossiblyExecuted,
            Verdict::Retry | Verdict::Stop => return None,
        };
        let may = match (call.idempotent, call.method) {
            (Some(idempotent), _) => idempotent,
            (None, Some(method)) => allows(method),
            (None, None) => true,
        };
        (!may).then_some(reason)
    }

    /// What the policy looks at of the failure's body.
    fn body<'f>(&self, failure: &Failure<'f>) -> Cow<'f, str> {
        if self.reads_body() {
            error_body::body_of(failure)
        } else {
            Cow::Borrowed("")
        }
    }
}

/// What ends the call whatever the server says.
fn terminal_fact(failure: &Failure<'_>, call: &Call<'_>) -> Option<Reason> {
    if call.delivered == Some(true) {
        Some(Reason::Delivered)
    } else if call.replayable == Some(false) {
        Some(Reason::NotReplayable)
    } else if matches!(failure, Failure::Transport(TransportKind::Aborted, _)) {
        Some(Reason::Aborted)
    } else {
        None
    }
}

fn stop(class: FailureClass, reason: Reason) -> Decision {
    Decision::new(Action::Stop, class, reason, Source::None, 0)
}

impl Decision {
    /// What is done and why, for a person.
    pub(crate) fn describe(self) -> String {
        let after_ms = self.after_ms();
        match self.action() {
            Action::Retry => format!("retry after {after_ms} ms, by {}", self.source()),
            action if after_ms > 0 => {
                let reason = self.reason();
                format!("{action}, {reason}: it would have been {after_ms} ms")
            }
            action => format!("{action}, {}", self.reason()),
        }
    }
}

fn describe(failure: &Failure<'_>, call: &Call<'_>) -> String {
    let attempt = call.attempt;
    match failure {
        Failure::Response { status, .. } => format!("attempt {attempt} ended with status {status}"),
        Failure::Transport(kind, phase) => {
            format!("attempt {attempt} ended without a response: {kind} in phase {phase}")
        }
    }
}
