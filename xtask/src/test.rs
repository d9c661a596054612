//! `cargo xtask test`: every suite of tests and every lint, and what they need.

use std::process::Command;

use crate::build::{COMMAND, FAULTS, JS_MODULE, KOTLIN_NATIVE};
use crate::package::WHEEL;
use crate::setup::{BROWSER, JAVA, PYTHON_ENVIRONMENT, REDIS, WASM_BINDGEN, WASM_TARGET};
use crate::step::Steps;
use crate::suite::{Group, Suite, run_all};
use crate::tally::Runner;
use crate::tools::{cargo, cargo_tool, maven, npm, python};
use crate::{build, generate, lint, package, setup};

static ALL: &[Suite] = &[
    Suite {
        name: "rust",
        group: Group::Rust,
        needs: &[&COMMAND, &FAULTS],
        runner: Runner::Cargo,
        command: || cargo("test --workspace --exclude holdoff-wasm --no-fail-fast"),
    },
    Suite {
        name: "wasm in Node",
        group: Group::Wasm,
        needs: &[&WASM_TARGET, &WASM_BINDGEN],
        runner: Runner::Cargo,
        command: cargo_test_wasm,
    },
    Suite {
        name: "wasm in Chromium",
        group: Group::Wasm,
        needs: &[&WASM_TARGET, &WASM_BINDGEN, &BROWSER],
        runner: Runner::Cargo,
        command: || {
            let mut test = cargo_test_wasm();
            test.env("WASM_BINDGEN_USE_BROWSER", "1");
            test
        },
    },
    Suite {
        name: "js",
        group: Group::Js,
        needs: &[&JS_MODULE, &COMMAND, &FAULTS, &REDIS],
        runner: Runner::Node,
        command: || npm("test"),
    },
    Suite {
        name: "python",
        group: Group::Python,
        needs: &[&WHEEL, &COMMAND, &FAULTS, &REDIS],
        runner: Runner::Pytest,
        command: || python("pytest", ""),
    },
    Suite {
        name: "kotlin",
        group: Group::Kotlin,
        needs: &[&JAVA, &KOTLIN_NATIVE, &COMMAND, &FAULTS],
        runner: Runner::Surefire,
        command: || maven("verify"),
    },
    Suite {
        name: "model",
        group: Group::Model,
        needs: &[&PYTHON_ENVIRONMENT, &COMMAND],
        runner: Runner::Pytest,
        command: || python("pytest", "../tests/model"),
    },
];

/// Runs every suite and lint, or those of some groups only with just what they need. Returns
/// whether all went well; the last line that is printed says how many did.
pub fn test(only: &[Group]) -> bool {
    let mut steps = Steps::default();
    if only.is_empty() {
        for step in [setup::ALL, generate::ALL, build::ALL, package::ALL].concat() {
            // What fails is kept by `steps`, and shown in the table.
            let _ = steps.take(step);
        }
    }
    let suites = ALL.iter().chain(lint::ALL);
    run_all(
        suites.filter(|suite| only.is_empty() || only.contains(&suite.group)),
        steps,
    )
}

/// `cargo test` of the wasm binding, through wasm-bindgen's runner: in Node unless told otherwise.
fn cargo_test_wasm() -> Command {
    let mut test =
        cargo("test --package holdoff-wasm --target wasm32-unknown-unknown --no-fail-fast");
    let runner = cargo_tool("wasm-bindgen-test-runner");
    test.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER", runner);
    test
}
