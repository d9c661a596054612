//! What a vendor's support asks for after a failure, and nothing else.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use core::fmt;

use serde::Serialize;

use crate::error_body::ErrorBody;
use crate::failure::Failure;
use crate::time;

/// The longest body in a report, in bytes. What is cut is said.
pub const MAX_REPORT_BODY_BYTES: usize = 2048;

/// The headers that carry a request id, in the order in which they are looked for.
pub const REQUEST_ID_HEADERS: [&str; 4] =
    ["x-request-id", "request-id", "x-correlation-id", "cf-ray"];

/// A report of one failure, to paste in a mail to the vendor's support.
///
/// It never holds a key or a prompt: no request header, nothing of the request body, the endpoint
/// without query or credentials, and of an error body only the error envelope. What looks like a
/// key in a text of the server's is replaced by `[redacted]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct SupportReport {
    /// When it happened, in UTC as RFC 3339; unknown without `now`.
    pub timestamp: Option<String>,
    /// The id that the server gave the request, from the first of [`REQUEST_ID_HEADERS`].
    pub request_id: Option<String>,
    /// The HTTP status, or how the transport failed.
    pub failure: String,
    /// The error body's code, or its type where it has no code.
    pub error_code: Option<String>,
    /// The error envelope, or a body that is no such envelope, cut to [`MAX_REPORT_BODY_BYTES`].
    pub body: Option<String>,
    /// The endpoint called, without query or credentials.
    pub endpoint: Option<String>,
}

impl SupportReport {
    /// The report of a failure at `now_ms` (UTC milliseconds since 1970) when calling `endpoint`
    /// (a URL).
    pub fn new(failure: &Failure<'_>, now_ms: Option<u64>, endpoint: Option<&str>) -> Self {
        let timestamp = now_ms.map(time::to_rfc3339);
        let endpoint = endpoint.map(bare_endpoint);
        match *failure {
            Failure::Response {
                status,
                headers,
                body,
            } => {
                let request_id = REQUEST_ID_HEADERS
                    .iter()
                    .find_map(|name| headers.first(name));
                let error = ErrorBody::parse(body);
                let code = error
                    .as_ref()
                    .and_then(|e| e.code.as_deref().or(e.kind.as_deref()));
                Self {
                    timestamp,
                    request_id: request_id.map(|id| redact(&cut(id))),
                    failure: format!("HTTP status {status}"),
                    error_code: code.map(|code| redact(&cut(code))),
                    body: report_body(body, error.as_ref()),
                    endpoint,
                }
            }
            Failure::Transport(kind, phase) => Self {
                timestamp,
                request_id: None,
                failure: format!("no response: {kind} in phase {phase}"),
                error_code: None,
                body: None,
                endpoint,
            },
        }
    }

    /// The report as JSON.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

impl fmt::Display for SupportReport {
    /// The report as text, one fact a line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fn known(fact: &Option<String>) -> &str {
            fact.as_deref().unwrap_or("unknown")
        }
        writeln!(f, "time        {}", known(&self.timestamp))?;
        writeln!(f, "request id  {}", known(&self.request_id))?;
        writeln!(f, "endpoint    {}", known(&self.endpoint))?;
        writeln!(f, "failure     {}", self.failure)?;
        writeln!(f, "error code  {}", known(&self.error_code))?;
        write!(f, "body        {}", known(&self.body))
    }
}

/// An error in the vendor's own words, of which the class is none.
#[derive(Serialize)]
struct Envelope<'e> {
    message: &'e Option<String>,
    r#type: &'e Option<String>,
    code: &'e Option<String>,
    param: &'e Option<String>,
}

/// The envelope alone where there is one: other members of an error body can echo the request.
fn report_body(body: &[u8], error: Option<&ErrorBody>) -> Option<String> {
    let text = match error {
        Some(error) => serde_json::to_string(&Envelope {
            message: &error.message,
            r#type: &error.kind,
            code: &error.code,
            param: &error.param,
        })
        .unwrap_or_default(),
        None => {
            // One byte more than may be shown tells whether something is cut.
            let most = MAX_REPORT_BODY_BYTES.saturating_add(1);
            let shown = body.get(..most).unwrap_or(body);
            String::from_utf8_lossy(shown).trim().to_owned()
        }
    };
    (!text.is_empty()).then(|| cut(&redact(&text)))
}

/// The text, cut to [`MAX_REPORT_BODY_BYTES`].
fn cut(text: &str) -> String {
    const MARK: &str = "… [cut]";
    if text.len() <= MAX_REPORT_BODY_BYTES {
        return text.to_owned();
    }
    let room = MAX_REPORT_BODY_BYTES.saturating_sub(MARK.len());
    let end = (0..=room)
        .rev()
        .find(|&end| text.is_char_boundary(end))
        .unwrap_or(0);
    format!("{}{MARK}", text.get(..end).unwrap_or(""))
}

/// The text with everything that looks like a key replaced.
fn redact(text: &str) -> String {
    let is_key_char = |c: char| c.is_ascii_alphanumeric() || "-_.+=*~".contains(c);
    let ends_credentials = |c: char| c.is_whitespace() || "\"',;".contains(c);
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    let mut after_scheme = false;
    let mut credentials = false;
    while let Some(first) = rest.chars().next() {
        let in_word = is_key_char(first);
        let end = rest
            .find(|c| is_key_char(c) != in_word)
            .unwrap_or(rest.len());
        let (word, after) = rest.split_at_checked(end).unwrap_or((rest, ""));
        if in_word {
            credentials |= after_scheme;
            let key = credentials || looks_like_key(word);
            shown.push_str(if key { "[redacted]" } else { word });
            let scheme = ["bearer", "basic"]
                .iter()
                .any(|s| word.eq_ignore_ascii_case(s));
            after_scheme = scheme && after.starts_with(' ');
        } else {
            shown.push_str(word);
            credentials &= !word.contains(ends_credentials);
        }
        rest = after;
    }
    shown
}

