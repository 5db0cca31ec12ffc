//! Hosts search for result codes anywhere, so their words stand in no other output.

mod common;

use common::Bench;
use quasimodem_core::{COMMANDS, Input, Link, MODELS, Settings, TlsFailure, Why};

const RESULT_CODES: [&str; 4] = ["OK", "ERROR", "FAIL", "CLOSED"];

fn check(line: &str, printed: &str) {
    for piece in printed.split("\r\n").filter(|piece| !piece.is_empty()) {
        let is_final = matches!(piece, "OK" | "ERROR") || piece.starts_with("+CME ERROR: ");
        let clash = RESULT_CODES.iter().find(|code| piece.contains(**code));
        assert!(is_final || clash.is_none(), "{line} prints {piece:?}");
    }
}

#[test]
fn answers_hold_no_result_code() {
    for model in MODELS {
        for row in COMMANDS {
            for form in ["", "?", "=?"] {
                let line = format!("AT{}{form}", row.name);
                check(&line, &Bench::new(&Settings { model, ..Settings::default() }).types(&line));
            }
        }
    }
}

#[test]
fn reasons_hold_no_result_code_and_no_line_end() {
    let long_name = "evil.example\r\n+MQTTBREAK: 1,1\r\n";
    let reasons = [
        Why::Ended,
        Why::Reset,
        Why::Refused,
        Why::Unreachable,
        Why::TimedOut,
        Why::NoSuchName("nowhere.example".into()),
        Why::NotResolved("slow.example".into(), "try again".into()),
        Why::Tls(TlsFailure::Expired { authority: None, not_after: 1, now: 2 }),
        Why::Tls(TlsFailure::NotYetValid { authority: Some(long_name.into()), not_before: 2, now: 1 }),
        Why::Tls(TlsFailure::WrongName { asked: "a.example".into(), presented: long_name.into() }),
        Why::Tls(TlsFailure::UnknownRoot(long_name.into())),
        Why::Tls(TlsFailure::ClientCertificateMissing),
        Why::Tls(TlsFailure::ClientCertificateRefused(48)),
        Why::Tls(TlsFailure::NoCommonVersion),
        Why::Tls(TlsFailure::NoCommonCipher),
        Why::Tls(TlsFailure::NotTls(Box::from(*b"HTTP/1.1"))),
        Why::Tls(TlsFailure::ClosedInHandshake { answered: true }),
        Why::Tls(TlsFailure::ClosedInHandshake { answered: false }),
        Why::Tls(TlsFailure::TimedOut),
        Why::Tls(TlsFailure::Alert(40)),
        Why::Tls(TlsFailure::BadProfile("no key".into())),
        Why::Tls(TlsFailure::Other(long_name.into())),
        Why::System(24, "Too many open files".into()),
    ];
    for why in reasons {
        let mut bench = Bench::new(&Settings::default());
        bench.types("AT+MQTTOPEN=1,\"h\",1883,1,60");
        bench.handle(Input::Closed(Link(1), why.clone()));
        check("a failed open", &bench.printed());
        let printed = bench.types("AT+CEER");
        check("AT+CEER", &printed);
        let lines = printed.matches("\r\n").count();
        assert_eq!(lines, 4, "{why:?} is told in one line: {printed:?}");
    }
}
