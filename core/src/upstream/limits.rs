//! What the server says is left of its limits, in answers that succeed: so that calls slow down before
//! nothing is left.

use alloc::vec::Vec;

use serde::Serialize;

use super::state::{Read, State};
use crate::header::HeaderName;
use crate::hint::Remaining;

/// All of the usual rate, in thousandths.
pub(super) const ALL: u64 = 1000;

/// What is known of each limit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub(super) struct Limits(Vec<Limit>);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
struct Limit {
    header: HeaderName,
    /// What was left, in thousandths,
    left: u64,
    /// at this time, UTC milliseconds since 1970.
    at_ms: u64,
    /// When it is reset, UTC milliseconds since 1970.
    until_ms: u64,
    /// What part of the usual rate is sent for its sake, in thousandths.
    share: u64,
    /// Until when calls are sent that were given their time by an earlier share, UTC milliseconds since
    /// 1970.
    settled_ms: u64,
}

impl Limits {
    pub(super) fn read(state: &State<'_>) -> Read<Self> {
        let limits = state.list("limits", "limits[].")?.into_iter().map(|limit| {
            Ok(Limit {
                header: limit.header("header")?,
                left: limit.number("left")?,
                at_ms: limit.number("at_ms")?,
                until_ms: limit.number("until_ms")?,
                share: limit.number_in("share", 1..=ALL)?,
                settled_ms: limit.number("settled_ms")?,
            })
        });
        limits.collect::<Read<_>>().map(Self)
    }

    /// Takes in what is left now. The calls that wait already are sent until `queued_ms`, UTC
    /// milliseconds since 1970.
    pub(super) fn learn(&mut self, remaining: Remaining, queued_ms: u64, now_ms: u64) {
        let until_ms = now_ms.saturating_add(remaining.reset_ms);
        let of_header = |limit: &&mut Limit| limit.header == remaining.header;
        match self.0.iter_mut().find(of_header) {
            Some(limit) => limit.learn(remaining, queued_ms, now_ms),
            None => self.0.push(Limit {
                header: remaining.header,
                left: remaining.left,
                at_ms: now_ms,
                until_ms,
                share: ALL,
                settled_ms: now_ms,
            }),
        }
    }

    /// What part of the usual rate may be sent, in thousandths.
    pub(super) fn share(&self, now_ms: u64) -> u64 {
        let lasting = self.0.iter().filter(|limit| limit.until_ms > now_ms);
        lasting.map(|limit| limit.share).min().unwrap_or(ALL)
    }

    /// Takes over what others have counted of the same limits.
    pub(super) fn count_like(&mut self, others: &Self) {
        for (limit, other) in self.0.iter_mut().zip(&others.0) {
            limit.left = other.left;
            limit.at_ms = other.at_ms;
            limit.until_ms = other.until_ms;
        }
    }

    /// The clock was set back.
    pub(super) fn set_back(&mut self, by_ms: u64) {
        for limit in &mut self.0 {
            limit.at_ms = limit.at_ms.saturating_sub(by_ms);
            limit.until_ms = limit.until_ms.saturating_sub(by_ms);
            limit.settled_ms = limit.settled_ms.saturating_sub(by_ms);
        }
    }
}

impl Limit {
    /// Adjusts the share by how fast the limit is used up, by whomever: that lets many processes keep
    /// to one limit together, and needs to know neither the limit nor its unit.
    fn learn(&mut self, remaining: Remaining, queued_ms: u64, now_ms: u64) {
        /// How long is looked at before the share is adjusted: a part of the time to the reset, since
        /// answers overtake each other and calls come by chance,
        const PART: u64 = 10;
        /// but not less than this.
        const LEAST_MS: u64 = 1000;
        // What was used before the share had its effect says nothing of it.
        if self.at_ms >= self.settled_ms {
            let elapsed_ms = now_ms.saturating_sub(self.at_ms);
            if elapsed_ms < (remaining.reset_ms / PART).max(LEAST_MS) {
                return;
            }
            let used = self.left.saturating_sub(remaining.left);
            let share = adjusted(self.share, remaining, used, elapsed_ms);
            if share != self.share {
                self.share = share;
                self.settled_ms = now_ms.max(queued_ms);
            }
        }
        self.left = remaining.left;
        self.at_ms = now_ms;
        self.until_ms = now_ms.saturating_add(remaining.reset_ms);
    }
}

