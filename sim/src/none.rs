//! The policy beside which all others are measured: none.

use holdoff::Policy;

/// A policy that never retries.
#[expect(
    clippy::expect_used,
    reason = "the document is a constant, and a test loads it"
)]
pub fn no_retries() -> Policy {
    const DOCUMENT: &str = r#"{
        "name": "none",
        "description": "No retries: whatever fails has failed",
        "retries": 0,
        "rules": [],
        "otherwise": {"verdict": "stop", "class": "other"},
        "backoff": {"base_ms": 0, "factor": 1, "jitter": {"kind": "none"}}
    }"#;
    Policy::from_json(DOCUMENT).expect("a valid policy")
}
