//! `quasimodem tap`: sits between a host and a module, passes their bytes on as they are, and tells what they say.

use std::fs;
use std::future::poll_fn;
use std::io;
use std::path::Path;
use std::task::{Context, Poll};

use anyhow::{Context as _, Error, Result};
use quasimodem_core::Input;
use quasimodem_lab::event::{Event as Told, Names};
use quasimodem_lab::timing::Lessons;
use quasimodem_lab::watch::{Of, Way};
use tokio::runtime::Builder;
use tokio::time;

use crate::cli::{HostAt, Tap, To};
use crate::events::{self, Ready};
use crate::log;
use crate::notify::Notify;
use crate::queue::Queue;
use crate::run::{MODEM, Signals};
use crate::serial::dialed::Dialed;
use crate::serial::pty::Pty;
use crate::serial::tcp::Tcp;
use crate::serial::uart::UartPort;
use crate::serial::{Event, SerialEnd};
use crate::watching::{Voice, Watching};

/// Passes bytes on until a signal comes.
pub(crate) fn run(options: Tap) -> Result<()> {
    let runtime = Builder::new_current_thread().enable_all().build().context("can't start")?;
    let result = runtime.block_on(start(options));
    runtime.shutdown_background();
    result
}

async fn start(Tap { at, to, events, learn, log, .. }: Tap) -> Result<()> {
    // Before the serial ends are made: a signal must not leave a link behind.
    let signals = Signals::new().context("can't watch for signals")?;
    let names = Names::from_iter([MODEM]);
    if let Some(path) = log {
        log::open(&path)?;
    }
    let mut watches = log::watches(&names);
    watches.extend(log::of_tap(&names));
    let lessons = learn.as_ref().map(|_| Lessons::default());
    if let Some(lessons) = &lessons {
        watches.push(Box::new(lessons.watch()));
    }
    if let Some(target) = events {
        watches.push(events::open(&target, names)?);
    }
    let watching = Watching::new(time::Instant::now(), watches);
    let voice = watching.voice(Of::Station(STATION));
    let ended = match to {
        To::Serial(path, uart) => {
            let module = UartPort::open(&path, uart, voice.clone()).map_err(Error::msg)?;
            before(at, module, voice, signals, watching).await
        }
        To::Tcp(host, port) => {
            let module = Dialed::call(&host, port, voice.clone()).await;
            let module = module.with_context(|| format!("can't connect to the module at {host}:{port}"))?;
            before(at, module, voice, signals, watching).await
        }
    };
    if let (Some(path), Some(lessons)) = (learn, lessons) {
        write_down(&path, &lessons)?;
    }
    ended
}

/// Sits before a module, where the host is to be.
async fn before<M: SerialEnd>(at: HostAt, module: M, voice: Voice, signals: Signals, watching: Watching) -> Result<()> {
    match at {
        HostAt::Pty(link) => {
            let pty = Pty::open(link.as_deref()).context("can't make a pseudo-terminal")?;
            pass(pty, module, signals, watching).await
        }
        HostAt::Tcp(address) => {
            let tcp = Tcp::listen(address, voice).await.with_context(|| format!("can't listen on {address}"))?;
            pass(tcp, module, signals, watching).await
        }
        HostAt::Serial(path, uart) => {
            pass(UartPort::open(&path, uart, voice).map_err(Error::msg)?, module, signals, watching).await
        }
    }
}

/// Writes what was learned, all of it or nothing.
fn write_down(path: &Path, lessons: &Lessons) -> Result<()> {
    let can_not = || format!("can't write what was learned to {}", path.display());
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    let name: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let mut text = lessons.learned(&name, "seen on the serial line by quasimodem tap").to_string();
    match lessons.left_out() {
        0 => {}
        count => text = format!("# Answers that hold secrets, or can't be given again: {count} left out.\n{text}"),
    }
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    fs::write(&beside, text).and_then(|()| fs::rename(&beside, path)).with_context(can_not)
}

