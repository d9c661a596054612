//! What happened: how an attempt ended.

use crate::code::codes;

/// How an attempt ended.
#[derive(Clone, Copy, Debug)]
pub enum Failure<'a> {
    /// A response came.
    Response {
        /// The HTTP status.
        status: u16,
        /// The headers, or at least those that [`Policy::headers`](crate::Policy::headers) names.
        headers: Headers<'a>,
        /// The body as it was received, or nothing where it was not read. Only the first
        /// [`MAX_BODY_BYTES`](crate::MAX_BODY_BYTES) are looked at.
        body: &'a [u8],
    },
    /// No whole response came.
    Transport(TransportKind, Phase),
}

codes! {
    /// How a connection can fail.
    pub enum TransportKind {
        1 Dns "dns" "the host's name was not resolved",
        2 Connect "connect" "no connection could be made",
        3 Tls "tls" "the TLS handshake failed, or the certificate was not accepted",
        4 Reset "reset" "the connection was closed or reset before the whole response came",
        5 Timeout "timeout" "the client's own time limit passed",
        6 Protocol "protocol" "what came was not valid HTTP",
        7 Aborted "aborted" "the caller ended the call",
    }
}

codes! {
    /// How far the attempt got before the transport failed.
    pub enum Phase {
        1 Connect "connect" "nothing was sent: the server cannot have executed the request",
        2 Sent "sent" "the request was sent at least in part: the server may have executed it",
        3 Body "body" "the response had begun",
    }
}

impl TransportKind {
    /// The phase to assume where the HTTP client does not tell how far it got.
    pub const fn usual_phase(self) -> Phase {
        match self {
            Self::Dns | Self::Connect | Self::Tls => Phase::Connect,
            Self::Reset | Self::Timeout | Self::Protocol | Self::Aborted => Phase::Sent,
        }
    }
}

/// Response headers, borrowed in whichever shape the host has them.
///
/// Names are compared without regard to case (RFC 9110 section 5.1) and may be repeated.
#[derive(Clone, Copy, Debug)]
pub enum Headers<'a> {
    /// Pairs of name and value.
    Pairs(&'a [(&'a str, &'a str)]),
    /// One text with a line `name: value` for each header, lines ended by a line feed. This is how
    /// headers cross language borders.
    Block(&'a str),
}

impl<'a> Headers<'a> {
    /// No headers.
    pub const NONE: Self = Self::Pairs(&[]);

    /// The values of every header with this name, in order, without surrounding white space.
    pub fn all(self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let (pairs, block) = match self {
            Self::Pairs(pairs) => (pairs, ""),
            Self::Block(block) => (Default::default(), block),
        };
        let named = move |other: &str| other.eq_ignore_ascii_case(name);
        let of_pairs = pairs
            .iter()
            .filter(move |(other, _)| named(other))
            .map(|(_, value)| *value);
        let of_lines = block
            .split('\n')
            .filter_map(split_line)
            .filter(move |(other, _)| named(other))
            .map(|(_, value)| value);
        of_pairs.chain(of_lines).map(trim)
    }

    /// The name of every header in order, and its position for [`Headers::value_at`].
    pub(crate) fn names(self, mut each: impl FnMut(&'a str, usize)) {
        match self {
            Self::Pairs(pairs) => {
                for (position, (name, _)) in pairs.iter().enumerate() {
                    each(name, position);
                }
            }
            Self::Block(block) => {
                let mut position = 0_usize;
                for line in block.split('\n') {
                    if let Some((name, _)) = line.split_once(':') {
                        each(trim(name), position);
                    }
                    position = position.saturating_add(line.len()).saturating_add(1);
                }
            }
        }
    }

    /// The value of the header at this position, without surrounding white space.
    pub(crate) fn value_at(self, position: usize) -> Option<&'a str> {
        let value = match self {
            Self::Pairs(pairs) => pairs.get(position)?.1,
            Self::Block(block) => split_line(block.get(position..)?.split('\n').next()?)?.1,
        };
        Some(trim(value))
    }

    /// The value of the first header with this name.
    pub fn first(self, name: &'a str) -> Option<&'a str> {
        self.all(name).next()
    }
}

/// The name and the value in a line `name: value`.
fn split_line(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line.split_once(':')?;
    Some((trim(name), value))
}

/// Optional white space around a field value, RFC 9110 section 5.6.3, and the carriage return that
/// a line may still have.
fn trim(text: &str) -> &str {
    text.trim_ascii()
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    #[test]
    fn names_are_found_whatever_their_case_and_in_order() {
        let pairs = [
            ("Retry-After", " 3 "),
            ("date", "x"),
            ("RETRY-AFTER", "4\t"),
        ];
        let headers = Headers::Pairs(&pairs);
        assert_eq!(headers.all("retry-after").collect::<Vec<_>>(), ["3", "4"]);
        assert_eq!(headers.first("Date"), Some("x"));
        assert_eq!(headers.first("age"), None);
    }

    #[test]
    fn a_block_reads_like_the_same_pairs() {
        let headers = Headers::Block("retry-after: 3\r\nno colon\n: nameless\nDate:Thu, 1:2\n");
        assert_eq!(headers.all("Retry-After").collect::<Vec<_>>(), ["3"]);
        assert_eq!(headers.first("date"), Some("Thu, 1:2"));
        assert_eq!(headers.first("no colon"), None);
    }
}
