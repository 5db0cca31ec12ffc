//! A serial port over telnet (RFC 2217), with the lines that a TCP port does not have. One host at a time.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use quasimodem_core::{FlowControl, HostLine, Input, ModemLine, Uart};
use quasimodem_lab::com_port::{self, ComPort};
use tokio::time::{Instant, Sleep, sleep_until};

use super::tcp::Tcp;
use super::{Event, SerialEnd};
use crate::watching::Voice;

/// A listening socket, and the telnet connection of the host that is connected to it.
pub(crate) struct Rfc2217 {
    tcp: Tcp,
    filter: ComPort,
    uart: Uart,
    voice: Voice,
    /// What the host sent and the filter has not seen: one chunk at most.
    raw: Vec<u8>,
    /// Where `raw` begins.
    seen: usize,
    /// The host's bytes that the modem has not taken. They are read ahead, since requests may stand behind them.
    ahead: Vec<u8>,
    /// The host switched DTR behind what is in `ahead`.
    dtr: Option<bool>,
    /// Until when a host that negotiates is taken for one that is still setting up its side.
    settles: Option<Instant>,
    /// It negotiated, and the modem does not know.
    negotiated: bool,
    /// The host is done, but bytes of it are still to be taken.
    ended: Option<Event>,
    /// The modem's bytes, as long as `wire` has others.
    data: Vec<u8>,
    /// What goes to the host next, in telnet's writing.
    wire: Vec<u8>,
    /// Lines changed that the host was not told of, since it did not read.
    untold: bool,
    dcd: bool,
    /// When the ring indicator is switched off.
    ringing: Option<Pin<Box<Sleep>>>,
}

impl Rfc2217 {
    /// Listens. The modem's side of the line is set like this.
    pub(crate) async fn listen(address: SocketAddr, uart: Uart, voice: Voice) -> io::Result<Rfc2217> {
        Ok(Rfc2217 {
            tcp: Tcp::listen(address, voice.clone()).await?,
            filter: ComPort::new(SIGNATURE),
            uart,
            voice,
            raw: Vec::new(),
            seen: 0,
            ahead: Vec::new(),
            dtr: None,
            settles: None,
            negotiated: false,
            ended: None,
            data: Vec::new(),
            wire: Vec::new(),
            untold: false,
            dcd: false,
            ringing: None,
        })
    }

    /// Shows the filter what came, up to a change of DTR.
    fn filter(&mut self) {
        let mut rest = self.raw.get(self.seen..).unwrap_or_default();
        let (shown, data) = (rest.len(), self.ahead.len());
        while self.dtr.is_none() && !rest.is_empty() && self.wire.len() < WIRE_MAX {
            match self.filter.take(&mut rest, &mut self.ahead, &mut self.wire) {
                Some(com_port::Event::Dtr(on)) => self.dtr = Some(on),
                Some(com_port::Event::Settings) => self.compare_rates(),
                Some(com_port::Event::PurgeInput) => self.ahead.clear(),
                Some(com_port::Event::PurgeOutput) => self.data.clear(),
                Some(com_port::Event::PurgeBoth) => {
                    self.ahead.clear();
                    self.data.clear();
                }
                None => {}
            }
        }
        self.negotiated |= shown - rest.len() > self.ahead.len().saturating_sub(data);
        self.seen = self.raw.len() - rest.len();
    }

    /// The host set the rate of a port that has none; a real one would have to agree with the modem.
    fn compare_rates(&self) {
        let (host, modem) = (self.filter.rate(), self.uart.rate.bits());
        if let Some(host) = host.filter(|host| *host != modem) {
            self.voice.detail(format_args!(
                "the host's port is at {host} bit/s, the modem at {modem}: a real line would garble"
            ));
        }
    }

    /// Lets the filter tell the host of something. A host that does not read is told later, and only how the lines are then.
    fn tell(&mut self, what: impl FnOnce(&mut ComPort, &mut Vec<u8>)) {
        let waiting = self.wire.len();
        what(&mut self.filter, &mut self.wire);
        if waiting >= WIRE_MAX {
            self.wire.truncate(waiting);
            self.untold = true;
        }
    }

