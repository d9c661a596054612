//! Other HTTP clients, installed beside holdoff's own packages to be compared with them.

use std::process::Command;

use serde::de::DeserializeOwned;

use crate::Result;
use crate::package::packages;
use crate::process::{command, read, run};
use crate::tools::{NPM, PYTHON, root};

/// The packed npm package, and the clients that the folder's `package.json` pins.
pub fn install_npm(folder: &str) -> Result {
    let tarball = packages("tgz")?.pop().ok_or("there is no npm tarball")?;
    let mut npm = command(NPM.path());
    npm.current_dir(root().join(folder));
    npm.args(["install", "--no-save", "--no-package-lock", "--no-audit"]);
    // Some clients want a later Node than the machine's may be; they get it, as a package.
    run(npm.arg("--loglevel=error").arg(tarball))
}

/// The wheel, and the clients that a file of requirements pins, in an environment of their own.
pub fn install_python(environment: &str, requirements: &str) -> Result {
    let folder = root().join(environment);
    if !folder.exists() {
        run(command(PYTHON.path()).args(["-m", "venv"]).arg(&folder))?;
    }
    let wheel = packages("whl")?.pop().ok_or("there is no wheel")?;
    let install = || {
        let mut pip = command(folder.join("bin/python"));
        pip.args(["-m", "pip", "install", "--quiet"]);
        pip
    };
    run(install().args(["-r", requirements]))?;
    run(install()
        .args(["--force-reinstall", "--no-deps"])
        .arg(wheel))
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