async fn pass<H: SerialEnd, M: SerialEnd>(host: H, module: M, mut signals: Signals, watching: Watching) -> Result<()> {
    let (chunk, queue) = (Box::new([0; Input::CHUNK]), Queue::default);
    let mut between = Between { host, module, is_here: false, up: queue(), down: queue(), chunk, watching };
    log::say(format_args!("tap ready on {}, before {}", between.host.place(), between.module.place()));
    let ready = Ready { modems: vec![(MODEM.into(), between.host.port())], ..Ready::default() };
    ready.tell(&between.watching);
    let notify = Notify::ready();
    let ended = poll_fn(|cx| match signals.poll(cx) {
        Poll::Ready(()) => Poll::Ready(Ok(())),
        Poll::Pending => between.poll(cx),
    });
    let ended = ended.await;
    notify.stopping();
    between.watching.see(|watch| watch.run(between.watching.now(), &Told::End {}));
    ended.context("the tap failed")
}

/// The number of the only module.
const STATION: usize = 0;

/// Rounds of one poll, before signals have their turn.
const ROUNDS: usize = 16;

/// A host, a module, and what is on its way between them.
struct Between<H, M> {
    host: H,
    module: M,
    /// A host has the port open.
    is_here: bool,
    up: Queue,
    down: Queue,
    chunk: Box<[u8; Input::CHUNK]>,
    watching: Watching,
}

impl<H: SerialEnd, M: SerialEnd> Between<H, M> {
    /// Passes on what there is; ready if one of the ends fails.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        for _ in 0..ROUNDS {
            let mut busy = false;
            if let Poll::Ready(event) = self.host.poll_event(cx, has_room(&self.up), &mut *self.chunk) {
                busy = true;
                if self.of_host(event?)? {
                    return Poll::Ready(Ok(()));
                }
            }
            if let Poll::Ready(event) = self.module.poll_event(cx, has_room(&self.down), &mut *self.chunk) {
                busy = true;
                self.of_module(event?)?;
            }
            busy |= write(&mut self.up, &mut self.module, cx)?;
            busy |= write(&mut self.down, &mut self.host, cx)?;
            if !busy {
                return Poll::Pending;
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// What the host did; whether that ends the tap.
    fn of_host(&mut self, event: Event) -> io::Result<bool> {
        match event {
            Event::Opened => self.host_is(true),
            Event::Bytes(count) => {
                let bytes = self.chunk.get(..count).unwrap_or_default();
                self.up.push(bytes);
                self.watching.see(|watch| watch.serial(self.watching.now(), STATION, Way::ToModem, bytes));
            }
            Event::Finished | Event::Left => {
                self.down.clear();
                self.host.hang_up()?;
                self.host_is(false);
            }
            Event::Interrupt => return Ok(true),
            // Only bytes pass.
            Event::Settling | Event::Line(_) => {}
        }
        Ok(false)
    }

    /// What the module did. What it says while nobody is there is lost, as on a line.
    fn of_module(&mut self, event: Event) -> io::Result<()> {
        match event {
            Event::Bytes(count) if self.is_here => {
                let bytes = self.chunk.get(..count).unwrap_or_default();
                self.down.push(bytes);
                self.watching.see(|watch| watch.serial(self.watching.now(), STATION, Way::ToHost, bytes));
            }
            Event::Left => {
                self.up.clear();
                self.module.hang_up()?;
            }
            _ => {}
        }
        Ok(())
    }

    fn host_is(&mut self, here: bool) {
        if std::mem::replace(&mut self.is_here, here) != here {
            self.watching.see(|watch| watch.host(self.watching.now(), STATION, here));
        }
    }
}

/// Whether more may be read for what waits here.
fn has_room(queue: &Queue) -> bool {
    queue.waiting().len() < Queue::HIGH
}

/// Writes what an end takes; whether that was anything. What nobody takes any more is lost.
fn write(queue: &mut Queue, end: &mut impl SerialEnd, cx: &mut Context<'_>) -> io::Result<bool> {
    let mut any = false;
    while !queue.is_empty() {
        match end.poll_write(cx, queue.waiting())? {
            Poll::Pending => break,
            Poll::Ready(0) => queue.clear(),
            Poll::Ready(count) => queue.advance(count),
        }
        any = true;
    }
    if any && let Poll::Ready(result) = end.poll_flush(cx) {
        result?;
    }
    Ok(any)
}
