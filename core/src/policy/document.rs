//! A JSON document that is read value by value, each with its path, so that an error can say where
//! it is.

use alloc::borrow::{Cow, ToOwned};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::ops::RangeInclusive;

use crate::json::Json;

use super::PolicyError;
use crate::decision::MAX_WAIT_MS;
use crate::explanation::excerpt;
use crate::thousandths::Thousandths;

pub(super) type Read<T> = Result<T, PolicyError>;

/// How much of the document an error shows, in characters.
const LONGEST: usize = 60;

pub(super) const MILLISECONDS: RangeInclusive<u64> = 0..=MAX_WAIT_MS;

/// A value in the document and where it stands.
pub(super) struct Node<'v> {
    path: String,
    pub(super) value: &'v Json<'v>,
}

impl<'v> Node<'v> {
    /// The document as a whole.
    pub(super) fn root(value: &'v Json<'v>) -> Self {
        Self {
            path: String::new(),
            value,
        }
    }

    /// The fields of an object that has none but the `known` ones.
    pub(super) fn fields(&self, known: &[&str]) -> Read<Fields<'v>> {
        let Json::Object(members) = self.value else {
            return Err(self.not("an object"));
        };
        let fields = Fields {
            path: self.path.clone(),
            members,
        };
        let mut names = members.iter().map(|(name, _)| name);
        match names.find(|name| !known.contains(&name.as_ref())) {
            Some(unknown) => {
                let known = known.join("`, `");
                Err(PolicyError::new(
                    fields.path_of(unknown),
                    format!("no such field; known here are `{known}`"),
                ))
            }
            None => Ok(fields),
        }
    }

    pub(super) fn list<T>(&self, read: impl Fn(Node<'v>) -> Read<T>) -> Read<Vec<T>> {
        let Json::List(values) = self.value else {
            return Err(self.not("a list"));
        };
        let nodes = values.iter().enumerate();
        nodes
            .map(|(index, value)| {
                read(Node {
                    path: format!("{}[{index}]", self.path),
                    value,
                })
            })
            .collect()
    }

    pub(super) fn text(&self) -> Read<&'v str> {
        self.str().ok_or_else(|| self.not("a text"))
    }

    fn str(&self) -> Option<&'v str> {
        self.value.as_text().map(|text| text.as_ref())
    }

    /// A text that is not empty.
    pub(super) fn name(self) -> Read<String> {
        match self.str() {
            Some(text) if !text.is_empty() => Ok(text.to_owned()),
            _ => Err(self.not("a text that is not empty")),
        }
    }

    /// The name of an HTTP header, a token (RFC 9110 section 5.6.2).
    pub(super) fn header_name(self) -> Read<String> {
        let is_token =
            |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        match self.str() {
            Some(name) if !name.is_empty() && name.bytes().all(is_token) => Ok(name.to_owned()),
            _ => Err(self.not("the name of a header, such as `Idempotency-Key`")),
        }
    }

    /// An object of texts that are not empty, by name.
    pub(super) fn texts(&self) -> Read<Vec<(String, String)>> {
        let Json::Object(members) = self.value else {
            return Err(self.not("an object"));
        };
        let names: Vec<&str> = members.iter().map(|(name, _)| name.as_ref()).collect();
        let fields = self.fields(&names)?;
        names
            .into_iter()
            .map(|name| Ok((name.to_owned(), fields.required(name)?.name()?)))
            .collect()
    }

    pub(super) fn number(&self, range: RangeInclusive<u64>) -> Read<u64> {
        self.value
            .as_u64()
            .filter(|number| range.contains(number))
            .ok_or_else(|| {
                self.not(&format!(
                    "a whole number from {} to {}",
                    range.start(),
                    range.end()
                ))
            })
    }

    /// A number with up to three decimals.
    pub(super) fn thousandths(&self, range: RangeInclusive<u64>) -> Read<Thousandths> {
        let (least, most) = (*range.start(), *range.end());
        let float = match self.value {
            Json::Number(number) => number.as_f64(),
            _ => None,
        };
        let within = |number: &Thousandths| {
            (least.saturating_mul(1000)..=most.saturating_mul(1000)).contains(&number.0)
        };
        let number = float.and_then(Thousandths::from_float).filter(within);
        number.ok_or_else(|| {
            self.not(&format!(
                "a number from {least} to {most} with at most three decimals"
            ))
        })
    }

    pub(super) fn one_of<T: Copy>(
        &self,
        values: &[T],
        name: impl Fn(T) -> &'static str,
    ) -> Read<T> {
        let text = self.str();
        let found = values
            .iter()
            .copied()
            .find(|&value| Some(name(value)) == text);
        found.ok_or_else(|| {
            let names: Vec<&str> = values.iter().map(|&value| name(value)).collect();
            self.not(&format!("one of `{}`", names.join("`, `")))
        })
    }

    pub(super) fn not(&self, expected: &str) -> PolicyError {
        let value = match self.value {
            // Numbers stand by themselves, anything else in backticks.
            Json::Number(number) => number.to_string(),
            Json::Text(text) => format!("`{}`", excerpt(text, LONGEST)),
            other => {
                let json = serde_json::to_string(other).unwrap_or_default();
                format!("`{}`", excerpt(&json, LONGEST))
            }
        };
        self.error(&format!("{value} is not {expected}"))
    }

    pub(super) fn error(&self, problem: &str) -> PolicyError {
        let path = if self.path.is_empty() {
            "policy"
        } else {
            &self.path
        };
        PolicyError::new(path, String::from(problem))
    }
}

