//! The gateway with a client that somebody else wrote, before the lab broker, mosquitto and aedes.

use std::net::UdpSocket;
use std::process::Command;

use crate::LIMIT;
use crate::broker::{Broker, Kind};
use crate::program::{Program, command, run_to_end};
use crate::sn_client::SnClient;

/// A gateway and the broker behind it.
pub(crate) struct Gateway {
    pub(crate) broker: Broker,
    pub(crate) port: u16,
    /// Beside a lab broker it is the same program.
    _program: Option<Program>,
}

const PREDEFINED: [&str; 4] = ["--predefined", "7=pre/seven", "--predefined", "8=pre/eight"];

impl Gateway {
    fn start(kind: Kind) -> Gateway {
        match kind {
            Kind::Lab => {
                let broker = Broker::lab(&PREDEFINED);
                let port = broker.wait_for("lab gateway for MQTT-SN on 127.0.0.1:").parse().unwrap();
                Gateway { broker, port, _program: None }
            }
            Kind::Mosquitto | Kind::Aedes => {
                let broker = Broker::start(kind);
                let (program, port) = before(broker.port(), &PREDEFINED);
                Gateway { broker, port, _program: Some(program) }
            }
        }
    }

    fn client(&self) -> SnClient {
        SnClient::new(self.port)
    }
}

/// A gateway alone, before the broker at this port.
fn before(broker: u16, options: &[&str]) -> (Program, u16) {
    let broker = format!("127.0.0.1:{broker}");
    let mut command = command(&["gateway", "-v", "--sn", "0", "--broker", &broker]);
    command.args(options);
    let program = Program::start_after(command, "gateway on 127.0.0.1:");
    let port = program.place().split_once(',').unwrap().0.parse().unwrap();
    (program, port)
}

/// Does it before each kind of broker.
pub(crate) fn each(test: impl Fn(Gateway)) {
    test(Gateway::start(Kind::Lab));
    test(Gateway::start(Kind::Mosquitto));
    test(Gateway::start(Kind::Aedes));
}

