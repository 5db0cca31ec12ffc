//! Packets as text, for traces and transcripts.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::{self, Write as _};

use super::packet::{Connect, Filters, Packet, PacketId, Publish, Qos, Will};
use super::topic::MAX_STRING;
use crate::outbox::Sink as _;

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

fn flag(f: &mut fmt::Formatter<'_>, word: &str, holds: bool) -> fmt::Result {
    if holds { write!(f, " {word}") } else { Ok(()) }
}

struct Quoted<'a>(&'a [u8]);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        for chunk in self.0.utf8_chunks() {
            for c in chunk.valid().chars() {
                match c {
                    '"' | '\\' => write!(f, "\\{c}")?,
                    '\r' => f.write_str("\\r")?,
                    '\n' => f.write_str("\\n")?,
                    c if is_printable(c) => f.write_char(c)?,
                    c => write_hex(f, c.encode_utf8(&mut [0; 4]).as_bytes())?,
                }
            }
            write_hex(f, chunk.invalid())?;
        }
        f.write_char('"')
    }
}

/// The standard library knows, but tells only by what it escapes in debug output.
fn is_printable(c: char) -> bool {
    c == '\'' || c.escape_debug().len() == 1
}

fn write_hex(f: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(f, "\\x{byte:02x}"))
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
    let mut words = Words { rest: line.trim_ascii() };
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
            return Err(Words { rest: line.trim_ascii() }.expected("the name of a packet, or hex"));
        }
    }
    if words.rest.is_empty() { Ok(bytes) } else { Err(words.expected("the end of the line")) }
}

/// What of a line is still to be read; begins with a word, or is empty.
struct Words<'a> {
    rest: &'a str,
}

impl<'a> Words<'a> {
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

    /// One or more of the same, up to the end of the line.
    fn all<T>(&mut self, mut one: impl FnMut(&mut Self) -> Result<T, String>) -> Result<Vec<T>, String> {
        let mut all = Vec::new();
        while all.is_empty() || !self.rest.is_empty() {
            all.push(one(self)?);
        }
        Ok(all)
    }

    fn id(&mut self) -> Result<PacketId, String> {
        let id = self.peek().strip_prefix('#').and_then(|id| id.parse().ok());
        self.found(id, "a packet identifier from #1 to #65535")
    }

    fn qos(&mut self) -> Result<Qos, String> {
        let qos = match self.peek() {
            "q0" => Some(Qos::AtMostOnce),
            "q1" => Some(Qos::AtLeastOnce),
            "q2" => Some(Qos::ExactlyOnce),
            _ => None,
        };
        self.found(qos, "q0, q1 or q2")
    }

    fn number<T: core::str::FromStr>(&mut self, what: &str) -> Result<T, String> {
        let number = self.peek().parse().ok();
        self.found(number, what)
    }

    fn hex(&mut self) -> Result<u8, String> {
        let byte = hex_byte(self.peek());
        self.found(byte, "two hexadecimal digits")
    }

    /// A quoted string of an MQTT string's length.
    fn text(&mut self) -> Result<String, String> {
        let start = Words { rest: self.rest };
        String::from_utf8(self.data()?).map_err(|_| start.expected("a quoted string of UTF-8"))
    }

    /// Quoted bytes that fit behind a length of two bytes.
    fn data(&mut self) -> Result<Vec<u8>, String> {
        let bytes = self.quoted()?;
        if bytes.len() > MAX_STRING {
            return Err(format!("expected at most {MAX_STRING} bytes in quotes, found {}", bytes.len()));
        }
        Ok(bytes)
    }

    fn quoted(&mut self) -> Result<Vec<u8>, String> {
        let mut rest = self.rest.strip_prefix('"').ok_or_else(|| self.expected("a quoted string"))?;
        let mut bytes = Vec::new();
        loop {
            let (plain, special) = rest.split_at(rest.find(['"', '\\']).unwrap_or(rest.len()));
            bytes.put(plain.as_bytes());
            let Some(escape) = special.strip_prefix('\\') else {
                let after = special.strip_prefix('"').ok_or("expected a closing quote, found the end of the line")?;
                self.rest = after;
                if !after.is_empty() && !after.starts_with(' ') {
                    return Err(self.expected("a space after the closing quote"));
                }
                self.rest = after.trim_ascii_start();
                return Ok(bytes);
            };
            let (byte, len) = unescape(escape)
                .ok_or_else(|| Words { rest: special }.expected(r#"one of the escapes \" \\ \r \n \xHH"#))?;
            bytes.put(&[byte]);
            rest = escape.get(len..).unwrap_or_default();
        }
    }

    fn takes(&mut self, word: &str) -> bool {
        let next = self.peek() == word;
        if next {
            self.word();
        }
        next
    }

    fn takes_only(&mut self, word: &str) -> Result<(), String> {
        if self.takes(word) { Ok(()) } else { Err(self.expected(word)) }
    }

    /// Goes past the word that `value` was read from.
    fn found<T>(&mut self, value: Option<T>, what: &str) -> Result<T, String> {
        let value = value.ok_or_else(|| self.expected(what))?;
        self.word();
        Ok(value)
    }

    fn word(&mut self) -> &'a str {
        let word = self.peek();
        self.rest = self.rest.get(word.len()..).unwrap_or_default().trim_ascii_start();
        word
    }

    fn peek(&self) -> &'a str {
        self.rest.split(' ').next().unwrap_or_default()
    }

    fn expected(&self, what: &str) -> String {
        match self.peek() {
            "" => format!("expected {what}, found the end of the line"),
            word => format!("expected {what}, found {word}"),
        }
    }
}

/// What stands behind a backslash: the byte that it means, and how many bytes it takes up.
fn unescape(escape: &str) -> Option<(u8, usize)> {
    match escape.as_bytes().first()? {
        b'r' => Some((b'\r', 1)),
        b'n' => Some((b'\n', 1)),
        b'x' => Some((hex_byte(escape.get(1..3)?)?, 3)),
        &c @ (b'"' | b'\\') => Some((c, 1)),
        _ => None,
    }
}

fn hex_byte(digits: &str) -> Option<u8> {
    let &[high, low] = digits.as_bytes() else {
        return None;
    };
    let value = char::from(high).to_digit(16)? << 4 | char::from(low).to_digit(16)?;
    u8::try_from(value).ok()
}
