//! Packets as text, for traces and transcripts.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::{self, Write as _};

use super::packet::{Connect, Filters, Packet, Publish, Will};
use super::qos::{PacketId, Qos};
use crate::sink::Sink as _;
use crate::words::{Quoted, Words, flag};

/// One line of words; each byte of a password as `*`.
impl fmt::Display for Packet<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Packet::Connect(connect) => fmt::Debug::fmt(connect, f),
            Packet::Connack { session_present, code } => {
                write!(f, "connack {code}")?;
                flag(f, "session", *session_present)
            }
            Packet::Publish(publish) => {
                write!(f, "publish {} q{}", Quoted(publish.topic.as_bytes()), publish.qos.number())?;
                if let Some(id) = publish.id {
                    write!(f, " #{id}")?;
                }
                flag(f, "retain", publish.retain)?;
                flag(f, "dup", publish.dup)?;
                write!(f, " {}", Quoted(publish.payload))
            }
            Packet::Puback(id) => write!(f, "puback #{id}"),
            Packet::Pubrec(id) => write!(f, "pubrec #{id}"),
            Packet::Pubrel(id) => write!(f, "pubrel #{id}"),
            Packet::Pubcomp(id) => write!(f, "pubcomp #{id}"),
            Packet::Subscribe { id, filters } => {
                write!(f, "subscribe #{id}")?;
                write_filters(f, *filters)
            }
            Packet::Suback { id, codes } => {
                write!(f, "suback #{id}")?;
                codes.iter().try_for_each(|code| write!(f, " {code}"))
            }
            Packet::Unsubscribe { id, filters } => {
                write!(f, "unsubscribe #{id}")?;
                write_filters(f, *filters)
            }
            Packet::Unsuback(id) => write!(f, "unsuback #{id}"),
            Packet::Pingreq => f.write_str("pingreq"),
            Packet::Pingresp => f.write_str("pingresp"),
            Packet::Disconnect => f.write_str("disconnect"),
        }
    }
}

/// In words, since the password must not be seen.
impl fmt::Debug for Connect<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "connect {}", Quoted(self.client_id.as_bytes()))?;
        if self.level != Connect::LEVEL {
            write!(f, " level {}", self.level)?;
        }
        flag(f, "clean", self.clean_session)?;
        write!(f, " keepalive {}", self.keep_alive)?;
        if let Some(will) = &self.will {
            write!(f, " will {} q{}", Quoted(will.topic.as_bytes()), will.qos.number())?;
            flag(f, "retain", will.retain)?;
            write!(f, " {}", Quoted(will.payload))?;
        }
        if let Some(user_name) = self.user_name {
            write!(f, " user {}", Quoted(user_name.as_bytes()))?;
        }
        if let Some(password) = self.password {
            f.write_str(" password \"")?;
            password.iter().try_for_each(|_| f.write_char('*'))?;
            f.write_char('"')?;
        }
        Ok(())
    }
}

/// Each with a space before it.
fn write_filters(f: &mut fmt::Formatter<'_>, filters: Filters<'_>) -> fmt::Result {
    filters.iter().try_for_each(|(filter, qos)| {
        write!(f, " {}", Quoted(filter.as_bytes()))?;
        qos.map_or(Ok(()), |qos| write!(f, " q{}", qos.number()))
    })
}

