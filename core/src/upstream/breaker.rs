//! Opens when nothing succeeds any more, lets single probes through, and closes when one succeeds.

use serde::Serialize;

use super::rules::BreakerRules;
use super::state::{Read, State};
use crate::backoff::{Backoff, CapApplies, MinApplies};
use crate::jitter::{Draw, Jitter};

/// Whether calls go through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Breaker {
    /// Failures in a row.
    failures: u64,
    /// When the first of them was, UTC milliseconds since 1970.
    failing_since_ms: u64,
    /// How many probes were sent since it last closed for good.
    probes: u32,
    /// When the next probe may be sent, UTC milliseconds since 1970, where it is open.
    next_probe_ms: Option<u64>,
    /// Whether it closed, but the rate is still limited.
    recovering: bool,
}

impl Breaker {
    pub(super) fn read(state: &State<'_>) -> Read<Self> {
        let probes = state.number_in("probes", 0..=u64::from(u32::MAX))?;
        Ok(Self {
            failures: state.number("failures")?,
            failing_since_ms: state.number("failing_since_ms")?,
            probes: u32::try_from(probes).unwrap_or(u32::MAX),
            next_probe_ms: match state.is_null("next_probe_ms") {
                true => None,
                false => Some(state.number("next_probe_ms")?),
            },
            recovering: state.boolean("recovering")?,
        })
    }

    pub(super) const fn is_open(&self) -> bool {
        self.next_probe_ms.is_some()
    }

    /// How many milliseconds from now the next probe may be sent; 0 for now, or where it is closed.
    pub(super) fn next_probe(&self, now_ms: u64) -> u64 {
        self.next_probe_ms.map_or(0, |ms| ms.saturating_sub(now_ms))
    }

    /// When the next probe may be sent, UTC milliseconds since 1970; 0 where it is closed.
    pub(super) fn next_probe_ms(&self) -> u64 {
        self.next_probe_ms.unwrap_or(0)
    }

    /// Sends a probe; the next may follow after a longer while, whatever becomes of this one. Calls
    /// come once in `gap_ms`.
    pub(super) fn probe(&mut self, rules: &BreakerRules, now_ms: u64, gap_ms: u64) {
        self.probes = self.probes.saturating_add(1);
        self.next_probe_ms = Some(now_ms.saturating_add(probe_wait(rules, self.probes, gap_ms)));
    }

    /// Takes in a failure; whether that opens it. No probe comes before `not_before_ms`, and calls come
    /// once in `gap_ms`.
    pub(super) fn fail(
        &mut self,
        rules: &BreakerRules,
        now_ms: u64,
        not_before_ms: u64,
        gap_ms: u64,
    ) -> bool {
        if self.is_open() {
            return false;
        }
        if self.failures == 0 {
            self.failing_since_ms = now_ms;
        }
        self.failures = self.failures.saturating_add(1);
        let failing_ms = now_ms.saturating_sub(self.failing_since_ms);
        let opens = if self.recovering {
            self.failures >= rules.failures.div_ceil(2)
        } else {
            self.failures >= rules.failures && failing_ms >= rules.after_ms
        };
        if opens {
            let probe_ms = now_ms.saturating_add(probe_wait(rules, self.probes, gap_ms));
            self.next_probe_ms = Some(probe_ms.max(not_before_ms));
        }
        opens
    }

    /// Takes in a success; whether that closes it.
    pub(super) fn succeed(&mut self) -> bool {
        self.failures = 0;
        let closes = self.next_probe_ms.take().is_some();
        // Not `|=`, which rustc 1.95 gets wrong where it optimises (rust-lang/rust#158206).
        if closes {
            self.recovering = true;
        }
        closes
    }

    /// The clock was set back.
    pub(super) fn set_back(&mut self, by_ms: u64) {
        self.failing_since_ms = self.failing_since_ms.saturating_sub(by_ms);
        self.next_probe_ms = self.next_probe_ms.map(|ms| ms.saturating_sub(by_ms));
    }

