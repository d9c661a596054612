//! Inputs to begin with, made of what all languages share: the vectors and the responses.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use holdoff::{PRESET_NAMES, from_rfc3339, preset_document};
use serde_json::Value;

use crate::input::{Facts, Input};
use crate::policies::{hearing_only, sources};
use crate::{Result, pairs_of};

/// What is in `tests/vectors` and `tests/responses`.
#[derive(Debug)]
pub struct Shared {
    cases: Vec<Value>,
    responses: Vec<Vec<u8>>,
}

impl Shared {
    /// Everything in the two folders; a sentence where there is nothing.
    pub fn read() -> Result<Self> {
        let responses = files("responses", "http")?;
        let mut cases = Vec::new();
        for text in files("vectors", "json")? {
            let file: Value = serde_json::from_slice(&text).map_err(|error| error.to_string())?;
            let policies = file.get("policies");
            let of_file = file.get("cases").and_then(Value::as_array);
            cases.extend(of_file.into_iter().flatten().cloned().map(|mut case| {
                if let Some(policy) = case.pointer_mut("/input/policy")
                    && let Some(own) = policy.as_str().and_then(|name| policies?.get(name))
                {
                    *policy = own.clone();
                }
                case
            }));
        }
        if cases.is_empty() {
            return Err("tests/vectors holds no case".into());
        }
        Ok(Self { cases, responses })
    }

    fn inputs(&self) -> impl Iterator<Item = &Value> {
        self.cases.iter().filter_map(|case| case.get("input"))
    }
}

fn files(folder: &str, extension: &str) -> Result<Vec<Vec<u8>>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .join(folder);
    let error = |path: &Path, error| format!("{} can't be read: {error}", path.display());
    let entries = fs::read_dir(&folder).map_err(|e| error(&folder, e))?;
    let paths = entries.filter_map(|entry| entry.ok().map(|entry| entry.path()));
    let paths: BTreeSet<PathBuf> = paths
        .filter(|path| path.extension() == Some(OsStr::new(extension)))
        .collect();
    if paths.is_empty() {
        return Err(format!("{} holds no .{extension} file", folder.display()));
    }
    paths
        .iter()
        .map(|path| fs::read(path).map_err(|e| error(path, e)))
        .collect()
}

pub(crate) fn of_response_head(shared: &Shared) -> Vec<Vec<u8>> {
    let heads = shared.inputs().map(|input| {
        let headers = headers_of(input);
        format!("HTTP/1.1 429 x\r\n{}\r\n", headers.replace('\n', "\r\n")).into_bytes()
    });
    shared.responses.iter().cloned().chain(heads).collect()
}

pub(crate) fn of_hint_value(shared: &Shared) -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for input in shared.inputs() {
        let facts = facts_of(input);
        let headers = headers_of(input);
        let pairs = pairs_of(&headers);
        let line = |name: &str| {
            let found = pairs
                .iter()
                .find(|(other, _)| other.eq_ignore_ascii_case(name));
            found.map_or("-", |(_, value)| value.trim())
        };
        for (source, index) in sources().iter().zip(0_u8..) {
            let subject = hearing_only(*source);
            for nth in 0..7_u8 {
                let (name, left) = subject.value_and_left(nth.into());
                let values = pairs
                    .iter()
                    .filter(|(other, _)| other.eq_ignore_ascii_case(name));
                let values: Vec<&str> = values.map(|(_, value)| value.trim()).collect();
                if values.is_empty() {
                    continue;
                }
                let flags = (facts.known & Facts::NOW) << 1;
                let mut seed = vec![index, flags, nth];
                seed.extend(facts.now_ms.to_le_bytes());
                let lines = [line("date"), line("age"), line(left), &values.join("\n")];
                seed.extend(lines.join("\n").into_bytes());
                seeds.push(seed);
            }
        }
        // What stands in a message or in another member is as good as a value of its own.
        let body = body_of(input);
        let Ok(document) = serde_json::from_slice::<Value>(&body) else {
            continue;
        };
        for text in leaves(&document) {
            for (source, index) in sources().iter().zip(0_u8..) {
                if source.name().starts_with("body-") {
                    let seed = [
                        &[index, 3, 0],
                        &facts.now_ms.to_le_bytes()[..],
                        b"-\n-\n-\n",
                    ];
                    seeds.push([&seed.concat(), text.as_bytes()].concat());
                }
            }
        }
    }
    unique(seeds)
}

pub(crate) fn of_body(shared: &Shared) -> Vec<Vec<u8>> {
    let of_cases = shared.inputs().map(body_of);
    let given = shared
        .cases
        .iter()
        .filter_map(|case| case.get("body")?.as_str());
    let of_responses = shared.responses.iter().map(|response| {
        let text = response.as_slice();
        let end = text
            .windows(4)
            .position(|window| window == b"\r\n\r\n")
            .map(|at| at.saturating_add(4));
        let end = end.or_else(|| {
            Some(
                text.windows(2)
                    .position(|w| w == b"\n\n")?
                    .saturating_add(2),
            )
        });
        text.get(end.unwrap_or(0)..).unwrap_or(text).to_vec()
    });
    let bodies = of_cases
        .chain(given.map(|body| body.as_bytes().to_vec()))
        .chain(of_responses);
    let seeds = bodies.flat_map(|body| [0, 1].map(|status| [&[status], &body[..]].concat()));
    unique(seeds.collect())
}