/// The bytes of a packet in words, one line as `Display` writes it; a password is what stands in the quotes.
///
/// ```text
/// connect "id" clean keepalive 60 will "topic" q1 retain "payload" user "name" password "secret"
/// connack 0 session
/// publish "a/b" q1 #7 retain dup "payload"
/// puback #7        (pubrec, pubrel, pubcomp and unsuback alike)
/// subscribe #1 "a/#" q1 "b" q0
/// suback #1 0 128
/// unsubscribe #1 "a" "b"
/// pingreq          (pingresp and disconnect alike)
/// hex 20 02 00 00  (any bytes; never written)
/// ```
///
/// `clean`, `will`, `retain`, `user`, `password`, `session` and `dup` stand only where they hold, and the `#7` of a
/// PUBLISH only with QoS 1 and 2. After the client id of a CONNECT there is `level 3` if the level is 3 and not 4.
/// In quotes, `\"`, `\\`, `\r`, `\n` and `\xHH` (one byte) stand for what can't stand for itself.
///
/// Topics, return codes and the like are not checked, so that wrong packets can be made as well. An error says what
/// was expected and what was found.
pub fn parse_words(line: &str) -> Result<Vec<u8>, String> {
    let mut words = Words::new(line);
    let mut bytes = Vec::new();
    match words.word() {
        "connect" => words.connect(&mut bytes)?,
        "connack" => {
            let code = words.number("a return code from 0 to 255")?;
            Packet::Connack { session_present: words.takes("session"), code }.encode(&mut bytes);
        }
        "publish" => words.publish(&mut bytes)?,
        "puback" => Packet::Puback(words.id()?).encode(&mut bytes),
        "pubrec" => Packet::Pubrec(words.id()?).encode(&mut bytes),
        "pubrel" => Packet::Pubrel(words.id()?).encode(&mut bytes),
        "pubcomp" => Packet::Pubcomp(words.id()?).encode(&mut bytes),
        "subscribe" => {
            let id = words.id()?;
            let filters = words.all(|words| Ok((words.text()?, words.qos()?)))?;
            let filters: Vec<_> = filters.iter().map(|(filter, qos)| (filter.as_str(), *qos)).collect();
            Packet::Subscribe { id, filters: Filters::with_qos(&filters) }.encode(&mut bytes);
        }
        "suback" => {
            let id = words.id()?;
            let codes = words.all(|words| words.number("a return code from 0 to 255"))?;
            Packet::Suback { id, codes: &codes }.encode(&mut bytes);
        }
        "unsubscribe" => {
            let id = words.id()?;
            let filters = words.all(Words::text)?;
            let filters: Vec<_> = filters.iter().map(String::as_str).collect();
            Packet::Unsubscribe { id, filters: Filters::without_qos(&filters) }.encode(&mut bytes);
        }
        "unsuback" => Packet::Unsuback(words.id()?).encode(&mut bytes),
        "pingreq" => Packet::Pingreq.encode(&mut bytes),
        "pingresp" => Packet::Pingresp.encode(&mut bytes),
        "disconnect" => Packet::Disconnect.encode(&mut bytes),
        "hex" => bytes.put(&words.all(Words::hex)?),
        _ => {
            return Err(Words::new(line).expected("the name of a packet, or hex"));
        }
    }
    words.end()?;
    Ok(bytes)
}

impl Words<'_> {
    fn connect(&mut self, bytes: &mut Vec<u8>) -> Result<(), String> {
        let client_id = self.text()?;
        let level = if self.takes("level") { self.number("a level from 0 to 255")? } else { Connect::LEVEL };
        let clean_session = self.takes("clean");
        self.takes_only("keepalive")?;
        let keep_alive = self.number("seconds from 0 to 65535")?;
        let will = if self.takes("will") {
            Some((self.text()?, self.qos()?, self.takes("retain"), self.data()?))
        } else {
            None
        };
        let user_name = if self.takes("user") { Some(self.text()?) } else { None };
        let password = if self.takes("password") { Some(self.data()?) } else { None };
        let will =
            will.as_ref().map(|(topic, qos, retain, payload)| Will { topic, payload, qos: *qos, retain: *retain });
        let connect = Connect {
            client_id: &client_id,
            clean_session,
            keep_alive,
            will,
            user_name: user_name.as_deref(),
            password: password.as_deref(),
            level,
        };
        Packet::Connect(connect).encode(bytes);
        Ok(())
    }

    fn publish(&mut self, bytes: &mut Vec<u8>) -> Result<(), String> {
        let topic = self.text()?;
        let qos = self.qos()?;
        let id = if qos == Qos::AtMostOnce { None } else { Some(self.id()?) };
        let retain = self.takes("retain");
        let dup = self.takes("dup");
        let payload = self.quoted()?;
        Packet::Publish(Publish { topic: &topic, payload: &payload, qos, retain, dup, id }).encode(bytes);
        Ok(())
    }

    fn id(&mut self) -> Result<PacketId, String> {
        let id = self.peek().strip_prefix('#').and_then(|id| id.parse().ok());
        self.found(id, "a packet identifier from #1 to #65535")
    }
}
