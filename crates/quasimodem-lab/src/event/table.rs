//! The table of events.

use std::time::Duration;

use super::row::{Field, Row, Typed, Value};

/// A name or an address, and a port.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Endpoint<'a> {
    /// Name or address.
    pub host: &'a str,
    /// 1 to 65535.
    pub port: u16,
}

/// A modem, and where its host finds it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ModemAt<'a> {
    /// Its name.
    pub modem: &'a str,
    /// A path, an address, or `stdio`.
    pub port: &'a str,
}

events! {
    /// The first event: modems and peers are there, and hosts may come.
    "run.ready" = Ready {
        /// The version of this schema.
        schema: u32,
        /// Which program this is.
        version: &'a str,
        /// What everything random is drawn from.
        seed: Option<u64>,
        /// The modems, and where their hosts find them.
        modems: &'a [ModemAt<'a>],
        /// The broker beside them.
        broker: Option<Endpoint<'a>>,
        /// The MQTT-SN gateway beside them.
        gateway: Option<Endpoint<'a>>,
        /// The process.
        pid: Option<u32>,
        /// Where control answers, if it does: its whole address.
        api: Option<&'a str>,
    }
    /// All began anew, and this is the first event of what follows: faults are as at the start, modems as out of their boxes.
    "run.reset" = Reset {
        /// Counts the resets of a run from 1.
        epoch: u64,
        /// What faults draw from, from here on.
        seed: u64,
    }
    /// Events are missing here: whoever reads them did not keep up. From this run nothing can be judged that depends on the
    /// order or the number of events.
    "run.gap" = Gap {
        /// How many events are missing, or how many times something happened of which no event was made.
        lost: u64,
    }
    /// The last event.
    "run.end" = End {}
    /// A host opened the serial end.
    "host.attached" = Attached {}
    /// The host left the serial end.
    "host.detached" = Detached {}
    /// The host completed a line.
    "host.typed" = Typed {
        /// Counts the lines of a modem from 1.
        line: u64,
        /// When its first byte came, `junk` included; `t` is when its end came.
        t0: Duration,
        /// The line, from `AT` on; empty if it was too long to be taken, or repeats nothing.
        text: &'a str,
        /// Bytes in front of `AT` other than blanks, ends of lines and NULs.
        junk: Option<u64>,
        /// NULs in front of the line and within it, which count as nothing.
        nuls: Option<u64>,
    }
    /// The raw data that the host was asked for is there, or the modem waits for it no longer.
    "host.raw" = Raw {
        /// The line that announced it.
        line: u64,
        /// When its first byte came; left out if none did. Data that does not wait for the prompt has a `t0` that is not after
        /// the `t` of `at.prompt`.
        t0: Option<Duration>,
        /// Bytes that came, up to those that were declared.
        size: u64,
        /// Bytes that the line declared.
        declared: u64,
        /// Bytes that came in one piece with the last ones and are beyond what was declared, ends of lines not counted: the
        /// next line begins with them.
        beyond: Option<u64>,
        /// The longest pause within it, if it came in several pieces.
        pause: Option<Duration>,
        /// How many of its last bytes look like a command that was typed after a pause of 100 ms or more.
        swallowed: Option<u64>,
    }
    /// The host sent bytes that belong to no command and no data: a line without `AT`, half a line, or anything while the
    /// module can't hear.
    "host.stray" = Stray {
        /// When the first of them came.
        t0: Duration,
        /// Bytes other than blanks, ends of lines and NULs.
        size: u64,
        /// NULs.
        nuls: Option<u64>,
        /// Why the module heard none of it, if it was off or starting.
        why: Option<&'a str>,
    }
    /// The host does not read: so much output waits for it that the modem holds back; or it reads again.
    "host.deaf" = Deaf {
        /// Whether it reads again.
        reads: bool,
    }
    /// The modem sent a line back while it was typed.
    "at.echo" = Echo {
        /// The line.
        line: u64,
        /// As `host.typed` has it.
        text: &'a str,
    }
    /// The modem asks for raw data.
    "at.prompt" = Prompt {
        /// The line that it answers.
        line: u64,
        /// Bytes that it asks for.
        size: u64,
    }
    /// The modem printed an information response.
    "at.info" = Info {
        /// The line that it answers.
        line: u64,
        /// What it says.
        text: &'a str,
    }
    /// The modem printed a final result code.
    "at.final" = Final {
        /// The line that it answers.
        line: u64,
        /// What it says.
        text: &'a str,
        /// Why a command was refused.
        why: Option<&'a str>,
    }
    /// The modem printed an unsolicited result code, or the result of an asynchronous command.
    "at.urc" = Urc {
        /// The line whose result it is.
        line: Option<u64>,
        /// What it says.
        text: &'a str,
        /// Why the result is 0, as far as the modem knows.
        why: Option<&'a str>,
    }
    /// The host opens a connection.
    "client.opening" = ClientOpening {
        /// The number of the client: 1 and 2 speak MQTT, 101 and 102 MQTT-SN.
        client: u8,
        /// The line that asked for it.
        line: u64,
        /// The broker or gateway that it asked for.
        to: Endpoint<'a>,
    }
    /// The broker or gateway accepted a connection.
    "client.open" = ClientOpen {
        /// The number of the client.
        client: u8,
        /// The line that asked for it.
        line: Option<u64>,
    }
    /// A connection could not be opened.
    "client.failed" = ClientFailed {
        /// The number of the client.
        client: u8,
        /// The line that asked for it.
        line: Option<u64>,
        /// The number of the reason, as `AT+CEER` tells it.
        code: u16,
        /// The reason.
        why: &'a str,
    }
    /// An open connection was lost.
    "client.broken" = ClientBroken {
        /// The number of the client.
        client: u8,
        /// The line that had opened it.
        line: Option<u64>,
        /// The cause, as `+MQTTBREAK` tells it (manual 1.4).
        cause: u8,
        /// The number of the reason, as `AT+CEER` tells it.
        code: u16,
        /// The reason.
        why: &'a str,
    }
    /// A connection ended in order: the host closed it, or the module was switched off or started anew.
    "client.closed" = ClientClosed {
        /// The number of the client.
        client: u8,
        /// The line that closed it; left out if the module was switched off or started anew.
        line: Option<u64>,
    }
    /// What the connection of a client, or the attempt at one, cost on the air: told when it ends, and for those that are open
    /// at the end of the run.
    "client.traffic" = ClientTraffic {
        /// The number of the client.
        client: u8,
        /// How long it lasted.
        seconds: Duration,
        /// All bytes, both ways: `mqtt`, `tls` and `tcp_ip`.
        bytes: u64,
        /// Bytes of messages, which are part of `mqtt`.
        payload: u64,
        /// Bytes of packets of MQTT or MQTT-SN.
        mqtt: u64,
        /// Bytes of TLS, by this rule: 3500 for a handshake, 29 for a record, of which each piece that is sent is one.
        tls: u64,
        /// Bytes of TCP or UDP and IP without options, by this rule: 40 for each segment of 1360 bytes, 40 for the
        /// acknowledgement of each two, 120 for an opening and 160 for an orderly end; 28 for each datagram.
        tcp_ip: u64,
        /// Bytes of packets that were sent again, which are part of `mqtt`: with DUP, or over MQTT-SN the same once more.
        sent_again: u64,
        /// How often the radio had to wake up for it: traffic after 10 s without any.
        wakeups: u64,
    }
    /// The modem looks up a name.
    "name.asked" = NameAsked {
        /// The name.
        name: &'a str,
        /// Who wants to know: `command`, as `AT+MIPDNS` is one.
        owner: &'a str,
    }
    /// A name that was looked up is known, or can't be.
    "name.found" = NameFound {
        /// Its address.
        address: Option<&'a str>,
        /// Why there is none.
        why: Option<&'a str>,
    }
    /// The modem opens a link.
    "link.opening" = LinkOpening {
        /// The number of the link: that of the client, or 201 for what the module does for itself.
        link: u8,
        /// Where it asked to go.
        to: Endpoint<'a>,
        /// `tcp`, `tls` or `udp`.
        transport: &'a str,
        /// Whose it is: `mqtt 1`, `mqtt-sn 101`, or `errand` for what the module does for itself.
        owner: &'a str,
    }
    /// A link leads elsewhere than the modem asked for.
    "link.led" = LinkLed {
        /// The number of the link.
        link: u8,
        /// Where it leads.
        to: Endpoint<'a>,
    }
    /// TLS was agreed on.
    "link.secured" = LinkSecured {
        /// The number of the link.
        link: u8,
        /// Version, cipher suite and ALPN.
        agreed: &'a str,
    }
    /// A link is open.
    "link.open" = LinkOpen {
        /// The number of the link.
        link: u8,
    }
    /// A datagram was thrown away before it was sent.
    "link.lost" = LinkLost {
        /// The number of the link.
        link: u8,
        /// Bytes of the datagram.
        size: u64,
        /// Why.
        why: &'a str,
    }
    /// A link ended, or could not be opened.
    "link.end" = LinkEnd {
        /// The number of the link.
        link: u8,
        /// Why; left out if the modem closed it.
        why: Option<&'a str>,
    }
    /// The modem sent a packet to a broker, or a message to a gateway.
    "packet.up" = PacketUp {
        /// The number of the link.
        link: u8,
        /// Its type, such as `PUBLISH`; `unknown` if it can't be read.
        kind as "type": &'a str,
        /// Its bytes.
        size: u64,
        /// The packet identifier.
        packet_id: Option<u16>,
        /// The topic of a PUBLISH, a REGISTER or a will, or the first filter of a request.
        topic: Option<&'a str>,
        /// The QoS of a PUBLISH, or what is asked for or granted.
        qos: Option<u8>,
        /// What is set of `dup`, `retain`, `clean` and `will`, with blanks between.
        flags: Option<&'a str>,
        /// The protocol level of a CONNECT.
        version: Option<u8>,
        /// Of a CONNACK: whether a session goes on.
        session: Option<bool>,
        /// The return code of an answer.
        code: Option<u8>,
        /// The return codes of a SUBACK of MQTT, one a filter.
        codes: Option<&'a [u8]>,
    }
    /// A packet of a broker, or a message of a gateway, came.
    "packet.down" = PacketDown {
        /// The number of the link.
        link: u8,
        /// Its type, such as `PUBACK`; `unknown` if it can't be read.
        kind as "type": &'a str,
        /// Its bytes.
        size: u64,
        /// The packet identifier.
        packet_id: Option<u16>,
        /// The topic of a PUBLISH, a REGISTER or a will, or the first filter of a request.
        topic: Option<&'a str>,
        /// The QoS of a PUBLISH, or what is asked for or granted.
        qos: Option<u8>,
        /// What is set of `dup`, `retain`, `clean` and `will`, with blanks between.
        flags: Option<&'a str>,
        /// The protocol level of a CONNECT.
        version: Option<u8>,
        /// Of a CONNACK: whether a session goes on.
        session: Option<bool>,
        /// The return code of an answer.
        code: Option<u8>,
        /// The return codes of a SUBACK of MQTT, one a filter.
        codes: Option<&'a [u8]>,
    }
    /// The registration at the network changed.
    "radio.registration" = Registration {
        /// `<stat>` (27.007 7.2).
        stat: u8,
    }
    /// The data call came up or went down.
    "radio.call" = Call {
        /// The address of the module while it is up.
        address: Option<&'a str>,
    }
    /// The SIM card changed.
    "radio.sim" = Sim {
        /// `in`, `out`, `pin`, `busy` or `failure`.
        state: &'a str,
    }
    /// The signal changed.
    "radio.signal" = Signal {
        /// `<rssi>` (27.007 8.5).
        rssi: u8,
        /// `<ber>` (27.007 8.5).
        ber: u8,
    }
    /// The network told the time.
    "radio.clock" = Clock {
        /// Seconds since 1970.
        seconds: i64,
    }
    /// The module starts.
    "module.boot" = Boot {}
    /// The module has started.
    "module.ready" = ModuleReady {}
    /// The module is switched off.
    "module.off" = Off {}
    /// A fault is there.
    "fault.armed" = FaultArmed {
        /// Its id.
        id: &'a str,
        /// Its name.
        fault: &'a str,
    }
    /// A fault hit something.
    "fault.hit" = FaultHit {
        /// Its id.
        id: &'a str,
        /// Its name.
        fault: &'a str,
        /// The client whose it was, if it was a client's.
        client: Option<u8>,
        /// What it hit: the type of a packet, a command, a kind of line and its beginning, a host, a name; `it` for what just
        /// happens.
        item: &'a str,
        /// Which of the matches of its scope it was, from 1.
        nth: u64,
    }
    /// A fault that counts by modem hit as often as it may.
    "fault.spent" = FaultSpent {
        /// Its id.
        id: &'a str,
        /// Its name.
        fault: &'a str,
    }
    /// A fault is over: it was taken away, an event ended it, or nobody said it again in time.
    "fault.cleared" = FaultCleared {
        /// Its id.
        id: &'a str,
        /// Its name.
        fault: &'a str,
    }
    /// The broker accepted a client.
    "broker.connected" = BrokerConnected {
        /// The client id.
        client_id: &'a str,
        /// Whether the session begins empty.
        clean: bool,
        /// Whether a session goes on.
        session_present: bool,
    }
    /// The broker refused a client.
    "broker.refused" = BrokerRefused {
        /// The client id.
        client_id: &'a str,
        /// The return code of its CONNACK.
        code: u8,
        /// Why.
        why: &'a str,
    }
    /// The broker granted or refused a subscription.
    "broker.subscribed" = BrokerSubscribed {
        /// The client id.
        client_id: &'a str,
        /// What it is to.
        filter: &'a str,
        /// The QoS; left out if it was refused.
        qos: Option<u8>,
    }
    /// The broker took a message.
    "broker.published" = BrokerPublished {
        /// The client id.
        client_id: &'a str,
        /// Where to.
        topic: &'a str,
        /// Its payload, if that is text and not long.
        payload: Option<&'a str>,
        /// Bytes of its payload.
        size: u64,
        /// Its QoS.
        qos: u8,
        /// Whether it is to be retained.
        retain: bool,
        /// Whether it is the will of a client that is gone.
        will: bool,
    }
    /// The broker sent a message to a client.
    "broker.delivered" = BrokerDelivered {
        /// The client id.
        client_id: &'a str,
        /// Where it was published.
        topic: &'a str,
        /// Its payload, if that is text and not long.
        payload: Option<&'a str>,
        /// Bytes of its payload.
        size: u64,
        /// The QoS of the delivery.
        qos: u8,
        /// Whether it is sent as a retained one.
        retain: bool,
        /// Whether it was sent before.
        dup: bool,
    }
    /// A connection to the broker ended.
    "broker.disconnected" = BrokerDisconnected {
        /// The client id, if it had got that far.
        client_id: Option<&'a str>,
        /// Why.
        why: &'a str,
    }
    /// The gateway connected a client.
    "gateway.connected" = GatewayConnected {
        /// The client id.
        client_id: &'a str,
        /// Whether the session begins empty.
        clean: bool,
        /// Whether a session goes on.
        session_present: bool,
    }
    /// The gateway refused a client.
    "gateway.refused" = GatewayRefused {
        /// The client id.
        client_id: &'a str,
        /// Its return code (MQTT-SN 5.3.10).
        code: u8,
        /// Why.
        why: &'a str,
    }
    /// The broker behind the gateway granted or refused a subscription of a client.
    "gateway.subscribed" = GatewaySubscribed {
        /// The client id.
        client_id: &'a str,
        /// What it is to.
        filter: &'a str,
        /// The QoS; left out if it was refused.
        qos: Option<u8>,
    }
    /// The gateway passed a message of a client on to the broker.
    "gateway.published" = GatewayPublished {
        /// The client id; left out for one of QoS -1, which needs no connection.
        client_id: Option<&'a str>,
        /// Where to.
        topic: &'a str,
        /// Its payload, if that is text and not long.
        payload: Option<&'a str>,
        /// Bytes of its payload.
        size: u64,
        /// The QoS with which it is passed on.
        qos: u8,
        /// Whether it is to be retained.
        retain: bool,
    }
    /// The gateway sent a message to a client.
    "gateway.delivered" = GatewayDelivered {
        /// The client id.
        client_id: &'a str,
        /// Where it was published.
        topic: &'a str,
        /// Its payload, if that is text and not long.
        payload: Option<&'a str>,
        /// Bytes of its payload.
        size: u64,
        /// The QoS of the delivery.
        qos: u8,
        /// Whether it is sent as a retained one.
        retain: bool,
        /// Whether it was sent before.
        dup: bool,
    }
    /// The connection of a client of the gateway ended.
    "gateway.disconnected" = GatewayDisconnected {
        /// The client id.
        client_id: &'a str,
        /// Why.
        why: &'a str,
    }
    /// Something worth a word that has no event of its own.
    "note" = Note {
        /// Who says it: `modem`, `port` for its serial end, `broker`, `gateway`, the name of a cloud, or of a part of the
        /// program.
        of: &'a str,
        /// What.
        text: &'a str,
    }
}
