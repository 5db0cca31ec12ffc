//! Time for each piece of work.

use divan::Bencher;
use quasimodem_bench::{Bench, Work};

fn main() {
    divan::main();
}

// Samples large enough that the timer does not show.
#[divan::bench(args = Work::ALL, sample_size = 1000)]
fn handle(bencher: Bencher<'_, '_>, work: Work) {
    let mut bench = Bench::new(work);
    bencher.bench_local(|| bench.run());
}
