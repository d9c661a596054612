//! The response headers that decisions read, found in one pass.

use serde::{Serialize, Serializer};

use crate::failure::Headers;

macro_rules! header_names {
    ($( $variant:ident $name:literal, )+) => {
        /// The name of a header that some policy may read.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum HeaderName {
            $( $variant, )+
        }

        impl HeaderName {
            const ALL: &'static [Self] = &[$( Self::$variant, )+];

            /// The one of this name, in lower case.
            pub fn from_name(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|header| header.name() == name)
            }

            /// The name in lower case.
            pub const fn name(self) -> &'static str {
                match self {
                    $( Self::$variant => $name, )+
                }
            }
        }
    };
}

impl Serialize for HeaderName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

header_names! {
    Date "date",
    Age "age",
    RetryAfter "retry-after",
    RetryAfterMs "retry-after-ms",
    XMsRetryAfterMs "x-ms-retry-after-ms",
    XAmzRetryAfter "x-amz-retry-after",
    GrpcRetryPushbackMs "grpc-retry-pushback-ms",
    XShouldRetry "x-should-retry",
    StripeShouldRetry "stripe-should-retry",
    Ratelimit "ratelimit",
    RatelimitReset "ratelimit-reset",
    RatelimitRemaining "ratelimit-remaining",
    XRatelimitResetAfter "x-ratelimit-reset-after",
    XRatelimitRetryAfter "x-ratelimit-retry-after",
    XRatelimitReset "x-ratelimit-reset",
    XRatelimitRemaining "x-ratelimit-remaining",
    XRatelimitResetRequests "x-ratelimit-reset-requests",
    XRatelimitRemainingRequests "x-ratelimit-remaining-requests",
    XRatelimitResetTokens "x-ratelimit-reset-tokens",
    XRatelimitRemainingTokens "x-ratelimit-remaining-tokens",
    XRatelimitResetTokensUsageBased "x-ratelimit-reset-tokens_usage_based",
    XRatelimitRemainingTokensUsageBased "x-ratelimit-remaining-tokens_usage_based",
    XRateLimitReset "x-rate-limit-reset",
    XRateLimitRemaining "x-rate-limit-remaining",
    XRateLimitResetRequests "x-rate-limit-reset-requests",
    XRateLimitRemainingRequests "x-rate-limit-remaining-requests",
    XRateLimitResetTokens "x-rate-limit-reset-tokens",
    XRateLimitRemainingTokens "x-rate-limit-remaining-tokens",
    AnthropicRequestsReset "anthropic-ratelimit-requests-reset",
    AnthropicRequestsRemaining "anthropic-ratelimit-requests-remaining",
    AnthropicTokensReset "anthropic-ratelimit-tokens-reset",
    AnthropicTokensRemaining "anthropic-ratelimit-tokens-remaining",
    AnthropicInputTokensReset "anthropic-ratelimit-input-tokens-reset",
    AnthropicInputTokensRemaining "anthropic-ratelimit-input-tokens-remaining",
    AnthropicOutputTokensReset "anthropic-ratelimit-output-tokens-reset",
    AnthropicOutputTokensRemaining "anthropic-ratelimit-output-tokens-remaining",
    AnthropicUnifiedReset "anthropic-ratelimit-unified-reset",
    AnthropicUnifiedStatus "anthropic-ratelimit-unified-status",
    AnthropicUnified5hReset "anthropic-ratelimit-unified-5h-reset",
    AnthropicUnified5hStatus "anthropic-ratelimit-unified-5h-status",
    AnthropicUnified7dReset "anthropic-ratelimit-unified-7d-reset",
    AnthropicUnified7dStatus "anthropic-ratelimit-unified-7d-status",
}

const COUNT: usize = HeaderName::ALL.len();

/// How many bytes the longest name has.
const LONGEST: usize = {
    let mut longest = 0;
    let mut names = HeaderName::ALL;
    while let [name, rest @ ..] = names {
        if name.name().len() > longest {
            longest = name.name().len();
        }
        names = rest;
    }
    longest
};

/// For each length, the names that have it, so that most headers are told from all of them at once.
const BY_LENGTH: [HeaderSet; LONGEST + 1] = {
    let mut sets = [HeaderSet::NONE; LONGEST + 1];
    let mut names = HeaderName::ALL;
    while let [name, rest @ ..] = names {
        #[expect(clippy::indexing_slicing, reason = "evaluated at compile time")]
        {
            let length = name.name().len();
            sets[length] = sets[length].with(*name);
        }
        names = rest;
    }
    sets
};

/// A set of header names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct HeaderSet(u64);

