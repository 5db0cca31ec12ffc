//! A real module's times, in virtual time.

use std::time::Duration;

use quasimodem_core::Settings;
use quasimodem_lab::Lab;
use quasimodem_lab::lab::{Modem, ModemConfig};
use quasimodem_lab::timing::{Learned, Lessons, Profile};

const OPEN: &[u8] = b"AT+MQTTOPEN=1,\"127.0.0.1\",1883,1,60\r";

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn modem(seed: u64, timing: Option<Profile>) -> (Lab, Modem) {
    modem_with(seed, timing, Settings::default())
}

fn modem_with(seed: u64, timing: Option<Profile>, settings: Settings) -> (Lab, Modem) {
    let lab = Lab::new(seed);
    let modem = lab.add_with(ModemConfig { timing, settings, ..ModemConfig::default() }).unwrap();
    lab.advance(ms(5000));
    modem.read();
    (lab, modem)
}

fn profile(rows: &str) -> Profile {
    Learned::parse(&format!("[profile.x]\nsource = \"a test\"\ntime = [\n{rows}\n]\n")).unwrap().profile
}

/// What the host reads, and when, in steps of 0.1 ms.
fn reads(lab: &Lab, modem: &Modem, within: Duration) -> Vec<(Duration, String)> {
    let (begin, mut all) = (lab.now(), Vec::new());
    while lab.now() - begin <= within {
        let bytes = modem.read();
        if !bytes.is_empty() {
            all.push((lab.now() - begin, String::from_utf8_lossy(&bytes).into_owned()));
        }
        lab.advance(Duration::from_micros(100));
    }
    all
}

fn times_of(lab: &Lab, modem: &Modem, typed: &[u8], within: Duration) -> Vec<(Duration, String)> {
    modem.write(typed);
    reads(lab, modem, within)
}

#[test]
fn echo_comes_at_once_and_the_answer_later_in_one_piece() {
    let (lab, modem) = modem(1, Profile::named("l610-2026"));
    let read = times_of(&lab, &modem, b"AT+CSQ\r", ms(50));
    let texts: Vec<&str> = read.iter().map(|(_, text)| text.as_str()).collect();
    assert_eq!(texts, ["AT+CSQ", "\r\n+CSQ: 31,99\r\n\r\nOK\r\n"]);
    assert_eq!(read[0].0, Duration::ZERO);
    assert!((Duration::from_micros(4800)..=Duration::from_micros(6800)).contains(&read[1].0), "{read:?}");
}

#[test]
fn results_come_when_a_sample_has_passed_since_ok() {
    let (lab, modem) = modem(3, Profile::named("l610-2026"));
    let read = times_of(&lab, &modem, OPEN, ms(1000));
    let [_, (ok_at, ok), (result_at, result)] = read.as_slice() else { panic!("{read:?}") };
    assert_eq!((ok.as_str(), result.as_str()), ("\r\nOK\r\n", "\r\n+MQTTOPEN: 1,1\r\n"));
    let samples = [89, 91, 93, 108, 111, 112, 154, 175, 202];
    assert!(samples.contains(&(ok_at.as_micros() / 1000)), "{ok_at:?}");
    assert!((ms(59)..=Duration::from_micros(59_200)).contains(&(*result_at - *ok_at)), "{read:?}");
}

#[test]
fn a_failed_open_takes_as_long_as_on_a_real_module() {
    let (lab, modem) = modem(3, Profile::named("l610-2026"));
    let read = times_of(&lab, &modem, b"AT+MQTTOPEN=1,\"127.0.0.1\",9,1,60\r", ms(5000));
    let [_, (ok_at, _), (result_at, result)] = read.as_slice() else { panic!("{read:?}") };
    assert_eq!(result, "\r\n+MQTTOPEN: 1,0\r\n");
    let samples = [1411, 2233, 2699, 2832, 3694, 4132, 4270, 4556, 4572];
    let took = (*result_at - *ok_at).as_micros() + 100;
    assert!(samples.iter().any(|sample| took / 1000 == *sample || (took - 100) / 1000 == *sample), "{took}");
}

