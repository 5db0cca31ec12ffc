//! Turns, what happens between steps, and what begins anew.

use quasimodem_lab::script::{Event, Mode};

use crate::rig::{Rig, run};

#[test]
fn a_block_is_done_so_often() {
    let mut rig = Rig::new(">> a\nrepeat 2\n  repeat 3\n  >> b\n  end\n  wait 1s\n  >> c\nend\n", Mode::Strict);
    assert_eq!(rig.begins(), "abbb");
    assert_eq!((rig.waits(), rig.waits()), ("cbbb".into(), "c".into()));
    assert_eq!(rig.outcome(), Some(Ok(())));
}

#[test]
fn a_block_may_never_end() {
    let mut rig = Rig::new("repeat\n>> a\nwait 1s\nend\n", Mode::Tolerant);
    assert_eq!(rig.begins(), "a");
    assert!((0..1000).all(|_| rig.waits() == "a"));
    assert!(!rig.host.is_over());
}

/// By the clock, not by when the last one ended; what was missed is not made up for.
#[test]
fn turns_begin_by_the_clock() {
    let mut rig = Rig::new("repeat 5 every 10s\n> AT\nend\n>> x\n", Mode::Strict);
    let mut at = |millis, text| {
        rig.now = quasimodem_core::Instant::from_millis(millis);
        (rig.hears(text), rig.deadline())
    };
    assert_eq!(at(0, ""), ("AT\r".into(), Some(10_000)));
    assert_eq!(at(4000, "OK\r\n"), (String::new(), Some(10_000)));
    assert_eq!(at(10_000, ""), ("AT\r".into(), Some(20_000)));
    assert_eq!(at(19_999, "OK\r\n"), (String::new(), Some(20_000)));
    assert_eq!(at(20_000, ""), ("AT\r".into(), Some(30_000)));
    assert_eq!(at(29_999, "\r\nOK"), (String::new(), Some(30_000)));
    // Late: the next one begins at once, and the one after it at its time.
    assert_eq!(at(29_999, "\r\n"), (String::new(), Some(30_000)));
    assert_eq!(at(30_000, ""), ("AT\r".into(), Some(40_000)));
    assert_eq!(at(39_000, "OK\r\n"), (String::new(), Some(40_000)));
    assert_eq!(at(57_000, ""), ("AT\r".into(), Some(67_000)));
    // After the last there is nothing to wait for.
    assert_eq!(at(58_000, "OK\r\n"), ("x".into(), None));
}

#[test]
fn a_turn_that_is_late_begins_at_once() {
    let mut rig = Rig::new("within 1h\nrepeat every 10s\n> AT\nend\n", Mode::Strict);
    rig.begins();
    rig.now = quasimodem_core::Instant::from_millis(27_000);
    assert_eq!(rig.hears("OK\r\n"), "AT\r");
    assert_eq!((rig.hears("OK\r\n"), rig.deadline()), (String::new(), Some(30_000)));
}

/// Between steps, and while one waits for a line or a time, but in no command.
#[test]
fn an_on_waits_for_the_command_at_hand() {
    let text = "> AT\nwait 1s\n> ATI\non < +MQTTMSGI: $client,$_\n  > AT+MQTTREAD=$client\nend\n";
    let mut rig = Rig::new(text, Mode::Strict);
    assert_eq!(rig.begins(), "AT\r");
    assert_eq!(rig.hears("\r\n+MQTTMSGI: 1,0,1,1\r\n\r\n+MQTTMSGI: 2,0,1,1\r\n"), "");
    assert_eq!(rig.hears("\r\nOK\r\n"), "AT+MQTTREAD=1\r");
    assert_eq!(rig.hears("\r\nOK\r\n"), "AT+MQTTREAD=2\r");
    assert_eq!((rig.hears("\r\nOK\r\n"), rig.deadline()), (String::new(), Some(1000)));
    assert_eq!(rig.hears("\r\n+MQTTMSGI: 101,0,1,1\r\n"), "AT+MQTTREAD=101\r");
    // The step at hand has gone on waiting.
    rig.now = quasimodem_core::Instant::from_millis(5000);
    assert_eq!(rig.hears("\r\nOK\r\n"), "ATI\r");
    // What is started before the last step ends is done before the script is over.
    assert_eq!(rig.hears("+MQTTMSGI: 1,0,1,1\r\nOK\r\n"), "AT+MQTTREAD=1\r");
    assert_eq!(rig.outcome(), None);
    rig.hears("ERROR\r\n");
    assert_eq!(rig.outcome(), Some(Err("line 5: expected OK, got ERROR after 0 ms".into())));
}

