//! What is told of the connections of clients: their lines, why they failed, and what they cost on the air.

use quasimodem_core::{Change, Host, Input, Link, Registration, Why};

use crate::LINK;
use crate::bench::Bench;

/// A modem with client 1 connected, by line 2.
fn connected(usetls: &str) -> Bench {
    let mut bench = Bench::new();
    bench.feed(&Input::Host(Host::Attached));
    bench.types("AT+MIPCALL=1");
    bench.types(&format!(r#"AT+MQTTOPEN=1,"b",1883,1,60{usetls}"#));
    bench.feed(&Input::Opened(LINK));
    bench.feed(&Input::Received(LINK, b"\x20\x02\x00\x00"));
    bench.told();
    bench
}

fn starting(bench: &mut Bench, with: &str) -> Vec<String> {
    bench.told().into_iter().filter(|line| line.starts_with(with)).collect()
}

#[test]
fn the_line_that_closes_is_told() {
    let mut bench = connected("");
    bench.types("AT+MQTTCLOSE=1");
    let told = bench.told();
    assert!(told.contains(&r#"client.closed "client":1,"line":3"#.into()), "{told:?}");
    bench.types("AT+CFUN=1,1");
    assert_eq!(starting(&mut bench, "client."), [] as [&str; 0]);
}

#[test]
fn a_connection_that_fails_names_its_line_and_its_result_says_why() {
    let mut bench = Bench::new();
    bench.feed(&Input::Host(Host::Attached));
    bench.types("AT+MIPCALL=1");
    bench.types(r#"AT+MQTTOPEN=1,"b",1883,1,60"#);
    bench.told();
    bench.feed(&Input::Closed(LINK, Why::Refused));
    assert_eq!(
        bench.told(),
        [
            r#"link.end "link":1,"why":"connection refused""#,
            r#"client.failed "client":1,"line":2,"code":2,"why":"connection refused""#,
            r#"at.urc "line":2,"text":"+MQTTOPEN: 1,0","why":"connection refused""#,
            r#"client.traffic "client":1,"seconds":0.000000,"bytes":40,"payload":0,"mqtt":0,"tls":0,"tcp_ip":40,"sent_again":0,"wakeups":1"#,
        ]
    );
}

#[test]
fn results_say_that_the_broker_refused_or_that_the_connection_was_lost() {
    let mut bench = connected("");
    bench.types(r#"AT+MQTTSUB=1,"t",0"#);
    bench.feed(&Input::Received(LINK, b"\x90\x03\x00\x01\x80"));
    assert_eq!(
        starting(&mut bench, "at.urc"),
        [r#"at.urc "line":3,"text":"+MQTTSUB: 1,0","why":"refused by the broker""#]
    );
    bench.types(r#"AT+MQTTSUB=1,"t",0"#);
    bench.feed(&Input::Closed(LINK, Why::Ended));
    let urcs = starting(&mut bench, "at.urc");
    assert!(urcs[0].starts_with(r#"at.urc "line":4,"text":"+MQTTSUB: 1,0","why":"ended"#), "{urcs:?}");
}

/// 30 bytes of CONNECT, 4 of CONNACK, 6 of the message, 2 of DISCONNECT; each of the four pieces is a segment with its
/// acknowledgement; three segments open the connection, four close it.
#[test]
fn traffic_is_counted_by_the_rules_that_the_table_states() {
    let mut bench = connected("");
    bench.types(r#"AT+MQTTPUB=1,"t",0,0,"p""#);
    bench.passes(9_999);
    bench.types("AT+MQTTCLOSE=1");
    assert_eq!(
        starting(&mut bench, "client.traffic"),
        [
            r#"client.traffic "client":1,"seconds":9.999000,"bytes":642,"payload":1,"mqtt":42,"tls":0,"tcp_ip":600,"sent_again":0,"wakeups":1"#
        ]
    );
}

/// The handshake is three segments; each piece is a record.
#[test]
fn traffic_of_tls() {
    let mut bench = connected(",2");
    bench.passes(10_000);
    bench.types("AT+MQTTCLOSE=1");
    let tls = 3500 + 3 * 29;
    let tcp_ip = 120 + (3 + 2) * 40 + 3 * 80 + 160;
    assert_eq!(
        starting(&mut bench, "client.traffic"),
        [format!(
            r#"client.traffic "client":1,"seconds":10.000000,"bytes":{},"payload":0,"mqtt":36,"tls":{tls},"tcp_ip":{tcp_ip},"sent_again":0,"wakeups":2"#,
            36 + tls + tcp_ip
        )]
    );
}

/// A CONNECT of MQTT-SN that is not answered is sent again, as it is.
#[test]
fn what_is_sent_again_is_counted() {
    let (mut bench, link) = (Bench::new(), Link(101));
    bench.feed(&Input::Host(Host::Attached));
    bench.types("AT+MIPCALL=1");
    bench.types(r#"AT+MQTTOPEN=101,"g",1884,1,60"#);
    bench.feed(&Input::Opened(link));
    let told = starting(&mut bench, "packet.up");
    let [connect] = told.as_slice() else { panic!("{told:?}") };
    let size: u64 = connect.split(r#""size":"#).nth(1).unwrap().split(',').next().unwrap().parse().unwrap();
    for _ in 0..10 {
        bench.passes(700);
        bench.feed(&Input::Tick);
    }
    let told = bench.told();
    let again = told.iter().filter(|line| line.contains(r#""type":"CONNECT""#)).count() as u64;
    let traffic = told.iter().find(|line| line.starts_with("client.traffic")).unwrap();
    let (mqtt, tcp_ip) = (size * (again + 1), 28 * (again + 1));
    assert!(again > 0, "{told:?}");
    assert!(
        traffic.contains(&format!(
            r#""bytes":{},"payload":0,"mqtt":{mqtt},"tls":0,"tcp_ip":{tcp_ip},"sent_again":{}"#,
            mqtt + tcp_ip,
            size * again
        )),
        "{traffic}"
    );
}

/// What the network takes away with the registration is told as well, and once.
#[test]
fn the_data_call_ends_with_the_registration() {
    let mut bench = connected("");
    bench.feed(&Input::Bearer(Change::Registration(Registration::Searching)));
    bench.feed(&Input::Bearer(Change::Signal(99, 99)));
    bench.feed(&Input::Bearer(Change::Signal(99, 99)));
    let told = bench.told();
    let of = |name: &str| told.iter().position(|line| line.starts_with(name));
    assert_eq!(told.iter().filter(|line| line.starts_with("radio.")).count(), 3, "{told:?}");
    assert!(of(r#"radio.registration "stat":2"#) < of("radio.call "), "{told:?}");
    assert!(of("radio.call ") < of("client.broken"), "{told:?}");
}
