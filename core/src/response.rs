//! A response as a policy sees it: read once, for the verdict and the hint alike.

use alloc::boxed::Box;
use core::cell::OnceCell;

use crate::call::Call;
use crate::error_body::ErrorReading;
use crate::failure::{Failure, Headers};
use crate::header::{HeaderName, HeaderSet, HeaderValues};
use crate::hint;

/// The last time that a date can tell, at the end of the year 9999. A clock beyond it is unknown.
const LAST_MS: i64 = 253_402_300_799_999;

/// What a policy reads of a failed attempt's response; nothing of a transport failure.
#[derive(Debug)]
pub(crate) struct Response<'f> {
    /// The status that the rules are about; none where no response came, and none where a success
    /// holds an error that states no status.
    pub status: Option<u16>,
    /// The headers that the policy reads.
    pub headers: HeaderValues<'f>,
    /// What the body says of the error.
    pub error: Option<Box<ErrorReading<'f>>>,
    /// Whether this is a success: a status 2xx, and no error in the body.
    pub success: bool,
    /// Whether the status is 2xx, but there is an error in the body.
    pub inside_success: bool,
    /// The caller's clock, UTC milliseconds since 1970.
    pub now_ms: Option<i64>,
    /// The server's clock, once somebody asked.
    server_now: OnceCell<Option<i64>>,
}

impl<'f> Response<'f> {
    /// `body` is the failure's body as text, or nothing where the policy doesn't look into it.
    pub(crate) fn read(
        failure: &Failure<'f>,
        body: &'f str,
        call: &Call<'_>,
        wanted: HeaderSet,
    ) -> Self {
        let (status, headers) = match *failure {
            Failure::Response {
                status, headers, ..
            } => (Some(status), headers),
            Failure::Transport(..) => (None, Headers::NONE),
        };
        let success = matches!(status, Some(200..=299));
        // An error inside a success is a failure, and its status is the one that it states itself.
        // What is not marked as an error is the answer.
        let error = ErrorReading::parse(body)
            .filter(|error| error.marked || !success)
            .map(Box::new);
        let inside_success = success && error.is_some();
        Self {
            status: match &error {
                Some(error) if inside_success => error.status,
                _ => status,
            },
            headers: HeaderValues::read(headers, wanted),
            success: success && !inside_success,
            inside_success,
            error,
            now_ms: call
                .now_ms
                .and_then(|ms| i64::try_from(ms).ok())
                .filter(|ms| *ms <= LAST_MS),
            server_now: OnceCell::new(),
        }
    }

    /// The server's clock when it answered: its `Date` and, for an answer out of a cache, the `Age`
    /// (RFC 9111 section 4.2.3); the caller's clock where the response has no date that can be read
    /// (RFC 9110 section 6.6.1). UTC milliseconds since 1970.
    pub(crate) fn server_now(&self) -> Option<i64> {
        *self.server_now.get_or_init(|| {
            let date = self.headers.first(HeaderName::Date);
            let date = date.and_then(|date| hint::read_date(date, &|| self.now_ms));
            match date {
                Some(date) => date.checked_add_unsigned(self.age_ms()),
                None => self.now_ms,
            }
        })
    }

    /// How long the response was in a cache, in milliseconds; 0 where that can't be read.
    pub(crate) fn age_ms(&self) -> u64 {
        let age = self.headers.first(HeaderName::Age);
        age.and_then(hint::read_age).unwrap_or(0)
    }
}
