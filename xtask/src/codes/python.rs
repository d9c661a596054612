//! `python/src/holdoff/_codes.py`.

use std::fmt::{Debug, Write as _};

use holdoff::{
    Action, Code, FailureClass, MAX_BODY_BYTES, Phase, Reason, Source, Topic, TransportKind,
};

use super::{COMPARE_AND_SWAP, TABLES};

const HEAD: &str = r#""""The names in decisions with their numbers, as the core has them.

Written by `cargo xtask generate`.
"""

from typing import Final, Literal, TypeAlias
"#;

/// The whole module.
pub fn render() -> String {
    let mut module = HEAD.to_owned();
    for (name, what, table) in TABLES {
        names(&mut module, name, what, table);
    }
    let topics = list(Topic::ALL, |topic| format!("{:?}", topic.name()));
    constant(
        &mut module,
        "Topic: TypeAlias",
        &format!("Literal[{topics}]"),
    );
    module += "\"\"\"What a step of an explanation is about.\"\"\"\n";

    for (name, of, table) in [
        ("ACTIONS", "Action", Action::TABLE),
        ("CLASSES", "FailureClass", FailureClass::TABLE),
        ("REASONS", "Reason", Reason::TABLE),
        ("SOURCES", "Source", Source::TABLE),
    ] {
        let rows = rows(table, |row| row.code, |row| row.name);
        constant(
            &mut module,
            &format!("{name}: Final[dict[int, {of}]]"),
            &rows,
        );
    }
    for (name, table) in [
        ("TRANSPORT_KINDS", TransportKind::TABLE),
        ("PHASES", Phase::TABLE),
    ] {
        let rows = rows(table, |row| row.name, |row| row.code);
        constant(
            &mut module,
            &format!("{name}: Final[dict[str, int]]"),
            &rows,
        );
    }
    let methods = holdoff::IDEMPOTENT_METHODS.map(|method| format!("{method:?}"));
    constant(
        &mut module,
        "IDEMPOTENT_METHODS: Final",
        &format!("frozenset(({}))", methods.join(", ")),
    );
    constant(
        &mut module,
        "COMPARE_AND_SWAP: Final",
        &lines(COMPARE_AND_SWAP),
    );
    constant(
        &mut module,
        "MAX_BODY_BYTES: Final",
        &MAX_BODY_BYTES.to_string(),
    );
    module
}

/// A text of several lines, one literal for each.
fn lines(text: &str) -> String {
    let literals: String = text
        .split_inclusive('\n')
        .map(|line| format!("    {line:?}\n"))
        .collect();
    format!("(\n{literals})")
}

/// A type alias of all names, whose docstring tells what each means.
fn names(module: &mut String, name: &str, what: &str, table: &[Code]) {
    let literals = list(table, |row| format!("{:?}", row.name));
    let meanings = table
        .iter()
        .map(|row| format!("- `{}`: {}\n", row.name, row.meaning));
    constant(
        module,
        &format!("{name}: TypeAlias"),
        &format!("Literal[{literals}]"),
    );
    let _ = write!(
        module,
        "\"\"\"{what}\n\n{}\"\"\"\n",
        meanings.collect::<String>()
    );
}

/// A dict with one row for each code.
fn rows<K: Debug, V: Debug>(table: &[Code], key: fn(&Code) -> K, value: fn(&Code) -> V) -> String {
    let rows = list(table, |row| format!("{:?}: {:?}", key(row), value(row)));
    format!("{{{rows}}}")
}

fn constant(module: &mut String, name: &str, value: &str) {
    let _ = write!(module, "\n{name} = {value}\n");
}

fn list<T>(items: &[T], shown: impl Fn(&T) -> String) -> String {
    items.iter().map(shown).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_there_with_its_number_and_meaning() {
        let module = render();
        for line in [
            "Action: TypeAlias = Literal[\"retry\", \"stop\", \"escalate\"]",
            "- `dns`: the host's name was not resolved",
            "ACTIONS: Final[dict[int, Action]] = {1: \"retry\", 2: \"stop\", 3: \"escalate\"}",
            "PHASES: Final[dict[str, int]] = {\"connect\": 1, \"sent\": 2, \"body\": 3}",
        ] {
            assert!(module.lines().any(|other| other == line), "{line}");
        }
    }
}
