//! Messages as text, for traces and transcripts.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use super::packet::{Connect, MsgId, Packet, Publish, ReturnCode, Topic, TopicId, WillTopic};
use crate::sink::Sink as _;
use crate::words::{Quoted, Words, flag};

/// One line of words.
impl fmt::Display for Packet<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Packet::Advertise { gateway, duration } => write!(f, "advertise {gateway} {duration}"),
            Packet::Searchgw { radius } => write!(f, "searchgw {radius}"),
            Packet::Gwinfo { gateway, address } => write!(f, "gwinfo {gateway} {}", Quoted(address)),
            Packet::Connect(connect) => {
                write!(f, "connect {}", Quoted(connect.client_id.as_bytes()))?;
                if connect.protocol != Connect::PROTOCOL {
                    write!(f, " protocol {}", connect.protocol)?;
                }
                flag(f, "clean", connect.clean)?;
                flag(f, "will", connect.will)?;
                write!(f, " keepalive {}", connect.duration)
            }
            Packet::Connack(code) => write!(f, "connack {}", code.number()),
            Packet::Willtopicreq => f.write_str("willtopicreq"),
            Packet::Willtopic(will) => write_will(f, "willtopic", will),
            Packet::Willmsgreq => f.write_str("willmsgreq"),
            Packet::Willmsg(payload) => write!(f, "willmsg {}", Quoted(payload)),
            Packet::Register { topic, id, name } => {
                write!(f, "register #{id}")?;
                if topic != 0 {
                    write!(f, " @{topic}")?;
                }
                write!(f, " {}", Quoted(name.as_bytes()))
            }
            Packet::Regack { topic, id, code } => write!(f, "regack #{id} @{topic} {}", code.number()),
            Packet::Publish(publish) => write_publish(f, publish),
            Packet::Puback { topic, id, code } => write!(f, "puback #{id} @{topic} {}", code.number()),
            Packet::Pubrec(id) => write!(f, "pubrec #{id}"),
            Packet::Pubrel(id) => write!(f, "pubrel #{id}"),
            Packet::Pubcomp(id) => write!(f, "pubcomp #{id}"),
            Packet::Subscribe { id, topic, qos, dup } => {
                write!(f, "subscribe #{id} {topic} q{}", qos.number())?;
                flag(f, "dup", dup)
            }
            Packet::Suback { qos, topic, id, code } => {
                write!(f, "suback #{id} @{topic} q{} {}", qos.number(), code.number())
            }
            Packet::Unsubscribe { id, topic } => write!(f, "unsubscribe #{id} {topic}"),
            Packet::Unsuback(id) => write!(f, "unsuback #{id}"),
            Packet::Pingreq { client_id: "" } => f.write_str("pingreq"),
            Packet::Pingreq { client_id } => write!(f, "pingreq {}", Quoted(client_id.as_bytes())),
            Packet::Pingresp => f.write_str("pingresp"),
            Packet::Disconnect { duration: None } => f.write_str("disconnect"),
            Packet::Disconnect { duration: Some(duration) } => write!(f, "disconnect {duration}"),
            Packet::Willtopicupd(will) => write_will(f, "willtopicupd", will),
            Packet::Willmsgupd(payload) => write!(f, "willmsgupd {}", Quoted(payload)),
            Packet::Willtopicresp(code) => write!(f, "willtopicresp {}", code.number()),
            Packet::Willmsgresp(code) => write!(f, "willmsgresp {}", code.number()),
            Packet::Encapsulated { radius, node, message } => {
                write!(f, "encapsulated {radius} {} {}", Quoted(node), Quoted(message))
            }
        }
    }
}

/// `@5`, `predefined @5`, `short "ab"`.
impl fmt::Display for TopicId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TopicId::Normal(number) => write!(f, "@{number}"),
            TopicId::Predefined(number) => write!(f, "predefined @{number}"),
            TopicId::Short(name) => write!(f, "short {}", Quoted(name)),
        }
    }
}

/// `"name"`, `predefined @5`, `short "ab"`.
impl fmt::Display for Topic<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Topic::Name(name) => write!(f, "{}", Quoted(name.as_bytes())),
            Topic::Predefined(number) => TopicId::Predefined(number).fmt(f),
            Topic::Short(name) => TopicId::Short(name).fmt(f),
        }
    }
}

fn write_will(f: &mut fmt::Formatter<'_>, word: &str, will: Option<WillTopic<'_>>) -> fmt::Result {
    f.write_str(word)?;
    let Some(will) = will else { return Ok(()) };
    write!(f, " {} q{}", Quoted(will.topic.as_bytes()), will.qos.number())?;
    flag(f, "retain", will.retain)
}

