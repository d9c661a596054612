//! Policies by name or file.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Subcommand;
use holdoff::{POLICY_SCHEMA, PRESET_NAMES, Policy, preset_document};

use crate::{Result, print};

#[derive(Subcommand)]
pub(crate) enum Command {
    /// List the policies that ship with holdoff
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
                lines.push_str(&format!("{:<16} {}\n", policy.name(), policy.description()));
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
    if PRESET_NAMES.contains(&name) || !Path::new(name).exists() {
        return Policy::preset(name).map_err(|error| match name.contains(['/', '\\', '.']) {
            true => format!("{name}: no such file"),
            false => error.to_string(),
        });
    }
    read(Path::new(name))
}

fn read(file: &Path) -> Result<Policy> {
    Policy::from_json(&text(file)?).map_err(|error| format!("{}: {error}", file.display()))
}

/// The document itself, as its author wrote it.
fn document(name: &str) -> Result<String> {
    match preset_document(name) {
        Some(document) => Ok(document.into()),
        // Loaded first, so that what is printed is always a policy.
        None => load(name).and_then(|_| text(Path::new(name))),
    }
}

fn text(file: &Path) -> Result<String> {
    fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))
}
