//! The core behind numbers and strings: what the npm package carries.
//!
//! It is private to that package. No policy is in it: it only puts the arguments together, calls
//! the core and gives back a number or a text.

#![cfg_attr(all(target_arch = "wasm32", not(test)), no_std)]

extern crate alloc;

#[cfg(all(target_arch = "wasm32", not(test)))]
mod bare;
mod upstream;

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use holdoff::{
    Call, Decision, Draw, ErrorBody, Explanation, Failure, Headers, Phase, SupportReport,
    TransportKind,
};
use js_sys::Array;
use wasm_bindgen::prelude::wasm_bindgen;

/// Which of the names, one a line, a preset's name means. The error is the core's text.
#[wasm_bindgen]
pub fn match_preset(asked: &str, names: &str) -> Result<String, String> {
    let names: Vec<&str> = names.lines().collect();
    let found = holdoff::match_preset(asked, &names);
    found.map(String::from).map_err(|error| error.to_string())
}

/// A loaded policy.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Policy(holdoff::Policy);

#[wasm_bindgen]
impl Policy {
    /// The policy that a JSON document describes. The error is the core's text.
    #[wasm_bindgen(constructor)]
    pub fn new(document: &str) -> Result<Self, String> {
        loaded(holdoff::Policy::from_json(document))
    }

    /// The policy that ships under `name`. The error is the core's text.
    pub fn preset(name: &str) -> Result<Self, String> {
        loaded(holdoff::Policy::preset(name))
    }

    /// The decision's bits. A number that is unknown is NaN, and a text undefined.
    ///
    /// - `steps`: if given, the steps that led to the decision are put there, topic and text in
    ///   turn.
    /// - `transport`, `phase`: codes. 0 is a response, and the usual phase of the transport kind.
    /// - `headers`: lines `name: value`; `body`: its bytes.
    /// - `seed_high`, `seed_low`: the halves of the seed; `draw`, if known, is taken in its place.
    /// - `facts`: two bits each from the lowest: idempotent, replayable, delivered (0 unknown, 1 no,
    ///   2 yes).
    #[expect(
        clippy::too_many_arguments,
        reason = "numbers cross for nothing, and an object would not"
    )]
    pub fn decide(
        &self,
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
            None => self.0.decide(&failure, &call),
            Some(steps) => told(self.0.explain(&failure, &call), &steps),
        };
        decision.to_bits() as f64
    }

    /// What a person should do; empty where `bits` are no decision's.
    pub fn advice(&self, bits: f64) -> String {
        let decision = Decision::from_bits(bits as u64);
        decision.map_or_else(String::new, |decision| self.0.advice(decision).into())
    }

    /// The policy's name.
    pub fn name(&self) -> String {
        self.0.name().into()
    }

    /// One sentence on what the policy is for.
    pub fn description(&self) -> String {
        self.0.description().into()
    }

    /// The names of the headers that a decision reads, in lower case.
    pub fn headers(&self) -> Vec<String> {
        self.0.headers().map(String::from).collect()
    }

    /// Whether a decision looks into the response body.
    pub fn reads_body(&self) -> bool {
        self.0.reads_body()
    }

    /// The request header in which the policy asks for an idempotency key.
    pub fn idempotency_key_header(&self) -> Option<String> {
        self.0.idempotency_key_header().map(String::from)
    }

    /// The policy as a JSON document with every default spelt out.
    pub fn to_json(&self) -> String {
        serde_json::to_string(&self.0).unwrap_or_default()
    }
}

/// The error in a body, as JSON.
#[wasm_bindgen]
pub fn parse_error(body: &[u8]) -> Option<String> {
    ErrorBody::parse(body).map(|error| serde_json::to_string(&error).unwrap_or_default())
}

/// The report of a failure, as text and as JSON; the arguments are those of [`Policy::decide`].
#[wasm_bindgen]
pub fn support_report(
    status: u16,
    transport: u8,
    phase: u8,
    headers: Option<String>,
    body: Option<Vec<u8>>,
    now_ms: f64,
    endpoint: Option<String>,
) -> Vec<String> {
    let failure = failure(status, transport, phase, &headers, &body);
    let report = SupportReport::new(&failure, known(now_ms), endpoint.as_deref());
    [report.to_string(), report.to_json()].into()
}

/// Numbers from the platform's entropy, of which two make a seed; nothing where the platform gives
/// none. Many at once, for asking costs more than a decision.
#[wasm_bindgen]
pub fn entropy() -> Option<Vec<u32>> {
    let mut bytes = [0; 1024];
    getrandom::fill(&mut bytes).ok()?;
    let words = bytes.as_chunks().0.iter();
    Some(words.map(|&word| u32::from_le_bytes(word)).collect())
}

