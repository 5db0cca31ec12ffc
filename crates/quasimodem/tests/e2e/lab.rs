//! The lab: a modem and a broker, for newcomers and for any MQTT client.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use crate::LIMIT;
use crate::broker::{Broker, Kind};
use crate::host::Host;
use crate::program::{Program, command, run_to_end};
use crate::terminal::Terminal;

#[test]
fn the_first_session_goes_as_printed() {
    let Terminal { master, path } = Terminal::new();
    let mut command = command(&["lab", "--mqtt", "127.0.0.1:0"]);
    command.stdin(Terminal::slave(&path)).stdout(Terminal::slave(&path));
    let mut program = Program::start_after(command, "lab broker on 127.0.0.1:");
    let port: u16 = program.place().strip_suffix(", in memory only").unwrap().parse().unwrap();
    let gateway = program.wait_for("lab gateway for MQTT-SN on 127.0.0.1:");
    let said = program.lines(13);
    let expected = format!(
        "modem ready on stdio

Type these lines, each with Enter at its end:
  AT+MQTTOPEN=1,\"127.0.0.1\",{port},1,60
  AT+MQTTSUB=1,\"hello\",1
  AT+MQTTPUB=1,\"hello\",1,0,\"it works\"
Each is answered OK, then with its result; the last one also brings the message back:
  +MQTTMSG: 1,1,\"hello\",\"it works\"
`quasimodem commands` lists what else can be typed. To see all that is published:
  mosquitto_sub -h 127.0.0.1 -p {port} -t '#' -v
Over MQTT-SN it is client 101, and otherwise the same:
  AT+MQTTOPEN=101,\"127.0.0.1\",{gateway},1,60
Ctrl-C ends modem and broker."
    );
    assert_eq!(said.join("\n"), expected);

    let mut host = Host::new(master).greeted();
    let typed: Vec<&str> = expected.lines().filter_map(|line| line.strip_prefix("  AT")).collect();
    for (line, result) in typed.iter().zip(["+MQTTOPEN: 1,1", "+MQTTSUB: 1,1"]) {
        host.command(&format!("AT{line}"));
        host.expect(&format!("\r\n{result}\r\n"));
    }
    host.command(&format!("AT{}", typed[2]));
    host.expect_in_any_order(&["\r\n+MQTTPUB: 1,1\r\n", "\r\n+MQTTMSG: 1,1,\"hello\",\"it works\"\r\n"]);
    host.write(b"\x03");
    assert!(program.wait().success());
}

#[test]
fn the_way_to_the_modem_is_told() {
    let start = |at, words| {
        let program = Program::start_after(command(&["lab", "--mqtt", "0", "--at", at]), words);
        program.place().strip_suffix("`, and type these lines, each with Enter at its end:").unwrap().to_owned()
    };
    assert!(start("pty", "Open it, for instance with `picocom ").starts_with("/dev/pts/"));
    let address = start("tcp:0", "Connect to it, for instance with `nc ");
    let (host, port) = address.split_once(' ').unwrap();
    assert_eq!((host, port.parse::<u16>().is_ok()), ("127.0.0.1", true));
}

#[test]
fn without_a_command_it_is_the_lab() {
    let outcome = run_to_end(&[], "AT\r");
    // The ports are those of every broker and gateway, so somebody else may have them.
    if outcome.code == Some(1) {
        let taken = [":1883: Address already in use", ":1884 over UDP: Address already in use"];
        assert!(taken.iter().any(|taken| outcome.stderr.contains(taken)), "{}", outcome.stderr);
    } else {
        let ready = "lab broker on 127.0.0.1:1883, in memory only\nlab gateway for MQTT-SN on 127.0.0.1:1884\nmodem ready on stdio\n";
        assert!(outcome.stderr.starts_with(ready), "{}", outcome.stderr);
        assert_eq!(outcome.stdout, "\r\n+SIM READY\r\nAT\r\nOK\r\n");
    }
}

#[test]
fn a_busy_port_is_told_with_the_remedy() {
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = other.local_addr().unwrap();
    let outcome = run_to_end(&["lab", "--mqtt", &address.port().to_string()], "");
    assert_eq!(outcome.code, Some(1));
    assert_eq!(
        outcome.stderr,
        format!(
            "quasimodem: can't listen on {address}: Address already in use: another broker runs there? Use it with \
             \"quasimodem run\", or choose another port with --mqtt 127.0.0.1:0\n"
        )
    );
}

#[test]
fn real_clients_publish_and_subscribe() {
    let broker = Broker::start(Kind::Lab);
    for qos in ["0", "1", "2"] {
        let subscriber = broker.subscribe_with(&["-q", qos, "-C", "1", "-t", "a/+"]);
        assert!(broker.try_publish(&["-q", qos, "-t", "a/b", "-m", "hello"]));
        assert_eq!(subscriber.next(), format!("{qos} 0 hello"));
    }
    assert!(broker.try_publish(&["-q", "1", "-r", "-t", "kept", "-m", "for later"]));
    assert_eq!(broker.subscribe_with(&["-q", "1", "-C", "1", "-t", "kept"]).next(), "1 1 for later");

    let large = "x".repeat(100_000);
    let subscriber = broker.subscribe_with(&["-q", "1", "-C", "1", "-t", "large"]);
    let directory = tempfile::TempDir::new().unwrap();
    let file = directory.path().join("payload");
    fs::write(&file, &large).unwrap();
    assert!(broker.try_publish(&["-q", "1", "-t", "large", "-f", file.to_str().unwrap()]));
    assert_eq!(subscriber.message(), large);
}

