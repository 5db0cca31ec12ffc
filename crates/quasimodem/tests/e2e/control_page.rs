//! The page of control, as a browser shows it and a person uses it.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};
use tempfile::tempdir;
use toml::de::DeTable;

use crate::api::{Api, lab, lab_at};
use crate::chromium::Chromium;
use crate::host::Host;
use crate::program::{Program, run_to_end};

/// The page of a run, open in a browser.
struct Page {
    browser: Chromium,
    api: Api,
}

impl Page {
    fn of(api: Api) -> Page {
        let mut page = Page::closed(api);
        page.browser.until("document.getElementById('link').textContent.startsWith('connected')");
        page
    }

    /// One that does not get in, perhaps.
    fn closed(api: Api) -> Page {
        let mut browser = Chromium::start();
        browser.open(&format!("http://{}/", api.address()));
        Page { browser, api }
    }

    /// Waits until this is somewhere in the element.
    #[track_caller]
    fn shows(&mut self, id: &str, words: &str) {
        self.browser.until(&format!("document.getElementById('{id}').innerText.includes({})", json!(words)));
    }

    /// Presses the button that is called so.
    #[track_caller]
    fn click(&mut self, words: &str) {
        let script = format!(
            "[...document.querySelectorAll('button')].find((b) => b.offsetParent && (b.ariaLabel ?? b.textContent) === {}).click()",
            json!(words)
        );
        self.browser.run(&script);
    }

    /// Goes on by Tab until this expression is the focus.
    #[track_caller]
    fn tab_to(&mut self, element: &str) {
        for _ in 0..200 {
            self.browser.press("Tab");
            if self.browser.run(&format!("document.activeElement === {element}")) == true {
                return;
            }
        }
        panic!("Tab never comes to {element}");
    }

    /// What was clicked, in this form.
    fn record(&mut self, form: &str) -> String {
        self.browser.text(&format!(
            "(() => {{ const f = document.getElementById('form'); f.value = '{form}'; f.dispatchEvent(new Event('change')); \
             return document.getElementById('recorded').value; }})()"
        ))
    }

    /// Nothing was asked for but the run itself, and nothing went wrong.
    #[track_caller]
    fn is_clean(&self) {
        // A browser notes what was refused; the page says it.
        let is_refusal = |complaint: &&Value| complaint["params"]["entry"]["source"] == "network";
        let complaints = self.browser.complaints().into_iter().filter(|complaint| !is_refusal(complaint));
        assert_eq!(complaints.collect::<Vec<_>>(), Vec::<&Value>::new());
        let own = format!("http://{}/", self.api.address());
        for request in self.browser.requests() {
            assert!(request.starts_with(&own) || request == "about:blank", "{request}");
        }
    }
}

