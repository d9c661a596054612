//! The scenarios that policies are judged by.
//!
//! Unless a scenario says otherwise: 1000 calls a second come from 1000 processes to a server that can
//! answer 1250, in 0.4 s (median) behind a queue of 2 s; a client waits 10 s for an answer and gives a
//! call 60 s; all is well for the first minute.

use crate::scenario::{Fault, FaultKind, LimitKind, Load, RateLimit, Scenario, Server, Surge};

const SECOND: u64 = 1000;
const MINUTE: u64 = 60 * SECOND;
/// The end of what never ends.
const ALWAYS: u64 = 365 * 24 * 60 * MINUTE;
/// When things begin to go wrong.
const BEGIN: u64 = MINUTE;

/// All of them.
pub fn all() -> Vec<Scenario> {
    vec![
        blip1(),
        out30(),
        out300(),
        hole30(),
        part50(),
        shard30(),
        meta(
            "meta90",
            "the calls take 90 % of the server's capacity, which halves for 20 s",
            1111,
        ),
        meta(
            "meta95",
            "the calls take 95 % of the server's capacity, which halves for 20 s",
            1053,
        ),
        cold(),
        fixed_window(),
        told_window(),
        token_bucket(),
        organisations(),
    ]
}

/// The one of this name.
pub fn find(name: &str) -> Option<Scenario> {
    all().into_iter().find(|scenario| scenario.name == name)
}

/// What most scenarios have in common: a fault from the second minute on.
fn usual(name: &'static str, summary: &'static str, fault_ms: u64, after_ms: u64) -> Scenario {
    let end_ms = BEGIN + fault_ms;
    Scenario {
        name,
        summary,
        load: Load::Open {
            clients: 1000,
            calls_per_second: 1000,
            surge: None,
        },
        server: Server {
            capacity_per_second: 1250,
            service_median_ms: 400,
            service_sigma: 0.5,
            queue_ms: 2 * SECOND,
            round_trip_ms: 40,
            limit: None,
        },
        faults: Vec::new(),
        well_again_ms: Some(end_ms),
        length_ms: end_ms + after_ms,
        attempt_timeout_ms: 10 * SECOND,
        deadline_ms: MINUTE,
    }
}

impl Scenario {
    /// The same with a fault, from the second minute until all is well again.
    fn with(mut self, kind: FaultKind) -> Self {
        self.faults.push(Fault {
            from_ms: BEGIN,
            until_ms: self.well_again_ms.unwrap_or(self.length_ms),
            kind,
        });
        self
    }
}

fn blip1() -> Scenario {
    let mut scenario = usual(
        "blip1",
        "1 % of all attempts fail, whichever",
        0,
        3 * MINUTE,
    );
    scenario.well_again_ms = None;
    scenario.faults.push(Fault {
        from_ms: 0,
        until_ms: ALWAYS,
        kind: FaultKind::Broken { percent: 1 },
    });
    scenario
}

fn out30() -> Scenario {
    let retry_after_s = None;
    usual(
        "out30",
        "every attempt fails for 30 s",
        30 * SECOND,
        220 * SECOND,
    )
    .with(FaultKind::Outage { retry_after_s })
}

fn out300() -> Scenario {
    let retry_after_s = None;
    usual(
        "out300",
        "every attempt fails for 5 minutes",
        5 * MINUTE,
        220 * SECOND,
    )
    .with(FaultKind::Outage { retry_after_s })
}

fn hole30() -> Scenario {
    usual(
        "hole30",
        "nothing is answered for 30 s",
        30 * SECOND,
        220 * SECOND,
    )
    .with(FaultKind::Hole)
}

fn part50() -> Scenario {
    usual(
        "part50",
        "half of all attempts fail for a minute",
        MINUTE,
        100 * SECOND,
    )
    .with(FaultKind::Failing { percent: 50 })
}

fn shard30() -> Scenario {
    usual(
        "shard30",
        "30 % of the calls fail, however often they are tried, for a minute",
        MINUTE,
        100 * SECOND,
    )
    .with(FaultKind::Shard { percent: 30 })
}

/// The metastable case: the queue is deeper than clients wait, so that a server that is behind works
/// for nobody.
fn meta(name: &'static str, summary: &'static str, capacity_per_second: u64) -> Scenario {
    let usual =
        usual(name, summary, 20 * SECOND, 320 * SECOND).with(FaultKind::Slow { percent: 50 });
    Scenario {
        server: Server {
            capacity_per_second,
            queue_ms: 20 * SECOND,
            ..usual.server
        },
        attempt_timeout_ms: 5 * SECOND,
        ..usual
    }
}

fn cold() -> Scenario {
    let mut scenario = usual(
        "cold",
        "the server is away for 45 s and asks to come back in 20, then takes a minute to warm up",
        45 * SECOND,
        5 * MINUTE,
    )
    .with(FaultKind::Outage {
        retry_after_s: Some(20),
    });
    let warm_ms = BEGIN + 45 * SECOND;
    scenario.faults.push(Fault {
        from_ms: warm_ms,
        until_ms: warm_ms + MINUTE,
        kind: FaultKind::Warming {
            percent: 10,
            retry_after_s: 5,
        },
    });
    scenario.deadline_ms = 2 * MINUTE;
    scenario
}

fn fixed_window() -> Scenario {
    surge(
        "fixw-ra",
        "1100 requests a second are allowed, counted by the minute, and calls double for 40 s",
        LimitKind::FixedWindow {
            requests: 66_000,
            window_ms: MINUTE,
        },
    )
}

/// The same, where every answer tells what is left of the window.
fn told_window() -> Scenario {
    let mut scenario = fixed_window();
    scenario.name = "fixw-told";
    scenario.summary = "the same, and every answer tells how many requests are left of the minute";
    if let Some(limit) = &mut scenario.server.limit {
        limit.is_told = true;
    }
    scenario
}

fn token_bucket() -> Scenario {
    surge(
        "tokb-ra",
        "1100 requests a second are allowed, counted by tokens, and calls double for 40 s",
        LimitKind::TokenBucket {
            per_second: 1100,
            burst: 11_000,
        },
    )
}

/// So many more calls for 40 s that the window in which they come is used up.
fn surge(name: &'static str, summary: &'static str, kind: LimitKind) -> Scenario {
    const FROM: u64 = 20 * SECOND;
    let usual = usual(name, summary, 0, 0);
    Scenario {
        load: Load::Open {
            clients: 1000,
            calls_per_second: 1000,
            surge: Some(Surge {
                from_ms: FROM,
                until_ms: MINUTE,
                calls_per_second: 1000,
            }),
        },
        server: Server {
            limit: Some(RateLimit {
                per_client: false,
                kind,
                is_told: false,
            }),
            ..usual.server
        },
        well_again_ms: Some(MINUTE),
        length_ms: 440 * SECOND,
        deadline_ms: 2 * MINUTE,
        ..usual
    }
}

fn organisations() -> Scenario {
    let mut scenario = usual(
        "org-fixw-ra",
        "50 processes of 20 workers each want far more than their 120 requests a minute",
        0,
        5 * MINUTE,
    );
    scenario.load = Load::Closed {
        clients: 50,
        workers: 20,
        pause_ms: 300,
    };
    scenario.server.limit = Some(RateLimit {
        per_client: true,
        kind: LimitKind::FixedWindow {
            requests: 120,
            window_ms: MINUTE,
        },
        is_told: false,
    });
    scenario.well_again_ms = None;
    scenario.deadline_ms = 5 * MINUTE;
    scenario
}
