//! `kotlin/target/generated-sources/codes/io/holdoff/Codes.kt`: an enum for each code table.

use holdoff::{Code, IDEMPOTENT_METHODS, MAX_BODY_BYTES};

use super::TABLES;

/// The source of `Codes.kt`.
pub fn render() -> String {
    let methods = IDEMPOTENT_METHODS.map(|method| format!("{method:?}"));
    let methods = methods.join(", ");
    let mut source = format!(
        "// Written by `cargo xtask generate` out of the core's tables.\n\n\
         package io.holdoff\n\n\
         /** How much of a response body is looked at, in bytes. */\n\
         internal const val MAX_BODY_BYTES: Int = {MAX_BODY_BYTES}\n\n\
         /** Methods that may be sent again (RFC 9110 section 9.2.2). */\n\
         internal val IDEMPOTENT_METHODS: Set<String> = setOf({methods})\n"
    );
    for (name, about, table) in TABLES {
        source += &enum_class(name, about, table);
    }
    source
}

fn enum_class(name: &str, about: &str, table: &[Code]) -> String {
    let constants: String = table.iter().map(constant).collect();
    format!(
        "
/** {about} */
public enum class {name}(
    internal val code: Int,
    /** The name, the same in every language. */
    public val wireName: String,
    /** What it means, one sentence for a person. */
    public val meaning: String,
) {{
{constants}    ;

    internal companion object {{
        fun of(code: Int): {name} = entries.first {{ it.code == code }}
    }}
}}
"
    )
}

fn constant(row: &Code) -> String {
    let Code {
        code,
        name,
        meaning,
    } = row;
    let constant = name.to_uppercase().replace('-', "_");
    let [name, quoted] = [name, meaning].map(|text| format!("{text:?}").replace('$', "\\$"));
    let sentence = capitalised(meaning);
    format!("    /** {sentence}. */\n    {constant}({code}, {name}, {quoted}),\n\n")
}

fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().into_iter().flat_map(char::to_uppercase);
    first.chain(letters).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_becomes_a_constant() {
        let source = render();
        for expected in [
            "public enum class FailureClass(\n",
            "    /** Too many requests in the current window. */\n    \
             RATE_LIMITED(8, \"rate_limited\", \"too many requests in the current window\"),\n",
            "    X_MS_RETRY_AFTER_MS(4, \"x-ms-retry-after-ms\", ",
            "internal const val MAX_BODY_BYTES: Int = 65536\n",
        ] {
            assert!(source.contains(expected), "{expected}");
        }
    }
}
