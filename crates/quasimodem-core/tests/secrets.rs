//! No secret shows in what a log may hold, whatever goes wrong around it.

mod common;

use common::Bench;
use quasimodem_core::{
    COMMANDS, Change, Clients, Command, Effect, Input, Link, Model, Note, Param, ParamKind, Settings,
};

const SECRET: &str = "hunter2";

/// A model with the commands of clouds, one without them, and one without MQTT-SN.
const TRIED: [&str; 3] = ["L610", "NL668", "MA510"];

fn bench(model: &str) -> Bench {
    Bench::new(&Settings { model: Model::by_name(model).unwrap(), ..Settings::default() })
}

/// An argument that the row takes.
fn argument(param: &Param) -> String {
    match param.kind {
        ParamKind::Client(Clients::MqttSn) => "101".into(),
        ParamKind::Client(_) => "1".into(),
        ParamKind::Number { min, .. } => min.to_string(),
        ParamKind::OneOf(numbers) => numbers[0].to_string(),
        ParamKind::Word(words) => format!("\"{}\"", words[0]),
        ParamKind::Switch | ParamKind::Anything => "1".into(),
        _ if param.secret => format!("\"{SECRET}\""),
        _ => "\"x\"".into(),
    }
}

/// The arguments of each set form of all rows that are written with `=`, and whether a secret is among them.
fn set_forms() -> impl Iterator<Item = (&'static Command, Vec<String>, bool)> {
    let rows = COMMANDS.iter().filter(|row| row.name.starts_with('+'));
    rows.flat_map(|row| {
        row.set_forms().map(|(params, _)| {
            let secret = params.iter().any(|param| param.secret);
            (*row, params.iter().map(argument).collect(), secret)
        })
    })
}

fn secret_forms() -> impl Iterator<Item = (&'static Command, Vec<String>)> {
    set_forms().filter(|(.., secret)| *secret).map(|(row, arguments, _)| (row, arguments))
}

/// What a log shows of the line typed last.
fn typed(bench: &Bench) -> String {
    let mut lines = bench.outbox.effects().filter_map(|effect| match effect {
        Effect::Note(Note::Typed(line)) => Some(String::from_utf8_lossy(&line.redacted()).into_owned()),
        _ => None,
    });
    lines.next().unwrap_or_default()
}

/// Types a line that is wrong in a way, and checks that the secret in it does not show. A line that is taken in spite of
/// that has another text where the secret belongs.
fn try_wrong(line: &str) {
    for model in TRIED {
        let mut bench = bench(model);
        let answer = bench.types(line);
        if !answer.contains("OK") {
            assert!(!bench.log().contains(SECRET), "{line} shows its secret on {model}: {}", bench.log());
        }
    }
}

/// A field too few or too many, or one in the place of another.
#[test]
fn secrets_in_wrong_places_are_hidden() {
    for (row, arguments) in secret_forms() {
        let typed = |arguments: &[String]| try_wrong(&format!("AT{}={}", row.name, arguments.join(",")));
        for index in 0..arguments.len() {
            let mut fewer = arguments.clone();
            fewer.remove(index);
            typed(&fewer);
            fewer.truncate(index);
            typed(&fewer);
            let mut more = arguments.clone();
            more.insert(index, arguments[index].clone());
            typed(&more);
            more.insert(index, "\"y\"".into());
            typed(&more);
            for other in 0..arguments.len() {
                let mut swapped = arguments.clone();
                swapped.swap(index, other);
                typed(&swapped);
                swapped.remove(index);
                typed(&swapped);
            }
        }
        typed(&[format!("\"{SECRET}\"")]);
        typed(&[SECRET.into()]);
        typed(&["12".into(), SECRET.into()]);
    }
}

