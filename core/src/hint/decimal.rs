//! Plain numbers: ASCII digits, with or without decimals.

/// Milliseconds in `text`, a number of units of `unit_ms` milliseconds each; rounded up, and
/// saturating. Signs, exponents, hexadecimal, words and white space are not numbers.
pub(super) fn read(text: &str, unit_ms: u64) -> Option<u64> {
    let mut whole = 0_u64;
    let mut fraction_ms = 0_u64;
    // What one more decimal counts, in milliseconds; from where that is no whole number on, any
    // decimal but 0 makes one more millisecond.
    let mut decimal_ms = unit_ms;
    let mut round_up = 0;
    let mut after_point = false;
    let mut after_digit = false;
    for byte in text.bytes() {
        let digit = match byte {
            b'0'..=b'9' => u64::from(byte.wrapping_sub(b'0')),
            b'.' if after_digit && !after_point => {
                (after_point, after_digit) = (true, false);
                continue;
            }
            _ => return None,
        };
        after_digit = true;
        if !after_point {
            whole = whole.saturating_mul(10).saturating_add(digit);
        } else if decimal_ms.is_multiple_of(10) && decimal_ms > 0 {
            decimal_ms /= 10;
            fraction_ms = fraction_ms.saturating_add(digit.saturating_mul(decimal_ms));
        } else if digit > 0 {
            round_up = 1;
        }
    }
    let ms = whole
        .saturating_mul(unit_ms)
        .saturating_add(fraction_ms)
        .saturating_add(round_up);
    after_digit.then_some(ms)
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
