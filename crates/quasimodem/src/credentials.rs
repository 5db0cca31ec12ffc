//! `quasimodem credentials`: what AT+MQTTAUTHCFG prints, without a modem.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::SystemTime;

use clap::{Args, Subcommand, ValueEnum, ValueHint};
use quasimodem_core::cloud::{
    Aep, Alibaba, AlibabaRegistration, Baidu, Credentials, Flaw, Hash, Huawei, OneNet, Resource, Tencent, TuyaBind,
    TuyaDevice, Unicom, UnicomAuth,
};
use quasimodem_core::{Escapes, Secret};
use serde_json::json;

use crate::random;

/// Of which cloud, and how to print it.
#[derive(Args)]
#[command(subcommand_value_name = "CLOUD", subcommand_help_heading = "Clouds")]
pub(crate) struct Options {
    #[command(subcommand)]
    cloud: Cloud,

    /// Print a JSON object with username, password and client_id.
    #[arg(long, global = true, conflicts_with = "at")]
    json: bool,

    /// Print the line to type at a modem: AT+MQTTUSER for client 1.
    #[arg(long, global = true)]
    at: bool,
}

/// The clouds.
#[derive(Subcommand)]
enum Cloud {
    /// Alibaba Cloud IoT Platform (AT+MQTTAUTHCFG=1).
    ///
    /// The secret is DeviceSecret.
    Alibaba {
        /// ProductKey.
        product_key: String,
        /// DeviceName.
        device_name: String,
        #[command(flatten)]
        secret: Key,
        /// The connection is one over TLS.
        #[arg(long)]
        tls: bool,
        /// The hash of the signature.
        #[arg(long, default_value_t = Alibaba::HASH, value_parser = |text: &str| hash(text, Hash::ALL))]
        hash: Hash,
        /// What the client id begins with; PRODUCT_KEY.DEVICE_NAME unless told otherwise.
        #[arg(long)]
        id: Option<String>,
        /// A number that is signed with the rest, or none.
        #[arg(long, value_name = "NUMBER|none", default_value_t = Perhaps(Some(Alibaba::TIMESTAMP)))]
        timestamp: Perhaps,
        /// Print the password in small letters, as Alibaba's SDKs for Python and JavaScript do; the cloud takes both.
        #[arg(long)]
        small: bool,
    },
    /// Alibaba, to register a device (AT+MQTTAUTHDYN=1): the cloud then publishes to /ext/register, over TLS.
    ///
    /// The secret is ProductSecret.
    AlibabaRegister {
        /// ProductKey.
        product_key: String,
        /// DeviceName.
        device_name: String,
        #[command(flatten)]
        secret: Key,
        /// A number that was not shown before; random unless told otherwise.
        #[arg(long, value_name = "NUMBER")]
        random: Option<u32>,
        /// The instance of the cloud: X of X.mqtt.iothub.aliyuncs.com.
        #[arg(long)]
        instance: Option<String>,
        /// The cloud does not know the device by name: it then publishes a token to /ext/regnwl.
        #[arg(long)]
        unlisted: bool,
    },
    /// Tencent Cloud IoT Hub and IoT Explorer (AT+MQTTAUTHCFG=2).
    ///
    /// The secret is the device's key, base64.
    Tencent {
        /// ProductId.
        product_id: String,
        /// DeviceName.
        device_name: String,
        #[command(flatten)]
        secret: Key,
        /// The hash of the signature.
        #[arg(long, default_value_t = Tencent::HASH, value_parser = |text: &str| hash(text, Tencent::HASHES))]
        hash: Hash,
        /// sdkappid.
        #[arg(long, value_name = "NUMBER", default_value_t = Tencent::APP_ID)]
        app_id: u32,
        /// The id of the connection; random unless told otherwise.
        #[arg(long, value_name = "ID")]
        connection: Option<String>,
        /// Until when the signature holds, in seconds since 1970; the default is for ever.
        #[arg(long, value_name = "SECONDS", default_value_t = Tencent::NEVER)]
        expiry: u64,
    },
    /// Huawei Cloud IoTDA (AT+MQTTAUTHCFG=3).
    ///
    /// The secret is the device's secret.
    Huawei {
        /// The device id.
        device_id: String,
        #[command(flatten)]
        secret: Key,
        /// Let the cloud check the time.
        #[arg(long)]
        check_time: bool,
        /// The time in seconds since 1970; now unless told otherwise.
        #[arg(long, value_name = "SECONDS", allow_negative_numbers = true)]
        time: Option<i64>,
    },
    /// Tuya, a device that is not activated.
    ///
    /// The secret is its authkey.
    TuyaBind {
        /// The device's UUID.
        uuid: String,
        #[command(flatten)]
        secret: Key,
    },
    /// Tuya, a device that is activated (AT+MQTTAUTHCFG=4).
    ///
    /// The secret is secKey of the activation.
    Tuya {
        /// devId of the activation.
        device_id: String,
        #[command(flatten)]
        secret: Key,
    },
    /// China Mobile OneNET (AT+MQTTAUTHCFG=5).
    ///
    /// The secret is the access key, base64.
    Onenet {
        /// The product's id.
        product_id: String,
        /// The device's name.
        device_name: String,
        #[command(flatten)]
        secret: Key,
        /// The hash of the signature.
        #[arg(long, default_value_t = OneNet::HASH, value_parser = |text: &str| hash(text, Hash::ALL))]
        hash: Hash,
        /// What the access key belongs to: device or product.
        #[arg(long, default_value = Resource::Device.name(), value_parser = resource)]
        resource: Resource,
        /// Until when the password holds, in seconds since 1970; a year from now unless told otherwise.
        #[arg(long, value_name = "SECONDS")]
        expiry: Option<u64>,
    },
    /// Baidu IoT Core (AT+MQTTAUTHCFG=6).
    ///
    /// The secret is DeviceSecret.
    Baidu {
        /// IoTCoreId.
        iotcore_id: String,
        /// DeviceKey.
        device_key: String,
        #[command(flatten)]
        secret: Key,
        /// The hash of the password.
        #[arg(long, default_value_t = Baidu::HASH, value_parser = |text: &str| hash(text, Baidu::HASHES))]
        hash: Hash,
        /// The time in seconds since 1970, 0 if it is not known, or none.
        #[arg(long, value_name = "SECONDS|none", default_value_t = Perhaps(Some(0)))]
        time: Perhaps,
        /// The client id, which is free; the device key unless told otherwise.
        #[arg(long, value_name = "ID")]
        client_id: Option<String>,
    },
    /// Amazon AWS IoT (AT+MQTTAUTHCFG=7), which has none of these.
    Amazon,
    /// China Telecom AEP, also called CTWing (AT+MQTTAUTHCFG=8).
    ///
    /// The secret is the token.
    Aep {
        /// The product's id.
        product_id: String,
        /// The device's number.
        device_number: String,
        /// The name of the account; it may be empty.
        username: String,
        #[command(flatten)]
        secret: Key,
    },
    /// China Unicom DMP (AT+MQTTAUTHCFG=9).
    ///
    /// The secret is the secret that --auth says.
    Unicom {
        /// The product's key.
        product_key: String,
        /// The device's key.
        device_key: String,
        #[command(flatten)]
        secret: Key,
        /// The device's id; a modem takes its IMEI.
        #[arg(long, value_name = "ID")]
        device_id: String,
        /// Whose secret it is.
        #[arg(long, value_enum, default_value_t = Auth::Device)]
        auth: Auth,
        /// The operator of the SIM card: 0 unknown, 1 Unicom, 2 Mobile, 3 Telecom, 4 Broadcast.
        #[arg(long, value_name = "NUMBER", default_value_t = 0, value_parser = clap::value_parser!(u8).range(..=i64::from(Unicom::OPERATOR_MAX)))]
        operator: u8,
    },
}

