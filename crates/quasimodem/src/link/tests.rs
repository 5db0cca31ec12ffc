//! Links against sockets of this machine.

use std::net::UdpSocket;

use quasimodem_core::Input;
use tokio::runtime::Builder;
use tokio::time::timeout;

use super::*;

const LINK: Link = Link(101);
const LIMIT: Duration = Duration::from_secs(20);

/// The links of a modem without one.
struct Bench {
    links: Links,
    chunk: Vec<u8>,
}

impl Bench {
    /// A UDP link to this port, which is open.
    async fn talk(port: u16) -> Bench {
        let tls = Arc::new(Tls::new(None, None));
        let mut bench = Bench { links: Links::new(Arc::default(), tls), chunk: vec![0; Input::CHUNK] };
        bench.links.open(LINK, &Transport::Udp, "127.0.0.1", port);
        assert!(matches!(bench.event().await, Event::Opened));
        bench
    }

    /// The next event. What is to be sent goes out meanwhile.
    async fn event(&mut self) -> Event {
        let event = poll_fn(|cx| {
            self.links.poll_write(cx);
            self.links.poll(cx, LINK, true, &mut self.chunk)
        });
        timeout(LIMIT, event).await.expect("nothing happens")
    }

    async fn receives(&mut self) -> Vec<u8> {
        match self.event().await {
            Event::Received(count) => self.chunk[..count].to_vec(),
            Event::Opened => panic!("opened again"),
            Event::Closed(why) => panic!("closed: {why}"),
        }
    }

    /// Sends this, and waits until the socket has it.
    async fn sends(&mut self, bytes: &[u8]) {
        self.links.send(LINK, bytes);
        let sent = poll_fn(|cx| match self.links.table.first_mut() {
            Some((_, State::Datagrams(datagrams))) => datagrams.poll_send(cx),
            _ => Poll::Ready(()),
        });
        timeout(LIMIT, sent).await.expect("the socket takes nothing");
    }
}

fn run(test: impl Future<Output = ()>) {
    Builder::new_current_thread().enable_all().build().unwrap().block_on(test);
}

fn peer() -> (UdpSocket, u16) {
    let peer = UdpSocket::bind("127.0.0.1:0").unwrap();
    peer.set_read_timeout(Some(LIMIT)).unwrap();
    let port = peer.local_addr().unwrap().port();
    (peer, port)
}

fn heard(peer: &UdpSocket) -> (Vec<u8>, SocketAddr) {
    let mut bytes = vec![0; 65536];
    let (count, from) = peer.recv_from(&mut bytes).expect("no datagram came");
    bytes.truncate(count);
    (bytes, from)
}

#[test]
fn a_datagram_each_way() {
    run(async {
        let (peer, port) = peer();
        let mut bench = Bench::talk(port).await;
        bench.sends(b"one").await;
        bench.sends(b"two").await;
        let (first, modem) = heard(&peer);
        assert_eq!((first, heard(&peer).0), (b"one".to_vec(), b"two".to_vec()));
        peer.send_to(b"three", modem).unwrap();
        peer.send_to(b"four", modem).unwrap();
        assert_eq!(bench.receives().await, b"three");
        assert_eq!(bench.receives().await, b"four");
    });
}

#[test]
fn others_are_not_heard() {
    run(async {
        let (peer, port) = peer();
        let mut bench = Bench::talk(port).await;
        bench.sends(b"one").await;
        let (_, modem) = heard(&peer);
        let (stranger, _) = self::peer();
        stranger.send_to(b"not mine", modem).unwrap();
        peer.send_to(b"mine", modem).unwrap();
        assert_eq!(bench.receives().await, b"mine");
    });
}

#[test]
fn a_datagram_is_whole_or_lost() {
    run(async {
        let (peer, port) = peer();
        let mut bench = Bench::talk(port).await;
        bench.sends(b"one").await;
        let (_, modem) = heard(&peer);
        peer.send_to(&[7; Input::CHUNK + 1], modem).unwrap();
        peer.send_to(&[], modem).unwrap();
        peer.send_to(&[8; Input::CHUNK], modem).unwrap();
        assert_eq!(bench.receives().await, [8; Input::CHUNK]);
        // Larger than UDP can be: lost, and the next one is sent.
        bench.sends(&[9; 70_000]).await;
        bench.sends(b"two").await;
        assert_eq!(heard(&peer).0, b"two");
    });
}

#[test]
fn a_port_without_a_peer_refuses() {
    run(async {
        let (gone, port) = peer();
        drop(gone);
        let mut bench = Bench::talk(port).await;
        bench.sends(b"one").await;
        assert!(matches!(bench.event().await, Event::Closed(Why::Refused)));
        assert!(bench.links.at(0).is_none());
    });
}

#[test]
fn a_peer_that_was_heard_may_be_away_for_a_while() {
    run(async {
        let (peer, port) = peer();
        let mut bench = Bench::talk(port).await;
        bench.sends(b"one").await;
        let (_, modem) = heard(&peer);
        peer.send_to(b"two", modem).unwrap();
        assert_eq!(bench.receives().await, b"two");
        drop(peer);
        bench.sends(b"lost").await;
        // On this machine the refusal is there as soon as the datagram is sent.
        let peer = UdpSocket::bind(("127.0.0.1", port)).unwrap();
        peer.set_read_timeout(Some(LIMIT)).unwrap();
        bench.sends(b"three").await;
        assert_eq!(heard(&peer).0, b"three");
        peer.send_to(b"four", modem).unwrap();
        assert_eq!(bench.receives().await, b"four");
    });
}

#[test]
fn what_waits_is_bounded_and_goes_out_after_the_close() {
    run(async {
        let (peer, port) = peer();
        let mut bench = Bench::talk(port).await;
        // The socket takes nothing before the runtime has seen that it could.
        for number in 0..100_u8 {
            bench.links.send(LINK, &[number; 1000]);
        }
        bench.links.close(LINK);
        assert!(bench.links.at(0).is_none());
        timeout(LIMIT, poll_fn(|cx| bench.links.poll_closed(cx))).await.expect("what waited was not sent");
        for number in 0..16_u8 {
            assert_eq!(heard(&peer).0, [number; 1000]);
        }
        // The seventeenth would have been too much, and nothing follows it.
        peer.set_nonblocking(true).unwrap();
        assert!(peer.recv(&mut [0; 1000]).is_err());
    });
}

#[test]
fn bytes_that_are_not_wanted_stay_in_the_socket() {
    run(async {
        let (peer, port) = peer();
        let mut bench = Bench::talk(port).await;
        bench.sends(b"one").await;
        let (_, modem) = heard(&peer);
        peer.send_to(b"two", modem).unwrap();
        let unwanted = poll_fn(|cx| bench.links.poll(cx, LINK, false, &mut bench.chunk));
        assert!(timeout(Duration::from_millis(1), unwanted).await.is_err());
        assert_eq!(bench.receives().await, b"two");
    });
}
