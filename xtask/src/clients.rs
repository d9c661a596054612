//! Other HTTP clients, installed to be compared with holdoff.

use std::path::Path;
use std::process::Command;

use serde::de::DeserializeOwned;

use crate::Result;
use crate::package::packages;
use crate::process::{command, read, run};
use crate::tools::{NPM, PYTHON, environment_tool, root};

/// The clients that the folder's `package.json` pins, and the packed npm package beside them.
pub fn install_npm_beside_holdoff(folder: &str) -> Result {
    let tarball = packages("tgz")?.pop().ok_or("there is no npm tarball")?;
    install(folder, Some(&tarball))
}

/// The clients that the folder's `package.json` pins.
pub fn install_npm(folder: &str) -> Result {
    install(folder, None)
}

fn install(folder: &str, tarball: Option<&Path>) -> Result {
    let mut npm = command(NPM.path());
    npm.current_dir(root().join(folder));
    npm.args(["install", "--no-save", "--no-package-lock", "--no-audit"]);
    // Some clients want a later Node than the machine's may be; they get it, as a package.
    run(npm.arg("--loglevel=error").args(tarball))
}

/// The clients that a file of requirements pins, in an environment of their own, and the wheel beside
/// them.
pub fn install_python_beside_holdoff(environment: &str, requirements: &str) -> Result {
    let wheel = packages("whl")?.pop().ok_or("there is no wheel")?;
    install_python(environment, requirements)?;
    run(pip_install(environment)
        .args(["--force-reinstall", "--no-deps"])
        .arg(wheel))
}

/// The clients that a file of requirements pins, in an environment of their own.
pub fn install_python(environment: &str, requirements: &str) -> Result {
    let folder = root().join(environment);
    if !folder.exists() {
        run(command(PYTHON.path()).args(["-m", "venv"]).arg(&folder))?;
    }
    run(pip_install(environment).args(["-r", requirements]))
}

fn pip_install(environment: &str) -> Command {
    let mut pip = command(environment_tool(environment, "python"));
    pip.args(["-m", "pip", "install", "--quiet"]);
    pip
}

/// What a script prints, one JSON object a line; other lines are passed over.
pub fn json_lines<T: DeserializeOwned>(script: &mut Command) -> Result<Vec<T>> {
    let finished = read(script)?;
    if !finished.success {
        return Err(finished.output);
    }
    let objects = finished.output.lines().filter(|line| line.starts_with('{'));
    objects
        .map(|line| serde_json::from_str(line).map_err(|error| format!("`{line}`: {error}")))
        .collect()
}