fn write_publish(f: &mut fmt::Formatter<'_>, publish: Publish<'_>) -> fmt::Result {
    write!(f, "publish {} ", publish.topic)?;
    match publish.qos {
        Some(qos) => write!(f, "q{}", qos.number())?,
        None => f.write_str("q-1")?,
    }
    if publish.id != 0 {
        write!(f, " #{}", publish.id)?;
    }
    flag(f, "retain", publish.retain)?;
    flag(f, "dup", publish.dup)?;
    write!(f, " {}", Quoted(publish.payload))
}

/// The bytes of a message in words, one line as `Display` writes it.
///
/// ```text
/// advertise 1 900                          gateway id, seconds
/// searchgw 1                               radius
/// gwinfo 1 "address"
/// connect "id" clean will keepalive 60
/// connack 0
/// willtopicreq                             (willmsgreq and pingresp alike)
/// willtopic "topic" q1 retain              (willtopicupd alike; alone it deletes the will)
/// willmsg "payload"                        (willmsgupd alike)
/// register #7 "a/b"                        from a client
/// register #7 @5 "a/b"                     from a gateway
/// regack #7 @5 0                           (puback alike)
/// publish @5 q1 #7 retain dup "payload"    topics: @5, predefined @5, short "ab"; QoS: q-1 to q2
/// pubrec #7                                (pubrel, pubcomp and unsuback alike)
/// subscribe #7 "a/#" q1 dup                topics: "a/#", predefined @5, short "ab"
/// suback #7 @5 q1 0
/// unsubscribe #7 "a/#"
/// pingreq "id"                             the id only from a client that sleeps
/// disconnect 60                            the seconds only from a client that will sleep
/// willtopicresp 0                          (willmsgresp alike)
/// encapsulated 1 "node" "message"          radius, node id, bytes
/// hex 02 17                                any bytes, or none; never written
/// ```
///
/// `clean`, `will`, `retain` and `dup` stand only where they hold, and the `#7` of a PUBLISH only if it is not 0.
/// After the client id of a CONNECT there is `protocol 2` if the protocol is 2 and not 1. Quotes are those of
/// [`mqtt::parse_words`](crate::mqtt::parse_words).
///
/// Topics, return codes and the like are not checked, so that wrong messages can be made as well. An error says what
/// was expected and what was found.
pub fn parse_words(line: &str) -> Result<Vec<u8>, String> {
    let mut words = Words::new(line);
    let mut bytes = Vec::new();
    let to = &mut bytes;
    match words.word() {
        "advertise" => {
            Packet::Advertise { gateway: words.small("a gateway id")?, duration: words.seconds()? }.put(to);
        }
        "searchgw" => Packet::Searchgw { radius: words.small("a radius")? }.put(to),
        "gwinfo" => Packet::Gwinfo { gateway: words.small("a gateway id")?, address: &words.quoted()? }.put(to),
        "connect" => {
            let client_id = words.text()?;
            let protocol = if words.takes("protocol") { words.small("a protocol")? } else { Connect::PROTOCOL };
            let (clean, will) = (words.takes("clean"), words.takes("will"));
            words.takes_only("keepalive")?;
            let duration = words.seconds()?;
            Packet::Connect(Connect { client_id: &client_id, clean, will, duration, protocol }).put(to);
        }
        "connack" => Packet::Connack(words.code()?).put(to),
        "willtopicreq" => Packet::Willtopicreq.put(to),
        "willtopic" => words.will(|will| Packet::Willtopic(will).put(to))?,
        "willmsgreq" => Packet::Willmsgreq.put(to),
        "willmsg" => Packet::Willmsg(&words.quoted()?).put(to),
        "register" => {
            let id = words.msg_id()?;
            let topic = if words.peek().starts_with('@') { words.topic_number()? } else { 0 };
            Packet::Register { topic, id, name: &words.text()? }.put(to);
        }
        "regack" => {
            Packet::Regack { id: words.msg_id()?, topic: words.topic_number()?, code: words.code()? }.put(to);
        }
        "publish" => words.sn_publish(to)?,
        "puback" => {
            Packet::Puback { id: words.msg_id()?, topic: words.topic_number()?, code: words.code()? }.put(to);
        }
        "pubrec" => Packet::Pubrec(words.msg_id()?).put(to),
        "pubrel" => Packet::Pubrel(words.msg_id()?).put(to),
        "pubcomp" => Packet::Pubcomp(words.msg_id()?).put(to),
        "subscribe" => {
            let id = words.msg_id()?;
            let name = words.name()?;
            let topic = words.topic(name.as_deref())?;
            Packet::Subscribe { id, topic, qos: words.qos()?, dup: words.takes("dup") }.put(to);
        }
        "suback" => {
            let (id, topic) = (words.msg_id()?, words.topic_number()?);
            Packet::Suback { id, topic, qos: words.qos()?, code: words.code()? }.put(to);
        }
        "unsubscribe" => {
            let id = words.msg_id()?;
            let name = words.name()?;
            Packet::Unsubscribe { id, topic: words.topic(name.as_deref())? }.put(to);
        }
        "unsuback" => Packet::Unsuback(words.msg_id()?).put(to),
        "pingreq" if words.rest.is_empty() => Packet::Pingreq { client_id: "" }.put(to),
        "pingreq" => Packet::Pingreq { client_id: &words.text()? }.put(to),
        "pingresp" => Packet::Pingresp.put(to),
        "disconnect" if words.rest.is_empty() => Packet::Disconnect { duration: None }.put(to),
        "disconnect" => Packet::Disconnect { duration: Some(words.seconds()?) }.put(to),
        "willtopicupd" => words.will(|will| Packet::Willtopicupd(will).put(to))?,
        "willmsgupd" => Packet::Willmsgupd(&words.quoted()?).put(to),
        "willtopicresp" => Packet::Willtopicresp(words.code()?).put(to),
        "willmsgresp" => Packet::Willmsgresp(words.code()?).put(to),
        "encapsulated" => {
            let radius = words.small("a radius")?;
            Packet::Encapsulated { radius, node: &words.quoted()?, message: &words.quoted()? }.put(to);
        }
        "hex" if words.rest.is_empty() => {}
        "hex" => to.put(&words.all(Words::hex)?),
        _ => return Err(Words::new(line).expected("the name of a message, or hex")),
    }
    words.end()?;
    Ok(bytes)
}

