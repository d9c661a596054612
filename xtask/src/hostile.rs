//! `cargo xtask hostile`: one table, from one run, of what HTTP clients do with a `Retry-After` that
//! no server should send, holdoff among them. `tests/hostile` says how that is seen.

use std::process::Command;
use std::time::Duration;

use holdoff::preset_document;
use serde::Deserialize;
use serde_json::Value;

use crate::Result;
use crate::clients;
use crate::package::{TARBALL, WHEEL};
use crate::process::command;
use crate::step::{Step, take_all};
use crate::tools::{NPM, environment_tool, json, root};

static ALL: &[&Step] = &[&NODE_CLIENTS, &PYTHON_CLIENTS];

static NODE_CLIENTS: Step = Step::new("npm clients", &[&TARBALL], || {
    clients::install_npm_beside_holdoff(FOLDER)
});
static PYTHON_CLIENTS: Step = Step::new("python clients", &[&WHEEL], || {
    clients::install_python_beside_holdoff(PYTHON_FOLDER, "tests/hostile/requirements.txt")
});

const FOLDER: &str = "tests/hostile";
/// Where the Python clients are, apart from what the tests use.
const PYTHON_FOLDER: &str = "target/venv-hostile";
/// The preset by which holdoff decides.
const PRESET: &str = "recommended";
/// A wait this short is none: a timer makes 1 ms of a wait that it can't take.
const AT_ONCE_MS: u64 = 5;

/// A value of `Retry-After`: a column of the table.
#[derive(Deserialize)]
struct Column {
    name: String,
    /// Whether it is shown without `--all`.
    #[serde(default)]
    telling: bool,
}

/// What a client was seen to do with one value.
#[derive(Deserialize)]
struct Seen {
    registry: String,
    client: String,
    version: String,
    value: String,
    wait_ms: u64,
    #[serde(default)]
    gives_up: bool,
    raises: Option<String>,
}

/// Calls through every client, prints the table, and is an error if holdoff did what it must not.
pub fn hostile(all: bool) -> Result {
    let columns = columns()?;
    let longest_ms = longest_ms()?;
    take_all(ALL)?;
    let python = environment_tool(PYTHON_FOLDER, "python");
    let mut seen: Vec<Seen> = clients::json_lines(&mut serve("node", "clients.mjs"))?;
    seen.extend(clients::json_lines(&mut serve(
        &python.display().to_string(),
        "clients.py",
    ))?);

    let mut clients: Vec<&[Seen]> = seen.chunks(columns.len()).collect();
    clients.sort_by_key(|seen| seen.iter().any(Seen::is_own)); // at the end, side by side
    print!("\n{}", table(&columns, &clients, all)?);

    let own: Vec<&Seen> = seen.iter().filter(|seen| seen.is_own()).collect();
    if own.is_empty() {
        return Err("holdoff was not among the clients".into());
    }
    let faults = own.iter().filter_map(|seen| seen.fault(longest_ms));
    let faults: Vec<String> = faults.collect();
    if faults.is_empty() {
        Ok(())
    } else {
        Err(faults.join("\n"))
    }
}

impl Seen {
    /// What the client did, for the table; `backoff_ms` is what it waits without a header.
    fn did(&self, backoff_ms: u64) -> String {
        let waited = self.wait_ms > AT_ONCE_MS;
        let end = match &self.raises {
            Some(error) => format!("raises `{error}`"),
            None if self.gives_up => "gives up".into(),
            None if !waited => return "at once".into(),
            None if self.wait_ms == backoff_ms => return "backoff".into(),
            None => return duration(self.wait_ms),
        };
        if waited {
            format!("{}, then {end}", duration(self.wait_ms))
        } else {
            end
        }
    }

    fn is_own(&self) -> bool {
        self.client == "holdoff"
    }

    /// Which client it is, for the table.
    fn who(&self) -> String {
        let Self {
            client,
            version,
            registry,
            ..
        } = self;
        if self.is_own() {
            format!("**{client} {version}** ({registry}), `{PRESET}`")
        } else {
            format!("{client} {version} ({registry})")
        }
    }

    /// What holdoff must never do, whatever the header says.
    fn fault(&self, longest_ms: u64) -> Option<String> {
        let did = match &self.raises {
            Some(error) => format!("raises `{error}`"),
            None if self.wait_ms > longest_ms => format!("waits {}", duration(self.wait_ms)),
            None if self.wait_ms <= AT_ONCE_MS && !self.gives_up => "retries at once".into(),
            None => return None,
        };
        Some(format!(
            "holdoff ({}) {did}, given {}",
            self.registry, self.value
        ))
    }
}

/// The table in Markdown: a client a line, a value a column. The first value is no header at all.
fn table(columns: &[Column], clients: &[&[Seen]], all: bool) -> Result<String> {
    let shown = |column: &Column| all || column.telling;
    let names = columns.iter().filter(|column| shown(column));
    let names: Vec<&str> = names.map(|column| column.name.as_str()).collect();
    let mut text = format!(
        "| client | {} |\n|---|{}\n",
        names.join(" | "),
        "---|".repeat(names.len())
    );
    for seen in clients {
        let values = seen.iter().map(|seen| &seen.value);
        let ([backoff, hinted @ ..], true) =
            (*seen, values.eq(columns.iter().map(|column| &column.name)))
        else {
            return Err("a client was not seen with every value of values.json, in order".into());
        };
        let cells = hinted.iter().zip(columns.iter().skip(1));
        let cells = cells.filter(|(_, column)| shown(column));
        let cells = cells.map(|(seen, _)| seen.did(backoff.wait_ms));
        // Its own backoff is shown as what it is.
        let cells: Vec<String> = [backoff.did(0)].into_iter().chain(cells).collect();
        text += &format!("| {} | {} |\n", backoff.who(), cells.join(" | "));
    }
    Ok(text)
}

