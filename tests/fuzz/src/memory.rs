//! How much memory a piece of work holds at once.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// Whatever comes in, a decision and its explanation hold less than this at once: a body of 64 KiB
/// that is all brackets takes the most.
const MOST_BYTES: usize = 16 << 20;

struct Counting;

thread_local! {
    static HELD: Cell<usize> = const { Cell::new(0) };
    static PEAK: Cell<usize> = const { Cell::new(0) };
}

#[expect(unsafe_code, reason = "a global allocator can't be written without")]
// SAFETY: everything is handed to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let held = HELD.get().saturating_add(layout.size());
        HELD.set(held);
        PEAK.set(PEAK.get().max(held));
        // SAFETY: as above.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        HELD.set(HELD.get().saturating_sub(layout.size()));
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// What `work` gives, and how many bytes it held at once beyond what was held before.
pub fn peak_of<T>(work: impl FnOnce() -> T) -> (T, usize) {
    let before = HELD.get();
    PEAK.set(before);
    let value = work();
    (value, PEAK.get().saturating_sub(before))
}

/// What `work` gives; panics where it holds more memory than any decision may. `given`: the bytes
/// of the headers, which are the caller's to limit.
pub fn within_bounds<T>(given: usize, work: impl FnOnce() -> T) -> T {
    let (value, peak) = peak_of(work);
    let most = MOST_BYTES.saturating_add(given.saturating_mul(8));
    assert!(peak < most, "{peak} bytes were held at once");
    value
}
