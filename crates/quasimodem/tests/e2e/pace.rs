//! Serial ends at the pace of a line.

use std::time::{Duration, Instant};

use crate::host::Host;
use crate::program::{Program, run_to_end};

#[test]
fn bytes_take_their_time_both_ways() {
    let program = Program::run_with("pty", &["--pace", "2400"]);
    let mut host = Host::open(program.address());
    host.command("ATE0");
    let start = Instant::now();
    host.send("ATI");
    let answer = format!("\r\nFibocom\r\nL610\r\nquasimodem {}\r\n\r\nOK\r\n", env!("CARGO_PKG_VERSION"));
    host.expect(&answer);
    let least = Duration::from_secs(10) * u32::try_from("ATI\r".len() + answer.len()).unwrap() / 2400;
    // The last bit need not have come when the last byte has, as far as clocks can tell.
    let took = start.elapsed() + Duration::from_millis(5);
    assert!(took >= least, "{took:?}, at 2400 bit/s not less than {least:?}");
}

#[test]
fn the_rate_of_the_modem_is_the_pace() {
    let program = Program::run_with("tcp:0", &["--pace", "1200"]);
    let mut host = Host::connect(program.address());
    host.send("AT+IPR?");
    host.expect("AT+IPR?\r\n+IPR: 1200\r\n\r\nOK\r\n");
    host.command("AT+IPR=4000000");
    // A minute at 1200 bit/s, more than any test waits.
    host.write("AT\r".repeat(1000).as_bytes());
    for _ in 0..1000 {
        host.expect("AT\r\nOK\r\n");
    }
}

#[test]
fn what_a_busy_modem_can_not_take_in_is_lost_without_flow_control() {
    let flood = "AT\r".repeat(1200);
    for (flow, lossy) in [("AT+IFC=0,0", true), ("AT+IFC=2,2", false)] {
        // A command that waits up to a second for a broker that never answers; meanwhile the modem takes nothing.
        let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let mut program =
            Program::run_with("tcp:0", &["--pace", "115200", "--set", "refusal=cme", "--set", "echo=off"]);
        let mut host = Host::connect(program.address());
        host.send(flow);
        host.expect("\r\nOK\r\n");
        host.send(&format!("AT+MQTTOPEN=1,\"127.0.0.1\",{},1,60", silent.local_addr().unwrap().port()));
        host.write(flood.as_bytes());
        host.expect("\r\nOK\r\n");
        if lossy {
            let words = program.wait_for("bytes are lost: ");
            assert!(words.starts_with("the modem's receiver holds 1024"), "{words}");
        }
        // What was not lost is answered; the result of the open stands somewhere between.
        host.send("AT+CGMM");
        let mut answered = 0;
        loop {
            match host.line().as_str() {
                "OK" => answered += 1,
                "ERROR" | "+MQTTOPEN: 1,0" => {}
                "+CGMM: \"L610\"" => break,
                other => panic!("{other:?}"),
            }
        }
        if lossy {
            assert!(answered < 1200, "nothing was lost");
            let lost = program.wait_for("the modem's receiver has lost ");
            assert!(lost.strip_suffix(" bytes").unwrap().parse::<usize>().unwrap() > 0, "{lost}");
        } else {
            assert_eq!(answered, 1200);
        }
    }
}

#[test]
fn a_script_is_answered_whole() {
    let outcome = run_to_end(&["run", "--pace", "115200"], &"AT\r".repeat(200));
    assert_eq!(outcome.code, Some(0));
    assert_eq!(outcome.stdout, "\r\n+SIM READY\r\n".to_owned() + &"AT\r\nOK\r\n".repeat(200));
}
