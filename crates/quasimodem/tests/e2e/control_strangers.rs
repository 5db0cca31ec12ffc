//! Pages of others, which a browser shows on the machine of a run, get nothing done and read nothing.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;

use serde_json::{Value, json};

use crate::api::{Api, lab};
use crate::chromium::Chromium;

/// A page of somebody else, on another port of this machine. Its server ends with the test program.
fn foreign() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let _ = stream.read(&mut [0; 4096]);
            let page = "<!doctype html><title>elsewhere</title><link rel=icon href=data:,>";
            let head = format!(
                "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                page.len()
            );
            let _ = stream.write_all(format!("{head}{page}").as_bytes());
        }
    });
    format!("http://{address}/")
}

/// Tries whatever a page can, and says what it could read.
const TRY: &str = r#"(async (target) => {
    const read = [];
    const fault = JSON.stringify({ fault: 'coverage-lost' });
    const orders = [
        ['PUT', '/faults/taken', fault], ['POST', '/faults', fault], ['DELETE', '/faults', undefined], ['DELETE', '/faults/own', undefined],
        ['PATCH', '/modems/modem/radio', '{"stat":2}'], ['POST', '/modems/modem/power', '{"state":"off"}'],
        ['POST', '/modems/modem/console', '{"text":"AT"}'], ['POST', '/modems/modem/urc', '{"text":"+X"}'],
        ['POST', '/broker/publish', '{"topic":"taken","payload":"x"}'], ['POST', '/broker/restart', '{}'], ['POST', '/reset', '{}'],
        ['GET', '/run', undefined], ['GET', '/events', undefined], ['GET', '/faults', undefined], ['GET', '/openapi.json', undefined],
    ];
    const types = ['application/json', 'text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', 'text/json', '', 'application/json, text/plain'];
    const tries = [];
    for (const [method, path, body] of orders) {
        for (const mode of ['cors', 'no-cors', 'same-origin']) {
            for (const type of body === undefined ? [''] : types) {
                tries.push(async () => {
                    const headers = type ? { 'Content-Type': type } : {};
                    const answer = await fetch(target + path, { method, body, mode, headers, credentials: 'include' });
                    const text = await answer.text();
                    if (answer.ok || /"(fault|modem|seq|event)"\s*:/.test(text)) read.push([method, path, mode, type, text.slice(0, 80)]);
                });
            }
        }
        if (body !== undefined) tries.push(async () => void navigator.sendBeacon(target + path, new Blob([body], { type: 'text/plain' })));
    }
    await Promise.allSettled(tries.map((one) => one()));
    // Forms, with JSON in the guise of a field.
    const loaded = (element) => new Promise((done) => { element.onload = element.onerror = () => done(element); setTimeout(() => done(element), 3000); });
    for (const enctype of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data']) {
        for (const [method, path, body] of orders.filter(([method]) => method === 'POST')) {
            const frame = document.createElement('iframe');
            frame.name = 'f' + Math.random();
            document.body.append(frame);
            const form = document.createElement('form');
            Object.assign(form, { method: 'post', enctype, action: target + path, target: frame.name });
            const field = document.createElement('input');
            field.name = body.slice(0, -1) + ',"x":"';
            field.value = '"}';
            form.append(field);
            document.body.append(form);
            const done = loaded(frame);
            form.submit();
            await done;
        }
    }
    // What a page may load from anywhere.
    for (const [tag, attribute] of [['img', 'src'], ['script', 'src'], ['link', 'href'], ['iframe', 'src'], ['video', 'src'], ['object', 'data']]) {
        for (const path of ['/modems', '/faults', '/wait?until=run.ready&since=0', '/faults/own/trigger', '/modems/modem/power', '/reset', '/../../']) {
            const element = document.createElement(tag);
            if (tag === 'link') element.rel = 'stylesheet';
            element[attribute] = target + path;
            const done = loaded(element);
            document.body.append(element);
            await (tag === 'img' || tag === 'script' ? done : 0);
            if (tag === 'iframe') try { if (element.contentDocument?.body?.innerText.includes('modem')) read.push(['iframe', path]); } catch { /* as it should be */ }
        }
    }
    await new Promise((done) => {
        const source = new EventSource(target + '/events');
        source.onmessage = (event) => { read.push(['EventSource', event.data]); source.close(); done(); };
        source.onerror = () => { source.close(); done(); };
    });
    return read;
})"#;

/// A browser that holds no page back from the machine that it runs on, as most did not: the run has to.
const TRUSTING: &str = "--disable-features=LocalNetworkAccessChecks,BlockInsecurePrivateNetworkRequests,\
                        PrivateNetworkAccessSendPreflights,PrivateNetworkAccessForNavigations";

/// What a run knows of what was done to it.
fn state(api: &Api) -> Value {
    let seq = api.get("/run").json();
    let (faults, modems) = (api.get("/faults").json(), api.get("/modems").json());
    let broker = api.get("/broker/messages").json()["messages"].clone();
    json!([seq["ordered"], seq["epoch"], faults, modems["modems"][0]["power"], modems["modems"][0]["radio"], broker])
}

fn victim() -> (crate::program::Program, Api, Value) {
    let (program, api) = lab(&[]);
    assert_eq!(api.send("PUT", "/faults/own", r#"{"fault": "packet-drop"}"#).status, 201);
    let before = state(&api);
    (program, api, before)
}

#[test]
fn a_page_of_another_origin_can_not() {
    let (program, api, before) = victim();
    let mut browser = Chromium::start_with(&[TRUSTING]);
    browser.open(&foreign());
    for name in [api.address().to_owned(), api.address().replace("127.0.0.1", "localhost")] {
        let read = browser.run(&format!("{TRY}('http://{name}/api/v1')"));
        assert_eq!(read, json!([]), "{name}");
        assert_eq!(state(&api), before, "{name}");
    }
    // It asked, and was heard: else nothing was tried.
    assert!(browser.requests().iter().filter(|request| request.contains(api.address())).count() > 100);
    assert_eq!(api.get("/events?event=host.*").json()["events"], json!([]));
    program.terminate();
}

/// The name of a page was its owner's when the page came, and leads here since.
#[test]
fn a_name_that_was_led_here_can_not() {
    let (program, api, before) = victim();
    let mut browser = Chromium::start_with(&["--host-resolver-rules=MAP rebound.test 127.0.0.1", TRUSTING]);
    let here = api.address().replace("127.0.0.1", "rebound.test");
    browser
        .open_as(&format!("http://{here}/page"), "<!doctype html><title>elsewhere</title><link rel=icon href=data:,>");
    assert_eq!(browser.text("location.host"), here);
    let status = browser.run(
        "Promise.all(['GET', 'PUT', 'POST', 'DELETE', 'PATCH'].map((method) => fetch('/api/v1/faults', { method, \
         headers: { 'Content-Type': 'application/json' }, body: method === 'GET' ? undefined : '{}' }).then((a) => a.status)))",
    );
    assert_eq!(status, json!([421, 421, 421, 421, 421]));
    assert_eq!(browser.run("fetch('/').then((answer) => answer.status)"), 421);
    assert_eq!(browser.run(&format!("{TRY}('http://{here}/api/v1')")), json!([]));
    assert_eq!(state(&api), before);
    assert_eq!(api.get("/events?event=host.*").json()["events"], json!([]));
    program.terminate();
}
