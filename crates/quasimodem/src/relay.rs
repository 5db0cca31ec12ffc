//! The watch that has events made and written by another thread: the modem's copies what there is to see, and goes on.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use quasimodem_core::{Input, Instant, Link, Modem, Outbox};
use quasimodem_lab::event::{Event, Listener, Reporter, Seen};
use quasimodem_lab::fault::Happened;
use quasimodem_lab::watch::{Of, OnLink, Watch, Way, Weight};
use quasimodem_lab::{broker, gateway};

use crate::socket;

/// A listener that is told what time it is, since it hears of all later than it happens.
pub(crate) trait Late: Listener + Send + 'static {
    /// What it hears of next happened then, in milliseconds since 1970.
    fn it_was(&mut self, wall: Option<i64>);
}

/// Shows all that it sees to a reporter on a thread of its own, in order.
pub(crate) struct Relay<L: Late> {
    shared: Arc<Shared<L>>,
    /// What modems were like last.
    seen: BTreeMap<usize, Seen>,
    /// Modules that are not ours, of which bytes tell.
    tapped: BTreeSet<usize>,
}

struct Shared<L> {
    queue: Mutex<Queue<L>>,
    /// There is something to do.
    work: Condvar,
    /// There is nothing to do.
    rest: Condvar,
    reporter: Mutex<Reporter<L>>,
}

struct Queue<L> {
    items: Vec<Item<L>>,
    /// Bytes of these, about.
    bytes: usize,
    /// Calls whose memory serves others.
    spare: Vec<Call>,
    /// So many did not fit in.
    lost: u64,
    is_asleep: bool,
    is_busy: bool,
    is_over: bool,
}

struct Item<L> {
    now: Instant,
    wall: Option<i64>,
    what: What<L>,
}

enum What<L> {
    Call(Call),
    Tell(Tell<L>),
    Missed(u64),
}

/// Tells a reporter something.
type Tell<L> = Box<dyn FnOnce(&mut Reporter<L>) + Send>;

/// A call of a modem, as a copy.
struct Call {
    station: usize,
    /// Without its bytes, if it has any.
    input: Input<'static>,
    bytes: Vec<u8>,
    seen: Seen,
    out: Outbox,
}

/// Bytes that may wait. A reporter is faster than any host.
const WAITING: usize = 16 * 1024 * 1024;

/// What one item costs beside its bytes, about.
const ITEM: usize = 256;

/// Calls whose memory is kept.
const SPARE: usize = 64;

impl<L: Late> Relay<L> {
    /// Shows all to this reporter, on a thread of this name.
    pub(crate) fn new(name: &str, reporter: Reporter<L>) -> io::Result<Relay<L>> {
        let queue = Queue {
            items: Vec::new(),
            bytes: 0,
            spare: Vec::new(),
            lost: 0,
            is_asleep: false,
            is_busy: false,
            is_over: false,
        };
        let shared = Arc::new(Shared {
            queue: Mutex::new(queue),
            work: Condvar::new(),
            rest: Condvar::new(),
            reporter: Mutex::new(reporter),
        });
        let theirs = shared.clone();
        thread::Builder::new().name(name.into()).spawn(move || theirs.show_all())?;
        Ok(Relay { shared, seen: BTreeMap::new(), tapped: BTreeSet::new() })
    }

    fn tell(&self, now: Instant, tell: impl FnOnce(&mut Reporter<L>) + Send + 'static) {
        self.shared.put(now, ITEM, |_| What::Tell(Box::new(tell)));
    }
}

impl<L: Late> Watch for Relay<L> {
    fn modem(&mut self, now: Instant, station: usize, input: &Input<'_>, modem: &Modem, out: &Outbox) {
        let seen = Seen::of(modem);
        let is_new = self.seen.insert(station, seen) != Some(seen);
        if matches!(input, Input::Tick) && out.is_empty() && !is_new {
            return;
        }
        let (input, bytes) = parted(input);
        self.shared.put(now, ITEM + bytes.len() + out.size(), |spare| {
            let mut call = spare.unwrap_or_else(|| Call {
                station,
                input: Input::Tick,
                bytes: Vec::new(),
                seen,
                out: Outbox::default(),
            });
            call.bytes.clear();
            call.bytes.extend_from_slice(bytes);
            call.out.copy_from(out);
            (call.station, call.input, call.seen) = (station, input, seen);
            What::Call(call)
        });
    }

