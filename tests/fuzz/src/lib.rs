//! What is true of every decision, tried on hostile input.
//!
//! Each function takes any bytes, makes an input of holdoff of them, and panics where a property
//! does not hold. libFuzzer drives them (`targets/`, `cargo xtask fuzz`), and so do the tests, with
//! what servers really send and mutations of it.

mod generate;
mod input;
mod memory;
mod policies;
mod properties;
// Part of a program, and no library: there is no other way to it.
#[path = "../../../cli/src/response.rs"]
mod response;
pub mod seeds;

use holdoff::{Call, ErrorBody, Failure, Headers, MAX_BODY_BYTES, Policy};
use serde_json::{Value, json};

use crate::input::{Bytes, Input, pairs_of};
use crate::policies::{Subject, hearing_all, hearing_only, recommended, sources};
use crate::properties::check;
use crate::response::Response;

pub use crate::memory::{peak_of, within_bounds};

/// What went wrong is a sentence for a person.
type Result<T, E = String> = std::result::Result<T, E>;

/// A target: its name, the property, and inputs to begin with.
pub struct Target {
    /// The name of the function.
    pub name: &'static str,
    /// The function.
    pub run: fn(&[u8]),
    /// Inputs made of the vectors and the responses that all languages share.
    pub seeds: fn(&seeds::Shared) -> Vec<Vec<u8>>,
}

/// All targets.
pub const TARGETS: [Target; 5] = [
    Target {
        name: "response_head",
        run: response_head,
        seeds: seeds::of_response_head,
    },
    Target {
        name: "hint_value",
        run: hint_value,
        seeds: seeds::of_hint_value,
    },
    Target {
        name: "body",
        run: body,
        seeds: seeds::of_body,
    },
    Target {
        name: "policy_document",
        run: policy_document,
        seeds: seeds::of_policy_document,
    },
    Target {
        name: "decide",
        run: decide,
        seeds: seeds::of_decide,
    },
];

impl std::fmt::Debug for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

/// The bytes are a response as `curl -si` prints it, and a block of headers.
pub fn response_head(bytes: &[u8]) {
    let call = Call::new(0, 7);
    let text = String::from_utf8_lossy(bytes);
    let failure = Failure::Response {
        status: 429,
        headers: Headers::Block(&text),
        body: b"",
    };
    check(recommended(), &failure, &call);
    let Ok(response) = Response::parse(bytes) else {
        return;
    };
    let headers: Vec<(&str, &str)> = response
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let failure = Failure::Response {
        status: response.status,
        headers: Headers::Pairs(&headers),
        body: &response.body,
    };
    check(recommended(), &failure, &call);
}

/// The bytes are the value of one hint, and what else the response needs for it to count.
pub fn hint_value(bytes: &[u8]) {
    let mut bytes = Bytes(bytes);
    let source = bytes.one_of(sources());
    let flags = bytes.u8();
    let nth = usize::from(bytes.u8());
    let now_ms = bytes.u64();
    let text = String::from_utf8_lossy(bytes.0);
    let mut lines = text.split('\n');
    let mut line = || lines.next().unwrap_or_default();
    let (date, age, left) = (line(), line(), line());
    let values: Vec<&str> = lines.collect();

    let subject = hearing_only(source);
    let (value_name, left_name) = subject.value_and_left(nth);
    let around = [("date", date), ("age", age), (left_name, left)];
    let around = around.iter().filter(|(_, value)| *value != "-").copied();
    let document = body_with(source.name(), values.first().copied(), flags & 1 != 0);
    let call = Call {
        now_ms: (flags & 2 != 0).then_some(now_ms),
        ..Call::new(0, 7)
    };
    let status = if flags & 4 != 0 { 503 } else { 429 };
    let hint = |values: &[&str]| {
        let mut headers: Vec<(&str, &str)> = around.clone().collect();
        headers.extend(values.iter().map(|value| (value_name, *value)));
        let failure = Failure::Response {
            status,
            headers: Headers::Pairs(&headers),
            body: document.as_bytes(),
        };
        check(subject, &failure, &call);
        subject.policy.hint(&failure, &call)
    };
    let read = hint(&values);
    // A proxy may fold repeated lines into one, RFC 9110 section 5.3.
    if read.is_some() {
        assert_eq!(hint(&[&values.join(", ")]), read, "folded: {values:?}");
    }
}

