//! Conversations, by what they type and where they stop.

#![allow(clippy::unwrap_used)]

use quasimodem_core::Instant;
use quasimodem_lab::chat::Chat;
use quasimodem_lab::script::Input;

/// What a conversation types when it hears these, one after the other, and how it ends.
fn run(text: &str, hears: &[&str]) -> (String, Option<Result<(), String>>) {
    let mut chat = Chat::parse(text, &[("given", b"from outside")]).unwrap();
    let mut typed = Vec::new();
    chat.handle(Instant::START, Input::Tick, &mut typed);
    for bytes in hears {
        chat.handle(Instant::START, Input::Bytes(bytes.as_bytes()), &mut typed);
    }
    let outcome = chat.outcome().map(|outcome| outcome.map_err(ToString::to_string));
    (String::from_utf8(typed).unwrap(), outcome)
}

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
fn names_take_what_is_new_and_keep_it() {
    let text = "> AT\n< +A: $one,\"$two\",$$\n> $one $two $given\n< $one$$";
    let (typed, outcome) = run(text, &["\r\n+A: 1,\"zwei\",$\r\n\r\nOK\r\n", "\r\nOK\r\n2$\r\n"]);
    assert_eq!((&*typed, outcome), ("AT\r1 zwei from outside\r", None));
    let (_, outcome) = run(text, &["\r\n+A: 1,\"zwei\",$\r\n\r\nOK\r\n", "\r\nOK\r\n1$\r\n"]);
    assert_eq!(outcome, Some(Ok(())));
}

#[test]
fn data_is_typed_behind_the_prompt() {
    let (typed, outcome) = run("> AT+X=2\n>> $given\n", &["AT+X=2\r\r\n> ", "\r\n", "\r\nOK\r\n"]);
    assert_eq!((&*typed, outcome), ("AT+X=2\rfrom outside", Some(Ok(()))));
    let (typed, outcome) = run("> AT+X=2\n>> $given\n", &["AT+X=2\r\r\nERROR\r\n"]);
    assert_eq!(
        (&*typed, outcome),
        ("AT+X=2\r", Some(Err("line 1: expected the prompt >, got ERROR after 0 ms".into())))
    );
}

#[test]
fn other_final_results_are_due_or_not() {
    let (_, outcome) = run("> AT\n! +CME ERROR: 3\n", &["\r\n+CME ERROR: 3\r\n"]);
    assert_eq!(outcome, Some(Ok(())));
    let (_, outcome) = run("> AT\n! +CME ERROR: 3\n", &["\r\nOK\r\n"]);
    assert_eq!(outcome, Some(Err("line 1: expected +CME ERROR: 3, got OK after 0 ms".into())));
}

/// Data that was never asked for was never typed.
#[test]
fn a_result_without_its_prompt_is_a_failure() {
    for result in ["OK", "ERROR"] {
        for text in ["> AT+X=2\n>> data\n", "> AT+X=2\n! ERROR\n>> data\n", "> AT+X=2\n>> data\n! ERROR\n"] {
            let (typed, outcome) = run(text, &[&format!("\r\n{result}\r\n")]);
            assert_eq!(typed, "AT+X=2\r");
            assert_eq!(outcome, Some(Err(format!("line 1: expected the prompt >, got {result} after 0 ms"))));
        }
    }
    // After the data it is what was written.
    let (_, outcome) = run("> AT+X=2\n>> data\n! ERROR\n", &["\r\n> \r\n", "\r\nERROR\r\n"]);
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
    let hint = "; data for the prompt is written as >> after its command";
    for (text, hears, words) in [
        ("> AT\n", "", "line 1: OK did not come within 10000 ms; nothing came"),
        (
            "> AT\n",
            "AT\r\r\nNO CARRIER\r\n",
            "line 1: OK did not come within 10000 ms; what came instead: \"NO CARRIER\"",
        ),
        ("> AT\n", "\r\n> \r\n", &format!("line 1: OK did not come within 10000 ms; what came instead: \"> \"{hint}")),
        ("> AT\n! ERROR\n", "", "line 1: ERROR did not come within 10000 ms; nothing came"),
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
        let mut chat = Chat::parse(text, &[]).unwrap();
        let mut typed = Vec::new();
        chat.handle(Instant::START, Input::Tick, &mut typed);
        chat.handle(Instant::START, Input::Bytes(hears.as_bytes()), &mut typed);
        let deadline = chat.deadline().unwrap();
        assert_eq!(deadline, Instant::from_millis(if text.contains("5000") { 5000 } else { 10_000 }));
        chat.handle(deadline, Input::Tick, &mut typed);
        assert_eq!(chat.outcome().unwrap().unwrap_err().to_string(), words);
        assert_eq!(chat.deadline(), None);
    }
}

