//! Where a Tuya device finds its cloud: the first question of a device that a user takes.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use serde_json::Value;

use super::answer::{self, BadAnswer};
use super::hash::{base64, from_base64};
use super::registration::HttpRequest;
use super::tuya::BindToken;

/// Where every Tuya device asks first.
const HOST: &str = "h2.iot-dns.com";

/// The longest host name (RFC 1035 2.3.4).
const HOST_MAX: usize = 253;

/// A Tuya cloud, as its name service tells it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TuyaEndpoints {
    /// Where the activation is asked for, over TLS at port 443 if nothing else was told.
    pub http: (String, u16),
    /// Where the device connects by MQTT, over TLS.
    pub mqtt: (String, u16),
    /// The certificate (PEM) that both are to be checked against, if one came along.
    pub root: Option<Box<[u8]>>,
}

impl TuyaEndpoints {
    /// The question.
    pub fn request(token: &BindToken) -> HttpRequest {
        let (region, environment) = (answer::quoted(&token.region), answer::quoted(&token.environment));
        HttpRequest {
            tls: true,
            host: HOST.into(),
            port: 443,
            target: "/v1/url_config".into(),
            headers: Vec::from([("Content-Type", "application/x-www-form-urlencoded;charset=UTF-8".into())]),
            body: format!(
                "{{\"config\":[{{\"key\":\"httpsSelfUrl\",\"need_ca\":true}},{{\"key\":\"mqttsSelfUrl\",\"need_ca\":true}}],\
                 \"region\":{region},\"env\":{environment}}}"
            ),
        }
    }

    /// Reads the body of the answer.
    pub fn answer(body: &[u8]) -> Result<TuyaEndpoints, BadAnswer> {
        let answer = answer::parse(body)?;
        let address = |name: &'static str| {
            let entry = answer.get(name).ok_or(BadAnswer::Missing(name))?;
            answer::text(entry, "addr").map_err(|_| BadAnswer::Missing(name))
        };
        let http = address("httpsSelfUrl")?;
        let http = http.strip_prefix("https://").ok_or(BadAnswer::NotPrintable("httpsSelfUrl"))?;
        let http = http.split('/').next().unwrap_or_default();
        let mqtt = address("mqttsSelfUrl")?;
        let root = answer.get("caArr").and_then(|roots| roots.get(0)).and_then(Value::as_str);
        Ok(TuyaEndpoints {
            http: host_and_port(http, 443).ok_or(BadAnswer::NotPrintable("httpsSelfUrl"))?,
            mqtt: host_and_port(&mqtt, 8883).ok_or(BadAnswer::NotPrintable("mqttsSelfUrl"))?,
            root: root.map(pem).transpose()?,
        })
    }
}

fn host_and_port(text: &str, usual: u16) -> Option<(String, u16)> {
    let (host, port) = match text.split_once(':') {
        Some((host, port)) => (host, port.parse().ok().filter(|port| *port > 0)?),
        None => (text, usual),
    };
    let plain = host.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.'));
    ((1..=HOST_MAX).contains(&host.len()) && plain).then(|| (host.into(), port))
}

/// A certificate in the form that profiles have (RFC 7468).
fn pem(certificate: &str) -> Result<Box<[u8]>, BadAnswer> {
    let bytes = from_base64(certificate).ok_or(BadAnswer::NotPrintable("caArr"))?;
    let mut pem = String::from("-----BEGIN CERTIFICATE-----\n");
    let text = base64(&bytes);
    for line in text.as_bytes().chunks(64) {
        pem.push_str(core::str::from_utf8(line).unwrap_or_default());
        pem.push('\n');
    }
    pem.push_str("-----END CERTIFICATE-----\n");
    Ok(pem.into_bytes().into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;

    #[test]
    fn the_question_names_region_and_environment() {
        let token = BindToken { token: Secret("t".into()), region: "AY".into(), environment: "pro".into() };
        let request = TuyaEndpoints::request(&token);
        let body = "{\"config\":[{\"key\":\"httpsSelfUrl\",\"need_ca\":true},{\"key\":\"mqttsSelfUrl\",\"need_ca\":true}],\
                    \"region\":\"AY\",\"env\":\"pro\"}";
        assert_eq!((&*request.host, &*request.target, &*request.body), ("h2.iot-dns.com", "/v1/url_config", body));
    }

    #[test]
    fn answers() {
        let found = TuyaEndpoints::answer(
            br#"{"caArr":["AQID"],"httpsSelfUrl":{"addr":"https://a2.tuyacn.com/d.json"},"mqttsSelfUrl":{"addr":"m2.tuyacn.com:8883"},"ttl":600}"#,
        );
        let root = "-----BEGIN CERTIFICATE-----\nAQID\n-----END CERTIFICATE-----\n";
        let expected = TuyaEndpoints {
            http: ("a2.tuyacn.com".into(), 443),
            mqtt: ("m2.tuyacn.com".into(), 8883),
            root: Some(root.as_bytes().into()),
        };
        assert_eq!(found, Ok(expected));
        let found = TuyaEndpoints::answer(
            br#"{"httpsSelfUrl":{"addr":"https://a.example:8443/d.json"},"mqttsSelfUrl":{"addr":"m.example:1"}}"#,
        );
        assert_eq!(found.map(|found| (found.http.1, found.root)), Ok((8443, None)));
        for wrong in [
            "{}",
            r#"{"httpsSelfUrl":{"addr":"http://a/"},"mqttsSelfUrl":{"addr":"m:1"}}"#,
            r#"{"httpsSelfUrl":{"addr":"https:///"},"mqttsSelfUrl":{"addr":"m:1"}}"#,
            r#"{"httpsSelfUrl":{"addr":"https://a b/"},"mqttsSelfUrl":{"addr":"m:1"}}"#,
            r#"{"httpsSelfUrl":{"addr":"https://a/"},"mqttsSelfUrl":{"addr":"m:0"}}"#,
            r#"{"httpsSelfUrl":"https://a/","mqttsSelfUrl":{"addr":"m:1"}}"#,
            r#"{"caArr":["?"],"httpsSelfUrl":{"addr":"https://a/"},"mqttsSelfUrl":{"addr":"m:1"}}"#,
        ] {
            assert!(TuyaEndpoints::answer(wrong.as_bytes()).is_err(), "{wrong}");
        }
    }
}