/// Any byte of a line left out, typed twice, or another.
#[test]
fn secrets_of_mistyped_lines_are_hidden() {
    for (row, arguments) in secret_forms() {
        let good = format!("AT{}={}", row.name, arguments.join(","));
        try_wrong(&good.to_lowercase());
        try_wrong(&good.replace(',', " , ").replace('=', " = ").replace('+', " + "));
        let secret = good.find(SECRET).unwrap();
        for at in (2..good.len()).filter(|at| !(secret..secret + SECRET.len()).contains(at)) {
            let (before, after) = good.split_at(at);
            let rest = &after[1..];
            for between in ["", " ", "\"", ",", ";", "=", "?", "+", "x", "7", "\\", "\t", "AT", &after[..1].repeat(2)] {
                try_wrong(&format!("{before}{between}{rest}"));
                try_wrong(&format!("{before}{between}{after}"));
            }
        }
    }
}

/// The text of one command behind the name of another.
#[test]
fn secrets_behind_other_names_are_hidden() {
    let unknown = ["+NOSUCH", "+MQTTUSR", "+MQTTUSERS", "+CPWD", "Y", "", "+"];
    let names = COMMANDS.iter().map(|row| row.name).chain(unknown);
    for (name, (row, arguments)) in names.flat_map(|name| secret_forms().map(move |form| (name, form))) {
        let text = arguments.join(",");
        let good = format!("{}={text}", row.name);
        for sign in ["=", "=?", "?", "", " ", ",", "(", "=1,", "=1,\"a\",", "=1,\"", "=\""] {
            try_wrong(&format!("AT{name}{sign}{text}"));
            try_wrong(&format!("AT{name}{sign}{good}"));
        }
        try_wrong(&format!("AT{name};{good}"));
        try_wrong(&format!("AT+CMEE=9;{good};{name}"));
    }
}

/// A command that has a secret is taken: nothing but the secret is hidden. Any other: nothing is.
#[test]
fn what_is_taken_shows_all_but_its_secret() {
    let mut taken = 0;
    for (row, arguments, _) in set_forms() {
        let mut bench = bench("L610");
        let line = format!("AT{}={}", row.name, arguments.join(","));
        if bench.types(&line).contains("OK") {
            let secret = format!("\"{SECRET}\"");
            // Two of them are hidden as one.
            let shown = [format!("{secret},{secret}"), secret]
                .iter()
                .fold(line, |line, secret| line.replace(secret, &"*".repeat(secret.len())));
            assert_eq!(typed(&bench), shown);
            taken += 1;
        }
    }
    assert!(taken > 20, "only {taken} lines were taken");
}

