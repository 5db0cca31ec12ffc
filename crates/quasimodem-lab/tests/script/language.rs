//! What is a script, and what is refused.

use quasimodem_lab::script::{Program, TEXT_MAX};

use crate::rig::parse;

/// A line that is not read would be a check that is never made.
#[test]
fn every_line_is_read_or_refused() {
    let signs =
        "expected a line that begins with >, >>, <, not, on, repeat, end, within, wait, !, ~, count, again or #"
            .to_owned();
    let one = |sign: &str, line: &str| format!("expected {sign} and one space after it: {line}");
    let time = "is not a time, expected 1ms to 24h, such as 500ms, 5s or 10min";
    let result = "! gives an order; a final result in place of OK is written < ERROR";
    let nothing = "nothing is typed or expected here: at least one line must begin with > or <";
    let unused = |sign| format!("{sign} counts for the lines after it, and there are none");
    let dead = |line, why| format!("what is above, at line {line}, {why}, so that this is never done");
    let size = "$size is the size of the data, and there is no >> right below";
    let cases: &[(&str, usize, &str)] = &[
        ("AT\n", 1, &format!("{signs}, such as > AT")),
        ("  at+csq\n", 1, &format!("{signs}, such as > at+csq")),
        ("OK\n", 1, &format!("{signs}, such as < OK")),
        ("+CSQ: 20,99\n", 1, &format!("{signs}, such as < +CSQ: 20,99")),
        ("> AT\nß\n", 2, &signs),
        ("> AT\nwihtin 5s\n", 2, &format!("{signs}, perhaps \"within\"")),
        ("> AT\nrepaet\nend\n", 2, &format!("{signs}, perhaps \"repeat\"")),
        (">\tAT\n", 1, &one(">", "> AT")),
        (">AT\n", 1, &one(">", "> AT")),
        ("  <+A\n", 1, &one("<", "< +A")),
        ("> AT\n>>x\n", 2, &one(">>", ">> x")),
        ("WITHIN 5ms\n", 1, &one("within", "within 5ms")),
        ("> AT\n!ERROR\n", 2, &one("!", "! ERROR")),
        ("> AT\n! ERROR\n", 2, result),
        ("> AT\n< ERROR\n< +A\n< OK\n", 4, "this command has its final result already"),
        ("> AT\n< ERROR \n", 2, "\"ERROR \" has blanks at its end, and no final result has"),
        (">\n", 1, "nothing after >, expected a line to type, such as > AT+CSQ"),
        ("< \n", 1, "nothing after <, expected a line of the modem, such as < +CSQ: $signal,99"),
        ("> AT\n>>\n", 2, "nothing after >>, expected the data to type, such as >> hello"),
        ("> AT\r< x\r", 1, "a carriage return within the line: lines end with LF or CR LF"),
        // Names.
        ("> $new\n", 1, "$new is not known here"),
        ("> x\n>> $new\n", 2, "$new is not known here"),
        ("> $givne\n", 1, "$givne is not known here, perhaps \"given\""),
        ("> AT+X=$signal\n< +CSQ: $signal\n", 1, "$signal is not known here"),
        ("< +A: $x\n> AT\non < +B: $y\n> $x$y\nend\n> $y\n", 6, "$y is not known here"),
        ("< $a$b\n", 1, "two names with nothing between them"),
        ("< $a$index\n", 1, "two names with nothing between them"),
        ("> 5 $ x\n", 1, "$ without a name; a dollar sign is $$"),
        ("> ${}\n", 1, "$ without a name; a dollar sign is $$"),
        ("> ${x\n", 1, "${ without its }"),
        ("> ${a b}\n", 1, "${a b} is no name"),
        ("> ${random 5..1}\n", 1, "${random 5..1}: expected ${random LOW..HIGH}, such as ${random 1..100}"),
        ("> ${random 5}\n", 1, "${random 5}: expected ${random LOW..HIGH}, such as ${random 1..100}"),
        ("< ${random 1..5}\n", 1, "what is drawn at random can't be expected"),
        ("> $_\n", 1, "$_ keeps nothing that could be typed"),
        ("> AT+X=$size\n", 1, size),
        ("> AT+X=$size\n# words\n< +A\n", 1, size),
        ("> AT\n>> $size\n", 2, "$size is the size of the data, and known only in the > right above its >>"),
        ("> AT\n>> \\q\n", 2, "unknown escape: \\q"),
        // Orders and events.
        ("!\n", 1, "nothing after !, expected an order, such as ! broker-publish topic=down payload=hello"),
        ("~\n", 1, "nothing after ~, expected an event, such as ~ broker.published topic=up"),
        ("! broker-kick\n> AT\n", 1, "broker-kick needs client_id=…"),
        (
            "! broker-kick client=$given\n> AT\n",
            1,
            "broker-kick has no key \"client\", perhaps \"client_id\"; it has client_id",
        ),
        (
            "! fault packet-drop type=PUBAKC\n> AT\n",
            1,
            "type is \"PUBAKC\", expected a type of MQTT or MQTT-SN, such as PUBACK or PUB*",
        ),
        ("! broker-publish topic='a\n> AT\n", 1, "a quote has no end"),
        ("! broker-publish topic=$new\n> AT\n", 1, "$new is not known here"),
        (
            "~ broker.publish\n",
            1,
            "there is no event \"broker.publish\", perhaps \"broker.published\"; quasimodem events lists them",
        ),
        ("~ client.broken cause=x\n", 1, "cause is \"x\", expected a whole number"),
        ("~ $given client=1\n", 1, "there is no event \"1\"; quasimodem events lists them"),
        ("~ client.open client=${random 1..2}\n", 1, "what is drawn at random can't be expected"),
        // Times.
        ("within 5\n", 1, &format!("\"5\" {time}")),
        ("within 0ms\n", 1, &format!("\"0ms\" {time}")),
        ("within 86400001ms\n", 1, &format!("\"86400001ms\" {time}")),
        ("wait 5 s\n", 1, &format!("\"5 s\" {time}")),
        ("within\n", 1, "nothing after within, expected a time, such as within 5s"),
        ("> AT\nwithin 5ms\n\n", 2, &unused("within")),
        ("repeat 2\n> AT\nwithin 5ms\nend\n> AT\n", 3, &unused("within")),
        // Blocks.
        ("> AT\nnot < +A\n", 2, &unused("not")),
        ("not +A\n> AT\n", 1, "expected how no line may begin, such as not < +MQTTBREAK"),
        ("not < $x\n> AT\n", 1, "$x is not known here"),
        ("on +A\n> AT\nend\n", 1, "expected a line of the modem, such as on < +MQTTMSGI: $client,$_"),
        ("repeat 2\non < +A\n> AT\nend\nend\n", 2, "on belongs into no block: it counts wherever the script is"),
        ("> AT\non < +A\n> AT\n", 2, "this on has no end"),
        ("> AT\nrepeat 2\n> AT\n", 2, "this repeat has no end"),
        ("> AT\nend\n", 2, "there is no block that could end here"),
        ("> AT\nrepeat 2\n# words\nend\n", 2, "nothing is done in this block"),
        ("> AT\non < +A\nend\n", 2, "nothing is done in this block"),
        ("repeat 0\n> AT\nend\n", 1, "\"0\" is no count, expected 1 to 4294967295"),
        ("repeat x\n> AT\nend\n", 1, "\"x\" is no count, expected 1 to 4294967295"),
        ("repeat every 5\n> AT\nend\n", 1, &format!("\"5\" {time}")),
        ("repeat 1 2\n> AT\nend\n", 1, "expected repeat, repeat 100, repeat every 60s or repeat 100 every 60s"),
        ("> AT\nend now\n", 2, "nothing may come after end: now"),
        ("repeat\n>> x\nend\n", 1, "this repeat never ends and takes no time: something in it must wait"),
        (
            "repeat\nrepeat 5\ncount a\nend\n>> x\nend\n",
            1,
            "this repeat never ends and takes no time: something in it must wait",
        ),
        ("repeat 1001\n>> x\nend\n", 1, "1001 turns take no time, and at most 1000 may"),
        ("repeat 20\nrepeat 51\n>> x\nend\n>> x\nend\n", 1, "1020 turns take no time, and at most 1000 may"),
        ("repeat\n> AT\nend\n> AT\n", 4, &dead(1, "never ends")),
        (
            "> AT\non < +A\nrepeat\n> AT\nend\nend\n",
            3,
            "a repeat without a number never ends, and the script would wait for this on for ever",
        ),
        ("> AT\nagain\n", 2, "again belongs into an on: it begins the script anew when that line has come"),
        ("> AT\non < +A\nagain\n> AT\nend\n", 4, &dead(3, "begins the script anew")),
        ("count\n> AT\n", 1, "nothing after count, expected a name, such as count lost"),
        ("count a b\n> AT\n", 1, "\"a b\" is no name, expected letters, digits and _, such as count lost"),
        ("count _\n> AT\n", 1, "\"_\" is no name, expected letters, digits and _, such as count lost"),
        ("count time\n> AT\n", 1, "$time is given, and can't be counted"),
        ("> AT\ncount given\n", 2, "$given is given, and can't be counted"),
        (&"repeat 2\n".repeat(9), 9, "more than 8 blocks within each other"),
        ("", 1, nothing),
        ("# a\n \n\t\n", 3, nothing),
        ("wait 5s\n", 1, nothing),
        ("on < +A\n> AT\nend\n", 3, nothing),
    ];
    for (text, line, words) in cases {
        let mistake = parse(text).err().unwrap_or_else(|| panic!("{text:?} is a script"));
        assert_eq!((mistake.line, &*mistake.words), (*line, *words), "{text:?}");
    }
    for text in [
        "\u{feff}> AT\n",
        "> AT\r\n\r\n# x\r\n",
        "\t> AT\n  # words\n\t  < x",
        "within 1ms\n> AT",
        "within 1.5s \n> AT",
        "within 24h\n  \n#x\n< a",
        "repeat 2  every 5min\n>> x\nend \n",
        "repeat\n> AT\nend\non < +A\nagain\nend\n",
        "on < +A\n> AT\nend\nwait 5s\n",
        "repeat 1000\n>> x\nend\n",
    ] {
        assert!(parse(text).is_ok(), "{text:?}");
    }
}

#[test]
fn a_script_has_a_size() {
    let most = format!("> AT\n#{}\n", "x".repeat(TEXT_MAX - 7));
    assert_eq!(most.len(), TEXT_MAX);
    assert!(parse(&most).is_ok());
    let mistake = parse(&(most + "\n")).unwrap_err();
    assert_eq!(mistake.to_string(), "line 1: more than 1048576 bytes are no script");
    assert_eq!(parse(&"< a\n".repeat(70_000)).unwrap_err().to_string(), "line 65534: more than 65534 steps or names");
    let names = |count| format!("< {}\n", "$a,".repeat(count));
    assert!(parse(&names(100)).is_ok());
    assert_eq!(parse(&names(101)).unwrap_err().to_string(), "line 1: more than 100 names");
}

/// There may be secrets in it.
#[test]
fn a_program_shows_no_text() {
    let program = Program::parse("> AT+MQTTUSER=1,\"u\",\"secret\"\n", &[("key", b"secret")]).unwrap();
    assert_eq!(format!("{program:?}"), "Program of 1 steps");
}