/// Each step has its own time.
#[test]
fn how_long_was_waited_is_of_this_step() {
    let mut chat = Chat::parse("> AT\n< +A\n> AT+X\n", &[]).unwrap();
    let mut typed = Vec::new();
    let at = Instant::from_millis;
    chat.handle(at(0), Input::Tick, &mut typed);
    chat.handle(at(300), Input::Bytes(b"\r\nOK\r\n"), &mut typed);
    assert_eq!((chat.at_line(), chat.deadline()), (2, Some(at(10_300))));
    chat.handle(at(1000), Input::Bytes(b"+A\r\n"), &mut typed);
    chat.handle(at(1042), Input::Bytes(b"ERROR\r\n"), &mut typed);
    assert_eq!(chat.outcome().unwrap().unwrap_err().to_string(), "line 3: expected OK, got ERROR after 42 ms");
    assert_eq!(chat.at_line(), 3);
}

/// A line that is not read would be a check that is never made.
#[test]
fn every_line_is_read_or_refused() {
    let signs = "expected a line that begins with >, >>, <, !, within or #, and a space";
    let after = |sign| format!("{sign} belongs after the > line of its command, with nothing between them");
    let one =
        |sign: &str, line: &str| format!("expected one {sign} at the start of the line and one space after it: {line}");
    let time = "is not a time, expected 1ms to 86400000ms, such as 5000ms";
    for (text, line, words) in [
        ("AT\n", 1, format!("{signs}, such as > AT")),
        ("  at+csq\n", 1, format!("{signs}, such as > at+csq")),
        ("OK\n", 1, signs.into()),
        ("> AT\nwait 5\n", 2, signs.into()),
        ("> AT\nß\n", 2, signs.into()),
        ("> AT\n < +A: 1\n", 2, one("<", "< +A: 1")),
        ("\t> AT\n", 1, one(">", "> AT")),
        (">\tAT\n", 1, one(">", "> AT")),
        (">AT\n", 1, one(">", "> AT")),
        ("> AT\n>>x\n", 2, one(">>", ">> x")),
        ("> AT\n!ERROR\n", 2, one("!", "! ERROR")),
        ("WITHIN 5ms\n", 1, one("within", "within 5ms")),
        ("> AT\n # words\n", 2, "a comment begins with # at the start of its line: # words".into()),
        ("# x\n! OK\n", 2, after("!")),
        ("< x\n>> y\n", 2, after(">>")),
        ("> AT\n< x\n! OK\n", 3, after("!")),
        ("> AT\n! OK\n! ERROR\n", 3, "this command has its ! already".into()),
        ("> AT\n>> a\n>> b\n", 3, "this command has its >> already".into()),
        ("> AT\n! NO\n", 2, "\"NO\" is not a final result, expected OK, ERROR or +CME ERROR: 50".into()),
        ("> AT\n! ERROR \n", 2, "\"ERROR \" is not a final result, expected OK, ERROR or +CME ERROR: 50".into()),
        (
            "> AT\n! +CME ERROR: 50 \n",
            2,
            "\"+CME ERROR: 50 \" is not a final result, expected OK, ERROR or +CME ERROR: 50".into(),
        ),
        (
            "> AT\n! +CME ERROR: \n",
            2,
            "\"+CME ERROR: \" is not a final result, expected OK, ERROR or +CME ERROR: 50".into(),
        ),
        (">\n", 1, "nothing after >, expected a line to type, such as > AT+CSQ".into()),
        ("< \n", 1, "nothing after <, expected a line of the modem, such as < +CSQ: $signal,99".into()),
        ("> AT\n>>\n", 2, "nothing after >>, expected the data to type, such as >> hello".into()),
        ("> AT\n!\n", 2, "nothing after !, expected a final result, such as ! ERROR".into()),
        ("> $new\n", 1, "$new is not known here".into()),
        ("> x\n>> $new\n", 2, "$new is not known here".into()),
        ("< $a$b\n", 1, "two names with nothing between them".into()),
        ("> 5 $ x\n", 1, "$ without a name; a dollar sign is $$".into()),
        ("within 5s\n", 1, format!("\"5s\" {time}")),
        ("within 0ms\n", 1, format!("\"0ms\" {time}")),
        ("within 86400001ms\n", 1, format!("\"86400001ms\" {time}")),
        ("within\n", 1, format!("\"\" {time}")),
        ("> AT\nwithin 5ms\n\n", 2, "within counts for the lines after it, and there are none".into()),
        ("> AT\r< x\r", 1, "a carriage return within the line: lines end with LF or CR LF".into()),
        ("", 1, "nothing is typed or expected here: at least one line must begin with > or <".into()),
        ("# a\n \n\t\n", 3, "nothing is typed or expected here: at least one line must begin with > or <".into()),
    ] {
        let mistake = Chat::parse(text, &[]).err().unwrap();
        assert_eq!((mistake.line, &*mistake.words), (line, &*words), "{text:?}");
    }
    for text in ["\u{feff}> AT\n", "> AT\r\n\r\n# x\r\n", "within 1ms\n> AT", "within 86400000ms\n  \n#x\n< a"] {
        assert!(Chat::parse(text, &[]).is_ok(), "{text:?}");
    }
}

