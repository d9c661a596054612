//! What the fields of a policy document are, and what is right for each; those about waits are read
//! beside this.

use alloc::borrow::ToOwned;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::ops::RangeInclusive;

use super::document::{Fields, Node, Read};
use super::read_upstream::upstream;
use super::read_wait::{backoff, hint};
use super::{Client, Policy, Reads};
use crate::decision::{FailureClass, Source};
use crate::failure::{Phase, TransportKind};
use crate::json::Json;
use crate::rule::{Hinted, Rule, StatusRange};
use crate::server_verdict::ServerVerdict;
use crate::verdict::{Outcome, Verdict};

/// Three digits is what HTTP has for a status (RFC 9112 section 4).
const STATUSES: RangeInclusive<u16> = 100..=999;
const RETRIES: RangeInclusive<u64> = 0..=1000;

pub(super) fn policy(document: &Json<'_>) -> Read<Policy> {
    let fields = Node::root(document).fields(&[
        "name",
        "description",
        "client",
        "retries",
        "deadline_ms",
        "methods",
        "idempotency_key_header",
        "server_verdicts",
        "rules",
        "otherwise",
        "hint",
        "backoff",
        "upstream",
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
    let client = fields.optional("client").map(Client::read).transpose()?;
    let deadline_ms = fields.optional_milliseconds("deadline_ms")?;
    let methods = fields
        .optional("methods")
        .map(|node| node.list(Node::name))
        .transpose()?;
    let idempotency_key_header = fields
        .optional("idempotency_key_header")
        .map(Node::header_name)
        .transpose()?;
    let server_verdicts = fields
        .optional("server_verdicts")
        .map(|node| node.list(|word| word.one_of(ServerVerdict::ALL, ServerVerdict::name)))
        .transpose()?;
    let server_verdicts = server_verdicts.unwrap_or_default();
    let name = fields.required("name")?.name()?;
    let retries = retries(fields.required("retries")?)?;
    let rules = fields.required("rules")?.list(rule)?;
    let otherwise = fields.required("otherwise").and_then(|node| {
        let fields = node.fields(&["verdict", "class"])?;
        outcome(&fields)
    })?;
    let hint = fields.optional("hint").map(hint).transpose()?;
    let hint = hint.unwrap_or_default();
    let backoff = backoff(fields.required("backoff")?)?;
    let upstream = fields.optional("upstream").map(upstream).transpose()?;
    let advice = fields.optional("advice").map(advice).transpose()?;
    Ok(Policy {
        name,
        description: description.unwrap_or_default().into(),
        client: client.map(Box::new),
        deadline_ms,
        retries,
        methods,
        idempotency_key_header,
        reads: Reads::of(&rules, &hint, &server_verdicts),
        server_verdicts,
        rules,
        otherwise,
        hint,
        backoff,
        upstream,
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
        "base_ms",
    ])?;
    let rule = Rule {
        status: fields.condition("status", status)?,
        error_type: fields.condition("type", Node::name)?,
        error_code: fields.condition("code", Node::name)?,
        error_class: fields.condition("error_class", class)?,
        hinted: fields.optional("hinted").map(hinted).transpose()?,
        transport: fields.condition("transport", |kind| {
            kind.one_of(TransportKind::ALL, TransportKind::name)
        })?,
        phase: fields.condition("phase", |phase| phase.one_of(Phase::ALL, Phase::name))?,
        outcome: outcome(&fields)?,
        retries: fields.optional("retries").map(retries).transpose()?,
        min_ms: fields.milliseconds("min_ms", 0)?,
        base_ms: fields.optional_milliseconds("base_ms")?,
    };
    let about_response = !rule.status.is_empty() || rule.reads_body();
    let about_transport = !rule.transport.is_empty();
    if about_transport && (about_response || rule.hinted.is_some()) {
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

pub(super) fn retries(node: Node<'_>) -> Read<u32> {
    Ok(u32::try_from(node.number(RETRIES)?).unwrap_or(u32::MAX))
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

pub(super) fn status(node: Node<'_>) -> Read<StatusRange> {
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

fn hinted(node: Node<'_>) -> Read<Hinted> {
    if node.value.as_bool() == Some(true) {
        let sources = Vec::new();
        return Ok(Hinted { sources });
    }
    match node.value {
        Json::List(sources) if !sources.is_empty() => Ok(Hinted {
            sources: node.list(source)?,
        }),
        _ => Err(node.not(
            "`true` or a list of sources with at least one; leave it out where it doesn't matter",
        )),
    }
}

pub(super) fn source(node: Node<'_>) -> Read<Source> {
    let known: Vec<Source> = Source::ALL
        .iter()
        .copied()
        .filter(|source| source.is_hint())
        .collect();
    node.one_of(&known, Source::name)
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
