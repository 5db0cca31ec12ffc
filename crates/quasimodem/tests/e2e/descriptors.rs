//! What happens when file descriptors run out, and that strangers can't use them up.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;

use crate::LIMIT;
use crate::broker::{Broker, Kind};
use crate::host::Host;
use crate::program::Program;

/// More connections than the program has descriptors for.
const CROWD: usize = 80;

/// The program with at most 64 descriptors.
fn limited(arguments: &[&str]) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -n 64 && exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_quasimodem")]).args(arguments);
    command
}

/// Connections that say nothing.
fn crowd(address: &str) -> Vec<TcpStream> {
    (0..CROWD).map(|_| TcpStream::connect(address).unwrap()).collect()
}

fn lab() -> (Program, String, Host) {
    let command = limited(&["lab", "-v", "--mqtt", "0", "--at", "tcp:0"]);
    let mut program = Program::start_after(command, "lab broker on ");
    let broker = program.place().strip_suffix(", in memory only").unwrap().to_owned();
    let host = Host::connect(&program.wait_for("modem ready on tcp "));
    (program, broker, host)
}

fn open(host: &mut Host, address: &str) {
    let (name, port) = address.rsplit_once(':').unwrap();
    host.command(&format!("AT+MQTTOPEN=1,\"{name}\",{port},1,60"));
}

#[test]
fn silent_connections_make_room_for_clients() {
    let (mut program, broker, mut host) = lab();
    let crowd = crowd(&broker);
    program.wait_for("no CONNECT came yet, and another connection needed the room");
    open(&mut host, &broker);
    host.expect("\r\n+MQTTOPEN: 1,1\r\n");
    host.command(r#"AT+MQTTPUB=1,"t",1,0,"x""#);
    host.expect("\r\n+MQTTPUB: 1,1\r\n");
    drop(crowd);
    program.terminate();
}

#[test]
fn clients_that_are_too_many_leave_the_modem_what_it_needs() {
    let (mut program, broker, mut host) = lab();
    let other = Broker::start(Kind::Mosquitto);
    let mut clients = Vec::new();
    for number in 0..CROWD {
        let mut client = TcpStream::connect(&broker).unwrap();
        client.set_read_timeout(Some(LIMIT)).unwrap();
        // MQTT 3.1.1, a clean session, keep-alive 0.
        let id = format!("{number:02}");
        let mut connect = b"\x10\x0e\0\x04MQTT\x04\x02\0\0\0\x02".to_vec();
        connect.extend_from_slice(id.as_bytes());
        let answered = client.write_all(&connect).and_then(|()| client.read_exact(&mut [0; 4]));
        if answered.is_err() {
            break;
        }
        clients.push(client);
    }
    assert!((20..60).contains(&clients.len()), "{} clients", clients.len());
    program.wait_for("broker: turns clients away: 64 file descriptors are all there may be (ulimit -n), 16 of them");
    // The modem's own links have theirs.
    open(&mut host, &format!("127.0.0.1:{}", other.port()));
    host.expect("\r\n+MQTTOPEN: 1,1\r\n");
    host.command("AT+MQTTCLOSE=1");
    host.expect("\r\n+MQTTCLOSE: 1,1\r\n");
    drop(clients);
    program.wait_for("\"00\" on ");
    open(&mut host, &broker);
    host.expect("\r\n+MQTTOPEN: 1,1\r\n");
    program.terminate();
}

#[test]
fn a_modem_goes_on_however_many_hosts_come() {
    let broker = Broker::start(Kind::Lab);
    let program = Program::start(limited(&["run", "-v", "--at", "tcp:0"]));
    let mut host = Host::connect(program.address());
    let crowd = crowd(program.address());
    open(&mut host, &format!("127.0.0.1:{}", broker.port()));
    host.expect("\r\n+MQTTOPEN: 1,1\r\n");
    // One of the crowd is the next one.
    drop(host);
    for mut client in &crowd {
        client.set_read_timeout(Some(LIMIT)).unwrap();
        let _ = client.read(&mut [0; 1]);
    }
    drop(crowd);
    Host::connect(program.address()).command("AT");
    program.terminate();
}

#[test]
fn a_port_over_telnet_goes_on_too() {
    let program = Program::start(limited(&["run", "-v", "--at", "rfc2217:0"]));
    for _ in 0..2 {
        let crowd = crowd(program.address());
        for mut client in &crowd {
            client.set_read_timeout(Some(LIMIT)).unwrap();
            let _ = client.read(&mut [0; 1]);
        }
    }
    let mut host = TcpStream::connect(program.address()).unwrap();
    host.set_read_timeout(Some(LIMIT)).unwrap();
    host.read_exact(&mut [0; 1]).unwrap();
    program.terminate();
}

#[test]
fn the_limit_is_raised_as_far_as_it_goes() {
    let mut command = Command::new("sh");
    let words = "ulimit -S -n 100 && ulimit -H -n 300 && exec \"$0\" \"$@\"";
    command.args(["-c", words, env!("CARGO_BIN_EXE_quasimodem"), "run", "-v", "--at", "tcp:0"]);
    let words = "300 file descriptors (ulimit -n), 64 of them kept back for the modem";
    let mut program = Program::start_after(command, words);
    program.wait_for("modem ready on ");
    program.terminate();
}
