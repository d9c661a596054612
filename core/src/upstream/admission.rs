//! The answer to whether an attempt may be sent, in one number like a decision.

use crate::decision::{Decision, Source};

/// Whether an attempt may be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// Now.
    Send,
    /// Not yet: wait, and then ask again.
    Wait {
        /// For so many milliseconds.
        after_ms: u64,
        /// What to ask again with.
        ticket: Ticket,
        /// What holds it back: `hold`, `breaker` or `pace`.
        source: Source,
    },
    /// Not at all: the wait would be too long for the call or for the policy. The decision says what
    /// holds it back and for how long, and the class of what last failed.
    Refuse(Decision),
}

/// A place in the queue of calls that wait; of no use for any other call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ticket(u32);

impl Ticket {
    /// No place: for a call that asks for the first time.
    pub const NONE: Self = Self(0);
    /// No slot, but not for the first time.
    pub(super) const ASKED: Self = Self(1);

    /// A slot of this epoch.
    pub(super) const fn slot(epoch: u16) -> Self {
        Self((epoch as u32).saturating_add(2))
    }

    /// The ticket as a number, for other languages.
    pub const fn to_bits(self) -> u32 {
        self.0
    }

    /// The ticket of this number.
    pub const fn from_bits(bits: u32) -> Self {
        Self(bits)
    }
}

/// How the number is made up, from the lowest bit: the wait, where it comes from, the ticket.
const SOURCE_AT: u32 = 31;
const TICKET_AT: u32 = 36;
const WAIT_MASK: u64 = (1 << SOURCE_AT) - 1;
const SOURCE_MASK: u64 = (1 << (TICKET_AT - SOURCE_AT)) - 1;

impl Admission {
    /// The answer as one number that every language holds exactly: 0 to send; above 0 to wait, with
    /// 31 bits of `after_ms`, 5 of `source` and 17 of `ticket`, from the lowest; below 0 to refuse,
    /// which negated is the decision's.
    pub fn to_bits(self) -> i64 {
        match self {
            Self::Send => 0,
            Self::Wait {
                after_ms,
                ticket,
                source,
            } => {
                let source = u64::from(source.code()) << SOURCE_AT;
                let ticket = u64::from(ticket.0) << TICKET_AT;
                i64::try_from(after_ms & WAIT_MASK | source | ticket).unwrap_or(0)
            }
            Self::Refuse(decision) => {
                i64::try_from(decision.to_bits()).map_or(0, i64::saturating_neg)
            }
        }
    }

    /// The answer that this number stands for, if it stands for one.
    pub fn from_bits(bits: i64) -> Option<Self> {
        let Ok(wait) = u64::try_from(bits) else {
            return Decision::from_bits(bits.unsigned_abs()).map(Self::Refuse);
        };
        if wait == 0 {
            return Some(Self::Send);
        }
        Some(Self::Wait {
            after_ms: wait & WAIT_MASK,
            ticket: Ticket(u32::try_from(wait >> TICKET_AT).ok()?),
            source: Source::from_code(u8::try_from(wait >> SOURCE_AT & SOURCE_MASK).ok()?)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decision::{Action, FailureClass, MAX_WAIT_MS, Reason};

    #[test]
    fn an_answer_survives_as_a_number_below_2_to_53() {
        for admission in [
            Admission::Send,
            Admission::Wait {
                after_ms: 1,
                ticket: Ticket::ASKED,
                source: Source::Hold,
            },
            Admission::Wait {
                after_ms: MAX_WAIT_MS,
                ticket: Ticket::slot(u16::MAX),
                source: Source::Pace,
            },
            Admission::Refuse(Decision::new(
                Action::Stop,
                FailureClass::Overloaded,
                Reason::Deadline,
                Source::Breaker,
                5000,
            )),
        ] {
            let bits = admission.to_bits();
            assert!(bits.unsigned_abs() < 1 << 53, "{bits}");
            assert_eq!(Admission::from_bits(bits), Some(admission));
        }
        assert_eq!(Admission::from_bits(-1), None);
        assert_eq!(Admission::from_bits(i64::MAX), None);
    }
}
