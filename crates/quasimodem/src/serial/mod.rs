//! Serial ends: where the host sits.

pub(crate) mod dialed;
pub(crate) mod output;
pub(crate) mod paced;
pub(crate) mod pty;
mod pty_link;
pub(crate) mod rfc2217;
pub(crate) mod script;
pub(crate) mod stdio;
pub(crate) mod tcp;
pub(crate) mod uart;

use std::io;
use std::task::{Context, Poll};

use quasimodem_core::{HostLine, ModemLine, Uart};
use quasimodem_lab::flat::Bad;
use tokio::time;

/// One serial end, which at most one modem uses.
pub(crate) trait SerialEnd {
    /// Whether another host may come after one has left. If not, the program ends with its host.
    const OUTLIVES_HOST: bool;

    /// Whether somebody may be there who wants to be told what to type.
    const IS_A_PERSON: bool = true;

    /// Where the end is, for the line that says that the modem is ready.
    fn place(&self) -> String;

    /// What a program opens to be its host: the path or address of [`place`](Self::place).
    fn port(&self) -> String {
        let place = self.place();
        place.split_once(' ').map_or(place.as_str(), |(_, port)| port).into()
    }

    /// What a person does to type at it: the beginning of a sentence that goes on with what to type.
    fn way_in(&self) -> String;

    /// What the host did: first [`Opened`](Event::Opened), then any number of [`Bytes`](Event::Bytes) and others, then
    /// [`Finished`](Event::Finished) or [`Left`](Event::Left); after [`hang_up`](Self::hang_up) from the start.
    ///
    /// `Bytes` come only while the modem `wants` them; all others whether it does or not, except that no end of a host
    /// overtakes its bytes. An error is the end of the serial end itself.
    fn poll_event(&mut self, cx: &mut Context<'_>, wants: bool, chunk: &mut [u8]) -> Poll<io::Result<Event>>;

    /// When [`poll_event`](Self::poll_event) is to be called again if nothing else happens; ends that many have own no timer.
    fn wakes_at(&self) -> Option<time::Instant> {
        None
    }

    /// Writes some of the bytes; 0: the host can't be written to any more, and `poll_event` will tell that it left.
    fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>>;

    /// Ready once all that was written is on its way to the host.
    fn poll_flush(&mut self, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    /// Sets rate, framing and flow control once all that was written has left; asked again until it is ready. What an end
    /// does not have, or its port can't do, it leaves: no host would learn of an error.
    fn poll_set(&mut self, cx: &mut Context<'_>, _uart: Uart) -> Poll<io::Result<()>> {
        self.poll_flush(cx)
    }

    /// Sets one of the other lines, if the end has it, at once.
    fn set_line(&mut self, _line: ModemLine) {}

    /// Bytes for the host were lost on their way to it.
    fn overrun(&mut self) {}

    /// An order of its host could not be carried out.
    fn refused(&mut self, _bad: &Bad) {}

    /// Lets go of a host that finished or left, and makes sure that the next one sees nothing of it.
    fn hang_up(&mut self) -> io::Result<()>;

    /// What its host made of the modem, once it has left: in words, what was not as it should be.
    fn verdict(&self) -> Result<(), String> {
        Ok(())
    }
}

/// Something that a host did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Event {
    /// It opened the end.
    Opened,
    /// It is still setting up its side, and may empty its buffer at the end.
    Settling,
    /// It wrote this many bytes, one at least, now at the start of the chunk.
    Bytes(usize),
    /// It will write nothing more, but may still read what its commands caused.
    Finished,
    /// It is gone.
    Left,
    /// It changed a line of the port.
    Line(HostLine),
    /// It typed Ctrl-C at a terminal.
    Interrupt,
}
