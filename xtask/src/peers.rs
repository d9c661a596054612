//! `cargo xtask peers`: the real clients beside the presets that describe them, on the same cases.
//! `tests/peers` has the cases, and how each client is asked.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};
use std::thread;

use holdoff_peers::{Answer, Case, Comparison, Outcome, Peer, Recorded, cases};

use crate::Result;
use crate::clients;
use crate::process::{command, run};
use crate::step::{Step, Steps};
use crate::tools::{MAVEN, NPM, environment_tool, json, on_path, root};

/// How the clients of one language are asked.
struct Language {
    name: &'static str,
    step: &'static Step,
    adapter: fn(&Peer) -> Command,
}

static LANGUAGES: [Language; 4] = [
    Language {
        name: "python",
        step: &PYTHON_CLIENTS,
        adapter: |peer| {
            let mut python = command(environment_tool(&environment(peer), "python"));
            python.current_dir(root().join("tests/peers/python"));
            python.args(["adapter.py", &peer.preset]);
            python
        },
    },
    Language {
        name: "node",
        step: &NODE_CLIENTS,
        adapter: |peer| {
            // Through npm, for its `node` is the pinned one.
            let mut npm = command(NPM.path());
            npm.current_dir(root().join("tests/peers/node"));
            npm.args(["run", "--silent", "adapter", "--", &peer.preset]);
            npm
        },
    },
    Language {
        name: "jvm",
        step: &JVM_CLIENTS,
        adapter: |peer| {
            let mut java = command("java");
            java.current_dir(root().join("tests/peers/jvm"));
            java.args(["-jar", "target/peers-jvm.jar", &peer.preset]);
            java
        },
    },
    Language {
        name: "go",
        step: &GO_CLIENTS,
        adapter: |peer| {
            let mut go = command(root().join("target/peers/go"));
            go.arg(&peer.preset);
            go
        },
    },
];

static PYTHON_CLIENTS: Step = Step::new("python clients", &[], || {
    let peers: Vec<Peer> = list("python")?;
    let names: BTreeSet<_> = peers.iter().map(|peer| &peer.environment).collect();
    for name in names {
        clients::install_python(
            &format!("target/peers/python/{name}"),
            &format!("tests/peers/python/requirements-{name}.txt"),
        )?;
    }
    Ok(())
});
static NODE_CLIENTS: Step = Step::new("npm clients", &[], || {
    clients::install_npm("tests/peers/node")
});
static JVM_CLIENTS: Step = Step::new("jvm clients", &[], || {
    MAVEN.require()?;
    let mut maven = command(MAVEN.path());
    maven.current_dir(root().join("tests/peers/jvm"));
    run(maven.args(["-B", "-ntp", "-q", "package"]))
});
/// Few machines have Go, and what its clients answered is recorded.
static GO_CLIENTS: Step = Step::new("go clients", &[], || {
    let go = on_path("go").ok_or("`go` isn't on the PATH; how to get it: go.dev/dl")?;
    let mut build = command(go);
    build.current_dir(root().join("tests/peers/go"));
    run(build
        .args(["build", "-o"])
        .arg(root().join("target/peers/go")))
})
.optional();

/// Which clients are asked, and how much.
#[derive(clap::Args)]
pub struct Options {
    /// Only these presets
    #[arg(long, value_name = "PRESET", value_delimiter = ',')]
    only: Vec<String>,
    /// How many cases each client is given
    #[arg(long, default_value_t = 4000)]
    cases: usize,
    /// Which cases
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Keep what the clients answer to the first of them, for the tests
    #[arg(long)]
    record: bool,
}

/// A line of the table.
struct Row {
    client: String,
    version: String,
    counts: [usize; 4],
}

/// Asks all clients, prints the table, and is an error if one differs otherwise than its preset says.
pub fn peers(options: &Options) -> Result {
    let mut rows = Vec::new();
    let mut faults = Vec::new();
    let mut steps = Steps::default();
    for language in &LANGUAGES {
        let mut peers = list(language.name)?;
        peers.retain(|peer| options.only.is_empty() || options.only.contains(&peer.preset));
        if peers.is_empty() {
            continue;
        }
        if steps.take(language.step).is_err() {
            continue;
        }
        for peer in &peers {
            println!("\n== {}", peer.preset);
            match compare(language, peer, options) {
                Ok((row, found)) => {
                    rows.push(row);
                    faults.extend(found);
                }
                Err(sentence) => faults.push(format!("{}: {sentence}", peer.preset)),
            }
        }
    }
    for failure in &steps.failures {
        let sentence = format!("{}: {}", failure.step.name, failure.sentence);
        if failure.step.may_be_missing() {
            println!("\nleft out: {sentence}");
        } else {
            faults.push(sentence);
        }
    }
    print!("\n{}", table(&rows));
    if faults.is_empty() {
        Ok(())
    } else {
        Err(faults.join("\n"))
    }
}

