//! What Wireshark makes of a file.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

/// Reads a file with tshark, and gives what it prints.
#[track_caller]
pub(crate) fn tshark(file: &Path, options: &[&str]) -> String {
    tshark_reads(file.to_str().unwrap(), &[], options)
}

/// The same with a file, or with what comes on its stdin if that is `-`.
#[track_caller]
pub(crate) fn tshark_reads(file: &str, stdin: &[u8], options: &[&str]) -> String {
    let mut command = Command::new("tshark");
    command.args(["-r", file]).args(options);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command
        .spawn()
        .unwrap_or_else(|error| panic!("tshark: {error}; these tests need it: on Debian, apt-get install tshark"));
    child.stdin.take().unwrap().write_all(stdin).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && !said.contains("cut short"), "{said}");
    String::from_utf8(output.stdout).unwrap()
}
