//! The header `Retry-After`, RFC 9110 section 10.2.3: a number of seconds or a date.

use super::{decimal, http_date};

/// The wait in milliseconds that one line of the header asks for; a date in the past asks for 0.
///
/// The grammar has one value, but proxies fold repeated lines into one with commas (RFC 9110
/// section 5.3): the longest wait counts then, and none if one of them can't be read.
pub(super) fn read(line: &str, now: &impl Fn() -> Option<i64>) -> Option<u64> {
    let mut rest = line;
    let mut longest = None;
    loop {
        let (member, after) = split_member(rest);
        longest = longest.max(Some(read_member(member, now)?));
        match after {
            Some(after) => rest = after,
            None => return longest,
        }
    }
}

fn read_member(member: &str, now: &impl Fn() -> Option<i64>) -> Option<u64> {
    decimal::read(member, 1000).or_else(|| {
        let now = now();
        let date = http_date::read(member, now)?;
        u64::try_from(date.checked_sub(now?)?.max(0)).ok()
    })
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
    use super::read;
    use crate::time::from_rfc3339;

    fn at_noon(line: &str) -> Option<u64> {
        let noon = from_rfc3339("2026-01-15T12:00:00Z").map(|ms| ms as i64);
        read(line, &|| noon)
    }

    #[test]
    fn seconds_and_dates() {
        assert_eq!(at_noon("120"), Some(120_000));
        assert_eq!(at_noon("0"), Some(0));
        assert_eq!(at_noon("Thu, 15 Jan 2026 12:00:30 GMT"), Some(30_000));
        assert_eq!(at_noon("Thu, 15 Jan 2026 11:59:30 GMT"), Some(0));
        assert_eq!(at_noon("soon"), None);
        assert_eq!(at_noon(""), None);
    }

    #[test]
    fn a_date_needs_a_clock_and_seconds_do_not() {
        assert_eq!(read("Thu, 15 Jan 2026 12:00:30 GMT", &|| None), None);
        assert_eq!(read("30", &|| None), Some(30_000));
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
