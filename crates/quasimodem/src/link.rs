//! The links of one modem: TCP connections by number.
//!
//! A closed link is taken out of the table at once, and what is left of it to flush runs on its own. So nothing can
//! arrive for a number between its `Close` and its next `Open`, and numbers need no generations.

use std::future::ready;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use quasimodem_core::{Link, Query, Transport, Why};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::host_map::HostMap;
use crate::log;
use crate::queue::{Crossed, Queue};
use crate::resolve::{addresses, why};
use crate::socket;

/// All links of one modem, the look-ups it waits for, and closed links that are being flushed.
pub(crate) struct Links {
    hosts: Arc<HostMap>,
    table: Vec<(Link, State)>,
    lookups: Vec<(Query, Pending<IpAddr>)>,
    closing: JoinSet<()>,
}

/// Something that happened at a link.
pub(crate) enum Event {
    /// It is open.
    Opened,
    /// The peer sent this many bytes, now at the start of the chunk.
    Received(usize),
    /// It ended, or could not be opened, and is gone from the table.
    Closed(Why),
}

impl Links {
    /// No links yet. Connections go where this map leads them.
    pub(crate) fn new(hosts: Arc<HostMap>) -> Links {
        Links { hosts, table: Vec::new(), lookups: Vec::new(), closing: JoinSet::new() }
    }

    /// Begins to connect.
    pub(crate) fn open(&mut self, link: Link, transport: &Transport, host: &str, port: u16) {
        self.forget(link);
        let (host, port) = match self.hosts.find(host, port) {
            Some((host, port)) => {
                log::mapped(link, host, port);
                (host, port)
            }
            None => (host, port),
        };
        let opening: Pending<TcpStream> = match transport {
            Transport::Tcp => Box::pin(connect(host.to_owned(), port)),
            Transport::Tls(_) => Box::pin(ready(Err(not_in_this_build("TLS")))),
            Transport::Udp => Box::pin(ready(Err(not_in_this_build("UDP")))),
        };
        self.table.push((link, State::Opening(opening)));
    }

    /// Queues bytes for a link. Those for a link that just ended, and whose end the modem has not heard of yet, are lost
    /// as they would be in the network.
    pub(crate) fn send(&mut self, link: Link, bytes: &[u8]) {
        if let Some((_, State::Open(open))) = self.table.iter_mut().find(|(number, _)| *number == link)
            && open.broken.is_none()
        {
            open.output.push(bytes);
        }
    }

    /// Closes a link after what was sent is written out, in the background, or gives up connecting.
    pub(crate) fn close(&mut self, link: Link) {
        if let Some(State::Open(open)) = self.forget(link) {
            self.closing.spawn(async move { socket::finish(open.stream, open.output.waiting()).await });
        }
    }

    /// Begins to look a name up.
    pub(crate) fn resolve(&mut self, query: Query, name: &str) {
        let name = name.to_owned();
        let lookup = async move {
            let found = addresses(&name).await?;
            found.first().copied().ok_or_else(|| Why::NoSuchName(name.into()))
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
        let ended = match state {
            State::Opening(opening) => match opening.as_mut().poll(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(stream)) => {
                    *state = State::Open(Open { stream, output: Queue::default(), broken: None });
                    return Poll::Ready(Event::Opened);
                }
                Poll::Ready(Err(why)) => why,
            },
            State::Open(_) if !wants => return Poll::Pending,
            State::Open(open) => match open.poll_read(cx, chunk) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(count)) => return Poll::Ready(Event::Received(count)),
                Poll::Ready(Err(why)) => why,
            },
        };
        self.forget(link);
        Poll::Ready(Event::Closed(ended))
    }

    /// Writes what the sockets take.
    pub(crate) fn poll_write(&mut self, cx: &mut Context<'_>) {
        for (_, state) in &mut self.table {
            if let State::Open(open) = state {
                open.write(cx);
            }
        }
    }

    /// A mark that the queue of some link crossed.
    pub(crate) fn crossed(&mut self) -> Option<(Link, Crossed)> {
        self.table.iter_mut().find_map(|(link, state)| match state {
            State::Open(open) => open.output.crossed().map(|crossed| (*link, crossed)),
            State::Opening(_) => None,
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
        while let Some(_ended) = std::task::ready!(self.closing.poll_join_next(cx)) {}
        Poll::Ready(())
    }

    fn forget(&mut self, link: Link) -> Option<State> {
        let index = self.table.iter().position(|(number, _)| *number == link)?;
        Some(self.table.remove(index).1)
    }
}

enum State {
    Opening(Pending<TcpStream>),
    Open(Open),
}

type Pending<T> = Pin<Box<dyn Future<Output = Result<T, Why>> + Send>>;

struct Open {
    stream: TcpStream,
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
            Poll::Ready(Ok(())) => Why::Ended,
            Poll::Ready(Err(error)) => why(&error),
        };
        // A failed write comes first and knows more: the socket tells its error once, then it only says that it ended.
        Poll::Ready(Err(self.broken.take().unwrap_or(ended)))
    }

    fn write(&mut self, cx: &mut Context<'_>) {
        while !self.output.is_empty() {
            match Pin::new(&mut self.stream).poll_write(cx, self.output.waiting()) {
                Poll::Pending => return,
                Poll::Ready(Ok(count)) => self.output.advance(count),
                Poll::Ready(Err(error)) => {
                    self.broken = Some(why(&error));
                    self.output.clear();
                }
            }
        }
    }
}

async fn connect(host: String, port: u16) -> Result<TcpStream, Why> {
    let mut failure = Why::NoSuchName(host.as_str().into());
    for address in addresses(&host).await? {
        match TcpStream::connect(SocketAddr::new(address, port)).await {
            Ok(stream) => {
                // Packets are small and complete: to wait for more would only delay them.
                stream.set_nodelay(true).map_err(|error| why(&error))?;
                return Ok(stream);
            }
            Err(error) => failure = why(&error),
        }
    }
    Err(failure)
}

fn not_in_this_build(transport: &str) -> Why {
    Why::System(0, format!("this build can't open {transport} links").into())
}