/// What is refused is shown as far as it could be read, and of a row with secrets only the number in front.
#[test]
fn what_is_refused_is_shown_as_far_as_it_can_be_read() {
    for (line, shown) in [
        ("AT+CFUN=9;+CSQ", "AT+CFUN=9*****"),
        ("AT+COPS=9,2,\"x\"", "AT+COPS=9******"),
        ("AT+CMEE=9", "AT+CMEE=9"),
        ("AT+CMEE=", "AT+CMEE="),
        ("AT+CMEE=x", "AT+CMEE=*"),
        ("AT+CMEE=1,2", "AT+CMEE=1**"),
        ("AT+CSQ=\"1234\"", "AT+CSQ=******"),
        ("AT+CSQ=1", "AT+CSQ=*"),
        ("AT+CSQ?1", "AT+CSQ?*"),
        ("AT+MQTTPUB=1,\"t\",5,0,\"x\"", "AT+MQTTPUB=1,\"t\",5,0,\"x\""),
        ("AT+MQTTPUB=1,,5,0,\"x\"", "AT+MQTTPUB=1,,5,0,\"x\""),
        ("AT+MQTTPUB=1,\"t\",0,0,\"x", "AT+MQTTPUB=1,\"t\",0,0,\"x"),
        ("AT+MQTTPUB=1,\"t\",0,0,\"x\"y", "AT+MQTTPUB=1,\"t\",0,0,\"x\"*"),
        ("AT+MQTTPUB=1,\"t\",0,0,{\"a\":\"b\",\"c\":1}", "AT+MQTTPUB=1,\"t\",0,0,{\"a\":\"b\",\"c\":1}"),
        ("AT+MQTTPUB=1,\"t\",q,0,\"x\"", "AT+MQTTPUB=1,\"t\",*******"),
        ("AT+MQTTPUB=1,\"t\",0,0,\"x;+NO=1\"", "AT+MQTTPUB=1,\"t\",0,0,\"x;******"),
        ("AT+MQTTSUB=1,\"a/#/b\",1", "AT+MQTTSUB=1,\"a/#/b\",1"),
        ("AT+MQTTUNSUB=1,\"t\",\"u\"", "AT+MQTTUNSUB=1,\"t\"****"),
        ("AT+MQTTUNSUB=1,\"t\"u\"", "AT+MQTTUNSUB=1,\"t\"u\""),
        ("AT+MQTTOPEN=3,\"h\",1,0,60", "AT+MQTTOPEN=3***********"),
        ("AT+MQTTOPEN=1,\"h:1\",1,0,60", "AT+MQTTOPEN=1,\"h:1\",1,0,60"),
        ("AT+MQTTOPEN=1,\"u:p@h\",1,0,60", "AT+MQTTOPEN=1,**************"),
        ("AT+MQTTCLOSE=1", "AT+MQTTCLOSE=1"),
        ("AT+MQTTUSER=9,\"u\",\"p\"", "AT+MQTTUSER=*********"),
        ("AT+MQTTUSER=1,\"u\"", "AT+MQTTUSER=1,***"),
        ("AT+MIPCALL=1,\"apn", "AT+MIPCALL=1,****"),
        ("AT+MQTTAUTHCFG=1,\"pk\"", "AT+MQTTAUTHCFG=1,****"),
        ("AT+MQTTAUTHCFG=11,\"pk\"", "AT+MQTTAUTHCFG=*******"),
        ("AT+NOSUCH=1,2", "AT+NOSUCH=***"),
        ("AT+NOSUCH?", "AT+NOSUCH?"),
        ("AT+NoSuch?", "AT********"),
        ("AT+ABCDEFGHIJKLMNOPQRSTU?", "AT***********************"),
        ("AT+MQTTPUB=1,\"t\",0,0,\"at +no=1\"", "AT+MQTTPUB=1,\"t\",0,0,\"at ******"),
        ("AT+MQTTPUB=1,\"t\",5,0,\"a\",\"b\"", "AT+MQTTPUB=1,\"t\",5,0,\"a\"****"),
        ("AT+MQTTPUB=1,\"t\",0,5,\"a\",\"b\"", "AT+MQTTPUB=1,\"t\",0,5,\"a\"****"),
        ("ATY", "ATY"),
        ("ATE9", "ATE9"),
        ("ATE 9;E", "ATE 9**"),
        ("AT+CSQ;+CSQ=1;+CSQ", "AT+CSQ;+CSQ=******"),
    ] {
        let mut bench = bench("L610");
        assert!(bench.types(line).contains("ERROR"), "{line} is taken");
        assert_eq!(typed(&bench), shown);
    }
    // Where nothing before it is refused, a payload is all that is quoted, also if it is too long.
    let line = format!("AT+MQTTPUB=1,\"t\",0,0,\"a\",\"{}\"", "b".repeat(1024));
    let mut long = bench("L610");
    assert!(long.types(&line).contains("ERROR"));
    assert_eq!(typed(&long), line);
    for line in [
        "AT+GTSET=\"a\";+CSQ",
        "AT + C S Q",
        "AT+CSQ ; + CMEE ?;E0 V 1",
        "AT+MIPCALL=1,\"apn\"",
        "AT+CIMI?",
        "AT+GTSET=\"1+1\"",
    ] {
        let mut bench = bench("L610");
        assert!(bench.types(line).contains("OK"), "{line} is refused");
        assert_eq!(typed(&bench), line);
    }
}

#[test]
fn a_line_is_repeated_with_its_secret_hidden() {
    let mut bench = bench("L610");
    for (line, shown) in
        [("AT+MIPCALL=1,,,hunter2", "AT+MIPCALL=1,,,*******"), ("AT+MIPCALL=9,hunter2", "AT+MIPCALL=*********")]
    {
        bench.types(line);
        assert_eq!(typed(&bench), shown);
        bench.sends(b"A/");
        assert_eq!(typed(&bench), shown);
    }
    bench.types(&format!("AT+MQTTUSER=1,\"u\",\"{SECRET}\",\"{}\"", "x".repeat(5000)));
    assert!(!bench.log().contains(SECRET), "{}", bench.log());
}

