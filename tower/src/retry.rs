//! The loop: admit, send, decide, wait, and again.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, UNIX_EPOCH};

use holdoff::{Action, Admission, Call, Decision, Headers, SupportReport, Ticket, Upstream};
use http::HeaderMap;
use tokio::time::{Instant, sleep};
use tracing::field::Empty;
use tracing::{Instrument, Span};

use crate::attempt::{Answer, Client, Failed, Outcome, attempt, pairs};
use crate::event::{DecisionEvent, log, log_held_back};
use crate::held_back::HeldBack;
use crate::idempotency;
use crate::options::{CallOptions, Options, Sharing};
use crate::target::Target;

tokio::task_local! {
    /// Where an attempt that is under way is sent to.
    static ATTEMPT: String;
}

/// So many servers are remembered.
const MOST_UPSTREAMS: usize = 1000;

type SharedUpstream = Arc<Mutex<Upstream>>;

/// What all calls of an adapter have in common.
#[derive(Debug, Default)]
pub(crate) struct Retry {
    options: Options,
    upstreams: Mutex<HashMap<String, SharedUpstream>>,
    has_warned: AtomicBool,
}

/// One call under way.
struct Running<'r> {
    retry: &'r Retry,
    target: &'r Target,
    upstream: Option<SharedUpstream>,
    begin: Instant,
    /// With what is known from its begin; [`Running::call`] has the rest.
    facts: Call<'r>,
}

/// The last attempt, and what was decided about it.
struct Last<C: Client> {
    failed: Failed<C>,
    attempt: u32,
    decision: Decision,
}

impl Retry {
    pub fn new(options: Options) -> Self {
        Self {
            options,
            ..Self::default()
        }
    }

    /// Makes a request ready to be sent again and again. Returns what differs for the call from the options.
    pub fn prepare(
        &self,
        own: Option<&CallOptions>,
        target: &Target,
        headers: &mut HeaderMap,
    ) -> CallOptions {
        self.warn_of_retries_around(target, headers);
        let has_key = idempotency::give_key(&self.options.policy, &target.method, headers);
        let with_key = CallOptions {
            idempotent: has_key.then_some(true),
            ..CallOptions::new()
        };
        let own = own.copied().unwrap_or_default();
        own.or(self.options.call).or(with_key)
    }

    /// Sends a prepared request until it succeeds or the policy ends the call.
    pub async fn run<C: Client>(
        &self,
        client: &mut C,
        target: &Target,
        own: CallOptions,
    ) -> Answer<C> {
        let begin = Instant::now();
        let seed = self.options.seed.unwrap_or_else(|| self.fresh_seed());
        let running = Running {
            retry: self,
            target,
            upstream: self.upstream(&target.origin),
            begin,
            facts: Call {
                deadline_ms: own.deadline.map(whole_ms),
                max_retries: own.max_retries,
                method: Some(target.method.as_str()),
                idempotent: own.idempotent,
                ..Call::new(0, seed)
            },
        };
        let deadline = own
            .deadline
            .and_then(|deadline| begin.checked_add(deadline));
        running.drive(client, deadline).await
    }

    fn upstream(&self, origin: &str) -> Option<SharedUpstream> {
        match &self.options.sharing {
            Sharing::None => None,
            Sharing::Given(upstream) => Some(Arc::clone(upstream)),
            Sharing::ByOrigin => {
                let mut upstreams = lock(&self.upstreams);
                if let Some(upstream) = upstreams.get(origin) {
                    return Some(Arc::clone(upstream));
                }
                if upstreams.len() >= MOST_UPSTREAMS
                    && let Some(any) = upstreams.keys().next().cloned()
                {
                    upstreams.remove(&any);
                }
                let upstream = SharedUpstream::default();
                upstreams.insert(origin.to_owned(), Arc::clone(&upstream));
                Some(upstream)
            }
        }
    }

    fn now_ms(&self) -> Option<u64> {
        let since = (self.options.clock)().duration_since(UNIX_EPOCH).ok()?;
        Some(whole_ms(since))
    }

