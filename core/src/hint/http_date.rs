//! HTTP-date, RFC 9110 section 5.6.7: three formats, all of which a recipient must accept.

use super::wait::Clock;
use crate::time::{Civil, digits, offset_minutes};

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// UTC milliseconds since 1970 of a date in any of the three formats:
/// - IMF-fixdate: `Sun, 06 Nov 1994 08:49:37 GMT`
/// - RFC 850: `Sunday, 06-Nov-94 08:49:37 GMT`, whose century is told by the clock
/// - asctime: `Sun Nov  6 08:49:37 1994`
///
/// As the section encourages, it is robust to what senders get wrong without harm: the day of the
/// week may be wrong or missing, the day may have one digit, and the zone may be missing, in lower
/// case, `UTC` or `+0000`. It is always UTC, never local time.
pub(crate) fn read(text: &str, clock: &Clock<'_>) -> Option<i64> {
    let (civil, zone) = parts(text, clock)?;
    is_utc(zone).then(|| civil.unix_ms())
}

/// The same, or with a zone that is an offset from UTC, such as `+0100` (RFC 5322 section 3.3).
pub(super) fn read_in_zone(text: &str, clock: &Clock<'_>) -> Option<i64> {
    let (civil, zone) = parts(text, clock)?;
    let offset_ms = if is_utc(zone) { 0 } else { offset_ms(zone)? };
    civil.unix_ms().checked_sub(offset_ms)
}

fn is_utc(zone: &str) -> bool {
    ["GMT", "UTC", "+0000", "-0000"]
        .iter()
        .any(|utc| zone.eq_ignore_ascii_case(utc))
}

/// The date and the time of day, and in which zone.
fn parts<'t>(text: &'t str, clock: &Clock<'_>) -> Option<(Civil, &'t str)> {
    let mut words = text.split_ascii_whitespace().peekable();
    words.next_if(|word| is_weekday(word));
    let first = words.next()?;
    let civil = if let Some(month) = month(first) {
        let (day, time, year) = (words.next()?, words.next()?, words.next()?);
        civil(digits(year, 4)?, month, day, time)?
    } else if let Some((day, rest)) = first.split_once('-') {
        let (month_name, year) = rest.split_once('-')?;
        let (month, time) = (month(month_name)?, words.next()?);
        match digits(year, 4) {
            Some(year) => civil(year, month, day, time)?,
            None => in_century(civil(digits(year, 2)?, month, day, time)?, clock()?)?,
        }
    } else {
        let (month_name, year, time) = (words.next()?, words.next()?, words.next()?);
        civil(digits(year, 4)?, month(month_name)?, first, time)?
    };
    let zone = words.next().unwrap_or("GMT");
    words.next().is_none().then_some((civil, zone))
}

/// `+0100`
pub(super) fn offset_ms(text: &str) -> Option<i64> {
    let (sign, hours_minutes) = text.split_at_checked(1)?;
    let (hours, minutes) = hours_minutes.split_at_checked(2)?;
    offset_minutes(sign, hours, minutes)?.checked_mul(60_000)
}

pub(super) fn civil(year: i64, month: i64, day: &str, time: &str) -> Option<Civil> {
    let mut time = time.split(':');
    let (hour, minute, second) = (time.next()?, time.next()?, time.next()?);
    let civil = Civil {
        year,
        month,
        day: digits(day, 2).or_else(|| digits(day, 1))?,
        hour: digits(hour, 2)?,
        minute: digits(minute, 2)?,
        second: digits(second, 2)?,
    };
    if time.next().is_some() {
        None
    } else {
        civil.checked()
    }
}

/// A date with a two-digit year, moved to the latest century in which it is not more than 50 years
/// ahead of `now`.
fn in_century(civil: Civil, now: i64) -> Option<Civil> {
    let this_year = Civil::from_unix_seconds(now.div_euclid(1000)).year;
    let century = this_year.checked_sub(this_year.checked_rem(100)?)?;
    [100, 0, -100]
        .into_iter()
        .find_map(|away| {
            let year = century.checked_add(away)?.checked_add(civil.year)?;
            let fifty_years_before = Civil {
                year: year.checked_sub(50)?,
                ..civil
            };
            (fifty_years_before.unix_ms() <= now).then_some(Civil { year, ..civil })
        })?
        .checked()
}

pub(super) fn month(name: &str) -> Option<i64> {
    let index = MONTHS
        .iter()
        .position(|month| month.eq_ignore_ascii_case(name))?;
    i64::try_from(index).ok()?.checked_add(1)
}

