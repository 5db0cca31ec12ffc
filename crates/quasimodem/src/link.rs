//! The links of one modem by number: TCP and TLS connections, and UDP.
//!
//! A closed link is taken out of the table at once, and what is left of it to flush runs on its own. So nothing can
//! arrive for a number between its `Close` and its next `Open`, and numbers need no generations.

use std::future::{self, poll_fn};
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};
use std::time::Duration;

use quasimodem_core::{Family, Link, Query, TlsFailure, TlsProfile, Transport, Why};
use tokio::io::{AsyncRead, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use crate::datagrams::{self, Datagrams};
use crate::host_map::HostMap;
use crate::queue::{Crossed, Queue};
use crate::resolve::{addresses, why};
use crate::socket::{self, Closing};
use crate::stream::Stream;
use crate::tls::{self, Template, Tls};

/// All links of one modem, the look-ups it waits for, and closed links that are being flushed.
pub(crate) struct Links {
    hosts: Arc<HostMap>,
    tls: Arc<Tls>,
    /// What the last profile was built into, so that it is there when the modem connects again.
    template: Option<(Weak<TlsProfile>, Arc<Template>)>,
    table: Vec<(Link, State)>,
    lookups: Vec<(Query, Pending<IpAddr>)>,
    closing: Closing,
}

/// Something that happened at a link.
pub(crate) enum Event {
    /// It is open; over TLS, this was agreed on.
    Opened(Option<String>),
    /// The peer sent this many bytes, now at the start of the chunk.
    Received(usize),
    /// The peer sent a datagram that is longer than the chunk.
    Long(Vec<u8>),
    /// A datagram of so many bytes was not sent, and why.
    Lost(usize, &'static str),
    /// It ended, or could not be opened, and is gone from the table.
    Closed(Why),
}

impl Links {
    /// No links yet. Connections go where this map leads them.
    pub(crate) fn new(hosts: Arc<HostMap>, tls: Arc<Tls>) -> Links {
        Links { hosts, tls, template: None, table: Vec::new(), lookups: Vec::new(), closing: Closing::new(CLOSING) }
    }

    /// Connections that are opened from here on go where this map leads them, and trust this.
    pub(crate) fn configure(&mut self, hosts: Arc<HostMap>, tls: Arc<Tls>) {
        (self.hosts, self.tls, self.template) = (hosts, tls, None);
    }

    /// Begins to connect; gives where to, if the map leads it elsewhere. TLS goes by the clock that the host set, in seconds
    /// since 1970, or by the system's.
    pub(crate) fn open(
        &mut self,
        link: Link,
        transport: &Transport,
        host: &str,
        port: u16,
        clock: Option<i64>,
    ) -> Option<(String, u16)> {
        self.forget(link);
        let led = self.hosts.find(host, port).map(|(to, to_port)| (to.to_owned(), to_port));
        let (to, to_port) = led.clone().unwrap_or_else(|| (host.to_owned(), port));
        let opening: Pending<State> = match transport {
            Transport::Tcp => Box::pin(async move { Ok(State::open(Stream::Tcp(connect(&to, to_port).await?))) }),
            Transport::Tls(profile) => match self.template(profile) {
                // The map may have led it elsewhere; the name is that of the one who was asked for.
                Ok(template) => {
                    let name = profile.name.as_deref().unwrap_or(host).to_owned();
                    let deadline = Instant::now() + HANDSHAKE;
                    Box::pin(async move {
                        let stream = connect(&to, to_port).await?;
                        let stream = tls::connect(template, &name, clock, stream, deadline).await?;
                        Ok(State::open(Stream::Tls(Box::new(stream))))
                    })
                }
                Err(failure) => Box::pin(future::ready(Err(Why::Tls(failure)))),
            },
            Transport::Udp => Box::pin(talk(to, to_port)),
        };
        self.table.push((link, State::Opening(opening)));
        led
    }

    /// Queues bytes for a link. Those for a link that just ended, and whose end the modem has not heard of yet, are lost
    /// as they would be in the network.
    pub(crate) fn send(&mut self, link: Link, bytes: &[u8]) {
        match self.table.iter_mut().find(|(number, _)| *number == link) {
            Some((_, State::Open(open))) if open.broken.is_none() => open.output.push(bytes),
            Some((_, State::Datagrams(datagrams))) => datagrams.send(bytes),
            _ => {}
        }
    }

    /// Closes a link after what was sent is written out, in the background, or gives up connecting.
    pub(crate) fn close(&mut self, link: Link) {
        match self.forget(link) {
            Some(State::Open(open)) => {
                self.closing.finish(open.stream, open.output);
            }
            Some(State::Datagrams(mut datagrams)) => {
                self.closing.spawn(async move {
                    // What does not go out in this time is lost, as datagrams are.
                    let _ = timeout(socket::FLUSH, poll_fn(|cx| datagrams.poll_send(cx))).await;
                });
            }
            Some(State::Opening(_)) | None => {}
        }
    }

    /// Begins to look a name up.
    pub(crate) fn resolve(&mut self, query: Query, family: Family, name: &str) {
        let name = name.to_owned();
        let lookup = async move {
            let none = match family {
                Family::V4 => "it has no IPv4 address",
                Family::V6 => "it has no IPv6 address",
                Family::Any => "it has no address",
            };
            family.choose(&addresses(&name).await?).ok_or_else(|| Why::NotResolved(name.into(), none.into()))
        };
        self.lookups.push((query, Box::pin(lookup)));
    }

    /// The number of the link at this place of the table.
    pub(crate) fn at(&self, index: usize) -> Option<Link> {
        self.table.get(index).map(|(link, _)| *link)
    }

    /// What happened at a link; its bytes only if the modem `wants` them, and its end only after its bytes.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>, link: Link, wants: bool, chunk: &mut [u8]) -> Poll<Event> {
        let Some((_, state)) = self.table.iter_mut().find(|(number, _)| *number == link) else {
            return Poll::Pending;
        };
        if let State::Datagrams(datagrams) = state
            && let Some((size, why)) = datagrams.take_lost()
        {
            return Poll::Ready(Event::Lost(size, why));
        }
        let ended = match state {
            State::Opening(opening) => match opening.as_mut().poll(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(open)) => {
                    *state = open;
                    return Poll::Ready(Event::Opened(state.agreed()));
                }
                Poll::Ready(Err(why)) => why,
            },
            State::Open(_) | State::Datagrams(_) if !wants => return Poll::Pending,
            State::Datagrams(datagrams) => match datagrams.poll_receive(cx, chunk) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(datagrams::Received::InChunk(count))) => return Poll::Ready(Event::Received(count)),
                Poll::Ready(Ok(datagrams::Received::Apart(datagram))) => return Poll::Ready(Event::Long(datagram)),
                Poll::Ready(Err(why)) => why,
            },
            State::Open(open) => match open.poll_read(cx, chunk) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(count)) => return Poll::Ready(Event::Received(count)),
                Poll::Ready(Err(why)) => why,
            },
        };
        self.forget(link);
        Poll::Ready(Event::Closed(ended))
    }

    /// Writes what the sockets take, and forgets what was built of files that the host no longer has: a reset frees its key
    /// here too.
    pub(crate) fn poll_write(&mut self, cx: &mut Context<'_>) {
        self.template.take_if(|(profile, _)| profile.strong_count() == 0);
        for (_, state) in &mut self.table {
            match state {
                State::Open(open) => open.write(cx),
                State::Datagrams(datagrams) => {
                    let _ = datagrams.poll_send(cx);
                }
                State::Opening(_) => {}
            }
        }
    }

    /// A mark that the queue of some link crossed.
    pub(crate) fn crossed(&mut self) -> Option<(Link, Crossed)> {
        self.table.iter_mut().find_map(|(link, state)| match state {
            State::Open(open) => open.output.crossed().map(|crossed| (*link, crossed)),
            State::Opening(_) | State::Datagrams(_) => None,
        })
    }

    /// A name that was looked up.
    pub(crate) fn poll_lookup(&mut self, cx: &mut Context<'_>) -> Poll<(Query, Result<IpAddr, Why>)> {
        let found = self.lookups.iter_mut().find_map(|(query, lookup)| match lookup.as_mut().poll(cx) {
            Poll::Ready(found) => Some((*query, found)),
            Poll::Pending => None,
        });
        let Some((query, found)) = found else { return Poll::Pending };
        self.lookups.retain(|(asked, _)| *asked != query);
        Poll::Ready((query, found))
    }

    /// Ready once all closed links are flushed, or had their time.
    pub(crate) fn poll_closed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.closing.poll_closed(cx)
    }

    /// What this profile is built into.
    fn template(&mut self, profile: &Arc<TlsProfile>) -> Result<Arc<Template>, TlsFailure> {
        if let Some((built, template)) = &self.template
            && built.as_ptr() == Arc::as_ptr(profile)
        {
            return Ok(template.clone());
        }
        let template = self.tls.template(profile)?;
        self.template = Some((Arc::downgrade(profile), template.clone()));
        Ok(template)
    }

    fn forget(&mut self, link: Link) -> Option<State> {
        let index = self.table.iter().position(|(number, _)| *number == link)?;
        Some(self.table.remove(index).1)
    }
}

