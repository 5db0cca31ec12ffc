//! A TCP port that goes on accepting connections whatever happens.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, Sleep, sleep};

use crate::descriptors::is_shortage;
use crate::watching::Voice;

/// A listening socket. What keeps a connection from being accepted is waited out.
pub(crate) struct Listener {
    socket: TcpListener,
    address: SocketAddr,
    /// That of whose port it is.
    voice: Voice,
    pause: Option<Pin<Box<Sleep>>>,
    /// How long the next pause is.
    next_pause: Duration,
    /// When a trouble was last worth a word.
    told: Option<Instant>,
}

impl Listener {
    /// Listens.
    pub(crate) async fn bind(voice: Voice, address: SocketAddr) -> io::Result<Listener> {
        let socket = TcpListener::bind(address).await?;
        let address = socket.local_addr()?;
        Ok(Listener { socket, address, voice, pause: None, next_pause: PAUSE, told: None })
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The next connection.
    pub(crate) fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<(TcpStream, SocketAddr)> {
        loop {
            if let Some(pause) = &mut self.pause {
                ready!(pause.as_mut().poll(cx));
                self.pause = None;
            }
            match ready!(self.socket.poll_accept(cx)) {
                Ok(accepted) => {
                    self.next_pause = PAUSE;
                    return Poll::Ready(accepted);
                }
                // The connection is there, and waits in the system's queue.
                Err(error) if is_shortage(&error) => self.trouble(&error),
                // That of one connection, which is not there any more (accept(2)). A pause all the same: nobody can be sure
                // that there is an end to them.
                Err(error) => {
                    self.voice.detail(format_args!("a connection was not accepted: {error}"));
                    self.pause = Some(Box::pin(sleep(PAUSE)));
                }
            }
        }
    }

    fn trouble(&mut self, error: &io::Error) {
        self.tell(format_args!("can't accept connections: {error}; trying again"));
        self.pause = Some(Box::pin(sleep(self.next_pause)));
        self.next_pause = (self.next_pause * 2).min(PAUSE_MAX);
    }

    /// Says something about this port that is worth a word in any case, but not again and again.
    pub(crate) fn tell(&mut self, words: std::fmt::Arguments<'_>) {
        let is_news = self.told.is_none_or(|told| told.elapsed() >= SILENCE);
        if is_news {
            self.told = Some(Instant::now());
        }
        self.voice.news(is_news, words);
    }
}

/// The time before another attempt: this first, and twice as long each time, up to that.
const PAUSE: Duration = Duration::from_millis(10);
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// The time in which the same trouble is not worth a second word.
const SILENCE: Duration = Duration::from_secs(60);
