//! What hosts typed once, typed again.

use std::time::Duration;

use proptest::prelude::*;
use quasimodem_lab::Lab;
use quasimodem_lab::lab::ModemConfig;
use quasimodem_lab::replay::{Log, Report, Rules, replay};

const BRING_UP: &str = include_str!("field/bring-up.log");
const REFUSED_OPEN: &str = include_str!("field/refused-open.log");
const L610: &str = include_str!("field/l610.rules");

/// Replays a log, with rules, at a modem that is set up as the log says.
#[track_caller]
fn replayed(log: &str, rules: &str) -> Report {
    let log = Log::read(log, None).unwrap();
    replay(&log, &rules.parse().unwrap(), log.config(), 1).unwrap()
}

fn words(report: &Report) -> Vec<String> {
    report.differences.iter().map(ToString::to_string).collect()
}

/// What a real module answered is answered, but for what the rules explain.
#[test]
fn an_l610_in_the_field() {
    let bring_up = replayed(BRING_UP, L610);
    assert_eq!(words(&bring_up), [""; 0]);
    assert_eq!((bring_up.typed, bring_up.answers, bring_up.explained), (11, 19, 4));
    assert_eq!(bring_up.idle_rules, [0; 0]);
    let refused = replayed(REFUSED_OPEN, L610);
    assert_eq!(words(&refused), [""; 0]);
    assert_eq!((refused.typed, refused.explained), (7, 1));
}

/// Without them, each is a difference with its line.
#[test]
fn nothing_is_explained_by_itself() {
    let report = replayed(BRING_UP, "");
    let lines: Vec<usize> = report.differences.iter().map(|difference| difference.line).collect();
    assert_eq!((lines, report.explained), (vec![3, 13, 25, 32, 37], 0), "{:#?}", words(&report));
    assert_eq!(words(&report)[1], "13: expected \"+CSQ: 24,99\", got \"+CSQ: 31,99\" (AT+CSQ)");
}

#[test]
fn each_kind_of_difference_has_its_words() {
    for (log, rules, due) in [
        ("TX: AT\nRX: OK\n", "", &[][..]),
        ("TX: AT\nRX: ERROR\n", "", &["2: expected \"ERROR\", got \"OK\" (AT)"]),
        ("TX: AT\nRX: OK\nRX: +CREG: 1\n", "", &["3: expected \"+CREG: 1\", which did not come (AT)"]),
        ("TX: AT+CSQ\nRX: OK\nTX: AT\nRX: OK\n", "", &["1: \"+CSQ: 31,99\" came, which the log has not (AT+CSQ)"]),
        ("TX: AT+CSQ\nRX: OK\nRX: +CSQ: 31,99\n", "", &["2: \"OK\" came in another order (AT+CSQ)"]),
        ("TX: AT+CSQ\nRX: OK\nRX: +CSQ: 31,99\n", "move OK", &[]),
        ("TX: AT+CSQ\nRX: +CSQ: 2,99\nRX: OK\n", "any +CSQ: *", &[]),
        ("TX: AT+CSQ\nRX: OK\nTX: AT\nRX: OK\n", "skip +CSQ: *", &[]),
        // What could be a secret is not told.
        (
            "TX: AT+MQTTUSER=1,\"me\",\"hush\"\nRX: +MQTTUSER: hush\nRX: OK\n",
            "",
            &["2: expected \"+MQTTUSER******\", which did not come (AT+MQTTUSER**************)"],
        ),
    ] {
        let report = replayed(log, rules);
        assert_eq!(words(&report), due, "{log}");
    }
    assert_eq!(replayed("TX: AT\nRX: OK\n", "# one\nskip +X\nany OK*").idle_rules, [2, 3]);
}

/// A log that was written by a run of ours has no differences, in whatever form, with data and messages.
#[test]
fn our_own_logs_have_no_differences() {
    let lab = Lab::new(5);
    let modem = lab.add();
    let second = Duration::from_secs(1);
    lab.advance(second);
    let mut terminal = format!("1.000 RX {}\n", String::from_utf8(modem.read()).unwrap().trim());
    for typed in [
        "AT+MQTTUSER=1,\"me\",\"hush\"\r",
        "AT+MQTTOPEN=1,\"broker.example\",1883,1,60\r",
        "AT+MQTTSUB=1,\"t\",1\r",
        "AT+MQTTPUB=1,\"t\",1,0,5\r",
        "a\r\nb ",
        "AT+MQTTPUB=1,\"t\",5,0,\"x\"\r",
        "AT+CSQ;+CREG?\r",
        "AT+MQTTCLOSE=1\r",
    ] {
        modem.write(typed.as_bytes());
        terminal +=
            &format!("{:.3} TX {}\n", lab.now().as_secs_f64(), typed.trim_end_matches('\r').replace("\r\n", "--"));
        lab.advance(second);
        let said = String::from_utf8(modem.read()).unwrap();
        terminal += &format!("{:.3} RX {}\n", lab.now().as_secs_f64(), said.replace('\r', "\\r").replace('\n', "\\n"));
    }
    assert!(terminal.contains("+MQTTCLOSE: 1,1"), "{terminal}");
    let events = lab.events().join("\n");
    for log in [terminal.replace("\\0D\\0A", "--"), events] {
        let report = replayed(&log, "any +MQTTMSG: *");
        assert_eq!(words(&report), [""; 0], "{log}");
        assert!(report.typed >= 7 && report.answers > 14, "{report:?}");
    }
}

