//! examples/c/control.c: how a program in C reaches into a run.

use std::process::{Command, Output};

use serde_json::Value;
use tempfile::tempdir;

use crate::host::Host;
use crate::program::{Program, command};

#[test]
fn a_program_in_c_breaks_something_and_waits_for_what_comes_of_it() {
    let folder = tempdir().unwrap();
    let (program_in_c, socket) = (folder.path().join("client"), folder.path().join("control"));
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/c/control.c");
    let mut compiler = Command::new("cc");
    compiler.args(["-std=c99", "-D_POSIX_C_SOURCE=200809L", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-O1", "-o"]);
    let compiled = compiler.arg(&program_in_c).arg(source).output().unwrap();
    assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr));

    let run = |fault: &str, event: &str| -> (Option<i32>, Vec<Value>, String) {
        let Output { status, stdout, stderr } =
            Command::new(&program_in_c).arg(&socket).args([fault, event]).output().unwrap();
        let answers = String::from_utf8(stdout).unwrap();
        let answers = answers.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        (status.code(), answers, String::from_utf8(stderr).unwrap())
    };
    let nobody = run(r#"{"fault": "data-call-lost"}"#, "radio.call");
    assert_eq!((nobody.0, &*nobody.2), (Some(2), "it can't be broken so: nobody answers\n"));

    let at = format!("unix:{}", socket.display());
    let program = Program::start(command(&["lab", "--mqtt", "0", "--at", "tcp:0", "--control", &at]));
    let mut host = Host::connect(program.address());
    let (code, answers, stderr) = run(r#"{"fault": "data-call-lost", "times": 1}"#, "fault.hit id=from-c");
    assert_eq!(code, Some(0), "{answers:?} {stderr}");
    assert_eq!((&answers[0]["id"], &answers[1]["event"]["fault"]), (&"from-c".into(), &"data-call-lost".into()));
    host.expect("\r\n+MIPCALL: 0\r\n");
    let (code, _, stderr) = run(r#"{"fault": "data-call-lst"}"#, "radio.call");
    assert!(code == Some(2) && stderr.contains(r#""did_you_mean":"data-call-lost""#), "{stderr}");
    let (code, _, stderr) = run(r#"{"fault": "data-call-lost"}"#, "radio.cal");
    assert!(code == Some(2) && stderr.contains("perhaps \\\"radio.call\\\""), "{stderr}");
    program.terminate();
}
