//! What a host finds that opens a port, empties its buffer, and waits.

use std::env;

use crate::far_side::opens;
use crate::host::Host;
use crate::program::Program;

/// How often a port is opened at each end, if the environment does not say it.
const OPENS: usize = 5;

/// Opens of one script, which has a limit of time.
const AT_ONCE: usize = 5;

/// As many as `QUASIMODEM_OPENS` says: what is lost now and then shows only among many.
fn open_again_and_again(url: &str) {
    let count = env::var("QUASIMODEM_OPENS").map_or(OPENS, |count| count.parse().expect("a number of opens"));
    let whole = (0..count / AT_ONCE).map(|_| AT_ONCE);
    whole.chain(Some(count % AT_ONCE).filter(|rest| *rest > 0)).for_each(|count| opens(url, count));
}

#[test]
fn a_pty_says_that_it_is_ready_each_time() {
    let program = Program::run("pty");
    open_again_and_again(program.address());
}

#[test]
fn a_tcp_port_says_that_it_is_ready_each_time() {
    let program = Program::run("tcp:0");
    open_again_and_again(&format!("socket://{}", program.address()));
}

#[test]
fn a_port_over_telnet_says_that_it_is_ready_each_time() {
    let program = Program::run("rfc2217:0");
    open_again_and_again(&format!("rfc2217://{}", program.address()));
}

/// The first byte shows that the host has emptied its buffer, so that nothing waits any longer.
#[test]
fn a_host_that_types_at_once_need_not_wait() {
    let mut program =
        Program::run_with("pty", &["--set", "ready_delay_ms=3600000", "--set", "banner=AT command ready"]);
    let mut host = Host::join(program.address());
    host.send("AT");
    host.expect("AT\r\nOK\r\n\r\nAT command ready\r\n\r\n+SIM READY\r\n");
    drop(host);
    program.wait_for("host gone");
    let mut host = Host::join(program.address());
    host.send("AT+RESET");
    host.expect("AT+RESET\r\nOK\r\n\r\nAT command ready\r\n\r\n+SIM READY\r\n");
}
