//! How scripts are read. No line is skipped but comments and blank ones: one that is not understood would be a check
//! that is never made.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::time::Duration;

use super::mistake::{Mistake, Read, SIGNS, Wrong, unknown};
use super::phrase::Phrase;
use super::program::{Block, Not, On, Program, Repeat, Step, What};
use super::template::{self, BuiltIn, Part, Piece, Slot, Template};
use crate::event::{BadCondition, Condition, Event};
use crate::flat::{Bad, meant, time};
use crate::order::{self, Order};
use crate::output::is_final;
use crate::transcript::unescape;

/// Bytes of a script at most.
pub const TEXT_MAX: usize = 1 << 20;

/// How long each wait may take that no `within` is in front of.
const WITHIN: Duration = Duration::from_secs(10);

/// From a millisecond to a day.
const TIMES: RangeInclusive<Duration> = Duration::from_millis(1)..=Duration::from_secs(86_400);

/// Blocks within blocks.
const NESTED_MAX: usize = 8;

/// Turns of repeats in which nothing takes time, inner ones multiplied: what they type is typed at once.
const AT_ONCE_MAX: u64 = 1000;

/// Reads a script in which these names are given.
pub(super) fn program(text: &str, given: &[(&str, &[u8])]) -> Result<Program, Mistake> {
    if text.len() > TEXT_MAX {
        return Err(Mistake { line: 1, words: format!("more than {TEXT_MAX} bytes are no script").into() });
    }
    // An editor's mark in front of UTF-8 is none of the text.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader = Reader::new(text, given);
    let mut last = 0;
    for (index, line) in text.lines().enumerate() {
        last = index + 1;
        reader.number = last;
        reader.line(line).map_err(|wrong| wrong.at(last))?;
    }
    reader.finish().map_err(|wrong| wrong.at(last.max(1)))
}

struct Reader<'a> {
    /// The line that is read.
    number: usize,
    given: &'a [(&'a str, &'a [u8])],
    names: Vec<Box<str>>,
    counters: usize,
    /// Names that a `<` above has taken.
    known: Vec<Slot>,
    main: Draft,
    on: Option<(Template, Draft)>,
    ons: Vec<On>,
    /// The script, and the blocks in it that are open.
    script: Level,
    blocks: Vec<Level>,
    within: Duration,
    /// The line above is the `>` of a command.
    right_below: bool,
    /// The index of the command whose final result may be written here.
    below: Option<usize>,
    /// The line of a command that wants to know the size of its data.
    sized: Option<usize>,
    hears: BTreeSet<&'static str>,
    asks_broker: Option<usize>,
}

#[derive(Default)]
struct Draft {
    steps: Vec<Step>,
    nots: Vec<Not>,
}

