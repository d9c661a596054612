//! JSON as a tree that borrows its texts: error bodies and policy documents.

use alloc::borrow::Cow;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, Serializer};
use serde_json::Number;

/// A JSON value. Objects keep their order; of members with the same name the last counts.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Json<'a> {
    Null,
    Bool(bool),
    Number(Number),
    Text(Cow<'a, str>),
    List(Vec<Self>),
    Object(Vec<(Cow<'a, str>, Self)>),
}

impl<'a> Json<'a> {
    /// The value that the whole of `text` is.
    pub(crate) fn parse(text: &'a str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }

    /// The member of an object; nothing where it is null.
    pub(crate) fn get(&self, name: &str) -> Option<&Self> {
        let Self::Object(members) = self else {
            return None;
        };
        let (_, value) = members.iter().rfind(|(other, _)| other == name)?;
        (*value != Self::Null).then_some(value)
    }

    pub(crate) fn as_text(&self) -> Option<&Cow<'a, str>> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(value) => Some(*value),
            _ => None,
        }
    }

    pub(crate) fn as_u64(&self) -> Option<u64> {
        match self {
            Self::Number(number) => number.as_u64(),
            _ => None,
        }
    }

    /// The elements of a list; none of anything else.
    pub(crate) fn elements(&self) -> &[Self] {
        match self {
            Self::List(elements) => elements,
            _ => &[],
        }
    }

    /// A text, or a whole number as its digits.
    pub(crate) fn text_or_digits(&self) -> Option<Cow<'a, str>> {
        match self {
            Self::Text(text) => Some(text.clone()),
            Self::Number(number) if !number.is_f64() => Some(number.to_string().into()),
            _ => None,
        }
    }
}

impl<'de> Deserialize<'de> for Json<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyValue)
    }
}

struct AnyValue;

impl<'de> Visitor<'de> for AnyValue {
    type Value = Json<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Json::Null)
    }

    fn visit_none<E>(self) -> Result<Self::Value, E> {
        Ok(Json::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        Json::deserialize(deserializer)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        Ok(Json::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
        Ok(Json::Number(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
        Ok(Json::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Self::Value, E> {
        Ok(Number::from_f64(value).map_or(Json::Null, Json::Number))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Json::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Json::Text(Cow::Owned(text.into())))
    }

    fn visit_string<E>(self, text: String) -> Result<Self::Value, E> {
        Ok(Json::Text(Cow::Owned(text)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut elements = Vec::new();
        while let Some(element) = seq.next_element()? {
            elements.push(element);
        }
        Ok(Json::List(elements))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        /// How serde_json hands over a number where somebody has it keep all digits.
        const NUMBER: &str = "$serde_json::private::Number";
        let mut members = Vec::new();
        while let Some((name, value)) = map.next_entry()? {
            match (name, value) {
                (Json::Text(name), Json::Text(digits)) if name == NUMBER => {
                    return match Json::parse(&digits) {
                        Ok(Json::Number(number)) => Ok(Json::Number(number)),
                        _ => Err(de::Error::custom("not a number")),
                    };
                }
                (Json::Text(name), value) => members.push((name, value)),
                _ => return Err(de::Error::custom("the names of members are texts")),
            }
        }
        Ok(Json::Object(members))
    }
}

impl Serialize for Json<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Number(number) => number.serialize(serializer),
            Self::Text(text) => serializer.serialize_str(text),
            Self::List(elements) => serializer.collect_seq(elements),
            Self::Object(members) => {
                serializer.collect_map(members.iter().map(|(name, value)| (name, value)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_without_escapes_are_borrowed_and_everything_survives() {
        let text = r#"{"b":"plain","a":["e\n",null,true,-1,18446744073709551615,1.5,{}]}"#;
        let json = Json::parse(text).unwrap();
        assert!(matches!(
            json.get("b"),
            Some(Json::Text(Cow::Borrowed("plain")))
        ));
        assert_eq!(serde_json::to_string(&json).unwrap(), text);
    }

    #[test]
    fn the_last_member_of_a_name_counts_and_null_is_no_value() {
        let json = Json::parse(r#"{"a":1,"a":2,"b":1,"b":null}"#).unwrap();
        assert_eq!(json.get("a").and_then(Json::as_u64), Some(2));
        assert_eq!(json.get("b"), None);
        assert_eq!(Json::Null.get("a"), None);
    }

    #[test]
    fn whole_numbers_are_digits() {
        let digits = |text| Json::parse(text).unwrap().text_or_digits();
        assert_eq!(digits("1300").as_deref(), Some("1300"));
        assert_eq!(digits("-1").as_deref(), Some("-1"));
        assert_eq!(digits("\"x\"").as_deref(), Some("x"));
        assert_eq!(digits("1.5"), None);
        assert_eq!(digits("[]"), None);
    }
}
