//! How conversations are read. No line is skipped but comments and blank ones: one that is not understood would be a check
//! that is never made.

use std::collections::BTreeSet;
use std::time::Duration;

use super::{Mistake, Names, Step, What};

/// The steps of a text, in which these names are known from the start.
pub(super) fn steps(text: &str, known: BTreeSet<Box<str>>) -> Result<Vec<Step>, Mistake> {
    let mut reader = Reader { known, steps: Vec::new(), within: WITHIN, unused: None };
    let mut last = 0;
    // An editor's mark in front of UTF-8 is none of the text.
    for (index, line) in text.strip_prefix('\u{feff}').unwrap_or(text).lines().enumerate() {
        last = index + 1;
        reader.line(last, line).map_err(|words| Mistake { line: last, words: words.into() })?;
    }
    if let Some(line) = reader.unused {
        return Err(Mistake { line, words: "within counts for the lines after it, and there are none".into() });
    }
    if reader.steps.is_empty() {
        let words = "nothing is typed or expected here: at least one line must begin with > or <";
        return Err(Mistake { line: last.max(1), words: words.into() });
    }
    Ok(reader.steps)
}

struct Reader {
    known: BTreeSet<Box<str>>,
    steps: Vec<Step>,
    within: Duration,
    /// The line of a `within` that nothing has come after yet.
    unused: Option<usize>,
}

impl Reader {
    fn line(&mut self, number: usize, line: &str) -> Result<(), String> {
        if line.trim().is_empty() || line.starts_with('#') {
            return Ok(());
        }
        if line.contains('\r') {
            return Err("a carriage return within the line: lines end with LF or CR LF".into());
        }
        let (sign, rest) = line.split_once(' ').unwrap_or((line, ""));
        match sign {
            "<" | ">" | ">>" | "!" if rest.is_empty() => {
                let example = EXAMPLES.iter().find(|(known, _)| *known == sign).map_or("", |(_, example)| example);
                Err(format!("nothing after {sign}, expected {example}"))
            }
            "<" => {
                let template = Template::parse(rest)?;
                self.known.extend(template.names().map(Box::from));
                self.put(number, What::Expect(template));
                Ok(())
            }
            ">" => {
                let line = self.template(rest)?;
                self.put(number, What::Command { line, data: None, due: None });
                Ok(())
            }
            ">>" => {
                let template = self.template(rest)?;
                let (data, _) = self.command(sign)?;
                if data.is_some() {
                    return Err("this command has its >> already".into());
                }
                *data = Some(template);
                Ok(())
            }
            "!" => {
                let (_, due) = self.command(sign)?;
                if due.is_some() {
                    return Err("this command has its ! already".into());
                }
                if !is_final(rest) {
                    return Err(format!("{rest:?} is not a final result, expected OK, ERROR or +CME ERROR: 50"));
                }
                *due = Some(rest.into());
                Ok(())
            }
            "within" => {
                let millis = rest.strip_suffix("ms").and_then(|millis| millis.parse().ok());
                let within = millis.map(Duration::from_millis).filter(|within| WITHIN_ALLOWED.contains(within));
                self.within = within
                    .ok_or_else(|| format!("{rest:?} is not a time, expected 1ms to 86400000ms, such as 5000ms"))?;
                self.unused = Some(number);
                Ok(())
            }
            _ => Err(unknown(line)),
        }
    }

    fn put(&mut self, line: usize, what: What) {
        self.unused = None;
        self.steps.push(Step { line, within: self.within, what });
    }

    /// The data and the final result of the command that is the last step.
    fn command(&mut self, sign: &str) -> Result<(&mut Option<Template>, &mut Option<Box<str>>), String> {
        match self.steps.last_mut() {
            Some(Step { what: What::Command { data, due, .. }, .. }) => Ok((data, due)),
            _ => Err(format!("{sign} belongs after the > line of its command, with nothing between them")),
        }
    }

    /// Text in which all names are known.
    fn template(&self, text: &str) -> Result<Template, String> {
        let template = Template::parse(text)?;
        if let Some(name) = template.names().find(|name| !self.known.contains(*name)) {
            return Err(format!("${name} is not known here"));
        }
        Ok(template)
    }
}

