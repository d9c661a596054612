//! Reads a policy document, field by field, so that an error can say where it is and what would be
//! right there.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::ops::RangeInclusive;

use serde_json::{Map, Value};

use super::{Policy, PolicyError};
use crate::backoff::{Backoff, CapApplies, Factor};
use crate::decision::{FailureClass, MAX_WAIT_MS, Source};
use crate::failure::TransportKind;
use crate::hint::{BeyondMax, HintRules};
use crate::jitter::Jitter;
use crate::verdict::{Outcome, Rule, StatusRange, Verdict};

type Read<T> = Result<T, PolicyError>;

/// Three digits is what HTTP has for a status (RFC 9112 section 4).
const STATUSES: RangeInclusive<u16> = 100..=999;
const RETRIES: RangeInclusive<u64> = 0..=1000;
const MILLISECONDS: RangeInclusive<u64> = 0..=MAX_WAIT_MS;

pub(super) fn policy(document: &Value) -> Read<Policy> {
    let fields = Node {
        path: String::new(),
        value: document,
    }
    .fields(&[
        "name",
        "description",
        "retries",
        "methods",
        "rules",
        "otherwise",
        "hint",
        "backoff",
        "advice",
        // So that editors can check a document as it is written.
        "$schema",
    ])?;
    let description = fields
        .optional("description")
        .map(|node| node.text())
        .transpose()?;
    let methods = fields
        .optional("methods")
        .map(|node| node.list(Node::name))
        .transpose()?;
    Ok(Policy {
        name: fields.required("name")?.name()?,
        description: description.unwrap_or_default().into(),
        retries: u32::try_from(fields.required("retries")?.number(RETRIES)?).unwrap_or(u32::MAX),
        methods,
        rules: fields.required("rules")?.list(rule)?,
        otherwise: fields.required("otherwise").and_then(|node| {
            let fields = node.fields(&["verdict", "class"])?;
            outcome(&fields)
        })?,
        hint: fields
            .optional("hint")
            .map(hint)
            .transpose()?
            .unwrap_or_default(),
        backoff: backoff(fields.required("backoff")?)?,
        advice: fields
            .optional("advice")
            .map(advice)
            .transpose()?
            .unwrap_or_default(),
    })
}

fn rule(node: Node<'_>) -> Read<Rule> {
    let fields = node.fields(&["status", "type", "code", "transport", "verdict", "class"])?;
    let rule = Rule {
        status: fields.condition("status", status)?,
        error_type: fields.condition("type", Node::name)?,
        error_code: fields.condition("code", Node::name)?,
        transport: fields.condition("transport", |kind| {
            kind.one_of(TransportKind::ALL, TransportKind::name)
        })?,
        outcome: outcome(&fields)?,
    };
    let about_response = !rule.status.is_empty() || rule.reads_body();
    match (about_response, !rule.transport.is_empty()) {
        (true, false) | (false, true) => Ok(rule),
        (false, false) => {
            Err(node.error("names no failure; give `status`, `type`, `code` or `transport`"))
        }
        (true, true) => Err(node.error(
            "can never apply: a transport failure has no `status`, `type` or `code`; make it two rules",
        )),
    }
}

fn outcome(fields: &Fields<'_>) -> Read<Outcome> {
    Ok(Outcome {
        verdict: fields
            .required("verdict")?
            .one_of(Verdict::ALL, Verdict::name)?,
        class: fields
            .required("class")?
            .one_of(FailureClass::ALL, FailureClass::name)?,
    })
}

fn status(node: Node<'_>) -> Read<StatusRange> {
    let expected = || node.not("a status from 100 to 999, or a range such as \"500-599\"");
    let (first, last) = match node.value {
        Value::Number(number) => {
            let status = number
                .as_u64()
                .and_then(|status| u16::try_from(status).ok());
            (status, status)
        }
        Value::String(range) => {
            let (first, last) = range.split_once('-').ok_or_else(expected)?;
            (first.parse().ok(), last.parse().ok())
        }
        _ => return Err(expected()),
    };
    match (first, last) {
        (Some(first), Some(last))
            if STATUSES.contains(&first) && STATUSES.contains(&last) && first <= last =>
        {
            Ok(StatusRange { first, last })
        }
        _ => Err(expected()),
    }
}

