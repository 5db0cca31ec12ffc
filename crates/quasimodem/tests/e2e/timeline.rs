//! `quasimodem timeline`: a run as a page, as a browser shows it.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use tempfile::{TempDir, tempdir};

use crate::chromium::Chromium;
use crate::program::run_to_end;

/// A page, open in a browser.
struct Page {
    browser: Chromium,
    address: String,
    _folder: TempDir,
}

impl Page {
    /// Draws these events.
    fn of(events: &str) -> Page {
        let folder = tempdir().unwrap();
        let (file, page) = (folder.path().join("run.json"), folder.path().join("run.html"));
        fs::write(&file, events).unwrap();
        draw(&file, &page);
        Page::open(folder, &page)
    }

    fn open(folder: TempDir, page: &Path) -> Page {
        let address = format!("file://{}", page.display());
        let mut page = Page { browser: Chromium::start(), address, _folder: folder };
        page.go("");
        page
    }

    /// Opens it at a place of its own.
    fn go(&mut self, place: &str) {
        self.browser.open(&format!("{}{place}", self.address));
        self.browser.settle();
    }

    fn run(&mut self, script: &str) -> Value {
        self.browser.run(script)
    }

    /// What stands in each row that is there, from the top.
    fn rows(&mut self) -> Vec<String> {
        let rows = self.run("[...document.querySelectorAll('.row')].map((row) => row.textContent)");
        rows.as_array().unwrap().iter().map(|row| row.as_str().unwrap().into()).collect()
    }

    /// How many rows there are, in view or not.
    fn count(&mut self) -> u64 {
        self.run("Number(chart.getAttribute('aria-rowcount')) - 1").as_u64().unwrap()
    }

    /// What stands in the row that has the focus, or would have it.
    fn chosen(&mut self) -> String {
        self.browser.text("document.querySelector('.row[aria-selected=true] .text').textContent")
    }

    /// Nothing was asked for but the page itself, and nothing went wrong.
    #[track_caller]
    fn is_clean(&self) {
        assert_eq!(self.browser.complaints(), Vec::<&Value>::new());
        for request in self.browser.requests() {
            assert!(request == self.address || request == "about:blank", "{request}");
        }
    }
}

#[track_caller]
fn draw(events: &Path, page: &Path) {
    let outcome = run_to_end(&["timeline", events.to_str().unwrap(), "-o", page.to_str().unwrap()], "");
    assert_eq!((outcome.code, &*outcome.stdout, &*outcome.stderr), (Some(0), "", ""));
}

/// Lines of JSON: these between `run.ready` and `run.end`, one each 100 ms, of one modem.
fn run_of(events: &[Value]) -> String {
    let mut text = String::from("{\"event\":\"run.ready\",\"seq\":1,\"t\":0,\"seed\":7}\n");
    for (event, seq) in events.iter().zip(2..) {
        let mut event = event.clone();
        event["seq"] = seq.into();
        event["t"] = (f64::from(seq) / 10.0).into();
        if event.get("modem").is_none() {
            event["modem"] = "modem".into();
        }
        writeln!(text, "{event}").unwrap();
    }
    let seq = events.len() + 2;
    writeln!(text, "{}", json!({ "event": "run.end", "seq": seq, "t": seq })).unwrap();
    text
}

/// A conversation with a fault in it, as often as is asked for.
fn conversation(times: u32) -> String {
    let mut events = Vec::new();
    for turn in 0..times {
        let (line, id) = (turn + 1, turn % 65_535 + 1);
        events.extend([
            json!({ "event": "host.typed", "line": line, "t0": 0.1, "text": format!("AT+MQTTPUB=1,\"t\",1,0,\"number {turn}\"") }),
            json!({ "event": "at.final", "line": line, "text": "OK" }),
            json!({ "event": "packet.up", "link": 1, "type": "PUBLISH", "size": 20, "packet_id": id, "topic": "t", "qos": 1 }),
            json!({ "event": "packet.down", "link": 1, "type": "PUBACK", "size": 4, "packet_id": id }),
            json!({ "event": "at.urc", "line": line, "text": "+MQTTPUB: 1,1" }),
        ]);
        if turn % 1000 == 7 {
            events.push(json!({ "event": "fault.hit", "id": "lost", "fault": "packet-drop", "client": 1, "item": "PUBACK", "nth": turn }));
        }
    }
    run_of(&events)
}

