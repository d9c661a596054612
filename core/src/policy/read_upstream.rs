//! What the fields of a policy document that are about many calls are, and what is right for each.

use core::ops::RangeInclusive;

use super::document::{Fields, Node, Read};
use crate::decision::MAX_WAIT_MS;
use crate::thousandths::Thousandths;
use crate::upstream::{BreakerRules, BudgetRules, HoldRules, PaceRules, Rise, UpstreamRules};

const TOKENS: RangeInclusive<u64> = 0..=1_000_000;
const PERCENT: RangeInclusive<u64> = 1..=100;

pub(super) fn upstream(node: Node<'_>) -> Read<UpstreamRules> {
    let fields = node.fields(&["max_wait_ms", "hold", "budget", "breaker", "pace"])?;
    Ok(UpstreamRules {
        max_wait_ms: fields.milliseconds("max_wait_ms", MAX_WAIT_MS)?,
        hold: fields.optional("hold").map(hold).transpose()?,
        budget: fields.optional("budget").map(budget).transpose()?,
        breaker: fields.optional("breaker").map(breaker).transpose()?,
        pace: fields.optional("pace").map(pace).transpose()?,
    })
}

fn hold(node: Node<'_>) -> Read<HoldRules> {
    let fields = node.fields(&["spread_percent", "spread_ms"])?;
    Ok(HoldRules {
        spread_percent: fields.number_or("spread_percent", 0..=1000, 0)?,
        spread_ms: fields.milliseconds("spread_ms", 0)?,
    })
}

fn budget(node: Node<'_>) -> Read<BudgetRules> {
    let fields = node.fields(&[
        "capacity",
        "start",
        "cost",
        "throttled_cost",
        "timeout_cost",
        "failure_cost",
        "least",
        "success_refill",
        "call_refill",
        "per_second",
        "refund",
    ])?;
    let tokens = |name, default| match fields.optional(name) {
        Some(node) => node.thousandths(TOKENS),
        None => Ok(default),
    };
    let none = Thousandths::default();
    let cost = tokens("cost", none)?;
    let capacity = fields.required("capacity")?.thousandths(TOKENS)?;
    Ok(BudgetRules {
        capacity,
        start: tokens("start", capacity)?,
        cost,
        throttled_cost: tokens("throttled_cost", cost)?,
        timeout_cost: tokens("timeout_cost", cost)?,
        failure_cost: tokens("failure_cost", none)?,
        least: tokens("least", none)?,
        success_refill: tokens("success_refill", none)?,
        call_refill: tokens("call_refill", none)?,
        per_second: tokens("per_second", none)?,
        refund: fields.boolean("refund", false)?,
    })
}

fn breaker(node: Node<'_>) -> Read<BreakerRules> {
    let fields = node.fields(&[
        "failures",
        "after_ms",
        "probe_base_ms",
        "probe_factor",
        "probe_cap_ms",
        "start_percent",
        "percent_per_second",
        "least_per_minute",
    ])?;
    Ok(BreakerRules {
        failures: fields.required("failures")?.number(1..=1000)?,
        after_ms: fields.milliseconds("after_ms", 0)?,
        // A probe must not come at once, nor keep coming faster than that.
        probe_base_ms: fields.required("probe_base_ms")?.number(1..=MAX_WAIT_MS)?,
        probe_factor: fields.required("probe_factor")?.thousandths(1..=1000)?,
        probe_cap_ms: fields.required("probe_cap_ms")?.number(1..=MAX_WAIT_MS)?,
        start_percent: fields.required("start_percent")?.number(PERCENT)?,
        rise: rise(&fields)?,
    })
}

fn pace(node: Node<'_>) -> Read<PaceRules> {
    let fields = node.fields(&[
        "decrease_percent",
        "percent_per_second",
        "least_per_minute",
        "reads_limits",
    ])?;
    Ok(PaceRules {
        decrease_percent: fields.required("decrease_percent")?.number(PERCENT)?,
        reads_limits: fields.boolean("reads_limits", false)?,
        rise: rise(&fields)?,
    })
}

fn rise(fields: &Fields<'_>) -> Read<Rise> {
    Ok(Rise {
        // It has to come to an end.
        percent_per_second: fields.required("percent_per_second")?.number(1..=1000)?,
        least_per_minute: fields.required("least_per_minute")?.number(1..=60_000)?,
    })
}
