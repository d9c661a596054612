//! The wait computed when the server gave no hint.

use serde::Serialize;

use crate::code::words;
use crate::decision::MAX_WAIT_MS;
use crate::jitter::{Draw, Jitter};
use crate::thousandths::Thousandths;

/// How the wait grows from attempt to attempt: `base_ms · factor^attempt`, up to a cap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Backoff {
    /// The wait after the first attempt, in milliseconds.
    pub base_ms: u64,
    /// The shortest wait, in milliseconds.
    pub min_ms: u64,
    /// How the shortest wait is kept.
    pub min_applies: MinApplies,
    /// So many of the first retries come without any wait but the shortest.
    pub immediate_retries: u32,
    /// By how much each wait is longer than the one before it.
    pub factor: Thousandths,
    /// The longest wait, in milliseconds, not counting a shortest one beneath it.
    pub cap_ms: u64,
    /// Whether the cap bounds the wait before or after its random part is put in.
    pub cap_applies: CapApplies,
    /// The random part.
    pub jitter: Jitter,
}

words! {
    /// When the cap is applied.
    pub(crate) enum CapApplies {
        /// What is put on top, with its jitter, never exceeds the cap.
        AfterJitter "after_jitter",
        /// The wait is capped first, and additive or upward jitter goes beyond the cap.
        BeforeJitter "before_jitter",
    }
}

words! {
    /// How the shortest wait is kept.
    pub(crate) enum MinApplies {
        /// It is put beneath, and all the rest comes on top of it, so that waits stay spread.
        Beneath "beneath",
        /// A wait that comes out shorter, with its jitter, becomes as long.
        AfterJitter "after_jitter",
    }
}

/// How many attempts back a chain of decorrelated waits is begun: the wait has forgotten older
/// ones long before, and the work stays bounded for any attempt.
const CHAIN: u32 = 32;

impl Backoff {
    /// The wait after `attempt` failed, in milliseconds, with its jitter.
    pub(crate) fn wait(&self, attempt: u32, draw: Draw) -> u64 {
        let above_ms = self.above_floor(attempt, draw);
        let wait = match self.min_applies {
            MinApplies::Beneath => above_ms.saturating_add(self.min_ms),
            MinApplies::AfterJitter => above_ms.max(self.min_ms),
        };
        wait.min(MAX_WAIT_MS)
    }

    fn above_floor(&self, attempt: u32, draw: Draw) -> u64 {
        if attempt < self.immediate_retries {
            return 0;
        }
        let cap = self.cap_ms.min(MAX_WAIT_MS);
        let wait = match self.jitter {
            Jitter::Decorrelated => self.decorrelated(attempt, draw),
            jitter => jitter.apply(self.plain(attempt), draw, attempt),
        };
        match self.cap_applies {
            CapApplies::AfterJitter => wait.min(cap),
            CapApplies::BeforeJitter => wait.min(MAX_WAIT_MS),
        }
    }

    /// The wait after `attempt` failed, in milliseconds, without jitter; capped if the cap applies
    /// before jitter.
    pub(crate) fn plain(&self, attempt: u32) -> u64 {
        if attempt < self.immediate_retries {
            return 0;
        }
        let grown = self.grown(attempt);
        match self.cap_applies {
            CapApplies::AfterJitter => grown,
            CapApplies::BeforeJitter => grown.min(self.cap_ms),
        }
    }

    /// `base_ms · factor^attempt`, rounded down once at the end; at most the longest wait, so that
    /// the work is bounded for any attempt.
    fn grown(&self, attempt: u32) -> u64 {
        // The slowest growth takes 22000 steps, and what they cut off stays below 10^-6 ms.
        const FRACTION_BITS: u32 = 64;
        const ENOUGH: u128 = (MAX_WAIT_MS as u128) << FRACTION_BITS;
        let mut wait = u128::from(self.base_ms.min(MAX_WAIT_MS)) << FRACTION_BITS;
        let factor = u128::from(self.factor.0);
        for _ in 0..attempt {
            if wait >= ENOUGH || wait == 0 || factor == 1000 {
                break;
            }
            wait = match factor {
                // Most policies double, and a division of 128 bits is most of a decision's time.
                2000 => wait.saturating_mul(2),
                _ => wait.saturating_mul(factor) / 1000,
            };
        }
        u64::try_from(wait.min(ENOUGH) >> FRACTION_BITS).unwrap_or(MAX_WAIT_MS)
    }