    /// Where there is no entropy, the moment is what differs from call to call.
    fn fresh_seed(&self) -> u64 {
        getrandom::u64().unwrap_or_else(|_| self.now_ms().unwrap_or_default())
    }

    /// Says once that somebody else sends the same requests again, too. Those to elsewhere, as for a
    /// token, are others.
    fn warn_of_retries_around(&self, target: &Target, headers: &HeaderMap) {
        let count = headers.get("x-stainless-retry-count");
        let what = if count.is_some_and(|count| count != "0") {
            "the SDK around this client retries too: set its `max_retries` to 0"
        } else if ATTEMPT.try_with(|outer| *outer == target.endpoint) == Ok(true) {
            "this call is made inside an attempt that holdoff retries too: remove one of the two layers"
        } else {
            return;
        };
        if !self.has_warned.swap(true, Ordering::Relaxed) {
            tracing::warn!(target: "holdoff", "{what}, or the attempts of both multiply");
        }
    }
}

impl Running<'_> {
    async fn drive<C: Client>(&self, client: &mut C, deadline: Option<Instant>) -> Answer<C> {
        let policy = &self.retry.options.policy;
        let mut last: Option<Last<C>> = None;
        let mut number = 0_u32;
        loop {
            if let Some(refusal) = self.until_admitted(number).await {
                return self.refused(client, refusal, last, number);
            }
            let after = last.take().map(|last| last.decision);
            let span = self.attempt_span(number);
            let sending = attempt(client, policy, &self.facts, deadline);
            let sending = ATTEMPT.scope(self.target.endpoint.clone(), sending);
            let outcome = sending.instrument(span.clone()).await;
            let call = Call {
                replayable: Some(client.is_replayable()),
                ..self.call(number)
            };
            let failed = match outcome {
                Outcome::Failed(failed) => failed,
                Outcome::Done(answer) => {
                    match &answer {
                        Ok(response) => {
                            record_status(&span, response.status().as_u16());
                            let pairs = pairs(response.headers());
                            self.with_upstream(|upstream| {
                                upstream.succeed(policy, &call, after, Headers::Pairs(&pairs));
                            });
                        }
                        Err(_) => record_error(&span, "_OTHER"),
                    }
                    return answer;
                }
            };
            record_failure(&span, &failed);
            let decision = span.in_scope(|| self.decide(&failed, &call));
            let current = Last {
                failed,
                attempt: number,
                decision,
            };
            if decision.action() != Action::Retry {
                return current.into_answer(decision);
            }
            // Only a call that an upstream may yet end needs its last failure. Without one, the response is
            // let go of, and with it its connection.
            last = self.upstream.is_some().then_some(current);
            drop(span);
            sleep(Duration::from_millis(decision.after_ms())).await;
            number = number.saturating_add(1);
        }
    }

    /// What is known of the call now.
    fn call(&self, attempt: u32) -> Call<'_> {
        Call {
            attempt,
            now_ms: self.retry.now_ms(),
            elapsed_ms: Some(whole_ms(self.begin.elapsed())),
            ..self.facts
        }
    }

    /// Waits for as long as the upstream says. The decision, where that is not to send.
    async fn until_admitted(&self, attempt: u32) -> Option<Decision> {
        let policy = &self.retry.options.policy;
        let mut ticket = Ticket::NONE;
        loop {
            let call = self.call(attempt);
            let admission = self.with_upstream(|upstream| upstream.admit(policy, &call, ticket));
            match admission.unwrap_or(Admission::Send) {
                Admission::Send => return None,
                Admission::Refuse(decision) => return Some(decision),
                Admission::Wait {
                    after_ms,
                    ticket: next,
                    source,
                } => {
                    ticket = next;
                    log_held_back(after_ms, source, attempt, self.target);
                    sleep(Duration::from_millis(after_ms)).await;
                }
            }
        }
    }

    /// Decides what becomes of a failed attempt, and tells it.
    fn decide<C: Client>(&self, failed: &Failed<C>, call: &Call<'_>) -> Decision {
        failed.with_failure(|failure| {
            let policy = &self.retry.options.policy;
            if self.retry.options.listener.is_none() {
                let shared = self.with_upstream(|upstream| upstream.decide(policy, failure, call));
                let decision = shared.unwrap_or_else(|| policy.decide(failure, call));
                log(decision, call.attempt, self.target);
                return decision;
            }
            let shared = self.with_upstream(|upstream| upstream.explain(policy, failure, call));
            let explanation = shared.unwrap_or_else(|| policy.explain(failure, call));
            let decision = explanation.decision;
            log(decision, call.attempt, self.target);
            let report = || SupportReport::new(failure, call.now_ms, Some(&self.target.endpoint));
            self.tell(DecisionEvent {
                wait: wait(decision),
                explanation: Some(explanation),
                report: (decision.action() == Action::Escalate).then(report),
                ..self.event(decision, call.attempt, Some(failed))
            });
            decision
        })
    }

    /// Ends a call that is not sent again, or not at all.
    fn refused<C: Client>(
        &self,
        client: &C,
        decision: Decision,
        last: Option<Last<C>>,
        number: u32,
    ) -> Answer<C> {
        let attempt = last.as_ref().map_or(number, |last| last.attempt);
        log(decision, attempt, self.target);
        let failed = last.as_ref().map(|last| &last.failed);
        self.tell(self.event(decision, attempt, failed));
        match last {
            Some(last) => last.into_answer(decision),
            None => {
                let policy = &self.retry.options.policy;
                Err(client.held_back(HeldBack::new(policy, decision)))
            }
        }
    }

    fn event<'e, C: Client>(
        &'e self,
        decision: Decision,
        attempt: u32,
        failed: Option<&'e Failed<C>>,
    ) -> DecisionEvent<'e> {
        let (status, error) = match failed.map(Failed::answer) {
            Some(Ok(response)) => (Some(response.status()), None),
            Some(Err(error)) => (None, Some(C::bare_error(error))),
            None => (None, None),
        };
        DecisionEvent {
            decision,
            attempt,
            wait: None,
            method: &self.target.method,
            endpoint: &self.target.endpoint,
            status,
            error,
            explanation: None,
            report: None,
        }
    }

    fn tell(&self, event: DecisionEvent<'_>) {
        if let Some(listener) = &self.retry.options.listener {
            listener(&event);
        }
    }

    /// Locks what calls share for a moment, and never while it waits.
    fn with_upstream<T>(&self, then: impl FnOnce(&mut Upstream) -> T) -> Option<T> {
        let upstream = self.upstream.as_ref()?;
        Some(then(&mut lock(upstream)))
    }

    /// A span by OpenTelemetry's conventions for HTTP clients.
    fn attempt_span(&self, attempt: u32) -> Span {
        let target = self.target;
        tracing::info_span!(
            target: "holdoff",
            "http.request",
            otel.name = target.method.as_str(),
            otel.kind = "client",
            otel.status_code = Empty,
            http.request.method = target.method.as_str(),
            http.request.resend_count = (attempt > 0).then_some(attempt),
            http.response.status_code = Empty,
            error.type = Empty,
            server.address = target.host.as_str(),
            server.port = target.port,
            url.full = target.endpoint.as_str(),
        )
    }
}

impl<C: Client> Last<C> {
    /// The last answer as the client gave it, with the decision among the extensions of a response.
    fn into_answer(self, decision: Decision) -> Answer<C> {
        let mut answer = self.failed.into_answer();
        if let Ok(response) = &mut answer {
            response.extensions_mut().insert(decision);
        }
        answer
    }
}

fn wait(decision: Decision) -> Option<Duration> {
    let retries = decision.action() == Action::Retry;
    retries.then(|| Duration::from_millis(decision.after_ms()))
}

fn record_status(span: &Span, status: u16) {
    span.record("http.response.status_code", status);
}

fn record_failure<C: Client>(span: &Span, failed: &Failed<C>) {
    if let Ok(response) = failed.answer() {
        record_status(span, response.status().as_u16());
    }
    record_error(span, &failed.error_type());
}

fn record_error(span: &Span, kind: &str) {
    span.record("error.type", kind);
    span.record("otel.status_code", "ERROR");
}

fn whole_ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