    /// Writes what the host takes; false if it takes nothing any more.
    fn poll_wire(&mut self, cx: &mut Context<'_>) -> io::Result<bool> {
        loop {
            if self.wire.is_empty() && std::mem::take(&mut self.untold) {
                self.filter.tell_lines(&mut self.wire);
            }
            if self.wire.is_empty() && !self.is_silenced() {
                self.filter.put(&self.data, &mut self.wire);
                self.data.clear();
            }
            if self.wire.is_empty() {
                return Ok(true);
            }
            match self.tcp.poll_write(cx, &self.wire)? {
                Poll::Ready(0) => {
                    self.wire.clear();
                    self.data.clear();
                    return Ok(false);
                }
                Poll::Ready(count) => drop(self.wire.drain(..count)),
                Poll::Pending => return Ok(true),
            }
        }
    }

    /// Whether the host wants no data: it said so, or switched RTS off where that means it.
    fn is_silenced(&self) -> bool {
        self.filter.is_suspended() || (self.uart.flow == FlowControl::RtsCts && !self.filter.rts())
    }

    fn poll_ringing(&mut self, cx: &mut Context<'_>) {
        if let Some(alarm) = &mut self.ringing
            && alarm.as_mut().poll(cx).is_ready()
        {
            self.ringing = None;
            self.tell(|filter, wire| filter.set_ri(false, wire));
        }
    }
}

impl SerialEnd for Rfc2217 {
    const OUTLIVES_HOST: bool = true;

    fn place(&self) -> String {
        format!("rfc2217 {}", self.tcp.address())
    }

    fn way_in(&self) -> String {
        let address = self.tcp.address();
        format!("Open it, for instance with `python3 -m serial.tools.miniterm rfc2217://{address}`, and type")
    }

    fn poll_event(&mut self, cx: &mut Context<'_>, wants: bool, chunk: &mut [u8]) -> Poll<io::Result<Event>> {
        for _ in 0..ROUNDS {
            self.poll_ringing(cx);
            self.poll_wire(cx)?;
            if wants && !self.ahead.is_empty() {
                let count = self.ahead.len().min(chunk.len());
                for (to, from) in chunk.iter_mut().zip(self.ahead.drain(..count)) {
                    *to = from;
                }
                return Poll::Ready(Ok(Event::Bytes(count)));
            }
            if std::mem::take(&mut self.negotiated) && self.settles.is_some_and(|until| Instant::now() < until) {
                return Poll::Ready(Ok(Event::Settling));
            }
            // A line does not wait for a modem that takes no bytes.
            if let Some(on) = self.dtr.take() {
                return Poll::Ready(Ok(Event::Line(HostLine::Dtr(on))));
            }
            let has_room = self.ahead.len() < Input::CHUNK && self.wire.len() < WIRE_MAX;
            if self.seen < self.raw.len() && has_room {
                self.filter();
                continue;
            }
            if let Some(event) = self.ended.take_if(|_| self.ahead.is_empty() && self.seen == self.raw.len()) {
                return Poll::Ready(Ok(event));
            }
            if self.ended.is_some() {
                return Poll::Pending;
            }
            let mut bytes = [0; Input::CHUNK];
            match self.tcp.poll_event(cx, has_room, &mut bytes)? {
                Poll::Ready(Event::Bytes(count)) => {
                    self.raw.clear();
                    self.raw.extend_from_slice(bytes.get(..count).unwrap_or_default());
                    self.seen = 0;
                }
                Poll::Ready(Event::Opened) => {
                    self.settles = Some(Instant::now() + SETTLING);
                    self.filter.greet(&mut self.wire);
                    self.filter.set_dcd(self.dcd, &mut self.wire);
                    return Poll::Ready(Ok(Event::Opened));
                }
                Poll::Ready(event @ (Event::Finished | Event::Left)) => self.ended = Some(event),
                Poll::Ready(event @ (Event::Settling | Event::Line(_) | Event::Interrupt)) => {
                    return Poll::Ready(Ok(event));
                }
                Poll::Pending => return Poll::Pending,
            }
        }
        // A host that asks and asks has its turn again after all others.
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if !self.poll_wire(cx)? {
            return Poll::Ready(Ok(0));
        }
        let count = DATA_MAX.saturating_sub(self.data.len()).min(bytes.len());
        if count == 0 {
            return Poll::Pending;
        }
        self.data.extend_from_slice(bytes.get(..count).unwrap_or_default());
        self.poll_wire(cx)?;
        Poll::Ready(Ok(count))
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_wire(cx)?;
        if self.wire.is_empty() && self.data.is_empty() { self.tcp.poll_flush(cx) } else { Poll::Pending }
    }

    fn poll_set(&mut self, cx: &mut Context<'_>, uart: Uart) -> Poll<io::Result<()>> {
        // Data that the host does not want now need not be waited for: there is no line that would garble it.
        self.uart = uart;
        self.poll_wire(cx)?;
        Poll::Ready(Ok(()))
    }

