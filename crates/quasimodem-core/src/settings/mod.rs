//! What the owner of a modem decides before it starts.

mod replies;
mod rows;

use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use crate::at::Escapes;
use crate::cloud::Choices;
use crate::model::Model;
use crate::radio::{Coverage, Start};
use crate::sn::Predefined;
use crate::tls::{CheckFiles, TlsProfile};
use crate::uart::Uart;

pub use replies::Reply;
pub(crate) use replies::{Last, find as find_reply};
pub use rows::SETTINGS;
pub(crate) use rows::is_harmless;

/// Settings that many modems can share.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The module to be.
    pub model: &'static Model,
    /// `ATE` at power-up.
    pub echo: bool,
    /// Quiet time after a final result code, before the next unsolicited one. Hosts that empty their buffer when they
    /// see `OK` would lose a result that came in the same burst.
    pub gap: Duration,
    /// Quiet time after an unsolicited result code, before the next one.
    pub urc_gap: Duration,
    /// How long the next `+MQTTMSGI` waits for the host to read after the last one; zero: not at all. Hosts that read
    /// at once and know how long the answer is would take another indication for a part of it.
    pub msgi_hold: Duration,
    /// Which escapes are read in texts of the host.
    pub escapes: Escapes,
    /// How topics and payloads are printed.
    pub urc_payload: UrcPayload,
    /// How a refused connection is told.
    pub refusal: RefusalStyle,
    /// Publishes of one client that may wait for their acknowledgement, and as many subscribes and unsubscribes.
    pub window: u16,
    /// Largest packet that a broker may send, in bytes: 128 to 61440.
    pub max_packet: usize,
    /// What is done with a larger one.
    pub oversize: Oversize,
    /// How long a module takes to come up again after a reset.
    pub boot: Duration,
    /// Whether `+SIM READY` is told to each host that opens the port, and not only after a reset.
    pub ready_on_attach: bool,
    /// What is told at power-up and after each reset, in front of `+SIM READY`: `AT command ready` on some modules.
    pub banner: Option<Box<str>>,
    /// How long everything unsolicited waits after a host opened the port, if the host types nothing before. Hosts
    /// empty their buffer in that time. `None`: where the host is decides it; the modem itself does not wait.
    pub ready_delay: Option<Duration>,
    /// How the serial port is set at power-up, of which `AT+IPR?` and its kin tell. No setting by name: it is where the
    /// host sits that decides it.
    pub uart: Uart,
    /// How long the ring indicator is on with each unsolicited result; zero: never.
    pub ri_pulse: Duration,
    /// How the radio side begins.
    pub bearer: Start,
    /// What the network has for the module at first. No setting by name: it is the network that decides it.
    pub coverage: Coverage,
    /// How long a search for the network takes.
    pub search: Duration,
    /// How long an MQTT-SN gateway has for an answer, at least, before it is asked again (T_retry of MQTT-SN 7.2); twice
    /// that for the CONNACK and for the answer to a QoS 2 PUBLISH. Waits grow so that they fill the time until the result is due.
    pub sn_retry: Duration,
    /// How often it is asked again (N_retry of MQTT-SN 7.2).
    pub sn_retries: u8,
    /// Predefined topic ids: numbers that never mean anything else to the host (MQTT-SN 6.7).
    pub sn_predefined: Predefined,
    /// Whether messages of MQTT-SN show the name of their topic where it is known, and not its id.
    pub sn_names: bool,
    /// What TLS connections are made with until the host says otherwise.
    pub tls: Arc<TlsProfile>,
    /// The driver's check of certificates and keys that a host loads. It has no name for
    /// [`set`](Self::set): a driver that has a TLS library puts it here.
    pub check_files: CheckFiles,
    /// What random choices are made of, together with the IMEI and the time; `None`: the driver has nothing to give.
    pub seed: Option<u64>,
    /// What clouds leave to the device.
    pub cloud: Choices,
    /// Answers to commands that the modem does not know. They have no name for [`set`](Self::set).
    pub replies: Vec<Reply>,
}

/// How topics and payloads are printed in `+MQTTMSG`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum UrcPayload {
    /// Control characters as `\HH`, so that nobody on the network can fake a line.
    #[default]
    Escaped,
    /// Byte for byte, as some modules do.
    Raw,
}

/// How a host is told that a broker refused its connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum RefusalStyle {
    /// `OK`, then `+MQTTOPEN: <Clientid>,0`; `AT+CEER` tells the reason.
    #[default]
    Result,
    /// The final result code waits up to 1000 ms for the broker, so that a refusal is `+CME ERROR: 700` to `704` in
    /// its place (manual 2.1).
    Cme,
}

/// What is done with a message that is larger than [`Settings::max_packet`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Oversize {
    /// The connection ends. The message was not acknowledged, so that a kept session has it still.
    #[default]
    Break,
    /// It is acknowledged and skipped, with a note: the host never hears of it.
    Skip,
}

/// An L610 in good coverage, with echo and a gap of 20 ms.
impl Default for Settings {
    fn default() -> Settings {
        Settings {
            model: Default::default(),
            echo: true,
            gap: Duration::from_millis(20),
            urc_gap: Duration::ZERO,
            msgi_hold: Duration::from_secs(5),
            escapes: Escapes::default(),
            urc_payload: UrcPayload::default(),
            refusal: RefusalStyle::default(),
            window: 16,
            max_packet: 60 * 1024,
            oversize: Oversize::default(),
            boot: Duration::ZERO,
            ready_on_attach: true,
            banner: None,
            ready_delay: None,
            uart: Uart::default(),
            ri_pulse: Duration::ZERO,
            bearer: Start::default(),
            coverage: Coverage::default(),
            search: Duration::from_secs(2),
            sn_retry: Duration::from_millis(220),
            sn_retries: 10,
            sn_predefined: Predefined::default(),
            sn_names: false,
            tls: Arc::default(),
            check_files: |_| Ok(()),
            seed: None,
            cloud: Choices::default(),
            replies: Vec::new(),
        }
    }
}

/// A setting by its name, as configuration files and transcripts write it.
pub struct Setting {
    /// The name.
    pub key: &'static str,
    /// What it decides, in one sentence.
    pub meaning: &'static str,
    /// What a value looks like.
    pub expected: &'static str,
    set: fn(&mut Settings, &str) -> Option<()>,
    /// The value, as [`Settings::set`] takes it.
    pub value: fn(&Settings) -> String,
}

/// A setting that does not exist, or a value that it does not take.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BadSetting {
    /// The name that was given.
    pub key: String,
    /// The value that was given.
    pub value: String,
    /// What the setting takes; `None`: there is no such setting.
    pub expected: Option<&'static str>,
}

impl fmt::Display for BadSetting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.expected {
            Some(expected) => write!(f, "{} is {:?}, expected {expected}", self.key, self.value),
            None => {
                write!(f, "there is no setting {:?}; there are", self.key)?;
                SETTINGS.iter().try_for_each(|setting| write!(f, " {}", setting.key))
            }
        }
    }
}

impl core::error::Error for BadSetting {}

impl Settings {
    /// Sets one setting by its name.
    pub fn set(&mut self, key: &str, value: &str) -> Result<(), BadSetting> {
        let setting = SETTINGS.iter().find(|setting| setting.key == key);
        match setting.and_then(|setting| (setting.set)(self, value)) {
            Some(()) => Ok(()),
            None => Err(BadSetting {
                key: key.into(),
                value: value.into(),
                expected: setting.map(|setting| setting.expected),
            }),
        }
    }
}