fn hint(node: Node<'_>) -> Read<HintRules> {
    let fields = node.fields(&["sources", "min_ms", "max_ms", "beyond_max", "jitter"])?;
    let known: Vec<Source> = Source::ALL
        .iter()
        .copied()
        .filter(|source| source.is_header())
        .collect();
    let defaults = HintRules::default();
    let rules = HintRules {
        sources: fields
            .required("sources")?
            .list(|node| node.one_of(&known, Source::name))?,
        min_ms: fields.milliseconds("min_ms", defaults.min_ms)?,
        max_ms: fields.milliseconds("max_ms", defaults.max_ms)?,
        beyond_max: match fields.optional("beyond_max") {
            Some(node) => node.one_of(BeyondMax::ALL, BeyondMax::name)?,
            None => defaults.beyond_max,
        },
        jitter: fields
            .optional("jitter")
            .map(jitter)
            .transpose()?
            .unwrap_or(defaults.jitter),
    };
    if rules.max_ms < rules.min_ms {
        return Err(PolicyError::new(
            "hint.max_ms",
            format!(
                "{} is less than hint.min_ms, {}",
                rules.max_ms, rules.min_ms
            ),
        ));
    }
    if !rules.jitter.only_adds() {
        return Err(PolicyError::new(
            "hint.jitter",
            "would make the wait shorter than the server asks for; \
             take `none`, `additive` or `proportional` with a `down_percent` of 0",
        ));
    }
    Ok(rules)
}

fn backoff(node: Node<'_>) -> Read<Backoff> {
    let fields = node.fields(&["base_ms", "factor", "cap_ms", "cap_applies", "jitter"])?;
    let backoff = Backoff {
        base_ms: fields.required("base_ms")?.number(MILLISECONDS)?,
        factor: factor(fields.required("factor")?)?,
        cap_ms: fields.milliseconds("cap_ms", MAX_WAIT_MS)?,
        cap_applies: match fields.optional("cap_applies") {
            Some(node) => node.one_of(CapApplies::ALL, CapApplies::name)?,
            // It makes a difference that nobody should have to know by heart.
            None if fields.optional("cap_ms").is_some() => {
                return Err(fields.missing("cap_applies"));
            }
            None => CapApplies::AfterJitter,
        },
        jitter: jitter(fields.required("jitter")?)?,
    };
    if backoff.cap_ms < backoff.base_ms {
        return Err(PolicyError::new(
            "backoff.cap_ms",
            format!(
                "{} is less than backoff.base_ms, {}",
                backoff.cap_ms, backoff.base_ms
            ),
        ));
    }
    Ok(backoff)
}

#[expect(
    clippy::float_arithmetic,
    reason = "reading only: decisions compute with thousandths"
)]
fn factor(node: Node<'_>) -> Read<Factor> {
    let expected = || node.not("a number from 1 to 1000 with at most three decimals");
    let factor = node
        .value
        .as_f64()
        .filter(|factor| (1.0..=1000.0).contains(factor));
    let factor = factor.ok_or_else(expected)?;
    let thousandths = (factor * 1000.0 + 0.5) as u64;
    // Whatever has more decimals is not what its thousandths stand for.
    let exact = thousandths as f64 / 1000.0 == factor;
    if exact {
        Ok(Factor { thousandths })
    } else {
        Err(expected())
    }
}

