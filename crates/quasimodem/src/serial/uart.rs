//! A real serial port: a UART of the board or a USB adapter.
//!
//! This side of the line has the plugs of a computer: DTR and RTS go out, DSR, DCD, CTS and RI come in. With the crossed
//! wires of a null-modem cable the host's DTR arrives at DSR, and this side's DTR, on while the port is open, tells the host
//! that the modem is there. There is no way out for a ring indicator or a carrier.

use std::io::{self, ErrorKind};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use quasimodem_core::{FlowControl, HostLine, Parity, Uart};
use rustix::fs::{FlockOperation, Mode, OFlags, flock};
use rustix::io::Errno;
use rustix::termios::{ControlModes, OptionalActions, tcgetattr, tcsetattr};
use serial2_tokio::{CharSize, SerialPort, Settings, StopBits};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::{Instant, Sleep, sleep_until};

use super::{Event, SerialEnd};
use crate::watching::Voice;

/// A serial port, which may vanish and come back.
pub(crate) struct UartPort {
    path: PathBuf,
    uart: Uart,
    voice: Voice,
    state: State,
    /// Settings on their way to the port; they wait for the output to leave.
    setting: Option<JoinHandle<io::Result<Outcome>>>,
    /// When to look for the port, or at its lines.
    alarm: Pin<Box<Sleep>>,
}

enum State {
    /// Open, and the host does not know yet.
    New(Held),
    Open {
        port: Held,
        /// The line DSR, where it can be read.
        dsr: Option<bool>,
    },
    /// It can't be used any more.
    Broken,
    /// It is looked for.
    Away {
        /// How long it is left alone after the next time.
        wait: Duration,
        /// What was said last of why it can't be opened.
        told: ErrorKind,
    },
}

/// A port that is ours.
struct Held {
    port: SerialPort,
    /// Programs that lock what they open find it locked.
    _lock: OwnedFd,
}

impl UartPort {
    /// Opens the port for nobody else to use, raw and set like this. The error says what can be done about it.
    pub(crate) fn open(path: &Path, uart: Uart, voice: Voice) -> Result<UartPort, String> {
        let port = open(path, uart).map_err(|error| in_words(path, uart, &error))?;
        Ok(UartPort {
            path: path.into(),
            uart,
            voice,
            state: State::New(port),
            setting: None,
            alarm: Box::pin(sleep_until(Instant::now())),
        })
    }

    /// Looks whether the port is back.
    fn poll_back(&mut self, cx: &mut Context<'_>, wait: Duration, told: ErrorKind) -> Poll<()> {
        ready!(self.alarm.as_mut().poll(cx));
        match open(&self.path, self.uart) {
            Ok(port) => {
                self.voice.warning(format_args!("serial port {} is back", self.path.display()));
                self.state = State::New(port);
            }
            Err(error) => {
                let is_news = ![ErrorKind::NotFound, told].contains(&error.kind());
                self.voice.news(is_news, format_args!("{}", in_words(&self.path, self.uart, &error)));
                self.look_again(wait, if is_news { error.kind() } else { told });
            }
        }
        Poll::Ready(())
    }

    fn look_again(&mut self, wait: Duration, told: ErrorKind) {
        self.alarm.as_mut().reset(Instant::now() + wait);
        self.state = State::Away { wait: (wait * 2).min(LOOK_MAX), told };
    }

    /// Gives the port up; `poll_event` tells so next.
    fn broken(&mut self, cx: &Context<'_>, why: &dyn std::fmt::Display) {
        let path = self.path.display();
        self.voice.warning(format_args!("serial port {path} is gone ({why}); looking for it"));
        self.state = State::Broken;
        cx.waker().wake_by_ref();
    }

    fn poll_read(&mut self, cx: &mut Context<'_>, chunk: &mut [u8]) -> Poll<Event> {
        let State::Open { port, .. } = &mut self.state else { return Poll::Pending };
        let mut buffer = ReadBuf::new(chunk);
        match ready!(Pin::new(&mut port.port).poll_read(cx, &mut buffer)) {
            Ok(()) if buffer.filled().is_empty() => self.broken(cx, &"it hung up"),
            Ok(()) => return Poll::Ready(Event::Bytes(buffer.filled().len())),
            Err(error) => self.broken(cx, &error),
        }
        Poll::Ready(Event::Left)
    }

