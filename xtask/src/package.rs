//! `cargo xtask package`: what would be published, in `target/packages/`.

use std::fs;
use std::path::{Path, PathBuf};

use crate::Result;
use crate::build::{JS_MODULE, KOTLIN_NATIVE};
use crate::generate::NATIVE_LIBRARY;
use crate::process::run;
use crate::setup::{JAVA, PYTHON_ENVIRONMENT};
use crate::step::{Step, take_all};
use crate::tools::{cargo, maven, npm, python, root};

pub static ALL: &[&Step] = &[&CRATE, &TARBALL, &WHEEL, &JAR];

const FOLDER: &str = "target/packages";
const VERSION: &str = env!("CARGO_PKG_VERSION");

pub static CRATE: Step = Step::new("crate", &[], rust_crate);
pub static TARBALL: Step = Step::new("npm tarball", &[&JS_MODULE], tarball);
/// The wheel, also installed in the Python environment.
pub static WHEEL: Step = Step::new("wheel", &[&PYTHON_ENVIRONMENT, &NATIVE_LIBRARY], wheel);
pub static JAR: Step = Step::new("jar", &[&JAVA, &KOTLIN_NATIVE], jar);

/// Makes all packages and lists them with their sizes.
pub fn package() -> Result {
    take_all(ALL)?;
    println!();
    list()
}

/// Prints what each package weighs.
pub fn list() -> Result {
    for path in packages("")? {
        let size = fs::metadata(&path).map_or(0, |metadata| metadata.len());
        println!("{size:>9} bytes  {FOLDER}/{}", name(&path));
    }
    Ok(())
}

fn rust_crate() -> Result {
    one("crate", || {
        run(&mut cargo(
            "package --package holdoff --package holdoff-tower --allow-dirty",
        ))?;
        let made = root().join("target/package");
        copy(&made, "holdoff-tower", "crate")?;
        copy(&made, "holdoff", "crate")
    })
    .map(drop)
}

fn tarball() -> Result {
    one("tgz", || {
        run(&mut npm("pack --pack-destination ../target/packages"))
    })
    .map(drop)
}

fn wheel() -> Result {
    let wheel = one("whl", || {
        run(&mut python(
            "maturin",
            "build --release --out ../target/packages",
        ))
    })?;
    run(python(
        "python",
        "-m pip install --quiet --force-reinstall --no-deps",
    )
    .arg(wheel))
}

fn jar() -> Result {
    one("jar", || {
        run(&mut maven("-DskipTests package"))?;
        copy(&root().join("kotlin/target"), "holdoff", "jar")
    })
    .map(drop)
}

/// Makes the one package of its kind in place of older ones, and says where it is.
fn one(extension: &str, make: impl FnOnce() -> Result) -> Result<PathBuf> {
    let cannot = |error| format!("{FOLDER} can't be written: {error}");
    fs::create_dir_all(root().join(FOLDER)).map_err(cannot)?;
    for old in packages(extension)? {
        fs::remove_file(&old).map_err(cannot)?;
    }
    make()?;
    let made = packages(extension)?;
    made.into_iter().find(|path| name(path).starts_with(&format!("holdoff-{VERSION}"))).ok_or_else(|| {
        format!("no `holdoff-{VERSION}*.{extension}` came out; is its version the one of Cargo.toml?")
    })
}

fn copy(folder: &Path, package: &str, extension: &str) -> Result {
    let name = format!("{package}-{VERSION}.{extension}");
    fs::copy(folder.join(&name), root().join(FOLDER).join(&name))
        .map(drop)
        .map_err(|error| format!("{} can't be copied: {error}", folder.join(&name).display()))
}

/// The packages of a kind, or of all kinds.
pub fn packages(extension: &str) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(root().join(FOLDER))
        .map_err(|error| format!("{FOLDER} can't be read: {error}"))?;
    let mut paths: Vec<_> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| name(path).ends_with(extension))
        .collect();
    paths.sort();
    Ok(paths)
}

fn name(path: &Path) -> &str {
    path.file_name()
        .and_then(|name| name.to_str())
        .unwrap_or_default()
}
