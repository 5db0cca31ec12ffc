//! What people read: on stderr by `-v`, in the journal, and in the file of `--log`.

use std::fs::{self, File};
use std::os::linux::fs::MetadataExt;
use std::path::Path;
use std::process::Stdio;

use tempfile::tempdir;

use crate::program::{command, run_to_end};
use crate::terminal::Terminal;

/// A connection that fails, a command that is refused, one that is unknown and one with raw data.
const TYPED: &str = "AT+CSQ\rAT+MQTTUSER=1,\"me\",\"hush\"\rAT+MQTTPUB=1,\"t\",5,0,\"x\"\rAT+QCFG=\"hush\",1\rAT+QCFG?\r\
                     AT+MQTTWILL=1,\"t\",1,0,5\rhello\rAT+MQTTOPEN=1,\"127.0.0.1\",1,1,60\r";

/// What is there with one `-v`, and what comes with the others.
#[test]
fn each_v_tells_more() {
    let said = |verbosity: &[&str]| {
        let arguments = [&["run", "--set", "gap_ms=0"], verbosity].concat();
        let outcome = run_to_end(&arguments, TYPED);
        assert!(outcome.code == Some(0) && !outcome.stderr.contains("hush"), "{}", outcome.stderr);
        outcome.stderr
    };
    let connections = [
        "host attached",
        "refused: +MQTTPUB: <Qos> is not within 0 to 2",
        "refused: AT+QCFG: unknown command",
        "link 1: opening 127.0.0.1:1",
        "link 1: connection refused",
        "client 1 not opened: connection refused",
        "host gone",
        "commands that the modem does not know: AT+QCFG (2 times) (--answer answers them)",
    ];
    let lines = [
        "typed \"AT+CSQ\"",
        "answered \"+CSQ: 31,99\"",
        "answered \"OK\"",
        "typed \"AT+QCFG=",
        "asked for 5 bytes of raw data",
        "took 5 bytes of raw data",
        "answered \"+MQTTOPEN: 1,0\"",
    ];
    let none = said(&[]);
    assert_eq!(none, "modem ready on stdio\n");
    let (one, two) = (said(&["-v"]), said(&["-vv"]));
    for words in connections {
        assert!(one.contains(words) && two.contains(words), "{words}: {one}{two}");
    }
    for words in lines {
        assert!(!one.contains(words) && two.contains(words), "{words}: {one}{two}");
    }
}

/// With three, packets as well, in words.
#[test]
fn packets_are_told_in_words() {
    let folder = tempdir().unwrap();
    let script = folder.path().join("host.chat");
    let host = "> AT+MQTTOPEN=1,\"127.0.0.1\",$broker,1,60\n< +MQTTOPEN: 1,1\n> AT+MQTTSUB=1,\"a/b\",1\n< +MQTTSUB: 1,1\n\
                > AT+MQTTPUB=1,\"a/b\",1,0,\"x\"\n< +MQTTPUB: 1,1\n";
    fs::write(&script, host).unwrap();
    let lab = ["lab", "--mqtt", "127.0.0.1:0", "--script", script.to_str().unwrap()];
    let outcome = run_to_end(&[&lab[..], &["-vvv"]].concat(), "");
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    for words in [
        "link 1: sent CONNECT clean version 4, ",
        "link 1: received CONNACK session false code 0, 4 bytes",
        "link 1: sent SUBSCRIBE #",
        " \"a/b\" qos 1, 10 bytes",
    ] {
        assert!(outcome.stderr.contains(words), "{words}: {}", outcome.stderr);
    }
    assert!(!run_to_end(&[&lab[..], &["-vv"]].concat(), "").stderr.contains("CONNACK"));
}

