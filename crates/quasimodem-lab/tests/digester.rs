//! Hosts in Rust read modules by atat's digester. It finds every result of every transcript, and leaves nothing over.

// It reads its transcripts from files.
#![allow(clippy::disallowed_methods)]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use atat::digest::parser::{try_urc, urc_helper};
use atat::digest::{AtDigester, ParseError, Parser};
use atat::nom::error::Error;
use atat::{DigestResult, Digester};
use quasimodem_core::Kind;
use quasimodem_lab::random::Random;
use quasimodem_lab::transcript;

/// Transcripts with what it does not read, and what that is.
const NOT_FOR_IT: [(&str, &str); 5] = [
    ("echo-without-verbose.at", NUMBERS),
    ("host-lines.at", NUMBERS),
    ("serial-port.at", "ATQ1, so that nothing follows an echo"),
    ("urc-payload-raw.at", "a payload with line ends of its own"),
    ("v250.at", NUMBERS),
];
const NUMBERS: &str = "ATV0, result codes as numbers";

/// What a host waits for without having asked.
const UNSOLICITED: [&str; 20] = [
    // A banner.
    "AT_command_ready",
    "+SIM READY",
    "+CREG",
    "+CEREG",
    "+CGREG",
    "+MIPCALL",
    "+MQTTAUTHCFG",
    "+MQTTAUTHDYN",
    "+MQTTAUTHEVENT",
    "+MQTTBREAK",
    "+MQTTCLOSE",
    "+MQTTMSG",
    "+MQTTMSGI",
    "+MQTTOPEN",
    "+MQTTPUB",
    "+MQTTSNREG",
    "+MQTTSUB",
    "+MQTTUNSUB",
    "+MQTTWMSGUD",
    "+MQTTWTOPICUD",
];

struct Unsolicited;

impl Parser for Unsolicited {
    fn parse(buf: &[u8]) -> Result<(&[u8], usize), ParseError> {
        let parsers = UNSOLICITED.iter().map(|name| urc_helper::<_, Error<_>>(*name));
        parsers.filter_map(|parser| try_urc(parser, buf)).next().unwrap_or(Err(ParseError::NoMatch))
    }
}

/// What a host has read.
#[derive(Default)]
struct Host {
    buffer: Vec<u8>,
    responses: usize,
    prompts: usize,
    unsolicited: Vec<Vec<u8>>,
}

impl Host {
    /// Reads more, as atat's `Ingress` does.
    fn read(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
        loop {
            let (result, length) = AtDigester::<Unsolicited>::new().digest(&self.buffer);
            match result {
                DigestResult::Urc(line) => self.unsolicited.push(line.to_vec()),
                DigestResult::Response(_) => self.responses += 1,
                DigestResult::Prompt(_) => self.prompts += 1,
                DigestResult::None => {}
            }
            if length == 0 {
                return;
            }
            self.buffer.drain(..length);
        }
    }

    /// What is wrong with what was read of these pieces.
    fn judge(&self, pieces: &[(Kind, Vec<u8>)]) -> Result<(), String> {
        let count = |wanted| pieces.iter().filter(|(kind, _)| *kind == wanted).count();
        if !self.buffer.is_empty() {
            return Err(format!("left over: {:?}", String::from_utf8_lossy(&self.buffer)));
        }
        let (responses, prompts) = (count(Kind::Final), count(Kind::Prompt));
        if (self.responses, self.prompts) != (responses, prompts) {
            let found = format!("{} responses and {} prompts", self.responses, self.prompts);
            return Err(format!("found {found} where {responses} and {prompts} are"));
        }
        // An answer to a query may look like one too.
        let mut found = self.unsolicited.iter();
        for (_, piece) in pieces.iter().filter(|(kind, _)| *kind == Kind::Urc) {
            if !found.any(|line| line == piece.trim_ascii()) {
                return Err(format!("not found: {:?}", String::from_utf8_lossy(piece)));
            }
        }
        Ok(())
    }
}

/// How the bytes come to the host: given how many are left of a piece, the length of the next read.
type Slicing = fn(&mut Random, usize) -> usize;

const SLICINGS: [(&str, Slicing); 3] = [
    ("piece by piece", |_, left| left),
    ("byte by byte", |_, _| 1),
    ("in random slices", |random, left| random.between(1, left)),
];

#[test]
fn every_transcript_is_digested() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts");
    let mut names: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    let mut not_for_it = BTreeMap::from(NOT_FOR_IT);
    let mut failures = Vec::new();
    for (index, name) in names.iter().enumerate() {
        let name = name.to_str().unwrap();
        let text = fs::read_to_string(folder.join(name)).unwrap();
        let outcome = digest(&text, index as u64);
        match (outcome, not_for_it.remove(name)) {
            (Ok(()), None) | (Err(_), Some(_)) => {}
            (Err(what), None) => failures.push(format!("{name}, {what}")),
            (Ok(()), Some(reason)) => failures.push(format!("{name} is digested, but listed because of {reason}")),
        }
    }
    failures.extend(not_for_it.keys().map(|name| format!("{name} is listed, but there is no such transcript")));
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert!(names.len() > NOT_FOR_IT.len(), "no transcripts in {}", folder.display());
}

/// Reads what the modem writes during a transcript, with echo and without, in all slicings.
fn digest(text: &str, seed: u64) -> Result<(), String> {
    for echo in [true, false] {
        let pieces = transcript::output(text, echo).map_err(|trouble| trouble.to_string())?;
        for (how, slicing) in SLICINGS {
            let mut random = Random::new(seed);
            let mut host = Host::default();
            for (kind, bytes) in &pieces {
                let mut bytes = &bytes[..];
                while !bytes.is_empty() {
                    let mut length = slicing(&mut random, bytes.len());
                    // In a text it takes > and @ for prompts where a read ends with them.
                    while length < bytes.len() && *kind != Kind::Prompt && looks_like_a_prompt(&bytes[..length]) {
                        length += 1;
                    }
                    let (read, rest) = bytes.split_at(length);
                    host.read(read);
                    bytes = rest;
                }
            }
            host.judge(&pieces).map_err(|what| format!("echo {}, {how}: {what}", if echo { "on" } else { "off" }))?;
        }
    }
    Ok(())
}

fn looks_like_a_prompt(read: &[u8]) -> bool {
    matches!(read.trim_ascii_end().last(), Some(b'>' | b'@'))
}
