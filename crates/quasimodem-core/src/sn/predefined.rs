//! The predefined topic ids that the owner of a modem names (MQTT-SN 6.7).

use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;

use super::packet::is_reserved;
use crate::mqtt::is_name;

/// Predefined topic ids, each with the name that it stands for if that is known. Empty by default.
///
/// As text: `7=plant/pump,9`. Ids are 1 to 65534, each once; names are those of topics, and have no comma.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Predefined(Arc<[(u16, Option<Box<str>>)]>);

impl Predefined {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the id is one of them.
    pub fn contains(&self, id: u16) -> bool {
        self.0.iter().any(|(known, _)| *known == id)
    }

    /// The name that the id stands for, if it is known.
    pub fn name(&self, id: u16) -> Option<&str> {
        self.0.iter().find(|(known, _)| *known == id)?.1.as_deref()
    }
}

impl FromStr for Predefined {
    type Err = ();

    fn from_str(text: &str) -> Result<Predefined, ()> {
        let mut all: Vec<(u16, Option<Box<str>>)> = Vec::new();
        for one in text.split(',') {
            let (id, name) = one.split_once('=').map_or((one, None), |(id, name)| (id, Some(name)));
            let id = id.trim().parse().map_err(drop)?;
            if is_reserved(id) || all.iter().any(|(known, _)| *known == id) || name.is_some_and(|name| !is_name(name)) {
                return Err(());
            }
            all.push((id, name.map(Box::from)));
        }
        Ok(Predefined(all.into()))
    }
}

impl fmt::Display for Predefined {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = self.0.iter().map(|(id, name)| match name {
            Some(name) => alloc::format!("{id}={name}"),
            None => alloc::format!("{id}"),
        });
        f.write_str(&words.collect::<Vec<String>>().join(","))
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn ids_with_and_without_names() {
        let predefined: Predefined = "7=plant/pump, 9,65534=a=b".parse().unwrap();
        assert_eq!(predefined.to_string(), "7=plant/pump,9,65534=a=b");
        assert_eq!(
            (predefined.name(7), predefined.name(9), predefined.name(65_534)),
            (Some("plant/pump"), None, Some("a=b"))
        );
        assert!(predefined.contains(9) && !predefined.contains(8) && !predefined.is_empty());
        assert!(Predefined::default().is_empty());
        for wrong in ["", "0", "65535", "7=", "7=a/+", "7,7=a", "a", "7,", "7 9", "-1"] {
            assert_eq!(wrong.parse::<Predefined>(), Err(()), "{wrong}");
        }
    }
}
