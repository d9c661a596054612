//! `cargo xtask build`: everything that is compiled, before it is packaged.

use std::env::consts::{ARCH, EXE_SUFFIX, OS};
use std::fs;
use std::path::PathBuf;

use crate::Result;
use crate::generate::{KOTLIN_GLUE, WASM_GLUE, native_library_name, native_library_path};
use crate::process::{command, run};
use crate::setup::NODE_MODULES;
use crate::step::Step;
use crate::tools::{cargo, npm, root};

pub static ALL: &[&Step] = &[&COMMAND, &FAULTS, &JS_MODULE, &KOTLIN_NATIVE];

/// The command `holdoff`.
pub static COMMAND: Step = Step::new("command", &[], || {
    run(&mut cargo("build --release --package holdoff-cli"))
});
/// The misbehaving server of the end-to-end tests.
pub static FAULTS: Step = Step::new("faults server", &[], || {
    run(&mut cargo("build --package holdoff-faults"))
});
/// What the npm package ships.
pub static JS_MODULE: Step = Step::new("js module", &[&WASM_GLUE, &NODE_MODULES], js_module);
/// What Maven compiles and puts into the jar.
pub static KOTLIN_NATIVE: Step = Step::new("kotlin native", &[&KOTLIN_GLUE], kotlin_native);

/// Where the command is.
pub fn command_path() -> PathBuf {
    root().join(format!("target/release/holdoff{EXE_SUFFIX}"))
}

/// Where the misbehaving server is.
pub fn faults_path() -> PathBuf {
    root().join(format!("target/debug/holdoff-faults{EXE_SUFFIX}"))
}

fn js_module() -> Result {
    run(&mut npm("run build"))
}

/// Copies the native library, stripped, to where JNA looks for it.
fn kotlin_native() -> Result {
    let folder = root()
        .join("kotlin/target/native")
        .join(jna_prefix(OS, ARCH));
    let copy = folder.join(native_library_name());
    fs::create_dir_all(&folder)
        .and_then(|()| fs::copy(native_library_path(), &copy))
        .map_err(|error| format!("{} can't be written: {error}", copy.display()))?;
    match OS {
        "windows" => Ok(()), // its symbols are in a file of their own
        "macos" => run(command("strip").arg("-x").arg(copy)),
        _ => run(command("strip").arg("--strip-unneeded").arg(copy)),
    }
}

/// JNA's name of a platform (`com.sun.jna.Platform.RESOURCE_PREFIX`).
fn jna_prefix(os: &str, arch: &str) -> String {
    let os = match os {
        "macos" => "darwin",
        "windows" => "win32",
        other => other,
    };
    let arch = match arch {
        "x86_64" => "x86-64",
        other => other,
    };
    format!("{os}-{arch}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_platforms_as_jna_does() {
        assert_eq!(jna_prefix("linux", "x86_64"), "linux-x86-64");
        assert_eq!(jna_prefix("macos", "aarch64"), "darwin-aarch64");
        assert_eq!(jna_prefix("windows", "x86_64"), "win32-x86-64");
    }
}