/// What is wrong with a line that begins with nothing known, and what may be meant.
fn unknown(line: &str) -> String {
    let text = line.trim_start();
    let sign = [">>", "<", ">", "!", "within"].into_iter().find(|sign| {
        let first = text.get(..sign.len()).unwrap_or_default();
        first.eq_ignore_ascii_case(sign)
    });
    match sign {
        _ if text.starts_with('#') => format!("a comment begins with # at the start of its line: {text}"),
        Some(sign) => {
            let rest = text.get(sign.len()..).unwrap_or_default().trim_start();
            format!("expected one {sign} at the start of the line and one space after it: {sign} {rest}")
        }
        None if text.len() < 2 || !text.get(..2).is_some_and(|first| first.eq_ignore_ascii_case("AT")) => {
            "expected a line that begins with >, >>, <, !, within or #, and a space".into()
        }
        None => format!("expected a line that begins with >, >>, <, !, within or #, and a space, such as > {text}"),
    }
}

/// Whether a line ends the answer to a command.
pub(super) fn is_final(line: &str) -> bool {
    let code = line.strip_prefix("+CME ERROR: ");
    line == "OK" || line == "ERROR" || code.is_some_and(|code| !code.is_empty() && code.trim() == code)
}

/// How long each line may take that no `within` is in front of.
const WITHIN: Duration = Duration::from_secs(10);
/// From a millisecond to a day.
const WITHIN_ALLOWED: std::ops::RangeInclusive<Duration> = Duration::from_millis(1)..=Duration::from_secs(86_400);

const EXAMPLES: [(&str, &str); 4] = [
    ("<", "a line of the modem, such as < +CSQ: $signal,99"),
    (">", "a line to type, such as > AT+CSQ"),
    (">>", "the data to type, such as >> hello"),
    ("!", "a final result, such as ! ERROR"),
];

/// Text with names in it.
pub(super) struct Template(Vec<Part>);

enum Part {
    Text(Box<[u8]>),
    Name(Box<str>),
}

impl Template {
    fn parse(text: &str) -> Result<Template, &'static str> {
        let mut parts: Vec<Part> = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some((before, behind)) = rest.split_once('$') {
            plain.push_str(before);
            if let Some(behind) = behind.strip_prefix('$') {
                plain.push('$');
                rest = behind;
                continue;
            }
            let end = behind.find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
            let (name, behind) = behind.split_at(end.unwrap_or(behind.len()));
            if name.is_empty() {
                return Err("$ without a name; a dollar sign is $$");
            }
            if plain.is_empty() && matches!(parts.last(), Some(Part::Name(_))) {
                return Err("two names with nothing between them");
            }
            if !plain.is_empty() {
                parts.push(Part::Text(std::mem::take(&mut plain).into_bytes().into()));
            }
            parts.push(Part::Name(name.into()));
            rest = behind;
        }
        plain.push_str(rest);
        if !plain.is_empty() {
            parts.push(Part::Text(plain.into_bytes().into()));
        }
        Ok(Template(parts))
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|part| match part {
            Part::Name(name) => Some(&**name),
            Part::Text(_) => None,
        })
    }

    /// With what its names stand for.
    pub(super) fn fill(&self, names: &Names) -> Vec<u8> {
        let bytes = self.0.iter().map(|part| match part {
            Part::Text(text) => &**text,
            Part::Name(name) => names.get(name).map(|value| &**value).unwrap_or_default(),
        });
        bytes.collect::<Vec<&[u8]>>().concat()
    }

    /// What the new names stand for, if the whole line is like this.
    pub(super) fn matches(&self, line: &[u8], names: &Names) -> Option<Names> {
        let (mut rest, mut found) = (line, Names::new());
        let mut parts = self.0.iter().peekable();
        while let Some(part) = parts.next() {
            let value = match part {
                Part::Text(text) => text,
                Part::Name(name) => match names.get(name).or_else(|| found.get(name)) {
                    Some(value) => value,
                    None => {
                        let end = match parts.peek() {
                            Some(Part::Text(text)) => rest.iter().position(|byte| text.first() == Some(byte))?,
                            _ => rest.len(),
                        };
                        let (value, behind) = rest.split_at_checked(end)?;
                        found.insert(name.clone(), value.into());
                        rest = behind;
                        continue;
                    }
                },
            };
            rest = rest.strip_prefix(&**value)?;
        }
        rest.is_empty().then_some(found)
    }

    /// As it was written.
    pub(super) fn words(&self) -> String {
        let words = self.0.iter().map(|part| match part {
            Part::Text(text) => String::from_utf8_lossy(text).replace('$', "$$"),
            Part::Name(name) => format!("${name}"),
        });
        words.collect()
    }
}
