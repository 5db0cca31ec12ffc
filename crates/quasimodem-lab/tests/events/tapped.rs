//! What is told of a module from its serial line alone is what our own modem tells, as far as AT commands go.

use quasimodem_core::{Effect, Host, Input, Link};
use quasimodem_lab::event::{Names, Reporter};
use quasimodem_lab::watch::{Watch, Way};
use serde_json::Value;

use crate::LINK;
use crate::bench::{Bench, Lines};

/// A modem that is watched, and its serial line, which is tapped.
struct Both {
    bench: Bench,
    tap: Reporter<Lines>,
}

impl Both {
    fn new() -> Both {
        let mut both = Both { bench: Bench::new(), tap: Reporter::new(Names::from_iter(["modem"]), Lines::default()) };
        both.feed(&Input::Host(Host::Attached));
        both
    }

    fn feed(&mut self, input: &Input<'_>) {
        let now = self.bench.now;
        match input {
            Input::Host(host) => self.tap.host(now, 0, *host == Host::Attached),
            Input::Serial(bytes) => self.tap.serial(now, 0, Way::ToModem, bytes),
            _ => {}
        }
        self.bench.feed(input);
        for effect in self.bench.outbox.effects() {
            if let Effect::Serial(_, bytes) = effect {
                self.tap.serial(now, 0, Way::ToHost, bytes.bytes());
            }
        }
    }

    fn types(&mut self, line: &str) {
        self.feed(&Input::Serial(format!("{line}\r").as_bytes()));
    }

    /// What both told of AT commands: names, lines and texts.
    fn told(&mut self) -> [Vec<String>; 2] {
        let tap = std::mem::take(&mut self.tap.listener_mut().0);
        let own = std::mem::take(self.bench.lines());
        [own, tap].map(|lines| {
            let lines = String::from_utf8(lines).unwrap();
            let told = lines.lines().filter_map(|line| {
                let event: Value = serde_json::from_str(line).unwrap();
                let name = event["event"].as_str().unwrap();
                let fields = ["line", "text", "size", "declared", "junk", "nuls", "beyond"];
                let fields: Vec<String> = fields.iter().map(|key| event[*key].to_string()).collect();
                (name.starts_with("at.") || name.starts_with("host.")).then(|| format!("{name} {}", fields.join(" ")))
            });
            told.collect()
        })
    }
}

