//! A host at a real serial port, for which a pseudo-terminal stands.

use std::fs;
use std::os::fd::OwnedFd;

use rustix::termios::{ControlModes, OptionalActions, tcgetattr, tcsetattr};

use crate::broker::{Broker, Kind};
use crate::conversation;
use crate::far_side::Pair;
use crate::host::Host;
use crate::program::{Program, run_to_end};
use crate::terminal::Terminal;

fn speed(master: &OwnedFd) -> u32 {
    // The settings of a master are those of its slave.
    tcgetattr(master).unwrap().output_speed()
}

fn modes(master: &OwnedFd) -> ControlModes {
    tcgetattr(master).unwrap().control_modes
}

#[test]
fn whole_conversation() {
    let pair = Pair::new();
    let program = Program::run(format!("serial:{}@115200", pair.modem().display()));
    conversation::whole(&mut Host::open(pair.host()), Kind::Mosquitto);
    program.terminate();
}

#[test]
fn the_port_has_the_settings_of_the_command_line() {
    let Terminal { master, path } = Terminal::new();
    let mut program = Program::run(format!("serial:{path}@250000,8N2,rtscts"));
    assert_eq!(program.place(), format!("serial {path}@250000 8N2 rtscts"));
    assert_eq!(speed(&master), 250_000);
    let mut host = Host::new(master.try_clone().unwrap()).greeted();
    host.send("AT+IPR?;+ICF?;+IFC?");
    host.expect("AT+IPR?;+ICF?;+IFC?\r\n+IPR: 250000\r\n\r\n+ICF: 1,3\r\n\r\n+IFC: 2,2\r\n\r\nOK\r\n");
    // The settings of a line come into force together.
    host.command("AT+IPR=9600;+IFC=0,0;+ICF=3,3");
    program.wait_for(" set to 9600 8N1");
    assert_eq!(speed(&master), 9600);
    host.command("AT");
}

#[test]
fn the_rate_changes_only_when_the_ok_has_left() {
    let Terminal { master, path } = Terminal::new();
    let mut program = Program::run(format!("serial:{path}@115200,xonxoff"));
    let mut host = Host::new(master.try_clone().unwrap()).greeted();
    host.command("ATE0");
    // DC3: the host takes nothing.
    host.write(b"\x13AT+IPR=9600\r");
    program.wait_for("answered \"OK\"");
    host.write(b"AT+CGMM\r");
    program.wait_for("typed \"AT+CGMM\"");
    assert_eq!(speed(&master), 115_200);
    host.write(b"\x11");
    host.expect("\r\nOK\r\n");
    program.wait_for(" set to 9600 8N1 xonxoff");
    assert_eq!(speed(&master), 9600);
    host.expect("\r\n+CGMM: \"L610\"\r\n\r\nOK\r\n");
}

#[test]
fn of_what_the_port_can_not_do_the_rest_is_done() {
    let Terminal { master, path } = Terminal::new();
    let mut program = Program::run(format!("serial:{path}@115200"));
    let mut host = Host::new(master.try_clone().unwrap()).greeted();
    // A pseudo-terminal has no parity.
    host.command("AT+ICF=5,1");
    let words = program.wait_for(" can't do 115200 7E1 (");
    assert!(words.ends_with("): it is at 115200 8N1"), "{words}");
    host.command("AT+IPR=9600;+IFC=2,2");
    let words = program.wait_for(" can't do 9600 7E1 rtscts (");
    assert!(words.ends_with("): it is at 9600 8N1 rtscts"), "{words}");
    assert_eq!(speed(&master), 9600);
    assert!(modes(&master).contains(ControlModes::CRTSCTS));
    host.command("AT");
}

#[test]
fn settings_that_a_vanished_port_can_not_do_do_not_keep_it_away() {
    let mut pair = Pair::new();
    let mut program = Program::run(format!("serial:{}@115200,xonxoff", pair.modem().display()));
    let mut host = Host::open(pair.host());
    host.command("ATE0");
    // DC3: the OK can't leave, and behind it the settings wait.
    host.write(b"\x13AT+IPR=9600;+ICF=2,2\r");
    program.wait_for("+ICF=2,2");
    program.wait_for("answered \"OK\"");
    pair.unplug();
    program.wait_for("host gone");
    pair.plug_in_again();
    program.wait_for(" is back");
    let words = program.wait_for(" can't do 9600 8M1 xonxoff (");
    assert!(words.ends_with("): it is at 9600 8N1 xonxoff"), "{words}");
    Host::join(pair.host()).greeted();
}

