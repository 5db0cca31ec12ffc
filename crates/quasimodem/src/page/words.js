// What an event says in words: one place for the pages that show events. What strangers sent is only ever text.
"use strict";
const { visible, plural, span, endpoint, REGISTRATION, KINDS, kindOf, words, isBad } = (() => {
  // Characters that draw nothing or that turn text around are shown by their numbers.
  const UNSEEN = /[\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Zl}\p{Zp}]/gu;
  const escaped = (character) => {
    const hex = character.codePointAt(0).toString(16);
    return hex.length < 3 ? "\\x" + hex.padStart(2, "0") : hex.length < 5 ? "\\u" + hex.padStart(4, "0") : `\\u{${hex}}`;
  };
  const visible = (value) => (typeof value === "string" ? value : JSON.stringify(value)).replace(UNSEEN, escaped);
  const plural = (count, word) => `${count.toLocaleString("en")} ${word}${count === 1 ? "" : "s"}`;

  // A span of time, with three digits that count.
  const span = (seconds) => {
    if (seconds >= 3600) return `${Math.floor(seconds / 3600)} h ${Math.round((seconds % 3600) / 60)} min`;
    if (seconds >= 100) return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
    const [value, unit] = seconds >= 1 ? [seconds, "s"] : seconds >= 0.001 ? [seconds * 1e3, "ms"] : [seconds * 1e6, "µs"];
    return `${value >= 100 || unit === "µs" ? Math.round(value) : value.toPrecision(3)} ${unit}`;
  };

  const endpoint = (to) => (to && to.host !== undefined ? `${to.host.includes(":") ? `[${to.host}]` : to.host}:${to.port}` : "");
  const REGISTRATION = { 0: "not registered", 1: "registered", 2: "searching", 3: "denied", 4: "unknown", 5: "roaming" };

  const KINDS = {
    at: "AT lines", echo: "echoes", urc: "URCs and results", packet: "packets", link: "links and names", client: "clients",
    radio: "radio and module", fault: "faults", peer: "broker and gateway", other: "run and notes",
  };
  const KIND_OF = {
    host: "at", at: "at", packet: "packet", link: "link", name: "link", client: "client", radio: "radio", module: "radio",
    fault: "fault", broker: "peer", gateway: "peer",
  };
  const COMMON = new Set(["event", "seq", "t", "wall", "modem"]);
  // Fields as words; those that are named say all that the sentence needs.
  const fields = (event, without = []) =>
    Object.entries(event)
      .filter(([key]) => !COMMON.has(key) && key !== "line" && key !== "t0" && !without.includes(key))
      .map(([key, value]) => (key === "to" ? `to ${endpoint(value)}` : `${key} ${typeof value === "string" ? value : JSON.stringify(value)}`))
      .join(", ");
  const packet = (e) =>
    [e.type, e.packet_id !== undefined && `#${e.packet_id}`, e.topic, e.qos !== undefined && `QoS ${e.qos}`, e.flags,
      e.version !== undefined && `level ${e.version}`, e.session && "session goes on",
      e.code !== undefined && `code ${e.code}`, e.codes && `codes ${e.codes.join(" ")}`]
      .filter(Boolean).join(" ");
  const SENTENCES = {
    "host.typed": (e) => e.text || "(a line without text)",
    "host.raw": (e) => `raw data, ${e.size} of ${e.declared} bytes`,
    "host.stray": (e) => `${plural(e.size, "stray byte")}${e.why ? `: ${e.why}` : ""}`,
    "host.attached": () => "host attached",
    "host.detached": () => "host gone",
    "at.echo": (e) => e.text,
    "at.info": (e) => e.text,
    "at.urc": (e) => e.text,
    "at.prompt": () => "> asks for raw data",
    "at.final": (e) => (e.why ? `${e.text}: ${e.why}` : e.text),
    "packet.up": packet,
    "packet.down": packet,
    "link.opening": (e) => `opens a ${e.transport} link to ${endpoint(e.to)}`,
    "link.led": (e) => `leads to ${endpoint(e.to)}`,
    "link.open": () => "link open",
    "link.secured": (e) => `TLS: ${e.agreed}`,
    "link.lost": (e) => `datagram of ${e.size} bytes lost: ${e.why}`,
    "link.end": (e) => (e.why ? `link ended: ${e.why}` : "link closed"),
    "client.opening": (e) => `client ${e.client} opens ${endpoint(e.to)}`,
    "client.open": (e) => `client ${e.client} open`,
    "client.failed": (e) => `client ${e.client} not opened: ${e.why} (${e.code})`,
    "client.broken": (e) => `client ${e.client} broken, cause ${e.cause}: ${e.why}`,
    "client.traffic": (e) => `client ${e.client}: ${plural(e.bytes, "byte")} over the air in ${span(e.seconds)}, ${e.payload} of them payload`,
    "client.closed": (e) => `client ${e.client} closed`,
    "name.asked": (e) => `looks up ${e.name}`,
    "name.found": (e) => (e.address ? `found ${e.address}` : `not found: ${e.why}`),
    "radio.registration": (e) => `${REGISTRATION[e.stat] ?? "registration"} (${e.stat})`,
    "radio.call": (e) => (e.address ? `data call up, ${e.address}` : "data call down"),
    "radio.sim": (e) => `SIM ${e.state}`,
    "radio.signal": (e) => `signal ${e.rssi},${e.ber}`,
    "radio.clock": (e) => `network time ${new Date(e.seconds * 1000).toISOString()}`,
    "module.boot": () => "module starts",
    "module.ready": () => "module ready",
    "module.off": () => "module off",
    "fault.armed": (e) => `fault ${e.id} armed`,
    "fault.hit": (e) => `fault ${e.id} hits${e.item === "it" ? "" : ` ${e.item}, number ${e.nth}`}`,
    "fault.spent": (e) => `fault ${e.id} spent`,
    "host.deaf": (e) => (e.reads ? "reads again" : "does not read what waits for it"),
    "fault.cleared": (e) => `fault ${e.id} over`,
    ...Object.fromEntries(["broker", "gateway"].flatMap((who) => Object.entries({
      connected: (e) => `${e.client_id} connected${e.clean ? ", clean" : ""}${e.session_present ? ", its session goes on" : ""}`,
      refused: (e) => `${e.client_id} refused: ${e.why} (${e.code})`,
      subscribed: (e) => `${e.client_id} subscribes to ${e.filter}${e.qos === undefined ? ": refused" : `, QoS ${e.qos}`}`,
      published: (e) => `${e.client_id || who} publishes ${e.topic}${e.payload === undefined ? `, ${e.size} bytes` : `: ${e.payload}`}`,
      delivered: (e) => `${e.client_id} gets ${e.topic}${e.payload === undefined ? `, ${e.size} bytes` : `: ${e.payload}`}`,
      disconnected: (e) => `${e.client_id ?? "a client"} gone: ${e.why}`,
    }).map(([what, sentence]) => [`${who}.${what}`, sentence]))),
    "run.ready": (e) => `run begins, seed ${e.seed ?? "unknown"}`,
    "run.gap": (e) => `${e.lost} events are missing here`,
    "run.end": () => "run ends",
    note: (e) => (["modem", "broker", "gateway", e.modem].includes(e.of) ? e.text : `${e.of}: ${e.text}`),
  };

  // What an event says, in one line, also if its name is not known or its fields are others.
  const words = (event) => {
    try {
      const sentence = SENTENCES[event.event]?.(event);
      if (typeof sentence === "string" && !sentence.includes("undefined")) return visible(sentence);
    } catch {
      // It is shown by its fields.
    }
    const action = event.event.includes(".") ? event.event.slice(event.event.indexOf(".") + 1) : event.event;
    return visible(`${action} ${fields(event)}`.trim());
  };

  const isBad = (e) =>
    e.event === "fault.hit" || e.event === "run.gap" || e.event === "client.broken" || e.event === "client.failed" ||
    (e.event === "at.final" && e.text !== "OK") || (e.event === "at.urc" && /^\+MQTT(OPEN|PUB|SUB|UNSUB): \d+,0$|^\+MQTTBREAK/.test(e.text));

  const kindOf = (e) => ({ "at.urc": "urc", "at.echo": "echo" })[e.event] ?? KIND_OF[e.event.split(".", 1)[0]] ?? "other";

  return { visible, plural, span, endpoint, REGISTRATION, KINDS, kindOf, words, isBad };
})();
