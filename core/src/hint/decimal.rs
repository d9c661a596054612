//! Plain numbers: ASCII digits, with or without decimals.

/// Milliseconds in `text`, a number of units of `unit_ms` milliseconds each; rounded up, and
/// saturating. Signs, exponents, hexadecimal, words and white space are not numbers.
pub(super) fn read(text: &str, unit_ms: u64) -> Option<u64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let all_digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if !all_digits(whole) || !all_digits(fraction) {
        return None;
    }
    let whole_ms = whole.bytes().fold(0_u64, |value, byte| {
        value
            .saturating_mul(10)
            .saturating_add(u64::from(byte.wrapping_sub(b'0')))
    });
    // What is left of a unit after each digit; the digits that don't matter round up.
    let mut fraction_ms = 0_u64;
    let mut digit_ms = unit_ms;
    let mut more = false;
    for byte in fraction.bytes() {
        let digit = u64::from(byte.wrapping_sub(b'0'));
        if digit_ms.is_multiple_of(10) && digit_ms > 0 {
            digit_ms /= 10;
            fraction_ms = fraction_ms.saturating_add(digit.saturating_mul(digit_ms));
        } else {
            more |= digit > 0;
        }
    }
    let fraction_ms = fraction_ms.saturating_add(u64::from(more));
    Some(whole_ms.saturating_mul(unit_ms).saturating_add(fraction_ms))
}

#[cfg(test)]
mod tests {
    use super::read;

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
        ] {
            assert_eq!(read(text, 1000), Some(ms), "{text}");
        }
        assert_eq!(read("250.3", 1), Some(251));
        assert_eq!(read("250", 1), Some(250));
        assert_eq!(read("99999999999999999999999.9", 1000), Some(u64::MAX));
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
        ] {
            assert_eq!(read(text, 1000), None, "{text}");
        }
    }
}
