//! Policies by name or file.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Subcommand;
use holdoff::{POLICY_SCHEMA, PRESET_NAMES, Policy, preset_document};

use crate::{Result, print};

#[derive(Subcommand)]
pub(crate) enum Command {
    /// List the policies that ship with holdoff: its own, and what other clients do
    List,
    /// Print a policy as JSON
    Show {
        /// A preset's name, or a file
        #[arg(value_name = "NAME|FILE")]
        policy: String,
        /// Spell out every default
        #[arg(long)]
        full: bool,
    },
    /// Check a policy document; exit status 2 with the place and the reason if it is wrong
    Check {
        /// The file
        file: PathBuf,
    },
    /// Print the JSON Schema of policy documents
    Schema,
}

/// `holdoff policy`.
pub(crate) fn run(command: &Command) -> Result<ExitCode> {
    let text = match command {
        Command::List => {
            let mut lines = String::new();
            for name in PRESET_NAMES {
                let policy = load(name)?;
                lines.push_str(&format!("{:<32} {}\n", policy.name(), policy.description()));
            }
            lines
        }
        Command::Show { policy, full: true } => format!("{}\n", load(policy)?.to_json()),
        Command::Show {
            policy,
            full: false,
        } => document(policy)?,
        Command::Check { file } => {
            let policy = read(file)?;
            format!(
                "{}: `{}` is a valid policy\n",
                file.display(),
                policy.name()
            )
        }
        Command::Schema => POLICY_SCHEMA.into(),
    };
    print(&text)?;
    Ok(ExitCode::SUCCESS)
}

/// The policy of that name, or in that file.
pub(crate) fn load(name: &str) -> Result<Policy> {
    let unknown = match Policy::preset(name) {
        Ok(policy) => return Ok(policy),
        Err(unknown) => unknown,
    };
    if Path::new(name).exists() {
        return read(Path::new(name));
    }
    // Clients are named with dots too: `openai-python@2.51`.
    let is_path = name.contains(['/', '\\']) || name.contains('.') && !name.contains('@');
    Err(match is_path {
        true => format!("{name}: no such file"),
        false => unknown.to_string(),
    })
}

fn read(file: &Path) -> Result<Policy> {
    Policy::from_json(&text(file)?).map_err(|error| format!("{}: {error}", file.display()))
}

/// The document itself, as its author wrote it.
fn document(name: &str) -> Result<String> {
    match preset_document(name) {
        Ok(document) => Ok(document.into()),
        // Loaded first, so that what is printed is always a policy.
        Err(_) => load(name).and_then(|_| text(Path::new(name))),
    }
}

fn text(file: &Path) -> Result<String> {
    fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))
}
