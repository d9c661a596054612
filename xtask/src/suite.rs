//! A suite of tests or one lint: what it needs, how it is run, and the table of what came out.

use std::process::Command;
use std::time::{Duration, Instant};

use crate::build::{command_path, faults_path};
use crate::process::stream;
use crate::step::{Step, Steps};
use crate::tally::{FAILED, Runner, SKIPPED, Tally};

/// What `--only` takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Group {
    Rust,
    Wasm,
    Js,
    Python,
    Kotlin,
    Model,
    Lint,
}

pub struct Suite {
    pub name: &'static str,
    pub group: Group,
    pub needs: &'static [&'static Step],
    pub runner: Runner,
    pub command: fn() -> Command,
}

/// A line of the table.
struct Row {
    name: &'static str,
    tally: Tally,
    took: Duration,
    note: Option<String>,
}

/// Runs these suites, each whatever became of the others, and prints the table. The steps may
/// have been taken before; those that failed are in the table too. Returns whether all went well.
pub fn run_all<'a>(suites: impl Iterator<Item = &'a Suite>, mut steps: Steps) -> bool {
    let rows: Vec<Row> = suites.map(|suite| run(suite, &mut steps)).collect();
    let unmet = steps
        .failures
        .iter()
        .filter(|failure| !failure.step.may_be_missing());
    let unmet = unmet.map(|failure| Row {
        name: failure.step.name,
        tally: FAILED,
        took: failure.took,
        note: Some(failure.sentence.clone()),
    });
    let rows: Vec<Row> = unmet.chain(rows).collect();
    let sum = rows
        .iter()
        .fold(Tally::default(), |sum, row| sum.plus(row.tally));
    print!("\n{}", table(&rows));
    println!("{}", last_line(sum));
    sum.failed == 0
}

fn run(suite: &Suite, steps: &mut Steps) -> Row {
    for need in suite.needs {
        if let Err(missing) = steps.take(need)
            && missing.blocks()
        {
            return not_run(suite, missing, steps);
        }
    }
    println!("\n== {}", suite.name);
    let start = Instant::now();
    let mut command = (suite.command)();
    // How the end-to-end tests of every language find these two.
    command
        .env("HOLDOFF_CLI", command_path())
        .env("HOLDOFF_FAULTS", faults_path());
    let (tally, note) = match stream(&mut command) {
        Ok(finished) => {
            let (tally, note) = suite.runner.tally(&finished);
            (tally, note.map(str::to_owned))
        }
        Err(sentence) => (FAILED, Some(sentence)),
    };
    Row {
        name: suite.name,
        tally,
        took: start.elapsed(),
        note,
    }
}

/// A step in the way counts as failed itself, once; the suites behind it count as skipped.
fn not_run(suite: &Suite, missing: &Step, steps: &Steps) -> Row {
    let failure = steps
        .failures
        .iter()
        .find(|failure| failure.step.name == missing.name);
    let note = match failure {
        Some(failure) if missing.may_be_missing() => failure.sentence.clone(),
        _ => format!("not run: {} failed", missing.name),
    };
    Row {
        name: suite.name,
        tally: SKIPPED,
        took: Duration::ZERO,
        note: Some(note),
    }
}

fn table(rows: &[Row]) -> String {
    let width = rows
        .iter()
        .map(|row| row.name.len())
        .chain([5])
        .max()
        .unwrap_or_default();
    let mut text = format!(
        "{:width$}  {:>7}  {:>7}  {:>7}  {:>7}\n",
        "suite", "passed", "failed", "skipped", "seconds"
    );
    for Row {
        name,
        tally: Tally {
            passed,
            failed,
            skipped,
        },
        took,
        note,
    } in rows
    {
        let seconds = took.as_secs_f64();
        text += &format!("{name:width$}  {passed:>7}  {failed:>7}  {skipped:>7}  {seconds:>7.1}");
        // A sentence may be followed by what a tool said; that was shown when it was said.
        match note.as_deref().and_then(|note| note.lines().next()) {
            Some(note) => text += &format!("  {note}\n"),
            None => text += "\n",
        }
    }
    text + "\n"
}

fn last_line(
    Tally {
        passed,
        failed,
        skipped,
    }: Tally,
) -> String {
    match skipped {
        0 => format!("{passed} passed, {failed} failed"),
        _ => format!("{passed} passed, {failed} failed, {skipped} skipped"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tools::cargo;

    static BROKEN: Step = Step::new("broken", &[], || Err("no paint left".into()));
    static VERSION: Suite = Suite {
        name: "version",
        group: Group::Lint,
        needs: &[],
        runner: Runner::Lint,
        command: || cargo("--version"),
    };

    static BLOCKED: Suite = Suite {
        needs: &[&BROKEN],
        ..VERSION
    };

    #[test]
    fn a_suite_behind_a_broken_step_is_not_run() {
        let mut steps = Steps::default();
        let row = run(&BLOCKED, &mut steps);
        assert_eq!(row.tally, SKIPPED);
        assert_eq!(row.note.as_deref(), Some("not run: broken failed"));
        assert_eq!(run(&VERSION, &mut steps).tally.passed, 1);
        assert!(
            !run_all(std::iter::empty(), steps),
            "the broken step counts as failed"
        );
    }

    #[test]
    fn a_suite_is_run_without_what_only_some_of_its_tests_need() {
        static MISSING: Step =
            Step::new("missing", &[], || Err("no brush".into())).for_some_tests();
        static SOME: Suite = Suite {
            needs: &[&MISSING],
            ..VERSION
        };
        let mut steps = Steps::default();
        assert_eq!(run(&SOME, &mut steps).tally.passed, 1);
        assert_eq!(steps.failures.len(), 1);
    }

    #[test]
    fn the_table_lines_up() {
        let row = |name, passed, note: Option<&str>| Row {
            name,
            tally: Tally {
                passed,
                ..Tally::default()
            },
            took: Duration::from_millis(1250),
            note: note.map(str::to_owned),
        };
        assert_eq!(
            table(&[
                row("rust", 123, None),
                row("wasm in Node", 4, Some("why\nmore"))
            ]),
            "suite          passed   failed  skipped  seconds\n\
             rust              123        0        0      1.2\n\
             wasm in Node        4        0        0      1.2  why\n\n"
        );
    }

    #[test]
    fn the_last_line_names_skipped_only_where_there_are_any() {
        let tally = Tally {
            passed: 3,
            failed: 1,
            skipped: 0,
        };
        assert_eq!(last_line(tally), "3 passed, 1 failed");
        assert_eq!(
            last_line(Tally {
                skipped: 2,
                ..tally
            }),
            "3 passed, 1 failed, 2 skipped"
        );
    }
}
