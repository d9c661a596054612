//! How long the server said to wait, and where it said so.
//!
//! A hint that can't be read is no hint: it is passed over, and the explanation says so.

mod bucket;
mod decimal;
mod duration;
mod float;
mod form;
mod http_date;
mod javascript_date;
mod message;
mod rate_limit;
mod remaining;
mod rules;
mod source;
mod wait;

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::decision::Source;
use crate::explanation::{Recorder, Topic, excerpt};
use crate::header::{HeaderName, HeaderSet};
use crate::jitter::Jitter;
use crate::response::Response;
use crate::rule::StatusRange;
use source::{Finding, Raw, Says};
use wait::Clock;

pub(crate) use form::{Form, Repeated};
pub(crate) use http_date::read as read_date;
pub(crate) use remaining::Remaining;
pub(crate) use rules::{BeyondMax, HintClock, HintRules, HintSource, Meaning, Past, Zero};
pub(crate) use source::{read_pushback, readable_header};
pub(crate) use wait::members;

/// The longest hint that is told apart from longer ones: 2^31 s, 68 years. RFC 9111 section 1.2.2
/// has an overflowing number of seconds read as 2^31.
const MAX_HINT_MS: i64 = (1 << 31) * 1000;

/// How long the server said to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hint {
    /// The server's own figure in milliseconds, rounded up, before any jitter, floor or cap. At
    /// most 2^31 seconds.
    pub ms: u64,
    /// Where it was said.
    pub source: Source,
    /// Whether the true wait may be shorter: it is the time until a limit is full again, as OpenAI
    /// tells it, and the next request is let through before that. It never ends a call.
    pub at_most: bool,
    /// Whether the server named a time that has passed, or a number below 0; `ms` is 0 then.
    pub past: bool,
}

/// A hint, and what is added to it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Heard {
    pub hint: Hint,
    pub jitter: Jitter,
}

impl HintRules {
    /// The headers that a decision reads.
    pub(crate) fn headers(&self) -> HeaderSet {
        let sources = self.sources.iter();
        let all = sources.fold(HeaderSet::NONE, |set, entry| {
            set.and(source::headers(entry))
        });
        match self.clock {
            HintClock::Server => all,
            HintClock::Local => all.without(HeaderName::Date),
        }
    }

    /// Whether a decision looks into the body.
    pub(crate) fn reads_body(&self) -> bool {
        self.sources
            .iter()
            .any(|entry| source::is_in_body(entry.source))
    }

