//! A TCP port that takes one host at a time.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::{Event, SerialEnd};
use crate::socket;

/// A listening socket and the host that is connected to it.
pub(crate) struct Tcp {
    listener: TcpListener,
    address: SocketAddr,
    host: Option<TcpStream>,
    refusals: JoinSet<()>,
}

impl Tcp {
    /// Listens.
    pub(crate) async fn listen(address: SocketAddr) -> io::Result<Tcp> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        Ok(Tcp { listener, address, host: None, refusals: JoinSet::new() })
    }

    /// Turns further hosts away while one is connected.
    fn poll_refuse(&mut self, cx: &mut Context<'_>) {
        while let Poll::Ready(Some(_ended)) = self.refusals.poll_join_next(cx) {}
        // The bound also limits the turns of this loop.
        while self.refusals.len() < REFUSALS {
            match self.listener.poll_accept(cx) {
                Poll::Ready(Ok((stream, _))) => {
                    self.refusals.spawn(async move {
                        // Who does not stay to hear it does not need it.
                        let _ = timeout(REFUSAL_TIME, refuse(stream)).await;
                    });
                }
                // What went wrong with a connection that would be refused matters to nobody; if the listener itself is
                // broken, it shows when the next host is waited for.
                Poll::Ready(Err(_)) | Poll::Pending => return,
            }
        }
    }
}

impl SerialEnd for Tcp {
    const OUTLIVES_HOST: bool = true;

    fn place(&self) -> String {
        format!("tcp {}", self.address)
    }

    fn way_in(&self) -> String {
        format!("Connect to it, for instance with `nc {} {}`, and type", self.address.ip(), self.address.port())
    }

    fn poll_event(&mut self, cx: &mut Context<'_>, wants: bool, chunk: &mut [u8]) -> Poll<io::Result<Event>> {
        let Some(host) = &mut self.host else {
            return match self.listener.poll_accept(cx) {
                Poll::Pending => Poll::Pending,
                Poll::Ready(Ok((stream, _))) => {
                    // It would keep the port from all others if it vanished.
                    socket::prepare(&stream)?;
                    self.host = Some(stream);
                    Poll::Ready(Ok(Event::Opened))
                }
                Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            };
        };
        let event = if wants {
            let mut buffer = ReadBuf::new(chunk);
            match Pin::new(host).poll_read(cx, &mut buffer) {
                Poll::Pending => Poll::Pending,
                Poll::Ready(Ok(())) if buffer.filled().is_empty() => Poll::Ready(Ok(Event::Finished)),
                Poll::Ready(Ok(())) => Poll::Ready(Ok(Event::Bytes(buffer.filled().len()))),
                Poll::Ready(Err(_)) => Poll::Ready(Ok(Event::Left)),
            }
        } else {
            Poll::Pending
        };
        self.poll_refuse(cx);
        event
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let Some(host) = &mut self.host else {
            return Poll::Ready(Ok(0));
        };
        // Whatever is wrong with the connection, the host at its other end is gone.
        Pin::new(host).poll_write(cx, bytes).map(|result| Ok(result.unwrap_or(0)))
    }

    fn hang_up(&mut self) -> io::Result<()> {
        self.host = None;
        Ok(())
    }
}

/// Says why, and waits for the other side to close: closing with its bytes unread would reset the connection, and it
/// might never see the line.
async fn refuse(mut stream: TcpStream) -> io::Result<()> {
    stream.write_all(IN_USE).await?;
    stream.shutdown().await?;
    let mut discarded = [0; 256];
    while stream.read(&mut discarded).await? > 0 {}
    Ok(())
}

/// Hosts search for result codes anywhere, so none of them may stand in here.
const IN_USE: &[u8] = b"\r\nquasimodem: the modem is in use by another host\r\n";

/// Connections that are being refused at the same time; further ones wait in the listener's queue.
const REFUSALS: usize = 16;

const REFUSAL_TIME: Duration = Duration::from_secs(1);
