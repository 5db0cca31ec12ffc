//! MQTT over TLS, with mosquitto as the broker.

use std::fs;
use std::path::Path;

use crate::broker::Broker;
use crate::certificates::{Authority, openssl};
use crate::host::Host;
use crate::program::{Program, command, run_to_end};

/// A modem and its host.
pub(crate) fn modem(options: &[&str]) -> (Program, Host) {
    let program = Program::run_with("tcp:0", options);
    let host = Host::connect(program.address());
    (program, host)
}

/// Opens a TLS connection, which the broker accepts.
pub(crate) fn opens(host: &mut Host, broker: &str, port: u16) {
    host.command(&format!(r#"AT+MQTTOPEN=1,"{broker}",{port},1,60,2"#));
    host.expect("\r\n+MQTTOPEN: 1,1\r\n");
}

/// Closes it.
pub(crate) fn closes(host: &mut Host) {
    host.command("AT+MQTTCLOSE=1");
    host.expect("\r\n+MQTTCLOSE: 1,1\r\n");
}

/// Sends a message to itself.
pub(crate) fn talks(host: &mut Host, payload: &str) {
    host.command(r#"AT+MQTTSUB=1,"t",1"#);
    host.expect("\r\n+MQTTSUB: 1,1\r\n");
    host.command(&format!(r#"AT+MQTTPUB=1,"t",1,0,"{payload}""#));
    host.expect_in_any_order(&["\r\n+MQTTPUB: 1,1\r\n", &format!("\r\n+MQTTMSG: 1,1,\"t\",\"{payload}\"\r\n")]);
}

#[test]
fn a_root_that_the_host_loads() {
    let authority = Authority::new("a private root");
    let broker = Broker::secured(&authority.sign(&["localhost"]), "");
    let (mut program, mut host) = modem(&[]);
    host.load("TRUSTFILE", authority.pem());
    opens(&mut host, "localhost", broker.port());
    assert_eq!(program.wait_for("link 1: TLS "), "1.3, TLS13_AES_256_GCM_SHA384");
    talks(&mut host, "hello");
    closes(&mut host);
    // The broker heard DISCONNECT, so it all came out before the end.
    broker.wait_for("Received DISCONNECT");
    host.send("AT+GTSSLERR?");
    host.expect("AT+GTSSLERR?\r\n+GTSSLERR: 0\r\n\r\nOK\r\n");
}

#[test]
fn a_root_of_the_command_line_and_of_a_file() {
    let authority = Authority::new("a private root");
    let broker = Broker::secured(&authority.sign(&["127.0.0.1"]), "");
    let ca = authority.path();
    let config = authority.directory().join("modem.toml");
    fs::write(&config, format!("ca = \"{}\"\n", ca.display())).unwrap();
    for options in [["--ca", ca.to_str().unwrap()], ["--config", config.to_str().unwrap()]] {
        let (_program, mut host) = modem(&options);
        // An address as some hosts write it.
        opens(&mut host, "127.000.000.001", broker.port());
        // What the host loads counts more.
        host.command("AT+MQTTCLOSE=1");
        host.expect("\r\n+MQTTCLOSE: 1,1\r\n");
        host.load("TRUSTFILE", Authority::new("another root").pem());
        host.command(&format!(r#"AT+MQTTOPEN=1,"127.0.0.1",{},1,60,2"#, broker.port()));
        host.expect("\r\n+MQTTOPEN: 1,0\r\n");
    }
}

/// Starts a modem whose environment names these roots; what it says before it is ready.
fn modem_with(roots: &Path, options: &[&str]) -> (Program, Host, String) {
    let mut command = command(&["run", "-v", "--at", "tcp:0"]);
    command.args(options).env("SSL_CERT_FILE", roots).env_remove("SSL_CERT_DIR");
    let mut program = Program::start_after(command, "");
    let (mut said, mut line) = (String::new(), program.place().to_owned());
    loop {
        if let Some(address) = line.strip_prefix("modem ready on tcp ") {
            let host = Host::connect(address);
            return (program, host, said);
        }
        said += &format!("{line}\n");
        line = program.lines(1).remove(0);
    }
}

/// Without any file the operating system's count, or those that the environment names, and then nothing but those.
#[test]
fn the_roots_of_the_environment() {
    let authority = Authority::new("a private root");
    let broker = Broker::secured(&authority.sign(&["localhost"]), "");
    let (_program, mut host, said) = modem_with(&authority.path(), &[]);
    assert!(said.contains("trusted roots: 1 of SSL_CERT_FILE\n"), "{said}");
    opens(&mut host, "localhost", broker.port());
    // What can't be used is said at the start, and again to whoever needs it. Then it may be in order.
    let file = authority.directory().join("roots.pem");
    let words = format!(
        "no trusted roots: SSL_CERT_FILE {} can't be read: No such file or directory (os error 2)",
        file.display()
    );
    let (mut program, mut host, said) = modem_with(&file, &[]);
    assert!(said.lines().any(|line| line == format!("TLS: {words}")), "{said}");
    host.command(&format!(r#"AT+MQTTOPEN=1,"localhost",{},1,60,2"#, broker.port()));
    host.expect("\r\n+MQTTOPEN: 1,0\r\n");
    assert_eq!(program.wait_for("client 1 not opened: TLS: "), words);
    host.send("AT+GTSSLERR?");
    host.expect("AT+GTSSLERR?\r\n+GTSSLERR: -109\r\n\r\nOK\r\n");
    fs::write(&file, authority.pem()).unwrap();
    opens(&mut host, "localhost", broker.port());
    // They are of no concern to whoever names others.
    fs::write(&file, "").unwrap();
    let (_program, mut host, said) = modem_with(&file, &["--ca", authority.path().to_str().unwrap()]);
    assert!(!said.contains("roots"), "{said}");
    opens(&mut host, "localhost", broker.port());
}

/// The lab trusts itself, whatever its environment says.
#[test]
fn a_lab_without_the_roots_of_its_environment() {
    let mut command = command(&["lab", "--at", "tcp:0", "--mqtt", "0", "--mqtts", "127.0.0.1:0"]);
    command.env("SSL_CERT_FILE", "/dev/null").env_remove("SSL_CERT_DIR");
    let mut program = Program::start_after(command, "lab broker with TLS on 127.0.0.1:");
    let port = program.place().parse().unwrap();
    program.wait_for("only the lab's root is trusted: SSL_CERT_FILE /dev/null can't be used: it is empty");
    let mut host = Host::connect(&program.wait_for("modem ready on tcp "));
    opens(&mut host, "localhost", port);
}

#[test]
fn files_of_roots_that_are_of_no_use() {
    let authority = Authority::new("a private root");
    let path = authority.directory().join("wrong.pem");
    let path = path.to_str().unwrap();
    let certificate = |body: &str| format!("-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n");
    let (pem, key) = (authority.pem(), fs::read_to_string(authority.directory().join("ca.key")).unwrap());
    let der = openssl(&["x509", "-in", authority.path().to_str().unwrap(), "-outform", "der"]);
    let second = pem.lines().nth(2).unwrap();
    let cases: &[(Vec<u8>, &str)] = &[
        (Vec::new(), "it is empty"),
        (certificate("!").into(), "line 2 has a character that is not Base64"),
        (certificate("AAAA").into(), "the certificate can't be read: it is not DER under its Base64"),
        (
            pem.split("-----END").next().unwrap().into(),
            "it is cut short: the END CERTIFICATE line is missing or not complete",
        ),
        (
            (pem.to_owned() + &pem.replace(&format!("{second}\n"), "")).into(),
            &format!(
                "certificate 2 of 2 can't be read: some of its text is missing, it has {} of {} bytes",
                der.len() - 48,
                der.len()
            ),
        ),
        (der.clone(), "it is DER, not PEM: openssl x509 -inform der converts it"),
        (key.into(), "it holds PRIVATE KEY, not CERTIFICATE"),
    ];
    for (text, words) in cases {
        fs::write(path, text).unwrap();
        let outcome = run_to_end(&["run", "--ca", path], "");
        assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(2), ""));
        assert_eq!(outcome.stderr, format!("quasimodem: can't use {path}: {words}\n"));
    }
    let outcome = run_to_end(&["run", "--ca", "/nowhere/ca.pem"], "");
    assert_eq!(outcome.code, Some(2));
    assert_eq!(outcome.stderr, "quasimodem: can't read /nowhere/ca.pem: No such file or directory (os error 2)\n");
}

/// As RFC 7468 allows them, in every place where files are read.
#[test]
fn pem_of_any_form() {
    let authority = Authority::new("a private root");
    let options = format!("cafile {}\nrequire_certificate true", authority.path().display());
    let broker = Broker::secured(&authority.sign(&["localhost"]), &options);
    let client = authority.sign_client(&["genpkey", "-algorithm", "ed25519"]);
    let forms: [fn(&str) -> String; 5] = [
        |pem| pem.replace('\n', ""),
        |pem| format!("subject=CN = x\n    {}", pem.trim_end().replace('\n', "\n    ")),
        |pem| pem.replace('\n', "\r\n"),
        |pem| pem.replace('\n', "\r"),
        |pem| pem.replace('\n', " \t\n\n"),
    ];
    for form in forms {
        let ca = authority.directory().join("form.pem");
        fs::write(&ca, form(authority.pem())).unwrap();
        let (_program, mut host) = modem(&["--ca", ca.to_str().unwrap()]);
        host.load("CAFILE", &form(&client.certificate()));
        host.load("KEYFILE", &form(&client.key()));
        opens(&mut host, "localhost", broker.port());
        closes(&mut host);
        host.load("TRUSTFILE", &form(authority.pem()));
        opens(&mut host, "localhost", broker.port());
    }
}

#[test]
fn verification_can_be_turned_off() {
    let authority = Authority::new("a private root");
    let broker = Broker::secured(&authority.sign(&["elsewhere.example"]), "");
    let (_program, mut host) = modem(&["--insecure-tls"]);
    opens(&mut host, "localhost", broker.port());
    closes(&mut host);
    host.command("AT+GTSSLMODE=1");
    host.command(&format!(r#"AT+MQTTOPEN=1,"localhost",{},1,60,2"#, broker.port()));
    host.expect("\r\n+MQTTOPEN: 1,0\r\n");
    host.command("AT+GTSSLMODE=0");
    opens(&mut host, "localhost", broker.port());
    talks(&mut host, "hello");
}

#[test]
fn the_name_is_that_which_the_host_asked_for() {
    let authority = Authority::new("a private root");
    let broker = Broker::secured(&authority.sign(&["broker.example"]), "");
    let map = format!("broker.example:8883=127.0.0.1:{}", broker.port());
    let (_program, mut host) = modem(&["--host-map", &map, "--ca", authority.path().to_str().unwrap()]);
    opens(&mut host, "broker.example", 8883);
    closes(&mut host);
    let (_program, mut host) = modem(&["--set", "tls_name=broker.example", "--ca", authority.path().to_str().unwrap()]);
    opens(&mut host, "127.0.0.1", broker.port());
}

/// An older host's <Usetls>, and an address of IPv6.
#[test]
fn tls_by_its_other_number_and_an_address() {
    let authority = Authority::new("a private root");
    let broker = Broker::secured(&authority.sign(&["::1"]), "");
    let map = format!("[::1]:8883=127.0.0.1:{}", broker.port());
    let (mut program, mut host) = modem(&["--host-map", &map, "--ca", authority.path().to_str().unwrap()]);
    host.command(r#"AT+MQTTOPEN=1,"::1",8883,1,60,1"#);
    host.expect("\r\n+MQTTOPEN: 1,1\r\n");
    closes(&mut host);
    host.command(&format!(r#"AT+MQTTOPEN=1,"127.0.0.1",{},1,60,1"#, broker.port()));
    host.expect("\r\n+MQTTOPEN: 1,0\r\n");
    let words = program.wait_for("client 1 not opened: ");
    assert_eq!(words, "TLS: server certificate is for ::1, not for 127.0.0.1");
}

#[test]
fn versions_are_those_of_the_host() {
    let authority = Authority::new("a private root");
    let files = authority.sign(&["localhost"]);
    let (any, new) = (Broker::secured(&files, ""), Broker::secured(&files, "tls_version tlsv1.3"));
    let (mut program, mut host) = modem(&["--ca", authority.path().to_str().unwrap()]);
    host.command("AT+GTSSLVER=4");
    opens(&mut host, "localhost", any.port());
    assert_eq!(program.wait_for("link 1: TLS "), "1.2, TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384");
    talks(&mut host, "1.2");
    closes(&mut host);
    host.command("AT+GTSSLVER=5");
    opens(&mut host, "localhost", new.port());
    assert_eq!(program.wait_for("link 1: TLS "), "1.3, TLS13_AES_256_GCM_SHA384");
    talks(&mut host, "1.3");
}

/// Each kind of key as OpenSSL writes it, with both versions: the client certificate goes another way in each.
fn client_key(generate: &[&str], begins: &str) {
    let authority = Authority::new("a private root");
    let options =
        format!("cafile {}\nrequire_certificate true\nuse_identity_as_username true", authority.path().display());
    let broker = Broker::secured(&authority.sign(&["localhost"]), &options);
    let client = authority.sign_client(generate);
    assert!(client.key().contains(begins), "{}", client.key());
    let (_program, mut host) = modem(&[]);
    host.load("TRUSTFILE", authority.pem());
    host.load("CAFILE", &client.certificate());
    host.load("KEYFILE", &client.key());
    for version in [4, 5] {
        host.command(&format!("AT+GTSSLVER={version}"));
        opens(&mut host, "localhost", broker.port());
        // Its name is that of the certificate.
        broker.wait_for("u'client'");
        talks(&mut host, "hello");
        closes(&mut host);
    }
}

#[test]
fn an_rsa_key_pkcs_1() {
    client_key(&["genrsa", "-traditional", "2048"], "BEGIN RSA PRIVATE KEY");
}

#[test]
fn an_rsa_key_pkcs_8() {
    client_key(&["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:3072"], "BEGIN PRIVATE KEY");
}

#[test]
fn an_ecdsa_key_sec_1() {
    client_key(&["ecparam", "-name", "prime256v1", "-genkey"], "BEGIN EC PRIVATE KEY");
}

#[test]
fn an_ecdsa_key_pkcs_8() {
    client_key(&["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"], "BEGIN PRIVATE KEY");
}

#[test]
fn an_ed25519_key() {
    client_key(&["genpkey", "-algorithm", "ed25519"], "BEGIN PRIVATE KEY");
}

#[test]
fn chains_of_certificates() {
    let authority = Authority::new("a private root");
    let (servers, clients) = (authority.below("for servers"), authority.below("for clients"));
    let options = format!("cafile {}\nrequire_certificate true", authority.path().display());
    let broker = Broker::secured(&servers.sign(&["localhost"]).followed_by(servers.pem()), &options);
    let client = clients.sign_client(&["genpkey", "-algorithm", "ed25519"]).followed_by(clients.pem());
    let (_program, mut host) = modem(&[]);
    host.load("TRUSTFILE", authority.pem());
    host.load("CAFILE", &client.certificate());
    host.load("KEYFILE", &client.key());
    opens(&mut host, "localhost", broker.port());
    talks(&mut host, "hello");
}

#[test]
fn a_program_that_ends_says_goodbye() {
    let authority = Authority::new("a private root");
    let broker = Broker::secured(&authority.sign(&["localhost"]), "");
    let (program, mut host) = modem(&["--ca", authority.path().to_str().unwrap()]);
    opens(&mut host, "localhost", broker.port());
    program.terminate();
    broker.wait_for("Received DISCONNECT");
}

#[test]
fn large_messages_go_both_ways() {
    let authority = Authority::new("a private root");
    let broker = Broker::secured(&authority.sign(&["localhost"]), "");
    let (_program, mut host) = modem(&["--ca", authority.path().to_str().unwrap()]);
    opens(&mut host, "localhost", broker.port());
    // More than one record's worth in flight, and more than the link's high-water mark in all.
    host.command(r#"AT+MQTTSUB=1,"t",1"#);
    host.expect("\r\n+MQTTSUB: 1,1\r\n");
    for round in 0..40 {
        let payload = format!("{round:04}").repeat(250);
        host.command(&format!(r#"AT+MQTTPUB=1,"t",1,0,"{payload}""#));
        host.expect_in_any_order(&["\r\n+MQTTPUB: 1,1\r\n", &format!("\r\n+MQTTMSG: 1,1,\"t\",\"{payload}\"\r\n")]);
    }
}

/// The files as a host may load them: one that is of no use is refused, with the reason, and the former one stays.
#[test]
fn files_that_the_library_refuses() {
    let authority = Authority::new("a private root");
    let broker = Broker::secured(&authority.sign(&["localhost"]), "");
    let (_program, mut host) = modem(&[]);
    // An editor's mark in front does no harm, nor do the zeros of a buffer behind.
    host.load("TRUSTFILE", &format!("\u{feff}{}\0\0", authority.pem()));
    let encrypted = openssl(&["genpkey", "-algorithm", "ed25519", "-aes128", "-pass", "pass:secret"]);
    let of_old = openssl(&["genrsa", "-traditional", "-aes128", "-passout", "pass:secret", "2048"]);
    let small = openssl(&["genrsa", "1024"]);
    let client = authority.sign_client(&["genpkey", "-algorithm", "ed25519"]);
    let other = authority.sign(&["client.example"]);
    host.load("CAFILE", &client.certificate());
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let (body, key) = (client.key().lines().nth(1).unwrap().to_owned(), client.key());
    let short = key.replace(&body, &body[..48]);
    let unreadable = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let cases = [
        ("TRUSTFILE", unreadable.to_owned(), "the certificate can't be read: it is not DER under its Base64"),
        ("CAFILE", unreadable.to_owned(), "the certificate can't be read: it is not DER under its Base64"),
        ("KEYFILE", text(&encrypted), "the private key is encrypted: openssl pkey removes the passphrase"),
        ("KEYFILE", text(&of_old), "the private key is encrypted: openssl pkey removes the passphrase"),
        ("KEYFILE", short, "the private key can't be read: some of its text is missing, it has 36 of 48 bytes"),
        (
            "KEYFILE",
            text(&small),
            "the private key is of no supported kind: RSA of 2048 to 8192 bits, P-256, P-384 or Ed25519",
        ),
        ("KEYFILE", other.key(), "the private key does not belong to the first certificate of the chain"),
    ];
    for (file, pem, words) in cases {
        host.type_file(file, &pem);
        host.expect("\r\nERROR\r\n");
        host.send("AT+CEER");
        host.expect(&format!("AT+CEER\r\n+CEER: 3,\"TLS: the file can't be used: {words}\"\r\n\r\nOK\r\n"));
    }
    host.load("KEYFILE", &client.key());
    opens(&mut host, "localhost", broker.port());
}
