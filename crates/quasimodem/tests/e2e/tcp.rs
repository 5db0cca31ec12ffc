//! A host at a TCP port.

use std::net::TcpListener;

use crate::broker::{Broker, Kind};
use crate::conversation;
use crate::host::Host;
use crate::program::{Program, run_to_end};

#[test]
fn whole_conversation_with_mosquitto() {
    let program = Program::run("tcp:127.0.0.1:0");
    conversation::whole(&mut Host::connect(program.address()), Kind::Mosquitto);
    program.terminate();
}

#[test]
fn whole_conversation_with_the_lab() {
    let program = Program::run("tcp:127.0.0.1:0");
    conversation::whole(&mut Host::connect(program.address()), Kind::Lab);
    program.terminate();
}

#[test]
fn nobody_listens() {
    let program = Program::run("tcp:0");
    conversation::nobody_listens(&mut Host::connect(program.address()));
}

#[test]
fn one_host_at_a_time() {
    let mut program = Program::run("tcp:0");
    let mut first = Host::connect(program.address());
    first.command("AT");
    for _ in 0..3 {
        let mut second = Host::knock(program.address());
        second.expect("\r\nquasimodem: the modem is in use by another host\r\n");
        second.expect_end();
    }
    first.command("AT");
    drop(first);
    program.wait_for("host gone");
    Host::connect(program.address()).command("AT");
}

#[test]
fn a_host_that_finished_still_gets_its_answer() {
    let program = Program::run("tcp:0");
    let mut host = Host::connect(program.address());
    host.send("AT");
    host.finish();
    host.expect("AT\r\nOK\r\n");
    host.expect_end();
    Host::connect(program.address()).command("AT");
}

#[test]
fn a_host_that_never_reads_blocks_nobody_but_itself() {
    let mut program = Program::run("tcp:0");
    Host::connect(program.address()).flood("AT");
    program.wait_for("host gone");
    Host::connect(program.address()).command("AT");
}

#[test]
fn a_port_in_use_is_an_error_in_one_line() {
    let program = Program::run("tcp:0");
    let outcome = run_to_end(&["run", "--at", &format!("tcp:{}", program.address())], "");
    assert_eq!(outcome.code, Some(1));
    let line = format!("quasimodem: can't listen on {}: Address already in use (os error 98)\n", program.address());
    assert_eq!(outcome.stderr, line);
}

#[test]
fn a_host_that_comes_back_at_once_is_let_in() {
    let program = Program::run("tcp:0");
    for _ in 0..100 {
        let mut host = Host::connect(program.address());
        host.send("AT");
        host.expect("AT\r\nOK\r\n");
    }
}

#[test]
fn the_next_host_does_not_wait_for_what_the_last_one_is_owed() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let program = Program::run("tcp:0");
    let mut host = Host::connect(program.address());
    host.command(&format!("AT+MQTTOPEN=1,\"127.0.0.1\",{},1,60", silent.local_addr().unwrap().port()));
    drop(host);
    let mut next = Host::connect(program.address());
    next.command("AT+MQTTCLOSE=1");
    next.expect("\r\n+MQTTOPEN: 1,0\r\n\r\n+MQTTCLOSE: 1,1\r\n");
}

#[test]
fn a_host_that_can_not_be_written_to_any_more_has_left() {
    let broker = Broker::start(Kind::Mosquitto);
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut program = Program::run("tcp:0");
    let mut host = Host::connect(program.address());
    conversation::open(&mut host, broker.port());
    host.command("AT+MQTTSUB=1,\"down\",1");
    host.expect("\r\n+MQTTSUB: 1,1\r\n");
    // Something is owed to it, as it may only have finished typing.
    host.command(&format!("AT+MQTTOPEN=2,\"127.0.0.1\",{},1,60", silent.local_addr().unwrap().port()));
    drop(host);
    // The first word to it learns that it is gone, the second one finds out.
    broker.publish("down", "to nobody");
    program.wait_for("answered \"+MQTTMSG: 1,1,\\\"down\\\",\\\"to nobody\\\"\"");
    broker.publish("down", "to nobody either");
    program.wait_for("host gone");
    broker.publish("down", "kept");
    broker.wait_for("Received PUBACK from 0010100000000081 (Mid: 3,");
    let mut next = Host::knock(program.address());
    next.expect("\r\n+SIM READY\r\n\r\n+MQTTMSG: 1,1,\"down\",\"kept\"\r\n");
}

#[test]
fn a_module_that_was_switched_off_is_switched_on_by_the_next_host() {
    let program = Program::run("tcp:0");
    Host::connect(program.address()).command("AT+CPWROFF");
    Host::connect(program.address()).command("AT");
    assert_eq!(run_to_end(&["run"], "AT+CPWROFF\r").code, Some(0));
}
