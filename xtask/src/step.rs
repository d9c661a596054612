//! A step of setting up, building or packaging, and the run that takes each step once.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::Result;
use crate::tools::in_ci;

/// A piece of work that others need. It is quick when there is nothing left to do.
pub struct Step {
    pub name: &'static str,
    needs: &'static [&'static Self],
    run: fn() -> Result,
    optional: bool,
    blocks: bool,
}

/// A step that could not be taken.
pub struct Failure {
    pub step: &'static Step,
    /// What is wrong and what to do, for a person.
    pub sentence: String,
    pub took: Duration,
}

/// The steps taken so far: each is taken once, however many others need it.
#[derive(Default)]
pub struct Steps {
    taken: BTreeMap<&'static str, Result<(), &'static Step>>,
    pub failures: Vec<Failure>,
}

impl Step {
    pub const fn new(
        name: &'static str,
        needs: &'static [&'static Self],
        run: fn() -> Result,
    ) -> Self {
        Self {
            name,
            needs,
            run,
            optional: false,
            blocks: true,
        }
    }

    /// The same step, but a person may do without it.
    pub const fn optional(self) -> Self {
        Self {
            optional: true,
            ..self
        }
    }

    /// The same step, but a suite goes on without it: the few tests that need it skip themselves.
    pub const fn for_some_tests(self) -> Self {
        Self {
            optional: true,
            blocks: false,
            ..self
        }
    }

    /// Whether a suite that needs it can't be run without.
    pub const fn blocks(&self) -> bool {
        self.blocks
    }

    /// Whether the work can go on without it. On a CI machine, where nobody reads "skipped", no
    /// step may be missing.
    pub fn may_be_missing(&self) -> bool {
        self.optional && !in_ci()
    }
}

impl Steps {
    /// Takes a step after all that it needs. The error is the step that stands in the way.
    pub fn take(&mut self, step: &'static Step) -> Result<(), &'static Step> {
        if let Some(known) = self.taken.get(step.name) {
            return *known;
        }
        let outcome = self.take_now(step);
        self.taken.insert(step.name, outcome);
        outcome
    }

    fn take_now(&mut self, step: &'static Step) -> Result<(), &'static Step> {
        for need in step.needs {
            self.take(need)?;
        }
        println!("\n== {}", step.name);
        let start = Instant::now();
        (step.run)().map_err(|sentence| {
            println!("{}: {sentence}", step.name);
            self.failures.push(Failure {
                step,
                sentence,
                took: start.elapsed(),
            });
            step
        })
    }
}

/// Takes all these steps, the others too when one fails, and says at the end which did.
pub fn take_all(steps: &[&'static Step]) -> Result {
    let mut run = Steps::default();
    for step in steps {
        // What stands in the way is among the failures, once.
        let _ = run.take(step);
    }
    let (missing, failed): (Vec<_>, Vec<_>) = run
        .failures
        .iter()
        .partition(|failure| failure.step.may_be_missing());
    for failure in missing {
        println!("\nleft out: {}: {}", failure.step.name, failure.sentence);
    }
    if failed.is_empty() {
        return Ok(());
    }
    let lines = failed
        .iter()
        .map(|failure| format!("{}: {}", failure.step.name, failure.sentence));
    Err(lines.collect::<Vec<_>>().join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    static BROKEN: Step = Step::new("broken", &[], || Err("no paint left".into()));
    static GOOD: Step = Step::new("good", &[], || Ok(()));
    static NEEDS_BOTH: Step = Step::new("both", &[&GOOD, &BROKEN], || Ok(()));

    #[test]
    fn a_failure_is_told_once_and_blocks_all_that_need_it() {
        let mut steps = Steps::default();
        for _ in 0..2 {
            assert_eq!(
                steps.take(&NEEDS_BOTH).map_err(|step| step.name),
                Err("broken")
            );
        }
        assert!(steps.take(&GOOD).is_ok());
        let told: Vec<_> = steps
            .failures
            .iter()
            .map(|failure| failure.sentence.as_str())
            .collect();
        assert_eq!(told, ["no paint left"]);
    }

    #[test]
    fn the_end_names_what_failed() {
        assert_eq!(take_all(&[&GOOD]), Ok(()));
        assert_eq!(
            take_all(&[&NEEDS_BOTH, &BROKEN]),
            Err("broken: no paint left".into())
        );
    }
}
