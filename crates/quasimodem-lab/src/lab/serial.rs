//! The serial end of a modem, as a port of the traits that programs know.

use std::fmt;
use std::time::Duration;

use super::{Inner, Modem};

/// A serial port. It implements [`std::io::Read`] and [`std::io::Write`], [`embedded_io`], and, for programs on an executor,
/// [`embedded_io_async`] and (with the feature `tokio`) tokio's traits.
///
/// Read by blocking, it lets time pass until bytes come, and at most as long as its time-out. Read asynchronously, it lets
/// none pass: it is woken when the owner does, by [`Lab::advance`](super::Lab::advance) and its kin.
#[derive(Clone, Debug)]
pub struct Serial {
    modem: Modem,
    timeout: Duration,
}

/// No bytes came in time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TimedOut;

/// How long a read may take, where nothing else is said.
const TIMEOUT: Duration = Duration::from_secs(1);

impl Serial {
    pub(super) fn new(modem: Modem) -> Serial {
        Serial { modem, timeout: TIMEOUT }
    }

    /// Reads that block may let so much time pass; at first a second.
    pub fn set_timeout(&mut self, timeout: Duration) {
        self.timeout = timeout;
    }

    /// Lets time pass until there are bytes, at most as long as the time-out; then takes as many as there is room for.
    fn read_blocking(&self, to: &mut [u8]) -> Result<usize, TimedOut> {
        let Modem { lab, station } = &self.modem;
        {
            let Inner { world, eyes, .. } = &mut *lab.lock();
            let end = world.now() + self.timeout;
            while !world.is_readable(*station) && world.step(end, eyes) {}
            if !world.is_readable(*station) {
                world.rest_until(end);
                eyes.wake();
                return if to.is_empty() { Ok(0) } else { Err(TimedOut) };
            }
            eyes.wake();
        }
        Ok(self.take(to))
    }

    /// Takes what is there.
    fn take(&self, to: &mut [u8]) -> usize {
        let bytes = self.modem.read_some(to.len());
        to.iter_mut().zip(&bytes).for_each(|(to, from)| *to = *from);
        bytes.len()
    }

    fn is_readable(&self) -> bool {
        self.modem.lab.lock().world.is_readable(self.modem.station)
    }

    /// Takes what is there, or wants to be woken when time has passed.
    fn poll(&self, cx: &std::task::Context<'_>, to: &mut [u8]) -> std::task::Poll<usize> {
        if to.is_empty() || self.is_readable() {
            return std::task::Poll::Ready(self.take(to));
        }
        self.modem.lab.lock().eyes.waits(cx.waker());
        std::task::Poll::Pending
    }
}

impl std::io::Read for Serial {
    fn read(&mut self, to: &mut [u8]) -> std::io::Result<usize> {
        self.read_blocking(to).map_err(|error| std::io::Error::new(std::io::ErrorKind::TimedOut, error))
    }
}

impl std::io::Write for Serial {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.modem.write(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl embedded_io::Error for TimedOut {
    fn kind(&self) -> embedded_io::ErrorKind {
        embedded_io::ErrorKind::TimedOut
    }
}

impl embedded_io::ErrorType for Serial {
    type Error = TimedOut;
}

impl embedded_io::Read for Serial {
    fn read(&mut self, to: &mut [u8]) -> Result<usize, TimedOut> {
        self.read_blocking(to)
    }
}

impl embedded_io::ReadReady for Serial {
    fn read_ready(&mut self) -> Result<bool, TimedOut> {
        Ok(self.is_readable())
    }
}

impl embedded_io::Write for Serial {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, TimedOut> {
        self.modem.write(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<(), TimedOut> {
        Ok(())
    }
}

impl embedded_io_async::Read for Serial {
    async fn read(&mut self, to: &mut [u8]) -> Result<usize, TimedOut> {
        Ok(std::future::poll_fn(|cx| self.poll(cx, to)).await)
    }
}

impl embedded_io_async::Write for Serial {
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, TimedOut> {
        self.modem.write(bytes);
        Ok(bytes.len())
    }

    async fn flush(&mut self) -> Result<(), TimedOut> {
        Ok(())
    }
}

#[cfg(feature = "tokio")]
mod tokio_traits {
    use std::io;
    use std::pin::Pin;
    use std::task::{Context, Poll, ready};

    use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

    use super::Serial;

    impl AsyncRead for Serial {
        fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, to: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
            let mut chunk = [0; 4096];
            let room = chunk.len().min(to.remaining());
            let chunk = chunk.get_mut(..room).unwrap_or_default();
            let count = ready!(self.poll(cx, chunk));
            to.put_slice(chunk.get(..count).unwrap_or_default());
            Poll::Ready(Ok(()))
        }
    }

    impl AsyncWrite for Serial {
        fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
            self.modem.write(bytes);
            Poll::Ready(Ok(bytes.len()))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }
}

impl fmt::Display for TimedOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no bytes came in time")
    }
}

impl std::error::Error for TimedOut {}