/// A wait as a person would say it.
#[expect(clippy::float_arithmetic, reason = "shown to a person")]
fn duration(ms: u64) -> String {
    let seconds = Duration::from_millis(ms).as_secs_f64();
    let (amount, unit) = match seconds {
        ..3600.0 => (seconds, "s"),
        ..172_800.0 => (seconds / 3600.0, "h"),
        ..63_072_000.0 => (seconds / 86_400.0, "days"),
        _ => (seconds / 31_557_600.0, "years"),
    };
    let amount = format!("{amount:.1}");
    format!("{} {unit}", amount.strip_suffix(".0").unwrap_or(&amount))
}

/// The longest wait that the preset allows: that for the longest hint, with its jitter.
fn longest_ms() -> Result<u64> {
    let document = preset_document(PRESET).map_err(|error| error.to_string())?;
    let document: Value =
        serde_json::from_str(document).map_err(|error| format!("{PRESET}: {error}"))?;
    let number = |path| document.pointer(path).and_then(Value::as_u64);
    let hint = number("/hint/max_ms").ok_or(format!("`{PRESET}` has no hint.max_ms"))?;
    let percent = number("/hint/jitter/up_percent").unwrap_or(0);
    Ok(hint.saturating_add(hint.saturating_mul(percent).div_ceil(100)))
}

fn columns() -> Result<Vec<Column>> {
    #[derive(Deserialize)]
    struct Values {
        retry_after: Vec<Column>,
    }
    let values: Values = json(&format!("{FOLDER}/values.json"))?;
    Ok(values.retry_after)
}

/// Runs one half of the clients against the server. Through npm, for its `node` is the pinned one.
fn serve(program: &str, script: &str) -> Command {
    let mut npm = command(NPM.path());
    npm.current_dir(root().join(FOLDER));
    npm.args(["run", "--silent", "serve", "--", program, script, PRESET]);
    npm
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(client: &str, value: &str, wait_ms: u64) -> Seen {
        Seen {
            registry: "npm".into(),
            client: client.into(),
            version: "1.2.3".into(),
            value: value.into(),
            wait_ms,
            gives_up: false,
            raises: None,
        }
    }

    #[test]
    fn a_wait_is_shown_in_a_unit_that_fits() {
        for (ms, expected) in [
            (437, "0.4 s"),
            (1_500, "1.5 s"),
            (120_000, "120 s"),
            (3_600_000, "1 h"),
            (28_830_000, "8 h"),
            (2_147_483_647, "24.9 days"),
            (1_768_478_430_000, "56 years"),
        ] {
            assert_eq!(duration(ms), expected);
        }
    }

    #[test]
    fn a_hint_is_told_from_backoff() {
        let did = |wait_ms| seen("any", "`1`", wait_ms).did(500);
        assert_eq!(did(1), "at once");
        assert_eq!(did(500), "backoff");
        assert_eq!(did(1_000), "1 s");
        let gives_up = |wait_ms| Seen {
            gives_up: true,
            ..seen("any", "`1`", wait_ms)
        };
        assert_eq!(gives_up(0).did(500), "gives up");
        assert_eq!(gives_up(7_200_000).did(500), "2 h, then gives up");
    }

    #[test]
    fn what_holdoff_must_not_do_is_named() {
        let fault = |wait_ms| seen("holdoff", "`1`", wait_ms).fault(144_000);
        assert_eq!(fault(50), None);
        assert_eq!(fault(144_000), None);
        assert_eq!(
            fault(1).unwrap(),
            "holdoff (npm) retries at once, given `1`"
        );
        assert_eq!(
            fault(144_001).unwrap(),
            "holdoff (npm) waits 144 s, given `1`"
        );
        let stopped = Seen {
            gives_up: true,
            ..seen("holdoff", "`1`", 0)
        };
        assert_eq!(stopped.fault(144_000), None);
        let raised = Seen {
            raises: Some("RangeError".into()),
            ..seen("holdoff", "`1`", 50)
        };
        assert_eq!(
            raised.fault(144_000).unwrap(),
            "holdoff (npm) raises `RangeError`, given `1`"
        );
    }

    #[test]
    fn the_table_shows_the_telling_values_or_all() {
        let column = |name: &str, telling| Column {
            name: name.into(),
            telling,
        };
        let columns = [
            column("no header", true),
            column("`1`", false),
            column("`2`", true),
        ];
        let own = [
            seen("holdoff", "no header", 1_000),
            seen("holdoff", "`1`", 1_000),
            seen("holdoff", "`2`", 2_000),
        ];
        assert_eq!(
            table(&columns, &[&own], false).unwrap(),
            "| client | no header | `2` |\n|---|---|---|\n\
             | **holdoff 1.2.3** (npm), `recommended` | 1 s | 2 s |\n"
        );
        let all = table(&columns, &[&own], true).unwrap();
        assert!(all.ends_with("| 1 s | backoff | 2 s |\n"), "{all}");
        table(&columns, &[own.split_last().unwrap().1], false).unwrap_err();
    }
}