    fn host(&mut self, now: Instant, station: usize, here: bool) {
        self.tapped.insert(station);
        self.tell(now, move |to| to.host(now, station, here));
    }

    fn serial(&mut self, now: Instant, station: usize, way: Way, bytes: &[u8]) {
        if self.tapped.contains(&station) {
            let bytes = bytes.to_owned();
            self.shared
                .put(now, ITEM + bytes.len(), |_| What::Tell(Box::new(move |to| to.serial(now, station, way, &bytes))));
        }
    }

    fn link(&mut self, now: Instant, station: usize, link: Link, what: &OnLink<'_>) {
        match *what {
            OnLink::Led { host, port } => {
                let host = host.to_owned();
                self.tell(now, move |to| to.link(now, station, link, &OnLink::Led { host: &host, port }));
            }
            OnLink::Secured(agreed) => {
                let agreed = agreed.to_owned();
                self.tell(now, move |to| to.link(now, station, link, &OnLink::Secured(&agreed)));
            }
            OnLink::Lost(size, why) => {
                self.tell(now, move |to| to.link(now, station, link, &OnLink::Lost(size, why)));
            }
        }
    }

    fn fault(&mut self, now: Instant, station: usize, what: &Happened<'_>) {
        let plain = |id: &str, fault: &str, make: for<'a> fn(&'a str, &'a str) -> Happened<'a>| {
            let (id, fault) = (id.to_owned(), fault.to_owned());
            self.tell(now, move |to| to.fault(now, station, &make(&id, &fault)));
        };
        match *what {
            Happened::Armed { id, fault } => plain(id, fault, |id, fault| Happened::Armed { id, fault }),
            Happened::Spent { id, fault } => plain(id, fault, |id, fault| Happened::Spent { id, fault }),
            Happened::Cleared { id, fault } => plain(id, fault, |id, fault| Happened::Cleared { id, fault }),
            Happened::Hit { id, fault, client, item, nth } => {
                let (id, fault, item) = (id.to_owned(), fault.to_owned(), item.to_owned());
                self.tell(now, move |to| {
                    to.fault(now, station, &Happened::Hit { id: &id, fault: &fault, client, item: &item, nth });
                });
            }
        }
    }

    fn broker(&mut self, now: Instant, which: usize, note: &broker::Note) {
        let note = note.clone();
        self.tell(now, move |to| to.broker(now, which, &note));
    }

    fn server(&mut self, now: Instant, name: &'static str, note: &dyn Display) {
        let note = note.to_string();
        self.tell(now, move |to| to.server(now, name, &note));
    }

    fn remark(&mut self, now: Instant, of: Of, weight: Weight, words: &dyn Display) {
        let words = words.to_string();
        self.tell(now, move |to| to.remark(now, of, weight, &words));
    }

    fn gateway(&mut self, now: Instant, note: &gateway::Note) {
        let note = note.clone();
        self.tell(now, move |to| to.gateway(now, &note));
    }

    /// What borrows anything is told here, after all that is before it. A run begins and ends but once.
    fn run(&mut self, now: Instant, event: &Event<'_>) {
        self.shared.wait_for_rest();
        let lost = std::mem::take(&mut lock(&self.shared.queue).lost);
        let mut reporter = lock(&self.shared.reporter);
        reporter.listener_mut().it_was(wall());
        if lost > 0 {
            // What nothing came behind.
            reporter.missed(now, lost);
        }
        reporter.run(now, event);
    }
}

impl<L: Late> Drop for Relay<L> {
    fn drop(&mut self) {
        lock(&self.shared.queue).is_over = true;
        self.shared.work.notify_one();
    }
}

impl<L: Late> Shared<L> {
    /// Puts one more item at the end, made with the memory of another, unless too much waits.
    fn put(&self, now: Instant, size: usize, what: impl FnOnce(Option<Call>) -> What<L>) {
        let wall = wall();
        let mut queue = lock(&self.queue);
        if queue.bytes + size > WAITING {
            queue.lost += 1;
            return;
        }
        if queue.lost > 0 {
            let lost = std::mem::take(&mut queue.lost);
            queue.items.push(Item { now, wall, what: What::Missed(lost) });
        }
        queue.bytes += size;
        let what = what(queue.spare.pop());
        queue.items.push(Item { now, wall, what });
        if std::mem::take(&mut queue.is_asleep) {
            drop(queue);
            self.work.notify_one();
        }
    }