fn open(api: &Api) -> String {
    format!(r#"AT+MQTTOPEN=1,"127.0.0.1",{},1,60"#, api.get("/run").json()["broker"]["port"])
}

/// Types a line by the route for it.
fn type_line(api: &Api, line: &str) {
    let body = json!({ "text": line }).to_string();
    assert_eq!(api.send("POST", "/modems/modem/console", &body).status, 200);
}

/// What a newcomer does first: break something, see it, repeat it.
#[test]
fn the_first_minute() {
    let (program, api) = lab_at("pty", "0", &[]);
    let mut page = Page::of(api);
    page.shows("port", "No host yet: open /dev/");
    let mut host = Host::open(program.address());
    page.shows("port", "Port /dev/");
    host.command(&open(&page.api));
    host.expect("\r\n+MQTTOPEN: 1,1\r\n");
    page.shows("terminal", "+MQTTOPEN: 1,1");
    page.shows("state", "1 open");
    page.click("Data call lost");
    host.expect("\r\n+MIPCALL: 0\r\n");
    host.expect("\r\n+MQTTBREAK: 1,2\r\n");
    page.shows("terminal", "+MQTTBREAK: 1,2");
    page.shows("rows", "+MQTTBREAK: 1,2");
    page.shows("rows", "fault data-call-lost hits");
    page.shows("active", "spent, 1 match, 1 hit");
    page.shows("spoken", "client 1 broken");
    page.click("Did all hit?");
    page.shows("verdict", "Yes.");

    // A host has the port, so nothing is typed.
    page.browser.run("document.getElementById('line').focus()");
    page.browser.type_text("AT");
    page.browser.press("Enter");
    page.shows("said", "a host has the port of the modem");

    // What was clicked, for a shell, for programs, and to be played again.
    assert_eq!(page.record("ctl"), "quasimodem ctl fault data-call-lost times=1\n");
    let curl = page.record("curl");
    assert!(curl.contains(r#"curl -X PUT --json '{"fault":"data-call-lost","times":1}' "$API"/faults/data-call-lost"#));
    let text = page.record("scenario");
    let scenario = DeTable::parse(&text).unwrap();
    let faults = scenario.get_ref().get("faults").unwrap().get_ref().as_array().unwrap();
    let fault = faults[0].get_ref().as_str().unwrap();
    assert!(fault.starts_with("data-call-lost times=1 at=") && fault.ends_with("ms"), "{fault}");
    assert_eq!(scenario.get_ref().get("script").unwrap().get_ref().as_str(), Some("host.chat"));
    let chat = page.record("chat");
    assert!(chat.contains("> AT+MQTTOPEN=1,\"127.0.0.1\",$broker,1,60\n"), "{chat}");
    let folder = tempdir().unwrap();
    let file = folder.path().join("run.toml");
    fs::write(&file, &text).unwrap();
    fs::write(folder.path().join("host.chat"), &chat).unwrap();
    let play = || run_to_end(&["simulate", file.to_str().unwrap(), "--events", "-"], "");
    let (played, again) = (play(), play());
    assert_eq!(played.code, Some(0), "{text}\n{chat}\n{}", played.stderr);
    assert!(played.stdout.contains(r#""text":"+MQTTBREAK: 1,2""#), "{}", played.stdout);
    assert_eq!(played.stdout, again.stdout);
    assert!(page.record("timeline").ends_with("quasimodem timeline run.ndjson -o run.html\n"));

    page.click("Clear data-call-lost");
    page.shows("active", "none");
    assert_eq!(page.api.get("/faults/data-call-lost").json()["faults"][0]["state"], "cleared");
    page.is_clean();
    program.terminate();
}

/// All that the table has, and nothing that it has not; each example can be armed, and each button.
#[test]
fn a_form_for_each_fault() {
    let (program, api) = lab(&["--cloud", "tencent"]);
    let rows = api.get("/catalog/faults").json();
    let mut page = Page::of(api);
    let names = page.browser.run("[...document.querySelectorAll('#name option')].map((o) => o.value).sort()");
    let mut due: Vec<&str> = rows.as_array().unwrap().iter().map(|row| row["name"].as_str().unwrap()).collect();
    due.sort_unstable();
    assert_eq!(names, json!(due));
    for row in rows.as_array().unwrap() {
        let name = row["name"].as_str().unwrap();
        let choose = format!(
            "(() => {{ const n = document.getElementById('name'); n.value = '{name}'; n.dispatchEvent(new Event('change')); \
             document.getElementById('example').click(); \
             return [...document.querySelectorAll('#fault [name]')].map((f) => f.name); }})()"
        );
        let fields = page.browser.run(&choose);
        let keys = ["parameters", "matches", "common"].into_iter().flat_map(|part| row[part].as_array().unwrap());
        assert_eq!(fields, keys.map(|key| key["key"].clone()).collect::<Value>(), "{name}");
        page.browser.run("(window.armed = document.getElementById('recorded').value, document.querySelector('#fault button').click())");
        page.browser.until(
            "document.getElementById('said').textContent || document.getElementById('recorded').value !== window.armed",
        );
        assert_eq!(page.browser.text("document.getElementById('said').textContent"), "", "{name}");
    }
    assert_eq!(page.api.get("/faults").json()["faults"].as_array().unwrap().len(), due.len());
    page.click("Clear all faults");
    page.shows("active", "none");
    let buttons =
        page.browser.run("[...document.querySelectorAll('#dozen button, #radio button')].map((b) => b.textContent)");
    assert_eq!(buttons.as_array().unwrap().len(), 25);
    for button in buttons.as_array().unwrap() {
        page.browser.run("window.armed = document.getElementById('recorded').value");
        page.click(button.as_str().unwrap());
        page.browser.until(
            "document.getElementById('said').textContent || document.getElementById('recorded').value !== window.armed",
        );
        assert_eq!(page.browser.text("document.getElementById('said').textContent"), "", "{button}");
    }
    let text = page.record("scenario");
    let scenario = DeTable::parse(&text).unwrap();
    let steps = |key: &str| scenario.get_ref().get(key).map_or(0, |steps| steps.get_ref().as_array().unwrap().len());
    assert_eq!(steps("radio") + steps("order"), 10, "{text}");
    page.is_clean();
    program.terminate();
}

/// Without a pointer: the line with its completion and history, a fault, and the way back.
#[test]
fn all_is_done_by_keys() {
    let (program, api) = lab(&[]);
    let mut page = Page::of(api);
    page.browser.press("Tab");
    assert_eq!(page.browser.text("document.activeElement.className"), "skip");
    page.browser.press("Enter");
    page.tab_to("document.getElementById('line')");
    page.browser.type_text("AT+CRE");
    assert_eq!(page.browser.text("document.activeElement.ariaExpanded"), "true");
    page.browser.press("ArrowDown");
    let offer = "document.getElementById(document.activeElement.getAttribute('aria-activedescendant')).textContent";
    let offer = page.browser.text(offer);
    assert!(offer.starts_with("AT+CREG"), "{offer}");
    page.browser.press("Enter");
    assert_eq!(page.browser.text("document.activeElement.value"), "AT+CREG=");
    page.browser.run("document.activeElement.value = ''");
    page.browser.type_text("AT+CREG?");
    page.browser.press("Enter");
    page.shows("terminal", "+CREG: 0,1");
    // The line before comes back, and Tab leads on.
    page.browser.until("document.getElementById('line').value === ''");
    page.browser.press("ArrowUp");
    assert_eq!(page.browser.text("document.activeElement.value"), "AT+CREG?");
    page.tab_to("document.querySelector('#dozen button')");
    page.browser.press("Enter");
    page.shows("active", "coverage-lost");
    // Where a button goes that had the focus, the focus is not lost.
    page.tab_to("document.querySelector('#active [aria-label=\"Clear coverage-lost\"]')");
    page.browser.press(" ");
    page.shows("active", "none");
    assert_eq!(page.browser.text("document.activeElement.id"), "clear");
    page.tab_to("document.getElementById('pause')");
    page.browser.press("Enter");
    assert_eq!(page.browser.text("document.activeElement.ariaPressed"), "true");
    let unnamed = page.browser.run(
        "[...document.querySelectorAll('button, input, select, textarea')].filter((e) => e.checkVisibility() && \
         !(e.textContent.trim() && e.tagName === 'BUTTON') && !e.ariaLabel && !e.labels?.length).map((e) => e.outerHTML)",
    );
    assert_eq!(unnamed, json!([]));
    page.is_clean();
    program.terminate();
}

#[test]
fn small_screens_and_both_schemes() {
    let (program, api) = lab(&[]);
    api.send(
        "PUT",
        "/faults/lost",
        r#"{"fault": "packet-drop", "type": "PUBACK", "topic": "a/b/c/d/e/f/g/h/i/j/k/l/m"}"#,
    );
    type_line(&api, r#"AT+CPIN?"#);
    type_line(&api, &format!("AT+CGMI{}", ";+CSQ".repeat(60)));
    let mut page = Page::of(api);
    page.shows("terminal", "+CSQ;+CSQ");
    page.shows("active", "lost");
    for (width, height) in [(320, 568), (640, 400), (1000, 700), (1280, 800)] {
        page.browser.resize(width, height);
        page.browser.run("document.querySelectorAll('details').forEach((d) => (d.open = true))");
        page.browser.settle();
        assert_eq!(page.browser.run("document.documentElement.scrollWidth"), width, "{width}");
        let small = page.browser.run(
            "[...document.querySelectorAll('button, select, input:not([type=checkbox]), summary, label.check')] \
             .filter((e) => e.checkVisibility() && (e.getBoundingClientRect().height < 24 || e.getBoundingClientRect().width < 24)) \
             .map((e) => e.outerHTML.slice(0, 80))",
        );
        assert_eq!(small, json!([]), "{width}: targets are too small");
    }
    let paper = |page: &mut Page| page.browser.text("getComputedStyle(document.body).backgroundColor");
    let light = paper(&mut page);
    for scheme in ["light", "dark"] {
        page.browser.prefer(scheme);
        assert_eq!(page.browser.run(FAINT), json!([]), "{scheme}");
    }
    assert_ne!(paper(&mut page), light);
    page.is_clean();
    program.terminate();
}

/// Inks whose contrast to a paper that they are used on is less than 4.5 (WCAG 2.2, 1.4.3).
const FAINT: &str = r"(() => {
    const style = getComputedStyle(document.documentElement);
    const light = (name) => {
        const hex = style.getPropertyValue(name).trim();
        const [r, g, b] = [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16) / 255)
            .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const faint = [];
    for (const ink of ['--ink', '--quiet', '--at', '--urc', '--packet', '--link', '--client', '--radio', '--peer', '--other', '--fault']) {
        for (const paper of ['--paper', '--raised', '--fault-tint', '--chosen']) {
            const [low, high] = [light(ink), light(paper)].sort((a, b) => a - b);
            if (!((high + 0.05) / (low + 0.05) >= 4.5)) faint.push(`${ink} on ${paper}`);
        }
    }
    return faint;
})()";

/// Topics and payloads come from whoever publishes.
#[test]
fn what_strangers_send_stays_text() {
    let (program, api) = lab(&[]);
    let hostile = "<script>document.title='taken'</script><img src=x onerror=\"document.title='taken'\">";
    let turned = "a\u{202e}b\u{1b}[31m\u{85}\u{200b}";
    let mut page = Page::of(api);
    type_line(&page.api, &open(&page.api));
    page.shows("terminal", "+MQTTOPEN: 1,1");
    type_line(&page.api, r##"AT+MQTTSUB=1,"#",1"##);
    page.shows("terminal", "+MQTTSUB: 1,1");
    for (topic, payload) in [(hostile, hostile), ("turned", turned)] {
        let body = json!({ "topic": topic, "payload": payload }).to_string();
        assert_eq!(page.api.send("POST", "/broker/publish", &body).status, 200);
    }
    page.shows("messages", "<script>document.title");
    page.shows("messages", "a\\u202eb\\x1b[31m");
    page.shows("rows", "<script>document.title");
    page.shows("terminal", "<img src=x");
    page.browser.settle();
    assert_eq!(page.browser.run("document.querySelectorAll('img, script').length"), 1);
    assert_eq!(page.browser.text("document.title"), "quasimodem");
    let all = page.browser.text("document.body.innerText");
    assert!(!all.contains(['\u{202e}', '\u{1b}', '\u{85}', '\u{200b}']), "{all}");
    page.is_clean();
    program.terminate();
}

/// A list can be narrowed and held, and is bounded.
#[test]
fn events_are_filtered_held_and_bounded() {
    let (program, api) = lab(&[]);
    let mut page = Page::of(api);
    let set = "(id, value) => { const e = document.getElementById(id); e.value = value; e.dispatchEvent(new Event('input')); }";
    page.api.send("PATCH", "/modems/modem/radio", r#"{"rssi": 7}"#);
    page.shows("rows", "signal 7");
    page.browser.run(&format!("({set})('query', 'signal 7')"));
    assert_eq!(page.browser.run("document.querySelectorAll('#rows li').length"), 1);
    page.browser.run(&format!("({set})('query', ''), ({set})('kind', 'radio')"));
    page.click("Pause");
    page.api.send("PATCH", "/modems/modem/radio", r#"{"rssi": 8}"#);
    page.shows("count", "paused, 1 event since");
    page.click("Pause");
    page.shows("rows", "signal 8");
    page.browser.run(&format!("({set})('kind', '')"));
    for turn in 0..1100 {
        page.api.send(
            "PATCH",
            "/modems/modem/radio",
            &json!({ "rssi": turn % 2, "stat": 1 + 4 * (turn % 2) }).to_string(),
        );
    }
    page.api.send("PATCH", "/modems/modem/radio", r#"{"rssi": 31}"#);
    page.shows("rows", "signal 31");
    let kept = page.browser.run("document.querySelectorAll('#rows li').length").as_u64().unwrap();
    assert!((1500..=2000).contains(&kept), "{kept}");
    // Who follows the end sees it.
    assert_eq!(page.browser.run("(({ scrollTop, clientHeight, scrollHeight }) => scrollTop + clientHeight >= scrollHeight - 2)(document.getElementById('list'))"), true);
    page.is_clean();
    program.terminate();
}

/// The page goes on with what it missed, or with the run that is there now.
#[test]
fn a_run_that_was_gone_comes_back() {
    let (program, api) = lab(&[]);
    let address = api.address().to_owned();
    let mut page = Page::of(api);
    page.api.send("PATCH", "/modems/modem/radio", r#"{"rssi": 7}"#);
    page.shows("rows", "signal 7");
    program.terminate();
    page.browser.until("document.getElementById('link').className === 'lost'");
    let (program, api): (Program, Api) = lab_at("tcp:0", &address, &[]);
    let seed = api.get("/run").json()["seed"].clone();
    page.shows("run", &format!("seed {seed}"));
    page.shows("link", "connected");
    assert_eq!(page.browser.run("document.getElementById('rows').innerText.includes('signal 7')"), false);
    api.send("PATCH", "/modems/modem/radio", r#"{"rssi": 8}"#);
    page.shows("rows", "signal 8");
    // A reset is no other run.
    page.click("Begin anew");
    page.shows("terminal", "module starts");
    page.shows("rows", "signal 8");
    program.terminate();
}

/// The token stays in the page; and one who may only look has nothing to press.
#[test]
fn tokens_and_reading_alone() {
    let folder = tempdir().unwrap();
    let token = folder.path().join("token");
    fs::write(&token, "0123456789abcdef0123\n").unwrap();
    fs::set_permissions(&token, fs::Permissions::from_mode(0o600)).unwrap();
    let (program, api) = lab(&["--control-token-file", token.to_str().unwrap(), "--control-read-only"]);
    let mut page = Page::closed(api);
    let show = |page: &mut Page, token: &str| {
        page.browser.until("!document.getElementById('login').hidden && document.activeElement.id === 'token'");
        page.browser.type_text(token);
        page.browser.press("Enter");
    };
    show(&mut page, "0123456789abcdef0124");
    page.shows("wrong", "That is not its token.");
    show(&mut page, "0123456789abcdef0123");
    page.shows("link", "connected, read-only");
    page.shows("rows", "run begins");
    let buttons = page
        .browser
        .run("[...document.querySelectorAll('button')].filter((b) => b.checkVisibility()).map((b) => b.id)");
    assert_eq!(buttons, json!(["verify", "pause", "journal"]));
    assert_eq!(page.browser.run("localStorage.length + sessionStorage.length + document.cookie.length"), 0);
    assert!(!page.browser.text("location.href + document.documentElement.outerHTML").contains("0123456789abcdef"));
    program.terminate();
}