impl HeaderSet {
    pub(crate) const NONE: Self = Self(0);

    /// These names.
    pub(crate) const fn of(mut names: &[HeaderName]) -> Self {
        let mut set = Self::NONE;
        while let [name, rest @ ..] = names {
            set = set.with(*name);
            names = rest;
        }
        set
    }

    const fn with(self, name: HeaderName) -> Self {
        Self(self.0 | 1 << name as u8)
    }

    /// The names in either.
    pub(crate) const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Without this name.
    pub(crate) const fn without(self, name: HeaderName) -> Self {
        Self(self.0 & !(1 << name as u8))
    }

    pub(crate) const fn has(self, name: HeaderName) -> bool {
        self.0 & 1 << name as u8 != 0
    }

    /// The names in lower case.
    pub(crate) fn names(self) -> impl Iterator<Item = &'static str> {
        let all = HeaderName::ALL.iter();
        all.filter(move |name| self.has(**name))
            .map(|name| name.name())
    }
}

/// The values of the headers that a policy reads.
#[derive(Debug)]
pub(crate) struct HeaderValues<'h> {
    headers: Headers<'h>,
    /// Where the first line of each is, from 1; 0 where there is none.
    first: [u32; COUNT],
    /// Those that came more than once.
    repeated: HeaderSet,
}

impl<'h> HeaderValues<'h> {
    /// The values of the `wanted` headers.
    pub(crate) fn read(headers: Headers<'h>, wanted: HeaderSet) -> Self {
        let mut values = Self {
            headers,
            first: [0; COUNT],
            repeated: HeaderSet::NONE,
        };
        headers.names(|name, position| {
            let same_length = BY_LENGTH.get(name.len()).map_or(0, |set| set.0);
            let candidates = HeaderSet(same_length & wanted.0);
            if candidates != HeaderSet::NONE {
                values.add(candidates, name, position);
            }
        });
        values
    }

    /// Takes a header in if it is one of the candidates.
    fn add(&mut self, candidates: HeaderSet, name: &str, position: usize) {
        let mut left = candidates.0;
        while left != 0 {
            let index = left.trailing_zeros() as usize;
            left &= left.wrapping_sub(1);
            let (Some(known), Some(first)) =
                (HeaderName::ALL.get(index), self.first.get_mut(index))
            else {
                return;
            };
            if known.name().eq_ignore_ascii_case(name) {
                if *first == 0 {
                    *first = u32::try_from(position.saturating_add(1)).unwrap_or(0);
                } else {
                    self.repeated = self.repeated.with(*known);
                }
                return;
            }
        }
    }

    /// The first line with this name, without surrounding white space.
    pub(crate) fn first(&self, name: HeaderName) -> Option<&'h str> {
        let first = *self.first.get(name as usize)?;
        self.headers.value_at(first.checked_sub(1)? as usize)
    }

    /// Every line with this name, in order, without surrounding white space.
    pub(crate) fn lines(&self, name: HeaderName) -> impl Iterator<Item = &'h str> + use<'h> {
        let repeated = self.repeated.has(name);
        let once = self.first(name).filter(|_| !repeated);
        let headers = if repeated {
            self.headers
        } else {
            Headers::NONE
        };
        once.into_iter().chain(headers.all(name.name()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    #[test]
    fn names_are_in_lower_case_and_unique() {
        let names: Vec<_> = HeaderName::ALL.iter().map(|name| name.name()).collect();
        for (index, name) in names.iter().enumerate() {
            assert_eq!(*name, name.to_ascii_lowercase());
            assert!(!names[index + 1..].contains(name), "{name}");
        }
        const { assert!(COUNT <= 64) };
    }

    #[test]
    fn every_name_is_found_once_or_repeated() {
        for &name in HeaderName::ALL {
            let pairs = [("other", "x"), (name.name(), " 1 "), ("X-OTHER", "y")];
            let values = HeaderValues::read(Headers::Pairs(&pairs), HeaderSet::of(&[name]));
            assert_eq!(values.first(name), Some("1"), "{name:?}");
            assert_eq!(values.lines(name).collect::<Vec<_>>(), ["1"]);
            let upper = name.name().to_ascii_uppercase();
            let pairs = [(upper.as_str(), "1"), (name.name(), "2")];
            let values = HeaderValues::read(Headers::Pairs(&pairs), HeaderSet::of(&[name]));
            assert_eq!(values.lines(name).collect::<Vec<_>>(), ["1", "2"]);
            let none = HeaderValues::read(Headers::Pairs(&pairs), HeaderSet::NONE);
            assert_eq!(none.first(name), None);
        }
    }
}
