//! The names of actions, classes, reasons and sources as each language has them, out of the core's
//! tables: nobody keeps a list twice.

mod javascript;
mod kotlin;
mod python;

use std::fs;

use holdoff::{Action, Code, FailureClass, Phase, Reason, Source, TransportKind};

use crate::Result;
use crate::tools::root;

/// The tables that every language has as a type: its name, what it is, and the rows.
const TABLES: [(&str, &str, &[Code]); 6] = [
    ("Action", "What to do with the call.", Action::TABLE),
    (
        "FailureClass",
        "What kind of failure it was, whatever the vendor calls it.",
        FailureClass::TABLE,
    ),
    ("Reason", "Which rule decided.", Reason::TABLE),
    ("Source", "Where the wait comes from.", Source::TABLE),
    (
        "TransportKind",
        "How a connection can fail.",
        TransportKind::TABLE,
    ),
    (
        "Phase",
        "How far the attempt got before the transport failed.",
        Phase::TABLE,
    ),
];

/// What keeps an upstream in a store for many processes, whatever their languages.
const COMPARE_AND_SWAP: &str = include_str!("codes/compare_and_swap.lua");

/// Writes the sources; those that are right already are left alone, so that nothing is rebuilt.
pub fn write() -> Result {
    for (path, source) in [
        ("js/src/generated/codes.ts", javascript::render()),
        ("js/src/generated/clients.ts", javascript::render_clients()?),
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