#[test]
fn a_run_with_a_fault_is_drawn() {
    let folder = tempdir().unwrap();
    let (script, file, page) =
        (folder.path().join("host.chat"), folder.path().join("run.json"), folder.path().join("run.html"));
    let host = "> AT+MQTTUSER=1,\"me\",\"hush\"\n> AT+MQTTOPEN=1,\"127.0.0.1\",$broker,1,60\n< +MQTTOPEN: 1,0\n\
                > AT+MQTTOPEN=1,\"127.0.0.1\",$broker,1,60\n< +MQTTOPEN: 1,1\n\
                > AT+MQTTPUB=1,\"t\",1,0,\"<img src=x onerror=alert(1)>\"\n< +MQTTPUB: 1,1\n";
    fs::write(&script, host).unwrap();
    let (script, events) = (script.to_str().unwrap(), file.to_str().unwrap());
    let fault = "connack-code code=4 times=1";
    let outcome = run_to_end(&["lab", "--mqtt", "0", "--script", script, "--events", events, "--fault", fault], "");
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    draw(&file, &page);
    assert!(!fs::read_to_string(&page).unwrap().contains("hush"));

    let mut page = Page::open(folder, &page);
    page.browser.resize(1280, 6000);
    page.browser.settle();
    let lanes = page.browser.text("[...document.querySelectorAll('.lane b')].map((lane) => lane.textContent).join()");
    assert_eq!(lanes, "host,module,link 1,broker");
    let rows = page.rows();
    let position = |words: &str| {
        rows.iter().position(|row| row.contains(words)).unwrap_or_else(|| panic!("no {words} in {rows:#?}"))
    };
    let typed = position("host to moduleAT+MQTTOPEN=1,\"127.0.0.1\",");
    let hit = position("fault connack-code hits CONNACK, number 1");
    let refused = position("client 1 not opened: refused by the broker: Bad user name or password (703)");
    let result = position("+MQTTOPEN: 1,0after ");
    assert!(typed < hit && hit < refused && refused < result, "{rows:#?}");
    position("link 1 to moduleCONNACK code 4after ");
    position("publishes t: <img src=x onerror=alert(1)>");
    // An echo says nothing that the line does not say.
    assert!(!rows.iter().any(|row| row.contains("module to hostAT")), "{rows:#?}");
    page.run("document.querySelector('[data-kind=echo]').click()");
    assert!(page.rows().iter().any(|row| row.contains("module to hostAT+MQTTUSER=1,")));
    let tracks = page.browser.text("[...document.querySelectorAll('#tracks svg')].map((t) => t.ariaLabel).join('|')");
    for track in [
        "registration: registered from",
        "data call: up from",
        "client 1: opening from",
        "results due: 1 from",
        "faults: 1 hit",
    ] {
        assert!(tracks.contains(track), "{track} in {tracks}");
    }
    assert!(page.run("document.querySelectorAll('.row .bar.open').length > 3").as_bool().unwrap());
    page.is_clean();
}

/// In whatever field it stands.
#[test]
fn what_strangers_send_stays_text() {
    let hostile = "<img src=x onerror=\"document.title='taken'\"></script><script>document.title='taken'</script>";
    let turned = "a\u{202e}b\u{1b}[31m\u{85}\u{200b}\u{feff}";
    let mut page = Page::of(&run_of(&[
        json!({ "event": "broker.published", "client_id": hostile, "topic": hostile, "payload": turned, "size": 9 }),
        json!({ "event": "packet.up", "link": hostile, "type": hostile, "topic": turned }),
        json!({ "event": "note", "of": hostile, "text": hostile, "modem": hostile }),
        json!({ "event": hostile, hostile: hostile, "to": { "host": [hostile], "port": {} } }),
        json!({ "event": "fault.hit", "client": { "a": 1 }, "id": 5, "item": null, "nth": [] }),
        json!({ "event": "client.open", "client": -7 }),
        json!({ "event": "host.typed", "line": 1, "t0": 0, "text": turned }),
        json!({ "event": "at.final", "line": 1, "text": turned, "why": hostile }),
        json!({ "event": "link.opening", "link": 1, "to": { "host": turned, "port": 1 }, "transport": "tcp" }),
        json!({ "event": "radio.registration", "stat": "constructor" }),
        json!({ "event": "__proto__", "modem": "__proto__" }),
        json!({ "event": "at.urc", "text": 17 }),
    ]));
    for place in 0..14 {
        page.run(&format!("document.querySelectorAll('.row')[{place}].click()"));
        page.browser.settle();
        assert!(page.browser.text("document.querySelector('#about pre').textContent").contains("\"event\""));
    }
    let all = page.browser.text("document.body.innerText");
    assert!(all.contains("<img src=x") && all.contains("a\\u202eb\\x1b[31m\\x85\\u200b\\ufeff"), "{all}");
    assert!(!all.contains(['\u{202e}', '\u{1b}', '\u{85}', '\u{200b}', '\u{feff}']));
    assert_eq!(page.run("document.querySelectorAll('img, #rows script, body script:not([type])').length"), 1);
    assert!(page.browser.text("document.title").ends_with("run.json – timeline"));
    assert_eq!(page.rows().len(), 14);
    page.is_clean();
}

