//! Decimals and durations, compared with exact arithmetic.

#![cfg(test)]
#![expect(
    clippy::arithmetic_side_effects,
    reason = "an overflow is a failed test"
)]

mod hints;

use hints::{config, policy, wait};
use proptest::collection::vec;
use proptest::prelude::*;

/// As wide as the exact arithmetic.
const MAX_HINT_MS: u128 = hints::MAX_HINT_MS as u128;
const NS_IN_MS: u128 = 1_000_000;

fn hint(source: &str, headers: &[(&str, &str)], body: &str, now_ms: Option<u64>) -> Option<u128> {
    wait(&policy(source), headers, body, now_ms).map(u128::from)
}

fn header(name: &str, value: &str) -> Option<u128> {
    hint(name, &[(name, value)], "", None)
}

/// What a number is worth, in `unit`, rounded up.
fn worth(whole: &str, decimals: &str, unit: u128) -> u128 {
    let scale = 10_u128.pow(u32::try_from(decimals.len()).unwrap());
    let digits: u128 = format!("{whole}{decimals}").parse().unwrap();
    (digits * unit).div_ceil(scale)
}

fn text(whole: &str, decimals: &str) -> String {
    match decimals {
        "" => whole.into(),
        decimals => format!("{whole}.{decimals}"),
    }
}

/// A number and its unit; so many digits as 128 bits can be sure of.
fn term(units: &'static [(&'static str, u128)]) -> impl Strategy<Value = (String, String, usize)> {
    let decimals = prop_oneof![
        Just(String::new()),
        "[0-9]{1,3}",
        "[0-9]{1,22}",
        // Hardly more than 1 ms in hours, and in minutes.
        "0{6}27{11,14}[89]",
        "0{4}16{12,15}[789]"
    ];
    ("[0-9]{1,3}", decimals, 0..units.len())
}

const GO_UNITS: &[(&str, u128)] = &[
    ("h", 3600 * 1000 * NS_IN_MS),
    ("m", 60 * 1000 * NS_IN_MS),
    ("s", 1000 * NS_IN_MS),
    ("ms", NS_IN_MS),
    ("us", 1000),
    ("\u{b5}s", 1000),
    ("\u{3bc}s", 1000),
    ("ns", 1),
];
const WORDS: &[(&str, u128)] = &[
    (" hours", 3600 * 1000 * NS_IN_MS),
    ("hr", 3600 * 1000 * NS_IN_MS),
    (" Minutes", 60 * 1000 * NS_IN_MS),
    ("m", 60 * 1000 * NS_IN_MS),
    (" SECS", 1000 * NS_IN_MS),
    ("s", 1000 * NS_IN_MS),
    (" milliseconds", NS_IN_MS),
    ("\u{3bc}s", 1000),
    ("ns", 1),
];

/// The text of a duration, and its milliseconds: each term rounded up to ns, the sum to ms.
fn duration(
    terms: &[(String, String, usize)],
    units: &[(&str, u128)],
    between: &str,
) -> (String, u128) {
    let texts = terms
        .iter()
        .map(|(whole, decimals, unit)| text(whole, decimals) + units[*unit].0);
    let ns: u128 = terms
        .iter()
        .map(|(whole, decimals, unit)| worth(whole, decimals, units[*unit].1))
        .sum();
    (
        texts.collect::<Vec<_>>().join(between),
        ns.div_ceil(NS_IN_MS).min(MAX_HINT_MS),
    )
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn decimals_are_exact(whole in "[0-9]{1,14}", decimals in "[0-9]{0,20}") {
        let text = text(&whole, &decimals);
        let ms = worth(&whole, &decimals, 1).min(MAX_HINT_MS);
        prop_assert_eq!(header("retry-after-ms", &text), Some(ms), "{}", text);
        prop_assert_eq!(header("x-ms-retry-after-ms", &text), Some(ms), "{}", text);
        let of_header = header("retry-after", &text);
        let seconds = Some(worth(&whole, &decimals, 1000).min(MAX_HINT_MS));
        match whole.parse().unwrap() {
            // An instant, which needs a clock.
            1_000_000_000..100_000_000_000_u64 | 1_000_000_000_000..100_000_000_000_000 => {
                prop_assert_eq!(of_header, None, "{}", text);
            }
            _ => prop_assert_eq!(of_header, seconds, "{}", text),
        }
        let body = format!(r#"{{"error": {{"retry_after": "{text}"}}}}"#);
        prop_assert_eq!(hint("body-retry-after", &[], &body, None), seconds, "{}", body);
        let body = format!(
            r#"{{"error": {{"details": [{{"@type": "x/google.rpc.RetryInfo", "retryDelay": "{text}s"}}]}}}}"#
        );
        let expected = seconds.filter(|_| decimals.len() <= 9);
        prop_assert_eq!(hint("body-retry-info", &[], &body, None), expected, "{}", body);
    }

    #[test]
    fn numbers_in_json_mean_what_their_decimals_say(whole in "0|[1-9][0-9]{0,6}", decimals in "[0-9]{0,8}") {
        let text = text(&whole, &decimals);
        let body = format!(r#"{{"error": {{"retry_after": {text}}}}}"#);
        let ms = worth(&whole, &decimals, 1000).min(MAX_HINT_MS);
        prop_assert_eq!(hint("body-retry-after", &[], &body, None), Some(ms), "{}", body);
    }

    #[test]
    fn large_numbers_are_instants(
        seconds in 1_000_000_000..100_000_000_000_u64,
        decimals in "[0-9]{0,12}",
        now_ms in 0..100_000_000_000_000_u64,
    ) {
        let whole = seconds.to_string();
        let until = |ms: u128| Some(ms.saturating_sub(now_ms.into()).min(MAX_HINT_MS));
        let text = text(&whole, &decimals);
        let read = |text: &str| hint("retry-after", &[("retry-after", text)], "", Some(now_ms));
        prop_assert_eq!(read(&text), until(worth(&whole, &decimals, 1000)), "{}", text);
        let in_ms = (u128::from(seconds) * 1000).to_string();
        if in_ms.len() >= 13 {
            prop_assert_eq!(read(&in_ms), until(u128::from(seconds) * 1000), "{}", in_ms);
        }
    }

    #[test]
    fn durations_of_go_are_exact(terms in vec(term(GO_UNITS), 1..5)) {
        let (text, ms) = duration(&terms, GO_UNITS, "");
        prop_assert_eq!(header("retry-after", &text), Some(ms), "{}", text);
    }

    #[test]
    fn durations_in_words_are_exact(terms in vec(term(WORDS), 1..4), spaced in any::<bool>()) {
        let (text, ms) = duration(&terms, WORDS, if spaced { " " } else { "" });
        let body = format!(r#"{{"error": {{"message": "please Try Again in {text}."}}}}"#);
        prop_assert_eq!(hint("body-message", &[], &body, None), Some(ms), "{}", text);
    }

    #[test]
    fn what_is_no_list_of_decimals_is_none(text in "[0-9., eExX+_-]{0,6}") {
        let is_decimal = |text: &str| {
            let (whole, decimals) = text.split_once('.').unwrap_or((text, "0"));
            [whole, decimals].iter().all(|digits| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()))
        };
        let members = text.split(',').map(str::trim);
        let expected = members.clone().all(is_decimal);
        prop_assert_eq!(header("retry-after-ms", &text).is_some(), expected, "{}", text);
    }
}
