//! What the server says of the error in the response's body.

use alloc::string::{String, ToString};

use serde::Serialize;
use serde_json::Value;

/// How much of a body is looked at. Error bodies are small; what is larger is not one.
pub const MAX_BODY_BYTES: usize = 64 * 1024;

/// The error envelope `{"error": {"message", "type", "code", "param"}}`, any part of which may be
/// missing. A whole number in place of a text is read as its digits; anything else there is passed
/// over. `{"error": "…"}` is a message alone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ErrorBody {
    /// What went wrong, for a person.
    pub message: Option<String>,
    /// The vendor's kind of error, such as `rate_limit_error`.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// The vendor's code for the error.
    pub code: Option<String>,
    /// The request's parameter that is at fault.
    pub param: Option<String>,
}

impl ErrorBody {
    /// The envelope in `body`; nothing where the body is not JSON or has none.
    ///
    /// Total: any bytes are accepted. Of a body longer than [`MAX_BODY_BYTES`] only these are looked
    /// at, so that it is not JSON any more.
    pub fn parse(body: &[u8]) -> Option<Self> {
        let body = body.get(..MAX_BODY_BYTES).unwrap_or(body);
        // Pages of proxies and empty bodies are the most common of those that are no JSON.
        if !body.trim_ascii_start().starts_with(b"{") {
            return None;
        }
        let mut body: Value = serde_json::from_str(&String::from_utf8_lossy(body)).ok()?;
        match body.get_mut("error")?.take() {
            Value::Object(mut parts) => {
                let mut part = |name| parts.get_mut(name).and_then(text);
                Some(Self {
                    message: part("message"),
                    kind: part("type"),
                    code: part("code"),
                    param: part("param"),
                })
            }
            mut error @ Value::String(_) => Some(Self {
                message: text(&mut error),
                ..Self::default()
            }),
            _ => None,
        }
    }
}

/// A text, or a whole number as its digits.
fn text(value: &mut Value) -> Option<String> {
    match value.take() {
        Value::String(text) => Some(text),
        Value::Number(number) => match (number.as_u64(), number.as_i64()) {
            (Some(number), _) => Some(number.to_string()),
            (None, Some(number)) => Some(number.to_string()),
            (None, None) => None,
        },
        _ => None,
    }
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
            Some([some("busy"), None, None, None])
        );
        assert_eq!(
            parts(br#"{"error":"b\"usy"}"#),
            Some([some("b\"usy"), None, None, None])
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
