//! Secrets of events: each has a number, so that a reader sees where the same one comes again.

use std::collections::BTreeMap;

use quasimodem_core::Marked;

use crate::judged::joined;

/// So many secrets have numbers of their own; what is behind has none.
const MAX: usize = 1000;

/// The secrets of a run, which never leave this.
#[derive(Default)]
pub(super) struct Secrets {
    numbers: BTreeMap<Box<[u8]>, usize>,
}

impl Secrets {
    /// Text with `‹secret 1›` in the place of each secret. What is no UTF-8 is replaced by U+FFFD.
    pub(super) fn text(&mut self, marked: Marked<'_>) -> String {
        let bytes = marked.bytes();
        let (mut text, mut done) = (String::with_capacity(bytes.len()), 0);
        let put = |text: &mut String, bytes: Option<&[u8]>| {
            text.push_str(&String::from_utf8_lossy(bytes.unwrap_or_default()));
        };
        for secret in joined(marked) {
            put(&mut text, bytes.get(done..secret.start));
            text.push_str(&self.name(bytes.get(secret.clone()).unwrap_or_default()));
            done = secret.end;
        }
        put(&mut text, bytes.get(done..));
        text
    }

    /// How a secret is shown.
    pub(super) fn name(&mut self, secret: &[u8]) -> String {
        // Quotes are part of it where they were typed with it.
        let secret = secret.strip_prefix(b"\"").unwrap_or(secret);
        let secret = secret.strip_suffix(b"\"").unwrap_or(secret);
        if let Some(number) = self.numbers.get(secret) {
            return format!("‹secret {number}›");
        }
        if self.numbers.len() == MAX {
            return "‹secret›".into();
        }
        let number = self.numbers.len() + 1;
        self.numbers.insert(secret.into(), number);
        format!("‹secret {number}›")
    }
}