    /// The rate is no longer limited.
    pub(super) fn recovered(&mut self) {
        if self.recovering && !self.is_open() {
            self.recovering = false;
            self.probes = 0;
        }
    }
}

/// How long it is to the next probe after so many.
fn probe_wait(rules: &BreakerRules, probes: u32, gap_ms: u64) -> u64 {
    /// Where many processes call seldom, their probes together are a load: a quarter of the usual one,
    const GAPS: u64 = 4;
    /// but none has to wait longer for its own sake.
    const LONGEST_MS: u64 = 30_000;
    let backoff = Backoff {
        base_ms: rules.probe_base_ms,
        min_ms: 0,
        min_applies: MinApplies::Beneath,
        immediate_retries: 0,
        factor: rules.probe_factor,
        cap_ms: rules.probe_cap_ms,
        cap_applies: CapApplies::AfterJitter,
        jitter: Jitter::None,
    };
    let least_ms = gap_ms.saturating_mul(GAPS).min(LONGEST_MS);
    backoff.wait(probes, Draw::Fixed(0)).max(least_ms)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::thousandths::Thousandths;
    use crate::upstream::rules::Rise;

    const RULES: BreakerRules = BreakerRules {
        failures: 5,
        after_ms: 1000,
        probe_base_ms: 500,
        probe_factor: Thousandths(2000),
        probe_cap_ms: 3000,
        start_percent: 10,
        rise: Rise {
            percent_per_second: 10,
            least_per_minute: 6,
        },
    };

    /// Calls come ten times a second.
    const GAP_MS: u64 = 100;

    fn opened() -> Breaker {
        let mut breaker = Breaker::default();
        for (now_ms, opens) in [
            (10_000, false),
            (10_300, false),
            (10_600, false),
            (10_900, false),
            (11_200, true),
        ] {
            assert_eq!(breaker.fail(&RULES, now_ms, 0, GAP_MS), opens);
        }
        breaker
    }

    #[test]
    fn probes_come_at_growing_intervals() {
        let mut breaker = opened();
        let mut now_ms = 11_200;
        for wait_ms in [500, 1000, 2000, 3000, 3000] {
            assert_eq!(breaker.next_probe(now_ms), wait_ms);
            now_ms += wait_ms;
            breaker.probe(&RULES, now_ms, GAP_MS);
            assert!(!breaker.fail(&RULES, now_ms, 0, GAP_MS) && breaker.is_open());
        }
    }

    #[test]
    fn a_burst_of_failures_is_no_outage_and_a_success_between_them_neither() {
        let mut breaker = Breaker::default();
        for failure in 0..100 {
            assert!(!breaker.fail(&RULES, 10_000 + failure * 9, 0, GAP_MS));
        }
        let mut breaker = Breaker::default();
        for failure in 0..100 {
            assert!(!breaker.fail(&RULES, 10_000 + failure * 1000, 0, GAP_MS));
            if failure % 4 == 3 {
                breaker.succeed();
            }
        }
    }

    #[test]
    fn while_it_recovers_it_opens_sooner_and_goes_on_where_it_was() {
        let mut breaker = opened();
        breaker.probe(&RULES, 11_700, GAP_MS);
        assert!(breaker.succeed() && !breaker.is_open());
        assert!(!breaker.succeed());
        let opens = [0, 1, 2].map(|n| breaker.fail(&RULES, 12_000 + n, 0, GAP_MS));
        assert_eq!(opens, [false, false, true]);
        assert_eq!(breaker.next_probe(12_002), 1000);
        breaker.succeed();
        breaker.recovered();
        assert_eq!(
            breaker,
            Breaker {
                failing_since_ms: breaker.failing_since_ms,
                ..Breaker::default()
            }
        );
    }

    #[test]
    fn no_probe_comes_before_a_hold_ends() {
        let mut breaker = Breaker::default();
        for _ in 0..5 {
            breaker.fail(&RULES, 10_000, 0, GAP_MS);
        }
        assert!(breaker.fail(&RULES, 12_000, 20_000, GAP_MS));
        assert_eq!(breaker.next_probe(12_000), 8000);
    }
}
