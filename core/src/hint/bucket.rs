//! Limits of which one header says when they are reset and another whether they are used up. A
//! reset is a wait only where nothing is left.

use core::cmp::Reverse;

use super::{decimal, wait};
use crate::header::{HeaderName, HeaderSet};
use crate::response::Response;

/// Two headers: when a limit is reset, and whether it is used up.
pub(super) struct Bucket {
    pub reset: HeaderName,
    left: Left,
    /// Whether the reset is when the limit is full again, which is later than when it lets the next
    /// request through (platform.openai.com/docs/guides/rate-limits, "the time until the rate limit
    /// resets to its initial state").
    pub refills: bool,
}

enum Left {
    /// The header says how much is left.
    Remaining(HeaderName),
    /// The header says `rejected`, where it is used up.
    Status(HeaderName),
}

impl Bucket {
    /// Its two headers.
    pub(super) const fn headers(&self) -> HeaderSet {
        HeaderSet::of(&[self.reset, self.left()])
    }

    /// The header that says whether it is used up.
    pub(super) const fn left(&self) -> HeaderName {
        match self.left {
            Left::Remaining(name) | Left::Status(name) => name,
        }
    }

    /// How much is left, in thousandths, where a header says so.
    pub(super) fn remaining(&self, response: &Response<'_>) -> Option<u64> {
        match self.left {
            Left::Remaining(name) => least(response.headers.lines(name)),
            Left::Status(_) => None,
        }
    }

    /// Whether it is known to be used up.
    pub(super) fn is_exhausted(&self, response: &Response<'_>) -> bool {
        let headers = &response.headers;
        match self.left {
            Left::Remaining(name) => {
                let known = headers.first(name).is_some();
                is_exhausted(known.then(|| headers.lines(name)), response.status)
            }
            Left::Status(name) => headers
                .first(name)
                .is_some_and(|status| status.eq_ignore_ascii_case("rejected")),
        }
    }
}

/// Whether nothing remains of a limit: the least of what is said to remain is 0. Where nothing is
/// said of it, a 429 means that.
pub(super) fn is_exhausted<'l>(
    remaining: Option<impl Iterator<Item = &'l str>>,
    status: Option<u16>,
) -> bool {
    match remaining {
        Some(lines) => least(lines) == Some(0),
        None => status == Some(429),
    }
}

/// The least that is said to remain, in thousandths; nothing where one of the lines can't be read.
fn least<'l>(lines: impl Iterator<Item = &'l str>) -> Option<u64> {
    let least = wait::longest(lines, |text| decimal::read(text, 1000).map(Reverse));
    least.map(|Reverse(least)| least)
}

const fn bucket(reset: HeaderName, remaining: HeaderName) -> Bucket {
    Bucket {
        reset,
        left: Left::Remaining(remaining),
        refills: false,
    }
}

const fn refilling(reset: HeaderName, remaining: HeaderName) -> Bucket {
    Bucket {
        refills: true,
        ..bucket(reset, remaining)
    }
}

const fn window(reset: HeaderName, status: HeaderName) -> Bucket {
    Bucket {
        reset,
        left: Left::Status(status),
        refills: false,
    }
}

pub(super) const RATELIMIT: [Bucket; 1] = [bucket(
    HeaderName::RatelimitReset,
    HeaderName::RatelimitRemaining,
)];
pub(super) const RESET_AFTER: [Bucket; 1] = [bucket(
    HeaderName::XRatelimitResetAfter,
    HeaderName::XRatelimitRemaining,
)];
pub(super) const X_RATELIMIT: [Bucket; 4] = [
    bucket(HeaderName::XRatelimitReset, HeaderName::XRatelimitRemaining),
    refilling(
        HeaderName::XRatelimitResetRequests,
        HeaderName::XRatelimitRemainingRequests,
    ),
    refilling(
        HeaderName::XRatelimitResetTokens,
        HeaderName::XRatelimitRemainingTokens,
    ),
    refilling(
        HeaderName::XRatelimitResetTokensUsageBased,
        HeaderName::XRatelimitRemainingTokensUsageBased,
    ),
];
pub(super) const X_RATE_LIMIT: [Bucket; 3] = [
    bucket(HeaderName::XRateLimitReset, HeaderName::XRateLimitRemaining),
    refilling(
        HeaderName::XRateLimitResetRequests,
        HeaderName::XRateLimitRemainingRequests,
    ),
    refilling(
        HeaderName::XRateLimitResetTokens,
        HeaderName::XRateLimitRemainingTokens,
    ),
];
pub(super) const ANTHROPIC: [Bucket; 7] = [
    bucket(
        HeaderName::AnthropicRequestsReset,
        HeaderName::AnthropicRequestsRemaining,
    ),
    bucket(
        HeaderName::AnthropicTokensReset,
        HeaderName::AnthropicTokensRemaining,
    ),
    bucket(
        HeaderName::AnthropicInputTokensReset,
        HeaderName::AnthropicInputTokensRemaining,
    ),
    bucket(
        HeaderName::AnthropicOutputTokensReset,
        HeaderName::AnthropicOutputTokensRemaining,
    ),
    window(
        HeaderName::AnthropicUnifiedReset,
        HeaderName::AnthropicUnifiedStatus,
    ),
    window(
        HeaderName::AnthropicUnified5hReset,
        HeaderName::AnthropicUnified5hStatus,
    ),
    window(
        HeaderName::AnthropicUnified7dReset,
        HeaderName::AnthropicUnified7dStatus,
    ),
];
