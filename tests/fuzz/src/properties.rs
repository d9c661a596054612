//! What is true of every decision.

use holdoff::{
    Action, Call, Decision, Failure, Headers, MAX_BODY_BYTES, MAX_WAIT_MS, Reason, Source,
    SupportReport, Topic,
};

use crate::memory::within_bounds;
use crate::policies::Subject;

/// The longest hint that is told apart from longer ones: 2^31 s.
const MAX_HINT_MS: u64 = (1 << 31) * 1000;

/// Decides, and panics where what came out is not true of every decision.
pub(crate) fn check(subject: &Subject, failure: &Failure<'_>, call: &Call<'_>) {
    let policy = &subject.policy;
    let given = match failure {
        Failure::Response { headers, .. } => size_of_headers(*headers),
        Failure::Transport(..) => 0,
    };
    let decision = within_bounds(given, || policy.decide(failure, call));
    assert_eq!(policy.decide(failure, call), decision, "twice");
    let explanation = within_bounds(given, || policy.explain(failure, call));
    assert_eq!(explanation.decision, decision, "{explanation}");
    let last = explanation.steps.last().map(|step| step.topic);
    assert_eq!(last, Some(Topic::Decision), "{explanation}");

    let bits = decision.to_bits();
    assert!(bits < 1 << 53, "{bits}");
    assert_eq!(Decision::from_bits(bits), Some(decision));
    assert!(!policy.advice(decision).is_empty() || decision.class().meaning() != "");

    wait_is_right(subject, failure, call, decision);
    facts_are_kept(call, decision);
    same_in_every_shape(subject, failure, call, decision);
    let report = SupportReport::new(failure, call.now_ms, None);
    assert!(serde_json::from_str::<serde_json::Value>(&report.to_json()).is_ok());
}

/// A hint is a minimum, and no wait is longer than timers can take.
fn wait_is_right(subject: &Subject, failure: &Failure<'_>, call: &Call<'_>, decision: Decision) {
    let hint = subject.policy.hint(failure, call);
    assert_eq!(subject.policy.hint(failure, call), hint, "twice");
    let (action, reason) = (decision.action(), decision.reason());
    let (source, after_ms) = (decision.source(), decision.after_ms());
    assert!(after_ms <= MAX_WAIT_MS, "{decision:?}");
    assert!(hint.is_none_or(|hint| hint.ms <= MAX_HINT_MS), "{hint:?}");

    let waits = action == Action::Retry || matches!(reason, Reason::HintTooLong | Reason::Deadline);
    if !waits {
        assert_eq!((source, after_ms), (Source::None, 0), "{decision:?}");
        return;
    }
    let max_ms = subject.max_ms.min(MAX_WAIT_MS);
    match (source, hint) {
        (Source::None, _) => assert_ne!(source, Source::None, "{decision:?}"),
        (Source::Backoff, None) => assert!(after_ms >= subject.backoff_min_ms, "{decision:?}"),
        // A hint that is passed over because it is too long, or no wait at all, or gives way.
        (Source::Backoff, Some(hint)) => {
            let passed_over = hint.ms > max_ms || hint.ms == 0;
            let gives_way = subject.at_least_backoff && hint.ms <= after_ms;
            assert!(passed_over || gives_way, "{hint:?} {decision:?}");
        }
        (_, None) => assert_eq!(source, Source::Backoff, "{decision:?}"),
        (_, Some(hint)) => {
            assert_eq!(hint.source, source);
            if reason == Reason::HintTooLong {
                assert!(hint.ms > max_ms, "{hint:?} {decision:?}");
                assert_eq!(after_ms, hint.ms.min(MAX_WAIT_MS));
            } else {
                assert!(subject.clamps || hint.ms <= max_ms, "{hint:?} {decision:?}");
                let kept = subject.keeps_near_backoff || after_ms >= hint.ms.min(max_ms);
                assert!(kept, "{hint:?} {decision:?}");
            }
        }
    }
    if let Some(deadline_ms) = call.deadline_ms.or(subject.deadline_ms)
        && reason != Reason::HintTooLong
    {
        let end_ms = call.elapsed_ms.unwrap_or(0).saturating_add(after_ms);
        assert_eq!(
            end_ms > deadline_ms,
            reason == Reason::Deadline,
            "{decision:?}"
        );
    }
}

/// What a call forbids is never done.
fn facts_are_kept(call: &Call<'_>, decision: Decision) {
    let retries = decision.action() == Action::Retry;
    let may = call.delivered != Some(true)
        && call.replayable != Some(false)
        && call.max_retries.is_none_or(|most| call.attempt < most);
    assert!(may || !retries, "{decision:?}");
    let escalates = decision.action() == Action::Escalate;
    assert_eq!(escalates, decision.reason() == Reason::RetriesExhausted);
}

/// Whoever hands over only what the policy reads, or hands it over in another shape, gets the same
/// answer: the other languages do.
fn same_in_every_shape(
    subject: &Subject,
    failure: &Failure<'_>,
    call: &Call<'_>,
    decision: Decision,
) {
    let Failure::Response {
        status,
        headers,
        body,
    } = *failure
    else {
        return;
    };
    let policy = &subject.policy;
    let pairs = pairs_of(headers);
    let names: Vec<&str> = policy.headers().collect();
    let read = |name: &str| names.iter().any(|known| known.eq_ignore_ascii_case(name));
    let few: Vec<(&str, &str)> = pairs
        .iter()
        .filter(|(name, _)| read(name))
        .copied()
        .collect();
    let lines = |(name, value): &(&str, &str)| format!("{name}: {value}\n");
    let block: String = few.iter().map(lines).collect();
    let body = if policy.reads_body() { body } else { b"" };
    let body = body.get(..MAX_BODY_BYTES).unwrap_or(body);
    let with = |headers| Failure::Response {
        status,
        headers,
        body,
    };
    for headers in [Headers::Pairs(&pairs), Headers::Pairs(&few)] {
        assert_eq!(policy.decide(&with(headers), call), decision, "{headers:?}");
    }
    // A line feed in a value would end the line; no HTTP client lets one through.
    if few.iter().all(|(_, value)| !value.contains('\n')) {
        let headers = Headers::Block(&block);
        assert_eq!(policy.decide(&with(headers), call), decision, "{headers:?}");
    }
}

fn pairs_of(headers: Headers<'_>) -> Vec<(&str, &str)> {
    match headers {
        Headers::Pairs(pairs) => pairs.to_vec(),
        Headers::Block(block) => crate::input::pairs_of(block),
    }
}

fn size_of_headers(headers: Headers<'_>) -> usize {
    match headers {
        Headers::Pairs(pairs) => pairs.iter().map(|(_, value)| value.len()).sum(),
        Headers::Block(block) => block.len(),
    }
}
