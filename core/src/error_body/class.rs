//! What class of failure the vendors' own words name.

use crate::decision::FailureClass;

use super::shape::Shape;
use crate::json::Json;

/// Whether this is GitHub's message for its limits on behaviour that no header tells of
/// (docs.github.com, "Rate limits for the REST API").
pub(crate) fn is_secondary_rate_limit(message: &str) -> bool {
    message.starts_with("You have exceeded a secondary rate limit")
}

/// What of an error body tells its class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ToldBy {
    /// The code, by a word that is known.
    Code,
    /// The type, by a word that is known.
    Kind,
    /// Something else, said for a person.
    Sign(&'static str),
}

/// The class of failure that an error body tells, if it does, and by what.
pub(super) fn class_of(
    shape: &Shape<'_, '_>,
    code: Option<&str>,
    kind: Option<&str>,
    message: Option<&str>,
) -> Option<(FailureClass, ToldBy)> {
    let sign = |class, sign| Some((class, ToldBy::Sign(sign)));
    if message.is_some_and(asks_for_more_than_the_limit) {
        return sign(FailureClass::TooLarge, "asking for more than the limit");
    }
    if is_daily_quota(shape) {
        return sign(
            FailureClass::QuotaExhausted,
            "the quota of a day, which is used up",
        );
    }
    let word = |word: Option<&str>, by| Some((word.and_then(class_of_word)?, by));
    let (by_code, by_kind) = (word(code, ToldBy::Code), word(kind, ToldBy::Kind));
    // What waiting doesn't help against outweighs what it does, whichever part says it.
    let quota = |told: &(FailureClass, ToldBy)| told.0 == FailureClass::QuotaExhausted;
    by_kind
        .filter(quota)
        .filter(|_| !by_code.as_ref().is_some_and(quota))
        .or(by_code)
        .or(by_kind)
        .or_else(|| {
            message.filter(|message| is_secondary_rate_limit(message))?;
            sign(FailureClass::RateLimited, "its message")
        })
}

/// The class that a vendor's code, type or status stands for. Exact words only: an unknown word is
/// judged by the status, a misread one would end calls that could succeed.
fn class_of_word(word: &str) -> Option<FailureClass> {
    Some(match word {
        // OpenAI: platform.openai.com/docs/guides/error-codes.
        "insufficient_quota"
        | "credit_balance_exhausted"
        | "organization_spend_limit_exceeded"
        | "project_spend_limit_exceeded"
        | "organization_usage_limit_exceeded"
        | "billing_hard_limit_reached"
        | "billing_not_active" => FailureClass::QuotaExhausted,
        "rate_limit_exceeded" => FailureClass::RateLimited,
        "server_error" => FailureClass::ServerError,
        "invalid_api_key" => FailureClass::Authentication,
        "model_not_found" => FailureClass::NotFound,
        "context_length_exceeded" | "string_above_max_length" => FailureClass::TooLarge,

        // Anthropic: docs.anthropic.com/en/api/errors; OpenAI and others share some.
        "billing_error" => FailureClass::QuotaExhausted,
        "rate_limit_error" => FailureClass::RateLimited,
        "overloaded_error" => FailureClass::Overloaded,
        "api_error" => FailureClass::ServerError,
        "timeout_error" => FailureClass::Timeout,
        "invalid_request_error" => FailureClass::InvalidRequest,
        "authentication_error" => FailureClass::Authentication,
        "permission_error" => FailureClass::Permission,
        "not_found_error" => FailureClass::NotFound,
        "request_too_large" => FailureClass::TooLarge,

        // Google: google.rpc.Code (github.com/googleapis/googleapis, google/rpc/code.proto).
        "RESOURCE_EXHAUSTED" => FailureClass::RateLimited,
        "INTERNAL" => FailureClass::ServerError,
        "UNAVAILABLE" => FailureClass::Unavailable,
        "DEADLINE_EXCEEDED" => FailureClass::Timeout,
        "ABORTED" => FailureClass::Conflict,
        "INVALID_ARGUMENT" | "FAILED_PRECONDITION" | "OUT_OF_RANGE" => FailureClass::InvalidRequest,
        "UNAUTHENTICATED" => FailureClass::Authentication,
        "PERMISSION_DENIED" => FailureClass::Permission,
        "NOT_FOUND" => FailureClass::NotFound,

        // AWS: docs.aws.amazon.com/bedrock/latest/APIReference/CommonErrors.html.
        "ServiceQuotaExceededException" => FailureClass::QuotaExhausted,
        "ThrottlingException" | "TooManyRequestsException" => FailureClass::RateLimited,
        "InternalServerException" => FailureClass::ServerError,
        "ServiceUnavailableException" | "ModelNotReadyException" => FailureClass::Unavailable,
        "ModelTimeoutException" => FailureClass::Timeout,
        "ValidationException" => FailureClass::InvalidRequest,
        "AccessDeniedException" => FailureClass::Permission,
        "ResourceNotFoundException" => FailureClass::NotFound,

        // Mistral, Slack, Together (a limit of requests, whatever it is called), Azure, Groq, Stripe.
        "rate_limited" | "ratelimited" | "credit_limit" | "RateLimitReached" | "rate_limit" => {
            FailureClass::RateLimited
        }
        "internal_server_error" => FailureClass::ServerError,
        "service_unavailable" => FailureClass::Unavailable,
        "lock_timeout" => FailureClass::Conflict,

        // Problem types of draft-ietf-httpapi-ratelimit-headers.
        "https://iana.org/assignments/http-problem-types#quota-exceeded" => {
            FailureClass::RateLimited
        }
        "https://iana.org/assignments/http-problem-types#temporary-reduced-capacity" => {
            FailureClass::Overloaded
        }
        _ => return None,
    })
}