/// The bytes are a status, and the body of a response with it.
pub fn body(bytes: &[u8]) {
    let mut bytes = Bytes(bytes);
    let status = bytes.one_of(&[429, 200, 503, 403, 400, 500]);
    let body = bytes.0;
    let failure = Failure::Response {
        status,
        headers: Headers::Pairs(&[("date", "Thu, 15 Jan 2026 12:00:00 GMT")]),
        body,
    };
    let call = Call::new(0, 7);
    check(recommended(), &failure, &call);
    check(hearing_all(), &failure, &call);

    let error = ErrorBody::parse(body);
    assert_eq!(ErrorBody::parse(body), error, "twice");
    let Ok(text) = std::str::from_utf8(body) else {
        return;
    };
    if text.len() > MAX_BODY_BYTES.saturating_sub(100) {
        return;
    }
    let spaced = format!(" \r\n{text} \n\t");
    assert_eq!(ErrorBody::parse(spaced.as_bytes()), error, "spaced");
    if Policy::from_json(text).is_ok() || !text.starts_with('{') {
        return;
    }
    // What is nested as deep as JSON may be can't be put into anything else.
    let depth = text
        .bytes()
        .filter(|byte| matches!(byte, b'{' | b'['))
        .count();
    if depth < 100 && serde_json::from_str::<Value>(text).is_ok() {
        let listed = format!("[{text}]");
        assert_eq!(ErrorBody::parse(listed.as_bytes()), error, "listed");
        if !text.contains(['\n', '\r']) {
            let event = format!("event: error\ndata: {text}\n\n");
            assert_eq!(ErrorBody::parse(event.as_bytes()), error, "event");
        }
    }
}

/// The bytes are a policy document.
pub fn policy_document(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let policy = match Policy::from_json(&text) {
        Ok(policy) => policy,
        Err(error) => {
            let (sentence, path) = (error.to_string(), error.path());
            assert!(sentence.starts_with(path) && !path.is_empty(), "{sentence}");
            assert!(sentence.len() < 1500, "{sentence}");
            return;
        }
    };
    let document = policy.to_json();
    assert_eq!(
        Policy::from_json(&document).as_ref(),
        Ok(&policy),
        "{document}"
    );
    let names: Vec<&str> = policy.headers().collect();
    assert!(names.iter().all(|name| *name == name.to_ascii_lowercase()));

    let subject = Subject::new(policy);
    let input = Input::default();
    for attempt in [0, 1, 1000] {
        for status in [200, 403, 429, 503] {
            let call = Call {
                method: Some("POST"),
                ..Call::new(attempt, 7)
            };
            let failure = Failure::Response {
                status,
                headers: Headers::Pairs(&[("retry-after", "7"), ("x-should-retry", "true")]),
                body: br#"{"error":{"type":"overloaded_error","code":"c"}}"#,
            };
            check(&subject, &failure, &call);
        }
        check(&subject, &input.transport(), &Call::new(attempt, 7));
    }
}

/// The bytes are everything that a decision reads: the facts of the call, a policy, headers, a body.
pub fn decide(bytes: &[u8]) {
    let input = Input::decode(bytes);
    let subject = input.subject();
    let call = input.call();
    let pairs = pairs_of(&input.headers);
    let headers = if input.as_block() {
        Headers::Block(&input.headers)
    } else {
        Headers::Pairs(&pairs)
    };
    let failure = match input.status() {
        Some(status) => Failure::Response {
            status,
            headers,
            body: input.body,
        },
        None => input.transport(),
    };
    check(subject.as_ref(), &failure, &call);
}

/// A body that has the value where the source looks for it; empty where that is in a header.
fn body_with(source: &str, value: Option<&str>, as_number: bool) -> String {
    let value = value.unwrap_or_default();
    let json: Value = match serde_json::from_str(value) {
        Ok(Value::Number(number)) if as_number => Value::Number(number),
        _ => value.into(),
    };
    let info = "type.googleapis.com/google.rpc.RetryInfo";
    match source {
        "body-retry-info" => json!({"error": {"details": [{"@type": info, "retryDelay": json}]}}),
        "body-retry-after" => json!({"error": {"retry_after": json}}),
        "body-metadata-headers" => {
            json!({"error": {"metadata": {"headers": {"Retry-After": json}}}})
        }
        "body-message" => json!({"error": {"message": value}}),
        _ => return String::new(),
    }
    .to_string()
}