/// The transcripts that the recorder writes begin with their settings; they are of a host without echo here.
#[test]
fn a_transcript_is_replayed_as_it_was_set_up() {
    let text = "model MC615\nurc_gap_ms 0\necho off\nattach later\n! host attached\n<< \\r\\n+SIM READY\\r\\n\n\
                wait 1000ms\n>> AT+CGMM\\r\n<< \\r\\n+CGMM: \"MC615\"\\r\\n\\r\\nOK\\r\\n\n";
    assert_eq!(words(&replayed(text, "")), [""; 0]);
}

/// Times of other ages, and values that are not shown.
#[test]
fn odd_logs_are_played() {
    let log = "18446744073709500000.5 TX AT\n18446744073709500001.5 RX OK\n99999:59:59 TX AT\n0:00:01 RX OK\n";
    assert_eq!(words(&replayed(log, "")), [""; 0]);
    let log = "TX: AT+MIPCALL=1\nRX: OK\nRX: +MIPCALL: 10.1.1.1\n";
    assert_eq!(words(&replayed(log, "")).len(), 1);
    assert!(words(&replayed(log, ""))[0].starts_with("3: \"+MIPCALL"), "{:?}", words(&replayed(log, "")));
}

proptest! {
    /// Whatever a file has in it.
    #[test]
    fn no_log_panics(pieces in prop::collection::vec(prop::sample::select(PIECES), 0..60)) {
        if let Ok(log) = Log::read(&pieces.concat(), None) {
            let rules: Rules = "any +C*: *\nmove OK\nskip >".parse().unwrap();
            replay(&log, &rules, log.config(), 1).unwrap();
        }
    }
}

/// What logs are made of.
const PIECES: &[&str] = &[
    "\n",
    "\r",
    " ",
    "TX",
    "RX",
    ": ",
    "-> ",
    "<- ",
    "> ",
    "< ",
    ">> ",
    "<< ",
    "AT",
    "AT+CSQ",
    "+CSQ: 1,99",
    "OK",
    "AT+MQTTPUB=1,\"t\",1,0,3",
    "\\r\\n",
    "[12:00:00.5] ",
    "23:59:59 ",
    "999999999999999999.9 ",
    "{\"event\":\"host.typed\",\"t\":1e300,\"text\":\"AT\"}",
    "{\"event\":\"host.raw\",\"size\":9e18}",
    "@ 18446744073709551615ms",
    "wait 5ms",
    "~ x",
    "b'",
    "'",
    "\"",
    "é\u{202e}",
    "\0",
    "model L610",
    "# x",
];

/// However long a log is, and whatever is missing.
#[test]
fn long_logs_end() {
    let log = format!("{}{}", "TX: AT\nRX: OK\n".repeat(3000), "TX: AT\n".to_owned() + &"RX: +NONE: 1\n".repeat(3000));
    let report = replayed(&log, "");
    assert_eq!(report.differences.len(), 3001 - 1, "{:?}", report.differences.first());
    let config = ModemConfig { name: Some("no name".into()), ..ModemConfig::default() };
    assert!(replay(&Log::read("TX: AT\n", None).unwrap(), &Rules::default(), config, 1).is_err());
}

#[test]
fn arrows_of_unicode_are_marks() {
    let report = replayed("→ AT+CSQ\n← +CSQ: 31,99\n← OK\n", "");
    assert!(report.differences.is_empty() && report.typed == 1 && report.answers == 2, "{report:?}");
}

#[test]
fn rules_that_skip_all_compare_nothing() {
    let report = replayed("TX: AT+CSQ\nRX: +CSQ: 1,99\nRX: OK\n", "skip *");
    assert_eq!((report.answers, report.compared), (2, 0));
}