/// Lines that wait for more than their own bytes: what was hidden stays so, and what is carried out later marks nothing.
#[test]
fn the_rest_of_a_line_is_hidden_from_the_start() {
    let mut bench = bench("L610");
    let rest = ";+MQTTUSER=1,\"u\",\"hunter2\"";
    bench.types(&format!("AT+GTSSLFILE=\"TRUSTFILE\",4{rest}"));
    assert_eq!(typed(&bench), format!("AT+GTSSLFILE=\"TRUSTFILE\",4{}", "*".repeat(rest.len())));
    bench.sends(b"noneAT+CSQ\r");
    assert_eq!(typed(&bench), "AT+CSQ");
    let file = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let line = format!("AT+GTSSLFILE=\"TRUSTFILE\",{}", file.len());
    assert!(bench.sends(format!("{line};+CMEE=9\r{file}").as_bytes()).ends_with("+CME ERROR: 50\r\n"));
    assert_eq!(typed(&bench), format!("{line}********"));
    bench.types(&format!("AT+MIPDNS=\"h\"{rest}"));
    assert_eq!(typed(&bench), format!("AT+MIPDNS=\"h\"{}", "*".repeat(rest.len())));
}

#[test]
fn passwords_are_hidden_in_typed_lines() {
    let lines = [
        "AT+MQTTUSER=1,\"user\",\"hunter2\",\"id\"",
        "AT+MQTTUSER=1,\"user\",\"hunter2",
        "AT+MQTTUSER=1,\"us,er\",\"hunter2\"",
        "AT+MQTTUSER=9,\"user\",\"hunter2\"",
        "AT+MQTTUSER=\"user\" \"hunter2\"",
        "AT+MQTTUSER=1 user hunter2",
        "AT+MQTTUSER 1,\"u\",\"hunter2\"",
        "AT+MQTTUSER = 1,\"u\",\"hunter2\"",
        "AT+MQTTUSER,1,\"u\",\"hunter2\"",
        "AT+MQTTUSER?1,\"u\",\"hunter2\"",
        "AT+MQTTUSER\x7f=1,\"u\",\"hunter2\"",
        "AT+CSQ+MQTTUSER=1,\"u\",\"hunter2\"",
        "AT+CSQ=+MQTTUSER=1,\"u\",\"hunter2\"",
        "ATE9+MQTTUSER=1,\"u\",\"hunter2\"",
        "AT+MIPDNS=\"localhost+MQTTUSER=1,\"u\",\"hunter2\"",
        "AT+MQTUSER=1,\"user\",\"hunter2\"",
        "AT+NOSUCH;+MQTTUSER=1,\"user\",\"hunter2\"",
        "AT+MQTTCLOSE=1;+MQTTUSER=1,\"user\",\"hunter2\"",
        "AT+MQTTSNCID=101,\"id\";+MQTTUSER=1,\"user\",\"hunter2\"",
        "AT+MQTTSNREG=101,\"name\";+MQTTUSER=1,\"user\",\"hunter2\"",
        "AT+MQTTWTOPICUD=101,0,0,\"\";+MQTTUSER=1,\"user\",\"hunter2\"",
        "AT+CMEE=2;+MQTTUSER=1,\"user\",\"hunter2\"",
        "AT+MIPDNS=\"h\";+MQTTUSER=1,\"user\",\"hunter2\"",
        "AT+CFUN=1,1;+MQTTUSER=1,\"user\",\"hunter2\"",
        "AT+CPWROFF;+MQTTUSER=1,\"user\",\"hunter2\"",
        "AT+GTSSLFILE=\"TRUSTFILE\",100;+MQTTUSER=1,\"user\",\"hunter2\"",
        "AT+MQTTWILL=1,\"t\",0,0,5;+MQTTUSER=1,\"user\",\"hunter2\"",
        "AT+GTSET=\"x\",+MQTTUSER=1,\"user\",\"hunter2\"",
        "AT+GTSET=\"x\";+MQTTUSER=1,\"user\",\"hunter2\"",
        "AT+GTSET=\"x\"+MQTTUSER=1,\"user\",\"hunter2\"",
        "AT+COPS=1,2,\"x\"+MQTTUSER=1,\"user\",\"hunter2\"",
        "AT+MQTTSNREG=101,n;+MQTTUSER=1,\"user\",\"hunter2\"",
        "AT+MQTTWMSGUD=101,n;+MQTTUSER=1,\"user\",\"hunter2\"",
        "AT+MQTTWILL=1,\"t\",0,0,n;+MQTTUSER=1,\"user\",\"hunter2\"",
        "AT+MIPCALL=1,\"apn\",\"user\",\"hunter2\"",
        "AT+CMEE=1;+MIPCALL=1,\"apn\",\"user\",\"hunter2\";+CMEE?",
        "AT+MQTTAUTHCFG=1,\"pk\",\"dn\",\"hunter2\",0",
        "AT+MQTTAUTHCFG=1,\"pk\",\"dn\",\"hunter2\",\"7\"",
        "AT+MQTTAUTHCFG=2,\"pk\",\"dn\",\"hunter2\"",
        "AT+MQTTAUTHCFG=3,\"id\",\"hunter2\"",
        "AT+MQTTAUTHCFG=3,\"hunter2",
        "AT+MQTTAUTHCFG=4,1,\"pk\",\"uuid\",\"hunter2\"",
        "AT+MQTTAUTHCFG=5,\"pk\",\"dn\",\"hunter2\"",
        "AT+MQTTAUTHCFG=6,\"core\",\"key\",\"hunter2\"",
        "AT+MQTTAUTHCFG=7,\"core\",\"key\",\"hunter2\"",
        "AT+MQTTAUTHCFG=8,\"pk\",\"dn\",\"hunter2\",\"user\"",
        "AT+MQTTAUTHCFG=9,\"pk\",\"dk\",\"hunter2\",\"\"",
        "AT+MQTTAUTHCFG=9,\"pk\",\"dk\",\"\",\"hunter2\"",
        "AT+MQTTAUTHCFG=10,\"id\",\"hunter2\"",
        "AT+MQTTAUTHCFG=\"3\",\"id\",\"hunter2\"",
        "AT+MQTTAUTHCFG?3,\"id\",\"hunter2\"",
        "AT+MQTTAUTHCFG 3,\"id\",\"hunter2\"",
        "AT+MQTTAUTHCFG=7;+MQTTAUTHCFG=3,\"id\",\"hunter2\"",
        "AT+CSQ+MQTTAUTHCFG=3,\"id\",\"hunter2\"",
        "AT+MIPDNS=\"h+MQTTAUTHCFG=3,\"id\",\"hunter2\"",
    ];
    // With the commands of clouds, and without.
    for (line, model) in lines.iter().flat_map(|line| ["L610", "NL668"].map(|model| (line, model))) {
        let model = Model::by_name(model).unwrap();
        let mut bench = Bench::new(&Settings { model, ..Settings::default() });
        bench.handle(Input::Serial(format!("{line}\r").as_bytes()));
        assert!(!bench.log().contains("hunter2"), "{line} shows its password on {model}: {}", bench.log());
        assert!(bench.log().contains("typed"), "{line} is not noted at all");
    }
}

