//! Policies that ship under a name.

use crate::policy::{Policy, PolicyError};

/// The documents, by name.
const PRESETS: [(&str, &str); 2] = [
    ("recommended", include_str!("recommended.json")),
    ("tessera", include_str!("tessera.json")),
];

/// The names of all presets.
pub const PRESET_NAMES: [&str; PRESETS.len()] = {
    let mut names = [""; PRESETS.len()];
    let mut index = 0;
    while index < PRESETS.len() {
        #[expect(clippy::indexing_slicing, reason = "evaluated at compile time")]
        {
            names[index] = PRESETS[index].0;
            index += 1;
        }
    }
    names
};

/// The document of a preset, as JSON text; `None` where there is no preset of that name.
pub fn preset_document(name: &str) -> Option<&'static str> {
    PRESETS
        .iter()
        .find(|(preset, _)| *preset == name)
        .map(|(_, document)| *document)
}

impl Policy {
    /// The policy that ships under `name`; an error that lists the names where there is none.
    pub fn preset(name: &str) -> Result<Self, PolicyError> {
        let document = preset_document(name).ok_or_else(|| PolicyError::unknown_preset(name))?;
        Self::from_json(document)
    }

    /// The policy for any API that has none of its own: it hears every hint and verdict that
    /// servers are known to send, but for waits in words, and keeps retries few and spread out.
    #[expect(clippy::expect_used, reason = "the tests load every preset")]
    pub fn recommended() -> Self {
        Self::preset("recommended").expect("presets are valid")
    }

    /// Tessera AI's policy, to the letter of its error page.
    #[expect(clippy::expect_used, reason = "the tests load every preset")]
    pub fn tessera() -> Self {
        Self::preset("tessera").expect("presets are valid")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_preset_is_valid_and_named_as_it_is_listed() {
        for name in PRESET_NAMES {
            assert_eq!(Policy::preset(name).unwrap().name(), name);
        }
        assert_eq!(Policy::tessera(), Policy::preset("tessera").unwrap());
    }

    #[test]
    fn an_unknown_preset_is_an_error_that_lists_the_known() {
        let error = Policy::preset("tesera").unwrap_err();
        assert_eq!(
            error.to_string(),
            "policy: `tesera` is not a preset; known are `recommended`, `tessera`"
        );
    }

    use alloc::string::ToString;
}