#[test]
fn no_urc_comes_into_an_answer_and_the_gap_stays() {
    let slow = profile("{ command = \"+CSQ\", of = \"final\", samples_ms = [500] }");
    let (lab, modem) = modem_with(1, Some(slow), Settings::default());
    times_of(&lab, &modem, OPEN, ms(500));
    times_of(&lab, &modem, b"AT+MQTTSUB=1,\"t\",0\r", ms(500));
    modem.write(b"AT+CSQ\r");
    lab.advance(ms(100));
    lab.order("broker-publish topic=t payload=hello").unwrap();
    let read = reads(&lab, &modem, ms(1000));
    let [(_, echo), (ok_at, ok), (urc_at, urc)] = read.as_slice() else { panic!("{read:?}") };
    assert_eq!((echo.as_str(), ok.as_str()), ("AT+CSQ", "\r\n+CSQ: 31,99\r\n\r\nOK\r\n"));
    assert!(urc.starts_with("\r\n+MQTTMSG: 1,"), "{urc}");
    assert_eq!(ok_at.as_millis(), 400);
    assert!(*urc_at - *ok_at >= Duration::from_micros(19_900), "{read:?}");
}

#[test]
fn what_is_typed_meanwhile_is_answered_after_it() {
    let slow = profile("{ command = \"+CSQ\", of = \"final\", samples_ms = [300] }");
    let (lab, modem) = modem(1, Some(slow));
    modem.write(b"AT+CSQ\r");
    lab.advance(ms(10));
    modem.write(b"AT+CSQ\rAT\r");
    let read = reads(&lab, &modem, ms(1000));
    let text: String = read.iter().map(|(_, text)| text.as_str()).collect();
    let csq = "AT+CSQ\r\n+CSQ: 31,99\r\n\r\nOK\r\n";
    assert_eq!(text, format!("{csq}{csq}AT\r\nOK\r\n"));
    assert_eq!(read.last().unwrap().0.as_millis(), 590);
}

#[test]
fn results_do_not_keep_other_commands_waiting() {
    let slow = profile("{ command = \"+MQTTOPEN\", of = \"result\", samples_ms = [3000] }");
    let (lab, modem) = modem(1, Some(slow));
    times_of(&lab, &modem, OPEN, ms(100));
    let read = times_of(&lab, &modem, b"AT\r", ms(100));
    let text: String = read.iter().map(|(_, text)| text.as_str()).collect();
    assert_eq!(text, "AT\r\nOK\r\n");
    let read = reads(&lab, &modem, ms(3000));
    assert!(matches!(read.as_slice(), [(_, urc)] if urc == "\r\n+MQTTOPEN: 1,1\r\n"), "{read:?}");
}

#[test]
fn a_state_of_the_radio_side_chooses_a_time() {
    let settings = Settings { bearer: quasimodem_core::Start::Cold, ..Settings::default() };
    let (lab, modem) = modem_with(1, Profile::named("l610-2026"), settings);
    let took = |typed: &[u8]| {
        let read = times_of(&lab, &modem, typed, ms(3000));
        read.iter().find(|(_, text)| text.contains("OK")).map(|(at, _)| at.as_millis()).unwrap_or_default()
    };
    assert!((860..=920).contains(&took(b"AT+MIPCALL=1\r")));
    assert!((7..=10).contains(&took(b"AT+MIPCALL=1\r")));
}

#[test]
fn limits_stay_within_the_manual() {
    let (lab, modem) = modem(1, Profile::named("limits"));
    let read = times_of(&lab, &modem, OPEN, ms(10_000));
    let (at, text) = read.last().unwrap();
    assert_eq!(text, "\r\n+MQTTOPEN: 1,1\r\n");
    let limit = quasimodem_core::COMMANDS.iter().find(|row| row.name == "+MQTTOPEN").unwrap();
    let quasimodem_core::Returns::Urc { within } = limit.returns else { panic!("it has a limit") };
    assert!((within * 9 / 10..within).contains(at), "{at:?} of {within:?}");
}

#[test]
fn draws_follow_the_seed_alone() {
    let run = |seed| {
        let (lab, modem) = modem(seed, Profile::named("l610-2026"));
        let mut all = times_of(&lab, &modem, OPEN, ms(300));
        all.extend(times_of(&lab, &modem, b"AT+CSQ\r", ms(50)));
        all
    };
    assert_eq!(run(5), run(5));
    assert!((6..20).any(|seed| run(seed) != run(5)));
}

