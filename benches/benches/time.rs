//! Time for each piece of work.

use std::time::Duration;

use divan::Bencher;
use quasimodem_bench::{Bench, GatewayBench, GatewayWork, Work};
use quasimodem_core::{Input, Instant, Modem, Outbox};
use quasimodem_lab::Lab;
use quasimodem_lab::event::{Event, Listener, Names, Reporter, Seen, Stamp, put_line};
use quasimodem_lab::watch::Watch;

fn main() {
    divan::main();
}

// Samples large enough that the timer does not show.
#[divan::bench(args = Work::ALL, sample_size = 1000)]
fn handle(bencher: Bencher<'_, '_>, work: Work) {
    let mut bench = Bench::new(work);
    bencher.bench_local(|| bench.run());
}

#[divan::bench(args = GatewayWork::ALL, sample_size = 1000)]
fn gateway(bencher: Bencher<'_, '_>, work: GatewayWork) {
    let mut bench = GatewayBench::new(work);
    bencher.bench_local(|| bench.run());
}

/// The same, copied for another thread that makes events of it: what the program's modem pays.
#[divan::bench(args = Work::ALL, sample_size = 1000)]
fn copied(bencher: Bencher<'_, '_>, work: Work) {
    let mut bench = Bench::watched_by(work, Some(Box::new(Copies::default())));
    bencher.bench_local(|| bench.run());
}

#[derive(Default)]
struct Copies {
    bytes: Vec<u8>,
    seen: Option<Seen>,
    out: Outbox,
}

impl Watch for Copies {
    fn modem(&mut self, _: Instant, _: usize, input: &Input<'_>, modem: &Modem, out: &Outbox) {
        self.bytes.clear();
        if let Input::Serial(bytes) | Input::Received(_, bytes) = input {
            self.bytes.extend_from_slice(bytes);
        }
        self.seen = Some(Seen::of(modem));
        self.out.copy_from(out);
    }
}

/// The same with events, each of which is a line that another thread takes: what the other thread pays.
#[divan::bench(args = Work::ALL, sample_size = 1000)]
fn with_events(bencher: Bencher<'_, '_>, work: Work) {
    let (lines, taken) = std::sync::mpsc::channel::<Vec<u8>>();
    std::thread::spawn(move || taken.into_iter().for_each(drop));
    let reporter = Reporter::new(Names::from_iter(["modem"]), Lines(lines));
    let mut bench = Bench::watched_by(work, Some(Box::new(reporter)));
    bencher.bench_local(|| bench.run());
}

struct Lines(std::sync::mpsc::Sender<Vec<u8>>);

impl Listener for Lines {
    fn event(&mut self, stamp: &Stamp<'_>, event: &Event<'_>) {
        let mut line = Vec::new();
        put_line(stamp, event, &mut line);
        drop(self.0.send(line));
    }

    fn wall(&self) -> Option<i64> {
        use std::time::{SystemTime, UNIX_EPOCH};
        SystemTime::now().duration_since(UNIX_EPOCH).ok()?.as_millis().try_into().ok()
    }
}

/// A day of a connected modem in virtual time: a keep-alive a minute, each with its events.
#[divan::bench(sample_size = 1, sample_count = 20)]
fn day() -> Vec<u8> {
    let lab = Lab::new(1);
    let modem = lab.add();
    modem.write(b"AT+MQTTOPEN=1,\"broker\",1883,1,60\r");
    lab.advance(Duration::from_secs(24 * 3600));
    modem.read()
}
