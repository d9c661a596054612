//! How to tell each known difference: `known_differences` of a preset names them, and says what each
//! is.

use serde_json::Value;

use crate::case::{Answer, Case, Delay};

/// A case, what the client answered, and what the preset does.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen<'s> {
    pub case: &'s Case,
    pub answer: &'s Answer,
    /// The wait in milliseconds, where the preset retries.
    pub after_ms: Option<u64>,
}

type Tells = fn(Seen<'_>) -> bool;

/// The difference of this name, and how to tell that a case shows it.
pub(crate) fn named(name: &str) -> Option<(&'static str, Tells)> {
    ALL.iter().copied().find(|(other, _)| *other == name)
}

const ALL: &[(&str, Tells)] = &[
    // Numbers that a language reads and no form does.
    ("python_numbers", |seen| seen.any_wait(is_python_number)),
    ("javascript_numbers", |seen| {
        seen.any_wait(is_javascript_number)
    }),
    ("go_numbers", |seen| {
        seen.any_wait(|text| text.contains('_') || is_hexadecimal(text))
    }),
    ("java_numbers", |seen| {
        seen.any_wait(|text| {
            let bare = text.trim_start_matches(['+', '-']);
            let number = text
                .strip_suffix(['f', 'F', 'd', 'D'])
                .is_some_and(is_float);
            ["NaN", "Infinity"].contains(&bare) || is_hexadecimal(text) || number
        })
    }),
    ("kotlin_long", |seen| {
        let large = |text: &str| text.parse::<f64>().is_ok_and(|number| number.abs() > 9e15);
        seen.any_wait(|text| !text.is_ascii() || large(text))
    }),
    ("other_numbers", |seen| {
        seen.any_wait(|text| {
            is_float(text) && !text.bytes().all(|b| b.is_ascii_digit() || b == b'.')
        })
    }),
    ("white_space", |seen| {
        seen.any_wait(|text| text.contains(|c: char| c.is_whitespace() && !c.is_ascii()))
    }),
    ("underflow", |seen| {
        seen.any_wait(|text| leading_number(text) == Some(0.0) && has_size(text))
    }),
    ("rounds_to_zero", |seen| {
        let tiny = |name, most: f64| {
            let number = seen.header(name).and_then(|text| leading_number(&text));
            number.is_some_and(|number| (0.0..=most).contains(&number))
        };
        tiny("retry-after-ms", 0.5) || tiny("retry-after", 0.0005)
    }),
    ("overflow", |seen| {
        let huge = |text: &str| leading_number(text).is_some_and(|number| number > 1e300);
        seen.any_wait(huge) || seen.raises(&["OverflowError", "NumberFormatException"])
    }),
    ("any_reset", |seen| {
        let reset = seen.header("x-ratelimit-reset");
        let ordinary = |text: &str| text.len() < 12 && text.bytes().all(|b| b.is_ascii_digit());
        reset.is_some_and(|text| !ordinary(&text) && text.contains(|c: char| c.is_ascii_digit()))
    }),
    // Dates.
    ("other_dates", |seen| seen.any_wait(is_other_date)),
    ("imf_fixdate_only", |seen| {
        let is_fixdate = |text: &str| {
            text.ends_with(" GMT") && is_plain_date(text) && text.get(3..4) == Some(",")
        };
        seen.any_wait(|text| {
            text.contains(':') && (!is_fixdate(text) || text.starts_with("Mon, 15 Jan 2027"))
        })
    }),
    ("date_in_milliseconds", |seen| {
        let names = ["retry-after-ms", "x-ms-retry-after-ms"];
        names
            .iter()
            .any(|name| seen.header(name).is_some_and(|text| text.contains(':')))
    }),
    ("past_dates", |seen| {
        seen.delay_ms() == Some(0.0) && seen.any_wait(|text| text.contains(':'))
    }),
    ("old_times", |seen| {
        seen.any_wait(|text| {
            text.parse()
                .is_ok_and(|time: u64| (1_000_000_000..1_704_067_200).contains(&time))
        })
    }),
    // Which of several counts.
    ("should_retry_spelling", |seen| {
        ["x-should-retry", "stripe-should-retry"]
            .iter()
            .any(|name| {
                let said = seen.header(name).unwrap_or_default();
                let lower = said.to_ascii_lowercase();
                !matches!(said.as_str(), "true" | "false")
                    && (lower.contains("true") || lower.contains("false"))
            })
    }),
    ("zero_milliseconds", |seen| {
        let ms = seen.header("retry-after-ms");
        let zero = ms.is_some_and(|text| leading_number(&text) == Some(0.0));
        zero && seen.header("retry-after").is_some()
    }),
    ("header_order", |seen| {
        seen.header("retry-after").is_some() && seen.header("x-amz-retry-after").is_some()
    }),
    ("several_pushbacks", |seen| {
        seen.pushback().is_some_and(|text| text.contains(','))
    }),
    ("go_pushback", |seen| {
        let number = |text: &str| text.trim_start_matches(['+', '-']).parse::<u64>().is_ok();
        seen.pushback().is_some_and(|text| number(&text))
    }),
    ("unread_wait", |seen| {
        let unread =
            |text: &str| !text.bytes().all(|byte| byte.is_ascii_digit()) || text.is_empty();
        seen.case.status == Some(408) && seen.lines("retry-after").last().is_some_and(unread)
    }),
    // ky takes the first of these that is there, whatever is in it.
    ("unreadable_header", |seen| {
        (seen.case.status == Some(413) || seen.waits() > 1)
            && seen.any_wait(|text| !is_ordinary(text))
    }),
    ("other_values", |seen| {
        seen.waits() == 1 && seen.any_wait(|text| !is_ordinary(text))
    }),
    // Methods.
    ("trace", |seen| seen.case.method == "TRACE"),
    ("other_method", |seen| {
        const KNOWN: [&str; 8] = [
            "GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE", "POST", "PATCH",
        ];
        !KNOWN.contains(&seen.case.method.as_str()) && seen.answer.retry == Some(false)
    }),
    // Error bodies.
    ("error_type_header", |seen| {
        seen.header("x-amzn-errortype").is_some()
    }),
    ("error_code_place", |seen| {
        let error = seen.body();
        let colon = |name| {
            error
                .get(name)
                .and_then(Value::as_str)
                .is_some_and(|c: &str| c.contains(':'))
        };
        let has = |name| error.get(name).is_some();
        has("Code")
            || has("error")
            || has("code") && has("__type")
            || colon("code")
            || colon("__type")
    }),
    ("xml_code", |seen| {
        seen.case.body.starts_with("<?xml") && seen.case.body.contains("<Code>")
    }),
    ("modeled_error", |seen| {
        let error = seen.body();
        let code = error
            .get("code")
            .or(error.get("__type"))
            .and_then(Value::as_str);
        let code = code
            .and_then(|code| code.rsplit('#').next())
            .unwrap_or_default();
        code == "ModelNotReadyException"
            || seen.case.status == Some(429) && code.ends_with("Exception")
    }),
    ("unreadable_error", |seen| {
        seen.raises(&["AttributeError", "TypeError"])
    }),
    // What the client does with a wait.
    ("unreadable_wait", |seen| {
        seen.raises(&["ValueError", "InvalidHeader"])
    }),
    ("at_once", |seen| {
        let longest_timer = f64::from(i32::MAX);
        match &seen.answer.delay_ms {
            Some(Delay::Ms(ms)) => !(0.0..=longest_timer).contains(ms),
            Some(Delay::Word(_)) => true,
            None => false,
        }
    }),
    ("beyond_24_days", |seen| {
        seen.delay_ms().is_some_and(|ms| ms > f64::from(i32::MAX))
    }),
    ("sleeps_past_deadline", |seen| {
        seen.sleeps_past(604_800_000.0)
    }),
    ("deadline", |seen| seen.sleeps_past(3_600_000.0)),
    ("rounding", |seen| {
        let pair = seen.delay_ms().zip(seen.after_ms);
        pair.is_some_and(|(ms, after_ms)| (0.0..2.0).contains(&(ms - after_ms as f64)))
    }),
];

/// The headers that may hold a wait.
const WAITS: [&str; 9] = [
    "retry-after",
    "retry-after-ms",
    "x-ms-retry-after-ms",
    "x-amz-retry-after",
    "ratelimit-reset",
    "x-ratelimit-retry-after",
    "x-ratelimit-reset",
    "x-rate-limit-reset",
    "x-ratelimit-reset-after",
];

impl Seen<'_> {
    fn lines(&self, name: &str) -> impl Iterator<Item = &str> {
        let headers = self.case.headers.iter();
        let named = headers.filter(move |(other, _)| other == name);
        named.map(|(_, value)| value.trim_matches([' ', '\t']))
    }

    /// The lines of a header as most clients see them.
    fn header(&self, name: &str) -> Option<String> {
        let lines: Vec<&str> = self.lines(name).collect();
        (!lines.is_empty()).then(|| lines.join(", "))
    }

    fn pushback(&self) -> Option<String> {
        self.header("grpc-retry-pushback-ms")
    }

    /// How many headers there are that may hold a wait.
    fn waits(&self) -> usize {
        let there = |name: &&&str| self.lines(name).next().is_some();
        WAITS.iter().filter(there).count()
    }

    /// Whether this is so of a header that may hold a wait.
    fn any_wait(&self, so: impl Fn(&str) -> bool) -> bool {
        let all = |name: &&str| self.header(name).is_some_and(|text| so(&text));
        let one = |name: &&str| self.lines(name).any(&so);
        WAITS.iter().any(|name| all(name) || one(name))
    }

    fn delay_ms(&self) -> Option<f64> {
        match self.answer.delay_ms {
            Some(Delay::Ms(ms)) => Some(ms),
            _ => None,
        }
    }

    fn sleeps_past(&self, deadline_ms: f64) -> bool {
        let infinite = matches!(&self.answer.delay_ms, Some(Delay::Word(word)) if word == "inf");
        infinite || self.delay_ms().is_some_and(|ms| ms > deadline_ms)
    }

    fn raises(&self, errors: &[&str]) -> bool {
        let raised = self.answer.raises.as_deref().unwrap_or_default();
        errors.iter().any(|error| raised.starts_with(error))
    }

    fn body(&self) -> Value {
        serde_json::from_str(&self.case.body).unwrap_or_default()
    }
}

