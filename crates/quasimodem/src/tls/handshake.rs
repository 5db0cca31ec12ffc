//! One TLS connection: its handshake, and what its failures mean.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use quasimodem_core::{TlsFailure, Why, literal_address};
use rustls::ProtocolVersion;
use rustls::pki_types::{ServerName, UnixTime};
use rustls::time_provider::TimeProvider;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::{TlsConnector, client};

use super::Template;
use super::failure::{after_handshake, ended, in_handshake};
use super::witness::Witness;

/// A TLS connection whose handshake is done.
pub(crate) struct Stream {
    stream: client::TlsStream<Recorder>,
    /// Something came over it.
    heard: bool,
}

/// Makes a TLS connection of a TCP connection until the deadline. The name is as the host wrote it; certificates are checked
/// by the clock that the host set, in seconds since 1970, or by the system's.
pub(crate) async fn connect(
    template: Arc<Template>,
    name: &str,
    clock: Option<i64>,
    stream: TcpStream,
    deadline: Instant,
) -> Result<Stream, Why> {
    let asked = server_name(name).ok_or_else(|| {
        Why::Tls(TlsFailure::Other(format!("{} is not a name that TLS can ask for", name.escape_debug()).into()))
    })?;
    let mut config = template.config.clone();
    if let Some(seconds) = clock {
        config.time_provider = Arc::new(HostClock(u64::try_from(seconds).unwrap_or(0)));
    }
    let witness = Arc::new(Witness::new(template));
    config.dangerous().set_certificate_verifier(witness.clone());
    config.client_auth_cert_resolver = witness.clone();
    let recorder = Recorder { stream, witness: witness.clone() };
    let connector = TlsConnector::from(Arc::new(config));
    let handshake = connector.connect_with(asked, recorder, |connection| connection.set_buffer_limit(Some(BUFFER)));
    match timeout_at(deadline, handshake).await {
        Ok(Ok(stream)) => {
            witness.notes().is_13 = stream.get_ref().1.protocol_version() == Some(ProtocolVersion::TLSv1_3);
            Ok(Stream { stream, heard: false })
        }
        Ok(Err(error)) => Err(Why::Tls(in_handshake(&error, &witness.notes(), name))),
        Err(_) => Err(Why::Tls(witness.notes().silent())),
    }
}

/// The clock that the host set, in seconds since 1970; it stands still for the time of one handshake.
#[derive(Debug)]
struct HostClock(u64);

impl TimeProvider for HostClock {
    fn current_time(&self) -> Option<UnixTime> {
        Some(UnixTime::since_unix_epoch(Duration::from_secs(self.0)))
    }
}

impl Stream {
    /// Why it broke.
    pub(crate) fn why(&self, error: &io::Error) -> Why {
        after_handshake(error, &self.stream.get_ref().0.witness.notes(), self.heard)
    }

    /// Why the peer ended it.
    pub(crate) fn ended(&self) -> Why {
        ended(&self.stream.get_ref().0.witness.notes(), self.heard)
    }

    /// What was agreed on, for the log.
    pub(crate) fn agreed(&self) -> String {
        let (_, connection) = self.stream.get_ref();
        let version = match connection.protocol_version() {
            Some(ProtocolVersion::TLSv1_2) => "TLS 1.2",
            _ => "TLS 1.3",
        };
        let suite = connection.negotiated_cipher_suite().and_then(|suite| suite.suite().as_str()).unwrap_or_default();
        match connection.alpn_protocol() {
            Some(alpn) => format!("{version}, {suite}, {}", alpn.escape_ascii()),
            None => format!("{version}, {suite}"),
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buffer))?;
        self.heard |= buffer.filled().len() > before;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// Who is asked for: addresses are as hosts write them, and a dot at the end of a name is not part of it.
fn server_name(name: &str) -> Option<ServerName<'static>> {
    match literal_address(name) {
        Some(address) => Some(ServerName::IpAddress(address.into())),
        None => ServerName::try_from(name.strip_suffix('.').unwrap_or(name).to_owned()).ok(),
    }
}

/// The connection below TLS. It keeps the first bytes that come: those of somebody who does not speak TLS are the best
/// description of him.
struct Recorder {
    stream: TcpStream,
    witness: Arc<Witness>,
}

impl AsyncRead for Recorder {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buffer))?;
        let mut notes = self.witness.notes();
        let room = FIRST - notes.first.len().min(FIRST);
        if room > 0 {
            let new = buffer.filled().get(before..).unwrap_or_default();
            notes.first.extend(new.iter().take(room));
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Recorder {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

/// Bytes that are kept of what comes first.
const FIRST: usize = 16;
/// Bytes that rustls may take before it has written them: one record. What waits beyond counts for the link's marks.
const BUFFER: usize = 16 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_addresses_as_hosts_write_them() {
        let name = |name| server_name(name).map(|name| name.to_str().into_owned());
        assert_eq!(name("broker.example").as_deref(), Some("broker.example"));
        assert_eq!(name("broker.example.").as_deref(), Some("broker.example"));
        assert_eq!(name("my_broker").as_deref(), Some("my_broker"));
        assert_eq!(name("127.000.000.001").as_deref(), Some("127.0.0.1"));
        assert_eq!(name("::1").as_deref(), Some("::1"));
        assert_eq!(name("a b"), None);
    }
}