/// Raw data is noted as it comes, and where it is a secret, that is said.
#[test]
fn raw_data_that_is_secret_is_noted_without_its_bytes() {
    let mut bench = bench("L610");
    bench.types("AT+GTSSLFILE=\"KEYFILE\",9");
    assert!(!bench.log().contains("took"), "{}", bench.log());
    bench.sends(b"hunter2");
    assert!(bench.log().contains("took 7 secret bytes of raw data"), "{}", bench.log());
    bench.sends(b"..");
    assert!(bench.log().contains("took 2 secret bytes of raw data"), "{}", bench.log());
    bench.types("AT+MQTTWILL=1,\"t\",0,0,4");
    bench.sends(b"will");
    assert!(bench.log().contains("took 4 bytes of raw data"), "{}", bench.log());
}

/// A key that is typed where none was asked for comes as lines, some of which happen to look like commands.
#[test]
fn lines_of_a_key_are_hidden() {
    let mut bench = Bench::new(&Settings::default());
    bench.types("AT+GTSSLFILE=\"PRIVATEKEY\",1704");
    for line in
        ["0lIaAT+hunter2a1auA0CFJ1IriAKXCaaVwU1rATYK0", "MIIAThunter2", "ATY4hunter2", "-----END PRIVATE KEY-----"]
    {
        bench.types(line);
        assert!(!bench.log().contains("unter2"), "{line}: {}", bench.log());
    }
}