#[test]
fn a_foreign_client_publishes_at_every_qos() {
    each(|gateway| {
        let mut client = gateway.client();
        client.does(r#"["search"]"#);
        client.does(r#"["connect", "python", true, 60]"#);
        for (topic, name) in [(r#""a/long/name""#, "a/long/name"), (r#""ab""#, "ab"), ("7", "pre/seven")] {
            for qos in ["0", "1", "2"] {
                let subscriber = gateway.broker.subscribe_with(&["-q", "2", "-C", "1", "-t", name]);
                client.does(&format!(r#"["publish", {topic}, "hello {qos}", {qos}]"#));
                assert_eq!(subscriber.next(), format!("{qos} 0 hello {qos}"));
            }
        }
        client.does(r#"["publish", "kept/name", "for later", 1, true]"#);
        let subscriber = gateway.broker.subscribe_with(&["-q", "1", "-C", "1", "-t", "kept/name"]);
        assert_eq!(subscriber.next(), "1 1 for later");
        assert!(client.fails(r#"["publish", 9, "to nowhere", 1]"#).contains("invalid topic ID"));
        client.does(r#"["ping"]"#);
        client.does(r#"["disconnect"]"#);
        client.judge();
    });
}

#[test]
fn a_foreign_client_subscribes_to_every_kind_of_topic() {
    each(|gateway| {
        let mut client = gateway.client();
        client.does(r#"["connect", "python", true, 60]"#);
        let publish = |topic, payload, qos| {
            assert!(gateway.broker.try_publish(&["-q", qos, "-t", topic, "-m", payload]));
        };
        client.does(r#"["subscribe", "a/long/name", 2]"#);
        for qos in ["0", "1", "2"] {
            publish("a/long/name", "hello", qos);
            client.receives(&format!(r#"["a/long/name",{qos},false,"hello"]"#));
        }
        client.does(r#"["subscribe", "ab", 1]"#);
        publish("ab", "short", "2");
        client.receives(r#"["ab",1,false,"short"]"#);
        client.does(r#"["subscribe", 8, 1]"#);
        publish("pre/eight", "predefined", "1");
        client.receives(r#"[8,1,false,"predefined"]"#);
        // An id comes before the first message.
        client.does(r##"["subscribe", "wild/#", 1]"##);
        for topic in ["wild/one", "wild/two", "wild/one"] {
            publish(topic, "found", "1");
            client.receives(&format!(r#"["{topic}",1,false,"found"]"#));
        }
        client.does(r##"["unsubscribe", "wild/#"]"##);
        publish("wild/one", "lost", "1");
        publish("ab", "next", "1");
        client.receives(r#"["ab",1,false,"next"]"#);
        let large = "x".repeat(1024);
        publish("ab", &large, "1");
        client.receives(&format!(r#"["ab",1,false,"{large}"]"#));
        client.does(r#"["disconnect"]"#);
        client.judge();
    });
}

#[test]
fn updates_of_a_will_take_effect() {
    each(|gateway| {
        let mut client = gateway.client();
        client.does(r#"["connect", "python", true, 2, ["will/old", "old words", 1, false]]"#);
        client.does(r#"["will_topic", "will/new", 1, true]"#);
        client.does(r#"["will_message", "new words"]"#);
        let subscriber = gateway.broker.subscribe_with(&["-q", "1", "-C", "1", "-t", "will/#"]);
        // It says nothing more, and is lost after three seconds.
        assert_eq!(subscriber.next(), "1 0 new words");
        let late = gateway.broker.subscribe_with(&["-q", "1", "-C", "1", "-t", "will/new"]);
        assert_eq!(late.next(), "1 1 new words");
        client.judge();
    });
}

#[test]
fn a_kept_session_gets_what_it_missed() {
    each(|gateway| {
        let mut client = gateway.client();
        client.does(r#"["connect", "python", false, 60]"#);
        client.does(r#"["subscribe", "the/news", 1]"#);
        client.does(r#"["disconnect"]"#);
        gateway.broker.publish("the/news", "missed");
        // From another address, as after a restart.
        let mut again = gateway.client();
        again.does(r#"["connect", "python", false, 60]"#);
        again.receives(r#"["the/news",1,false,"missed"]"#);
        again.does(r#"["disconnect"]"#);
        client.judge();
        again.judge();
    });
}

#[test]
fn a_sleeping_client_gets_its_messages_when_it_wakes_up() {
    each(|gateway| {
        let mut client = gateway.client();
        client.does(r#"["connect", "python", true, 60]"#);
        client.does(r#"["subscribe", "the/news", 1]"#);
        client.does(r#"["disconnect", 100]"#);
        gateway.broker.publish("the/news", "one");
        gateway.broker.publish("the/news", "two");
        // What it published itself is known to be there when this is answered.
        client.does(r#"["publish", "the/news", "three", 1]"#);
        client.does(r#"["wake", "python"]"#);
        for payload in ["one", "two", "three"] {
            client.receives(&format!(r#"["the/news",1,false,"{payload}"]"#));
        }
        client.does(r#"["awake"]"#);
        client.does(r#"["disconnect"]"#);
        client.judge();
    });
}

#[test]
fn qos_minus_1_needs_no_connection() {
    each(|gateway| {
        let subscriber = gateway.broker.subscribe_with(&["-C", "2", "-t", "#"]);
        let mut client = gateway.client();
        client.does(r#"["publish", 7, "one", -1]"#);
        client.does(r#"["publish", "ab", "two", -1]"#);
        assert_eq!(subscriber.next(), "0 0 one");
        assert_eq!(subscriber.next(), "0 0 two");
        client.judge();
    });
}

/// A client is told when its broker is gone, and may come back with it.
#[test]
fn a_broker_that_is_gone() {
    let directory = tempfile::TempDir::new().unwrap();
    let broker = Broker::start(Kind::Mosquitto);
    let port = broker.port();
    let (mut program, gateway) = before(port, &[]);
    let mut client = SnClient::new(gateway);
    client.does(r#"["connect", "python", true, 60]"#);
    broker.kill();
    program.wait_for("gateway: \"python\" ended: connection to the broker");
    client.does(r#"["left"]"#);
    assert!(client.fails(r#"["connect", "python", true, 60]"#).contains("congestion"));
    // Somebody else may have the port by now.
    if let Some(broker) = Broker::mosquitto(port, directory.path()) {
        client.does(r#"["connect", "python", true, 60]"#);
        client.does(r#"["publish", "ab", "there", 1]"#);
        client.judge();
        broker.kill();
    }
    program.terminate();
}

#[test]
fn clients_come_in_as_the_user_of_the_lab() {
    let broker = Broker::lab(&["--user", "alice:wonder"]);
    let port = broker.wait_for("lab gateway for MQTT-SN on 127.0.0.1:").parse().unwrap();
    let mut client = SnClient::new(port);
    client.does(r#"["connect", "python", true, 60]"#);
    drop(client);
    let (program, port) = before(broker.port(), &["--user", "alice:nowonder"]);
    let mut client = SnClient::new(port);
    assert!(client.fails(r#"["connect", "python", true, 60]"#).contains("not supported"));
    program.terminate();
    let log = broker.rest_of_log();
    assert!(log.contains("refused with 4") && !log.contains("wonder"), "{log}");
}

#[test]
fn junk_does_no_harm() {
    let gateway = Gateway::start(Kind::Lab);
    let mut client = gateway.client();
    client.does(r#"["connect", "python", true, 60]"#);
    let other = UdpSocket::bind("127.0.0.1:0").unwrap();
    other.connect(("127.0.0.1", gateway.port)).unwrap();
    other.set_read_timeout(Some(LIMIT)).unwrap();
    for junk in [&b""[..], b"\0", b"\x05\xff\0\0\0", b"\x01\xff\xff", &[0xff; 1400], &[0; 60_000]] {
        other.send(junk).unwrap();
    }
    // All have been read when this is answered.
    other.send(&[2, 0x16]).unwrap();
    let mut answer = [0; 9];
    assert_eq!(other.recv(&mut answer).unwrap(), 2);
    assert_eq!(answer[..2], [2, 0x18], "not a DISCONNECT");
    client.does(r#"["ping"]"#);
    client.does(r#"["publish", "ab", "still there", 2]"#);
    client.judge();
}

#[test]
fn a_busy_port_is_told_with_the_remedy() {
    let other = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = other.local_addr().unwrap();
    let port = address.port().to_string();
    let lab = ["lab", "--mqtt", "0", "--sn", &port];
    let alone = ["gateway", "--broker", "127.0.0.1:1", "--sn", &port];
    for arguments in [&lab[..], &alone] {
        let outcome = run_to_end(arguments, "");
        assert_eq!(outcome.code, Some(1));
        let told = format!(
            "quasimodem: can't listen on {address} over UDP: Address already in use: another gateway runs there? Choose \
             another port with --sn 127.0.0.1:0\n"
        );
        assert!(outcome.stderr.ends_with(&told), "{}", outcome.stderr);
    }
}

#[test]
fn what_is_typed_wrongly() {
    for (arguments, expected) in [
        (&["gateway"][..], "--broker <HOST:PORT>"),
        (&["gateway", "--broker", "nowhere"], "expected HOST:PORT"),
        (&["gateway", "--broker", "a:1", "--predefined", "0=a"], "expected ID=TOPIC"),
        (&["lab", "--predefined", "1=a/#"], "expected ID=TOPIC"),
        (&["lab", "--gateway-retry", "0"], "0 is not in 1..=3600000"),
    ] {
        let outcome = run_to_end(arguments, "");
        assert_eq!(outcome.code, Some(2));
        assert!(outcome.stderr.contains(expected), "{}", outcome.stderr);
    }
}

/// The clients that other tests tell what to do.
#[test]
fn python_has_the_client() {
    let python = concat!(env!("CARGO_TARGET_TMPDIR"), "/../mqtt-sn-client/bin/python");
    let found = Command::new(python).args(["-c", "import mqttsn12.client.MqttSnClient"]).status();
    assert!(found.is_ok_and(|status| status.success()), "./check puts it there");
}
