//! How often calls are sent, and how often they may be.

use serde::Serialize;

use super::limits;
use super::rules::Rise;
use super::state::{Read, State};

/// Where a rising rate stops rising, in percent of the usual one: what was held back comes on top of
/// the usual calls, but must not be what the server fails under next.
const TOP_PERCENT: u64 = 103;

/// The usual rate of calls, and the limit to it for now, if any.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Rate {
    /// How many calls are counted,
    calls: u64,
    /// and in how many milliseconds they came.
    span_ms: u64,
    /// When the last call began, UTC milliseconds since 1970.
    last_ms: u64,
    limit: Option<Limit>,
}

/// A rate that rises from the instant at which it was set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
struct Limit {
    /// UTC milliseconds since 1970.
    since_ms: u64,
    /// What part of the usual rate it was then.
    percent: u64,
    percent_per_second: u64,
    /// The longest time between two calls, in microseconds.
    longest_gap_us: u64,
    /// The first instant that no call has yet, UTC microseconds since 1970.
    next_us: u64,
    /// Until then calls come back that wait for something else and have no slot yet, UTC milliseconds
    /// since 1970.
    others_until_ms: u64,
}

impl Rate {
    pub(super) fn read(state: &State<'_>) -> Read<Self> {
        Ok(Self {
            calls: state.number("calls")?,
            span_ms: state.number("span_ms")?,
            last_ms: state.number("last_ms")?,
            limit: match state.is_null("limit") {
                true => None,
                false => Some(Limit::read(&state.object("limit", "rate.limit.")?)?),
            },
        })
    }

    /// Counts a call that begins. Those that have to wait count too: a limit to less than comes would
    /// never end.
    pub(super) fn count(&mut self, now_ms: u64) {
        /// The mean looks back on so many calls, or so long, whichever is more: calls that come by
        /// chance don't tell sooner how many they are, and a short surge is not what is usual.
        const CALLS: u64 = 64;
        const MEMORY_MS: u64 = 60_000;
        /// A gap longer than this, and than so many usual ones, says that nobody called, and not how
        /// often they do.
        const LONGEST_MS: u64 = 1000;
        const LONGEST: u64 = 4;
        if self.last_ms != 0 {
            let mut gap_ms = now_ms.saturating_sub(self.last_ms);
            if self.calls > 0 {
                gap_ms = gap_ms.min((self.gap_us().saturating_mul(LONGEST) / 1000).max(LONGEST_MS));
            }
            self.calls = self.calls.saturating_add(1);
            self.span_ms = self.span_ms.saturating_add(gap_ms);
        }
        // What is older counts half, so that the mean follows what changes.
        if self.calls >= CALLS.saturating_mul(2) && self.span_ms >= MEMORY_MS.saturating_mul(2) {
            self.calls /= 2;
            self.span_ms /= 2;
        }
        self.last_ms = now_ms;
    }

    /// Takes over what another has counted.
    pub(super) fn count_like(&mut self, other: &Self) {
        self.calls = other.calls;
        self.span_ms = other.span_ms;
        self.last_ms = other.last_ms;
    }

    /// The mean time between two calls, in microseconds; 0 where it isn't known yet.
    fn gap_us(&self) -> u64 {
        let gap_us = self.span_ms.saturating_mul(1000).checked_div(self.calls);
        gap_us.unwrap_or(0)
    }

    /// The mean time between two calls, in milliseconds.
    pub(super) fn gap_ms(&self) -> u64 {
        self.gap_us() / 1000
    }

    /// What part of the usual rate is sent, in percent.
    pub(super) fn percent(&self, now_ms: u64) -> u64 {
        self.limit
            .map_or(100, |limit| limit.percent_at(now_ms).min(100))
    }

    /// Sets the limit, from `since_ms` on. Until `others_until_ms` calls come back that wait for
    /// something else.
    pub(super) fn limit(
        &mut self,
        rise: &Rise,
        percent: u64,
        now_ms: u64,
        since_ms: u64,
        others_until_ms: u64,
    ) {
        const MINUTE_US: u64 = 60_000_000;
        /// Timers are late, and calls that wake together ask one after the other.
        const LATE_MS: u64 = 1000;
        let gap_us = self.gap_us();
        if gap_us == 0 {
            return;
        }
        let longest_gap_us = MINUTE_US.checked_div(rise.least_per_minute);
        let longest_gap_us = longest_gap_us.unwrap_or(u64::MAX);
        let now_us = now_ms.saturating_mul(1000);
        let others_until_ms = others_until_ms.saturating_add(LATE_MS);
        let before = self.limit;
        // Calls that are few anyway aren't held back.
        self.limit = (gap_us < longest_gap_us).then_some(Limit {
            since_ms,
            percent: percent.max(1),
            percent_per_second: rise.percent_per_second,
            longest_gap_us,
            next_us: before.map_or(now_us, |limit| limit.next_us.max(now_us)),
            others_until_ms: before
                .map_or(0, |limit| limit.others_until_ms)
                .max(others_until_ms),
        });
    }

    /// Halves the limit, where there is one.
    pub(super) fn halve(&mut self, now_ms: u64) {
        if let Some(limit) = &mut self.limit {
            limit.percent = (limit.percent_at(now_ms) / 2).max(1);
            limit.since_ms = now_ms;
        }
    }

    /// Takes the limit away.
    pub(super) fn free(&mut self) {
        self.limit = None;
    }

