//! The rules in order; the first that applies decides.

use alloc::format;
use alloc::string::String;

use crate::call::Call;
use crate::decision::{Action, Decision, FailureClass, MAX_WAIT_MS, Reason, Source};
use crate::explanation::{Explanation, Recorder, Topic};
use crate::failure::{Failure, Headers, TransportKind};
use crate::hint::{BeyondMax, Hint};
use crate::jitter::Jitter;
use crate::policy::Policy;
use crate::verdict::{self, Outcome, Verdict};

impl Policy {
    /// Whether the failed attempt may be tried again, and after how long.
    ///
    /// Pure and total: the same input always gives the same answer, and no input makes it fail.
    /// Without a body to look into, it allocates nothing.
    pub fn decide(&self, failure: &Failure<'_>, call: &Call<'_>) -> Decision {
        self.run(failure, call, &mut Recorder::silent())
    }

    /// The same decision, with the steps that led to it.
    pub fn explain(&self, failure: &Failure<'_>, call: &Call<'_>) -> Explanation {
        let mut record = Recorder::listening();
        let decision = self.run(failure, call, &mut record);
        record.step(Topic::Decision, || {
            let after_ms = decision.after_ms();
            match decision.action() {
                Action::Retry => format!("retry after {after_ms} ms, by {}", decision.source()),
                action if after_ms > 0 => {
                    format!(
                        "{action}, {}: it would have been {after_ms} ms",
                        decision.reason()
                    )
                }
                action => format!("{action}, {}", decision.reason()),
            }
        });
        Explanation {
            steps: record.into_steps(),
            decision,
        }
    }

    /// How long the server said to wait, by the first of the policy's headers that can be read;
    /// whatever else the policy makes of the failure.
    pub fn hint(&self, failure: &Failure<'_>, call: &Call<'_>) -> Option<Hint> {
        self.hint
            .find(headers(failure), call.now_ms, &mut Recorder::silent())
    }

    fn run(&self, failure: &Failure<'_>, call: &Call<'_>, record: &mut Recorder) -> Decision {
        let retries = call.max_retries.unwrap_or(self.retries);
        record.step(Topic::Failure, || describe(failure, call));
        let (Outcome { verdict, class }, verdict_reason) =
            verdict::find(&self.rules, self.otherwise, failure, record);

        if let Some(reason) = terminal_fact(failure, call) {
            record.step(Topic::Call, || {
                format!("{}, whatever the verdict", reason.meaning())
            });
            return stop(class, reason);
        }
        if verdict == Verdict::Stop {
            return stop(class, verdict_reason);
        }
        if !self.may_repeat(call) {
            record.step(Topic::Call, || {
                format!(
                    "{}: {}",
                    Reason::NotIdempotent.meaning(),
                    call.method.unwrap_or("unknown")
                )
            });
            return stop(class, Reason::NotIdempotent);
        }
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
                "retry {} of {retries} comes next",
                call.attempt.saturating_add(1)
            )
        });

        let (wait_ms, source) = match self.wait(failure, call, record) {
            Ok(wait) => wait,
            Err(Hint { ms, source }) => {
                return Decision::new(Action::Stop, class, Reason::HintTooLong, source, ms);
            }
        };
        if let Some(deadline_ms) = call.deadline_ms {
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
        Decision::new(Action::Retry, class, verdict_reason, source, wait_ms)
    }

    /// The wait in milliseconds and where it comes from; the hint itself where it is too long.
    fn wait(
        &self,
        failure: &Failure<'_>,
        call: &Call<'_>,
        record: &mut Recorder,
    ) -> Result<(u64, Source), Hint> {
        let Call { attempt, draw, .. } = *call;
        if let Some(hint) = self.hint.find(headers(failure), call.now_ms, record) {
            let max_ms = self.hint.max_ms.min(MAX_WAIT_MS);
            let too_long = hint.ms > max_ms;
            if too_long {
                record.step(Topic::Hint, || {
                    let then = match self.hint.beyond_max {
                        BeyondMax::Stop => "the call ends",
                        BeyondMax::Clamp => "the longest is waited",
                        BeyondMax::Ignore => "it is passed over",
                    };
                    format!("that is beyond the longest wait of {max_ms} ms: {then}")
                });
            }
            match self.hint.beyond_max {
                BeyondMax::Stop if too_long => return Err(hint),
                BeyondMax::Ignore if too_long => {}
                BeyondMax::Stop | BeyondMax::Clamp | BeyondMax::Ignore => {
                    let least_ms = hint.ms.min(max_ms).max(self.hint.min_ms);
                    let wait_ms = self.hint.jitter.apply(least_ms, draw, attempt);
                    if wait_ms != hint.ms {
                        record.step(Topic::Jitter, || {
                            format!(
                                "the wait is {wait_ms} ms by the policy's floor, cap and jitter"
                            )
                        });
                    }
                    return Ok((wait_ms.min(MAX_WAIT_MS), hint.source));
                }
            }
        }
        let wait_ms = self.backoff.wait(attempt, draw);
        record.step(Topic::Backoff, || {
            let plain_ms = self.backoff.plain(attempt);
            format!("no hint counts: attempt {attempt} has a backoff of {plain_ms} ms")
        });
        record.step(Topic::Jitter, || {
            let cap_ms = self.backoff.cap_ms;
            match self.backoff.jitter {
                Jitter::None => format!("none; the cap of {cap_ms} ms leaves {wait_ms} ms"),
                _ => format!("with jitter and the cap of {cap_ms} ms the wait is {wait_ms} ms"),
            }
        });
        Ok((wait_ms, Source::Backoff))
    }

    /// Whether the policy lets the call's request be repeated, as far as its method is known.
    fn may_repeat(&self, call: &Call<'_>) -> bool {
        let Some(methods) = &self.methods else {
            return true;
        };
        match (call.idempotent, call.method) {
            (Some(idempotent), _) => idempotent,
            (None, Some(method)) => methods.iter().any(|other| other == method),
            (None, None) => true,
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

fn headers<'a>(failure: &Failure<'a>) -> Headers<'a> {
    match failure {
        Failure::Response { headers, .. } => *headers,
        Failure::Transport(..) => Headers::NONE,
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
