//! A serial end at the pace of a real line.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use quasimodem_core::{FlowControl, ModemLine, Uart};
use quasimodem_lab::flat::Bad;
use quasimodem_lab::pace::Lane;
use tokio::time::{self, Sleep};

use super::{Event, SerialEnd};
use crate::watching::Voice;

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
    voice: Voice,
}

/// One direction.
struct Paces {
    lane: Lane,
    alarm: Pin<Box<Sleep>>,
    /// Bytes that were lost since the receiver was empty.
    lost: usize,
}

impl<E: SerialEnd> Paced<E> {
    /// An end whose line is set like this.
    pub(crate) fn new(end: E, uart: Uart, voice: Voice) -> Paced<E> {
        let start = time::Instant::now();
        Paced {
            end,
            uart,
            start,
            input: Paces::new(start, uart),
            output: Paces::new(start, uart),
            ended: None,
            gone: false,
            voice,
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
            if self.output.advance(self.start, self.uart, "the host's", &self.voice) {
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
    const IS_A_PERSON: bool = E::IS_A_PERSON;

    fn place(&self) -> String {
        self.end.place()
    }

    fn port(&self) -> String {
        self.end.port()
    }

    fn way_in(&self) -> String {
        self.end.way_in()
    }

    fn wakes_at(&self) -> Option<time::Instant> {
        self.end.wakes_at()
    }

    fn poll_event(&mut self, cx: &mut Context<'_>, wants: bool, chunk: &mut [u8]) -> Poll<io::Result<Event>> {
        loop {
            self.input.advance(self.start, self.uart, "the modem's", &self.voice);
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

    fn refused(&mut self, bad: &Bad) {
        self.end.refused(bad);
    }

    fn verdict(&self) -> Result<(), String> {
        self.end.verdict()
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
        Paces { lane, alarm: Box::pin(time::sleep_until(start)), lost: 0 }
    }

    /// Lets arrive what is due; whether some of it was lost.
    fn advance(&mut self, start: time::Instant, uart: Uart, whose: &str, voice: &Voice) -> bool {
        let lost = self.lane.advance(start.elapsed());
        if lost > 0 {
            if self.lost == 0 {
                let fifo = Lane::FIFO;
                // Nothing else tells why a command or an answer is not whole.
                voice.warning(format_args!(
                    "bytes are lost: {whose} receiver holds {fifo}, was not emptied in time, and there is no flow control \
                     at {uart}"
                ));
            }
            self.lost += lost;
        } else if self.lost > 0 && self.lane.received().is_empty() {
            voice.detail(format_args!("{whose} receiver has lost {} bytes", self.lost));
            self.lost = 0;
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

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::future::{Future, poll_fn};
    use std::time::Duration;

    use quasimodem_core::Rate;
    use tokio::runtime::Builder;

    use super::*;

    /// A host that has typed all that it will, and takes so many bytes.
    #[derive(Default)]
    struct Fake {
        typed: VecDeque<u8>,
        takes: usize,
        read: Vec<u8>,
        overran: bool,
    }

    impl SerialEnd for Fake {
        const OUTLIVES_HOST: bool = false;

        fn place(&self) -> String {
            String::new()
        }

        fn way_in(&self) -> String {
            String::new()
        }

        fn poll_event(&mut self, _: &mut Context<'_>, wants: bool, chunk: &mut [u8]) -> Poll<io::Result<Event>> {
            if !wants {
                return Poll::Pending;
            }
            let count = self.typed.len().min(chunk.len());
            chunk.iter_mut().zip(self.typed.drain(..count)).for_each(|(to, from)| *to = from);
            Poll::Ready(Ok(if count > 0 { Event::Bytes(count) } else { Event::Finished }))
        }

        fn poll_write(&mut self, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
            let count = bytes.len().min(self.takes - self.read.len());
            self.read.extend(bytes.iter().take(count));
            if count > 0 { Poll::Ready(Ok(count)) } else { Poll::Pending }
        }

        fn overrun(&mut self) {
            self.overran = true;
        }

        fn hang_up(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn uart(rate: u32, flow: FlowControl) -> Uart {
        Uart { rate: Rate::new(rate).unwrap(), flow, ..Uart::default() }
    }

    /// Runs it on a clock that stands while anything else is to be done.
    fn run<T>(test: impl Future<Output = T>) -> T {
        Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(test)
    }

    /// Writes as much of it as is taken before nothing happens any more, and tells how much that is.
    async fn write(paced: &mut Paced<Fake>, bytes: &[u8]) -> usize {
        let mut written = 0;
        while written < bytes.len() {
            let some = poll_fn(|cx| paced.poll_write(cx, &bytes[written..]));
            let Ok(some) = time::timeout(Duration::from_secs(60), some).await else { break };
            written += some.unwrap();
        }
        written
    }

    #[test]
    fn a_line_takes_its_time_to_the_modem_and_its_end_waits_for_it() {
        run(async {
            let typed = vec![7; 2000].into();
            let mut paced =
                Paced::new(Fake { typed, ..Fake::default() }, uart(9600, FlowControl::None), Voice::unheard());
            let (start, mut came, mut chunk) = (time::Instant::now(), 0, [0; 4096]);
            loop {
                match poll_fn(|cx| paced.poll_event(cx, true, &mut chunk)).await.unwrap() {
                    Event::Bytes(count) => came += count,
                    event => break assert_eq!(event, Event::Finished),
                }
                // A character is a little more than a millisecond long; the clock has ticks of one.
                let due = start.elapsed().as_micros() * 9600 / 10_000_000;
                assert!((due.saturating_sub(2)..=due).contains(&(came as u128)), "{came} of {due}");
            }
            assert_eq!(came, 2000);
        });
    }

    #[test]
    fn a_line_takes_its_time_to_the_host_also_when_its_rate_changes() {
        run(async {
            let mut paced =
                Paced::new(Fake { takes: 5000, ..Fake::default() }, uart(1200, FlowControl::None), Voice::unheard());
            let start = time::Instant::now();
            assert_eq!(write(&mut paced, &[1; 600]).await, 600);
            poll_fn(|cx| paced.poll_set(cx, uart(12_000, FlowControl::None))).await.unwrap();
            assert_eq!(start.elapsed().as_millis(), 5000, "the old rate holds for what was written before");
            assert_eq!(write(&mut paced, &[2; 600]).await, 600);
            poll_fn(|cx| paced.poll_flush(cx)).await.unwrap();
            assert_eq!(start.elapsed().as_millis(), 5500);
            assert_eq!(paced.end.read.len(), 1200);
        });
    }

    #[test]
    fn a_host_that_does_not_read_loses_bytes_unless_it_holds_the_modem_back() {
        run(async {
            for (flow, lost) in [(FlowControl::None, true), (FlowControl::RtsCts, false), (FlowControl::XonXoff, false)]
            {
                let mut paced =
                    Paced::new(Fake { takes: 100, ..Fake::default() }, uart(115_200, flow), Voice::unheard());
                let written = write(&mut paced, &[1; 5000]).await;
                assert_eq!((written == 5000, paced.end.overran), (lost, lost), "{flow:?}: {written}");
                let held = 100 + Lane::FIFO + Lane::TRANSMITTER;
                assert!(lost || written == held, "{flow:?}: {written}");
                // When it reads again, it finds what its receiver held, and what was still on its way.
                paced.end.takes = 10_000;
                poll_fn(|cx| paced.poll_flush(cx)).await.unwrap();
                let read = paced.end.read.len();
                assert!(
                    if lost { (100 + Lane::FIFO..=held).contains(&read) } else { read == held },
                    "{flow:?}: {read}"
                );
            }
        });
    }
}