#[test]
fn fifty_thousand_events() {
    let mut page = Page::of(&conversation(10_000));
    assert_eq!(page.count(), 10_000 * 5 + 10 + 2);
    page.run("chart.scrollTop = 1e9");
    page.browser.settle();
    let rows = page.rows();
    assert!(rows.len() < 150 && rows.last().unwrap().contains("run ends"), "{rows:#?}");

    // A link leads to an event, or to a moment.
    page.go("#seq=40005");
    assert!(page.chosen().starts_with("AT+MQTTPUB="), "{}", page.chosen());
    let typed = page.chosen();
    let visible = "(() => { const row = document.querySelector('.row[aria-selected=true]').getBoundingClientRect(); \
                   const box = chart.getBoundingClientRect(); return row.top >= box.top && row.bottom <= box.bottom; })()";
    assert_eq!(page.run(visible), true);
    page.go("#t=4000.45");
    assert_eq!(page.chosen(), typed);

    page.run("query.focus()");
    page.browser.type_text("NUMBER 4711\"");
    assert_eq!(page.browser.text("found.textContent"), "1 found");
    page.browser.press("Enter");
    assert_eq!(
        (page.chosen(), page.browser.text("found.textContent")),
        ("AT+MQTTPUB=1,\"t\",1,0,\"number 4711\"".into(), "1 of 1".into())
    );
    assert_eq!(page.browser.text("document.querySelector('.row mark').textContent"), "number 4711\"");
    page.run("only.click()");
    assert_eq!(page.rows().len(), 1);
    // The address tells all that was chosen.
    let place = page.browser.text("location.hash");
    page.go(&place);
    assert_eq!((page.rows().len(), page.browser.text("query.value")), (1, "NUMBER 4711\"".into()));
    page.is_clean();
}

#[test]
fn kinds_are_hidden_and_shown() {
    let mut page = Page::of(&conversation(20));
    page.run("document.querySelector('[data-kind=packet]').click()");
    page.run("document.querySelector('[data-kind=at]').click()");
    assert_eq!(page.count(), 20 + 1 + 2);
    let rows = page.rows();
    assert!(!rows.iter().any(|row| row.contains("PUBLISH") || row.contains("AT+")), "{rows:#?}");
    let place = page.browser.text("location.hash");
    assert!(place.ends_with("hide=echo,packet,at"), "{place}");
    // What a link leads to is shown all the same.
    page.go("#seq=2&hide=packet,at");
    assert_eq!(page.chosen(), "AT+MQTTPUB=1,\"t\",1,0,\"number 0\"");
    for kind in ["at", "urc", "fault", "other"] {
        page.run(&format!("document.querySelector('[data-kind={kind}]').click()"));
    }
    assert_eq!((page.rows().len(), page.run("empty.hidden")), (0, false.into()));
    page.is_clean();
}

#[test]
fn all_is_done_by_keys() {
    let mut page = Page::of(&conversation(2000));
    page.run("document.querySelector('.row').focus()");
    let at = |page: &mut Page, key: &str| {
        page.browser.press(key);
        page.run("Number(document.activeElement.getAttribute('aria-rowindex'))")
    };
    let last = 2000 * 5 + 2 + 3;
    assert_eq!(at(&mut page, "ArrowDown"), 3);
    assert_eq!(at(&mut page, "ArrowDown"), 4);
    assert_eq!(at(&mut page, "ArrowUp"), 3);
    assert_eq!(at(&mut page, "End"), last);
    assert_eq!(at(&mut page, "ArrowDown"), last);
    assert!(at(&mut page, "PageUp").as_u64().unwrap() < last - 5);
    assert_eq!(at(&mut page, "Home"), 2);
    // The next fault, then details and back.
    let fault = at(&mut page, "f");
    assert!(page.chosen().starts_with("fault lost hits PUBACK"));
    page.browser.press("Enter");
    assert_eq!(page.browser.text("document.activeElement.id"), "details");
    assert!(page.browser.text("about.innerText").contains("packet-drop"));
    assert_eq!(at(&mut page, "Escape"), fault);
    // What a line led to.
    at(&mut page, "Home");
    at(&mut page, "ArrowDown");
    at(&mut page, "a");
    assert_eq!(page.chosen(), "OK");
    // Time is stretched around the row that is chosen.
    let (place, scale) = (at(&mut page, "-"), page.browser.text("scale.textContent"));
    assert_eq!(at(&mut page, "+"), place);
    assert_ne!(page.browser.text("scale.textContent"), scale);
    page.browser.press("/");
    assert_eq!(page.browser.text("document.activeElement.id"), "query");
    page.browser.type_text("-f");
    assert_eq!(page.browser.text("query.value"), "-f");
    // The slider goes through the run.
    page.run("moment.focus()");
    page.browser.press("End");
    assert_eq!(page.chosen(), "run ends");
    assert!(page.browser.text("moment.ariaValueText").ends_with("run ends"));
    // Rows that are far away are not there, but the one with the focus is.
    page.run("document.querySelector('.row[aria-selected=true]').focus()");
    page.run("chart.scrollTop = 0");
    page.browser.settle();
    assert_eq!(page.run("Number(document.activeElement.getAttribute('aria-rowindex'))"), last);
    page.is_clean();
}