#[test]
fn a_kept_session_gets_what_it_missed() {
    let broker = Broker::start(Kind::Lab);
    let kept = ["-c", "-q", "1", "-C", "1", "-t", "news"];
    let subscriber = broker.subscribe_with(&kept);
    broker.publish("news", "one");
    assert_eq!(subscriber.next(), "1 0 one");
    broker.wait_for("\"subscriber\" on ");
    broker.publish("news", "two");
    assert_eq!(broker.subscribe_with(&kept).next(), "1 0 two");
}

#[test]
fn users_are_checked_and_passwords_never_told() {
    let broker = Broker::lab(&["--user", "alice:wonder:land", "--user", "bob"]);
    let publishes = |options: &[&str]| broker.try_publish(&[&["-t", "t", "-m", "m"], options].concat());
    assert!(publishes(&["-u", "alice", "-P", "wonder:land"]));
    assert!(publishes(&["-u", "bob"]));
    assert!(!publishes(&["-u", "alice", "-P", "wonder:wall"]));
    assert!(!publishes(&["-u", "eve", "-P", "wonder:land"]));
    assert!(!publishes(&[]));
    broker.wait_for("  AT+MQTTUSER=1,\"alice\",\"PASSWORD\"");
    let log = broker.rest_of_log();
    assert!(log.contains("refused with 4, bad user name or password"), "{log}");
    assert!(log.contains("refused with 5, not authorized"), "{log}");
    assert!(!log.contains("wonder"), "{log}");
}

#[test]
fn refusals_on_demand() {
    let broker = Broker::lab(&["--refuse", "3:2", "--refuse", "5:1", "--refuse-filter", "secret/#"]);
    let program = Program::run("pty");
    let mut host = Host::open(program.address());
    for _ in 0..3 {
        host.command(&format!(r#"AT+MQTTOPEN=1,"127.0.0.1",{},1,60"#, broker.port()));
        host.expect("\r\n+MQTTOPEN: 1,0\r\n");
    }
    host.send("AT+CEER");
    host.expect("AT+CEER\r\n+CEER: 704,\"Not authorized\"\r\n\r\nOK\r\n");
    host.command(&format!(r#"AT+MQTTOPEN=1,"127.0.0.1",{},1,60"#, broker.port()));
    host.expect("\r\n+MQTTOPEN: 1,1\r\n");
    host.command(r#"AT+MQTTSUB=1,"secret/plan",1"#);
    host.expect("\r\n+MQTTSUB: 1,0\r\n");
    host.command(r#"AT+MQTTSUB=1,"public/plan",1"#);
    host.expect("\r\n+MQTTSUB: 1,1\r\n");
}

const CONNACK: &[u8] = b"\x20\x02\0\0";

/// A CONNECT of a client with an id of one letter.
fn connect_packet(client: &str) -> Vec<u8> {
    [b"\x10\x0d\0\x04MQTT\x04\x02\0\0\0\x01", client.as_bytes()].concat()
}

fn connect(broker: &Broker, client: &str) -> TcpStream {
    let mut stream = TcpStream::connect(("127.0.0.1", broker.port())).unwrap();
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    stream.set_write_timeout(Some(LIMIT)).unwrap();
    stream.write_all(&connect_packet(client)).unwrap();
    stream
}

#[test]
fn what_was_answered_is_written_before_a_connection_is_closed() {
    let broker = Broker::start(Kind::Lab);
    let mut stream = connect(&broker, "p");
    // A ping, and a second CONNECT, which ends the connection.
    stream.write_all(&[b"\xc0\0", &*connect_packet("p")].concat()).unwrap();
    let mut answered = Vec::new();
    stream.read_to_end(&mut answered).unwrap();
    assert_eq!(answered, [CONNACK, b"\xd0\0"].concat());
}

/// Subscribes as `p` and reads nothing, while `q` publishes so many messages; also how long each of them is.
fn flood(broker: &Broker, count: usize) -> (TcpStream, usize) {
    let mut deaf = connect(broker, "p");
    deaf.write_all(b"\x82\x06\0\x01\0\x01t\0").unwrap();
    let mut publish = b"\x30\x83\x80\x04\0\x01t".to_vec();
    publish.resize(publish.len() + (64 << 10), 0);
    broker.wait_for("\"p\" subscribed to");
    let mut publisher = connect(broker, "q");
    // Closed with this unread, the connection would be reset, and what is on its way lost.
    publisher.read_exact(&mut [0; CONNACK.len()]).unwrap();
    for _ in 0..count {
        publisher.write_all(&publish).unwrap();
    }
    publisher.write_all(b"\xe0\0").unwrap();
    (deaf, publish.len())
}

#[test]
fn who_does_not_read_costs_little() {
    let broker = Broker::start(Kind::Lab);
    // 32 MiB.
    let (_deaf, _) = flood(&broker, 512);
    broker.wait_for("\"q\" on 2 ended: DISCONNECT");
    let status = fs::read_to_string(format!("/proc/{}/status", broker.pid())).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap().trim();
    let peak: usize = peak.strip_suffix(" kB").unwrap().parse().unwrap();
    assert!(peak < 24 << 10, "{peak} kB");
}

#[test]
fn who_reads_late_gets_all_that_was_not_dropped() {
    let broker = Broker::start(Kind::Lab);
    let (mut late, message) = flood(&broker, 512);
    let dropped = broker
        .lines_until("\"q\" on 2 ended: DISCONNECT")
        .iter()
        .filter(|line| line.contains("dropped for \"p\""))
        .count();
    assert!(dropped > 0, "all fits into the system's buffers");
    let subscribed = CONNACK.len() + b"\x90\x03\0\x01\0".len();
    let mut received = vec![0; subscribed + (512 - dropped) * message];
    late.read_exact(&mut received).unwrap();
}
