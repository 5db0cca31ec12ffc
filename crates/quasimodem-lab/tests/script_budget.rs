//! What a host holds, counted by the allocator: fleets have thousands of them.
#![expect(unsafe_code, reason = "a global allocator that counts can't be written without")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::Arc;

use quasimodem_core::{Imei, Instant};
use quasimodem_lab::script::{Host, Input, Mode, Outbox, Program, Who};

/// Bytes of a host at rest, next to what names stand for.
const REST_MAX: usize = 400;

thread_local! {
    static HELD: Cell<usize> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: every call goes to the system's allocator unchanged; the counter is a plain cell of the thread.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let _ = HELD.try_with(|held| held.set(held.get().wrapping_add(layout.size())));
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        let _ = HELD.try_with(|held| held.set(held.get().wrapping_sub(layout.size())));
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const METER: &str = "\
< +SIM READY
> AT+MQTTOPEN=1,\"broker\",1883,1,60
< +MQTTOPEN: 1,1
repeat every 60s
  > AT+MQTTPUB=1,\"meters/$index\",1,0,$size
  >> $seq;${random 1..100}
  < +MQTTPUB: 1,$_
end
on < +MQTTMSGI: $client,$_
  > AT+MQTTREAD=$client
end
on < +MQTTBREAK: 1,$_
  count breaks
  > AT+MQTTOPEN=1,\"broker\",1883,1,60
end
on < +SIM READY
  again
end
";

#[test]
fn a_host_at_rest_is_small() {
    let program = Arc::new(Program::parse(METER, &[]).unwrap());
    let modem: Arc<str> = "modem12345".into();
    let mut out = Outbox { bytes: Vec::with_capacity(10_000), ..Outbox::default() };
    let before = HELD.get();
    let who = Who { modem: modem.clone(), index: 12_344, imei: Imei::default(), seed: 1 };
    let mut host = Host::new(program.clone(), who, Mode::Tolerant);
    let mut now = Instant::START;
    host.handle(now, Input::Reopened, &mut out);
    // In pieces, and with lines that nothing waits for.
    let mut hears = |host: &mut Host, now, text: &str| {
        for piece in text.as_bytes().chunks(7) {
            host.handle(now, Input::Bytes(piece), &mut out);
        }
    };
    hears(&mut host, now, "\r\n+SIM READY\r\nAT+MQTTOPEN=1,\"broker\",1883,1,60\r\r\nOK\r\n\r\n+MQTTOPEN: 1,1\r\n");
    let mut most = 0;
    for _ in 0..100 {
        hears(&mut host, now, "\r\n> \r\n\r\nOK\r\n\r\n+MQTTMSGI: 1,0,1,1\r\n");
        hears(&mut host, now, "\r\n+MQTTREAD: 1,0,1,1,\"t\",\"x\"\r\n\r\nOK\r\n\r\n+MQTTPUB: 1,1\r\n\r\n+CREG: 1\r\n");
        most = most.max(HELD.get() - before + size_of::<Host>());
        now = host.deadline().unwrap();
        hears(&mut host, now, "");
        host.handle(now, Input::Tick, &mut Outbox::default());
    }
    println!("{} bytes in the struct, {most} in all", size_of::<Host>());
    assert!(now > Instant::from_millis(99 * 60_000), "it did not publish each minute: {now:?}");
    assert!(most <= REST_MAX, "{most} bytes");
    drop(host);
    drop(out);
    assert!(HELD.get() <= before, "something is left");
}
