//! `cargo xtask storms`: what each policy does to a failing server, as `docs/` and the README show it.

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::Instant;

use holdoff_sim::scenario::Scenario;
use holdoff_sim::{Run, picture, standard, table};
use serde::Deserialize;

use crate::Result;
use crate::process::{command, run};
use crate::step::{Step, take_all};
use crate::tools::{cargo, root};

static COMMAND: Step = Step::new("optimised command", &[], || {
    run(&mut cargo("build --release --package holdoff-cli"))
});

/// holdoff's own policies, and those clients that differ tellingly.
const POLICIES: &[&str] = &[
    "none",
    "recommended",
    "tessera",
    "openai-python",
    "google-api-core-python",
    "botocore-standard",
    "grpc",
    "tenacity",
    "stamina",
    "axios-retry",
    "undici",
    "resilience4j",
];
/// How `recommended` is called where calls share nothing.
const ALONE: &str = "recommended, each call alone";
/// Those that the pictures show.
const SHOWN: &[&str] = &["none", "openai-python", "tessera", "recommended"];
/// The scenarios of which there is a picture.
const PICTURED: &[&str] = &[
    "out30",
    "part50",
    "meta90",
    "cold",
    "fixw-ra",
    "org-fixw-ra",
];
/// How many processes share the calls, beside the usual 1000: it changes what they know.
const CLIENTS: &[u32] = &[10, 100, 10_000, 100_000];

/// What `holdoff simulate --json` prints, as far as it is needed.
#[derive(Deserialize)]
struct Simulated {
    runs: Vec<Run>,
}

/// Runs the standard scenarios, and writes `docs/storms.md` and the pictures.
pub fn storms() -> Result {
    take_all(&[&COMMAND])?;
    let start = Instant::now();
    let scenarios = standard::all();
    let mut runs = simulate(POLICIES, &scenarios, &[])?;
    let alone = simulate(&["recommended"], &scenarios, &["--alone"])?;
    runs.extend(alone.into_iter().map(|run| Run {
        policy: ALONE.into(),
        ..run
    }));
    let policies = table::markdown(&scenarios, &runs);
    // Where each process has its own workers, more of them would be more calls.
    let mut open = scenarios.clone();
    open.retain(|scenario| scenario.load.calls_per_second().is_some());
    let mut by_clients = Vec::new();
    for &clients in CLIENTS {
        let count = clients.to_string();
        let runs = simulate(&["recommended"], &open, &["--clients", &count])?;
        by_clients.extend(runs.into_iter().map(|run| Run {
            policy: format!("{clients} processes"),
            ..run
        }));
    }
    let clients = table::markdown(&open, &by_clients);
    print!("{policies}\n{clients}");
    for name in PICTURED {
        write_picture(name, &scenarios, &runs)?;
    }
    let file = root().join("docs/storms.md");
    let old = fs::read_to_string(&file).map_err(|error| cannot("be read", &file, &error))?;
    let new = replace(&old, "policies", &policies)?;
    let new = replace(&new, "processes", &clients)?;
    fs::write(&file, new).map_err(|error| cannot("be written", &file, &error))?;
    println!("\nwritten to docs/ in {} s", start.elapsed().as_secs());
    Ok(())
}

fn simulate(policies: &[&str], scenarios: &[Scenario], options: &[&str]) -> Result<Vec<Run>> {
    let mut holdoff = command(root().join("target/release/holdoff"));
    holdoff.args(["simulate", "--json"]).args(policies);
    for scenario in scenarios {
        holdoff.args(["--scenario", scenario.name]);
    }
    holdoff.args(options);
    let output = holdoff
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("`holdoff simulate` can't be run: {error}"))?;
    let simulated: Simulated = serde_json::from_slice(&output.stdout)
        .map_err(|error| format!("`holdoff simulate` printed no result: {error}"))?;
    Ok(simulated.runs)
}

fn write_picture(name: &str, scenarios: &[Scenario], runs: &[Run]) -> Result {
    let scenarios = scenarios.iter().filter(|scenario| scenario.name == name);
    let scenarios: Vec<_> = scenarios.cloned().collect();
    let shown = SHOWN.iter().flat_map(|policy| {
        runs.iter()
            .filter(move |run| run.policy == *policy && run.scenario == name)
    });
    let shown: Vec<_> = shown.cloned().collect();
    let file = root().join(format!("docs/storms-{name}.svg"));
    fs::write(&file, picture::svg(&scenarios, &shown))
        .map_err(|error| cannot("be written", &file, &error))
}

fn cannot(what: &str, file: &Path, error: &std::io::Error) -> String {
    format!("{} can't {what}: {error}", file.display())
}

/// Puts a table in the place of the one between the comments that name it.
fn replace(text: &str, name: &str, table: &str) -> Result<String> {
    let (begin, end) = (
        format!("<!-- {name} -->\n"),
        format!("<!-- end of {name} -->"),
    );
    let parts = text.split_once(&begin).and_then(|(before, rest)| {
        let (_, after) = rest.split_once(&end)?;
        Some((before, after))
    });
    let (before, after) = parts.ok_or_else(|| {
        format!(
            "docs/storms.md has no place for the table between `{}` and `{end}`",
            begin.trim()
        )
    })?;
    Ok(format!("{before}{begin}{table}{end}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_takes_the_place_of_the_old_one() {
        let text = "a\n<!-- x -->\nold\n<!-- end of x -->\nb";
        let new = replace(text, "x", "new\n").unwrap();
        assert_eq!(new, "a\n<!-- x -->\nnew\n<!-- end of x -->\nb");
        let error = replace(text, "y", "").unwrap_err();
        assert!(error.contains("`<!-- y -->`"), "{error}");
    }

    #[test]
    fn the_document_has_a_place_for_each_table() {
        let text = fs::read_to_string(root().join("docs/storms.md")).unwrap();
        for name in ["policies", "processes"] {
            assert!(replace(&text, name, "").is_ok());
        }
        assert!(PICTURED.iter().all(|name| standard::find(name).is_some()));
    }
}
