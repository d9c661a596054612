//! What the fields of a policy document are, and what is right for each.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::ops::RangeInclusive;

use super::document::{Fields, MILLISECONDS, Node, Read};
use super::{Policy, PolicyError, Reads};
use crate::backoff::{Backoff, CapApplies, Factor};
use crate::decision::{FailureClass, MAX_WAIT_MS, Source};
use crate::failure::{Phase, TransportKind};
use crate::hint::{BeyondMax, HintRules, Zero};
use crate::jitter::Jitter;
use crate::json::Json;
use crate::rule::{Rule, StatusRange};
use crate::server_verdict::ServerVerdict;
use crate::verdict::{Outcome, Verdict};

/// Three digits is what HTTP has for a status (RFC 9112 section 4).
const STATUSES: RangeInclusive<u16> = 100..=999;
const RETRIES: RangeInclusive<u64> = 0..=1000;

pub(super) fn policy(document: &Json<'_>) -> Read<Policy> {
    let fields = Node::root(document).fields(&[
        "name",
        "description",
        "retries",
        "methods",
        "server_verdicts",
        "rules",
        "otherwise",
        "hint",
        "backoff",
        "advice",
        // So that editors can check a document as it is written.
        "$schema",
    ])?;
    fields
        .optional("$schema")
        .map(|node| node.text())
        .transpose()?;
    let description = fields
        .optional("description")
        .map(|node| node.text())
        .transpose()?;
    let methods = fields
        .optional("methods")
        .map(|node| node.list(Node::name))
        .transpose()?;
    let server_verdicts = fields
        .optional("server_verdicts")
        .map(|node| node.list(|word| word.one_of(ServerVerdict::ALL, ServerVerdict::name)))
        .transpose()?;
    let server_verdicts = server_verdicts.unwrap_or_default();
    let name = fields.required("name")?.name()?;
    let retries = fields.required("retries")?.number(RETRIES)?;
    let rules = fields.required("rules")?.list(rule)?;
    let otherwise = fields.required("otherwise").and_then(|node| {
        let fields = node.fields(&["verdict", "class"])?;
        outcome(&fields)
    })?;
    let hint = fields.optional("hint").map(hint).transpose()?;
    let hint = hint.unwrap_or_default();
    let backoff = backoff(fields.required("backoff")?)?;
    let advice = fields.optional("advice").map(advice).transpose()?;
    Ok(Policy {
        name,
        description: description.unwrap_or_default().into(),
        retries: u32::try_from(retries).unwrap_or(u32::MAX),
        methods,
        reads: Reads::of(&rules, &hint, &server_verdicts),
        server_verdicts,
        rules,
        otherwise,
        hint,
        backoff,
        advice: advice.unwrap_or_default(),
    })
}

fn rule(node: Node<'_>) -> Read<Rule> {
    let fields = node.fields(&[
        "status",
        "type",
        "code",
        "error_class",
        "hinted",
        "transport",
        "phase",
        "verdict",
        "class",
        "retries",
        "min_ms",
    ])?;
    let rule = Rule {
        status: fields.condition("status", status)?,
        error_type: fields.condition("type", Node::name)?,
        error_code: fields.condition("code", Node::name)?,
        error_class: fields.condition("error_class", class)?,
        hinted: match fields.optional("hinted") {
            Some(node) if node.value.as_bool() == Some(true) => true,
            Some(node) => return Err(node.not("`true`; leave it out where it doesn't matter")),
            None => false,
        },
        transport: fields.condition("transport", |kind| {
            kind.one_of(TransportKind::ALL, TransportKind::name)
        })?,
        phase: fields.condition("phase", |phase| phase.one_of(Phase::ALL, Phase::name))?,
        outcome: outcome(&fields)?,
        retries: fields
            .optional("retries")
            .map(|node| node.number(RETRIES))
            .transpose()?
            .and_then(|retries| u32::try_from(retries).ok()),
        min_ms: fields.milliseconds("min_ms", 0)?,
    };
    let about_response = !rule.status.is_empty() || rule.reads_body();
    let about_transport = !rule.transport.is_empty();
    if about_transport && (about_response || rule.hinted) {
        return Err(node.error(
            "can never apply: a transport failure has no `status`, `type`, `code`, `error_class` \
             or hint; make it two rules",
        ));
    }
    if !rule.phase.is_empty() && !about_transport {
        return Err(node.error("has `phase`, which only goes together with `transport`"));
    }
    if !about_response && !about_transport {
        return Err(node.error(
            "names no failure; give `status`, `type`, `code`, `error_class` or `transport`",
        ));
    }
    Ok(rule)
}

fn outcome(fields: &Fields<'_>) -> Read<Outcome> {
    Ok(Outcome {
        verdict: fields
            .required("verdict")?
            .one_of(Verdict::ALL, Verdict::name)?,
        class: class(fields.required("class")?)?,
    })
}

fn class(node: Node<'_>) -> Read<FailureClass> {
    node.one_of(FailureClass::ALL, FailureClass::name)
}

fn status(node: Node<'_>) -> Read<StatusRange> {
    let expected = || node.not("a status from 100 to 999, or a range such as \"500-599\"");
    let (first, last) = match node.value {
        Json::Number(number) => {
            let status = number
                .as_u64()
                .and_then(|status| u16::try_from(status).ok());
            (status, status)
        }
        Json::Text(range) => {
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
    let fields = node.fields(&[
        "sources",
        "min_ms",
        "zero",
        "max_ms",
        "beyond_max",
        "jitter",
    ])?;
    let known: Vec<Source> = Source::ALL
        .iter()
        .copied()
        .filter(|source| source.is_hint())
        .collect();
    let defaults = HintRules::default();
    let rules = HintRules {
        sources: fields
            .required("sources")?
            .list(|node| node.one_of(&known, Source::name))?,
        min_ms: fields.milliseconds("min_ms", defaults.min_ms)?,
        zero: match fields.optional("zero") {
            Some(node) => node.one_of(Zero::ALL, Zero::name)?,
            None => defaults.zero,
        },
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
    let fields = node.fields(&[
        "base_ms",
        "min_ms",
        "factor",
        "cap_ms",
        "cap_applies",
        "jitter",
    ])?;
    let backoff = Backoff {
        base_ms: fields.required("base_ms")?.number(MILLISECONDS)?,
        min_ms: fields.milliseconds("min_ms", 0)?,
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
    let factor = match node.value {
        Json::Number(number) => number.as_f64(),
        _ => None,
    };
    let factor = factor.filter(|factor| (1.0..=1000.0).contains(factor));
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