fn loaded(policy: Result<holdoff::Policy, holdoff::PolicyError>) -> Result<Policy, String> {
    policy.map(Policy).map_err(|error| error.to_string())
}

fn failure<'a>(
    status: u16,
    transport: u8,
    phase: u8,
    headers: &'a Option<String>,
    body: &'a Option<Vec<u8>>,
) -> Failure<'a> {
    match TransportKind::from_code(transport) {
        Some(kind) => {
            let phase = Phase::from_code(phase).unwrap_or(kind.usual_phase());
            Failure::Transport(kind, phase)
        }
        None => Failure::Response {
            status,
            headers: Headers::Block(headers.as_deref().unwrap_or("")),
            body: body.as_deref().unwrap_or(&[]),
        },
    }
}

#[expect(
    clippy::too_many_arguments,
    reason = "numbers cross for nothing, and an object would not"
)]
fn call(
    attempt: u32,
    seed_high: u32,
    seed_low: u32,
    draw: f64,
    now_ms: f64,
    elapsed_ms: f64,
    deadline_ms: f64,
    max_retries: f64,
    facts: u8,
    method: &Option<String>,
) -> Call<'_> {
    let seed = u64::from(seed_high) << 32 | u64::from(seed_low);
    Call {
        attempt,
        draw: Draw::from_fraction(draw).unwrap_or(Draw::Seed(seed)),
        now_ms: known(now_ms),
        elapsed_ms: known(elapsed_ms),
        deadline_ms: known(deadline_ms),
        max_retries: known(max_retries).map(|n| u32::try_from(n).unwrap_or(u32::MAX)),
        method: method.as_deref(),
        idempotent: fact(facts),
        replayable: fact(facts >> 2),
        delivered: fact(facts >> 4),
    }
}

/// The decision, whose steps are put into the array.
fn told(explanation: Explanation, steps: &Array) -> Decision {
    for step in explanation.steps {
        steps.push(&step.topic.name().into());
        steps.push(&step.text.into());
    }
    explanation.decision
}

/// Whole milliseconds; a part of one counts as none.
fn known(number: f64) -> Option<u64> {
    (number >= 0.0).then_some(number as u64)
}

