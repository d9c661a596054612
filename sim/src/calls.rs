//! The calls that have not ended.

use holdoff::{Call, Decision, Ticket};

/// When it all happens, for policies that read dates: 2026-01-15T12:00:00Z.
const EPOCH_MS: u64 = 1_768_478_400_000;

/// A call that has not ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OpenCall {
    pub client: u32,
    pub began_ms: u64,
    pub seed: u64,
    /// From zero.
    attempt: u32,
    /// How many attempts were sent.
    pub sent: u32,
    /// Which attempt is awaited: goes up when one is sent and when it ends, for all calls that have
    /// this place one after the other.
    pub number: u32,
    /// What to ask for admission with.
    pub ticket: Ticket,
    /// What led to this attempt.
    pub after: Option<Decision>,
}

impl OpenCall {
    /// The call as holdoff is told of it.
    pub(crate) fn facts(&self, now_ms: u64, deadline_ms: u64) -> Call<'static> {
        Call {
            now_ms: Some(EPOCH_MS + now_ms),
            elapsed_ms: Some(now_ms - self.began_ms),
            deadline_ms: Some(deadline_ms),
            idempotent: Some(true),
            ..Call::new(self.attempt, self.seed)
        }
    }

    /// Goes on to the next attempt.
    pub(crate) fn try_again(&mut self, after: Decision) {
        self.attempt += 1;
        self.ticket = Ticket::NONE;
        self.after = Some(after);
    }
}

/// The open calls by their place. A place is taken again when its call has ended.
#[derive(Clone, Debug, Default)]
pub(crate) struct Calls {
    places: Vec<OpenCall>,
    free: Vec<u32>,
}

impl Calls {
    /// Opens a call; its place.
    pub(crate) fn open(&mut self, now_ms: u64, client: u32, seed: u64) -> u32 {
        let call = OpenCall {
            client,
            began_ms: now_ms,
            seed,
            attempt: 0,
            sent: 0,
            number: 0,
            ticket: Ticket::NONE,
            after: None,
        };
        if let Some(place) = self.free.pop()
            && let Some(old) = self.get(place)
        {
            let number = old.number;
            *old = OpenCall { number, ..call };
            return place;
        }
        self.places.push(call);
        u32::try_from(self.places.len() - 1).unwrap_or(u32::MAX)
    }

    pub(crate) fn get(&mut self, place: u32) -> Option<&mut OpenCall> {
        self.places.get_mut(usize::try_from(place).ok()?)
    }

    /// Closes a call.
    pub(crate) fn close(&mut self, place: u32) -> Option<OpenCall> {
        let call = *self.get(place)?;
        self.free.push(place);
        Some(call)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_to_the_call_before_is_known_from_its_number() {
        let mut calls = Calls::default();
        let places = [1, 2].map(|seed| calls.open(0, 0, seed));
        assert_eq!(places, [0, 1]);
        calls.get(0).unwrap().number = 7;
        assert_eq!(calls.close(0).unwrap().seed, 1);
        assert_eq!(calls.open(9, 3, 3), 0);
        let call = calls.get(0).unwrap();
        assert_eq!((call.number, call.seed, call.began_ms), (7, 3, 9));
    }
}
