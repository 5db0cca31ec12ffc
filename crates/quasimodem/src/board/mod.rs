//! What is so around this machine, as the modem's radio side: the network behind an interface, and its signal.

mod interface;
mod rtnetlink;
mod signal;

use std::io;

use quasimodem_core::Coverage;
use tokio::sync::mpsc::{self, Receiver};

pub(crate) use self::interface::Interface;
pub(crate) use self::signal::SignalFrom;
use crate::watching::Voice;

/// What the radio side follows.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Sources {
    /// Registration, data call and address.
    pub(crate) interface: Option<Interface>,
    /// `<rssi>` of `AT+CSQ`.
    pub(crate) signal: Option<SignalFrom>,
}

/// What changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum News {
    /// What the network has.
    Coverage(Coverage),
    /// `<rssi>` of 27.007 8.5.
    Signal(u8),
}

/// What there is at the start, and what changes from then on.
pub(crate) struct Board {
    /// `None`: nothing is followed, and all is well.
    pub(crate) coverage: Option<Coverage>,
    /// `<rssi>`, likewise.
    pub(crate) rssi: Option<u8>,
    pub(crate) news: Receiver<News>,
}

/// `<rssi>` where nothing is known (27.007 8.5).
const UNKNOWN: u8 = 99;

/// News that wait until the modem hears of them.
const WAITING: usize = 4;

impl Board {
    /// Looks at what there is, and follows it for as long as somebody wants its news.
    ///
    /// # Errors
    ///
    /// The kernel can't be asked about interfaces.
    pub(crate) fn follow(sources: Sources, voice: &Voice) -> io::Result<Board> {
        let (tell, news) = mpsc::channel(WAITING);
        let Sources { interface, signal } = sources;
        let coverage = interface.map(|interface| interface.follow(tell.clone(), voice.clone())).transpose()?;
        let rssi = signal.map(|signal| signal.follow(tell, voice.clone()));
        Ok(Board { coverage, rssi, news })
    }
}