/// Asks one client; the line of the table and what is wrong.
fn compare(language: &Language, peer: &Peer, options: &Options) -> Result<(Row, Vec<String>)> {
    /// Of those that differ, so many are shown.
    const SHOWN: usize = 10;
    let cases = cases(&peer.inputs, options.cases, options.seed)?;
    let answers = ask((language.adapter)(peer), &cases)?;
    let mut comparison = Comparison::new(peer)?;
    let outcomes: Vec<Outcome> = cases
        .iter()
        .zip(&answers)
        .map(|(case, answer)| comparison.add(case, answer))
        .collect();
    if options.record {
        record(peer, &cases, &answers, &outcomes)?;
    }
    let different = outcomes.iter().filter_map(|outcome| match outcome {
        Outcome::Different(text) => Some(text),
        Outcome::Equal | Outcome::Known(_) => None,
    });
    let mut faults: Vec<String> = different
        .clone()
        .take(SHOWN)
        .map(|text| format!("{}: {text}", peer.preset))
        .collect();
    let unseen = comparison.unseen().map(|name| {
        format!(
            "{}: nothing differs by `{name}`; is it still true?",
            peer.preset
        )
    });
    faults.extend(unseen);
    let row = Row {
        client: peer.preset.clone(),
        version: peer.version.clone(),
        counts: [
            cases.len(),
            comparison.equal,
            comparison.known_count(),
            different.count(),
        ],
    };
    Ok((row, faults))
}

/// What an adapter answers, one line to each.
fn ask(mut adapter: Command, cases: &[Case]) -> Result<Vec<Answer>> {
    let mut child = adapter
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("the adapter can't be run: {error}"))?;
    let lines: Vec<String> = cases
        .iter()
        .map(|case| serde_json::to_string(case).unwrap_or_default() + "\n")
        .collect();
    let stdin = child.stdin.take();
    // An adapter that ends early says why itself.
    let writer = thread::spawn(move || stdin?.write_all(lines.concat().as_bytes()).ok());
    let output = child
        .wait_with_output()
        .map_err(|error| format!("the adapter can't be read: {error}"))?;
    let _ = writer.join();
    let text = String::from_utf8_lossy(&output.stdout);
    let answers: Result<Vec<Answer>> = text
        .lines()
        .map(|line| serde_json::from_str(line).map_err(|error| format!("`{line}`: {error}")))
        .collect();
    let answers = answers?;
    if answers.len() == cases.len() && output.status.success() {
        return Ok(answers);
    }
    // Clients log what they do; only at such an end does anybody want to know.
    Err(format!(
        "the adapter ended with {} after {} of {} answers: {}",
        output.status,
        answers.len(),
        cases.len(),
        String::from_utf8_lossy(&output.stderr)
    ))
}

/// Keeps some of the answers, for the tests of every day.
fn record(peer: &Peer, cases: &[Case], answers: &[Answer], outcomes: &[Outcome]) -> Result {
    const EQUAL: usize = 100;
    const EACH_KNOWN: usize = 2;
    let kept = |index: usize, outcome: &Outcome| {
        let before = outcomes.iter().take(index);
        let same = before.filter(|other| *other == outcome).count();
        match outcome {
            Outcome::Equal => same < EQUAL,
            Outcome::Known(_) => same < EACH_KNOWN,
            Outcome::Different(_) => false,
        }
    };
    let mut text = String::new();
    for (index, ((case, answer), outcome)) in cases.iter().zip(answers).zip(outcomes).enumerate() {
        if kept(index, outcome) {
            let (case, answer) = (case.clone(), answer.clone());
            text += &serde_json::to_string(&Recorded { case, answer }).unwrap_or_default();
            text += "\n";
        }
    }
    let folder = root().join("tests/peers/recorded");
    let file = folder.join(format!("{}.jsonl", peer.file()));
    fs::create_dir_all(folder)
        .and_then(|()| fs::write(&file, text))
        .map_err(|error| format!("{} can't be written: {error}", file.display()))
}

fn list(language: &str) -> Result<Vec<Peer>> {
    json(&format!("tests/peers/{language}/clients.json"))
}

fn environment(peer: &Peer) -> String {
    format!("target/peers/python/{}", peer.environment)
}

fn table(rows: &[Row]) -> String {
    let width = |of: fn(&Row) -> usize| rows.iter().map(of).max().unwrap_or_default().max(7);
    let (client, version) = (
        width(|row| row.client.len()),
        width(|row| row.version.len()),
    );
    let line = |name: &str, number: &str, counts: [String; 4]| {
        let counts = counts.map(|count| format!("  {count:>9}")).concat();
        format!("{name:client$}  {number:version$}{counts}\n")
    };
    let head = ["cases", "equal", "known", "different"].map(String::from);
    let mut text = line("client", "version", head);
    for row in rows {
        let counts = row.counts.map(|count| count.to_string());
        text += &line(&row.client, &row.version, counts);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_lines_up() {
        let row = Row {
            client: "openai-python@<=2.51".into(),
            version: "2.51.0".into(),
            counts: [2000, 1990, 10, 0],
        };
        assert_eq!(
            table(&[row]),
            "client                version      cases      equal      known  different\n\
             openai-python@<=2.51  2.51.0        2000       1990         10          0\n"
        );
    }

    #[test]
    fn an_adapter_must_answer_every_case() {
        let peers: Vec<Peer> = list("python").unwrap();
        let cases = cases(&peers[0].inputs, 3, 1).unwrap();
        let error = ask(command("cargo"), &cases).unwrap_err();
        assert!(
            error.contains("of 3 answers") || error.starts_with('`'),
            "{error}"
        );
    }
}
