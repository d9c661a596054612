//! `cargo xtask fuzz`: libFuzzer on every target of `tests/fuzz`, one after the other.

use std::fs;
use std::path::PathBuf;

use crate::Result;
use crate::process::{command, read, run};
use crate::setup::{answers, cargo_install};
use crate::step::{Step, take_all};
use crate::tools::{cargo, cargo_tool, root, version};

static ALL: &[&Step] = &[&CARGO_FUZZ, &SEEDS, &TARGETS];

static CARGO_FUZZ: Step = Step::new("cargo-fuzz", &[], cargo_fuzz);
static SEEDS: Step = Step::new("seeds", &[], || {
    run(&mut cargo(
        "run --package holdoff-fuzz --example seeds target/fuzz",
    ))
});
static TARGETS: Step = Step::new("fuzz targets", &[&CARGO_FUZZ], targets);

/// What an input may take: a second, and so many megabytes, the corpus included.
const LIMITS: [&str; 3] = ["-timeout=1", "-rss_limit_mb=512", "-max_len=70000"];

/// Runs every target for so many seconds. The first find ends it, and is kept below `target/fuzz/`.
pub fn fuzz(seconds: u64) -> Result {
    take_all(ALL)?;
    let host = read(command("rustc").args(["--print", "host-tuple"]))?.output;
    let programs = root()
        .join("target/fuzz/build")
        .join(host.trim())
        .join("release");
    for name in names()? {
        let folder = root().join("target/fuzz").join(&name);
        let corpus = folder.join("corpus");
        fs::create_dir_all(&corpus)
            .map_err(|error| format!("{} can't be made: {error}", corpus.display()))?;
        println!("\n== {name}");
        run(command(programs.join(&name))
            .args([&corpus, &folder.join("seeds")])
            .args(LIMITS)
            .arg(format!("-max_total_time={seconds}"))
            .arg(format!("-artifact_prefix={}/", folder.display())))
        .map_err(|error| format!("{error}; the input is in target/fuzz/{name}/"))?;
    }
    Ok(())
}

/// The targets, each a file.
fn names() -> Result<Vec<String>> {
    let folder = root().join("tests/fuzz/targets");
    let entries = fs::read_dir(&folder)
        .map_err(|error| format!("{} can't be read: {error}", folder.display()))?;
    let paths = entries.filter_map(|entry| entry.ok().map(|entry| entry.path()));
    let stem = |path: PathBuf| Some(path.file_stem()?.to_string_lossy().into_owned());
    let mut names: Vec<String> = paths.filter_map(stem).collect();
    names.sort();
    Ok(names)
}

fn cargo_fuzz() -> Result {
    if answers(&cargo_tool("cargo-fuzz"), version::CARGO_FUZZ) {
        return Ok(());
    }
    cargo_install("cargo-fuzz", version::CARGO_FUZZ)
}

/// Without a sanitizer the stable compiler will do. There is no unsafe code for one to watch, and the
/// targets count their memory themselves.
fn targets() -> Result {
    let build = "fuzz build --fuzz-dir tests/fuzz --features libfuzzer --sanitizer none";
    run(command(cargo_tool("cargo-fuzz"))
        .args(build.split(' '))
        .args(["--target-dir", "target/fuzz/build"])
        // Built in a third of the time.
        .env("CARGO_PROFILE_RELEASE_LTO", "off")
        .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16"))
    .map_err(|error| format!("{error}; libFuzzer needs a C++ compiler, Debian: `apt install g++`"))
}
