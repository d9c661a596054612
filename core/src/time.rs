//! UTC time as milliseconds since 1970: the calendar, and RFC 3339.

use alloc::format;
use alloc::string::String;

const DAY_MS: i64 = 86_400_000;

/// A calendar date and a time of day, in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Civil {
    pub year: i64,
    /// From 1.
    pub month: i64,
    /// From 1.
    pub day: i64,
    pub hour: i64,
    pub minute: i64,
    /// Up to 60, a leap second.
    pub second: i64,
}

impl Civil {
    /// The same with every part in its range, or nothing: no 30 February, no hour 24.
    pub fn checked(self) -> Option<Self> {
        let leap = self.year % 4 == 0 && (self.year % 100 != 0 || self.year % 400 == 0);
        let days = match self.month {
            1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
            4 | 6 | 9 | 11 => 30,
            2 if leap => 29,
            2 => 28,
            _ => return None,
        };
        let fits = (1..=days).contains(&self.day)
            && (0..24).contains(&self.hour)
            && (0..60).contains(&self.minute)
            && (0..=60).contains(&self.second);
        fits.then_some(self)
    }

    /// Milliseconds since 1970. A leap second counts as the second after it.
    #[expect(
        clippy::arithmetic_side_effects,
        reason = "years have at most four digits here"
    )]
    pub fn unix_ms(self) -> i64 {
        // Days since 1970, with years that begin in March so that the leap day is the last:
        // Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", days_from_civil.
        let year = if self.month <= 2 {
            self.year - 1
        } else {
            self.year
        };
        let era = year.div_euclid(400);
        let year_of_era = year.rem_euclid(400);
        let day_of_year = (153 * ((self.month + 9) % 12) + 2) / 5 + self.day - 1;
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        let days = era * 146_097 + day_of_era - 719_468;
        days * DAY_MS + ((self.hour * 60 + self.minute) * 60 + self.second) * 1000
    }

    /// The inverse: civil_from_days of the same source.
    #[expect(
        clippy::arithmetic_side_effects,
        reason = "milliseconds over 1000 fit any step"
    )]
    pub fn from_unix_seconds(seconds: i64) -> Self {
        let days = seconds.div_euclid(86_400) + 719_468;
        let era = days.div_euclid(146_097);
        let day_of_era = days.rem_euclid(146_097);
        let year_of_era =
            (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted_month = (5 * day_of_year + 2) / 153;
        let month = if shifted_month < 10 {
            shifted_month + 3
        } else {
            shifted_month - 9
        };
        Self {
            year: year_of_era + era * 400 + i64::from(month <= 2),
            month,
            day: day_of_year - (153 * shifted_month + 2) / 5 + 1,
            hour: seconds.div_euclid(3600).rem_euclid(24),
            minute: seconds.div_euclid(60).rem_euclid(60),
            second: seconds.rem_euclid(60),
        }
    }
}

/// The time as RFC 3339 in UTC, with milliseconds only where there are any:
/// `2026-01-15T12:00:00Z`.
///
/// `unix_ms`: UTC milliseconds since 1970.
pub fn to_rfc3339(unix_ms: u64) -> String {
    let Civil {
        year,
        month,
        day,
        hour,
        minute,
        second,
    } = Civil::from_unix_seconds((unix_ms / 1000) as i64);
    let whole = format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}");
    match unix_ms % 1000 {
        0 => format!("{whole}Z"),
        ms => format!("{whole}.{ms:03}Z"),
    }
}

/// UTC milliseconds since 1970 of a time as RFC 3339 has it, such as `2026-01-15T12:00:00Z` or
/// `2026-01-15T13:00:00.5+01:00`; parts of a millisecond are dropped. `None` for anything else
/// and for times before 1970.
pub fn from_rfc3339(text: &str) -> Option<u64> {
    let Timestamp { unix_ms, zoned, .. } = timestamp(text)?;
    u64::try_from(unix_ms).ok().filter(|_| zoned)
}

/// The same for a wait that ends then: parts of a millisecond count as a whole one, any year will
/// do, and without a zone the time is in UTC, never local.
pub(crate) fn read_rfc3339(text: &str) -> Option<i64> {
    let Timestamp { unix_ms, more, .. } = timestamp(text)?;
    unix_ms.checked_add(more.into())
}

/// A time as RFC 3339 writes it.
struct Timestamp {
    /// UTC milliseconds since 1970.
    unix_ms: i64,
    /// Whether there is a part of a millisecond besides.
    more: bool,
    /// Whether it has its distance from UTC with it, as RFC 3339 demands.
    zoned: bool,
}

