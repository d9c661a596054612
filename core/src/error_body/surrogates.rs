//! Halves of surrogate pairs, which `JSON.stringify` writes where a message was cut in the middle of
//! an emoji (ECMA-262 section 25.5.2.3), and which no text can hold.

use alloc::string::String;

/// The JSON text with each half that lacks the other replaced; nothing where there is none.
pub(super) fn mended(text: &str) -> Option<String> {
    let unit = |text: &str| {
        let digits = text.strip_prefix("\\u")?.get(..4)?;
        u16::from_str_radix(digits, 16).ok()
    };
    let mut mended = String::with_capacity(text.len());
    let (mut rest, mut found) = (text, false);
    while let Some((before, _)) = rest.split_once('\\') {
        let (before, escape) = rest.split_at_checked(before.len())?;
        mended.push_str(before);
        let next = escape.get(6..).and_then(unit);
        let length = match (unit(escape), next) {
            (Some(0xD800..=0xDBFF), Some(0xDC00..=0xDFFF)) => 12,
            (Some(0xD800..=0xDFFF), _) => {
                found = true;
                mended.push_str("\\ufffd");
                rest = escape.get(6..)?;
                continue;
            }
            // Of any other escape it is enough not to take its second character for a first.
            _ => 1_usize.saturating_add(escape.chars().nth(1).map_or(0, char::len_utf8)),
        };
        let (escape, after) = escape.split_at_checked(length)?;
        mended.push_str(escape);
        rest = after;
    }
    mended.push_str(rest);
    found.then_some(mended)
}

#[cfg(test)]
mod tests {
    use super::mended;

    #[test]
    fn halves_are_replaced_and_nothing_else() {
        for (text, expected) in [
            (r"cut \ud83d", Some(r"cut \ufffd")),
            (
                r"\ude00\ud83d\ude00\uD83D\n",
                Some(r"\ufffd\ud83d\ude00\ufffd\n"),
            ),
            (r"\\ud83d \ud83d\\", Some(r"\\ud83d \ufffd\\")),
            (r"\uD83D\u0041", Some(r"\ufffd\u0041")),
            (r"\é\ud83d", Some(r"\é\ufffd")),
            (r"\ud83d\ude00 \\ud83d \u00e9", None),
            (r"\ud83", None),
            ("\\", None),
            ("", None),
        ] {
            assert_eq!(mended(text).as_deref(), expected, "{text}");
        }
    }
}
