//! What is true of every sequence of calls that share an upstream.

#![cfg(test)]

use holdoff::{
    Action, Admission, Call, Draw, Failure, Headers, Phase, Policy, Ticket, TransportKind, Upstream,
};
use proptest::prelude::*;

/// One of what calls do, `after_ms` after the one before.
#[derive(Clone, Debug)]
struct Step {
    after_ms: i64,
    attempt: u32,
    draw: u64,
    deadline_ms: Option<u64>,
    what: What,
}

#[derive(Clone, Debug)]
enum What {
    /// With the ticket of the last answer, or none.
    Admit {
        again: bool,
    },
    Succeed {
        left: u16,
        reset: u16,
    },
    Fail {
        status: u16,
        retry_after: Option<u32>,
    },
    Lose(TransportKind),
}

fn policy() -> impl Strategy<Value = Policy> {
    let part = |text: &'static str| prop_oneof![Just(String::new()), Just(text.to_owned())];
    (
        part(r#""hold": {"spread_percent": 50, "spread_ms": 100},"#),
        part(r#""budget": {"capacity": 10, "cost": 2.5, "success_refill": 0.1, "per_second": 0.3, "refund": true},"#),
        part(r#""breaker": {"failures": 3, "after_ms": 200, "probe_base_ms": 100, "probe_factor": 1.5,
            "probe_cap_ms": 900, "start_percent": 5, "percent_per_second": 7, "least_per_minute": 5},"#),
        part(r#""pace": {"decrease_percent": 70, "percent_per_second": 3, "least_per_minute": 5,
            "reads_limits": true},"#),
    )
        .prop_map(|(hold, budget, breaker, pace)| {
            let mut document: serde_json::Value =
                serde_json::from_str(holdoff::preset_document("recommended").unwrap()).unwrap();
            let upstream = format!("{{{hold}{budget}{breaker}{pace}\"max_wait_ms\": 100000}}");
            document["upstream"] = serde_json::from_str(&upstream).unwrap();
            Policy::from_json(&document.to_string()).unwrap()
        })
}

fn step() -> impl Strategy<Value = Step> {
    let what = prop_oneof![
        3 => any::<bool>().prop_map(|again| What::Admit { again }),
        2 => (any::<u16>(), any::<u16>()).prop_map(|(left, reset)| What::Succeed { left, reset }),
        3 => (
            prop_oneof![Just(429), Just(503), Just(500), Just(404), Just(200)],
            proptest::option::of(0..200_u32),
        )
            .prop_map(|(status, retry_after)| What::Fail { status, retry_after }),
        1 => proptest::sample::select(TransportKind::ALL).prop_map(What::Lose),
    ];
    let after_ms = prop_oneof![4 => 0..2000_i64, 1 => -5000..100_000_i64];
    let deadline_ms = proptest::option::of(0..100_000_u64);
    (after_ms, 0..4_u32, any::<u64>(), deadline_ms, what).prop_map(
        |(after_ms, attempt, draw, deadline_ms, what)| Step {
            after_ms,
            attempt,
            draw,
            deadline_ms,
            what,
        },
    )
}

/// What came of a step, and the ticket for the next.
fn take(
    state: &mut Upstream,
    policy: &Policy,
    step: &Step,
    now_ms: u64,
    ticket: Ticket,
) -> (String, Ticket) {
    let call = Call {
        now_ms: Some(now_ms),
        draw: Draw::Fixed(step.draw),
        deadline_ms: step.deadline_ms,
        ..Call::new(step.attempt, 0)
    };
    let decided = |state: &mut Upstream, failure: &Failure<'_>| {
        let explained = state.clone().explain(policy, failure, &call);
        let decision = state.decide(policy, failure, &call);
        assert_eq!(explained.decision, decision);
        // The upstream never makes more of a failure than the policy does.
        let alone = policy.decide(failure, &call);
        assert!(decision == alone || decision.action() == Action::Stop);
        (format!("{decision:?}"), ticket)
    };
    match &step.what {
        What::Admit { again } => {
            let asked = if *again { ticket } else { Ticket::NONE };
            let admission = state.admit(policy, &call, asked);
            assert_eq!(Admission::from_bits(admission.to_bits()), Some(admission));
            let next = match admission {
                Admission::Wait {
                    after_ms, ticket, ..
                } => {
                    assert!((1..=100_000).contains(&after_ms), "{admission:?}");
                    assert!(
                        step.deadline_ms
                            .is_none_or(|deadline_ms| after_ms <= deadline_ms)
                    );
                    ticket
                }
                Admission::Send => Ticket::NONE,
                Admission::Refuse(decision) => {
                    assert_eq!(decision.action(), Action::Stop);
                    assert!(decision.after_ms() > 0);
                    Ticket::NONE
                }
            };
            (format!("{admission:?}"), next)
        }
        What::Succeed { left, reset } => {
            let (left, reset) = (left.to_string(), reset.to_string());
            let headers = [
                ("x-ratelimit-remaining", left.as_str()),
                ("x-ratelimit-reset", reset.as_str()),
            ];
            state.succeed(policy, &call, None, Headers::Pairs(&headers));
            (String::new(), ticket)
        }
        What::Fail {
            status,
            retry_after,
        } => {
            let value = retry_after.map(|seconds| seconds.to_string());
            let headers: Vec<(&str, &str)> = value
                .iter()
                .map(|value| ("retry-after", value.as_str()))
                .collect();
            let headers = Headers::Pairs(&headers);
            decided(
                state,
                &Failure::Response {
                    status: *status,
                    headers,
                    body: b"",
                },
            )
        }
        What::Lose(kind) => decided(state, &Failure::Transport(*kind, Phase::Sent)),
    }
}

proptest! {
    /// The state can be handed on as JSON at any point, and nothing changes.
    #[test]
    fn json_changes_nothing(policy in policy(), steps in proptest::collection::vec(step(), 1..60)) {
        let mut states = [Upstream::default(), Upstream::default()];
        let mut tickets = [Ticket::NONE; 2];
        let mut now_ms = 1_800_000_000_000_u64;
        for step in &steps {
            now_ms = now_ms.saturating_add_signed(step.after_ms);
            let [plain, through] = &mut states;
            let (said, ticket) = take(plain, &policy, step, now_ms, tickets[0]);
            let (other, other_ticket) = take(through, &policy, step, now_ms, tickets[1]);
            prop_assert_eq!(said, other);
            tickets = [ticket, other_ticket];
            *through = Upstream::from_json(&through.to_json()).unwrap();
            prop_assert_eq!(plain, through);
        }
    }

    /// Whoever waits as told is sent in the end, once nothing more goes wrong.
    #[test]
    fn nobody_waits_for_ever(policy in policy(), steps in proptest::collection::vec(step(), 0..60), draw: u64) {
        let mut state = Upstream::default();
        let mut now_ms = 1_800_000_000_000_u64;
        for step in &steps {
            now_ms = now_ms.saturating_add_signed(step.after_ms);
            take(&mut state, &policy, step, now_ms, Ticket::NONE);
        }
        now_ms = now_ms.saturating_add(5_000_000);
        let mut ticket = Ticket::NONE;
        for _ in 0..5 {
            let call = Call { now_ms: Some(now_ms), draw: Draw::Fixed(draw), ..Call::new(0, 0) };
            match state.admit(&policy, &call, ticket) {
                Admission::Send => return Ok(()),
                Admission::Wait { after_ms, ticket: next, .. } => {
                    now_ms = now_ms.saturating_add(after_ms);
                    ticket = next;
                }
                Admission::Refuse(decision) => prop_assert!(false, "{decision:?}"),
            }
        }
        prop_assert!(false, "{}", state.to_json());
    }

    /// A state from elsewhere holds any numbers at all; none of them makes it panic.
    #[test]
    fn hostile_states_are_taken(policy in policy(), numbers in proptest::collection::vec(any::<u64>(), 30), steps in proptest::collection::vec(step(), 1..20)) {
        let mut document: serde_json::Value = serde_json::from_str(&full()).unwrap();
        let mut numbers = numbers.into_iter();
        replace(&mut document, &mut numbers);
        let Ok(mut state) = Upstream::from_json(&document.to_string()) else {
            return Ok(());
        };
        let mut now_ms = 1_800_000_000_000_u64;
        for step in &steps {
            now_ms = now_ms.saturating_add_signed(step.after_ms);
            let call = Call { now_ms: Some(now_ms), draw: Draw::Fixed(step.draw), ..Call::new(0, 0) };
            let _ = state.admit(&policy, &call, Ticket::NONE);
            state.succeed(&policy, &call, None, Headers::Pairs(&[("ratelimit", r#""a";r=1;t=9"#)]));
            let headers = Headers::Pairs(&[("retry-after", "3")]);
            let failure = Failure::Response { status: 503, headers, body: b"" };
            let _ = state.decide(&policy, &failure, &call);
        }
    }
}

#[test]
fn what_is_only_counted_is_told_from_what_holds_calls_back() {
    let policy = Policy::recommended();
    let call = |now_ms| Call {
        now_ms: Some(now_ms),
        ..Call::new(0, 7)
    };
    let mut state = Upstream::default();
    for second in 0..9 {
        let _ = state.admit(&policy, &call(1_000_000 + second * 1000), Ticket::NONE);
    }
    let before = state.clone();
    assert_eq!(
        state.admit(&policy, &call(1_010_000), Ticket::NONE),
        Admission::Send
    );
    state.succeed(&policy, &call(1_010_500), None, Headers::NONE);
    assert!(state != before && state.differs_in_counts_only(&before));
    let headers = Headers::Pairs(&[("retry-after", "3")]);
    let failure = Failure::Response {
        status: 503,
        headers,
        body: b"",
    };
    let _ = state.decide(&policy, &failure, &call(1_011_000));
    assert!(!state.differs_in_counts_only(&before) && !before.differs_in_counts_only(&state));
}

/// A state in which everything is known.
fn full() -> String {
    r#"{"now_ms":1,"hold":{"until_ms":1,"spread_ms":1},"budget":{"spent":1,"refilled_us":1},
        "breaker":{"failures":1,"failing_since_ms":1,"probes":1,"next_probe_ms":1,"recovering":true},
        "rate":{"calls":1,"span_ms":1,"last_ms":1,"limit":{"since_ms":1,"percent":1,"percent_per_second":1,
        "longest_gap_us":1,"next_us":1,"others_until_ms":1}},
        "limits":[{"header":"ratelimit","left":1,"at_ms":1,"until_ms":1,"share":1,"settled_ms":1}],"slowed_ms":1,"epoch":1,"last_failure":1}"#
        .into()
}

fn replace(value: &mut serde_json::Value, numbers: &mut impl Iterator<Item = u64>) {
    match value {
        serde_json::Value::Number(number) => {
            let next = numbers.next().unwrap_or_default();
            // Some stay what they are, so that not every state is refused.
            if !next.is_multiple_of(3) {
                *number = (next >> (next % 64)).into();
            }
        }
        serde_json::Value::Object(members) => {
            for member in members.values_mut() {
                replace(member, numbers);
            }
        }
        _ => {}
    }
}

#[test]
fn a_state_that_is_none_is_a_sentence() {
    assert!(Upstream::from_json(&full()).is_ok());
    let through_serde: Upstream = serde_json::from_str(&full()).unwrap();
    assert_eq!(Upstream::from_json(&full()), Ok(through_serde));
    for (json, why) in [
        ("[]", "it is not a JSON object"),
        (
            "{",
            "not JSON: EOF while parsing an object at line 1 column 1",
        ),
        (
            "{\"now_ms\": 1}",
            "`epoch` is not a whole number up to 65535",
        ),
        (
            &full().replace("\"percent\":1,", "\"percent\":-1,"),
            "`rate.limit.percent` is not a whole number up to 18446744073709551615",
        ),
    ] {
        let error = format!("upstream: not a state that was written by this version: {why}");
        assert_eq!(Upstream::from_json(json).unwrap_err().to_string(), error);
    }
}
