//! `cargo xtask generate`: the sources that other languages get from the Rust code. All of them
//! are ignored by git.

use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
use std::path::PathBuf;

use crate::Result;
use crate::codes;
use crate::process::{command, run};
use crate::setup::{WASM_BINDGEN, WASM_TARGET};
use crate::step::Step;
use crate::tools::{cargo, cargo_tool, root};

pub static ALL: &[&Step] = &[&CODES, &WASM_GLUE, &KOTLIN_GLUE];

/// What the codes of a decision are called, in every language.
pub static CODES: Step = Step::new("codes", &[], codes::write);

/// The wasm module and the JavaScript around it, as wasm-bindgen writes them.
pub static WASM_GLUE: Step = Step::new(
    "wasm glue",
    &[&CODES, &WASM_TARGET, &WASM_BINDGEN],
    wasm_glue,
);
/// The native library that the wheel and the jar carry.
pub static NATIVE_LIBRARY: Step = Step::new("native library", &[&CODES], native_library);
/// The Kotlin around it, as uniffi writes it. (Python's is written by maturin.)
pub static KOTLIN_GLUE: Step = Step::new("kotlin glue", &[&NATIVE_LIBRARY], kotlin_glue);

fn wasm_glue() -> Result {
    run(&mut cargo(
        "build --package holdoff-wasm --profile wasm --target wasm32-unknown-unknown",
    ))?;
    run(command(cargo_tool("wasm-bindgen"))
        .args([
            "--target",
            "bundler",
            "--out-name",
            "core",
            "--out-dir",
            "js/src/generated",
        ])
        .args(["--remove-name-section", "--remove-producers-section"])
        .arg("target/wasm32-unknown-unknown/wasm/holdoff_wasm.wasm"))
}

fn native_library() -> Result {
    // Not `cargo build`: naming the one crate type is what gives link-time optimisation.
    run(&mut cargo(
        "rustc --release --package holdoff-uniffi --lib --crate-type cdylib",
    ))
}

fn kotlin_glue() -> Result {
    run(
        cargo("run --package holdoff-uniffi --features bindgen --bin uniffi-bindgen -- generate")
            .arg(native_library_path())
            .args([
                "--language",
                "kotlin",
                "--no-format",
                "--config",
                "bindings/uniffi/uniffi.toml",
            ])
            .args(["--out-dir", "kotlin/target/generated-sources/uniffi"]),
    )
}

/// Where cargo puts the native library.
pub fn native_library_path() -> PathBuf {
    root().join("target/release").join(native_library_name())
}

/// What the native library is called on this platform.
pub fn native_library_name() -> String {
    format!("{DLL_PREFIX}holdoff_uniffi{DLL_SUFFIX}")
}
