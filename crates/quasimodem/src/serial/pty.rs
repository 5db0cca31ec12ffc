//! A pseudo-terminal: a serial port to programs that know nothing of this one.
//!
//! The modem holds the master and never the slave, so that the kernel tells whether anybody has the slave open: the master
//! hangs up when the last one closes it, and gives EIO once all that was written before has been read. It does not tell
//! when somebody opens the slave; inotify does. Inotify alone would not do: it merges equal events that nobody has read yet, so
//! two programs that open the port in a row may look like one.

use std::ffi::OsStr;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::inotify::{self, CreateFlags, ReadFlags, WatchFlags};
use rustix::fs::{Mode, OFlags, fcntl_setfl, open};
use rustix::io::Errno;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{OptionalActions, QueueSelector, Termios, tcflush, tcgetattr, tcsetattr};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::pty_link::PtyLink;
use super::{Event, SerialEnd};

/// The master of a pseudo-terminal, and a watch over its slave.
pub(crate) struct Pty {
    master: Arc<OwnedFd>,
    /// The master's readiness while a host is attached. A hang-up stays in it for good, so each host gets a new one.
    ready: Option<AsyncFd<Arc<OwnedFd>>>,
    watch: AsyncFd<Arc<OwnedFd>>,
    visits: Visits,
    /// Nobody has the slave open, but there may be bytes to read.
    hung_up: bool,
    raw: Termios,
    slave: PathBuf,
    link: Option<PtyLink>,
}

impl Pty {
    /// Makes a pseudo-terminal in raw mode, and a symbolic link to its slave, which is removed when this is dropped.
    pub(crate) fn open(link: Option<&Path>) -> io::Result<Pty> {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
        grantpt(&master)?;
        unlockpt(&master)?;
        fcntl_setfl(&master, OFlags::NONBLOCK)?;
        let name = ptsname(&master, Vec::new())?;
        let slave = PathBuf::from(OsStr::from_bytes(name.as_bytes()));

        // The master of a slave that nobody has opened yet looks as if somebody had.
        drop(open(&slave, OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC, Mode::empty())?);
        let watch = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC)?;
        inotify::add_watch(&watch, &slave, WatchFlags::OPEN | WatchFlags::CLOSE)?;

        // Settings of the master are those of the slave.
        let mut raw = tcgetattr(&master)?;
        raw.make_raw();
        tcsetattr(&master, OptionalActions::Now, &raw)?;

        let link = link.map(|path| PtyLink::new(path, &slave)).transpose()?;
        Ok(Pty {
            master: Arc::new(master),
            ready: None,
            watch: register(Arc::new(watch), Interest::READABLE)?,
            visits: Visits::default(),
            hung_up: false,
            raw,
            slave,
            link,
        })
    }

    /// Learns who came and went.
    fn poll_visits(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        if !poll_watch(&self.watch, &mut self.visits, cx)? {
            return Ok(());
        }
        self.hung_up = self.is_hung_up()?;
        if self.hung_up {
            self.visits.holders = 0;
        } else {
            // Somebody has it open. If that is no news yet, it will be in a moment, or an opening was merged with another.
            // The queue itself is asked: its readiness is known only once the reactor has had a turn.
            drain(self.watch.get_ref(), &mut self.visits)?;
            if self.visits.holders == 0 {
                self.visits.holders = 1;
                self.visits.unexplained = Some(Instant::now());
            }
        }
        Ok(())
    }

    fn is_hung_up(&self) -> io::Result<bool> {
        let mut polled = [PollFd::new(&self.master, PollFlags::empty())];
        poll(&mut polled, Some(&Timespec::default()))?;
        Ok(polled.iter().any(|polled| polled.revents().contains(PollFlags::HUP)))
    }

    /// Asks for the master's readiness anew.
    fn register_master(&mut self) -> io::Result<()> {
        // The old registration goes first: a descriptor can be registered only once.
        self.ready = None;
        self.ready = Some(register(Arc::clone(&self.master), Interest::READABLE | Interest::WRITABLE)?);
        Ok(())
    }

    fn poll_read(&mut self, cx: &mut Context<'_>, chunk: &mut [u8]) -> Poll<io::Result<Event>> {
        while let Some(ready) = &self.ready {
            let mut guard = ready!(ready.poll_read_ready(cx))?;
            match rustix::io::read(&self.master, &mut *chunk) {
                Ok(count) if count > 0 => return Poll::Ready(Ok(Event::Bytes(count))),
                Ok(_) | Err(Errno::IO) => {
                    self.visits = Visits::default();
                    break;
                }
                // It hung up once, and was opened again.
                Err(Errno::AGAIN) if guard.ready().is_read_closed() => self.register_master()?,
                Err(Errno::AGAIN) => guard.clear_ready(),
                Err(Errno::INTR) => {}
                Err(error) => return Poll::Ready(Err(error.into())),
            }
        }
        Poll::Ready(Ok(Event::Left))
    }
}

