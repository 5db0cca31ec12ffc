//! Two modems with the same client id at one broker.

use crate::broker::{Broker, Kind};
use crate::fake_broker::FakeBroker;
use crate::host::Host;
use crate::program::Program;

fn open(host: &mut Host, broker: &Broker) {
    host.command(&format!("AT+MQTTOPEN=1,\"127.0.0.1\",{},1,60", broker.port()));
    host.expect("\r\n+MQTTOPEN: 1,1\r\n");
}

#[test]
fn two_modems_with_the_usual_imei_are_told_of_each_other() {
    let broker = Broker::start(Kind::Lab);
    let mut first = Program::run("tcp:0");
    let mut host = Host::connect(first.address());
    open(&mut host, &broker);
    let second = Program::run("tcp:0");
    open(&mut Host::connect(second.address()), &broker);
    host.expect("\r\n+MQTTBREAK: 1,1\r\n");
    host.send("AT+CEER");
    host.expect("AT+CEER\r\n+CEER: 2,\"ended by the peer; perhaps another client connected as 0010100000000081\"\r\n");
    first.wait_for("another modem with the IMEI 001010000000008? --imei +1 or --imei random gives this one another");
    broker.wait_for("came with the same client id and took its place (MQTT-3.1.4-2)");
}

#[test]
fn two_modems_with_imeis_of_their_own_leave_each_other_alone() {
    let broker = Broker::start(Kind::Lab);
    let modems = ["+1", "+2", "random"].map(|imei| Program::run_with("tcp:0", &["--imei", imei]));
    let mut hosts = modems.each_ref().map(|modem| Host::connect(modem.address()));
    hosts.iter_mut().for_each(|host| open(host, &broker));
    for host in &mut hosts {
        host.command("AT+MQTTPUB=1,\"t\",1,0,\"x\"");
        host.expect("\r\n+MQTTPUB: 1,1\r\n");
    }
}

/// A broker may still hold a message of the program's former life, which another one under its identifier would end in.
#[test]
fn each_run_begins_at_an_identifier_of_its_own() {
    let broker = FakeBroker::start();
    let ids = [1, 2, 3].map(|_| {
        let modem = Program::run("tcp:0");
        let mut host = Host::connect(modem.address());
        host.command(&format!("AT+MQTTOPEN=1,\"127.0.0.1\",{},0,60", broker.port()));
        let mut session = broker.accept();
        host.expect("\r\n+MQTTOPEN: 1,1\r\n");
        host.command("AT+MQTTSUB=1,\"t\",1");
        session.subscribe_id()
    });
    // That three are the same by chance happens once in 65535 * 65535 runs.
    assert!(ids.iter().any(|id| *id != ids[0]), "{ids:?}");
}
