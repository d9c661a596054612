//! What each source of hints reads of a response.

use super::bucket::{self, Bucket, is_exhausted};
use super::form::{self, Repeated};
use super::rate_limit::{self, RateLimit};
use super::wait::{self, Clock, saturated};
use super::{HintSource, MAX_HINT_MS, decimal, message};
use crate::decision::Source;
use crate::error_body::{RepeatedHeaders, Seconds, is_secondary_rate_limit};
use crate::header::{HeaderName, HeaderSet};
use crate::response::Response;

/// "Otherwise, wait for at least one minute before retrying" (docs.github.com, "Rate limits for the
/// REST API").
const SECONDARY_WAIT_MS: i64 = 60_000;

/// What one header, or one part of the body, says of the wait.
#[derive(Clone, Copy, Debug)]
pub(super) struct Finding<'r> {
    /// The header's name, or where in the body.
    pub place: &'static str,
    /// What stands there.
    pub raw: Raw<'r>,
    pub says: Says,
    /// Whether the true wait may be shorter.
    pub at_most: bool,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Raw<'r> {
    /// The lines of this header.
    Lines(HeaderName),
    Text(&'r str),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Says {
    /// So many milliseconds; below 0 where that is past.
    Wait(i64),
    /// Nothing that can be read.
    Unreadable,
    /// When a limit is reset that isn't known to be used up, by this header if there is one.
    NotExhausted(Option<HeaderName>),
    /// Something of a response that a cache has kept.
    Cached,
}