/// Whether this is a day of the week, short or long, as the first word of a date has it. It is not
/// compared with the date.
pub(super) fn is_weekday(word: &str) -> bool {
    const LONG: [&str; 7] = [
        "Monday",
        "Tuesday",
        "Wednesday",
        "Thursday",
        "Friday",
        "Saturday",
        "Sunday",
    ];
    let word = word.strip_suffix(',').unwrap_or(word);
    LONG.iter().any(|long| {
        long.eq_ignore_ascii_case(word)
            || long
                .get(..3)
                .is_some_and(|short| short.eq_ignore_ascii_case(word))
    })
}

#[cfg(test)]
mod tests {
    use super::read;
    use crate::time::{from_rfc3339, to_rfc3339};
    use alloc::string::String;

    fn at(text: &str) -> Option<String> {
        let now = from_rfc3339("2026-01-15T12:00:00Z").unwrap();
        read(text, &|| Some(now as i64)).map(|ms| to_rfc3339(ms as u64))
    }

    #[test]
    fn the_three_formats_of_the_rfc() {
        for text in [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
        ] {
            assert_eq!(at(text).as_deref(), Some("1994-11-06T08:49:37Z"), "{text}");
        }
    }

    #[test]
    fn harmless_faults_are_forgiven() {
        for text in [
            "Mon, 15 Jan 2026 12:00:30 GMT",
            "15 Jan 2026 12:00:30 GMT",
            "Thu, 15 Jan 2026 12:00:30",
            "Thu, 15 Jan 2026 12:00:30 gmt",
            "Thu, 15 Jan 2026 12:00:30 UTC",
            "Thu, 15 Jan 2026 12:00:30 +0000",
            "Thursday, 15-Jan-26 12:00:30 GMT",
            "Thu, 15-Jan-2026 12:00:30 GMT",
            "thu jan 15 12:00:30 2026",
        ] {
            assert_eq!(at(text).as_deref(), Some("2026-01-15T12:00:30Z"), "{text}");
        }
        let one_digit = at("Thu, 5 Feb 2026 12:00:00 GMT");
        assert_eq!(one_digit.as_deref(), Some("2026-02-05T12:00:00Z"));
    }

    #[test]
    fn a_leap_second_is_the_second_after_it() {
        let leap = at("Sat, 31 Dec 2016 23:59:60 GMT");
        assert_eq!(leap.as_deref(), Some("2017-01-01T00:00:00Z"));
    }

    #[test]
    fn two_digit_years_are_at_most_fifty_years_ahead() {
        for (text, expected) in [
            ("Tuesday, 15-Jan-75 12:00:30 GMT", "2075-01-15T12:00:30Z"),
            ("Wednesday, 15-Jan-76 12:00:00 GMT", "2076-01-15T12:00:00Z"),
            ("Thursday, 15-Jan-76 12:00:01 GMT", "1976-01-15T12:00:01Z"),
            ("Saturday, 15-Jan-94 12:00:30 GMT", "1994-01-15T12:00:30Z"),
        ] {
            assert_eq!(at(text).as_deref(), Some(expected), "{text}");
        }
        assert_eq!(read("Sunday, 06-Nov-94 08:49:37 GMT", &|| None), None);
        assert!(read("Sun, 06 Nov 1994 08:49:37 GMT", &|| None).is_some());
    }

    #[test]
    fn what_is_not_a_date_is_refused() {
        for text in [
            "",
            "Thu,",
            "Thu, 32 Jan 2026 12:00:30 GMT",
            "Mon, 30 Feb 2026 12:00:30 GMT",
            "Thu, 15 Jan 2026 24:00:00 GMT",
            "Thu, 15 Jan 2026 12:60:00 GMT",
            "Thu, 15 Jan 2026 12:00:61 GMT",
            "Thu, 15 Jan 2026 12:00 GMT",
            "Thu, 15 Jan 2026 12:00:30 PST",
            "Thu, 15 Jan 2026 12:00:30 +0100",
            "Thu, 15 Jan 2026 12:00:30 GMT and more",
            "Thu, 15 Foo 2026 12:00:30 GMT",
            "Thu, 15 Jan 26 12:00:30 GMT",
            "2026-01-15 12:00:30",
            "Someday, 15 Jan 2026 12:00:30 GMT",
            "Thu, １5 Jan 2026 12:00:30 GMT",
        ] {
            assert_eq!(at(text), None, "{text}");
        }
    }
}