/// A number, or none.
#[derive(Clone, Copy)]
struct Perhaps(Option<u64>);

/// Where the secret is.
#[derive(Args)]
#[group(required = true, multiple = false)]
struct Key {
    /// The secret itself. Other users of this machine can see command lines: better is --secret-file.
    #[arg(long, allow_hyphen_values = true)]
    secret: Option<String>,

    /// A file that holds the secret and perhaps a line end; `-` is stdin.
    #[arg(long, value_name = "PATH", value_hint = ValueHint::FilePath)]
    secret_file: Option<PathBuf>,
}

/// Whose secret a device has at China Unicom DMP.
#[derive(Clone, Copy, ValueEnum)]
enum Auth {
    /// The device's.
    Device,
    /// The product's, to register a device that the cloud knows.
    Registered,
    /// The product's, to register a device that the cloud does not know.
    Unregistered,
    /// A token that such a registration gave.
    Token,
}

impl Options {
    /// What to print. The error is a sentence, and shows no secret.
    pub(crate) fn print(&self) -> Result<String, String> {
        let Credentials { username, password: Secret(password), client_id } = self.cloud.credentials()?;
        Ok(if self.json {
            format!("{:#}\n", json!({ "username": username, "password": password, "client_id": client_id }))
        } else if self.at {
            let [username, password, client_id] =
                [&username, &password, &client_id].map(|text| Escapes::All.quoted(text));
            format!("AT+MQTTUSER=1,{username},{password},{client_id}\n")
        } else {
            format!("username: {username}\npassword: {password}\nclient id: {client_id}\n")
        })
    }
}

