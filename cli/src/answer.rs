//! The decision as it is printed: as JSON for programs, as text for a person.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use holdoff::{
    Action, Decision, ErrorBody, FailureClass, Policy, Reason, Source, SupportReport, to_rfc3339,
};
use serde::Serialize;

use crate::input::Input;

/// The facts of a decision, as a program gets them everywhere.
#[derive(Debug, Serialize)]
pub(crate) struct Facts {
    pub action: Action,
    pub after_ms: u64,
    pub class: FailureClass,
    pub reason: Reason,
    pub source: Source,
}

impl From<Decision> for Facts {
    fn from(decision: Decision) -> Self {
        Self {
            action: decision.action(),
            after_ms: decision.after_ms(),
            class: decision.class(),
            reason: decision.reason(),
            source: decision.source(),
        }
    }
}

/// What a program gets, in this order.
#[derive(Debug, Serialize)]
pub(crate) struct Answer<'a> {
    #[serde(flatten)]
    facts: Facts,
    advice: &'a str,
    attempt: u32,
    hint: Option<AnswerHint>,
    error: Option<ErrorBody>,
    /// Only where it was drawn here, so that the answer can be had again.
    #[serde(skip_serializing_if = "Option::is_none")]
    seed: Option<u64>,
    /// Only for one failure, and only when it is escalated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub support_report: Option<SupportReport>,
    #[serde(skip)]
    pub decision: Decision,
}

/// The server's own figure.
#[derive(Debug, Serialize)]
struct AnswerHint {
    ms: u64,
    from: Source,
}

impl<'a> Answer<'a> {
    pub(crate) fn new(policy: &'a Policy, input: &'a Input) -> Self {
        let (decision, hint) =
            input.with(|failure, call| (policy.decide(failure, call), policy.hint(failure, call)));
        Self {
            facts: decision.into(),
            advice: policy.advice(decision),
            attempt: input.attempt(),
            hint: hint.map(|hint| AnswerHint {
                ms: hint.ms,
                from: hint.source,
            }),
            error: ErrorBody::parse(input.body()),
            seed: input.fresh_seed,
            support_report: None,
            decision,
        }
    }

    /// The answer for a person.
    pub(crate) fn to_text(&self, now_ms: Option<u64>) -> String {
        let bold = Style::new().bold();
        let colour = match self.facts.action {
            Action::Retry => AnsiColor::Green,
            Action::Stop => AnsiColor::Red,
            _ => AnsiColor::Yellow,
        };
        let style = colour.on_default().bold();
        let mut text = format!("{style}{}{style:#}", self.facts.action);
        if self.facts.action == Action::Retry {
            let _ = write!(
                text,
                " after {bold}{}{bold:#}",
                duration(self.facts.after_ms)
            );
        }
        text.push('\n');
        let mut line = |name: &str, value: &str| {
            let _ = writeln!(text, "  {name:<8} {value}");
        };
        line(
            "class",
            &format!("{}: {}", self.facts.class, self.facts.class.meaning()),
        );
        line(
            "reason",
            &format!("{}: {}", self.facts.reason, self.facts.reason.meaning()),
        );
        if self.facts.after_ms > 0 || self.facts.source != Source::None {
            let would = if self.facts.action == Action::Retry {
                ""
            } else {
                "would have been "
            };
            let from = self.facts.source.meaning();
            line(
                "wait",
                &format!("{would}{} ms, from {from}", self.facts.after_ms),
            );
            if let Some(AnswerHint { ms, .. }) = self.hint
                && ms != self.facts.after_ms
            {
                line("hint", &format!("the server asks for {ms} ms"));
            }
            if let Some(until) = self.until(now_ms) {
                line("until", &until);
            }
        }
        if let Some(message) = self.message() {
            line("message", &message);
        }
        line("advice", self.advice);
        if let (Some(seed), Action::Retry) = (self.seed, self.facts.action) {
            line(
                "seed",
                &format!("{seed} (give --seed {seed} for the same answer again)"),
            );
        }
        if let Some(report) = &self.support_report {
            let _ = writeln!(text, "\nsupport report\n{report}");
        }
        text
    }

    /// What a person is told below the steps of an explanation.
    pub(crate) fn remarks(&self, now_ms: Option<u64>) -> String {
        let seed = self.seed.filter(|_| self.facts.action == Action::Retry);
        let seed = seed.map(|seed| seed.to_string());
        [
            ("until", self.until(now_ms)),
            ("message", self.message()),
            ("advice", Some(self.advice.to_owned())),
            ("seed", seed),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some(format!("{name:<9} {}\n", value?)))
        .collect()
    }

    /// When to come back, where the wait was too long.
    fn until(&self, now_ms: Option<u64>) -> Option<String> {
        let too_long = self.facts.after_ms > 0 && self.facts.action != Action::Retry;
        Some(to_rfc3339(now_ms?.saturating_add(self.facts.after_ms))).filter(|_| too_long)
    }

    /// The server's own message, fit for a terminal.
    fn message(&self) -> Option<String> {
        let message = self.error.as_ref()?.message.as_deref()?;
        Some(printable(message))
    }
}

/// The first part of a server's text on one line, without anything that a terminal would obey.
fn printable(text: &str) -> String {
    const LONGEST: usize = 200;
    let clean = |c: char| if c.is_control() { ' ' } else { c };
    let mut shown: String = text.chars().map(clean).take(LONGEST).collect();
    if text.chars().count() > LONGEST {
        shown.push('…');
    }
    shown
}

/// A wait as a person says it: `250 ms`, `1.5 s`, `2 min 5 s`, `3 h 20 min`, `24 d 20 h`.
pub(crate) fn duration(ms: u64) -> String {
    let two = |big: u64, big_unit: &str, small: u64, small_unit: &str| match small {
        0 => format!("{big} {big_unit}"),
        _ => format!("{big} {big_unit} {small} {small_unit}"),
    };
    let (seconds, minutes, hours) = (ms / 1000, ms / 60_000, ms / 3_600_000);
    match (ms, hours) {
        (0..1000, _) => format!("{ms} ms"),
        (1000..60_000, _) => {
            let decimals = format!("{seconds}.{:03}", ms % 1000);
            format!("{} s", decimals.trim_end_matches('0').trim_end_matches('.'))
        }
        (_, 0) => two(minutes, "min", seconds % 60, "s"),
        (_, 1..24) => two(hours, "h", minutes % 60, "min"),
        _ => two(hours / 24, "d", hours % 24, "h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_are_said_as_a_person_says_them() {
        for (ms, text) in [
            (0, "0 ms"),
            (999, "999 ms"),
            (1000, "1 s"),
            (1050, "1.05 s"),
            (59_999, "59.999 s"),
            (60_000, "1 min"),
            (125_000, "2 min 5 s"),
            (12_000_000, "3 h 20 min"),
            (86_400_000, "1 d"),
            (2_147_483_647, "24 d 20 h"),
        ] {
            assert_eq!(duration(ms), text);
        }
    }

    #[test]
    fn a_servers_text_stays_on_its_line() {
        assert_eq!(printable("a\nb\u{1b}[31mc"), "a b [31mc");
        assert_eq!(printable(&"x".repeat(999)).chars().count(), 201);
    }
}