fn timestamp(text: &str) -> Option<Timestamp> {
    let (date, rest) = text.split_once(['T', 't'])?;
    let mut date = date.split('-');
    let (year, month, day) = (date.next()?, date.next()?, date.next()?);
    let (time, offset_minutes) = split_offset(rest)?;
    let (time, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let mut time = time.split(':');
    let (hour, minute, second) = (time.next()?, time.next()?, time.next()?);
    if date.next().is_some() || time.next().is_some() {
        return None;
    }
    let civil = Civil {
        year: digits(year, 4)?,
        month: digits(month, 2)?,
        day: digits(day, 2)?,
        hour: digits(hour, 2)?,
        minute: digits(minute, 2)?,
        second: digits(second, 2)?,
    };
    let offset_ms = offset_minutes.unwrap_or(0).checked_mul(60_000)?;
    let unix_ms = civil
        .checked()?
        .unix_ms()
        .checked_add(milliseconds(fraction)?)?;
    Some(Timestamp {
        unix_ms: unix_ms.checked_sub(offset_ms)?,
        more: fraction.bytes().skip(3).any(|digit| digit != b'0'),
        zoned: offset_minutes.is_some(),
    })
}

/// The time of day and its distance from UTC in minutes, if it is given.
fn split_offset(text: &str) -> Option<(&str, Option<i64>)> {
    if let Some(time) = text.strip_suffix(['Z', 'z']) {
        return Some((time, Some(0)));
    }
    let (time, offset) = text.split_at_checked(text.len().checked_sub(6)?)?;
    let (sign, offset) = offset.split_at_checked(1)?;
    if !matches!(sign, "+" | "-") {
        return Some((text, None));
    }
    let (hours, minutes) = offset.split_once(':')?;
    Some((time, Some(offset_minutes(sign, hours, minutes)?)))
}

/// A distance from UTC in minutes: `+` or `-`, and two digits each for hours and minutes.
pub(crate) fn offset_minutes(sign: &str, hours: &str, minutes: &str) -> Option<i64> {
    let sign = match sign {
        "+" => 1,
        "-" => -1,
        _ => return None,
    };
    let (hours, minutes) = (digits(hours, 2)?, digits(minutes, 2)?);
    let total = hours.checked_mul(60)?.checked_add(minutes)?;
    (hours < 24 && minutes < 60).then_some(total.checked_mul(sign)?)
}

/// The milliseconds in the digits after a decimal point.
fn milliseconds(fraction: &str) -> Option<i64> {
    let all_digits = !fraction.is_empty() && fraction.bytes().all(|byte| byte.is_ascii_digit());
    let mut leading = fraction.bytes().chain([b'0'; 3]).take(3);
    let value = leading.try_fold(0_i64, |value, byte| {
        value
            .checked_mul(10)?
            .checked_add(i64::from(byte.wrapping_sub(b'0')))
    })?;
    all_digits.then_some(value)
}

/// A number of exactly `count` ASCII digits, at most 9.
pub(crate) fn digits(text: &str, count: usize) -> Option<i64> {
    let right = text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
    right.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_times_both_ways() {
        for (text, unix_ms) in [
            ("1970-01-01T00:00:00Z", 0),
            ("1994-11-06T08:49:37Z", 784_111_777_000),
            ("2000-02-29T23:59:59Z", 951_868_799_000),
            ("2026-01-15T12:00:00Z", 1_768_478_400_000),
            ("2026-01-15T12:00:00.007Z", 1_768_478_400_007),
            ("9999-12-31T23:59:59Z", 253_402_300_799_000),
        ] {
            assert_eq!(from_rfc3339(text), Some(unix_ms), "{text}");
            assert_eq!(to_rfc3339(unix_ms), text);
        }
    }

    #[test]
    fn offsets_fractions_and_leap_seconds_are_read() {
        let noon = from_rfc3339("2026-01-15T12:00:00Z").unwrap();
        assert_eq!(from_rfc3339("2026-01-15T13:30:00+01:30"), Some(noon));
        assert_eq!(from_rfc3339("2026-01-15t04:00:00-08:00"), Some(noon));
        assert_eq!(from_rfc3339("2026-01-15T12:00:00.5z"), Some(noon + 500));
        assert_eq!(
            from_rfc3339("2026-01-15T12:00:00.123456789Z"),
            Some(noon + 123)
        );
        assert_eq!(from_rfc3339("2026-01-15T11:59:60Z"), Some(noon));
    }

    #[test]
    fn a_wait_until_then_is_rounded_up_and_may_have_no_zone() {
        let noon = from_rfc3339("2026-01-15T12:00:00Z").unwrap() as i64;
        assert_eq!(read_rfc3339("2026-01-15T12:00:00"), Some(noon));
        assert_eq!(read_rfc3339("2026-01-15T12:00:00.123"), Some(noon + 123));
        assert_eq!(
            read_rfc3339("2026-01-15T12:00:00.1230001Z"),
            Some(noon + 124)
        );
        assert_eq!(read_rfc3339("1969-12-31T23:59:59Z"), Some(-1000));
        assert_eq!(read_rfc3339("2026-01-15"), None);
    }

    #[test]
    fn what_is_not_rfc_3339_is_refused() {
        for text in [
            "",
            "2026-01-15",
            "2026-01-15 12:00:00Z",
            "2026-01-15T12:00:00",
            "2026-01-15T12:00Z",
            "2026-02-30T12:00:00Z",
            "2026-01-15T24:00:00Z",
            "2026-01-15T12:00:00.Z",
            "2026-01-15T12:00:00.5x5Z",
            "2026-01-15T12:00:00+1:00",
            "2026-01-15T12:00:00+24:00",
            "2026-1-15T12:00:00Z",
            "1969-12-31T23:59:59Z",
            "+026-01-15T12:00:00Z",
            "２026-01-15T12:00:00Z",
        ] {
            assert_eq!(from_rfc3339(text), None, "{text}");
        }
    }

    #[test]
    fn every_day_of_four_centuries_survives_the_round_trip() {
        for day in 0..146_097_u64 {
            let unix_ms = day * 86_400_000;
            assert_eq!(
                Civil::from_unix_seconds((unix_ms / 1000) as i64)
                    .checked()
                    .unwrap()
                    .unix_ms(),
                unix_ms as i64
            );
        }
        to_rfc3339(u64::MAX);
    }
}
