//! Numbers with units: `1m0.5s` as Go writes it, `2 minutes 30 seconds` as people do.

use super::decimal;

const MS: u64 = 1_000_000;
const SECOND: u64 = 1000 * MS;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;

/// Milliseconds, rounded up, of a duration as Go's `time.Duration` writes it: `6m0s`, `8.64s`,
/// `120ms`. A number without a unit is none.
pub(super) fn read(text: &str) -> Option<u64> {
    let mut rest = text;
    let mut ns = 0_u64;
    while !rest.is_empty() {
        let (term, after) = read_term(rest, go_unit)?;
        ns = ns.saturating_add(term);
        rest = after;
    }
    (!text.is_empty()).then(|| ns.div_ceil(MS))
}

/// Milliseconds, rounded up, of the duration that a text begins with: `20s`, `1m9.696s`,
/// `6 minutes 30 seconds`, `1 hour, 5 minutes and 10 seconds`.
pub(super) fn read_words(text: &str) -> Option<u64> {
    let (mut ns, mut rest) = read_term(text, word_unit)?;
    let between = [", and ", ", ", " and ", " ", ""];
    while let Some((term, after)) = between
        .iter()
        .find_map(|between| read_term(rest.strip_prefix(between)?, word_unit))
    {
        ns = ns.saturating_add(term);
        rest = after;
    }
    Some(ns.div_ceil(MS))
}

/// The first number and its unit in nanoseconds, rounded up, and what follows.
fn read_term(text: &str, unit: fn(&str) -> Option<(u64, &str)>) -> Option<(u64, &str)> {
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let whole = digits(text);
    let decimals = text.get(whole..)?.strip_prefix('.').map_or(0, digits);
    // A point without digits is none of the number: the end of a sentence.
    let length = match decimals {
        0 => whole,
        decimals => whole.saturating_add(1).saturating_add(decimals),
    };
    let (number, rest) = text.split_at_checked(length)?;
    let (unit, rest) = unit(rest)?;
    Some((decimal::read(number, unit)?, rest))
}

/// The unit in nanoseconds that the text begins with, and what follows.
fn go_unit(text: &str) -> Option<(u64, &str)> {
    let units = [
        ("ns", 1),
        ("us", 1000),
        ("\u{b5}s", 1000),
        ("\u{3bc}s", 1000),
        ("ms", MS),
        ("s", SECOND),
        ("m", MINUTE),
        ("h", HOUR),
    ];
    let mut units = units.iter();
    units.find_map(|(name, unit)| Some((*unit, text.strip_prefix(name)?)))
}

fn word_unit(text: &str) -> Option<(u64, &str)> {
    let text = text.strip_prefix(' ').unwrap_or(text);
    let letter = |c: char| c.is_ascii_alphabetic() || matches!(c, '\u{b5}' | '\u{3bc}');
    let end = text.find(|c| !letter(c)).unwrap_or(text.len());
    let (word, rest) = text.split_at_checked(end)?;
    let is = |names: &[&str]| names.iter().any(|name| name.eq_ignore_ascii_case(word));
    let unit = if is(&["d", "day", "days"]) {
        24 * HOUR
    } else if is(&["s", "sec", "secs", "second", "seconds"]) {
        SECOND
    } else if is(&["m", "min", "mins", "minute", "minutes"]) {
        MINUTE
    } else if is(&["h", "hr", "hrs", "hour", "hours"]) {
        HOUR
    } else if is(&["ms", "millisecond", "milliseconds"]) {
        MS
    } else if is(&["us", "\u{b5}s", "\u{3bc}s"]) {
        1000
    } else if is(&["ns"]) {
        1
    } else {
        return None;
    };
    Some((unit, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_as_go_writes_them() {
        for (text, ms) in [
            ("1s", 1000),
            ("6m0s", 360_000),
            ("8.64s", 8640),
            ("120ms", 120),
            ("1h2m3s", 3_723_000),
            ("1m0.363142857s", 60_364),
            ("500us", 1),
            ("500\u{b5}s", 1),
            ("500\u{3bc}s", 1),
            ("0s", 0),
            ("1ns", 1),
            ("99999999999999999999h", 18_446_744_073_710),
        ] {
            assert_eq!(read(text), Some(ms), "{text}");
        }
        for text in [
            "", "5", "-1s", "+1s", "1.s", ".5s", "1 s", "1s ", "s", "1S", "1d", "1m0", "1h2", "1sm",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn durations_as_people_write_them() {
        for (text, ms) in [
            ("20s. Visit", 20_000),
            ("1m9.696s. Visit", 69_696),
            ("579ms", 579),
            ("33 seconds.", 33_000),
            ("6 Minutes 30 seconds, please", 390_000),
            ("5s.", 5000),
            ("2 hours", 7_200_000),
            ("1h30m later", 5_400_000),
            ("10s 20 apples", 10_000),
            ("2 hours and 3 minutes", 7_380_000),
            ("1 hour, 5 minutes, and 1s", 3_901_000),
            ("1 day", 86_400_000),
        ] {
            assert_eq!(read_words(text), Some(ms), "{text}");
        }
        for text in ["", "soon", "20", "20 apples", "a 20s", " 20s", "-20s"] {
            assert_eq!(read_words(text), None, "{text}");
        }
    }
}
