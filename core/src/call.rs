//! What is known of the call whose attempt failed.

use crate::jitter::Draw;

/// The methods of which sending a request twice has the effect of sending it once (RFC 9110 section
/// 9.2.2), as they are sent: in upper case.
pub const IDEMPOTENT_METHODS: [&str; 6] = ["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"];

/// What is known of the call; every fact but `attempt` and `draw` may be unknown.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    /// The attempt that just failed, from zero: 0 is the first request.
    pub attempt: u32,
    /// Where the random part of the wait comes from.
    pub draw: Draw,
    /// The time at which the response came, in UTC milliseconds since 1970. Without it, a hint
    /// given as a date can be read only if the response has its own `Date`.
    pub now_ms: Option<u64>,
    /// Milliseconds since the call began. Unknown counts as 0.
    pub elapsed_ms: Option<u64>,
    /// Milliseconds from the beginning of the call to the instant after which its answer is
    /// worthless.
    pub deadline_ms: Option<u64>,
    /// Takes the place of the policy's own number of retries.
    pub max_retries: Option<u32>,
    /// The request's method, as sent.
    pub method: Option<&'a str>,
    /// Whether sending the request twice has the effect of sending it once.
    pub idempotent: Option<bool>,
    /// Whether the request body can be sent again.
    pub replayable: Option<bool>,
    /// Whether the user was already given a part of the answer.
    pub delivered: Option<bool>,
}

impl Call<'_> {
    /// A call of which nothing is known but the attempt that failed and the seed of its jitter.
    /// Draw one seed for each call, and keep it for all of the call's attempts.
    pub const fn new(attempt: u32, seed: u64) -> Self {
        Self {
            attempt,
            draw: Draw::Seed(seed),
            now_ms: None,
            elapsed_ms: None,
            deadline_ms: None,
            max_retries: None,
            method: None,
            idempotent: None,
            replayable: None,
            delivered: None,
        }
    }
}
