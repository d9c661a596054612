//! What came of a run.

use serde::{Deserialize, Serialize};

use crate::scenario::Scenario;

/// What came of a run. Only calls that began within the scenario's length count; the load goes on
/// until the last of them has ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// How many calls there were.
    pub calls: u64,
    /// How many of them succeeded.
    pub succeeded: u64,
    /// How many requests were sent for them.
    pub requests: u64,
    /// How many calls ended by and by: each of them, once.
    #[serde(skip)]
    pub ended: u64,
    /// How many requests the ended calls say they took.
    #[serde(skip)]
    pub attempts: u64,
    /// The time of half of the calls that succeeded.
    pub p50_ms: Option<u64>,
    /// The time that one in a hundred calls that succeeded took longer than.
    pub p99_ms: Option<u64>,
    /// The second with the most requests once all was well again, as a multiple of what can succeed.
    pub peak: f64,
    /// How long after all was well again goodput was back for good; `None` if it never was, or if
    /// nothing went wrong for a while only.
    pub back_after_s: Option<u64>,
    /// What happened in each second.
    pub seconds: Vec<Second>,
}

/// What happened in one second, of all calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Second {
    /// How many calls began.
    pub calls: u32,
    /// How many requests were sent.
    pub requests: u32,
    /// How many calls succeeded.
    pub succeeded: u32,
}

impl Outcome {
    /// How many requests a call took on average.
    pub fn requests_per_call(&self) -> f64 {
        self.requests as f64 / self.calls.max(1) as f64
    }

    /// What part of the calls succeeded.
    pub fn success(&self) -> f64 {
        self.succeeded as f64 / self.calls.max(1) as f64
    }
}

/// Counts during a run.
#[derive(Clone, Debug)]
pub(crate) struct Recorder {
    length_ms: u64,
    outcome: Outcome,
    latencies_ms: Vec<u32>,
}

impl Recorder {
    pub(crate) fn new(scenario: &Scenario) -> Self {
        let seconds = usize::try_from(scenario.length_ms.div_ceil(1000)).unwrap_or(0);
        Self {
            length_ms: scenario.length_ms,
            outcome: Outcome {
                calls: 0,
                succeeded: 0,
                requests: 0,
                ended: 0,
                attempts: 0,
                p50_ms: None,
                p99_ms: None,
                peak: 0.0,
                back_after_s: None,
                seconds: vec![Second::default(); seconds],
            },
            latencies_ms: Vec::new(),
        }
    }

    /// Whether all calls that count have ended.
    pub(crate) fn is_complete(&self, now_ms: u64) -> bool {
        now_ms >= self.length_ms && self.outcome.ended == self.outcome.calls
    }

    pub(crate) fn begin(&mut self, now_ms: u64) {
        self.outcome.calls += u64::from(self.counts(now_ms));
        if let Some(second) = self.second(now_ms) {
            second.calls += 1;
        }
    }

    pub(crate) fn send(&mut self, now_ms: u64, began_ms: u64) {
        self.outcome.requests += u64::from(self.counts(began_ms));
        if let Some(second) = self.second(now_ms) {
            second.requests += 1;
        }
    }

    /// A call ends after so many attempts.
    pub(crate) fn end(&mut self, now_ms: u64, began_ms: u64, attempts: u32, succeeded: bool) {
        if succeeded && let Some(second) = self.second(now_ms) {
            second.succeeded += 1;
        }
        if self.counts(began_ms) {
            self.outcome.ended += 1;
            self.outcome.attempts += u64::from(attempts);
            if succeeded {
                self.outcome.succeeded += 1;
                let latency_ms = u32::try_from(now_ms - began_ms).unwrap_or(u32::MAX);
                self.latencies_ms.push(latency_ms);
            }
        }
    }

    pub(crate) fn finish(mut self, scenario: &Scenario) -> Outcome {
        let capacity = scenario.capacity_per_second();
        let well_again_s = scenario.well_again_ms.unwrap_or(0).div_ceil(1000);
        let well_again = usize::try_from(well_again_s).unwrap_or(usize::MAX);
        let after = self.outcome.seconds.iter().skip(well_again);
        let most = after.map(|second| second.requests).max().unwrap_or(0);
        self.outcome.peak = f64::from(most) / capacity;
        self.outcome.back_after_s = scenario
            .load
            .calls_per_second()
            .filter(|_| scenario.well_again_ms.is_some())
            .and_then(|usual| back_after(&self.outcome.seconds, well_again, usual));
        self.outcome.p50_ms = quantile(&mut self.latencies_ms, 50);
        self.outcome.p99_ms = quantile(&mut self.latencies_ms, 99);
        self.outcome
    }

    fn counts(&self, began_ms: u64) -> bool {
        began_ms < self.length_ms
    }

    fn second(&mut self, now_ms: u64) -> Option<&mut Second> {
        let index = usize::try_from(now_ms / 1000).ok()?;
        self.outcome.seconds.get_mut(index)
    }
}

/// How many seconds after all was well again goodput was back: nine tenths of the usual calls, over
/// any five seconds from then on. Ten seconds at the end are needed to say so.
fn back_after(seconds: &[Second], well_again: usize, usual_per_second: u64) -> Option<u64> {
    const WINDOW: usize = 5;
    const PROOF: usize = 10;
    let enough = usual_per_second * WINDOW as u64 * 9 / 10;
    let goodput = |window: &[Second]| -> u64 {
        window
            .iter()
            .map(|second| u64::from(second.succeeded))
            .sum()
    };
    let windows = seconds.get(well_again..)?.windows(WINDOW);
    let count = windows.len();
    let bad = windows
        .enumerate()
        .rfind(|(_, window)| goodput(window) < enough)
        .map_or(0, |(index, _)| index + 1);
    (bad + PROOF <= count)
        .then(|| u64::try_from(bad).ok())
        .flatten()
}

/// The value that so many percent of the values are not above.
fn quantile(values: &mut [u32], percent: usize) -> Option<u64> {
    let index = (values.len() * percent / 100).min(values.len().checked_sub(1)?);
    let (_, value, _) = values.select_nth_unstable(index);
    Some(u64::from(*value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(succeeded: impl IntoIterator<Item = u32>) -> Vec<Second> {
        let second = |succeeded| Second {
            succeeded,
            ..Second::default()
        };
        succeeded.into_iter().map(second).collect()
    }

    #[test]
    fn goodput_is_back_when_it_stays_at_nine_tenths() {
        let back = |values: Vec<u32>| back_after(&seconds(values), 2, 100);
        let well = vec![100; 20];
        assert_eq!(back([vec![0; 2], well.clone()].concat()), Some(0));
        assert_eq!(back([vec![0; 5], well.clone()].concat()), Some(3));
        // A good second in between is not for good.
        let relapse = [vec![0, 0, 100, 0, 0, 0], well.clone()].concat();
        assert_eq!(back(relapse), Some(4));
        assert_eq!(
            back([well.clone(), vec![0; 3], vec![100; 5]].concat()),
            None
        );
        assert_eq!(back([well, vec![89; 20]].concat()), None);
    }

    #[test]
    fn quantiles_are_values() {
        let mut values: Vec<u32> = (0..1000).rev().collect();
        assert_eq!(quantile(&mut values, 50), Some(500));
        assert_eq!(quantile(&mut values, 99), Some(990));
        assert_eq!(quantile(&mut [7], 99), Some(7));
        assert_eq!(quantile(&mut [], 50), None);
    }
}
