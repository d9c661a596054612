//! A step as it is written in the scenario, and what it may say.

use std::collections::BTreeMap;
use std::time::Duration;

use hyper::StatusCode;
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue, TRANSFER_ENCODING};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{HeaderLine, JSON, Payload, Step};
use crate::fault::{Ending, Fault};

const PLAIN_TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
const EVENT_STREAM: HeaderValue = HeaderValue::from_static("text/event-stream");

/// The fields of a step.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StepDocument {
    status: Option<u16>,
    headers: Option<BTreeMap<String, HeaderDocument>>,
    body: Option<Box<RawValue>>,
    chunks: Option<Vec<String>>,
    #[serde(default)]
    delay_ms: u64,
    fault: Option<Ending>,
    after_bytes: Option<AfterBytes>,
}

#[derive(Deserialize)]
#[serde(
    untagged,
    expecting = "a header is text, {\"date_in_s\": seconds from now}, or a list of these"
)]
enum HeaderDocument {
    Text(String),
    Date(DateDocument),
    Lines(Vec<HeaderDocument>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DateDocument {
    date_in_s: i64,
}

#[derive(Deserialize)]
#[serde(
    untagged,
    expecting = "`after_bytes` is a number of body bytes or \"all\""
)]
enum AfterBytes {
    Count(usize),
    All(All),
}

#[derive(Deserialize)]
enum All {
    #[serde(rename = "all")]
    All,
}

impl TryFrom<StepDocument> for Step {
    type Error = String;

    fn try_from(step: StepDocument) -> Result<Self, String> {
        let nothing_sent = step.fault.is_some() && step.after_bytes.is_none();
        let says_what_to_send = step.status.is_some()
            || step.headers.is_some()
            || step.body.is_some()
            || step.chunks.is_some();
        if nothing_sent && says_what_to_send {
            return Err(
                "fault: comes before the first byte of the response, which is then never \
                        sent: add `after_bytes`, or remove the response"
                    .to_owned(),
            );
        }
        let status = read_status(step.status.unwrap_or(200))?;
        let (payload, content_type) = read_payload(step.body, step.chunks)?;
        let bodiless = matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
        if bodiless && content_type.is_some() {
            return Err(format!("status: `{}` has no body", status.as_u16()));
        }
        let fault = read_fault(step.fault, step.after_bytes, &payload)?;
        let mut headers = read_headers(step.headers.unwrap_or_default())?;
        if let Some(content_type) = content_type
            && !headers.iter().any(|(name, _)| name == CONTENT_TYPE)
        {
            headers.push((CONTENT_TYPE, HeaderLine::Text(content_type)));
        }
        let delay = Duration::from_millis(step.delay_ms);
        Ok(Self {
            delay,
            fault,
            status,
            headers,
            payload,
        })
    }
}

fn read_status(status: u16) -> Result<StatusCode, String> {
    match StatusCode::from_u16(status) {
        Ok(code) if !code.is_informational() => Ok(code),
        _ => Err(format!(
            "status: `{status}` is not the status of a response, 200 to 999"
        )),
    }
}

/// The body and the content type that goes with it, unless the headers name another.
fn read_payload(
    body: Option<Box<RawValue>>,
    chunks: Option<Vec<String>>,
) -> Result<(Payload, Option<HeaderValue>), String> {
    match (body, chunks) {
        (None, None) => Ok((Payload::default(), None)),
        // JSON is sent as it is written, or the order of its fields would depend on the build.
        (Some(json), None) => Ok(match serde_json::from_str(json.get()) {
            Ok(text) => (Payload::whole(text), Some(PLAIN_TEXT)),
            Err(_) => (Payload::whole(json.get().to_owned()), Some(JSON)),
        }),
        (None, Some(chunks)) => Ok((Payload::chunks(chunks), Some(EVENT_STREAM))),
        (Some(_), Some(_)) => Err("chunks: a response has either `body` or `chunks`".to_owned()),
    }
}

fn read_fault(
    ending: Option<Ending>,
    after_bytes: Option<AfterBytes>,
    payload: &Payload,
) -> Result<Option<Fault>, String> {
    let Some(ending) = ending else {
        return match after_bytes {
            None => Ok(None),
            Some(_) => Err("after_bytes: says when a `fault` comes, and there is none".to_owned()),
        };
    };
    let length = payload.length();
    let body_bytes = match after_bytes {
        None => None,
        Some(AfterBytes::All(All::All)) if payload.is_chunked() => Some(length),
        Some(AfterBytes::All(All::All)) => {
            return Err(
                "after_bytes: `all` is for `chunks`: a response with all of its `body` \
                        is whole"
                    .to_owned(),
            );
        }
        Some(AfterBytes::Count(count)) if payload.is_chunked() && count <= length => Some(count),
        Some(AfterBytes::Count(count)) if count < length => Some(count),
        Some(AfterBytes::Count(count)) => {
            return Err(format!(
                "after_bytes: `{count}` leaves nothing to break off: the body has {length} bytes"
            ));
        }
    };
    Ok(Some(Fault { ending, body_bytes }))
}

