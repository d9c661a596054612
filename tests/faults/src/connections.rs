//! How many connections there are: what a client leaks, it leaves open.

use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;

/// The connections of the clients under test, those over which the server was asked not counted.
#[derive(Debug, Clone, Default)]
pub struct Connections(Arc<Mutex<Counts>>);

/// How many connections are open now, and how many were accepted in all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    open: usize,
    accepted: usize,
}

/// One connection, open until it is dropped.
#[derive(Debug)]
pub struct Connection {
    all: Connections,
    counted: bool,
}

impl Connections {
    /// Counts a connection that was just accepted.
    pub fn accept(&self) -> Connection {
        self.update(|counts| {
            counts.open = counts.open.saturating_add(1);
            counts.accepted = counts.accepted.saturating_add(1);
        });
        Connection {
            all: self.clone(),
            counted: true,
        }
    }

    /// The counts as they are now.
    pub fn counts(&self) -> Counts {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn update(&self, change: impl FnOnce(&mut Counts)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl Connection {
    /// Leaves a connection over which the server is asked out of all counts, from now on.
    pub fn is_asking(&mut self) {
        if self.counted {
            self.counted = false;
            self.all.update(|counts| {
                counts.open = counts.open.saturating_sub(1);
                counts.accepted = counts.accepted.saturating_sub(1);
            });
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if self.counted {
            self.all
                .update(|counts| counts.open = counts.open.saturating_sub(1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_is_open_until_it_is_dropped() {
        let connections = Connections::default();
        let (first, second) = (connections.accept(), connections.accept());
        let counts = |open, accepted| Counts { open, accepted };
        assert_eq!(connections.counts(), counts(2, 2));
        drop(first);
        assert_eq!(connections.counts(), counts(1, 2));
        drop(second);
        assert_eq!(connections.counts(), counts(0, 2));
    }

    #[test]
    fn one_that_asks_is_left_out_however_often_it_asks() {
        let connections = Connections::default();
        let _other = connections.accept();
        let mut asking = connections.accept();
        for _ in 0..2 {
            asking.is_asking();
            let counts = connections.counts();
            assert_eq!((counts.open, counts.accepted), (1, 1));
        }
        drop(asking);
        let counts = connections.counts();
        assert_eq!((counts.open, counts.accepted), (1, 1));
    }
}