#[test]
fn the_file_has_all_that_is_typed() {
    let folder = tempdir().unwrap();
    let log = folder.path().join("modem.log");
    fs::write(&log, "before\n").unwrap();
    let outcome = run_to_end(&["run", "--log", log.to_str().unwrap()], TYPED);
    assert_eq!((outcome.code, &*outcome.stderr), (Some(0), "modem ready on stdio\n"));
    let text = fs::read_to_string(&log).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "before");
    for (line, words) in [
        ("modem ready on stdio"),
        ("typed \"AT+CSQ\""),
        ("answered \"+CSQ: 31,99\""),
        ("client 1 not opened: connection refused"),
    ]
    .map(|words| (lines.iter().find(|line| line.ends_with(words)), words))
    {
        let line = line.unwrap_or_else(|| panic!("{words}: {text}"));
        let time = line.strip_suffix(words).unwrap();
        assert!(
            time.len() == "2026-11-27T10:30:19.123Z ".len() && time.starts_with("20") && time.ends_with("Z "),
            "{line}"
        );
    }
    assert!(
        !text.contains("hush") && lines.last().unwrap().contains("commands that the modem does not know: AT+QCFG"),
        "{text}"
    );

    // A file of options means its neighbour.
    fs::write(folder.path().join("modem.toml"), "log = \"other.log\"\n").unwrap();
    let config = folder.path().join("modem.toml");
    let outcome = run_to_end(&["run", "--config", config.to_str().unwrap()], "AT\r");
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    assert!(fs::read_to_string(folder.path().join("other.log")).unwrap().contains("typed \"AT\""));
}

/// A disk that is full ends the log and nothing else.
#[test]
fn what_can_not_be_written_stops_no_modem() {
    let outcome = run_to_end(&["run", "--log", "/dev/full"], &"AT\r".repeat(1000));
    assert_eq!((outcome.code, outcome.stdout.matches("OK").count()), (Some(0), 1000));
    let said =
        outcome.stderr.matches("lines of the log are lost from here on: can't write them: No space left").count();
    assert_eq!(said, 1, "{}", outcome.stderr);

    let outcome = run_to_end(&["run", "--log", "/nowhere/modem.log"], "AT\r");
    assert_eq!((outcome.code, &*outcome.stdout), (Some(1), ""));
    assert!(outcome.stderr.contains("can't write the log to /nowhere/modem.log: No such file"), "{}", outcome.stderr);
}

/// What stderr is, the program sees by itself.
#[test]
fn the_journal_gets_priorities() {
    let folder = tempdir().unwrap();
    let said = |variable: &dyn Fn(&Path) -> String| {
        let path = folder.path().join("stderr");
        let file = File::create(&path).unwrap();
        let mut command = command(&["run", "-vv", "--model", "MC615"]);
        command.env("JOURNAL_STREAM", variable(&path)).stdin(Stdio::null()).stdout(Stdio::null()).stderr(file);
        assert!(command.status().unwrap().success());
        fs::read_to_string(&path).unwrap()
    };
    let journal = said(&|path| {
        let file = fs::metadata(path).unwrap();
        format!("{}:{}", file.st_dev(), file.st_ino())
    });
    let (ready, attached, answered) =
        ("<5>modem ready on stdio\n", "<6>host attached\n", "<7>answered \"+SIM READY\"\n");
    for line in [ready, attached, answered] {
        assert!(journal.contains(line), "{journal}");
    }
    assert!(journal.lines().all(|line| line.starts_with('<')), "{journal}");
    // Somebody else's stream, which was handed down.
    assert!(said(&|_| "8:1".into()).contains("s host attached\n"));
}

#[test]
fn colours_are_for_terminals_that_want_them() {
    let said = |name: &str, value: &str| {
        let terminal = Terminal::new();
        let mut command = command(&["run", "-v"]);
        command.env("TERM", "xterm").env_remove("NO_COLOR").env(name, value);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Terminal::slave(&terminal.path));
        assert!(command.status().unwrap().success());
        // The terminal keeps what nobody has read yet, as long as one end is open.
        drop(command);
        let (mut text, mut bytes) = (Vec::new(), [0; 4096]);
        while !String::from_utf8_lossy(&text).contains("host gone") {
            let count = rustix::io::read(&terminal.master, &mut bytes).unwrap();
            text.extend_from_slice(&bytes[..count]);
        }
        String::from_utf8(text).unwrap()
    };
    assert!(said("TERM", "xterm").contains("s\x1b[0m host attached"));
    for (name, value) in [("NO_COLOR", "1"), ("TERM", "dumb")] {
        assert!(!said(name, value).contains('\x1b'), "{name}");
    }
    assert!(said("NO_COLOR", "").contains('\x1b'));
}

#[test]
fn a_gateway_has_a_log() {
    let folder = tempdir().unwrap();
    let log = folder.path().join("gateway.log");
    let arguments = ["gateway", "--sn", "127.0.0.1:0", "--broker", "127.0.0.1:1", "--log", log.to_str().unwrap()];
    let program = crate::program::Program::start_after(command(&arguments), "gateway on ");
    program.terminate();
    assert!(fs::read_to_string(&log).unwrap().contains("Z gateway on 127.0.0.1:"));
}