enum State {
    Opening(Pending<State>),
    Open(Open),
    Datagrams(Box<Datagrams>),
}

impl State {
    fn open(stream: Stream) -> State {
        State::Open(Open { stream, output: Queue::default(), broken: None })
    }

    /// What TLS was agreed on.
    fn agreed(&self) -> Option<String> {
        match self {
            State::Open(Open { stream: Stream::Tls(stream), .. }) => Some(stream.agreed()),
            State::Opening(_) | State::Open(_) | State::Datagrams(_) => None,
        }
    }
}

type Pending<T> = Pin<Box<dyn Future<Output = Result<T, Why>> + Send>>;

struct Open {
    stream: Stream,
    output: Queue,
    /// Why nothing can be written any more. What the peer sent before is still to be read.
    broken: Option<Why>,
}

impl Open {
    /// At least one byte, or the end.
    fn poll_read(&mut self, cx: &mut Context<'_>, chunk: &mut [u8]) -> Poll<Result<usize, Why>> {
        let mut buffer = ReadBuf::new(chunk);
        let ended = match Pin::new(&mut self.stream).poll_read(cx, &mut buffer) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(Ok(())) if !buffer.filled().is_empty() => {
                return Poll::Ready(Ok(buffer.filled().len()));
            }
            Poll::Ready(Ok(())) => self.stream.ended(),
            Poll::Ready(Err(error)) => self.stream.why(&error),
        };
        Poll::Ready(Err(match (ended, self.broken.take()) {
            // TLS tells what the peer did not like.
            (ended @ Why::Tls(_), _) => ended,
            // A failed write comes first and knows more: the socket tells its error once, then it only says that it ended.
            (ended, broken) => broken.unwrap_or(ended),
        }))
    }

    fn write(&mut self, cx: &mut Context<'_>) {
        if let Poll::Ready(Err(error)) = self.output.poll_write(cx, &mut self.stream) {
            self.broken = Some(self.stream.why(&error));
            self.output.clear();
        }
    }
}

