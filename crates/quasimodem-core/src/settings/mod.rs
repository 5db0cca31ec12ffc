//! What the owner of a modem decides before it starts.

use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;
use core::time::Duration;

use crate::bearer::Start;
use crate::cloud::{Baidu, BaiduTime, Choices, Hash, Resource, Tencent, Unicom, UnicomId};
use crate::model::Model;
use crate::tls::{CheckFiles, TlsProfile, TlsVersions, Verify};
use crate::uart::Uart;

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
    /// Whether `\HH` (two hex digits) in topics and payloads of the host stands for a byte.
    pub hex_escapes: bool,
    /// How topics and payloads are printed.
    pub urc_payload: UrcPayload,
    /// How a refused connection is told.
    pub refusal: RefusalStyle,
    /// Publishes of one client that may wait for their acknowledgement, and as many subscribes and unsubscribes.
    pub window: u16,
    /// Largest packet that a broker may send, in bytes; a larger one ends the connection.
    pub max_packet: usize,
    /// How long a module takes to come up again after a reset.
    pub boot: Duration,
    /// Whether `+SIM READY` is told to each host that opens the port, and not only after a reset.
    pub ready_on_attach: bool,
    /// How the serial port is set at power-up, of which `AT+IPR?` and its kin tell. No setting by name: it is where the
    /// host sits that decides it.
    pub uart: Uart,
    /// How long the ring indicator is on with each unsolicited result; zero: never.
    pub ri_pulse: Duration,
    /// How the radio side begins.
    pub bearer: Start,
    /// How long a search for the network takes.
    pub search: Duration,
    /// How long an MQTT-SN gateway may take for an answer before it is asked again (T_retry of MQTT-SN 7.2).
    pub sn_retry: Duration,
    /// How often it is asked again (N_retry of MQTT-SN 7.2).
    pub sn_retries: u8,
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

