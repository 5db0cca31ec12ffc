use crate::mqtt::{is_filter, is_name, matches};

/// The examples of MQTT 4.7.1 to 4.7.3: filter, name, whether they match.
const MATCHES: &[(&str, &str, bool)] = &[
    ("sport/tennis/player1/#", "sport/tennis/player1", true),
    ("sport/tennis/player1/#", "sport/tennis/player1/ranking", true),
    ("sport/tennis/player1/#", "sport/tennis/player1/score/wimbledon", true),
    ("sport/tennis/player1/#", "sport/tennis/player2", false),
    ("sport/#", "sport", true),
    ("sport/#", "sports", false),
    ("#", "anything/at/all", true),
    ("#", "/", true),
    ("sport/tennis/+", "sport/tennis/player1", true),
    ("sport/tennis/+", "sport/tennis/player1/ranking", false),
    ("sport/+", "sport", false),
    ("sport/+", "sport/", true),
    ("+/tennis/#", "sport/tennis", true),
    ("+/tennis/#", "sport/golf", false),
    ("sport/+/player1", "sport/tennis/player1", true),
    ("+/+", "/finance", true),
    ("/+", "/finance", true),
    ("+", "/finance", false),
    ("+", "finance", true),
    ("#", "$SYS/monitor", false),
    ("+/monitor/Clients", "$SYS/monitor/Clients", false),
    ("$SYS/#", "$SYS/", true),
    ("$SYS/#", "$SYS", true),
    ("$SYS/monitor/+", "$SYS/monitor/Clients", true),
    ("a/#", "a/$b", true),
    ("ACCOUNTS", "Accounts", false),
    ("Accounts payable", "Accounts payable", true),
    ("/finance", "finance", false),
    ("a/b", "a", false),
    ("a", "a/b", false),
    ("a//b", "a//b", true),
    ("a/+/b", "a//b", true),
];

#[test]
fn filters_match_names() {
    for &(filter, name, expected) in MATCHES {
        assert!(is_filter(filter), "{filter}");
        assert!(is_name(name), "{name}");
        assert_eq!(matches(filter, name), expected, "{filter} {name}");
    }
}

#[test]
fn wildcards_have_their_places() {
    for filter in ["#", "+", "a/#", "/#", "+/#", "+/+", "/", "a//b", " ", "a/+/#"] {
        assert!(is_filter(filter), "{filter}");
    }
    for filter in ["", "\0", "a\0", "a#", "#a", "#/", "#/a", "a/#/b", "##", "a+", "+a", "a/+b/c", "++", "+#"] {
        assert!(!is_filter(filter), "{filter}");
    }
    for name in ["", "\0", "a\0", "#", "+", "a/#", "a/+/b", "a+"] {
        assert!(!is_name(name), "{name}");
    }
}

#[test]
fn topics_have_at_most_65535_bytes() {
    let longest = "é".repeat(32_767) + "a";
    let too_long = "é".repeat(32_768);
    assert!(is_name(&longest) && is_filter(&longest));
    assert!(!is_name(&too_long) && !is_filter(&too_long));
}
