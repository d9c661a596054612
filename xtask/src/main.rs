//! The driver of the repository: `cargo xtask <command>`.
//!
//! A command is a list of steps (`setup`, `generate`, `build`, `package`: each file names its own)
//! or of suites (`test`, `lint`). A step names what it needs first and is taken once.

mod bench;
mod build;
mod clients;
mod codes;
mod demo;
mod fuzz;
mod generate;
mod hostile;
mod lint;
mod package;
mod peers;
mod process;
mod setup;
mod step;
mod storms;
mod suite;
mod tally;
mod test;
mod tools;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use step::{Steps, take_all};
use suite::{Group, run_all};

/// What went wrong is a sentence for a person.
type Result<T = (), E = String> = std::result::Result<T, E>;

/// Sets up, builds, tests and packages holdoff in all its languages.
#[derive(Parser)]
#[command(
    name = "cargo xtask",
    bin_name = "cargo xtask",
    arg_required_else_help = true
)]
struct Arguments {
    #[command(subcommand)]
    command: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Install what the machine's own tools don't bring, below target/ and js/
    Setup,
    /// Write the sources that other languages get from the Rust code
    Generate,
    /// Compile everything
    Build,
    /// Run every linter and format check
    Lint,
    /// Set up, build, package, run every suite and lint, and print one table
    Test {
        /// Only these suites, with just what they need
        #[arg(long, value_name = "SUITE", value_delimiter = ',')]
        only: Vec<Group>,
    },
    /// Make the crate, npm tarball, wheel and jar in target/packages/
    Package,
    /// Call a misbehaving server in all languages, and show what each does
    Demo,
    /// Measure what a decision costs in each language, beside other clients, and what the packages weigh
    Bench,
    /// Try hostile input on holdoff with libFuzzer
    Fuzz {
        /// How long each target runs
        #[arg(long, default_value_t = 60)]
        seconds: u64,
    },
    /// Show what HTTP clients, holdoff among them, do with a Retry-After that makes no sense
    Hostile {
        /// Every value, not only the telling ones
        #[arg(long)]
        all: bool,
    },
    /// Ask other clients what they do with thousands of responses, and compare it with their presets
    Peers(peers::Options),
    /// Simulate failing servers and those who call them, and write the tables and pictures in docs/
    Storms,
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Task::Setup => take_all(setup::ALL),
        Task::Generate => take_all(generate::ALL),
        Task::Build => take_all(build::ALL),
        Task::Package => package::package(),
        Task::Demo => demo::demo(),
        Task::Bench => bench::bench(),
        Task::Fuzz { seconds } => fuzz::fuzz(seconds),
        Task::Hostile { all } => hostile::hostile(all),
        Task::Peers(options) => peers::peers(&options),
        Task::Storms => storms::storms(),
        Task::Lint => return exit_code(run_all(lint::ALL.iter(), Steps::default())),
        Task::Test { only } => return exit_code(test::test(&only)),
    };
    if let Err(sentence) = outcome {
        eprintln!("\n{sentence}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

fn exit_code(went_well: bool) -> ExitCode {
    if went_well {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
