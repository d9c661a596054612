//! `cargo xtask bench`: one table, from one run, of what a decision costs in each language beside
//! what other clients' decisions cost on the same response, and of what the packages weigh.

use serde::Deserialize;

use crate::Result;
use crate::clients::{install_npm_beside_holdoff, install_python_beside_holdoff, json_lines};
use crate::demo::{KOTLIN_EXAMPLE, run_class};
use crate::package;
use crate::package::{TARBALL, WHEEL};
use crate::process::{command, read, run};
use crate::step::{Step, take_all};
use crate::tools::{cargo, environment_tool, json};

static ALL: &[&Step] = &[
    &RUST,
    &TARBALL,
    &NODE_PEERS,
    &WHEEL,
    &PYTHON_PEERS,
    &KOTLIN_EXAMPLE,
];

static RUST: Step = Step::new("rust benchmark", &[], || {
    run(&mut cargo("bench --package holdoff --bench decide"))
});
static NODE_PEERS: Step = Step::new("npm peers", &[&TARBALL], || {
    install_npm_beside_holdoff("js/bench")
});
static PYTHON_PEERS: Step = Step::new("python peers", &[&WHEEL], || {
    install_python_beside_holdoff(PYTHON_FOLDER, "python/bench/requirements.txt")
});

/// Where the other Python clients are, apart from what the tests use.
const PYTHON_FOLDER: &str = "target/venv-bench";

/// One measurement.
#[derive(Deserialize)]
struct Measured {
    who: String,
    what: String,
    ns: f64,
}

/// Measures everything and prints the tables.
pub fn bench() -> Result {
    take_all(ALL)?;
    println!("\n{:<11} {:<16} {:<28} {:>10}", "", "", "", "ns");
    for (language, measured) in [
        ("Rust", rust()?),
        (
            "JavaScript",
            json_lines(command("node").arg("js/bench/decide.mjs"))?,
        ),
        (
            "Python",
            json_lines(
                command(environment_tool(PYTHON_FOLDER, "python")).arg("python/bench/decide.py"),
            )?,
        ),
        (
            "Kotlin",
            json_lines(&mut run_class("io.holdoff.BenchmarkKt", &["tests/bench"]))?,
        ),
    ] {
        for Measured { who, what, ns } in measured {
            println!("{language:<11} {who:<16} {what:<28} {ns:>10.0}");
        }
    }
    println!();
    print!(
        "{}",
        read(command("node").arg("js/bench/sizes.mjs"))?.output
    );
    package::list()
}

/// What criterion measured, out of the file that it leaves: the quickest sample, as the other
/// languages' benchmarks take the quickest slice.
#[expect(clippy::float_arithmetic, reason = "a measurement, no decision")]
fn rust() -> Result<Vec<Measured>> {
    /// How long so many iterations took, for each sample.
    #[derive(Deserialize)]
    struct Samples {
        iters: Vec<f64>,
        times: Vec<f64>,
    }
    let cases = ["retry-after", "no hint", "date", "body", "recommended"];
    let measured = cases.map(|what| {
        let Samples { iters, times } = json(&format!("target/criterion/{what}/new/sample.json"))?;
        let samples = times.iter().zip(iters).map(|(time, count)| time / count);
        Ok(Measured {
            who: "holdoff".into(),
            what: what.into(),
            ns: samples.fold(f64::INFINITY, f64::min),
        })
    });
    measured.into_iter().collect()
}
