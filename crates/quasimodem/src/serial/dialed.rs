//! A module behind a TCP port, as ser2net and serial device servers have it: it is called, and called again when it is lost.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use super::{Event, SerialEnd};
use crate::socket;
use crate::watching::Voice;

/// The connection to a module, or an attempt at one.
pub(crate) struct Dialed {
    host: String,
    port: u16,
    state: State,
    voice: Voice,
    /// That it is away was said, and not that it is back.
    is_away: bool,
}

enum State {
    /// It is there, and that was not told yet.
    New(TcpStream),
    There(TcpStream),
    Calling(Pin<Box<dyn Future<Output = io::Result<TcpStream>>>>),
}

/// Between two calls.
const PAUSE: Duration = Duration::from_secs(1);

/// How long a call may take.
const PATIENCE: Duration = Duration::from_secs(10);

impl Dialed {
    /// Calls it.
    ///
    /// # Errors
    ///
    /// Nobody answers.
    pub(crate) async fn call(host: &str, port: u16, voice: Voice) -> io::Result<Dialed> {
        let stream = connect(host.into(), port).await?;
        Ok(Dialed { host: host.into(), port, state: State::New(stream), voice, is_away: false })
    }
}

async fn connect(host: String, port: u16) -> io::Result<TcpStream> {
    let stream = timeout(PATIENCE, TcpStream::connect((host, port))).await??;
    socket::prepare(&stream)?;
    Ok(stream)
}

impl SerialEnd for Dialed {
    const OUTLIVES_HOST: bool = true;

    fn place(&self) -> String {
        format!("tcp {}:{}", self.host, self.port)
    }

    fn way_in(&self) -> String {
        format!("Connect to {}:{}, and type", self.host, self.port)
    }

    fn poll_event(&mut self, cx: &mut Context<'_>, wants: bool, chunk: &mut [u8]) -> Poll<io::Result<Event>> {
        loop {
            match &mut self.state {
                State::There(stream) => {
                    if !wants {
                        return Poll::Pending;
                    }
                    let mut buffer = ReadBuf::new(chunk);
                    let read = ready!(Pin::new(stream).poll_read(cx, &mut buffer));
                    return Poll::Ready(Ok(match read {
                        Ok(()) if !buffer.filled().is_empty() => Event::Bytes(buffer.filled().len()),
                        Ok(()) | Err(_) => Event::Left,
                    }));
                }
                State::Calling(call) => match ready!(call.as_mut().poll(cx)) {
                    Ok(stream) => self.state = State::New(stream),
                    Err(_) => self.call_again(),
                },
                State::New(_) => {
                    let (host, port) = (self.host.clone(), self.port);
                    let calls = State::Calling(Box::pin(connect(host, port)));
                    if let State::New(stream) = std::mem::replace(&mut self.state, calls) {
                        self.state = State::There(stream);
                    }
                    if std::mem::take(&mut self.is_away) {
                        self.voice.warning(format_args!("{} is back", self.place()));
                    }
                    return Poll::Ready(Ok(Event::Opened));
                }
            }
        }
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let State::There(stream) = &mut self.state else { return Poll::Ready(Ok(0)) };
        // Whatever is wrong with the connection, reading tells.
        Poll::Ready(Ok(ready!(Pin::new(stream).poll_write(cx, bytes)).unwrap_or(0)))
    }

    fn hang_up(&mut self) -> io::Result<()> {
        self.call_again();
        Ok(())
    }
}

impl Dialed {
    /// Calls it in a while, and says once that it is away.
    fn call_again(&mut self) {
        if !std::mem::replace(&mut self.is_away, true) {
            self.voice.warning(format_args!("{} is away; it is called until it is back", self.place()));
        }
        let (host, port) = (self.host.clone(), self.port);
        self.state = State::Calling(Box::pin(async move {
            sleep(PAUSE).await;
            connect(host, port).await
        }));
    }
}