fn read_headers(
    document: BTreeMap<String, HeaderDocument>,
) -> Result<Vec<(HeaderName, HeaderLine)>, String> {
    let mut headers = Vec::new();
    for (text, value) in document {
        let name = HeaderName::try_from(text.as_str())
            .map_err(|_| format!("headers: `{text}` is not a header name"))?;
        if name == CONTENT_LENGTH || name == TRANSFER_ENCODING {
            return Err(format!(
                "headers.{text}: follows from the body; a wrong one is a `fault` with `after_bytes`"
            ));
        }
        let lines = match value {
            HeaderDocument::Lines(lines) => lines,
            line => vec![line],
        };
        for line in lines {
            headers.push((name.clone(), read_header_line(&text, line)?));
        }
    }
    Ok(headers)
}

fn read_header_line(name: &str, line: HeaderDocument) -> Result<HeaderLine, String> {
    match line {
        HeaderDocument::Date(date) => Ok(HeaderLine::DateIn(date.date_in_s)),
        HeaderDocument::Text(text) => HeaderValue::try_from(&text)
            .map(HeaderLine::Text)
            .map_err(|_| format!("headers.{name}: `{text}` has a character no header can carry")),
        HeaderDocument::Lines(_) => Err(format!("headers.{name}: a list in a list")),
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    fn error(text: &str) -> String {
        serde_json::from_str::<Step>(text).unwrap_err().to_string()
    }

    #[test]
    fn the_content_type_follows_the_body() {
        let content_type = |text| {
            let step: Step = serde_json::from_str(text).unwrap();
            step.response(UNIX_EPOCH)
                .headers()
                .get(CONTENT_TYPE)
                .cloned()
        };
        assert_eq!(
            content_type(r#"{"body": {"a": 1}}"#).unwrap(),
            "application/json"
        );
        assert_eq!(
            content_type(r#"{"body": "a"}"#).unwrap(),
            "text/plain; charset=utf-8"
        );
        assert_eq!(
            content_type(r#"{"chunks": ["a"]}"#).unwrap(),
            "text/event-stream"
        );
        assert_eq!(content_type(r#"{"status": 204}"#), None);
        let text = r#"{"body": "<p>", "headers": {"Content-Type": "text/html"}}"#;
        assert_eq!(content_type(text).unwrap(), "text/html");
    }

    #[test]
    fn a_step_that_contradicts_itself_is_an_error() {
        for (text, message) in [
            (
                r#"{"status": 103}"#,
                "status: `103` is not the status of a response, 200 to 999",
            ),
            (
                r#"{"status": 204, "body": "a"}"#,
                "status: `204` has no body",
            ),
            (
                r#"{"body": "a", "chunks": ["a"]}"#,
                "chunks: a response has either",
            ),
            (
                r#"{"status": 503, "fault": "reset"}"#,
                "fault: comes before the first byte",
            ),
            (
                r#"{"body": "abc", "after_bytes": 1}"#,
                "after_bytes: says when a `fault` comes",
            ),
            (
                r#"{"body": "abc", "fault": "close", "after_bytes": 3}"#,
                "after_bytes: `3` leaves nothing to break off: the body has 3 bytes",
            ),
            (
                r#"{"body": "abc", "fault": "close", "after_bytes": "all"}"#,
                "after_bytes: `all` is",
            ),
            (
                r#"{"chunks": ["abc"], "fault": "close", "after_bytes": 4}"#,
                "after_bytes: `4` leaves",
            ),
            (
                r#"{"chunks": ["abc"], "fault": "close", "after_bytes": -1}"#,
                "`after_bytes` is a",
            ),
            (
                r#"{"headers": {"a b": "c"}}"#,
                "headers: `a b` is not a header name",
            ),
            (
                r#"{"headers": {"a": "b\nc"}}"#,
                "headers.a: `b\nc` has a character",
            ),
            (
                r#"{"headers": {"a": 1}}"#,
                "a header is text, {\"date_in_s\"",
            ),
            (
                r#"{"headers": {"a": [["b"]]}}"#,
                "headers.a: a list in a list",
            ),
            (
                r#"{"headers": {"Content-Length": "1"}}"#,
                "headers.Content-Length: follows from",
            ),
        ] {
            assert!(error(text).starts_with(message), "{text}: {}", error(text));
        }
    }

    #[test]
    fn a_body_is_text_or_json_as_it_is_written() {
        let body = |text| {
            let step: Step = serde_json::from_str(text).unwrap();
            let pieces: Vec<_> = step.payload.pieces().cloned().collect();
            String::from_utf8(pieces.concat()).unwrap()
        };
        assert_eq!(
            body(r#"{"body": {"b": 1.0,  "a": [ ]}}"#),
            r#"{"b": 1.0,  "a": [ ]}"#
        );
        assert_eq!(body(r#"{"body": "\u00e4\n"}"#), "ä\n");
        assert_eq!(body(r#"{"body": ""}"#), "");
        assert_eq!(body(r#"{"body": null}"#), "");
    }
}
