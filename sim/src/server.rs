//! The server at work: its limit, its queue and what goes wrong.

use std::collections::VecDeque;

use crate::limiter::{Left, Limiter};
use crate::random::Random;
use crate::scenario::{Fault, FaultKind, Scenario, Server};

/// A response, as far as it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub status: u16,
    /// The header Retry-After.
    pub retry_after_s: Option<u16>,
    /// What is left of the limit, where it is told.
    pub left: Option<Left>,
}

impl Answer {
    pub(crate) const OK: Self = Self::plain(200);

    pub(crate) const fn is_success(self) -> bool {
        self.status == Self::OK.status
    }

    const fn plain(status: u16) -> Self {
        Self {
            status,
            retry_after_s: None,
            left: None,
        }
    }

    const fn hinted(status: u16, retry_after_s: Option<u16>) -> Self {
        Self {
            retry_after_s,
            ..Self::plain(status)
        }
    }
}

/// What becomes of a request that arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Received {
    /// It is answered at once.
    Answered(Answer),
    /// It is never answered.
    Swallowed,
    /// It is worked on, now or later.
    Accepted,
}

/// A request that waits to be worked on. `A` says whose it is.
#[derive(Clone, Copy, Debug)]
struct Waiting<A> {
    attempt: A,
    answer: Answer,
}

/// A request that is worked on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Started<A> {
    pub attempt: A,
    pub answer: Answer,
    /// When the work is done.
    pub done_ms: u64,
}

#[derive(Clone, Debug)]
pub(crate) struct WorkingServer<'s, A> {
    rules: &'s Server,
    faults: &'s [Fault],
    limiter: Option<Limiter>,
    random: Random,
    /// How many requests it works on at a time at full capacity.
    places: f64,
    busy: usize,
    queue: VecDeque<Waiting<A>>,
}

impl<'s, A: Copy> WorkingServer<'s, A> {
    pub(crate) fn new(scenario: &'s Scenario, random: Random) -> Self {
        let rules = &scenario.server;
        // The mean of the lognormal distribution.
        let service_ms = rules.service_median_ms as f64
            * (rules.service_sigma * rules.service_sigma / 2.0).exp();
        let clients = scenario.load.clients();
        Self {
            rules,
            faults: &scenario.faults,
            limiter: rules.limit.map(|limit| Limiter::new(limit, clients)),
            random,
            places: rules.capacity_per_second as f64 * service_ms / 1000.0,
            busy: 0,
            queue: VecDeque::new(),
        }
    }

    /// Takes in a request of a client; `key` is the call's own number, random and the same for each of
    /// its attempts.
    pub(crate) fn receive(&mut self, now_ms: u64, attempt: A, client: u32, key: u64) -> Received {
        let mut answer = Answer::OK;
        let mut overflow = Answer::plain(503);
        for fault in self.faults.iter().filter(|fault| fault.lasts(now_ms)) {
            match fault.kind {
                FaultKind::Outage { retry_after_s } => {
                    return Received::Answered(Answer::hinted(503, retry_after_s));
                }
                FaultKind::Hole => return Received::Swallowed,
                FaultKind::Failing { percent } => {
                    if self.random.bits() % 100 < percent {
                        return Received::Answered(Answer::plain(500));
                    }
                }
                FaultKind::Shard { percent } => {
                    if key % 100 < percent {
                        return Received::Answered(Answer::plain(500));
                    }
                }
                FaultKind::Broken { percent } => {
                    if self.random.bits() % 100 < percent {
                        answer = Answer::plain(500);
                    }
                }
                FaultKind::Slow { .. } => {}
                FaultKind::Warming { retry_after_s, .. } => {
                    overflow.retry_after_s = Some(retry_after_s);
                }
            }
        }
        if let Some(limiter) = &mut self.limiter {
            match limiter.take(client, now_ms) {
                Ok(left) => answer.left = left,
                Err(seconds) => return Received::Answered(Answer::hinted(429, Some(seconds))),
            }
        }
        let capacity_per_ms =
            self.rules.capacity_per_second as f64 * self.capacity(now_ms) / 1000.0;
        let most = (self.rules.queue_ms as f64 * capacity_per_ms) as usize;
        if self.queue.len() >= most && !self.has_place(now_ms) {
            return Received::Answered(overflow);
        }
        self.queue.push_back(Waiting { attempt, answer });
        Received::Accepted
    }

