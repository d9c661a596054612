//! How many tests passed, read from what each test runner prints.

use crate::process::Finished;

/// What became of the tests of a suite.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub passed: u64,
    pub failed: u64,
    pub skipped: u64,
}

/// How a suite's output is read.
#[derive(Clone, Copy, Debug)]
pub enum Runner {
    /// `cargo test`, native or through wasm-bindgen-test-runner: one summary for each test binary.
    Cargo,
    /// `node --test`, with the reporter `spec` or `tap`.
    Node,
    Pytest,
    /// Maven's Surefire and Failsafe: one summary for each run of the plugin.
    Surefire,
    /// A lint: one check, passed or failed.
    Lint,
    /// ktlint, which is content with no file at all.
    Ktlint,
    /// cargo-deny's advisories, whose database may be out of reach.
    Advisories,
}

pub const PASSED: Tally = Tally {
    passed: 1,
    failed: 0,
    skipped: 0,
};
pub const FAILED: Tally = Tally {
    passed: 0,
    failed: 1,
    skipped: 0,
};
pub const SKIPPED: Tally = Tally {
    passed: 0,
    failed: 0,
    skipped: 1,
};

impl Tally {
    pub const fn plus(self, other: Self) -> Self {
        Self {
            passed: self.passed.saturating_add(other.passed),
            failed: self.failed.saturating_add(other.failed),
            skipped: self.skipped.saturating_add(other.skipped),
        }
    }
}

impl Runner {
    /// The tally of a finished run, with a sentence where the numbers don't speak for themselves.
    pub fn tally(self, finished: &Finished) -> (Tally, Option<&'static str>) {
        let output = &finished.output;
        let tally = match self {
            Self::Cargo => cargo(output),
            Self::Node => node(output),
            Self::Pytest => pytest(output),
            Self::Surefire => surefire(output),
            Self::Ktlint if output.contains("No files matched") => {
                return (FAILED, Some("found no file to check"));
            }
            Self::Advisories if output.contains("failed to fetch advisory database") => {
                return (SKIPPED, Some("the database of advisories is out of reach"));
            }
            Self::Lint | Self::Ktlint | Self::Advisories if finished.success => PASSED,
            Self::Lint | Self::Ktlint | Self::Advisories => FAILED,
        };
        if tally.failed > 0 {
            (tally, None)
        } else if !finished.success {
            (
                tally.plus(FAILED),
                Some("ended with an error before or after its tests"),
            )
        } else if tally.passed == 0 {
            (tally.plus(FAILED), Some("ran no test"))
        } else {
            (tally, None)
        }
    }
}

/// `test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; …`
fn cargo(output: &str) -> Tally {
    let summaries = output
        .lines()
        .filter(|line| line.starts_with("test result: "));
    summaries.map(words).fold(Tally::default(), |sum, words| {
        sum.plus(Tally {
            passed: before(&words, "passed"),
            failed: before(&words, "failed"),
            skipped: before(&words, "ignored"),
        })
    })
}

/// `ℹ pass 12` or `# pass 12`, one line for each count.
fn node(output: &str) -> Tally {
    let count = |name| {
        let lines = output
            .lines()
            .filter(|line| line.starts_with("ℹ ") || line.starts_with("# "));
        lines
            .map(words)
            .fold(0_u64, |sum, words| match words.as_slice() {
                [first, count] if *first == name => sum.saturating_add(count.parse().unwrap_or(0)),
                _ => sum,
            })
    };
    Tally {
        passed: count("pass"),
        failed: count("fail").saturating_add(count("cancelled")),
        skipped: count("skipped").saturating_add(count("todo")),
    }
}

/// `=== 12 passed, 1 skipped in 0.04s ===`, the last line of its kind.
fn pytest(output: &str) -> Tally {
    let summary = output.lines().rev().map(words).find(|words| {
        matches!(words.iter().rposition(|word| *word == "in"), Some(at) if at >= 2)
            && ["passed", "failed", "skipped", "error", "errors"]
                .iter()
                .any(|name| before(words, name) > 0)
    });
    let words = summary.unwrap_or_default();
    let sum = |names: &[&str]| names.iter().map(|name| before(&words, name)).sum();
    Tally {
        passed: sum(&["passed"]),
        failed: sum(&["failed", "error", "errors", "xpassed"]),
        skipped: sum(&["skipped", "xfailed"]),
    }
}

/// `Tests run: 5, Failures: 1, Errors: 1, Skipped: 1`; the lines that also tell the time are parts.
fn surefire(output: &str) -> Tally {
    let summaries = output
        .lines()
        .filter(|line| line.contains("Tests run: ") && !line.contains("Time elapsed"));
    summaries.map(words).fold(Tally::default(), |sum, words| {
        let failed = after(&words, "Failures").saturating_add(after(&words, "Errors"));
        let skipped = after(&words, "Skipped");
        let passed = after(&words, "run")
            .saturating_sub(failed)
            .saturating_sub(skipped);
        sum.plus(Tally {
            passed,
            failed,
            skipped,
        })
    })
}

