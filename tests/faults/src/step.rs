//! One step of a script: the response, and how its transfer goes wrong.

mod document;

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hyper::body::{Body, Bytes, Frame, SizeHint};
use hyper::header::{CONTENT_TYPE, DATE, HeaderName, HeaderValue};
use hyper::{Response, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use self::document::StepDocument;
use crate::fault::Fault;

/// A step that was checked when the scenario was read: playing it cannot fail.
#[derive(Debug, Deserialize)]
#[serde(try_from = "StepDocument")]
pub struct Step {
    /// The wait before the first byte, or before the fault that comes instead of it.
    pub delay: Duration,
    /// What breaks the response off; without it the response is whole.
    pub fault: Option<Fault>,
    status: StatusCode,
    headers: Vec<(HeaderName, HeaderLine)>,
    payload: Payload,
}

#[derive(Debug, Clone)]
enum HeaderLine {
    Text(HeaderValue),
    /// So many seconds from now, as an HTTP-date.
    DateIn(i64),
}

impl Step {
    /// What a path answers after its last step, unless its script says otherwise.
    pub fn success() -> Self {
        Self::json(StatusCode::OK, &json!({"ok": true}))
    }

    /// A whole response with a JSON body.
    pub fn json(status: StatusCode, body: &Value) -> Self {
        Self {
            delay: Duration::ZERO,
            fault: None,
            status,
            headers: vec![(CONTENT_TYPE, HeaderLine::Text(JSON))],
            payload: Payload::whole(body.to_string()),
        }
    }

    /// The whole response as it is at `now`, from which all dates in it are counted, `Date` too.
    pub fn response(&self, now: SystemTime) -> Response<Payload> {
        let mut response = Response::new(self.payload.clone());
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        for (name, line) in &self.headers {
            let value = match line {
                HeaderLine::Text(value) => value.clone(),
                HeaderLine::DateIn(seconds) => http_date(now, *seconds),
            };
            headers.append(name, value);
        }
        // hyper would add its own, cached for up to a second: `Retry-After` as a date would then
        // be off by that second.
        headers.entry(DATE).or_insert_with(|| http_date(now, 0));
        response
    }
}

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// `now` and some seconds as an HTTP-date, kept between the years 1970 and 9999 that it can say.
fn http_date(now: SystemTime, seconds: i64) -> HeaderValue {
    const LAST_SECOND_OF_9999: u64 = 253_402_300_799;
    let now = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let then = now.saturating_add_signed(seconds).min(LAST_SECOND_OF_9999);
    let then = UNIX_EPOCH
        .checked_add(Duration::from_secs(then))
        .unwrap_or(UNIX_EPOCH);
    HeaderValue::try_from(httpdate::fmt_http_date(then)).unwrap_or(HeaderValue::from_static(""))
}

/// A response body in the pieces in which it is sent.
#[derive(Debug, Clone, Default)]
pub struct Payload {
    pieces: VecDeque<Bytes>,
    chunked: bool,
}

impl Payload {
    /// A body whose length is promised in `Content-Length`.
    fn whole(body: String) -> Self {
        Self {
            pieces: VecDeque::from([Bytes::from(body)]),
            chunked: false,
        }
    }

    /// A body in chunks, its length not known beforehand.
    fn chunks(chunks: Vec<String>) -> Self {
        // An empty chunk would be the end of the body.
        let pieces = chunks
            .into_iter()
            .filter(|c| !c.is_empty())
            .map(Bytes::from)
            .collect();
        Self {
            pieces,
            chunked: true,
        }
    }

    /// The pieces that are still to be sent.
    pub fn pieces(&self) -> impl Iterator<Item = &Bytes> {
        self.pieces.iter()
    }

    /// Whether the pieces go out as chunks rather than under one `Content-Length`.
    pub fn is_chunked(&self) -> bool {
        self.chunked
    }

    /// The bytes that are still to be sent, without the framing of chunks.
    pub fn length(&self) -> usize {
        self.pieces.iter().map(Bytes::len).sum()
    }
}

impl Body for Payload {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.pieces.pop_front().map(|piece| Ok(Frame::data(piece))))
    }

    fn size_hint(&self) -> SizeHint {
        if self.chunked {
            SizeHint::default()
        } else {
            SizeHint::with_exact(u64::try_from(self.length()).unwrap_or(u64::MAX))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(text: &str) -> Step {
        serde_json::from_str(text).unwrap()
    }

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH
            .checked_add(Duration::from_secs(seconds))
            .unwrap()
    }

    #[test]
    fn dates_are_counted_from_the_date_header() {
        let step = step(r#"{"status": 429, "headers": {"retry-after": {"date_in_s": 1}}}"#);
        let response = step.response(at(784_111_777));
        assert_eq!(response.headers()["date"], "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(
            response.headers()["retry-after"],
            "Sun, 06 Nov 1994 08:49:38 GMT"
        );
    }

    #[test]
    fn a_scripted_date_replaces_the_true_one() {
        let step = step(r#"{"headers": {"date": {"date_in_s": -60}}}"#);
        let response = step.response(at(60));
        assert_eq!(response.headers().get_all("date").iter().count(), 1);
        assert_eq!(response.headers()["date"], "Thu, 01 Jan 1970 00:00:00 GMT");
    }

    #[test]
    fn a_date_out_of_range_is_kept_within() {
        let far = |seconds| http_date(at(0), seconds);
        assert_eq!(far(i64::MAX), "Fri, 31 Dec 9999 23:59:59 GMT");
        assert_eq!(far(i64::MIN), "Thu, 01 Jan 1970 00:00:00 GMT");
    }

    #[test]
    fn repeated_lines_keep_their_order() {
        let step = step(r#"{"headers": {"x-limit": ["1", "2"], "retry-after": "1"}}"#);
        let response = step.response(at(0));
        let lines: Vec<_> = response.headers().get_all("x-limit").iter().collect();
        assert_eq!(lines, ["1", "2"]);
    }
}
