//! Tests: a script that the first difference ends.

use quasimodem_core::Instant;
use quasimodem_lab::script::{Input, Mode};

use crate::rig::{Rig, run};

#[test]
fn lines_count_whenever_they_came() {
    let text = "# Nothing\n\n> AT\n< +B: $rest\n< +A: 1\n> AT$rest\n";
    let (typed, outcome) = run(text, &["AT\r\r\n+A: 1\r\n+B: \"x\",y\r\n", "\r\nOK\r\n", "AT\"x\",y\r\r\nOK\r\n"]);
    assert_eq!((&*typed, outcome), ("AT\rAT\"x\",y\r", Some(Ok(()))));
    // Each once.
    let (_, outcome) = run("> AT\n< +A: 1\n< +A: 1\n", &["\r\n+A: 1\r\n\r\nOK\r\n"]);
    assert_eq!(outcome, None);
}

#[test]
fn data_is_typed_behind_the_prompt() {
    let (typed, outcome) = run("> AT+X=2\n>> $given\n", &["AT+X=2\r\r\n> ", "\r\n", "\r\nOK\r\n"]);
    assert_eq!((&*typed, outcome), ("AT+X=2\rfrom outside", Some(Ok(()))));
    // Modules differ in what is behind it.
    for prompt in ["\r\n> ", "\r\n> \r\n", "\r\n>\r\n"] {
        let (typed, outcome) = run("> AT+X=2\n>> \\x00\\r\\n\\\\\n", &[prompt, "\r\nOK\r\n"]);
        assert_eq!((&*typed, outcome), ("AT+X=2\r\0\r\n\\", Some(Ok(()))), "{prompt:?}");
    }
    let (typed, outcome) = run("> AT+X=2\n>> $given\n", &["AT+X=2\r\r\nERROR\r\n"]);
    assert_eq!(
        (&*typed, outcome),
        ("AT+X=2\r", Some(Err("line 1: expected the prompt >, got ERROR after 0 ms".into())))
    );
}

#[test]
fn other_final_results_are_due_or_not() {
    let (_, outcome) = run("> AT\n< +CME ERROR: 3\n", &["\r\n+CME ERROR: 3\r\n"]);
    assert_eq!(outcome, Some(Ok(())));
    let (_, outcome) = run("> AT\n< +CME ERROR: 3\n", &["\r\nOK\r\n"]);
    assert_eq!(outcome, Some(Err("line 1: expected +CME ERROR: 3, got OK after 0 ms".into())));
    // It may stand among other lines, and have a name in it.
    let text = "> AT\n< +A: 1\nwithin 1s\n< +CME ERROR: $code\n< +B\n> AT+X=$code\n";
    let (typed, outcome) = run(text, &["+B\r\n+A: 1\r\n+CME ERROR: 50\r\n", "OK\r\n"]);
    assert_eq!((&*typed, outcome), ("AT\rAT+X=50\r", Some(Ok(()))));
    // Elsewhere it is a line like others.
    let (typed, outcome) = run(">> AT\\rATI\\r\n< OK\n< ERROR\n", &["\r\nERROR\r\n\r\nOK\r\n"]);
    assert_eq!((&*typed, outcome), ("AT\rATI\r", Some(Ok(()))));
}

/// Data that was never asked for was never typed.
#[test]
fn a_result_without_its_prompt_is_a_failure() {
    for result in ["OK", "ERROR"] {
        for text in ["> AT+X=2\n>> data\n", "> AT+X=2\n>> data\n< +A\n< ERROR\n", "> AT+X=2\n>> data\n< ERROR\n"] {
            let (typed, outcome) = run(text, &[&format!("\r\n{result}\r\n")]);
            assert_eq!(typed, "AT+X=2\r");
            assert_eq!(outcome, Some(Err(format!("line 1: expected the prompt >, got {result} after 0 ms"))));
        }
    }
    // After the data it is what was written.
    let (_, outcome) = run("> AT+X=2\n>> data\n< ERROR\n", &["\r\n> \r\n", "\r\nERROR\r\n"]);
    assert_eq!(outcome, Some(Ok(())));
}

#[test]
fn blanks_at_the_ends_of_lines_belong_to_them() {
    let (typed, outcome) = run("> AT+X=2 \r\n>>  a \r\n< b \r\n", &["\r\n> \r\n", "\r\nOK\r\nb \r\n"]);
    assert_eq!((&*typed, outcome), ("AT+X=2 \r a ", Some(Ok(()))));
    let (_, outcome) = run("< b \n", &["b\r\n"]);
    assert_eq!(outcome, None);
}