    fn set_line(&mut self, line: ModemLine) {
        match line {
            ModemLine::Dcd(on) => {
                self.dcd = on;
                self.tell(|filter, wire| filter.set_dcd(on, wire));
            }
            ModemLine::RiPulse(pulse) => {
                self.tell(|filter, wire| filter.set_ri(true, wire));
                self.ringing = Some(Box::pin(sleep_until(Instant::now() + pulse)));
            }
            ModemLine::Uart(_) => {}
        }
    }

    fn overrun(&mut self) {
        self.tell(ComPort::overrun);
    }

    fn hang_up(&mut self) -> io::Result<()> {
        // The next host finds a port that nobody has set.
        self.filter = ComPort::new(SIGNATURE);
        self.raw.clear();
        self.seen = 0;
        self.ahead.clear();
        self.dtr = None;
        self.settles = None;
        self.negotiated = false;
        self.ended = None;
        self.data.clear();
        self.wire.clear();
        self.untold = false;
        self.ringing = None;
        self.tcp.hang_up()
    }
}

/// What a client that asks is told of this program.
const SIGNATURE: &str = concat!("quasimodem ", env!("CARGO_PKG_VERSION"));

/// The modem's bytes that are taken before the host took others.
const DATA_MAX: usize = 4096;

/// Answers that wait for a host which does not read them, before no further request is heard.
const WIRE_MAX: usize = 4096;

/// How long a host may take to set up its side. One that asks for the lines again and again is not setting it up for
/// ever; pyserial gives its own negotiation three seconds.
const SETTLING: Duration = Duration::from_secs(5);

/// Chunks of requests that are heard in one go.
const ROUNDS: usize = 16;

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::io::{Read, Write};
    use std::net::{Ipv4Addr, TcpStream};
    use std::thread;

    use tokio::runtime::Builder;
    use tokio::task::yield_now;

    use super::*;

    /// WILL COM-PORT-OPTION, and SET-LINESTATE-MASK: all.
    const INTERESTED: &[u8] = b"\xff\xfb\x2c\xff\xfa\x2c\x0a\xff\xff\xff\xf0";

    async fn poll(port: &mut Rfc2217) -> Poll<Event> {
        let polled = poll_fn(|cx| Poll::Ready(port.poll_event(cx, true, &mut [0; Input::CHUNK]))).await;
        yield_now().await;
        polled.map(Result::unwrap)
    }

    #[test]
    fn a_host_that_reads_nothing_is_told_in_the_end_how_the_lines_are() {
        Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
            let mut port =
                Rfc2217::listen((Ipv4Addr::LOCALHOST, 0).into(), Uart::default(), Voice::unheard()).await.unwrap();
            let mut host = TcpStream::connect(port.tcp.address()).unwrap();
            host.write_all(INTERESTED).unwrap();
            for turn in 0.. {
                let opened = poll(&mut port).await == Poll::Ready(Event::Opened);
                port.overrun();
                // The first one that is told: the port has heard what the host wants to know.
                if !opened && port.wire.ends_with(b"\xff\xfa\x2c\x6a\x62\xff\xf0") {
                    break;
                }
                assert!(turn < 1_000_000, "nothing is told");
            }
            // As much as the system takes, and more.
            for round in 0..1_000_000 {
                port.overrun();
                port.set_line(ModemLine::Dcd(round % 2 == 0));
                if round % 1000 == 0 {
                    assert_eq!(poll(&mut port).await, Poll::Pending);
                }
            }
            assert!(port.wire.len() < 2 * WIRE_MAX, "{} bytes wait", port.wire.len());
            port.set_line(ModemLine::Dcd(true));
            let reader = thread::spawn(move || {
                // Carrier, DSR and CTS on; nothing that changed.
                let last = b"\xff\xfa\x2c\x6b\xb0\xff\xf0";
                let mut read = Vec::new();
                while !read.ends_with(last) {
                    let mut bytes = [0; 4096];
                    let count = host.read(&mut bytes).unwrap();
                    assert!(count > 0, "the line ends before");
                    read.extend_from_slice(&bytes[..count]);
                }
            });
            let end = Instant::now() + Duration::from_secs(20);
            while !reader.is_finished() {
                assert!(Instant::now() < end, "it is not told");
                let _ = poll(&mut port).await;
            }
            reader.join().unwrap();
        });
    }
}
