//! How a failure and its call cross the border: one run of bytes, so that a call costs one copy.

use holdoff::{Call, Draw, Failure, Headers, Phase, TransportKind};

/// What is asked: the failure, and what is known of the call.
///
/// Packed little-endian without gaps, in this order:
///
/// | bytes | what |
/// |---|---|
/// | 2 | status; 0 for a transport failure |
/// | 1 | transport kind, by its code; 0 for a response |
/// | 1 | phase of the transport failure, by its code; 0 for the usual one of its kind |
/// | 4 | attempt |
/// | 8 | seed, or the draw itself |
/// | 8 | now, UTC milliseconds since 1970 |
/// | 8 | elapsed milliseconds |
/// | 8 | deadline, milliseconds into the call |
/// | 8 | retries that take the place of the policy's |
/// | 1 | facts, two bits each from the lowest: idempotent, replayable, delivered (0 unknown, 1 no, 2 yes); then what the seed is (0 a seed, 1 a draw, 2 nothing: take fresh entropy) |
/// | 1 | length of the method |
/// | 4 | length of the headers |
/// | … | the method, the headers as lines `name: value`, and the body up to the end |
///
/// A number of all ones is unknown; a method of no length is too.
#[derive(Debug)]
pub(crate) struct Request<'a> {
    pub failure: Failure<'a>,
    pub call: Call<'a>,
}

impl<'a> Request<'a> {
    /// The request in `bytes`; nothing where they are not packed as they should be.
    pub(crate) fn unpack(bytes: &'a [u8]) -> Option<Self> {
        let mut rest = bytes;
        let status = u16::from_le_bytes(take(&mut rest)?);
        let [transport, phase] = take(&mut rest)?;
        let attempt = u32::from_le_bytes(take(&mut rest)?);
        let randomness = u64::from_le_bytes(take(&mut rest)?);
        let now_ms = known(u64::from_le_bytes(take(&mut rest)?));
        let elapsed_ms = known(u64::from_le_bytes(take(&mut rest)?));
        let deadline_ms = known(u64::from_le_bytes(take(&mut rest)?));
        let max_retries = known(u64::from_le_bytes(take(&mut rest)?));
        let [facts, method_length] = take(&mut rest)?;
        let headers_length = usize::try_from(u32::from_le_bytes(take(&mut rest)?)).ok()?;
        let (method, rest) = rest.split_at_checked(usize::from(method_length))?;
        let (headers, body) = rest.split_at_checked(headers_length)?;
        let method = core::str::from_utf8(method).ok()?;

        let failure = if transport == 0 {
            let headers = Headers::Block(core::str::from_utf8(headers).ok()?);
            Failure::Response {
                status,
                headers,
                body,
            }
        } else {
            let kind = TransportKind::from_code(transport)?;
            let phase = if phase == 0 {
                kind.usual_phase()
            } else {
                Phase::from_code(phase)?
            };
            Failure::Transport(kind, phase)
        };
        let draw = match facts >> 6 {
            0 => Draw::Seed(randomness),
            1 => Draw::Fixed(randomness),
            _ => Draw::Seed(crate::fresh_seed()),
        };
        let call = Call {
            draw,
            now_ms,
            elapsed_ms,
            deadline_ms,
            max_retries: max_retries.map(|most| u32::try_from(most).unwrap_or(u32::MAX)),
            method: (!method.is_empty()).then_some(method),
            idempotent: fact(facts),
            replayable: fact(facts >> 2),
            delivered: fact(facts >> 4),
            ..Call::new(attempt, 0)
        };
        Some(Self { failure, call })
    }
}

/// The next `N` bytes.
fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, after) = rest.split_first_chunk()?;
    *rest = after;
    Some(*taken)
}

fn known(number: u64) -> Option<u64> {
    (number != u64::MAX).then_some(number)
}

fn fact(bits: u8) -> Option<bool> {
    match bits & 3 {
        1 => Some(false),
        2 => Some(true),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packed(headers: &str, body: &str) -> Vec<u8> {
        let mut bytes = Vec::new();
        bytes.extend(429_u16.to_le_bytes());
        bytes.extend([0, 0]);
        bytes.extend(2_u32.to_le_bytes());
        bytes.extend(7_u64.to_le_bytes());
        bytes.extend(
            [1_768_478_400_000_u64, u64::MAX, 5000]
                .map(u64::to_le_bytes)
                .concat(),
        );
        bytes.extend(u64::MAX.to_le_bytes());
        bytes.extend([0b00_01_10_00, 4]);
        bytes.extend(u32::try_from(headers.len()).unwrap().to_le_bytes());
        bytes.extend(["POST", headers, body].concat().bytes());
        bytes
    }

    #[test]
    fn unpacks_every_part() {
        let bytes = packed("retry-after: 3\n", "body");
        let Request { failure, call } = Request::unpack(&bytes).unwrap();
        let Failure::Response {
            status,
            headers,
            body,
        } = failure
        else {
            panic!("{failure:?}")
        };
        assert_eq!(
            (status, headers.first("retry-after"), body),
            (429, Some("3"), &b"body"[..])
        );
        assert_eq!(
            (call.attempt, call.draw, call.method),
            (2, Draw::Seed(7), Some("POST"))
        );
        assert_eq!(
            (call.now_ms, call.elapsed_ms),
            (Some(1_768_478_400_000), None)
        );
        assert_eq!((call.deadline_ms, call.max_retries), (Some(5000), None));
        assert_eq!(
            (call.idempotent, call.replayable, call.delivered),
            (None, Some(true), Some(false))
        );
    }

    #[test]
    fn bytes_that_are_cut_or_wrong_are_refused() {
        let bytes = packed("a: b\n", "");
        assert!(Request::unpack(&bytes).is_some());
        for end in 0..bytes.len() {
            assert!(Request::unpack(&bytes[..end]).is_none(), "{end}");
        }
        for (index, wrong) in [(2, 99), (57, 0xFF)] {
            let mut bytes = bytes.clone();
            bytes[index] = wrong;
            assert!(Request::unpack(&bytes).is_none(), "{index}");
        }
    }
}
