//! Time for each piece of work.

use divan::Bencher;
use quasimodem_bench::{Bench, GatewayBench, GatewayWork, Work};

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
