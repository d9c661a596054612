//! What several policies make of the same failures.

use std::process::ExitCode;

use clap::Args;
use holdoff::{Action, Call, Decision, Draw, Failure, PRESET_NAMES, Policy, Reason};
use serde::Serialize;
use serde_json::json;

use crate::answer::{self, duration};
use crate::input::{self, Input};
use crate::lines::{self, Numbered};
use crate::options::{Facts, Options};
use crate::progress::Progress;
use crate::{Result, policies, print, single};

/// Which policies, and on what they decide besides the response.
#[derive(Args, Clone, Debug)]
pub(crate) struct Comparison {
    /// Presets' names, or files with a policy as JSON; every preset if none is named
    #[arg(value_name = "POLICY")]
    policies: Vec<String>,
    #[command(flatten)]
    facts: Facts,
}

impl Comparison {
    fn policies(&self) -> Result<Vec<(&str, Policy)>> {
        let mut names: Vec<&str> = self.policies.iter().map(String::as_str).collect();
        if names.is_empty() {
            names = PRESET_NAMES.to_vec();
        }
        names
            .into_iter()
            .map(|name| Ok((name, policies::load(name)?)))
            .collect()
    }

    /// The options of a decision, with a draw that the caller may replace.
    fn options(&self, draw: Option<Draw>) -> Options {
        Options {
            policy: String::new(),
            seed: None,
            draw,
            endpoint: None,
            facts: self.facts.clone(),
        }
    }
}

/// What one policy makes of the failure, over all of its jitter.
#[derive(Serialize)]
struct Row<'p> {
    policy: &'p str,
    /// By the least draw.
    least: answer::Facts,
    /// By the greatest draw, which a deadline may make another answer.
    most: answer::Facts,
}

/// `holdoff compare`.
pub(crate) fn single(comparison: &Comparison, json: bool) -> Result<ExitCode> {
    let policies = comparison.policies()?;
    let input = single::read(&comparison.options(Some(Draw::Fixed(0))))?;
    let rows = policies.iter().map(|(name, policy)| {
        let decide = |draw| {
            input.with(|failure, call| {
                answer::Facts::from(policy.decide(failure, &Call { draw, ..*call }))
            })
        };
        Row {
            policy: name,
            least: decide(Draw::Fixed(0)),
            most: decide(Draw::Fixed(u64::MAX)),
        }
    });
    let rows: Vec<Row<'_>> = rows.collect();
    if json {
        print(&format!("{}\n", json!(rows)))?;
        return Ok(ExitCode::SUCCESS);
    }
    let header = ["policy", "does", "wait", "from", "class", "reason"].map(String::from);
    let lines = rows.iter().map(Row::cells);
    print(&table([header].into_iter().chain(lines)))?;
    Ok(ExitCode::SUCCESS)
}

impl Row<'_> {
    fn cells(&self) -> [String; 6] {
        let Self {
            policy,
            least,
            most,
        } = self;
        let does = if least.action == most.action {
            least.action.name().into()
        } else {
            format!("{} or {}", least.action, most.action)
        };
        let wait = match (least.after_ms, most.after_ms) {
            (0, 0) if least.action != Action::Retry => "-".into(),
            (least, most) if least == most => duration(least),
            // Where jitter takes off the wait, the least draw makes the longest.
            (one, other) => format!(
                "{} to {}",
                duration(one.min(other)),
                duration(one.max(other))
            ),
        };
        [
            (*policy).into(),
            does,
            wait,
            least.source.name().into(),
            least.class.name().into(),
            least.reason.name().into(),
        ]
    }
}

/// What one policy makes of a log.
#[derive(Default, Serialize)]
struct Sum {
    retry: u64,
    stop: u64,
    escalate: u64,
    wait_ms: u64,
    too_early: u64,
    in_vain: u64,
}

