//! What all TCP connections need.

use std::io;
use std::time::Duration;

use rustix::net::sockopt;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Time that a closed connection has for writing out what was sent, and for hearing that the peer read it.
pub(crate) const FLUSH: Duration = Duration::from_secs(2);

/// Prepares a connection that was accepted: small writes go out at once, and a peer that vanished without a word is found
/// out in a minute.
pub(crate) fn prepare(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    sockopt::set_socket_keepalive(stream, true)?;
    sockopt::set_tcp_keepidle(stream, Duration::from_secs(30))?;
    sockopt::set_tcp_keepintvl(stream, Duration::from_secs(10))?;
    sockopt::set_tcp_keepcnt(stream, 3)?;
    Ok(())
}

/// Writes the rest, says that this was all, and waits for the peer to close, for [`FLUSH`] at most: a socket that is closed
/// while bytes wait in it resets the connection, and the peer may lose what it has not read yet, such as a DISCONNECT.
pub(crate) async fn finish(mut stream: impl AsyncRead + AsyncWrite + Unpin, rest: &[u8]) {
    let finish = async {
        stream.write_all(rest).await?;
        stream.shutdown().await?;
        let mut discarded = [0; 1024];
        while stream.read(&mut discarded).await? > 0 {}
        io::Result::Ok(())
    };
    // Either way the socket is closed now: there is nobody to tell.
    let _ = timeout(FLUSH, finish).await;
}
