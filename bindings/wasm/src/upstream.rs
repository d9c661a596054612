//! What many calls to one server share.

#![expect(
    clippy::too_many_arguments,
    reason = "numbers cross for nothing, and an object would not"
)]

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use holdoff::{Decision, Headers, Ticket};
use js_sys::Array;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::{Policy, call, failure, told};

/// A state. The arguments that tell of a call or a failure are those of [`Policy::decide`].
#[wasm_bindgen]
#[derive(Debug, Default)]
pub struct Upstream(holdoff::Upstream);

#[wasm_bindgen]
impl Upstream {
    /// A state in which nothing is known.
    #[wasm_bindgen(constructor)]
    pub fn new() -> Self {
        Self::default()
    }

    /// The state that `to_json` wrote. The error is the core's text.
    pub fn from_json(json: &str) -> Result<Self, String> {
        let state = holdoff::Upstream::from_json(json);
        state.map(Self).map_err(|error| error.to_string())
    }

    /// The state as a JSON object.
    pub fn to_json(&self) -> String {
        self.0.to_json()
    }

    /// Takes in what another copy of the same state knows.
    pub fn merge(&mut self, other: &Self) {
        self.0.merge(&other.0);
    }

    /// Whether an attempt may be sent, as the bits of an admission. `ticket`: that of the last
    /// answer, or 0.
    pub fn admit(
        &mut self,
        policy: &Policy,
        ticket: u32,
        attempt: u32,
        seed_high: u32,
        seed_low: u32,
        draw: f64,
        now_ms: f64,
        elapsed_ms: f64,
        deadline_ms: f64,
        max_retries: f64,
        facts: u8,
        method: Option<String>,
    ) -> f64 {
        let call = call(
            attempt,
            seed_high,
            seed_low,
            draw,
            now_ms,
            elapsed_ms,
            deadline_ms,
            max_retries,
            facts,
            &method,
        );
        let admission = self.0.admit(&policy.0, &call, Ticket::from_bits(ticket));
        admission.to_bits() as f64
    }

    /// Takes in that an attempt succeeded. `after`: the bits of the decision that led to it, or 0.
    pub fn succeed(
        &mut self,
        policy: &Policy,
        after: f64,
        headers: Option<String>,
        attempt: u32,
        seed_high: u32,
        seed_low: u32,
        draw: f64,
        now_ms: f64,
        elapsed_ms: f64,
        deadline_ms: f64,
        max_retries: f64,
        facts: u8,
        method: Option<String>,
    ) {
        let call = call(
            attempt,
            seed_high,
            seed_low,
            draw,
            now_ms,
            elapsed_ms,
            deadline_ms,
            max_retries,
            facts,
            &method,
        );
        let after = Decision::from_bits(after as u64);
        let headers = headers.as_deref().map_or(Headers::NONE, Headers::Block);
        self.0.succeed(&policy.0, &call, after, headers);
    }

    /// Takes in that an attempt failed; the decision's bits.
    pub fn decide(
        &mut self,
        policy: &Policy,
        steps: Option<Array>,
        status: u16,
        transport: u8,
        phase: u8,
        headers: Option<String>,
        body: Option<Vec<u8>>,
        attempt: u32,
        seed_high: u32,
        seed_low: u32,
        draw: f64,
        now_ms: f64,
        elapsed_ms: f64,
        deadline_ms: f64,
        max_retries: f64,
        facts: u8,
        method: Option<String>,
    ) -> f64 {
        let failure = failure(status, transport, phase, &headers, &body);
        let call = call(
            attempt,
            seed_high,
            seed_low,
            draw,
            now_ms,
            elapsed_ms,
            deadline_ms,
            max_retries,
            facts,
            &method,
        );
        let decision = match steps {
            None => self.0.decide(&policy.0, &failure, &call),
            Some(steps) => told(self.0.explain(&policy.0, &failure, &call), &steps),
        };
        decision.to_bits() as f64
    }
}

