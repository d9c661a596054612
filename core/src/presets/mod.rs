//! Policies that ship under a name.

#[cfg(feature = "clients")]
mod clients;
mod name;

use crate::policy::{Policy, PolicyError};
#[cfg(feature = "clients")]
use clients::CLIENTS;

pub use name::match_preset;

/// The documents of holdoff's own policies, by name.
const OWN: [(&str, &str); 2] = [
    ("recommended", include_str!("recommended.json")),
    ("tessera", include_str!("tessera.json")),
];

#[cfg(not(feature = "clients"))]
const CLIENTS: [(&str, &str); 0] = [];

/// The names of all presets: holdoff's own, and those of other clients, the newest of each first.
pub const PRESET_NAMES: [&str; OWN.len() + CLIENTS.len()] = {
    let mut names = [""; OWN.len() + CLIENTS.len()];
    let mut index = 0;
    while index < names.len() {
        #[expect(clippy::indexing_slicing, reason = "evaluated at compile time")]
        {
            names[index] = match index.checked_sub(OWN.len()) {
                None => OWN[index].0,
                Some(index) => CLIENTS[index].0,
            };
            index += 1;
        }
    }
    names
};

/// The document of a preset, as JSON text; an error that lists the names where there is none of that
/// name. A client may be named alone, or with its version: see [`match_preset`].
pub fn preset_document(name: &str) -> Result<&'static str, PolicyError> {
    let name = match_preset(name, &PRESET_NAMES)?;
    let mut all = OWN.iter().chain(&CLIENTS);
    let found = all.find(|(preset, _)| *preset == name);
    Ok(found.map_or("", |(_, document)| document))
}

impl Policy {
    /// The policy that ships under `name`; an error that lists the names where there is none. A
    /// client may be named alone, or with its version: see [`match_preset`].
    pub fn preset(name: &str) -> Result<Self, PolicyError> {
        Self::from_json(preset_document(name)?)
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
            let policy = Policy::preset(name).unwrap();
            assert_eq!(policy.name(), name);
            let own = OWN.iter().any(|(own, _)| *own == name);
            assert_eq!(policy.client().is_none(), own, "{name}");
            if let Some(client) = policy.client() {
                let (short, versions) = name.split_once('@').unwrap();
                assert_eq!(client.versions, versions, "{name}");
                let checked = alloc::format!("{short}@{}", client.checked);
                assert_eq!(match_preset(&checked, &PRESET_NAMES), Ok(name));
                assert!(!policy.description().is_empty() && !client.peculiar.is_empty());
            }
        }
        assert_eq!(Policy::tessera(), Policy::preset("tessera").unwrap());
    }
}