fn jitter(node: Node<'_>) -> Read<Jitter> {
    const KINDS: [&str; 6] = [
        "none",
        "additive",
        "full",
        "equal",
        "proportional",
        "decorrelated",
    ];
    let any_fields = node.fields(&["kind", "span_ms", "down_percent", "up_percent"])?;
    let kind = any_fields.required("kind")?.one_of(&KINDS, |kind| kind)?;
    match kind {
        "additive" => {
            let fields = node.fields(&["kind", "span_ms"])?;
            Ok(Jitter::Additive {
                span_ms: fields.required("span_ms")?.number(MILLISECONDS)?,
            })
        }
        "proportional" => {
            let fields = node.fields(&["kind", "down_percent", "up_percent"])?;
            let percent = |name, most| match fields.optional(name) {
                Some(node) => node.number(0..=most),
                None => Ok(0),
            };
            let down_percent = percent("down_percent", 100)?;
            Ok(Jitter::Proportional {
                down_percent,
                up_percent: percent("up_percent", 1000)?,
            })
        }
        simple => {
            node.fields(&["kind"])?;
            Ok(match simple {
                "full" => Jitter::Full,
                "equal" => Jitter::Equal,
                "decorrelated" => Jitter::Decorrelated,
                _ => Jitter::None,
            })
        }
    }
}

fn advice(node: Node<'_>) -> Read<Vec<(FailureClass, String)>> {
    let names: Vec<&str> = FailureClass::ALL.iter().map(|class| class.name()).collect();
    let fields = node.fields(&names)?;
    let classes = FailureClass::ALL.iter();
    let present = classes.filter_map(|class| Some((*class, fields.optional(class.name())?)));
    present
        .map(|(class, node)| Ok((class, node.text()?.to_owned())))
        .collect()
}

/// A value in the document and where it stands.
struct Node<'v> {
    path: String,
    value: &'v Value,
}

