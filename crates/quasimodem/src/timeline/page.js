// Draws the events of a run as a sequence chart. What strangers sent is only ever text: it reaches the page by textContent.
"use strict";
(() => {
  const run = JSON.parse(document.getElementById("run").textContent);
  const find = (id) => document.getElementById(id);

  // ---- Moments ----

  // A moment of the run, as long as the run needs it.
  const moment = (seconds, digits = 3) => {
    const rest = (seconds % 60).toFixed(digits);
    if (longest < 60) return rest;
    const padded = rest.padStart(digits ? digits + 3 : 2, "0");
    const minutes = Math.floor(seconds / 60);
    if (longest < 3600) return `${minutes}:${padded}`;
    return `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, "0")}:${padded}`;
  };

  const STAGES = ["", "opening", "open"];

  // ---- What an event is: its lanes ----

  // Where an event is: from one lane to another, or in one; `null`: across all.
  const places = (event, prefix) => {
    const link = `link ${event.link}`;
    switch (prefix) {
      case "host":
        return /^host\.(typed|raw|stray)$/.test(event.event) ? ["host", "module"] : ["host"];
      case "at":
        return ["module", "host"];
      case "packet":
        return event.event === "packet.down" ? [link, "module"] : ["module", link];
      case "link":
        if (event.event === "link.opening") return ["module", link];
        return event.event === "link.open" ? [link, "module"] : [link];
      case "fault":
        return [event.client === undefined ? "module" : `link ${event.client}`];
      case "client": case "name": case "radio": case "module":
        return ["module"];
      case "run":
        return null;
      case "note":
        return [event.of === "broker" || event.of === "gateway" ? event.of : "module"];
      default:
        return [visible(prefix)];
    }
  };

  const items = run.events
    .map((event) => {
      const prefix = event.event.split(".", 1)[0];
      const kind = kindOf(event);
      return { event, kind, prefix, at: places(event, prefix), text: words(event), after: null, because: null, next: null, bad: isBad(event) };
    })
    .sort((a, b) => a.event.t - b.event.t || a.event.seq - b.event.seq);
  items.forEach((item, index) => (item.index = index));
  const longest = items.length ? items[items.length - 1].event.t : 0;
  const whenSeq = new Map(items.map((item) => [item.event.seq, item]));

  // ---- What answers what ----

  const ASKED_BY = {
    CONNACK: ["CONNECT"], PUBACK: ["PUBLISH"], PUBREC: ["PUBLISH"], PUBREL: ["PUBREC"], PUBCOMP: ["PUBREL"], SUBACK: ["SUBSCRIBE"],
    UNSUBACK: ["UNSUBSCRIBE"], PINGRESP: ["PINGREQ"], REGACK: ["REGISTER"], WILLTOPICREQ: ["CONNECT"], WILLTOPIC: ["WILLTOPICREQ"],
    WILLMSGREQ: ["WILLTOPIC"], WILLMSG: ["WILLMSGREQ"], WILLTOPICRESP: ["WILLTOPICUPD"], WILLMSGRESP: ["WILLMSGUPD"], GWINFO: ["SEARCHGW"],
  };
  const ENDS = { "client.open": "client.opening", "client.failed": "client.opening", "link.open": "link.opening", "name.found": "name.asked", "module.ready": "module.boot", "link.end": "link.opening" };

  const tie = (item, asked) => {
    item.because = asked;
    item.after = item.event.t - asked.event.t;
    if (item.kind !== "echo") asked.next ??= item;
  };

  const asked = new Map();
  for (const item of items) {
    const e = item.event;
    const of = (...key) => [e.modem, ...key].join("\u0000");
    if (e.event === "host.typed") {
      asked.set(of("line", e.line), item);
    } else if (item.prefix === "packet") {
      const other = e.event === "packet.up" ? "packet.down" : "packet.up";
      for (const type of ASKED_BY[e.type] ?? []) {
        const key = of(other, e.link, type, e.packet_id);
        if (asked.has(key)) {
          tie(item, asked.get(key));
          asked.delete(key);
        }
      }
      asked.set(of(e.event, e.link, e.type, e.packet_id), item);
    } else if (e.line !== undefined && asked.has(of("line", e.line))) {
      tie(item, asked.get(of("line", e.line)));
    } else if (ENDS[e.event]) {
      const key = of(ENDS[e.event], e.client ?? e.link);
      if (asked.has(key)) tie(item, asked.get(key));
      if (e.event !== "link.open") asked.delete(key);
    }
    if (Object.values(ENDS).includes(e.event)) asked.set(of(e.event, e.client ?? e.link), item);
  }

  // ---- State of one modem, at each event ----

  const modems = [...new Set(items.map((item) => item.event.modem).filter((modem) => modem !== undefined))];
  const blank = () => ({ registration: new Uint8Array(items.length), call: new Uint8Array(items.length), waiting: new Uint16Array(items.length), clients: new Map() });

  // What an event says of registration and data call: `[stat, up]`, each unless it says nothing. The modem's own words count too,
  // and who opens a connection had both.
  const saysOf = (e) => {
    if (e.event === "radio.registration") return [e.stat];
    if (e.event === "radio.call") return [, Boolean(e.address)];
    if (e.event === "client.opening") return [1, true];
    if (e.event !== "at.info" && e.event !== "at.urc") return [];
    const stat = /^\+C(?:G|E)?REG: (?:\d,)?(\d)/.exec(e.text), call = /^\+MIPCALL: (0$|\d+[.,])/.exec(e.text);
    return [stat ? Number(stat[1]) : undefined, call ? call[1] !== "0" : undefined];
  };

  // For each event what holds after it: registration and call as `1 + value`, 0 while nothing is known; stages of clients; how
  // many results are due.
  const statesOf = (modem) => {
    const states = blank(), stages = new Map();
    const due = new Set(items.filter((i) => i.event.event === "at.urc" && i.event.line !== undefined && i.event.modem === modem).map((i) => i.event.line));
    let registration = 0, call = 0, waiting = new Set();
    for (const item of items) {
      const e = item.event;
      if (e.modem === modem) {
        const [stat, up] = saysOf(e);
        if (Number.isInteger(stat)) {
          // What is asked for was so before.
          if (!registration && e.event !== "radio.registration") states.registration.fill(1 + (stat & 15), 0, item.index);
          registration = 1 + (stat & 15);
        }
        if (up !== undefined) {
          if (!call) states.call.fill(e.event === "client.opening" || e.event === "at.info" ? 1 + up : 2 - up, 0, item.index);
          call = 1 + up;
        }
        if (item.prefix === "client" && Number.isInteger(e.client)) {
          stages.set(e.client, { "client.opening": 1, "client.open": 2 }[e.event] ?? 0);
        } else if (e.event === "at.final" && due.has(e.line)) {
          waiting.add(e.line);
        } else if (e.event === "at.urc") {
          waiting.delete(e.line);
        } else if (e.event === "module.boot" || e.event === "module.off") {
          waiting = new Set();
          stages.forEach((_, client) => stages.set(client, 0));
        }
      }
      states.registration[item.index] = registration;
      states.call[item.index] = call;
      states.waiting[item.index] = Math.min(waiting.size, 65535);
      for (const [client, stage] of stages) {
        if (!states.clients.has(client)) states.clients.set(client, new Uint8Array(items.length));
        states.clients.get(client)[item.index] = stage;
      }
    }
    return states;
  };

  // ---- What is chosen: modem, kinds, search, scale ----

  const SCALES = [0, 1, 10, 100, 1e3, 1e4, 1e5], SCALE = 3;
  // An echo says nothing that the line itself does not say.
  const HIDDEN = ["echo"];
  const ROW = 32, GAP_MAX = 96;
  const chosen = { modem: modems.length === 1 ? modems[0] : "", hidden: new Set(HIDDEN), query: "", only: false, scale: SCALE };
  let shown = [], tops = new Float64Array(1), lanes = [], states = null, matches = [], current = null, isOpen = false;
  const chart = find("chart"), rows = find("rows"), made = new Map();

  const haystack = (item) => (item.hay ??= (item.text + " " + Object.entries(item.event).map(([key, value]) => `${key}=${visible(value)}`).join(" ")).toLowerCase());
  const ofModem = (item) => !chosen.modem || item.event.modem === undefined || item.event.modem === chosen.modem;
  const hit = (item) => chosen.query !== "" && haystack(item).includes(chosen.query.toLowerCase());

  // All anew, for another modem; and only what a filter or a search changes.
  const choose = () => {
    const some = items.filter(ofModem);
    const names = new Set(some.flatMap((item) => item.at ?? []));
    const rank = (name) => (name === "host" ? 0 : name === "module" ? 1 : name.startsWith("link ") ? 2 : name === "gateway" ? 3 : name === "broker" ? 4 : 5);
    names.add("host").add("module");
    lanes = [...names].sort((a, b) => rank(a) - rank(b) || a.localeCompare(b, "en", { numeric: true }));
    states = chosen.modem ? statesOf(chosen.modem) : null;
    heads();
    overview();
    sift();
  };
  const sift = () => {
    const some = items.filter(ofModem);
    const passing = some.filter((item) => !chosen.hidden.has(item.kind));
    matches = chosen.query ? passing.filter(hit) : [];
    shown = chosen.only && chosen.query ? matches : passing;
    shown.forEach((item, place) => (item.place = place));
    measure();
    kinds(some);
    if (!current || shown[current.place] !== current) current = nearest(current ? current.event.t : 0);
    redraw();
    about();
    sayFound();
  };

  // Time goes down to scale, as far as a pause does not get too long for it; each event has a row of its own.
  const gap = (place) => {
    if (place === 0) return 0;
    const pause = shown[place].event.t - shown[place - 1].event.t;
    return Math.min(pause * SCALES[chosen.scale], GAP_MAX);
  };
  const measure = () => {
    tops = new Float64Array(shown.length + 1);
    for (let place = 0; place < shown.length; place++) tops[place + 1] = tops[place] + gap(place) + ROW;
    rows.style.height = `${tops[shown.length]}px`;
    chart.setAttribute("aria-rowcount", shown.length + 1);
    find("empty").hidden = shown.length > 0;
  };

  const below = (array, value) => {
    let [low, high] = [0, array.length - 1];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (array[middle] <= value) low = middle;
      else high = middle - 1;
    }
    return low;
  };
  const nearest = (t) => {
    let [low, high] = [0, shown.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (shown[middle].event.t < t) low = middle + 1;
      else high = middle;
    }
    return shown[Math.min(low, shown.length - 1)] ?? null;
  };

  // ---- Drawing ----

  const make = (tag, attributes = {}, ...children) => {
    const element = document.createElement(tag);
    for (const [key, value] of Object.entries(attributes)) if (value !== undefined && value !== false) element.setAttribute(key, value);
    element.append(...children);
    return element;
  };
  const SVG = "http://www.w3.org/2000/svg";
  const draw = (tag, attributes, ...children) => {
    const element = document.createElementNS(SVG, tag);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    element.append(...children);
    return element;
  };
  const center = (lane) => ((lanes.indexOf(lane) + 0.5) / lanes.length) * 100;

  // Text with what was searched for marked in it.
  const marked = (text) => {
    const parts = [];
    const wanted = chosen.query.toLowerCase(), lower = text.toLowerCase();
    let from = 0;
    if (wanted && lower.length === text.length) {
      for (let at = lower.indexOf(wanted); at >= 0; at = lower.indexOf(wanted, from)) {
        parts.push(text.slice(from, at), make("mark", {}, text.slice(at, at + wanted.length)));
        from = at + wanted.length;
      }
    }
    return [...parts, text.slice(from)];
  };

  const registered = (value) => ({ 2: "yes", 3: "searching", 4: "denied", 6: "yes" })[value] ?? "no";
  // Bars beside the lanes: what holds while this row is passed.
  const bars = (index) => {
    if (!states || index < 0) return [];
    const list = [];
    const bar = (lane, side, name) => list.push([center(lane), side, name]);
    const registration = states.registration[index];
    if (registration) bar("module", -1, registered(registration));
    if (states.call[index]) bar("module", 1, states.call[index] === 2 ? "yes" : "no");
    if (states.waiting[index]) bar("host", 1, "waiting");
    for (const [client, stage] of states.clients) {
      if (stage[index] && lanes.includes(`link ${client}`)) bar(`link ${client}`, 0, STAGES[stage[index]]);
    }
    return list;
  };

  // Pixels beside a lane that bars take.
  const room = (lane, index) => {
    if (!states) return 1;
    if (lane === "host") return states.waiting[index] || states.waiting[Math.max(0, index - 1)] ? 9 : 1;
    return lane === "module" ? 9 : 5;
  };

  const picture = (item, pause, height) => {
    const svg = draw("svg", { "aria-hidden": "true", focusable: "false", width: "100%", height });
    const isCut = pause >= GAP_MAX;
    for (const lane of lanes) {
      const x = `${center(lane)}%`;
      if (isCut) svg.append(draw("line", { x1: x, x2: x, y1: 6, y2: pause - 6, class: "life cut" }));
      svg.append(draw("line", { x1: x, x2: x, y1: isCut ? pause - 6 : 0, y2: height, class: "life" }));
    }
    const y = height - 7, [from, to] = (item.at ?? []).map(center);
    if (item.at?.length === 2) {
      const isDashed = item.event.event === "link.opening" || item.event.event === "link.open";
      svg.append(draw("line", { x1: `${from}%`, x2: `${to}%`, y1: y, y2: y, class: isDashed ? "arrow dashed" : "arrow" }));
    }
    // What held until now, and below the event's own line what holds from here on.
    for (const [index, from, to] of [[item.index - 1, 0, height - ROW / 2], [item.index, height - ROW / 2, height]]) {
      for (const [x, side, name] of bars(index)) {
        const width = side ? 5 : 8;
        const shift = side < 0 ? -8 : side > 0 ? 3 : -4;
        svg.append(draw("rect", { x: `${x}%`, y: from, width, height: to - from, class: `bar ${name}`, transform: `translate(${shift} 0)` }));
      }
    }
    if (!item.at) {
      svg.append(draw("line", { x1: "0%", x2: "100%", y1: height - 5.5, y2: height - 5.5, class: "across" }));
    } else if (item.at.length === 2) {
      // Heads and tails are beside the bars, not on them.
      const way = Math.sign(to - from);
      const at = (x, lane, side, shape) => svg.append(draw("svg", { x: `${x}%`, y, overflow: "visible" }, draw("g", { transform: `translate(${side * room(lane, item.index)} 0)` }, shape)));
      at(from, item.at[0], way, draw("circle", { r: 2.5, class: "tail" }));
      at(to, item.at[1], -way, draw("path", { d: way > 0 ? "M0 0-9-4.5-9 4.5Z" : "M0 0 9-4.5 9 4.5Z", class: "tip" }));
    } else {
      svg.append(draw("circle", { cx: `${from}%`, cy: height - ROW / 2, r: item.event.event === "fault.hit" ? 6 : 4.5, class: "node" }));
    }
    return svg;
  };

  const rowOf = (item) => {
    const pause = gap(item.place), before = item.place ? item.event.t - shown[item.place - 1].event.t : 0;
    const label = make("span", { class: "label" }, ...(item.kind === "fault" ? [make("span", { class: "sign", "aria-hidden": "true" }, "⚡")] : item.bad ? [make("span", { class: "sign", "aria-hidden": "true" }, "✕")] : []), make("span", { class: "text" }, ...marked(item.text)));
    const after = make("span", { role: "gridcell", class: "after" });
    if (item.after > 0) after.append(make("span", { class: "unseen" }, "after "), span(item.after));
    const time = make("span", { role: "gridcell", class: "time" }, make("time", {}, moment(item.event.t)));
    if (!chosen.modem && modems.length > 1 && item.event.modem !== undefined) time.append(make("span", { class: "of" }, visible(item.event.modem)));
    const said = make("span", { class: "words" }, make("span", { role: "gridcell", class: "said" }, label), after);
    const isArrow = item.at?.length === 2;
    const between = make("span", { role: "gridcell", class: "unseen" }, item.at ? item.at.join(" to ") : "all");
    const field = make("span", { class: "field" }, picture(item, pause, pause + ROW), between, said);
    const isChosen = item === current;
    const row = make("div", {
      role: "row", "aria-rowindex": item.place + 2, tabindex: isChosen ? 0 : -1, "aria-selected": String(isChosen), "data-place": item.place,
      class: ["row", item.kind, item.bad && "bad", !item.at && "whole", !isArrow && "beside"].filter(Boolean).join(" "),
    }, time, field);
    // Beside its place, to the side where there is more room.
    const ends = (item.at ?? []).map(center), left = Math.min(...ends), right = Math.max(...ends);
    const inset = (isArrow ? 5 : 9) + (states ? 8 : 3);
    if (!item.at || left <= 56) {
      said.style.left = item.at ? `calc(${left}% + ${inset}px)` : "0";
    } else {
      said.style.right = `calc(${100 - right}% + ${inset}px)`;
      said.classList.add("from-right");
    }
    if (pause >= 16) row.append(make("span", { class: "pause", "aria-hidden": "true" }, `+${span(before)}`));
    row.style.top = `${tops[item.place]}px`;
    row.style.height = `${pause + ROW}px`;
    row.style.setProperty("--pause", `${pause}px`);
    return row;
  };

  // Only rows in view are there, and the one that has the focus.
  const render = () => {
    const from = Math.max(0, below(tops, chart.scrollTop - 300) - 2);
    const to = Math.min(shown.length, below(tops, chart.scrollTop + chart.clientHeight + 300) + 2);
    const wanted = new Set();
    for (let place = from; place < to; place++) wanted.add(place);
    if (current) wanted.add(current.place);
    for (const [place, row] of made) {
      if (!wanted.has(place)) {
        row.remove();
        made.delete(place);
      }
    }
    let before = null;
    for (const place of [...wanted].sort((a, b) => a - b)) {
      if (!made.has(place)) {
        const row = rowOf(shown[place]);
        made.set(place, row);
        if (before) before.after(row);
        else rows.prepend(row);
      }
      before = made.get(place);
    }
    brush();
  };
  const redraw = () => {
    const hadFocus = rows.contains(document.activeElement);
    rows.replaceChildren();
    made.clear();
    render();
    if (hadFocus) made.get(current?.place)?.focus({ preventScroll: true });
  };

  const heads = () => {
    const line = find("lanes");
    line.replaceChildren();
    for (const lane of lanes) {
      const opened = items.find((item) => item.event.event === "link.opening" && `link ${item.event.link}` === lane && ofModem(item));
      const below = opened ? visible(endpoint(opened.event.to)) : "";
      const head = make("span", { class: "lane", title: below ? `${lane}: ${below}` : lane }, make("b", {}, lane));
      if (below) head.append(make("i", {}, below));
      head.style.left = `${center(lane)}%`;
      head.style.width = `${100 / lanes.length}%`;
      line.append(head);
    }
    line.setAttribute("aria-label", `Between ${lanes.join(", ")}`);
  };

  // ---- The run at a glance: time to the right ----

  const overview = () => {
    const tracks = find("tracks"), some = items.filter(ofModem), width = 1000;
    const x = (t) => (longest ? (t / longest) * width : 0);
    tracks.replaceChildren();
    const track = (name, shapes, meaning) => {
      const svg = draw("svg", { viewBox: `0 0 ${width} 10`, preserveAspectRatio: "none", role: "img", "aria-label": `${name}: ${meaning}` }, ...shapes);
      tracks.append(make("span", { class: "name", "aria-hidden": "true" }, name), svg);
    };
    const runs = (valueAt, classOf, wordOf) => {
      // What is thinner than the picture can show is there once.
      const shapes = [], said = [], thin = new Set();
      let begin = 0, value = some.length ? valueAt(some[0].index) : 0;
      const close = (t) => {
        if (value && said.length < 40) said.push(`${wordOf(value)} from ${moment(begin)} to ${moment(t)}`);
        const column = `${Math.floor(x(begin))} ${value}`;
        if (value && (x(t) - x(begin) >= 1 || !thin.has(column))) {
          thin.add(column);
          shapes.push(draw("rect", { x: x(begin), y: 1, width: Math.max(x(t) - x(begin), 1.5), height: 8, class: `bar ${classOf(value)}` }));
        }
      };
      for (const item of some) {
        const now = valueAt(item.index);
        if (now !== value) {
          close(item.event.t);
          [begin, value] = [item.event.t, now];
        }
      }
      close(longest);
      return [shapes, said.join("; ") || "never"];
    };
    if (states) {
      const add = (name, valueAt, classOf, wordOf) => {
        const [shapes, said] = runs(valueAt, classOf, wordOf);
        if (shapes.length) track(name, shapes, said);
      };
      add("registration", (i) => states.registration[i], registered, (v) => REGISTRATION[v - 1] ?? `state ${v - 1}`);
      add("data call", (i) => states.call[i], (v) => (v === 2 ? "yes" : "no"), (v) => (v === 2 ? "up" : "down"));
      for (const [client, stage] of [...states.clients].sort(([a], [b]) => a - b)) {
        add(`client ${client}`, (i) => stage[i], (v) => STAGES[v], (v) => STAGES[v]);
      }
      add("results due", (i) => states.waiting[i], () => "waiting", (v) => `${v}`);
    }
    const buckets = new Uint32Array(200);
    for (const item of some) buckets[Math.min(199, Math.floor((x(item.event.t) / width) * 200))]++;
    const most = Math.max(1, ...buckets);
    const columns = [...buckets].map((count, i) => (count ? draw("path", { d: `M${i * 5 + 2.5} 10V${10 - 9 * Math.sqrt(count / most)}`, class: "density" }) : null));
    track("events", columns.filter(Boolean), plural(some.length, "event"));
    const faults = some.filter((item) => item.event.event === "fault.hit");
    if (some.some((item) => item.kind === "fault")) {
      // One mark a place, however many there are.
      const spots = new Set(faults.map((item) => Math.round(x(item.event.t))));
      track("faults", [...spots].map((spot) => draw("path", { d: `M${spot} 0V10`, class: "spot" })), plural(faults.length, "hit"));
    }
    const ticks = find("ticks"), steps = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400];
    ticks.replaceChildren();
    const step = longest < 1 ? [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5].find((s) => longest / s <= 6) ?? 0.5 : steps.find((s) => longest / s <= 6) ?? 86400 * Math.ceil(longest / 6 / 86400);
    for (let t = 0; longest && t <= longest * 0.96; t += step) {
      const tick = make("span", {}, longest < 60 ? `${+t.toFixed(3)} s` : moment(t, 0));
      tick.style.left = `${(t / longest) * 100}%`;
      ticks.append(tick);
    }
  };

  const slider = find("moment"), window_ = make("div", { class: "window" }), cursor = make("div", { class: "cursor" });
  slider.append(window_, cursor);
  // Which part of the run is in view, and which event is chosen.
  const brush = () => {
    if (!shown.length || !longest) return;
    const first = shown[Math.min(shown.length - 1, below(tops, chart.scrollTop))].event.t;
    const last = shown[Math.min(shown.length - 1, below(tops, chart.scrollTop + chart.clientHeight - 40))].event.t;
    window_.style.left = `${(first / longest) * 100}%`;
    window_.style.width = `${Math.max(((last - first) / longest) * 100, 0.3)}%`;
    cursor.style.left = `${((current?.event.t ?? 0) / longest) * 100}%`;
    slider.setAttribute("aria-valuemin", 0);
    slider.setAttribute("aria-valuemax", longest);
    slider.setAttribute("aria-valuenow", current?.event.t ?? 0);
    slider.setAttribute("aria-valuetext", current ? `${moment(current.event.t)}, ${current.text}` : "no event");
  };

  // ---- Choosing an event ----

  const scrollTo = (item) => {
    const top = tops[item.place] + gap(item.place), room = chart.clientHeight - find("head").offsetHeight;
    if (top < chart.scrollTop + 4) chart.scrollTop = Math.max(0, top - (room > 200 ? 60 : 8));
    else if (top + ROW > chart.scrollTop + room) chart.scrollTop = top + ROW - room + (room > 200 ? 60 : 8);
  };
  const select = (item, { focus = true, middle = false } = {}) => {
    if (!item) return;
    const old = current && made.get(current.place);
    old?.setAttribute("tabindex", -1);
    old?.setAttribute("aria-selected", "false");
    current = item;
    if (middle) chart.scrollTop = Math.max(0, tops[item.place] - chart.clientHeight / 3);
    else scrollTo(item);
    render();
    const row = made.get(item.place);
    row?.setAttribute("tabindex", 0);
    row?.setAttribute("aria-selected", "true");
    if (focus) row?.focus({ preventScroll: true });
    about();
    remember();
  };
  const step = (list, way, test) => {
    if (!list.length) return;
    const from = current ? current.index : -1;
    const ahead = way > 0 ? list.find((item) => item.index > from && test(item)) : list.findLast((item) => item.index < from && test(item));
    select(ahead ?? (way > 0 ? list.find(test) : list.findLast(test)), { middle: true });
  };
  const away = (place) => shown[Math.max(0, Math.min(shown.length - 1, place))];

  // ---- Details ----

  const reveal = (open) => {
    isOpen = open;
    document.body.classList.toggle("detailed", open);
    render();
  };
  const about = () => {
    const box = find("about");
    box.replaceChildren();
    if (!current) return;
    const { event, text } = current;
    box.append(make("p", { class: "what" }, make("code", {}, visible(event.event)), " ", make("span", { class: "text" }, text)));
    const list = make("dl", {});
    for (const [key, value] of Object.entries(event)) {
      if (key === "event") continue;
      list.append(make("dt", {}, visible(key)), make("dd", {}, key === "to" ? visible(endpoint(value) || value) : visible(value)));
    }
    box.append(list);
    // From the first that asked to the last that answered.
    const chain = [];
    for (let item = current.because, i = 0; item && i < 20; item = item.because, i++) chain.unshift(item);
    const same = event.line === undefined ? [] : items.filter((item) => item.kind !== "echo" && item.event.line === event.line && item.event.modem === event.modem && item !== current && !chain.includes(item)).slice(0, 20);
    for (let item = current.next, i = 0; item && i < 20 && !same.includes(item); item = item.next, i++) same.push(item);
    const kin = [...new Set([...chain, ...same])].sort((a, b) => a.index - b.index);
    if (kin.length) {
      const links = make("ul", {});
      for (const item of kin) {
        const link = make("a", { href: `#seq=${item.event.seq}` }, item.text);
        const distance = item.event.t - event.t;
        links.append(make("li", {}, link, " ", make("small", {}, distance ? `${distance < 0 ? "−" : "+"}${span(Math.abs(distance))}` : "at once")));
      }
      box.append(make("h3", {}, "Belongs together"), links);
    }
    box.append(make("p", {}, make("a", { href: place(), id: "permalink" }, `Link to this moment`)));
    box.append(make("h3", {}, "As it was written"), make("pre", {}, visible(JSON.stringify(event))));
  };

  // ---- The address: a moment, and what is shown ----

  const place = () => {
    const parts = current ? [`seq=${current.event.seq}`] : [];
    if (chosen.modem && modems.length > 1) parts.push(`modem=${encodeURIComponent(chosen.modem)}`);
    if (String([...chosen.hidden]) !== String(HIDDEN)) parts.push(`hide=${[...chosen.hidden].join(",")}`);
    if (chosen.query) parts.push(`q=${encodeURIComponent(chosen.query)}`);
    if (chosen.only) parts.push("only=1");
    if (chosen.scale !== SCALE) parts.push(`scale=${chosen.scale}`);
    return `#${parts.join("&")}`;
  };
  let written = null;
  const remember = () => {
    written = place();
    history.replaceState(null, "", written);
  };
  const recall = () => {
    if (location.hash === written && written) return;
    const asked = new URLSearchParams(location.hash.slice(1));
    if (asked.has("modem") && modems.includes(asked.get("modem"))) chosen.modem = asked.get("modem");
    if (asked.has("hide")) chosen.hidden = new Set(asked.get("hide").split(",").filter((kind) => kind in KINDS));
    if (asked.has("q")) chosen.query = find("query").value = asked.get("q");
    if (asked.has("only")) chosen.only = find("only").checked = true;
    if (asked.get("scale") in SCALES) chosen.scale = Number(asked.get("scale"));
    const item = asked.has("seq") ? whenSeq.get(Number(asked.get("seq"))) : null;
    if (item && !ofModem(item)) chosen.modem = "";
    // What a link leads to is shown, whatever the filter says.
    if (item) chosen.hidden.delete(item.kind);
    if (item && chosen.only && !hit(item)) chosen.only = find("only").checked = false;
    find("modem").value = chosen.modem;
    scaleName();
    choose();
    const t = Number(asked.get("t"));
    const wanted = item ?? (asked.has("t") && t >= 0 ? nearest(t) : null);
    if (wanted) select(wanted, { middle: true, focus: false });
  };

  // ---- Tools ----

  const kinds = (some) => {
    const counts = {};
    for (const item of some) counts[item.kind] = (counts[item.kind] ?? 0) + 1;
    const box = find("kinds"), focused = document.activeElement?.dataset?.kind;
    box.replaceChildren();
    for (const [kind, name] of Object.entries(KINDS)) {
      if (!counts[kind]) continue;
      const tick = make("input", { type: "checkbox", "data-kind": kind });
      tick.checked = !chosen.hidden.has(kind);
      tick.addEventListener("change", () => {
        if (tick.checked) chosen.hidden.delete(kind);
        else chosen.hidden.add(kind);
        sift();
        remember();
      });
      box.append(make("label", { class: `check ${kind}` }, tick, make("span", { class: "dot", "aria-hidden": "true" }), ` ${name} `, make("small", {}, counts[kind].toLocaleString("en"))));
      if (kind === focused) tick.focus();
    }
    const gone = Object.keys(counts).filter((kind) => chosen.hidden.has(kind) && !HIDDEN.includes(kind)).length;
    find("hidden-kinds").textContent = gone ? `(${gone} hidden)` : "";
  };
  const sayFound = () => {
    const nth = matches.indexOf(current) + 1;
    find("found").textContent = !chosen.query ? "" : !matches.length ? "none" : nth ? `${nth} of ${matches.length}` : `${matches.length} found`;
  };
  const nextMatch = (way) => {
    step(matches, way, () => true);
    sayFound();
  };
  const SCALE_NAMES = ["one row an event", "1 s is 1 px", "1 s is 10 px", "1 s is 100 px", "1 ms is 1 px", "1 ms is 10 px", "1 ms is 100 px"];
  const scaleName = () => {
    find("scale").textContent = SCALE_NAMES[chosen.scale];
    find("squeeze").disabled = chosen.scale === 0;
    find("stretch").disabled = chosen.scale === SCALES.length - 1;
  };
  const zoom = (way) => {
    const scale = Math.max(0, Math.min(SCALES.length - 1, chosen.scale + way));
    if (scale === chosen.scale) return;
    const kept = current && tops[current.place] - chart.scrollTop;
    chosen.scale = scale;
    scaleName();
    measure();
    if (current) chart.scrollTop = tops[current.place] - kept;
    redraw();
    remember();
  };

  // ---- Keys and pointers ----

  chart.addEventListener("scroll", () => requestAnimationFrame(render), { passive: true });
  new ResizeObserver(() => render()).observe(chart);
  rows.addEventListener("click", (event) => {
    const row = event.target.closest("[data-place]");
    if (!row || String(getSelection())) return;
    select(shown[Number(row.dataset.place)]);
    reveal(true);
  });
  chart.addEventListener("keydown", (event) => {
    if (!current || event.ctrlKey || event.metaKey || event.altKey) return;
    const page = Math.max(1, Math.floor(chart.clientHeight / ROW) - 2);
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity };
    if (event.key in steps) select(away(current.place + steps[event.key]));
    else if (event.key === "Enter") {
      reveal(true);
      find("details").focus();
    } else return;
    event.preventDefault();
  });
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape" && isOpen) {
      reveal(false);
      made.get(current?.place)?.focus();
      return;
    }
    if (/^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName) && event.target.type !== "checkbox") return;
    const fault = (item) => item.event.event === "fault.hit";
    const keys = {
      "/": () => find("query").focus(),
      n: () => nextMatch(1),
      N: () => nextMatch(-1),
      f: () => step(shown, 1, fault),
      F: () => step(shown, -1, fault),
      a: () => current && select(shown.includes(current.next) ? current.next : current.because ?? current),
      "+": () => zoom(1),
      "=": () => zoom(1),
      "-": () => zoom(-1),
    };
    if (!keys[event.key]) return;
    event.preventDefault();
    keys[event.key]();
  });
  const jump = (event) => {
    const box = slider.getBoundingClientRect();
    select(nearest(Math.max(0, Math.min(1, (event.clientX - box.left) / box.width)) * longest), { focus: false, middle: true });
  };
  slider.addEventListener("pointerdown", (event) => {
    slider.setPointerCapture(event.pointerId);
    jump(event);
  });
  slider.addEventListener("pointermove", (event) => event.buttons && jump(event));
  slider.addEventListener("keydown", (event) => {
    if (!current) return;
    const t = current.event.t, by = longest / 50;
    const item = { ArrowRight: () => nearest(Math.max(t + by, away(current.place + 1).event.t)), ArrowLeft: () => nearest(t - by), Home: () => shown[0], End: () => away(Infinity) }[event.key]?.();
    if (!item) return;
    event.preventDefault();
    select(item, { focus: false, middle: true });
  });
  find("tools").addEventListener("submit", (event) => event.preventDefault());
  find("query").addEventListener("input", () => {
    chosen.query = find("query").value;
    sift();
    remember();
  });
  find("query").addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    const kept = find("query");
    nextMatch(event.shiftKey ? -1 : 1);
    kept.focus();
  });
  find("only").addEventListener("change", () => {
    chosen.only = find("only").checked;
    sift();
    remember();
  });
  find("before").addEventListener("click", () => nextMatch(-1));
  find("after").addEventListener("click", () => nextMatch(1));
  find("squeeze").addEventListener("click", () => zoom(-1));
  find("stretch").addEventListener("click", () => zoom(1));
  find("close").addEventListener("click", () => {
    reveal(false);
    made.get(current?.place)?.focus();
  });
  find("modem").addEventListener("change", () => {
    chosen.modem = find("modem").value;
    choose();
    remember();
  });
  addEventListener("hashchange", recall);

  // ---- Paper ----

  const PRINTED = 2000;
  addEventListener("beforeprint", () => {
    const from = shown.length > PRINTED && current ? Math.min(current.place, shown.length - PRINTED) : 0;
    const part = shown.slice(from, from + PRINTED);
    find("printed").textContent = part.length < shown.length ? `${plural(part.length, "event")} from ${moment(part[0].event.t)} on, of ${shown.length.toLocaleString("en")}; a filter or another moment prints others.` : "";
    rows.replaceChildren(...part.map(rowOf));
    made.clear();
  });
  addEventListener("afterprint", redraw);

  // ---- Begin ----

  const begin = items[0]?.event, hits = items.filter((item) => item.event.event === "fault.hit").length;
  const summary = [plural(items.length, "event"), longest ? span(longest) : "", modems.length > 1 ? plural(modems.length, "modem") : "", hits ? plural(hits, "fault hit") : ""];
  document.title = `${visible(run.source)} – timeline`;
  find("summary").append(make("b", {}, visible(run.source)), `: ${summary.filter(Boolean).join(", ")}`);
  if (begin?.wall) find("summary").append(`, begun ${visible(begin.wall)}`);
  if (run.complaints.length) {
    const list = make("ul", {}, ...run.complaints.map((words) => make("li", {}, visible(words))));
    find("complaints").append(make("details", {}, make("summary", {}, `Not all of it could be read: ${plural(run.complaints.length, "complaint")}`), list));
    find("complaints").hidden = false;
  }
  if (modems.length > 1) {
    find("which").hidden = false;
    find("modem").append(make("option", { value: "" }, "all"), ...modems.map((modem) => make("option", { value: modem }, visible(modem))));
  }
  find("filter").open = matchMedia("(min-width: 60rem)").matches;
  written = null;
  recall();
})();