    /// The clock was set back.
    pub(super) fn set_back(&mut self, by_ms: u64) {
        self.last_ms = self.last_ms.saturating_sub(by_ms);
        if let Some(limit) = &mut self.limit {
            limit.since_ms = limit.since_ms.saturating_sub(by_ms);
            limit.next_us = limit.next_us.saturating_sub(by_ms.saturating_mul(1000));
            limit.others_until_ms = limit.others_until_ms.saturating_sub(by_ms);
        }
    }

    /// Whether there is a limit still, where this `share` of the usual rate may be sent, in thousandths.
    pub(super) fn is_limited(&mut self, share: u64, now_ms: u64) -> bool {
        // Once it is the usual rate, and nobody waits for a slot any more or will ask for one.
        let free = |limit: Limit| {
            share == limits::ALL
                && limit.percent_at(now_ms) >= 100
                && limit.next_us <= now_ms.saturating_mul(1000)
                && limit.others_until_ms <= now_ms
        };
        if self.limit.is_some_and(free) {
            self.limit = None;
        }
        self.limit.is_some()
    }

    /// How many milliseconds from now the next free slot is; 0 where there is no limit.
    pub(super) fn next_slot(&self, now_ms: u64) -> u64 {
        let next_us = self.limit.map_or(0, |limit| limit.next_us);
        next_us
            .saturating_sub(now_ms.saturating_mul(1000))
            .div_ceil(1000)
    }

    /// Takes the next free slot, where this `share` of the usual rate may be sent, in thousandths.
    pub(super) fn take_slot(&mut self, share: u64, now_ms: u64) {
        let usual_gap_us = self.gap_us();
        if let Some(limit) = &mut self.limit {
            let slot_us = limit.next_us.max(now_ms.saturating_mul(1000));
            // By the rate at the slot's own time, so that a queue gets faster as it goes.
            let part = limit.percent_at(slot_us / 1000).saturating_mul(share);
            let whole = usual_gap_us.saturating_mul(100).saturating_mul(limits::ALL);
            let gap_us = whole.checked_div(part);
            let gap_us = gap_us.unwrap_or(u64::MAX).min(limit.longest_gap_us);
            limit.next_us = slot_us.saturating_add(gap_us);
        }
    }
}

impl Limit {
    fn read(state: &State<'_>) -> Read<Self> {
        Ok(Self {
            since_ms: state.number("since_ms")?,
            percent: state.number("percent")?,
            percent_per_second: state.number("percent_per_second")?,
            longest_gap_us: state.number("longest_gap_us")?,
            next_us: state.number("next_us")?,
            others_until_ms: state.number("others_until_ms")?,
        })
    }

    fn percent_at(&self, ms: u64) -> u64 {
        let risen = ms
            .saturating_sub(self.since_ms)
            .saturating_mul(self.percent_per_second)
            / 1000;
        self.percent.saturating_add(risen).min(TOP_PERCENT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    const RISE: Rise = Rise {
        percent_per_second: 10,
        least_per_minute: 6,
    };

    /// A call every 100 ms, for ten seconds.
    fn steady() -> Rate {
        let mut rate = Rate::default();
        for now_ms in (1_000_000..1_010_000).step_by(100) {
            rate.count(now_ms);
        }
        rate
    }

    #[test]
    fn the_usual_rate_is_measured() {
        let rate = steady();
        assert!((99_000..=101_000).contains(&rate.gap_us()), "{rate:?}");
        assert_eq!(rate.percent(0), 100);
    }

    #[test]
    fn slots_come_faster_until_there_is_no_limit() {
        let mut rate = steady();
        rate.limit(&RISE, 10, 2_000_000, 2_000_000, 0);
        let slots: Vec<u64> = (0..8)
            .map(|_| {
                let wait_ms = rate.next_slot(2_000_000);
                rate.take_slot(limits::ALL, 2_000_000);
                wait_ms
            })
            .collect();
        let gaps: Vec<u64> = slots.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert_eq!(slots[0], 0);
        assert!((950..=1050).contains(&gaps[0]), "{gaps:?}");
        assert!(gaps.windows(2).all(|pair| pair[1] <= pair[0]), "{gaps:?}");
        assert!(rate.is_limited(limits::ALL, 2_008_900));
        assert!(!rate.is_limited(limits::ALL, 2_009_000));
        assert_eq!(rate.next_slot(2_009_000), 0);
    }

    #[test]
    fn the_rate_stays_limited_while_anybody_waits_and_rises_no_further_than_the_top() {
        let mut rate = steady();
        rate.limit(&RISE, 100, 2_000_000, 2_000_000, 0);
        for _ in 0..220 {
            rate.take_slot(limits::ALL, 2_000_000);
        }
        // 220 calls at 103 % of one in 100 ms.
        let wait_ms = rate.next_slot(2_000_000);
        assert!((21_300..21_500).contains(&wait_ms), "{wait_ms}");
        assert!(rate.is_limited(limits::ALL, 2_021_000));
        assert!(!rate.is_limited(limits::ALL, 2_021_500));
    }

    #[test]
    fn few_calls_are_not_held_back_and_unknown_rates_neither() {
        let mut rate = Rate::default();
        rate.limit(&RISE, 10, 1000, 1000, 0);
        assert!(!rate.is_limited(limits::ALL, 1000));
        for call in 0..9 {
            rate.count(1_000_000 + call * 20_000);
        }
        rate.limit(&RISE, 10, 2_000_000, 2_000_000, 0);
        assert!(!rate.is_limited(limits::ALL, 2_000_000));
    }
}
