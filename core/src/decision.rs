//! The answer: what to do, after how long, and why, in one number.

use crate::code::codes;

/// The longest wait ever given to a host: 2^31 − 1 ms, 24.8 days. Timers of several platforms fire
/// at once when asked for more.
pub const MAX_WAIT_MS: u64 = 0x7FFF_FFFF;

codes! {
    /// What to do with the call.
    pub enum Action {
        1 Retry "retry" "send the request again after the wait",
        2 Stop "stop" "give the failure to the caller; trying again would not help or is not allowed",
        3 Escalate "escalate" "the failure may pass, yet the retries are used up: tell a person or a log",
    }
}

codes! {
    /// What kind of failure it was, whatever the vendor calls it.
    pub enum FailureClass {
        1 InvalidRequest "invalid_request" "the request is malformed: the client has to be fixed",
        2 Authentication "authentication" "the API key is missing or not valid",
        3 Permission "permission" "the API key is valid but may not do this",
        4 NotFound "not_found" "the model, resource or endpoint does not exist",
        5 TooLarge "too_large" "the request is larger than the server accepts",
        6 Unprocessable "unprocessable" "the request is well-formed but its content is not acceptable",
        7 Conflict "conflict" "the request conflicts with the state of the resource",
        8 RateLimited "rate_limited" "too many requests in the current window",
        9 QuotaExhausted "quota_exhausted" "the quota or balance is used up; waiting alone does not help",
        10 ServerError "server_error" "the server failed internally",
        11 Unavailable "unavailable" "the server or its backend is not available for now",
        12 Overloaded "overloaded" "the server has more work than it can do",
        13 Timeout "timeout" "the answer took too long",
        14 Transport "transport" "no whole response came: the connection failed",
        15 Other "other" "none of the other classes",
    }
}

codes! {
    /// Which rule decided.
    pub enum Reason {
        1 Status "status" "a rule of the policy names the response's status",
        2 ErrorType "error_type" "a rule of the policy names the error body's type",
        3 ErrorCode "error_code" "a rule of the policy names the error body's code",
        4 Transport "transport" "a rule of the policy names this kind of transport failure",
        5 Unlisted "unlisted" "no rule of the policy names this failure",
        6 NotAFailure "not_a_failure" "the response is a success: there is nothing to retry",
        7 Delivered "delivered" "part of the answer was already delivered to the user",
        8 NotReplayable "not_replayable" "the request body cannot be sent a second time",
        9 Aborted "aborted" "the caller ended the call",
        10 NotIdempotent "not_idempotent" "the policy does not allow this method to be repeated",
        11 RetriesExhausted "retries_exhausted" "all retries that the policy allows were made",
        12 HintTooLong "hint_too_long" "the server asks for a longer wait than the policy allows",
        13 Deadline "deadline" "the wait would end after the call's deadline",
        14 ErrorClass "error_class" "a rule of the policy names the class of failure that the error body tells",
        15 ServerVerdict "server_verdict" "the server said itself whether to try again",
        16 PossiblyExecuted "possibly_executed" "the request may have been executed, and is known not to be safe to repeat",
        17 BudgetExhausted "budget_exhausted" "the retry budget that the calls to this server share is used up",
        18 Held "held" "calls to this server are held back for longer than the policy allows",
    }
}

codes! {
    /// Where the wait comes from.
    pub enum Source {
        0 None "none" "there is no wait",
        1 Backoff "backoff" "the policy's own backoff: the server gave no hint that counts",
        2 RetryAfter "retry-after" "the header Retry-After, in seconds or as a date (RFC 9110 section 10.2.3)",
        3 RetryAfterMs "retry-after-ms" "the header retry-after-ms, in milliseconds",
        4 XMsRetryAfterMs "x-ms-retry-after-ms" "the header x-ms-retry-after-ms, in milliseconds",
        5 XAmzRetryAfter "x-amz-retry-after" "the header x-amz-retry-after, in milliseconds",
        6 GrpcRetryPushbackMs "grpc-retry-pushback-ms" "the header grpc-retry-pushback-ms, in milliseconds (gRFC A6)",
        7 BodyRetryInfo "body-retry-info" "google.rpc.RetryInfo in the error body",
        8 BodyRetryAfter "body-retry-after" "the member retry_after of the error body, in seconds",
        9 Ratelimit "ratelimit" "the header RateLimit, of what is used up (draft-ietf-httpapi-ratelimit-headers)",
        10 RatelimitReset "ratelimit-reset" "the header RateLimit-Reset of a limit that is used up",
        11 XRatelimitResetAfter "x-ratelimit-reset-after" "the header X-RateLimit-Reset-After of a limit that is used up",
        12 XRatelimitRetryAfter "x-ratelimit-retry-after" "the header X-RateLimit-Retry-After",
        13 XRatelimitReset "x-ratelimit-reset" "a header X-RateLimit-Reset or X-RateLimit-Reset-… of a limit that is used up",
        14 XRateLimitReset "x-rate-limit-reset" "a header X-Rate-Limit-Reset or X-Rate-Limit-Reset-… of a limit that is used up",
        15 AnthropicRatelimit "anthropic-ratelimit" "a header anthropic-ratelimit-…-reset of a limit that is used up",
        16 BodyMetadataHeaders "body-metadata-headers" "a header that the error body repeats in metadata.headers",
        17 BodyMessage "body-message" "the words of the error message",
        18 BodySecondaryRateLimit "body-secondary-rate-limit" "GitHub's secondary rate limit, after which it asks for a minute",
        19 Hold "hold" "the wait that the server told another call to the same server",
        20 Breaker "breaker" "the breaker, which is open until a probe succeeds",
        21 Pace "pace" "the rate at which calls to the server are sent for now",
    }
}

