//! The command line of gateways.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Args, ValueHint};
use quasimodem_core::mqtt;
use quasimodem_lab::broker::User;
use quasimodem_lab::gateway::{Config, Login};

use super::Broker;
use crate::cli::{parse_mqtt, parse_user};
use crate::events;
use crate::sink::Target;

/// Where a gateway listens if nobody says something else: no port is assigned to MQTT-SN, and some gateways take this one.
pub(crate) const DEFAULT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 1884);

/// How to run a gateway alone.
#[derive(Args)]
pub(crate) struct Alone {
    /// Where clients send their datagrams to: PORT of 127.0.0.1, or ADDR:PORT. Port 0 takes a free one, which is printed.
    #[arg(long, value_name = "ADDR:PORT", default_value_t = DEFAULT, value_parser = parse_mqtt)]
    pub(crate) sn: SocketAddr,

    /// The broker: a name or an address, and a port. Each client gets a connection of its own to it.
    #[arg(long, value_name = "HOST:PORT", value_parser = parse_broker)]
    pub(crate) broker: Broker,

    /// Log in at the broker as this user: all clients, for MQTT-SN knows no users.
    ///
    /// Other users of this machine can see command lines.
    #[arg(long, value_name = "NAME:PASSWORD", value_parser = parse_user)]
    pub(crate) user: Option<User>,

    #[command(flatten)]
    pub(crate) tuning: Tuning,

    /// Write what happens to FILE, to the open descriptor fd:N or to stdout (-), a line of JSON each.
    ///
    /// `quasimodem events` lists what there is.
    #[arg(long, value_name = "FILE|fd:N|-", value_parser = events::parse_target)]
    pub(crate) events: Option<Target>,

    /// Write what clients and the broker do to FILE as well, with the time. What was there stays; at 10 MiB it becomes FILE.1, up to
    /// FILE.4.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) log: Option<PathBuf>,

    /// Say on stderr what clients and the broker do.
    #[arg(short, long, action = ArgAction::Count)]
    pub(crate) verbose: u8,
}

/// What holds for every gateway.
#[derive(Args, Default)]
pub(crate) struct Tuning {
    /// Let this topic id stand for TOPIC without registration, 1 to 65534. Repeatable; the last one counts.
    #[arg(long, value_name = "ID=TOPIC", value_parser = parse_predefined)]
    predefined: Vec<(u16, Box<str>)>,

    /// Send again what a client of MQTT-SN does not acknowledge in so many milliseconds (T_retry). By default 2000.
    #[arg(long, value_name = "MS", value_parser = clap::value_parser!(u32).range(1..=3_600_000))]
    gateway_retry: Option<u32>,

    /// Send so many times again before waiting for a sign of life (N_retry). By default 4.
    #[arg(long, value_name = "TIMES")]
    gateway_retries: Option<u8>,
}

impl Tuning {
    /// A gateway that logs in at the broker as this user.
    pub(crate) fn config(self, user: Option<&User>) -> Config {
        let mut config = Config { predefined: self.predefined.into_iter().collect(), ..Config::default() };
        config.login = user.map(|User { name, password, .. }| Login { name: name.clone(), password: password.clone() });
        if let Some(millis) = self.gateway_retry {
            config.retry = Duration::from_millis(millis.into());
        }
        if let Some(times) = self.gateway_retries {
            config.retries = times;
        }
        config
    }
}

fn parse_broker(text: &str) -> Result<Broker, &'static str> {
    let parsed = text.rsplit_once(':').and_then(|(host, port)| {
        let bracketed = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let host = bracketed.or((!host.contains(':')).then_some(host)).filter(|host| !host.is_empty())?;
        Some(Broker { host: host.into(), port: port.parse().ok().filter(|port| *port > 0)? })
    });
    parsed.ok_or("expected HOST:PORT, such as broker.example:1883 or [::1]:1883; a user is for --user")
}

fn parse_predefined(text: &str) -> Result<(u16, Box<str>), &'static str> {
    let parsed = text.split_once('=').and_then(|(id, topic)| {
        let id = id.parse().ok().filter(|id| (1..=65_534).contains(id))?;
        mqtt::is_name(topic).then(|| (id, topic.into()))
    });
    parsed.ok_or("expected ID=TOPIC, an id from 1 to 65534 and a topic without wildcards, such as 1=sensors/kitchen")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brokers() {
        let broker = |text| parse_broker(text).map(|broker| (broker.host, broker.port));
        assert_eq!(broker("broker.example:1883"), Ok(("broker.example".into(), 1883)));
        assert_eq!(broker("[::1]:1"), Ok(("::1".into(), 1)));
        for wrong in ["", "a", ":1", "a:", "a:0", "a:65536", "::1:1", "[]:1"] {
            assert!(broker(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn predefined_topics() {
        assert_eq!(parse_predefined("7=a/b=c"), Ok((7, "a/b=c".into())));
        for wrong in ["", "7", "7=", "0=a", "65535=a", "x=a", "7=a/+"] {
            assert!(parse_predefined(wrong).is_err(), "{wrong}");
        }
    }
}
