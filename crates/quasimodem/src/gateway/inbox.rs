//! Datagrams of clients, from the socket on.
//!
//! A socket's buffer is small, and what does not fit is lost without a word: thousands of clients that speak at once fill it
//! while one of them is served. So it is made as large as the system allows, and emptied before anything is done; what is
//! lost all the same is counted, and said.

use std::collections::VecDeque;
use std::fs;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use quasimodem_core::sn;
use rustix::fs::fstat;
use rustix::net::{RecvFlags, recvfrom, sockopt};
use tokio::io::Interest;
use tokio::net::UdpSocket;
use tokio::time::{Instant, timeout};

use crate::watching::Voice;

/// What came and was not dealt with yet.
pub(super) struct Inbox {
    socket: Arc<UdpSocket>,
    waiting: VecDeque<(SocketAddr, Box<[u8]>)>,
    /// Of the datagrams that wait.
    bytes: usize,
    /// Room for the longest datagram.
    longest: Box<[u8]>,
    lost: Lost,
    voice: Voice,
}

impl Inbox {
    pub(super) fn new(socket: Arc<UdpSocket>, voice: Voice) -> Inbox {
        enlarge(&socket);
        let lost = Lost::new(&socket);
        Inbox { socket, waiting: VecDeque::new(), bytes: 0, longest: vec![0; sn::MAX_DATAGRAM].into(), lost, voice }
    }

