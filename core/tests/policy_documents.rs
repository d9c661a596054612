//! Policy documents: what their errors say, and that the schema describes what is read.

#![cfg(test)]

use holdoff::{POLICY_SCHEMA, Policy, preset_document};
use serde_json::{Value, json};

fn tessera() -> Value {
    serde_json::from_str(preset_document("tessera").unwrap()).unwrap()
}

/// Tessera's document with every kind of list and object in it that a policy can have.
fn with_everything() -> Value {
    let mut document = tessera();
    document["rules"][23]["phase"] = json!(["sent"]);
    document["rules"][12]["hinted"] = json!(["retry-after"]);
    document["server_verdicts"] = json!(["retryable"]);
    document["idempotency_key_header"] = json!("Idempotency-Key");
    document["hint"]["sources"] = json!(["retry-after-ms", {
        "source": "retry-after",
        "reads": ["whole"],
        "jitter": {"kind": "additive", "span_ms": 5}
    }]);
    document["upstream"] = json!({
        "hold": {"spread_percent": 100, "spread_ms": 500},
        "budget": {"capacity": 500, "cost": 14, "success_refill": 0.1, "refund": true},
        "breaker": {
            "failures": 5, "probe_base_ms": 500, "probe_factor": 2, "probe_cap_ms": 8000,
            "start_percent": 10, "percent_per_second": 10, "least_per_minute": 6
        },
        "pace": {"decrease_percent": 30, "percent_per_second": 5, "least_per_minute": 6}
    });
    document["client"] = json!({
        "package": "openai",
        "registry": "PyPI",
        "versions": ">=2.52.1",
        "checked": "3.54.0",
        "configured": "max_retries=2",
        "read_in": ["openai/_base_client.py"],
        "peculiar": ["a long hint ends the call"],
        "known_differences": {"infinite": "what is infinite there is none here"}
    });
    document
}

/// The error when the value at `pointer` of tessera's document is replaced.
fn error(pointer: &str, value: Value) -> String {
    let mut document = with_everything();
    *document.pointer_mut(pointer).unwrap() = value;
    Policy::from_json(&document.to_string())
        .unwrap_err()
        .to_string()
}

#[test]
fn a_policy_may_ask_for_an_idempotency_key() {
    assert_eq!(Policy::tessera().idempotency_key_header(), None);
    let policy = Policy::from_json(&with_everything().to_string()).unwrap();
    assert_eq!(policy.idempotency_key_header(), Some("Idempotency-Key"));
    assert_eq!(Policy::from_json(&policy.to_json()), Ok(policy));
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
        "rules[3].verdict: `maybe` is not one of `retry`, `retry_if_idempotent`, `stop`"
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
    for document in [tessera(), with_everything()] {
        let policy = Policy::from_json(&document.to_string()).unwrap();
        assert_eq!(Policy::from_json(&policy.to_json()), Ok(policy.clone()));
        let through_serde: Policy = serde_json::from_str(&policy.to_json()).unwrap();
        assert_eq!(through_serde, policy);
    }
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
        (
            "/$defs/hint/properties/sources/items/oneOf/1",
            "/hint/sources/1",
        ),
        ("/$defs/backoff", "/backoff"),
        ("/properties/client", "/client"),
        ("/$defs/upstream", "/upstream"),
        ("/$defs/upstream/properties/hold", "/upstream/hold"),
        ("/$defs/upstream/properties/budget", "/upstream/budget"),
        ("/$defs/upstream/properties/breaker", "/upstream/breaker"),
        ("/$defs/upstream/properties/pace", "/upstream/pace"),
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
            // What another field requires counts where the probe has that field.
            let dependent = object["dependentRequired"]
                .as_object()
                .into_iter()
                .flatten();
            let document = with_everything();
            let has = |other: &str| document.pointer(&format!("{probe}/{other}")).is_some();
            let mut lists: Vec<&Value> = dependent
                .filter(|(other, _)| has(other))
                .map(|(_, names)| names)
                .collect();
            lists.extend(object.get("required"));
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
            "/$defs/rule/properties/phase/items/enum",
            "/rules/23/phase/0",
        ),
        (
            "/properties/server_verdicts/items/enum",
            "/server_verdicts/0",
        ),
        ("/$defs/source/enum", "/hint/sources/0"),
        ("/$defs/source/enum", "/hint/sources/1/source"),
        ("/$defs/source/enum", "/rules/12/hinted/0"),
        (
            "/$defs/hint/properties/sources/items/oneOf/1/properties/reads/items/enum",
            "/hint/sources/1/reads/0",
        ),
        ("/$defs/hint/properties/clock/enum", "/hint/clock"),
        ("/$defs/hint/properties/zero/enum", "/hint/zero"),
        ("/$defs/hint/properties/past/enum", "/hint/past"),
        ("/$defs/hint/properties/beyond_max/enum", "/hint/beyond_max"),
        (
            "/$defs/backoff/properties/cap_applies/enum",
            "/backoff/cap_applies",
        ),
        (
            "/$defs/backoff/properties/min_applies/enum",
            "/backoff/min_applies",
        ),
        (
            "/properties/client/properties/registry/enum",
            "/client/registry",
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
    let mut document = with_everything();
    document.pointer_mut(pointer).unwrap()[field] = value;
    Policy::from_json(&document.to_string())
        .unwrap_err()
        .to_string()
}

fn without_field(pointer: &str, field: &str) -> Option<String> {
    let mut document = with_everything();
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
    let own = json!({"source": "retry-after", "jitter": {"kind": "equal"}});
    let jitter = error("/hint/sources/0", own);
    assert!(
        jitter.starts_with("hint.sources[0].jitter: would make the wait shorter"),
        "{jitter}"
    );
    assert_eq!(
        error(
            "/hint/sources/0",
            json!({"source": "ratelimit", "reads": ["whole"]})
        ),
        "hint.sources[0].reads: `ratelimit` is not one header with a wait or a time, \
         so it can't be told how to read it"
    );
    assert_eq!(
        error("/rules/12/hinted", json!(false)),
        "rules[12].hinted: `false` is not `true` or a list of sources with at least one; \
         leave it out where it doesn't matter"
    );
    assert_eq!(
        error("/client/known_differences", json!({"nan": ""})),
        "client.known_differences.nan: `` is not a text that is not empty"
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
