//! What the options read, and what they refuse.

use super::*;

#[test]
fn the_command_line_is_consistent() {
    use clap::CommandFactory;
    Cli::command().debug_assert();
}

#[test]
fn places() {
    let tcp = |address: &str| Ok(At::Tcp(address.parse().unwrap()));
    assert_eq!(parse_at("stdio"), Ok(At::Stdio));
    assert_eq!(parse_at("pty"), Ok(At::Pty(None)));
    assert_eq!(parse_at("pty:/tmp/a:b"), Ok(At::Pty(Some("/tmp/a:b".into()))));
    assert_eq!(parse_at("tcp:7000"), tcp("127.0.0.1:7000"));
    assert_eq!(parse_at("tcp:0.0.0.0:0"), tcp("0.0.0.0:0"));
    assert_eq!(parse_at("tcp:[::1]:7000"), tcp("[::1]:7000"));
    assert_eq!(parse_at("rfc2217:7000"), Ok(At::Rfc2217("127.0.0.1:7000".parse().unwrap())));
    for wrong in ["", "com1", "stdio:", "pty:", "tcp", "tcp:", "tcp:65536", "tcp:localhost:1", "tcp:1.2.3.4"] {
        assert!(parse_at(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn imeis() {
    let imei = |text| parse_imei(text).map(|imei| imei.to_string()).map_err(drop);
    assert_eq!(imei("867000000000018").as_deref(), Ok("867000000000018"));
    assert_eq!(imei("867000000000018+1").as_deref(), Ok("867000000000028"));
    assert_eq!(imei("+0").as_deref(), Ok("001010000000008"));
    assert_eq!(imei("+2").as_deref(), Ok("001010000000024"));
    assert_ne!(imei("random"), imei("random"));
    for wrong in ["", "+", "1", "86700000000001", "867000000000018+", "867000000000018+x", "+-1", "Random"] {
        assert_eq!(imei(wrong), Err(()), "{wrong}");
    }
}

#[test]
fn serial_ports() {
    let serial = |text: &str| match parse_at(&format!("serial:{text}")) {
        Ok(At::Serial(path, uart)) => format!("{} {uart}", path.display()),
        Ok(_) => panic!("{text} is no serial port"),
        Err(words) => words,
    };
    assert_eq!(serial("/dev/ttyS1@115200"), "/dev/ttyS1 115200 8N1");
    assert_eq!(serial("/dev/by@id@9600,7E1"), "/dev/by@id 9600 7E1");
    assert_eq!(serial("/dev/ttyS1@4000000,8n2,xonxoff"), "/dev/ttyS1 4000000 8N2 xonxoff");
    assert_eq!(serial("/dev/ttyS1@115200,RTSCTS"), "/dev/ttyS1 115200 8N1 rtscts");
    assert_eq!(serial("/dev/ttyS1@115200,rtscts"), "/dev/ttyS1 115200 8N1 rtscts");
    let form = "expected serial:PATH@RATE[,FRAME]";
    let rate = "expected a rate from 1 to 4000000 bits a second";
    for (wrong, words) in [
        ("", form),
        ("/dev/ttyS1", form),
        ("@115200", form),
        ("/dev/ttyS1@", rate),
        ("/dev/ttyS1@0", rate),
        ("/dev/ttyS1@4000001", rate),
        (
            "/dev/ttyS1@115200,",
            "expected 8N1, 8N2, 8E1, 8O1, 7N1, 7N2, 7E1 or 7O1 (M and S are mark and space parity), or rtscts or xonxoff",
        ),
        ("/dev/ttyS1@115200,9N1", "expected 8N1"),
        ("/dev/ttyS1@115200,8N1,dtr", form),
        ("/dev/ttyS1@115200,rtscts,8N1", form),
    ] {
        assert!(serial(wrong).starts_with(words), "{wrong}: {}", serial(wrong));
    }
}

#[test]
fn refusals() {
    let refusal = |text| parse_refusal(text).map(|refusal| (refusal.code.number(), refusal.times));
    assert_eq!(refusal("1"), Ok((1, None)));
    assert_eq!(refusal("5:2"), Ok((5, Some(2))));
    for wrong in ["", "0", "6", "01", "3:", "3:0", "3:-1", "three", "3:1:1"] {
        assert!(refusal(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn passwords_may_hold_colons() {
    let user = parse_user("alice:won:der").unwrap();
    assert_eq!((&*user.name, &*user.password), ("alice", &b"won:der"[..]));
    assert_eq!(&*parse_user("alice").unwrap().password, b"");
    assert!(parse_user(":secret").is_err());
}