fn words(line: &str) -> Vec<&str> {
    line.split(|character: char| !character.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .collect()
}

/// The number right before this word.
fn before(words: &[&str], name: &str) -> u64 {
    let pairs = words.iter().zip(words.iter().skip(1));
    pairs
        .filter(|(_, word)| **word == name)
        .find_map(|(count, _)| count.parse().ok())
        .unwrap_or(0)
}

/// The number right after this word.
fn after(words: &[&str], name: &str) -> u64 {
    let pairs = words.iter().zip(words.iter().skip(1));
    pairs
        .filter(|(word, _)| **word == name)
        .find_map(|(_, count)| count.parse().ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(runner: Runner, success: bool, output: &str) -> (u64, u64, u64, Option<&'static str>) {
        let (tally, note) = runner.tally(&Finished {
            success,
            output: output.to_owned(),
        });
        (tally.passed, tally.failed, tally.skipped, note)
    }

    #[test]
    fn sums_the_summaries_of_cargo_test() {
        let output = "\
     Running unittests src/lib.rs (target/debug/deps/holdoff-1)
running 11 tests
test result: ok. 10 passed; 0 failed; 1 ignored; 0 measured; 2 filtered out; finished in 0.00s
     Running tests/t.rs (target/debug/deps/t-2)
test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s
   Doc-tests holdoff
test result: ok. 0 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s
error: 1 target failed:
";
        assert_eq!(tally(Runner::Cargo, false, output), (11, 2, 1, None));
    }

    #[test]
    fn reads_wasm_bindgen_test() {
        let output = "\
no tests to run!
Running headless tests in Chrome on `http://127.0.0.1:33227/`
running 3 tests
test two ... ignored, why
test three ... FAIL
test one ... ok
test result: FAILED. 1 passed; 1 failed; 1 ignored; 0 filtered out; finished in 0.02s
";
        assert_eq!(tally(Runner::Cargo, false, output), (1, 1, 1, None));
    }

    #[test]
    fn reads_both_reporters_of_node() {
        let tap = "1..5\n# tests 7\n# suites 0\n# pass 3\n# fail 1\n# cancelled 1\n# skipped 1\n# todo 1\n# duration_ms 153.931292\n";
        assert_eq!(tally(Runner::Node, false, tap), (3, 2, 2, None));
        let spec = "✔ sub (0.577678ms)\nℹ tests 3\nℹ suites 0\nℹ pass 3\nℹ fail 0\nℹ cancelled 0\nℹ skipped 0\nℹ todo 0\nℹ duration_ms 153.9\n";
        assert_eq!(tally(Runner::Node, true, spec), (3, 0, 0, None));
    }

    #[test]
    fn reads_the_summary_of_pytest() {
        let long = "ERROR test_a.py::test_e - ValueError\n========== 1 failed, 4 passed, 1 skipped, 1 xfailed, 1 error in 0.04s ==========\n";
        assert_eq!(tally(Runner::Pytest, false, long), (4, 2, 2, None));
        let quiet = "1 failed, 1 passed in 0.03s\n\n";
        assert_eq!(tally(Runner::Pytest, false, quiet), (1, 1, 0, None));
        let minutes = "=== 120 passed, 3 warnings, 7 subtests passed in 61.20s (0:01:01) ===\n";
        assert_eq!(tally(Runner::Pytest, true, minutes), (120, 0, 0, None));
        let none =
            "============================ 5 deselected in 0.01s =============================\n";
        assert_eq!(
            tally(Runner::Pytest, true, none),
            (0, 1, 0, Some("ran no test"))
        );
    }

    #[test]
    fn reads_the_summaries_of_surefire_once() {
        let output = "\
[INFO] Tests run: 1, Failures: 0, Errors: 0, Skipped: 0, Time elapsed: 0.076 s -- in a.BTest
[ERROR] Tests run: 4, Failures: 1, Errors: 1, Skipped: 1, Time elapsed: 0.077 s <<< FAILURE! -- in a.ATest
[ERROR] Tests run: 5, Failures: 1, Errors: 1, Skipped: 1
";
        assert_eq!(tally(Runner::Surefire, false, output), (2, 2, 1, None));
    }

    #[test]
    fn a_suite_without_tests_or_with_a_bad_end_has_failed() {
        let note = Some("ran no test");
        for runner in [
            Runner::Cargo,
            Runner::Node,
            Runner::Pytest,
            Runner::Surefire,
        ] {
            assert_eq!(
                tally(runner, true, "nothing here\n"),
                (0, 1, 0, note),
                "{runner:?}"
            );
        }
        let output = "test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out\n\
                      error: could not compile `holdoff`\n";
        let note = Some("ended with an error before or after its tests");
        assert_eq!(tally(Runner::Cargo, false, output), (3, 1, 0, note));
        assert_eq!(tally(Runner::Pytest, false, ""), (0, 1, 0, note));
    }

    #[test]
    fn a_lint_counts_one() {
        assert_eq!(tally(Runner::Lint, true, ""), (1, 0, 0, None));
        assert_eq!(tally(Runner::Lint, false, ""), (0, 1, 0, None));
        let output =
            "WARN com.pinterest.ktlint.cli.internal.KtlintCommandLine -- No files matched [src]";
        assert_eq!(
            tally(Runner::Ktlint, true, output),
            (0, 1, 0, Some("found no file to check"))
        );
        assert_eq!(tally(Runner::Ktlint, true, ""), (1, 0, 0, None));
    }

    #[test]
    fn advisories_out_of_reach_are_skipped_and_never_passed() {
        let output = "[ERROR] failed to fetch advisory database a://b with cli: failed to clone";
        let note = Some("the database of advisories is out of reach");
        assert_eq!(tally(Runner::Advisories, false, output), (0, 0, 1, note));
        assert_eq!(
            tally(Runner::Advisories, false, "error[vulnerability]: …"),
            (0, 1, 0, None)
        );
        assert_eq!(
            tally(Runner::Advisories, true, "advisories ok"),
            (1, 0, 0, None)
        );
    }
}