impl Words<'_> {
    fn sn_publish(&mut self, bytes: &mut Vec<u8>) -> Result<(), String> {
        let topic = match self.peek() {
            "predefined" => {
                self.word();
                TopicId::Predefined(self.topic_number()?)
            }
            "short" => {
                self.word();
                TopicId::Short(self.short()?)
            }
            _ => TopicId::Normal(self.topic_number()?),
        };
        let qos = if self.takes("q-1") { None } else { Some(self.qos()?) };
        let id = if self.peek().starts_with('#') { self.msg_id()? } else { 0 };
        let (retain, dup) = (self.takes("retain"), self.takes("dup"));
        let payload = self.quoted()?;
        Packet::Publish(Publish { topic, payload: &payload, qos, retain, dup, id }).put(bytes);
        Ok(())
    }

    fn will(&mut self, put: impl FnOnce(Option<WillTopic<'_>>)) -> Result<(), String> {
        if self.rest.is_empty() {
            put(None);
        } else {
            let topic = self.text()?;
            put(Some(WillTopic { topic: &topic, qos: self.qos()?, retain: self.takes("retain") }));
        }
        Ok(())
    }

    /// A name in quotes, if there is one.
    fn name(&mut self) -> Result<Option<String>, String> {
        if self.rest.starts_with('"') { self.text().map(Some) } else { Ok(None) }
    }

    fn topic<'a>(&mut self, name: Option<&'a str>) -> Result<Topic<'a>, String> {
        match name {
            Some(name) => Ok(Topic::Name(name)),
            None if self.takes("predefined") => Ok(Topic::Predefined(self.topic_number()?)),
            None if self.takes("short") => Ok(Topic::Short(self.short()?)),
            None => Err(self.expected("a quoted string, predefined or short")),
        }
    }

    fn short(&mut self) -> Result<[u8; 2], String> {
        let start = Words { rest: self.rest };
        <[u8; 2]>::try_from(self.quoted()?).map_err(|_| start.expected("two bytes in quotes"))
    }

    fn topic_number(&mut self) -> Result<u16, String> {
        let number = self.peek().strip_prefix('@').and_then(|number| number.parse().ok());
        self.found(number, "a topic id from @0 to @65535")
    }

    fn msg_id(&mut self) -> Result<MsgId, String> {
        let id = self.peek().strip_prefix('#').and_then(|id| id.parse().ok());
        self.found(id, "a message id from #0 to #65535")
    }

    fn code(&mut self) -> Result<ReturnCode, String> {
        self.number("a return code from 0 to 255").map(ReturnCode::from_number)
    }

    fn seconds(&mut self) -> Result<u16, String> {
        self.number("seconds from 0 to 65535")
    }

    fn small(&mut self, what: &str) -> Result<u8, String> {
        let number = self.peek().parse().ok();
        self.found(number, what)
    }
}