/// Where a response has what a source reads.
pub(super) enum Place {
    /// What is no hint has none.
    Nowhere,
    /// This header; beside it those that it takes to read it.
    Header(HeaderName, HeaderSet),
    /// These limits, which may be told as times.
    Buckets(&'static [Bucket]),
    /// The body; beside it the headers that it takes to read it.
    Body(HeaderSet),
}

/// What tells the server's time.
const CLOCK: HeaderSet = HeaderSet::of(&[HeaderName::Date, HeaderName::Age]);
const AGE: HeaderSet = HeaderSet::of(&[HeaderName::Age]);

pub(super) const fn place(source: Source) -> Place {
    match source {
        Source::None | Source::Backoff | Source::Hold | Source::Breaker | Source::Pace => {
            Place::Nowhere
        }
        Source::RetryAfter => Place::Header(HeaderName::RetryAfter, CLOCK),
        Source::RetryAfterMs => Place::Header(HeaderName::RetryAfterMs, HeaderSet::NONE),
        Source::XMsRetryAfterMs => Place::Header(HeaderName::XMsRetryAfterMs, HeaderSet::NONE),
        Source::XAmzRetryAfter => Place::Header(HeaderName::XAmzRetryAfter, HeaderSet::NONE),
        Source::GrpcRetryPushbackMs => {
            Place::Header(HeaderName::GrpcRetryPushbackMs, HeaderSet::NONE)
        }
        Source::Ratelimit => Place::Header(HeaderName::Ratelimit, AGE),
        Source::XRatelimitRetryAfter => Place::Header(HeaderName::XRatelimitRetryAfter, CLOCK),
        Source::RatelimitReset => Place::Buckets(&bucket::RATELIMIT),
        Source::XRatelimitResetAfter => Place::Buckets(&bucket::RESET_AFTER),
        Source::XRatelimitReset => Place::Buckets(&bucket::X_RATELIMIT),
        Source::XRateLimitReset => Place::Buckets(&bucket::X_RATE_LIMIT),
        Source::AnthropicRatelimit => Place::Buckets(&bucket::ANTHROPIC),
        Source::BodyRetryInfo
        | Source::BodyRetryAfter
        | Source::BodyMessage
        | Source::BodySecondaryRateLimit => Place::Body(HeaderSet::NONE),
        Source::BodyMetadataHeaders => Place::Body(CLOCK),
    }
}

/// The one header of a source that `reads` can tell how to read, and how many milliseconds its numbers
/// count.
pub(crate) const fn readable_header(source: Source) -> Option<(HeaderName, u64)> {
    Some(match source {
        Source::RetryAfter => (HeaderName::RetryAfter, 1000),
        Source::RetryAfterMs => (HeaderName::RetryAfterMs, 1),
        Source::XMsRetryAfterMs => (HeaderName::XMsRetryAfterMs, 1),
        Source::XAmzRetryAfter => (HeaderName::XAmzRetryAfter, 1),
        Source::XRatelimitRetryAfter => (HeaderName::XRatelimitRetryAfter, 1000),
        Source::XRatelimitResetAfter => (HeaderName::XRatelimitResetAfter, 1000),
        Source::RatelimitReset => (HeaderName::RatelimitReset, 1000),
        Source::XRatelimitReset => (HeaderName::XRatelimitReset, 1000),
        Source::XRateLimitReset => (HeaderName::XRateLimitReset, 1000),
        _ => return None,
    })
}

/// The headers that it takes to read a source.
pub(super) fn headers(entry: &HintSource) -> HeaderSet {
    if let Some((name, _)) = entry.only_header() {
        let dated = entry.reads.iter().any(|form| form.is_instant());
        let clock = if dated { CLOCK } else { HeaderSet::NONE };
        return HeaderSet::of(&[name]).and(clock);
    }
    match place(entry.source) {
        Place::Nowhere => HeaderSet::NONE,
        Place::Header(name, others) => HeaderSet::of(&[name]).and(others),
        Place::Buckets(buckets) => buckets
            .iter()
            .fold(CLOCK, |set, bucket| set.and(bucket.headers())),
        Place::Body(others) => others,
    }
}

/// Whether it takes the body to read a source.
pub(super) fn is_in_body(source: Source) -> bool {
    matches!(place(source), Place::Body(_))
}

/// Hands everything that the source says to `found`. The clock tells when the server answered.
pub(super) fn read<'r>(
    entry: &HintSource,
    repeated: Repeated,
    response: &'r Response<'_>,
    clock: &Clock<'_>,
    mut found: impl FnMut(Finding<'r>),
) {
    let source = entry.source;
    if let Some((name, unit)) = entry.only_header() {
        if response.headers.first(name).is_some() {
            let lines = response.headers.lines(name);
            found(Finding {
                place: name.name(),
                raw: Raw::Lines(name),
                says: says(form::read(&entry.reads, repeated, lines, unit, clock)),
                at_most: false,
            });
        }
        return;
    }
    match place(source) {
        Place::Nowhere => {}
        Place::Header(name, _) => {
            if response.headers.first(name).is_some() {
                found(Finding {
                    place: name.name(),
                    raw: Raw::Lines(name),
                    says: read_header(source, name, response, clock),
                    at_most: false,
                });
            }
        }
        Place::Buckets(buckets) => {
            for bucket in buckets {
                if response.headers.first(bucket.reset).is_some() {
                    found(Finding {
                        place: bucket.reset.name(),
                        raw: Raw::Lines(bucket.reset),
                        says: read_bucket(source, bucket, response, clock),
                        at_most: bucket.refills,
                    });
                }
            }
        }
        Place::Body(_) => read_body(source, response, clock, found),
    }
}

fn read_body<'r>(
    source: Source,
    response: &'r Response<'_>,
    clock: &Clock<'_>,
    mut found: impl FnMut(Finding<'r>),
) {
    let Some(error) = &response.error else {
        return;
    };
    let mut found = |place, raw: &'r str, says| {
        found(Finding {
            place,
            raw: Raw::Text(raw),
            says,
            at_most: false,
        });
    };
    match source {
        Source::BodyRetryInfo => {
            if let Some(delay) = &error.retry_delay {
                let ms = read_protobuf(delay).map(saturated);
                found("RetryInfo.retryDelay", delay, says(ms));
            }
        }
        Source::BodyRetryAfter => {
            let (raw, ms) = match &error.retry_after {
                None => return,
                Some(Seconds::Text(text)) => (text.as_ref(), decimal::read(text, 1000)),
                Some(Seconds::Number(digits)) => (digits.as_str(), read_number(digits)),
            };
            found("retry_after in the body", raw, says(ms.map(saturated)));
        }
        Source::BodyMetadataHeaders => {
            if let Some(headers) = &error.headers {
                read_repeated(headers, response, clock, found);
            }
        }
        // Most messages say nothing of a wait, and that is nothing to tell.
        Source::BodyMessage => {
            if let Some(message) = &error.message
                && let Some(ms) = message::read(message)
            {
                found("the error message", message, says(Some(saturated(ms))));
            }
        }
        Source::BodySecondaryRateLimit => {
            if let Some(message) = &error.message
                && is_secondary_rate_limit(message)
            {
                found("the error message", message, Says::Wait(SECONDARY_WAIT_MS));
            }
        }
        _ => {}
    }
}

fn says(ms: Option<i64>) -> Says {
    ms.map_or(Says::Unreadable, |ms| Says::Wait(ms.min(MAX_HINT_MS)))
}

