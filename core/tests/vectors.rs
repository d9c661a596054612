//! Runs every case of the vectors that all languages share, one test for each.

mod upstream_steps;

use std::collections::BTreeSet;
use std::error::Error;
use std::fs;
use std::path::Path;
use std::process::ExitCode;

use holdoff::{
    Call, Decision, Draw, ErrorBody, Failure, Headers, Phase, Policy, SupportReport, Topic,
    TransportKind, from_rfc3339,
};
use libtest_mimic::{Arguments, Failed, Trial};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

type Result<T, E = Box<dyn Error>> = std::result::Result<T, E>;

fn main() -> ExitCode {
    let trials = match read_trials() {
        Ok(trials) => trials,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    };
    let count = trials.len() as u64;
    let conclusion = libtest_mimic::run(&Arguments::from_args(), trials);
    let ran = [
        conclusion.num_passed,
        conclusion.num_failed,
        conclusion.num_ignored,
        conclusion.num_filtered_out,
    ];
    if ran.iter().sum::<u64>() != count {
        eprintln!("{count} cases, but {ran:?} passed, failed, ignored, filtered out");
        return ExitCode::FAILURE;
    }
    conclusion.exit_code()
}

/// A test for each case, named `<file>/<case>`.
fn read_trials() -> Result<Vec<Trial>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/vectors");
    let mut names = BTreeSet::new();
    let mut trials = Vec::new();
    for entry in fs::read_dir(&folder)? {
        let path = entry?.path();
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let shown = path.display();
        let file =
            read(&fs::read_to_string(&path)?).map_err(|error| format!("{shown}: {error}"))?;
        let stem = path.file_stem().unwrap_or_default().to_string_lossy();
        let check: fn(&Value) -> Result<()> = match text(&file, "kind")? {
            "decide" => decide,
            "policy-error" => policy_error,
            "error-body" => error_body,
            "support-report" => support_report,
            "upstream" => upstream_steps::upstream,
            other => return Err(format!("{shown}: the kind `{other}` is not known").into()),
        };
        let cases = file.get("cases").and_then(Value::as_array);
        for case in cases.ok_or_else(|| format!("{shown}: no cases"))? {
            let name = format!("{stem}/{}", text(case, "name")?);
            if !names.insert(name.clone()) {
                return Err(format!("two cases are named {name}").into());
            }
            let case = case.clone();
            let test = move || {
                let why = text(&case, "why")?;
                check(&case).map_err(|error| Failed::from(format!("{error}\nwhy: {why}")))
            };
            trials.push(Trial::test(name, test));
        }
    }
    if trials.is_empty() {
        return Err(format!("{}: no cases", folder.display()).into());
    }
    trials.sort_by(|one, other| one.name().cmp(other.name()));
    Ok(trials)
}

/// A file, with its own policies in the cases that name them, and in which the draws are texts:
/// serde_json reads long fractions only nearly.
fn read(text: &str) -> serde_json::Result<Value> {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Exact {
        cases: Vec<Exact>,
        input: Option<Box<Exact>>,
        draw: Option<Box<RawValue>>,
    }
    let exact: Exact = serde_json::from_str(text)?;
    let mut file: Value = serde_json::from_str(text)?;
    let policies = file.get("policies").cloned().unwrap_or_default();
    for index in 0..exact.cases.len() {
        for holder in ["/input", ""] {
            let place = format!("/cases/{index}{holder}/policy");
            if let Some(policy) = file.pointer_mut(&place)
                && let Some(own) = policy.as_str().and_then(|name| policies.get(name))
            {
                *policy = own.clone();
            }
        }
    }
    for (index, case) in exact.cases.iter().enumerate() {
        let draw = case.input.as_ref().and_then(|input| input.draw.as_ref());
        if let Some(draw) = draw
            && let Some(number) = file.pointer_mut(&format!("/cases/{index}/input/draw"))
        {
            *number = json!(draw.get());
        }
    }
    Ok(file)
}

