//! What the host is told of clouds.

use alloc::string::String;
use core::fmt::{self, Write};

use crate::at::{Escapes, Texts};
use crate::cloud::{Credentials, TencentRegistered, UnicomRegistered};
use crate::secret;
use crate::sink::{InSecret, Sink};
use crate::visible::put_field;

/// A line about a cloud. A registration that failed is told with empty fields, since the manual has no line for it.
pub(crate) enum Told {
    /// `+MQTTAUTHDYN: 1,<productkey>,<devicename>,<devicesecret>`
    Alibaba(Option<AlibabaDevice>),
    /// `+MQTTAUTHDYN: 2,<encryptiontype>[,<devicesecret>]`
    Tencent(Option<TencentRegistered>),
    /// `+MQTTAUTHDYN: 3,<status>,<devicesecret>,<token>`
    Unicom(Option<UnicomRegistered>),
    /// `+MQTTAUTHEVENT: 4,<tuyastatus>`
    Event(TuyaEvent),
    /// `+MQTTAUTHCFG: 4,"<host>",<port>,"<username>","<password>","<ClientIDStr>"`
    Login {
        /// Where to connect to.
        host: String,
        port: u16,
        /// What with.
        login: Credentials,
    },
}

/// A device that Alibaba knows now.
pub(crate) struct AlibabaDevice {
    pub(crate) product_key: String,
    pub(crate) device_name: String,
    pub(crate) device_secret: secret::Secret<String>,
}

/// `<tuyastatus>` (manual 1.19).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum TuyaEvent {
    /// The device belongs to nobody any more.
    Reset = 1,
    /// It can be taken by a user.
    BindStart = 2,
    /// A user took it.
    BindTokenOn = 3,
    /// The cloud knows it.
    ActivateSuccessed = 4,
    /// A client is connected as it.
    MqttConnected = 5,
    /// That client is not connected any more.
    MqttDisconnect = 6,
    /// It can't be taken any more.
    BindStop = 7,
}

impl Told {
    /// Writes the line. A cloud decides what is in its fields, and none may end its field or the line.
    pub(crate) fn put(&self, escapes: Escapes, line: &mut (impl Sink + Write)) -> fmt::Result {
        match self {
            Told::Alibaba(None) => line.write_str("+MQTTAUTHDYN: 1,,,"),
            Told::Alibaba(Some(device)) => {
                line.write_str("+MQTTAUTHDYN: 1,")?;
                put_field(device.product_key.as_bytes(), line);
                line.put(b",");
                put_field(device.device_name.as_bytes(), line);
                line.put(b",");
                put_field(device.device_secret.0.as_bytes(), &mut InSecret(line));
                Ok(())
            }
            Told::Tencent(None) => line.write_str("+MQTTAUTHDYN: 2,,"),
            Told::Tencent(Some(TencentRegistered::Certificate)) => line.write_str("+MQTTAUTHDYN: 2,1"),
            Told::Tencent(Some(TencentRegistered::Key(key))) => {
                line.write_str("+MQTTAUTHDYN: 2,2,")?;
                put_field(key.0.as_bytes(), &mut InSecret(line));
                Ok(())
            }
            Told::Unicom(None) => line.write_str("+MQTTAUTHDYN: 3,1,,"),
            Told::Unicom(Some(device)) => {
                line.write_str("+MQTTAUTHDYN: 3,0,")?;
                put_field(device.device_secret.0.as_bytes(), &mut InSecret(line));
                line.put(b",");
                put_field(device.token.0.as_bytes(), &mut InSecret(line));
                Ok(())
            }
            Told::Event(event) => write!(line, "+MQTTAUTHEVENT: 4,{}", *event as u8),
            Told::Login { host, port, login } => {
                line.write_str("+MQTTAUTHCFG: 4,")?;
                escapes.put(Texts::Plain, host.as_bytes(), line);
                write!(line, ",{port},")?;
                escapes.put(Texts::Plain, login.username.as_bytes(), line);
                line.put(b",");
                escapes.put(Texts::Plain, login.password.0.as_bytes(), &mut InSecret(line));
                line.put(b",");
                escapes.put(Texts::Plain, login.client_id.as_bytes(), line);
                Ok(())
            }
        }
    }
}
