//! What a newcomer is told.

use std::fmt::Write;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use quasimodem_lab::broker::User;

use super::certificates::Files;

/// A first conversation with a modem beside a lab broker.
pub(crate) struct Greeting {
    /// Where the broker can be reached.
    pub(crate) broker: SocketAddr,
    /// Somebody whom it lets in, if not everybody.
    pub(crate) user: Option<User>,
    /// The modem has no data call yet.
    pub(crate) cold: bool,
    /// The broker over TLS.
    pub(super) secured: Option<Secured>,
    /// Where the gateway can be reached, if the modem has clients for it.
    pub(super) gateway: Option<SocketAddr>,
    /// What is said of clouds.
    pub(super) clouds: String,
}

/// Where the broker can be reached over TLS, and what is needed for it.
pub(super) struct Secured {
    pub(super) broker: SocketAddr,
    /// The root that others must trust; the modem does.
    pub(super) ca: Option<PathBuf>,
    pub(super) client: Option<Files>,
}

impl Greeting {
    /// The text, which begins with how to get at the modem. It shows no password.
    pub(crate) fn text(&self, way_in: &str) -> String {
        let (address, port) = (self.broker.ip(), self.broker.port());
        let mut lines = Vec::new();
        let mut login = String::new();
        if self.cold {
            lines.push("AT+MIPCALL=1        once AT+CREG? says 0,1".into());
        }
        if let Some(User { name, password, .. }) = &self.user {
            if password.is_empty() {
                lines.push(format!("AT+MQTTUSER=1,\"{name}\",\"\""));
                login = format!("-u '{name}' ");
            } else {
                lines.push(format!("AT+MQTTUSER=1,\"{name}\",\"PASSWORD\"        with the password of --user"));
                login = format!("-u '{name}' -P PASSWORD ");
            }
        }
        lines.push(format!("AT+MQTTOPEN=1,\"{address}\",{port},1,60"));
        lines.push("AT+MQTTSUB=1,\"hello\",1".into());
        lines.push("AT+MQTTPUB=1,\"hello\",1,0,\"it works\"".into());
        format!(
            "\n{way_in} these lines, each with Enter at its end:\n  {}\n\
             Each is answered OK, then with its result; the last one also brings the message back:\n  \
             +MQTTMSG: 1,1,\"hello\",\"it works\"\n\
             `quasimodem commands` lists what else can be typed. To see all that is published:\n  \
             mosquitto_sub -h {address} -p {port} {login}-t '#' -v\n\
             {}{}{}Ctrl-C ends modem and broker.",
            lines.join("\n  "),
            self.secured.as_ref().map(|secured| secured.text(&login)).unwrap_or_default(),
            self.gateway.map(over_sn).unwrap_or_default(),
            self.clouds
        )
    }
}

impl Secured {
    /// The same conversation over TLS: what is different.
    fn text(&self, login: &str) -> String {
        let (address, port) = (self.broker.ip(), self.broker.port());
        let mut lines = Vec::new();
        let mut options = String::new();
        if let Some(ca) = &self.ca {
            options = format!("--cafile {} ", word(ca));
        }
        if let Some(Files { certificate, key }) = &self.client {
            for (name, path) in [("CAFILE", certificate), ("KEYFILE", key)] {
                let (size, path) = (size(path), path.display());
                lines.push(format!("AT+GTSSLFILE=\"{name}\",{size}        then the bytes of {path}"));
            }
            let _ = write!(options, "--cert {} --key {} ", word(certificate), word(key));
        }
        lines.push(format!("AT+MQTTOPEN=1,\"{address}\",{port},1,60,2"));
        let mut text =
            format!("Over TLS, with a certificate that this modem trusts, it opens with\n  {}\n", lines.join("\n  "));
        if self.ca.is_some() {
            let _ = writeln!(text, "and others with\n  mosquitto_sub -h {address} -p {port} {options}{login}-t '#' -v");
        }
        text
    }
}

/// The same conversation over MQTT-SN: what is different.
fn over_sn(gateway: SocketAddr) -> String {
    let (address, port) = (gateway.ip(), gateway.port());
    format!("Over MQTT-SN it is client 101, and otherwise the same:\n  AT+MQTTOPEN=101,\"{address}\",{port},1,60\n")
}

/// A path as one word of a shell.
fn word(path: &Path) -> String {
    let path = path.to_string_lossy();
    let plain = |character: char| character.is_alphanumeric() || "/._-+:@%,".contains(character);
    if path.chars().all(plain) { path.into() } else { format!("'{}'", path.replace('\'', "'\\''")) }
}

/// Bytes of a file, which has just been read or written.
fn size(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |data| data.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_the_way_comes_first() {
        let broker = "[::1]:1884".parse().unwrap();
        let typed = |password: &str, cold| {
            let user = User { name: "alice".into(), password: password.as_bytes().into(), allowed: true };
            let greeting =
                Greeting { broker, user: Some(user), cold, secured: None, gateway: None, clouds: String::new() };
            let text = greeting.text("Type");
            text.lines().filter_map(|line| line.strip_prefix("  AT").map(str::to_owned)).collect::<Vec<_>>()
        };
        assert_eq!(
            typed("wonder", true)[..3],
            [
                "+MIPCALL=1        once AT+CREG? says 0,1",
                "+MQTTUSER=1,\"alice\",\"PASSWORD\"        with the password of --user",
                "+MQTTOPEN=1,\"::1\",1884,1,60"
            ]
        );
        assert_eq!(typed("", false)[..2], ["+MQTTUSER=1,\"alice\",\"\"", "+MQTTOPEN=1,\"::1\",1884,1,60"]);
    }
}
