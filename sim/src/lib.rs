//! What a retry policy does to a failing server, and the server to its callers.
//!
//! A deterministic simulation in virtual time: many processes call one server, by a policy, and each
//! decision is holdoff's own, with one [`Upstream`](holdoff::Upstream) for each process.

#![expect(
    clippy::float_arithmetic,
    clippy::arithmetic_side_effects,
    reason = "rates and shares are no decisions, and virtual time and counts are far from their ends"
)]

mod calls;
mod clients;
mod engine;
mod limiter;
mod measure;
mod none;
pub mod picture;
mod queue;
mod random;
mod runs;
pub mod scenario;
mod server;
pub mod standard;
pub mod table;

pub use engine::simulate;
pub use measure::{Outcome, Second};
pub use none::no_retries;
pub use queue::Queue;
pub use random::Random;
pub use runs::{Run, run_all};
