// The page of control. What strangers sent is only ever text: it reaches the page by textContent.
(() => {
  const find = (id) => document.getElementById(id);
  const API = "/api/v1";
  const KEPT = 2000, LINES = 500;
  const make = (tag, properties = {}, ...children) => {
    const element = document.createElement(tag);
    for (const [key, value] of Object.entries(properties)) {
      if (key === "class") element.className = value;
      else if (typeof value === "function") element.addEventListener(key, value);
      else if (value !== undefined && value !== false) element.setAttribute(key, value === true ? "" : value);
    }
    element.append(...children);
    return element;
  };
  const part = encodeURIComponent;

  // ---- Asking ----

  let token = null;
  let run = null;
  let modem = null;
  let rows = [];
  let commands = [];

  class Refused extends Error {
    constructor(status, words) {
      super(words);
      this.status = status;
    }
  }
  const request = (method, path, body, more = {}) => {
    const headers = { ...more.headers };
    if (token) headers.Authorization = `Bearer ${token}`;
    if (body !== undefined) headers["Content-Type"] = "application/json";
    return fetch(API + path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body), signal: more.signal, cache: "no-store" });
  };
  const answered = async (response) => {
    if (response.ok) return response;
    const problem = await response.json().catch(() => ({}));
    throw new Refused(response.status, visible(problem.detail ?? `${response.status} ${response.statusText}`));
  };
  const get = async (path) => (await answered(await request("GET", path))).json();

  const say = (words) => (find("said").textContent = words);
  // Does something, and keeps it for the record. What can't be done is said.
  const act = async (method, path, body) => {
    say("");
    const entry = { t: now(), method, path, body };
    try {
      const answer = await (await answered(await request(method, path, body))).json();
      record.push(entry);
      write();
      refresh();
      return answer;
    } catch (error) {
      say(error instanceof Refused ? error.message : "The run does not answer.");
      return null;
    }
  };
  const at = (what) => `/modems/${part(modem)}/${what}`;

  // ---- Events ----

  let events = [];
  let last = 0;
  let fresh = [];
  let held = 0;
  let isPaused = false;
  // When the run began, by the clock of this machine.
  let begun = null;
  const now = () => Math.max(events.at(-1)?.t ?? 0, begun === null ? 0 : Date.now() / 1000 - begun);

  const stream = async (signal) => {
    const headers = { Accept: "text/event-stream", "Last-Event-ID": String(last) };
    const response = await answered(await request("GET", "/events", undefined, { headers, signal }));
    linked(true);
    let rest = "", kind = "";
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const lines = (rest + value).split("\n");
      rest = lines.pop();
      for (const line of lines) {
        if (line.startsWith("event: ")) kind = line.slice(7);
        else if (line === "") kind = "";
        else if (line.startsWith("data: ")) took(kind, JSON.parse(line.slice(6)));
      }
    }
  };

  const took = (kind, event) => {
    if (kind === "lagged") {
      last = event.oldest - 1;
      event = { event: "run.gap", lost: event.oldest - event.since - 1, t: events.at(-1)?.t ?? 0, seq: last };
    }
    last = event.seq;
    if (event.wall) begun = Date.parse(event.wall) / 1000 - event.t;
    events.push(event);
    if (events.length > KEPT) events.shift();
    fresh.push(event);
    peer(event);
    announce(event);
    schedule();
    refresh();
  };

  let isDue = false;
  const schedule = () => {
    if (isDue) return;
    isDue = true;
    requestAnimationFrame(() => {
      isDue = false;
      const taken = fresh.slice(-KEPT);
      fresh = [];
      append(find("terminal"), taken.map(terminalLine).filter(Boolean), LINES);
      if (isPaused) held += taken.filter(fits).length;
      else append(find("list"), taken.filter(fits).map(row), KEPT);
      count();
      if (record.length) write();
    });
  };
  // Adds to a list of which the end is followed, as long as nobody looks at something else.
  const append = (box, lines, most) => {
    if (!lines.length) return;
    const inner = box.firstElementChild?.tagName === "OL" ? box.firstElementChild : box;
    const isAtEnd = box.scrollTop + box.clientHeight >= box.scrollHeight - 24;
    inner.append(...lines);
    while (inner.childElementCount > most) inner.firstElementChild.remove();
    if (isAtEnd) box.scrollTop = box.scrollHeight;
  };

  const haystack = (event) => `${words(event)} ${visible(JSON.stringify(event))}`.toLowerCase();
  const fits = (event) => {
    const query = find("query").value.trim().toLowerCase(), kind = find("kind").value;
    return (kind ? kindOf(event) === kind : kindOf(event) !== "echo") && (!query || haystack(event).includes(query));
  };
  const SHORT = { at: "AT", echo: "echo", urc: "URC", packet: "packet", link: "link", client: "client", radio: "radio", fault: "fault", peer: "peer", other: "run" };
  const row = (event) => {
    const kind = kindOf(event);
    const time = find("clock").checked && event.wall ? event.wall.slice(11, 23) : event.t.toFixed(3);
    const text = run.modems.length > 1 && event.modem ? `${event.modem}: ${words(event)}` : words(event);
    return make("li", { "data-kind": kind, class: isBad(event) ? "bad" : "" }, make("time", {}, time), make("small", {}, SHORT[kind]), make("span", {}, visible(text)));
  };
  const relist = () => {
    find("rows").replaceChildren();
    held = 0;
    append(find("list"), events.filter(fits).map(row), KEPT);
    find("list").scrollTop = find("list").scrollHeight;
    count();
  };
  const count = () => {
    const shown = find("rows").childElementCount;
    find("count").textContent = isPaused ? `paused, ${plural(held, "event")} since` : `${plural(shown, "event")} shown${shown < events.length ? ` of ${events.length.toLocaleString("en")}` : ""}`;
  };

  // Breaks and hits are spoken, at most once a second.
  let spoken = [];
  let speaks = null;
  const announce = (event) => {
    if (!/^(fault\.hit|client\.broken|client\.failed)$/.test(event.event) || event.t < now() - 5) return;
    spoken.push(words(event));
    speaks ??= setTimeout(() => {
      const more = spoken.length - 3;
      find("spoken").textContent = spoken.slice(0, 3).join("; ") + (more > 0 ? `; and ${more} more` : "");
      spoken = [];
      speaks = null;
    }, 1000);
  };

  // ---- The modem ----

  const terminalLine = (event) => {
    if (event.modem !== undefined && event.modem !== modem) return null;
    const line = (text, kind = "") => make("div", { class: kind }, visible(text));
    switch (event.event) {
      case "host.typed": return line(event.text, "typed");
      case "host.raw": return line(`(raw data, ${event.size} of ${event.declared} bytes)`, "typed");
      case "at.info": return line(event.text);
      case "at.final": return line(event.why ? `${event.text}   (${event.why})` : event.text, isBad(event) ? "bad" : "");
      case "at.urc": return line(event.text, isBad(event) ? "bad" : "urc");
      case "at.prompt": return line(">");
      case "host.attached": case "host.detached": case "module.boot": case "module.off": case "run.reset": return line(`— ${words(event)} —`, "aside");
      default: return null;
    }
  };

  const show = (state) => {
    const { radio, base } = state;
    const clients = state.clients.filter((client) => client.stage !== "closed").map((client) => `${client.client} ${client.stage}${client.unread ? `, ${client.unread} unread` : ""}`);
    const differs = ["stat", "rssi", "sim", "address"].some((key) => radio[key] !== base[key]);
    const facts = [
      ["Power", state.power],
      ["Host", state.host ? "at the port" : "none"],
      ["SIM", radio.sim],
      ["Network", `${REGISTRATION[radio.stat] ?? "state"} (${radio.stat}), signal ${radio.rssi}${differs ? ", by a fault" : ""}`],
      ["Data call", radio.address ?? "down"],
      ["Clients", clients.join("; ") || "none open"],
      ["Last failure", state.failure ? `${state.failure.code}: ${state.failure.why}` : "none"],
    ];
    find("state").replaceChildren(...facts.flatMap(([name, value]) => [make("dt", {}, name), make("dd", {}, visible(String(value)))]));
    const port = make("code", {}, visible(state.port));
    find("port").replaceChildren(state.host ? "Port " : "No host yet: open ", port, state.host || run.read_only ? "" : ", or type below");
    const active = state.faults.filter((fault) => fault.state !== "cleared");
    const focus = document.activeElement?.dataset?.id;
    find("active").replaceChildren(...active.map(armed));
    if (!active.length) find("active").append(make("li", { class: "quiet" }, "none"));
    if (focus !== undefined) (find("active").querySelector(`[data-id="${CSS.escape(focus)}"]`) ?? find("clear"))?.focus();
  };
  const armed = (fault) => {
    const keys = Object.entries(fault.keys).filter(([key]) => key !== "id").map(([key, value]) => `${key}=${value}`).join(" ");
    const name = fault.id === fault.fault ? fault.id : `${fault.id}: ${fault.fault}`;
    const item = make("li", {}, make("span", { class: "grow" }, visible(`${name} ${keys}`)),
      make("span", { class: fault.hits ? "hit" : "" }, `${fault.state}, ${plural(fault.matches, "match").replace("matchs", "matches")}, ${plural(fault.hits, "hit")}`));
    if (!run.read_only) {
      const path = `/faults/${part(fault.id)}`;
      item.append(make("span", { class: "pair" }, make("button", { type: "button", "data-id": `t ${fault.id}`, "aria-label": `Begin ${fault.id} now`, click: () => act("POST", `${path}/trigger`, { to: "begin" }) }, "Now"),
        make("button", { type: "button", "data-id": `c ${fault.id}`, "aria-label": `Clear ${fault.id}`, click: () => act("DELETE", path) }, "Clear")));
    }
    return item;
  };

  // Looks again, soon, and not more than so often.
  let looks = null;
  const refresh = () => {
    looks ??= setTimeout(async () => {
      try {
        show(await get(`/modems/${part(modem)}`));
        if (run.broker) holds(await get("/broker"));
      } catch {
        // The stream says whether the run is there.
      }
      looks = null;
    }, 200);
  };

  // ---- Typing ----

  const history = [];
  let place = 0;
  let offered = -1;
  const line = find("line"), offers = find("offers");
  const close = () => {
    offers.hidden = true;
    offered = -1;
    line.setAttribute("aria-expanded", "false");
    line.removeAttribute("aria-activedescendant");
  };
  const offer = () => {
    const typed = line.value.toUpperCase();
    const fitting = typed.length < 2 ? [] : commands.filter((command) => command.name.startsWith(typed) && command.name !== typed);
    offers.replaceChildren(...fitting.slice(0, 40).map((command, index) =>
      make("li", { role: "option", id: `offer-${index}`, "aria-selected": "false", mousedown: (event) => event.preventDefault(), click: () => choose(index) },
        make("b", {}, command.forms.at(-1)), ` ${command.summary}`)));
    close();
    if (fitting.length) {
      offers.hidden = false;
      line.setAttribute("aria-expanded", "true");
    }
    offers.fitting = fitting;
  };
  const choose = (index) => {
    const command = offers.fitting[index];
    line.value = command.name + (command.forms.some((form) => form.startsWith(`${command.name}=`)) ? "=" : "");
    close();
    line.focus();
  };
  const mark = (index) => {
    offered = (index + offers.childElementCount) % offers.childElementCount;
    [...offers.children].forEach((item, place) => item.setAttribute("aria-selected", String(place === offered)));
    line.setAttribute("aria-activedescendant", `offer-${offered}`);
    offers.children[offered].scrollIntoView({ block: "nearest" });
  };
  line.addEventListener("input", offer);
  line.addEventListener("blur", close);
  line.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && !offers.hidden) mark(offered === -1 && step < 0 ? offers.childElementCount - 1 : offered + step);
    else if (step) {
      place = Math.min(Math.max(place + step, 0), history.length);
      line.value = history[place] ?? "";
    } else if (event.key === "Enter" && offered >= 0) choose(offered);
    else if (event.key === "Escape" && !offers.hidden) close();
    else return;
    event.preventDefault();
  });
  const submit = (id, how) => find(id).addEventListener("submit", (event) => {
    event.preventDefault();
    how(event.target);
  });
  submit("typing", async () => {
    const text = line.value;
    close();
    const body = find("raw").checked ? { text, enter: false } : { text };
    if (!(await act("POST", at("console"), body))) return;
    if (text && history.at(-1) !== text) history.push(text);
    place = history.length;
    line.value = "";
  });
  submit("urc", () => act("POST", at("urc"), { text: find("urc-text").value }));

  // ---- Buttons ----

  const button = (words, how) => make("button", { type: "button", click: how }, words);
  const RADIO = [
    ["No coverage", { stat: 2 }], ["Home network", { stat: 1 }], ["Roaming", { stat: 5 }], ["Denied", { stat: 3 }], ["Strong signal", { rssi: 31 }], ["Weak signal", { rssi: 3 }],
    ["SIM out", { sim: "out" }], ["SIM in", { sim: "in" }], ["End data call", { call: "down" }], ["Data call up", { address: "10.0.0.2" }],
  ];
  const POWER = [["Reset", "reset"], ["Off", "off"], ["On", "on"], ["New module", "new"]];
  const DOZEN = [
    ["Coverage lost, 10 s", "coverage-lost", { lasts: "10s" }], ["SIM pulled, 10 s", "sim", { state: "out", lasts: "10s" }], ["Data call lost", "data-call-lost", { times: 1 }],
    ["Module reboots", "module-reboot", { times: 1 }], ["Module frozen, 10 s", "module-freeze", { lasts: "10s" }], ["Next OK lost", "final-lost", { times: 1 }],
    ["URC inside next answer", "urc-inside", { times: 1 }], ["Noise before next echo", "serial-noise", { times: 1 }], ["Next connect refused", "connect-refused", { times: 1 }],
    ["Next PUBACK lost", "packet-drop", { type: "PUBACK", times: 1 }], ["Links end", "link-end", { times: 1 }], ["Links half open, 10 s", "link-half-open", { lasts: "10s" }],
    ["Slow answers, 10 s", "final-delay", { ms: "1500..3000", lasts: "10s" }], ["Broker restarts", "broker-restart", { times: 1 }], ["Clock wrong, 10 s", "clock-wrong", { time: "2000-01-01", lasts: "10s" }],
  ];
  const arm = (fault, keys, id = fault) => {
    const body = { fault, ...keys };
    if (find("alone")?.checked) body.modem = modem;
    return act("PUT", `/faults/${part(id)}`, body);
  };
  find("clear").addEventListener("click", () => act("DELETE", "/faults"));
  find("reset").addEventListener("click", () => act("POST", "/reset", {}));
  find("restart").addEventListener("click", () => act("POST", "/broker/restart", {}));
  find("forget").addEventListener("click", () => act("POST", "/broker/restart", { keep: false }));
  find("gateway").addEventListener("click", () => act("POST", "/gateway/restart", {}));
  find("verify").addEventListener("click", async () => {
    const verdict = await get("/verify").catch((error) => ({ unhit: [{ id: "", why: error.message }] }));
    const lines = verdict.unhit.map((one) => `${one.id}: ${one.why}`);
    find("verdict").replaceChildren(...(lines.length ? lines : ["Yes."]).map((text) => make("li", {}, visible(text))));
  });

  // ---- A form for each fault ----

  const field = ({ key, expected, default: usual, meaning, values }) => {
    const help = `${meaning} Expected: ${expected}.${usual ? ` Default: ${usual}.` : ""}`;
    const label = make("label", { title: help }, key, " ");
    label.append(values
      ? make("select", { name: key, "aria-description": help }, make("option", { value: "" }, usual ? `(${usual})` : ""), ...values.map((value) => make("option", {}, String(value))))
      : make("input", { name: key, placeholder: usual ?? "", autocomplete: "off", spellcheck: "false", "aria-description": help }));
    return label;
  };
  const chosen = () => rows.find((row) => row.name === find("name").value);
  const draw = () => {
    const row = chosen();
    find("about").textContent = `${row.summary}${row.needs ? " Needs the lab." : ""} Example: ${row.example}`;
    find("own").replaceChildren(...row.parameters.concat(row.matches).map(field));
    find("common").replaceChildren(...row.common.map(field));
  };
  find("name").addEventListener("change", draw);
  find("example").addEventListener("click", () => {
    draw();
    // As a shell reads it.
    for (const [, key, quoted, bare] of chosen().example.matchAll(/(\w+)=(?:'([^']*)'|(\S+))/g)) find("fault").elements[key].value = quoted ?? bare;
  });
  submit("fault", (form) => {
    const keys = Object.fromEntries([...new FormData(form)].filter(([, value]) => value !== ""));
    arm(find("name").value, keys, keys.id);
  });

  // ---- The broker ----

  let connected = new Set();
  let published = [];
  const peer = (event) => {
    if (event.event === "broker.connected") connected.add(event.client_id);
    else if (event.event === "broker.disconnected") connected.delete(event.client_id);
    else if (event.event === "run.reset") connected.clear();
    else if (event.event === "broker.published") published = [event, ...published].slice(0, 50);
    else return;
    peers = true;
  };
  let peers = true;
  const holds = (broker) => {
    find("holds").textContent = `${broker.host}:${broker.port}: ${plural(broker.sessions, "session")}, ${plural(broker.subscriptions, "subscription")}, ${broker.retained} retained, ${broker.queued} queued`;
    if (!peers) return;
    peers = false;
    find("clients").replaceChildren(...[...connected].map((id) => make("li", {}, make("span", { class: "grow" }, visible(id)),
      run.read_only ? "" : make("button", { type: "button", "aria-label": `Kick ${visible(id)}`, click: () => act("POST", `/broker/clients/${part(id)}/kick`, {}) }, "Kick"))));
    find("messages").replaceChildren(...published.map((e) => make("li", {}, make("b", {}, visible(e.topic)), make("span", { class: "grow" }, visible(e.payload ?? `${e.size} bytes`)))));
  };
  submit("publish", ({ elements: { topic, payload, qos, retain } }) =>
    act("POST", "/broker/publish", { topic: topic.value, payload: payload.value, qos: Number(qos.value), retain: retain.checked }));

  // ---- The record ----

  let record = [];
  const quote = (text) => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`);
  const pairs = (body, without = []) => Object.entries(body).filter(([key]) => !without.includes(key)).map(([key, value]) => quote(`${key}=${value}`));
  const parts = (path) => path.split("/").slice(1).map(decodeURIComponent);
  const ctl = ({ method, path, body = {} }) => {
    const [kind, name, verb, what] = parts(path);
    const of = kind === "modems" && run.modems.length > 1 ? ["--modem", quote(name)] : [];
    if (kind === "reset") return ["reset"];
    if (kind === "faults" && method === "PUT") return ["fault", body.fault, ...(name === body.fault || body.id ? [] : [quote(`id=${name}`)]), ...pairs(body, ["fault"])];
    if (kind === "faults" && method === "DELETE") return ["clear", ...(name ? [quote(name)] : [])];
    if (kind === "faults") return ["trigger", quote(name), body.to];
    if (verb === "radio") return ["radio", ...pairs(body), ...of];
    if (verb === "power") return ["power", body.state, ...of];
    if (kind === "modems") return [verb, ...of, ...(body.enter === false ? ["--raw"] : []), "--", quote(body.text)];
    if (name === "publish") return [kind, name, ...(body.qos ? ["--qos", body.qos] : []), ...(body.retain ? ["--retain"] : []), "--", quote(body.topic), quote(body.payload)];
    if (what === "kick") return [kind, "kick", "--", quote(verb)];
    return [kind, name, ...(body.keep === false ? ["--forget"] : [])];
  };
  const curl = ({ method, path, body }) =>
    `curl -X ${method}${token ? ' -H "Authorization: Bearer $TOKEN"' : ""}${body ? ` --json ${quote(JSON.stringify(body))}` : ""} "$API"${quote(path)}`;
  const seconds = (t) => `${Math.max(0, Math.round(t * 1000))}ms`;
  // The same as orders have it.
  const order = ({ path, body = {} }) => {
    const [kind, name, verb, what] = parts(path);
    if (kind === "reset") return ["reset", ...pairs(body)].join(" ");
    if (kind === "faults") return ["trigger", quote(`id=${name}`), ...pairs(body)].join(" ");
    if (kind === "modems") return [verb, ...pairs(body)].join(" ");
    return what === "kick" ? `${kind}-kick ${quote(`client_id=${verb}`)}` : [`${kind}-${name}`, ...pairs(body)].join(" ");
  };
  // A scenario begins with its host: times count from when one came.
  const origin = () => events.findLast((event) => (event.event === "host.attached" || event.event === "run.reset") && event.t <= record[0].t)?.t ?? 0;
  const basic = (text) => JSON.stringify(text).replaceAll("\u007f", "\\u007f");
  const scenario = () => {
    const from = origin(), faults = [], steps = [], used = new Set();
    record.forEach((entry, index) => {
      const { t, method, path, body = {} } = entry;
      const [kind, name, verb] = parts(path);
      if (kind === "faults" && method === "PUT") {
        const over = record.slice(index + 1).find((next) => parts(next.path)[0] === "faults" && next.method !== "POST" && [undefined, name].includes(parts(next.path)[1]));
        const keys = { ...body };
        delete keys.id;
        if (name !== body.fault) keys.id = used.has(name) ? `${name}-${index}` : name;
        used.add(name);
        const { once } = { once: rows.find((row) => row.name === body.fault)?.class === "once" };
        if (!["at", "on", "every", "after"].some((key) => key in keys)) keys.at = seconds(t - from);
        if (over && !once && !["lasts", "times", "every"].some((key) => key in keys)) keys.lasts = seconds(Math.max(over.t - t, 0.001));
        faults.push(`  ${basic([body.fault, ...pairs(keys, ["fault"])].join(" "))},`);
      } else if (verb === "radio" || !(kind === "faults" && method === "DELETE") && verb !== "console") {
        const values = verb === "radio" ? Object.entries(body) : [["order", order(entry)]];
        if (kind === "modems" && run.modems.length > 1) values.unshift(["modem", name]);
        steps.push(`\n[[${verb === "radio" ? "radio" : "order"}]]\nat = "${seconds(t - from)}"\n${values.map(([key, value]) => `${key} = ${typeof value === "number" ? value : basic(value)}`).join("\n")}`);
      }
    });
    const lasts = Math.ceil((events.at(-1)?.t ?? from) - from) + 60;
    return [`# Times count from when the host came. host.chat is what was typed: this page writes it as a host script.`, `seed = ${run.seed}`, `for = "${lasts}s"`,
      `script = "host.chat"`, `faults = [`, ...faults, `]`, ...steps].join("\n");
  };
  // The ports of the lab by the names that scripts have for them.
  const own = (text) => text.replace(/"127\.0\.0\.1",(\d+)/, (all, port) => {
    const name = Number(port) === run.broker?.port ? "$broker" : Number(port) === run.gateway?.port ? "$sn" : port;
    return `"127.0.0.1",${name}`;
  });
  // What hosts typed since then, with the pauses between.
  const chat = () => {
    const from = origin(), lines = ["# What was typed."];
    let before = from;
    const typed = events.filter((event) => event.event === "host.typed" && event.modem === modem && event.t >= from && event.text);
    for (const event of typed) {
      if (event.t0 - before >= 0.01) lines.push(`wait ${seconds(event.t0 - before)}`);
      const final = events.find((other) => other.event === "at.final" && other.modem === modem && other.line === event.line && other.seq > event.seq);
      lines.push(`> ${own(visible(event.text).replaceAll("$", "$$$$"))}`);
      if (final && final.text !== "OK") lines.push(`< ${visible(final.text)}`);
      before = final?.t ?? event.t;
    }
    const end = events.at(-1)?.t ?? before;
    if (end - before >= 0.01) lines.push(`wait ${seconds(end - before)}`);
    return lines.join("\n");
  };
  const FORMS = {
    ctl: () => record.map((entry) => `quasimodem ctl ${visible(ctl(entry).join(" "))}`).join("\n"),
    curl: () => [`API=${location.origin}${API}`, ...record.map(curl)].join("\n"),
    scenario, chat,
    timeline: () => [...record.map((entry) => `# ${entry.t.toFixed(3)}  ${visible(ctl(entry).join(" "))}`), "quasimodem ctl journal > run.ndjson", "quasimodem timeline run.ndjson -o run.html"].join("\n"),
  };
  const write = () => {
    if (!find("recorded")) return;
    find("recorded").value = record.length ? `${FORMS[find("form").value]()}\n` : "";
  };
  find("form").addEventListener("change", write);
  find("drop").addEventListener("click", () => {
    record = [];
    write();
  });
  find("copy").addEventListener("click", async () => {
    find("recorded").select();
    await navigator.clipboard?.writeText(find("recorded").value).catch(() => document.execCommand("copy"));
    find("spoken").textContent = "Copied.";
  });

  // ---- The list ----

  ["query", "kind", "clock"].forEach((id) => find(id).addEventListener("input", relist));
  find("pause").addEventListener("click", () => {
    isPaused = !isPaused;
    find("pause").setAttribute("aria-pressed", String(isPaused));
    if (isPaused) count();
    else relist();
  });
  find("journal").addEventListener("click", async () => {
    try {
      const text = await (await answered(await request("GET", "/journal"))).blob();
      const link = make("a", { href: URL.createObjectURL(text), download: "run.ndjson" });
      link.click();
      URL.revokeObjectURL(link.href);
    } catch (error) {
      say(error.message);
    }
  });
  find("modem").addEventListener("change", () => {
    modem = find("modem").value;
    reterminal();
    refresh();
  });
  const reterminal = () => {
    find("terminal").replaceChildren();
    append(find("terminal"), events.map(terminalLine).filter(Boolean), LINES);
  };

  // ---- Coming and going ----

  const linked = (is, words = "The run does not answer; trying again …") => {
    find("link").textContent = is ? (run.read_only ? "connected, read-only" : "connected") : words;
    find("link").className = is ? "" : "lost";
  };
  // Meets the run: the one that was there, or another one at its address.
  const meet = async () => {
    const met = await get("/run");
    const isOther = !run || met.pid !== run.pid || met.seed !== run.seed || met.seq < last;
    if (isOther) {
      [rows, commands] = await Promise.all([get("/catalog/faults"), get("/catalog/commands")]);
      events = [];
      fresh = [];
      record = [];
      last = held = 0;
      begun = null;
      connected.clear();
      published = [];
      peers = true;
    }
    run = met;
    find("login").hidden = true;
    document.querySelector("main").hidden = false;
    if (isOther) begin();
  };
  const begin = () => {
    find("run").textContent = `${run.version}, seed ${run.seed}`;
    if (!run.modems.some((one) => one.modem === modem)) modem = run.modems[0].modem;
    find("modem").replaceChildren(...run.modems.map((one) => make("option", { value: one.modem }, visible(one.modem))));
    find("modem").value = modem;
    find("which").hidden = run.modems.length < 2;
    find("broker").hidden = !run.broker;
    find("kind").replaceChildren(make("option", { value: "" }, "all"), ...Object.entries(KINDS).map(([kind, words]) => make("option", { value: kind }, words)));
    if (run.read_only) document.querySelectorAll("[data-acts]").forEach((element) => (element.hidden = true));
    else {
      find("only-this").hidden = run.modems.length < 2;
      find("radio").replaceChildren(...RADIO.map(([words, body]) => button(words, () => act("PATCH", at("radio"), body))));
      find("power").replaceChildren(...POWER.map(([words, state]) => button(words, () => act("POST", at("power"), { state }))));
      const there = DOZEN.filter(([, fault]) => run.broker || !rows.find((row) => row.name === fault)?.needs);
      find("dozen").replaceChildren(...there.map(([words, fault, keys]) => button(words, () => arm(fault, keys))));
      const layers = Map.groupBy(rows, (row) => row.layer);
      find("name").replaceChildren(...[...layers].map(([layer, some]) => make("optgroup", { label: layer }, ...some.map((row) => make("option", {}, row.name)))));
      draw();
    }
    write();
    relist();
    reterminal();
    refresh();
  };
  submit("login", () => {
    token = find("token").value.trim();
    find("token").value = "";
    wake();
  });

  let abort = null;
  let wake = () => {};
  const sleep = (ms) => new Promise((done) => {
    wake = done;
    if (ms) setTimeout(done, ms);
  });
  document.addEventListener("visibilitychange", () => (document.hidden ? abort?.abort() : wake()));
  const follow = async () => {
    for (let rest = 250; ; ) {
      let pause = rest;
      try {
        await meet();
        rest = 250;
        abort = new AbortController();
        await stream(abort.signal);
        linked(false, events.at(-1)?.event === "run.end" ? "The run has ended; waiting for another …" : undefined);
      } catch (error) {
        if (error instanceof Refused && error.status === 401) {
          document.querySelector("main").hidden = true;
          find("login").hidden = false;
          find("wrong").textContent = token ? "That is not its token." : "";
          linked(false, "Waiting for the token");
          token = null;
          find("token").focus();
          pause = 0;
        } else linked(false, document.hidden ? "Asleep" : error instanceof Refused ? error.message : undefined);
      }
      if (document.hidden) pause = 0;
      await sleep(pause);
      rest = Math.min(rest * 2, 2000);
    }
  };
  follow();
})();
