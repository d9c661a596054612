//! Waits in the words of an error message: `Please try again in 1m9.696s.`

use super::duration;

const PHRASES: [&str; 4] = [
    "try again in ",
    "try again after ",
    "retry in ",
    "retry after ",
];

/// The wait in milliseconds that the message asks for.
pub(super) fn read(message: &str) -> Option<u64> {
    let mut places = message.char_indices();
    places.find_map(|(at, _)| {
        let rest = message.get(at..)?;
        let after = PHRASES.iter().find_map(|phrase| strip(rest, phrase))?;
        duration::read_words(after)
    })
}

/// What follows the phrase that the text begins with, in letters of any case.
fn strip<'t>(text: &'t str, phrase: &str) -> Option<&'t str> {
    let (begin, rest) = text.split_at_checked(phrase.len())?;
    begin.eq_ignore_ascii_case(phrase).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn phrases_before_a_duration() {
        for (message, ms) in [
            (
                "Rate limit reached ... Please try again in 579ms. Visit https://x",
                579,
            ),
            ("é Please try again in 1m9.696s.", 69_696),
            ("Please RETRY AFTER 33 seconds.", 33_000),
            ("Please retry in 53.016342224s.", 53_017),
            ("try again in a moment; try again after 2 minutes", 120_000),
        ] {
            assert_eq!(read(message), Some(ms), "{message}");
        }
    }

    #[test]
    fn what_holds_no_duration_is_none() {
        for message in [
            "",
            "please reduce your message size and try again.",
            "try again in ",
            "try again in 20",
            "retry 20s",
            "You have exceeded a secondary rate limit",
        ] {
            assert_eq!(read(message), None, "{message}");
        }
    }
}
