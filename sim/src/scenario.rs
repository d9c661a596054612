//! What happens to a server and who calls it, as data.

use serde::Serialize;

/// Who calls, which server, and what goes wrong when. Times are milliseconds from the beginning.
#[derive(Clone, Debug, Serialize)]
pub struct Scenario {
    /// A short name.
    pub name: &'static str,
    /// What happens, in one sentence.
    pub summary: &'static str,
    /// Who calls.
    pub load: Load,
    /// Who answers.
    pub server: Server,
    /// What goes wrong.
    pub faults: Vec<Fault>,
    /// When all is well again, and goodput should come back; nothing where it is the same throughout.
    pub well_again_ms: Option<u64>,
    /// Calls that begin until then count.
    pub length_ms: u64,
    /// How long a client waits for the answer to one attempt.
    pub attempt_timeout_ms: u64,
    /// How long a call's answer is worth anything.
    pub deadline_ms: u64,
}

/// Who calls. A client is a process: what its calls share is theirs alone.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Load {
    /// Calls begin whatever became of the ones before, as those of many users do.
    Open {
        /// How many processes there are.
        clients: u32,
        /// How many calls begin in all of them together.
        calls_per_second: u64,
        /// For a while there are more.
        surge: Option<Surge>,
    },
    /// Each worker begins a call when the one before has ended, as in a batch.
    Closed {
        /// How many processes there are.
        clients: u32,
        /// How many workers each of them has.
        workers: u32,
        /// The mean of the time between two calls.
        pause_ms: u64,
    },
}

/// More calls than usual.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Surge {
    /// When it begins.
    pub from_ms: u64,
    /// When it ends.
    pub until_ms: u64,
    /// How many calls begin meanwhile, beside the usual ones.
    pub calls_per_second: u64,
}

/// A server. It goes on working on attempts that nobody waits for any longer.
#[derive(Clone, Debug, Serialize)]
pub struct Server {
    /// How many attempts it can answer.
    pub capacity_per_second: u64,
    /// How long it works on one, lognormally distributed: the median,
    pub service_median_ms: u64,
    /// and the standard deviation of the logarithm.
    pub service_sigma: f64,
    /// How many attempts wait for it at most, as the time it takes to work them off. It answers 503 to
    /// more.
    pub queue_ms: u64,
    /// How long a request and its answer are on their way together.
    pub round_trip_ms: u64,
    /// How many requests it takes, before it looks at them.
    pub limit: Option<RateLimit>,
}

/// A limit to the requests. Those above it get 429 with a Retry-After.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct RateLimit {
    /// Whether each client has its own.
    pub per_client: bool,
    /// How it counts.
    pub kind: LimitKind,
    /// Whether every answer tells what is left and until when.
    pub is_told: bool,
}

/// How a limit counts.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LimitKind {
    /// So many requests in each window; Retry-After points at the next.
    FixedWindow {
        /// How many.
        requests: u64,
        /// In how long.
        window_ms: u64,
    },
    /// So many tokens come in, one for a request; Retry-After points at the next.
    TokenBucket {
        /// How many come in.
        per_second: u64,
        /// How many there can be.
        burst: u64,
    },
}

/// Something that goes wrong for a while.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Fault {
    /// When it begins.
    pub from_ms: u64,
    /// When it ends.
    pub until_ms: u64,
    /// What goes wrong.
    pub kind: FaultKind,
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// Every attempt is answered with 503 at once.
    Outage {
        /// What the answer asks for.
        retry_after_s: Option<u16>,
    },
    /// No attempt is ever answered.
    Hole,
    /// Some attempts fail at once, whichever.
    Failing {
        /// How many.
        percent: u64,
    },
    /// Some attempts fail after the work on them, whichever.
    Broken {
        /// How many.
        percent: u64,
    },
    /// Some calls fail at once however often they are tried.
    Shard {
        /// How many.
        percent: u64,
    },
    /// The server is slow.
    Slow {
        /// What is left of its capacity.
        percent: u64,
    },
    /// The server gets faster and faster until it is at full capacity.
    Warming {
        /// What part of its capacity it begins with.
        percent: u64,
        /// What it asks for while its queue is full.
        retry_after_s: u16,
    },
}

impl Fault {
    /// Whether it lasts.
    pub(crate) fn lasts(&self, now_ms: u64) -> bool {
        (self.from_ms..self.until_ms).contains(&now_ms)
    }

    /// What part of its capacity the server has.
    pub(crate) fn capacity(&self, now_ms: u64) -> f64 {
        match self.kind {
            _ if !self.lasts(now_ms) => 1.0,
            FaultKind::Slow { percent } => percent as f64 / 100.0,
            FaultKind::Warming { percent, .. } => {
                let least = percent as f64 / 100.0;
                let passed = (now_ms - self.from_ms) as f64 / (self.until_ms - self.from_ms) as f64;
                least + (1.0 - least) * passed
            }
            _ => 1.0,
        }
    }
}

impl Load {
    /// How many processes there are.
    pub fn clients(&self) -> u32 {
        match *self {
            Self::Open { clients, .. } | Self::Closed { clients, .. } => clients,
        }
    }

    /// How many calls begin on average; unknown where that depends on how long they take.
    pub fn calls_per_second(&self) -> Option<u64> {
        match *self {
            Self::Open {
                calls_per_second, ..
            } => Some(calls_per_second),
            Self::Closed { .. } => None,
        }
    }
}

impl LimitKind {
    /// How many requests it allows in the long run.
    fn per_second(self) -> f64 {
        match self {
            Self::FixedWindow {
                requests,
                window_ms,
            } => requests as f64 * 1000.0 / window_ms as f64,
            Self::TokenBucket { per_second, .. } => per_second as f64,
        }
    }
}

impl Scenario {
    /// How many requests can succeed in the long run: what the server can do, or its limit.
    pub fn capacity_per_second(&self) -> f64 {
        let capacity = self.server.capacity_per_second as f64;
        self.server.limit.map_or(capacity, |limit| {
            let limits = if limit.per_client {
                self.load.clients()
            } else {
                1
            };
            capacity.min(limit.kind.per_second() * f64::from(limits))
        })
    }

    /// From when until when something is wrong for a while, or there are more calls than usual.
    pub fn trouble_ms(&self) -> Option<(u64, u64)> {
        let surge = match self.load {
            Load::Open { surge, .. } => surge,
            Load::Closed { .. } => None,
        };
        let faults = self
            .faults
            .iter()
            .map(|fault| (fault.from_ms, fault.until_ms));
        let all = faults.chain(surge.map(|surge| (surge.from_ms, surge.until_ms)));
        all.filter(|(_, until_ms)| *until_ms <= self.length_ms)
            .reduce(|one, other| (one.0.min(other.0), one.1.max(other.1)))
    }

    /// The same with another number of processes, and as many calls in all where they begin by
    /// themselves.
    pub fn with_clients(mut self, number: u32) -> Self {
        match &mut self.load {
            Load::Open { clients, .. } | Load::Closed { clients, .. } => *clients = number.max(1),
        }
        self
    }
}
