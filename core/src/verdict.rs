//! Whether a failure may be tried again at all, whatever the delay.

use alloc::format;
use alloc::string::String;

use serde::Serialize;

use crate::code::words;
use crate::decision::{FailureClass, Reason};
use crate::error_body::ToldBy;
use crate::explanation::{Recorder, Topic};
use crate::failure::Failure;
use crate::hint::Hint;
use crate::policy::Policy;
use crate::response::Response;

/// What a rule says of the failures it names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Outcome {
    /// Whether such a failure may be tried again.
    pub verdict: Verdict,
    /// What kind of failure it is.
    pub class: FailureClass,
}

words! {
    /// May it be tried again?
    pub(crate) enum Verdict {
        /// It may, if retries are left and nothing else speaks against it.
        Retry "retry",
        /// It may have been executed already: only a request that is safe to repeat may.
        RetryIfIdempotent "retry_if_idempotent",
        /// It may not.
        Stop "stop",
    }
}

/// What the policy makes of a failure, and why.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Judgement {
    pub verdict: Verdict,
    pub class: FailureClass,
    pub reason: Reason,
    /// At most so many retries after such a failure.
    pub retries: Option<u32>,
    /// The shortest wait after such a failure, in milliseconds.
    pub min_ms: u64,
    /// The base of the backoff after such a failure, in milliseconds.
    pub base_ms: Option<u64>,
}

/// What the first rule that applies says, or `otherwise` where none does; unless the server says
/// itself whether to try again.
pub(crate) fn find(
    policy: &Policy,
    failure: &Failure<'_>,
    response: &Response<'_>,
    hint: Option<Hint>,
    record: &mut Recorder,
) -> Judgement {
    let mut judgement = by_rules(policy, failure, response, hint, record);
    if response.success {
        return judgement;
    }
    let mut server_verdicts = policy.server_verdicts.iter();
    let said = server_verdicts.find_map(|place| Some((place, place.read(response)?)));
    if let Some((place, said)) = said {
        let unheard = why_unheard(&judgement, said);
        if unheard.is_none() {
            judgement.verdict = said;
            judgement.reason = Reason::ServerVerdict;
        }
        record.step(Topic::Verdict, || {
            let (said, place) = (said.name(), place.describe(response));
            match unheard {
                None => format!("{said}: the server says so, by {place}"),
                Some(why) => format!("the server says {said}, by {place}, but {why}"),
            }
        });
    }
    judgement
}

/// Why the server's own word doesn't count, if it doesn't: it would have a retry that can't succeed,
/// or that may execute the request twice.
fn why_unheard(judgement: &Judgement, said: Verdict) -> Option<&'static str> {
    match (said, judgement.verdict, judgement.class) {
        (Verdict::Retry, Verdict::Stop, FailureClass::QuotaExhausted | FailureClass::TooLarge) => {
            Some("that can't succeed")
        }
        (Verdict::Retry, Verdict::RetryIfIdempotent, _) => Some("it may have been executed"),
        _ => None,
    }
}

fn by_rules(
    policy: &Policy,
    failure: &Failure<'_>,
    response: &Response<'_>,
    hint: Option<Hint>,
    record: &mut Recorder,
) -> Judgement {
    let applying = policy
        .rules
        .iter()
        .zip(1_usize..)
        .find_map(|(rule, number)| {
            let reason = rule.applies(failure, response, hint)?;
            Some((rule, reason, number))
        });
    let Some((rule, reason, number)) = applying else {
        let (Outcome { verdict, class }, reason) = if response.success {
            // What the policy says of other failures is not said of a success.
            let nothing = Outcome {
                verdict: Verdict::Stop,
                class: FailureClass::Other,
            };
            (nothing, Reason::NotAFailure)
        } else {
            (policy.otherwise, Reason::Unlisted)
        };
        record.step(Topic::Verdict, || match reason {
            Reason::NotAFailure => String::from("stop: the response is a success"),
            _ => format!("{}, {class}: no rule names this failure", verdict.name()),
        });
        return Judgement {
            verdict,
            class,
            reason,
            retries: None,
            min_ms: 0,
            base_ms: None,
        };
    };
    let Outcome { verdict, class } = rule.outcome;
    record.step(Topic::Verdict, || {
        let hinted = match rule.hinted {
            Some(_) => ", with a hint",
            None => "",
        };
        let what = describe(reason, failure, response);
        format!(
            "{}, {class}: rule {number} names {what}{hinted}",
            verdict.name()
        )
    });
    Judgement {
        verdict,
        class,
        reason,
        retries: rule.retries,
        min_ms: rule.min_ms,
        base_ms: rule.base_ms,
    }
}

