//! `js/src/generated/codes.ts`: the names that the npm package shows, with their types.

use holdoff::{
    Action, Code, FailureClass, PRESET_NAMES, Phase, Reason, Source, Topic, TransportKind,
    preset_document,
};
use serde_json::Value;

use super::{COMPARE_AND_SWAP, TABLES};
use crate::Result;

/// The source of `codes.ts`.
pub fn render() -> String {
    let mut source =
        String::from("// Written by `cargo xtask generate` out of the core's tables.\n");
    for (name, about, table) in TABLES {
        source += &names(name, about, table);
    }
    source += &names_by_code("actions", "Action", Action::TABLE);
    source += &names_by_code("classes", "FailureClass", FailureClass::TABLE);
    source += &names_by_code("reasons", "Reason", Reason::TABLE);
    source += &names_by_code("sources", "Source", Source::TABLE);
    source += &codes_by_name("transportCodes", "TransportKind", TransportKind::TABLE);
    source += &codes_by_name("phaseCodes", "Phase", Phase::TABLE);
    let topics: Vec<_> = Topic::ALL.iter().map(|topic| topic.name()).collect();
    source += &format!(
        "\n/** What a step of an explanation is about. */\nexport type Topic = {};\n",
        quoted(&topics, " | ")
    );
    let own: Vec<_> = PRESET_NAMES
        .into_iter()
        .filter(|name| !is_client(name))
        .collect();
    source += &format!(
        "\n/** The name of a policy of holdoff's own. */\nexport type PresetName = {};\n\
         \n/** The names of holdoff's own policies; those of other clients are in `holdoff/clients`. */\n\
         export const presetNames: readonly PresetName[] = [{}];\n",
        quoted(&own, " | "),
        quoted(&own, ", ")
    );
    source += &format!(
        "\nexport const requestIdHeaders: readonly string[] = [{}];\n",
        quoted(&holdoff::REQUEST_ID_HEADERS, ", ")
    );
    source += &format!(
        "\nexport const idempotentMethods: readonly string[] = [{}];\n",
        quoted(&holdoff::IDEMPOTENT_METHODS, ", ")
    );
    source += &format!("\nexport const compareAndSwap = {COMPARE_AND_SWAP:?};\n");
    source += &format!(
        "\nexport const maxBodyBytes = {};\n",
        holdoff::MAX_BODY_BYTES
    );
    source
}

/// The source of `clients.ts`: the documents that describe other clients, apart from the core, for
/// few need them.
pub fn render_clients() -> Result<String> {
    let names = PRESET_NAMES.into_iter().filter(|name| is_client(name));
    let mut clients: Vec<_> = names
        .clone()
        .filter_map(|name| name.split('@').next())
        .collect();
    clients.dedup();
    let mut source = format!(
        "// Written by `cargo xtask generate` out of the core's presets.\n\
         \n/** A client whose behaviour is a policy. */\nexport type Client = {};\n\
         \nexport const documents: Readonly<Record<string, string>> = {{\n",
        quoted(&clients, " | ")
    );
    for name in names {
        let document = preset_document(name).map_err(|error| error.to_string())?;
        let bare: Value = serde_json::from_str(document).map_err(|error| error.to_string())?;
        // JSON in JSON is a text that JavaScript reads too.
        source += &format!("\t\"{name}\": {},\n", Value::String(bare.to_string()));
    }
    Ok(source + "};\n")
}

fn is_client(name: &str) -> bool {
    name.contains('@')
}

/// A union of the names, whose documentation tells what each means.
fn names(name: &str, about: &str, table: &[Code]) -> String {
    let meanings: String = table
        .iter()
        .map(|row| format!(" * - `{}`: {}\n", row.name, row.meaning))
        .collect();
    let names: Vec<_> = table.iter().map(|row| row.name).collect();
    let union = quoted(&names, " | ");
    format!("\n/**\n * {about}\n *\n{meanings} */\nexport type {name} = {union};\n")
}

fn names_by_code(constant: &str, name: &str, table: &[Code]) -> String {
    let rows: String = table
        .iter()
        .map(|row| format!("\t{}: \"{}\",\n", row.code, row.name))
        .collect();
    format!("\nexport const {constant}: Readonly<Record<number, {name}>> = {{\n{rows}}};\n")
}

fn codes_by_name(constant: &str, name: &str, table: &[Code]) -> String {
    let rows: String = table
        .iter()
        .map(|row| format!("\t\"{}\": {},\n", row.name, row.code))
        .collect();
    format!("\nexport const {constant}: Readonly<Record<{name}, number>> = {{\n{rows}}};\n")
}

fn quoted(values: &[&str], separator: &str) -> String {
    let quoted: Vec<_> = values.iter().map(|value| format!("\"{value}\"")).collect();
    quoted.join(separator)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_types_and_tables_follow_the_core() {
        let source = render();
        for expected in [
            "/**\n * What to do with the call.\n *\n * - `retry`: send the request again after the wait\n",
            "\nexport type Action = \"retry\" | \"stop\" | \"escalate\";\n",
            "\nexport const sources: Readonly<Record<number, Source>> = {\n\t0: \"none\",\n\t1: \"backoff\",\n",
            "\nexport const transportCodes: Readonly<Record<TransportKind, number>> = {\n\t\"dns\": 1,\n",
            "\nexport const presetNames: readonly PresetName[] = [\"recommended\", \"tessera\"];\n",
            "\nexport const maxBodyBytes = 65536;\n",
        ] {
            assert!(source.contains(expected), "{expected}\nis not in\n{source}");
        }
    }
}
