//! Retries HTTP calls by a policy of [`holdoff`]: a [tower] layer, [`RetryLayer`], and with the
//! feature `reqwest` a middleware of [reqwest-middleware], `RetryMiddleware`.
//!
//! ```
//! use holdoff_tower::RetryLayer;
//! use tower::Layer;
//! # #[derive(Clone)] struct Client;
//! # let client = Client;
//!
//! let service = RetryLayer::default().layer(client);
//! ```
#![cfg_attr(
    feature = "reqwest",
    doc = r"
```
use holdoff_tower::RetryMiddleware;
use reqwest_middleware::ClientBuilder;

# fn main() -> Result<(), reqwest::Error> {
// reqwest would send some HTTP/2 requests again by itself.
let client = reqwest::Client::builder().retry(reqwest::retry::never()).build()?;
let client = ClientBuilder::new(client).with(RetryMiddleware::default()).build();
# Ok(())
# }
```
"
)]
//!
//! # What it does
//!
//! It sends the request, and as long as the [`Policy`](holdoff::Policy) says so, waits and sends it
//! again. [`Options`] say how, [`CallOptions`] among a request's extensions say it for one call.
//!
//! - **Calls share what they learn** of a server: by default there is one [`Upstream`](holdoff::Upstream) for
//!   each origin, which holds calls back when the server asks for it or fails.
//! - **A request body is sent again byte for byte**, or not at all: see [`TryClone`]. Where it can't be
//!   sent again, the call ends with the reason `not_replayable`.
//! - **The last failure is yours**, as the client gave it: a response, with its body still to be read and
//!   the [`Decision`](holdoff::Decision) among its extensions, or the error. An error that is no failed
//!   connection is given back at once. Two errors are new: [`HeldBack`], where nothing was sent, and the
//!   client's own kind of timeout, where the deadline cut an attempt off.
//! - **A success is handed over once it is one.** A JSON response of up to 1 MiB is read whole before, so that one
//!   that breaks off can be tried again; of a `text/event-stream` the first chunk is waited for, and an
//!   error in it counts as a failure. After that nothing is tried again. All other responses are
//!   handed over unread. Dropping the future of a call ends it at once.
//! - **`tracing`** gets one span for each attempt, with the names of OpenTelemetry's HTTP conventions (without
//!   credentials and query), and in it one event `holdoff.decision` with the target `holdoff`: info for a retry,
//!   warn for giving up after retries (debug without any), error for an escalation.
//!
//! The loop runs on tokio's timers, and sends from the task that awaits the call.
//!
//! [tower]: https://docs.rs/tower
//! [reqwest-middleware]: https://docs.rs/reqwest-middleware

#![forbid(unsafe_code)]

mod attempt;
mod body;
mod event;
mod held_back;
mod idempotency;
mod layer;
#[cfg(feature = "reqwest")]
mod middleware;
mod options;
mod replay;
mod retry;
mod target;
mod transport;

pub use body::ResponseBody;
pub use event::DecisionEvent;
pub use held_back::HeldBack;
pub use layer::{RetryFuture, RetryLayer, RetryService};
#[cfg(feature = "reqwest")]
pub use middleware::RetryMiddleware;
pub use options::{CallOptions, Options};
pub use replay::{RequestBody, TryClone};
pub use tower::BoxError;

#[cfg(all(doctest, feature = "reqwest"))]
#[doc = include_str!("../README.md")]
struct Readme;
