//! A broker that goes down and comes up again.

use quasimodem_core::Instant;
use quasimodem_lab::broker::{Code, Config, Input, Peer, Refusal, Usage};

use crate::harness::Lab;

fn busy() -> Lab {
    let mut lab = Lab::default();
    let kept = lab.open(r#""kept" keepalive 30"#);
    lab.talks(kept, r#"subscribe #1 "t" q2 "w" q1"#, &["suback #1 2 1"]);
    let clean = lab.open(r#""clean" clean keepalive 30 will "w" q1 "gone""#);
    lab.talks(clean, r##"subscribe #1 "#" q0"##, &["suback #1 0"]);
    lab.talks(kept, r#"publish "t" q1 #1 retain "x""#, &[r#"publish "t" q1 #1 "x""#, "puback #1"]);
    lab.talks(kept, r#"publish "other" q2 #2 "x""#, &["pubrec #2"]);
    lab.hears(clean, &[r#"publish "t" q0 "x""#, r#"publish "other" q0 "x""#]);
    lab
}

#[test]
fn with_its_disk_it_goes_on() {
    let mut lab = busy();
    lab.passes(1000);
    lab.restart(true);
    assert!(!lab.broker.wants(Peer(1)));
    // The wills of the lost connections are due.
    assert_eq!(lab.broker.deadline(), Some(Instant::START));
    lab.handle(Input::Tick);
    lab.noted("left the will \"w\"");
    assert_eq!(lab.broker.deadline(), None);
    let usage = lab.broker.usage();
    assert_eq!((usage.connections, usage.clients, usage.sessions, usage.subscriptions), (0, 0, 1, 2));
    let peer = lab.resume(r#""kept" keepalive 0"#);
    lab.hears(peer, &[r#"publish "t" q1 #1 dup "x""#, r#"publish "w" q1 #2 "gone""#]);
    // What was accepted before the restart is not accepted again.
    lab.talks(peer, r#"publish "other" q2 #2 dup "x""#, &["pubrec #2"]);
    lab.noted("again before its PUBREL");
    lab.talks(peer, r#"subscribe #3 "t" q0"#, &["suback #3 0", r#"publish "t" q0 retain "x""#]);
    lab.open(r#""clean" keepalive 0"#);
}

#[test]
fn without_its_disk_it_knows_nobody() {
    let mut lab = busy();
    lab.restart(false);
    assert_eq!(lab.broker.deadline(), None);
    assert_eq!(lab.broker.usage(), Usage::default());
    let peer = lab.open(r#""kept" keepalive 0"#);
    lab.talks(peer, r#"subscribe #1 "t" q2"#, &["suback #1 2"]);
}

#[test]
fn refusals_and_given_ids_survive() {
    let refusals = vec![Refusal { client: None, times: Some(2), code: Code::Unavailable }];
    let mut lab = Lab::new(Config { refusals, ..Config::default() });
    for keep in [true, false] {
        let peer = lab.connected();
        lab.talks(peer, r#"connect "a" clean keepalive 0"#, &["connack 3", "closed"]);
        lab.restart(keep);
    }
    lab.open(r#""" clean keepalive 0"#);
    lab.noted("\"auto-1\" connected");
    lab.restart(false);
    lab.open(r#""" clean keepalive 0"#);
    lab.noted("\"auto-2\" connected");
}
