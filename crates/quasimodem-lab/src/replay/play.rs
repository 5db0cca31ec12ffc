//! Types what was typed, and keeps what our modem says.

use std::time::Duration;

use super::log::{Log, Said, Turn, Typed};
use super::rules::Judge;
use crate::Lab;
use crate::lab::{BadName, Modem, ModemConfig};
use crate::output::{self, Kind, Reader};

/// How long an answer is waited for: longer than any that the manual allows (AT+MQTTAUTHDYN, 10 s).
const LIMIT: Duration = Duration::from_secs(15);

/// What our modem said: before the first line, and then after each.
pub(super) struct Ours {
    pub(super) greeting: Vec<String>,
    pub(super) turns: Vec<Vec<String>>,
}

/// Types all that the log's host typed.
pub(super) fn play(log: &Log, rules: &Judge<'_>, config: ModemConfig, seed: u64) -> Result<Ours, BadName> {
    let lab = Lab::new(seed);
    let modem = lab.add_with(config)?;
    let mut player = Player { lab, modem, rules, reader: Reader::default() };
    let mut greeting = Vec::new();
    player.answers(None, &log.greeting, &mut greeting);
    if !log.said().any(|said| said.text == GREETING) {
        // The log begins later.
        player.lab.advance(LIMIT);
        player.listen(None, &mut Vec::new());
        greeting.clear();
    }
    let begin = player.lab.now();
    let first = log.turns.iter().find_map(|turn| turn.at);
    let mut turns: Vec<Vec<String>> = Vec::new();
    for turn in &log.turns {
        if let (Some(at), Some(first)) = (turn.at, first) {
            let due = begin + at.saturating_sub(first);
            player.lab.advance(due.saturating_sub(player.lab.now()));
            let earlier = turns.last_mut().unwrap_or(&mut greeting);
            player.listen(None, earlier);
        }
        turns.push(player.turn(turn));
    }
    Ok(Ours { greeting, turns })
}

/// What the module says when it is ready.
const GREETING: &str = "+SIM READY";

struct Player<'a> {
    lab: Lab,
    modem: Modem,
    rules: &'a Judge<'a>,
    reader: Reader,
}

impl Player<'_> {
    fn turn(&mut self, turn: &Turn) -> Vec<String> {
        let mut said = Vec::new();
        match &turn.typed {
            Typed::Line(line) => {
                self.modem.write(&[line, b"\r".as_slice()].concat());
                self.answers(Some(line), &turn.said, &mut said);
            }
            Typed::Bytes(bytes) => {
                self.modem.write(bytes);
                self.answers(None, &turn.said, &mut said);
            }
            Typed::Unknown(size) => {
                self.modem.write(&vec![b'x'; *size]);
                self.answers(None, &turn.said, &mut said);
            }
        }
        said
    }

    /// Waits until as many lines have come as in the log, or nothing comes any more.
    fn answers(&mut self, typed: Option<&[u8]>, due: &[Said], said: &mut Vec<String>) {
        let due = due.iter().filter(|said| !self.rules.skips(&said.text)).count();
        let end = self.lab.now() + LIMIT;
        loop {
            self.listen(typed, said);
            if said.len() >= due {
                return;
            }
            let now = self.lab.now();
            let next = self.lab.next_deadline().filter(|next| *next <= end).unwrap_or(end);
            if now >= end {
                return;
            }
            // At least a little, so that it ends whatever the deadline is.
            self.lab.advance(next.saturating_sub(now).max(Duration::from_micros(1)));
        }
    }

    /// Takes what has come.
    fn listen(&mut self, typed: Option<&[u8]>, said: &mut Vec<String>) {
        let bytes = self.modem.read();
        let mut bytes = bytes.as_slice();
        while let Some(line) = self.reader.line(&mut bytes) {
            let text = match output::kind(&line, typed.map(<[u8]>::trim_ascii_end)) {
                Kind::Echo => continue,
                Kind::Prompt => ">".into(),
                Kind::Final | Kind::Other => String::from_utf8_lossy(&line).into_owned(),
            };
            if !self.rules.skips(&text) {
                said.push(text);
            }
        }
    }
}
