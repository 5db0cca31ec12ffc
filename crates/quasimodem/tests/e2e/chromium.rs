//! A browser without a window, told what to do over a pipe (the DevTools protocol): no port, no driver.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tempfile::{TempDir, tempdir};

use crate::LIMIT;

/// A browser with one page.
pub(crate) struct Chromium {
    child: Child,
    to: ChildStdin,
    from: Receiver<Value>,
    /// What the browser said by itself, and nobody has asked for yet.
    said: Vec<Value>,
    /// The number of the last call.
    last: u64,
    session: Option<String>,
    _profile: TempDir,
}

/// Debian's packages of these names.
const NAMES: [&str; 2] = ["chromium-headless-shell", "chromium"];

impl Chromium {
    /// Starts it with an empty page of 1280 by 800 pixels.
    pub(crate) fn start() -> Chromium {
        Chromium::start_with(&[])
    }

    /// The same with further options.
    pub(crate) fn start_with(options: &[&str]) -> Chromium {
        let profile = tempdir().unwrap();
        let name = NAMES.iter().find(|name| is_there(name)).unwrap_or_else(|| {
            panic!("there is no Chromium; these tests need it: on Debian, apt-get install {}", NAMES[0])
        });
        let mut command = Command::new("sh");
        // The browser reads from descriptor 3 and writes to 4.
        command.args(["-c", r#"exec "$@" 3<&0 4>&1 </dev/null >/dev/null 2>&1"#, "sh", name]);
        command.args([
            "--headless=new",
            "--remote-debugging-pipe",
            "--no-sandbox",
            "--disable-gpu",
            "--hide-scrollbars",
        ]);
        command.args(["--no-first-run", "--disable-dev-shm-usage", "--disable-background-networking"]);
        command.args(options);
        command.arg(format!("--user-data-dir={}", profile.path().display()));
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (to, from) = (child.stdin.take().unwrap(), messages(child.stdout.take().unwrap()));
        let mut browser = Chromium { child, to, from, said: Vec::new(), last: 0, session: None, _profile: profile };
        let page = browser.call("Target.createTarget", &json!({ "url": "about:blank" }))["targetId"].clone();
        let attached = browser.call("Target.attachToTarget", &json!({ "targetId": page, "flatten": true }));
        browser.session = Some(attached["sessionId"].as_str().unwrap().into());
        for domain in ["Page", "Runtime", "Log", "Network"] {
            browser.call(&format!("{domain}.enable"), &json!({}));
        }
        browser.resize(1280, 800);
        browser
    }

    /// Opens an address, and waits until all of it is there.
    pub(crate) fn open(&mut self, address: &str) {
        // An address that differs in its fragment only would not load anew.
        for address in ["about:blank", address] {
            self.said.retain(|event| event["method"] != "Page.loadEventFired");
            let answer = self.call("Page.navigate", &json!({ "url": address }));
            assert_eq!(answer.get("errorText"), None, "{address}");
            self.wait_for("Page.loadEventFired");
        }
    }

    /// Opens an address whose page is this, whatever is there: as a server gives it before its name leads elsewhere.
    pub(crate) fn open_as(&mut self, address: &str, page: &str) {
        self.call("Fetch.enable", &json!({ "patterns": [{ "urlPattern": address }] }));
        self.said.retain(|event| event["method"] != "Page.loadEventFired");
        self.send("Page.navigate", &json!({ "url": address }));
        self.wait_for("Fetch.requestPaused");
        let paused = self.said.iter().find(|said| said["method"] == "Fetch.requestPaused").unwrap();
        let request = paused["params"]["requestId"].clone();
        let headers = json!([{ "name": "Content-Type", "value": "text/html" }]);
        let answer = json!({
            "requestId": request, "responseCode": 200, "responseHeaders": headers, "body": STANDARD.encode(page),
        });
        self.call("Fetch.fulfillRequest", &answer);
        self.wait_for("Page.loadEventFired");
        self.call("Fetch.disable", &json!({}));
    }

    /// Waits until an expression of JavaScript is true.
    #[track_caller]
    pub(crate) fn until(&mut self, condition: &str) {
        let limit = LIMIT.as_millis();
        let is_met = self.run(&format!(
            "new Promise((done) => {{ const end = Date.now() + {limit}; \
             const look = () => ({condition} ? done(true) : Date.now() > end ? done(false) : requestAnimationFrame(look)); \
             look(); }})"
        ));
        if is_met != true {
            let page = self.text("document.body.innerText");
            panic!("{condition} does not come true:\n{page}");
        }
    }

    /// The value of an expression of JavaScript; a promise is awaited.
    #[track_caller]
    pub(crate) fn run(&mut self, script: &str) -> Value {
        let parameters = json!({ "expression": script, "returnByValue": true, "awaitPromise": true });
        let answer = self.call("Runtime.evaluate", &parameters);
        assert_eq!(answer.get("exceptionDetails"), None, "{script}");
        answer["result"]["value"].clone()
    }

    /// The same of an expression that is a text.
    #[track_caller]
    pub(crate) fn text(&mut self, script: &str) -> String {
        let value = self.run(script);
        value.as_str().unwrap_or_else(|| panic!("{script} is {value}")).into()
    }

    /// Waits until what was changed is drawn.
    pub(crate) fn settle(&mut self) {
        self.run("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(0))))");
    }

    /// Presses a key, such as `ArrowDown` or `/`.
    pub(crate) fn press(&mut self, key: &str) {
        // What a browser does by itself at a key goes by its code.
        let (code, text) = match key {
            "Tab" => (9, ""),
            "Enter" => (13, "\r"),
            " " => (32, " "),
            _ if key.chars().count() == 1 => (0, key),
            _ => (0, ""),
        };
        for (kind, text) in [("keyDown", text), ("keyUp", "")] {
            let event = json!({ "type": kind, "key": key, "text": text, "windowsVirtualKeyCode": code });
            self.call("Input.dispatchKeyEvent", &event);
        }
        self.settle();
    }

    /// Types text where the focus is.
    pub(crate) fn type_text(&mut self, text: &str) {
        self.call("Input.insertText", &json!({ "text": text }));
        self.settle();
    }

    /// Gives the page so many pixels.
    pub(crate) fn resize(&mut self, width: u32, height: u32) {
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.call("Emulation.setDeviceMetricsOverride", &size);
    }

    /// Prefers a colour scheme, `light` or `dark`.
    pub(crate) fn prefer(&mut self, scheme: &str) {
        let feature = json!({ "name": "prefers-color-scheme", "value": scheme });
        self.call("Emulation.setEmulatedMedia", &json!({ "features": [feature] }));
        self.settle();
    }

    /// Prints the page, as PDF.
    pub(crate) fn print(&mut self) -> Vec<u8> {
        let answer = self.call("Page.printToPDF", &json!({ "printBackground": true }));
        STANDARD.decode(answer["data"].as_str().unwrap()).unwrap()
    }

    /// The addresses that were asked for since the start, but for empty pages.
    pub(crate) fn requests(&self) -> Vec<&str> {
        let asked = self.said.iter().filter(|event| event["method"] == "Network.requestWillBeSent");
        asked.filter_map(|event| event["params"]["request"]["url"].as_str()).collect()
    }

    /// What went to the console, and exceptions.
    pub(crate) fn complaints(&self) -> Vec<&Value> {
        let complaints = ["Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded"];
        self.said.iter().filter(|event| complaints.iter().any(|name| event["method"] == *name)).collect()
    }

    fn call(&mut self, method: &str, parameters: &Value) -> Value {
        self.send(method, parameters);
        loop {
            let message = self.next(method);
            if message["id"] == self.last {
                assert_eq!(message.get("error"), None, "{method}");
                return message["result"].clone();
            }
            self.said.push(message);
        }
    }

    fn send(&mut self, method: &str, parameters: &Value) {
        self.last += 1;
        let mut call = json!({ "id": self.last, "method": method, "params": parameters });
        if let Some(session) = &self.session {
            call["sessionId"] = session.as_str().into();
        }
        self.to.write_all(format!("{call}\0").as_bytes()).unwrap();
    }

    fn wait_for(&mut self, event: &str) {
        while !self.said.iter().any(|said| said["method"] == event) {
            let message = self.next(event);
            self.said.push(message);
        }
    }

    fn next(&self, waited_for: &str) -> Value {
        self.from.recv_timeout(2 * LIMIT).unwrap_or_else(|error| panic!("Chromium, {waited_for}: {error}"))
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn is_there(name: &str) -> bool {
    Command::new("sh").args(["-c", r#"command -v "$1""#, "sh", name]).stdout(Stdio::null()).status().unwrap().success()
}

/// Messages, each with a NUL at its end, until the browser is gone.
fn messages(from: ChildStdout) -> Receiver<Value> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        for message in BufReader::new(from).split(0) {
            let Some(message) = message.ok().and_then(|message| serde_json::from_slice(&message).ok()) else { return };
            if sender.send(message).is_err() {
                return;
            }
        }
    });
    receiver
}
