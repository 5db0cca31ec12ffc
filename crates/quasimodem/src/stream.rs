//! The byte streams of links: TCP, and TLS over it.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use quasimodem_core::Why;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::{resolve, tls};

/// A connection to a peer.
pub(crate) enum Stream {
    Tcp(TcpStream),
    Tls(Box<tls::Stream>),
}

impl Stream {
    /// Why it broke.
    pub(crate) fn why(&self, error: &io::Error) -> Why {
        match self {
            Stream::Tcp(_) => resolve::why(error),
            Stream::Tls(stream) => stream.why(error),
        }
    }

    /// Why the peer ended it.
    pub(crate) fn ended(&self) -> Why {
        match self {
            Stream::Tcp(_) => Why::Ended,
            Stream::Tls(stream) => stream.ended(),
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Stream::Tcp(stream) => Pin::new(stream).poll_read(cx, buffer),
            Stream::Tls(stream) => Pin::new(stream).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Stream::Tcp(stream) => Pin::new(stream).poll_write(cx, bytes),
            Stream::Tls(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Stream::Tcp(stream) => Pin::new(stream).poll_flush(cx),
            Stream::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Stream::Tcp(stream) => Pin::new(stream).poll_shutdown(cx),
            Stream::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