/// The shapes in which API keys are given out: a known prefix such as `sk-`, or a JSON Web Token.
fn looks_like_key(word: &str) -> bool {
    const PREFIXES: [&str; 9] = [
        "sk-", "sk_", "pk_", "rk_", "key-", "api-key-", "tsk-", "AIza", "eyJ",
    ];
    const SHORTEST: usize = 8;
    word.len() >= SHORTEST && PREFIXES.iter().any(|prefix| word.starts_with(prefix))
}

/// A URL without user, password, query and fragment, whether or not it has its scheme.
fn bare_endpoint(url: &str) -> String {
    let url = url.split(['?', '#']).next().unwrap_or("");
    let (scheme, rest) = match url.split_once('/') {
        Some((scheme, rest)) if rest.starts_with('/') => {
            (scheme, rest.strip_prefix('/').unwrap_or(rest))
        }
        _ => ("", url),
    };
    let (authority, path) = match rest.find('/') {
        Some(slash) => rest.split_at_checked(slash).unwrap_or((rest, "")),
        None => (rest, ""),
    };
    let host = authority.rsplit('@').next().unwrap_or("");
    let slashes = if scheme.is_empty() { "" } else { "//" };
    cut(&redact(&format!("{scheme}{slashes}{host}{path}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Headers, Phase, TransportKind};
    use alloc::string::ToString;

    fn report(headers: &[(&str, &str)], body: &str, endpoint: &str) -> SupportReport {
        let headers = Headers::Pairs(headers);
        let failure = Failure::Response {
            status: 503,
            headers,
            body: body.as_bytes(),
        };
        SupportReport::new(&failure, Some(1_768_478_400_000), Some(endpoint))
    }

    #[test]
    fn holds_what_support_asks_for() {
        let body = r#"{"error":{"message":"busy","type":"overloaded_error","code":"saturated"}}"#;
        let headers = [("cf-ray", "ray"), ("X-Request-Id", "req-1")];
        let report = report(
            &headers,
            body,
            "https://me:pw@api.tessera.ai/v1/chat?key=k#x",
        );
        assert_eq!(
            report.to_string(),
            "time        2026-01-15T12:00:00Z\n\
             request id  req-1\n\
             endpoint    https://api.tessera.ai/v1/chat\n\
             failure     HTTP status 503\n\
             error code  saturated\n\
             body        {\"message\":\"busy\",\"type\":\"overloaded_error\",\"code\":\"saturated\",\"param\":null}"
        );
        let json: serde_json::Value = serde_json::from_str(&report.to_json()).unwrap();
        assert_eq!(json["request_id"], "req-1");
    }

    #[test]
    fn never_holds_a_key_or_an_echo_of_the_request() {
        let body = r#"{"error":{"message":"bad key sk-abcdefgh1234, Bearer abc.def/ghi= again"},"input":"my prompt"}"#;
        let report = report(&[], body, "https://api.tessera.ai/keys/sk-abcdefgh1234");
        for text in [report.to_string(), report.to_json()] {
            for secret in ["abcdefgh", "abc.def", "ghi", "my prompt"] {
                assert!(!text.contains(secret), "{text}");
            }
            assert!(
                text.contains("bad key [redacted], Bearer [redacted]/[redacted] again"),
                "{text}"
            );
        }
    }

    #[test]
    fn an_endpoint_has_no_credentials_with_or_without_its_scheme() {
        for (url, bare) in [
            (
                "https://me:pw@api.tessera.ai/v1",
                "https://api.tessera.ai/v1",
            ),
            ("me:pw@api.tessera.ai/v1?key=k", "api.tessera.ai/v1"),
            ("//me:pw@api.tessera.ai/v1", "api.tessera.ai/v1"),
            ("me:pw@api.tessera.ai", "api.tessera.ai"),
            ("localhost:8080/v1//chat", "localhost:8080/v1//chat"),
            ("/v1/chat@2", "/v1/chat@2"),
            (
                "api.tessera.ai/sk-abcdefgh1234",
                "api.tessera.ai/[redacted]",
            ),
        ] {
            assert_eq!(
                report(&[], "", url).endpoint.as_deref(),
                Some(bare),
                "{url}"
            );
        }
    }

    #[test]
    fn long_bodies_are_cut_and_say_so() {
        for body in ["é".repeat(MAX_REPORT_BODY_BYTES), "x".repeat(99_999)] {
            let report = report(&[], &body, "");
            let body = report.body.unwrap();
            assert!(body.len() <= MAX_REPORT_BODY_BYTES && body.ends_with("… [cut]"));
        }
        let exact = "x".repeat(MAX_REPORT_BODY_BYTES);
        assert_eq!(report(&[], &exact, "").body, Some(exact));
    }

    #[test]
    fn what_is_unknown_is_said_to_be() {
        let failure = Failure::Transport(TransportKind::Reset, Phase::Sent);
        let report = SupportReport::new(&failure, None, None);
        assert_eq!(
            report.to_string(),
            "time        unknown\nrequest id  unknown\nendpoint    unknown\n\
             failure     no response: reset in phase sent\nerror code  unknown\nbody        unknown"
        );
    }
}
