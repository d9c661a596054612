//! What a server says is left of its limits, in answers that succeed too.

use super::bucket::Bucket;
use super::rate_limit::{self, RateLimit};
use super::source::{self, Place};
use super::{HintRules, wait};
use crate::decision::Source;
use crate::header::HeaderName;
use crate::response::Response;

/// How much is left of a limit, and until when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Remaining {
    /// The header that says when the limit is reset, which tells one limit from another.
    pub header: HeaderName,
    /// In thousandths of whatever it limits: requests or tokens.
    pub left: u64,
    /// In milliseconds from now.
    pub reset_ms: u64,
    /// Whether the next request is let through before that.
    pub refills: bool,
}

impl HintRules {
    /// Hands every limit to `found` that the policy's sources read.
    pub(crate) fn remaining(&self, response: &Response<'_>, mut found: impl FnMut(Remaining)) {
        // A cache's answer tells of a while ago.
        if response.age_ms() > 0 {
            return;
        }
        for entry in &self.sources {
            match source::place(entry.source) {
                Place::Buckets(buckets) => {
                    let limits = buckets.iter().filter_map(|bucket| of(bucket, response));
                    limits.for_each(&mut found);
                }
                Place::Header(header, _) if entry.source == Source::Ratelimit => {
                    let (left, seconds) = match rate_limit::read(response.headers.lines(header)) {
                        RateLimit::Exhausted(seconds) => (0, seconds),
                        RateLimit::Left(Some(quota)) => (quota.remaining, quota.seconds),
                        RateLimit::Left(None) | RateLimit::Malformed => continue,
                    };
                    found(Remaining {
                        header,
                        left: left.saturating_mul(1000),
                        reset_ms: seconds.saturating_mul(1000),
                        refills: false,
                    });
                }
                _ => {}
            }
        }
    }
}

fn of(bucket: &Bucket, response: &Response<'_>) -> Option<Remaining> {
    let left = bucket.remaining(response)?;
    let clock = || response.server_now();
    let reset = wait::longest(response.headers.lines(bucket.reset), |text| {
        wait::read(text, &clock)
    })?;
    Some(Remaining {
        header: bucket.reset,
        left,
        reset_ms: u64::try_from(reset).unwrap_or(0),
        refills: bucket.refills,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Call, Failure, Headers, Policy};
    use alloc::vec::Vec;

    fn remaining(pairs: &[(&str, &str)]) -> Vec<(&'static str, u64, u64)> {
        let policy = Policy::recommended();
        let headers = Headers::Pairs(pairs);
        let answer = Failure::Response {
            status: 200,
            headers,
            body: b"",
        };
        let response = Response::read(&answer, "", &Call::new(0, 0), policy.reads.headers);
        let mut all = Vec::new();
        policy.hint.remaining(&response, |limit| {
            all.push((limit.header.name(), limit.left, limit.reset_ms));
        });
        all
    }

    #[test]
    fn every_limit_that_says_what_is_left_and_until_when() {
        assert_eq!(
            remaining(&[
                ("x-ratelimit-remaining-requests", "59"),
                ("x-ratelimit-reset-requests", "1s"),
                ("x-ratelimit-remaining-tokens", "149984"),
                ("x-ratelimit-reset-tokens", "6m0s"),
                ("retry-after", "9"),
            ]),
            [
                ("x-ratelimit-reset-requests", 59_000, 1000),
                ("x-ratelimit-reset-tokens", 149_984_000, 360_000)
            ]
        );
        assert_eq!(
            remaining(&[("ratelimit", r#""minute";r=10;t=60, "day";r=50;t=3600"#)]),
            [("ratelimit", 50_000, 3_600_000)]
        );
        assert_eq!(
            remaining(&[("ratelimit", "limit=9, remaining=0, reset=5")]),
            [("ratelimit", 0, 5000)]
        );
    }

    #[test]
    fn what_is_not_said_or_not_readable_or_old_is_no_limit() {
        for pairs in [
            &[("x-ratelimit-remaining", "5")][..],
            &[("x-ratelimit-reset", "5")],
            &[("x-ratelimit-remaining", "few"), ("x-ratelimit-reset", "5")],
            &[
                ("x-ratelimit-remaining", "5"),
                ("x-ratelimit-reset", "soon"),
            ],
            &[("ratelimit", "?")],
            &[("age", "3"), ("ratelimit", r#""a";r=1;t=5"#)],
        ] {
            assert_eq!(remaining(pairs), [], "{pairs:?}");
        }
    }
}
