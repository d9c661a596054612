//! Numbers as the standard libraries of programming languages read them: with a sign, an exponent, a
//! bare point. Servers don't send these, but clients differ in what they make of them.

use super::decimal::{digits, rounded_up};
use super::wait::saturated;

/// No number of milliseconds has more digits than this before it saturates, or more zeros behind the
/// point before nothing but its rounding is left.
const DIGITS: usize = 25;

/// A finite number in text, cut into its parts.
pub(super) struct Float<'t> {
    negative: bool,
    whole: &'t str,
    decimals: &'t str,
    /// The power of ten that it is multiplied with.
    exponent: i64,
    /// What follows it.
    pub rest: &'t str,
}

impl<'t> Float<'t> {
    /// The longest number that `text` begins with:
    /// `[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?`
    pub(super) fn at_start(text: &'t str) -> Option<Self> {
        let (negative, text) = signed(text);
        let (whole, after) = split_digits(text);
        let (decimals, after) = match after.strip_prefix('.').map(split_digits) {
            Some((decimals, _)) if whole.is_empty() && decimals.is_empty() => return None,
            Some(split) => split,
            None if whole.is_empty() => return None,
            None => ("", after),
        };
        let (exponent, rest) = exponent(after).unwrap_or((0, after));
        Some(Self {
            negative,
            whole,
            decimals,
            exponent,
            rest,
        })
    }

    /// What it is worth as a number of things worth `unit` each: rounded up, and saturating; any
    /// number below 0 is -1.
    pub(super) fn of(&self, unit: u64) -> i64 {
        let size = self.size(unit);
        match self.negative {
            true if size > 0 => -1,
            _ => saturated(size),
        }
    }

    fn size(&self, unit: u64) -> u64 {
        // How many digits stand before the point, once the exponent has moved it.
        let point = i64::try_from(self.whole.len())
            .unwrap_or(i64::MAX)
            .saturating_add(self.exponent);
        let before = usize::try_from(point.max(0)).unwrap_or(usize::MAX);
        let all = self.whole.bytes().chain(self.decimals.bytes());
        let whole = all.take(before).fold(0_u64, |number, byte| {
            let digit = u64::from(byte.wrapping_sub(b'0'));
            number.saturating_mul(10).saturating_add(digit)
        });
        let given = self.whole.len().saturating_add(self.decimals.len());
        let whole = (0..before.saturating_sub(given).min(DIGITS))
            .fold(whole, |number, _| number.saturating_mul(10));

        let after = |digits: &'t str, taken: usize| digits.get(taken..).unwrap_or("").bytes();
        let decimals = after(self.whole, before).chain(after(
            self.decimals,
            before.saturating_sub(self.whole.len()),
        ));
        let zeros = usize::try_from(point.saturating_neg().max(0)).unwrap_or(usize::MAX);
        let part =
            (0..zeros.min(DIGITS)).fold(rounded_up(decimals, unit), |part, _| part.div_ceil(10));
        whole.saturating_mul(unit).saturating_add(part)
    }
}

/// Whether there is a minus, and what follows the sign.
pub(super) fn signed(text: &str) -> (bool, &str) {
    match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    }
}

/// `e3`, and what follows it.
fn exponent(text: &str) -> Option<(i64, &str)> {
    let (negative, rest) = signed(text.strip_prefix(['e', 'E'])?);
    let (size, rest) = split_digits(rest);
    let size = saturated(digits(size)?);
    Some((
        if negative {
            size.saturating_neg()
        } else {
            size
        },
        rest,
    ))
}

/// The digits that `text` begins with, and what follows them.
fn split_digits(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !c.is_ascii_digit());
    text.split_at_checked(end.unwrap_or(text.len()))
        .unwrap_or((text, ""))
}

#[cfg(test)]
mod tests {
    use super::Float;

    fn seconds(text: &str) -> Option<(i64, &str)> {
        let float = Float::at_start(text)?;
        Some((float.of(1000), float.rest))
    }

    #[test]
    fn every_way_to_write_a_number() {
        for (text, ms) in [
            ("0", 0),
            ("-0", 0),
            ("120", 120_000),
            ("+7", 7000),
            ("007", 7000),
            ("1.5", 1500),
            ("5.", 5000),
            (".5", 500),
            ("1.0011", 1002),
            ("1e3", 1_000_000),
            ("1.25E+1", 12_500),
            ("12345e-4", 1235),
            ("12345e-7", 2),
            ("1e-30", 1),
            ("0e-99999999999999999999", 0),
            ("0e99999999999999999999", 0),
            ("-5", -1),
            ("-1e-30", -1),
            ("1e400", i64::MAX),
            ("1e99999999999999999999", i64::MAX),
            ("99999999999999999999999", i64::MAX),
            ("0.000000000000000000000000000001e32", 100_000),
            ("100000000000000000000000000000000e-32", 1000),
        ] {
            assert_eq!(seconds(text), Some((ms, "")), "{text}");
        }
    }

    #[test]
    fn what_follows_a_number_is_told() {
        for (text, ms, rest) in [
            ("5abc", 5000, "abc"),
            ("5 s", 5000, " s"),
            ("1.2.3", 1200, ".3"),
            ("0x10", 0, "x10"),
            ("5e", 5000, "e"),
            ("5e+", 5000, "e+"),
            ("5_0", 5000, "_0"),
            ("2027-01-15T08:00:30Z", 2_027_000, "-01-15T08:00:30Z"),
            ("3, 5", 3000, ", 5"),
        ] {
            assert_eq!(seconds(text), Some((ms, rest)), "{text}");
        }
        for text in [
            "", ".", "-", "+.", "e3", "inf", "Infinity", "NaN", "soon", "٣", "--5",
        ] {
            assert_eq!(seconds(text), None, "{text}");
        }
    }
}
