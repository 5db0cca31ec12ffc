//! Instructions for each piece of work: the same on a busy machine.
#![allow(missing_docs, reason = "the macros write functions without documentation")]

use gungraun::prelude::*;
use quasimodem_bench::{Bench, GatewayBench, GatewayWork, Work};

#[library_benchmark]
#[bench::short_command(Bench::new(Work::ShortCommand))]
#[bench::publish(Bench::new(Work::Publish))]
#[bench::publish_qos_1(Bench::new(Work::PublishQos1))]
#[bench::sn_publish_qos_1(Bench::new(Work::SnPublishQos1))]
#[bench::short_message(Bench::new(Work::ShortMessage))]
#[bench::long_message(Bench::new(Work::LongMessage))]
#[bench::idle(Bench::new(Work::Idle))]
fn handle(mut bench: Bench) -> Bench {
    bench.run();
    // So that its end is not counted.
    bench
}

#[library_benchmark]
#[bench::up(GatewayBench::new(GatewayWork::Up))]
#[bench::up_qos_1(GatewayBench::new(GatewayWork::UpQos1))]
#[bench::down(GatewayBench::new(GatewayWork::Down))]
#[bench::down_qos_1(GatewayBench::new(GatewayWork::DownQos1))]
#[bench::ping(GatewayBench::new(GatewayWork::Ping))]
#[bench::junk(GatewayBench::new(GatewayWork::Junk))]
fn pass_on(mut bench: GatewayBench) -> GatewayBench {
    bench.run();
    bench
}

library_benchmark_group!(name = modem, benchmarks = handle);
library_benchmark_group!(name = gateway, benchmarks = pass_on);
main!(library_benchmark_groups = modem, gateway);
