//! `cargo xtask demo`: the same calls to a server that misbehaves, in four languages.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::{env, fs};

use crate::Result;
use crate::build::{FAULTS, JS_MODULE, KOTLIN_NATIVE, faults_path};
use crate::package::WHEEL;
use crate::process::{command, run};
use crate::setup::JAVA;
use crate::step::{Step, take_all};
use crate::tools::{cargo, maven, python, root, version};

static ALL: &[&Step] = &[&FAULTS, &RUST_EXAMPLE, &JS_MODULE, &WHEEL, &KOTLIN_EXAMPLE];

static RUST_EXAMPLE: Step = Step::new("rust example", &[], || {
    run(&mut cargo("build --package holdoff --example reqwest"))
});
/// Compiled with the tests; Maven knows the class path.
pub static KOTLIN_EXAMPLE: Step = Step::new("kotlin example", &[&JAVA, &KOTLIN_NATIVE], || {
    let plugin = version::MAVEN_DEPENDENCY_PLUGIN;
    run(maven("-q -DskipTests package")
        .arg(format!(
            "org.apache.maven.plugins:maven-dependency-plugin:{plugin}:build-classpath"
        ))
        .args([
            "-DincludeScope=test",
            "-Dmdep.outputFile=target/classpath.txt",
        ]))
});

/// One seed for all, so that all have the same jitter.
const SEED: &str = "7";

/// A path of the scenario, and what it does.
type Path = (&'static str, &'static str);

/// A name, and the program that sends a request to a URL.
type Example = (&'static str, fn(&str) -> Command);

/// The same loop in each language.
const LOOPS: (&[Path], &[Example]) = (
    &[
        ("rate-limited", "a 429 with Retry-After: 1, then success"),
        ("overloaded", "two 503 without a hint, then success"),
        ("reset", "two connections reset, then success"),
        ("bad-request", "a 400, which no retry will mend"),
    ],
    &[
        ("rust", |url| {
            let mut example = command(root().join("target/debug/examples/reqwest"));
            example.args([url, SEED]);
            example
        }),
        ("javascript", |url| {
            let mut node = command("node");
            node.args(["js/examples/fetch.mjs", url, SEED]);
            node
        }),
        ("python", |url| {
            let mut example = python("python", "examples/httpx_client.py");
            example.args([url, SEED]);
            example
        }),
        ("kotlin", |url| run_class("io.holdoff.DemoKt", &[url, SEED])),
    ],
);

/// The clients that people use, with holdoff's adapters.
const CLIENTS: (&[Path], &[Example]) = (
    &[
        (
            "busy",
            "a 429 with Retry-After: 1, then a connection reset, then an answer",
        ),
        ("truncated", "an answer that breaks off, then a whole one"),
        (
            "used-up",
            "a 429 with Retry-After: 1, but the quota is used up",
        ),
    ],
    &[
        ("openai-npm", |url| {
            let mut node = command("node");
            node.args(["js/examples/openai.mjs", url, SEED]);
            node
        }),
        ("openai-pypi", |url| {
            let mut example = python("python", "examples/openai_client.py");
            example.args([url, SEED]);
            example
        }),
        ("okhttp", |url| {
            run_class("io.holdoff.OkHttpDemoKt", &[url, SEED])
        }),
    ],
);

/// Shows what each language, and then each client, does when the server misbehaves.
pub fn demo() -> Result {
    take_all(ALL)?;
    let server = Server::start()?;
    for (paths, examples) in [LOOPS, CLIENTS] {
        for (path, what) in paths {
            println!("\n{path}: {what}");
            for (name, example) in examples {
                println!("  {name}");
                // A path of its own for each, so that each meets the first step.
                show(&mut example(&format!("{}/~{name}/{path}", server.url)))?;
            }
        }
    }
    Ok(())
}

/// Runs a program, and shows its lines as they come.
fn show(program: &mut Command) -> Result {
    let running = program.stdout(Stdio::piped()).spawn();
    let mut running = running.map_err(|error| format!("{program:?} can't be run: {error}"))?;
    for line in running
        .stdout
        .take()
        .into_iter()
        .flat_map(|output| BufReader::new(output).lines())
    {
        println!("  {}", line.map_err(|error| error.to_string())?);
    }
    match running.wait() {
        Ok(status) if status.success() => Ok(()),
        _ => Err(format!("{program:?} failed")),
    }
}

/// Runs a class of the Kotlin tests that has a `main`.
pub fn run_class(class: &str, arguments: &[&str]) -> Command {
    let target = root().join("kotlin/target");
    let libraries = fs::read_to_string(target.join("classpath.txt")).unwrap_or_default();
    let own = ["test-classes", "classes"].map(|folder| target.join(folder));
    let libraries = env::split_paths(libraries.trim());
    let mut java = command("java");
    if let Ok(path) = env::join_paths(own.into_iter().chain(libraries)) {
        java.arg("-cp").arg(path);
    }
    java.arg(class).args(arguments);
    java
}

/// The misbehaving server, for as long as this lives.
struct Server {
    process: Child,
    url: String,
}

impl Server {
    fn start() -> Result<Self> {
        let mut process = command(faults_path())
            .args(["--scenario", "tests/faults/scenario.json"])
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("the faults server can't be run: {error}"))?;
        let mut line = String::new();
        if let Some(output) = process.stdout.take() {
            let read = BufReader::new(output).read_line(&mut line);
            read.map_err(|error| format!("the faults server says nothing: {error}"))?;
        }
        match line.trim().strip_prefix("listening on ") {
            Some(url) => Ok(Self {
                process,
                url: url.into(),
            }),
            None => Err(format!("the faults server says `{}`", line.trim())),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
