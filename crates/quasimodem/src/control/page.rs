//! The page, for people: all that it shows and does goes by the routes.

use axum::http::header;
use axum::response::{IntoResponse, Response};

use crate::page::{fill, source};

const PAGE: &str = include_str!("page/page.html");
const STYLE: &str = include_str!("page/page.css");
const SCRIPT: &str = concat!(include_str!("../page/words.js"), include_str!("page/page.js"));

/// The page. It holds nothing of the run, so it asks for no token.
pub(super) async fn serve() -> Response {
    let headers =
        [(header::CONTENT_TYPE, "text/html; charset=utf-8".to_owned()), (header::CONTENT_SECURITY_POLICY, policy())];
    (headers, page()).into_response()
}

fn page() -> Vec<u8> {
    fill(PAGE, |place, page| page.extend_from_slice(if place == "style" { STYLE } else { SCRIPT }.as_bytes()))
}

/// Only this style and this script count; only this run is asked; nobody shows it within a page of theirs.
fn policy() -> String {
    format!(
        "default-src 'none'; script-src {}; style-src {}; connect-src 'self'; img-src data:; base-uri 'none'; \
         form-action 'none'; frame-ancestors 'none'",
        source(SCRIPT),
        source(STYLE)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A browser hashes what it has read; and it is small.
    #[test]
    fn the_page_is_small_and_its_parts_are_what_their_hashes_say() {
        for part in [PAGE, STYLE, SCRIPT] {
            assert!(!part.contains('\r') && !part.is_empty());
        }
        assert!(!STYLE.contains("</") && !SCRIPT.contains("</script") && PAGE.matches("{{").count() == 2);
        assert!(page().len() < 60_000, "{}", page().len());
    }

    /// What strangers sent reaches the page as text alone.
    #[test]
    fn nothing_is_read_as_html() {
        for way in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "Function(", "srcdoc"] {
            assert!(!SCRIPT.contains(way), "{way}");
        }
    }
}
