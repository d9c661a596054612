//! What the server says of the error in the response's body, whichever shape it comes in.

mod class;
mod event_stream;
mod shape;
mod surrogates;

use alloc::borrow::Cow;
use alloc::string::{String, ToString};

use serde::Serialize;

use crate::decision::FailureClass;
use crate::failure::Failure;
use crate::json::Json;
use class::class_of;
use shape::Shape;

pub(crate) use class::{ToldBy, is_secondary_rate_limit};

/// How much of a body is looked at. Error bodies are small; what is larger is not one.
pub const MAX_BODY_BYTES: usize = 64 * 1024;

/// What an error body says, whichever vendor's shape it has: an `error` object or text, RFC 9457
/// problem details, members of the document itself, the first of a list, or an error event in a
/// stream. A whole number in place of a text is read as its digits; anything else there is passed
/// over.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ErrorBody {
    /// What went wrong, for a person.
    pub message: Option<String>,
    /// The vendor's kind of error, such as `rate_limit_error` or `RESOURCE_EXHAUSTED`.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// The vendor's code for the error, such as `insufficient_quota`.
    pub code: Option<String>,
    /// The request's parameter that is at fault.
    pub param: Option<String>,
    /// What kind of failure that is, where the vendor's words are known.
    pub class: Option<FailureClass>,
}

impl ErrorBody {
    /// The error in `body`; nothing where there is none.
    ///
    /// Total: any bytes are accepted. Of a body longer than [`MAX_BODY_BYTES`] only these are looked
    /// at, so that it is not JSON any more.
    pub fn parse(body: &[u8]) -> Option<Self> {
        let reading = ErrorReading::parse(&text_of(body))?.into_owned();
        let text = |part: Option<Cow<'_, str>>| part.map(Cow::into_owned);
        Some(Self {
            message: text(reading.message),
            kind: text(reading.kind),
            code: text(reading.code),
            param: text(reading.param),
            class: reading.class.map(|(class, _)| class),
        })
    }
}

/// The part of a failure's body that is looked at, as text; what is no UTF-8 is replaced.
pub(crate) fn body_of<'f>(failure: &Failure<'f>) -> Cow<'f, str> {
    match *failure {
        Failure::Response { body, .. } => text_of(body),
        Failure::Transport(..) => Cow::Borrowed(""),
    }
}

fn text_of(body: &[u8]) -> Cow<'_, str> {
    let body = body.get(..MAX_BODY_BYTES).unwrap_or(body);
    // Twice as fast as replacing at once what most bodies don't have.
    core::str::from_utf8(body).map_or_else(|_| String::from_utf8_lossy(body), Cow::Borrowed)
}

/// Whether somebody would expect an error in this text.
pub(crate) fn looks_like_json(body: &str) -> bool {
    begins_document(text_in(body))
}

/// Whether a JSON object or list begins here.
fn begins_document(text: &str) -> bool {
    text.starts_with(['{', '['])
}

/// The text without what may stand around JSON; some servers begin with a byte order mark.
fn text_in(body: &str) -> &str {
    let body = body.trim_ascii();
    body.strip_prefix('\u{feff}').unwrap_or(body).trim_ascii()
}

/// Everything that a decision needs of an error body.
#[derive(Clone, Debug, Default)]
pub(crate) struct ErrorReading<'a> {
    pub message: Option<Cow<'a, str>>,
    pub kind: Option<Cow<'a, str>>,
    pub code: Option<Cow<'a, str>>,
    pub param: Option<Cow<'a, str>>,
    /// What kind of failure that is, and what tells it.
    pub class: Option<(FailureClass, ToldBy)>,
    /// Whether the body says that it is an error, and not only looks like one.
    pub marked: bool,
    /// The status that the body states itself.
    pub status: Option<u16>,
    /// `retryable`: whether to try again, in the server's own word.
    pub retryable: Option<bool>,
    /// `retryDelay` of a google.rpc.RetryInfo.
    pub retry_delay: Option<Cow<'a, str>>,
    /// `retry_after`.
    pub retry_after: Option<Seconds<'a>>,
    /// Headers that the body repeats of a server behind this one, where it repeats any.
    pub headers: Option<RepeatedHeaders<'a>>,
}

/// Seconds as they are written: a text, or a number in digits.
#[derive(Clone, Debug)]
pub(crate) enum Seconds<'a> {
    Text(Cow<'a, str>),
    Number(String),
}

