//! A fault of the table, drawn by chance.

use super::row::Layer;
use super::spec::Spec;
use super::table::ROWS;
use crate::flat::{Key, Kind};
use crate::random::Random;

/// A fault, in the words of a command line, that lasts for some seconds at most and that a world without clouds can have. Each row
/// comes as often, with values of its keys from all that they may be.
pub(crate) fn draw(random: &mut Random) -> String {
    let rows: Vec<_> = ROWS.iter().filter(|row| row.layer != Layer::Cloud).collect();
    let Some(row) = rows.get(random.between(0, rows.len().saturating_sub(1))) else { return String::new() };
    // Some keys go together, or not at all.
    for _ in 0..8 {
        let mut text = row.name.to_owned();
        for key in row.params.iter().chain(row.matches) {
            if random.chance(40)
                && let Some(value) = value(key, random)
            {
                text += &format!(" {}={}", key.key, shlex::try_quote(&value).unwrap_or_default());
            }
        }
        text += &times(random);
        if text.parse::<Spec>().is_ok() {
            return text;
        }
    }
    row.example.to_owned()
}

/// When it comes, how often and for how long.
fn times(random: &mut Random) -> String {
    let mut text = match random.between(0, 3) {
        0 => format!(" on='client.open client={}' rearm=true", random.pick([1, 101])),
        1 => format!(" every={}s", random.between(1, 20)),
        _ => String::new(),
    };
    if random.chance(50) {
        text += &format!(" times={}", random.between(1, 5));
    }
    if random.chance(30) {
        text += &format!(" chance={}%", random.between(1, 100));
    }
    if random.chance(20) {
        text += &format!(" delay={}ms..{}ms", random.between(0, 100), random.between(100, 4000));
    }
    text + &format!(" lasts={}ms", random.between(10, 20_000))
}

/// A value of a key; `None`: it is better left out.
fn value(key: &Key, random: &mut Random) -> Option<String> {
    // Small ones are likelier than their share.
    let mut number = |least: u64, most: u64| {
        let bits = random.below(64 - u64::from(most.saturating_sub(least).leading_zeros()) + 1);
        least + random.below(1 << bits.min(63)).min(most - least)
    };
    Some(match key.kind {
        Kind::Number(least, most) => number(least, most.min(1 << 20)).to_string(),
        Kind::Word(words) => (*words.get(random.between(0, words.len() - 1))?).into(),
        Kind::MqttClient => random.pick(["1", "2"]).into(),
        Kind::Client => random.pick(["1", "2", "101"]).into(),
        Kind::Type => random.pick(["CONN*", "PUB*", "PUBACK", "PING*", "SUBACK", "REGACK", "*"]).into(),
        Kind::Topic => random.pick(["#", "t", "+/+"]).into(),
        Kind::Chance => format!("{}%", number(0, 100)),
        Kind::Time | Kind::Period => format!("{}ms", number(1, 30_000)),
        Kind::Span => format!("{}ms..{}ms", number(0, 100), 100 + number(0, 10_000)),
        Kind::Millis => number(0, 10_000).to_string(),
        Kind::Date => random.pick(["1980-01-06", "2000-02-29", "2038-01-20", "9999-12-31"]).into(),
        Kind::Shift => random.pick(["-1h", "90s", "-876000h", "876000h"]).into(),
        Kind::Flag => random.pick(["true", "false"]).into(),
        Kind::Rssi => random.pick(["0", "7", "31", "99"]).into(),
        Kind::Address => random.pick(["10.0.0.9", "0.0.0.0", "255.255.255.255"]).into(),
        Kind::Packet => random.pick(["puback #7", "hex f0 00", "hex 30", "pingresp", "suback #1 0"]).into(),
        Kind::Command => random.pick(["+MQTT*", "+MQTTPUB", "+CSQ", "+MQTTOPEN"]).into(),
        Kind::TopicName => random.pick(["t", "a/b"]).into(),
        Kind::Text => random.pick(["+CREG: 4", "OK", "", "\u{1f980}", "+MQTTMSG: 1"]).into(),
        Kind::Name | Kind::Ranks | Kind::Count | Kind::Condition => return None,
    })
}
