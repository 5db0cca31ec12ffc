//! Somebody who decides about logins in the broker's place: a cloud that knows its devices.

use std::fmt;
use std::time::Duration;

use super::config::Code;

/// Who may come in, and what is told to whom. It is asked after all checks of the broker's own.
///
/// What it holds it shares with others, such as the endpoint where devices register themselves, so that it looks after its
/// own borrowing.
pub trait Authority: fmt::Debug + Send + Sync {
    /// Whether a CONNECT is let in. The error is the answer, and the reason for a log, which holds no secret.
    fn admit(&self, login: &Login<'_>) -> Result<Admission, (Code, &'static str)>;

    /// A client was granted a subscription, so many seconds after the beginning of 1970: what is published to it for that,
    /// if anything.
    fn subscribed(&self, client: &str, filter: &str, time: i64) -> Option<Announcement>;

    /// An announcement was sent to a client.
    fn announced(&self, client: &str, topic: &str);
}

/// What a CONNECT shows.
#[derive(Clone, Copy)]
pub struct Login<'a> {
    /// The client id.
    pub client_id: &'a str,
    /// The user name.
    pub user_name: Option<&'a str>,
    /// The password.
    pub password: Option<&'a [u8]>,
    /// Whether the connection is one over TLS, see [`Input::Secured`](super::Input::Secured).
    pub secure: bool,
    /// Seconds since 1970, see [`Input::Clock`](super::Input::Clock).
    pub time: i64,
}

/// A login that is let in.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Admission {
    /// The only topics that the session is for: those that begin so. Subscriptions to others are refused, and who
    /// publishes to others is cut off. `None`: all.
    pub only: Option<Box<str>>,
    /// What is published to the client behind the CONNACK, though it has subscribed to nothing.
    pub announcement: Option<Announcement>,
}

/// A message for one client, whatever it has subscribed to; of QoS 1. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Announcement {
    /// How long it is held back.
    pub after: Duration,
    /// Where to.
    pub topic: Box<str>,
    /// What.
    pub payload: Box<[u8]>,
}

impl fmt::Debug for Login<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Login {{ client_id: {:?}, user_name: {:?}, .. }}", self.client_id, self.user_name)
    }
}

impl fmt::Debug for Announcement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Announcement {{ after: {:?}, topic: {:?}, {} bytes }}", self.after, self.topic, self.payload.len())
    }
}