/// Digits, or a date as RFC 9110 has it.
fn is_ordinary(text: &str) -> bool {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits || is_plain_date(text) && !text.ends_with(['Z', '0'])
}

/// `[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?`
fn is_float(text: &str) -> bool {
    let letters = text
        .bytes()
        .all(|b| b.is_ascii_digit() || b"+-.eE".contains(&b));
    letters && text.parse::<f64>().is_ok()
}

/// The number that a text begins with, as a float has it.
fn leading_number(text: &str) -> Option<f64> {
    let ends = (1..=text.len()).rev();
    let start = ends
        .filter_map(|end| text.get(..end))
        .find(|start| is_float(start))?;
    start.parse().ok()
}

/// Whether a number has a digit other than 0 before its exponent.
fn has_size(text: &str) -> bool {
    let mantissa = text.split(['e', 'E']).next().unwrap_or(text);
    mantissa.contains(|c: char| ('1'..='9').contains(&c))
}

fn is_python_number(text: &str) -> bool {
    let bare = text.trim_start_matches(['+', '-']).to_ascii_lowercase();
    let word = ["inf", "infinity", "nan"].contains(&bare.as_str());
    !is_float(text) && (word || text.contains('_') || !text.is_ascii())
}

fn is_hexadecimal(text: &str) -> bool {
    let bare = text.trim_start_matches(['+', '-']).to_ascii_lowercase();
    bare.starts_with("0x")
}

