//! What many calls share about one server: hold, breaker, retry budget and rate. One call's policy
//! can't prevent a storm; this can.

mod admission;
mod breaker;
mod budget;
mod hold;
mod learn;
mod limits;
mod rate;
mod rules;
mod state;

use alloc::format;
use alloc::string::String;

use serde::{Deserialize, Deserializer, Serialize, de};

use crate::call::Call;
use crate::decision::{Action, Decision, FailureClass, Reason, Source};
use crate::explanation::{Explanation, Recorder, Topic};
use crate::failure::{Failure, Headers};
use crate::json::Json;
use crate::policy::{Policy, PolicyError};
use breaker::Breaker;
use budget::Budget;
use hold::Hold;
use learn::tells_of_the_server;
use limits::Limits;
use rate::Rate;
use state::{State, not_a_state};

pub use admission::{Admission, Ticket};
pub(crate) use rules::{BreakerRules, BudgetRules, HoldRules, PaceRules, Rise, UpstreamRules};

/// What many calls share about one server: a value, not a connection.
///
/// It reads no clock and takes no lock: `now_ms` of each [`Call`] is the time, and whoever shares it
/// between threads locks it. It survives a round trip through JSON at any point. By a policy without
/// `upstream` it holds nothing back.
///
/// For each attempt: [`admit`](Self::admit) before it is sent; then [`succeed`](Self::succeed), or
/// [`decide`](Self::decide) in place of [`Policy::decide`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Upstream {
    /// The latest time that was seen.
    now_ms: u64,
    hold: Hold,
    budget: Budget,
    breaker: Breaker,
    rate: Rate,
    limits: Limits,
    /// When the rate was last cut.
    slowed_ms: u64,
    /// How often slots were made worthless.
    epoch: u16,
    /// The last failure's decision, as a number.
    last_failure: u64,
}

impl Upstream {
    /// The state that [`to_json`](Self::to_json) wrote.
    pub fn from_json(json: &str) -> Result<Self, PolicyError> {
        let json = Json::parse(json).map_err(|error| not_a_state(&format!("not JSON: {error}")))?;
        Self::read(&json)
    }

    fn read(json: &Json<'_>) -> Result<Self, PolicyError> {
        let state = State::root(json)?;
        let epoch = state.number_in("epoch", 0..=u64::from(u16::MAX))?;
        Ok(Self {
            now_ms: state.number("now_ms")?,
            hold: Hold::read(&state.object("hold", "hold.")?)?,
            budget: Budget::read(&state.object("budget", "budget.")?)?,
            breaker: Breaker::read(&state.object("breaker", "breaker.")?)?,
            rate: Rate::read(&state.object("rate", "rate.")?)?,
            limits: Limits::read(&state)?,
            slowed_ms: state.number("slowed_ms")?,
            epoch: u16::try_from(epoch).unwrap_or(u16::MAX),
            last_failure: state.number("last_failure")?,
        })
    }

    /// The state as a JSON object, to be kept or handed on.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Whether an attempt may be sent now. Ask before each, the first included, with the `ticket` of
    /// the last answer if that was to wait.
    ///
    /// `call.attempt` is the attempt that is to be sent. A call of an unknown time is sent.
    pub fn admit(&mut self, policy: &Policy, call: &Call<'_>, ticket: Ticket) -> Admission {
        let (Some(rules), Some(now_ms)) = (&policy.upstream, self.advance(call)) else {
            return Admission::Send;
        };
        let attempt = call.attempt;
        if ticket == Ticket::NONE && attempt == 0 {
            if let Some(budget) = &rules.budget {
                self.budget.refill(budget, now_ms);
                self.budget.give(budget.call_refill);
            }
            self.rate.count(now_ms);
        }
        if rules.hold.is_some() {
            let hold_ms = self
                .hold
                .release_ms(call.draw, attempt)
                .saturating_sub(now_ms);
            if hold_ms > 0 {
                return self.wait(policy, rules, call, hold_ms, Source::Hold, Ticket::ASKED);
            }
        }
        if let Some(breaker) = rules.breaker.as_ref().filter(|_| self.breaker.is_open()) {
            let probe_ms = self.breaker.next_probe(now_ms);
            if probe_ms > 0 {
                // Not all of them at once, so that those that come back behind a probe are few, and it
                // is mostly a new call that is the next.
                let after_ms = probe_ms.saturating_add(call.draw.below(attempt, probe_ms));
                let (source, ticket) = (Source::Breaker, Ticket::ASKED);
                return self.wait(policy, rules, call, after_ms, source, ticket);
            }
            self.breaker.probe(breaker, now_ms, self.rate.gap_ms());
            return Admission::Send;
        }
        let share = self.limits.share(now_ms);
        if !self.rate.is_limited(share, now_ms) {
            self.breaker.recovered();
            return Admission::Send;
        }
        let own = Ticket::slot(self.epoch);
        if ticket == own {
            return Admission::Send;
        }
        let slot_ms = self.rate.next_slot(now_ms);
        let admission = match slot_ms {
            0 => Admission::Send,
            slot_ms => self.wait(policy, rules, call, slot_ms, Source::Pace, own),
        };
        if !matches!(admission, Admission::Refuse(_)) {
            self.rate.take_slot(share, now_ms);
        }
        admission
    }

