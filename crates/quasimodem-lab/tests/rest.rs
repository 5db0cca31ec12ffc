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

/// What stayed behind in a modem; `None`: nothing.
fn left_behind(used: Modem, fresh: Modem) -> Option<String> {
    let owes = used.owes() && !fresh.owes();
    let (used, fresh) = (held(used), held(fresh));
    (owes || used > fresh + PLACES).then(|| format!("{used} bytes, {fresh} when fresh, owes something: {owes}"))
}

#[test]
fn nothing_stays_behind() {
    let mut left = Vec::new();
    for seed in 0..200 {
        let (used, fresh) = simulation::rested(seed).unwrap_or_else(|broken| panic!("seed {seed}: {broken}"));
        for (index, (used, fresh)) in used.into_iter().zip(fresh).enumerate() {
            left.extend(left_behind(used, fresh).map(|words| format!("seed {seed}, modem {index}: {words}")));
        }
    }
    assert!(left.is_empty(), "{}", left.join("\n"));
}

#[test]
fn nothing_stays_behind_over_mqtt_sn() {
    let mut left = Vec::new();
    for seed in 0..400 {
        let (used, fresh) = simulation::sn::rested(seed).unwrap_or_else(|failure| panic!("{failure}"));
        left.extend(left_behind(used, fresh).map(|words| format!("seed {seed}: {words}")));
    }
    assert!(left.is_empty(), "{}", left.join("\n"));
}
