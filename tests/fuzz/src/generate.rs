//! Valid policy documents out of any bytes.

use std::sync::LazyLock;

use holdoff::{FailureClass, MAX_WAIT_MS, POLICY_SCHEMA, Phase, TransportKind};
use serde_json::{Value, json};

use crate::input::Bytes;
use crate::policies::sources;

static VERDICTS: LazyLock<Vec<Value>> = LazyLock::new(|| words("/$defs/verdict/enum"));
static SERVER_VERDICTS: LazyLock<Vec<Value>> =
    LazyLock::new(|| words("/properties/server_verdicts/items/enum"));
/// Around every limit that a wait meets.
const MILLISECONDS: [u64; 8] = [
    0,
    1,
    50,
    1000,
    60_000,
    120_000,
    MAX_WAIT_MS - 1,
    MAX_WAIT_MS,
];

/// A policy document that is valid whatever the bytes.
pub(crate) fn policy(mut bytes: Bytes<'_>) -> Value {
    let bytes = &mut bytes;
    let mut policy = json!({
        "name": "generated",
        "retries": bytes.one_of(&[0, 1, 2, 5, 1000]),
        "otherwise": { "verdict": verdict(bytes), "class": class(bytes) },
        "backoff": backoff(bytes),
        "hint": hint(bytes),
        "server_verdicts": some_of(bytes, &SERVER_VERDICTS),
        "rules": (0..bytes.u8() % 6).map(|_| rule(bytes)).collect::<Vec<_>>(),
    });
    if bytes.u8() % 4 == 3 {
        put(
            &mut policy,
            "methods",
            json!(some_of(bytes, &["GET", "POST", "PUT"])),
        );
    }
    policy
}

fn rule(bytes: &mut Bytes<'_>) -> Value {
    let mut rule = json!({ "verdict": verdict(bytes), "class": class(bytes) });
    let conditions = bytes.u8();
    if conditions % 8 == 7 {
        put(
            &mut rule,
            "transport",
            json!([bytes.one_of(TransportKind::ALL).name()]),
        );
        if conditions & 8 != 0 {
            put(&mut rule, "phase", json!([bytes.one_of(Phase::ALL).name()]));
        }
    } else {
        let status = bytes.one_of(&["429-429", "200-299", "500-599", "100-999"]);
        let word = bytes.one_of(&[
            "rate_limit_error",
            "insufficient_quota",
            "RESOURCE_EXHAUSTED",
        ]);
        let named = [
            ("status", json!([status])),
            ("error_class", json!([class(bytes)])),
            ("type", json!([word])),
            ("code", json!([word])),
        ];
        // Without any of them a rule names nothing.
        let chosen = if conditions & 15 == 0 { 1 } else { conditions };
        for ((name, values), bit) in named.into_iter().zip([1, 2, 4, 8]) {
            if chosen & bit != 0 {
                put(&mut rule, name, values);
            }
        }
        if conditions & 16 != 0 {
            put(&mut rule, "hinted", json!(true));
        }
    }
    if conditions & 32 != 0 {
        put(&mut rule, "retries", json!(bytes.one_of(&[0, 1, 7])));
    }
    if conditions & 64 != 0 {
        put(&mut rule, "min_ms", json!(bytes.one_of(&MILLISECONDS)));
    }
    rule
}

fn hint(bytes: &mut Bytes<'_>) -> Value {
    let names: Vec<&str> = sources().iter().map(|source| source.name()).collect();
    let mut names = some_of(bytes, &names);
    if bytes.u8() % 2 == 1 {
        names.reverse();
    }
    let [one, other] = [(); 2].map(|()| bytes.one_of(&MILLISECONDS));
    json!({
        "sources": names,
        "min_ms": one.min(other),
        "max_ms": one.max(other),
        "beyond_max": bytes.one_of(&["stop", "clamp", "ignore"]),
        "jitter": match bytes.u8() % 3 {
            0 => json!({ "kind": "none" }),
            1 => json!({ "kind": "additive", "span_ms": bytes.one_of(&MILLISECONDS) }),
            _ => json!({ "kind": "proportional", "up_percent": bytes.u16() % 1001 }),
        },
    })
}

fn backoff(bytes: &mut Bytes<'_>) -> Value {
    let [one, other] = [(); 2].map(|()| bytes.one_of(&MILLISECONDS));
    let thousandths = 1000_u32.saturating_add(bytes.u32() % 999_001);
    json!({
        "base_ms": one.min(other),
        "cap_ms": one.max(other),
        "cap_applies": bytes.one_of(&["after_jitter", "before_jitter"]),
        "min_ms": bytes.one_of(&MILLISECONDS),
        "factor": thousandths_of(thousandths),
        "jitter": match bytes.u8() % 6 {
            0 => json!({ "kind": "none" }),
            1 => json!({ "kind": "full" }),
            2 => json!({ "kind": "equal" }),
            3 => json!({ "kind": "decorrelated" }),
            4 => json!({ "kind": "additive", "span_ms": bytes.one_of(&MILLISECONDS) }),
            _ => json!({
                "kind": "proportional",
                "down_percent": bytes.u8() % 101,
                "up_percent": bytes.u16() % 1001,
            }),
        },
    })
}

fn verdict(bytes: &mut Bytes<'_>) -> Value {
    let index = usize::from(bytes.u8())
        .checked_rem(VERDICTS.len())
        .unwrap_or(0);
    VERDICTS.get(index).cloned().unwrap_or_default()
}

fn class(bytes: &mut Bytes<'_>) -> &'static str {
    bytes.one_of(FailureClass::ALL).name()
}

#[expect(clippy::float_arithmetic, reason = "a factor is written with a point")]
fn thousandths_of(number: u32) -> f64 {
    f64::from(number) / 1000.0
}

/// Those whose bit is set.
fn some_of<T: Clone>(bytes: &mut Bytes<'_>, names: &[T]) -> Vec<T> {
    let bits = bytes.u32();
    let chosen = names
        .iter()
        .zip(0..)
        .filter(|(_, index)| bits >> (index % 32) & 1 != 0);
    chosen.map(|(name, _)| name.clone()).collect()
}

/// The words that the schema knows at this place.
fn words(path: &str) -> Vec<Value> {
    let schema: Value = serde_json::from_str(POLICY_SCHEMA).unwrap_or_default();
    let words = schema.pointer(path).and_then(Value::as_array);
    assert!(words.is_some(), "the schema has no {path}");
    words.cloned().unwrap_or_default()
}

fn put(object: &mut Value, name: &str, value: Value) {
    if let Some(object) = object.as_object_mut() {
        object.insert(name.into(), value);
    }
}
