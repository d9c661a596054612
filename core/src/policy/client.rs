//! The client that a policy describes.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::document::{Node, Read};

/// The client whose behaviour a policy describes, and how well. It decides nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Client {
    /// The package's name in its registry.
    pub package: String,
    /// The registry: `PyPI`, `npm`, `Maven Central` or `Go modules`.
    pub registry: String,
    /// The versions that behave so, such as `>=2.52.1`.
    pub versions: String,
    /// The version that the policy was compared with.
    pub checked: String,
    /// How it is configured; empty where by its own defaults.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub configured: String,
    /// The files of the package that say so.
    pub read_in: Vec<String>,
    /// What sets it apart, one sentence each.
    pub peculiar: Vec<String>,
    /// By name, what the policy does otherwise than the client, one sentence each.
    #[serde(serialize_with = "by_name", skip_serializing_if = "Vec::is_empty")]
    pub known_differences: Vec<(String, String)>,
}

impl Client {
    pub(super) fn read(node: Node<'_>) -> Read<Self> {
        const REGISTRIES: [&str; 4] = ["PyPI", "npm", "Maven Central", "Go modules"];
        let fields = node.fields(&[
            "package",
            "registry",
            "versions",
            "checked",
            "configured",
            "read_in",
            "peculiar",
            "known_differences",
        ])?;
        let differences = fields.optional("known_differences");
        Ok(Self {
            package: fields.required("package")?.name()?,
            registry: fields
                .required("registry")?
                .one_of(&REGISTRIES, |registry| registry)?
                .to_owned(),
            versions: fields.required("versions")?.name()?,
            checked: fields.required("checked")?.name()?,
            configured: match fields.optional("configured") {
                Some(node) => node.name()?,
                None => String::new(),
            },
            read_in: fields.required("read_in")?.list(Node::name)?,
            peculiar: fields.required("peculiar")?.list(Node::name)?,
            known_differences: match differences {
                Some(node) => node.texts()?,
                None => Vec::new(),
            },
        })
    }
}

fn by_name<S: Serializer>(texts: &[(String, String)], serializer: S) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(texts.len()))?;
    for (name, text) in texts {
        map.serialize_entry(name, text)?;
    }
    map.end()
}
