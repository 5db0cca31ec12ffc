//! What hosts say before MQTT, as they say it, and the answers that they need: byte for byte, on a serial port.

use std::net::ToSocketAddrs;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::host::{GREETING, Host};
use crate::program::Program;

/// How a host writes a line.
struct Style {
    before: &'static [u8],
    behind: &'static [u8],
    echo: bool,
}

const STYLES: &[Style] = &[
    Style { before: b"", behind: b"\r", echo: true },
    Style { before: b"", behind: b"\r\n", echo: true },
    Style { before: b"", behind: &CR_AND_200_NULS, echo: true },
    Style { before: b"\0left over", behind: b"\r\n", echo: true },
    Style { before: b"", behind: b"\r\n", echo: false },
    Style { before: b"\0\0junk", behind: &CR_AND_200_NULS, echo: false },
];

const CR_AND_200_NULS: [u8; 201] = {
    let mut bytes = [0; 201];
    bytes[0] = b'\r';
    bytes
};

/// Command, and the lines in front of `OK`.
const BRING_UP: &[(&str, &[&str])] = &[
    ("AT", &[]),
    ("ATI", &["Fibocom", "L610", concat!("quasimodem ", env!("CARGO_PKG_VERSION"))]),
    ("ATV1", &[]),
    ("ATQ0", &[]),
    ("AT+CMEE=2", &[]),
    ("AT+CMEE=1", &[]),
    ("AT+CMEE?", &["+CMEE: 1"]),
    ("AT+CGMI", &["+CGMI: \"Fibocom\""]),
    ("AT+CGMM", &["+CGMM: \"L610\""]),
    ("AT+CGMR", &[concat!("+CGMR: \"quasimodem ", env!("CARGO_PKG_VERSION"), "\"")]),
    ("AT+CGSN", &["+CGSN: \"001010000000008\""]),
    ("AT+CGSN?", &["+CGSN: \"001010000000008\""]),
    ("AT+CGSN=1", &["+CGSN: \"001010000000008\""]),
    ("AT+GSN", &["+GSN: \"001010000000008\""]),
    ("AT+CIMI", &["001010000000008"]),
    ("AT+CCID", &["+CCID: 89860001010000000008"]),
    ("AT+ICCID", &["+ICCID: 89860001010000000008"]),
    ("AT+CFSN?", &["+CFSN: \"QM001010000000008\""]),
    ("AT+CPIN?", &["+CPIN: READY"]),
    ("AT+CSQ", &["+CSQ: 31,99"]),
    ("AT+CSQ?", &["+CSQ: 31,99"]),
    ("AT+CFUN?", &["+CFUN: 1"]),
    ("AT+CFUN=1", &[]),
    ("AT+CREG?", &["+CREG: 0,1"]),
    ("AT+CREG=1", &[]),
    ("AT+CREG?", &["+CREG: 1,1"]),
    ("AT+CREG=0", &[]),
    ("AT+CGREG=0", &[]),
    ("AT+CGREG?", &["+CGREG: 0,1"]),
    ("AT+CEREG=0", &[]),
    ("AT+CEREG?", &["+CEREG: 0,1"]),
    ("AT+COPS?", &["+COPS: 0,0,\"CHN-UNICOM\",7"]),
    ("AT+CGATT=1", &[]),
    ("AT+CGATT?", &["+CGATT: 1"]),
    ("AT+CGDCONT=1,\"IP\"", &[]),
    ("AT+CGDCONT=1,\"IP\",\"apn\"", &[]),
    ("AT+CGDCONT?", &["+CGDCONT: 1,\"IP\",\"apn\",\"10.0.0.2\",0,0,0,0"]),
    ("AT+CGPADDR=1", &["+CGPADDR: 1,\"10.0.0.2\""]),
    ("AT+CGACT?", &["+CGACT: 1,1"]),
    ("AT+CGACT=1,1", &[]),
    ("AT+MIPCALL?", &["+MIPCALL: 1,10.0.0.2"]),
    ("AT+GTSET=\"IPRFMT\",5", &[]),
    ("AT+GTRAT=10", &[]),
    ("AT+GTWAKE=1", &[]),
    ("AT+IPR=115200", &[]),
    ("AT+ICF=3,3", &[]),
    ("AT+IFC=0,0", &[]),
    ("AT+MQTTCLOSE?", &["+MQTTCLOSE: 0"]),
];