    /// Reads the host's DTR from time to time: waiting for a change of it would take a thread.
    fn poll_lines(&mut self, cx: &mut Context<'_>) -> Poll<Event> {
        let State::Open { port, dsr: Some(before) } = &mut self.state else { return Poll::Pending };
        ready!(self.alarm.as_mut().poll(cx));
        // A port whose lines can't be read any more shows that at its bytes.
        let now = port.port.read_dsr().unwrap_or(*before);
        let changed = std::mem::replace(before, now) != now;
        self.alarm.as_mut().reset(Instant::now() + LINES);
        if changed {
            return Poll::Ready(Event::Line(HostLine::Dtr(now)));
        }
        self.alarm.as_mut().poll(cx).map(|()| Event::Line(HostLine::Dtr(now)))
    }
}

impl SerialEnd for UartPort {
    const OUTLIVES_HOST: bool = true;

    fn place(&self) -> String {
        format!("serial {}@{}", self.path.display(), self.uart)
    }

    fn way_in(&self) -> String {
        format!("Open the port at the other end of {}, at {}, and type", self.path.display(), self.uart)
    }

    fn poll_event(&mut self, cx: &mut Context<'_>, wants: bool, chunk: &mut [u8]) -> Poll<io::Result<Event>> {
        loop {
            match std::mem::replace(&mut self.state, State::Broken) {
                State::New(port) => {
                    let dsr = port.port.read_dsr().ok();
                    self.alarm.as_mut().reset(Instant::now() + LINES);
                    self.state = State::Open { port, dsr };
                    return Poll::Ready(Ok(Event::Opened));
                }
                state @ State::Open { .. } => {
                    self.state = state;
                    if wants && let Poll::Ready(event) = self.poll_read(cx, chunk) {
                        return Poll::Ready(Ok(event));
                    }
                    return self.poll_lines(cx).map(Ok);
                }
                State::Broken => return Poll::Ready(Ok(Event::Left)),
                State::Away { wait, told } => {
                    self.state = State::Away { wait, told };
                    ready!(self.poll_back(cx, wait, told));
                }
            }
        }
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let State::Open { port, .. } = &mut self.state else { return Poll::Ready(Ok(0)) };
        match ready!(Pin::new(&mut port.port).poll_write(cx, bytes)) {
            Ok(count) if count > 0 => return Poll::Ready(Ok(count)),
            Ok(_) => self.broken(cx, &"it hung up"),
            Err(error) => self.broken(cx, &error),
        }
        Poll::Ready(Ok(0))
    }

    fn poll_set(&mut self, cx: &mut Context<'_>, uart: Uart) -> Poll<io::Result<()>> {
        let setting = match &mut self.setting {
            Some(setting) => setting,
            None => {
                // A port that is away has them when it is back: what it can't do of them shows only then.
                let (State::Open { port, .. } | State::New(port)) = &self.state else { return Poll::Pending };
                let (port, before) = (port.port.try_clone(), self.uart);
                // The system waits for the output to leave, which flow control can hold up for any time.
                self.setting.insert(spawn_blocking(move || set(&mut port?, before, uart)))
            }
        };
        let result = ready!(Pin::new(setting).poll(cx));
        self.setting = None;
        let path = self.path.display();
        match result.unwrap_or_else(|error| Err(error.into())) {
            Ok(Outcome { is: now, refused: None }) => {
                self.voice.detail(format_args!("serial port {path} set to {now}"));
                self.uart = now;
            }
            Ok(Outcome { is: now, refused: Some(error) }) => {
                self.voice.warning(format_args!("serial port {path} can't do {uart} ({error}): it is at {now}"));
                self.uart = now;
            }
            Err(error) => {
                self.broken(cx, &error);
                return Poll::Pending;
            }
        }
        Poll::Ready(Ok(()))
    }

    fn hang_up(&mut self) -> io::Result<()> {
        // Settings that wait for the port's output wait in vain.
        self.setting = None;
        self.look_again(LOOK_MIN, ErrorKind::NotFound);
        Ok(())
    }
}

fn open(path: &Path, uart: Uart) -> io::Result<Held> {
    // Two programs at one port would each get a part of the bytes. First the lock: a port in use is not ours to set.
    // TIOCEXCL would keep out those that lock nothing, but stays at a pseudo-terminal when this program has ended.
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let lock = rustix::fs::open(path, flags, Mode::empty())?;
    if let Err(Errno::WOULDBLOCK) = flock(&lock, FlockOperation::NonBlockingLockExclusive) {
        return Err(Errno::BUSY.into());
    }
    // Without a carrier too it is a port, whoever has used it before.
    let mut modes = tcgetattr(&lock)?;
    modes.control_modes |= ControlModes::CLOCAL | ControlModes::CREAD | ControlModes::HUPCL;
    tcsetattr(&lock, OptionalActions::Now, &modes)?;
    let port = SerialPort::open(path, |mut settings: Settings| {
        settings.set_raw();
        apply(&mut settings, uart)?;
        Ok(settings)
    })?;
    // Where there is no such line, nobody looks at it.
    let _ = port.set_dtr(true);
    Ok(Held { port, _lock: lock })
}

