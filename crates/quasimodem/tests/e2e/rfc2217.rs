//! A host at a serial port over telnet: pyserial, and raw bytes.

use std::io::{Read, Write};
use std::net::TcpStream;

use crate::LIMIT;
use crate::far_side::with_port;
use crate::host::Host;
use crate::program::{Program, run_to_end};

fn url(program: &Program) -> String {
    format!("rfc2217://{}", program.address())
}

/// A client that writes telnet itself, behind the greeting.
fn raw_client(program: &Program) -> TcpStream {
    let mut stream = TcpStream::connect(program.address()).unwrap();
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    read_to(&mut stream, b"\r\n+SIM READY\r\n");
    stream
}

fn read_to(stream: &mut TcpStream, end: &[u8]) -> Vec<u8> {
    let (mut read, mut byte) = (Vec::new(), [0]);
    while !read.ends_with(end) {
        if let Err(error) = stream.read_exact(&mut byte) {
            panic!("{error}: {:?} came before {:?}", String::from_utf8_lossy(&read), String::from_utf8_lossy(end));
        }
        read.push(byte[0]);
    }
    read
}

/// A subnegotiation about the port.
fn about(request: &[u8]) -> Vec<u8> {
    [&[255, 250, 44], request, &[255, 240]].concat()
}

#[test]
fn the_fall_of_dtr_ends_raw_data_and_half_a_line() {
    let program = Program::run("rfc2217:0");
    let lines = r#"
port.write(b"AT&D1\r")
read_to(b"OK\r\n")
read_to(b"+SIM READY\r\n")
port.write(b'AT+MQTTUSER=1,"a","b"\rAT+NOSU')
read_to(b"OK\r\nAT+NOSU")
port.dtr = False
port.dtr = True
port.write(b"AT\r")
print(read_to(b"OK\r\n"))
port.write(b'AT+MQTTWILL=1,"will",0,0,5\r')
read_to(b"> \r\n")
port.write(b"ab")
port.dtr = False
print(read_to(b"ERROR\r\n"))
port.write(b"AT\r")
print(read_to(b"OK\r\n"))
"#;
    let said = with_port(&url(&program), lines);
    assert_eq!(said, "b'AT\\r\\nOK\\r\\n'\nb'\\r\\nERROR\\r\\n'\nb'AT\\r\\nOK\\r\\n'\n");
}

#[test]
fn the_lines_of_the_modem_are_told() {
    let program = Program::run_with("rfc2217:0", &["--set", "ri_pulse_ms=300"]);
    let lines = r#"
print(port.cts, port.dsr, port.cd)
port.write(b"AT&C0\r")
read_to(b"OK\r\n")
wait_until(lambda: port.cd)
wait_until(lambda: not port.ri)
port.write(b"AT+MQTTOPEN=1,\"127.0.0.1\",1,1,60\r")
wait_until(lambda: port.ri)
wait_until(lambda: not port.ri)
read_to(b"+MQTTOPEN: 1,0\r\n")
port.write(b"AT&C1\r")
read_to(b"OK\r\n")
wait_until(lambda: not port.cd)
print(port.cts, port.dsr, port.cd)
"#;
    assert_eq!(with_port(&url(&program), lines), "True True False\nTrue True False\n");
}

#[test]
fn all_settings_of_pyserial_are_taken() {
    let mut program = Program::run("rfc2217:0");
    let lines = r#"
for baudrate in 50, 9600, 115200, 3000000:
    port.baudrate = baudrate
for bytesize in 5, 6, 7, 8:
    port.bytesize = bytesize
for parity in "NOEMS":
    port.parity = parity
for stopbits in 1, 1.5, 2:
    port.stopbits = stopbits
port.xonxoff = True
port.xonxoff = False
port.rtscts = True
port.rtscts = False
port.break_condition = True
port.break_condition = False
port.reset_input_buffer()
port.reset_output_buffer()
port.write(b"AT\r")
print(read_to(b"OK\r\n"))
"#;
    assert_eq!(with_port(&url(&program), lines), "b'AT\\r\\nOK\\r\\n'\n");
    // On a desk without a line this is all that tells.
    program.wait_for("the host's port is at 3000000 bit/s, the modem at 115200: a real line would garble");
}

