//! Dates, compared with what jiff reads, and two-digit years with its calendar.

#![cfg(test)]
#![expect(
    clippy::arithmetic_side_effects,
    reason = "an overflow is a failed test"
)]

mod hints;

use hints::{MAX_HINT_MS, config};
use holdoff::{Policy, from_rfc3339, to_rfc3339};
use jiff::civil::{Date, DateTime};
use jiff::fmt::{rfc2822, strtime};
use jiff::tz::{Offset, TimeZone};
use jiff::{Timestamp, ToSpan};
use proptest::prelude::*;

const IMF: &str = "%a, %d %b %Y %H:%M:%S GMT";
const RFC_850: &str = "%A, %d-%b-%y %H:%M:%S GMT";
const ASCTIME: &str = "%a %b %e %H:%M:%S %Y";
/// The last second that jiff has, on 30 December 9999, so that no zone makes a year 10000 of it.
const LAST: i64 = 253_402_207_200;
const DAY: i64 = 86_400;
/// How many of the days that are tried one by one there are.
const REAL: u32 = 25977;

fn policy() -> Policy {
    hints::policy("retry-after")
}

/// How long `Retry-After` asks to wait, measured by the caller's clock or the response's headers.
fn wait(policy: &Policy, headers: &[(&str, &str)], now_ms: Option<u64>) -> Option<u64> {
    hints::wait(policy, headers, "", now_ms)
}

/// What it has to be where the wait ends then.
fn until(seconds: i64, now_ms: u64) -> Option<u64> {
    let then = u64::try_from(seconds * 1000).unwrap();
    Some(then.saturating_sub(now_ms).min(MAX_HINT_MS))
}

fn civil(seconds: i64) -> DateTime {
    Offset::UTC.to_datetime(Timestamp::from_second(seconds).unwrap())
}

fn seconds(civil: DateTime) -> i64 {
    Offset::UTC.to_timestamp(civil).unwrap().as_second()
}

