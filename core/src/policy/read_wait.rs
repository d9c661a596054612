//! What the fields of a policy document that are about waits are, and what is right for each.

use alloc::format;
use alloc::vec::Vec;

use super::PolicyError;
use super::document::{MILLISECONDS, Node, Read};
use super::read::{retries, source, status};
use crate::backoff::{Backoff, CapApplies, MinApplies};
use crate::decision::MAX_WAIT_MS;
use crate::hint::{
    BeyondMax, Form, HintClock, HintRules, HintSource, Past, Repeated, Zero, readable_header,
};
use crate::jitter::Jitter;
use crate::json::Json;

fn hint_source(node: Node<'_>) -> Read<HintSource> {
    if !matches!(node.value, Json::Object(_)) {
        return Ok(HintSource {
            source: source(node)?,
            reads: Vec::new(),
            jitter: None,
        });
    }
    let fields = node.fields(&["source", "reads", "jitter"])?;
    let source = source(fields.required("source")?)?;
    let reads = fields.condition("reads", |form| form.one_of(Form::ALL, Form::name))?;
    if let Some(node) = fields.optional("reads")
        && readable_header(source).is_none()
    {
        return Err(node.error(&format!(
            "`{source}` is not one header with a wait or a time, so it can't be told how to read it"
        )));
    }
    Ok(HintSource {
        source,
        reads,
        jitter: fields.optional("jitter").map(hint_jitter).transpose()?,
    })
}

/// Jitter that makes no wait shorter than the server asks for.
fn hint_jitter(node: Node<'_>) -> Read<Jitter> {
    let too_short = node.error(
        "would make the wait shorter than the server asks for; \
         take `none`, `additive` or `proportional` with a `down_percent` of 0",
    );
    let jitter = jitter(node)?;
    jitter.only_adds().then_some(jitter).ok_or(too_short)
}

pub(super) fn hint(node: Node<'_>) -> Read<HintRules> {
    let fields = node.fields(&[
        "sources",
        "status",
        "repeated",
        "clock",
        "min_ms",
        "zero",
        "past",
        "max_ms",
        "beyond_max",
        "at_least_backoff",
        "max_above_backoff_ms",
        "jitter",
    ])?;
    let defaults = HintRules::default();
    let rules = HintRules {
        sources: fields.required("sources")?.list(hint_source)?,
        status: fields.condition("status", status)?,
        repeated: fields.word_or("repeated", Repeated::ALL, Repeated::name, defaults.repeated)?,
        clock: fields.word_or("clock", HintClock::ALL, HintClock::name, defaults.clock)?,
        min_ms: fields.milliseconds("min_ms", defaults.min_ms)?,
        zero: fields.word_or("zero", Zero::ALL, Zero::name, defaults.zero)?,
        past: fields.word_or("past", Past::ALL, Past::name, defaults.past)?,
        max_ms: fields.milliseconds("max_ms", defaults.max_ms)?,
        beyond_max: fields.word_or(
            "beyond_max",
            BeyondMax::ALL,
            BeyondMax::name,
            defaults.beyond_max,
        )?,
        at_least_backoff: fields.boolean("at_least_backoff", defaults.at_least_backoff)?,
        max_above_backoff_ms: fields.optional_milliseconds("max_above_backoff_ms")?,
        jitter: fields
            .optional("jitter")
            .map(hint_jitter)
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
    Ok(rules)
}

pub(super) fn backoff(node: Node<'_>) -> Read<Backoff> {
    let fields = node.fields(&[
        "base_ms",
        "min_ms",
        "min_applies",
        "immediate_retries",
        "factor",
        "cap_ms",
        "cap_applies",
        "jitter",
    ])?;
    let backoff = Backoff {
        base_ms: fields.required("base_ms")?.number(MILLISECONDS)?,
        min_ms: fields.milliseconds("min_ms", 0)?,
        min_applies: fields.word_or(
            "min_applies",
            MinApplies::ALL,
            MinApplies::name,
            MinApplies::Beneath,
        )?,
        immediate_retries: match fields.optional("immediate_retries") {
            Some(node) => retries(node)?,
            None => 0,
        },
        factor: fields.required("factor")?.thousandths(1..=1000)?,
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