/// What is learned of a modem that has a profile.
fn learned_of(timing: Profile, typed: &[&[u8]], settings: Settings) -> Learned {
    let (lab, modem) = modem_with(9, Some(timing), settings);
    let lessons = Lessons::default();
    lab.watch(Box::new(lessons.watch()));
    for line in typed {
        modem.write(line);
        lab.advance(ms(6000));
        modem.read();
    }
    let learned = lessons.learned("x", "a test");
    // What is written is what is read.
    assert_eq!(Learned::parse(&learned.to_string()).unwrap(), learned);
    learned
}

#[test]
fn what_is_learned_of_a_profile_is_that_profile() {
    let rows = "{ command = \"+CSQ\", form = \"exec\", of = \"final\", samples_ms = [7.5], source = \"n = 2\" },
        { command = \"+MQTTOPEN\", form = \"set\", of = \"final\", samples_ms = [90], source = \"n = 1\" },
        { command = \"+MQTTOPEN\", form = \"set\", of = \"result\", samples_ms = [1500], source = \"n = 1\" },";
    let profile = profile(rows);
    let learned = learned_of(profile.clone(), &[b"AT+CSQ\r", OPEN, b"AT+CSQ\r"], Settings::default());
    let learned = Profile { times: learned.profile.times, ..profile.clone() };
    let spread = |profile: &Profile| -> Vec<String> {
        let mut rows: Vec<String> =
            profile.times.iter().map(|time| format!("{time}").replace("7.5, 7.5", "7.5")).collect();
        rows.sort();
        rows
    };
    assert_eq!(spread(&learned), spread(&profile));
}

#[test]
fn answers_that_ours_does_not_know_are_learned_without_secrets() {
    let answers = [("AT+QCFG?", vec!["+QCFG: 1", "OK"]), ("AT+QPWD=*", vec!["OK"]), ("AT+QX=1", vec!["ERROR"])];
    let replies =
        answers.iter().map(|(typed, lines)| quasimodem_core::Reply::new(typed, lines.iter().copied()).unwrap());
    let settings = Settings { replies: replies.collect(), ..Settings::default() };
    let typed: [&[u8]; 5] = [b"AT+QCFG?\r", b"AT+QPWD=\"hush\"\r", b"AT+QX=1\r", b"AT+CSQ\r", b"AT+NO\r"];
    let learned = learned_of(Profile::named("l610-2026").unwrap(), &typed, settings);
    assert!(!learned.to_string().contains("hush"));
    let [answer] = learned.answers.as_slice() else { panic!("{:?}", learned.answers) };
    assert_eq!((answer.typed.as_str(), answer.lines.join("|")), ("AT+QCFG?", "+QCFG: 1|OK".into()));
    let again = Settings { replies: learned.replies(), ..Settings::default() };
    let (lab, modem) = modem_with(1, None, again);
    modem.write(b"AT+QCFG?\r");
    lab.advance(ms(100));
    assert_eq!(String::from_utf8_lossy(&modem.read()), "AT+QCFG?\r\n+QCFG: 1\r\n\r\nOK\r\n");
}

#[test]
fn what_waits_behind_a_late_result_is_bounded_and_not_lost() {
    let slow = profile("{ command = \"+MQTTSUB\", of = \"result\", samples_ms = [30000] }");
    let (lab, modem) = modem(1, Some(slow));
    times_of(&lab, &modem, OPEN, ms(300));
    modem.write(b"AT+MQTTSUB=1,\"t\",0\r");
    lab.advance(ms(500));
    modem.read();
    let mut is_deaf = false;
    for number in 0..400 {
        lab.order(&format!("broker-publish topic=t payload={number}-{}", "x".repeat(100))).unwrap();
        lab.advance(ms(5));
        is_deaf |= lab.events().iter().any(|event| event.contains("\"host.deaf\""));
    }
    assert!(is_deaf, "the modem goes on reading its network");
    assert!(modem.read().is_empty());
    lab.advance(ms(60_000));
    let text = String::from_utf8_lossy(&modem.read()).into_owned();
    let lines: Vec<&str> = text.split("\r\n").filter(|line| !line.is_empty()).collect();
    assert_eq!(lines.first(), Some(&"+MQTTSUB: 1,1"));
    for (number, line) in lines.iter().skip(1).enumerate() {
        assert!(line.contains(&format!("\"{number}-x")), "{number}: {line}");
    }
    assert_eq!(lines.len(), 401);
}
