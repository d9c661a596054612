//! How long the server said to wait, and where it said so.
//!
//! A hint that can't be read is no hint: it is passed over, and the explanation says so.

mod decimal;
mod http_date;
mod retry_after;

use alloc::format;
use alloc::vec::Vec;

use serde::Serialize;

use crate::code::words;
use crate::decision::{MAX_WAIT_MS, Source};
use crate::explanation::{Recorder, Topic};
use crate::failure::Headers;
use crate::jitter::Jitter;

/// The longest hint that is told apart from longer ones: 2^31 s, 68 years. RFC 9111 section 1.2.2
/// has an overflowing number of seconds read as 2^31.
const MAX_HINT_MS: u64 = (1 << 31) * 1000;

/// How long the server said to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hint {
    /// The server's own figure in milliseconds, rounded up, before any jitter, floor or cap. At
    /// most 2^31 seconds.
    pub ms: u64,
    /// Where it was said.
    pub source: Source,
}

/// Which hints count, and what is done with them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct HintRules {
    /// What is read of the response; the first that can be read counts.
    pub sources: Vec<Source>,
    /// The shortest wait that a hint leads to, in milliseconds.
    pub min_ms: u64,
    /// The longest hint that is waited for, in milliseconds.
    pub max_ms: u64,
    /// What happens when a hint is longer.
    pub beyond_max: BeyondMax,
    /// What is added to a hint, so that many callers who got the same don't come back at once.
    pub jitter: Jitter,
}

words! {
    /// What happens when a hint is longer than the policy's longest.
    pub(crate) enum BeyondMax {
        /// The call ends; the decision says how long the wait would have been.
        Stop "stop",
        /// The longest is waited instead, so the retry comes before the server wants it.
        Clamp "clamp",
        /// The hint is passed over, and the backoff takes its place.
        Ignore "ignore",
    }
}

impl Default for HintRules {
    /// No header is read.
    fn default() -> Self {
        Self {
            sources: Vec::new(),
            min_ms: 0,
            max_ms: MAX_WAIT_MS,
            beyond_max: BeyondMax::Stop,
            jitter: Jitter::None,
        }
    }
}

impl HintRules {
    /// The names of the headers that a decision reads.
    pub(crate) fn header_names(&self) -> impl Iterator<Item = &'static str> {
        let dates = self.sources.contains(&Source::RetryAfter);
        let clock = if dates {
            ["date", "age"].as_slice()
        } else {
            &[]
        };
        self.sources
            .iter()
            .map(|source| source.name())
            .chain(clock.iter().copied())
    }

    /// The first hint that counts and can be read.
    pub(crate) fn find(
        &self,
        headers: Headers<'_>,
        now_ms: Option<u64>,
        record: &mut Recorder,
    ) -> Option<Hint> {
        self.sources.iter().find_map(|&source| {
            let mut lines = headers.all(source.name()).peekable();
            lines.peek()?;
            let ms = read(source, lines, || server_now(headers, now_ms));
            record.step(Topic::Hint, || {
                let name = source.name();
                let raw = headers.all(name).collect::<Vec<_>>().join("`, `");
                match ms {
                    Some(ms) => format!("{name} `{raw}` asks for {ms} ms"),
                    None => format!("{name} `{raw}` can't be read as a wait and is passed over"),
                }
            });
            ms.map(|ms| Hint { ms, source })
        })
    }
}

/// The wait in milliseconds that the lines of one header ask for: the longest of them where there
/// are several, and none where one of them can't be read.
fn read<'a>(
    source: Source,
    mut lines: impl Iterator<Item = &'a str>,
    now: impl Fn() -> Option<i64>,
) -> Option<u64> {
    let longest = lines.try_fold(0, |longest: u64, line| {
        let ms = match source {
            Source::RetryAfter => retry_after::read(line, &now),
            Source::RetryAfterMs | Source::XMsRetryAfterMs => decimal::read(line, 1),
            // The AWS SDKs read whole milliseconds only.
            Source::XAmzRetryAfter if line.contains('.') => None,
            Source::XAmzRetryAfter => decimal::read(line, 1),
            Source::None | Source::Backoff => None,
        };
        ms.map(|ms| longest.max(ms))
    });
    longest.map(|ms| ms.min(MAX_HINT_MS))
}

