//! What is told of the bytes of a host: lines, raw data, and what is neither.

use std::time::Duration;

use proptest::prelude::*;
use quasimodem_core::{Host, Input, Port, Power, Settings};

use crate::bench::Bench;

/// A modem whose host has asked to store a will of this many bytes.
fn asked_for(size: usize) -> Bench {
    let mut bench = Bench::new();
    bench.feed(&Input::Host(Host::Attached));
    bench.types("AT+MIPCALL=1");
    bench.types(&format!(r#"AT+MQTTWILL=1,"t",0,0,{size}"#));
    let told = bench.told();
    assert_eq!(told.last().unwrap(), &format!(r#"at.prompt "line":2,"size":{size}"#));
    bench.passes(500);
    bench
}

fn starting(bench: &mut Bench, with: &str) -> Vec<String> {
    bench.told().into_iter().filter(|line| line.starts_with(with)).collect()
}

#[test]
fn junk_and_nuls_are_counted_with_the_line_that_they_are_on() {
    let mut bench = Bench::new();
    bench.feed(&Input::Host(Host::Attached));
    bench.told();
    bench.feed(&Input::Serial(b"\0x"));
    bench.passes(40);
    bench.feed(&Input::Serial(b" aaAT+\0CSQ\r\nAT\r"));
    assert_eq!(
        starting(&mut bench, "host."),
        [
            r#"host.typed "line":1,"t0":0.000000,"text":"AT+CSQ","junk":3,"nuls":2"#,
            r#"host.typed "line":2,"t0":0.040000,"text":"AT""#,
        ]
    );
}

#[test]
fn what_is_no_command_is_stray() {
    let mut bench = Bench::new();
    bench.feed(&Input::Host(Host::Attached));
    bench.told();
    bench.feed(&Input::Serial(b"hello\r \r\nA\rAT\r"));
    bench.passes(10);
    bench.feed(&Input::Serial(b"\0\0rest"));
    bench.passes(10);
    bench.feed(&Input::Host(Host::Detached));
    assert_eq!(
        starting(&mut bench, "host."),
        [
            r#"host.stray "t0":0.000000,"size":5"#,
            r#"host.stray "t0":0.000000,"size":1"#,
            r#"host.typed "line":1,"t0":0.000000,"text":"AT""#,
            r#"host.stray "t0":0.010000,"size":4,"nuls":2"#,
            "host.detached ",
        ]
    );
}

#[test]
fn the_echo_is_told_only_where_there_is_one() {
    let mut bench = Bench::new();
    bench.feed(&Input::Host(Host::Attached));
    bench.types("ATE0");
    bench.types("AT");
    assert_eq!(starting(&mut bench, "at.echo"), [r#"at.echo "line":1,"text":"ATE0""#]);
}

#[test]
fn raw_data_in_one_piece() {
    let mut bench = asked_for(4);
    bench.feed(&Input::Serial(b"data"));
    assert_eq!(
        bench.told(),
        [r#"host.raw "line":2,"t0":0.500000,"size":4,"declared":4"#, r#"at.final "line":2,"text":"OK""#]
    );
}

#[test]
fn raw_data_that_is_longer_than_declared_begins_the_next_line() {
    let mut bench = asked_for(4);
    bench.feed(&Input::Serial(b"data and\r\n"));
    assert_eq!(
        bench.told(),
        [
            r#"host.raw "line":2,"t0":0.500000,"size":4,"declared":4,"beyond":4"#,
            r#"at.final "line":2,"text":"OK""#,
            r#"host.stray "t0":0.500000,"size":3"#,
        ]
    );
}

#[test]
fn a_command_that_is_taken_for_data_is_told() {
    let mut bench = asked_for(11);
    bench.feed(&Input::Serial(b"data"));
    bench.passes(50);
    bench.feed(&Input::Serial(b"AT"));
    bench.passes(200);
    bench.feed(&Input::Serial(b"AT+C\r"));
    assert_eq!(
        starting(&mut bench, "host.raw"),
        [r#"host.raw "line":2,"t0":0.500000,"size":11,"declared":11,"pause":0.200000,"swallowed":5"#]
    );
}

#[test]
fn raw_data_that_does_not_come() {
    let mut bench = asked_for(4);
    bench.passes(20_000);
    bench.feed(&Input::Tick);
    let told = bench.told();
    let [raw, last] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!(raw, r#"host.raw "line":2,"size":0,"declared":4"#);
    assert!(last.starts_with(r#"at.final "line":2,"text":"ERROR","why":"+MQTTWILL: "#), "{last}");

    let mut bench = asked_for(4);
    bench.feed(&Input::Serial(b"d"));
    bench.feed(&Input::Host(Host::Detached));
    assert_eq!(bench.told(), [r#"host.raw "line":2,"t0":0.500000,"size":1,"declared":4"#, "host.detached "]);
}

/// Without result codes nothing else tells that the data is there.
#[test]
fn raw_data_of_a_quiet_modem() {
    let mut bench = Bench::new();
    bench.feed(&Input::Host(Host::Attached));
    bench.types("AT+MIPCALL=1");
    bench.types("ATQ1");
    bench.types(r#"AT+MQTTWILL=1,"t",0,0,1"#);
    bench.feed(&Input::Serial(b"x"));
    bench.passes(7);
    bench.types("AT");
    assert_eq!(
        starting(&mut bench, "host.").split_off(4),
        [
            r#"host.raw "line":3,"t0":0.000000,"size":1,"declared":1"#,
            r#"host.typed "line":4,"t0":0.007000,"text":"AT""#
        ]
    );
}

#[test]
fn a_module_that_is_starting_hears_nothing() {
    let mut bench = Bench::with(Settings { boot: Duration::from_secs(3), gap: Duration::ZERO, ..Settings::default() });
    bench.feed(&Input::Host(Host::Attached));
    bench.feed(&Input::Power(Power::Reset));
    bench.told();
    bench.feed(&Input::Serial(b"AT\rA"));
    bench.passes(2000);
    bench.feed(&Input::Serial(b"T"));
    bench.passes(1000);
    bench.feed(&Input::Tick);
    bench.types("AT");
    assert_eq!(
        bench.told().into_iter().filter(|line| !line.starts_with("at.")).collect::<Vec<_>>(),
        [
            r#"host.stray "t0":0.000000,"size":2,"why":"the module is starting""#,
            r#"host.stray "t0":0.000000,"size":2,"why":"the module is starting""#,
            "module.ready ",
            r#"host.typed "line":1,"t0":3.000000,"text":"AT""#,
        ]
    );
}

#[test]
fn a_host_that_does_not_read_is_told_when_it_begins_and_ends() {
    let mut bench = Bench::new();
    bench.feed(&Input::Host(Host::Attached));
    bench.told();
    bench.feed(&Input::Full(Port::Serial));
    bench.feed(&Input::Free(Port::Serial));
    assert_eq!(bench.told(), [r#"host.deaf "reads":false"#, r#"host.deaf "reads":true"#]);
}

/// What is told of a host that sends this in these chunks, all at one time, without `pause`, `beyond` and `at.echo`: these are
/// about the chunks.
fn told_of(chunks: &[&[u8]]) -> Vec<String> {
    let mut bench = Bench::new();
    bench.feed(&Input::Host(Host::Attached));
    bench.told();
    for chunk in chunks {
        bench.feed(&Input::Serial(chunk));
    }
    bench.feed(&Input::Host(Host::Detached));
    let told = starting(&mut bench, "host.").into_iter();
    let told = told.map(|line| {
        let end = line.find(r#","beyond""#).or_else(|| line.find(r#","pause""#)).unwrap_or(line.len());
        line[..end].to_owned()
    });
    told.collect()
}

proptest! {
    /// The split into chunks means nothing, whatever is sent.
    #[test]
    fn chunks_mean_nothing(
        pieces in prop::collection::vec(piece(), 0..12),
        cuts in prop::collection::vec(1usize..30, 0..60),
    ) {
        let all = pieces.concat();
        let (mut rest, mut chunks) = (all.as_slice(), Vec::new());
        for cut in cuts {
            let (chunk, behind) = rest.split_at(cut.min(rest.len()));
            if !chunk.is_empty() {
                chunks.push(chunk);
            }
            rest = behind;
        }
        chunks.push(rest);
        prop_assert_eq!(told_of(&chunks), told_of(&[&all]));
    }
}

/// A line, data, or what is neither.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    let lines = [
        "AT\r",
        "AT+CSQ\r\n",
        "A/",
        "hello\r",
        " \r",
        "\0",
        "\0\0AT\n",
        "aAT+CSQ\r",
        "A",
        "\r\n",
        "ATE0;+CSQ\r",
        "AT+NO=1\r",
        "AT+GTSSLFILE=\"TRUSTFILE\",4\r",
        "AT+MQTTWILL=1,\"t\",0,0,9\r\n",
        "data",
    ];
    prop_oneof![
        4 => prop::sample::select(lines.to_vec()).prop_map(|line| line.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..8),
    ]
}
