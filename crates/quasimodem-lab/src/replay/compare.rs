//! Compares what was answered with what is.

use super::log::{Log, Said, Turn, Typed};
use super::play::Ours;
use super::rules::Judge;
use super::{Difference, Report};
use crate::script::{shown, without_secrets};

/// Lines of one turn that are aligned, on either side; those behind are compared by their text alone.
const ALIGNED_MAX: usize = 200;

/// Turns within which a line that is missing is looked for, unless a rule lets it come anywhere.
const NEAR: usize = 3;

/// What of our answers differs from the log's.
pub(super) fn compare(log: &Log, ours: &Ours, rules: &Judge<'_>) -> Report {
    let mut found = Found { rules, explained: 0, missing: Vec::new(), extra: Vec::new() };
    let first = log.turns.first().map_or(1, |turn| turn.line);
    found.align(0, first, &log.greeting, &ours.greeting);
    for (index, (turn, ours)) in log.turns.iter().zip(&ours.turns).enumerate() {
        found.align(index + 1, turn.line, &turn.said, ours);
    }
    let moved = found.moved();
    Report {
        differences: found.differences(&log.turns, &moved),
        explained: found.explained,
        idle_rules: rules.idle(),
        typed: log.turns.len(),
        answers: log.said().count(),
        compared: log.said().filter(|said| !rules.skips(&said.text)).count(),
    }
}

/// Lines that have no other, yet.
struct Found<'a> {
    rules: &'a Judge<'a>,
    explained: usize,
    missing: Vec<Lone>,
    extra: Vec<Lone>,
}

struct Lone {
    /// The turn, 0 before the first.
    turn: usize,
    /// Where it is told: the line of the log, or of what was typed.
    line: usize,
    text: String,
    /// Of one that is missing: which extra one stands in its place.
    instead: Option<usize>,
}