/// The share by which what is left lasts until the reset, where by this `share` so much was `used`.
fn adjusted(share: u64, remaining: Remaining, used: u64, elapsed_ms: u64) -> u64 {
    /// It is adjusted by no more than this factor at once,
    const MOST: u128 = 2;
    /// and all is sent where it is nearly all: what is too much by so little shows in time.
    const NEARLY_ALL: u64 = 900;
    let lasts = u128::from(remaining.left).saturating_mul(elapsed_ms.into());
    let used = u128::from(used).saturating_mul(remaining.reset_ms.into());
    let share = u128::from(share);
    let adjusted = share.saturating_mul(lasts).checked_div(used);
    let adjusted = adjusted.unwrap_or(u128::MAX);
    let adjusted = adjusted.clamp(share / MOST, share.saturating_mul(MOST));
    match u64::try_from(adjusted) {
        Ok(share) if share < NEARLY_ALL => share.max(1),
        _ => ALL,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left(requests: u64, reset_ms: u64) -> Remaining {
        Remaining {
            header: HeaderName::XRatelimitReset,
            left: requests.saturating_mul(1000),
            reset_ms,
            refills: false,
        }
    }

    #[test]
    fn a_rate_that_lasts_is_left_alone() {
        let mut limits = Limits::default();
        for second in 0..60 {
            let remaining = left(600 - 10 * second, 60_000 - 1000 * second);
            limits.learn(remaining, 0, 1000 * second);
            assert_eq!(limits.share(1000 * second), ALL, "{second}");
        }
    }

    #[test]
    fn one_that_does_not_last_is_cut_to_what_does_and_ends_with_the_window() {
        let mut limits = Limits::default();
        let (mut requests, mut share) = (600.0, 1.0);
        // Calls come 20 times a second, and 10 times a second would last.
        for second in 0..55 {
            limits.learn(
                left(requests as u64, 60_000 - 1000 * second),
                0,
                1000 * second,
            );
            share = limits.share(1000 * second) as f64 / 1000.0;
            requests -= 20.0 * share;
        }
        assert!((0.4..0.6).contains(&share), "{share}");
        assert!((1.0..100.0).contains(&requests), "{requests}");
        assert_eq!(limits.share(60_000), ALL);
    }

    #[test]
    fn what_others_use_counts_too_and_what_comes_back_frees() {
        let mut limits = Limits::default();
        limits.learn(left(100, 10_000), 0, 0);
        limits.learn(left(50, 9000), 0, 1000);
        // 50 lasts for 9 s at 5.6 a second, a ninth of 50; it is halved at most.
        assert_eq!(limits.share(1000), 500);
        limits.learn(left(10, 8999), 0, 1001);
        assert_eq!(limits.share(1001), 500);
        limits.learn(left(0, 8000), 0, 2000);
        assert_eq!(limits.share(2000), 250);
        limits.learn(left(90, 7000), 0, 3000);
        assert_eq!(limits.share(3000), 500);
        limits.learn(left(95, 0), 0, 4000);
        assert_eq!(limits.share(4000), ALL);
    }

    #[test]
    fn it_is_not_adjusted_again_before_that_has_an_effect() {
        let mut limits = Limits::default();
        limits.learn(left(100, 10_000), 0, 0);
        limits.learn(left(50, 9000), 9000, 1000);
        for now_ms in (2000..9000).step_by(1000) {
            limits.learn(left(50 - now_ms / 1000, 10_000), 9000, now_ms);
            assert_eq!(limits.share(now_ms), 500);
        }
        limits.learn(left(40, 10_000), 9000, 9100);
        assert_eq!(limits.share(9100), 500);
        limits.learn(left(20, 9000), 9000, 10_100);
        assert_eq!(limits.share(10_100), 250);
    }

    #[test]
    fn it_looks_long_enough_not_to_be_led_by_chance() {
        let mut limits = Limits::default();
        limits.learn(left(600, 60_000), 0, 0);
        limits.learn(left(560, 58_000), 0, 2000);
        assert_eq!(limits.share(2000), ALL);
        // 65 in 6 s instead of 60 is nearly as many as last.
        limits.learn(left(535, 54_000), 0, 6000);
        assert_eq!(limits.share(6000), ALL);
    }
}
