//! A state's JSON, read member by member, so that an error can say which is wrong. serde's own reading
//! would be half as large as the rest of the core.

use alloc::format;
use alloc::vec::Vec;
use core::ops::RangeInclusive;

use crate::header::HeaderName;
use crate::json::Json;
use crate::policy::PolicyError;

/// An object of a state, and where it stands.
pub(super) struct State<'j> {
    json: &'j Json<'j>,
    path: &'static str,
}

pub(super) type Read<T> = Result<T, PolicyError>;

impl<'j> State<'j> {
    /// The state as a whole.
    pub(super) fn root(json: &'j Json<'j>) -> Read<Self> {
        match json {
            Json::Object(_) => Ok(Self { json, path: "" }),
            _ => Err(not_a_state("it is not a JSON object")),
        }
    }

    /// An object in it, which is to be read at `path`.
    pub(super) fn object(&self, name: &str, path: &'static str) -> Read<Self> {
        let json = self.json.get(name);
        match json.filter(|json| matches!(json, Json::Object(_))) {
            Some(json) => Ok(Self { json, path }),
            None => Err(self.wrong(name, "an object")),
        }
    }

    /// The objects of a list in it, each of which is to be read at `path`.
    pub(super) fn list(&self, name: &str, path: &'static str) -> Read<Vec<Self>> {
        let Some(Json::List(values)) = self.json.get(name) else {
            return Err(self.wrong(name, "a list"));
        };
        let objects = values.iter().map(|json| match json {
            Json::Object(_) => Ok(Self { json, path }),
            _ => Err(self.wrong(name, "a list of objects")),
        });
        objects.collect()
    }

    /// The name of a header that some policy reads.
    pub(super) fn header(&self, name: &str) -> Read<HeaderName> {
        let text = self.json.get(name).and_then(Json::as_text);
        let header = text.and_then(|text| HeaderName::from_name(text));
        header.ok_or_else(|| self.wrong(name, "the name of a header that is known"))
    }

    pub(super) fn number(&self, name: &str) -> Read<u64> {
        self.number_in(name, 0..=u64::MAX)
    }

    pub(super) fn number_in(&self, name: &str, range: RangeInclusive<u64>) -> Read<u64> {
        let number = self.json.get(name).and_then(Json::as_u64);
        let number = number.filter(|number| range.contains(number));
        number.ok_or_else(|| self.wrong(name, &format!("a whole number up to {}", range.end())))
    }

    pub(super) fn boolean(&self, name: &str) -> Read<bool> {
        let value = self.json.get(name).and_then(Json::as_bool);
        value.ok_or_else(|| self.wrong(name, "`true` or `false`"))
    }

    /// Whether a member is null, or not there.
    pub(super) fn is_null(&self, name: &str) -> bool {
        self.json.get(name).is_none()
    }

    fn wrong(&self, name: &str, right: &str) -> PolicyError {
        not_a_state(&format!("`{}{name}` is not {right}", self.path))
    }
}

pub(super) fn not_a_state(why: &str) -> PolicyError {
    let what = format!("not a state that was written by this version: {why}");
    PolicyError::new("upstream", what)
}
