//! Nobody sends before this instant: learnt from what the server told one call, and kept by all.

use serde::Serialize;

use super::rules::HoldRules;
use super::state::{Read, State};
use crate::jitter::Draw;

/// Until when all calls wait.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Hold {
    /// UTC milliseconds since 1970.
    until_ms: u64,
    /// Over how many milliseconds after that the calls are released.
    spread_ms: u64,
}

impl Hold {
    pub(super) fn read(state: &State<'_>) -> Read<Self> {
        Ok(Self {
            until_ms: state.number("until_ms")?,
            spread_ms: state.number("spread_ms")?,
        })
    }

    /// Takes in what the server told one call; the later instant counts.
    pub(super) fn learn(&mut self, rules: &HoldRules, wait_ms: u64, now_ms: u64) {
        let spread_ms = wait_ms.saturating_mul(rules.spread_percent) / 100;
        self.merge(Self {
            until_ms: now_ms.saturating_add(wait_ms),
            spread_ms: spread_ms.saturating_add(rules.spread_ms),
        });
    }

    /// Takes in what another copy knows; the later instant counts.
    pub(super) fn merge(&mut self, other: Self) {
        if other.until_ms > self.until_ms {
            *self = other;
        }
    }

    /// When a call with this draw is released, UTC milliseconds since 1970.
    pub(super) fn release_ms(&self, draw: Draw, attempt: u32) -> u64 {
        let after_ms = draw.below(attempt, self.spread_ms);
        self.until_ms.saturating_add(after_ms)
    }

    /// The clock was set back.
    pub(super) fn set_back(&mut self, by_ms: u64) {
        self.until_ms = self.until_ms.saturating_sub(by_ms);
    }

    /// The end, whatever the draw.
    pub(super) const fn until_ms(&self) -> u64 {
        self.until_ms
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: HoldRules = HoldRules {
        spread_percent: 50,
        spread_ms: 500,
    };

    #[test]
    fn calls_are_released_one_after_the_other_behind_the_end() {
        let mut hold = Hold::default();
        hold.learn(&RULES, 2000, 10_000);
        let release = |draw| hold.release_ms(Draw::Fixed(draw), 0);
        assert_eq!(
            [0, 1 << 63, u64::MAX].map(release),
            [12_000, 12_750, 13_499]
        );
    }

    #[test]
    fn the_later_end_counts() {
        let mut hold = Hold::default();
        hold.learn(&RULES, 2000, 10_000);
        hold.learn(&RULES, 1000, 10_500);
        assert_eq!(hold.until_ms(), 12_000);
        hold.learn(&RULES, 1600, 10_500);
        assert_eq!(hold.until_ms(), 12_100);
        hold.learn(&RULES, u64::MAX, u64::MAX);
        assert_eq!(hold.release_ms(Draw::Fixed(u64::MAX), 0), u64::MAX);
    }
}
