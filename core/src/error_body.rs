//! What the server says of the error in the response's body.

use alloc::borrow::Cow;
use alloc::string::{String, ToString};
use core::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};

/// How much of a body is looked at. Error bodies are small; what is larger is not one.
pub const MAX_BODY_BYTES: usize = 64 * 1024;

/// The error envelope `{"error": {"message", "type", "code", "param"}}`, any part of which may be
/// missing. A number in place of a text is read as its digits; anything else there is passed over.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ErrorBody<'a> {
    /// What went wrong, for a person.
    pub message: Option<Cow<'a, str>>,
    /// The vendor's kind of error, such as `rate_limit_error`.
    #[serde(rename = "type")]
    pub kind: Option<Cow<'a, str>>,
    /// The vendor's code for the error.
    pub code: Option<Cow<'a, str>>,
    /// The request's parameter that is at fault.
    pub param: Option<Cow<'a, str>>,
}

impl<'a> ErrorBody<'a> {
    /// The envelope in `body`, or nothing where there is none.
    ///
    /// Total: any bytes are accepted, and only the first [`MAX_BODY_BYTES`] are looked at. Of JSON
    /// that is cut or broken, the parts before the fault count.
    pub fn parse(body: &'a [u8]) -> Option<Self> {
        let body = body.get(..MAX_BODY_BYTES).unwrap_or(body);
        if !body.trim_ascii_start().starts_with(b"{") {
            return None;
        }
        match core::str::from_utf8(body) {
            Ok(text) => Self::parse_text(text),
            Err(_) => {
                let text = String::from_utf8_lossy(body);
                ErrorBody::parse_text(&text).map(ErrorBody::into_owned)
            }
        }
    }

    fn parse_text(text: &'a str) -> Option<Self> {
        let mut found = None;
        let mut json = serde_json::Deserializer::from_str(text);
        // A fault in the JSON ends the reading; what was found before it stays in `found`.
        let envelope = Envelope {
            found: &mut found,
            inside: false,
        };
        let _ = envelope.deserialize(&mut json);
        found
    }

    /// The same, with texts of its own.
    pub fn into_owned(self) -> ErrorBody<'static> {
        let owned = |text: Option<Cow<'_, str>>| text.map(|text| Cow::Owned(text.into_owned()));
        ErrorBody {
            message: owned(self.message),
            kind: owned(self.kind),
            code: owned(self.code),
            param: owned(self.param),
        }
    }
}

/// Reads the outer object, or the value of its `error`, into the place it borrows, so that a fault
/// loses nothing. A value of another kind than expected is no fault; it says nothing.
struct Envelope<'f, 'a> {
    found: &'f mut Option<ErrorBody<'a>>,
    inside: bool,
}

impl<'de> DeserializeSeed<'de> for Envelope<'_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Envelope<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        if !self.inside {
            while let Some(Text(key)) = map.next_key()? {
                let (found, inside) = (&mut *self.found, true);
                match key.as_deref() {
                    Some("error") => map.next_value_seed(Envelope { found, inside })?,
                    _ => map.next_value::<IgnoredAny>().map(drop)?,
                }
            }
            return Ok(());
        }
        let error = self.found.insert(ErrorBody::default());
        while let Some(Text(key)) = map.next_key()? {
            let part = match key.as_deref() {
                Some("message") => &mut error.message,
                Some("type") => &mut error.kind,
                Some("code") => &mut error.code,
                Some("param") => &mut error.param,
                _ => {
                    map.next_value::<IgnoredAny>()?;
                    continue;
                }
            };
            *part = map.next_value::<Text<'de>>()?.0;
        }
        Ok(())
    }

    /// `{"error": "…"}` is the message alone.
    fn visit_borrowed_str<E>(self, message: &'de str) -> Result<(), E> {
        if self.inside {
            self.found.insert(ErrorBody::default()).message = Some(Cow::Borrowed(message));
        }
        Ok(())
    }

    fn visit_str<E>(self, message: &str) -> Result<(), E> {
        if self.inside {
            self.found.insert(ErrorBody::default()).message = Some(Cow::Owned(message.into()));
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}

/// A text, or a whole number as its digits; nothing for any other value.
struct Text<'a>(Option<Cow<'a, str>>);

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextVisitor)
    }
}

struct TextVisitor;

impl<'de> Visitor<'de> for TextVisitor {
    type Value = Text<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Text(Some(Cow::Borrowed(text))))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Text(Some(Cow::Owned(text.into()))))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Text(Some(Cow::Owned(number.to_string()))))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Text(Some(Cow::Owned(number.to_string()))))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(Text(None))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(Text(None))
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Text(None))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Text(None))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Text(None))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    fn parts(body: &[u8]) -> Option<[Option<String>; 4]> {
        ErrorBody::parse(body).map(|error| {
            [error.message, error.kind, error.code, error.param].map(|p| p.map(Cow::into_owned))
        })
    }

    fn some(text: &str) -> Option<String> {
        Some(text.into())
    }

    #[test]
    fn a_whole_envelope() {
        let body = br#"{"id":[1,{}],"error":{"message":"m\n","type":"t","code":"c","param":"p"}}"#;
        assert_eq!(
            parts(body),
            Some([some("m\n"), some("t"), some("c"), some("p")])
        );
    }

    #[test]
    fn missing_and_malformed_parts_are_tolerated() {
        assert_eq!(parts(br#"{"error":{}}"#), Some([None, None, None, None]));
        let body = br#"{"error":{"type":["t"],"code":1300,"message":null,"param":{"a":1}}}"#;
        assert_eq!(parts(body), Some([None, None, some("1300"), None]));
        let body = br#"{"error":{"type":true,"code":1.5,"param":-1,"message":"m"}} and more"#;
        assert_eq!(parts(body), Some([some("m"), None, None, some("-1")]));
        assert_eq!(
            parts(br#"{"error":"busy"}"#),
            Some([some("busy"), None, None, None])
        );
        assert_eq!(
            parts(br#"{"error":"b\"usy"}"#),
            Some([some("b\"usy"), None, None, None])
        );
    }

    #[test]
    fn what_is_no_envelope_is_none() {
        for body in [
            "",
            " ",
            "null",
            "[]",
            "1",
            "\"error\"",
            "{}",
            "{\"error\":",
            "<html>",
            "{\"Error\":{}}",
            "{\"error\":null}",
            "{\"error\":[{\"type\":\"t\"}]}",
            "{\"error\":1}",
            "{\"error\":1.5}",
            "{\"error\":true}",
            "{\"error\":-1}",
        ] {
            assert_eq!(parts(body.as_bytes()), None, "{body}");
        }
    }

    #[test]
    fn of_broken_json_the_parts_before_the_fault_count() {
        let cut = br#"{"error":{"type":"t","code":"insuff"#;
        assert_eq!(parts(cut), Some([None, some("t"), None, None]));
        assert_eq!(
            parts(b"{\"error\":{\"type\":\"t\",\"message\":\"\xFF\"}}").unwrap()[1],
            some("t")
        );
        let deep = [
            b"{\"error\":{\"type\":\"t\",\"x\":".as_slice(),
            &[b'['; 9999],
        ]
        .concat();
        assert_eq!(parts(&deep), Some([None, some("t"), None, None]));
    }

    #[test]
    fn only_the_first_64_kib_are_looked_at() {
        let mut body = Vec::from(br#"{"error":{"type":"t","message":""#);
        body.resize(MAX_BODY_BYTES, b'm');
        body.extend(br#"","code":"c"}}"#);
        assert_eq!(parts(&body), Some([None, some("t"), None, None]));
    }
}
