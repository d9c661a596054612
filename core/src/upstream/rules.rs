//! What a policy says of many calls to one server.

use serde::Serialize;

use crate::thousandths::Thousandths;

/// What calls to one server share, each part only where the policy has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct UpstreamRules {
    /// The longest that a call is held back at once, in milliseconds.
    pub max_wait_ms: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hold: Option<HoldRules>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub budget: Option<BudgetRules>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub breaker: Option<BreakerRules>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pace: Option<PaceRules>,
}

/// How calls are released once the wait is over that the server asked one of them for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct HoldRules {
    /// Over so much of the wait.
    pub spread_percent: u64,
    /// And over so many milliseconds more.
    pub spread_ms: u64,
}

/// A bucket of tokens that retries are paid from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct BudgetRules {
    /// The most that the bucket holds,
    pub capacity: Thousandths,
    /// and what it holds at first.
    pub start: Thousandths,
    /// What a retry costs.
    pub cost: Thousandths,
    /// What a retry costs after the server had too much to do.
    pub throttled_cost: Thousandths,
    /// What a retry after a timeout costs.
    pub timeout_cost: Thousandths,
    /// What any failure costs, retried or not.
    pub failure_cost: Thousandths,
    /// A retry is made only where more than this is left.
    pub least: Thousandths,
    /// What each success gives.
    pub success_refill: Thousandths,
    /// What each call gives, when it begins.
    pub call_refill: Thousandths,
    /// What each second gives.
    pub per_second: Thousandths,
    /// Whether a retry that succeeds gets back what it cost, in place of `success_refill`.
    pub refund: bool,
}

/// When calls stop for a server that fails, and how they begin again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct BreakerRules {
    /// So many failures in a row open it, half as many while it recovers,
    pub failures: u64,
    /// once nothing has succeeded for so many milliseconds.
    pub after_ms: u64,
    /// The first probe comes so many milliseconds after it opened,
    pub probe_base_ms: u64,
    /// each further one so many times later,
    pub probe_factor: Thousandths,
    /// but not later than so many milliseconds.
    pub probe_cap_ms: u64,
    /// What part of the usual rate calls come back at once a probe has succeeded.
    pub start_percent: u64,
    #[serde(flatten)]
    pub rise: Rise,
}

/// How the rate of calls falls when the server has too much to do, and rises again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct PaceRules {
    /// By how much it falls.
    pub decrease_percent: u64,
    /// Whether it is kept to what the server says is left of its limits.
    pub reads_limits: bool,
    #[serde(flatten)]
    pub rise: Rise,
}

/// How the rate of calls rises, in parts of what is usual: until it is the usual one and nobody waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Rise {
    /// How much is added each second.
    pub percent_per_second: u64,
    /// It never falls below so many calls a minute.
    pub least_per_minute: u64,
}
