//! Whole runs: what has to hold in each of them.

#![cfg(test)]

use holdoff::Policy;
use holdoff_sim::scenario::{LimitKind, Load, Scenario};
use holdoff_sim::{no_retries, run_all, simulate, standard};

/// Policies that differ in all that a run is made of.
fn policies() -> Vec<(String, Policy)> {
    let named = |name: &str| (name.to_string(), Policy::preset(name).unwrap());
    let mut policies = ["recommended", "tessera", "axios-retry"]
        .map(named)
        .to_vec();
    policies.push(("none".into(), no_retries()));
    policies
}

/// The scenario with a tenth of all calls and of all that a server can do, which is as telling and ten
/// times as fast.
fn tenth(name: &str) -> Scenario {
    let mut scenario = standard::find(name).unwrap();
    scenario.server.capacity_per_second /= 10;
    if let Load::Open {
        calls_per_second,
        surge,
        ..
    } = &mut scenario.load
    {
        *calls_per_second /= 10;
        if let Some(surge) = surge {
            surge.calls_per_second /= 10;
        }
        match scenario.server.limit.as_mut().map(|limit| &mut limit.kind) {
            Some(LimitKind::FixedWindow { requests, .. }) => *requests /= 10,
            Some(LimitKind::TokenBucket { per_second, burst }) => {
                *per_second /= 10;
                *burst /= 10;
            }
            None => {}
        }
    }
    scenario
}

#[test]
fn every_call_ends_once_and_every_request_belongs_to_one() {
    for scenario in standard::all() {
        let mut scenario = tenth(scenario.name).with_clients(50);
        // Long enough for the fault to begin and for the first calls to come through it.
        scenario.length_ms = scenario.length_ms.min(110_000);
        for (name, policy) in policies() {
            let outcome = simulate(&scenario, &policy, 3, |_| ());
            let at = format!("{} in {}", name, scenario.name);
            assert!(outcome.calls > 1000, "{at}");
            assert_eq!(outcome.ended, outcome.calls, "{at}");
            assert_eq!(outcome.attempts, outcome.requests, "{at}");
            assert!(outcome.succeeded <= outcome.calls, "{at}");
        }
    }
}

#[test]
fn a_run_is_a_function_of_its_seed_on_any_number_of_threads() {
    let scenarios = ["part50", "fixw-ra"].map(|name| Scenario {
        length_ms: 70_000,
        ..tenth(name)
    });
    let policies = policies();
    let run = |seed| run_all(&scenarios, &policies, seed, |_| ());
    let first = run(1);
    assert_eq!(first.len(), 8);
    assert_eq!(first, run(1));
    for (one, other) in first.iter().zip(run(2)) {
        assert_ne!(one.outcome, other.outcome);
    }
    let alone = simulate(&scenarios[1], &policies[2].1, 1, |_| ());
    assert_eq!(first[6].outcome, alone);
}

#[test]
fn all_policies_meet_the_same_calls() {
    let scenario = tenth("hole30");
    let calls = |policy: &Policy| -> Vec<u32> {
        let outcome = simulate(&scenario, policy, 1, |_| ());
        outcome.seconds.iter().map(|second| second.calls).collect()
    };
    assert_eq!(calls(&no_retries()), calls(&Policy::tessera()));
}

/// The measurements that the aims of `recommended` were set beside.
#[test]
fn what_is_known_of_plain_policies_comes_out() {
    for (scenario, name, requests, success) in [
        ("out30", "none", 1.0, 0.90),
        ("out30", "openai-python", 1.19, 0.91),
        ("part50", "tessera", 1.25, 1.0),
        ("part50", "openai-python", 1.20, 0.97),
        ("shard30", "tessera", 1.42, 0.96),
        ("meta90", "none", 1.0, 0.87),
        ("meta90", "openai-python", 2.75, 0.13),
        ("fixw-ra", "none", 1.0, 0.90),
        ("fixw-ra", "tessera", 3.77, 0.16),
        ("tokb-ra", "none", 1.0, 0.93),
    ] {
        let scenario = tenth(scenario);
        let policy = policies().into_iter().find(|(other, _)| other == name);
        let policy = policy.map_or_else(|| Policy::preset(name).unwrap(), |(_, policy)| policy);
        let outcome = simulate(&scenario, &policy, 1, |_| ());
        let at = format!("{name} in {}", scenario.name);
        let found = outcome.requests_per_call();
        assert!(
            (found / requests - 1.0).abs() < 0.05,
            "{at}: {found} requests a call"
        );
        let found = outcome.success();
        assert!((found - success).abs() < 0.04, "{at}: {found} succeed");
    }
}
