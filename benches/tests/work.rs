//! The benchmarks measure what they say.

use quasimodem_bench::{Bench, GatewayBench, GatewayWork, Work};
use quasimodem_core::{Effect, Kind, mqtt, sn};
use quasimodem_lab::gateway;

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

#[test]
fn the_gateway_passes_on_each_time() {
    for work in GatewayWork::ALL {
        let mut bench = GatewayBench::new(work);
        for round in 0..500 {
            bench.run();
            let done = bench.outbox().effects().map(|effect| match effect {
                gateway::Effect::Send(_, bytes) => sn::Packet::decode(bytes).map(|packet| packet.to_string()),
                gateway::Effect::Write(_, bytes) => Ok(mqtt::Packet::decode(bytes).unwrap().to_string()),
                gateway::Effect::Note(note) => Ok(note.to_string()),
                other => Ok(format!("{other:?}")),
            });
            let done: Vec<String> = done.map(Result::unwrap).collect();
            let due: &[&str] = match work {
                GatewayWork::Up => &["publish \"ab\" q0 \"xxx"],
                GatewayWork::UpQos1 => &["publish \"ab\" q1 #1 \"xxx", "puback #1 @24930 0"],
                GatewayWork::Down => &["publish short \"ab\" q0 \"xxx"],
                GatewayWork::DownQos1 => &["publish short \"ab\" q1 #1 \"xxx", "puback #1"],
                GatewayWork::Ping => &["pingresp"],
                GatewayWork::Junk => &["datagram from 127.0.0.1:10500 ignored"],
            };
            let fits = done.len() == due.len() && done.iter().zip(due).all(|(done, due)| done.starts_with(due));
            assert!(fits, "{work}, round {round}: {done:?}");
        }
    }
}
