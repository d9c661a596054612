//! Many runs, on all cores.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread;

use holdoff::Policy;
use serde::{Deserialize, Serialize};

use crate::engine::simulate;
use crate::measure::Outcome;
use crate::scenario::Scenario;

/// What one policy did in one scenario.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// The scenario's name.
    pub scenario: String,
    /// What the policy is called here.
    pub policy: String,
    /// What came of it.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// Runs every scenario with every policy: all policies of the first scenario, and so on. `progress` is
/// told the share that is done, as often as a virtual second passes.
pub fn run_all(
    scenarios: &[Scenario],
    policies: &[(String, Policy)],
    seed: u64,
    progress: impl Fn(f64) + Sync,
) -> Vec<Run> {
    let pairs: Vec<_> = scenarios
        .iter()
        .flat_map(|scenario| policies.iter().map(move |policy| (scenario, policy)))
        .collect();
    let all_s: u64 = pairs
        .iter()
        .map(|(scenario, _)| scenario.length_ms / 1000)
        .sum();
    let done_s = AtomicU64::new(0);
    let next = AtomicUsize::new(0);
    let finished = Mutex::new(Vec::new());
    let work = || {
        while let Some((index, (scenario, (name, policy)))) = {
            let index = next.fetch_add(1, Ordering::Relaxed);
            pairs.get(index).map(|pair| (index, *pair))
        } {
            let outcome = simulate(scenario, policy, seed, |second| {
                // The time in which the last calls end is not known before.
                if second <= scenario.length_ms / 1000 {
                    let done_s = done_s.fetch_add(1, Ordering::Relaxed) + 1;
                    progress(done_s as f64 / all_s as f64);
                }
            });
            let run = Run {
                scenario: scenario.name.into(),
                policy: name.clone(),
                outcome,
            };
            if let Ok(mut finished) = finished.lock() {
                finished.push((index, run));
            }
        }
    };
    let cores = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..cores.min(pairs.len()) {
            scope.spawn(work);
        }
    });
    let mut finished = finished.into_inner().unwrap_or_default();
    finished.sort_by_key(|(index, _)| *index);
    finished.into_iter().map(|(_, run)| run).collect()
}
