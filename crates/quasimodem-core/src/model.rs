//! The series and models of the manual's "Applicable Model" pages, as data.

use core::fmt;

/// What distinguishes one module from another.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Model {
    /// The name, as `AT+CGMM` and `--model` use it.
    pub name: &'static str,
    /// The series it belongs to, as the manual prints it.
    pub series: &'static str,
    /// Whether it has the MQTT-SN commands (manual 1.13 to 1.16) and client ids 101 and 102.
    pub sn: bool,
    /// Whether it has the cloud commands (manual 1.17 to 1.19).
    pub cloud: bool,
    /// Whether `<Usetls>` may be more than 0.
    pub tls: bool,
    /// `+MQTTUSER` `<Username>`: bytes at most.
    pub user_name: u16,
    /// `+MQTTUSER` `<Password>`: bytes at most.
    pub password: u16,
    /// `+MQTTUSER` `<ClientIDStr>`: bytes at most.
    pub client_id: u16,
    /// `+MQTTSNCID` `<ClientIDStr>`: bytes at most (manual 1.13).
    pub sn_client_id: u16,
    /// Bytes of payload in one `+MQTTMSG` (manual 1.9).
    pub message: u16,
    /// What stands in for a client id that the host did not set (manual 1.1).
    pub default_client_id: DefaultClientId,
}

/// The client id of a connection for which the host set none.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DefaultClientId {
    /// The IMEI, then the digits of the client's number, cut to 23 bytes (manual 1.1).
    ImeiAndNumber,
    /// The IMEI alone (MC610 and MC615).
    Imei,
}

/// A series that the manual says nothing special of.
const PLAIN: Model = Model {
    name: "",
    series: "",
    sn: false,
    cloud: false,
    tls: true,
    user_name: 128,
    password: 128,
    client_id: 256,
    sn_client_id: 256,
    message: 1500,
    default_client_id: DefaultClientId::ImeiAndNumber,
};

/// The series whose `+MQTTUSER` takes 1024 bytes in each field.
const WIDE: Model = Model { user_name: 1024, password: 1024, client_id: 1024, ..PLAIN };

/// The series whose `<Password>` takes 256 bytes.
const LONG_PASSWORD: Model = Model { password: 256, ..PLAIN };

const MC61X: Model = Model { series: "MC61x", ..WIDE };

/// All models, in the order of the manual's table: a row for each series by its own name, followed by the members of
/// which the manual says something else. The first is the default.
pub const MODELS: &[Model] = &[
    Model { name: "L610", series: "L61x", sn: true, cloud: true, sn_client_id: 1024, ..WIDE },
    Model { name: "L61x", series: "L61x", ..WIDE },
    Model { name: "LC61x", series: "LC61x", ..WIDE },
    Model { name: "LC610N", series: "LC61x", sn: true, cloud: true, tls: false, ..WIDE },
    Model { name: "LG61x", series: "LG61x", ..WIDE },
    Model { name: "MC61x", ..MC61X },
    Model { name: "MC610", sn: true, cloud: true, sn_client_id: 23, default_client_id: DefaultClientId::Imei, ..MC61X },
    Model { name: "MC615", sn: true, cloud: true, tls: false, default_client_id: DefaultClientId::Imei, ..MC61X },
    Model { name: "MG61x", series: "MG61x", ..WIDE },
    Model { name: "NL66x", series: "NL66x", ..PLAIN },
    Model { name: "NL668", series: "NL66x", ..PLAIN },
    Model { name: "NL668-AM", series: "NL66x", tls: false, ..PLAIN },
    Model { name: "MC11x", series: "MC11x", ..PLAIN },
    Model { name: "MG11x", series: "MG11x", ..PLAIN },
    Model { name: "MC10x", series: "MC10x", ..PLAIN },
    Model { name: "MC100E", series: "MC10x", sn_client_id: 23, message: 1024, ..PLAIN },
    Model { name: "LC11x", series: "LC11x", ..PLAIN },
    Model { name: "MA51x", series: "MA51x", sn: true, ..PLAIN },
    Model { name: "MA510", series: "MA51x", sn: true, sn_client_id: 23, message: 1024, ..PLAIN },
    Model { name: "L71x", series: "L71x", ..PLAIN },
    Model { name: "LE", series: "LE", cloud: true, ..LONG_PASSWORD },
    Model { name: "LE13x", series: "LE", cloud: true, ..PLAIN },
    Model { name: "LE17x", series: "LE", cloud: true, ..PLAIN },
    Model { name: "FG13x", series: "FG13x", ..LONG_PASSWORD },
    Model { name: "MS18x", series: "MS18x", ..PLAIN },
    Model { name: "MC66x", series: "MC66x", cloud: true, ..LONG_PASSWORD },
    Model { name: "MC665", series: "MC66x", cloud: true, ..LONG_PASSWORD },
    Model { name: "MG66x", series: "MG66x", cloud: true, ..LONG_PASSWORD },
    Model { name: "MC91x", series: "MC91x", ..PLAIN },
];

impl Model {
    /// The model of that name, in capitals or not.
    pub fn by_name(name: &str) -> Option<&'static Model> {
        MODELS.iter().find(|model| model.name.eq_ignore_ascii_case(name))
    }
}

/// L610.
impl Default for &'static Model {
    fn default() -> &'static Model {
        &MODELS[0]
    }
}

impl fmt::Display for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}