/// An L610 in good coverage, with echo and a gap of 20 ms.
impl Default for Settings {
    fn default() -> Settings {
        Settings {
            model: Default::default(),
            echo: true,
            gap: Duration::from_millis(20),
            hex_escapes: true,
            urc_payload: UrcPayload::default(),
            refusal: RefusalStyle::default(),
            window: 16,
            max_packet: 60 * 1024,
            boot: Duration::ZERO,
            ready_on_attach: true,
            uart: Uart::default(),
            ri_pulse: Duration::ZERO,
            bearer: Start::default(),
            search: Duration::from_secs(2),
            sn_retry: Duration::from_millis(700),
            sn_retries: 3,
            sn_names: false,
            tls: Arc::default(),
            check_files: |_| Ok(()),
            seed: None,
            cloud: Choices::default(),
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

/// All settings, in the order in which they are documented.
pub const SETTINGS: &[Setting] = &[
    Setting {
        key: "model",
        meaning: "The module to be.",
        expected: "a model of `quasimodem models`",
        set: |settings, text| Model::by_name(text).map(|model| settings.model = model),
        value: |settings| settings.model.name.into(),
    },
    Setting {
        key: "echo",
        meaning: "Whether the host's bytes are echoed at power-up (ATE).",
        expected: "on or off",
        set: |settings, text| switch(text).map(|on| settings.echo = on),
        value: |settings| on_or_off(settings.echo),
    },
    Setting {
        key: "gap_ms",
        meaning: "Quiet time between a final result code and the next unsolicited one.",
        expected: "a number of milliseconds up to 3600000",
        set: |settings, text| time(text).map(|gap| settings.gap = gap),
        value: |settings| millis(settings.gap),
    },
    Setting {
        key: "hex_escapes",
        meaning: "Whether \\HH (two hex digits) in the host's topics and payloads stands for a byte.",
        expected: "on or off",
        set: |settings, text| switch(text).map(|on| settings.hex_escapes = on),
        value: |settings| on_or_off(settings.hex_escapes),
    },
    Setting {
        key: "urc_payload",
        meaning: "Whether control characters in +MQTTMSG are printed as \\HH, or as they are.",
        expected: "escaped or raw",
        set: |settings, text| {
            settings.urc_payload = match text {
                "escaped" => UrcPayload::Escaped,
                "raw" => UrcPayload::Raw,
                _ => return None,
            };
            Some(())
        },
        value: |settings| match settings.urc_payload {
            UrcPayload::Escaped => "escaped".into(),
            UrcPayload::Raw => "raw".into(),
        },
    },
    Setting {
        key: "refusal",
        meaning: "Whether a refused connection is told by +MQTTOPEN: <id>,0, or by +CME ERROR: 700 to 704 in place of OK.",
        expected: "result or cme",
        set: |settings, text| {
            settings.refusal = match text {
                "result" => RefusalStyle::Result,
                "cme" => RefusalStyle::Cme,
                _ => return None,
            };
            Some(())
        },
        value: |settings| match settings.refusal {
            RefusalStyle::Result => "result".into(),
            RefusalStyle::Cme => "cme".into(),
        },
    },
    Setting {
        key: "window",
        meaning: "Publishes of one client that may wait for their acknowledgement, and as many subscribes; one more is refused.",
        expected: "a number from 1 to 1000",
        set: |settings, text| {
            let window = text.parse().ok().filter(|window| (1..=1000).contains(window))?;
            settings.window = window;
            Some(())
        },
        value: |settings| settings.window.to_string(),
    },
    Setting {
        key: "max_packet",
        meaning: "Largest packet in bytes that a broker may send; a larger one ends the connection. From a gateway it is refused.",
        expected: "a number from 128 to 61440",
        set: |settings, text| {
            let max = text.parse().ok().filter(|max| (128..=60 * 1024).contains(max))?;
            settings.max_packet = max;
            Some(())
        },
        value: |settings| settings.max_packet.to_string(),
    },
    Setting {
        key: "boot_ms",
        meaning: "How long the module takes to come up again after a reset.",
        expected: "a number of milliseconds up to 3600000",
        set: |settings, text| time(text).map(|boot| settings.boot = boot),
        value: |settings| millis(settings.boot),
    },
    Setting {
        key: "ready_on_attach",
        meaning: "Whether +SIM READY is told to each host that opens the port, and not only after a start.",
        expected: "on or off",
        set: |settings, text| switch(text).map(|on| settings.ready_on_attach = on),
        value: |settings| on_or_off(settings.ready_on_attach),
    },
    Setting {
        key: "ri_pulse_ms",
        meaning: "How long the ring indicator is on with each unsolicited result, where the port has it; 0 is never.",
        expected: "a number of milliseconds up to 3600000",
        set: |settings, text| time(text).map(|pulse| settings.ri_pulse = pulse),
        value: |settings| millis(settings.ri_pulse),
    },
    Setting {
        key: "bearer",
        meaning: "Whether the module starts with its data call up, or cold: still searching, and the host dials.",
        expected: "up or cold",
        set: |settings, text| {
            settings.bearer = match text {
                "up" => Start::Up,
                "cold" => Start::Cold,
                _ => return None,
            };
            Some(())
        },
        value: |settings| match settings.bearer {
            Start::Up => "up".into(),
            Start::Cold => "cold".into(),
        },
    },
    Setting {
        key: "search_ms",
        meaning: "How long a search for the network takes.",
        expected: "a number of milliseconds up to 3600000",
        set: |settings, text| time(text).map(|search| settings.search = search),
        value: |settings| millis(settings.search),
    },
    Setting {
        key: "sn_retry_ms",
        meaning: "How long an MQTT-SN gateway may take for an answer before it is asked again.",
        expected: "a number of milliseconds from 1 to 3600000",
        set: |settings, text| {
            let retry = time(text).filter(|retry| !retry.is_zero())?;
            settings.sn_retry = retry;
            Some(())
        },
        value: |settings| millis(settings.sn_retry),
    },
    Setting {
        key: "sn_retries",
        meaning: "How often an MQTT-SN gateway that does not answer is asked again.",
        expected: "a number from 0 to 10",
        set: |settings, text| {
            settings.sn_retries = text.parse().ok().filter(|retries| *retries <= 10)?;
            Some(())
        },
        value: |settings| settings.sn_retries.to_string(),
    },
    Setting {
        key: "sn_names",
        meaning: "Whether messages of MQTT-SN show the name of their topic where it is known, and not its id.",
        expected: "on or off",
        set: |settings, text| switch(text).map(|on| settings.sn_names = on),
        value: |settings| on_or_off(settings.sn_names),
    },
    Setting {
        key: "tls_verify",
        meaning: "Whether the server's certificate is checked (AT+GTSSLMODE at power-up).",
        expected: "on or off",
        set: |settings, text| {
            let verify = if switch(text)? { Verify::Server } else { Verify::Nothing };
            Arc::make_mut(&mut settings.tls).verify = verify;
            Some(())
        },
        value: |settings| on_or_off(settings.tls.verify == Verify::Server),
    },
    Setting {
        key: "tls_versions",
        meaning: "The TLS versions on offer (AT+GTSSLVER at power-up).",
        expected: "any, 1.2 or 1.3",
        set: |settings, text| {
            let versions = match text {
                "any" => TlsVersions::Any,
                "1.2" => TlsVersions::V12,
                "1.3" => TlsVersions::V13,
                _ => return None,
            };
            Arc::make_mut(&mut settings.tls).versions = versions;
            Some(())
        },
        value: |settings| match settings.tls.versions {
            TlsVersions::Any => "any".into(),
            TlsVersions::V12 => "1.2".into(),
            TlsVersions::V13 => "1.3".into(),
        },
    },
    Setting {
        key: "tls_alpn",
        meaning: "Protocol names that TLS offers by ALPN, best first, like x-amzn-mqtt-ca.",
        expected: "names of 1 to 255 characters with commas between them, or none",
        set: |settings, text| {
            let names = text.split(',').filter(|_| text != NONE);
            let alpn = names.map(|name| (1..=255).contains(&name.len()).then(|| name.into()));
            Arc::make_mut(&mut settings.tls).alpn = alpn.collect::<Option<Vec<_>>>()?.into();
            Some(())
        },
        value: |settings| match &*settings.tls.alpn {
            [] => NONE.into(),
            names => names.join(","),
        },
    },
    Setting {
        key: "tls_name",
        meaning: "The name that TLS asks for and that the server's certificate must have, if it is not the host's.",
        expected: "a name of 1 to 253 characters, or none",
        set: |settings, text| {
            let name: Option<Box<str>> = (text != NONE).then(|| text.into());
            let fits = (1..=253).contains(&text.len());
            fits.then(|| Arc::make_mut(&mut settings.tls).name = name)
        },
        value: |settings| settings.tls.name.as_deref().unwrap_or(NONE).into(),
    },
    Setting {
        key: "seed",
        meaning: "What random choices are made of; the same seed, IMEI and times give the same ones.",
        expected: "a number up to 18446744073709551615, or random",
        set: |settings, text| {
            settings.seed = if text == "random" { None } else { Some(text.parse().ok()?) };
            Some(())
        },
        value: |settings| settings.seed.map_or("random".into(), |seed| seed.to_string()),
    },
    Setting {
        key: "cloud.time",
        meaning: "What time it is for clouds, or that it is what AT+CCLK? says.",
        expected: "a number of seconds since 1970 up to 4294967295, or clock",
        set: |settings, text| one_or("clock", text).map(|time| settings.cloud.time = time),
        value: |settings| settings.cloud.time.map_or("clock".into(), |time| time.to_string()),
    },
    Setting {
        key: "cloud.alibaba_hash",
        meaning: "What AT+MQTTAUTHCFG=1 signs with.",
        expected: "md5, sha1 or sha256",
        set: |settings, text| Hash::by_name(text, Hash::ALL).map(|hash| settings.cloud.alibaba_hash = hash),
        value: |settings| settings.cloud.alibaba_hash.to_string(),
    },
    Setting {
        key: "cloud.alibaba_joint",
        meaning: "What stands between <productkey> and <devicename> in the client id of AT+MQTTAUTHCFG=1.",
        expected: ". or &",
        set: |settings, text| {
            settings.cloud.alibaba_joint = text.parse().ok().filter(|joint| ['.', '&'].contains(joint))?;
            Some(())
        },
        value: |settings| settings.cloud.alibaba_joint.to_string(),
    },
    Setting {
        key: "cloud.alibaba_timestamp",
        meaning: "The number that AT+MQTTAUTHCFG=1 signs with the rest; it need not be a time.",
        expected: "a number up to 18446744073709551615, or none",
        set: |settings, text| one_or(NONE, text).map(|time| settings.cloud.alibaba_timestamp = time),
        value: |settings| settings.cloud.alibaba_timestamp.map_or(NONE.into(), |time| time.to_string()),
    },
    Setting {
        key: "cloud.alibaba_capitals",
        meaning: "Whether the password of AT+MQTTAUTHCFG=1 is in capitals.",
        expected: "on or off",
        set: |settings, text| switch(text).map(|on| settings.cloud.alibaba_capitals = on),
        value: |settings| on_or_off(settings.cloud.alibaba_capitals),
    },
    Setting {
        key: "cloud.tencent_hash",
        meaning: "What AT+MQTTAUTHCFG=2 signs with.",
        expected: "sha1 or sha256",
        set: |settings, text| Hash::by_name(text, Tencent::HASHES).map(|hash| settings.cloud.tencent_hash = hash),
        value: |settings| settings.cloud.tencent_hash.to_string(),
    },
    Setting {
        key: "cloud.tencent_app_id",
        meaning: "The sdkappid of AT+MQTTAUTHCFG=2.",
        expected: "a number up to 4294967295",
        set: |settings, text| text.parse().ok().map(|id| settings.cloud.tencent_app_id = id),
        value: |settings| settings.cloud.tencent_app_id.to_string(),
    },
    Setting {
        key: "cloud.tencent_connection",
        meaning: "The connid of AT+MQTTAUTHCFG=2, or that it is another one each time.",
        expected: "1 to 32 letters and digits, or random",
        set: |settings, text| {
            let plain = (1..=32).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
            plain.then(|| settings.cloud.tencent_connection = (text != "random").then(|| text.into()))
        },
        value: |settings| settings.cloud.tencent_connection.as_deref().unwrap_or("random").into(),
    },
    Setting {
        key: "cloud.tencent_expiry",
        meaning: "Until when a signature of AT+MQTTAUTHCFG=2 holds, or that its lifetime decides.",
        expected: "a number of seconds since 1970 up to 18446744073709551615, or lifetime",
        set: |settings, text| one_or("lifetime", text).map(|at| settings.cloud.tencent_expiry.at = at),
        value: |settings| settings.cloud.tencent_expiry.at.map_or("lifetime".into(), |at| at.to_string()),
    },
    Setting {
        key: "cloud.tencent_lifetime_s",
        meaning: "How long a signature of AT+MQTTAUTHCFG=2 holds; 0 is for ever, and needs no wall clock.",
        expected: SECONDS,
        set: |settings, text| lifetime(text).map(|lifetime| settings.cloud.tencent_expiry.lifetime = lifetime),
        value: |settings| settings.cloud.tencent_expiry.lifetime.as_secs().to_string(),
    },
    Setting {
        key: "cloud.huawei_checks_time",
        meaning: "Whether Huawei's cloud shall check the hour in what AT+MQTTAUTHCFG=3 prints.",
        expected: "on or off",
        set: |settings, text| switch(text).map(|on| settings.cloud.huawei_checks_time = on),
        value: |settings| on_or_off(settings.cloud.huawei_checks_time),
    },
    Setting {
        key: "cloud.onenet_hash",
        meaning: "What AT+MQTTAUTHCFG=5 signs with; md5 makes the shortest password.",
        expected: "md5, sha1 or sha256",
        set: |settings, text| Hash::by_name(text, Hash::ALL).map(|hash| settings.cloud.onenet_hash = hash),
        value: |settings| settings.cloud.onenet_hash.to_string(),
    },
    Setting {
        key: "cloud.onenet_resource",
        meaning: "Whether the access key of AT+MQTTAUTHCFG=5 is that of the device or of its product.",
        expected: "device or product",
        set: |settings, text| Resource::by_name(text).map(|resource| settings.cloud.onenet_resource = resource),
        value: |settings| settings.cloud.onenet_resource.name().into(),
    },
    Setting {
        key: "cloud.onenet_expiry",
        meaning: "Until when a password of AT+MQTTAUTHCFG=5 holds, or that its lifetime decides.",
        expected: "a number of seconds since 1970 up to 18446744073709551615, or lifetime",
        set: |settings, text| one_or("lifetime", text).map(|at| settings.cloud.onenet_expiry.at = at),
        value: |settings| settings.cloud.onenet_expiry.at.map_or("lifetime".into(), |at| at.to_string()),
    },
    Setting {
        key: "cloud.onenet_lifetime_s",
        meaning: "How long a password of AT+MQTTAUTHCFG=5 holds; 0 is for ever, and needs no wall clock.",
        expected: SECONDS,
        set: |settings, text| lifetime(text).map(|lifetime| settings.cloud.onenet_expiry.lifetime = lifetime),
        value: |settings| settings.cloud.onenet_expiry.lifetime.as_secs().to_string(),
    },
    Setting {
        key: "cloud.baidu_hash",
        meaning: "What AT+MQTTAUTHCFG=6 hashes with.",
        expected: "md5 or sha256",
        set: |settings, text| Hash::by_name(text, Baidu::HASHES).map(|hash| settings.cloud.baidu_hash = hash),
        value: |settings| settings.cloud.baidu_hash.to_string(),
    },
    Setting {
        key: "cloud.baidu_time",
        meaning: "The time that AT+MQTTAUTHCFG=6 shows: 0 says that it is not known.",
        expected: "a number of seconds since 1970, clock or none",
        set: |settings, text| BaiduTime::by_name(text).map(|time| settings.cloud.baidu_time = time),
        value: |settings| settings.cloud.baidu_time.to_string(),
    },
    Setting {
        key: "cloud.baidu_client_id",
        meaning: "What AT+MQTTAUTHCFG=6 takes for a client id, which is free.",
        expected: "devicekey or iotcoreid",
        set: |settings, text| {
            settings.cloud.baidu_core_id = match text {
                "devicekey" => false,
                "iotcoreid" => true,
                _ => return None,
            };
            Some(())
        },
        value: |settings| if settings.cloud.baidu_core_id { "iotcoreid".into() } else { "devicekey".into() },
    },
    Setting {
        key: "cloud.unicom_device_id",
        meaning: "The device id at China Unicom DMP: the IMEI, <devicekey>, or this one.",
        expected: "imei, devicekey, or 1 to 48 letters, digits and hyphens",
        set: |settings, text| UnicomId::by_name(text).map(|id| settings.cloud.unicom_device_id = id),
        value: |settings| settings.cloud.unicom_device_id.name().into(),
    },
    Setting {
        key: "cloud.unicom_operator",
        meaning: "The operator of the SIM card for AT+MQTTAUTHCFG=9: 0 unknown, 1 Unicom, 2 Mobile, 3 Telecom, 4 Broadcast.",
        expected: "a number from 0 to 4",
        set: |settings, text| {
            let operator = text.parse().ok().filter(|operator| *operator <= Unicom::OPERATOR_MAX)?;
            settings.cloud.unicom_operator = operator;
            Some(())
        },
        value: |settings| settings.cloud.unicom_operator.to_string(),
    },
];

const SECONDS: &str = "a number of seconds up to 4294967295";

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

/// How a setting that names something says that it names nothing.
const NONE: &str = "none";

fn switch(text: &str) -> Option<bool> {
    match text {
        "on" => Some(true),
        "off" => Some(false),
        _ => None,
    }
}

fn on_or_off(on: bool) -> String {
    if on { "on".into() } else { "off".into() }
}

/// The longest time that a setting may be: an hour.
const LONGEST_MS: u32 = 3_600_000;

fn time(text: &str) -> Option<Duration> {
    let millis: u32 = text.parse().ok().filter(|millis| *millis <= LONGEST_MS)?;
    Some(Duration::from_millis(millis.into()))
}

fn lifetime(text: &str) -> Option<Duration> {
    let seconds: u32 = text.parse().ok()?;
    Some(Duration::from_secs(seconds.into()))
}

/// A number, or `None` for the word that stands for none.
fn one_or<T: FromStr>(word: &str, text: &str) -> Option<Option<T>> {
    if text == word { Some(None) } else { text.parse().ok().map(Some) }
}

fn millis(time: Duration) -> String {
    time.as_millis().to_string()
}