/// What of the failure a rule names.
fn describe(reason: Reason, failure: &Failure<'_>, response: &Response<'_>) -> String {
    let error = response.error.as_deref();
    let code = error.and_then(|error| error.code.as_deref());
    let kind = error.and_then(|error| error.kind.as_deref());
    match (reason, failure) {
        (Reason::ErrorCode, _) => format!("the error code `{}`", code.unwrap_or("")),
        (Reason::ErrorType, _) => format!("the error type `{}`", kind.unwrap_or("")),
        (Reason::ErrorClass, _) => {
            let told = error.and_then(|error| error.class);
            let by = match told.map(|(_, by)| by) {
                Some(ToldBy::Code) => format!("its code `{}`", code.unwrap_or("")),
                Some(ToldBy::Kind) => format!("its type `{}`", kind.unwrap_or("")),
                Some(ToldBy::Sign(sign)) => sign.into(),
                None => String::new(),
            };
            format!("the class that the error body tells, by {by}")
        }
        (_, Failure::Transport(kind, phase)) => {
            format!("transport failure {kind} in phase {phase}")
        }
        (_, Failure::Response { status, .. }) => match response.status {
            Some(own) if own != *status => format!("status {own}, which the body states"),
            _ => format!("status {status}"),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Call, Headers, Phase, TransportKind};
    use alloc::format;

    fn verdict(rules: &str, failure: Failure<'_>) -> (&'static str, Reason) {
        let document = format!(
            r#"{{"name": "p", "retries": 1, "rules": [{rules}],
                "server_verdicts": ["x-should-retry", "retryable"],
                "hint": {{"sources": ["retry-after"]}},
                "otherwise": {{"verdict": "stop", "class": "other"}},
                "backoff": {{"base_ms": 1, "factor": 1, "jitter": {{"kind": "none"}}}}}}"#
        );
        let policy = Policy::from_json(&document).unwrap();
        let call = Call::new(0, 0);
        let body = crate::error_body::body_of(&failure);
        let response = Response::read(&failure, &body, &call, policy.reads.headers);
        let silent = &mut Recorder::silent();
        let hint = policy.hint.find(&response, silent).map(|heard| heard.hint);
        let judgement = find(&policy, &failure, &response, hint, silent);
        (judgement.verdict.name(), judgement.reason)
    }

    fn response<'r>(status: u16, headers: &'r str, body: &'r str) -> Failure<'r> {
        Failure::Response {
            status,
            headers: Headers::Block(headers),
            body: body.as_bytes(),
        }
    }

    #[test]
    fn the_first_rule_that_applies_decides() {
        let rules = r#"{"code": ["quota"], "verdict": "stop", "class": "conflict"},
            {"status": [503], "type": ["busy"], "verdict": "retry", "class": "conflict"},
            {"error_class": ["overloaded"], "verdict": "retry", "class": "overloaded"},
            {"status": [403], "hinted": true, "verdict": "retry", "class": "rate_limited"},
            {"status": [429, "500-599"], "verdict": "retry_if_idempotent", "class": "conflict"}"#;
        let quota = r#"{"error":{"code":"quota","type":"busy"}}"#;
        let busy = r#"{"error":{"code":"Quota","type":"busy"}}"#;
        let overloaded = r#"{"error":{"code":"overloaded_error"}}"#;
        for (status, headers, body, expected) in [
            (503, "", quota, ("stop", Reason::ErrorCode)),
            (503, "", busy, ("retry", Reason::ErrorType)),
            (400, "", overloaded, ("retry", Reason::ErrorClass)),
            (403, "retry-after: 1", "", ("retry", Reason::Status)),
            (403, "retry-after: x", "", ("stop", Reason::Unlisted)),
            (429, "", busy, ("retry_if_idempotent", Reason::Status)),
            (599, "", "", ("retry_if_idempotent", Reason::Status)),
            (600, "", "", ("stop", Reason::Unlisted)),
            (204, "", "", ("stop", Reason::NotAFailure)),
            (200, "", quota, ("stop", Reason::ErrorCode)),
            (
                200,
                "",
                r#"{"type":"overloaded_error"}"#,
                ("stop", Reason::NotAFailure),
            ),
            (
                200,
                "",
                r#"{"error":{"code":503,"type":"busy"}}"#,
                ("retry", Reason::ErrorType),
            ),
            (
                200,
                "",
                r#"{"error":{"type":"busy"}}"#,
                ("stop", Reason::Unlisted),
            ),
        ] {
            let verdict = verdict(rules, response(status, headers, body));
            assert_eq!(verdict, expected, "{status} {headers} {body}");
        }
    }

    #[test]
    fn the_servers_own_word_outweighs_the_rules() {
        let rules = r#"{"status": [429], "verdict": "retry", "class": "rate_limited"},
            {"status": [502], "verdict": "retry_if_idempotent", "class": "unavailable"}"#;
        let said = Reason::ServerVerdict;
        for (status, headers, body, expected) in [
            (429, "x-should-retry: FALSE", "", ("stop", said)),
            (400, "x-should-retry: true", "", ("retry", said)),
            (
                502,
                "x-should-retry: true",
                "",
                ("retry_if_idempotent", Reason::Status),
            ),
            (
                400,
                "x-should-retry: yes\nx-should-retry: true",
                "",
                ("retry", said),
            ),
            (
                400,
                "x-should-retry: true",
                r#"{"retryable":false,"code":1}"#,
                ("retry", said),
            ),
            (429, "", r#"{"retryable":false,"code":1}"#, ("stop", said)),
            (429, "x-should-retry: yes", "", ("retry", Reason::Status)),
            (
                200,
                "x-should-retry: true",
                "",
                ("stop", Reason::NotAFailure),
            ),
            (
                200,
                "x-should-retry: true",
                r#"{"error":"busy"}"#,
                ("retry", said),
            ),
        ] {
            let verdict = verdict(rules, response(status, headers, body));
            assert_eq!(verdict, expected, "{status} {headers} {body}");
        }
    }

    #[test]
    fn transport_failures_meet_transport_rules_only() {
        let rules = r#"{"transport": ["reset"], "phase": ["connect"], "verdict": "retry", "class": "transport"},
            {"status": ["100-999"], "verdict": "stop", "class": "other"}"#;
        let failed = |kind, phase| verdict(rules, Failure::Transport(kind, phase));
        let expected = ("retry", Reason::Transport);
        assert_eq!(failed(TransportKind::Reset, Phase::Connect), expected);
        let unlisted = ("stop", Reason::Unlisted);
        assert_eq!(failed(TransportKind::Reset, Phase::Sent), unlisted);
        assert_eq!(failed(TransportKind::Dns, Phase::Connect), unlisted);
        assert_eq!(
            verdict(rules, response(500, "", "")),
            ("stop", Reason::Status)
        );
    }
}
