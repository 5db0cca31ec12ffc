//! What a host does with a broker, over whatever serial end.

use crate::broker::{Broker, Kind, free_port};
use crate::host::Host;

/// Opens, subscribes, receives, publishes and closes.
pub(crate) fn whole(host: &mut Host, kind: Kind) {
    let broker = Broker::start(kind);
    host.command("AT");
    open(host, broker.port());

    host.command(r#"AT+MQTTSUB=1,"t/in",0"#);
    host.expect("\r\n+MQTTSUB: 1,1\r\n");
    broker.publish("t/in", "hello");
    host.expect("\r\n+MQTTMSG: 1,0,\"t/in\",\"hello\"\r\n");

    let subscriber = broker.subscribe("t/out");
    host.command(r#"AT+MQTTPUB=1,"t/out",0,0,"hi \"you\"""#);
    host.expect("\r\n+MQTTPUB: 1,1\r\n");
    assert_eq!(subscriber.message(), r#"hi "you""#);

    host.command("AT+MQTTCLOSE=1");
    host.expect("\r\n+MQTTCLOSE: 1,1\r\n");
}

/// A broker that dies is reported.
pub(crate) fn broker_dies(host: &mut Host, kind: Kind) {
    let broker = Broker::start(kind);
    open(host, broker.port());
    broker.kill();
    host.expect("\r\n+MQTTBREAK: 1,1\r\n");
    host.command("AT");
}

/// A broker that is not there is reported.
pub(crate) fn nobody_listens(host: &mut Host) {
    host.command(&format!(r#"AT+MQTTOPEN=1,"127.0.0.1",{},1,60"#, free_port()));
    host.expect("\r\n+MQTTOPEN: 1,0\r\n");
}

/// Opens a connection, which the broker accepts.
pub(crate) fn open(host: &mut Host, port: u16) {
    // Octets with leading zeros, as some hosts write them.
    host.command(&format!(r#"AT+MQTTOPEN=1,"127.000.000.001",{port},1,60"#));
    host.expect("\r\n+MQTTOPEN: 1,1\r\n");
}
