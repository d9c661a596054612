//! The names of actions, classes, reasons and sources as each language has them, out of the core's
//! tables: nobody keeps a list twice.

mod javascript;
mod kotlin;
mod python;

use std::fs;

use crate::Result;
use crate::tools::root;

/// Writes the sources; those that are right already are left alone, so that nothing is rebuilt.
pub fn write() -> Result {
    for (path, source) in [
        ("js/src/generated/codes.ts", javascript::render()),
        ("python/src/holdoff/_codes.py", python::render()),
        (
            "kotlin/target/generated-sources/codes/io/holdoff/Codes.kt",
            kotlin::render(),
        ),
    ] {
        let path = root().join(path);
        if fs::read_to_string(&path).is_ok_and(|old| old == source) {
            continue;
        }
        let folder = path.parent().unwrap_or(&path);
        fs::create_dir_all(folder)
            .and_then(|()| fs::write(&path, source))
            .map_err(|error| format!("{} can't be written: {error}", path.display()))?;
    }
    Ok(())
}
