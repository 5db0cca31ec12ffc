//! A client of MQTT-SN that somebody else wrote, and what it and a gateway say to each other as a third party reads it.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::net::{SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::{self, JoinHandle};

use quasimodem_core::sn::parse_words;
use serde_json::Value;
use tempfile::TempDir;

use crate::LIMIT;
use crate::broker::lines;
use crate::tshark::tshark;

/// The Python package `mqtt-sn-12`, behind a relay that writes down every datagram.
pub(crate) struct SnClient {
    child: Child,
    stdin: ChildStdin,
    answers: Receiver<String>,
    relay: Relay,
}

impl SnClient {
    /// A client that sends to a gateway at this port of 127.0.0.1.
    pub(crate) fn new(gateway: u16) -> SnClient {
        let python = Path::new(env!("CARGO_TARGET_TMPDIR")).join("../mqtt-sn-client/bin/python");
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/e2e/sn_client.py");
        let mut command = Command::new(&python);
        let child = command.arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut child = child.unwrap_or_else(|error| panic!("{}: {error}; ./check puts it there", python.display()));
        let (stdin, answers) = (child.stdin.take().unwrap(), lines(child.stdout.take().unwrap()));
        let mut client = SnClient { child, stdin, answers, relay: Relay::new(gateway) };
        client.does(&format!(r#"["open", {}]"#, client.relay.port));
        client
    }

    /// Tells it to do something that works; gives the result.
    #[track_caller]
    pub(crate) fn does(&mut self, line: &str) -> Value {
        let (outcome, result) = self.tries(line);
        assert_eq!(outcome, "ok", "{line}: {result}");
        result
    }

    /// Tells it to do something that does not work; gives the words.
    #[track_caller]
    pub(crate) fn fails(&mut self, line: &str) -> String {
        let (outcome, result) = self.tries(line);
        assert_eq!(outcome, "failed", "{line}: {result}");
        result.as_str().unwrap().into()
    }

    fn tries(&mut self, line: &str) -> (String, Value) {
        writeln!(self.stdin, "{line}").unwrap();
        let answer = self.answers.recv_timeout(LIMIT).unwrap_or_else(|_| panic!("{line}: no answer"));
        serde_json::from_str(&answer).unwrap()
    }

    /// Receives a message: topic, QoS, retain flag and payload as JSON.
    #[track_caller]
    pub(crate) fn receives(&mut self, message: &str) {
        assert_eq!(self.does(r#"["receive"]"#).to_string(), message);
    }

    /// Lets Wireshark's dissector judge all that was said.
    pub(crate) fn judge(mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.relay.judge();
    }
}

impl Drop for SnClient {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Passes datagrams on between one client and a gateway.
pub(crate) struct Relay {
    /// Where the client sends to.
    pub(crate) port: u16,
    ends: [SocketAddr; 2],
    threads: Vec<JoinHandle<()>>,
    seen: Seen,
}

/// Datagrams, and whether they are the client's.
type Datagrams = Vec<(bool, Vec<u8>)>;

#[derive(Clone, Default)]
struct Seen(Arc<(Mutex<Datagrams>, Condvar)>);

impl Seen {
    fn push(&self, up: bool, bytes: &[u8]) {
        self.lock().push((up, bytes.to_vec()));
        self.0.1.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, Datagrams> {
        self.0.0.lock().unwrap()
    }
}

impl Relay {
    pub(crate) fn new(gateway: u16) -> Relay {
        let front = Arc::new(UdpSocket::bind("127.0.0.1:0").unwrap());
        let back = Arc::new(UdpSocket::bind("127.0.0.1:0").unwrap());
        back.connect(("127.0.0.1", gateway)).unwrap();
        let ends = [front.local_addr().unwrap(), back.local_addr().unwrap()];
        let seen = Seen::default();
        let client: Arc<Mutex<Option<SocketAddr>>> = Arc::default();
        let up = {
            let (front, back, seen, client) = (front.clone(), back.clone(), seen.clone(), client.clone());
            thread::spawn(move || {
                let mut bytes = vec![0; 65536];
                while let Ok((size, from)) = front.recv_from(&mut bytes)
                    && size > 0
                {
                    *client.lock().unwrap() = Some(from);
                    seen.push(true, &bytes[..size]);
                    // Nobody may be there.
                    let _ = back.send(&bytes[..size]);
                }
                // The other thread ends as well.
                back.connect(back.local_addr().unwrap()).and_then(|()| back.send(&[])).unwrap();
            })
        };
        let down = {
            let seen = seen.clone();
            thread::spawn(move || {
                let mut bytes = vec![0; 65536];
                loop {
                    match back.recv(&mut bytes) {
                        Ok(0) => return,
                        Ok(size) => {
                            seen.push(false, &bytes[..size]);
                            let client = client.lock().unwrap().expect("the client began");
                            front.send_to(&bytes[..size], client).unwrap();
                        }
                        // Nobody is there.
                        Err(_) => {}
                    }
                }
            })
        };
        Relay { port: ends[0].port(), ends, threads: vec![up, down], seen }
    }

    /// Waits until the client has sent a message of this type.
    #[track_caller]
    pub(crate) fn wait_for(&self, awaited: u8) {
        let unseen = |seen: &mut Datagrams| !seen.iter().any(|(up, bytes)| *up && kind(bytes) == awaited);
        let waited = self.seen.0.1.wait_timeout_while(self.seen.lock(), LIMIT, unseen).unwrap();
        assert!(!waited.1.timed_out(), "no message of type {awaited:02x} came");
    }

    /// Lets Wireshark's dissector judge all that was said until now; gives the types of the messages of the client.
    pub(crate) fn judge(&self) -> BTreeSet<u8> {
        let seen = self.seen.lock();
        let judged = dissect(&seen);
        assert!(!seen.is_empty());
        assert_eq!(judged.len(), seen.len(), "{judged:#?}");
        for ((_, bytes), line) in seen.iter().zip(&judged) {
            // It takes a WILLTOPIC without topic for malformed, which MQTT-SN 5.4.7 allows.
            let falsely = bytes.as_slice() == [2, 7];
            assert!(line.starts_with("mqttsn ") && (line.ends_with(" ok") || falsely), "{bytes:02x?}: {line}");
        }
        let sent = seen.iter().filter(|(up, _)| *up);
        sent.map(|(_, bytes)| kind(bytes)).collect()
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        let waker = UdpSocket::bind("127.0.0.1:0").unwrap();
        let _ = waker.send_to(&[], self.ends[0]);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

/// The type of a message.
fn kind(bytes: &[u8]) -> u8 {
    if bytes[0] == 1 { bytes[3] } else { bytes[1] }
}

/// What tshark makes of each datagram: `mqttsn TYPE ok`, or what else.
fn dissect(datagrams: &[(bool, Vec<u8>)]) -> Vec<String> {
    let directory = TempDir::new().unwrap();
    let file: PathBuf = directory.path().join("datagrams.pcap");
    fs::write(&file, pcap(datagrams)).unwrap();
    let fields = ["-T", "fields", "-e", "mqttsn.msg.type", "-e", "_ws.malformed", "-e", "mqttsn.msg.len"];
    let judged = tshark(&file, &[&["-d", &format!("udp.port=={GATEWAY},mqttsn")][..], &fields].concat());
    // It shows a wrong length, and does not mind it; a forwarder's message has two, its own and that of what it forwards.
    let counts = |lengths: &str| lengths.split(',').filter_map(|length| length.parse::<usize>().ok()).sum::<usize>();
    let line = |(line, (_, bytes)): (&str, &(bool, Vec<u8>))| match line.split('\t').collect::<Vec<_>>()[..] {
        [kind, "", lengths] if counts(lengths) == bytes.len() => format!("mqttsn {kind} ok"),
        [kind, ..] if !kind.is_empty() => format!("mqttsn {kind} malformed: {line}"),
        _ => format!("something else: {line:?}"),
    };
    judged.lines().zip(datagrams).map(line).collect()
}

/// The port that the gateway has in the file.
const GATEWAY: u16 = 1884;

/// A capture file: a header, then for each datagram another with those of IPv4 and UDP.
fn pcap(datagrams: &[(bool, Vec<u8>)]) -> Vec<u8> {
    // Magic number of microseconds, version 2.4, no time zone, length of a record, and that records are IP packets.
    let header = [0xa1b2_c3d4, 0x0002_0004, 0, 0, 0x0004_0000, 101];
    let mut file: Vec<u8> = header.into_iter().flat_map(u32::to_be_bytes).collect();
    for (number, (up, bytes)) in (0..).zip(datagrams) {
        let length = u16::try_from(28 + bytes.len()).unwrap();
        for field in [0, number, u32::from(length), u32::from(length)] {
            file.extend(field.to_be_bytes());
        }
        let (from, to) = if *up { (40_000, GATEWAY) } else { (GATEWAY, 40_000) };
        let ip = [0x4500, length, 0, 0, 0x4011, 0, 0x7f00, 1, 0x7f00, 1];
        let udp = [from, to, length - 20, 0];
        file.extend(ip.into_iter().chain(udp).flat_map(u16::to_be_bytes));
        file.extend(bytes);
    }
    file
}

/// The judge can say no.
#[test]
fn malformed_datagrams_are_found() {
    let (pingreq, too_long, too_short) = (vec![2, 0x16], vec![9, 0x05, 0], vec![7, 0x0d, 0]);
    let judged = dissect(&[(true, pingreq), (false, too_long), (false, too_short), (true, b"hello".into())]);
    let ok: Vec<bool> = judged.iter().map(|line| line.ends_with(" ok")).collect();
    assert_eq!(ok, [true, false, false, false], "{judged:?}");
}

/// Each message of MQTT-SN 1.2, with each kind of topic, and what is written with a length of three bytes.
#[test]
fn all_that_the_codec_writes_is_sound() {
    let long = "x".repeat(300);
    let words = [
        "advertise 1 900",
        "searchgw 1",
        r#"gwinfo 1 """#,
        r#"gwinfo 1 "\x7f\x00\x00\x01""#,
        r#"connect "id" clean will keepalive 60"#,
        "connack 0",
        "willtopicreq",
        r#"willtopic "a/b" q1 retain"#,
        "willmsgreq",
        r#"willmsg "gone""#,
        &format!("willmsg \"{long}\""),
        r#"register #7 "a/b""#,
        r#"register #7 @5 "a/b""#,
        "regack #7 @5 0",
        r#"publish @5 q0 "payload""#,
        r#"publish predefined @5 q1 #7 retain dup "payload""#,
        r#"publish short "ab" q2 #7 "payload""#,
        r#"publish short "ab" q-1 "payload""#,
        &format!("publish @5 q1 #7 \"{long}\""),
        "puback #7 @5 2",
        "pubrec #7",
        "pubrel #7",
        "pubcomp #7",
        r##"subscribe #7 "a/#" q1 dup"##,
        "subscribe #7 predefined @5 q2",
        r#"subscribe #7 short "ab" q0"#,
        "suback #7 @5 q1 0",
        r#"unsubscribe #7 "a/b""#,
        "unsubscribe #7 predefined @5",
        r#"unsubscribe #7 short "ab""#,
        "unsuback #7",
        "pingreq",
        r#"pingreq "id""#,
        "pingresp",
        "disconnect",
        "disconnect 60",
        r#"willtopicupd "a/b" q2 retain"#,
        "willtopicresp 0",
        r#"willmsgupd "gone""#,
        "willmsgresp 3",
        r#"encapsulated 1 "node" "\x02\x16""#,
    ];
    let datagrams: Vec<_> = words.iter().map(|words| (true, parse_words(words).unwrap())).collect();
    for (judged, words) in dissect(&datagrams).iter().zip(words) {
        assert!(judged.ends_with(" ok"), "{words}: {judged}");
    }
}
