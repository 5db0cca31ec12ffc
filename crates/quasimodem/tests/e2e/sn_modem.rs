//! The modem's own clients 101 and 102, before the lab's gateway.

use crate::gateway::each;
use crate::host::Host;
use crate::program::{Program, command};
use crate::sn_client::Relay;

/// What they publish comes back over MQTT, and the other way round; Wireshark judges all that they say.
#[test]
fn the_modem_speaks_to_the_gateway() {
    each(|gateway| {
        let relay = Relay::new(gateway.port);
        let program = Program::run("pty");
        let mut host = Host::open(program.address());
        host.command(r#"AT+MQTTWILL=101,"last/words",1,0,"gone""#);
        host.command(&format!(r#"AT+MQTTOPEN=101,"127.0.0.1",{},1,3"#, relay.port));
        host.expect("\r\n+MQTTOPEN: 101,1\r\n");
        host.command(r#"AT+MQTTSUB=101,"from/broker",2"#);
        host.expect("\r\n+MQTTSUB: 101,1\r\n");
        for qos in 0..3 {
            let subscriber = gateway.broker.subscribe_with(&["-q", "2", "-C", "1", "-t", "from/modem"]);
            host.command(&format!(r#"AT+MQTTPUB=101,"from/modem",{qos},0,"up {qos}""#));
            host.expect("\r\n+MQTTPUB: 101,1\r\n");
            assert_eq!(subscriber.next(), format!("{qos} 0 up {qos}"));
            assert!(gateway.broker.try_publish(&["-q", &qos.to_string(), "-t", "from/broker", "-m", "down"]));
            host.expect(&format!("\r\n+MQTTMSG: 101,{qos},1,\"down\"\r\n"));
        }
        let long = "x".repeat(1024);
        let subscriber = gateway.broker.subscribe_with(&["-C", "1", "-t", "ab"]);
        host.command(&format!(r#"AT+MQTTPUB=101,"ab",1,0,"{long}""#));
        host.expect("\r\n+MQTTPUB: 101,1\r\n");
        assert_eq!(subscriber.next(), format!("0 0 {long}"));
        for (line, result) in [
            (r#"AT+MQTTWTOPICUD=101,1,1,"other/words""#, "+MQTTWTOPICUD: 101,1"),
            (r#"AT+MQTTWMSGUD=101,"gone for good""#, "+MQTTWMSGUD: 101,1"),
            (r#"AT+MQTTSUB=101,"wild/#",1"#, "+MQTTSUB: 101,1"),
            (r#"AT+MQTTUNSUB=101,"from/broker""#, "+MQTTUNSUB: 101,1"),
        ] {
            host.command(line);
            host.expect(&format!("\r\n{result}\r\n"));
        }
        assert!(gateway.broker.try_publish(&["-t", "wild/one", "-m", "down"]));
        host.expect("\r\n+MQTTSNREG: 101,2,3,\"wild/one\"\r\n\r\n+MQTTMSG: 101,0,3,\"down\"\r\n");
        relay.wait_for(0x16);
        host.command("AT+MQTTCLOSE=101");
        host.expect("\r\n+MQTTCLOSE: 101,1\r\n");
        program.terminate();
        let said = relay.judge();
        // All that a modem can say but a PUBLISH without a connection, and PINGRESP.
        let due = [0x04, 0x07, 0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f, 0x10, 0x12, 0x14, 0x16, 0x18, 0x1a, 0x1c];
        assert!(said.iter().eq(&due), "{said:02x?}");
    });
}

/// A message that takes more than one datagram of an Ethernet, and more than the modem reports at once.
#[test]
fn a_long_message_comes_in_parts() {
    each(|gateway| {
        let program = Program::run("pty");
        let mut host = Host::open(program.address());
        host.command(&format!(r#"AT+MQTTOPEN=101,"127.0.0.1",{},1,60"#, gateway.port));
        host.expect("\r\n+MQTTOPEN: 101,1\r\n");
        host.command(r#"AT+MQTTSUB=101,"ab",1"#);
        host.expect("\r\n+MQTTSUB: 101,1\r\n");
        assert!(gateway.broker.try_publish(&["-q", "1", "-t", "ab", "-m", &"x".repeat(5000)]));
        gateway.broker.publish("ab", "short");
        for size in [1500, 1500, 1500, 500] {
            host.expect(&format!("\r\n+MQTTMSG: 101,1,\"ab\",\"{}\"\r\n", "x".repeat(size)));
        }
        host.expect("\r\n+MQTTMSG: 101,1,\"ab\",\"short\"\r\n");
        program.terminate();
    });
}

/// All of it in one lab, as a newcomer types it: both kinds of clients, and a will that was updated.
#[test]
fn clients_1_and_101_talk_in_the_lab() {
    let mut program = Program::start_after(command(&["lab", "--mqtt", "0", "--at", "pty"]), "lab broker on ");
    let broker = program.place().strip_prefix("127.0.0.1:").unwrap().split_once(',').unwrap().0.to_owned();
    let gateway = program.wait_for("lab gateway for MQTT-SN on 127.0.0.1:");
    let path = program.wait_for("modem ready on pty ");
    let mut host = Host::open(path);
    let mut does = |line: &str, results: &[&str]| {
        host.command(line);
        let due: Vec<String> = results.iter().map(|result| format!("\r\n{result}\r\n")).collect();
        host.expect_in_any_order(&due.iter().map(String::as_str).collect::<Vec<_>>());
    };
    does(&format!(r#"AT+MQTTOPEN=1,"127.0.0.1",{broker},1,60"#), &["+MQTTOPEN: 1,1"]);
    does(r#"AT+MQTTSUB=1,"to/one",2"#, &["+MQTTSUB: 1,1"]);
    does(r#"AT+MQTTSUB=1,"last/words",1"#, &["+MQTTSUB: 1,1"]);
    does(r#"AT+MQTTSNCID=101,"sensor""#, &[]);
    does(r#"AT+MQTTWILL=101,"last/words",1,0,"gone""#, &[]);
    does(&format!(r#"AT+MQTTOPEN=101,"127.0.0.1",{gateway},1,60"#), &["+MQTTOPEN: 101,1"]);
    does(r#"AT+MQTTSNREG=101,"to/one""#, &[r#"+MQTTSNREG: 101,1,1,"to/one""#]);
    does(r#"AT+MQTTSUB=101,"from/+",2"#, &["+MQTTSUB: 101,1"]);
    does(r#"AT+MQTTPUB=101,1,2,0,"up""#, &["+MQTTPUB: 101,1", r#"+MQTTMSG: 1,2,"to/one","up""#]);
    does(
        r#"AT+MQTTPUB=1,"from/one",2,0,"down""#,
        &["+MQTTPUB: 1,1", r#"+MQTTSNREG: 101,2,2,"from/one""#, r#"+MQTTMSG: 101,2,2,"down""#],
    );
    does(r#"AT+MQTTWMSGUD=101,"gone for good""#, &["+MQTTWMSGUD: 101,1"]);
    // Client 102 takes its name, so it is cut off.
    does(r#"AT+MQTTSNCID=102,"sensor""#, &[]);
    does(
        &format!(r#"AT+MQTTOPEN=102,"127.0.0.1",{gateway},1,60"#),
        &["+MQTTBREAK: 101,1", "+MQTTOPEN: 102,1", r#"+MQTTMSG: 1,1,"last/words","gone for good""#],
    );
    program.terminate();
}
