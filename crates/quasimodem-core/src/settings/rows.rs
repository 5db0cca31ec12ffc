//! The settings by their names: one row each, by its kind, which has the words and the limits.

use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::str::FromStr;
use core::time::Duration;

use super::{Oversize, RefusalStyle, Setting, UrcPayload};
use crate::at::Escapes;
use crate::cloud::{Baidu, BaiduTime, Hash, Resource, Tencent, Unicom, UnicomId};
use crate::model::Model;
use crate::radio::Start;
use crate::sn::Predefined;
use crate::tls::{TlsVersions, Verify};

/// All settings, in the order in which they are documented.
pub const SETTINGS: &[Setting] = &[
    Setting {
        key: "model",
        meaning: "The module to be.",
        expected: "a model of `quasimodem models`",
        set: |settings, text| Model::by_name(text).map(|model| settings.model = model),
        value: |settings| settings.model.name.into(),
    },
    switch!("echo", "Whether the host's bytes are echoed at power-up (ATE).", echo),
    time!("gap_ms", "Quiet time between a final result code and the next unsolicited one.", gap),
    time!("urc_gap_ms", "Quiet time between an unsolicited result code and the next one.", urc_gap),
    time!(
        "msgi_hold_ms",
        "How long the next +MQTTMSGI waits until the last message is read, at most; 0 is not at all.",
        msgi_hold
    ),
    choice!(
        "escapes",
        "Which escapes are read in the host's texts: \\HH (two hex digits), those of a backslash (\\\" \\\\ \\r \\n), all, none.",
        escapes,
        "all" => Escapes::All,
        "hex" => Escapes::Hex,
        "backslash" => Escapes::Backslash,
        "none" => Escapes::None,
    ),
    choice!(
        "urc_payload",
        "Whether control characters in +MQTTMSG are printed as \\HH, or as they are.",
        urc_payload,
        "escaped" => UrcPayload::Escaped,
        "raw" => UrcPayload::Raw,
    ),
    choice!(
        "refusal",
        "Whether a refused connection is reported by +MQTTOPEN: <id>,0, or by +CME ERROR: 700 to 704 in place of OK.",
        refusal,
        "result" => RefusalStyle::Result,
        "cme" => RefusalStyle::Cme,
    ),
    number!(
        "window",
        "Publishes of one client that may wait for their acknowledgement, and as many subscribes; one more is refused.",
        window,
        1 to 1000
    ),
    number!(
        "max_packet",
        "Largest packet in bytes that a broker may send. A larger one from a gateway is refused.",
        max_packet,
        128 to 61440
    ),
    choice!(
        "oversize",
        "Whether a message from a broker that is larger than max_packet ends the connection, or is acknowledged and skipped.",
        oversize,
        "break" => Oversize::Break,
        "skip" => Oversize::Skip,
    ),
    time!("boot_ms", "How long the module takes to come up again after a reset.", boot),
    switch!(
        "ready_on_attach",
        "Whether each host that opens the port gets +SIM READY, and not only the first after a start.",
        ready_on_attach
    ),
    Setting {
        key: "ready_delay_ms",
        meaning: "How long +SIM READY and all that waits for a host wait after it opened the port, if it types nothing; \
                  hosts empty their buffer then. auto is 500, and 0 on stdio.",
        expected: "a number of milliseconds up to 3600000, or auto",
        set: |settings, text| {
            settings.ready_delay = match text {
                "auto" => None,
                _ => Some(Duration::from_millis(read_number(text, 0, 3_600_000)?)),
            };
            Some(())
        },
        value: |settings| settings.ready_delay.map_or("auto".into(), |delay| delay.as_millis().to_string()),
    },
    Setting {
        key: "banner",
        meaning: "A line at power-up and after each reset, before +SIM READY, such as AT command ready.",
        expected: "1 to 64 printable characters without the words OK and ERROR, or none",
        set: |settings, text| {
            let fits = (1..=64).contains(&text.len()) && is_harmless(text);
            fits.then(|| settings.banner = (text != NONE).then(|| text.into()))
        },
        value: |settings| settings.banner.as_deref().unwrap_or(NONE).into(),
    },
    time!(
        "ri_pulse_ms",
        "How long the ring indicator is on with each unsolicited result, where the port has it; 0 is never.",
        ri_pulse
    ),
    choice!(
        "bearer",
        "Whether the module starts with its data call up, or cold: still searching, and the host dials.",
        bearer,
        "up" => Start::Up,
        "cold" => Start::Cold,
    ),
    time!("search_ms", "How long a search for the network takes.", search),
    time!(
        "sn_retry_ms",
        "How long an MQTT-SN gateway has for an answer, at least, before it is asked again.",
        sn_retry,
        1 to
    ),
    number!(
        "sn_retries",
        "How often an MQTT-SN gateway that does not answer is asked again, within the time that the result may take.",
        sn_retries,
        0 to 20
    ),
    Setting {
        key: "sn_predefined",
        meaning: "Predefined topic ids of MQTT-SN: numbers that always mean these, and names that messages may show.",
        expected: "ids from 1 to 65534, each alone or as ID=TOPIC, with commas between them, or none",
        set: |settings, text| {
            settings.sn_predefined = if text == NONE { Predefined::default() } else { text.parse().ok()? };
            Some(())
        },
        value: |settings| match &settings.sn_predefined {
            none if none.is_empty() => NONE.into(),
            some => some.to_string(),
        },
    },
    switch!(
        "sn_names",
        "Whether MQTT-SN messages show the name of their topic where it is known, and not its id.",
        sn_names
    ),
    Setting {
        key: "tls_verify",
        meaning: "Whether the server's certificate is checked (AT+GTSSLMODE at power-up).",
        expected: "on or off",
        set: |settings, text| {
            let verify = if read_switch(text)? { Verify::Server } else { Verify::Nothing };
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
    or_word!(
        "seed",
        "What random choices and the first packet identifier are made of; the same seed, IMEI and times give the same ones.",
        "a number up to 18446744073709551615, or random",
        seed,
        "random"
    ),
    or_word!(
        "cloud.time",
        "What time it is for clouds, or that it is what AT+CCLK? says.",
        "a number of seconds since 1970 up to 4294967295, or clock",
        cloud.time,
        "clock"
    ),
    other!(
        "cloud.alibaba_hash",
        "What AT+MQTTAUTHCFG=1 signs with.",
        "md5, sha1 or sha256",
        cloud.alibaba_hash,
        |text| Hash::by_name(text, Hash::ALL)
    ),
    other!(
        "cloud.alibaba_joint",
        "What is between <productkey> and <devicename> in the client id of AT+MQTTAUTHCFG=1.",
        ". or &",
        cloud.alibaba_joint,
        |text| text.parse().ok().filter(|joint| ['.', '&'].contains(joint))
    ),
    or_word!(
        "cloud.alibaba_timestamp",
        "The number that AT+MQTTAUTHCFG=1 signs with the rest; it need not be a time.",
        "a number up to 18446744073709551615, or none",
        cloud.alibaba_timestamp,
        NONE
    ),
    switch!(
        "cloud.alibaba_capitals",
        "Whether the password of AT+MQTTAUTHCFG=1 is in capitals.",
        cloud.alibaba_capitals
    ),
    other!("cloud.tencent_hash", "What AT+MQTTAUTHCFG=2 signs with.", "sha1 or sha256", cloud.tencent_hash, |text| {
        Hash::by_name(text, Tencent::HASHES)
    }),
    number!("cloud.tencent_app_id", "The sdkappid of AT+MQTTAUTHCFG=2.", cloud.tencent_app_id, 0 to 4294967295),
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
    or_word!(
        "cloud.tencent_expiry",
        "Until when a signature of AT+MQTTAUTHCFG=2 holds, or that its lifetime decides.",
        "a number of seconds since 1970 up to 18446744073709551615, or lifetime",
        cloud.tencent_expiry.at,
        "lifetime"
    ),
    lifetime!(
        "cloud.tencent_lifetime_s",
        "How long a signature of AT+MQTTAUTHCFG=2 holds; 0 is for ever, and needs no wall clock.",
        cloud.tencent_expiry.lifetime
    ),
    switch!(
        "cloud.huawei_checks_time",
        "Whether Huawei's cloud shall check the hour in what AT+MQTTAUTHCFG=3 prints.",
        cloud.huawei_checks_time
    ),
    other!(
        "cloud.onenet_hash",
        "What AT+MQTTAUTHCFG=5 signs with; md5 makes the shortest password.",
        "md5, sha1 or sha256",
        cloud.onenet_hash,
        |text| Hash::by_name(text, Hash::ALL)
    ),
    choice!(
        "cloud.onenet_resource",
        "Whether the access key of AT+MQTTAUTHCFG=5 is that of the device or of its product.",
        cloud.onenet_resource,
        "device" => Resource::Device,
        "product" => Resource::Product,
    ),
    or_word!(
        "cloud.onenet_expiry",
        "Until when a password of AT+MQTTAUTHCFG=5 holds, or that its lifetime decides.",
        "a number of seconds since 1970 up to 18446744073709551615, or lifetime",
        cloud.onenet_expiry.at,
        "lifetime"
    ),
    lifetime!(
        "cloud.onenet_lifetime_s",
        "How long a password of AT+MQTTAUTHCFG=5 holds; 0 is for ever, and needs no wall clock.",
        cloud.onenet_expiry.lifetime
    ),
    other!("cloud.baidu_hash", "What AT+MQTTAUTHCFG=6 hashes with.", "md5 or sha256", cloud.baidu_hash, |text| {
        Hash::by_name(text, Baidu::HASHES)
    }),
    other!(
        "cloud.baidu_time",
        "The time that AT+MQTTAUTHCFG=6 shows: 0 says that it is not known.",
        "a number of seconds since 1970, clock or none",
        cloud.baidu_time,
        BaiduTime::by_name
    ),
    choice!(
        "cloud.baidu_client_id",
        "What AT+MQTTAUTHCFG=6 takes for a client id, which is free.",
        cloud.baidu_core_id,
        "devicekey" => false,
        "iotcoreid" => true,
    ),
    Setting {
        key: "cloud.unicom_device_id",
        meaning: "The device id at China Unicom DMP: the IMEI, <devicekey>, or this one.",
        expected: "imei, devicekey, or 1 to 48 letters, digits and hyphens",
        set: |settings, text| UnicomId::by_name(text).map(|id| settings.cloud.unicom_device_id = id),
        value: |settings| settings.cloud.unicom_device_id.name().into(),
    },
    number!(
        "cloud.unicom_operator",
        "The operator of the SIM card for AT+MQTTAUTHCFG=9: 0 unknown, 1 Unicom, 2 Mobile, 3 Telecom, 4 Broadcast.",
        cloud.unicom_operator,
        0 to 4
    ),
];

/// How a setting that names something says that it names nothing.
const NONE: &str = "none";

/// The operators that the row above lists.
const _: () = assert!(Unicom::OPERATOR_MAX == 4);

/// A row with a reader of its own, whose value prints as it is read.
macro_rules! other {
    ($key:literal, $meaning:literal, $expected:expr, $($field:ident).+, $read:expr) => {
        Setting {
            key: $key,
            meaning: $meaning,
            expected: $expected,
            set: |settings, text| {
                let read: fn(&str) -> Option<_> = $read;
                read(text).map(|value| settings.$($field).+ = value)
            },
            value: |settings| settings.$($field).+.to_string(),
        }
    };
}

/// A whole number within a range.
macro_rules! number {
    ($key:literal, $meaning:literal, $($field:ident).+, $min:literal to $max:literal) => {
        other!(
            $key,
            $meaning,
            concat!("a number from ", $min, " to ", $max),
            $($field).+,
            |text| read_number(text, $min, $max)
        )
    };
}

/// A time in milliseconds, an hour at most.
macro_rules! time {
    ($key:literal, $meaning:literal, $($field:ident).+) => {
        time!(@row $key, $meaning, $($field).+, "a number of milliseconds up to 3600000", 0)
    };
    ($key:literal, $meaning:literal, $($field:ident).+, $min:literal to) => {
        time!(
            @row $key,
            $meaning,
            $($field).+,
            concat!("a number of milliseconds from ", $min, " to 3600000"),
            $min
        )
    };
    (@row $key:literal, $meaning:literal, $($field:ident).+, $expected:expr, $min:literal) => {
        Setting {
            key: $key,
            meaning: $meaning,
            expected: $expected,
            set: |settings, text| {
                read_number(text, $min, 3_600_000)
                    .map(|millis| settings.$($field).+ = Duration::from_millis(millis))
            },
            value: |settings| settings.$($field).+.as_millis().to_string(),
        }
    };
}

/// How long a signature holds, in seconds.
macro_rules! lifetime {
    ($key:literal, $meaning:literal, $($field:ident).+) => {
        Setting {
            key: $key,
            meaning: $meaning,
            expected: "a number of seconds up to 4294967295",
            set: |settings, text| {
                text.parse().ok().map(|seconds: u32| settings.$($field).+ = Duration::from_secs(seconds.into()))
            },
            value: |settings| settings.$($field).+.as_secs().to_string(),
        }
    };
}

/// On or off.
macro_rules! switch {
    ($key:literal, $meaning:literal, $($field:ident).+) => {
        Setting {
            key: $key,
            meaning: $meaning,
            expected: "on or off",
            set: |settings, text| read_switch(text).map(|on| settings.$($field).+ = on),
            value: |settings| on_or_off(settings.$($field).+),
        }
    };
}

/// A number, or a word for none.
macro_rules! or_word {
    ($key:literal, $meaning:literal, $expected:literal, $($field:ident).+, $word:expr) => {
        Setting {
            key: $key,
            meaning: $meaning,
            expected: $expected,
            set: |settings, text| one_or($word, text).map(|value| settings.$($field).+ = value),
            value: |settings| settings.$($field).+.map_or($word.into(), |value| value.to_string()),
        }
    };
}

/// One of a few words.
macro_rules! choice {
    ($key:literal, $meaning:literal, $($field:ident).+, $($word:literal => $value:expr),+ $(,)?) => {
        Setting {
            key: $key,
            meaning: $meaning,
            expected: choice!(@words $($word)+),
            set: |settings, text| {
                settings.$($field).+ = match text {
                    $($word => $value,)+
                    _ => return None,
                };
                Some(())
            },
            value: |settings| {
                let words = [$(($word, $value)),+];
                let word = words.iter().find(|(_, value)| *value == settings.$($field).+);
                word.map_or_else(String::new, |(word, _)| (*word).into())
            },
        }
    };
    (@words $last:literal) => { $last };
    (@words $one:literal $last:literal) => { concat!($one, " or ", $last) };
    (@words $first:literal $($rest:literal)+) => { concat!($first, ", ", choice!(@words $($rest)+)) };
}

use {choice, lifetime, number, or_word, other, switch, time};

/// Whether no host can take this, or a part of it, for a result code: hosts look for OK and ERROR anywhere.
pub(crate) fn is_harmless(text: &str) -> bool {
    let printable = text.chars().all(|char| !char.is_control() && !matches!(char, '\u{2028}' | '\u{2029}'));
    let mut words = text.split(|char: char| !char.is_ascii_alphanumeric());
    printable && !words.any(|word| ["OK", "ERROR"].iter().any(|code| word.eq_ignore_ascii_case(code)))
}

fn read_switch(text: &str) -> Option<bool> {
    match text {
        "on" => Some(true),
        "off" => Some(false),
        _ => None,
    }
}

fn on_or_off(on: bool) -> String {
    if on { "on".into() } else { "off".into() }
}

/// A whole number within a range.
fn read_number<T: FromStr + PartialOrd>(text: &str, min: T, max: T) -> Option<T> {
    text.parse().ok().filter(|number| (min..=max).contains(number))
}

/// A number, or `None` for the word that stands for none.
fn one_or<T: FromStr>(word: &str, text: &str) -> Option<Option<T>> {
    if text == word { Some(None) } else { text.parse().ok().map(Some) }
}
