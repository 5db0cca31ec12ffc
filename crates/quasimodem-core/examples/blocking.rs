//! A driver in one file: a modem on stdin and stdout, with blocking threads. TCP only.
//!
//! ```sh
//! printf 'AT+MQTTOPEN=1,"127.0.0.1",1883,1,60\r' | cargo run -q -p quasimodem-core --example blocking
//! ```
//!
//! Each port is read by a thread that brings one chunk and waits until the modem has taken it: a port that the modem does
//! not want is not read, so that the peer has to wait.

use std::collections::{HashMap, VecDeque};
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream, ToSocketAddrs};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant as Clock};

use quasimodem_core::{Effect, Host, Imei, Input, Instant, Link, Modem, Outbox, Port, Query, Settings, Transport, Why};

/// What a thread tells. Links carry the number of their use, since a link is used again under the same name.
enum Event {
    /// A chunk, and where to ask for the next one.
    Bytes(Port, u64, Vec<u8>, Sender<()>),
    Opened(Link, u64, TcpStream),
    Closed(Link, u64, Why),
    Resolved(Query, Result<std::net::IpAddr, Why>),
    HostLeft,
}

struct Driver {
    modem: Modem,
    outbox: Outbox,
    start: Clock,
    events: Sender<Event>,
    /// The use of each link that is open or being opened, and its stream.
    links: HashMap<Link, (u64, Option<TcpStream>)>,
    uses: u64,
}

fn main() -> io::Result<()> {
    let (events, inbox) = mpsc::channel();
    let host = events.clone();
    thread::spawn(move || {
        read(Port::Serial, 0, io::stdin(), &host);
        let _ = host.send(Event::HostLeft);
    });
    let mut driver = Driver {
        modem: Modem::new(Settings::default().into(), Imei::default()),
        outbox: Outbox::default(),
        start: Clock::now(),
        events,
        links: HashMap::new(),
        uses: 0,
    };
    driver.tell(Input::Host(Host::Attached))?;
    driver.run(&inbox)
}

/// Brings what comes at a port, one chunk after the other.
fn read(port: Port, of: u64, mut from: impl Read, events: &Sender<Event>) {
    let (next, taken) = mpsc::channel();
    let mut chunk = [0; Input::CHUNK];
    while let Ok(count @ 1..) = from.read(&mut chunk) {
        let sent = events.send(Event::Bytes(port, of, chunk[..count].to_vec(), next.clone()));
        if sent.is_err() || taken.recv().is_err() {
            return;
        }
    }
}

impl Driver {
    fn run(&mut self, inbox: &Receiver<Event>) -> io::Result<()> {
        let mut waiting = VecDeque::new();
        let mut host_left = false;
        loop {
            // What is not wanted now stays; what comes behind it from elsewhere may be.
            let wanted = |event: &Event| !matches!(event, Event::Bytes(port, ..) if !self.modem.wants(*port));
            let next = match waiting.iter().position(wanted) {
                Some(place) => waiting.remove(place),
                // The host may go once it has been told all that it is owed.
                None if host_left && !self.modem.owes() => return Ok(()),
                None => match self.wait(inbox) {
                    Ok(event) => {
                        waiting.push_back(event);
                        continue;
                    }
                    Err(RecvTimeoutError::Timeout) => None,
                    Err(RecvTimeoutError::Disconnected) => return Ok(()),
                },
            };
            match next {
                None => self.tell(Input::Tick)?,
                Some(Event::HostLeft) => host_left = true,
                Some(event) => self.take(event)?,
            }
        }
    }

    /// Waits for something to happen, or for the modem's deadline.
    fn wait(&self, inbox: &Receiver<Event>) -> Result<Event, RecvTimeoutError> {
        match self.modem.deadline() {
            None => inbox.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some(deadline) => inbox.recv_timeout(deadline.since(self.now())),
        }
    }

    fn now(&self) -> Instant {
        Instant::START + self.start.elapsed()
    }

