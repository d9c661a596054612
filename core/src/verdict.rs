//! Whether a failure may be tried again at all, whatever the delay.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use serde::{Serialize, Serializer};

use crate::code::words;
use crate::decision::{FailureClass, Reason};
use crate::error_body::ErrorBody;
use crate::explanation::{Recorder, Topic};
use crate::failure::{Failure, TransportKind};

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
        /// It may not.
        Stop "stop",
    }
}

/// One rule: the failures it names, and what it says of them. A failure must meet every condition
/// that the rule has, and a condition is met by any of its values.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Rule {
    /// Response statuses.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub status: Vec<StatusRange>,
    /// The error body's `type`, exactly.
    #[serde(rename = "type", skip_serializing_if = "Vec::is_empty")]
    pub error_type: Vec<String>,
    /// The error body's `code`, exactly.
    #[serde(rename = "code", skip_serializing_if = "Vec::is_empty")]
    pub error_code: Vec<String>,
    /// Kinds of transport failure.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub transport: Vec<TransportKind>,
    /// What the rule says.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// One status, or all from a first to a last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StatusRange {
    /// The first status in the range.
    pub first: u16,
    /// The last status in the range, the first again where it is only one.
    pub last: u16,
}

impl Serialize for StatusRange {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { first, last } = self;
        if first == last {
            serializer.serialize_u16(*first)
        } else {
            serializer.collect_str(&format_args!("{first}-{last}"))
        }
    }
}

impl Rule {
    /// Why the rule applies to the failure, if it does: its most telling condition.
    fn applies(&self, failure: &Failure<'_>, error: Option<&ErrorBody>) -> Option<Reason> {
        let names = |values: &[String], value: Option<&str>| {
            value.is_some_and(|value| values.iter().any(|other| other == value))
        };
        let (by_code, by_type) = (!self.error_code.is_empty(), !self.error_type.is_empty());
        match failure {
            Failure::Transport(kind, _) => {
                self.transport.contains(kind).then_some(Reason::Transport)
            }
            _ if !self.transport.is_empty() => None,
            _ if by_code && !names(&self.error_code, error.and_then(|e| e.code.as_deref())) => None,
            _ if by_type && !names(&self.error_type, error.and_then(|e| e.kind.as_deref())) => None,
            Failure::Response { status, .. } => {
                let named = |range: &StatusRange| (range.first..=range.last).contains(status);
                let met = self.status.is_empty() || self.status.iter().any(named);
                met.then_some(match (by_code, by_type) {
                    (true, _) => Reason::ErrorCode,
                    (false, true) => Reason::ErrorType,
                    (false, false) => Reason::Status,
                })
            }
        }
    }

    /// Whether the rule looks into the error body.
    pub(crate) fn reads_body(&self) -> bool {
        !self.error_type.is_empty() || !self.error_code.is_empty()
    }
}