/// `holdoff compare --batch`.
pub(crate) fn batch(comparison: &Comparison, json: bool) -> Result<ExitCode> {
    let policies = comparison.policies()?;
    let mut options = comparison.options(None);
    let judge = Policy::recommended();
    let mut sums: Vec<Sum> = policies.iter().map(|_| Sum::default()).collect();
    let (mut calls, mut unreadable) = (0_u64, 0_u64);
    let progress = Progress::default();
    lines::read(|Numbered { number, line, .. }| {
        // Calls that say no seed of their own get the same jitter by every policy and in every run.
        options.seed = Some(number);
        let input = line
            .and_then(input::parse_line)
            .and_then(|fields| Input::from_line(&fields, &options));
        match input {
            Ok(input) => {
                count(&mut calls, true);
                input.with(|failure, call| {
                    let hopes = Hopes::of(failure, call, &judge);
                    for (sum, (_, policy)) in sums.iter_mut().zip(&policies) {
                        sum.add(policy.decide(failure, call), &hopes);
                    }
                });
            }
            Err(error) => {
                count(&mut unreadable, true);
                progress.clear();
                anstream::eprintln!("line {number}: {error}");
            }
        }
        // Asking for the time costs more than a decision.
        if number.is_multiple_of(1024) {
            progress.show(|| format!("{number} lines"));
        }
        Ok(true)
    })?;
    progress.clear();
    let names = policies.iter().map(|(name, _)| *name);
    if json {
        let of_policies: Vec<_> = names
            .zip(&sums)
            .map(|(policy, sum)| json!({ "policy": policy, "sum": sum }))
            .collect();
        let all = json!({ "calls": calls, "unreadable": unreadable, "policies": of_policies });
        print(&format!("{all}\n"))?;
    } else {
        let header = [
            "policy",
            "retry",
            "stop",
            "escalate",
            "wait",
            "too early",
            "in vain",
        ];
        let lines = names.zip(&sums).map(|(name, sum)| sum.cells(name));
        let table = table([header.map(String::from)].into_iter().chain(lines));
        print(&format!("failed calls: {calls}\n{table}"))?;
    }
    Ok(match unreadable {
        0 => ExitCode::SUCCESS,
        _ => ExitCode::from(2),
    })
}

impl Sum {
    fn add(&mut self, decision: Decision, hopes: &Hopes) {
        let action = decision.action();
        count(&mut self.retry, action == Action::Retry);
        count(&mut self.stop, action == Action::Stop);
        count(&mut self.escalate, action == Action::Escalate);
        if action == Action::Retry {
            let after_ms = decision.after_ms();
            self.wait_ms = self.wait_ms.saturating_add(after_ms);
            count(&mut self.too_early, after_ms < hopes.not_before_ms);
            count(&mut self.in_vain, hopes.none);
        }
    }

    fn cells(&self, policy: &str) -> [String; 7] {
        [
            policy.into(),
            self.retry.to_string(),
            self.stop.to_string(),
            self.escalate.to_string(),
            duration(self.wait_ms),
            self.too_early.to_string(),
            self.in_vain.to_string(),
        ]
    }
}

fn count(counter: &mut u64, counts: bool) {
    *counter = counter.saturating_add(counts.into());
}

/// What can be hoped for of a retry, whichever policy makes it.
struct Hopes {
    /// The wait that the server asks for, in milliseconds.
    not_before_ms: u64,
    /// Whether no retry can mend the failure: the verdict is to stop, whatever is known of the call.
    none: bool,
}

impl Hopes {
    fn of(failure: &Failure<'_>, call: &Call<'_>, judge: &Policy) -> Self {
        let hint = judge.hint(failure, call).filter(|hint| !hint.at_most);
        let first = Call {
            now_ms: call.now_ms,
            ..Call::new(0, 0)
        };
        let decision = judge.decide(failure, &first);
        Self {
            not_before_ms: hint.map_or(0, |hint| hint.ms),
            none: decision.action() == Action::Stop && decision.reason() != Reason::HintTooLong,
        }
    }
}

/// Columns as wide as their longest cell, two spaces apart.
fn table<const COLUMNS: usize>(rows: impl Iterator<Item = [String; COLUMNS]>) -> String {
    let rows: Vec<_> = rows.collect();
    let mut text = String::new();
    for row in &rows {
        let mut line = String::new();
        for (column, cell) in row.iter().enumerate() {
            let cells = rows.iter().filter_map(|row| row.get(column));
            let width = cells.map(|cell| cell.chars().count()).max().unwrap_or(0);
            line.push_str(&format!("{cell:width$}  "));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}