    /// Takes in that an attempt succeeded. `after` is the decision that led to it; `None` for a first
    /// attempt. The `headers` of the answer tell what is left of the server's limits.
    pub fn succeed(
        &mut self,
        policy: &Policy,
        call: &Call<'_>,
        after: Option<Decision>,
        headers: Headers<'_>,
    ) {
        let (Some(rules), Some(now_ms)) = (&policy.upstream, self.advance(call)) else {
            return;
        };
        if let Some(budget) = &rules.budget {
            self.budget.refill(budget, now_ms);
            let cost = after.map(|decision| Budget::cost(budget, decision.class()));
            self.budget.give(match cost {
                Some(cost) if budget.refund => cost,
                _ => budget.success_refill,
            });
        }
        self.is_well(rules, now_ms);
        if let Some(pace) = rules.pace.as_ref().filter(|pace| pace.reads_limits) {
            self.keep_to_limits(policy, rules, pace, call, headers, now_ms);
        }
    }

    /// Takes in that an attempt failed, and decides like [`Policy::decide`], but that a retry must be
    /// paid from the budget.
    pub fn decide(&mut self, policy: &Policy, failure: &Failure<'_>, call: &Call<'_>) -> Decision {
        self.run(policy, failure, call, &mut Recorder::silent())
    }

    /// The same, with the steps that led to the decision.
    pub fn explain(
        &mut self,
        policy: &Policy,
        failure: &Failure<'_>,
        call: &Call<'_>,
    ) -> Explanation {
        let mut record = Recorder::listening();
        let decision = self.run(policy, failure, call, &mut record);
        record.step(Topic::Decision, || decision.describe());
        Explanation {
            steps: record.into_steps(),
            decision,
        }
    }

    /// Takes in what another copy of the same state knows: of the holds the later counts, and of all
    /// the rest what was seen later.
    pub fn merge(&mut self, other: &Self) {
        let mut hold = self.hold;
        hold.merge(other.hold);
        if other.now_ms > self.now_ms {
            *self = other.clone();
        }
        self.hold = hold;
    }

    /// Whether another copy of the same state differs in nothing but what is counted: how often calls
    /// come, the tokens of the budget, and what is left of limits. Whoever keeps it for many processes
    /// may write that later.
    pub fn differs_in_counts_only(&self, other: &Self) -> bool {
        let mut other = other.clone();
        other.now_ms = self.now_ms;
        other.budget = self.budget;
        other.rate.count_like(&self.rate);
        other.limits.count_like(&self.limits);
        *self == other
    }

    fn run(
        &mut self,
        policy: &Policy,
        failure: &Failure<'_>,
        call: &Call<'_>,
        record: &mut Recorder,
    ) -> Decision {
        let (decision, hint) = policy.run(failure, call, record);
        let (Some(rules), Some(now_ms)) = (&policy.upstream, self.advance(call)) else {
            return decision;
        };
        let class = decision.class();
        if decision.reason() == Reason::Aborted {
            return decision;
        }
        if decision.reason() != Reason::NotAFailure && tells_of_the_server(class) {
            self.last_failure = decision.to_bits();
            let hint =
                hint.filter(|hint| !hint.at_most && (1..=policy.hint.max_ms).contains(&hint.ms));
            self.learn(rules, class, hint, now_ms, record);
        } else if decision.action() == Action::Stop {
            self.is_well(rules, now_ms);
        }
        match &rules.budget {
            Some(budget) => self.charge(budget, decision, now_ms, record),
            None => decision,
        }
    }

    fn wait(
        &self,
        policy: &Policy,
        rules: &UpstreamRules,
        call: &Call<'_>,
        after_ms: u64,
        source: Source,
        ticket: Ticket,
    ) -> Admission {
        let end_ms = call.elapsed_ms.unwrap_or(0).saturating_add(after_ms);
        let deadline_ms = call.deadline_ms.or(policy.deadline_ms);
        let reason = if deadline_ms.is_some_and(|deadline_ms| end_ms > deadline_ms) {
            Reason::Deadline
        } else if after_ms > rules.max_wait_ms {
            Reason::Held
        } else {
            return Admission::Wait {
                after_ms,
                ticket,
                source,
            };
        };
        let last = Decision::from_bits(self.last_failure);
        let class = last.map_or(FailureClass::Other, Decision::class);
        Admission::Refuse(Decision::new(Action::Stop, class, reason, source, after_ms))
    }

    /// The time. It never goes back by little, for calls of many threads come in any order; and where
    /// the clock was set back, all that is known goes back with it, so that no wait becomes longer.
    fn advance(&mut self, call: &Call<'_>) -> Option<u64> {
        const DISORDER_MS: u64 = 1000;
        let now_ms = call.now_ms?;
        let back_ms = self.now_ms.saturating_sub(now_ms);
        if back_ms > DISORDER_MS {
            self.hold.set_back(back_ms);
            self.budget.set_back(back_ms);
            self.breaker.set_back(back_ms);
            self.rate.set_back(back_ms);
            self.limits.set_back(back_ms);
            self.slowed_ms = self.slowed_ms.saturating_sub(back_ms);
            self.now_ms = now_ms;
        }
        self.now_ms = self.now_ms.max(now_ms);
        Some(self.now_ms)
    }
}

impl<'de> Deserialize<'de> for Upstream {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::read(&Json::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}
