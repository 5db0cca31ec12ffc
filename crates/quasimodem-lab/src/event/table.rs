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

/// Makes the type, the rows and what goes over the fields from one description of each event.
macro_rules! events {
    ($(
        $(#[doc = $meaning:literal])*
        $name:literal = $event:ident { $($(#[doc = $field_meaning:literal])* $field:ident $(as $key:literal)?: $type:ty,)* }
    )*) => {
        /// Something that happened. Texts are as they may be shown: secrets are masked.
        #[derive(Clone, Copy, Debug)]
        pub enum Event<'a> {
            $($(#[doc = $meaning])* $event { $($(#[doc = $field_meaning])* $field: $type,)* },)*
        }

        impl<'a> Event<'a> {
            /// All events, by their names.
            pub const ROWS: &'static [Row] = &[$(Row {
                name: $name,
                meaning: concat!($($meaning),*).trim_ascii(),
                fields: &[$(Field {
                    key: key!($field $($key)?),
                    meaning: concat!($($field_meaning),*).trim_ascii(),
                    form: <$type as Typed>::FORM,
                    optional: <$type as Typed>::OPTIONAL,
                }),*],
            }),*];

            /// Its dotted name.
            pub fn name(&self) -> &'static str {
                match self {
                    $(Event::$event { .. } => $name,)*
                }
            }

            /// Its own fields, those that are left out left out.
            pub fn fields(&self, each: &mut dyn FnMut(&'static str, Value<'_>)) {
                match self {
                    $(Event::$event { $($field),* } => {
                        $(if let Some(value) = $field.value() {
                            each(key!($field $($key)?), value);
                        })*
                    })*
                }
            }
        }
    };
}

/// The key of a field: its name, or what stands behind `as` where that is a word of Rust.
macro_rules! key {
    ($field:ident) => {
        stringify!($field)
    };
    ($field:ident $key:literal) => {
        $key
    };
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
        /// When its first byte came.
        t0: Duration,
        /// The line, from `AT` on; empty if it was too long to be taken, or repeats nothing.
        text: &'a str,
    }
    /// The modem asks for raw data.
    "at.prompt" = Prompt {
        /// The line that it answers.
        line: u64,
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
    }
    /// A connection could not be opened.
    "client.failed" = ClientFailed {
        /// The number of the client.
        client: u8,
        /// The number of the reason, as `AT+CEER` tells it.
        code: u16,
        /// The reason.
        why: &'a str,
    }
    /// An open connection was lost.
    "client.broken" = ClientBroken {
        /// The number of the client.
        client: u8,
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
    }
    /// The modem looks up a name.
    "name.asked" = NameAsked {
        /// The name.
        name: &'a str,
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
