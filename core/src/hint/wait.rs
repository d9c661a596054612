//! A wait in seconds or a time at which it ends, in any of the forms that servers send.

use super::{decimal, duration, http_date, javascript_date};
use crate::time;

/// When the server answered, by its own clock, in UTC milliseconds since 1970.
pub(crate) type Clock<'c> = dyn Fn() -> Option<i64> + 'c;

/// The wait that all lines of a header ask for: the longest, and none where one of them can't be
/// read.
pub(super) fn longest<'l, T: Ord>(
    lines: impl Iterator<Item = &'l str>,
    mut read: impl FnMut(&'l str) -> Option<T>,
) -> Option<T> {
    let mut members = lines.flat_map(members);
    let first = read(members.next()?)?;
    members.try_fold(first, |longest, member| Some(longest.max(read(member)?)))
}

/// What a line lists. Proxies, and `fetch` everywhere, fold repeated lines into one with commas
/// (RFC 9110 section 5.3), so that is what a comma means.
pub(crate) fn members(line: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(line);
    core::iter::from_fn(move || {
        let (member, after) = split_member(rest?);
        rest = after;
        Some(member)
    })
}

/// The wait in milliseconds that `text` asks for, below 0 where it names a time in the past.
///
/// - seconds: `120`, `0.129` (RFC 9110 section 10.2.3 has whole ones only)
/// - seconds or milliseconds since 1970: `1768478430`, `1768478430123`. No wait is as long as that.
/// - a duration of Go: `1m0s`
/// - RFC 3339, HTTP-date, JavaScript's `Date`
pub(super) fn read(text: &str, clock: &Clock<'_>) -> Option<i64> {
    let Some(ms) = decimal::read(text, 1000) else {
        return read_other(text, clock);
    };
    let instant = match decimal::whole_part(text)? {
        1_000_000_000..100_000_000_000 => ms,
        1_000_000_000_000..100_000_000_000_000 => decimal::read(text, 1)?,
        _ => return Some(saturated(ms)),
    };
    until(i64::try_from(instant).ok()?, clock)
}

fn read_other(text: &str, clock: &Clock<'_>) -> Option<i64> {
    if text.starts_with(|first: char| first.is_ascii_digit()) {
        if let Some(ms) = duration::read(text) {
            return Some(saturated(ms));
        }
        if let Some(unix_ms) = time::read_rfc3339(text) {
            return until(unix_ms, clock);
        }
    }
    let instant = http_date::read(text, clock).or_else(|| javascript_date::read(text))?;
    until(instant, clock)
}

/// Milliseconds from now until then; below 0 where that has passed.
pub(super) fn until(unix_ms: i64, clock: &Clock<'_>) -> Option<i64> {
    unix_ms.checked_sub(clock()?)
}

pub(super) fn saturated(ms: u64) -> i64 {
    i64::try_from(ms).unwrap_or(i64::MAX)
}

/// The first member of a list and what follows it; the comma after a day of the week belongs to
/// the date.
fn split_member(list: &str) -> (&str, Option<&str>) {
    let Some((head, tail)) = list.split_once(',') else {
        return (list.trim_ascii(), None);
    };
    if !http_date::is_weekday(head.trim_ascii()) {
        return (head.trim_ascii(), Some(tail));
    }
    match tail.split_once(',') {
        None => (list.trim_ascii(), None),
        Some((_, after)) => {
            let end = list.len().saturating_sub(after.len()).saturating_sub(1);
            (list.get(..end).unwrap_or(list).trim_ascii(), Some(after))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::from_rfc3339;

    fn at_noon(line: &str) -> Option<i64> {
        let noon = || from_rfc3339("2026-01-15T12:00:00Z").map(|ms| ms as i64);
        longest([line].into_iter(), |member| read(member, &noon))
    }

    #[test]
    fn every_form_of_half_a_minute() {
        for text in [
            "30",
            "30.0",
            "1768478430",
            "1768478430000",
            "30s",
            "0m30s",
            "2026-01-15T12:00:30Z",
            "2026-01-15T13:00:30+01:00",
            "2026-01-15T12:00:30",
            "Thu, 15 Jan 2026 12:00:30 GMT",
            "Thursday, 15-Jan-26 12:00:30 GMT",
            "Thu Jan 15 12:00:30 2026",
            "Thu Jan 15 2026 13:00:30 GMT+0100 (CET)",
        ] {
            assert_eq!(at_noon(text), Some(30_000), "{text}");
            let wait = read(text, &|| None);
            let relative = text.len() < 9;
            assert_eq!(wait, relative.then_some(30_000), "{text} without a clock");
        }
    }

    #[test]
    fn what_is_past_is_below_zero_and_what_is_no_wait_is_none() {
        for text in ["0", "0s", "1768478400"] {
            assert_eq!(at_noon(text), Some(0), "{text}");
        }
        for text in ["1768478399", "2026-01-15T11:59:59Z"] {
            assert_eq!(at_noon(text), Some(-1000), "{text}");
        }
        for text in [
            "",
            "soon",
            "-1",
            "120 seconds",
            "2026-01-15 12:00:30",
            "1768478430.5 s",
        ] {
            assert_eq!(at_noon(text), None, "{text}");
        }
    }

    #[test]
    fn numbers_are_instants_only_where_no_wait_is_that_long() {
        let seconds = |n: i64| Some(n * 1000);
        assert_eq!(at_noon("999999999"), seconds(999_999_999));
        assert_eq!(at_noon("999999999.9999"), seconds(1_000_000_000));
        assert_eq!(
            at_noon("1000000000"),
            seconds(1_000_000_000 - 1_768_478_400)
        );
        assert_eq!(
            at_noon("99999999999"),
            seconds(99_999_999_999 - 1_768_478_400)
        );
        assert_eq!(at_noon("100000000000"), seconds(100_000_000_000));
        assert_eq!(at_noon("999999999999"), seconds(999_999_999_999));
        assert_eq!(
            at_noon("1000000000000"),
            seconds(1_000_000_000 - 1_768_478_400)
        );
        assert_eq!(at_noon("1768478430000.5"), Some(30_001));
        assert_eq!(at_noon("100000000000000"), seconds(100_000_000_000_000));
        assert_eq!(at_noon("1768478430.0005"), Some(30_001));
        assert_eq!(
            at_noon("1768478430.5s"),
            seconds(1_768_478_430).map(|ms| ms + 500)
        );
    }

    #[test]
    fn folded_lines_mean_the_longest() {
        assert_eq!(at_noon("120, 60"), Some(120_000));
        assert_eq!(at_noon("20,Thu, 15 Jan 2026 12:00:30 GMT"), Some(30_000));
        assert_eq!(at_noon("Thu, 15 Jan 2026 12:00:30 GMT, 45"), Some(45_000));
        for bad in ["120, soon", "120,", ",", ", 120", "Thu, 15"] {
            assert_eq!(at_noon(bad), None, "{bad}");
        }
    }
}
