//! What may differ.

use std::cell::Cell;
use std::fmt;
use std::str::FromStr;

use crate::flat::meant;

/// Which differences are to be expected, a line each:
///
/// | line | means |
/// |---|---|
/// | `any +CSQ: *` | a line of the log and one of ours that both fit are the same; `*` is any text |
/// | `skip +CGREG: *` | such lines count on neither side |
/// | `move +MQTTPUB: *` | such lines may come earlier or later |
/// | `# why` | nothing |
#[derive(Clone, Debug, Default)]
pub struct Rules(Vec<Rule>);

#[derive(Clone, Debug)]
struct Rule {
    line: usize,
    word: Word,
    pattern: String,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Word {
    Any,
    Skip,
    Move,
}

const WORDS: [(&str, Word); 3] = [("any", Word::Any), ("skip", Word::Skip), ("move", Word::Move)];

/// Why a rule can't be read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BadRule {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong, and what was expected.
    pub words: String,
}

/// Asks the rules, and knows which explained something.
pub(super) struct Judge<'a> {
    rules: &'a [Rule],
    used: Vec<Cell<bool>>,
}

impl Judge<'_> {
    pub(super) fn new(rules: &Rules) -> Judge<'_> {
        Judge { rules: &rules.0, used: vec![Cell::new(false); rules.0.len()] }
    }

    /// Whether both lines are the same, by themselves or by a rule.
    pub(super) fn same(&self, one: &str, other: &str) -> bool {
        one == other || self.find(Word::Any, |pattern| fits(pattern, one) && fits(pattern, other))
    }

    /// Whether such lines do not count.
    pub(super) fn skips(&self, line: &str) -> bool {
        self.find(Word::Skip, |pattern| fits(pattern, line))
    }

    /// Whether such a line may come elsewhere.
    pub(super) fn moves(&self, line: &str) -> bool {
        self.find(Word::Move, |pattern| fits(pattern, line))
    }

    /// The lines of rules that explained nothing.
    pub(super) fn idle(&self) -> Vec<usize> {
        let idle = self.rules.iter().zip(&self.used).filter(|(_, used)| !used.get());
        idle.map(|(rule, _)| rule.line).collect()
    }

    fn find(&self, word: Word, is_meant: impl Fn(&str) -> bool) -> bool {
        let found = self.rules.iter().zip(&self.used).find(|(rule, _)| rule.word == word && is_meant(&rule.pattern));
        if let Some((_, used)) = found {
            used.set(true);
        }
        found.is_some()
    }
}

impl FromStr for Rules {
    type Err = BadRule;

    fn from_str(text: &str) -> Result<Rules, BadRule> {
        let mut rules = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let (number, line) = (index + 1, line.trim());
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (word, pattern) = line.split_once(' ').unwrap_or((line, ""));
            let bad = |words| BadRule { line: number, words };
            let Some((_, known)) = WORDS.iter().find(|(name, _)| *name == word) else {
                let perhaps = meant(word, &WORDS.map(|(name, _)| name));
                return Err(bad(format!("there is no rule {word:?}{perhaps}; expected any, skip or move and a line")));
            };
            let pattern = pattern.trim();
            if pattern.is_empty() {
                return Err(bad(format!("a line is missing; expected one such as {word} +CSQ: *")));
            }
            rules.push(Rule { line: number, word: *known, pattern: pattern.into() });
        }
        Ok(Rules(rules))
    }
}

/// Whether a line is as the pattern says, `*` being any text.
fn fits(pattern: &str, line: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = line.strip_prefix(parts.next().unwrap_or_default()) else { return false };
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        match rest.split_once(part) {
            Some((_, after)) => rest = after,
            None => return false,
        }
    }
    true
}

impl fmt::Display for BadRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.line, self.words)
    }
}

impl std::error::Error for BadRule {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_are_any_text() {
        for (pattern, line, due) in [
            ("+CSQ: *", "+CSQ: 1,99", true),
            ("+CSQ: *", "+CSQ: ", true),
            ("+CSQ: *", "+CREG: 0,1", false),
            ("+A: *,99", "+A: 1,2,99", true),
            ("+A: *,99", "+A: 1,98", false),
            ("*", "", true),
            ("+A*b*c", "+A b b c", true),
            ("+A*b*c", "+A c b", false),
            ("OK", "OK", true),
            ("OK", "OKAY", false),
        ] {
            assert_eq!(fits(pattern, line), due, "{pattern} {line}");
        }
    }

    #[test]
    fn a_rule_that_is_none_is_told() {
        for (text, words) in [
            (
                "# why\n\nanny +CSQ: *",
                "3: there is no rule \"anny\", perhaps \"any\"; expected any, skip or move and a line",
            ),
            ("skip", "1: a line is missing; expected one such as skip +CSQ: *"),
        ] {
            assert_eq!(text.parse::<Rules>().unwrap_err().to_string(), words);
        }
    }
}
