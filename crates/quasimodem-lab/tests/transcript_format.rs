//! Transcripts that can't be read: nothing in them is passed over.

#![allow(clippy::unwrap_used)]

use quasimodem_lab::transcript::run;

#[test]
fn every_line_is_read_or_refused() {
    let table = "see the table of the transcript format";
    let none = "nothing happens here: no line begins with > or !";
    for (text, line, what) in [
        ("", 1, none.into()),
        ("# words\n\nmodel MC615\n", 3, none.into()),
        ("> AT\n< OK\ntick 5ms\n", 3, "nothing may follow tick, found \"5ms\"".into()),
        ("> AT\n< OK\n?\n", 3, format!("nothing follows ?; {table}")),
        ("> AT\n< OK\n> \n", 3, format!("nothing follows >; {table}")),
        ("> AT\n<\n", 2, format!("nothing follows <; {table}")),
        ("> AT\n< OK\nsleep\n", 3, format!("no line begins with \"sleep\"; {table}")),
        ("> AT\n<OK\n", 2, format!("no line begins with \"<OK\"; {table}")),
        ("> AT\n< OK\nmodel MC615\n", 3, "model must come before all that happens".into()),
        ("model MC615 gap 20\n> AT\n< OK\n", 1, "there is no setting \"gap\"".into()),
        ("model\n> AT\n< OK\n", 1, "model needs a value".into()),
        ("> AT\n< OK\nwait 5\n", 3, "expected a time like 500ms, found \"5\"".into()),
        ("> AT\n", 1, "nothing expects this before here: Final \\r\\nOK\\r\\n".into()),
    ] {
        let trouble = run(text).unwrap_err();
        assert_eq!((trouble.line, trouble.what), (line, what), "{text:?}");
    }
    assert_eq!(run("\u{feff}model MC615\r\n  > AT\r\n  < OK\r\n"), Ok(()));
}