impl Cloud {
    fn credentials(&self) -> Result<Credentials, String> {
        let secret = self.key().map_or(Ok(String::new()), Key::read)?;
        self.with(Secret(&secret))?.map_err(|flaw| flaw.to_string())
    }

    /// Where its secret is, if it has one.
    fn key(&self) -> Option<&Key> {
        match self {
            Cloud::Amazon => None,
            Cloud::Alibaba { secret, .. }
            | Cloud::AlibabaRegister { secret, .. }
            | Cloud::Tencent { secret, .. }
            | Cloud::Huawei { secret, .. }
            | Cloud::TuyaBind { secret, .. }
            | Cloud::Tuya { secret, .. }
            | Cloud::Onenet { secret, .. }
            | Cloud::Baidu { secret, .. }
            | Cloud::Aep { secret, .. }
            | Cloud::Unicom { secret, .. } => Some(secret),
        }
    }

    fn with(&self, secret: Secret<&str>) -> Result<Result<Credentials, Flaw>, String> {
        Ok(match self {
            Cloud::Amazon => {
                return Err(
                    "AWS IoT has no user names and passwords: its devices show certificates, which a modem takes \
                            by AT+GTSSLFILE, see docs/CLOUDS.md"
                        .into(),
                );
            }
            Cloud::Alibaba { product_key, device_name, secret: _, tls, hash, id, timestamp, small } => Alibaba {
                product_key,
                device_name,
                device_secret: secret,
                tls: *tls,
                hash: *hash,
                id: id.as_deref(),
                timestamp: timestamp.0,
                capitals: !small,
            }
            .credentials(),
            Cloud::AlibabaRegister { product_key, device_name, secret: _, random, instance, unlisted } => {
                let random = match random {
                    Some(random) => *random,
                    // 31 bits, as a modem has it.
                    None => u32::try_from(random::number()? >> 33).unwrap_or_default(),
                };
                AlibabaRegistration {
                    product_key,
                    product_secret: secret,
                    device_name,
                    random,
                    instance: instance.as_deref(),
                    listed: !unlisted,
                }
                .credentials()
            }
            Cloud::Tencent { product_id, device_name, secret: _, hash, app_id, connection, expiry } => {
                let connection = match connection {
                    Some(connection) => connection.clone(),
                    None => Tencent::connection_id(random::number()?),
                };
                Tencent {
                    product_id,
                    device_name,
                    device_secret: secret,
                    app_id: *app_id,
                    connection: &connection,
                    expiry: *expiry,
                    hash: *hash,
                }
                .credentials()
            }
            Cloud::Huawei { device_id, secret: _, check_time, time } => {
                let time = time.map_or_else(now, Ok)?;
                Huawei { device_id, device_secret: secret, checks_time: *check_time, time }.credentials()
            }
            Cloud::TuyaBind { uuid, .. } => TuyaBind { uuid, auth_key: secret }.credentials(),
            Cloud::Tuya { device_id, .. } => TuyaDevice { device_id, secret_key: secret }.credentials(),
            Cloud::Onenet { product_id, device_name, secret: _, hash, resource, expiry } => {
                let expiry = match expiry {
                    Some(expiry) => *expiry,
                    None => now()?.saturating_add_unsigned(OneNet::LIFETIME.as_secs()).unsigned_abs(),
                };
                OneNet { product_id, device_name, access_key: secret, resource: *resource, hash: *hash, expiry }
                    .credentials()
            }
            Cloud::Baidu { iotcore_id, device_key, secret: _, hash, time, client_id } => Baidu {
                core_id: iotcore_id,
                device_key,
                device_secret: secret,
                hash: *hash,
                time: time.0,
                client_id: client_id.as_deref(),
            }
            .credentials(),
            Cloud::Aep { product_id, device_number, username, .. } => {
                Aep { product_id, device_number, token: secret, username }.credentials()
            }
            Cloud::Unicom { product_key, device_key, secret: _, device_id, auth, operator } => {
                let auth = match auth {
                    Auth::Device => UnicomAuth::Device(secret),
                    Auth::Registered => UnicomAuth::Registered(secret),
                    Auth::Unregistered => UnicomAuth::Unregistered(secret),
                    Auth::Token => UnicomAuth::Token(secret),
                };
                Unicom { device_id, device_key, product_key, auth, operator: *operator }.credentials()
            }
        })
    }
}

