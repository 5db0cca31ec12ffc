//! TLS connections that fail, each with its reason: in AT+CEER, in the log, and as a number.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use rcgen::{BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, KeyPair, SanType, date_time_ymd};

use crate::LIMIT;
use crate::broker::{Broker, Kind, lines};
use crate::certificates::{Authority, Files, openssl, sign_by_openssl};
use crate::host::Host;
use crate::program::Program;
use crate::tls::{closes, modem, opens};

/// What follows where nobody knows the root.
const TRUST: &str = "; load it as TRUSTFILE or name it with --ca to trust it, or skip the check with AT+GTSSLMODE=0";

/// A modem that trusts one root, and its host.
pub(crate) struct Bench {
    pub(crate) program: Program,
    pub(crate) host: Host,
}

impl Bench {
    pub(crate) fn new(authority: &Authority) -> Bench {
        let (program, host) = modem(&["--ca", authority.path().to_str().unwrap()]);
        Bench { program, host }
    }

    /// Fails to open a connection, and returns why.
    pub(crate) fn fails(&mut self, broker: &str, port: u16, code: i16) -> String {
        self.host.command(&format!(r#"AT+MQTTOPEN=1,"{broker}",{port},1,60,2"#));
        self.host.expect("\r\n+MQTTOPEN: 1,0\r\n");
        self.reason(code)
    }

    fn reason(&mut self, code: i16) -> String {
        let words = self.program.wait_for("client 1 not opened: TLS: ");
        self.host.send("AT+CEER");
        self.host.expect(&format!("AT+CEER\r\n+CEER: 3,\"TLS: {words}\"\r\n\r\nOK\r\n"));
        self.host.send("AT+GTSSLERR?");
        self.host.expect(&format!("AT+GTSSLERR?\r\n+GTSSLERR: {code}\r\n\r\nOK\r\n"));
        words
    }
}

/// `openssl s_server` with these options, until the end of the test.
struct Server {
    child: Child,
    port: u16,
    output: Receiver<String>,
}

impl Server {
    fn start(files: &Files, options: &[&str]) -> Server {
        let mut command = Command::new("openssl");
        command
            .args(["s_server", "-accept", "127.0.0.1:0", "-cert"])
            .arg(&files.certificate)
            .arg("-key")
            .arg(&files.key);
        let mut child =
            command.args(options).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let output = lines(child.stdout.take().unwrap());
        let mut server = Server { child, port: 0, output };
        server.port = server.wait_for("ACCEPT 127.0.0.1:").parse().unwrap();
        server
    }

    fn wait_for(&self, words: &str) -> String {
        loop {
            let line = self.output.recv_timeout(LIMIT).unwrap_or_else(|_| panic!("s_server did not say {words:?}"));
            if let Some((_, rest)) = line.split_once(words) {
                return rest.to_owned();
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A port at which somebody does this to the first who connects.
pub(crate) fn peer(act: impl FnOnce(TcpStream) + Send + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || act(listener.accept().unwrap().0));
    port
}

#[test]
fn dates() {
    let authority = Authority::new("a private root");
    let expired = authority.sign_with(&["localhost"], |params| params.not_after = date_time_ymd(2020, 1, 2));
    let expired = Broker::secured(&expired, "");
    let early = authority.sign_with(&["localhost"], |params| params.not_before = date_time_ymd(2080, 3, 4));
    let early = Broker::secured(&early, "");
    let mut bench = Bench::new(&authority);
    let words = bench.fails("localhost", expired.port(), -10);
    assert!(words.starts_with("server certificate expired 2020-01-02 00:00:00 UTC, the clock says 2"), "{words}");
    let words = bench.fails("localhost", early.port(), -9);
    assert!(
        words.starts_with("server certificate not valid before 2080-03-04 00:00:00 UTC, the clock says 2"),
        "{words}"
    );
}

/// The module's clock decides, as on a real one: a host that sets it may live in the past or in the future.
#[test]
fn dates_by_the_clock_that_the_host_set() {
    let authority = Authority::new("a private root");
    let expired = authority.sign_with(&["localhost"], |params| params.not_after = date_time_ymd(2020, 1, 2));
    let expired = Broker::secured(&expired, "");
    let early = authority.sign_with(&["localhost"], |params| params.not_before = date_time_ymd(2072, 3, 4));
    let early = Broker::secured(&early, "");
    let mut bench = Bench::new(&authority);
    bench.host.command(r#"AT+CCLK="19/12/31,23:30:00+04""#);
    opens(&mut bench.host, "localhost", expired.port());
    closes(&mut bench.host);
    let words = bench.fails("localhost", early.port(), -9);
    assert!(words.contains(" not valid before 2072-03-04 00:00:00 UTC, the clock says 2019-12-31 22:30:"), "{words}");
    bench.host.command(r#"AT+CCLK="72/06/01,00:00:00""#);
    opens(&mut bench.host, "localhost", early.port());
    closes(&mut bench.host);
    bench.host.command("AT+CTZU=1");
    bench.fails("localhost", early.port(), -9);
}

/// The server's own certificate may be good, and that of an authority between it and the root is not.
#[test]
fn dates_of_authorities() {
    let authority = Authority::new("a private root");
    let old = authority.below_with("an authority below", |params| params.not_after = date_time_ymd(2020, 1, 2));
    let young = authority.below_with("a new one", |params| params.not_before = date_time_ymd(2080, 3, 4));
    let mut bench = Bench::new(&authority);
    for (below, code, words) in [
        (old, -10, "certificate of CN=an authority below in the server's chain expired 2020-01-02 00:00:00 UTC, the "),
        (young, -9, "certificate of CN=a new one in the server's chain not valid before 2080-03-04 00:00:00 UTC, the "),
    ] {
        let broker = Broker::secured(&below.sign(&["localhost"]).followed_by(below.pem()), "");
        let said = bench.fails("localhost", broker.port(), code);
        assert!(said.starts_with(words), "{said}");
    }
}

#[test]
fn names() {
    let authority = Authority::new("a private root");
    let broker = Broker::secured(&authority.sign(&["broker.example", "*.lab.example", "10.0.0.1"]), "");
    let nameless = Broker::secured(&authority.sign(&[]), "");
    let mut bench = Bench::new(&authority);
    let words = bench.fails("localhost", broker.port(), -62);
    assert_eq!(words, "server certificate is for broker.example, *.lab.example, 10.0.0.1, not for localhost");
    // As the host wrote it.
    let words = bench.fails("127.000.000.001", broker.port(), -62);
    assert_eq!(words, "server certificate is for broker.example, *.lab.example, 10.0.0.1, not for 127.000.000.001");
    let words = bench.fails("localhost", nameless.port(), -62);
    assert_eq!(words, "server certificate is for no name (CN=a test does not count), not for localhost");
}

/// A name that looks like an address is of another kind than one.
#[test]
fn kinds_of_names() {
    let authority = Authority::new("a private root");
    let name = |name: &str| SanType::DnsName(name.try_into().unwrap());
    let files = authority.sign_with(&[], |params| params.subject_alt_names.push(name("127.0.0.1")));
    let broker = Broker::secured(&files, "");
    let others = authority.sign_with(&[], |params| {
        params.subject_alt_names.push(SanType::Rfc822Name("a@b.example".try_into().unwrap()));
        params.subject_alt_names.push(SanType::URI("mqtts://localhost".try_into().unwrap()));
    });
    let others = Broker::secured(&others, "");
    let mut bench = Bench::new(&authority);
    let words = bench.fails("127.0.0.1", broker.port(), -62);
    assert_eq!(words, "server certificate is for DNS name 127.0.0.1, not for IP address 127.0.0.1");
    let words = bench.fails("localhost", others.port(), -62);
    assert_eq!(words, "server certificate is for an email address, URI mqtts://localhost, not for localhost");
}

/// More authorities than anybody needs.
#[test]
fn a_chain_without_end() {
    let root = Authority::new("a private root");
    let mut chain = vec![root.below("authority 1")];
    for number in 2..=8 {
        chain.push(chain.last().unwrap().below(&format!("authority {number}")));
    }
    let mut files = chain.last().unwrap().sign(&["localhost"]);
    for authority in chain.iter().rev() {
        files = files.followed_by(authority.pem());
    }
    let broker = Broker::secured(&files, "");
    assert_eq!(
        Bench::new(&root).fails("localhost", broker.port(), -1),
        "server certificate of CN=a test has more than 6 authorities between it and a root, or they go in a circle"
    );
}

/// A certificate says what it may be used for.
#[test]
fn a_certificate_for_clients() {
    let authority = Authority::new("a private root");
    let files = authority.sign_with(&["localhost"], |params| {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    });
    let server = Server::start(&files, &[]);
    let words = Bench::new(&authority).fails("localhost", server.port, -1);
    assert_eq!(words, "server certificate of CN=a test is for clients, not for servers");
}

#[test]
fn roots() {
    let (authority, other) = (Authority::new("a private root"), Authority::new("somebody's root"));
    let broker = Broker::secured(&other.sign(&["localhost"]), "");
    let mut bench = Bench::new(&authority);
    assert_eq!(bench.fails("localhost", broker.port(), -19), format!("unknown root: CN=somebody's root{TRUST}"));
    // The missing one is that at the end of the chain.
    let below = other.below("an authority below");
    let broker = Broker::secured(&below.sign(&["localhost"]).followed_by(below.pem()), "");
    assert_eq!(bench.fails("localhost", broker.port(), -19), format!("unknown root: CN=somebody's root{TRUST}"));
    // Not the one that it pretends to be.
    let impostor = Authority::new("a private root");
    let broker = Broker::secured(&impostor.sign(&["localhost"]), "");
    let words = bench.fails("localhost", broker.port(), -19);
    assert_eq!(words, "unknown root: the one that signed CN=a test has the name of a trusted one, and another key");
    // The operating system's roots are not those of the test.
    let (program, host) = modem(&[]);
    let mut bench = Bench { program, host };
    assert_eq!(bench.fails("localhost", broker.port(), -19), format!("unknown root: CN=a private root{TRUST}"));
    // The next one may be better.
    bench.host.load("TRUSTFILE", impostor.pem());
    opens(&mut bench.host, "localhost", broker.port());
    closes(&mut bench.host);
}

#[test]
fn client_certificates() {
    let (authority, other) = (Authority::new("a private root"), Authority::new("another root"));
    let options = format!("cafile {}\nrequire_certificate true", authority.path().display());
    let broker = Broker::secured(&authority.sign(&["localhost"]), &options);
    let mut bench = Bench::new(&authority);
    // With 1.2 the server says so in the handshake, with 1.3 after it.
    for version in [4, 5] {
        bench.host.command(&format!("AT+GTSSLVER={version}"));
        let words = bench.fails("localhost", broker.port(), -101);
        assert_eq!(words, "server wants a client certificate: CAFILE and KEYFILE are not both loaded");
    }
    let generate = ["genpkey", "-algorithm", "ed25519"];
    let unknown = other.sign_client(&generate);
    let expired = authority.sign_with(&[], |params| params.not_after = date_time_ymd(2020, 1, 2));
    for (client, alert) in [(unknown, "unknown CA (48)"), (expired, "certificate expired (45)")] {
        bench.host.load("CAFILE", &client.certificate());
        bench.host.load("KEYFILE", &client.key());
        for version in [4, 5] {
            bench.host.command(&format!("AT+GTSSLVER={version}"));
            let words = bench.fails("localhost", broker.port(), -102);
            assert_eq!(words, format!("server refused the client certificate: {alert}"));
        }
    }
}

#[test]
fn a_client_key_that_the_server_has_no_use_for() {
    let authority = Authority::new("a private root");
    let client = authority.sign_client(&["genpkey", "-algorithm", "ed25519"]);
    let ca = authority.path();
    let options = ["-Verify", "1", "-CAfile", ca.to_str().unwrap(), "-client_sigalgs", "RSA-PSS+SHA256:ECDSA+SHA256"];
    let server = Server::start(&authority.sign(&["localhost"]), &options);
    let mut bench = Bench::new(&authority);
    bench.host.load("CAFILE", &client.certificate());
    bench.host.load("KEYFILE", &client.key());
    for version in [4, 5] {
        bench.host.command(&format!("AT+GTSSLVER={version}"));
        let words = bench.fails("localhost", server.port, -1);
        assert_eq!(words, "server knows no signature that the client's key can make");
    }
}

const NO_VERSION: &str = "no TLS version in common, AT+GTSSLVER sets those on offer";

#[test]
fn versions() {
    let authority = Authority::new("a private root");
    let files = authority.sign(&["localhost"]);
    let new = Broker::secured(&files, "tls_version tlsv1.3");
    let old = Server::start(&files, &["-tls1_2"]);
    let oldest = Server::start(&files, &["-tls1_1", "-cipher", "DEFAULT:@SECLEVEL=0"]);
    let mut bench = Bench::new(&authority);
    assert_eq!(bench.fails("localhost", oldest.port, -103), NO_VERSION);
    // Who offers both takes what a server has.
    opens(&mut bench.host, "localhost", new.port());
    assert!(bench.program.wait_for("link 1: TLS ").starts_with("1.3, "));
    closes(&mut bench.host);
    bench.host.command(&format!(r#"AT+MQTTOPEN=1,"localhost",{},1,60,2"#, old.port));
    assert!(bench.program.wait_for("link 1: TLS ").starts_with("1.2, "));
    // It does not speak MQTT.
    bench.host.command("AT+MQTTCLOSE=1");
    bench.host.expect("\r\n+MQTTOPEN: 1,0\r\n\r\n+MQTTCLOSE: 1,1\r\n");
    bench.program.wait_for("client 1 not opened: ended by the host");
    bench.host.command("AT+GTSSLVER=4");
    assert_eq!(bench.fails("localhost", new.port(), -103), NO_VERSION);
    bench.host.command("AT+GTSSLVER=5");
    assert_eq!(bench.fails("localhost", old.port, -103), NO_VERSION);
}

#[test]
fn ciphers() {
    let authority = Authority::new("a private root");
    let server = Server::start(&authority.sign(&["localhost"]), &["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA"]);
    assert_eq!(
        Bench::new(&authority).fails("localhost", server.port, -104),
        "no cipher suite or signature algorithm in common"
    );
}

#[test]
fn protocol_names() {
    let authority = Authority::new("a private root");
    let files = authority.sign(&["localhost"]);
    let (same, other) =
        (Server::start(&files, &["-alpn", "x-amzn-mqtt-ca"]), Server::start(&files, &["-alpn", "http/1.1"]));
    let ca = authority.path();
    let (program, host) = modem(&["--ca", ca.to_str().unwrap(), "--set", "tls_alpn=x-amzn-mqtt-ca"]);
    let mut bench = Bench { program, host };
    let words = bench.fails("localhost", other.port, -108);
    assert_eq!(words, "the peer sent an alert: no application protocol (120)");
    bench.host.command(&format!(r#"AT+MQTTOPEN=1,"localhost",{},1,60,2"#, same.port));
    let agreed = bench.program.wait_for("link 1: TLS ");
    assert_eq!(agreed, "1.3, TLS13_AES_256_GCM_SHA384, x-amzn-mqtt-ca");
    assert_eq!(same.wait_for("ALPN protocols selected: "), "x-amzn-mqtt-ca");
}

#[test]
fn certificates_that_cannot_be_checked() {
    let authority = Authority::new("a private root");
    // OpenSSL signs requests without extensions as version 1, and the usual self-signed certificate is an authority's.
    let first = authority.sign_client(&["genpkey", "-algorithm", "ed25519"]);
    let server = Server::start(&first, &[]);
    let mut bench = Bench::new(&authority);
    let words = bench.fails("localhost", server.port, -1);
    assert_eq!(words, "server certificate is X.509 v1, and only v3 can be checked");
    // It is good enough for those who don't check.
    bench.host.command("AT+GTSSLMODE=0");
    bench.host.command(&format!(r#"AT+MQTTOPEN=1,"localhost",{},1,60,2"#, server.port));
    bench.program.wait_for("link 1: TLS 1.3");

    let broker = Broker::secured(&self_signed(&authority, &["-addext", "subjectAltName=DNS:localhost"]), "");
    bench.host.command("AT+MQTTCLOSE=1");
    bench.host.expect("\r\n+MQTTOPEN: 1,0\r\n\r\n+MQTTCLOSE: 1,1\r\n");
    bench.program.wait_for("client 1 not opened: ended by the host");
    bench.host.command("AT+GTSSLMODE=1");
    let words = bench.fails("localhost", broker.port(), -18);
    assert_eq!(words, format!("server certificate is self-signed and not trusted: CN=localhost{TRUST}"));
    let options = ["-addext", "subjectAltName=DNS:localhost", "-addext", "basicConstraints=critical,CA:FALSE"];
    let broker = Broker::secured(&self_signed(&authority, &options), "");
    let words = bench.fails("localhost", broker.port(), -18);
    assert_eq!(words, format!("server certificate is self-signed and not trusted: CN=localhost{TRUST}"));
}

#[test]
fn a_self_signed_certificate_that_is_trusted() {
    let authority = Authority::new("a private root");
    let files = self_signed(&authority, &["-addext", "subjectAltName=DNS:localhost"]);
    let broker = Broker::secured(&files, "");
    let (program, mut host) = modem(&[]);
    host.load("TRUSTFILE", &files.certificate());
    opens(&mut host, "localhost", broker.port());
    closes(&mut host);
    // The rest is checked all the same.
    let mut bench = Bench { program, host };
    let words = bench.fails("127.0.0.1", broker.port(), -62);
    assert_eq!(words, "server certificate is for localhost, not for 127.0.0.1");
    let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.not_after = date_time_ymd(2020, 1, 2);
    let key = KeyPair::generate().unwrap();
    fs::write(&files.certificate, params.self_signed(&key).unwrap().pem()).unwrap();
    fs::write(&files.key, key.serialize_pem()).unwrap();
    let expired = files;
    let broker = Broker::secured(&expired, "");
    bench.host.load("TRUSTFILE", &expired.certificate());
    let words = bench.fails("localhost", broker.port(), -10);
    assert!(words.starts_with("server certificate expired 2020-01-02 "), "{words}");
}

/// What old hands and devices still have: keys and signatures that nobody takes any more.
#[test]
fn certificates_that_are_too_weak() {
    let authority = Authority::new("a private root");
    let directory = authority.directory();
    let [ca, ca_key] = ["ca.pem", "ca.key"].map(|name| directory.join(name));
    let strong = Files { certificate: ca, key: ca_key };
    let weak = Files { certificate: directory.join("weak.pem"), key: directory.join("weak.key") };
    let [certificate, key] = [&weak.certificate, &weak.key].map(|path| path.to_str().unwrap());
    let new =
        ["req", "-x509", "-newkey", "rsa:1024", "-nodes", "-subj", "/CN=weak", "-out", certificate, "-keyout", key];
    openssl(&new);
    let extensions = directory.join("extensions");
    fs::write(&extensions, "subjectAltName=DNS:localhost").unwrap();
    let options = |digest| [digest, "-extfile", extensions.to_str().unwrap()];
    let (long, short) = (["genrsa", "2048"], ["genrsa", "1024"]);
    let cases = [
        (&strong, &short, "-sha256", ": its RSA key has 1024 bits, fewer than 2048"),
        (&weak, &long, "-sha256", ": signed by an RSA key of 1024 bits, fewer than 2048"),
        (&strong, &long, "-sha1", " is signed with SHA-1, which is too weak"),
    ];
    for (signer, generate, digest, words) in cases {
        let signed = sign_by_openssl(signer, generate, &options(digest));
        let server = Server::start(&signed, &["-cipher", "DEFAULT:@SECLEVEL=0"]);
        let (program, mut host) = modem(&[]);
        host.load("TRUSTFILE", &fs::read_to_string(&signer.certificate).unwrap());
        let said = Bench { program, host }.fails("localhost", server.port, -1);
        assert_eq!(said, format!("server certificate of CN=client{words}"));
    }
    // A short key of somebody else has nothing to do with it.
    let impostor = Authority::new("a private root");
    let broker = Broker::secured(&impostor.sign(&["localhost"]), "");
    let (program, mut host) = modem(&[]);
    host.load("TRUSTFILE", &(authority.pem().to_owned() + &fs::read_to_string(&weak.certificate).unwrap()));
    let words = Bench { program, host }.fails("localhost", broker.port(), -19);
    assert_eq!(words, "unknown root: the one that signed CN=a test has the name of a trusted one, and another key");
}

/// The usual one: it says that it is an authority's.
fn self_signed(authority: &Authority, options: &[&str]) -> Files {
    let directory = authority.directory().join("self");
    let files = Files { certificate: directory.with_extension("pem"), key: directory.with_extension("key") };
    let [certificate, key] = [&files.certificate, &files.key].map(|path| path.to_str().unwrap());
    let new =
        ["req", "-x509", "-newkey", "ed25519", "-nodes", "-subj", "/CN=localhost", "-out", certificate, "-keyout", key];
    openssl(&[&new, options].concat());
    files
}

#[test]
fn peers_without_tls() {
    let authority = Authority::new("a private root");
    let mut bench = Bench::new(&authority);
    let web = peer(|mut stream| {
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap();
        let _ = stream.read_to_end(&mut Vec::new());
    });
    let words = bench.fails("localhost", web, -105);
    assert_eq!(words, "the peer does not speak TLS, it sent: HTTP/1.1 400 Bad");
    // It says less than a record's head and ends.
    let short = peer(|mut stream| stream.write_all(b"\r\n").unwrap());
    assert_eq!(bench.fails("localhost", short, -105), r"the peer does not speak TLS, it sent: \r\n");
    // A broker without TLS does not know what to make of it, and ends the connection.
    let plain = Broker::start(Kind::Mosquitto);
    let words = bench.fails("localhost", plain.port(), -106);
    let silent = "the peer ended the connection in the handshake without a word, perhaps it does not speak TLS";
    assert_eq!(words, silent);
    let closing = peer(|mut stream| {
        let _ = stream.read(&mut [0; 4096]);
    });
    assert_eq!(bench.fails("localhost", closing, -106), silent);
}

#[test]
fn a_peer_that_stays_silent() {
    let authority = Authority::new("a private root");
    let mut bench = Bench::new(&authority);
    let (sender, receiver) = channel();
    let silent = peer(move |mut stream| {
        let mut heard = Vec::new();
        let _ = stream.read_to_end(&mut heard);
        sender.send(heard).unwrap();
    });
    assert_eq!(bench.fails("localhost", silent, -107), "the handshake did not end in time");
    // It was asked in TLS, for this name.
    let heard = receiver.recv_timeout(LIMIT).unwrap();
    assert!(heard.starts_with(&[0x16, 3]) && heard.windows(9).any(|window| window == b"localhost"));
}

#[test]
fn a_broker_that_ends_later() {
    let authority = Authority::new("a private root");
    let broker = Broker::secured(&authority.sign(&["localhost"]), "");
    let mut bench = Bench::new(&authority);
    opens(&mut bench.host, "localhost", broker.port());
    broker.kill();
    bench.host.expect("\r\n+MQTTBREAK: 1,1\r\n");
}
