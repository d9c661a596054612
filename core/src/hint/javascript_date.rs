//! What JavaScript's `Date.prototype.toString` writes, which some servers send in a header:
//! `Thu Jan 15 2026 13:00:30 GMT+0100 (Central European Standard Time)` (ECMA-262 section 21.4.4.41).

use super::http_date::{civil, is_weekday, month, offset_ms};
use crate::time::digits;

/// UTC milliseconds since 1970. The name of the zone, in parentheses, is passed over.
pub(super) fn read(text: &str) -> Option<i64> {
    let (date, name) = match text.split_once('(') {
        Some((date, name)) => (date, name),
        None => (text, ")"),
    };
    let mut words = date.split_ascii_whitespace().peekable();
    words.next_if(|word| is_weekday(word));
    let (month_name, day, year) = (words.next()?, words.next()?, words.next()?);
    let (time, zone) = (words.next()?, words.next()?);
    let civil = civil(digits(year, 4)?, month(month_name)?, day, time)?;
    let (gmt, offset) = zone.split_at_checked(3)?;
    let right = gmt.eq_ignore_ascii_case("GMT") && words.next().is_none() && name.ends_with(')');
    let unix_ms = civil.unix_ms().checked_sub(offset_ms(offset)?)?;
    right.then_some(unix_ms)
}

#[cfg(test)]
mod tests {
    use super::read;
    use crate::time::from_rfc3339;

    #[test]
    fn any_offset_is_read_and_its_name_passed_over() {
        let at = from_rfc3339("2026-01-15T12:00:30Z").map(|ms| ms as i64);
        for text in [
            "Thu Jan 15 2026 13:00:30 GMT+0100 (Central European Standard Time)",
            "Thu Jan 15 2026 04:00:30 GMT-0800 (Pacific Standard Time (Alta California))",
            "Thu Jan 15 2026 12:00:30 GMT+0000",
            "Jan 15 2026 17:30:30 gmt+0530 ()",
        ] {
            assert_eq!(read(text), at, "{text}");
        }
    }

    #[test]
    fn anything_else_is_none() {
        for text in [
            "",
            "Thu Jan 15 2026",
            "Thu Jan 15 2026 13:00:30",
            "Thu Jan 15 2026 13:00:30 GMT",
            "Thu Jan 15 2026 13:00:30 UTC+0100",
            "Thu Jan 15 2026 13:00:30 GMT+2400",
            "Thu Jan 15 2026 13:00:30 GMT+0160",
            "Thu Jan 15 2026 13:00:30 GMT+0100 CET",
            "Thu Jan 15 2026 13:00:30 GMT+0100 (CET",
            "Thu Jan 15 2026 13:00:30 GMT+0100 (CET) x",
            "Thu Feb 30 2026 13:00:30 GMT+0100 (CET)",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