impl Key {
    /// Bytes of a file at most.
    const MAX: usize = 4096;

    fn read(&self) -> Result<String, String> {
        if let Some(secret) = &self.secret {
            return Ok(secret.clone());
        }
        let path = self.secret_file.as_deref().unwrap_or(Path::new("-"));
        let mut text = String::new();
        let limit = Self::MAX as u64 + 1;
        let (place, result) = if path == Path::new("-") {
            ("stdin".into(), io::stdin().lock().take(limit).read_to_string(&mut text))
        } else {
            let read = |file: File| file.take(limit).read_to_string(&mut text);
            (path.display().to_string(), File::open(path).and_then(read))
        };
        result.map_err(|error| format!("can't read a secret from {place}: {error}"))?;
        if text.len() > Self::MAX {
            return Err(format!("can't read a secret from {place}: it has more than {} bytes", Self::MAX));
        }
        let line = text.strip_suffix('\n').unwrap_or(&text);
        Ok(line.strip_suffix('\r').unwrap_or(line).into())
    }
}

impl FromStr for Perhaps {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Perhaps, &'static str> {
        let number = if text == "none" { None } else { Some(text.parse().map_err(|_| "expected a number or none")?) };
        Ok(Perhaps(number))
    }
}

impl fmt::Display for Perhaps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(number) => number.fmt(f),
            None => f.write_str("none"),
        }
    }
}

fn hash(name: &str, among: &[Hash]) -> Result<Hash, String> {
    let names: Vec<&str> = among.iter().map(|hash| hash.name()).collect();
    Hash::by_name(name, among).ok_or_else(|| format!("expected one of {}", names.join(", ")))
}

fn resource(name: &str) -> Result<Resource, &'static str> {
    Resource::by_name(name).ok_or("expected device or product")
}

/// Seconds since 1970.
fn now() -> Result<i64, String> {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.ok().and_then(|since| since.as_secs().try_into().ok()).ok_or("the system's clock is not set".into())
}
