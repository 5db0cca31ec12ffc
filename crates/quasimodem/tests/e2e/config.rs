//! Configuration files.

use std::fs;

use tempfile::TempDir;

use crate::broker::{Broker, Kind};
use crate::host::Host;
use crate::program::Program;
use crate::program::{Outcome, command, run_to_end};

/// Runs a modem with a file that says this, and options in front of it.
fn run(config: &str, options: &[&str], typed: &str) -> (Outcome, String) {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("modem.toml").into_os_string().into_string().unwrap();
    fs::write(&path, config).unwrap();
    let outcome = run_to_end(&[&["run", "--config", &path], options].concat(), typed);
    (outcome, path)
}

#[test]
fn a_file_sets_everything() {
    let config = "imei = \"001010000000016\"\n# All kinds of values.\nmodel = \"MC615\"\necho = false\nwindow = 8\ngap_ms = '0'\n";
    let (outcome, _) = run(config, &[], "AT+CGMM;+CGSN\r");
    assert_eq!(outcome.stderr, "modem ready on stdio\n");
    assert_eq!(
        outcome.stdout,
        "\r\n+SIM READY\r\n\r\n+CGMM: \"MC615\"\r\n\r\n+CGSN: \"001010000000016\"\r\n\r\nOK\r\n"
    );
}

#[test]
fn the_command_line_wins() {
    let config = "at = \"tcp:1\"\nimei = \"001010000000016\"\nmodel = \"MC615\"\necho = true\n";
    let options = ["--at", "stdio", "--imei", "001010000000024", "--model", "MC610", "--set", "echo=off"];
    let (outcome, _) = run(config, &options, "AT+CGMM;+CGSN\r");
    assert_eq!(
        outcome.stdout,
        "\r\n+SIM READY\r\n\r\n+CGMM: \"MC610\"\r\n\r\n+CGSN: \"001010000000024\"\r\n\r\nOK\r\n"
    );
}

#[test]
fn a_file_maps_hosts_after_the_command_line() {
    let (broker, other) = (Broker::start(Kind::Lab), Broker::start(Kind::Lab));
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("modem.toml");
    let maps = format!("a:1=127.0.0.1:{0}\", \"b:1=127.0.0.1:{0}", broker.port());
    fs::write(&path, format!("at = \"tcp:0\"\nhost_map = [\"{maps}\"]\n")).unwrap();
    let mut command = command(&["run", "-v", "--config"]);
    command.arg(&path).args(["--host-map", &format!("b:1=127.0.0.1:{}", other.port())]);
    let mut program = Program::start(command);
    let mut host = Host::connect(program.address());
    for (name, broker) in [("a", broker), ("b", other)] {
        host.command(&format!(r#"AT+MQTTOPEN=1,"{name}",1,1,60"#));
        host.expect("\r\n+MQTTOPEN: 1,1\r\n");
        let led = program.wait_for("link 1: led to 127.0.0.1:");
        assert_eq!(led, format!("{} by the host map", broker.port()));
        host.command("AT+MQTTCLOSE=1");
        host.expect("\r\n+MQTTCLOSE: 1,1\r\n");
    }
}

#[test]
fn mistakes_are_told_with_their_place() {
    let keys = "at, imei, host_map, ca, model, echo, gap_ms, hex_escapes, urc_payload, refusal, window, max_packet, boot_ms, \
                ready_on_attach, bearer, search_ms, tls_verify, tls_versions, tls_alpn, tls_name";
    let cases = [
        ("\n\ngap_ms = \"x\"\n", "3: gap_ms is \"x\", expected a number of milliseconds up to 3600000".to_owned()),
        ("gap_ms = 1.5\n", "1: gap_ms is 1.5, expected a number of milliseconds up to 3600000".into()),
        ("[gap_ms]\n", "1: gap_ms is a table, expected a number of milliseconds up to 3600000".into()),
        ("echo = \"yes\"\n", "1: echo is \"yes\", expected on or off".into()),
        ("window = 0\n", "1: window is 0, expected a number from 1 to 1000".into()),
        ("window = 0x10000\n", "1: window is 0x10000, expected a number from 1 to 1000".into()),
        ("window = true\n", "1: window is true, expected a number from 1 to 1000".into()),
        ("model = \"L611\"\n", "1: model is \"L611\", expected a model of `quasimodem models`".into()),
        ("imei = \"12\"\n", "1: imei is \"12\", expected 15 decimal digits".into()),
        ("at = \"com1\"\n", "1: at is \"com1\", expected stdio, pty, pty:LINK, tcp:PORT or tcp:ADDR:PORT".into()),
        (
            "host_map = \"a:1=b:1\"\n",
            "1: host_map is \"a:1=b:1\", expected an array of NAME:PORT=ADDR:PORT".into(),
        ),
        (
            "host_map = [\n  \"a:1=b:1\",\n  \"a=b\",\n]\n",
            "3: host_map has \"a=b\", expected NAME:PORT=ADDR:PORT, such as broker.example:1883=127.0.0.1:1883, IPv6 \
             as [::1]:1883"
                .into(),
        ),
        ("ca = \"\"\n", "1: ca is \"\", expected the name of a file".into()),
        ("host_map = [\n  7,\n]\n", "2: host_map has 7, expected NAME:PORT=ADDR:PORT, such as broker.example:1883=127.0.0.1:1883, IPv6 as [::1]:1883".into()),
        ("echo = true\ngapp = \"1s\"\n", format!("2: there is no key \"gapp\"; there are {keys}")),
        ("[modem]\ngap = \"1s\"\n", format!("1: there is no key \"modem\"; there are {keys}")),
        // The first one in the file, whatever the order of the keys.
        ("window = 0\necho = 0\n", "1: window is 0, expected a number from 1 to 1000".into()),
    ];
    for (config, words) in cases {
        let (outcome, path) = run(config, &[], "");
        assert_eq!(outcome.stderr, format!("quasimodem: {path}:{words}\n"), "{config}");
        assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(2), ""));
    }
}

#[test]
fn what_is_no_toml_is_told_with_its_line() {
    for (config, line) in
        [("echo = on\n", 1), ("echo = true\necho = false\n", 2), ("\n\ngap 20\n", 3), ("a = [1,\n", 1)]
    {
        let (outcome, path) = run(config, &[], "");
        assert_eq!(outcome.code, Some(2), "{config}");
        let words = outcome.stderr.strip_prefix(&format!("quasimodem: {path}:")).unwrap();
        assert_eq!(words.lines().count(), 1, "{words}");
        let (at, words) = words.split_once(": ").unwrap();
        println!("{config:?} {at} {words}");
        assert_eq!(at, line.to_string(), "{config}: {words}");
    }
}

#[test]
fn a_file_that_is_not_there_is_told() {
    let outcome = run_to_end(&["run", "--config", "/nowhere/modem.toml"], "");
    assert_eq!(outcome.code, Some(2));
    assert_eq!(outcome.stderr, "quasimodem: can't read /nowhere/modem.toml: No such file or directory (os error 2)\n");
}