#[test]
fn what_is_no_secret_is_shown() {
    let mut bench = Bench::new(&Settings::default());
    bench.types("AT+MQTTUSER=1,\"user\",\"hunter2\",\"id\"");
    assert!(bench.log().contains("AT+MQTTUSER=1,\\\"user\\\",*********,\\\"id\\\""), "{}", bench.log());
    bench.types("AT+MIPCALL=1");
    assert!(bench.log().contains("AT+MIPCALL=1\""), "{}", bench.log());
    bench.types("AT+MQTTCONF?;+CMEE?");
    assert!(bench.log().contains("AT+MQTTCONF?;+CMEE?"), "{}", bench.log());
}

#[test]
fn what_clouds_are_told_is_hidden() {
    let commands = [
        ("1,\"pk\",\"dn\",\"hunter2\",0", "pk.dn"),
        ("2,\"pk\",\"dn\",\"aHVudGVyMg==\"", "pkdn;21010406"),
        ("3,\"device\",\"hunter2\"", "device_0_0"),
        ("5,\"pk\",\"dn\",\"aHVudGVyMg==\"", "pk"),
        ("6,\"core\",\"key\",\"hunter2\"", "thingidp@core"),
        ("8,\"pk\",\"dn\",\"hunter2\",\"user\"", "pkdn"),
        ("9,\"pk\",\"dk\",\"hunter2\",\"\"", "dk|pk"),
        ("9,\"pk\",\"dk\",\"\",\"hunter2\"", "dk|pk"),
    ];
    for (arguments, shown) in commands {
        let mut bench = Bench::new(&Settings::default());
        bench.handle(Input::Bearer(Change::Clock(1_700_000_000)));
        let printed = bench.types(&format!("AT+MQTTAUTHCFG={arguments}"));
        // Between the second pair of quotes.
        let password = printed.split('"').nth(3).unwrap_or_else(|| panic!("{arguments}: {printed}"));
        for secret in [password, "hunter2", "aHVudGVyMg"] {
            assert!(!bench.log().contains(secret), "{arguments} shows {secret}: {}", bench.log());
        }
        assert!(bench.log().contains(shown), "{arguments} shows too little: {}", bench.log());
    }
}

#[test]
fn the_password_is_hidden_on_the_wire_and_in_the_answer() {
    let mut bench = Bench::new(&Settings::default());
    bench.types("AT+MQTTUSER=1,\"user\",\"hunter2\"");
    let printed = bench.types("AT+MQTTUSER?");
    assert_eq!(printed, "\r\n+MQTTUSER: 1,\"user\",\"hunter2\"\r\n\r\nOK\r\n");
    assert!(!bench.log().contains("hunter2"), "{}", bench.log());
    bench.types("AT+MQTTOPEN=1,\"h\",1883,1,60");
    bench.handle(Input::Opened(Link(1)));
    let sent = bench.outbox.effects().find_map(|effect| match effect {
        Effect::Send(_, marked) => Some(marked.bytes().to_vec()),
        _ => None,
    });
    assert!(sent.is_some_and(|bytes| bytes.ends_with(b"hunter2")), "the broker gets it in clear");
    assert!(!bench.log().contains("hunter2") && bench.log().contains("user"), "{}", bench.log());
}

#[test]
fn echo_is_never_shown() {
    let mut bench = Bench::new(&Settings::default());
    bench.types("ATE1");
    bench.handle(Input::Serial(b"AT+MQTTUSER=1,\"user\",\"hunter2"));
    assert!(bench.log().contains("Echo") && !bench.log().contains("hunter2"), "{}", bench.log());
}