/// The server's clock when it answered: its `Date` and, for an answer out of a cache, the `Age`
/// (RFC 9111 section 4.2.3); the caller's clock where the response has no date that can be read.
fn server_now(headers: Headers<'_>, now_ms: Option<u64>) -> Option<i64> {
    let now = now_ms.and_then(|ms| i64::try_from(ms).ok());
    let date = headers
        .first("date")
        .and_then(|date| http_date::read(date, now));
    // Of a list the first member counts, and only whole seconds do (RFC 9111 section 5.1).
    let age_ms = headers
        .first("age")
        .and_then(|age| age.split(',').next())
        .map(|age| age.trim_matches([' ', '\t']))
        .filter(|age| !age.contains('.'))
        .and_then(|age| decimal::read(age, 1000))
        .map_or(0, |ms| ms.min(MAX_HINT_MS));
    match date {
        Some(date) => date.checked_add_unsigned(age_ms),
        None => now,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::from_rfc3339;

    fn hint(pairs: &[(&str, &str)]) -> Option<(u64, &'static str)> {
        let rules = HintRules {
            sources: alloc::vec![
                Source::RetryAfterMs,
                Source::XMsRetryAfterMs,
                Source::XAmzRetryAfter,
                Source::RetryAfter
            ],
            ..HintRules::default()
        };
        let now = from_rfc3339("2026-01-15T12:00:00Z");
        let hint = rules.find(Headers::Pairs(pairs), now, &mut Recorder::silent())?;
        Some((hint.ms, hint.source.name()))
    }

    #[test]
    fn the_first_header_of_the_policy_that_can_be_read_counts() {
        let both = [("retry-after", "2"), ("retry-after-ms", "250.4")];
        assert_eq!(hint(&both), Some((251, "retry-after-ms")));
        let unreadable = [("retry-after-ms", "soon"), ("retry-after", "2")];
        assert_eq!(hint(&unreadable), Some((2000, "retry-after")));
        assert_eq!(hint(&[("x-amz-retry-after", "1.5")]), None);
        assert_eq!(
            hint(&[("x-amz-retry-after", "1500")]),
            Some((1500, "x-amz-retry-after"))
        );
        assert_eq!(
            hint(&[("x-ms-retry-after-ms", "3000")]),
            Some((3000, "x-ms-retry-after-ms"))
        );
        assert_eq!(hint(&[("date", "x")]), None);
    }

    #[test]
    fn repeated_lines_mean_the_longest() {
        let lines = [
            ("retry-after", "5"),
            ("Retry-After", "9"),
            ("retry-after", "7"),
        ];
        assert_eq!(hint(&lines), Some((9000, "retry-after")));
        assert_eq!(hint(&[("retry-after", "5"), ("retry-after", "soon")]), None);
    }

    #[test]
    fn huge_hints_saturate() {
        assert_eq!(
            hint(&[("retry-after", "99999999999999999999")]),
            Some((MAX_HINT_MS, "retry-after"))
        );
        assert_eq!(
            hint(&[("retry-after-ms", "9999999999999")]),
            Some((MAX_HINT_MS, "retry-after-ms"))
        );
    }

    #[test]
    fn dates_are_measured_by_the_servers_own_clock() {
        let at = |retry_after, date, age| {
            hint(&[("retry-after", retry_after), ("date", date), ("age", age)]).map(|(ms, _)| ms)
        };
        let date = "Thu, 15 Jan 2026 12:05:30 GMT";
        assert_eq!(at(date, "Thu, 15 Jan 2026 12:05:00 GMT", ""), Some(30_000));
        assert_eq!(
            at(date, "Thu, 15 Jan 2026 12:04:00 GMT", "60"),
            Some(30_000)
        );
        assert_eq!(at(date, "whenever", "60"), Some(330_000));
        assert_eq!(at("30", "Thu, 15 Jan 2026 09:00:00 GMT", ""), Some(30_000));
    }
}
