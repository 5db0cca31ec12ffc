//! Links against sockets of this machine.

use std::io::{self, Read, Write};
use std::net::{TcpListener, UdpSocket};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use quasimodem_core::Input;
use rustix::net::sockopt;
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
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
        bench.links.open(LINK, &Transport::Udp, "127.0.0.1", port, None);
        assert!(matches!(bench.event().await, Event::Opened(_)));
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
            Event::Long(datagram) => datagram,
            Event::Opened(_) => panic!("opened again"),
            Event::Lost(..) => panic!("lost a datagram"),
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
fn a_datagram_is_whole_however_long_it_is() {
    run(async {
        let (peer, port) = peer();
        let mut bench = Bench::talk(port).await;
        bench.sends(b"one").await;
        let (_, modem) = heard(&peer);
        // The longest over IPv4.
        let sizes = [Input::CHUNK, Input::CHUNK + 1, 65_507, 1];
        for size in sizes {
            peer.send_to(&vec![7; size], modem).unwrap();
            peer.send_to(&[], modem).unwrap();
        }
        for size in sizes {
            assert_eq!(bench.receives().await, vec![7; size]);
        }
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

/// A TLS server that answers the handshake, and then waits to be told how to go on: it reads all that comes to its end.
struct Server {
    port: u16,
    root: String,
    go: Sender<()>,
    heard: Receiver<io::Result<Vec<u8>>>,
}

impl Server {
    fn start(says: &'static [u8]) -> Server {
        let signed = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let key = PrivatePkcs8KeyDer::from(signed.signing_key.serialize_der());
        let config = ServerConfig::builder_with_provider(tls::PROVIDER.clone());
        let config = config.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
        let config = Arc::new(config.with_single_cert(vec![signed.cert.der().clone()], key.into()).unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let ((go, gone), (sender, heard)) = (channel(), channel());
        thread::spawn(move || {
            let (stream, _) = listener.accept().unwrap();
            stream.set_read_timeout(Some(LIMIT)).unwrap();
            let mut stream = StreamOwned::new(ServerConnection::new(config).unwrap(), stream);
            stream.write_all(says).unwrap();
            stream.flush().unwrap();
            gone.recv_timeout(LIMIT).unwrap();
            let mut all = Vec::new();
            sender.send(stream.read_to_end(&mut all).map(|_| all)).unwrap();
        });
        Server { port, root: signed.cert.pem(), go, heard }
    }

    /// A link to it, which is open.
    async fn link(&self) -> Bench {
        let tls = Arc::new(Tls::new(None, None));
        let mut bench = Bench { links: Links::new(Arc::default(), tls), chunk: vec![0; Input::CHUNK] };
        let profile = TlsProfile { roots: Some(self.root.as_bytes().into()), ..TlsProfile::default() };
        bench.links.open(LINK, &Transport::Tls(profile.into()), "localhost", self.port, None);
        assert!(matches!(bench.event().await, Event::Opened(_)));
        bench
    }
}

#[test]
fn a_slow_tls_peer_gets_all_and_costs_no_turns() {
    run(async {
        let server = Server::start(b"hello");
        let mut bench = server.link().await;
        assert_eq!(bench.receives().await, b"hello");
        // The peer does not read: the system's buffers fill, then ours, and the modem is told.
        let piece: Vec<u8> = (0..=255).cycle().take(16 * 1024).collect();
        let mut sent = Vec::new();
        let full = poll_fn(|cx| {
            loop {
                bench.links.poll_write(cx);
                match bench.links.crossed() {
                    Some((LINK, Crossed::High)) => return Poll::Ready(()),
                    Some(_) => {}
                    None if sent.len() > 64 * 1024 * 1024 => panic!("never full"),
                    None => {
                        bench.links.send(LINK, &piece);
                        sent.extend_from_slice(&piece);
                    }
                }
            }
        });
        timeout(LIMIT, full).await.expect("not full in time");
        let mut turns = 0;
        let idle = poll_fn(|cx| {
            turns += 1;
            bench.links.poll_write(cx);
            bench.links.poll(cx, LINK, true, &mut bench.chunk).map(|_| ())
        });
        assert!(timeout(Duration::from_millis(50), idle).await.is_err(), "something happened");
        assert!(turns < 10, "{turns} turns for nothing");
        // It reads again: the modem hears that there is room, and after the close all of it arrives, in order.
        server.go.send(()).unwrap();
        let free = poll_fn(|cx| {
            bench.links.poll_write(cx);
            match bench.links.crossed() {
                Some((LINK, Crossed::Low)) => Poll::Ready(()),
                Some(_) | None => Poll::Pending,
            }
        });
        timeout(LIMIT, free).await.expect("never free again");
        bench.links.send(LINK, b"goodbye");
        sent.extend_from_slice(b"goodbye");
        bench.links.close(LINK);
        timeout(LIMIT, poll_fn(|cx| bench.links.poll_closed(cx))).await.expect("not closed in time");
        // Without close_notify the end would be an error.
        let heard = server.heard.recv_timeout(LIMIT).unwrap().expect("it ended without close_notify");
        assert!(heard == sent, "{} bytes of {}", heard.len(), sent.len());
    });
}

/// How many bytes a link takes before it is full, in pieces of this size, while the peer reads nothing.
async fn taken(bench: &mut Bench, piece: usize) -> usize {
    let packet = vec![0; piece];
    let mut taken = 0;
    loop {
        // Until the system takes no more for a while: the peer's may take some time.
        let quiet = poll_fn(|cx| {
            bench.links.poll_write(cx);
            let _ = bench.links.poll(cx, LINK, true, &mut bench.chunk);
            match bench.links.table.first() {
                Some((_, State::Open(open))) if !open.output.is_empty() => Poll::<()>::Pending,
                _ => Poll::Ready(()),
            }
        });
        let _ = timeout(Duration::from_millis(100), quiet).await;
        bench.links.send(LINK, &packet);
        taken += piece;
        if matches!(bench.links.crossed(), Some((_, Crossed::High))) {
            return taken;
        }
        assert!(taken < 64 << 20, "it takes anything");
    }
}

#[test]
fn a_peer_that_reads_nothing_is_sent_little() {
    run(async {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let tls = Arc::new(Tls::new(None, None));
        let mut bench = Bench { links: Links::new(Arc::default(), tls), chunk: vec![0; Input::CHUNK] };
        bench.links.open(LINK, &Transport::Tcp, "127.0.0.1", port, None);
        assert!(matches!(bench.event().await, Event::Opened(_)));
        let (silent, _) = listener.accept().unwrap();
        let taken = taken(&mut bench, 1024).await;
        // What its system has accepted is out of our hands.
        let theirs = sockopt::socket_recv_buffer_size(&silent).unwrap();
        assert!(taken <= theirs + 2 * 64 * 1024 + 2 * Queue::HIGH, "{taken} bytes, {theirs} of them the peer's");
    });
}

#[test]
fn a_tls_peer_that_reads_nothing_is_sent_little() {
    run(async {
        let server = Server::start(b"");
        let mut bench = server.link().await;
        let taken = taken(&mut bench, 1024).await;
        assert!(taken < 1 << 20, "{taken} bytes");
    });
}

#[test]
fn a_small_packet_leaves_at_once_and_the_farewell_is_in_order() {
    run(async {
        let server = Server::start(b"");
        let mut bench = server.link().await;
        bench.links.send(LINK, b"\xe0\0");
        bench.links.close(LINK);
        server.go.send(()).unwrap();
        timeout(LIMIT, poll_fn(|cx| bench.links.poll_closed(cx))).await.expect("not closed in time");
        assert_eq!(server.heard.recv_timeout(LIMIT).unwrap().expect("it ended without close_notify"), b"\xe0\0");
    });
}

#[test]
fn what_was_built_for_a_profile_is_there_when_it_is_opened_again() {
    run(async {
        let mut links = Links::new(Arc::default(), Arc::new(Tls::new(None, None)));
        let root = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap().cert.pem();
        let profile = Arc::new(TlsProfile { roots: Some(root.as_bytes().into()), ..TlsProfile::default() });
        let first = links.template(&profile).unwrap();
        assert!(Arc::ptr_eq(&first, &links.template(&profile).unwrap()));
        let changed = Arc::new(TlsProfile { verify: quasimodem_core::Verify::Nothing, ..(*profile).clone() });
        let second = links.template(&changed).unwrap();
        assert!(!Arc::ptr_eq(&first, &second));
        // A reset forgets the profile, and nothing may be left of its key.
        let freed = Arc::downgrade(&second);
        drop((second, changed));
        assert!(freed.strong_count() > 0);
        poll_fn(|cx| {
            links.poll_write(cx);
            Poll::Ready(())
        })
        .await;
        assert_eq!(freed.strong_count(), 0);
    });
}

#[test]
fn datagrams_go_to_an_address_of_version_4_if_there_is_one() {
    let only = |addresses: &[&str]| {
        let addresses: Vec<IpAddr> = addresses.iter().map(|address| address.parse().unwrap()).collect();
        only_one(&addresses).map(|address| address.to_string())
    };
    assert_eq!(only(&["::1", "127.0.0.1", "127.0.0.2"]).as_deref(), Some("127.0.0.1"));
    assert_eq!(only(&["fe80::1", "::1"]).as_deref(), Some("fe80::1"));
    assert_eq!(only(&[]), None);
}
