//! Nothing stays behind: after a run of the simulation, a modem whose host connects afresh holds what one holds that was
//! just switched on. Counted by the allocator.
#![expect(unsafe_code, reason = "a global allocator that counts can't be written without")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use quasimodem_core::Modem;
use quasimodem_lab::simulation;

thread_local! {
    static FREED: Cell<usize> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: every call goes to the system's allocator unchanged; the counter is a plain cell of the thread.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        let _ = FREED.try_with(|freed| freed.set(freed.get() + layout.size()));
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Lists keep a few places, whatever was in them.
const PLACES: usize = 128;

fn held(modem: Modem) -> usize {
    let before = FREED.get();
    drop(modem);
    FREED.get() - before
}

#[test]
fn nothing_stays_behind() {
    let mut left = Vec::new();
    for seed in 0..200 {
        let (used, fresh) = simulation::rested(seed).unwrap_or_else(|broken| panic!("seed {seed}: {broken}"));
        for (index, (used, fresh)) in used.into_iter().zip(fresh).enumerate() {
            let owes = used.owes() && !fresh.owes();
            let (used, fresh) = (held(used), held(fresh));
            if owes || used > fresh + PLACES {
                left.push(format!(
                    "seed {seed}, modem {index}: {used} bytes, {fresh} when fresh, owes something: {owes}"
                ));
            }
        }
    }
    assert!(left.is_empty(), "{}", left.join("\n"));
}