fn decide(case: &Value) -> Result<()> {
    let input = object(case, "input")?;
    let policy = match input.get("policy") {
        None | Some(Value::Null) => Policy::tessera(),
        Some(Value::String(name)) => Policy::preset(name)?,
        Some(document) => Policy::from_json(&document.to_string())?,
    };
    // A case with neither seed nor draw must not depend on chance.
    let draws = match draw(input)? {
        Some(draw) => vec![draw],
        None => vec![Draw::Fixed(0), Draw::Fixed(u64::MAX)],
    };
    for draw in draws {
        with_failure(input, draw, |failure, call| {
            let decision = policy.decide(failure, call);
            let explanation = policy.explain(failure, call);
            if explanation.decision != decision {
                return Err(format!("explain ends in {:?}", explanation.decision).into());
            }
            if explanation.steps.last().map(|step| step.topic) != Some(Topic::Decision) {
                return Err(format!("the last step is no decision:\n{explanation}").into());
            }
            if Decision::from_bits(decision.to_bits()) != Some(decision) {
                return Err(format!("{decision:?} is lost in bits").into());
            }
            let actual = describe(&policy, decision, failure, call);
            let expected = object(case, "expect")?;
            for text in expected
                .get("explained")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
            {
                let text = text.as_str().ok_or("`explained` is a list of texts")?;
                if !explanation
                    .steps
                    .iter()
                    .any(|step| step.text.contains(text))
                {
                    return Err(format!("`{text}` is not in\n{explanation}").into());
                }
            }
            let mut expected = expected.clone();
            expected.remove("explained");
            expect(&expected, &actual).map_err(|error| format!("{error}\n{explanation}").into())
        })?;
    }
    Ok(())
}

/// Whether `actual` has all that is expected of it.
fn expect(expected: &Map<String, Value>, actual: &Value) -> Result<()> {
    let different: Vec<_> = expected
        .iter()
        .filter(|(name, value)| actual.get(*name) != Some(value))
        .map(|(name, value)| {
            let got = actual.get(name).unwrap_or(&Value::Null);
            format!("{name}: expected {value}, got {got}")
        })
        .collect();
    if different.is_empty() {
        Ok(())
    } else {
        Err(different.join("\n").into())
    }
}

/// Everything that a case can expect of a decision.
fn describe(policy: &Policy, decision: Decision, failure: &Failure<'_>, call: &Call<'_>) -> Value {
    let error = match failure {
        Failure::Response { body, .. } => ErrorBody::parse(body),
        Failure::Transport(..) => None,
    };
    let hint = policy.hint(failure, call);
    json!({
        "action": decision.action(),
        "after_ms": decision.after_ms(),
        "class": decision.class(),
        "reason": decision.reason(),
        "source": decision.source(),
        "advice": policy.advice(decision),
        "bits": decision.to_bits(),
        "attempt": call.attempt,
        "hint": hint.map(|hint| json!({ "ms": hint.ms, "from": hint.source })),
        "error": error,
    })
}

fn policy_error(case: &Value) -> Result<()> {
    let document = match case.get("document") {
        Some(document) => document.to_string(),
        None => text(case, "text")?.into(),
    };
    let expected = text(case, "error")?;
    match Policy::from_json(&document) {
        Err(error) if error.to_string() == expected => Ok(()),
        Err(error) => Err(format!("expected `{expected}`, got `{error}`").into()),
        Ok(_) => Err(format!("expected `{expected}`, but the policy was accepted").into()),
    }
}

fn error_body(case: &Value) -> Result<()> {
    let actual = json!(ErrorBody::parse(text(case, "body")?.as_bytes()));
    equal("the error body", &actual, field(case, "expect")?)
}

fn support_report(case: &Value) -> Result<()> {
    let endpoint = field(case, "endpoint")?.as_str();
    with_failure(object(case, "input")?, Draw::Fixed(0), |failure, call| {
        let report = SupportReport::new(failure, call.now_ms, endpoint);
        let as_json: Value = serde_json::from_str(&report.to_json())?;
        equal("the report", &as_json, field(case, "expect")?)?;
        equal("its text", &json!(report.to_string()), field(case, "text")?)
    })
}

