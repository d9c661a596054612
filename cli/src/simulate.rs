//! What policies do to a server that fails.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use holdoff::Policy;
use holdoff_sim::scenario::Scenario;
use holdoff_sim::{Run, no_retries, picture, run_all, standard, table};
use serde_json::{Value, json};

use crate::progress::Progress;
use crate::{Result, policies, print};

/// The scenario that tells policies apart best.
const TELLING: &str = "meta90";
/// In place of a scenario's name.
const EVERY: &str = "all";

/// Who calls which server by which policies.
#[derive(Args, Clone, Debug)]
#[command(after_long_help = scenarios_help())]
pub(crate) struct Simulation {
    /// Presets' names, or files with a policy as JSON; `none` for no retries
    #[arg(
        value_name = "POLICY",
        default_values = ["none", "openai-python", "tessera", "recommended"]
    )]
    policies: Vec<String>,
    /// What happens: one of the names below, or `all`; may be repeated
    #[arg(long = "scenario", value_name = "NAME", default_value = TELLING)]
    scenarios: Vec<String>,
    /// Another number of processes that call, with as many calls in all of them together
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    clients: Option<u32>,
    /// Let no call learn from another: without the policies' `upstream`
    #[arg(long)]
    alone: bool,
    /// The seed of all that is random
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Print JSON: the figures of each run, and what happened in each second
    #[arg(long)]
    json: bool,
    /// Write a picture of load and goodput over time
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
}

fn scenarios_help() -> String {
    let scenarios = standard::all();
    let lines = scenarios
        .iter()
        .map(|scenario| format!("  {:<12} {}\n", scenario.name, scenario.summary));
    format!("Scenarios:\n{}", lines.collect::<String>().trim_end())
}

impl Simulation {
    fn scenarios(&self) -> Result<Vec<Scenario>> {
        let mut found = Vec::new();
        for name in &self.scenarios {
            match standard::find(name) {
                Some(scenario) => found.push(scenario),
                None if name == EVERY => found.extend(standard::all()),
                None => {
                    let scenarios = standard::all();
                    let names: Vec<_> = scenarios.iter().map(|scenario| scenario.name).collect();
                    let names = names.join("`, `");
                    return Err(format!(
                        "--scenario: `{name}` is not a scenario; known are `{names}` and `{EVERY}`"
                    ));
                }
            }
        }
        Ok(match self.clients {
            Some(clients) => found
                .into_iter()
                .map(|scenario| scenario.with_clients(clients))
                .collect(),
            None => found,
        })
    }

    fn policies(&self) -> Result<Vec<(String, Policy)>> {
        let load = |name: &String| {
            let policy = match name.as_str() {
                "none" => no_retries(),
                name => policies::load(name)?,
            };
            let policy = if self.alone { alone(&policy)? } else { policy };
            Ok((name.clone(), policy))
        };
        self.policies.iter().map(load).collect()
    }
}

/// The policy without what calls share.
fn alone(policy: &Policy) -> Result<Policy> {
    let mut document: Value =
        serde_json::from_str(&policy.to_json()).map_err(|error| error.to_string())?;
    if let Some(members) = document.as_object_mut() {
        members.remove("upstream");
    }
    Policy::from_json(&document.to_string()).map_err(|error| error.to_string())
}

/// `holdoff simulate`.
pub(crate) fn run(simulation: &Simulation) -> Result<ExitCode> {
    let scenarios = simulation.scenarios()?;
    let policies = simulation.policies()?;
    let progress = Progress::default();
    let runs = run_all(&scenarios, &policies, simulation.seed, |share| {
        progress.show(|| percent(share));
    });
    progress.clear();
    if let Some(file) = &simulation.svg {
        fs::write(file, picture::svg(&scenarios, &runs))
            .map_err(|error| format!("{}: {error}", file.display()))?;
    }
    print(&if simulation.json {
        json(simulation.seed, &scenarios, &runs)
    } else {
        table::text(&scenarios, &runs)
    })?;
    Ok(ExitCode::SUCCESS)
}

#[expect(clippy::float_arithmetic, reason = "a share is shown in percent")]
fn percent(share: f64) -> String {
    format!("{:3.0} %", share * 100.0)
}

fn json(seed: u64, scenarios: &[Scenario], runs: &[Run]) -> String {
    let all = json!({ "seed": seed, "scenarios": scenarios, "runs": runs });
    format!("{all}\n")
}
