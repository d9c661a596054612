//! What failures and successes tell of the server, and what follows from that for all calls.

use alloc::format;

use super::budget::Budget;
use super::rules::{BudgetRules, PaceRules, UpstreamRules};
use super::{Upstream, limits};
use crate::call::Call;
use crate::decision::{Action, Decision, FailureClass, Reason, Source};
use crate::explanation::{Recorder, Topic};
use crate::failure::{Failure, Headers};
use crate::hint::Hint;
use crate::policy::Policy;
use crate::response::Response;
use crate::thousandths::Thousandths;

impl Upstream {
    /// Takes in what a failure tells of the server.
    pub(super) fn learn(
        &mut self,
        rules: &UpstreamRules,
        class: FailureClass,
        hint: Option<Hint>,
        now_ms: u64,
        record: &mut Recorder,
    ) {
        let held = match (&rules.hold, hint) {
            (Some(hold), Some(hint)) => {
                self.hold.learn(hold, hint.ms, now_ms);
                record.step(Topic::Upstream, || {
                    format!("all calls are held for {} ms", hint.ms)
                });
                true
            }
            _ => false,
        };
        if let Some(breaker) = &rules.breaker
            && class != FailureClass::RateLimited
        {
            let (held_ms, gap_ms) = (self.hold.until_ms(), self.rate.gap_ms());
            if self.breaker.fail(breaker, now_ms, held_ms, gap_ms) {
                self.rate.free();
                self.epoch = self.epoch.wrapping_add(1);
                record.step(Topic::Upstream, || {
                    let probe_ms = self.breaker.next_probe(now_ms);
                    format!("the breaker opens, and the next call goes out in {probe_ms} ms")
                });
            }
        }
        // All that a hold keeps would come at once when it ends.
        let throttled = held || is_throttled(class);
        if rules.breaker.is_some() && !throttled {
            self.fall_back(now_ms, record);
        }
        if let Some(pace) = &rules.pace
            && throttled
        {
            self.slow_down(pace, now_ms, record);
        }
    }

    /// Takes what a failure costs from the budget, and ends the call where a retry can't be paid. One
    /// that waits behind the open breaker is free: that keeps it from being a load.
    pub(super) fn charge(
        &mut self,
        budget: &BudgetRules,
        decision: Decision,
        now_ms: u64,
        record: &mut Recorder,
    ) -> Decision {
        let class = decision.class();
        self.budget.refill(budget, now_ms);
        if tells_of_the_server(class) {
            self.budget.take(budget, budget.failure_cost);
        }
        if decision.action() != Action::Retry || self.breaker.is_open() {
            return decision;
        }
        let paid = self.budget.pay(budget, class);
        let is_free = [Budget::cost(budget, class), budget.failure_cost] == [Thousandths(0); 2];
        if paid && is_free {
            return decision;
        }
        record.step(Topic::Upstream, || {
            let left = self.budget.left(budget).0 / 1000;
            match paid {
                true => format!("the retry is paid from the budget, which has {left} tokens left"),
                false => format!("the budget has {left} tokens, too few for a retry"),
            }
        });
        if paid {
            return decision;
        }
        Decision::new(
            Action::Stop,
            class,
            Reason::BudgetExhausted,
            Source::None,
            0,
        )
    }

    /// Takes in what is left of the server's limits: calls come as fast as lasts until the reset, and
    /// where nothing is left they wait for it.
    pub(super) fn keep_to_limits(
        &mut self,
        policy: &Policy,
        rules: &UpstreamRules,
        pace: &PaceRules,
        call: &Call<'_>,
        headers: Headers<'_>,
        now_ms: u64,
    ) {
        let answer = Failure::Response {
            status: 200,
            headers,
            body: b"",
        };
        let response = Response::read(&answer, "", call, policy.reads.headers);
        let queued_ms = now_ms.saturating_add(self.rate.next_slot(now_ms));
        policy.hint.remaining(&response, |remaining| {
            self.limits.learn(remaining, queued_ms, now_ms);
            if let Some(hold) = &rules.hold
                && remaining.left == 0
                && !remaining.refills
                && (1..=policy.hint.max_ms).contains(&remaining.reset_ms)
            {
                self.hold.learn(hold, remaining.reset_ms, now_ms);
            }
        });
        if self.limits.share(now_ms) < limits::ALL && !self.rate.is_limited(limits::ALL, now_ms) {
            self.rate.limit(&pace.rise, 100, now_ms, now_ms, now_ms);
        }
    }

    /// Whether a second has passed since the rate was last cut; if so, it is cut now. Many answers of
    /// the same moment tell one thing.
    fn may_slow_down(&mut self, now_ms: u64) -> bool {
        let may = now_ms.saturating_sub(self.slowed_ms) >= 1000;
        if may {
            self.slowed_ms = now_ms;
        }
        may
    }

    /// Halves a rate that rises again: what fails now may fail of that.
    fn fall_back(&mut self, now_ms: u64, record: &mut Recorder) {
        if !self.rate.is_limited(limits::ALL, now_ms) || !self.may_slow_down(now_ms) {
            return;
        }
        self.rate.halve(now_ms);
        record.step(Topic::Upstream, || {
            let percent = self.rate.percent(now_ms);
            format!("the rate falls back to {percent} % of the usual one")
        });
    }

    /// Cuts the rate: the server has too much to do.
    fn slow_down(&mut self, pace: &PaceRules, now_ms: u64, record: &mut Recorder) {
        if self.breaker.is_open() || !self.may_slow_down(now_ms) {
            return;
        }
        let left = 100_u64.saturating_sub(pace.decrease_percent);
        let percent = self.rate.percent(now_ms).saturating_mul(left) / 100;
        let held_ms = self.hold.until_ms().max(now_ms);
        self.rate
            .limit(&pace.rise, percent, now_ms, held_ms, held_ms);
        record.step(Topic::Upstream, || {
            format!("calls are sent at {percent} % of the usual rate, rising")
        });
    }

    /// The server answers as it should.
    pub(super) fn is_well(&mut self, rules: &UpstreamRules, now_ms: u64) {
        let others_ms = self.breaker.next_probe_ms();
        if self.breaker.succeed()
            && let Some(breaker) = &rules.breaker
        {
            let percent = breaker.start_percent;
            self.rate
                .limit(&breaker.rise, percent, now_ms, now_ms, others_ms);
        }
    }
}

/// Whether the server had too much to do.
fn is_throttled(class: FailureClass) -> bool {
    matches!(class, FailureClass::RateLimited | FailureClass::Overloaded)
}

/// Whether a failure of this class says that the server, and not the request, is at fault.
pub(super) fn tells_of_the_server(class: FailureClass) -> bool {
    matches!(
        class,
        FailureClass::RateLimited
            | FailureClass::Overloaded
            | FailureClass::Unavailable
            | FailureClass::ServerError
            | FailureClass::Timeout
            | FailureClass::Transport
    )
}