pub(crate) fn of_policy_document(shared: &Shared) -> Vec<Vec<u8>> {
    let presets = PRESET_NAMES
        .iter()
        .filter_map(|name| preset_document(name).ok());
    let of_inputs = shared.inputs().filter_map(|input| input.get("policy"));
    let of_errors = shared.cases.iter().filter_map(|case| case.get("document"));
    let documents = of_inputs
        .chain(of_errors)
        .filter(|policy| policy.is_object());
    let documents = documents.map(|policy| policy.to_string().into_bytes());
    unique(
        presets
            .map(|text| text.as_bytes().to_vec())
            .chain(documents)
            .collect(),
    )
}

pub(crate) fn of_decide(shared: &Shared) -> Vec<Vec<u8>> {
    let seeds = shared.inputs().map(|input| {
        let policy = input.get("policy").filter(|policy| policy.is_object());
        let policy = policy.map(Value::to_string).unwrap_or_default();
        Input {
            facts: facts_of(input),
            headers: headers_of(input).into(),
            policy: policy.as_bytes(),
            body: &body_of(input),
        }
        .encode()
    });
    // Policies are made of short texts that are no document.
    let made = (0..=u8::MAX).map(|byte| {
        let policy = [byte; 40].map(|byte| byte.wrapping_mul(37).wrapping_add(1));
        Input {
            headers: "retry-after: 7\nx-ratelimit-reset: 1m\n".into(),
            policy: policy.get(..usize::from(byte % 40)).unwrap_or(&policy),
            body: br#"{"error":{"code":"insufficient_quota","retry_after":3}}"#,
            ..Input::default()
        }
        .encode()
    });
    unique(seeds.chain(made).collect())
}

fn facts_of(input: &Value) -> Facts {
    let number = |name: &str| input.get(name).and_then(Value::as_u64);
    let flag = |value: Option<u64>, flag: u8| if value.is_some() { flag } else { 0 };
    let short = |value: Option<u64>| value.and_then(|n| u32::try_from(n).ok()).unwrap_or(0);
    let now_ms = input.get("now").and_then(|now| from_rfc3339(now.as_str()?));
    let (elapsed_ms, deadline_ms) = (number("elapsed_ms"), number("deadline_ms"));
    let max_retries = number("max_retries");
    let transport = input.get("transport").map(|_| 0);
    let said = ["idempotent", "replayable", "delivered"].map(|name| {
        match input.get(name).and_then(Value::as_bool) {
            None => 0,
            Some(true) => 1,
            Some(false) => 2,
        }
    });
    Facts {
        known: flag(now_ms, Facts::NOW)
            | flag(elapsed_ms, Facts::ELAPSED)
            | flag(deadline_ms, Facts::DEADLINE)
            | flag(max_retries, Facts::MAX_RETRIES)
            | flag(transport, Facts::TRANSPORT),
        said,
        status: number("status")
            .and_then(|n| u16::try_from(n).ok())
            .unwrap_or(0),
        attempt: short(number("attempt")),
        max_retries: short(max_retries),
        draw: number("seed").unwrap_or(0),
        now_ms: now_ms.unwrap_or(0),
        elapsed_ms: elapsed_ms.unwrap_or(0),
        deadline_ms: deadline_ms.unwrap_or(0),
        ..Facts::default()
    }
}

/// A line for each header.
fn headers_of(input: &Value) -> String {
    let headers = input.get("headers").and_then(Value::as_object);
    let lines = headers.into_iter().flatten().flat_map(|(name, value)| {
        let values = match value {
            Value::Array(values) => values.as_slice(),
            value => std::slice::from_ref(value),
        };
        let values = values.iter().filter_map(Value::as_str);
        values.map(move |value| format!("{name}: {value}\n"))
    });
    lines.collect()
}

fn body_of(input: &Value) -> Vec<u8> {
    match input.get("body") {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::String(text)) => text.clone().into_bytes(),
        Some(document) => document.to_string().into_bytes(),
    }
}

/// The texts and numbers in a document.
fn leaves(document: &Value) -> Vec<String> {
    match document {
        Value::String(text) => vec![text.clone()],
        Value::Number(number) => vec![number.to_string()],
        Value::Array(elements) => elements.iter().flat_map(leaves).collect(),
        Value::Object(members) => members.values().flat_map(leaves).collect(),
        Value::Null | Value::Bool(_) => Vec::new(),
    }
}

fn unique(seeds: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    let seeds: BTreeSet<Vec<u8>> = seeds.into_iter().collect();
    seeds.into_iter().collect()
}
