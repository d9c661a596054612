//! The server's own word on whether to try again, whatever the delay.

use alloc::format;
use alloc::string::String;

use crate::code::words;
use crate::header::{HeaderName, HeaderSet};
use crate::hint;
use crate::response::Response;
use crate::verdict::Verdict;

words! {
    /// Where a server says whether to try again.
    pub(crate) enum ServerVerdict {
        /// A negative pushback, or one that can't be read, forbids any retry (gRFC A6).
        GrpcRetryPushbackMs "grpc-retry-pushback-ms",
        /// `true` or `false`, of APIs whose clients Stainless generates.
        XShouldRetry "x-should-retry",
        /// `true` or `false`, of Stripe.
        StripeShouldRetry "stripe-should-retry",
        /// `retryable` in the error body, of Cloudflare.
        Retryable "retryable",
    }
}

impl ServerVerdict {
    /// The header that it is in, if it is in one.
    const fn header(self) -> Option<HeaderName> {
        match self {
            Self::GrpcRetryPushbackMs => Some(HeaderName::GrpcRetryPushbackMs),
            Self::XShouldRetry => Some(HeaderName::XShouldRetry),
            Self::StripeShouldRetry => Some(HeaderName::StripeShouldRetry),
            Self::Retryable => None,
        }
    }

    /// The headers that a decision reads of it.
    pub(crate) fn headers(self) -> HeaderSet {
        self.header()
            .map_or(HeaderSet::NONE, |name| HeaderSet::of(&[name]))
    }

    /// Whether it is in the response's body.
    pub(crate) const fn is_in_body(self) -> bool {
        self.header().is_none()
    }

    /// What the response says here, if anything.
    pub(crate) fn read(self, response: &Response<'_>) -> Option<Verdict> {
        let again = match self.header() {
            None => response.error.as_ref()?.retryable?,
            Some(name @ HeaderName::GrpcRetryPushbackMs) => {
                response.headers.first(name)?;
                let ms = hint::read_pushback(response.headers.lines(name));
                // "Retry after so long" forbids nothing, and is no more than a hint.
                return ms.is_none_or(|ms| ms < 0).then_some(Verdict::Stop);
            }
            Some(name) => {
                let mut members = response.headers.lines(name).flat_map(hint::members);
                members.find_map(|member| {
                    let is = |word: &str| member.eq_ignore_ascii_case(word);
                    (is("true") || is("false")).then(|| is("true"))
                })?
            }
        };
        Some(if again { Verdict::Retry } else { Verdict::Stop })
    }

    /// What was read, for a person.
    pub(crate) fn describe(self, response: &Response<'_>) -> String {
        match self.header().and_then(|name| response.headers.first(name)) {
            Some(value) => format!("{} `{value}`", self.name()),
            None => format!("`{}` in the body", self.name()),
        }
    }
}
