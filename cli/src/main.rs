//! The command `holdoff`: should this HTTP call be retried, and when?

mod answer;
mod batch;
mod compare;
mod input;
mod lines;
mod options;
mod policies;
mod progress;
mod response;
mod simulate;
mod single;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};
use clap_complete::Shell;

use crate::options::Options;

/// What went wrong is a sentence for a person.
type Result<T, E = String> = std::result::Result<T, E>;

/// Should this HTTP call be retried, and when?
#[derive(Parser)]
#[command(
    name = "holdoff",
    version,
    arg_required_else_help = true,
    after_help = "\
Examples:
  curl -si https://api.example.com/v1/models | holdoff decide
  holdoff explain --attempt 2 --seed 7 < response.http
  holdoff decide --transport timeout --attempt 1
  holdoff decide --batch --policy tessera < failures.jsonl > decisions.jsonl
  holdoff compare recommended tessera < response.http
  holdoff simulate recommended tessera --scenario out30"
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Decide: retry, stop or escalate, and after how long
    ///
    /// Reads one HTTP response on standard input, as `curl -si` prints it. Of several in a row
    /// (redirects, 100 Continue) the last counts. The exit status is the answer: 0 retry, 10 stop,
    /// 11 escalate, and 2 for bad usage or input.
    Decide {
        #[command(flatten)]
        options: Options,
        /// Print the decision as JSON
        #[arg(long, conflicts_with_all = ["batch", "seconds"])]
        json: bool,
        /// Print only the seconds to wait, for `sleep`; nothing unless the answer is to retry
        #[arg(long, conflicts_with = "batch")]
        seconds: bool,
        /// Read one JSON object a line, and print one decision a line
        ///
        /// A line has `status` (or `transport`) and may have `headers`, `body`, `attempt`, `seed`,
        /// `draw`, `now`, `policy`, `method`, `phase`, `elapsed_ms`, `deadline_ms`, `max_retries`,
        /// `idempotent`, `replayable` and `delivered`. The options give what a line does not say.
        /// A line that cannot be read gives an object with `error_line` and `error` in its place,
        /// and the exit status 2 at the end.
        #[arg(long)]
        batch: bool,
    },
    /// Show the steps that lead to the decision, in order
    Explain {
        #[command(flatten)]
        options: Options,
        /// Print the steps as JSON
        #[arg(long)]
        json: bool,
    },
    /// Show what several policies make of a failure, or of a whole log
    ///
    /// Reads one HTTP response on standard input, as `curl -si` prints it.
    Compare {
        #[command(flatten)]
        comparison: compare::Comparison,
        /// Print JSON
        #[arg(long)]
        json: bool,
        /// Read a log, one JSON object a line as `decide --batch` does, and add up for each policy
        ///
        /// `retry`, `stop`, `escalate`: how many of the calls. `wait`: of all the retries together.
        /// `too early`: retries before the time that the server asks for. `in vain`: retries of
        /// failures that no retry can mend. Both are told by the policy `recommended`.
        #[arg(long)]
        batch: bool,
    },
    /// Show what policies do to a server that fails, and the server to its callers
    ///
    /// A simulation of hundreds of thousands of calls in virtual time: who calls, the server and what
    /// goes wrong are made up, the decisions are the policies' own. The same seed gives the same
    /// result.
    Simulate(simulate::Simulation),
    /// List, show and check policies
    #[command(subcommand, arg_required_else_help = true)]
    Policy(policies::Command),
    /// Print completions for a shell
    Completions {
        /// The shell
        shell: Shell,
    },
}

fn main() -> ExitCode {
    // clap itself ends with status 2 on bad usage.
    let result = match Arguments::parse().command {
        Command::Decide {
            options,
            batch: true,
            ..
        } => batch::run(&options),
        Command::Decide {
            options,
            json,
            seconds,
            ..
        } => single::decide(&options, json, seconds),
        Command::Explain { options, json } => single::explain(&options, json),
        Command::Compare {
            comparison,
            json,
            batch: false,
        } => compare::single(&comparison, json),
        Command::Compare {
            comparison, json, ..
        } => compare::batch(&comparison, json),
        Command::Simulate(simulation) => simulate::run(&simulation),
        Command::Policy(command) => policies::run(&command),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Arguments::command(), "holdoff", &mut script);
            print(&String::from_utf8_lossy(&script)).map(|()| ExitCode::SUCCESS)
        }
    };
    result.unwrap_or_else(|error| {
        let style = anstyle::AnsiColor::Red.on_default().bold();
        anstream::eprintln!("{style}error:{style:#} {error}");
        ExitCode::from(2)
    })
}

/// Prints, in colour on a terminal only. A reader that has gone away is no error.
fn print(text: &str) -> Result<()> {
    let mut out = anstream::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(format!("standard output: {error}"))
        }
        _ => Ok(()),
    }
}
