//! How far a long piece of work is, on a terminal and only when it takes long.

use std::io::{self, IsTerminal};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// What was shown last. Threads may share it.
#[derive(Default)]
pub(crate) struct Progress(Mutex<Option<Shown>>);

struct Shown {
    at: Instant,
    /// How many columns it takes; 0 where nothing was shown yet.
    width: usize,
}

impl Progress {
    /// Shows a text in place of the one before, but for twice a second at most and not at first.
    pub(crate) fn show(&self, text: impl FnOnce() -> String) {
        const EVERY: Duration = Duration::from_millis(500);
        // Another thread that is showing it shows enough.
        let Ok(mut shown) = self.0.try_lock() else {
            return;
        };
        let shown = shown.get_or_insert_with(|| Shown {
            at: Instant::now(),
            width: 0,
        });
        if shown.at.elapsed() > EVERY && io::stderr().is_terminal() {
            let text = text();
            shown.at = Instant::now();
            shown.width = shown.width.max(text.chars().count());
            anstream::eprint!("\r{text}");
        }
    }

    /// Takes the text away, for what is printed next.
    pub(crate) fn clear(&self) {
        let Ok(mut shown) = self.0.lock() else { return };
        let width = shown
            .as_mut()
            .map_or(0, |shown| std::mem::take(&mut shown.width));
        if width > 0 {
            anstream::eprint!("\r{:width$}\r", "");
        }
    }
}