#[test]
fn what_comes_is_bounded() {
    let mut chat = Chat::parse("< +LAST\n", &[]).unwrap();
    let mut typed = Vec::new();
    chat.handle(Instant::START, Input::Bytes(&b"x".repeat(1 << 20)), &mut typed);
    chat.handle(Instant::START, Input::Bytes(&b"\r\n+A\r\n".repeat(10_000)), &mut typed);
    assert_eq!(chat.outcome(), None);
    chat.handle(Instant::START, Input::Bytes(b"\r\n+LAST\r\n"), &mut typed);
    assert_eq!(chat.outcome(), Some(Ok(())));
    // Of many lines the last 256 are kept.
    for (others, due) in [(255, true), (256, false)] {
        let mut chat = Chat::parse("> AT\n< +FIRST\n", &[]).unwrap();
        chat.handle(Instant::START, Input::Tick, &mut typed);
        let heard = format!("+FIRST\r\n{}OK\r\n", "+A\r\n".repeat(others));
        chat.handle(Instant::START, Input::Bytes(heard.as_bytes()), &mut typed);
        assert_eq!(chat.outcome().is_some(), due);
    }
    // What is cut off is not what came, though it may look like it; a port that opens anew begins a line.
    for (long, other, due) in [(9000, "", None), (8192, "", Some(Ok(()))), (9000, "new\r\n", Some(Ok(())))] {
        let mut chat = Chat::parse("< $all\n", &[]).unwrap();
        chat.handle(Instant::START, Input::Bytes(&b"x".repeat(long)), &mut typed);
        if !other.is_empty() {
            chat.handle(Instant::START, Input::Reopened, &mut typed);
        }
        chat.handle(Instant::START, Input::Bytes(format!("{other}\r\n").as_bytes()), &mut typed);
        assert_eq!(chat.outcome(), due, "{long} {other}");
    }
}
