//! What others have published, simulated again with holdoff's own decisions.

#![cfg(test)]
#![expect(
    clippy::float_arithmetic,
    clippy::arithmetic_side_effects,
    reason = "means of what was counted"
)]

use holdoff::{Action, Call, Failure, Headers, Policy};
use holdoff_sim::scenario::{Fault, FaultKind, Scenario};
use holdoff_sim::{Queue, Random, simulate, standard};

/// A policy that retries any failure.
fn policy(retries: u32, backoff: &str, upstream: &str) -> Policy {
    let document = format!(
        r#"{{"name": "test", "retries": {retries}, "rules": [],
            "otherwise": {{"verdict": "retry", "class": "server_error"}},
            "backoff": {backoff}, "upstream": {upstream}}}"#
    );
    Policy::from_json(&document).unwrap()
}

/// "Exponential Backoff And Jitter" (AWS Architecture Blog, 2015), by its simulator,
/// github.com/aws-samples/aws-arch-backoff-simulator: every client writes one row once, and a write
/// fails if another one came between reading the row and writing it. A message takes a normally
/// distributed time; base 5 ms, cap 2 s.
mod contention {
    use super::*;

    /// The policy's milliseconds stand for twentieths of one here, so that little is rounded.
    const MS: u64 = 20;

    enum Message {
        Read,
        ReadAnswered { version: u64 },
        Write { version: u64 },
        WriteAnswered { written: bool },
    }

    /// How many writes were sent, and how many milliseconds it took until the last succeeded.
    fn run(policy: &Policy, clients: u64, seed: u64) -> (f64, f64) {
        let mut random = Random::new(seed, 0);
        let mut delay = || random.normal(10.0 * MS as f64, 2.0 * MS as f64).abs() as u64;
        let mut queue = Queue::default();
        for client in 0..clients {
            queue.push(delay(), (client, 0, Message::Read));
        }
        let (mut row, mut writes, mut last_ms) = (0, 0, 0);
        while let Some((now, (client, attempt, message))) = queue.pop() {
            last_ms = now;
            let (after, attempt, next) = match message {
                Message::Read => (0, attempt, Message::ReadAnswered { version: row }),
                Message::ReadAnswered { version } => (0, attempt, Message::Write { version }),
                Message::Write { version } => {
                    writes += 1;
                    let written = version == row;
                    row += u64::from(written);
                    (0, attempt, Message::WriteAnswered { written })
                }
                Message::WriteAnswered { written: true } => continue,
                Message::WriteAnswered { written: false } => {
                    let failure = Failure::Response {
                        status: 409,
                        headers: Headers::NONE,
                        body: b"",
                    };
                    let seed = seed * clients + client;
                    let decision = policy.decide(&failure, &Call::new(attempt, seed));
                    assert_eq!(decision.action(), Action::Retry);
                    (decision.after_ms(), attempt + 1, Message::Read)
                }
            };
            queue.push(now + after + delay(), (client, attempt, next));
        }
        (writes as f64, (last_ms / MS) as f64)
    }

    #[test]
    fn jitter_saves_calls_and_time_as_published() {
        // There, the first retry is number 1, and so the base is twice as long.
        let exponential = |jitter| {
            format!(
                r#"{{"base_ms": 200, "factor": 2, "cap_ms": 40000, "cap_applies": "before_jitter",
                    "jitter": {{"kind": "{jitter}"}}}}"#
            )
        };
        let none = r#"{"base_ms": 0, "factor": 1, "jitter": {"kind": "none"}}"#.to_string();
        let decorrelated = exponential("decorrelated").replace("200,", "100,");
        // What the published simulator gives for 100 clients, in the mean of 40 runs.
        for (backoff, calls, time_ms) in [
            (none, 2432.0, 2029.0),
            (exponential("none"), 1863.0, 64_435.0),
            (exponential("equal"), 814.0, 6517.0),
            (exponential("full"), 797.0, 4893.0),
            (decorrelated, 1005.0, 4753.0),
        ] {
            const RUNS: u64 = 40;
            let policy = policy(1000, &backoff, "{}");
            let runs = (0..RUNS).map(|seed| run(&policy, 100, seed));
            let sums = runs.fold((0.0, 0.0), |sum, run| (sum.0 + run.0, sum.1 + run.1));
            let mean = (sums.0 / RUNS as f64, sums.1 / RUNS as f64);
            println!("{backoff}: {mean:?}, published {calls}, {time_ms}");
            let near = |found: f64, expected: f64, off| (found / expected - 1.0).abs() < off;
            assert!(near(mean.0, calls, 0.03), "{backoff}: {mean:?}");
            assert!(near(mean.1, time_ms, 0.07), "{backoff}: {mean:?}");
        }
    }
}

/// "Fixing retries with token buckets and circuit breakers" (Marc Brooker, 2022): a success gives a
/// tenth of a token and a retry takes one, so that there are up to three retries while few attempts
/// fail, and a tenth of one when more do.
#[test]
fn a_token_bucket_turns_three_retries_into_a_tenth_of_one() {
    let backoff = r#"{"base_ms": 100, "factor": 1, "jitter": {"kind": "full"}}"#;
    let bucket = r#"{"budget": {"capacity": 10, "cost": 1, "success_refill": 0.1}}"#;
    let plain = policy(3, backoff, "{}");
    let budget = policy(3, backoff, bucket);
    for (percent, without, with) in [
        // Few fail: the same. 1 + p + p² + p³.
        (5, 1.053, 1.053),
        (50, 1.875, 1.053),
        (90, 3.439, 1.01),
    ] {
        let scenario = failing(percent);
        let load = |policy| simulate(&scenario, policy, 1, |_| ()).requests_per_call();
        let found = (load(&plain), load(&budget));
        println!("{percent} % fail: {found:?}, published {without}, {with}");
        assert!((found.0 - without).abs() < 0.02, "{percent} %: {found:?}");
        assert!((found.1 - with).abs() < 0.02, "{percent} %: {found:?}");
    }
}

/// So many attempts fail, always, of ten clients with a hundred calls a second each.
fn failing(percent: u64) -> Scenario {
    let mut scenario = standard::find("blip1").unwrap().with_clients(10);
    scenario.faults = vec![Fault {
        from_ms: 0,
        until_ms: u64::MAX,
        kind: FaultKind::Failing { percent },
    }];
    scenario
}
