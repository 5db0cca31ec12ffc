//! A serial end at the pace of a real line.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use quasimodem_core::{FlowControl, ModemLine, Uart};
use quasimodem_lab::pace::Lane;
use tokio::time::{self, Sleep};

use super::{Event, SerialEnd};
use crate::log;

/// A serial end whose bytes take the time that they take on a line, both ways, and are lost where a receiver is not
/// emptied in time and nothing holds the sender back.
pub(crate) struct Paced<E> {
    end: E,
    uart: Uart,
    start: time::Instant,
    /// From the host to the modem.
    input: Paces,
    /// From the modem to the host.
    output: Paces,
    /// The host is done, but bytes of it are still under way.
    ended: Option<Event>,
    /// The host can't be written to any more.
    gone: bool,
}

/// One direction.
struct Paces {
    lane: Lane,
    alarm: Pin<Box<Sleep>>,
    /// The receiver overran, and was not empty since.
    overran: bool,
}

impl<E: SerialEnd> Paced<E> {
    /// An end whose line is set like this.
    pub(crate) fn new(end: E, uart: Uart) -> Paced<E> {
        let start = time::Instant::now();
        Paced {
            end,
            uart,
            start,
            input: Paces::new(start, uart),
            output: Paces::new(start, uart),
            ended: None,
            gone: false,
        }
    }

    fn set_pace(&mut self, uart: Uart) {
        self.uart = uart;
        self.input.lane.set(uart.character(), held_back(uart));
        self.output.lane.set(uart.character(), held_back(uart));
    }

    /// Lets arrive at the host what is due to arrive, and hands over what it takes.
    fn poll_output(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        loop {
            if self.output.advance(self.start, self.uart, "the host's") {
                self.end.overrun();
            }
            while !self.output.lane.received().is_empty() {
                match self.end.poll_write(cx, self.output.lane.received())? {
                    Poll::Ready(0) => {
                        self.gone = true;
                        self.output.lane.clear();
                        return Ok(());
                    }
                    Poll::Ready(count) => self.output.lane.read(count),
                    Poll::Pending => break,
                }
            }
            if self.output.poll_alarm(cx, self.start).is_pending() {
                return Ok(());
            }
        }
    }
}

impl<E: SerialEnd> SerialEnd for Paced<E> {
    const OUTLIVES_HOST: bool = E::OUTLIVES_HOST;

    fn place(&self) -> String {
        self.end.place()
    }

    fn way_in(&self) -> String {
        self.end.way_in()
    }

    fn poll_event(&mut self, cx: &mut Context<'_>, wants: bool, chunk: &mut [u8]) -> Poll<io::Result<Event>> {
        loop {
            self.input.advance(self.start, self.uart, "the modem's");
            let received = self.input.lane.received();
            if wants && !received.is_empty() {
                let count = received.len().min(chunk.len());
                for (to, from) in chunk.iter_mut().zip(received) {
                    *to = *from;
                }
                self.input.lane.read(count);
                return Poll::Ready(Ok(Event::Bytes(count)));
            }
            match self.ended {
                Some(_) if !self.input.lane.is_empty() => {}
                Some(event) => {
                    self.ended = None;
                    return Poll::Ready(Ok(event));
                }
                None => {
                    let room = self.input.lane.room().min(chunk.len());
                    let event = self.end.poll_event(cx, room > 0, chunk.get_mut(..room).unwrap_or_default());
                    match event? {
                        Poll::Ready(Event::Bytes(count)) => {
                            let now = self.start.elapsed();
                            self.input.lane.send(now, chunk.get(..count).unwrap_or_default());
                            continue;
                        }
                        Poll::Ready(event @ (Event::Finished | Event::Left)) => {
                            self.ended = Some(event);
                            continue;
                        }
                        Poll::Ready(event) => return Poll::Ready(Ok(event)),
                        Poll::Pending => {}
                    }
                }
            }
            ready!(self.input.poll_alarm(cx, self.start));
        }
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_output(cx)?;
        if self.gone {
            return Poll::Ready(Ok(0));
        }
        let count = self.output.lane.room().min(bytes.len());
        if count == 0 {
            return Poll::Pending;
        }
        self.output.lane.send(self.start.elapsed(), bytes.get(..count).unwrap_or_default());
        // Sets the alarm.
        self.poll_output(cx)?;
        Poll::Ready(Ok(count))
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_output(cx)?;
        if self.output.lane.is_empty() { self.end.poll_flush(cx) } else { Poll::Pending }
    }

    fn poll_set(&mut self, cx: &mut Context<'_>, uart: Uart) -> Poll<io::Result<()>> {
        ready!(self.poll_flush(cx))?;
        ready!(self.end.poll_set(cx, uart))?;
        self.set_pace(uart);
        Poll::Ready(Ok(()))
    }

    fn set_line(&mut self, line: ModemLine) {
        self.end.set_line(line);
    }

    fn hang_up(&mut self) -> io::Result<()> {
        self.input.lane.clear();
        self.output.lane.clear();
        self.ended = None;
        self.gone = false;
        self.end.hang_up()
    }
}

impl Paces {
    fn new(start: time::Instant, uart: Uart) -> Paces {
        let lane = Lane::new(uart.character(), held_back(uart));
        Paces { lane, alarm: Box::pin(time::sleep_until(start)), overran: false }
    }

    /// Lets arrive what is due; whether some of it was lost.
    fn advance(&mut self, start: time::Instant, uart: Uart, whose: &str) -> bool {
        let lost = self.lane.advance(start.elapsed());
        if lost > 0 {
            log::overrun(whose, Lane::FIFO, uart, lost, !self.overran);
            self.overran = true;
        } else if self.lane.received().is_empty() {
            self.overran = false;
        }
        lost > 0
    }

    /// Ready when something is due to arrive.
    fn poll_alarm(&mut self, cx: &mut Context<'_>, start: time::Instant) -> Poll<()> {
        let Some(deadline) = self.lane.deadline() else { return Poll::Pending };
        let due = start + deadline;
        if self.alarm.deadline() != due {
            self.alarm.as_mut().reset(due);
        }
        self.alarm.as_mut().poll(cx)
    }
}

fn held_back(uart: Uart) -> bool {
    uart.flow != FlowControl::None
}