fn fact(bits: u8) -> Option<bool> {
    match bits & 3 {
        1 => Some(false),
        2 => Some(true),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasm_bindgen_test::wasm_bindgen_test;

    const DATE: &str = "Thu, 15 Jan 2026 12:00:30 GMT";
    const NOW: f64 = 1_768_478_400_000.0;

    /// A decision on a status with the seed 7, without any other fact but these.
    fn decide(status: u16, headers: &str, body: &str, steps: Option<Array>) -> Decision {
        let policy = Policy::preset("tessera").unwrap();
        let nan = f64::NAN;
        let bits = policy.decide(
            steps,
            status,
            0,
            0,
            Some(headers.into()),
            Some(body.into()),
            0,
            0,
            7,
            nan,
            NOW,
            nan,
            nan,
            nan,
            0,
            None,
        );
        Decision::from_bits(bits as u64).unwrap()
    }

    #[wasm_bindgen_test]
    fn decides_as_the_core_does() {
        let body = r#"{"error":{"type":"overloaded_error"}}"#;
        let headers = alloc::format!("retry-after: {DATE}\n");
        for (status, headers, body) in [
            (429, "", ""),
            (500, "", body),
            (503, headers.as_str(), ""),
            (404, "", ""),
        ] {
            let failure = Failure::Response {
                status,
                headers: Headers::Block(headers),
                body: body.as_bytes(),
            };
            let call = Call {
                now_ms: Some(NOW as u64),
                ..Call::new(0, 7)
            };
            let expected = holdoff::Policy::tessera().decide(&failure, &call);
            assert_eq!(decide(status, headers, body, None), expected);
        }
    }

    #[wasm_bindgen_test]
    fn puts_the_steps_into_an_array_topic_and_text_in_turn() {
        let steps = Array::new();
        let decision = decide(429, "retry-after: 3\n", "", Some(steps.clone()));
        assert_eq!(decision, decide(429, "retry-after: 3\n", "", None));
        let texts: Vec<_> = steps.iter().filter_map(|step| step.as_string()).collect();
        assert_eq!(texts[..2], ["failure", "attempt 0 ended with status 429"]);
        let last = ["decision", "retry after 3000 ms, by retry-after"];
        assert!(texts.ends_with(&last.map(String::from)), "{texts:?}");
    }

    #[wasm_bindgen_test]
    fn halves_make_the_seed_and_a_draw_takes_its_place() {
        let policy = Policy::preset("tessera").unwrap();
        let nan = f64::NAN;
        let wait = |high, low, draw| {
            let bits = policy.decide(
                None, 500, 0, 0, None, None, 0, high, low, draw, nan, nan, nan, nan, 0, None,
            );
            bits as u64 & holdoff::MAX_WAIT_MS
        };
        let seed = 0x0123_4567_89AB_CDEF;
        let failure = Failure::Response {
            status: 500,
            headers: Headers::NONE,
            body: b"",
        };
        let expected = holdoff::Policy::tessera().decide(&failure, &Call::new(0, seed));
        assert_eq!(wait(0x0123_4567, 0x89AB_CDEF, nan), expected.after_ms());
        assert_eq!(wait(0, 0, 0.5), 1500);
    }

    #[wasm_bindgen_test]
    fn facts_and_numbers_reach_the_core() {
        let policy = Policy::preset("tessera").unwrap();
        let nan = f64::NAN;
        let reason = |transport, attempt, elapsed, deadline, retries, facts| {
            let bits = policy.decide(
                None, 500, transport, 0, None, None, attempt, 0, 0, 0.0, nan, elapsed, deadline,
                retries, facts, None,
            );
            let decision = Decision::from_bits(bits as u64);
            decision.unwrap().reason().name()
        };
        assert_eq!(reason(0, 0, nan, nan, nan, 0), "status");
        assert_eq!(reason(4, 0, nan, nan, nan, 0), "transport");
        assert_eq!(reason(0, 5, nan, nan, nan, 0), "retries_exhausted");
        assert_eq!(reason(0, 5, nan, nan, 6.0, 0), "status");
        assert_eq!(reason(0, 0, 4000.5, 5000.0, nan, 0), "status");
        assert_eq!(reason(0, 0, 4001.0, 5000.0, nan, 0), "deadline");
        assert_eq!(reason(0, 0, nan, f64::INFINITY, nan, 0), "status");
        assert_eq!(reason(0, 0, nan, nan, nan, 0b01_00), "not_replayable");
        assert_eq!(reason(0, 0, nan, nan, nan, 0b10_00_00), "delivered");
    }

    #[wasm_bindgen_test]
    fn errors_are_the_cores_own_sentences() {
        let error = Policy::new("{}").unwrap_err();
        assert_eq!(
            error,
            holdoff::Policy::from_json("{}").unwrap_err().to_string()
        );
        let error = Policy::preset("tesera").unwrap_err();
        assert_eq!(
            error,
            "policy: `tesera` is not a preset; known are `recommended`, `tessera`; \
             those of other clients are in `holdoff/clients`"
        );
    }

    #[wasm_bindgen_test]
    fn a_policy_tells_of_itself() {
        let policy = Policy::preset("tessera").unwrap();
        assert_eq!(policy.name(), "tessera");
        assert!(policy.description().starts_with("Tessera AI"));
        assert_eq!(policy.headers(), ["date", "age", "retry-after"]);
        assert!(policy.reads_body());
        assert!(Policy::new(&policy.to_json()).is_ok());
        let bits = decide(429, "", "", None).to_bits() as f64;
        assert!(policy.advice(bits).starts_with("the quota"));
        assert_eq!(policy.advice(0.0), "");
    }

    #[wasm_bindgen_test]
    fn a_document_may_be_a_javascript_object() {
        let policy = holdoff::Policy::tessera();
        let document = js_sys::JSON::parse(&policy.to_json()).unwrap();
        let loaded: holdoff::Policy = serde_wasm_bindgen::from_value(document).unwrap();
        assert_eq!(loaded, policy);
        let wrong = js_sys::JSON::parse(r#"{"retries": -1}"#).unwrap();
        let error = serde_wasm_bindgen::from_value::<holdoff::Policy>(wrong).unwrap_err();
        assert!(error.to_string().contains("name: missing"), "{error}");
    }

    #[wasm_bindgen_test]
    fn bodies_and_reports_come_out_as_json() {
        let body = r#"{"error":{"code":12}}"#;
        let expected = r#"{"message":null,"type":null,"code":"12","param":null,"class":null}"#;
        assert_eq!(parse_error(body.as_bytes()).as_deref(), Some(expected));
        assert_eq!(parse_error(b"<html>"), None);
        let endpoint = Some("https://api.tessera.ai/v1?key=k".into());
        let report = support_report(500, 0, 0, None, Some(body.into()), NOW, endpoint);
        assert!(report[0].starts_with("time        2026-01-15T12:00:00Z\n"));
        assert!(report[1].contains(r#""endpoint":"https://api.tessera.ai/v1""#));
        let report = support_report(0, 4, 0, None, None, f64::NAN, None);
        assert!(report[0].contains("no response: reset in phase sent"));
    }

    #[wasm_bindgen_test]
    fn entropy_is_fresh() {
        let (first, second) = (entropy().unwrap(), entropy().unwrap());
        assert_eq!(first.len(), 256);
        assert_ne!(first, second);
    }
}
