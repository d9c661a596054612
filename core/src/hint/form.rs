//! The forms of value that a policy may have a header read in, in place of all that holdoff reads.
//!
//! Clients differ in what they make of the very same header, so a policy that describes one says in
//! which forms it reads a value.

use super::float::{Float, signed};
use super::wait::{Clock, saturated, until};
use super::{decimal, http_date, javascript_date};
use crate::code::words;
use crate::time;

words! {
    /// A form of value.
    pub(crate) enum Form {
        /// `120`
        Whole "whole",
        /// `120`, `-5`, `+7`
        Integer "integer",
        /// `1.5`, `-.5`, `1e3`
        Float "float",
        /// The `float` that a value begins with, as JavaScript's `parseFloat` reads it.
        LeadingFloat "leading_float",
        /// Seconds since 1970.
        UnixSeconds "unix_seconds",
        /// One of the three formats of RFC 9110.
        HttpDate "http_date",
        /// An HTTP-date, or the same with a zone such as `+0100` (RFC 5322).
        EmailDate "email_date",
        /// An e-mail date, RFC 3339 or JavaScript's `Date`.
        Date "date",
    }
}

impl Form {
    /// Whether a value of this form is an instant, which takes a clock to read.
    pub(super) const fn is_instant(self) -> bool {
        match self {
            Self::Whole | Self::Integer | Self::Float | Self::LeadingFloat => false,
            Self::UnixSeconds | Self::HttpDate | Self::EmailDate | Self::Date => true,
        }
    }

    /// The wait in milliseconds, below 0 where it is past. Numbers are of things worth `unit` ms.
    fn read(self, text: &str, unit: u64, clock: &Clock<'_>) -> Option<i64> {
        let whole = |text| Some(decimal::digits(text)?.saturating_mul(unit));
        let instant = match self {
            Self::Whole => return whole(text).map(saturated),
            Self::Integer => {
                let (negative, digits) = signed(text);
                let size = saturated(whole(digits)?);
                return Some(if negative {
                    size.saturating_neg()
                } else {
                    size
                });
            }
            Self::Float => {
                let float = Float::at_start(text)?;
                return float.rest.is_empty().then(|| float.of(unit));
            }
            Self::LeadingFloat => return Float::at_start(text).map(|float| float.of(unit)),
            Self::UnixSeconds => match decimal::whole_part(text)? {
                1_000_000_000..100_000_000_000 => saturated(decimal::read(text, 1000)?),
                _ => return None,
            },
            Self::HttpDate => http_date::read(text, clock)?,
            Self::EmailDate => http_date::read_in_zone(text, clock)?,
            Self::Date => http_date::read_in_zone(text, clock)
                .or_else(|| time::read_rfc3339(text))
                .or_else(|| javascript_date::read(text))?,
        };
        until(instant, clock)
    }
}

words! {
    /// Which line of a header counts that came more than once.
    pub(crate) enum Repeated {
        /// All of them, as one value, which only a form that needs no end can read.
        Joined "joined",
        /// The first.
        First "first",
        /// The last.
        Last "last",
    }
}

/// The wait in milliseconds that a header's lines ask for, in the first form that can be read; below
/// 0 where it is past.
pub(super) fn read<'l>(
    forms: &[Form],
    repeated: Repeated,
    mut lines: impl Iterator<Item = &'l str>,
    unit: u64,
    clock: &Clock<'_>,
) -> Option<i64> {
    let first = lines.next()?;
    let (line, joined) = match (repeated, lines.last()) {
        (Repeated::Joined, last) => (first, last.is_some()),
        (Repeated::Last, Some(last)) => (last, false),
        _ => (first, false),
    };
    forms
        .iter()
        .filter(|form| !joined || **form == Form::LeadingFloat)
        .find_map(|form| form.read(line, unit, clock))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::from_rfc3339;
    use alloc::vec::Vec;

    fn at_noon(form: Form, text: &str) -> Option<i64> {
        let noon = || from_rfc3339("2026-01-15T12:00:00Z").map(|ms| ms as i64);
        read(&[form], Repeated::Joined, [text].into_iter(), 1000, &noon)
    }

    #[test]
    fn each_form_reads_its_own_and_nothing_else() {
        use Form::*;
        const NUMBERS: [Form; 4] = [Whole, Integer, Float, LeadingFloat];
        let same = |forms: &[Form], ms| forms.iter().map(|form| (*form, ms)).collect::<Vec<_>>();
        let dates = |forms| same(forms, 30_000);
        let instant = [same(&NUMBERS, 1_768_478_430_000), dates(&[UnixSeconds])].concat();
        for (text, readers) in [
            ("120", same(&NUMBERS, 120_000)),
            (
                "-5",
                [same(&[Integer], -5000), same(&[Float, LeadingFloat], -1)].concat(),
            ),
            ("1.5", same(&[Float, LeadingFloat], 1500)),
            ("1e1", same(&[Float, LeadingFloat], 10_000)),
            ("5abc", same(&[LeadingFloat], 5000)),
            ("1768478430", instant),
            (
                "Thu, 15 Jan 2026 12:00:30 GMT",
                dates(&[HttpDate, EmailDate, Date]),
            ),
            ("Thu, 15 Jan 2026 13:00:30 +0100", dates(&[EmailDate, Date])),
            (
                "2026-01-15T12:00:30Z",
                [same(&[LeadingFloat], 2_026_000), dates(&[Date])].concat(),
            ),
            ("Thu Jan 15 2026 13:00:30 GMT+0100 (CET)", dates(&[Date])),
            ("0x10", same(&[LeadingFloat], 0)),
            ("", Vec::new()),
        ] {
            for form in Form::ALL {
                let reader = readers.iter().find(|(reader, _)| reader == form);
                let expected = reader.map(|(_, ms)| *ms);
                assert_eq!(at_noon(*form, text), expected, "{form:?} {text}");
            }
        }
    }

    #[test]
    fn the_past_is_below_zero_and_now_is_not() {
        assert_eq!(at_noon(Form::UnixSeconds, "1768478399"), Some(-1000));
        assert_eq!(at_noon(Form::UnixSeconds, "1768478400"), Some(0));
        assert_eq!(at_noon(Form::Date, "2026-01-15T11:59:00Z"), Some(-60_000));
        assert_eq!(
            at_noon(Form::Integer, "-99999999999999999999"),
            Some(-i64::MAX)
        );
    }

    #[test]
    fn the_first_form_that_can_be_read_counts_and_several_lines_are_one_value() {
        let lines = |repeated, forms: &[Form], lines: &[&'static str]| {
            read(forms, repeated, lines.iter().copied(), 1, &|| None)
        };
        let read = |forms: &[Form], text: &[&'static str]| lines(Repeated::Joined, forms, text);
        assert_eq!(lines(Repeated::First, &[Form::Float], &["3", "5"]), Some(3));
        assert_eq!(lines(Repeated::Last, &[Form::Float], &["3", "5"]), Some(5));
        assert_eq!(lines(Repeated::Last, &[Form::Float], &["3"]), Some(3));
        assert_eq!(read(&[Form::Date, Form::Float], &["250.5"]), Some(251));
        assert_eq!(read(&[Form::Float], &["3", "5"]), None);
        assert_eq!(
            read(&[Form::Float, Form::LeadingFloat], &["3", "5"]),
            Some(3)
        );
        assert_eq!(read(&[Form::UnixSeconds], &["1768478430"]), None);
        assert_eq!(read(&[Form::Float], &[]), None);
    }
}