/// The fields of an object in the document.
pub(super) struct Fields<'v> {
    path: String,
    members: &'v [(Cow<'v, str>, Json<'v>)],
}

impl<'v> Fields<'v> {
    pub(super) fn optional(&self, name: &str) -> Option<Node<'v>> {
        let (_, value) = self.members.iter().rfind(|(other, _)| other == name)?;
        Some(Node {
            path: self.path_of(name),
            value,
        })
    }

    pub(super) fn required(&self, name: &str) -> Read<Node<'v>> {
        self.optional(name).ok_or_else(|| self.missing(name))
    }

    /// What a rule's condition names; nothing where it has no such condition.
    pub(super) fn condition<T>(
        &self,
        name: &str,
        read: impl Fn(Node<'v>) -> Read<T>,
    ) -> Read<Vec<T>> {
        let Some(node) = self.optional(name) else {
            return Ok(Vec::new());
        };
        let values = node.list(read)?;
        if values.is_empty() {
            return Err(node.not("a list with at least one value; name one or leave it out"));
        }
        Ok(values)
    }

    pub(super) fn missing(&self, name: &str) -> PolicyError {
        PolicyError::new(self.path_of(name), "missing")
    }

    pub(super) fn milliseconds(&self, name: &str, default: u64) -> Read<u64> {
        self.number_or(name, MILLISECONDS, default)
    }

    /// One of these words, or the `default` where there is none.
    pub(super) fn word_or<T: Copy>(
        &self,
        name: &str,
        words: &[T],
        word: impl Fn(T) -> &'static str,
        default: T,
    ) -> Read<T> {
        self.optional(name)
            .map_or(Ok(default), |node| node.one_of(words, word))
    }

    pub(super) fn optional_milliseconds(&self, name: &str) -> Read<Option<u64>> {
        let node = self.optional(name);
        node.map(|node| node.number(MILLISECONDS)).transpose()
    }

    pub(super) fn boolean(&self, name: &str, default: bool) -> Read<bool> {
        let Some(node) = self.optional(name) else {
            return Ok(default);
        };
        let read = node.value.as_bool();
        read.ok_or_else(|| node.not("`true` or `false`"))
    }

    pub(super) fn number_or(
        &self,
        name: &str,
        range: RangeInclusive<u64>,
        default: u64,
    ) -> Read<u64> {
        self.optional(name)
            .map_or(Ok(default), |node| node.number(range))
    }

    fn path_of(&self, name: &str) -> String {
        let name = match name {
            "" => "``".into(),
            name => excerpt(name, LONGEST),
        };
        if self.path.is_empty() {
            name
        } else {
            format!("{}.{name}", self.path)
        }
    }
}