    /// `min(cap, base + draw(3 · previous − base))`, begun with the base. The published formula is
    /// `min(cap, random_between(base, previous · 3))` (AWS Architecture Blog, "Exponential Backoff
    /// And Jitter").
    fn decorrelated(&self, attempt: u32, draw: Draw) -> u64 {
        let mut wait = self.base_ms;
        for attempt in attempt.saturating_sub(CHAIN)..=attempt {
            let span = wait.saturating_mul(3).saturating_sub(self.base_ms);
            let next = self.base_ms.saturating_add(draw.below(attempt, span));
            wait = next.min(self.cap_ms);
        }
        wait
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOUBLING: Backoff = Backoff {
        base_ms: 1000,
        min_ms: 0,
        min_applies: MinApplies::Beneath,
        immediate_retries: 0,
        factor: Thousandths(2000),
        cap_ms: 60_000,
        cap_applies: CapApplies::AfterJitter,
        jitter: Jitter::Additive { span_ms: 1000 },
    };
    const LAST: Draw = Draw::Fixed(u64::MAX);

    #[test]
    fn doubles_up_to_the_cap() {
        let waits = [0, 1, 2, 3, 4, 5, 6, 7].map(|n| DOUBLING.above_floor(n, Draw::Fixed(0)));
        assert_eq!(
            waits,
            [1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000]
        );
    }

    #[test]
    fn the_cap_bounds_jitter_only_when_it_applies_after() {
        assert_eq!(DOUBLING.above_floor(6, LAST), 60_000);
        let before = Backoff {
            cap_applies: CapApplies::BeforeJitter,
            ..DOUBLING
        };
        assert_eq!(before.above_floor(6, LAST), 60_999);
    }

    #[test]
    fn the_shortest_wait_is_put_beneath_or_cuts() {
        let wait = |min_ms, attempt, draw| {
            [MinApplies::Beneath, MinApplies::AfterJitter].map(|min_applies| {
                let backoff = Backoff {
                    min_ms,
                    min_applies,
                    ..DOUBLING
                };
                backoff.wait(attempt, draw)
            })
        };
        assert_eq!(wait(50, 0, Draw::Fixed(0)), [1050, 1000]);
        assert_eq!(wait(1500, 0, Draw::Fixed(0)), [2500, 1500]);
        assert_eq!(wait(1000, 6, LAST), [61_000, 60_000]);
        assert_eq!(wait(u64::MAX, 6, LAST), [MAX_WAIT_MS; 2]);
    }

    #[test]
    fn the_first_retries_may_be_immediate() {
        let once = Backoff {
            immediate_retries: 1,
            min_ms: 5,
            ..DOUBLING
        };
        assert_eq!([0, 1, 2].map(|n| once.wait(n, LAST)), [5, 3004, 5004]);
        assert_eq!(once.plain(0), 0);
    }

    #[test]
    fn saturates_for_any_attempt_and_any_number() {
        for attempt in [31, 63, 64, 1024, u32::MAX] {
            assert_eq!(DOUBLING.above_floor(attempt, LAST), 60_000);
        }
        let huge = Backoff {
            base_ms: u64::MAX,
            cap_ms: u64::MAX,
            ..DOUBLING
        };
        for cap_applies in [CapApplies::AfterJitter, CapApplies::BeforeJitter] {
            let huge = Backoff {
                cap_applies,
                ..huge
            };
            assert_eq!(huge.above_floor(u32::MAX, LAST), MAX_WAIT_MS);
        }
        let slow = Backoff {
            factor: Thousandths(1001),
            ..huge
        };
        assert_eq!(slow.above_floor(u32::MAX, LAST), MAX_WAIT_MS);
        assert_eq!(
            Backoff {
                base_ms: 0,
                ..DOUBLING
            }
            .above_floor(u32::MAX, LAST),
            999
        );
    }

    #[test]
    fn a_fractional_factor_is_rounded_once_at_the_end() {
        let half_more = Backoff {
            base_ms: 500,
            factor: Thousandths(1500),
            jitter: Jitter::None,
            ..DOUBLING
        };
        let waits = [0, 1, 2, 3, 4, 5].map(|n| half_more.above_floor(n, Draw::Fixed(0)));
        // 500 · 1.5^n is 500, 750, 1125, 1687.5, 2531.25, 3796.875.
        assert_eq!(waits, [500, 750, 1125, 1687, 2531, 3796]);
    }

    #[test]
    fn decorrelated_waits_chain_from_the_base() {
        let chained = Backoff {
            jitter: Jitter::Decorrelated,
            ..DOUBLING
        };
        assert_eq!(chained.above_floor(0, Draw::Fixed(0)), 1000);
        assert_eq!(chained.above_floor(5, Draw::Fixed(0)), 1000);
        // Each the longest that the one before allows: 3 · 1000 − 1, 3 · 2999 − 1, …
        assert_eq!(
            [0, 1, 2].map(|n| chained.above_floor(n, LAST)),
            [2999, 8996, 26_987]
        );
        assert_eq!(chained.above_floor(u32::MAX, LAST), 60_000);
        let seeded = [0, 1, 2, 3].map(|n| chained.above_floor(n, Draw::Seed(7)));
        assert!(
            seeded.iter().all(|wait| (1000..=60_000).contains(wait)),
            "{seeded:?}"
        );
        assert_eq!(
            seeded,
            [0, 1, 2, 3].map(|n| chained.above_floor(n, Draw::Seed(7)))
        );
    }
}