fn is_javascript_number(text: &str) -> bool {
    let radix = ["0x", "0b", "0o"]
        .iter()
        .any(|prefix| text.to_ascii_lowercase().starts_with(prefix));
    let infinity = text.trim_start_matches(['+', '-']).starts_with("Infinity");
    radix || infinity || leading_number(text).is_some_and(f64::is_infinite)
}

/// What may be read as a date by somebody, but is none of the forms that all read alike.
fn is_other_date(text: &str) -> bool {
    text.contains(|c: char| c.is_ascii_digit())
        && text.is_ascii()
        && !is_float(text)
        && !is_javascript_number(text)
        && !is_plain_date(text)
}

/// The three formats of RFC 9110 section 5.6.7, the first also with an offset, and RFC 3339.
fn is_plain_date(text: &str) -> bool {
    const SHAPES: [&str; 6] = [
        "Aaa, 00 Aaa 0000 00:00:00 GMT",
        "Aaa, 00 Aaa 0000 00:00:00 ±0000",
        "Aday, 00-Aaa-00 00:00:00 GMT",
        "Aaa Aaa 00 00:00:00 0000",
        "0000-00-00T00:00:00Z",
        "0000-00-00T00:00:00±00:00",
    ];
    let long = ["Mon", "Tues", "Wednes", "Thurs", "Fri", "Satur", "Sun"];
    let short = long
        .iter()
        .find_map(|day| text.strip_prefix(day)?.strip_prefix("day, "));
    let text = short.map_or(text.to_owned(), |rest| format!("Aday, {rest}"));
    let shape = |shape: &&str| {
        let pairs = text.chars().zip(shape.chars());
        let like = |(c, like): (char, char)| match like {
            '0' => c.is_ascii_digit(),
            'A' => c.is_ascii_uppercase(),
            'a' => c.is_ascii_lowercase(),
            '±' => c == '+' || c == '-',
            other => c == other,
        };
        text.chars().count() == shape.chars().count() && pairs.into_iter().all(like)
    };
    let no_such_day = text.contains(" 32 ");
    SHAPES.iter().any(shape) && !no_such_day
}