#[test]
fn small_screens_and_both_schemes() {
    let mut page = Page::of(&conversation(20));
    page.run("document.querySelector('.row').click()");
    for (width, height) in [(320, 568), (640, 400), (1280, 800)] {
        page.browser.resize(width, height);
        page.browser.settle();
        assert_eq!(page.run("document.documentElement.scrollWidth"), width, "{width}");
        page.run("keys.open = filter.open = true");
        assert_eq!(page.run("document.documentElement.scrollWidth"), width, "{width}, all open");
        assert_eq!(page.run("keys.querySelector('dl').getBoundingClientRect().left >= 0"), true, "{width}");
        let small = page.run(
            "[...document.querySelectorAll('button, select, summary, label.check, input[type=search], [role=slider], .row, aside a')] \
             .filter((e) => e.offsetParent && (e.getBoundingClientRect().height < 24 || e.getBoundingClientRect().width < 24)) \
             .map((e) => e.outerHTML.slice(0, 80))",
        );
        assert_eq!(small, json!([]), "{width}: targets are too small");
    }
    for scheme in ["light", "dark"] {
        page.browser.prefer(scheme);
        let faint = page.run(CONTRAST);
        assert_eq!(faint, json!([]), "{scheme}");
    }
    let dark = page.browser.text("getComputedStyle(document.body).backgroundColor");
    page.browser.prefer("light");
    assert_ne!(page.browser.text("getComputedStyle(document.body).backgroundColor"), dark);
    page.is_clean();
}

/// Texts whose contrast to each of the backgrounds of rows is less than 4.5 (WCAG 2.2, 1.4.3).
const CONTRAST: &str = r"(() => {
    const context = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
    const light = (colour) => {
        context.fillStyle = colour;
        context.fillRect(0, 0, 1, 1);
        const parts = [...context.getImageData(0, 0, 1, 1).data].slice(0, 3).map((part) => part / 255);
        const [r, g, b] = parts.map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const style = getComputedStyle(document.documentElement);
    const value = (name) => light(style.getPropertyValue(name).trim());
    const faint = [];
    for (const ink of ['--ink', '--quiet', '--at', '--urc', '--packet', '--link', '--client', '--radio', '--peer', '--other', '--fault']) {
        for (const paper of ['--paper', '--raised', '--chosen', '--hover', '--fault-tint']) {
            const [low, high] = [value(ink), value(paper)].sort((a, b) => a - b);
            const ratio = (high + 0.05) / (low + 0.05);
            if (!(ratio >= 4.5)) faint.push(`${ink} on ${paper}: ${ratio.toFixed(2)}`);
        }
    }
    return faint;
})()";

#[test]
fn paper_has_every_row() {
    let mut page = Page::of(&conversation(80));
    page.run("addEventListener('beforeprint', () => (window.printed_rows = document.querySelectorAll('.row').length))");
    let paper = page.browser.print();
    assert!(paper.starts_with(b"%PDF-") && paper.len() > 20_000);
    assert_eq!(page.run("printed_rows"), 80 * 5 + 1 + 2);
    page.browser.settle();
    assert!(page.rows().len() < 100);

    // Of very many, those from the chosen moment on, and the page says so.
    let mut page = Page::of(&conversation(500));
    page.go("#t=20");
    page.run("addEventListener('beforeprint', () => (window.printed_rows = document.querySelectorAll('.row').length))");
    page.browser.print();
    assert_eq!(page.run("printed_rows"), 2000);
    let said = page.browser.text("printed.textContent");
    assert!(said.starts_with("2,000 events from 0:20.000 on, of 2,503"), "{said}");
    page.is_clean();
}

