//! The same client from another address, and another client from the same one.

use crate::harness::Lab;

#[test]
fn the_older_connection_ends_with_its_will() {
    let mut lab = Lab::default();
    let watcher = lab.watcher();
    lab.talks(1, r#"connect "a" clean will keepalive 60"#, &["willtopicreq"]);
    lab.talks(1, r#"willtopic "w" q1"#, &["willmsgreq"]);
    lab.talks(1, r#"willmsg "gone""#, &["connack 0"]);
    lab.connect(2, r#""a" clean keepalive 60"#);
    lab.hears(1, &["disconnect"]);
    lab.noted("\"a\" ended: the client connected again from 127.0.0.1:10002");
    lab.own_hears(watcher, &[r#"publish "w" q1 #1 "gone""#]);
    lab.talks(1, "pingreq", &["disconnect"]);
    lab.talks(2, "pingreq", &["pingresp"]);
    // The new one has no will.
    lab.passes(90_000);
    lab.hears(2, &["disconnect"]);
    lab.own_hears(watcher, &[]);
}

#[test]
fn a_kept_session_moves_with_all_that_is_on_its_way() {
    let mut lab = Lab::default();
    let own = lab.own(r#""p" clean keepalive 0"#);
    lab.connect(1, r#""a" keepalive 60"#);
    lab.talks(1, r#"subscribe #1 "news" q1"#, &["suback #1 @1 q1 0"]);
    lab.own_says(own, r#"publish "news" q1 #1 "1""#);
    lab.own_says(own, r#"publish "news" q1 #2 "2""#);
    lab.own_hears(own, &["puback #1", "puback #2"]);
    lab.hears(1, &[r#"publish @1 q1 #1 "1""#]);
    lab.says(2, r#"connect "a" keepalive 60"#);
    lab.hears(1, &["disconnect"]);
    lab.hears(2, &["connack 0", r#"register #1 @1 "news""#]);
    // Too late.
    lab.talks(1, "puback #1 @1 0", &[]);
    lab.talks(2, "regack #1 @1 0", &[r#"publish @1 q1 #1 dup "1""#]);
    lab.talks(2, "puback #1 @1 0", &[r#"publish @1 q1 #2 "2""#]);
    lab.talks(2, "puback #2 @1 0", &[]);
    lab.has_links(1);
}

#[test]
fn a_client_begins_anew_at_its_own_address() {
    let mut lab = Lab::default();
    let watcher = lab.watcher();
    lab.talks(1, r#"connect "a" will keepalive 60"#, &["willtopicreq"]);
    lab.talks(1, r#"willtopic "w" q1"#, &["willmsgreq"]);
    lab.talks(1, r#"willmsg "gone""#, &["connack 0"]);
    lab.passes(6000);
    lab.talks(1, "pingreq", &["pingresp"]);
    lab.connect(1, r#""a" clean keepalive 60"#);
    lab.own_hears(watcher, &[]);
    lab.has_links(1);
}

#[test]
fn another_client_at_the_same_address() {
    let mut lab = Lab::default();
    let watcher = lab.watcher();
    lab.talks(1, r#"connect "a" clean will keepalive 60"#, &["willtopicreq"]);
    lab.talks(1, r#"willtopic "w" q0"#, &["willmsgreq"]);
    lab.talks(1, r#"willmsg "gone""#, &["connack 0"]);
    lab.connect(1, r#""b" clean keepalive 60"#);
    lab.noted("\"a\" ended: another client connected from its address");
    lab.own_hears(watcher, &[r#"publish "w" q0 "gone""#]);
    assert_eq!(lab.gateway.usage().sessions, 1);
}

/// Where a client was before it left, somebody else is now.
#[test]
fn addresses_are_used_again() {
    let mut lab = Lab::default();
    lab.connect(1, r#""a" keepalive 60"#);
    lab.talks(1, "disconnect", &["disconnect"]);
    lab.connect(1, r#""b" keepalive 60"#);
    lab.connect(2, r#""a" keepalive 60"#);
    lab.talks(1, "pingreq", &["pingresp"]);
    lab.talks(2, "pingreq", &["pingresp"]);
    lab.talks(2, "disconnect", &["disconnect"]);
    lab.talks(1, "pingreq", &["pingresp"]);
}
