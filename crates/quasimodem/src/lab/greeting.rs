//! What a newcomer is told.

use std::net::SocketAddr;

use quasimodem_lab::broker::User;

/// A first conversation with a modem beside a lab broker.
pub(crate) struct Greeting {
    /// Where the broker can be reached.
    pub(crate) broker: SocketAddr,
    /// Somebody whom it lets in, if not everybody.
    pub(crate) user: Option<User>,
    /// The modem has no data call yet.
    pub(crate) cold: bool,
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
             Ctrl-C ends modem and broker.",
            lines.join("\n  ")
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_the_way_comes_first() {
        let broker = "[::1]:1884".parse().unwrap();
        let typed = |password: &str, cold| {
            let user = User { name: "alice".into(), password: password.as_bytes().into(), allowed: true };
            let text = Greeting { broker, user: Some(user), cold }.text("Type");
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