#[test]
fn several_modems() {
    let mut page = Page::of(&run_of(&[
        json!({ "event": "host.typed", "modem": "modem1", "line": 1, "t0": 0, "text": "AT+CSQ" }),
        json!({ "event": "host.typed", "modem": "modem2", "line": 1, "t0": 0, "text": "AT+CGMM" }),
        json!({ "event": "at.final", "modem": "modem2", "line": 1, "text": "OK" }),
        json!({ "event": "at.final", "modem": "modem1", "line": 1, "text": "ERROR", "why": "why not" }),
    ]));
    let rows = page.rows();
    assert!(rows[2].contains("modem2") && rows[2].contains("AT+CGMM"), "{rows:#?}");
    // An answer is counted from the line of its own modem.
    assert!(rows[3].ends_with("OKafter 100 ms") && rows[4].ends_with("ERROR: why notafter 300 ms"), "{rows:#?}");
    page.run("modem.value = 'modem2'; modem.dispatchEvent(new Event('change'))");
    assert_eq!(page.rows().len(), 4);
    let place = page.browser.text("location.hash");
    assert!(place.contains("modem=modem2"), "{place}");
    page.go(&place);
    assert_eq!((page.rows().len(), page.browser.text("modem.value")), (4, "modem2".into()));
    page.is_clean();
}

#[test]
fn what_can_be_read_is_drawn_and_the_rest_told() {
    let folder = tempdir().unwrap();
    let file = folder.path().join("cut.json");
    let whole = conversation(3);
    let cut = format!(
        "{}Traceback (most recent call last)\n{}",
        &whole[..whole.find('\n').unwrap() + 1],
        &whole[whole.find('\n').unwrap() + 1..whole.len() - 9]
    );
    fs::write(&file, &cut).unwrap();
    let (name, page) = (file.to_str().unwrap(), folder.path().join("run.html"));
    let outcome = run_to_end(&["timeline", name, "-o", page.to_str().unwrap()], "");
    let lines: Vec<&str> = outcome.stderr.lines().collect();
    assert_eq!((outcome.code, lines.len()), (Some(0), 3), "{}", outcome.stderr);
    assert!(lines[0].starts_with(&format!("{name}:2: no JSON object at column 1; expected an event")), "{}", lines[0]);
    assert!(lines[1].starts_with(&format!("{name}:18: the line is cut off; expected an event")), "{}", lines[1]);
    assert!(lines[2].starts_with(&format!("{name}:18: ends without run.end")), "{}", lines[2]);
    let mut page = Page::open(folder, &page);
    assert!(page.browser.text("complaints.textContent").contains("cut.json:2: no JSON object"));
    assert_eq!(page.rows().len(), 3 * 5 + 1);
    page.is_clean();
}

#[test]
fn pipes_and_what_can_not_be() {
    let outcome = run_to_end(&["timeline", "-", "-o", "-"], &conversation(1));
    assert_eq!((outcome.code, &*outcome.stderr), (Some(0), ""));
    assert!(outcome.stdout.starts_with("<!doctype html>") && outcome.stdout.contains("number 0"));

    let folder = tempdir().unwrap();
    let file = folder.path().join("run.json");
    fs::write(&file, conversation(1)).unwrap();
    let (name, at) = (file.to_str().unwrap(), folder.path().to_str().unwrap());
    for (arguments, stdin, code, words) in [
        (&["timeline", "nowhere.json", "-o", "run.html"][..], "", 2, "can't read nowhere.json: No such file"),
        (&["timeline", at, "-o", "run.html"], "", 2, "is a directory"),
        (&["timeline", "-", "-o", "run.html"], "", 2, "stdin has no events: expected what --events writes"),
        (&["timeline", "-", "-o", "run.html"], "<html>", 2, "stdin:1: the line is cut off; expected an event"),
        (&["timeline", name, "-o", name], "", 2, "so it can't be written as well"),
        (&["timeline", name], "", 2, "--output <FILE.html|->"),
        (
            &["timeline", name, "-o", "/nowhere/run.html"],
            "",
            1,
            "can't write /nowhere/run.html: No such file or directory",
        ),
    ] {
        let outcome = run_to_end(arguments, stdin);
        assert_eq!((outcome.code, &*outcome.stdout), (Some(code), ""), "{arguments:?}");
        assert!(outcome.stderr.contains(words), "{arguments:?}: {}", outcome.stderr);
    }
}
