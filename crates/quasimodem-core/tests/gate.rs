//! Commands that a driver wants to fail.

mod common;

use quasimodem_core::{Effect, Form, Gate, Input, Settings, Verdict};

use crate::common::Bench;

/// Answers by name, and remembers what it was asked.
#[derive(Default)]
struct Rules {
    rules: Vec<(&'static str, Form, Verdict)>,
    asked: Vec<(&'static str, Form)>,
}

impl Gate for Rules {
    fn command(&mut self, name: &'static str, form: Form) -> Verdict {
        self.asked.push((name, form));
        let rule = self.rules.iter().find(|(rule, of, _)| *rule == name && *of == form);
        rule.map_or(Verdict::Pass, |(.., verdict)| *verdict)
    }
}

fn types(bench: &mut Bench, gate: &mut Rules, line: &str) -> String {
    bench.outbox.clear();
    bench.modem.handle_through(bench.now, Input::Serial(format!("{line}\r").as_bytes()), &mut bench.outbox, gate);
    let printed = bench.outbox.effects().filter_map(|effect| match effect {
        Effect::Serial(_, marked) => Some(String::from_utf8_lossy(marked.bytes()).into_owned()),
        _ => None,
    });
    printed.collect()
}

#[test]
fn it_is_asked_once_for_each_command_by_its_form() {
    let mut bench = Bench::new(&Settings::default());
    let mut gate = Rules::default();
    let line = "ATE0;+CSQ;+CMEE?;+CMEE=?;+CMEE=2;+NONE;+CSQ";
    assert!(types(&mut bench, &mut gate, line).ends_with("\r\nERROR\r\n"));
    let due =
        [("E", Form::Exec), ("+CSQ", Form::Exec), ("+CMEE", Form::Read), ("+CMEE", Form::Test), ("+CMEE", Form::Set)];
    assert_eq!(gate.asked, due);
    gate.asked.clear();
    assert_eq!(types(&mut bench, &mut gate, "ATS3?S4=10"), "\r\n013\r\n\r\nOK\r\n");
    assert_eq!(gate.asked, [("S3", Form::Read), ("S4", Form::Set)]);
}

#[test]
fn a_refusal_changes_nothing_and_ends_the_line() {
    let mut bench = Bench::new(&Settings::default());
    let mut gate = Rules::default();
    gate.rules.push(("+MQTTUSER", Form::Set, Verdict::Refuse(Some(50))));
    let line = r#"AT+CSQ;+MQTTUSER=1,"u","p","id";+CSQ"#;
    assert_eq!(types(&mut bench, &mut gate, line), "\r\n+CSQ: 31,99\r\n\r\n+CME ERROR: 50\r\n");
    assert_eq!(types(&mut bench, &mut gate, "AT+MQTTUSER?"), "\r\nOK\r\n");
    gate.rules = vec![("+CSQ", Form::Exec, Verdict::Refuse(None))];
    assert_eq!(types(&mut bench, &mut gate, "AT+CSQ"), "\r\nERROR\r\n");
    types(&mut bench, &mut gate, "AT+CMEE=0");
    gate.rules = vec![("+CSQ", Form::Exec, Verdict::Refuse(Some(3)))];
    assert_eq!(types(&mut bench, &mut gate, "AT+CSQ"), "\r\nERROR\r\n", "AT+CMEE=0 has no numbers");
}

#[test]
fn what_is_ignored_is_not_answered_and_the_next_line_is() {
    let mut bench = Bench::new(&Settings::default());
    let mut gate = Rules::default();
    gate.rules.push(("+CREG", Form::Read, Verdict::Ignore));
    assert_eq!(types(&mut bench, &mut gate, "AT+CSQ;+CREG?;+CMEE=2"), "\r\n+CSQ: 31,99\r\n");
    assert_eq!(types(&mut bench, &mut gate, "AT+CMEE?"), "\r\n+CMEE: 1\r\n\r\nOK\r\n");
    assert_eq!(bench.modem.deadline(), None, "nothing is left to wait for");
}
