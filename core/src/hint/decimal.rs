//! Plain numbers: ASCII digits, with or without decimals.

/// What `text`, a number of things worth `unit` each, is worth; rounded up, and saturating.
/// Signs, exponents, hexadecimal, words and white space are not numbers.
pub(super) fn read(text: &str, unit: u64) -> Option<u64> {
    let (whole, decimals) = match text.split_once('.') {
        Some((whole, decimals)) => (whole, decimals),
        None => (text, "0"),
    };
    if decimals.is_empty() || !decimals.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let part = rounded_up(decimals.bytes(), unit);
    Some(digits(whole)?.saturating_mul(unit).saturating_add(part))
}

/// What these decimals of a number of things worth `unit` each are worth, rounded up.
pub(super) fn rounded_up(decimals: impl DoubleEndedIterator<Item = u8>, unit: u64) -> u64 {
    // From the last decimal to the first: rounding up a tenth of what is rounded up already is
    // rounding up once.
    decimals.rev().fold(0, |part: u64, byte| {
        let digit = u64::from(byte.wrapping_sub(b'0'));
        digit.saturating_mul(unit).saturating_add(part).div_ceil(10)
    })
}

/// The digits before any decimal point as a number, saturating.
pub(super) fn whole_part(text: &str) -> Option<u64> {
    digits(text.split('.').next().unwrap_or(text))
}

/// The number that these digits make, saturating. At least one is needed, and nothing but digits.
pub(super) fn digits(text: &str) -> Option<u64> {
    let number = text.bytes().try_fold(0_u64, |number, byte| {
        let digit = u64::from(byte.wrapping_sub(b'0'));
        let number = number.saturating_mul(10).saturating_add(digit);
        byte.is_ascii_digit().then_some(number)
    })?;
    (!text.is_empty()).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_round_up_to_whole_milliseconds() {
        for (text, ms) in [
            ("0", 0),
            ("120", 120_000),
            ("0005", 5000),
            ("1.5", 1500),
            ("0.129", 129),
            ("0.0001", 1),
            ("2.0000", 2000),
            ("1.0011", 1002),
            ("3.999999999999999999999999", 4000),
            ("3.000000000000000000000001", 3001),
            ("3.000000000000000000000000", 3000),
        ] {
            assert_eq!(read(text, 1000), Some(ms), "{text}");
        }
        assert_eq!(read("250.3", 1), Some(251));
        assert_eq!(read("250", 1), Some(250));
        assert_eq!(read("99999999999999999999999.9", 1000), Some(u64::MAX));
        let hour = 3_600_000_000_000;
        assert_eq!(read("1.000000000001", hour), Some(hour + 4));
        assert_eq!(read("0.0000002777777777779", hour), Some(1_000_001));
        assert_eq!(read("0.00000027777777777777777777", hour), Some(1_000_000));
        assert_eq!(whole_part("1768478430.5"), Some(1_768_478_430));
        assert_eq!(whole_part(&"9".repeat(99)), Some(u64::MAX));
    }

    #[test]
    fn anything_else_is_not_a_number() {
        for text in [
            "",
            " ",
            " 5",
            ".5",
            "5.",
            ".",
            "1.2.3",
            "+5",
            "-5",
            "1e3",
            "0x10",
            "1_000",
            "1,5",
            "inf",
            "Infinity",
            "NaN",
            "soon",
            "120 seconds",
            "120;delta",
            "１２０",
            "5\u{0}",
            "5.x",
        ] {
            assert_eq!(read(text, 1000), None, "{text}");
        }
    }
}
