//! Which commands hosts typed that the modem does not know.

use std::collections::BTreeMap;
use std::fmt;

use quasimodem_core::COMMANDS;

/// Names, and how often each was typed.
#[derive(Default)]
pub(super) struct Unknown {
    names: BTreeMap<String, u64>,
    /// Those for which there was no room.
    others: u64,
}

/// Names that are kept.
const NAMES: usize = 100;
/// Characters of a name at most.
const NAME_MAX: usize = 32;

impl Unknown {
    /// A command of this line is unknown; its name. The parameters are forgotten: there may be secrets in them.
    pub(super) fn count(&mut self, line: &str) -> String {
        let name = first_unknown(line);
        if self.names.len() < NAMES || self.names.contains_key(&name) {
            *self.names.entry(name.clone()).or_default() += 1;
        } else {
            self.others += 1;
        }
        name
    }

    pub(super) fn is_empty(&self) -> bool {
        self.names.is_empty()
    }
}

/// Those that came most often first.
impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut names: Vec<(&String, &u64)> = self.names.iter().collect();
        names.sort_by_key(|(name, count)| (u64::MAX - **count, *name));
        f.write_str("commands that the modem does not know: ")?;
        for (index, (name, count)) in names.into_iter().enumerate() {
            let comma = if index > 0 { ", " } else { "" };
            match count {
                1 => write!(f, "{comma}{name}")?,
                count => write!(f, "{comma}{name} ({count} times)")?,
            }
        }
        match self.others {
            0 => f.write_str(" (--answer answers them)"),
            others => write!(f, ", and others ({others} times)"),
        }
    }
}

/// The name of the first command of a line that is none.
fn first_unknown(line: &str) -> String {
    let line = line.get(..2).filter(|start| start.eq_ignore_ascii_case("AT")).map_or(line, |_| &line[2..]);
    let mut is_quoted = false;
    let commands = line.split(|c| {
        is_quoted ^= c == '"';
        c == ';' && !is_quoted
    });
    let mut names = commands.map(|command| {
        let command = command.trim();
        let end = command.find(|c: char| !(c.is_ascii_alphanumeric() || "+&#^$*%-_.!:/".contains(c)));
        let name = &command[..end.unwrap_or(command.len())];
        // A basic command is a letter, with a number behind it.
        let is_basic = name.starts_with(|c: char| c.is_ascii_alphabetic());
        (if is_basic { name.trim_end_matches(|c: char| c.is_ascii_digit()) } else { name }).to_ascii_uppercase()
    });
    let unknown = names.find(|name| !name.is_empty() && !COMMANDS.iter().any(|row| row.name == *name));
    unknown.map_or("AT".into(), |name| format!("AT{}", name.chars().take(NAME_MAX).collect::<String>()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_and_no_more() {
        for (line, due) in [
            ("AT+QCFG=\"hush\",1", "AT+QCFG"),
            ("at+qcfg?", "AT+QCFG"),
            ("AT+CSQ;+MQTTUSER=1,\"a;+X\",\"b\";+QIACT", "AT+QIACT"),
            ("ATE0", "AT"),
            ("ATXYZ12", "ATXYZ"),
            ("AT^SCFG=hush", "AT^SCFG"),
            ("AT", "AT"),
            ("", "AT"),
            ("AT\u{e9}hush", "AT"),
        ] {
            assert_eq!(first_unknown(line), due, "{line}");
        }
        let mut unknown = Unknown::default();
        for number in 0..200 {
            unknown.count("AT+QCFG");
            unknown.count(&format!("AT+X{number}"));
        }
        let words = unknown.to_string();
        assert!(words.starts_with("commands that the modem does not know: AT+QCFG (200 times), AT+X0, "), "{words}");
        assert!(words.ends_with(", and others (101 times)"), "{words}");
    }
}