    /// Begins to work on the next request, if there is one and a place for it.
    pub(crate) fn start(&mut self, now_ms: u64) -> Option<Started<A>> {
        if !self.has_place(now_ms) {
            return None;
        }
        let Waiting { attempt, answer } = self.queue.pop_front()?;
        self.busy += 1;
        let Server {
            service_median_ms,
            service_sigma,
            ..
        } = *self.rules;
        let service_ms = self.random.lognormal_ms(service_median_ms, service_sigma);
        Some(Started {
            attempt,
            answer,
            done_ms: now_ms + service_ms,
        })
    }

    /// Ends the work on a request.
    pub(crate) fn finish(&mut self) {
        self.busy = self.busy.saturating_sub(1);
    }

    /// Whether requests wait.
    pub(crate) fn is_late(&self) -> bool {
        !self.queue.is_empty()
    }

    fn has_place(&self, now_ms: u64) -> bool {
        (self.busy as f64) < (self.places * self.capacity(now_ms)).round()
    }

    /// What part of its capacity it has.
    fn capacity(&self, now_ms: u64) -> f64 {
        self.faults
            .iter()
            .map(|fault| fault.capacity(now_ms))
            .product()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::standard;

    fn scenario() -> Scenario {
        Scenario {
            faults: Vec::new(),
            ..standard::find("out30").unwrap()
        }
    }

    #[test]
    fn a_queue_drains_at_the_servers_capacity() {
        let scenario = scenario();
        let mut server = WorkingServer::new(&scenario, Random::new(1, 0));
        let (mut order, mut done) = (Vec::new(), Vec::new());
        let mut now_ms = 0;
        let mut work = |server: &mut WorkingServer<'_, u64>, done: &mut Vec<u64>, now_ms| {
            while let Some(started) = server.start(now_ms) {
                order.push(started.attempt);
                done.push(started.done_ms);
            }
        };
        for attempt in 0.. {
            if server.receive(0, attempt, 0, 0) != Received::Accepted {
                break;
            }
            work(&mut server, &mut done, 0);
        }
        while !done.is_empty() {
            done.sort_unstable_by_key(|ms| u64::MAX - ms);
            now_ms = done.pop().unwrap();
            server.finish();
            work(&mut server, &mut done, now_ms);
        }
        assert!(!server.is_late());
        assert!(order.is_sorted(), "first come, first served");
        // 567 are worked on, and 2500 wait for a server that answers 1250 a second.
        assert_eq!(order.len(), 3067);
        assert!((2500..4000).contains(&now_ms), "{now_ms}");
    }

    #[test]
    fn faults_answer_as_they_should() {
        let retry_after_s = Some(20);
        for (kind, expected) in [
            (
                FaultKind::Outage { retry_after_s },
                Received::Answered(Answer::hinted(503, retry_after_s)),
            ),
            (FaultKind::Hole, Received::Swallowed),
            (
                FaultKind::Failing { percent: 100 },
                Received::Answered(Answer::plain(500)),
            ),
            (FaultKind::Failing { percent: 0 }, Received::Accepted),
            (
                FaultKind::Shard { percent: 31 },
                Received::Answered(Answer::plain(500)),
            ),
            (FaultKind::Shard { percent: 30 }, Received::Accepted),
            (FaultKind::Broken { percent: 100 }, Received::Accepted),
        ] {
            let mut scenario = scenario();
            scenario.faults.push(Fault {
                from_ms: 10,
                until_ms: 20,
                kind,
            });
            let mut server = WorkingServer::new(&scenario, Random::new(1, 0));
            assert_eq!(server.receive(9, (), 0, 30), Received::Accepted);
            assert_eq!(server.receive(10, (), 0, 30), expected, "{kind:?}");
            assert_eq!(server.receive(20, (), 0, 30), Received::Accepted);
        }
    }

    #[test]
    fn capacity_falls_and_comes_back() {
        let warming = Fault {
            from_ms: 1000,
            until_ms: 2000,
            kind: FaultKind::Warming {
                percent: 10,
                retry_after_s: 5,
            },
        };
        let slow = Fault {
            kind: FaultKind::Slow { percent: 50 },
            ..warming
        };
        let capacity = |fault: Fault| [999, 1000, 1500, 2000].map(|ms| fault.capacity(ms));
        assert_eq!(capacity(slow), [1.0, 0.5, 0.5, 1.0]);
        assert_eq!(capacity(warming), [1.0, 0.1, 0.55, 1.0]);
    }
}
