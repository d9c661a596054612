//! What is to happen, in the order of time: a calendar queue.

use std::collections::{BTreeMap, VecDeque};

/// How far ahead each millisecond has a list of its own.
const NEAR_MS: u64 = 1 << 14;
/// A list that held more than that gives its memory back.
const LARGE: usize = 1 << 10;

/// Events by the millisecond in which they are due. Those of the same millisecond come in the order
/// in which they were put in. Putting one in and taking one out takes the same time however many
/// there are.
#[derive(Clone, Debug)]
pub struct Queue<E> {
    now_ms: u64,
    len: usize,
    /// What is due in the next milliseconds; the time modulo [`NEAR_MS`] is the place.
    near: Vec<VecDeque<E>>,
    /// What is due after that.
    later: BTreeMap<u64, VecDeque<E>>,
}

impl<E> Default for Queue<E> {
    fn default() -> Self {
        Self {
            now_ms: 0,
            len: 0,
            near: (0..NEAR_MS).map(|_| VecDeque::new()).collect(),
            later: BTreeMap::new(),
        }
    }
}

impl<E> Queue<E> {
    /// Puts an event in. What was due in the past is due now.
    pub fn push(&mut self, at_ms: u64, event: E) {
        let at_ms = at_ms.max(self.now_ms);
        self.len += 1;
        if at_ms - self.now_ms < NEAR_MS {
            if let Some(list) = self.near.get_mut(place(at_ms)) {
                list.push_back(event);
            }
        } else {
            self.later.entry(at_ms).or_default().push_back(event);
        }
    }

    /// Takes the next event out, and the time at which it is due.
    pub fn pop(&mut self) -> Option<(u64, E)> {
        if self.len == 0 {
            return None;
        }
        loop {
            let list = self.near.get_mut(place(self.now_ms))?;
            if let Some(event) = list.pop_front() {
                self.len -= 1;
                return Some((self.now_ms, event));
            }
            if list.capacity() > LARGE {
                *list = VecDeque::new();
            }
            self.now_ms += 1;
            // The list of the millisecond that has come near is empty until now.
            let newly_near_ms = self.now_ms + NEAR_MS - 1;
            if let Some(entry) = self.later.first_entry()
                && *entry.key() == newly_near_ms
                && let Some(list) = self.near.get_mut(place(newly_near_ms))
            {
                *list = entry.remove();
            }
        }
    }
}

fn place(at_ms: u64) -> usize {
    usize::try_from(at_ms % NEAR_MS).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    #[test]
    fn events_come_by_time_and_then_by_age() {
        let mut random = Random::new(1, 0);
        let mut queue = Queue::default();
        let mut expected = Vec::new();
        for number in 0..10_000_u64 {
            let at_ms = u64::from(random.below(100_000));
            queue.push(at_ms, number);
            expected.push((at_ms, number));
        }
        expected.sort();
        let found: Vec<_> = std::iter::from_fn(|| queue.pop()).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn events_are_put_in_while_others_are_taken_out() {
        let mut queue = Queue::default();
        queue.push(5, "first");
        assert_eq!(queue.pop(), Some((5, "first")));
        queue.push(3, "too late");
        queue.push(5 + NEAR_MS, "later");
        queue.push(6, "soon");
        assert_eq!(queue.pop(), Some((5, "too late")));
        assert_eq!(queue.pop(), Some((6, "soon")));
        queue.push(5 + NEAR_MS, "last");
        assert_eq!(queue.pop(), Some((5 + NEAR_MS, "later")));
        assert_eq!(queue.pop(), Some((5 + NEAR_MS, "last")));
        assert_eq!(queue.pop(), None);
    }
}