async fn talk(host: String, port: u16) -> Result<State, Why> {
    let address = only_one(&addresses(&host).await?).ok_or_else(|| Why::NoSuchName(host.into()))?;
    let datagrams = Datagrams::connect(SocketAddr::new(address, port)).await.map_err(|error| why(&error))?;
    Ok(State::Datagrams(Box::new(datagrams)))
}

/// The address to send datagrams to. Which of them answers is not known before something is sent, so it is one of version 4
/// if there is any: `localhost` often has one of version 6 in front of it at which nobody listens.
fn only_one(addresses: &[IpAddr]) -> Option<IpAddr> {
    addresses.iter().find(|address| address.is_ipv4()).or(addresses.first()).copied()
}

/// Connects to the first of the host's addresses that answers.
pub(crate) async fn connect(host: &str, port: u16) -> Result<TcpStream, Why> {
    let mut failure = Why::NoSuchName(host.into());
    for address in addresses(host).await? {
        match TcpStream::connect(SocketAddr::new(address, port)).await {
            Ok(stream) => {
                socket::prepare_link(&stream).map_err(|error| why(&error))?;
                return Ok(stream);
            }
            Err(error) => failure = why(&error),
        }
    }
    Err(failure)
}

/// Time from the modem's wish to the end of a TLS handshake. The modem gives up after 5 s (manual 1.2), and could not tell
/// what the handshake waited for.
const HANDSHAKE: Duration = Duration::from_millis(4750);

/// Closed links that are still being flushed. A host that opens and resets in a loop has no more of them, however slowly its
/// brokers close.
const CLOSING: usize = 8;

#[cfg(test)]
mod tests;
