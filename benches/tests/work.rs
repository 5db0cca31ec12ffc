//! The benchmarks measure what they say.

use quasimodem_bench::{Bench, Work};
use quasimodem_core::{Effect, Kind};

#[test]
fn the_work_is_done_each_time() {
    for work in Work::ALL {
        let mut bench = Bench::new(work);
        for round in 0..500 {
            bench.run();
            let due = match work {
                Work::ShortCommand => "\r\nOK\r\n",
                Work::Publish | Work::PublishQos1 => "\r\n+MQTTPUB: 1,1\r\n",
                Work::SnPublishQos1 => "\r\n+MQTTPUB: 101,1\r\n",
                Work::ShortMessage | Work::LongMessage => "\r\n+MQTTMSG: 1,0,\"topic\",\"xxx",
                Work::Idle => "",
            };
            let mut effects = bench.outbox().effects();
            let found = effects.any(|effect| match effect {
                Effect::Serial(Kind::Final | Kind::Urc, text) => text.bytes().starts_with(due.as_bytes()),
                _ => false,
            });
            assert_eq!(found, !due.is_empty(), "{work}, round {round}: {:?}", bench.outbox());
        }
    }
}