/// How a port is set by now, and why not as it was to be.
struct Outcome {
    is: Uart,
    refused: Option<io::Error>,
}

/// Sets a port anew once its output has left. If it can't do all of it, it is set to what it can do. An error: it can do
/// nothing any more.
fn set(port: &mut SerialPort, before: Uart, wanted: Uart) -> io::Result<Outcome> {
    let mut set = |uart| {
        let mut settings = port.get_configuration()?;
        apply(&mut settings, uart)?;
        port.set_configuration(&settings)
    };
    let Err(error) = set(wanted) else { return Ok(Outcome { is: wanted, refused: None }) };
    let parts: [fn(Uart, Uart) -> Uart; 3] = [
        |is, wanted| Uart { rate: wanted.rate, ..is },
        |is, wanted| Uart { framing: wanted.framing, ..is },
        |is, wanted| Uart { flow: wanted.flow, ..is },
    ];
    let mut is = before;
    for part in parts {
        let next = part(is, wanted);
        if set(next).is_ok() {
            is = next;
        }
    }
    // An attempt may have changed what it could.
    set(is)?;
    Ok(Outcome { is, refused: Some(error) })
}

fn apply(settings: &mut Settings, uart: Uart) -> io::Result<()> {
    settings.set_baud_rate(uart.rate.bits())?;
    settings.set_char_size(if uart.framing.data_bits() == 7 { CharSize::Bits7 } else { CharSize::Bits8 });
    settings.set_parity(match uart.framing.parity() {
        None => serial2_tokio::Parity::None,
        Some(Parity::Odd) => serial2_tokio::Parity::Odd,
        Some(Parity::Even) => serial2_tokio::Parity::Even,
        Some(Parity::Mark | Parity::Space) => {
            return Err(io::Error::new(ErrorKind::Unsupported, "mark and space parity are not supported"));
        }
    });
    settings.set_stop_bits(if uart.framing.stop_bits() == 2 { StopBits::Two } else { StopBits::One });
    settings.set_flow_control(match uart.flow {
        FlowControl::None => serial2_tokio::FlowControl::None,
        FlowControl::XonXoff => serial2_tokio::FlowControl::XonXoff,
        FlowControl::RtsCts => serial2_tokio::FlowControl::RtsCts,
    });
    Ok(())
}

/// What is wrong, and what can be done about it.
fn in_words(path: &Path, uart: Uart, error: &io::Error) -> String {
    let path = path.display();
    let hint = match error.kind() {
        ErrorKind::PermissionDenied => ": its users are those of the group dialout (usermod -aG dialout USER)",
        ErrorKind::ResourceBusy => ": another program has it open",
        ErrorKind::NotFound => ": `ls /dev/serial/by-id` shows the USB adapters that are there",
        _ if error.raw_os_error() == Some(Errno::NOTTY.raw_os_error()) => ": it is no serial port",
        // So answer the names for ports that this machine does not have.
        _ if error.raw_os_error() == Some(Errno::IO.raw_os_error()) => ": there may be no port behind this name",
        _ if error.raw_os_error().is_none() => return format!("the serial port {path} can't do {uart}: {error}"),
        _ => "",
    };
    format!("can't use the serial port {path}: {error}{hint}")
}

/// How soon a port that vanished is looked for, and how often at least.
const LOOK_MIN: Duration = Duration::from_millis(100);
const LOOK_MAX: Duration = Duration::from_secs(5);

/// How often the lines of a port are read: a fall of DTR that is shorter is none (V.250 leaves such a time to S25).
const LINES: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_say_what_can_be_done() {
        let words = |error: io::Error| in_words(Path::new("/dev/ttyS1"), Uart::default(), &error);
        let denied = words(io::Error::from_raw_os_error(13));
        assert!(denied.starts_with("can't use the serial port /dev/ttyS1: Permission denied"), "{denied}");
        assert!(denied.contains("the group dialout"), "{denied}");
        let absent = words(io::Error::from_raw_os_error(5));
        assert!(absent.ends_with("(os error 5): there may be no port behind this name"), "{absent}");
        let other = words(io::Error::other("failed to apply some or all settings"));
        assert_eq!(other, "the serial port /dev/ttyS1 can't do 115200 8N1: failed to apply some or all settings");
    }
}