fn read_header(
    source: Source,
    name: HeaderName,
    response: &Response<'_>,
    clock: &Clock<'_>,
) -> Says {
    let lines = response.headers.lines(name);
    says(match source {
        Source::Ratelimit if response.age_ms() > 0 => return Says::Cached,
        Source::Ratelimit => match rate_limit::read(lines) {
            RateLimit::Exhausted(seconds) => Some(saturated(seconds.saturating_mul(1000))),
            RateLimit::Left(_) => return Says::NotExhausted(None),
            RateLimit::Malformed => None,
        },
        Source::GrpcRetryPushbackMs => read_pushback(lines).filter(|ms| *ms >= 0).map(i64::from),
        Source::RetryAfterMs | Source::XMsRetryAfterMs => {
            wait::longest(lines, |text| decimal::read(text, 1).map(saturated))
        }
        // The AWS SDKs read whole milliseconds only.
        Source::XAmzRetryAfter => wait::longest(lines, |text| {
            let ms = decimal::read(text, 1).filter(|_| !text.contains('.'));
            ms.map(saturated)
        }),
        _ => wait::longest(lines, |text| wait::read(text, clock)),
    })
}

/// The longest pushback, or the negative one that forbids any retry; nothing where one of the lines
/// is not what gRPC sends: a signed 32-bit integer without leading zeros (gRFC A6).
pub(crate) fn read_pushback<'l>(lines: impl Iterator<Item = &'l str>) -> Option<i32> {
    let mut members = lines.flat_map(wait::members);
    let first = pushback(members.next()?)?;
    members.try_fold(first, |so_far, member| {
        let next = pushback(member)?;
        // A negative one is the last word.
        Some(if so_far.min(next) < 0 {
            so_far.min(next)
        } else {
            so_far.max(next)
        })
    })
}

fn pushback(text: &str) -> Option<i32> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let canonical = digits == "0" && digits.len() == text.len()
        || digits.starts_with(|c| ('1'..='9').contains(&c));
    text.parse().ok().filter(|_| canonical)
}

fn read_bucket(
    source: Source,
    bucket: &Bucket,
    response: &Response<'_>,
    clock: &Clock<'_>,
) -> Says {
    // "SHOULD be ignored on responses with a positive current age", says the draft of RateLimit.
    if source == Source::RatelimitReset && response.age_ms() > 0 {
        return Says::Cached;
    }
    if !bucket.is_exhausted(response) {
        return Says::NotExhausted(Some(bucket.left()));
    }
    let lines = response.headers.lines(bucket.reset);
    says(wait::longest(lines, |text| wait::read(text, clock)))
}

/// A header that the body repeats, by the rules for that header.
fn read_repeated<'r>(
    headers: &'r RepeatedHeaders<'_>,
    response: &Response<'_>,
    clock: &Clock<'_>,
    mut found: impl FnMut(&'static str, &'r str, Says),
) {
    let read = |raw: &str| {
        let lines = [raw.trim_ascii()].into_iter();
        wait::longest(lines, |text| wait::read(text, clock))
    };
    if let Some(raw) = headers.retry_after.as_deref() {
        let ms = read(raw);
        found("metadata.headers.Retry-After", raw, says(ms));
        if ms.is_some() {
            return;
        }
    }
    if let Some(raw) = headers.reset.as_deref() {
        let remaining = headers.remaining.as_deref().map(str::trim_ascii);
        let lines = remaining.map(|line| [line].into_iter());
        let says = if is_exhausted(lines, response.status) {
            says(read(raw))
        } else {
            Says::NotExhausted(None)
        };
        found("metadata.headers.X-RateLimit-Reset", raw, says);
    }
}

/// google.protobuf.Duration as JSON has it: seconds with up to nine decimals, and an `s`.
fn read_protobuf(text: &str) -> Option<u64> {
    let seconds = text.strip_suffix('s')?;
    let decimals = seconds.split_once('.').map_or("", |(_, decimals)| decimals);
    decimal::read(seconds, 1000).filter(|_| decimals.len() <= 9)
}

/// A JSON number of seconds. Only very large and very small ones are written with an exponent.
fn read_number(digits: &str) -> Option<u64> {
    match digits.split_once('e') {
        None => decimal::read(digits, 1000),
        Some((number, _)) if number.starts_with('-') => None,
        Some((_, exponent)) if exponent.starts_with('-') => Some(1),
        Some(_) => Some(u64::MAX),
    }
}
