//! Standard input and output: a terminal, a pipe or a file.

use std::io::{self, IsTerminal};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use quasimodem_core::Input;
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf, Stdin, Stdout};

use super::{Event, SerialEnd};
use crate::log;

/// Stdin and stdout. Tokio reads and writes them from threads of its own: epoll refuses files, and a terminal can't be
/// made non-blocking, since the shell holds it by the same description.
pub(crate) struct Stdio {
    stdin: Stdin,
    stdout: Stdout,
    /// What was read from a terminal before the modem wanted it, so that Ctrl-C is seen at any time.
    ahead: Vec<u8>,
    opened: bool,
    broken: bool,
    terminal: Option<RawTerminal>,
}

impl Stdio {
    /// Takes stdin and stdout; a terminal at stdin is raw until this is dropped.
    pub(crate) fn open() -> io::Result<Stdio> {
        let terminal = if io::stdin().is_terminal() { Some(RawTerminal::new()?) } else { None };
        let (stdin, stdout) = (tokio::io::stdin(), tokio::io::stdout());
        Ok(Stdio { stdin, stdout, ahead: Vec::new(), opened: false, broken: false, terminal })
    }

    fn poll_read(&mut self, cx: &mut Context<'_>, chunk: &mut [u8]) -> Poll<io::Result<Event>> {
        let mut buffer = ReadBuf::new(chunk);
        ready!(Pin::new(&mut self.stdin).poll_read(cx, &mut buffer))?;
        let bytes = buffer.filled();
        if self.terminal.is_some() && bytes.contains(&CTRL_C) {
            return Poll::Ready(Ok(Event::Interrupt));
        }
        Poll::Ready(Ok(if bytes.is_empty() { Event::Finished } else { Event::Bytes(bytes.len()) }))
    }
}

impl SerialEnd for Stdio {
    const OUTLIVES_HOST: bool = false;

    fn place(&self) -> String {
        "stdio".into()
    }

    fn way_in(&self) -> String {
        "Type".into()
    }

    fn poll_event(&mut self, cx: &mut Context<'_>, wants: bool, chunk: &mut [u8]) -> Poll<io::Result<Event>> {
        if !self.opened {
            self.opened = true;
            return Poll::Ready(Ok(Event::Opened));
        }
        if self.broken {
            return Poll::Ready(Ok(Event::Left));
        }
        if wants && !self.ahead.is_empty() {
            let count = self.ahead.len().min(chunk.len());
            for (to, from) in chunk.iter_mut().zip(self.ahead.drain(..count)) {
                *to = from;
            }
            return Poll::Ready(Ok(Event::Bytes(count)));
        }
        if wants {
            return self.poll_read(cx, chunk);
        }
        let room = Input::CHUNK.saturating_sub(self.ahead.len()).min(chunk.len());
        let Some(chunk) = chunk.get_mut(..room).filter(|chunk| self.terminal.is_some() && !chunk.is_empty()) else {
            return Poll::Pending;
        };
        loop {
            match ready!(self.poll_read(cx, chunk))? {
                Event::Bytes(count) => self.ahead.extend_from_slice(chunk.get(..count).unwrap_or_default()),
                Event::Finished => return Poll::Pending,
                other => return Poll::Ready(Ok(other)),
            }
            if self.ahead.len() + chunk.len() > Input::CHUNK {
                return Poll::Pending;
            }
        }
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match ready!(Pin::new(&mut self.stdout).poll_write(cx, bytes)) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.broken = true;
                Poll::Ready(Ok(0))
            }
            result => Poll::Ready(result),
        }
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match ready!(Pin::new(&mut self.stdout).poll_flush(cx)) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.broken = true;
                Poll::Ready(Ok(()))
            }
            result => Poll::Ready(result),
        }
    }

    fn hang_up(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The terminal at stdin in raw mode; when dropped, as it was before.
struct RawTerminal {
    before: Termios,
}

impl RawTerminal {
    fn new() -> io::Result<RawTerminal> {
        let before = tcgetattr(io::stdin())?;
        let mut raw = before.clone();
        raw.make_raw();
        // What the user typed ahead stays.
        tcsetattr(io::stdin(), OptionalActions::Drain, &raw)?;
        log::set_raw(true);
        Ok(RawTerminal { before })
    }
}

impl Drop for RawTerminal {
    fn drop(&mut self) {
        // A terminal that is gone needs no mode.
        let _ = tcsetattr(io::stdin(), OptionalActions::Drain, &self.before);
        log::set_raw(false);
    }
}

/// What Ctrl-C types where the terminal does not turn it into SIGINT.
const CTRL_C: u8 = 0x03;
