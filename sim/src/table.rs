//! Runs as tables.

use std::fmt::Write as _;

use crate::measure::Outcome;
use crate::runs::Run;
use crate::scenario::Scenario;

/// A table for a person at a terminal: of each scenario what happens in it, and a line for each policy.
pub fn text(scenarios: &[Scenario], runs: &[Run]) -> String {
    let width = runs.iter().map(|run| run.policy.chars().count()).max();
    let width = width.unwrap_or(0).max("policy".len());
    let mut text = String::new();
    for scenario in scenarios {
        let Scenario { name, summary, .. } = scenario;
        let _ = writeln!(text, "{name}: {summary}");
        let _ = writeln!(
            text,
            "{:width$}  {:>8}  {:>13}  {:>6}  {:>10}  {:>8}  {:>8}",
            "policy", "succeed", "requests/call", "peak", "back after", "p50", "p99",
        );
        for Run {
            policy, outcome, ..
        } in of_scenario(runs, scenario)
        {
            let _ = writeln!(
                text,
                "{policy:width$}  {:>8}  {:>13.2}  {:>6}  {:>10}  {:>8}  {:>8}",
                percent(outcome.success()),
                outcome.requests_per_call(),
                format!("{}x", multiple(outcome.peak)),
                back(scenario, outcome, "s"),
                seconds(outcome.p50_ms),
                seconds(outcome.p99_ms),
            );
        }
        text.push('\n');
    }
    text.push_str(LEGEND);
    text
}

const LEGEND: &str = "\
peak: the second with the most requests once all is well again, as a multiple of what can succeed
back after: seconds from then until nine tenths of the usual calls succeed, for good
";

/// A table in Markdown: a line for each policy, a column for each scenario.
pub fn markdown(scenarios: &[Scenario], runs: &[Run]) -> String {
    let mut text = String::from("| policy |");
    for scenario in scenarios {
        let _ = write!(text, " {} |", scenario.name);
    }
    let _ = write!(text, "\n|---|{}\n", "---|".repeat(scenarios.len()));
    let Some(first) = scenarios.first() else {
        return text;
    };
    for Run { policy, .. } in of_scenario(runs, first) {
        let _ = write!(text, "| {policy} |");
        for scenario in scenarios {
            let mut found = of_scenario(runs, scenario).filter(|run| run.policy == *policy);
            let cell = found
                .next()
                .map_or(String::new(), |run| cell(scenario, &run.outcome));
            let _ = write!(text, " {cell} |");
        }
        text.push('\n');
    }
    text
}

/// What matters most, between the bars of a table.
fn cell(scenario: &Scenario, outcome: &Outcome) -> String {
    format!(
        "{:.2} · {} · {} · {}",
        outcome.requests_per_call(),
        multiple(outcome.peak),
        percent(outcome.success()),
        back(scenario, outcome, "")
    )
}

fn of_scenario<'r>(runs: &'r [Run], scenario: &Scenario) -> impl Iterator<Item = &'r Run> {
    runs.iter().filter(|run| run.scenario == scenario.name)
}

/// A share, never rounded up to all or down to none.
pub(crate) fn percent(share: f64) -> String {
    let percent = share * 100.0;
    match percent.round() {
        99.0 | 100.0 if share < 1.0 => format!("{:.1} %", (percent * 10.0).floor() / 10.0),
        0.0 if share > 0.0 => format!("{:.1} %", (percent * 10.0).ceil() / 10.0),
        rounded => format!("{rounded} %"),
    }
}

/// A multiple, as exact as anybody wants it.
pub(crate) fn multiple(value: f64) -> String {
    let decimals = usize::from(value < 10.0);
    format!("{value:.decimals$}")
}

fn back(scenario: &Scenario, outcome: &Outcome, unit: &str) -> String {
    match (scenario.well_again_ms, outcome.back_after_s) {
        (None, _) => "-".into(),
        (Some(_), None) => "never".into(),
        (Some(_), Some(seconds)) => {
            format!("{seconds}{}{unit}", if unit.is_empty() { "" } else { " " })
        }
    }
}

fn seconds(ms: Option<u64>) -> String {
    match ms {
        None => "-".into(),
        Some(ms) if ms < 10_000 => format!("{:.2} s", ms as f64 / 1000.0),
        Some(ms) => format!("{:.0} s", ms as f64 / 1000.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::standard;

    #[test]
    fn shares_are_not_rounded_to_all_or_none() {
        for (share, expected) in [
            (0.0, "0 %"),
            (0.0001, "0.1 %"),
            (0.125, "13 %"),
            (0.987, "98.7 %"),
            (0.99999, "99.9 %"),
            (1.0, "100 %"),
        ] {
            assert_eq!(percent(share), expected);
        }
        assert_eq!([0.88, 9.96, 97.1].map(multiple), ["0.9", "10.0", "97"]);
    }

    #[test]
    fn each_pair_has_its_place() {
        let scenarios = ["out30", "blip1"].map(|name| standard::find(name).unwrap());
        let run = |scenario, policy: &str, requests, back_after_s| Run {
            scenario: String::from(scenario),
            policy: policy.into(),
            outcome: Outcome {
                calls: 100,
                succeeded: 90,
                requests,
                ended: 100,
                attempts: requests,
                p50_ms: Some(440),
                p99_ms: Some(12_345),
                peak: 1.24,
                back_after_s,
                seconds: Vec::new(),
            },
        };
        let runs = [
            run("out30", "a", 100, Some(3)),
            run("out30", "b", 200, None),
            run("blip1", "a", 101, None),
        ];
        assert_eq!(
            markdown(&scenarios, &runs),
            "| policy | out30 | blip1 |\n|---|---|---|\n\
             | a | 1.00 · 1.2 · 90 % · 3 | 1.01 · 1.2 · 90 % · - |\n\
             | b | 2.00 · 1.2 · 90 % · never |  |\n"
        );
        let text = text(&scenarios, &runs);
        let line = "b           90 %           2.00    1.2x       never    0.44 s      12 s";
        assert!(text.lines().any(|found| found == line), "{text}");
    }
}
