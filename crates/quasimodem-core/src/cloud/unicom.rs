//! What China Unicom DMP publishes to a device that registers itself.

use alloc::string::String;

use serde_json::Value;

use super::answer::{self, BadAnswer};
use crate::secret::Secret;

/// What China Unicom DMP gave a device; a device that the cloud knew gets a secret, another one a token.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UnicomRegistered {
    /// `deviceSecret`; empty if the cloud gave a token.
    pub device_secret: Secret<String>,
    /// `token`; empty if the cloud gave a secret.
    pub token: Secret<String>,
}

impl UnicomRegistered {
    /// Reads what the cloud published. Its form was not to be found anywhere, so that the fields may stand at the top or
    /// one level below, in `data`, `params` or `payload`.
    pub fn answer(payload: &[u8]) -> Result<UnicomRegistered, BadAnswer> {
        let answer = answer::parse(payload)?;
        let inner = ["data", "params", "payload"].into_iter().filter_map(|name| answer.get(name));
        let places = || core::iter::once(&answer).chain(inner.clone());
        let find = |name: &'static str| {
            let found = places().find(|place| place.get(name).is_some_and(|value| !value.is_null()));
            found.map(|place| answer::text(place, name)).transpose()
        };
        let (secret, token) = (find("deviceSecret")?, find("token")?);
        if secret.is_none() && token.is_none() {
            let code = answer.get("code");
            let refused = code.is_some_and(|code| !is_success(code));
            let words = answer.get("message").or_else(|| answer.get("msg"));
            return Err(if refused { answer::refused(code, words) } else { BadAnswer::Missing("deviceSecret") });
        }
        Ok(UnicomRegistered {
            device_secret: Secret(secret.unwrap_or_default()),
            token: Secret(token.unwrap_or_default()),
        })
    }
}

/// The codes that clouds mean success by.
fn is_success(code: &Value) -> bool {
    ["0", "200", "000000"].iter().any(|success| match code {
        Value::String(text) => text == success,
        other => success.parse().is_ok_and(|success: i64| other.as_i64() == Some(success)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_at_the_top_or_below() {
        for (payload, secret, token) in [
            (r#"{"deviceSecret":"s"}"#, "s", ""),
            (r#"{"code":"000000","data":{"deviceSecret":"s"}}"#, "s", ""),
            (r#"{"messageId":"1","params":{"token":"t"}}"#, "", "t"),
            (r#"{"deviceSecret":"s","token":"t"}"#, "s", "t"),
            (r#"{"deviceSecret":null,"token":"t"}"#, "", "t"),
        ] {
            let registered = UnicomRegistered { device_secret: Secret(secret.into()), token: Secret(token.into()) };
            assert_eq!(UnicomRegistered::answer(payload.as_bytes()), Ok(registered), "{payload}");
        }
    }

    #[test]
    fn what_gives_nothing_is_a_failure() {
        let refused = UnicomRegistered::answer(br#"{"code":401,"message":"no such product"}"#);
        assert_eq!(refused, Err(BadAnswer::Refused("401".into(), "no such product".into())));
        assert_eq!(UnicomRegistered::answer(b"{}"), Err(BadAnswer::Missing("deviceSecret")));
        assert_eq!(UnicomRegistered::answer(b"["), Err(BadAnswer::NotJson));
        assert!(UnicomRegistered::answer(br#"{"token":"a\u000d\u000aOK"}"#).is_err());
    }
}