    /// The first hint that counts and can be read. Whoever listens hears of all the others too.
    pub(crate) fn find(&self, response: &Response<'_>, record: &mut Recorder) -> Option<Heard> {
        if !self.status.is_empty() && !StatusRange::any_contains(&self.status, response.status) {
            record.step(Topic::Hint, || {
                "the policy reads no hint of a failure like this".into()
            });
            return None;
        }
        let clock = || match self.clock {
            HintClock::Server => response.server_now(),
            HintClock::Local => response.now_ms,
        };
        let mut heard: Option<Heard> = None;
        for entry in &self.sources {
            if heard.is_some() && record.is_silent() {
                break;
            }
            let mut longest: Option<(i64, Finding<'_>)> = None;
            let mut findings = Vec::new();
            source::read(entry, self.repeated, response, &clock, |finding| {
                if let Says::Wait(ms) = finding.says
                    && longest.is_none_or(|(so_far, _)| ms > so_far)
                {
                    longest = Some((ms, finding));
                }
                if !record.is_silent() {
                    findings.push(finding);
                }
            });
            for finding in findings {
                let first = heard.map(|heard| heard.hint.source);
                let longest = longest.map(|(_, finding)| finding.place);
                record.step(Topic::Hint, || {
                    describe(&finding, entry, first, longest, response, &clock)
                });
            }
            if let Some((ms, Finding { at_most, .. })) = longest
                && heard.is_none()
            {
                let hint = Hint {
                    ms: u64::try_from(ms).unwrap_or(0),
                    source: entry.source,
                    at_most,
                    past: ms < 0,
                };
                if self.meaning(hint) == Meaning::Next {
                    record.step(Topic::Hint, || "so the next source is read".into());
                } else {
                    let jitter = entry.jitter.unwrap_or(self.jitter);
                    heard = Some(Heard { hint, jitter });
                }
            }
        }
        heard
    }
}

/// What one header or part of the body says, and why it doesn't count, if it doesn't.
fn describe(
    finding: &Finding<'_>,
    entry: &HintSource,
    first: Option<Source>,
    longest: Option<&'static str>,
    response: &Response<'_>,
    clock: &Clock<'_>,
) -> String {
    const LONGEST_RAW: usize = 120;
    let place = finding.place;
    let raw = match finding.raw {
        Raw::Lines(name) => response
            .headers
            .lines(name)
            .collect::<Vec<_>>()
            .join("`, `"),
        Raw::Text(text) => text.into(),
    };
    let shown = excerpt(&raw, LONGEST_RAW);
    match (finding.says, first, longest) {
        (Says::Unreadable, ..) if clock().is_none() && needs_a_clock(finding, entry, response) => {
            format!("{place} `{shown}` is a time, but nothing tells what time it is now")
        }
        (Says::Unreadable, ..) => {
            format!("{place} `{shown}` can't be read as a wait and is passed over")
        }
        (Says::Cached, ..) => {
            format!("{place} `{shown}` is passed over: the response was in a cache")
        }
        (Says::NotExhausted(left), ..) => {
            let left = left.map(|left| (left.name(), response.headers.first(left)));
            match left {
                None => format!("{place} `{shown}` is no wait: nothing is used up"),
                Some((left, Some(value))) => {
                    format!("{place} `{shown}` is no wait: {left} is `{value}`")
                }
                Some((left, None)) => format!("{place} `{shown}` is no wait: there is no {left}"),
            }
        }
        (Says::Wait(..0), ..) => format!("{place} `{shown}` has passed"),
        (Says::Wait(ms), Some(first), _) => {
            format!("{place} `{shown}` asks for {ms} ms, but {first} comes first")
        }
        (Says::Wait(ms), None, Some(other)) if other != place => {
            format!("{place} `{shown}` asks for {ms} ms, but {other} asks for more")
        }
        (Says::Wait(ms), ..) => format!("{place} `{shown}` asks for {ms} ms"),
    }
}

/// Whether it could be read if the time were known.
fn needs_a_clock(finding: &Finding<'_>, entry: &HintSource, response: &Response<'_>) -> bool {
    let Raw::Lines(name) = finding.raw else {
        return false;
    };
    let lines = response.headers.lines(name);
    let any_time = || Some(0);
    let ms = match entry.only_header() {
        Some((_, unit)) => form::read(&entry.reads, Repeated::First, lines, unit, &any_time),
        None => wait::longest(lines, |text| wait::read(text, &any_time)),
    };
    ms.is_some()
}

/// How long a response was in a cache, in milliseconds: the header `Age`. Of a list the first member
/// counts, and only whole seconds do (RFC 9111 section 5.1).
pub(crate) fn read_age(line: &str) -> Option<u64> {
    let age = line.split(',').next()?.trim_ascii();
    let ms = decimal::read(age, 1000).filter(|_| !age.contains('.'))?;
    Some(ms.min(MAX_HINT_MS.unsigned_abs()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::from_rfc3339;
    use crate::{Call, Failure, Headers};

    fn hint(pairs: &[(&str, &str)]) -> Option<(u64, &'static str)> {
        let rules = HintRules {
            sources: Source::ALL
                .iter()
                .filter(|source| source.is_hint())
                .map(|&source| HintSource {
                    source,
                    reads: Vec::new(),
                    jitter: None,
                })
                .collect(),
            ..HintRules::default()
        };
        let now_ms = from_rfc3339("2026-01-15T12:00:00Z");
        let call = Call {
            now_ms,
            ..Call::new(0, 0)
        };
        let failure = Failure::Response {
            status: 429,
            headers: Headers::Pairs(pairs),
            body: b"",
        };
        let response = Response::read(&failure, "", &call, rules.headers());
        let find = |mut record| rules.find(&response, &mut record).map(|heard| heard.hint);
        let hint = find(Recorder::silent());
        assert_eq!(find(Recorder::listening()), hint);
        Some((hint?.ms, hint?.source.name()))
    }

    #[test]
    fn the_first_source_of_the_policy_that_can_be_read_counts() {
        let both = [("retry-after-ms", "250.4"), ("retry-after", "2")];
        assert_eq!(hint(&both), Some((2000, "retry-after")));
        let unreadable = [("retry-after-ms", "250.4"), ("retry-after", "soon")];
        assert_eq!(hint(&unreadable), Some((251, "retry-after-ms")));
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
            Some((MAX_HINT_MS as u64, "retry-after"))
        );
        assert_eq!(
            hint(&[("retry-after-ms", "9999999999999")]),
            Some((MAX_HINT_MS as u64, "retry-after-ms"))
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

    #[test]
    fn only_limits_that_are_used_up_count() {
        let tokens = ("x-ratelimit-reset-tokens", "6m0s");
        let remaining = |left| hint(&[tokens, ("x-ratelimit-remaining-tokens", left)]);
        assert_eq!(remaining("0"), Some((360_000, "x-ratelimit-reset")));
        assert_eq!(remaining("5, 0"), Some((360_000, "x-ratelimit-reset")));
        for left in ["1", "-1", "", "0, x"] {
            assert_eq!(remaining(left), None, "{left}");
        }
        assert_eq!(hint(&[tokens]), Some((360_000, "x-ratelimit-reset")));
        let both = [
            tokens,
            ("x-ratelimit-reset-requests", "1s"),
            ("x-ratelimit-reset", "soon"),
        ];
        assert_eq!(hint(&both), Some((360_000, "x-ratelimit-reset")));
        let window = |status| {
            hint(&[
                ("anthropic-ratelimit-unified-5h-reset", "1768478430"),
                ("anthropic-ratelimit-unified-5h-status", status),
            ])
        };
        assert_eq!(window("Rejected"), Some((30_000, "anthropic-ratelimit")));
        assert_eq!(window("allowed_warning"), None);
    }

    #[test]
    fn pushbacks_are_signed_integers() {
        let read = |lines: &[&'static str]| read_pushback(lines.iter().copied());
        assert_eq!(read(&["2000"]), Some(2000));
        assert_eq!(read(&["0"]), Some(0));
        assert_eq!(read(&["-1"]), Some(-1));
        assert_eq!(read(&["5", "9", "7"]), Some(9));
        assert_eq!(read(&["5", "-9", "7"]), Some(-9));
        for lines in [
            &["abc"][..],
            &[""],
            &["007"],
            &["-0"],
            &["+5"],
            &["1.5"],
            &["2147483648"],
            &["5", "x"],
        ] {
            assert_eq!(read(lines), None, "{lines:?}");
        }
    }
}