/// A time in milliseconds from which a date is ahead, or a little behind.
fn before(seconds: i64, by_ms: i64) -> u64 {
    u64::try_from(seconds * 1000 - by_ms).unwrap_or(0)
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn every_format_reads_as_jiff_reads_it(
        at in DAY..LAST - DAY,
        by_ms in -1000_i64..50 * 365 * DAY * 1000,
        offset in -86_340_i32 / 60..86_340 / 60,
    ) {
        let policy = policy();
        let now_ms = before(at, by_ms);
        let imf = civil(at).strftime(IMF).to_string();
        let read = rfc2822::parse(&imf).unwrap().timestamp().as_second();
        prop_assert_eq!(wait(&policy, &[("retry-after", &imf)], Some(now_ms)), until(read, now_ms), "{}", imf);

        let asctime = civil(at).strftime(ASCTIME).to_string();
        let read = seconds(strtime::parse(ASCTIME, &asctime).unwrap().to_datetime().unwrap());
        prop_assert_eq!(wait(&policy, &[("retry-after", &asctime)], Some(now_ms)), until(read, now_ms), "{}", asctime);

        let zone = TimeZone::fixed(Offset::from_seconds(offset * 60).unwrap());
        let zoned = Timestamp::from_second(at).unwrap().to_zoned(zone);
        let rfc3339 = zoned.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string();
        let read: Timestamp = rfc3339.parse().unwrap();
        prop_assert_eq!(wait(&policy, &[("retry-after", &rfc3339)], Some(now_ms)), until(read.as_second(), now_ms), "{}", rfc3339);
        let read_ms = u64::try_from(read.as_millisecond()).unwrap();
        prop_assert_eq!(from_rfc3339(&rfc3339), Some(read_ms));
    }

    #[test]
    fn rfc_850_reads_as_jiff_reads_it_where_they_mean_the_same_century(
        // jiff's %y is 1969 to 2068.
        at in 0..3_124_224_000_i64,
        by_ms in -1000_i64..49 * 365 * DAY * 1000,
    ) {
        let now_ms = before(at, by_ms);
        let text = civil(at).strftime(RFC_850).to_string();
        let read = seconds(strtime::parse(RFC_850, &text).unwrap().to_datetime().unwrap());
        prop_assert_eq!(wait(&policy(), &[("retry-after", &text)], Some(now_ms)), until(read, now_ms), "{}", text);
    }

    #[test]
    fn two_digit_years_are_at_most_fifty_years_ahead(
        now in 100 * 365 * DAY..LAST - 150 * 365 * DAY,
        away in prop_oneof![-DAY..DAY, -100 * 365 * DAY..100 * 365 * DAY],
    ) {
        let fifty_years_ahead = civil(now).checked_add(50.years()).unwrap();
        let at = fifty_years_ahead.checked_add(away.seconds()).unwrap();
        // Fifty years before or after, it may be another day.
        prop_assume!((at.month(), at.day()) != (2, 29) && (civil(now).month(), civil(now).day()) != (2, 29));
        let mut expected = at;
        while expected > fifty_years_ahead {
            expected = expected.checked_sub(100.years()).unwrap();
        }
        while expected.checked_add(100.years()).unwrap() <= fifty_years_ahead {
            expected = expected.checked_add(100.years()).unwrap();
        }
        let text = at.strftime(RFC_850).to_string();
        let now_ms = u64::try_from(now * 1000).unwrap();
        prop_assert_eq!(wait(&policy(), &[("retry-after", &text)], Some(now_ms)), until(seconds(expected), now_ms), "{} at {}", text, to_rfc3339(now_ms));
    }

    #[test]
    fn dates_are_measured_by_the_servers_date_and_age(
        date in DAY..LAST - DAY,
        ahead in -1000_i64..1_000_000_000,
        age in 0..100_000_u32,
        now_ms in any::<Option<u32>>(),
    ) {
        let at = (date + ahead).clamp(0, LAST);
        let (date_text, text) = (civil(date).strftime(IMF).to_string(), civil(at).strftime(IMF).to_string());
        let age_text = age.to_string();
        let headers = [("date", date_text.as_str()), ("age", &age_text), ("retry-after", &text)];
        let server_ms = u64::try_from((date + i64::from(age)) * 1000).unwrap();
        prop_assert_eq!(wait(&policy(), &headers, now_ms.map(u64::from)), until(at, server_ms));
    }

    #[test]
    fn rfc_3339_is_written_as_jiff_writes_it(ms in 0..LAST * 1000 + 999) {
        let text = to_rfc3339(u64::try_from(ms).unwrap());
        let read: Timestamp = text.parse().unwrap();
        prop_assert_eq!(read.as_millisecond(), ms);
        let whole = Timestamp::from_second(ms / 1000).unwrap().to_string();
        prop_assert_eq!(to_rfc3339(u64::try_from(ms / 1000 * 1000).unwrap()), whole);
        prop_assert_eq!(from_rfc3339(&text), u64::try_from(ms).ok());
    }

    #[test]
    fn fractions_are_rounded_up(at in 0..LAST, fraction in "[0-9]{1,12}", by_ms in 0_i64..1_000_000) {
        let text = format!("{}.{fraction}Z", civil(at).strftime("%Y-%m-%dT%H:%M:%S"));
        let now_ms = before(at, by_ms);
        let digits: u128 = fraction.parse().unwrap();
        let scale = 10_u128.pow(u32::try_from(fraction.len()).unwrap());
        let up = u64::try_from((digits * 1000).div_ceil(scale)).unwrap();
        let then = u64::try_from(at * 1000).unwrap() + up;
        prop_assert_eq!(wait(&policy(), &[("retry-after", &text)], Some(now_ms)), Some(then - now_ms), "{}", text);
    }
}

#[test]
fn a_day_is_read_where_the_calendar_has_it() {
    let policy = policy();
    let mut real = 0;
    for year in 1970..=9999_i16 {
        // All months over the 400 years after which the calendar repeats itself, then February.
        let months = if year < 2370 { 1..=12 } else { 2..=2 };
        for (month, day) in months.flat_map(|month| (28..=31).map(move |day| (month, day))) {
            let date = Date::new(year, month, day).ok();
            real += u32::from(date.is_some());
            let at = date.map(|date| seconds(date.at(12, 0, 0, 0)));
            let now_ms = at.map_or(0, |at| before(at, 1000));
            let text = format!("{year:04}-{month:02}-{day:02}T12:00:00Z");
            let expected = at.map(|_| 1000);
            assert_eq!(
                wait(&policy, &[("retry-after", &text)], Some(now_ms)),
                expected,
                "{text}"
            );
            let name = strtime::format("%b", Date::new(2000, month, 1).unwrap()).unwrap();
            let text = format!("Mon, {day:02} {name} {year:04} 12:00:00 GMT");
            assert_eq!(
                wait(&policy, &[("retry-after", &text)], Some(now_ms)),
                expected,
                "{text}"
            );
        }
    }
    assert_eq!(real, REAL);
}

#[test]
fn what_is_no_date_is_none() {
    for text in [
        "Thu, 32 Jan 2026 12:00:30 GMT",
        "Mon, 30 Feb 2026 12:00:30 GMT",
        "Thu, 15 Jan 2026 24:00:00 GMT",
        "2026-01-15 12:00:30",
    ] {
        assert_eq!(
            wait(&policy(), &[("retry-after", text)], Some(0)),
            None,
            "{text}"
        );
    }
}