/// A block that has no end yet.
#[derive(Default)]
struct Level {
    kind: Kind,
    /// Where it begins.
    line: usize,
    /// What counts after it.
    within: Duration,
    known: usize,
    /// The first name that it takes.
    own: usize,
    /// How many steps and `not`s there were before.
    first: usize,
    nots: usize,
    takes_time: bool,
    /// Turns of the repeats in it that take no time.
    at_once: u64,
    /// Why nothing may come after this line.
    dead: Option<(usize, &'static str)>,
    /// Lines that count for those after them, and their signs.
    unused: Vec<(usize, &'static str)>,
}

#[derive(Clone, Copy, PartialEq, Eq, Default)]
enum Kind {
    #[default]
    Script,
    On,
    /// The index of its step.
    Repeat(usize),
}

/// What a text with names is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum For {
    Command,
    Data,
    Order,
    Hear,
    Expect,
    Not,
}

impl<'a> Reader<'a> {
    fn new(text: &str, given: &'a [(&'a str, &'a [u8])]) -> Reader<'a> {
        // Counters are known everywhere.
        let counted = text.lines().filter_map(|line| line.trim().strip_prefix("count "));
        let counted: BTreeSet<Box<str>> = counted.map(|name| name.trim().into()).collect();
        let names: Vec<Box<str>> = counted.into_iter().collect();
        let script = Level { kind: Kind::Script, own: names.len(), ..Level::default() };
        Reader {
            number: 0,
            given,
            counters: names.len(),
            names,
            known: Vec::new(),
            main: Draft::default(),
            on: None,
            ons: Vec::new(),
            script,
            blocks: Vec::new(),
            within: WITHIN,
            right_below: false,
            below: None,
            sized: None,
            hears: BTreeSet::new(),
            asks_broker: None,
        }
    }

    fn line(&mut self, line: &str) -> Read<()> {
        let line = line.trim_start_matches([' ', '\t']);
        if line.trim().is_empty() || line.starts_with('#') {
            return Ok(());
        }
        if line.contains('\r') {
            return Err("a carriage return within the line: lines end with LF or CR LF".into());
        }
        let (sign, text) = line.split_once(' ').unwrap_or((line, ""));
        // Blanks count in what is typed and expected, and nowhere else.
        let (sign, word) = (sign.trim_end(), text.trim());
        let Some((_, expected)) = SIGNS.iter().find(|(known, _)| *known == sign) else {
            return Err(unknown(line).into());
        };
        if text.is_empty() && !expected.is_empty() {
            return Err(format!("nothing after {sign}, expected {expected}").into());
        }
        let right_below = std::mem::take(&mut self.right_below);
        if let Some(line) = self.sized.take()
            && sign != ">>"
        {
            return Err(Wrong::line(line, "$size is the size of the data, and there is no >> right below"));
        }
        match sign {
            ">" => self.command(text),
            ">>" if right_below => self.data(text),
            ">>" => {
                let data = self.template(text, For::Data)?;
                self.step(What::Send(data))
            }
            "<" => self.expect(text),
            "not" => self.not(text),
            "on" => self.on(text),
            "repeat" => self.repeat(word),
            "within" => {
                self.within = self.duration(word)?;
                self.announce("within");
                Ok(())
            }
            "wait" => {
                let time = self.duration(word)?;
                self.level().takes_time = true;
                self.step(What::Wait(time))
            }
            "!" => self.order(text),
            "~" => self.hear(text),
            "count" => self.count(word),
            "again" | "end" if !word.is_empty() => Err(format!("nothing may come after {sign}: {word}").into()),
            "again" => {
                if self.on.is_none() {
                    return Err("again belongs into an on: it begins the script anew when that line has come".into());
                }
                self.step(What::Again)?;
                self.level().dead = Some((self.number, "begins the script anew"));
                Ok(())
            }
            _ => self.end(),
        }
    }

    fn command(&mut self, text: &str) -> Read<()> {
        let line = self.template(text, For::Command)?;
        self.sized = line.has(BuiltIn::Size).then_some(self.number);
        self.level().takes_time = true;
        self.step(What::Command { line, data: None, due: None })?;
        self.right_below = true;
        self.below = self.draft().steps.len().checked_sub(1);
        Ok(())
    }

    /// The data of the command that is the last step.
    fn data(&mut self, text: &str) -> Read<()> {
        let template = self.template(text, For::Data)?;
        if let Some(Step { what: What::Command { data, .. }, .. }) = self.draft().steps.last_mut() {
            *data = Some(template);
        }
        Ok(())
    }

    fn expect(&mut self, text: &str) -> Read<()> {
        let below = self.below;
        let trimmed = text.trim_end();
        if below.is_some() && is_final(trimmed.as_bytes()) && trimmed != text {
            return Err(format!("{text:?} has blanks at its end, and no final result has").into());
        }
        let template = self.template(text, For::Expect)?;
        if let Some(index) = below.filter(|_| is_final(text.as_bytes())) {
            let step = self.draft().steps.get_mut(index);
            if let Some(Step { what: What::Command { due, .. }, .. }) = step
                && due.replace(template).is_some()
            {
                return Err("this command has its final result already".into());
            }
            return Ok(());
        }
        self.level().takes_time = true;
        self.step(What::Expect(template))?;
        self.below = below;
        Ok(())
    }

    fn not(&mut self, text: &str) -> Read<()> {
        let text = text.strip_prefix("< ").filter(|text| !text.is_empty());
        let head = self.template(text.ok_or("expected how no line may begin, such as not < +MQTTBREAK")?, For::Not)?;
        let line = self.number;
        let first = index(self.draft().steps.len())?;
        // Where it ends is known at the end of its block.
        self.draft().nots.push(Not { line, head, at: first..first });
        self.announce("not");
        self.below = None;
        Ok(())
    }

    fn on(&mut self, text: &str) -> Read<()> {
        if !self.blocks.is_empty() {
            return Err("on belongs into no block: it counts wherever the script is".into());
        }
        if self.ons.len() > usize::from(u8::MAX) {
            return Err("too many ons".into());
        }
        let text = text.strip_prefix("< ").filter(|text| !text.is_empty());
        let text = text.ok_or("expected a line of the modem, such as on < +MQTTMSGI: $client,$_")?;
        self.script.unused.retain(|(_, sign)| *sign != "within");
        // What it takes is its own.
        let (known, own) = (self.known.len(), self.names.len());
        let head = self.template(text, For::Expect)?;
        self.on = Some((head, Draft::default()));
        self.open(Kind::On);
        (self.level().known, self.level().own) = (known, own);
        Ok(())
    }

    fn repeat(&mut self, words: &str) -> Read<()> {
        let words: Vec<&str> = words.split_whitespace().collect();
        let (times, every) = match *words.as_slice() {
            [] => (None, None),
            ["every", every] => (None, Some(every)),
            [times] => (Some(times), None),
            [times, "every", every] => (Some(times), Some(every)),
            _ => return Err("expected repeat, repeat 100, repeat every 60s or repeat 100 every 60s".into()),
        };
        let count = |text: &str| text.parse().ok().filter(|count| *count > 0);
        let times: Option<u32> = match times {
            Some(text) => Some(count(text).ok_or_else(|| format!("{text:?} is no count, expected 1 to {}", u32::MAX))?),
            None => None,
        };
        let every = every.map(|every| self.duration(every)).transpose()?;
        if times.is_none() && self.on.is_some() {
            return Err("a repeat without a number never ends, and the script would wait for this on for ever".into());
        }
        if self.blocks.len() >= NESTED_MAX {
            return Err(format!("more than {NESTED_MAX} blocks within each other").into());
        }
        self.step(What::Repeat(Repeat { times, every, own: 0..0 }))?;
        let step = self.draft().steps.len().saturating_sub(1);
        self.open(Kind::Repeat(step));
        Ok(())
    }

    fn order(&mut self, text: &str) -> Read<()> {
        if is_final(text.trim_end().as_bytes()) {
            return Err(format!("! gives an order; a final result in place of OK is written < {text}").into());
        }
        let template = self.template(text, For::Order)?;
        let (phrase, order) =
            Phrase::<Order>::new(template, |bad| matches!(bad, Bad::Value(..))).map_err(|bad| bad.to_string())?;
        if order.is_some_and(|order| order.whom() == order::For::Peer || order.needs_lab().is_some()) {
            self.asks_broker.get_or_insert(self.number);
        }
        self.step(What::Order(phrase))
    }

    fn hear(&mut self, text: &str) -> Read<()> {
        let template = self.template(text, For::Hear)?;
        let name = text.split_whitespace().next().unwrap_or_default();
        let (phrase, _) = Phrase::<Condition>::new(template, |bad| matches!(bad, BadCondition::Value(..)))
            .map_err(|bad| bad.to_string())?;
        let row = Event::ROWS.iter().find(|row| row.name == name).ok_or("the name of the event must come first")?;
        self.hears.insert(row.name);
        self.level().takes_time = true;
        self.step(What::Hear(phrase))
    }

    fn count(&mut self, name: &str) -> Read<()> {
        if name.is_empty() || name == "_" || !name.chars().all(template::is_of_name) {
            return Err(format!("{name:?} is no name, expected letters, digits and _, such as count lost").into());
        }
        if self.is_fixed(name) {
            return Err(format!("${name} is given, and can't be counted").into());
        }
        let slot = self.names.iter().take(self.counters).position(|counter| **counter == *name);
        self.step(What::Count(index(slot.unwrap_or_default())?))
    }

    /// Begins a block.
    fn open(&mut self, kind: Kind) {
        let (first, nots) = (self.draft().steps.len(), self.draft().nots.len());
        self.below = None;
        self.blocks.push(Level {
            kind,
            line: self.number,
            within: self.within,
            known: self.known.len(),
            own: self.names.len(),
            first,
            nots,
            takes_time: false,
            at_once: 0,
            dead: None,
            unused: Vec::new(),
        });
    }

    fn end(&mut self) -> Read<()> {
        let Some(level) = self.blocks.pop() else { return Err("there is no block that could end here".into()) };
        if self.draft().steps.len() == level.first {
            return Err(Wrong::line(level.line, "nothing is done in this block"));
        }
        if let Kind::Repeat(step) = level.kind {
            let (line, within, begin) = (self.number, self.within, index(step)?);
            self.draft().steps.push(Step { line, within, what: What::End(begin) });
        }
        self.close(&level)?;
        let own = index(level.own)?..index(self.names.len())?;
        self.within = level.within;
        self.below = None;
        match level.kind {
            Kind::Repeat(step) => {
                let step = self.draft().steps.get_mut(step).map(|step| &mut step.what);
                let Some(What::Repeat(repeat)) = step else { return Ok(()) };
                repeat.own = own;
                let (times, every) = (repeat.times, repeat.every);
                let turns = level.at_once.max(1).saturating_mul(times.map_or(u64::MAX, u64::from));
                let takes_time = level.takes_time || every.is_some();
                if !takes_time && times.is_none() {
                    let words = "this repeat never ends and takes no time: something in it must wait";
                    return Err(Wrong::line(level.line, words));
                }
                if !takes_time && turns > AT_ONCE_MAX {
                    let words = format!("{turns} turns take no time, and at most {AT_ONCE_MAX} may");
                    return Err(Wrong::line(level.line, words));
                }
                let outer = self.level();
                outer.takes_time |= takes_time;
                outer.at_once = outer.at_once.saturating_add(if takes_time { 0 } else { turns });
                if times.is_none() {
                    outer.dead = Some((level.line, "never ends"));
                }
            }
            Kind::On | Kind::Script => {
                self.known.truncate(level.known);
                if let Some((head, draft)) = self.on.take() {
                    self.ons.push(On { line: level.line, head, own, block: draft.into() });
                }
            }
        }
        Ok(())
    }

    /// Ends what counts to the end of a block.
    fn close(&mut self, level: &Level) -> Read<()> {
        if let Some(&(line, sign)) = level.unused.first() {
            return Err(Wrong::line(line, format!("{sign} counts for the lines after it, and there are none")));
        }
        let end = index(self.draft().steps.len())?;
        for not in self.draft().nots.iter_mut().skip(level.nots).filter(|not| not.at.is_empty()) {
            not.at.end = end;
        }
        Ok(())
    }

    fn finish(mut self) -> Read<Program> {
        if let Some(line) = self.sized {
            return Err(Wrong::line(line, "$size is the size of the data, and there is no >> right below"));
        }
        if let Some(level) = self.blocks.last() {
            let name = if level.kind == Kind::On { "on" } else { "repeat" };
            return Err(Wrong::line(level.line, format!("this {name} has no end")));
        }
        let script = std::mem::take(&mut self.script);
        self.close(&script)?;
        let main = Block::from(self.main);
        let blocks = || std::iter::once(&main).chain(self.ons.iter().map(|on| &on.block));
        let steps = || blocks().flat_map(|block| &block.steps).map(|step| &step.what);
        let says = |what: &What| matches!(what, What::Command { .. } | What::Send(_) | What::Expect(_) | What::Hear(_));
        if main.steps.is_empty() || !steps().any(says) {
            return Err("nothing is typed or expected here: at least one line must begin with > or <".into());
        }
        let wanted: BTreeSet<(Box<[u8]>, bool)> = steps()
            .filter_map(|what| match what {
                What::Expect(template) => Some(template.head()),
                _ => None,
            })
            .map(|(head, whole)| (head.into(), whole))
            .collect();
        let given = self.given.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        Ok(Program {
            counters: index(self.counters)?,
            names: self.names.into(),
            given,
            wanted: wanted.into_iter().collect(),
            hears: self.hears.into_iter().collect(),
            asks_broker: self.asks_broker,
            ons: self.ons.into(),
            main,
        })
    }

    fn step(&mut self, what: What) -> Read<()> {
        let (line, within) = (self.number, self.within);
        self.below = None;
        let level = self.level();
        if let Some((line, why)) = level.dead {
            return Err(format!("what is above, at line {line}, {why}, so that this is never done").into());
        }
        level.unused.clear();
        let draft = self.draft();
        index(draft.steps.len() + 2)?;
        draft.steps.push(Step { line, within, what });
        Ok(())
    }

    /// This line counts for those after it.
    fn announce(&mut self, sign: &'static str) {
        let number = self.number;
        self.level().unused.push((number, sign));
    }

    fn level(&mut self) -> &mut Level {
        self.blocks.last_mut().unwrap_or(&mut self.script)
    }

    fn draft(&mut self) -> &mut Draft {
        match &mut self.on {
            Some((_, draft)) => draft,
            None => &mut self.main,
        }
    }

    /// A text with names, all of which are known unless it may take them.
    fn template(&mut self, text: &str, what: For) -> Read<Template> {
        let mut parts: Vec<Part> = Vec::new();
        for piece in template::pieces(text)? {
            let part = match piece {
                Piece::Text(text) if what == For::Data => Part::Text(unescape(&text)?.into()),
                Piece::Text(text) => Part::Text(text.into_bytes().into()),
                Piece::Random(range) if matches!(what, For::Command | For::Data | For::Order) => Part::Random(range),
                Piece::Random(_) => return Err("what is drawn at random can't be expected".into()),
                Piece::Name(name) => self.name(name, what)?,
            };
            let takes = |part: &Part| matches!(part, Part::Anything | Part::Name(_));
            if matches!(what, For::Expect | For::Not)
                && parts.last().is_some_and(takes)
                && !matches!(part, Part::Text(_))
            {
                return Err("two names with nothing between them".into());
            }
            parts.push(part);
        }
        Ok(Template::new(parts))
    }

    fn name(&mut self, name: &str, what: For) -> Read<Part> {
        let may_take = what == For::Expect;
        if name == "_" {
            let is_expected = matches!(what, For::Expect | For::Not);
            return if is_expected { Ok(Part::Anything) } else { Err("$_ keeps nothing that could be typed".into()) };
        }
        match BuiltIn::named(name) {
            Some(BuiltIn::Size) if what != For::Command => {
                return Err("$size is the size of the data, and known only in the > right above its >>".into());
            }
            Some(built_in) => return Ok(Part::BuiltIn(built_in)),
            None => {}
        }
        if let Some(place) = self.given.iter().position(|(given, _)| *given == name) {
            return Ok(Part::Given(index(place)?));
        }
        if let Some(slot) = self.slots().find(|slot| self.names.get(usize::from(*slot)).is_some_and(|at| **at == *name))
        {
            return Ok(Part::Name(slot));
        }
        if !may_take {
            let names = self.slots().filter_map(|slot| self.names.get(usize::from(slot)));
            let names = names.map(|name| &**name).chain(self.given.iter().map(|(name, _)| *name));
            // All short names are alike.
            let names = names.chain(BuiltIn::ALL.map(|(name, _)| name)).filter(|known| known.len().min(name.len()) > 2);
            return Err(format!("${name} is not known here{}", meant(name, &names.collect::<Vec<_>>())).into());
        }
        let slot = index(self.names.len())?;
        self.names.push(name.into());
        self.known.push(slot);
        Ok(Part::Name(slot))
    }

    /// Names that are known here.
    fn slots(&self) -> impl Iterator<Item = Slot> {
        (0..Slot::try_from(self.counters).unwrap_or(Slot::MAX)).chain(self.known.iter().copied())
    }

    /// A time, or a name that was given for one.
    fn duration(&self, text: &str) -> Read<Duration> {
        let given = text.strip_prefix('$').and_then(|name| self.given.iter().find(|(given, _)| *given == name));
        match given {
            Some((_, value)) => duration(str::from_utf8(value).unwrap_or_default()),
            None => duration(text),
        }
    }

    /// Whether every script has a name, or it was given.
    fn is_fixed(&self, name: &str) -> bool {
        BuiltIn::named(name).is_some() || self.given.iter().any(|(given, _)| *given == name)
    }
}

impl From<Draft> for Block {
    fn from(draft: Draft) -> Block {
        Block { steps: draft.steps.into(), nots: draft.nots.into() }
    }
}

/// A place among steps or names.
fn index(at: usize) -> Read<u16> {
    let words = || format!("more than {} steps or names", u16::MAX - 1).into();
    u16::try_from(at).ok().filter(|at| *at < u16::MAX).ok_or_else(words)
}

fn duration(text: &str) -> Read<Duration> {
    let words = || format!("{text:?} is not a time, expected 1ms to 24h, such as 500ms, 5s or 10min").into();
    time(text).filter(|time| TIMES.contains(time)).ok_or_else(words)
}
