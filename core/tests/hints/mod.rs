//! What the comparisons with other readers share: how a policy reads one source of hints.

use holdoff::{Call, Failure, Headers, Policy};
use proptest::test_runner::{Config, RngSeed};

/// The longest hint that is told apart from longer ones.
pub const MAX_HINT_MS: u64 = (1 << 31) * 1000;

/// A policy that reads nothing but this source.
pub fn policy(source: &str) -> Policy {
    let document = format!(
        r#"{{"name": "p", "retries": 1, "rules": [],
             "otherwise": {{"verdict": "retry", "class": "other"}},
             "hint": {{"sources": ["{source}"]}},
             "backoff": {{"base_ms": 1, "factor": 1, "jitter": {{"kind": "none"}}}}}}"#
    );
    Policy::from_json(&document).unwrap()
}

/// How long a response asks to wait, measured by its own headers or the caller's clock.
pub fn wait(
    policy: &Policy,
    headers: &[(&str, &str)],
    body: &str,
    now_ms: Option<u64>,
) -> Option<u64> {
    let failure = Failure::Response {
        status: 429,
        headers: Headers::Pairs(headers),
        body: body.as_bytes(),
    };
    let call = Call {
        now_ms,
        ..Call::new(0, 0)
    };
    policy.hint(&failure, &call).map(|hint| hint.ms)
}

/// As many cases as take a second or so, the same in every run.
pub fn config() -> Config {
    Config {
        cases: 4000,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(7),
        ..Config::default()
    }
}