/// Whether two states, as JSON, differ in nothing but what is counted. False where they are none.
#[wasm_bindgen]
pub fn differ_in_counts_only(before: &str, after: &str) -> bool {
    let (before, after) = (
        holdoff::Upstream::from_json(before),
        holdoff::Upstream::from_json(after),
    );
    matches!((before, after), (Ok(before), Ok(after)) if after.differs_in_counts_only(&before))
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use holdoff::{Admission, Call, Draw, Failure};
    use serde_json::{Value, json};
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::*;

    const NOW: u64 = 1_768_478_400_000;
    const NAN: f64 = f64::NAN;

    /// Tessera's rules with these about the calls to one server.
    fn policy(upstream: Value) -> Policy {
        let mut document: Value =
            serde_json::from_str(&holdoff::Policy::tessera().to_json()).unwrap();
        document["upstream"] = upstream;
        Policy::new(&document.to_string()).unwrap()
    }

    fn fail(upstream: &mut Upstream, policy: &Policy, steps: Option<Array>) -> Decision {
        let headers = Some("retry-after: 3\n".into());
        let bits = upstream.decide(
            policy, steps, 429, 0, 0, headers, None, 0, 0, 7, NAN, NOW as f64, NAN, NAN, NAN, 0,
            None,
        );
        Decision::from_bits(bits as u64).unwrap()
    }

    fn admit(upstream: &mut Upstream, policy: &Policy, now_ms: u64, deadline_ms: f64) -> Admission {
        let bits = upstream.admit(
            policy,
            0,
            0,
            0,
            0,
            0.5,
            now_ms as f64,
            500.0,
            deadline_ms,
            NAN,
            0,
            None,
        );
        Admission::from_bits(bits as i64).unwrap()
    }

    #[wasm_bindgen_test]
    fn does_as_the_core_does() {
        let policy = policy(json!({ "hold": { "spread_ms": 1000 }, "budget": { "capacity": 9 } }));
        let mut upstream = Upstream::new();
        let mut core = holdoff::Upstream::default();
        let failure = Failure::Response {
            status: 429,
            headers: Headers::Block("retry-after: 3\n"),
            body: b"",
        };
        let call = Call {
            now_ms: Some(NOW),
            ..Call::new(0, 7)
        };
        let decision = core.decide(&policy.0, &failure, &call);
        assert_eq!(fail(&mut upstream, &policy, None), decision);
        assert_eq!(upstream.to_json(), core.to_json());
        for (now_ms, deadline_ms) in [(NOW, NAN), (NOW, 3999.0), (NOW, 4000.0), (NOW + 3500, NAN)] {
            let call = Call {
                draw: Draw::from_fraction(0.5).unwrap(),
                now_ms: Some(now_ms),
                elapsed_ms: Some(500),
                deadline_ms: (deadline_ms > 0.0).then_some(deadline_ms as u64),
                ..Call::new(0, 0)
            };
            let expected = core.admit(&policy.0, &call, Ticket::NONE);
            let admission = admit(&mut upstream, &policy, now_ms, deadline_ms);
            assert_eq!(admission, expected);
        }
        assert_eq!(upstream.to_json(), core.to_json());
    }

    #[wasm_bindgen_test]
    fn explains_what_the_calls_share() {
        let policy = policy(json!({ "hold": {} }));
        let steps = Array::new();
        let decision = fail(&mut Upstream::new(), &policy, Some(steps.clone()));
        assert_eq!(decision, fail(&mut Upstream::new(), &policy, None));
        let texts: Vec<_> = steps.iter().filter_map(|step| step.as_string()).collect();
        let held = ["upstream", "all calls are held for 3000 ms"];
        assert!(texts.windows(2).any(|step| step == held), "{texts:?}");
    }

    #[wasm_bindgen_test]
    fn a_retry_that_succeeds_gets_back_what_the_decision_cost() {
        let policy = policy(json!({ "budget": { "capacity": 5, "cost": 5, "refund": true } }));
        let mut upstream = Upstream::new();
        let actions = [false, true].map(|is_told| {
            let paid = fail(&mut upstream, &policy, None);
            let after = if is_told { paid.to_bits() as f64 } else { 0.0 };
            upstream.succeed(
                &policy, after, None, 1, 0, 0, NAN, NOW as f64, NAN, NAN, NAN, 0, None,
            );
            let next = fail(&mut upstream, &policy, None);
            upstream = Upstream::new();
            (paid.action().name(), next.action().name())
        });
        assert_eq!(actions, [("retry", "stop"), ("retry", "retry")]);
    }

    #[wasm_bindgen_test]
    fn a_ticket_reaches_the_core() {
        let rise =
            json!({ "decrease_percent": 99, "percent_per_second": 1, "least_per_minute": 1 });
        let policy = policy(json!({ "pace": rise }));
        let mut upstream = Upstream::new();
        for now_ms in (NOW.saturating_sub(2000)..NOW).step_by(100) {
            admit(&mut upstream, &policy, now_ms, NAN);
        }
        fail(&mut upstream, &policy, None);
        admit(&mut upstream, &policy, NOW, NAN);
        let Admission::Wait {
            ticket, after_ms, ..
        } = admit(&mut upstream, &policy, NOW, NAN)
        else {
            panic!("not held back");
        };
        let later = NOW.saturating_add(after_ms) as f64;
        let again = upstream.admit(
            &policy,
            ticket.to_bits(),
            0,
            0,
            0,
            0.5,
            later,
            NAN,
            NAN,
            NAN,
            0,
            None,
        );
        assert_eq!(again, 0.0);
    }

    #[wasm_bindgen_test]
    fn a_state_goes_through_json_and_is_merged() {
        let policy = policy(json!({ "hold": {} }));
        let mut upstream = Upstream::new();
        fail(&mut upstream, &policy, None);
        let copy = Upstream::from_json(&upstream.to_json()).unwrap();
        assert_eq!(copy.to_json(), upstream.to_json());
        let mut other = Upstream::new();
        other.merge(&copy);
        assert_eq!(other.to_json(), upstream.to_json());
        let error = Upstream::from_json("{").unwrap_err();
        let expected = holdoff::Upstream::from_json("{").unwrap_err();
        assert_eq!(error, expected.to_string());
    }
}