/// Runs `with` on the failure and the call that an input describes.
fn with_failure<T>(
    input: &Map<String, Value>,
    draw: Draw,
    with: impl FnOnce(&Failure<'_>, &Call<'_>) -> Result<T>,
) -> Result<T> {
    let fields = Fields(input);
    let call = Call {
        draw,
        now_ms: fields.read("now", |now| from_rfc3339(now.as_str()?))?,
        elapsed_ms: fields.read("elapsed_ms", Value::as_u64)?,
        deadline_ms: fields.read("deadline_ms", Value::as_u64)?,
        max_retries: fields.read("max_retries", u32_of)?,
        method: fields.read("method", Value::as_str)?,
        idempotent: fields.read("idempotent", Value::as_bool)?,
        replayable: fields.read("replayable", Value::as_bool)?,
        delivered: fields.read("delivered", Value::as_bool)?,
        ..Call::new(fields.read("attempt", u32_of)?.unwrap_or(0), 0)
    };
    let Some(status) = fields.read("status", |status| u16::try_from(status.as_u64()?).ok())? else {
        let kind = fields.read("transport", |kind| TransportKind::from_name(kind.as_str()?))?;
        let kind = kind.ok_or("neither status nor transport")?;
        let phase = fields.read("phase", |phase| Phase::from_name(phase.as_str()?))?;
        let failure = Failure::Transport(kind, phase.unwrap_or(kind.usual_phase()));
        return with(&failure, &call);
    };
    let lines = fields.read("headers", header_lines)?.unwrap_or_default();
    let body = match input.get("body") {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(document) => document.to_string(),
    };
    let failure = Failure::Response {
        status,
        headers: Headers::Pairs(&lines),
        body: body.as_bytes(),
    };
    with(&failure, &call)
}

fn draw(input: &Map<String, Value>) -> Result<Option<Draw>> {
    let fields = Fields(input);
    let seed = fields.read("seed", |seed| match seed {
        Value::String(digits) => digits.parse().ok(),
        number => number.as_u64(),
    })?;
    let draw = fields.read("draw", |draw| {
        // Those that stand for themselves in binary are numbers still.
        let fraction = draw.as_f64().or_else(|| draw.as_str()?.parse().ok());
        Draw::from_fraction(fraction?)
    })?;
    Ok(draw.or(seed.map(Draw::Seed)))
}

fn header_lines(headers: &Value) -> Option<Vec<(&str, &str)>> {
    let mut lines = Vec::new();
    for (name, value) in headers.as_object()? {
        match value {
            Value::Array(values) => {
                for value in values {
                    lines.push((name.as_str(), value.as_str()?));
                }
            }
            value => lines.push((name, value.as_str()?)),
        }
    }
    Some(lines)
}

fn u32_of(value: &Value) -> Option<u32> {
    u32::try_from(value.as_u64()?).ok()
}

/// The optional fields of an input, where null is the same as absent.
struct Fields<'i>(&'i Map<String, Value>);

impl<'i> Fields<'i> {
    fn read<T>(&self, name: &str, read: impl FnOnce(&'i Value) -> Option<T>) -> Result<Option<T>> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => match read(value) {
                Some(read) => Ok(Some(read)),
                None => Err(format!("{name}: {value} cannot be read").into()),
            },
        }
    }
}

fn equal(what: &str, actual: &Value, expected: &Value) -> Result<()> {
    if actual == expected {
        Ok(())
    } else {
        Err(format!("{what}: expected {expected}, got {actual}").into())
    }
}

fn field<'v>(object: &'v Value, name: &str) -> Result<&'v Value> {
    object
        .get(name)
        .ok_or_else(|| format!("{name}: missing in {object}").into())
}

fn text<'v>(object: &'v Value, name: &str) -> Result<&'v str> {
    let value = field(object, name)?;
    value
        .as_str()
        .ok_or_else(|| format!("{name}: {value} is not a text").into())
}

fn object<'v>(parent: &'v Value, name: &str) -> Result<&'v Map<String, Value>> {
    let value = field(parent, name)?;
    value
        .as_object()
        .ok_or_else(|| format!("{name}: {value} is not an object").into())
}