impl Source {
    /// Whether it is something that a response says, so that a policy can name it.
    pub const fn is_hint(self) -> bool {
        !matches!(
            self,
            Self::None | Self::Backoff | Self::Hold | Self::Breaker | Self::Pace
        )
    }
}

/// The answer of [`Policy::decide`](crate::Policy::decide).
///
/// Five small facts that fit in one number of 49 bits, so that a decision crosses every language
/// border unharmed, is compared with `==` and logged as a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Decision {
    action: Action,
    class: FailureClass,
    reason: Reason,
    source: Source,
    after_ms: u32,
}

impl Decision {
    /// A decision; `after_ms` beyond [`MAX_WAIT_MS`] becomes [`MAX_WAIT_MS`].
    pub(crate) fn new(
        action: Action,
        class: FailureClass,
        reason: Reason,
        source: Source,
        after_ms: u64,
    ) -> Self {
        let after_ms = u32::try_from(after_ms.min(MAX_WAIT_MS)).unwrap_or(u32::MAX);
        Self {
            action,
            class,
            reason,
            source,
            after_ms,
        }
    }

    /// What to do.
    pub const fn action(self) -> Action {
        self.action
    }

    /// What kind of failure it was.
    pub const fn class(self) -> FailureClass {
        self.class
    }

    /// Which rule decided.
    pub const fn reason(self) -> Reason {
        self.reason
    }

    /// Where `after_ms` comes from.
    pub const fn source(self) -> Source {
        self.source
    }

    /// The wait in milliseconds, at most [`MAX_WAIT_MS`].
    ///
    /// When the action is to stop because the wait is too long ([`Reason::HintTooLong`],
    /// [`Reason::Deadline`]), it is how long the wait would have been, so that a host can offer a
    /// time to come back. Otherwise it is 0 unless the action is to retry.
    pub const fn after_ms(self) -> u64 {
        self.after_ms as u64
    }

    /// The decision as one number: from the lowest bit `after_ms` (31 bits), source (5), reason
    /// (6), class (5), action (2). Never 0, and less than 2^49, so that a JavaScript number holds
    /// it exactly.
    pub const fn to_bits(self) -> u64 {
        (self.action.code() as u64) << 47
            | (self.class.code() as u64) << 42
            | (self.reason.code() as u64) << 36
            | (self.source.code() as u64) << 31
            | self.after_ms as u64
    }

    /// The decision that [`Decision::to_bits`] made this number of; `None` for any other number.
    pub const fn from_bits(bits: u64) -> Option<Self> {
        if bits >> 49 != 0 {
            return None;
        }
        let (Some(action), Some(class), Some(reason), Some(source)) = (
            Action::from_code((bits >> 47) as u8 & 0x3),
            FailureClass::from_code((bits >> 42) as u8 & 0x1F),
            Reason::from_code((bits >> 36) as u8 & 0x3F),
            Source::from_code((bits >> 31) as u8 & 0x1F),
        ) else {
            return None;
        };
        Some(Self {
            action,
            class,
            reason,
            source,
            after_ms: (bits & MAX_WAIT_MS) as u32,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_hold_every_decision() {
        for &action in Action::ALL {
            for &class in FailureClass::ALL {
                for &reason in Reason::ALL {
                    for &source in Source::ALL {
                        for after_ms in [0, 1, 3000, MAX_WAIT_MS, u64::MAX] {
                            let decision = Decision::new(action, class, reason, source, after_ms);
                            assert_eq!(Decision::from_bits(decision.to_bits()), Some(decision));
                            assert!(decision.to_bits() < 1 << 49);
                            assert_eq!(decision.after_ms(), after_ms.min(MAX_WAIT_MS));
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn numbers_that_are_no_decision_are_refused() {
        let decision = Decision::new(
            Action::Retry,
            FailureClass::RateLimited,
            Reason::Status,
            Source::RetryAfter,
            3000,
        );
        assert_eq!(
            decision.to_bits(),
            (1 << 47) + (8 << 42) + (1 << 36) + (2 << 31) + 3000
        );
        for bits in [
            0,
            3000,
            u64::MAX,
            1 << 49 | decision.to_bits(),
            decision.to_bits() | 31 << 31,
        ] {
            assert_eq!(Decision::from_bits(bits), None, "{bits:#x}");
        }
    }
}