impl SerialEnd for Pty {
    const OUTLIVES_HOST: bool = true;

    fn place(&self) -> String {
        match &self.link {
            Some(link) => format!("pty {} -> {}", link.path().display(), self.slave.display()),
            None => format!("pty {}", self.slave.display()),
        }
    }

    fn port(&self) -> String {
        self.link.as_ref().map_or(&*self.slave, PtyLink::path).display().to_string()
    }

    fn way_in(&self) -> String {
        let path = self.link.as_ref().map_or(&*self.slave, PtyLink::path);
        format!("Open it, for instance with `picocom {}`, and type", path.display())
    }

    fn poll_event(&mut self, cx: &mut Context<'_>, wants: bool, chunk: &mut [u8]) -> Poll<io::Result<Event>> {
        self.poll_visits(cx)?;
        if self.ready.is_none() {
            if !self.visits.present {
                return Poll::Pending;
            }
            self.register_master()?;
            // It may have come and gone already.
            self.hung_up = self.is_hung_up()?;
            return Poll::Ready(Ok(Event::Opened));
        }
        // Nobody can tell whose bytes are waiting. They go to the new host: it reads the answers.
        if std::mem::take(&mut self.visits.handed_over) {
            return Poll::Ready(Ok(Event::Left));
        }
        if wants { self.poll_read(cx, chunk) } else { Poll::Pending }
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        while let Some(ready) = self.ready.as_ref().filter(|_| !self.hung_up) {
            let mut guard = ready!(ready.poll_write_ready(cx))?;
            match rustix::io::write(&self.master, bytes) {
                Ok(count) if count > 0 => return Poll::Ready(Ok(count)),
                Ok(_) | Err(Errno::AGAIN) => {
                    if guard.ready().is_write_closed() {
                        self.hung_up = self.is_hung_up()?;
                        self.register_master()?;
                    } else {
                        guard.clear_ready();
                    }
                }
                Err(Errno::INTR) => {}
                Err(error) => return Poll::Ready(Err(error.into())),
            }
        }
        Poll::Ready(Ok(0))
    }

    fn hang_up(&mut self) -> io::Result<()> {
        self.ready = None;
        self.hung_up = false;
        // First what is on its way to the slave, then, with the mode that the host may have changed, what has arrived.
        tcflush(&self.master, QueueSelector::OFlush)?;
        tcsetattr(&self.master, OptionalActions::Flush, &self.raw)?;
        Ok(())
    }
}

/// Who opened and closed the slave, as far as the watch can tell.
#[derive(Default)]
struct Visits {
    /// How many have it open.
    holders: usize,
    /// A host came, whether or not the modem knows.
    present: bool,
    /// The last holder closed it and another opened it before the modem heard of either.
    handed_over: bool,
    /// Since when somebody has it open of whose opening nothing was heard.
    unexplained: Option<Instant>,
}