#[test]
fn one_host_at_a_time_and_the_next_finds_nothing_of_the_last() {
    let mut program = Program::run("rfc2217:0");
    let mut first = raw_client(&program);
    first.write_all(&about(&[1, 0, 0, 0x25, 0x80])).unwrap();
    read_to(&mut first, &about(&[101, 0, 0, 0x25, 0x80]));
    let mut second = Host::knock(program.address());
    second.expect("\r\nquasimodem: the modem is in use by another host\r\n");
    second.expect_end();
    first.write_all(b"AT+NOSUCH").unwrap();
    read_to(&mut first, b"AT+NOSUCH");
    drop(first);
    program.wait_for("host gone");
    let mut next = raw_client(&program);
    next.write_all(&[&about(&[1, 0, 0, 0, 0])[..], b"AT\r"].concat()).unwrap();
    // Who asks for a rate that nobody has set is told a usual one.
    let read = read_to(&mut next, b"AT\r\nOK\r\n");
    assert!(read.starts_with(&about(&[101, 0, 1, 0xc2, 0])), "{read:?}");
}

#[test]
fn a_suspended_host_hears_only_answers_until_it_resumes() {
    let mut program = Program::run("rfc2217:0");
    let mut host = raw_client(&program);
    host.write_all(&[&about(&[8])[..], b"AT+CGMM\r", &about(&[7])].concat()).unwrap();
    program.wait_for("typed \"AT+CGMM\"");
    host.write_all(&about(&[0])).unwrap();
    let read = read_to(&mut host, &about(&[&[100][..], b"quasimodem ", env!("CARGO_PKG_VERSION").as_bytes()].concat()));
    assert!(!read.windows(4).any(|four| four == b"CGMM"), "{:?}", String::from_utf8_lossy(&read));
    host.write_all(&about(&[9])).unwrap();
    read_to(&mut host, b"AT+CGMM\r\n+CGMM: \"L610\"\r\n\r\nOK\r\n");

    // RTS means the same, but only with RTS and CTS as flow control.
    host.write_all(&[&about(&[5, 12])[..], b"AT+IFC=2,2\r"].concat()).unwrap();
    program.wait_for("answered \"OK\"");
    host.write_all(b"AT+CGMI\r").unwrap();
    program.wait_for("typed \"AT+CGMI\"");
    host.write_all(&about(&[6])).unwrap();
    let read = read_to(&mut host, &about(&[106, 0x60]));
    assert!(!read.windows(4).any(|four| four == b"CGMI"), "{:?}", String::from_utf8_lossy(&read));
    host.write_all(&about(&[5, 11])).unwrap();
    read_to(&mut host, b"AT+CGMI\r\n+CGMI: \"Fibocom\"\r\n\r\nOK\r\n");
}

#[test]
fn what_waits_can_be_thrown_away() {
    let mut program = Program::run("rfc2217:0");
    let mut host = raw_client(&program);
    host.write_all(&[&about(&[8])[..], b"AT+CGMM\r"].concat()).unwrap();
    program.wait_for("typed \"AT+CGMM\"");
    host.write_all(&[about(&[12, 1]), about(&[9])].concat()).unwrap();
    host.write_all(b"AT\r").unwrap();
    let read = read_to(&mut host, b"OK\r\n");
    assert!(!read.windows(4).any(|four| four == b"CGMM"), "{:?}", String::from_utf8_lossy(&read));
}

#[test]
fn a_client_that_asks_and_never_reads_harms_only_itself() {
    let mut program = Program::run("rfc2217:0");
    let mut host = raw_client(&program);
    host.set_write_timeout(Some(std::time::Duration::from_millis(300))).unwrap();
    let requests = about(&[0]).repeat(1000);
    // Until the port takes no more.
    let taken = (0..10_000).take_while(|_| host.write_all(&requests).is_ok()).count();
    assert!(taken < 10_000, "the port takes anything");
    drop(host);
    program.wait_for("host gone");
    let mut next = raw_client(&program);
    next.write_all(b"AT\r").unwrap();
    read_to(&mut next, b"AT\r\nOK\r\n");
}

#[test]
fn a_telnet_client_without_serial_ports_does_as_well() {
    let program = Program::run("rfc2217:0");
    let mut host = raw_client(&program);
    // It refuses everything, and ends lines as an NVT does.
    let refusals: Vec<u8> = [0, 3, 44].into_iter().flat_map(|option| [255, 252, option, 255, 254, option]).collect();
    host.write_all(&refusals).unwrap();
    host.write_all(b"ATV0\r\0").unwrap();
    // The CR of the echo is one that nothing follows, so it is CR NUL too (RFC 854).
    read_to(&mut host, b"ATV0\r\x000\r");
}

#[test]
fn a_port_in_use_is_an_error_in_one_line() {
    let program = Program::run("rfc2217:0");
    let outcome = run_to_end(&["run", "--at", &format!("rfc2217:{}", program.address())], "");
    assert_eq!(outcome.code, Some(1));
    let line = format!("quasimodem: can't listen on {}: Address already in use (os error 98)\n", program.address());
    assert_eq!(outcome.stderr, line);
}
