//! Vectors of the kind `upstream`: what several calls to one server do one after the other.

use std::collections::BTreeMap;

use holdoff::{Admission, Decision, Failure, Policy, Ticket, Upstream};
use serde_json::{Map, Value, json};

use super::{Result, draw, expect, field, object, text, with_failure};

/// Runs the steps of a case, once as they are and once with the state through JSON after each.
pub fn upstream(case: &Value) -> Result<()> {
    let policy = match field(case, "policy")? {
        Value::String(name) => Policy::preset(name)?,
        document => Policy::from_json(&document.to_string())?,
    };
    for through_json in [false, true] {
        let mut state = Upstream::default();
        let mut calls = BTreeMap::new();
        let steps = field(case, "steps")?.as_array().ok_or("steps: no list")?;
        for (index, step) in steps.iter().enumerate() {
            let call = calls.entry(text(step, "call")?).or_default();
            take(step, &policy, &mut state, call).map_err(|error| {
                let json = state.to_json();
                format!("steps[{index}]: {error}\nthrough JSON: {through_json}\n{json}")
            })?;
            if through_json {
                state = Upstream::from_json(&state.to_json())?;
            }
        }
    }
    Ok(())
}

/// What a call has in hand from one step to the next.
#[derive(Default)]
struct Kept {
    ticket: Ticket,
    decision: Option<Decision>,
}

fn take(step: &Value, policy: &Policy, state: &mut Upstream, kept: &mut Kept) -> Result<()> {
    if step.get("admit").is_some() {
        let admission = with_call(object(step, "admit")?, |_, call| {
            Ok(state.admit(policy, call, kept.ticket))
        })?;
        kept.ticket = Ticket::NONE;
        if Admission::from_bits(admission.to_bits()) != Some(admission) {
            return Err(format!("{admission:?} is lost in bits").into());
        }
        let actual = match admission {
            Admission::Send => json!({ "action": "send" }),
            Admission::Wait {
                after_ms,
                ticket,
                source,
            } => {
                kept.ticket = ticket;
                json!({ "action": "wait", "after_ms": after_ms, "source": source })
            }
            Admission::Refuse(decision) => json!({
                "action": "refuse",
                "reason": decision.reason(),
                "source": decision.source(),
                "after_ms": decision.after_ms(),
                "class": decision.class(),
            }),
        };
        return expect(object(step, "expect")?, &actual);
    }
    if step.get("succeed").is_some() {
        return with_call(object(step, "succeed")?, |answer, call| {
            let Failure::Response { headers, .. } = *answer else {
                return Err("a success is a response".into());
            };
            state.succeed(policy, call, kept.decision, headers);
            Ok(())
        });
    }
    with_call(object(step, "decide")?, |failure, call| {
        let explanation = state.clone().explain(policy, failure, call);
        let decision = state.decide(policy, failure, call);
        if explanation.decision != decision {
            return Err(format!("explain ends in {:?}", explanation.decision).into());
        }
        kept.decision = Some(decision);
        let explained = step.get("explained").and_then(Value::as_array);
        for text in explained.into_iter().flatten() {
            let text = text.as_str().ok_or("`explained` is a list of texts")?;
            if !explanation.to_string().contains(text) {
                return Err(format!("`{text}` is not in\n{explanation}").into());
            }
        }
        let actual = super::describe(policy, decision, failure, call);
        expect(object(step, "expect")?, &actual)
    })
}

fn with_call<T>(
    input: &Map<String, Value>,
    with: impl FnOnce(&Failure<'_>, &holdoff::Call<'_>) -> Result<T>,
) -> Result<T> {
    let draw = draw(input)?.ok_or("a step needs a draw or a seed")?;
    // What is not about a failure is given one that nobody looks at.
    let mut input = input.clone();
    if !input.contains_key("transport") {
        input.entry("status").or_insert(json!(200));
    }
    with_failure(&input, draw, with)
}