    /// The thread.
    fn show_all(&self) {
        let (mut items, mut done) = (Vec::new(), Vec::new());
        while self.next(&mut items, &mut done) {
            let mut reporter = lock(&self.reporter);
            for Item { now, wall, what } in items.drain(..) {
                reporter.listener_mut().it_was(wall);
                match what {
                    What::Call(call) => {
                        let Call { station, input, bytes, seen, out } = &call;
                        reporter.saw(now, *station, &whole(input, bytes), seen, out);
                        done.push(call);
                    }
                    What::Tell(tell) => tell(&mut reporter),
                    What::Missed(lost) => reporter.missed(now, lost),
                }
            }
        }
    }

    /// Waits for items, and gives the memory of those that are done back; whether there are any.
    fn next(&self, items: &mut Vec<Item<L>>, done: &mut Vec<Call>) -> bool {
        let mut queue = lock(&self.queue);
        let room = SPARE.saturating_sub(queue.spare.len());
        queue.spare.extend(done.drain(..).take(room));
        queue.is_busy = false;
        while queue.items.is_empty() {
            self.rest.notify_all();
            if queue.is_over {
                return false;
            }
            queue.is_asleep = true;
            queue = self.work.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
        (queue.is_asleep, queue.is_busy, queue.bytes) = (false, true, 0);
        std::mem::swap(&mut queue.items, items);
        true
    }

    /// Waits until all is shown, but not for ever.
    fn wait_for_rest(&self) {
        let queue = lock(&self.queue);
        let busy = |queue: &mut Queue<L>| queue.is_busy || !queue.items.is_empty();
        drop(self.rest.wait_timeout_while(queue, socket::FLUSH, busy));
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A reporter that panicked tells nothing more, and keeps nobody from going on.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What time it is, in milliseconds since 1970.
pub(crate) fn wall() -> Option<i64> {
    SystemTime::now().duration_since(UNIX_EPOCH).ok()?.as_millis().try_into().ok()
}

/// An input without its bytes, and these.
fn parted<'a>(input: &Input<'a>) -> (Input<'static>, &'a [u8]) {
    let without = match input {
        Input::Serial(bytes) => return (Input::Serial(&[]), bytes),
        Input::Received(link, bytes) => return (Input::Received(*link, &[]), bytes),
        Input::Host(host) => Input::Host(*host),
        Input::Line(line) => Input::Line(*line),
        Input::Opened(link) => Input::Opened(*link),
        Input::Closed(link, why) => Input::Closed(*link, why.clone()),
        Input::Resolved(query, answer) => Input::Resolved(*query, answer.clone()),
        Input::Full(port) => Input::Full(*port),
        Input::Free(port) => Input::Free(*port),
        Input::Power(power) => Input::Power(*power),
        Input::Bearer(change) => Input::Bearer(*change),
        Input::Tick => Input::Tick,
    };
    (without, &[])
}

/// An input with its bytes.
fn whole<'a>(input: &Input<'static>, bytes: &'a [u8]) -> Input<'a> {
    match input {
        Input::Serial(_) => Input::Serial(bytes),
        Input::Received(link, _) => Input::Received(*link, bytes),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use quasimodem_core::{ClientId, Host, Imei, Settings};
    use quasimodem_lab::event::{Names, Stamp, put_line};

    use super::*;

    #[derive(Default)]
    struct Lines(Vec<u8>);

    impl Listener for Lines {
        fn event(&mut self, stamp: &Stamp<'_>, event: &Event<'_>) {
            put_line(stamp, event, &mut self.0);
        }
    }

    impl Late for Lines {
        fn it_was(&mut self, _: Option<i64>) {}
    }

    fn reporter() -> Reporter<Lines> {
        Reporter::new(Names::from_iter(["modem"]), Lines::default())
    }

    /// Shows a session to a watch, with all kinds of things that are told.
    fn show(watch: &mut dyn Watch) {
        let (mut modem, mut out) = (Modem::new(Settings::default().into(), Imei::default()), Outbox::default());
        let mut now = Instant::START;
        let mut feed = |input: Input<'_>, watch: &mut dyn Watch| {
            now = now + Duration::from_millis(10);
            out.clear();
            modem.handle(now, input.clone(), &mut out);
            watch.modem(now, 0, &input, &modem, &out);
        };
        feed(Input::Host(Host::Attached), watch);
        feed(Input::Serial(b"AT+MIPCALL=1\rAT+MQTTUSER=1,\"u\",\"hush\"\r"), watch);
        feed(Input::Serial(b"AT+MQTTOPEN=1,\"b\",1883,1,60\r"), watch);
        watch.link(Instant::START, 0, Link(1), &OnLink::Led { host: "127.0.0.1", port: 1 });
        feed(Input::Opened(Link(1)), watch);
        let hit = Happened::Hit { id: "a", fault: "packet-drop", client: ClientId::from_number(1), item: "x", nth: 3 };
        watch.fault(Instant::START, 0, &hit);
        watch.fault(Instant::START, 0, &Happened::Spent { id: "a", fault: "packet-drop" });
        feed(Input::Received(Link(1), b"\x20\x02\x00\x00"), watch);
        watch.remark(Instant::START, Of::Station(0), Weight::Detail, &"a word");
        watch.server(Instant::START, "cloud", &"another");
        for _ in 0..1000 {
            feed(Input::Tick, watch);
        }
        feed(Input::Serial(b"AT+MQTTCLOSE=1\r"), watch);
        watch.run(Instant::START, &Event::End {});
    }

    #[test]
    fn what_is_told_by_a_thread_is_what_is_told_without_one() {
        let mut direct = reporter();
        show(&mut direct);
        let due = String::from_utf8(direct.listener_mut().0.clone()).unwrap();
        let mut relay = Relay::new("events", reporter()).unwrap();
        show(&mut relay);
        let told = String::from_utf8(lock(&relay.shared.reporter).listener_mut().0.clone()).unwrap();
        assert!(due.lines().count() > 20 && due.contains("client.traffic"), "{due}");
        assert_eq!(told, due);
    }

    /// Nobody waits for a reporter that stands still; what it did not see is counted.
    #[test]
    fn what_does_not_fit_is_counted() {
        let mut relay = Relay::new("events", reporter()).unwrap();
        let (mut modem, mut out) = (Modem::new(Settings::default().into(), Imei::default()), Outbox::default());
        let mut feed = |input: Input<'_>, relay: &mut Relay<Lines>| {
            out.clear();
            modem.handle(Instant::START, input.clone(), &mut out);
            relay.modem(Instant::START, 0, &input, &modem, &out);
        };
        let shared = relay.shared.clone();
        let stands_still = lock(&shared.reporter);
        feed(Input::Host(Host::Attached), &mut relay);
        let line = format!("AT{}\r", "x".repeat(1000));
        while lock(&shared.queue).lost < 5 {
            feed(Input::Serial(line.as_bytes()), &mut relay);
        }
        drop(stands_still);
        shared.wait_for_rest();
        feed(Input::Serial(b"AT\r"), &mut relay);
        relay.run(Instant::START, &Event::End {});
        let told = String::from_utf8(lock(&shared.reporter).listener_mut().0.clone()).unwrap();
        let last: Vec<&str> = told.lines().rev().take(5).collect();
        assert!(last[4].contains(r#""event":"run.gap""#) && last[4].contains(r#""lost":5"#), "{last:#?}");
        assert!(last[3].contains(r#""text":"AT""#), "{last:#?}");
    }
    /// Also what is lost last, behind which nothing came but the end.
    #[test]
    fn what_is_lost_at_the_end_is_counted() {
        let mut relay = Relay::new("events", reporter()).unwrap();
        let shared = relay.shared.clone();
        lock(&shared.queue).lost = 3;
        relay.run(Instant::START, &Event::End {});
        let told = String::from_utf8(lock(&shared.reporter).listener_mut().0.clone()).unwrap();
        let [gap, end] = told.lines().collect::<Vec<_>>()[..] else { panic!("{told}") };
        assert!(gap.contains(r#""event":"run.gap""#) && gap.contains(r#""lost":3"#), "{told}");
        assert!(end.contains(r#""event":"run.end""#), "{told}");
    }
}