    fn take(&mut self, event: Event) -> io::Result<()> {
        let is_current = |link: &Link, of: u64| self.links.get(link).is_some_and(|(current, _)| *current == of);
        match event {
            Event::Bytes(Port::Serial, _, bytes, next) => {
                self.tell(Input::Serial(&bytes))?;
                let _ = next.send(());
            }
            Event::Bytes(Port::Link(link), of, bytes, next) if is_current(&link, of) => {
                self.tell(Input::Received(link, &bytes))?;
                let _ = next.send(());
            }
            Event::Opened(link, of, stream) if is_current(&link, of) => {
                let (reader, events) = (stream.try_clone()?, self.events.clone());
                self.links.insert(link, (of, Some(stream)));
                thread::spawn(move || {
                    read(Port::Link(link), of, reader, &events);
                    let _ = events.send(Event::Closed(link, of, Why::Ended));
                });
                self.tell(Input::Opened(link))?;
            }
            Event::Closed(link, of, why) if is_current(&link, of) => {
                self.links.remove(&link);
                self.tell(Input::Closed(link, why))?;
            }
            Event::Resolved(query, answer) => self.tell(Input::Resolved(query, answer))?,
            // Of a use that is over.
            Event::Bytes(..) | Event::Opened(..) | Event::Closed(..) | Event::HostLeft => {}
        }
        Ok(())
    }

    /// Tells the modem, and does what it wants done.
    fn tell(&mut self, input: Input<'_>) -> io::Result<()> {
        self.outbox.clear();
        self.modem.handle(self.now(), input, &mut self.outbox);
        for effect in self.outbox.effects() {
            match effect {
                Effect::Serial(_, marked) => io::stdout().write_all(marked.bytes())?,
                Effect::Open { link, transport, host, port } => {
                    self.uses += 1;
                    self.links.insert(link, (self.uses, None));
                    let (of, host, events) = (self.uses, host.to_owned(), self.events.clone());
                    let tcp = matches!(transport, Transport::Tcp);
                    thread::spawn(move || {
                        events.send(if tcp { connect(link, of, &host, port) } else { no_way(link, of) })
                    });
                }
                Effect::Send(link, marked) => {
                    // A write that fails is noticed by the thread that reads.
                    if let Some((_, Some(stream))) = self.links.get_mut(&link) {
                        let _ = stream.write_all(marked.bytes());
                    }
                }
                Effect::Close(link) => {
                    if let Some((_, Some(stream))) = self.links.remove(&link) {
                        let _ = stream.shutdown(Shutdown::Both);
                    }
                }
                Effect::Resolve(query, family, name) => {
                    let (name, events) = (name.to_owned(), self.events.clone());
                    thread::spawn(move || {
                        let found = (name.as_str(), 0).to_socket_addrs().ok();
                        let all: Vec<_> = found.into_iter().flatten().map(|address| address.ip()).collect();
                        let answer = family.choose(&all).ok_or(Why::NoSuchName(name.into()));
                        events.send(Event::Resolved(query, answer))
                    });
                }
                Effect::Line(_) => {}
                Effect::Note(note) => eprintln!("{note}"),
            }
        }
        io::stdout().flush()
    }
}

fn connect(link: Link, of: u64, host: &str, port: u16) -> Event {
    const WITHIN: Duration = Duration::from_secs(10);
    let address = (host, port).to_socket_addrs().ok().and_then(|mut all| all.next());
    let Some(address) = address else { return Event::Closed(link, of, Why::NoSuchName(host.into())) };
    match TcpStream::connect_timeout(&address, WITHIN) {
        Ok(stream) => Event::Opened(link, of, stream),
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => Event::Closed(link, of, Why::Refused),
        Err(error) => Event::Closed(link, of, Why::System(error.raw_os_error().unwrap_or(0), error.to_string().into())),
    }
}

fn no_way(link: Link, of: u64) -> Event {
    Event::Closed(link, of, Why::System(0, "this example speaks TCP only".into()))
}