    /// Takes all out of the socket that is there; waits for something if there is nothing to deal with.
    pub(super) async fn fill(&mut self) -> io::Result<()> {
        if self.waiting.is_empty() {
            // What was lost at the end of a burst is said even if nothing follows.
            while timeout(self.lost.check(&self.voice), self.socket.readable()).await.is_err() {}
        }
        self.lost.check(&self.voice);
        while self.waiting.len() < WAITING_MAX && self.bytes < WAITING_BYTES_MAX {
            match self.receive() {
                Ok((from, datagram)) => {
                    self.bytes += datagram.len();
                    self.waiting.push_back((from, datagram));
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn receive(&mut self) -> io::Result<(SocketAddr, Box<[u8]>)> {
        let mut receive = || {
            let (_, size, from) = recvfrom(&self.socket, &mut *self.longest, RecvFlags::DONTWAIT)?;
            let from = from.and_then(|from| from.try_into().ok()).ok_or(ErrorKind::InvalidData)?;
            Ok((from, self.longest.get(..size).unwrap_or_default().into()))
        };
        match self.socket.try_io(Interest::READABLE, &mut receive) {
            // The runtime has not looked since: it does so when its tasks rest, which may be too late.
            Err(error) if error.kind() == ErrorKind::WouldBlock && !self.waiting.is_empty() => receive(),
            received => received,
        }
    }

    pub(super) fn pop(&mut self) -> Option<(SocketAddr, Box<[u8]>)> {
        let (from, datagram) = self.waiting.pop_front()?;
        self.bytes -= datagram.len();
        if self.waiting.is_empty() {
            self.waiting.shrink_to(WAITING_KEPT);
        }
        Some((from, datagram))
    }
}

/// Asks for a large buffer. Root gets it; others get what the system allows (`net.core.rmem_max`).
fn enlarge(socket: &UdpSocket) {
    if sockopt::set_socket_recv_buffer_size_force(socket, BUFFER).is_err() {
        // What there is has to do.
        let _ = sockopt::set_socket_recv_buffer_size(socket, BUFFER);
    }
}

/// How many datagrams the system dropped at a socket: a column of a table that it keeps.
struct Lost {
    /// The table; `None`: this can't be found out.
    table: Option<&'static str>,
    inode: String,
    buffer: usize,
    count: u64,
    /// When the table is read the next time.
    due: Instant,
}

impl Lost {
    fn new(socket: &UdpSocket) -> Lost {
        let table = socket.local_addr().ok().map(|address| match address {
            SocketAddr::V4(_) => "/proc/self/net/udp",
            SocketAddr::V6(_) => "/proc/self/net/udp6",
        });
        let inode = fstat(socket).map(|stat| stat.st_ino.to_string()).unwrap_or_default();
        // The system counts its own bookkeeping in, for which it doubles what it is asked for.
        let buffer = sockopt::socket_recv_buffer_size(socket).unwrap_or_default() / 2;
        Lost { table, inode, buffer, count: 0, due: Instant::now() + LOOK_EACH }
    }

    /// Looks if it is time, says what was lost since, and gives the time until the next look.
    fn check(&mut self, voice: &Voice) -> Duration {
        let now = Instant::now();
        if self.due <= now {
            self.due = now + LOOK_EACH;
            let lost = self.look();
            if lost > 0 {
                let buffer = self.buffer;
                // Nothing else tells why clients have to repeat themselves.
                voice.warning(format_args!(
                    "{lost} datagrams were lost, as clients sent faster than they can be served; the socket's buffer has \
                     {buffer} bytes (net.core.rmem_max allows more, and so does root)"
                ));
            }
        }
        self.due - now
    }

    /// Datagrams that were lost since the last look.
    fn look(&mut self) -> u64 {
        let Some(Ok(table)) = self.table.map(fs::read_to_string) else { return 0 };
        let lost = dropped(&table, &self.inode).map_or(0, |count| count.saturating_sub(self.count));
        self.count += lost;
        lost
    }
}

/// What the table tells of the socket: the tenth column is the inode, the last one counts what was dropped.
fn dropped(table: &str, inode: &str) -> Option<u64> {
    let row = table.lines().find(|row| row.split_whitespace().nth(9) == Some(inode))?;
    row.split_whitespace().next_back()?.parse().ok()
}

/// Bytes that the socket shall hold, as the system counts them: a small datagram takes some 800.
const BUFFER: usize = 8 << 20;

/// Datagrams that wait here at most, and their bytes.
const WAITING_MAX: usize = 1 << 16;
const WAITING_BYTES_MAX: usize = 8 << 20;

/// Places that are kept when nothing waits.
const WAITING_KEPT: usize = 64;

/// Time between two looks at what was lost. The table has all sockets of the machine.
const LOOK_EACH: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use tokio::runtime::Builder;

    use super::*;

    /// An inbox whose socket holds as much, and what sends to it. Over loopback a datagram is there when it was sent.
    fn inbox(buffer: usize) -> (Inbox, std::net::UdpSocket) {
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_nonblocking(true).unwrap();
        let sender = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        sender.connect(socket.local_addr().unwrap()).unwrap();
        let socket = UdpSocket::from_std(socket).unwrap();
        let inbox = Inbox::new(Arc::new(socket), Voice::unheard());
        if buffer > 0 {
            sockopt::set_socket_recv_buffer_size(&inbox.socket, buffer).unwrap();
        }
        (inbox, sender)
    }

    fn run(test: impl AsyncFn()) {
        Builder::new_current_thread().enable_all().build().unwrap().block_on(test());
    }

    #[test]
    fn a_crowd_that_speaks_at_once_is_heard() {
        run(async || {
            let (mut inbox, sender) = inbox(0);
            let plain = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
            let usual = sockopt::socket_recv_buffer_size(&plain).unwrap();
            let buffer = sockopt::socket_recv_buffer_size(&inbox.socket).unwrap();
            assert!(buffer > usual, "{buffer} is no more than {usual}");
            // Some 800 bytes each, as the system counts them.
            let crowd = u16::try_from(buffer / 1000).unwrap();
            for number in 0..crowd {
                sender.send(&number.to_be_bytes()).unwrap();
            }
            inbox.fill().await.unwrap();
            assert_eq!((inbox.waiting.len(), inbox.bytes), (usize::from(crowd), 2 * usize::from(crowd)));
            for number in 0..crowd {
                assert_eq!(&*inbox.pop().unwrap().1, number.to_be_bytes());
            }
            assert_eq!((inbox.pop().is_none(), inbox.bytes, inbox.lost.look()), (true, 0, 0));
            assert!(inbox.waiting.capacity() < usize::from(crowd), "memory is given back");
        });
    }

    /// However small the socket's buffer: what was taken out of it waits here.
    #[test]
    fn the_socket_is_emptied_while_others_wait() {
        run(async || {
            let (mut inbox, sender) = inbox(32 << 10);
            for number in 0..500_u16 {
                sender.send(&number.to_be_bytes()).unwrap();
                if number % 20 == 19 {
                    inbox.fill().await.unwrap();
                }
            }
            assert_eq!((inbox.waiting.len(), inbox.lost.look()), (500, 0));
        });
    }

    #[test]
    fn what_is_lost_is_counted() {
        run(async || {
            let (mut inbox, sender) = inbox(1);
            for _ in 0..100 {
                sender.send(b"x").unwrap();
            }
            inbox.fill().await.unwrap();
            let heard = u64::try_from(inbox.waiting.len()).unwrap();
            assert!((1..100).contains(&heard), "{heard}");
            assert_eq!((inbox.lost.look(), inbox.lost.look()), (100 - heard, 0));
        });
    }

    #[test]
    fn memory_is_bounded() {
        run(async || {
            let (mut inbox, sender) = inbox(0);
            let most = WAITING_BYTES_MAX / 60_000 + 1;
            for _ in 0..most + 10 {
                sender.send(&[0; 60_000]).unwrap();
                inbox.fill().await.unwrap();
            }
            assert_eq!(inbox.waiting.len(), most);
        });
    }

    #[test]
    fn the_table_of_sockets() {
        let table = "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops            \n \
                     6821: 0100007F:C2F6 00000000:0000 07 00000000:00FFFD00 00:00000000 00000000     0        0 247894 2 00000000fa4250e0 9836     \n";
        assert_eq!((dropped(table, "247894"), dropped(table, "2"), dropped("", "1")), (Some(9836), None, None));
    }
}