/// Google sends a short `RetryInfo` beside a quota per day, and OpenRouter the limits of its free
/// tier like any other.
fn is_daily_quota(shape: &Shape<'_, '_>) -> bool {
    let per_day = shape
        .details("google.rpc.QuotaFailure")
        .filter_map(|detail| detail.get("violations"))
        .flat_map(Json::elements)
        .filter_map(|violation| violation.get("quotaId")?.as_text())
        .any(|quota| quota.contains("PerDay"));
    let metadata = shape.error.metadata;
    let source = metadata.and_then(|metadata| metadata.get("limit_source")?.as_text());
    per_day || source.is_some_and(|source| source == "openrouter_free_tier_daily")
}

/// `Limit 6000, Requested 6294`: more than the limit will ever let through.
fn asks_for_more_than_the_limit(message: &str) -> bool {
    // Most messages don't have the rarer word.
    number_after(message, "Requested ").is_some_and(|requested| {
        number_after(message, "Limit ").is_some_and(|limit| requested > limit)
    })
}

/// The first number that follows the word, with commas between its digits or a tilde before them.
fn number_after(message: &str, word: &str) -> Option<u64> {
    let capital = word.chars().next()?;
    message.match_indices(capital).find_map(|(at, _)| {
        let after = message.get(at..)?.strip_prefix(word)?;
        let after = after.strip_prefix('~').unwrap_or(after);
        let before = message.get(..at)?.chars().next_back();
        let alone = before.is_none_or(|c| !c.is_alphabetic());
        let begins = after.starts_with(|c: char| c.is_ascii_digit());
        let end = after.find(|c: char| !c.is_ascii_digit() && c != ',');
        let (digits, rest) = after.split_at_checked(end.unwrap_or(after.len()))?;
        // `30k` and `1.5` are other numbers than their digits.
        let mut rest = rest.chars();
        let ends = match (rest.next(), rest.next()) {
            (Some('.'), Some(next)) => !next.is_ascii_digit(),
            (Some(next), _) => !next.is_alphanumeric(),
            (None, _) => true,
        };
        (alone && begins && ends).then(|| {
            let digits = digits.bytes().filter(u8::is_ascii_digit);
            digits.fold(0, |number: u64, digit| {
                let digit = u64::from(digit.wrapping_sub(b'0'));
                number.saturating_mul(10).saturating_add(digit)
            })
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_beyond_its_limit_is_told_from_one_that_has_to_wait() {
        for (message, more) in [
            (
                "tokens per minute (TPM): Limit 6000, Requested 6294, please reduce",
                true,
            ),
            ("Limit 7000, Used 0, Requested ~12903.", true),
            ("Limit 10,000, Used 9,999, Requested 5,000", false),
            ("Limit 5000, Requested 5000", false),
            ("Limit 6000", false),
            ("Requested 6000", false),
            ("TheLimit 1, Requested 2", false),
            ("Limit reached. Limit 1, Requested 2", true),
            ("Limit x, Requested 2", false),
            ("Limit 99999999999999999999999, Requested 5", false),
            ("Limit 30k, Requested 5000", false),
            ("Limit 1.5M, Requested 5000.", false),
            ("Limit 4000. Requested 5000.", true),
        ] {
            assert_eq!(asks_for_more_than_the_limit(message), more, "{message}");
        }
    }

    #[test]
    fn words_are_exact() {
        assert_eq!(
            class_of_word("insufficient_quota"),
            Some(FailureClass::QuotaExhausted)
        );
        for word in ["Insufficient_quota", "insufficient_quota ", "quota", ""] {
            assert_eq!(class_of_word(word), None);
        }
    }
}
