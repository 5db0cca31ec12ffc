//! What names stand for.

use std::time::Duration;

use quasimodem_lab::script::{Event, Mode};

use crate::rig::{Rig, run};

#[test]
fn names_take_what_is_new_and_keep_it() {
    let text = "> AT\n< +A: $one,\"$two\",$$\n> $one $two $given\n< $one$$";
    let (typed, outcome) = run(text, &["\r\n+A: 1,\"zwei\",$\r\n\r\nOK\r\n", "\r\nOK\r\n2$\r\n"]);
    assert_eq!((&*typed, outcome), ("AT\r1 zwei from outside\r", None));
    let (_, outcome) = run(text, &["\r\n+A: 1,\"zwei\",$\r\n\r\nOK\r\n", "\r\nOK\r\n1$\r\n"]);
    assert_eq!(outcome, Some(Ok(())));
}

#[test]
fn a_name_may_stand_in_braces_or_for_anything() {
    let text = "> AT\n< +A: $one,$_,${two}3\n< +A: $one,$_\n> ${one}2$two$$1\n";
    let (typed, outcome) = run(text, &["+A: 1,x,y3\r\n+A: 1,z\r\nOK\r\n"]);
    assert_eq!((&*typed, outcome), ("AT\r12y$1\r", None));
}

#[test]
fn some_names_are_always_there() {
    let mut rig = Rig::new("wait 1500ms\n> $modem $index $imei $time\n< +A: $index,$imei\n", Mode::Strict);
    assert_eq!((rig.begins(), rig.deadline()), (String::new(), Some(1500)));
    assert_eq!(rig.waits(), "modem3 2 001010000000008 1\r");
    rig.hears("+A: 3,001010000000008\r\nOK\r\n");
    assert_eq!(rig.outcome(), None);
    rig.waits();
    let words = "line 3: +A: $index,$imei ($imei is 001010000000008, $index is 2) did not come within 10000 ms; \
                 what came instead: \"+A: 3,001010000000008\"";
    assert_eq!(rig.outcome(), Some(Err(words.into())));
}

#[test]
fn a_step_has_one_number_and_knows_the_size_of_its_data() {
    let text = "repeat 2\n> AT+X=$seq,$size\n>> $seq of \\x0a$given\n< +X: $seq\nend\n> AT\n>> x\n>> $seq\n";
    let mut rig = Rig::new(text, Mode::Strict);
    assert_eq!(rig.begins(), "AT+X=1,18\r");
    assert_eq!(rig.hears("\r\n> "), "1 of \nfrom outside");
    assert_eq!(rig.hears("\r\nOK\r\n+X: 2\r\n"), "");
    assert_eq!(rig.hears("+X: 1\r\n"), "AT+X=2,18\r");
    rig.hears("\r\n> ");
    // A line without it does not count.
    assert_eq!(rig.hears("OK\r\n"), "AT\r");
    assert_eq!(rig.hears("> "), "x");
    assert_eq!(rig.hears("OK\r\n"), "3");
}

#[test]
fn numbers_are_drawn_by_the_seed() {
    let draw = || Rig::new("repeat 100\n>> ${random 3..5},${random 7..7},\nend\n", Mode::Strict).begins();
    let numbers: Vec<u32> = draw().trim_end_matches(',').split(',').map(|number| number.parse().unwrap()).collect();
    let (drawn, fixed): (Vec<_>, Vec<_>) = numbers.iter().partition(|number| **number != 7);
    assert!(fixed.len() == 100 && [3, 4, 5].iter().all(|number| drawn.contains(number)) && drawn.len() == 100);
    assert!(drawn.iter().all(|number| (3..=5).contains(number)));
    assert_eq!(draw(), draw());
}

#[test]
fn counters_count_from_nothing() {
    let text = ">> $lost\nrepeat 3\ncount lost\n>> ,$lost\nend\n< +A: $lost\n";
    let (typed, outcome) = run(text, &["+A: 2\r\n+A: 3\r\n"]);
    assert_eq!((&*typed, outcome), ("0,1,2,3", Some(Ok(()))));
}

#[test]
fn what_a_block_takes_is_new_in_each_turn() {
    let text = "repeat 2\n> AT\n< +A: $x\n>> $x\nend\n>> $x\n";
    let (typed, outcome) = run(text, &["+A: 1\r\nOK\r\n", "+A: 2\r\nOK\r\n"]);
    assert_eq!((&*typed, outcome), ("AT\r1AT\r22", Some(Ok(()))));
    // But what was taken before it is not.
    let (typed, outcome) = run("< +A: $x\nrepeat 2\n< +A: $x\nend\n", &["+A: 1\r\n+A: 1\r\n+A: 2\r\n"]);
    assert_eq!((&*typed, outcome), ("", None));
}

/// A line that did not come leaves a name without a meaning.
#[test]
fn a_name_may_stand_for_nothing_yet() {
    let text = "within 1s\n< +A: $x\n> AT+X=$x\n";
    let mut rig = Rig::new(text, Mode::Tolerant);
    rig.begins();
    assert_eq!(rig.waits(), "AT+X=\r");
    assert_eq!(rig.events, [Event::NoLine(2), Event::NoValue(3)]);
    let text = "< +A: $x\nwait 1h\non < +B\n  > AT+X=$x\nend\n";
    for (hears, typed, outcome) in
        [("+B\r\n", "", Some(Err("line 4: $x stands for nothing yet".into()))), ("+A: 1\r\n+B\r\n", "AT+X=1\r", None)]
    {
        assert_eq!(run(text, &[hears]), (typed.into(), outcome));
    }
}

#[test]
fn time_is_in_whole_seconds() {
    let mut rig = Rig::new("repeat 3 every 1500ms\n>> $time,\nend\n", Mode::Strict);
    let typed = rig.begins() + &rig.waits() + &rig.waits();
    assert_eq!((&*typed, rig.now.since(quasimodem_core::Instant::START)), ("0,1,3,", Duration::from_secs(3)));
}