impl<'a> Seconds<'a> {
    fn of(value: &Json<'a>) -> Option<Self> {
        match value {
            Json::Text(text) => Some(Self::Text(text.clone())),
            Json::Number(number) => Some(Self::Number(number.to_string())),
            _ => None,
        }
    }

    fn into_owned(self) -> Seconds<'static> {
        match self {
            Self::Text(text) => Seconds::Text(Cow::Owned(text.into_owned())),
            Self::Number(digits) => Seconds::Number(digits),
        }
    }
}

/// Headers of a server behind this one, as OpenRouter has them in `error.metadata.headers`.
#[derive(Clone, Debug, Default)]
pub(crate) struct RepeatedHeaders<'a> {
    pub retry_after: Option<Cow<'a, str>>,
    pub reset: Option<Cow<'a, str>>,
    pub remaining: Option<Cow<'a, str>>,
}

impl<'a> ErrorReading<'a> {
    /// The error in the text of a body.
    pub(crate) fn parse(body: &'a str) -> Option<Self> {
        let text = text_in(body);
        // Pages of proxies and empty bodies are the most common of those that are no JSON.
        if begins_document(text) {
            return match Json::parse(text) {
                Ok(document) => Self::of(&document, true),
                Err(_) => {
                    let text = surrogates::mended(text)?;
                    let document = Json::parse(&text).ok()?;
                    Some(ErrorReading::of(&document, true)?.into_owned())
                }
            };
        }
        if event_stream::is_stream(text) {
            return event_stream::events(text).find_map(|event| {
                let document = Json::parse(&event.data).ok()?;
                let mut error = ErrorReading::of(&document, true)?.into_owned();
                error.marked |= event.name == "error";
                error.marked.then_some(error)
            });
        }
        None
    }

    /// The error in a document. `look_inside`: whether its message may be such a document too.
    fn of(document: &Json<'a>, look_inside: bool) -> Option<Self> {
        let shape = Shape::of(document)?;
        let (message, kind, code) = (shape.message(), shape.kind(), shape.code());
        if look_inside && let Some(inner) = message.as_deref().and_then(inside) {
            return Some(Self {
                marked: shape.marked,
                ..inner
            });
        }
        let param = shape.param();
        let (retryable, retry_after) = (shape.retryable(), shape.retry_after());
        let retry_delay = retry_delay(&shape);
        let says_anything = message.is_some()
            || kind.is_some()
            || code.is_some()
            || param.is_some()
            || retryable.is_some()
            || retry_after.is_some()
            || retry_delay.is_some();
        if !says_anything && !shape.nested {
            return None;
        }
        let class = class_of(&shape, code.as_deref(), kind.as_deref(), message.as_deref());
        Some(Self {
            message,
            kind,
            code,
            param,
            class,
            marked: shape.marked,
            status: shape.status(),
            retryable,
            retry_delay,
            retry_after: retry_after.and_then(Seconds::of),
            headers: repeated_headers(&shape),
        })
    }

    fn into_owned(self) -> ErrorReading<'static> {
        fn own(text: Option<Cow<'_, str>>) -> Option<Cow<'static, str>> {
            text.map(|text| Cow::Owned(text.into_owned()))
        }
        ErrorReading {
            message: own(self.message),
            kind: own(self.kind),
            code: own(self.code),
            param: own(self.param),
            class: self.class,
            marked: self.marked,
            status: self.status,
            retryable: self.retryable,
            retry_delay: own(self.retry_delay),
            retry_after: self.retry_after.map(Seconds::into_owned),
            headers: self.headers.map(|headers| RepeatedHeaders {
                retry_after: own(headers.retry_after),
                reset: own(headers.reset),
                remaining: own(headers.remaining),
            }),
        }
    }
}

/// The error in a message that is a document of its own: gateways put Google's whole answer there.
fn inside(message: &str) -> Option<ErrorReading<'static>> {
    let text = message.trim_ascii();
    if !begins_document(text) {
        return None;
    }
    let inner = ErrorReading::of(&Json::parse(text).ok()?, false)?.into_owned();
    (inner.kind.is_some() || inner.code.is_some()).then_some(inner)
}

/// google.rpc.RetryInfo (google/rpc/error_details.proto).
fn retry_delay<'a>(shape: &Shape<'_, 'a>) -> Option<Cow<'a, str>> {
    let info = shape.details("google.rpc.RetryInfo").next()?;
    info.get("retryDelay")?.text_or_digits()
}

