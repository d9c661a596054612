//! A call to an HTTP API just failed. **May it be tried again, and after how long?**
//!
//! This crate answers, and does nothing else. The status, the headers, the body, the attempt, the
//! time and a random seed go in as values; a [`Decision`] comes out: retry after so many
//! milliseconds, stop, or escalate, and why.
//!
//! ```
//! use holdoff::{Action, Call, Failure, Headers, Policy};
//!
//! let policy = Policy::tessera();
//! let failure = Failure::Response {
//!     status: 429,
//!     headers: Headers::Pairs(&[("retry-after", "3")]),
//!     body: br#"{"error": {"message": "slow down", "type": "rate_limit_error"}}"#,
//! };
//! let decision = policy.decide(&failure, &Call::new(0, 7));
//! assert_eq!(decision.action(), Action::Retry);
//! assert_eq!(decision.after_ms(), 3000);
//! assert_eq!(decision.source().name(), "retry-after");
//! ```
//!
//! # The contract
//!
//! **The same input gives the same answer**, natively, in WebAssembly, from Python and on the JVM,
//! to the millisecond: time is integers, jitter is a function of the seed and the attempt, and no
//! decision computes with floats. **Every input gives an answer**: no status, header or body makes
//! [`Policy::decide`] fail, panic or work without bound. A hint that can't be read is no hint, and
//! [`Policy::explain`] says so.
//!
//! # The driver loop
//!
//! Whoever calls this crate owns the clock, the entropy, the sleeping and the sending. The whole
//! loop, here with a server of its own:
//!
//! ```
//! # use holdoff::{Action, Call, Failure, Headers, Policy};
//! # let mut responses = [(503, None), (429, Some("0.25")), (200, None)].into_iter();
//! # let mut send = || responses.next().unwrap();
//! # let mut slept = vec![];
//! # let mut sleep = |ms| slept.push(ms);
//! let policy = Policy::tessera();
//! let seed = 7; // One for each call, from the platform's entropy.
//! let mut attempt = 0;
//! let status = loop {
//!     let (status, retry_after) = send();
//!     if status < 400 {
//!         break status;
//!     }
//!     let headers: Vec<_> = retry_after.map(|value| ("retry-after", value)).into_iter().collect();
//!     let headers = Headers::Pairs(&headers);
//!     let failure = Failure::Response { status, headers, body: b"" };
//!     let decision = policy.decide(&failure, &Call::new(attempt, seed));
//!     if decision.action() != Action::Retry {
//!         break status; // Give the caller the failure as it came, with the decision beside it.
//!     }
//!     sleep(decision.after_ms());
//!     attempt += 1;
//! };
//! assert_eq!(status, 200);
//! # assert_eq!(slept, [1389, 250]);
//! ```
//!
//! # Many calls, one server
//!
//! One call's policy can't prevent a storm; what many calls share can. An [`Upstream`] is that state, a
//! value like the rest: ask it before each attempt, and tell it what came of it.
//!
//! ```
//! use holdoff::{Admission, Call, Failure, Headers, Policy, Ticket, Upstream};
//!
//! let document = r#"{
//!     "name": "own", "retries": 2,
//!     "rules": [{ "status": [429], "verdict": "retry", "class": "rate_limited" }],
//!     "otherwise": { "verdict": "stop", "class": "other" },
//!     "hint": { "sources": ["retry-after"] },
//!     "backoff": { "base_ms": 500, "factor": 2, "jitter": { "kind": "full" } },
//!     "upstream": { "hold": { "spread_percent": 50 } }
//! }"#;
//! let policy = Policy::from_json(document)?;
//! let mut upstream = Upstream::default();
//! let at = |now_ms| Call { now_ms: Some(now_ms), ..Call::new(0, 7) };
//!
//! // One call is told to wait for 3 s …
//! let headers = Headers::Pairs(&[("retry-after", "3")]);
//! let failure = Failure::Response { status: 429, headers, body: b"" };
//! upstream.decide(&policy, &failure, &at(1_000_000));
//! // … and another one, which knows nothing of that, is held back as well.
//! let admission = upstream.admit(&policy, &at(1_001_000), Ticket::NONE);
//! assert!(matches!(admission, Admission::Wait { after_ms: 2000..3500, .. }));
//! # Ok::<_, holdoff::PolicyError>(())
//! ```
//!
//! # What this crate does not do
//!
//! - It opens no socket, reads no clock, draws no entropy and never sleeps. What state there is, is a
//!   value in the caller's hands.
//! - It does not know any HTTP client: the packages and adapters around it do.
//! - Of a success it only judges whether the body holds an error; ask it about failures.
//!
//! # Policies
//!
//! A [`Policy`] is data: a JSON document ([`POLICY_SCHEMA`] describes it, [`Policy::from_json`]
//! checks it) or a preset by name. [`Policy::recommended`] is for any API: it hears every hint and
//! verdict that servers are known to send in headers and bodies, but for waits in words. [`Policy::tessera`] is one vendor's error page, to the
//! letter.

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod backoff;
mod call;
mod code;
mod decide;
mod decision;
mod error_body;
mod explanation;
mod failure;
mod header;
mod hint;
mod jitter;
mod json;
mod policy;
mod presets;
mod response;
mod rule;
mod server_verdict;
mod support_report;
mod thousandths;
mod time;
mod upstream;
mod verdict;
mod wait;

pub use call::{Call, IDEMPOTENT_METHODS};
pub use code::Code;
pub use decision::{Action, Decision, FailureClass, MAX_WAIT_MS, Reason, Source};
pub use error_body::{ErrorBody, MAX_BODY_BYTES};
pub use explanation::{Explanation, Step, Topic};
pub use failure::{Failure, Headers, Phase, TransportKind};
pub use hint::Hint;
pub use jitter::Draw;
pub use policy::{Client, POLICY_SCHEMA, Policy, PolicyError};
pub use presets::{PRESET_NAMES, match_preset, preset_document};
pub use support_report::{MAX_REPORT_BODY_BYTES, REQUEST_ID_HEADERS, SupportReport};
pub use time::{from_rfc3339, to_rfc3339};
pub use upstream::{Admission, Ticket, Upstream};