/// Command, and the line that comes after its `OK`.
const CALLS: &[(&str, &str)] = &[
    ("AT+MIPCALL=1", "+MIPCALL: 10.0.0.2"),
    ("AT+MIPCALL=0", "+MIPCALL: 0"),
    ("AT+MIPCALL=1,\"apn\"", "+MIPCALL: 10.0.0.2"),
    ("AT+MIPCALL=1,\"apn\",\"user\",\"password\"", "+MIPCALL: 10.0.0.2"),
    ("AT+CFUN=1,1", "+SIM READY"),
    ("AT+CFUN=15", "+SIM READY"),
    ("AT+RESET", "+SIM READY"),
];

impl Style {
    /// Modules come up with echo on.
    fn begin(&self, host: &mut Host) {
        host.command(if self.echo { "ATE1" } else { "ATE0" });
    }

    fn write(&self, host: &mut Host, line: &str) {
        host.write(&[self.before, line.as_bytes(), self.behind].concat());
        if self.echo {
            host.expect(line);
        }
    }

    fn command(&self, host: &mut Host, line: &str, answers: &[&str]) {
        self.write(host, line);
        if let [first, more @ ..] = answers {
            // An answer is one response, however many lines it has.
            host.expect(&format!("\r\n{first}\r\n"));
            more.iter().for_each(|line| host.expect(&format!("{line}\r\n")));
        }
        host.expect("\r\nOK\r\n");
    }
}

#[test]
fn every_answer_in_every_style() {
    for style in STYLES {
        let program = Program::run("pty");
        let mut host = Host::open(program.address());
        style.begin(&mut host);
        for (line, answers) in BRING_UP {
            style.command(&mut host, line, answers);
        }
        for (line, later) in CALLS {
            style.command(&mut host, line, &[]);
            host.expect(&format!("\r\n{later}\r\n"));
            if *later == "+SIM READY" {
                style.begin(&mut host);
            }
        }
    }
}

#[test]
fn profiles_and_repetition() {
    let program = Program::run("pty");
    let mut host = Host::open(program.address());
    host.command("ATE0");
    host.send("AT&F");
    host.expect("\r\nOK\r\n");
    host.command("ATZ");
    host.command("AT");
    // It is done at once, and not echoed.
    host.write(b"A/");
    host.expect("\r\nOK\r\n");
}

#[test]
fn the_real_resolver_finds_localhost() {
    let program = Program::run("pty");
    let mut host = Host::open(program.address());
    let address = ("localhost", 0).to_socket_addrs().unwrap().next().unwrap().ip();
    host.send("AT+MIPDNS=\"localhost\"");
    host.expect(&format!("AT+MIPDNS=\"localhost\"\r\n+MIPDNS: \"localhost\",{address}\r\n\r\nOK\r\n"));
}

#[test]
fn the_clock_is_right_and_stays_so_after_a_reset() {
    let program = Program::run("pty");
    let mut host = Host::open(program.address());
    for _ in 0..2 {
        host.send("AT+CCLK?");
        host.expect("AT+CCLK?\r\n+CCLK: \"");
        let told = seconds(&host.take("yy/MM/dd,hh:mm:ss".len()));
        host.expect("+00\"\r\n\r\nOK\r\n");
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        assert!(now.abs_diff(told) < 60, "{told} at {now}");
        host.command("AT+CFUN=1,1");
        host.expect(GREETING);
    }
}

#[test]
fn a_module_that_is_off_is_switched_on_by_the_next_host() {
    let mut program = Program::run("pty");
    let mut host = Host::open(program.address());
    host.command("AT+CPWROFF");
    host.send("AT");
    program.wait_for("answered \"OK\"");
    drop(host);
    program.wait_for("host gone");
    Host::open(program.address()).command("AT");
}

/// Seconds from 1970 to a time of this century.
fn seconds(text: &str) -> u64 {
    let numbers: Vec<u64> = text.split(['/', ',', ':']).map(|number| number.parse().unwrap()).collect();
    let [year, month, day, hour, minute, second] = numbers[..] else { panic!("{text}") };
    let leap = |year: u64| year.is_multiple_of(4);
    let lengths = [31, if leap(year) { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    // 2000-01-01 is day 10957.
    let days = 10_957 + (0..year).map(|year| if leap(year) { 366 } else { 365 }).sum::<u64>();
    let days = days + lengths.iter().zip(1..month).map(|(length, _)| length).sum::<u64>() + day - 1;
    ((days * 24 + hour) * 60 + minute) * 60 + second
}