fn repeated_headers<'a>(shape: &Shape<'_, 'a>) -> Option<RepeatedHeaders<'a>> {
    let Json::Object(headers) = shape.error.metadata?.get("headers")? else {
        return None;
    };
    let header = |name: &str| {
        let mut named = headers.iter();
        let (_, value) = named.rfind(|(other, _)| other.eq_ignore_ascii_case(name))?;
        value.text_or_digits()
    };
    Some(RepeatedHeaders {
        retry_after: header("retry-after"),
        reset: header("x-ratelimit-reset"),
        remaining: header("x-ratelimit-remaining"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(body: &[u8]) -> Option<[Option<String>; 4]> {
        ErrorBody::parse(body).map(|error| [error.message, error.kind, error.code, error.param])
    }

    fn some(text: &str) -> Option<String> {
        Some(text.into())
    }

    #[test]
    fn a_whole_envelope() {
        let body = br#"{"id":[1,{}],"error":{"message":"m\n","type":"t","code":"c","param":"p"}}"#;
        assert_eq!(
            parts(body),
            Some([some("m\n"), some("t"), some("c"), some("p")])
        );
    }

    #[test]
    fn missing_and_malformed_parts_are_tolerated() {
        assert_eq!(parts(br#"{"error":{}}"#), Some([None, None, None, None]));
        let body = br#"{"error":{"type":["t"],"code":1300,"message":null,"param":{"a":1}}}"#;
        assert_eq!(parts(body), Some([None, None, some("1300"), None]));
        let body = br#"{"error":{"type":true,"code":1.5,"param":-1,"message":"m"}}"#;
        assert_eq!(parts(body), Some([some("m"), None, None, some("-1")]));
        assert_eq!(
            parts(br#"{"error":"busy"}"#),
            Some([None, None, some("busy"), None])
        );
        assert_eq!(
            parts(br#"{"error":"too \"busy\""}"#),
            Some([some("too \"busy\""), None, None, None])
        );
    }

    #[test]
    fn what_is_no_envelope_is_none() {
        for body in [
            "",
            " ",
            "null",
            "[]",
            "1",
            "\"error\"",
            "{}",
            "{\"error\":",
            "<html>",
            "{\"Error\":{}}",
            "{\"error\":null}",
            "{\"error\":[{\"type\":\"t\"}]}",
            "{\"error\":1}",
            "{\"error\":1.5}",
            "{\"error\":true}",
            "{\"error\":-1}",
        ] {
            assert_eq!(parts(body.as_bytes()), None, "{body}");
        }
    }

    #[test]
    fn what_is_no_json_has_no_envelope() {
        for body in [
            r#"{"error":{"type":"t","code":"insuff"#,
            r#"{"error":{"type":"t"}} and more"#,
            r#"{"error":{"type":"t",}}"#,
        ] {
            assert_eq!(parts(body.as_bytes()), None, "{body}");
        }
        let deep = [br#"{"error":{"type":"t"},"x":"#.as_slice(), &[b'['; 9999]].concat();
        assert_eq!(parts(&deep), None);
    }

    #[test]
    fn a_byte_order_mark_is_passed_over() {
        let body = "\u{feff}{\"error\":{\"type\":\"t\"}}";
        assert_eq!(parts(body.as_bytes()), Some([None, some("t"), None, None]));
    }

    #[test]
    fn what_is_no_utf_8_is_replaced() {
        let body = b"{\"error\":{\"type\":\"t\",\"message\":\"\xFF\"}}";
        assert_eq!(parts(body), Some([some("\u{FFFD}"), some("t"), None, None]));
    }

    #[test]
    fn only_the_first_64_kib_are_looked_at() {
        let mut body = br#"{"error":{"type":"t"}}"#.to_vec();
        body.resize(MAX_BODY_BYTES, b' ');
        assert_eq!(parts(&body), Some([None, some("t"), None, None]));
        body.push(b'x');
        assert_eq!(parts(&body), Some([None, some("t"), None, None]));
        body.insert(0, b' ');
        assert_eq!(parts(&body), Some([None, some("t"), None, None]));
        let long = [br#"{"error":{"message":""#.as_slice(), &body, br#""}}"#].concat();
        assert_eq!(parts(&long), None);
    }
}
