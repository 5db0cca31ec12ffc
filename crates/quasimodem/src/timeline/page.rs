//! Puts the page together: its words, its looks, its script, and the events as data.

use super::read::Recording;
use crate::page::{fill, source};

const PAGE: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = concat!(include_str!("../page/words.js"), include_str!("page.js"));

/// The page of a run.
pub(super) fn page(name: &str, recording: &Recording) -> Vec<u8> {
    fill(PAGE, |place, page| match place {
        "policy" => page.extend_from_slice(policy().as_bytes()),
        "style" => page.extend_from_slice(STYLE.as_bytes()),
        "script" => page.extend_from_slice(SCRIPT.as_bytes()),
        _ => put_run(name, recording, page),
    })
}

/// Only this style and this script count, and nothing is fetched from anywhere.
fn policy() -> String {
    format!(
        "default-src 'none'; script-src {}; style-src {}; img-src data:; base-uri 'none'; form-action 'none'",
        source(SCRIPT),
        source(STYLE)
    )
}

/// Puts a JSON object: `source`, `complaints`, `events`. Behind `<`, which begins all that ends a script, nothing stands.
fn put_run(name: &str, recording: &Recording, to: &mut Vec<u8>) {
    let complaints: Vec<String> = recording.complaints().collect();
    let head = serde_json::json!({ "source": name, "complaints": complaints }).to_string();
    put(head.trim_end_matches('}'), to);
    to.extend_from_slice(b",\"events\":[");
    for (index, event) in recording.events().iter().enumerate() {
        to.extend_from_slice(if index == 0 { b"\n" } else { b",\n" });
        put(event, to);
    }
    to.extend_from_slice(b"\n]}");
}

/// In JSON `<` can only be part of a text, and there it may be written by its number.
fn put(json: &str, to: &mut Vec<u8>) {
    for (index, piece) in json.split('<').enumerate() {
        if index > 0 {
            to.extend_from_slice(b"\\u003c");
        }
        to.extend_from_slice(piece.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_the_data_ends_it() {
        let hostile = r#"{"event":"</script><!--<script>{{script}}","seq":1,"t":0,"to":{"host":"}"}}"#;
        let recording = Recording::read("{{style}}</script>}", hostile.as_bytes());
        let page = String::from_utf8(page("{{style}}</script>}", &recording)).unwrap();
        assert_eq!(page.matches("</script>").count(), 2);
        let data = page.split_once("id=\"run\">").unwrap().1.split_once("</script>").unwrap().0;
        let run: serde_json::Value = serde_json::from_str(data).unwrap();
        assert_eq!(run["source"], "{{style}}</script>}");
        assert_eq!(run["events"][0], serde_json::from_str::<serde_json::Value>(hostile).unwrap());
    }

    /// A browser hashes what it has read, with line feeds for line ends.
    #[test]
    fn the_parts_are_what_their_hashes_say() {
        for part in [PAGE, STYLE, SCRIPT] {
            assert!(!part.contains('\r') && !part.is_empty());
        }
        assert!(!STYLE.contains("{{") && !STYLE.contains("</") && !SCRIPT.contains("</script"));
        assert_eq!(PAGE.matches("{{").count(), 4);
    }
}
