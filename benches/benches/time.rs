//! Time for each piece of work.

use std::time::Duration;

use divan::Bencher;
use quasimodem_bench::{Bench, GatewayBench, GatewayWork, Work};
use quasimodem_lab::Lab;

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

/// A day of a connected modem in virtual time: a keep-alive a minute, each with its events.
#[divan::bench(sample_size = 1, sample_count = 20)]
fn day() -> Vec<u8> {
    let lab = Lab::new(1);
    let modem = lab.add();
    modem.write(b"AT+MQTTOPEN=1,\"broker\",1883,1,60\r");
    lab.advance(Duration::from_secs(24 * 3600));
    modem.read()
}
