//! Hosts ask for brokers that are elsewhere.

use crate::broker::{Broker, Kind};
use crate::host::Host;
use crate::program::Program;

fn opens(host: &mut Host, broker: &str, port: u16) {
    host.command(&format!(r#"AT+MQTTOPEN=1,"{broker}",{port},1,60"#));
    host.expect("\r\n+MQTTOPEN: 1,1\r\n");
    host.command("AT+MQTTCLOSE=1");
    host.expect("\r\n+MQTTCLOSE: 1,1\r\n");
}

#[test]
fn names_and_addresses_lead_elsewhere() {
    let broker = Broker::start(Kind::Lab);
    let address = format!("127.0.0.1:{}", broker.port());
    let maps = [
        format!("Broker.Example:1883={address}"),
        format!("203.0.113.9:8883={address}"),
        format!("named.example:1883=localhost:{}", broker.port()),
    ];
    let options: Vec<&str> = maps.iter().flat_map(|map| ["--host-map", map]).collect();
    let mut program = Program::run_with("pty", &options);
    let mut host = Host::open(program.address());
    opens(&mut host, "bROKER.eXAMPLE", 1883);
    assert_eq!(program.wait_for("link 1: led to "), format!("{address} by the host map"));
    opens(&mut host, "203.000.113.009", 8883);
    opens(&mut host, "named.example", 1883);
    // Nobody else's connections are led anywhere.
    opens(&mut host, "localhost", broker.port());
}

#[test]
fn stars_lead_everything_to_one_broker() {
    let broker = Broker::start(Kind::Lab);
    let program = Program::run_with("pty", &["--host-map", &format!("*:*=127.0.0.1:{}", broker.port())]);
    let mut host = Host::open(program.address());
    opens(&mut host, "a.example", 1883);
    opens(&mut host, "b.example", 8883);
}
