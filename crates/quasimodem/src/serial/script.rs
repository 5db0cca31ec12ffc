//! A script in the place of a host.

use std::fs;
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use quasimodem_core::Instant;
use quasimodem_lab::event::Names;
use quasimodem_lab::flat::Bad;
use quasimodem_lab::order::Inbox;
use quasimodem_lab::script::{Failure, Heard, Host, Input, Mode, Outbox, Program, TEXT_MAX, Who};
use quasimodem_lab::watch::Watch;
use tokio::time;

use super::{Event, SerialEnd};
use crate::Unusable;

/// Types what is written, and compares what comes. What the modem says is written to stdout.
pub(crate) struct Script {
    path: PathBuf,
    host: Host,
    /// What is to be typed, and ordered.
    typed: Outbox,
    orders: Arc<Inbox>,
    /// What happens elsewhere, and how much had happened when it gave its last order.
    heard: Arc<Heard>,
    since: u64,
    opened: bool,
    start: time::Instant,
    waker: Option<Waker>,
}

impl Script {
    /// Reads a file, in which these names are known.
    pub(crate) fn open(
        path: &Path,
        given: &[(&str, Vec<u8>)],
        who: Who,
        orders: Arc<Inbox>,
        has_broker: bool,
    ) -> Result<Script, Unusable> {
        let place = path.display();
        let text = read(path).map_err(|error| Unusable(format!("can't read {place}: {error}")))?;
        let given: Vec<(&str, &[u8])> = given.iter().map(|(name, value)| (*name, &**value)).collect();
        let program = Program::parse(&text, &given);
        let program = program.map_err(|mistake| Unusable(format!("{place}:{}: {}", mistake.line, mistake.words)))?;
        if let Some(line) = program.asks_broker().filter(|_| !has_broker) {
            return Err(Unusable(format!("{place}:{line}: only the broker of quasimodem lab takes orders")));
        }
        let host = Host::new(program.into(), who, Mode::Strict);
        let start = time::Instant::now();
        let (typed, heard) = (Outbox::default(), Arc::default());
        let path = path.into();
        Ok(Script { path, host, typed, orders, heard, since: 0, opened: false, start, waker: None })
    }

    /// What has to watch its modem and the lab, so that it hears of the events that it waits for, if there are any.
    pub(crate) fn ears(&self, names: Names) -> Option<Box<dyn Watch + Send>> {
        let ears = || Box::new(self.heard.ears(names)) as Box<dyn Watch + Send>;
        self.heard.want(self.host.program()).then(ears)
    }

    fn handle(&mut self, input: Input<'_>) {
        let now = Instant::START + self.start.elapsed();
        self.host.handle(now, input, &mut self.typed);
        if !self.typed.orders.is_empty() {
            self.since = self.heard.count();
        }
    }

    /// Tells the host what has happened, up to what makes it give an order.
    fn hear(&mut self, cx: &Context<'_>) {
        while self.typed.orders.is_empty()
            && let Some((number, event)) = self.heard.take(Some(cx.waker()))
        {
            if number > self.since && self.host.hears(&event) {
                self.handle(Input::Event(&event));
            }
        }
    }

    /// Hands its orders on; false if there are none.
    fn order(&mut self) -> bool {
        let orders = std::mem::take(&mut self.typed.orders);
        let gives = !orders.is_empty();
        for order in orders {
            // There is room for more than a script can give at once.
            self.orders.put(0, order);
        }
        gives
    }
}

/// A file, up to what no script is longer than.
fn read(path: &Path) -> io::Result<String> {
    let most = u64::try_from(TEXT_MAX).unwrap_or(u64::MAX).saturating_add(1);
    io::read_to_string(fs::File::open(path)?.take(most))
}

impl SerialEnd for Script {
    const OUTLIVES_HOST: bool = false;
    const IS_A_PERSON: bool = false;

    fn place(&self) -> String {
        format!("script {}", self.path.display())
    }

    fn way_in(&self) -> String {
        String::new()
    }

    fn poll_event(&mut self, cx: &mut Context<'_>, wants: bool, chunk: &mut [u8]) -> Poll<io::Result<Event>> {
        self.waker = Some(cx.waker().clone());
        if !self.opened {
            self.opened = true;
            self.handle(Input::Tick);
            return Poll::Ready(Ok(Event::Opened));
        }
        self.hear(cx);
        if self.order() {
            // They are carried out before it types more.
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        while self.typed.bytes.is_empty() && self.host.outcome().is_none() {
            // The owner of the modem has a timer, and polls again at that time.
            if self.wakes_at().is_none_or(|due| due > time::Instant::now()) {
                return Poll::Pending;
            }
            self.handle(Input::Tick);
            if self.order() {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
        }
        if self.typed.bytes.is_empty() {
            return Poll::Ready(Ok(Event::Left));
        }
        if !wants {
            return Poll::Pending;
        }
        let count = self.typed.bytes.len().min(chunk.len());
        for (to, from) in chunk.iter_mut().zip(self.typed.bytes.drain(..count)) {
            *to = from;
        }
        Poll::Ready(Ok(Event::Bytes(count)))
    }

    fn wakes_at(&self) -> Option<time::Instant> {
        let waits = self.opened && self.typed.bytes.is_empty() && self.host.outcome().is_none();
        let deadline = self.host.deadline().filter(|_| waits)?;
        Some(self.start + deadline.since(Instant::START))
    }

    fn poll_write(&mut self, _cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match io::stdout().lock().write_all(bytes) {
            // A reader that has seen enough is no error.
            Err(error) if error.kind() != ErrorKind::BrokenPipe => return Poll::Ready(Err(error)),
            _ => {}
        }
        self.handle(Input::Bytes(bytes));
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(&mut self, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(io::stdout().lock().flush())
    }

    fn refused(&mut self, bad: &Bad) {
        self.handle(Input::Refused(bad));
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    fn hang_up(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn verdict(&self) -> Result<(), String> {
        let path = self.path.display();
        match self.host.outcome() {
            Some(Ok(())) => Ok(()),
            Some(Err(Failure { line, words })) => Err(format!("{path}:{line}: {words}")),
            None => Err(format!("{path}:{}: ended before this was done", self.host.at_line())),
        }
    }
}