/// What the first rule that applies says, and why it does; `otherwise` where none applies.
pub(crate) fn find(
    rules: &[Rule],
    otherwise: Outcome,
    failure: &Failure<'_>,
    record: &mut Recorder,
) -> (Outcome, Reason) {
    let error = match failure {
        Failure::Response { body, .. } if rules.iter().any(Rule::reads_body) => {
            ErrorBody::parse(body)
        }
        _ => None,
    };
    let applying = rules.iter().zip(1_usize..).find_map(|(rule, number)| {
        rule.applies(failure, error.as_ref())
            .map(|reason| (rule.outcome, reason, number))
    });
    let Some((outcome, reason, number)) = applying else {
        let success = matches!(
            failure,
            Failure::Response {
                status: 200..=299,
                ..
            }
        );
        let reason = if success {
            Reason::NotAFailure
        } else {
            Reason::Unlisted
        };
        record.step(Topic::Verdict, || {
            let Outcome { verdict, class } = otherwise;
            match reason {
                Reason::NotAFailure => String::from("stop: the response is a success"),
                _ => format!("{}, {class}: no rule names this failure", verdict.name()),
            }
        });
        // What the policy says of other failures is not said of a success.
        let success_outcome = Outcome {
            verdict: Verdict::Stop,
            class: FailureClass::Other,
        };
        return (if success { success_outcome } else { otherwise }, reason);
    };
    record.step(Topic::Verdict, || {
        let Outcome { verdict, class } = outcome;
        let named = |name: &str, value: Option<&str>| format!("{name} `{}`", value.unwrap_or(""));
        let what = match (reason, failure, &error) {
            (Reason::ErrorCode, _, Some(error)) => named("the error code", error.code.as_deref()),
            (Reason::ErrorType, _, Some(error)) => named("the error type", error.kind.as_deref()),
            (_, Failure::Response { status, .. }, _) => format!("status {status}"),
            (_, Failure::Transport(kind, _), _) => format!("transport failure {kind}"),
        };
        format!("{}, {class}: rule {number} names {what}", verdict.name())
    });
    (outcome, reason)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Headers, Phase};
    use alloc::vec;

    fn rule(status: &[(u16, u16)], kind: &str, code: &str, verdict: Verdict) -> Rule {
        let text = |text: &str| {
            if text.is_empty() {
                vec![]
            } else {
                vec![text.into()]
            }
        };
        Rule {
            status: status
                .iter()
                .map(|&(first, last)| StatusRange { first, last })
                .collect(),
            error_type: text(kind),
            error_code: text(code),
            transport: vec![],
            outcome: Outcome {
                verdict,
                class: FailureClass::Conflict,
            },
        }
    }

    fn verdict(rules: &[Rule], failure: Failure<'_>) -> (Verdict, Reason) {
        let otherwise = Outcome {
            verdict: Verdict::Stop,
            class: FailureClass::Other,
        };
        let (outcome, reason) = find(rules, otherwise, &failure, &mut Recorder::silent());
        (outcome.verdict, reason)
    }

    fn response(status: u16, body: &str) -> Failure<'_> {
        Failure::Response {
            status,
            headers: Headers::NONE,
            body: body.as_bytes(),
        }
    }

    #[test]
    fn the_first_rule_that_applies_decides() {
        let rules = [
            rule(&[], "", "quota", Verdict::Stop),
            rule(&[(503, 503)], "busy", "", Verdict::Retry),
            rule(&[(429, 429), (500, 599)], "", "", Verdict::Retry),
        ];
        let quota = r#"{"error":{"code":"quota","type":"busy"}}"#;
        let busy = r#"{"error":{"code":"Quota","type":"busy"}}"#;
        assert_eq!(
            verdict(&rules, response(503, quota)),
            (Verdict::Stop, Reason::ErrorCode)
        );
        assert_eq!(
            verdict(&rules, response(503, busy)),
            (Verdict::Retry, Reason::ErrorType)
        );
        assert_eq!(
            verdict(&rules, response(429, busy)),
            (Verdict::Retry, Reason::Status)
        );
        assert_eq!(
            verdict(&rules, response(599, "")),
            (Verdict::Retry, Reason::Status)
        );
        assert_eq!(
            verdict(&rules, response(600, "")),
            (Verdict::Stop, Reason::Unlisted)
        );
        assert_eq!(
            verdict(&rules, response(204, "")),
            (Verdict::Stop, Reason::NotAFailure)
        );
        assert_eq!(
            verdict(&rules, response(200, quota)),
            (Verdict::Stop, Reason::ErrorCode)
        );
    }

    #[test]
    fn transport_failures_meet_transport_rules_only() {
        let mut reset = rule(&[], "", "", Verdict::Retry);
        reset.transport = vec![TransportKind::Reset];
        let rules = [reset, rule(&[(0, 999)], "", "", Verdict::Stop)];
        let failed = |kind| Failure::Transport(kind, Phase::Sent);
        let expected = (Verdict::Retry, Reason::Transport);
        assert_eq!(verdict(&rules, failed(TransportKind::Reset)), expected);
        let expected = (Verdict::Stop, Reason::Unlisted);
        assert_eq!(verdict(&rules, failed(TransportKind::Dns)), expected);
        assert_eq!(
            verdict(&rules, response(500, "")),
            (Verdict::Stop, Reason::Status)
        );
    }
}