#[test]
fn no_line_but_dtr_is_needed() {
    let Terminal { master, path } = Terminal::new();
    // As a program that waited for a carrier leaves a port behind.
    let mut before = tcgetattr(&master).unwrap();
    before.control_modes.remove(ControlModes::CLOCAL | ControlModes::CREAD | ControlModes::HUPCL);
    tcsetattr(&master, OptionalActions::Now, &before).unwrap();
    assert!(!modes(&master).contains(ControlModes::CLOCAL));
    let _program = Program::run(format!("serial:{path}@115200"));
    assert!(modes(&master).contains(ControlModes::CLOCAL | ControlModes::CREAD | ControlModes::HUPCL));
}

#[test]
fn what_is_in_the_place_of_a_vanished_port_is_told() {
    let mut pair = Pair::new();
    let mut program = Program::run(format!("serial:{}@115200", pair.modem().display()));
    Host::open(pair.host()).command("AT");
    pair.unplug();
    program.wait_for("host gone");
    fs::write(pair.modem(), "").unwrap();
    let words = program.wait_for("can't use the serial port ");
    assert!(words.ends_with("Inappropriate ioctl for device (os error 25): it is no serial port"), "{words}");
    fs::remove_file(pair.modem()).unwrap();
    pair.plug_in_again();
    program.wait_for(" is back");
    Host::join(pair.host()).greeted();
}

#[test]
fn a_port_that_vanished_comes_back_and_no_connection_is_lost() {
    let broker = Broker::start(Kind::Mosquitto);
    let mut pair = Pair::new();
    let mut program = Program::run(format!("serial:{}@115200", pair.modem().display()));
    let mut host = Host::open(pair.host());
    conversation::open(&mut host, broker.port());
    host.command("AT+MQTTSUB=1,\"down\",1");
    host.expect("\r\n+MQTTSUB: 1,1\r\n");
    host.command("AT+IPR=57600");
    for round in 0..3 {
        host.write(b"AT+NOSUCH");
        host.expect("AT+NOSUCH");
        pair.unplug();
        program.wait_for(" is gone (");
        program.wait_for("host gone");
        let missed = format!("missed {round}");
        broker.publish("down", &missed);
        broker.wait_for("Received PUBACK from 0010100000000081");
        pair.plug_in_again();
        program.wait_for(" is back");
        host = Host::join(pair.host());
        // That somebody came, then what it missed; the half-typed line is forgotten, the rate is not.
        host.expect(&format!("\r\n+SIM READY\r\n\r\n+MQTTMSG: 1,1,\"down\",\"{missed}\"\r\n"));
        host.send("AT+IPR?");
        host.expect("AT+IPR?\r\n+IPR: 57600\r\n\r\nOK\r\n");
    }
    let subscriber = broker.subscribe("up");
    host.command("AT+MQTTPUB=1,\"up\",1,0,\"still here\"");
    host.expect("\r\n+MQTTPUB: 1,1\r\n");
    assert_eq!(subscriber.message(), "still here");
    host.command("AT+MQTTCLOSE=1");
    host.expect("\r\n+MQTTCLOSE: 1,1\r\n");
    assert_eq!(broker.connections("0010100000000081"), 1);
}

#[test]
fn what_can_not_be_opened_is_an_error_in_one_line() {
    let refused = |path: &str, words: &str| {
        let outcome = run_to_end(&["run", "--at", &format!("serial:{path}@115200")], "");
        assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(1), ""));
        let line = format!("quasimodem: can't use the serial port {path}: {words}");
        assert!(outcome.stderr.starts_with(&line) && outcome.stderr.lines().count() == 1, "{}", outcome.stderr);
    };
    refused("/nowhere/ttyS1", "No such file or directory (os error 2): `ls /dev/serial/by-id`");
    let file = tempfile::NamedTempFile::new().unwrap();
    refused(file.path().to_str().unwrap(), "Inappropriate ioctl for device (os error 25): it is no serial port");
    assert_eq!(fs::read(file.path()).unwrap(), b"");
    let Terminal { master: _master, path } = Terminal::new();
    let program = Program::run(format!("serial:{path}@115200"));
    refused(&path, "Device or resource busy (os error 16): another program has it open");
    program.terminate();
    let outcome = run_to_end(&["run", "--at", &format!("serial:{path}@115200,7E1")], "");
    assert_eq!(outcome.code, Some(1));
    assert!(outcome.stderr.contains("can't do 115200 7E1: "), "{}", outcome.stderr);
}