impl<'v> Node<'v> {
    /// The fields of an object that has none but the `known` ones.
    fn fields(&self, known: &[&str]) -> Read<Fields<'v>> {
        let Value::Object(map) = self.value else {
            return Err(self.not("an object"));
        };
        let fields = Fields {
            path: self.path.clone(),
            map,
        };
        match map.keys().find(|key| !known.contains(&key.as_str())) {
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

    fn list<T>(&self, read: impl Fn(Node<'v>) -> Read<T>) -> Read<Vec<T>> {
        let Value::Array(values) = self.value else {
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

    fn text(&self) -> Read<&'v str> {
        self.value.as_str().ok_or_else(|| self.not("a text"))
    }

    /// A text that is not empty.
    fn name(self) -> Read<String> {
        match self.value.as_str() {
            Some(text) if !text.is_empty() => Ok(text.to_owned()),
            _ => Err(self.not("a text that is not empty")),
        }
    }

    fn number(&self, range: RangeInclusive<u64>) -> Read<u64> {
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

    fn one_of<T: Copy>(&self, values: &[T], name: impl Fn(T) -> &'static str) -> Read<T> {
        let text = self.value.as_str();
        let found = values
            .iter()
            .copied()
            .find(|&value| Some(name(value)) == text);
        found.ok_or_else(|| {
            let names: Vec<&str> = values.iter().map(|&value| name(value)).collect();
            self.not(&format!("one of `{}`", names.join("`, `")))
        })
    }

    fn not(&self, expected: &str) -> PolicyError {
        let value = match self.value {
            // Numbers stand by themselves, anything else in backticks.
            Value::Number(number) => number.to_string(),
            Value::String(text) => format!("`{}`", excerpt(text)),
            other => format!("`{}`", excerpt(&other.to_string())),
        };
        self.error(&format!("{value} is not {expected}"))
    }

    fn error(&self, problem: &str) -> PolicyError {
        let path = if self.path.is_empty() {
            "policy"
        } else {
            &self.path
        };
        PolicyError::new(path, String::from(problem))
    }
}

/// The fields of an object in the document.
struct Fields<'v> {
    path: String,
    map: &'v Map<String, Value>,
}

impl<'v> Fields<'v> {
    fn optional(&self, name: &str) -> Option<Node<'v>> {
        let value = self.map.get(name)?;
        Some(Node {
            path: self.path_of(name),
            value,
        })
    }

    fn required(&self, name: &str) -> Read<Node<'v>> {
        self.optional(name).ok_or_else(|| self.missing(name))
    }

    /// What a rule's condition names; nothing where it has no such condition.
    fn condition<T>(&self, name: &str, read: impl Fn(Node<'v>) -> Read<T>) -> Read<Vec<T>> {
        let Some(node) = self.optional(name) else {
            return Ok(Vec::new());
        };
        let values = node.list(read)?;
        if values.is_empty() {
            return Err(node.not("a list with at least one value; name one or leave it out"));
        }
        Ok(values)
    }

    fn missing(&self, name: &str) -> PolicyError {
        PolicyError::new(self.path_of(name), "missing")
    }

    fn milliseconds(&self, name: &str, default: u64) -> Read<u64> {
        self.optional(name)
            .map_or(Ok(default), |node| node.number(MILLISECONDS))
    }

    fn path_of(&self, name: &str) -> String {
        let name = excerpt(name);
        if self.path.is_empty() {
            name
        } else {
            format!("{}.{name}", self.path)
        }
    }
}

/// The beginning of a text, so that an error stays readable whatever the document holds.
fn excerpt(text: &str) -> String {
    const LONGEST: usize = 60;
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or(text)),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{POLICY_SCHEMA, Policy};
    use crate::presets::preset_document;
    use alloc::string::{String, ToString};
    use alloc::vec::Vec;
    use alloc::{format, vec};
    use serde_json::{Value, json};

    fn tessera() -> Value {
        serde_json::from_str(preset_document("tessera").unwrap()).unwrap()
    }

    /// The error when the value at `pointer` of tessera's document is replaced.
    fn error(pointer: &str, value: Value) -> String {
        let mut document = tessera();
        *document.pointer_mut(pointer).unwrap() = value;
        Policy::from_json(&document.to_string())
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn errors_name_the_path_the_value_and_what_would_be_right() {
        assert_eq!(
            error("/backoff/cap_ms", json!(500)),
            "backoff.cap_ms: 500 is less than backoff.base_ms, 1000"
        );
        assert_eq!(
            error("/retries", json!(-1)),
            "retries: -1 is not a whole number from 0 to 1000"
        );
        assert_eq!(
            error("/rules/3/verdict", json!("maybe")),
            "rules[3].verdict: `maybe` is not one of `retry`, `stop`"
        );
        assert_eq!(
            error("/rules/12/status/0", json!("5xx")),
            "rules[12].status[0]: `5xx` is not a status from 100 to 999, \
             or a range such as \"500-599\""
        );
        assert_eq!(
            error("/backoff/factor", json!(1.2345)),
            "backoff.factor: 1.2345 is not a number from 1 to 1000 with at most three decimals"
        );
        assert_eq!(
            error("/backoff/jitter", json!({"kind": "full", "span_ms": 1})),
            "backoff.jitter.span_ms: no such field; known here are `kind`"
        );
        assert_eq!(error("", json!([1])), "policy: `[1]` is not an object");
        assert_eq!(
            Policy::from_json("{").unwrap_err().to_string(),
            "policy: not JSON: EOF while parsing an object at line 1 column 1"
        );
    }

    #[test]
    fn a_document_with_every_default_spelt_out_is_the_same_policy() {
        let policy = Policy::tessera();
        assert_eq!(Policy::from_json(&policy.to_json()), Ok(policy.clone()));
        let through_serde: Policy = serde_json::from_str(&policy.to_json()).unwrap();
        assert_eq!(through_serde, policy);
    }

    /// Every path of the schema's objects with its properties and required fields, and every list
    /// of names in it, followed through `$ref`.
    #[test]
    fn the_schema_has_the_fields_and_names_that_are_read() {
        let schema: Value = serde_json::from_str(POLICY_SCHEMA).unwrap();
        for (pointer, probe) in [
            ("", ""),
            ("/$defs/rule", "/rules/0"),
            ("/$defs/outcome", "/otherwise"),
            ("/$defs/hint", "/hint"),
            ("/$defs/backoff", "/backoff"),
        ] {
            let object = schema.pointer(pointer).unwrap();
            let unknown = with_field(probe, "?", json!(0));
            let known = unknown
                .split_once("known here are `")
                .unwrap()
                .1
                .trim_end_matches('`');
            let mut read: Vec<&str> = known.split("`, `").collect();
            let mut described: Vec<&String> =
                object["properties"].as_object().unwrap().keys().collect();
            read.sort_unstable();
            described.sort_unstable();
            assert_eq!(read, described, "{pointer}");
            for name in read {
                // What another field requires counts: the probe has all of them.
                let dependent = object["dependentRequired"].as_object();
                let mut lists: Vec<&Value> =
                    dependent.iter().flat_map(|map| map.values()).collect();
                lists.push(&object["required"]);
                let required = lists
                    .iter()
                    .any(|list| list.as_array().unwrap().contains(&json!(name)));
                let missing = without_field(probe, name).is_some_and(|e| e.ends_with(": missing"));
                assert_eq!(required, missing, "{pointer} {name}");
            }
            assert_eq!(object["additionalProperties"], json!(false), "{pointer}");
        }
        for (pointer, probe) in [
            ("/$defs/verdict/enum", "/otherwise/verdict"),
            ("/$defs/class/enum", "/otherwise/class"),
            (
                "/$defs/rule/properties/transport/items/enum",
                "/rules/23/transport/0",
            ),
            (
                "/$defs/hint/properties/sources/items/enum",
                "/hint/sources/0",
            ),
            ("/$defs/hint/properties/beyond_max/enum", "/hint/beyond_max"),
            (
                "/$defs/backoff/properties/cap_applies/enum",
                "/backoff/cap_applies",
            ),
        ] {
            let names = schema.pointer(pointer).unwrap().as_array().unwrap();
            let names: Vec<&str> = names.iter().map(|name| name.as_str().unwrap()).collect();
            let (object, field) = probe.rsplit_once('/').unwrap();
            let text = match field.parse::<usize>() {
                Ok(_) => error(probe, json!("?")),
                Err(_) => with_field(object, field, json!("?")),
            };
            let expected = format!("`?` is not one of `{}`", names.join("`, `"));
            assert!(text.ends_with(&expected), "{pointer}: {text} {expected}");
        }
        let kinds = schema["$defs"]["jitter"]["oneOf"]
            .as_array()
            .unwrap()
            .iter();
        let names: Vec<&str> = kinds
            .flat_map(|kind| kind["properties"]["kind"]["enum"].as_array().unwrap())
            .map(|name| name.as_str().unwrap())
            .collect();
        let text = error("/backoff/jitter/kind", json!("?"));
        let (_, read) = text.split_once("one of `").unwrap();
        let mut read: Vec<&str> = read.trim_end_matches('`').split("`, `").collect();
        let mut described = names.clone();
        read.sort_unstable();
        described.sort_unstable();
        assert_eq!(read, described);
    }

    fn with_field(pointer: &str, field: &str, value: Value) -> String {
        let mut document = tessera();
        document.pointer_mut(pointer).unwrap()[field] = value;
        Policy::from_json(&document.to_string())
            .unwrap_err()
            .to_string()
    }

    fn without_field(pointer: &str, field: &str) -> Option<String> {
        let mut document = tessera();
        document
            .pointer_mut(pointer)
            .unwrap()
            .as_object_mut()
            .unwrap()
            .remove(field);
        Policy::from_json(&document.to_string())
            .err()
            .map(|error| error.to_string())
    }

    #[test]
    fn contradictions_are_refused() {
        let jitter = with_field("/hint", "jitter", json!({"kind": "full"}));
        assert!(
            jitter.starts_with("hint.jitter: would make the wait shorter"),
            "{jitter}"
        );
        let both = with_field("/rules/0", "transport", json!(["dns"]));
        assert!(both.starts_with("rules[0]: can never apply"), "{both}");
        let neither = error("/rules/0", json!({"verdict": "stop", "class": "other"}));
        assert!(
            neither.starts_with("rules[0]: names no failure"),
            "{neither}"
        );
        let long = error("/name", json!(vec!["x".repeat(999)]));
        assert!(long.chars().count() < 150, "{long}");
    }
}