/// What came in its place, and how long it was waited for.
#[test]
fn nothing_is_waited_for_forever() {
    let many = "+B: 1\r\n".repeat(7) + "+C";
    let seven = "what came instead: 2 lines, then \"+B: 1\", \"+B: 1\", \"+B: 1\", \"+B: 1\", \"+B: 1\"";
    let long = format!("+{}\r\n", "x".repeat(300));
    let cut = format!("\"+{}\"…", "x".repeat(199));
    let hint = "; data for the prompt is written as >> right below its command";
    for (text, hears, words) in [
        ("> AT\n", "", "line 1: OK did not come within 10000 ms; nothing came"),
        (
            "> AT\n",
            "AT\r\r\nNO CARRIER\r\n",
            "line 1: OK did not come within 10000 ms; what came instead: \"NO CARRIER\"",
        ),
        ("> AT\n", "\r\n> \r\n", &format!("line 1: OK did not come within 10000 ms; what came instead: \"> \"{hint}")),
        ("> AT\n< ERROR\n", "", "line 1: ERROR did not come within 10000 ms; nothing came"),
        (
            "> AT\n>> x\n",
            "AT\r\r\n+A: 1\r\n",
            "line 1: the prompt > did not come within 10000 ms; what came instead: \"+A: 1\"",
        ),
        (
            "within 5000ms\n< +A: $x\n",
            "\r\n+B: 1\r\n",
            "line 2: +A: $x did not come within 5000 ms; what came instead: \"+B: 1\"",
        ),
        ("< +A", &many, &format!("line 1: +A did not come within 10000 ms; {seven}, and \"+C\" without its end")),
        ("< +A", &long, &format!("line 1: +A did not come within 10000 ms; what came instead: {cut}")),
        // Lines that may have a secret are known by their name.
        (
            "< +MQTTUSER: 1,\"u\",\"geheim\"\n",
            "AT+mqttuser=1,\"u\",\"geheim\"\r\r\n+MQTTAUTHDYN: 2,2,geheim\r\n+MQTTAUTHCFG: 1,\"gehe",
            "line 1: +MQTTUSER**************** did not come within 10000 ms; what came instead: \
             \"AT+mqttuser***************\", \"+MQTTAUTHDYN************\", and \"+MQTTAUTHCFG*********\" without its end",
        ),
        // What came before the command is none of its answer.
        ("< +A\n> AT\n", "+B\r\n+A\r\n+C\r\n", "line 2: OK did not come within 10000 ms; what came instead: \"+C\""),
        // A command that was answered has used its result up.
        ("> AT\n< +A\n", "\r\n+B\r\n\r\nOK\r\n", "line 2: +A did not come within 10000 ms; what came instead: \"+B\""),
    ] {
        let mut rig = Rig::new(text, Mode::Strict);
        rig.begins();
        rig.hears(hears);
        assert_eq!(rig.deadline(), Some(if text.contains("5000") { 5000 } else { 10_000 }));
        rig.waits();
        assert_eq!(rig.outcome(), Some(Err(words.into())));
        assert_eq!(rig.deadline(), None);
    }
}

/// Each step has its own time.
#[test]
fn how_long_was_waited_is_of_this_step() {
    let mut rig = Rig::new("> AT\n< +A\n> AT+X\n", Mode::Strict);
    let at = |rig: &mut Rig, millis, text| {
        rig.now = Instant::from_millis(millis);
        rig.hears(text)
    };
    rig.begins();
    at(&mut rig, 300, "\r\nOK\r\n");
    assert_eq!((rig.host.at_line(), rig.deadline()), (2, Some(10_300)));
    at(&mut rig, 1000, "+A\r\n");
    at(&mut rig, 1042, "ERROR\r\n");
    assert_eq!(rig.outcome(), Some(Err("line 3: expected OK, got ERROR after 42 ms".into())));
    assert_eq!(rig.host.at_line(), 3);
}

#[test]
fn what_comes_is_bounded() {
    let mut rig = Rig::new("< +LAST\n", Mode::Strict);
    rig.hears(&"x".repeat(1 << 20));
    rig.hears(&"\r\n+A\r\n".repeat(10_000));
    assert_eq!(rig.outcome(), None);
    rig.hears("\r\n+LAST\r\n");
    assert_eq!(rig.outcome(), Some(Ok(())));
    // Of many lines that may be waited for the last 256 are kept, and all others go before them.
    for (other, count, due) in [("+A: 1", 254, true), ("+A: 1", 255, false), ("+B", 10_000, true)] {
        let others = format!("{other}\r\n").repeat(count);
        let (_, outcome) = run("> AT\n< +A: 0\n< +A: $one\n", &[&format!("+A: 0\r\n{others}\r\n+A: 1\r\n\r\nOK\r\n")]);
        assert_eq!(outcome.is_some(), due, "{other} {count}");
    }
    // What is cut off is not what came, though it may look like it; a port that opens anew begins a line.
    for (long, other, due) in [(9000, "", None), (8192, "", Some(Ok(()))), (9000, "new\r\n", Some(Ok(())))] {
        let mut rig = Rig::new("< $all\n", Mode::Strict);
        rig.hears(&"x".repeat(long));
        if !other.is_empty() {
            rig.handle(Input::Reopened);
        }
        rig.hears(&format!("{other}\r\n"));
        assert_eq!(rig.outcome(), due, "{long} {other}");
    }
}
