//! How calls are retried: for an adapter, and for one call.

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use holdoff::{Policy, Upstream};

use crate::event::DecisionEvent;

pub(crate) type Listener = Arc<dyn Fn(&DecisionEvent<'_>) + Send + Sync>;
pub(crate) type Clock = Arc<dyn Fn() -> SystemTime + Send + Sync>;

/// How an adapter retries.
///
/// ```
/// use std::time::Duration;
///
/// use holdoff::Policy;
/// use holdoff_tower::{Options, RetryLayer};
///
/// let options = Options::new()
///     .policy(Policy::tessera())
///     .deadline(Duration::from_secs(30))
///     .on_decision(|event| eprintln!("{}: {}", event.endpoint, event.decision.reason()));
/// let layer = RetryLayer::new(options);
/// ```
#[derive(Clone)]
pub struct Options {
    pub(crate) policy: Policy,
    pub(crate) sharing: Sharing,
    /// For calls that say nothing else.
    pub(crate) call: CallOptions,
    pub(crate) seed: Option<u64>,
    pub(crate) listener: Option<Listener>,
    pub(crate) clock: Clock,
}

/// Which calls share what they learn of a server.
#[derive(Clone, Debug)]
pub(crate) enum Sharing {
    /// All that the adapter sends to one origin.
    ByOrigin,
    /// All whose adapter was given this.
    Given(Arc<Mutex<Upstream>>),
    None,
}

impl Options {
    /// The policy `recommended`, and an upstream for each origin.
    pub fn new() -> Self {
        Self {
            policy: Policy::recommended(),
            sharing: Sharing::ByOrigin,
            call: CallOptions::new(),
            seed: None,
            listener: None,
            clock: Arc::new(SystemTime::now),
        }
    }

    /// The rules; by default [`Policy::recommended`].
    #[must_use]
    pub fn policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// What all calls share, whatever their origin. By default each adapter has one upstream for each
    /// origin that it sends to, up to a thousand.
    #[must_use]
    pub fn upstream(mut self, upstream: Arc<Mutex<Upstream>>) -> Self {
        self.sharing = Sharing::Given(upstream);
        self
    }

    /// Lets calls share nothing: each waits and ends by what it is told itself.
    #[must_use]
    pub fn without_upstream(mut self) -> Self {
        self.sharing = Sharing::None;
        self
    }

    /// How long after its begin the answer of a call is worthless. It bounds attempts and waits: an attempt
    /// that is under way then is cut off. A response that was handed over is not.
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.call = self.call.deadline(deadline);
        self
    }

    /// Takes the place of the policy's own number of retries.
    #[must_use]
    pub fn max_retries(mut self, max_retries: u32) -> Self {
        self.call = self.call.max_retries(max_retries);
        self
    }

    /// Whether sending a request twice has the effect of sending it once. By default the method tells.
    #[must_use]
    pub fn idempotent(mut self, idempotent: bool) -> Self {
        self.call = self.call.idempotent(idempotent);
        self
    }

    /// Told of each decision, before the wait; once more if the upstream ends the call after it.
    #[must_use]
    pub fn on_decision(
        mut self,
        listener: impl Fn(&DecisionEvent<'_>) + Send + Sync + 'static,
    ) -> Self {
        self.listener = Some(Arc::new(listener));
        self
    }

    /// The seed of every call's jitter, for tests. By default each call draws its own.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// The time of day, for tests. What has elapsed and what is waited goes by tokio's own clock, which
    /// tests can pause.
    #[must_use]
    pub fn clock(mut self, clock: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }
}

impl Default for Options {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("policy", &self.policy.name())
            .field("sharing", &self.sharing)
            .field("call", &self.call)
            .finish_non_exhaustive()
    }
}

/// What one call does differently: put it among the request's extensions.
///
/// ```
/// use holdoff_tower::CallOptions;
///
/// let request = http::Request::post("https://api.example.com/v1/chat")
///     .extension(CallOptions::new().idempotent(true))
///     .body(String::new());
/// ```
///
/// With reqwest-middleware, it is `with_extension` of the request builder.
#[derive(Clone, Copy, Debug, Default)]
pub struct CallOptions {
    pub(crate) deadline: Option<Duration>,
    pub(crate) max_retries: Option<u32>,
    pub(crate) idempotent: Option<bool>,
}

impl CallOptions {
    /// Nothing different yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// As [`Options::deadline`].
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// As [`Options::max_retries`].
    #[must_use]
    pub fn max_retries(mut self, max_retries: u32) -> Self {
        self.max_retries = Some(max_retries);
        self
    }

    /// As [`Options::idempotent`].
    #[must_use]
    pub fn idempotent(mut self, idempotent: bool) -> Self {
        self.idempotent = Some(idempotent);
        self
    }

    /// What `other` says where this says nothing.
    pub(crate) fn or(self, other: Self) -> Self {
        Self {
            deadline: self.deadline.or(other.deadline),
            max_retries: self.max_retries.or(other.max_retries),
            idempotent: self.idempotent.or(other.idempotent),
        }
    }
}
