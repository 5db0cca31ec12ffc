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
    assert_eq!((&*typed, outcome), ("AT+X=2\r", Some(Err("line 1: expected OK, got ERROR".into()))));
}

#[test]
fn other_final_results_are_due_or_not() {
    let (_, outcome) = run("> AT\n! +CME ERROR: 3\n", &["\r\n+CME ERROR: 3\r\n"]);
    assert_eq!(outcome, Some(Ok(())));
    let (_, outcome) = run("> AT\n! +CME ERROR: 3\n", &["\r\nOK\r\n"]);
    assert_eq!(outcome, Some(Err("line 1: expected +CME ERROR: 3, got OK".into())));
}

#[test]
fn nothing_is_waited_for_forever() {
    for (text, hears, words) in [
        ("> AT\n", "", "line 1: OK did not come"),
        ("> AT\n>> x\n", "", "line 1: > did not come"),
        ("within 5000ms\n< +A: $x\n", "\r\n+B: 1\r\n", "line 2: +A: $x did not come"),
    ] {
        let mut chat = Chat::parse(text, &[]).unwrap();
        let mut typed = Vec::new();
        chat.handle(Instant::START, Input::Bytes(hears.as_bytes()), &mut typed);
        let deadline = chat.deadline().unwrap();
        assert_eq!(deadline, Instant::from_millis(if text.contains("5000") { 5000 } else { 10_000 }));
        chat.handle(deadline, Input::Tick, &mut typed);
        assert_eq!(chat.outcome().unwrap().unwrap_err().to_string(), words);
        assert_eq!(chat.deadline(), None);
    }
}

#[test]
fn mistakes_are_told_by_line() {
    for (text, words) in [
        ("AT\n", "line 1: expected a line that begins with >, >>, <, !, within or #, and a space"),
        ("# x\n! OK\n", "line 2: this stands behind > only"),
        ("< x\n>> y\n", "line 2: this stands behind > only"),
        ("> $new\n", "line 1: $new is not known here"),
        ("> x\n>> $new\n", "line 2: $new is not known here"),
        ("< $a$b\n", "line 1: two names with nothing between them"),
        ("> 5 $ x\n", "line 1: $ without a name; a dollar sign is $$"),
        ("within 5s\n", "line 1: expected a time, such as 5000ms"),
    ] {
        assert_eq!(Chat::parse(text, &[]).err().unwrap().to_string(), words);
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
}
