//! A decision on a response without a body allocates nothing, whatever its headers.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use holdoff::{Action, Call, Failure, Headers, Phase, Policy, TransportKind};

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

#[expect(unsafe_code, reason = "a global allocator can't be written without")]
// SAFETY: everything is handed to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get().saturating_add(1));
        // SAFETY: as above.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn allocations(decide: impl FnOnce() -> Action) -> (Action, u64) {
    let before = ALLOCATIONS.get();
    let action = decide();
    (action, ALLOCATIONS.get().saturating_sub(before))
}

#[test]
fn the_counter_counts() {
    let (_, count) = allocations(|| {
        std::hint::black_box(vec![1, 2, 3]);
        Action::Stop
    });
    assert_eq!(count, 1);
}

#[test]
fn a_response_without_a_body_allocates_nothing() {
    let policy = Policy::tessera();
    let date = "Thu, 15 Jan 2026 12:00:30 GMT";
    let headers = [
        ("content-type", "application/json"),
        ("date", "Thu, 15 Jan 2026 12:00:00 GMT"),
        ("age", "1"),
        ("x-request-id", "req-1"),
    ];
    for retry_after in ["3", "1.5", date, "20, 30", "soon", ""] {
        let pairs = [
            headers.as_slice(),
            &[("Retry-After", retry_after), ("retry-after", "7")],
        ]
        .concat();
        for headers in [
            Headers::Pairs(&pairs),
            Headers::Block("date: x\nretry-after: 3\n"),
        ] {
            for status in [400, 429, 500, 503, 999] {
                let failure = Failure::Response {
                    status,
                    headers,
                    body: b"",
                };
                let call = Call {
                    now_ms: Some(1_768_478_400_000),
                    deadline_ms: Some(9000),
                    ..Call::new(1, 7)
                };
                let (_, count) = allocations(|| policy.decide(&failure, &call).action());
                assert_eq!(count, 0, "{status} {retry_after}");
            }
        }
    }
}

#[test]
fn a_transport_failure_allocates_nothing() {
    let policy = Policy::tessera();
    let failure = Failure::Transport(TransportKind::Reset, Phase::Sent);
    let (action, count) = allocations(|| policy.decide(&failure, &Call::new(0, 7)).action());
    assert_eq!((action, count), (Action::Retry, 0));
}
