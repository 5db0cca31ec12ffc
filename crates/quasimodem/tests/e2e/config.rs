//! Configuration files.

use std::fs;

use quasimodem_core::SETTINGS;
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
fn a_file_sets_what_clouds_leave_open() {
    let line = "AT+MQTTAUTHCFG=6,\"core\",\"key\",\"secret\"\r";
    let printed = |config: &str, options: &[&str]| {
        let (outcome, _) = run(config, &[options, &["--set", "echo=off"]].concat(), line);
        assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
        outcome.stdout
    };
    assert!(printed("", &[]).contains(r#""thingidp@core|key|0|MD5""#));
    for config in
        ["[cloud]\nbaidu_hash = \"sha256\"\n", "cloud.baidu_hash = 'sha256'\n", "\"cloud.baidu_hash\" = 'sha256'\n"]
    {
        assert!(printed(config, &[]).contains(r#""thingidp@core|key|0|SHA256""#), "{config}");
        let md5 = printed(config, &["--set", "cloud.baidu_hash=md5"]);
        assert!(md5.contains(r#""thingidp@core|key|0|MD5""#), "the command line wins: {md5}");
    }
}

#[test]
fn random_choices_differ_from_start_to_start() {
    let connection = |options: &[&str]| {
        let typed = "AT+MQTTAUTHCFG=2,\"IO8GAP1NFS\",\"d\",\"M5KJOGqyQIOMvXzUFb2Yig==\"\r";
        let (outcome, _) = run("", options, typed);
        let (_, rest) = outcome.stdout.split_once(";21010406;").unwrap();
        rest.split_once(';').unwrap().0.to_owned()
    };
    let some: Vec<String> = (0..4).map(|_| connection(&[])).collect();
    assert!(some.iter().any(|other| *other != some[0]), "the system's numbers are all alike: {some:?}");
    assert!(some.iter().all(|id| id.len() == 5 && id.bytes().all(|byte| byte.is_ascii_alphanumeric())), "{some:?}");
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
fn commands_that_the_modem_does_not_know_are_answered_as_configured() {
    let directory = TempDir::new().unwrap();
    let file = directory.path().join("modem.toml");
    let config = "[answers]\n\"AT+QCFG?\" = [\"+QCFG: 1\", \"OK\"]\n\"AT+QCFG=*\" = \"OK\"\n\"AT+QPING\" = \"OK\"\n";
    fs::write(&file, config).unwrap();
    let options = ["--config", file.to_str().unwrap(), "--answer", "at+qping => +QPING: 3 | +CME ERROR: 561"];
    let program = Program::run_with("pty", &options);
    let mut host = Host::open(program.address());
    host.command("AT+QCFG=\"a\",1");
    for (typed, answer) in [("AT+QCFG?", "+QCFG: 1\r\n\r\nOK"), ("AT+QPING", "+QPING: 3\r\n\r\n+CME ERROR: 561")] {
        host.send(typed);
        host.expect(&format!("{typed}\r\n{answer}\r\n"));
    }
    let outcome = run_to_end(&["run", "--answer", "AT+CSQ => OK"], "");
    assert_eq!(outcome.code, Some(2));
    assert!(outcome.stderr.contains("the modem answers AT+CSQ itself"), "{}", outcome.stderr);
}

#[test]
fn mistakes_are_told_with_their_place() {
    let settings = SETTINGS.iter().map(|setting| setting.key);
    let keys = [
        "at",
        "pace",
        "imei",
        "host_map",
        "ca",
        "cert",
        "key",
        "events",
        "trace",
        "log",
        "signal_from",
        "control",
        "control_token_file",
        "answers",
        "faults",
        "timing",
    ]
    .into_iter()
    .chain(settings)
    .collect::<Vec<_>>()
    .join(", ");
    let cases = [
        ("\n\ngap_ms = \"x\"\n", "3: gap_ms is \"x\", expected a number of milliseconds up to 3600000".to_owned()),
        ("gap_ms = 1.5\n", "1: gap_ms is 1.5, expected a number of milliseconds up to 3600000".into()),
        ("[gap_ms]\n", "1: gap_ms is a table, expected a number of milliseconds up to 3600000".into()),
        ("echo = \"yes\"\n", "1: echo is \"yes\", expected on or off".into()),
        ("window = 0\n", "1: window is 0, expected a number from 1 to 1000".into()),
        ("window = 0x10000\n", "1: window is 0x10000, expected a number from 1 to 1000".into()),
        ("window = true\n", "1: window is true, expected a number from 1 to 1000".into()),
        ("model = \"L611\"\n", "1: model is \"L611\", expected a model of `quasimodem models`".into()),
        (
            "imei = \"12\"\n",
            "1: imei is \"12\", expected 15 decimal digits, such digits with +1 or another number after them, +1 alone, \
             or random"
                .into(),
        ),
        ("at = \"com1\"\n", "1: at is \"com1\", expected stdio, pty, pty:LINK, tcp:PORT, tcp:ADDR:PORT, rfc2217:PORT, rfc2217:ADDR:PORT or serial:PATH@RATE".into()),
        ("pace = 0\n", "1: pace is 0, expected a rate from 1 to 4000000 bits a second, such as 115200".into()),
        ("faults = 'packet-drop'\n", "1: faults is \"packet-drop\", expected an array, such as [\"packet-drop type=PUBACK\"]".into()),
        ("\nfaults = [{ fault = 'packet-drop', nth = [1] }]\n", "2: nth is an array, expected a text, a number, true or false".into()),
        ("faults = [{ type = 'PUBACK' }]\n", "1: a table of faults needs fault=…".into()),
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
        (
            "host_map = [\n  \"*:1=b:1\",\n  \"a:1=c:1\",\n]\n",
            "3: host_map has \"a:1=c:1\", and *:1=b:1 before it is for the same".into(),
        ),
        ("ca = \"\"\n", "1: ca is \"\", expected the name of a file".into()),
        ("host_map = [\n  7,\n]\n", "2: host_map has 7, expected NAME:PORT=ADDR:PORT, such as broker.example:1883=127.0.0.1:1883, IPv6 as [::1]:1883".into()),
        ("echo = true\ngapp = \"1s\"\n", format!("2: there is no key \"gapp\"; there are {keys}")),
        ("[modem]\ngap = \"1s\"\n", format!("1: there is no key \"modem\"; there are {keys}")),
        ("echo = true\n[cloud]\nonenet_hash = \"sha3\"\n", "3: cloud.onenet_hash is \"sha3\", expected md5, sha1 or sha256".into()),
        ("[cloud]\n\ntencent_hash = \"md5\"\n", "3: cloud.tencent_hash is \"md5\", expected sha1 or sha256".into()),
        ("[cloud]\nunicom_operator = 5\n", "2: cloud.unicom_operator is 5, expected a number from 0 to 4".into()),
        ("[cloud]\nhash = 5\n", format!("2: there is no key \"cloud.hash\"; there are {keys}")),
        ("[cloud.baidu]\nhash = 5\n", format!("1: there is no key \"cloud.baidu\"; there are {keys}")),
        ("cloud = 5\n", "1: cloud is 5, expected a table, as [cloud]".into()),
        ("seed = -1\n", "1: seed is -1, expected a number up to 18446744073709551615, or random".into()),
        (
            "[answers]\n\"AT+QX?\" = [\"+QX: 1\", \"OK\"]\n\"AT+CSQ\" = \"OK\"\n",
            "3: answers has AT+CSQ as \"OK\", the modem answers AT+CSQ itself; only other commands can be given answers"
                .into(),
        ),
        (
            "[answers]\n\"AT+QX\" = \"+QX: 1\"\n",
            "2: answers has AT+QX as \"+QX: 1\", the answer ends with \"+QX: 1\", expected OK, ERROR or +CME ERROR: and a \
             number"
                .into(),
        ),
        (
            "[answers]\n\"AT+QX\" = [\"SEND OK\", \"OK\"]\n",
            "2: answers has AT+QX as an array, the answer has the line \"SEND OK\", expected printable text without the \
             words OK and ERROR, which hosts look for anywhere"
                .into(),
        ),
        ("[answers]\n\"AT+QX;+QY\" = \"OK\"\n", "2: answers has AT+QX;+QY as \"OK\", \"AT+QX;+QY\" is not one command, expected one such as AT+QCFG?".into()),
        ("answers = 1\n", "1: answers is 1, expected a table, as [answers]".into()),
        // The first one in the file, whatever the order of the keys.
        ("window = 0\necho = 0\n", "1: window is 0, expected a number from 1 to 1000".into()),
    ];
    for (config, words) in cases {
        let (outcome, path) = run(config, &[], "");
        assert_eq!(outcome.stderr, format!("quasimodem: {path}:{words}\n"), "{config}");
        assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(2), ""));
    }
}

/// The command line comes before the file, so only what it says twice is a mistake.
#[test]
fn mappings_that_never_count() {
    let outcome = run_to_end(&["run", "--host-map", "a:*=b:1", "--host-map", "a:1=c:1"], "");
    let words = "quasimodem: --host-map a:1=c:1 never counts: a:*=b:1 before it is for the same\n";
    assert_eq!((outcome.code, &*outcome.stderr), (Some(2), words));
    let (outcome, _) = run("at = \"stdio\"\nhost_map = [\"a:1=c:1\"]\n", &["--host-map", "a:*=b:1"], "");
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
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
fn a_file_means_its_neighbours() {
    let (outcome, path) = run("ca = \"roots.pem\"\n", &[], "");
    let beside = path.replace("modem.toml", "roots.pem");
    let words = format!("quasimodem: can't read {beside}: No such file or directory (os error 2)\n");
    assert_eq!((outcome.code, outcome.stderr), (Some(2), words));
}

#[test]
fn a_file_that_is_not_there_is_told() {
    let outcome = run_to_end(&["run", "--config", "/nowhere/modem.toml"], "");
    assert_eq!(outcome.code, Some(2));
    assert_eq!(outcome.stderr, "quasimodem: can't read /nowhere/modem.toml: No such file or directory (os error 2)\n");
}

#[test]
fn a_file_breaks_what_the_command_line_does_not() {
    let faults = "faults = ['packet-drop type=PINGREQ', { fault = 'connack-code', code = 0x4, chance = 0.5, optional = true }]\n";
    let (outcome, _) = run(faults, &["--fault", "packet-drop id=own type=PUBREC expect=0"], "AT\r");
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    let unhit = "fault packet-drop was never hit: nothing came that it is about; optional=true if that may be\n";
    assert_eq!(outcome.stderr, format!("modem ready on stdio\n{unhit}"));
}

/// The key `bearer` is a setting, or an interface.
#[test]
fn a_wrong_bearer_is_told_with_its_place() {
    for (config, words) in [
        ("bearer = \"warm\"\n", "1: bearer is \"warm\", expected up or cold, or an interface, such as if:wwan0"),
        (
            "bearer = \"if:a/b\"\n",
            "1: bearer is \"if:a/b\", expected the name of an interface, of 1 to 15 characters, such as if:wwan0",
        ),
    ] {
        let (outcome, path) = run(config, &[], "");
        assert_eq!(outcome.stderr, format!("quasimodem: {path}:{words}\n"), "{config}");
        assert_eq!(outcome.code, Some(2));
    }
}