#[test]
fn a_tap_tells_what_the_modem_tells() {
    let mut both = Both::new();
    both.types("AT+MIPCALL=1");
    both.types("AT+CSQ;+CMEE?");
    both.types(r#"AT+CMEE=1;+MQTTSUB=1,"a",7"#);
    both.types(r#"AT+MQTTUSER=1,"u","hush""#);
    both.types("AT+NONSENSE=\"hush\"");
    both.types("ATI");
    both.feed(&Input::Serial(b"A/"));
    both.feed(&Input::Serial(b"hello\r\0AT+C"));
    both.feed(&Input::Serial(b"SQ\r\n"));
    both.feed(&Input::Serial(b"xAT\r\n"));
    both.types(r#"AT+MQTTWILL=1,"t",0,0,4"#);
    both.feed(&Input::Serial(b"\nwi"));
    both.feed(&Input::Serial(b"ll\r\n"));
    both.types(r#"AT+MQTTOPEN=1,"b",1883,1,60"#);
    both.feed(&Input::Opened(LINK));
    both.feed(&Input::Received(LINK, b"\x20\x02\x00\x00"));
    both.types("AT+MQTTOPEN?");
    both.types(r#"AT+MQTTSUB=1,"t",1"#);
    both.feed(&Input::Received(LINK, b"\x90\x03\x00\x01\x01\x30\x05\x00\x01tOK"));
    both.types("ATE0");
    both.types(r#"AT+MQTTPUB=1,"t",0,0,3"#);
    both.feed(&Input::Serial(b"AT\r"));
    both.types("AT+MQTTCLOSE=1");
    both.types("AT+MQTTCLOSE=1");
    both.feed(&Input::Host(Host::Detached));
    let [own, tap] = both.told();
    assert!(own.len() > 50, "{own:#?}");
    for (tap, own) in tap.iter().zip(&own) {
        assert_eq!(tap, own);
    }
    assert_eq!(tap.len(), own.len());
    assert!(!own.join("\n").contains("hush"));
}

/// What is typed ahead is answered one after the other.
#[test]
fn answers_belong_to_the_oldest_line_that_has_none() {
    let mut both = Both::new();
    both.told();
    both.feed(&Input::Serial(b"AT+CMEE?\rAT+CSQ\rAT+NONE\r"));
    let [_, tap] = both.told();
    let answers: Vec<&str> = tap.iter().map(|line| line.split(" null").next().unwrap()).skip(3).collect();
    assert_eq!(
        answers,
        [
            r#"at.echo 1 "AT+CMEE?""#,
            r#"at.info 1 "+CMEE: 1""#,
            r#"at.final 1 "OK""#,
            r#"at.echo 2 "AT+CSQ""#,
            r#"at.info 2 "+CSQ: 31,99""#,
            r#"at.final 2 "OK""#,
            r#"at.echo 3 "AT+NONE""#,
            r#"at.final 3 "ERROR""#,
        ]
    );
}

/// Answers that may hold secrets are shown without what is quoted.
#[test]
fn a_tap_shows_no_secret() {
    let mut both = Both::new();
    both.types(r#"AT+MQTTUSER=1,"u","hush""#);
    both.types("AT+MQTTUSER?");
    let text = String::from_utf8(both.tap.listener_mut().0.clone()).unwrap();
    assert!(text.contains("+MQTTUSER: 1,") && !text.contains("hush"), "{text}");
}

#[test]
fn a_tap_follows_clients_by_their_results() {
    let mut both = Both::new();
    both.types("AT+MIPCALL=1");
    both.types(r#"AT+MQTTOPEN=1,"b",1883,1,60"#);
    both.feed(&Input::Opened(Link(1)));
    both.feed(&Input::Received(Link(1), b"\x20\x02\x00\x00"));
    both.types("AT+MQTTCLOSE=1");
    both.types(r#"AT+MQTTOPEN=1,"b",1883,1,60"#);
    both.feed(&Input::Closed(Link(1), quasimodem_core::Why::Refused));
    let text = String::from_utf8(both.tap.listener_mut().0.clone()).unwrap();
    let told: Vec<&str> = text.lines().filter(|line| line.contains(r#""event":"client."#)).collect();
    let due = [
        r#""client":1,"line":2,"to":{"host":"b","port":1883}}"#,
        r#""client":1,"line":2}"#,
        r#""client":1,"line":3}"#,
        r#""client":1,"line":4,"to":{"host":"b","port":1883}}"#,
        r#""client":1,"line":4,"code":0,"why":"the module says so"}"#,
    ];
    assert_eq!(told.len(), due.len(), "{told:#?}");
    assert!(told.iter().zip(due).all(|(told, due)| told.ends_with(due)), "{told:#?}");
}

/// A module may echo each line as it comes, ahead of earlier answers; and what it repeats of lines that nobody remembers is
/// shown as lines are.
#[test]
fn echoes_that_come_early_or_late_show_no_secret() {
    let mut both = Both::new();
    let now = both.bench.now;
    let mut tapped = |way, bytes: &str| {
        both.tap.serial(now, 0, way, bytes.as_bytes());
        std::mem::take(&mut both.tap.listener_mut().0)
    };
    let user = "AT+MQTTUSER=1,\"u\",\"hush\"\r";
    let mut told = tapped(Way::ToModem, &format!("AT\r{user}"));
    told.extend(tapped(Way::ToHost, &format!("AT\r{user}\r\nOK\r\n\r\nOK\r\n")));
    let echoes = String::from_utf8(told.clone()).unwrap().matches("\"at.echo\"").count();
    // Nothing awaits an answer now.
    told.extend(tapped(Way::ToHost, &format!("{user}\r\nat+mqttuser=1,u,hush\r\n+MQTTUSER: 1,\"u\",\"hush\"\r\n")));
    let text = String::from_utf8(told).unwrap();
    assert_eq!(echoes, 2, "{text}");
    assert!(!text.contains("hush"), "{text}");
}
