//! How many requests the server takes.

use crate::scenario::{LimitKind, RateLimit};

/// A limit at work, or as many as there are clients.
#[derive(Clone, Debug)]
pub(crate) struct Limiter {
    rules: RateLimit,
    states: Vec<State>,
}

#[derive(Clone, Copy, Debug, Default)]
struct State {
    /// The fixed window's number, or when the bucket was last looked at.
    at: u64,
    /// How many requests came in the window, or how many thousandths of a token are missing.
    used: u64,
}

impl Limiter {
    pub(crate) fn new(rules: RateLimit, clients: u32) -> Self {
        let count = if rules.per_client { clients } else { 1 };
        let states = (0..count).map(|_| State::default()).collect();
        Self { rules, states }
    }

    /// Counts a request, and tells what is left, if it does; how many seconds the request is to come
    /// back after where it is one too many. Headers have whole seconds, so that this is rounded up.
    pub(crate) fn take(&mut self, client: u32, now_ms: u64) -> Result<Option<Left>, u16> {
        let index = if self.rules.per_client { client } else { 0 };
        let state = usize::try_from(index).ok();
        let Some(state) = state.and_then(|index| self.states.get_mut(index)) else {
            return Ok(None);
        };
        let wait_ms = match self.rules.kind {
            LimitKind::FixedWindow {
                requests,
                window_ms,
            } => state.count(now_ms, requests, window_ms),
            LimitKind::TokenBucket { per_second, burst } => state.spend(now_ms, per_second, burst),
        };
        match wait_ms {
            0 => Ok(self
                .rules
                .is_told
                .then(|| state.left(self.rules.kind, now_ms))),
            _ => Err(u16::try_from(wait_ms.div_ceil(1000)).unwrap_or(u16::MAX)),
        }
    }
}

/// What is left of a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Left {
    pub requests: u64,
    /// Until the limit is whole again.
    pub reset_s: u64,
}

impl State {
    fn left(&self, kind: LimitKind, now_ms: u64) -> Left {
        let (requests, reset_ms) = match kind {
            LimitKind::FixedWindow {
                requests,
                window_ms,
            } => (requests - self.used, window_ms - now_ms % window_ms),
            LimitKind::TokenBucket { per_second, burst } => {
                (burst - self.used.div_ceil(1000), self.used / per_second)
            }
        };
        Left {
            requests,
            reset_s: reset_ms.div_ceil(1000),
        }
    }

    fn count(&mut self, now_ms: u64, requests: u64, window_ms: u64) -> u64 {
        let window = now_ms / window_ms;
        if window != self.at {
            *self = Self {
                at: window,
                used: 0,
            };
        }
        if self.used < requests {
            self.used += 1;
            return 0;
        }
        window_ms - now_ms % window_ms
    }

    fn spend(&mut self, now_ms: u64, per_second: u64, burst: u64) -> u64 {
        /// So that a rate for each second is one for each millisecond.
        const TOKEN: u64 = 1000;
        self.used = self.used.saturating_sub((now_ms - self.at) * per_second);
        self.at = now_ms;
        let missing = (self.used + TOKEN).saturating_sub(burst * TOKEN);
        if missing == 0 {
            self.used += TOKEN;
        }
        missing.div_ceil(per_second)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limiter(per_client: bool, kind: LimitKind) -> Limiter {
        Limiter::new(
            RateLimit {
                per_client,
                kind,
                is_told: true,
            },
            2,
        )
    }

    #[test]
    fn a_fixed_window_takes_so_many_and_points_at_its_end() {
        let kind = LimitKind::FixedWindow {
            requests: 3,
            window_ms: 60_000,
        };
        let mut global = limiter(false, kind);
        let mut take = |client, now_ms| global.take(client, now_ms);
        let left = |requests, reset_s| Ok(Some(Left { requests, reset_s }));
        let answers = [0, 1, 0].map(|client| take(client, 10_000));
        assert_eq!(answers, [left(2, 50), left(1, 50), left(0, 50)]);
        assert_eq!(take(1, 10_000), Err(50));
        assert_eq!(take(1, 59_001), Err(1));
        assert_eq!(take(1, 60_000), left(2, 60));
        let mut each = limiter(true, kind);
        let mut take = |client| each.take(client, 70_500);
        assert!([0, 0, 0, 1, 1, 1].map(&mut take).iter().all(Result::is_ok));
        assert_eq!([0, 1].map(take), [Err(50); 2]);
    }

    #[test]
    fn a_token_bucket_takes_a_burst_and_then_so_many_a_second() {
        let mut bucket = limiter(
            false,
            LimitKind::TokenBucket {
                per_second: 2,
                burst: 3,
            },
        );
        let mut take = |now_ms| bucket.take(0, now_ms);
        let left = |requests, reset_s| Ok(Some(Left { requests, reset_s }));
        assert_eq!(
            [1000; 3].map(&mut take),
            [left(2, 1), left(1, 1), left(0, 2)]
        );
        assert_eq!(take(1000), Err(1));
        assert_eq!([1499, 1500, 1501].map(take), [Err(1), left(0, 2), Err(1)]);
    }
}
