//! What is told of a modem's day, line by line.

mod bench;
mod client;
mod every;
mod host;
mod tapped;

use quasimodem_core::{Change, Host, Input, Instant, Link, Power, Sim, Why};
use quasimodem_lab::event::{Event, Form, Listener, Names, Reporter, Stamp, Value, put_line, schema};
use quasimodem_lab::watch::{Of, OnLink, Watch, Weight};

use crate::bench::Bench;

const LINK: Link = Link(1);

#[test]
fn a_session() {
    let mut bench = Bench::new();
    bench.feed(&Input::Host(Host::Attached));
    bench.types(r#"AT+MQTTUSER=1,"u","secret""#);
    bench.types("AT+MIPCALL=1");
    bench.told();
    bench.feed(&Input::Serial(b"AT+MQ"));
    bench.passes(40);
    bench.feed(&Input::Serial(b"TTOPEN=1,\"b\",1883,1,60\r"));
    assert_eq!(
        bench.told(),
        [
            r#"host.typed "line":3,"t0":0.000000,"text":"AT+MQTTOPEN=1,\"b\",1883,1,60""#,
            r#"at.echo "line":3,"text":"AT+MQTTOPEN=1,\"b\",1883,1,60""#,
            r#"client.opening "client":1,"line":3,"to":{"host":"b","port":1883}"#,
            r#"link.opening "link":1,"to":{"host":"b","port":1883},"transport":"tcp","owner":"mqtt 1""#,
            r#"at.final "line":3,"text":"OK""#,
        ]
    );
    bench.reporter.link(bench.now, 0, LINK, &OnLink::Led { host: "127.0.0.1", port: 1 });
    bench.feed(&Input::Opened(LINK));
    bench.feed(&Input::Received(LINK, b"\x20\x02\x00"));
    bench.feed(&Input::Received(LINK, b"\x00"));
    assert_eq!(
        bench.told(),
        [
            r#"link.led "link":1,"to":{"host":"127.0.0.1","port":1}"#,
            r#"link.open "link":1"#,
            r#"packet.up "link":1,"type":"CONNECT","size":41,"flags":"clean","version":4"#,
            r#"packet.down "link":1,"type":"CONNACK","size":4,"session":false,"code":0"#,
            r#"at.urc "line":3,"text":"+MQTTOPEN: 1,1""#,
            r#"client.open "client":1,"line":3"#,
        ]
    );
    bench.types(r#"AT+MQTTPUB=1,"t",1,0,"p";+MQTTSUB=1,"t",0"#);
    bench.feed(&Input::Received(LINK, b"\x40\x02\x00\x01\x90\x03\x00\x02\x80"));
    bench.told();
    bench.feed(&Input::Closed(LINK, Why::Reset));
    assert_eq!(
        bench.told(),
        [
            r#"link.end "link":1,"why":"reset by the peer""#,
            r#"client.broken "client":1,"line":3,"cause":1,"code":2,"why":"reset by the peer; perhaps another client connected as 0010100000000081""#,
            r#"at.urc "text":"+MQTTBREAK: 1,1""#,
            r#"client.traffic "client":1,"seconds":0.000000,"bytes":494,"payload":0,"mqtt":54,"tls":0,"tcp_ip":440,"sent_again":0,"wakeups":1"#,
        ]
    );
}

/// Results say which line they answer, also where several wait, and what nobody asked for says none.
#[test]
fn results_name_their_lines() {
    let mut bench = Bench::new();
    bench.feed(&Input::Host(Host::Attached));
    bench.types("AT+MIPCALL=1");
    bench.types(r#"AT+MQTTOPEN=1,"b",1883,1,60"#);
    bench.feed(&Input::Opened(LINK));
    bench.feed(&Input::Received(LINK, b"\x20\x02\x00\x00"));
    bench.types(r#"AT+MQTTSUB=1,"a",0"#);
    bench.types(r#"AT+MQTTUNSUB=1,"a";+MQTTSUB=1,"b",0"#);
    bench.told();
    bench.feed(&Input::Received(LINK, b"\x30\x04\x00\x01zp"));
    assert_eq!(
        bench.told(),
        [
            r#"packet.down "link":1,"type":"PUBLISH","size":6,"topic":"z","qos":0"#,
            r#"at.urc "text":"+MQTTMSG: 1,0,\"z\",\"p\"""#,
        ]
    );
    bench.passes(3000);
    bench.feed(&Input::Tick);
    let told = bench.told();
    let results: Vec<&str> = told.iter().map(String::as_str).filter(|line| line.starts_with("at.urc")).collect();
    assert_eq!(
        results,
        [
            r#"at.urc "line":3,"text":"+MQTTSUB: 1,0","why":"no answer came in time""#,
            r#"at.urc "line":4,"text":"+MQTTUNSUB: 1,0","why":"no answer came in time""#,
            r#"at.urc "line":4,"text":"+MQTTSUB: 1,0","why":"no answer came in time""#,
        ]
    );
}

/// A refused line says why, and what was refused owes nothing.
#[test]
fn refusals() {
    let mut bench = Bench::new();
    bench.feed(&Input::Host(Host::Attached));
    bench.told();
    bench.types(r#"AT+CMEE=1;+MQTTSUB=1,"a",7"#);
    assert_eq!(
        bench.told(),
        [
            r#"host.typed "line":1,"t0":0.000000,"text":"AT+CMEE=1;+MQTTSUB=1,\"a\",7""#,
            r#"at.echo "line":1,"text":"AT+CMEE=1;+MQTTSUB=1,\"a\",7""#,
            r#"at.final "line":1,"text":"ERROR","why":"+MQTTSUB: <Qos> is not within 0 to 2""#,
        ]
    );
}

/// Secrets have numbers, the same one for the same secret; nothing else of them is told.
#[test]
fn secrets() {
    let mut bench = Bench::new();
    bench.feed(&Input::Host(Host::Attached));
    bench.types(r#"AT+MQTTUSER=1,"u","hush""#);
    bench.types(r#"AT+MQTTUSER=2,"u","other""#);
    bench.types(r#"AT+MQTTUSER=2,"u","hush""#);
    bench.types("AT+MQTTUSER?");
    let told = bench.told().join("\n");
    assert!(!told.contains("hush") && !told.contains("other"), "{told}");
    assert!(told.contains(r#""text":"AT+MQTTUSER=1,\"u\",‹secret 1›""#), "{told}");
    assert!(told.contains(r#""text":"AT+MQTTUSER=2,\"u\",‹secret 2›""#), "{told}");
    assert!(told.contains(r#""text":"AT+MQTTUSER=2,\"u\",‹secret 1›""#), "{told}");
    assert!(told.contains(r#""text":"+MQTTUSER: 1,\"u\",‹secret 1›""#), "{told}");
}

#[test]
fn the_module_and_its_radio() {
    let mut bench = Bench::new();
    bench.feed(&Input::Host(Host::Attached));
    bench.told();
    bench.feed(&Input::Bearer(Change::Sim(Sim::Busy)));
    bench.feed(&Input::Bearer(Change::Signal(12, 99)));
    bench.feed(&Input::Bearer(Change::DataCall(None)));
    bench.feed(&Input::Power(Power::Off));
    bench.feed(&Input::Power(Power::On));
    let told = bench.told();
    assert_eq!(
        told.iter().map(String::as_str).filter(|line| !line.starts_with("at.")).collect::<Vec<_>>(),
        [
            r#"radio.sim "state":"busy""#,
            r#"radio.registration "stat":0"#,
            "radio.call ",
            r#"radio.signal "rssi":12,"ber":99"#,
            r#"radio.signal "rssi":99,"ber":99"#,
            "module.off ",
            "module.boot ",
            "module.ready ",
        ]
    );
}

/// Each answer has a line of its own, also where the line was too long to be taken.
#[test]
fn a_line_that_was_too_long() {
    let mut bench = Bench::new();
    bench.feed(&Input::Host(Host::Attached));
    bench.types("AT");
    bench.told();
    bench.types(&format!("AT+GTSET={}", "x".repeat(5000)));
    let told = bench.told();
    let [typed, _, last] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!(typed, r#"host.typed "line":2,"t0":0.000000,"text":"""#);
    assert!(last.starts_with(r#"at.final "line":2,"text":"ERROR","why":"the line is longer than "#), "{last}");
}

/// A line begins with its first byte, not with the raw data in front of it.
#[test]
fn raw_data_begins_no_line() {
    let mut bench = Bench::new();
    bench.feed(&Input::Host(Host::Attached));
    bench.types("AT+MIPCALL=1");
    bench.types(r#"AT+MQTTWILL=1,"t",0,0,4"#);
    bench.passes(1000);
    bench.feed(&Input::Serial(b"data"));
    bench.passes(1000);
    bench.told();
    bench.types("AT");
    assert_eq!(bench.told()[0], r#"host.typed "line":3,"t0":2.000000,"text":"AT""#);
}

/// A reset that takes no time is told as well, and what was owed before it is not taken for what comes.
#[test]
fn a_reset_in_no_time() {
    let mut bench = Bench::new();
    bench.feed(&Input::Host(Host::Attached));
    bench.told();
    bench.types("AT+CFUN=1,1");
    let told = bench.told();
    let about: Vec<&str> = told.iter().map(String::as_str).filter(|line| line.starts_with("module")).collect();
    assert_eq!(about, ["module.boot ", "module.ready "]);
}

/// Packets that come in any pieces are told as they were sent, and a long one once.
#[test]
fn packets_in_pieces() {
    let mut bench = Bench::new();
    bench.feed(&Input::Host(Host::Attached));
    bench.types("AT+MIPCALL=1");
    bench.types(r#"AT+MQTTOPEN=1,"b",1883,1,60"#);
    bench.feed(&Input::Opened(LINK));
    bench.told();
    // The remaining length in seven bits a byte, the lowest first (MQTT 2.2.3).
    let length = 5 << 14 | 28 << 7 | 36;
    let mut bytes = b"\x20\x02\x00\x00\x30\xA4\x9C\x05\x00\x01t".to_vec();
    bytes.extend(std::iter::repeat_n(b'p', length - 3));
    bytes.extend_from_slice(b"\xd0\x00");
    for chunk in bytes.chunks(1000) {
        bench.feed(&Input::Received(LINK, chunk));
    }
    let told = bench.told();
    let packets: Vec<&str> = told.iter().map(String::as_str).filter(|line| line.starts_with("packet.down")).collect();
    assert_eq!(
        packets,
        [
            r#"packet.down "link":1,"type":"CONNACK","size":4,"session":false,"code":0"#,
            &*format!(r#"packet.down "link":1,"type":"PUBLISH","size":{}"#, length + 4),
            r#"packet.down "link":1,"type":"PINGRESP","size":2"#,
        ]
    );
}

/// What the table says of the fields is what they are.
#[test]
fn the_schema_is_committed() {
    let committed = include_str!("../../../../docs/events.schema.json");
    assert_eq!(committed, schema(), "write it anew: cargo run -- events --schema > docs/events.schema.json");
}

#[test]
fn rows_are_well_formed() {
    let mut names: Vec<&str> = Event::ROWS.iter().map(|row| row.name).collect();
    assert!(names.iter().all(|name| *name == "note" || name.contains('.')));
    for row in Event::ROWS {
        assert!(row.meaning.ends_with('.') || row.meaning.contains(':'), "{}", row.name);
        for field in row.fields {
            assert!(!["event", "seq", "t", "wall", "modem"].contains(&field.key), "{}: {}", row.name, field.key);
            assert!(!field.meaning.is_empty(), "{}: {}", row.name, field.key);
        }
    }
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), Event::ROWS.len());
}

#[test]
fn fields_have_the_form_that_the_table_says() {
    let event = Event::Final { line: 1, text: "OK", why: None };
    let row = Event::ROWS.iter().find(|row| row.name == event.name()).unwrap();
    let mut seen = Vec::new();
    event.fields(&mut |key, value| seen.push((key, matches!(value, Value::Number(1) | Value::Text("OK")))));
    assert_eq!(seen, [("line", true), ("text", true)]);
    let forms: Vec<_> = row.fields.iter().map(|field| (field.key, field.form, field.optional)).collect();
    assert_eq!(forms, [("line", Form::Count, false), ("text", Form::Text, false), ("why", Form::Text, true)]);
}

#[test]
fn real_time_is_told_by_the_listener() {
    struct Clock(Vec<u8>);
    impl Listener for Clock {
        fn event(&mut self, stamp: &Stamp<'_>, event: &Event<'_>) {
            put_line(stamp, event, &mut self.0);
        }

        fn wall(&self) -> Option<i64> {
            Some(1_780_000_000_005)
        }
    }
    let mut reporter = Reporter::new(Names::default(), Clock(Vec::new()));
    reporter.run(Instant::from_micros(1_500_001), &Event::End {});
    let line = String::from_utf8(reporter.listener_mut().0.clone()).unwrap();
    assert_eq!(line, "{\"event\":\"run.end\",\"seq\":1,\"t\":1.500001,\"wall\":\"2026-05-28T20:26:40.005Z\"}\n");
}

/// What parts of the program say of themselves is told as theirs: that of a serial end is its modem's.
#[test]
fn remarks_are_notes_of_those_who_make_them() {
    let mut bench = Bench::new();
    bench.reporter.remark(bench.now, Of::Station(0), Weight::Warning, &"serial port /dev/ttyUSB2 is gone");
    assert_eq!(bench.told(), [r#"note "of":"port","text":"serial port /dev/ttyUSB2 is gone""#]);
    bench.reporter.remark(bench.now, Of::Part("broker"), Weight::Detail, &"connection 1 from 127.0.0.1:5");
    let told = String::from_utf8(std::mem::take(bench.lines())).unwrap();
    assert!(told.ends_with("\"of\":\"broker\",\"text\":\"connection 1 from 127.0.0.1:5\"}\n"), "{told}");
    assert!(!told.contains("\"modem\""), "{told}");
}
