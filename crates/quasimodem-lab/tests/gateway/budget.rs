//! What a gateway holds, counted by the allocator.
#![expect(unsafe_code, reason = "a global allocator that counts can't be written without")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use quasimodem_core::{Instant, mqtt, sn};
use quasimodem_lab::gateway::{Config, Effect, Gateway, Input, Link, Outbox};

use crate::harness::at;

/// What an idle client may cost.
const IDLE_MAX: usize = 2048;

thread_local! {
    static HELD: Cell<usize> = const { Cell::new(0) };
    static CALLS: Cell<usize> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: every call goes to the system's allocator unchanged; the counters are plain cells of the thread.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let _ = HELD.try_with(|held| held.set(held.get().wrapping_add(layout.size())));
        let _ = CALLS.try_with(|calls| calls.set(calls.get() + 1));
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

struct Bench {
    gateway: Gateway,
    outbox: Outbox,
}

impl Bench {
    fn new() -> Bench {
        let mut outbox = Outbox::default();
        outbox.note_messages(false);
        // It is the driver's, and keeps what it grew to.
        let mut warm = Gateway::new(Config::default());
        for _ in 0..64 {
            warm.handle(Instant::START, Input::Datagram(at(0), &[2, 0x16]), &mut outbox);
        }
        Bench { gateway: Gateway::new(Config::default()), outbox }
    }

    fn handle(&mut self, input: Input<'_>) {
        self.outbox.clear();
        self.gateway.handle(Instant::START, input, &mut self.outbox);
    }

    fn says(&mut self, client: u16, words: &str) {
        let datagram = sn::parse_words(words).unwrap();
        self.handle(Input::Datagram(at(client), &datagram));
    }

    fn link(&self) -> Link {
        let opened = self.outbox.effects().find_map(|effect| match effect {
            Effect::Open(link) => Some(link),
            _ => None,
        });
        opened.expect("a link")
    }

    fn answers(&mut self, link: Link, words: &str) {
        let bytes = mqtt::parse_words(words).unwrap();
        self.handle(Input::Received(link, &bytes));
    }

    /// Connects a client that has published and subscribed, and has nothing to do now.
    fn client(&mut self, number: u16) -> Link {
        self.says(number, &format!(r#"connect "client-{number}" keepalive 60"#));
        let link = self.link();
        self.handle(Input::Opened(link));
        self.answers(link, "connack 0");
        self.says(number, r#"subscribe #1 "commands/1" q1"#);
        self.answers(link, "suback #1 1");
        self.says(number, r#"register #2 "values/1""#);
        self.says(number, r#"publish @2 q2 #3 "21.5""#);
        self.answers(link, "pubrec #3");
        self.says(number, "pubrel #3");
        self.answers(link, "pubcomp #3");
        self.answers(link, r#"publish "commands/1" q1 #1 "on""#);
        self.says(number, "puback #1 @1 0");
        let usage = self.gateway.usage();
        assert_eq!((usage.clients, usage.queued, usage.requests), (usage.sessions, 0, 0));
        link
    }
}

#[test]
fn an_idle_client_is_small() {
    let mut bench = Bench::new();
    bench.client(0);
    let before = HELD.get();
    let count = 100;
    for number in 1..=count {
        bench.client(number);
    }
    let each = (HELD.get() - before) / usize::from(count);
    println!("an idle client holds {each} bytes");
    assert!(each <= IDLE_MAX, "{each} bytes");
}

#[test]
fn what_strangers_send_leaves_nothing() {
    let mut bench = Bench::new();
    bench.client(0);
    bench.says(1, r#"connect "x" will keepalive 60"#);
    let before = HELD.get();
    for number in 1..1000 {
        bench.says(number, "pingreq");
        bench.says(number, r#"publish short "ab" q1 #1 "x""#);
        bench.says(number, "disconnect");
        bench.handle(Input::Datagram(at(number), &[0xff; 50]));
    }
    // The one that was there before has left.
    assert!(HELD.get() <= before, "{} bytes", HELD.get() - before);
}

#[test]
fn passing_messages_on_allocates_nothing() {
    let mut bench = Bench::new();
    let link = bench.client(0);
    let datagram = sn::parse_words(r#"publish @2 q0 "21.5""#).unwrap();
    let packet = mqtt::parse_words(r#"publish "commands/1" q0 "on""#).unwrap();
    let mut round = || {
        bench.handle(Input::Datagram(at(0), &datagram));
        assert!(matches!(bench.outbox.effects().next(), Some(Effect::Write(..))));
        bench.handle(Input::Received(link, &packet));
        assert!(matches!(bench.outbox.effects().next(), Some(Effect::Send(..))));
    };
    round();
    let before = CALLS.get();
    round();
    assert_eq!(CALLS.get() - before, 0);
}
