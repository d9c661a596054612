//! A bucket of tokens that keeps retries to a share of the calls.

use serde::Serialize;

use super::rules::BudgetRules;
use super::state::{Read, State};
use crate::decision::FailureClass;
use crate::thousandths::Thousandths;

/// What is left of the tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Budget {
    /// How many thousandths of a token are missing.
    spent: u64,
    /// Until when time has given its tokens, UTC microseconds since 1970.
    refilled_us: u64,
}

impl Budget {
    pub(super) fn read(state: &State<'_>) -> Read<Self> {
        Ok(Self {
            spent: state.number("spent")?,
            refilled_us: state.number("refilled_us")?,
        })
    }

    /// Adds what time gives.
    pub(super) fn refill(&mut self, rules: &BudgetRules, now_ms: u64) {
        const SECOND_US: u64 = 1_000_000;
        let now_us = now_ms.saturating_mul(1000);
        let rate = rules.per_second.0;
        if *self == Self::default() {
            self.spent = rules.capacity.0.saturating_sub(rules.start.0);
            self.refilled_us = now_us;
        }
        if self.spent == 0 || rate == 0 {
            self.refilled_us = now_us;
            return;
        }
        let elapsed_us = now_us.saturating_sub(self.refilled_us);
        let given = rate.saturating_mul(elapsed_us) / SECOND_US;
        self.give(Thousandths(given));
        // The time for what is less than a thousandth is kept for the next time.
        let used_us = given.saturating_mul(SECOND_US).checked_div(rate);
        self.refilled_us = self.refilled_us.saturating_add(used_us.unwrap_or(0));
    }

    /// Adds tokens.
    pub(super) fn give(&mut self, tokens: Thousandths) {
        self.spent = self.spent.saturating_sub(tokens.0);
    }

    /// Takes tokens, as far as there are any.
    pub(super) fn take(&mut self, rules: &BudgetRules, tokens: Thousandths) {
        self.spent = self.spent.saturating_add(tokens.0).min(rules.capacity.0);
    }

    /// Takes what a retry costs; whether there was enough.
    pub(super) fn pay(&mut self, rules: &BudgetRules, class: FailureClass) -> bool {
        let cost = Self::cost(rules, class);
        let left = self.left(rules);
        let enough = left >= cost && (rules.least.0 == 0 || left > rules.least);
        if enough {
            self.take(rules, cost);
        }
        enough
    }

    /// What a retry after such a failure costs.
    pub(super) fn cost(rules: &BudgetRules, class: FailureClass) -> Thousandths {
        match class {
            FailureClass::RateLimited | FailureClass::Overloaded => rules.throttled_cost,
            FailureClass::Timeout => rules.timeout_cost,
            _ => rules.cost,
        }
    }

    /// The clock was set back.
    pub(super) fn set_back(&mut self, by_ms: u64) {
        let by_us = by_ms.saturating_mul(1000);
        self.refilled_us = self.refilled_us.saturating_sub(by_us);
    }

    /// What is left.
    pub(super) fn left(&self, rules: &BudgetRules) -> Thousandths {
        Thousandths(rules.capacity.0.saturating_sub(self.spent))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: Thousandths = Thousandths(0);
    const fn tokens(count: u64) -> Thousandths {
        Thousandths(count.saturating_mul(1000))
    }
    /// AWS's of 2026: 500 tokens, 14 for a retry, 5 for one after throttling.
    const AWS: BudgetRules = BudgetRules {
        capacity: tokens(500),
        start: tokens(500),
        cost: tokens(14),
        throttled_cost: tokens(5),
        timeout_cost: tokens(14),
        failure_cost: NONE,
        least: NONE,
        success_refill: tokens(1),
        call_refill: NONE,
        per_second: NONE,
        refund: true,
    };
    /// gRPC's (gRFC A6): any failure costs a token, and half of them have to be left.
    const GRPC: BudgetRules = BudgetRules {
        capacity: tokens(10),
        start: tokens(10),
        cost: NONE,
        throttled_cost: NONE,
        timeout_cost: NONE,
        failure_cost: tokens(1),
        least: tokens(5),
        success_refill: Thousandths(100),
        ..AWS
    };

    #[test]
    fn aws_has_enough_for_35_retries_or_100_after_throttling() {
        let retries = |class| {
            let mut budget = Budget::default();
            (0..999).take_while(|_| budget.pay(&AWS, class)).count()
        };
        let classes = [FailureClass::ServerError, FailureClass::RateLimited];
        assert_eq!(classes.map(retries), [35, 100]);
    }

    #[test]
    fn grpc_stops_at_half() {
        let mut budget = Budget::default();
        let mut fail = || {
            budget.take(&GRPC, GRPC.failure_cost);
            budget.pay(&GRPC, FailureClass::ServerError)
        };
        assert_eq!(
            [(); 6].map(|()| fail()),
            [true, true, true, true, false, false]
        );
        for _ in 0..11 {
            budget.give(GRPC.success_refill);
        }
        assert!(budget.pay(&GRPC, FailureClass::ServerError));
    }

    #[test]
    fn time_gives_tokens_and_never_more_than_the_bucket_holds() {
        let slow = BudgetRules {
            per_second: Thousandths(33),
            ..AWS
        };
        let mut budget = Budget::default();
        budget.refill(&slow, 1_000_000);
        budget.take(&slow, tokens(2));
        for now_ms in 1_000_000..1_030_400 {
            budget.refill(&slow, now_ms);
        }
        assert_eq!(budget.left(&slow).0, 498_000 + 1003);
        budget.refill(&slow, u64::MAX);
        assert_eq!(budget.left(&slow), AWS.capacity);
    }

    #[test]
    fn a_bucket_that_starts_empty_has_to_be_earned() {
        let earned = BudgetRules {
            capacity: tokens(10),
            start: NONE,
            timeout_cost: tokens(1),
            success_refill: Thousandths(100),
            ..AWS
        };
        let mut budget = Budget::default();
        for success in 0..10 {
            budget.refill(&earned, 1_000_000 + success);
            assert!(!budget.pay(&earned, FailureClass::Timeout));
            budget.give(earned.success_refill);
        }
        let timeouts = [(); 2].map(|()| budget.pay(&earned, FailureClass::Timeout));
        assert_eq!(timeouts, [true, false]);
    }
}
