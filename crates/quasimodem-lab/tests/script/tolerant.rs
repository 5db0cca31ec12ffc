//! Hosts that go on, whatever comes.

use quasimodem_lab::script::{Event, Mode};

use crate::rig::Rig;

fn rig(text: &str) -> Rig {
    Rig::new(text, Mode::Tolerant)
}

#[test]
fn a_command_waits_for_its_answer() {
    let mut rig = rig("within 1s\n> AT\n> ATI\n");
    assert_eq!(rig.begins(), "AT\r");
    assert_eq!(rig.hears("AT\r\n"), "");
    assert_eq!(rig.hears("OK\r\n"), "ATI\r");
    assert_eq!(rig.waits(), "");
    assert_eq!(rig.events, [Event::NoFinal(3), Event::Ended]);
    assert!(rig.host.is_over() && rig.host.outcome().is_none());
}

#[test]
fn data_is_sent_behind_the_prompt_only() {
    let mut rig = rig("> AT+MQTTPUB=1,\"t\",0,0,2\n>> \\r\\n\n> AT+X\n>> x\n> AT+Y\n>> y\n> AT\n");
    assert_eq!(rig.begins(), "AT+MQTTPUB=1,\"t\",0,0,2\r");
    assert_eq!(rig.hears("\r\n> \r\n"), "\r\n");
    assert_eq!(rig.hears("\r\nOK\r\n"), "AT+X\r");
    assert_eq!(rig.hears("\r\nERROR\r\n"), "AT+Y\r");
    assert_eq!(rig.waits(), "AT\r");
    assert_eq!(rig.hears("\r\nERROR\r\n"), "");
    assert_eq!(rig.events, [Event::NoPrompt(3), Event::NoPrompt(5), Event::OtherFinal(7), Event::Ended]);
}

#[test]
fn a_line_in_pieces_is_expected() {
    let mut rig = rig("< +MQTTOPEN: 1,$_\n> AT\n");
    assert_eq!(rig.begins(), "");
    assert_eq!(rig.hears("\r\n+MQTTO") + &rig.hears("PEN: 1,1\r"), "AT\r");
}

#[test]
fn what_must_not_come_is_told() {
    let mut rig = rig("not < +MQTTBREAK\n> AT\n< +MQTTOPEN: 1,1\n");
    rig.begins();
    rig.hears("+MQTTBREAK: 1,1\r\nOK\r\n+MQTTBREAK: 2,1\r\n+MQTTOPEN: 1,1\r\n+MQTTBREAK: 1,1\r\n");
    assert_eq!(rig.events, [Event::Forbidden(1), Event::Forbidden(1), Event::Ended]);
}

#[test]
fn what_is_kept_is_bounded() {
    // 64 KiB of lines that are waited for, the last ones.
    let mut rig = rig("wait 1s\nwithin 1ms\nrepeat 100\n< +A: $x\n>> .\nend\n");
    rig.begins();
    rig.hears(&format!("+A: {}\r\n", "x".repeat(4091)).repeat(100));
    assert_eq!(rig.waits(), ".".repeat(16));
    while rig.host.deadline().is_some() {
        rig.waits();
    }
    assert_eq!(rig.events.iter().filter(|event| matches!(event, Event::NoLine(4))).count(), 84);
    // And 256 runs of an on.
    let mut rig = self::rig("wait 1s\n> AT\non < +A\n  > ATI\nend\n");
    rig.begins();
    rig.waits();
    rig.hears(&"+A\r\n".repeat(300));
    assert_eq!(rig.events, [Event::TooMany(3); 44]);
    assert_eq!(rig.hears(&"OK\r\n".repeat(300)), "ATI\r".repeat(256));
}
