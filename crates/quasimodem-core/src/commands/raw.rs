//! Raw data behind the `>` prompt.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::mem;
use core::time::Duration;

use super::publish::Outgoing;
use super::tls::{self, File};
use super::{publish, will};
use crate::at::{Answer, Command, Problem};
use crate::client_id::ClientId;
use crate::mqtt::Qos;
use crate::time::Instant;
use crate::turn::Turn;

/// How long the host may take for the data.
const PATIENCE: Duration = Duration::from_secs(20);

/// Data that the host was asked for, and what it is for.
pub(crate) struct RawData(Box<Inner>);

struct Inner {
    bytes: Vec<u8>,
    size: usize,
    since: Instant,
    use_for: Use,
    /// The commands behind the one that asked.
    rest: Vec<u8>,
}

/// The command that waits for the data as its payload.
pub(super) enum Use {
    Publish(Outgoing),
    Will(Headed),
    Tls(File),
}

/// A will but for its payload.
pub(crate) struct Headed {
    pub(super) client: ClientId,
    pub(super) topic: Box<str>,
    pub(super) qos: Qos,
    pub(super) retain: bool,
}

impl RawData {
    pub(super) fn new(now: Instant, size: u32, use_for: Use) -> RawData {
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        RawData(Box::new(Inner { bytes: Vec::new(), size, since: now, use_for, rest: Vec::new() }))
    }

    /// Keeps the commands behind the one that asked, which are carried out once the data is there.
    pub(crate) fn set_rest(&mut self, rest: &[u8]) {
        self.0.rest = rest.into();
    }

    /// Gives them.
    pub(crate) fn take_rest(&mut self) -> Vec<u8> {
        mem::take(&mut self.0.rest)
    }

    /// Bytes that the host was asked for.
    pub(crate) fn size(&self) -> usize {
        self.0.size
    }

    /// When the modem gives up.
    pub(crate) fn until(&self) -> Instant {
        self.0.since + PATIENCE
    }

    /// When it was asked for.
    pub(crate) fn since(&self) -> Instant {
        self.0.since
    }

    /// Why the host is told an error when the modem gives up.
    pub(crate) fn missed(&self) -> Problem {
        Problem::NoData(self.0.bytes.len(), self.0.size, PATIENCE)
    }

    /// The same, when the line DTR falls.
    pub(crate) fn broken_off(&self) -> Problem {
        Problem::DtrFell(self.0.bytes.len(), self.0.size)
    }

    pub(crate) fn row(&self) -> &'static Command {
        match self.0.use_for {
            Use::Publish(_) => &publish::MQTTPUB,
            Use::Will(_) => &will::MQTTWILL,
            Use::Tls(_) => &tls::GTSSLFILE,
        }
    }

    /// Whether no log may show the data.
    pub(crate) fn is_secret(&self) -> bool {
        // There may be a key in the file of the certificate.
        matches!(self.0.use_for, Use::Tls(File::Key | File::Chain))
    }

    /// Takes what is missing from the front of `rest` and tells whether that is all.
    pub(crate) fn take(&mut self, rest: &mut &[u8]) -> bool {
        let missing = self.0.size - self.0.bytes.len();
        let (ours, others) = rest.split_at(missing.min(rest.len()));
        self.0.bytes.extend_from_slice(ours);
        *rest = others;
        self.0.bytes.len() == self.0.size
    }

    /// Carries out the command with its data.
    pub(crate) fn done(self, turn: &mut Turn<'_>) -> Result<Answer, Problem> {
        let Inner { bytes, use_for, .. } = *self.0;
        match use_for {
            Use::Publish(outgoing) => publish::publish_raw(turn, outgoing, bytes),
            Use::Will(headed) => will::store(turn, headed, bytes.into()),
            Use::Tls(file) => tls::store(turn, file, bytes.into()),
        }
    }
}