/// How long the news of an opening may take, from the moment at which it shows.
const NEWS: Duration = Duration::from_millis(100);

impl Visits {
    fn saw(&mut self, event: ReadFlags) {
        if event.contains(ReadFlags::OPEN) {
            let explained = self.unexplained.take().is_some_and(|since| since.elapsed() < NEWS);
            self.handed_over |= self.present && (self.holders == 0 || explained);
            self.present = true;
            self.holders += usize::from(!explained);
        }
        if event.intersects(CLOSED) {
            self.holders = self.holders.saturating_sub(1);
        }
    }
}

/// Reads all that the watch has seen, once it is ready; whether anybody closed the slave.
fn poll_watch(watch: &AsyncFd<Arc<OwnedFd>>, visits: &mut Visits, cx: &mut Context<'_>) -> io::Result<bool> {
    let mut closed = false;
    while let Poll::Ready(guard) = watch.poll_read_ready(cx) {
        let mut guard = guard?;
        closed |= drain(guard.get_inner(), visits)?;
        guard.clear_ready();
    }
    Ok(closed)
}

/// Reads all that the watch has seen; whether anybody closed the slave.
fn drain(watch: &OwnedFd, visits: &mut Visits) -> io::Result<bool> {
    let mut closed = false;
    let mut buffer = [MaybeUninit::uninit(); 1024];
    let mut events = inotify::Reader::new(watch, &mut buffer);
    loop {
        match events.next().map(|event| event.events()) {
            Ok(event) => {
                visits.saw(event);
                closed |= event.intersects(CLOSED);
            }
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => return Ok(closed),
            Err(error) => return Err(error.into()),
        }
    }
}

/// The readiness of a descriptor.
#[allow(deprecated, reason = "its successor is an unsafe function that asks for what an Arc<OwnedFd> is anyway")]
pub(crate) fn register(descriptor: Arc<OwnedFd>, interest: Interest) -> io::Result<AsyncFd<Arc<OwnedFd>>> {
    AsyncFd::with_interest(descriptor, interest)
}

const CLOSED: ReadFlags = ReadFlags::CLOSE_WRITE.union(ReadFlags::CLOSE_NOWRITE);

#[cfg(test)]
mod tests {
    use super::*;

    fn after(events: &[ReadFlags]) -> Visits {
        let mut visits = Visits::default();
        events.iter().for_each(|event| visits.saw(*event));
        visits
    }

    #[test]
    fn a_visit_that_is_over_is_still_one() {
        let Visits { holders, present, handed_over, .. } = after(&[ReadFlags::OPEN, ReadFlags::CLOSE_WRITE]);
        assert_eq!((holders, present, handed_over), (0, true, false));
    }

    /// The kernel lets the master live again before it tells of the opening.
    #[test]
    fn news_that_come_late_are_still_of_the_next_host() {
        let mut visits = after(&[ReadFlags::OPEN, ReadFlags::CLOSE_WRITE]);
        (visits.holders, visits.unexplained) = (1, Some(Instant::now()));
        visits.saw(ReadFlags::OPEN);
        assert_eq!((visits.holders, visits.handed_over), (1, true));
        // Two openings that were merged: the one who stays is no other.
        let mut visits = after(&[ReadFlags::OPEN, ReadFlags::CLOSE_WRITE]);
        (visits.holders, visits.unexplained) = (1, Instant::now().checked_sub(NEWS));
        visits.saw(ReadFlags::OPEN);
        assert_eq!((visits.holders, visits.handed_over), (2, false));
    }

    #[test]
    fn the_next_host_is_told_from_a_second_one() {
        assert!(after(&[ReadFlags::OPEN, ReadFlags::CLOSE_NOWRITE, ReadFlags::OPEN]).handed_over);
        assert!(!after(&[ReadFlags::OPEN, ReadFlags::OPEN, ReadFlags::CLOSE_NOWRITE]).handed_over);
    }
}