/// A line that starts an `on` is there for `<` as well, whenever it came.
#[test]
fn an_on_uses_no_line_up() {
    let text = "> AT\n< +A: 1\n> ATI\n< +A: 1\non < +A: $_\n  count seen\nend\n";
    let (typed, outcome) = run(text, &["+A: 1\r\nOK\r\n", "OK\r\n+A: 1\r\n"]);
    assert_eq!((&*typed, outcome), ("AT\rATI\r", Some(Ok(()))));
}

#[test]
fn an_on_may_have_steps_of_all_kinds() {
    let text = "wait 1h\non < +A: $x\n  repeat 2\n    > AT+X=$x\n    < +X: $y\n    wait 1s\n    >> $y\n  end\nend\n";
    let mut rig = Rig::new(text, Mode::Strict);
    rig.begins();
    assert_eq!(rig.hears("+A: 7\r\n"), "AT+X=7\r");
    rig.hears("OK\r\n+A: 8\r\n+X: 1\r\n");
    assert_eq!(rig.waits(), "1AT+X=7\r");
    rig.hears("+X: 2\r\nOK\r\n");
    assert_eq!(rig.waits(), "2AT+X=8\r");
}

#[test]
fn a_reaction_goes_on_when_the_script_is_over() {
    let mut rig = Rig::new("> AT\non < +A\n  > ATI\nend\n", Mode::Tolerant);
    rig.begins();
    rig.hears("OK\r\n");
    assert_eq!((&*rig.events, rig.host.is_over()), (&[Event::Ended][..], true));
    assert_eq!((&*rig.hears("+A\r\n"), rig.host.is_over()), ("ATI\r", false));
    rig.hears("OK\r\n");
    assert_eq!((&*rig.events, rig.host.is_over()), (&[Event::Ended][..], true));
}

/// At the first start the line is waited for, and at each later one the script begins anew with it.
#[test]
fn a_script_begins_anew_after_a_restart() {
    let text = "< +SIM READY\n> AT+X\n< +X: $x\nwait 1h\n>> $x\non < +SIM READY\n  again\nend\n";
    let mut rig = Rig::new(text, Mode::Strict);
    assert_eq!(rig.begins(), "");
    assert_eq!(rig.hears("+X: 0\r\n+SIM READY\r\n"), "AT+X\r");
    // What came before the restart is forgotten, and so is what names stood for.
    rig.hears("+X: 1\r\nOK\r\n+X: 2\r\n");
    assert_eq!(rig.host.at_line(), 4);
    assert_eq!(rig.hears("+SIM READY\r\n"), "AT+X\r");
    assert_eq!(rig.hears("OK\r\n"), "");
    assert_eq!(rig.host.at_line(), 3);
    rig.hears("+X: 3\r\n");
    assert_eq!(rig.waits(), "3");
    assert_eq!(rig.outcome(), Some(Ok(())));
}

#[test]
fn what_must_not_come_ends_a_test() {
    // From there to the end of its block.
    let text = "> AT\nrepeat 2\n> ATA\nnot < +BREAK: $given\n> ATB\nend\n> ATC\n";
    let ok = "OK\r\n";
    let bad = "+BREAK: from outside, and more\r\n";
    for (hears, due) in [
        (&[bad, ok, bad, ok][..], None),
        (&[ok, ok, "+BREAK: x\r\n", ok, bad, ok, ok, bad, ok], Some(Ok(()))),
        (&[ok, ok, bad], Some(Err("line 4: \"+BREAK: from outside, and more\" came, and nothing may that begins so"))),
        (
            &[ok, ok, ok, ok, bad],
            Some(Err("line 4: \"+BREAK: from outside, and more\" came, and nothing may that begins so")),
        ),
    ] {
        assert_eq!(run(text, hears).1, due.map(|due: Result<(), &str>| due.map_err(String::from)), "{hears:?}");
    }
    // While an on is at work as well.
    let text = "not < +BREAK\nwait 1h\non < +A\n  not < +B: $_,1\n  > ATI\nend\n";
    let words = |line, said| Some(Err(format!("line {line}: \"{said}\" came, and nothing may that begins so")));
    assert_eq!(run(text, &["+B: 1,1\r\n+A\r\n+B: 1,0\r\n+BREAK\r\n"]).1, words(1, "+BREAK"));
    assert_eq!(run(text, &["+A\r\n+B: 1,12\r\n"]).1, words(4, "+B: 1,12"));
    // No secret is shown.
    let text = "not < +MQTTUSER\n> AT\n";
    assert_eq!(run(text, &["+MQTTUSER: secret\r\n"]).1, words(1, "+MQTTUSER********"));
}

#[test]
fn within_counts_to_the_end_of_its_block() {
    let mut rig = Rig::new("within 1s\nrepeat 1\nwithin 2s\n< +A\nend\n< +B\n", Mode::Tolerant);
    rig.begins();
    assert_eq!(rig.deadline(), Some(2000));
    rig.waits();
    assert_eq!(rig.deadline(), Some(3000));
}