impl Found<'_> {
    /// Finds lines of one turn that are the same, as many as keep their order; the others are alone.
    fn align(&mut self, turn: usize, typed: usize, theirs: &[Said], ours: &[String]) {
        let theirs: Vec<&Said> = theirs.iter().filter(|said| !self.rules.skips(&said.text)).collect();
        let (rows, columns) = (theirs.len().min(ALIGNED_MAX), ours.len().min(ALIGNED_MAX));
        let same = |row: usize, column: usize| self.rules.same(&theirs[row].text, &ours[column]);
        // How many can be kept from here on: the classic table, from its end.
        let width = columns + 1;
        let mut kept = vec![0_u16; (rows + 1) * width];
        for row in (0..rows).rev() {
            for column in (0..columns).rev() {
                kept[row * width + column] = if same(row, column) {
                    kept[(row + 1) * width + column + 1] + 1
                } else {
                    kept[(row + 1) * width + column].max(kept[row * width + column + 1])
                };
            }
        }
        let (mut row, mut column, mut explained) = (0, 0, 0);
        let (mut missing, mut extra) = (Vec::new(), Vec::new());
        // Between two that are the same, one stands in the place of another.
        let mut gap = (0, 0);
        while row < rows || column < columns {
            let is_both = row < rows && column < columns;
            if is_both && same(row, column) {
                explained += usize::from(theirs[row].text != ours[column]);
                pair(&mut missing, extra.len(), gap, self.extra.len());
                gap = (missing.len(), extra.len());
                (row, column) = (row + 1, column + 1);
            } else if column == columns
                || (is_both && kept[(row + 1) * width + column] >= kept[row * width + column + 1])
            {
                missing.push(Lone { turn, line: theirs[row].line, text: theirs[row].text.clone(), instead: None });
                row += 1;
            } else {
                extra.push(Lone { turn, line: typed, text: ours[column].clone(), instead: None });
                column += 1;
            }
        }
        pair(&mut missing, extra.len(), gap, self.extra.len());
        let rest = theirs[rows..].iter();
        missing.extend(rest.map(|said| Lone { turn, line: said.line, text: said.text.clone(), instead: None }));
        extra.extend(ours[columns..].iter().map(|text| Lone { turn, line: typed, text: text.clone(), instead: None }));
        self.explained += explained;
        self.missing.append(&mut missing);
        self.extra.append(&mut extra);
    }

    /// For each that is missing, where it came instead, if it did: in another turn, or in another order.
    fn moved(&self) -> Vec<Option<usize>> {
        let mut taken = vec![false; self.extra.len()];
        let mut moved = Vec::new();
        for lone in &self.missing {
            // Both are in the order of turns.
            let reach = if self.rules.moves(&lone.text) { usize::MAX } else { NEAR };
            let begin = self.extra.partition_point(|other| other.turn.saturating_add(reach) < lone.turn);
            let end = lone.turn.saturating_add(reach);
            let near = (begin..self.extra.len()).take_while(|place| self.extra[*place].turn <= end);
            let place = near
                .filter(|place| !taken[*place] && self.rules.same(&lone.text, &self.extra[*place].text))
                .min_by_key(|place| self.extra[*place].turn.abs_diff(lone.turn));
            if let Some(place) = place {
                taken[place] = true;
            }
            moved.push(place);
        }
        moved
    }

    /// What no rule explains, in words.
    fn differences(&mut self, turns: &[Turn], moved: &[Option<usize>]) -> Vec<Difference> {
        let mut is_told = vec![false; self.extra.len()];
        moved.iter().flatten().for_each(|place| is_told[*place] = true);
        let mut told = Vec::new();
        for (lone, place) in self.missing.iter().zip(moved) {
            let (expected, typed) = (shown(lone.text.as_bytes()), typed(turns, lone.turn));
            let words = match (place, lone.instead) {
                (Some(_), _) if self.rules.moves(&lone.text) => {
                    self.explained += 1;
                    continue;
                }
                (Some(place), _) if self.extra[*place].turn == lone.turn => {
                    format!("{expected} came in another order ({typed})")
                }
                (Some(place), _) => format!("{expected} came at line {} ({typed})", self.extra[*place].line),
                (None, Some(place)) if !is_told[place] => {
                    is_told[place] = true;
                    match shown(self.extra[place].text.as_bytes()) {
                        // Behind its name there may be a secret.
                        got if got == expected => format!("{expected} has other values ({typed})"),
                        got => format!("expected {expected}, got {got} ({typed})"),
                    }
                }
                (None, _) => format!("expected {expected}, which did not come ({typed})"),
            };
            told.push((lone.turn, Difference { line: lone.line, words }));
        }
        for (lone, _) in self.extra.iter().zip(&is_told).filter(|(_, is_told)| !**is_told) {
            let (came, typed) = (shown(lone.text.as_bytes()), typed(turns, lone.turn));
            told.push((
                lone.turn,
                Difference { line: lone.line, words: format!("{came} came, which the log has not ({typed})") },
            ));
        }
        told.sort_by_key(|(turn, difference)| (*turn, difference.line));
        told.into_iter().map(|(_, difference)| difference).collect()
    }
}

/// Those of a gap stand in each other's place, one by one; `before` is how many extra ones earlier turns have.
fn pair(missing: &mut [Lone], extra: usize, gap: (usize, usize), before: usize) {
    for (lone, place) in missing[gap.0..].iter_mut().zip(gap.1..extra) {
        lone.instead = Some(before + place);
    }
}

/// What was typed in a turn.
fn typed(turns: &[Turn], turn: usize) -> String {
    match turn.checked_sub(1).and_then(|turn| turns.get(turn)).map(|turn| &turn.typed) {
        None => "before the first line".into(),
        Some(Typed::Line(line)) => without_secrets(&String::from_utf8_lossy(line)),
        Some(Typed::Bytes(_) | Typed::Unknown(_)) => "after data".into(),
    }
}
