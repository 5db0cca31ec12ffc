//! What the host calls a topic, and what stands for it in a message.

use alloc::boxed::Box;

use super::Topic;

/// What the host calls a topic.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Subject<N> {
    Name(N),
    /// An id as the host writes it. [`Names::resolve`] says what it means.
    Number(u16),
    /// A predefined id.
    Predefined(u16),
    /// A name of two characters.
    Short([u8; 2]),
}

impl<'a> Subject<&'a str> {
    /// Two characters are a short topic, unless there is a wildcard in them (MQTT-SN 6.7).
    pub(crate) fn of_text(text: &'a str) -> Subject<&'a str> {
        match *text.as_bytes() {
            [first, second] if text.is_ascii() && !text.contains(['#', '+']) => Subject::Short([first, second]),
            _ => Subject::Name(text),
        }
    }

    pub(crate) fn stored(self) -> Subject<Box<str>> {
        match self {
            Subject::Name(name) => Subject::Name(name.into()),
            Subject::Number(number) => Subject::Number(number),
            Subject::Predefined(number) => Subject::Predefined(number),
            Subject::Short(name) => Subject::Short(name),
        }
    }
}

impl Subject<Box<str>> {
    pub(crate) fn lent(&self) -> Subject<&str> {
        match self {
            Subject::Name(name) => Subject::Name(name),
            Subject::Number(number) => Subject::Number(*number),
            Subject::Predefined(number) => Subject::Predefined(*number),
            Subject::Short(name) => Subject::Short(*name),
        }
    }
}

impl Subject<&str> {
    /// Bytes of the name.
    pub(crate) fn len(self) -> usize {
        if let Subject::Name(name) = self { name.len() } else { 0 }
    }
}

impl<'a> Subject<&'a str> {
    /// What stands for it in a SUBSCRIBE.
    pub(super) fn topic(self) -> Topic<'a> {
        match self {
            Subject::Name(name) => Topic::Name(name),
            Subject::Number(number) | Subject::Predefined(number) => Topic::Predefined(number),
            Subject::Short(name) => Topic::Short(name),
        }
    }
}
