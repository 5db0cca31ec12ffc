//! The modem, its host, and all that is behind them.

mod draw;

use std::collections::VecDeque;
use std::time::Duration;

use quasimodem_core::mqtt::Qos;
use quasimodem_core::{
    Change, Effect, Host, Imei, Input, Instant, Link, Modem, Outbox, Port, Query, Settings, Sim, Why,
};

use super::Summary;
use super::host::{Client, Doing, Messages, Phase, Scene};
use super::network::{Arrival, Network};
use super::watch::{Unanswered, Watch};
use super::wills::Wills;
use crate::gateway::{self, Gateway, Peer};
use crate::random::Random;
use crate::recorder::{Recorder, Secrets};
use crate::watch::Watch as _;

pub(super) struct World {
    now: Instant,
    random: Random,
    settings: Settings,
    modem: Modem,
    out: Outbox,
    line: Line,
    clients: [Client; 2],
    watches: [Watch; 2],
    /// Of each client's session, which may be one.
    unanswered: [Unanswered; 2],
    rivals: bool,
    config: gateway::Config,
    gateway: Gateway,
    gateway_out: gateway::Outbox,
    network: Network,
    wills: Wills,
    messages: Messages,
    lookups: Vec<(Instant, Query)>,
    summary: Summary,
    /// No copy of a message comes after the exchange that it belongs to: then exactly once holds up to the host.
    single: bool,
    /// What goes wrong, the next one first.
    faults: VecDeque<(Instant, Fault)>,
    /// When that is over; `None`: never.
    calm: Option<Instant>,
    sim: bool,
    /// A message that the host was told of already has come once more, for this client.
    again: Option<usize>,
    recorder: Option<Recorder>,
}

/// The serial line.
struct Line {
    /// What the modem wrote and the host has not read as a line.
    bytes: Vec<u8>,
    echo: bool,
    /// The command line whose final result code is awaited.
    typed: Option<Typed>,
    /// The modem starts, and hears nothing. It is ready by then if there is a SIM.
    starts: Option<Instant>,
    /// What is typed after the prompt.
    data: Vec<u8>,
    /// Lines that no client is there to read.
    plain: Option<Vec<String>>,
}

struct Typed {
    text: String,
    whose: Whose,
    /// Its echo has not come.
    echo: bool,
}

#[derive(Clone, Copy)]
enum Whose {
    Client(usize),
    Echo(bool),
    Reset,
    Plain,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Fault {
    /// Nothing comes through.
    Silence(bool),
    /// The gateway starts anew.
    Restart,
    /// The SIM is there, or not.
    Sim(bool),
    /// The gateway says something that nobody asked for.
    Unasked,
    /// The host resets the modem.
    Reset,
    /// The host switches the echo.
    Echo(bool),
}

/// The longest that a run may take.
const LONGEST: Duration = Duration::from_secs(3600);

/// How long what went wrong may still show: a client with the longest keep-alive time sees it, and connects.
const AFTERMATH: Duration = Duration::from_secs(60);

/// How long clients may take then to come to their end.
const END: Duration = Duration::from_secs(120);

/// What hosts type to reset a modem.
const RESETS: [&str; 3] = ["AT+CFUN=1,1", "AT+CFUN=15", "AT+RESET"];

impl World {
    /// From the start on everything is written down.
    pub(super) fn take_notes(&mut self) {
        self.network.log = Some(Vec::new());
        self.recorder = Some(Recorder::new(&self.settings, Imei::default(), Secrets::Shown));
    }

    /// What happened, and the transcript of the modem.
    pub(super) fn into_notes(self, what: &str) -> (Vec<String>, String) {
        let transcript = self.recorder.map(|mut recorder| {
            recorder.comment(what);
            recorder.to_string()
        });
        (self.network.log.unwrap_or_default(), transcript.unwrap_or_default())
    }

    pub(super) fn into_modem(self) -> Modem {
        self.modem
    }

    pub(super) fn summary(&self) -> Summary {
        let published = self.network.arrived.keys().filter(|payload| payload.starts_with('u')).count();
        let time = self.now.since(Instant::START);
        let resumes = self.watches.iter().map(|watch| watch.resumes).sum();
        Summary { published, resumes, time, datagrams: self.network.sent, lost: self.network.lost, ..self.summary }
    }

    pub(super) fn play(&mut self) -> Result<(), String> {
        self.tell(&Input::Host(Host::Attached))?;
        let end = self.calm.map_or(Instant::START + LONGEST, |calm| calm + AFTERMATH + END);
        while !(self.clients.iter().all(Client::is_done) && self.gateway.usage().clients == 0) {
            self.step()?;
            if self.now > end {
                let left: Vec<String> = self.clients.iter().map(Client::left).collect();
                return Err(format!("it does not end: {}; {:?}", left.join("; "), self.gateway.usage()));
            }
        }
        // What is still on its way comes to rest.
        self.until(self.now + Duration::from_secs(60))?;
        let usage = self.gateway.usage();
        // A kept session may keep an exchange of QoS 2 that did not end.
        if usage.clients + usage.handshakes + usage.queued + usage.unread_bytes + usage.own > 0 {
            return Err(format!("the gateway holds something: {usage:?}"));
        }
        if self.modem.owes() || self.modem.deadline().is_some() || self.network.links() > 0 {
            let (owes, deadline, links) = (self.modem.owes(), self.modem.deadline(), self.network.links());
            return Err(format!(
                "all is over, and the modem owes something ({owes}), waits for {deadline:?}, has {links} links"
            ));
        }
        self.wills.check(&self.network.arrived)?;
        self.clients.iter().try_for_each(|client| {
            client.check(&self.network.arrived, |payload| self.single && !self.network.hasty.contains(payload))
        })
    }

    /// The host lets the gateway forget the clients, and sets all that it can set. The last thing that fails is the same.
    pub(super) fn begin_anew(&mut self) -> Result<(), String> {
        self.network.calm();
        self.network.mend();
        self.faults.clear();
        self.line.plain = Some(Vec::new());
        for watch in &mut self.watches {
            *watch = Watch::new(&self.settings, true, 60);
            watch.will_is(Some(("t".into(), Qos::AtMostOnce, "w".into())));
        }
        if self.now == Instant::START {
            self.tell(&Input::Host(Host::Attached))?;
        }
        for id in [101, 102] {
            let name = format!("AT+MQTTSNCID={id},\"fresh\"");
            let will = format!("AT+MQTTWILL={id},\"t\",0,0,\"w\"");
            let open = format!("AT+MQTTOPEN={id},\"gateway\",1884,1,60");
            let close = format!("AT+MQTTCLOSE={id}");
            let (opened, closed) = (format!("+MQTTOPEN: {id},1"), format!("+MQTTCLOSE: {id},1"));
            for (line, result) in
                [(&name, "OK"), (&will, "OK"), (&open, "OK"), (&close, &closed), (&open, &opened), (&close, &closed)]
            {
                self.types_plainly(line, result)?;
            }
        }
        self.until(self.now + Duration::from_secs(30))
    }

    fn types_plainly(&mut self, line: &str, result: &str) -> Result<(), String> {
        self.line.plain = Some(Vec::new());
        self.types(line.into(), Whose::Plain)?;
        let end = self.now + Duration::from_secs(6);
        while !self.line.plain.as_ref().is_some_and(|lines| lines.iter().any(|line| line == result)) {
            if self.now > end {
                return Err(format!("{line:?} does not lead to {result:?}"));
            }
            self.step()?;
        }
        Ok(())
    }

    /// Lets all happen that is due by then.
    fn until(&mut self, end: Instant) -> Result<(), String> {
        while self.due().is_some_and(|due| due <= end) {
            self.step()?;
        }
        self.now = self.now.max(end);
        Ok(())
    }

    fn due(&self) -> Option<Instant> {
        let hosts = self.clients.iter().filter(|_| self.line.plain.is_none()).filter_map(Client::due);
        let watches = self.watches.iter().filter_map(Watch::due);
        let lookups = self.lookups.iter().map(|(due, _)| *due);
        let faults = self.faults.front().map(|(due, _)| *due);
        let others = [self.modem.deadline(), self.gateway.deadline(), self.network.deadline(), faults];
        hosts.chain(watches).chain(lookups).chain(others.into_iter().flatten()).min()
    }

    fn phase(&self) -> Phase {
        match self.calm {
            None => Phase::Foul,
            Some(calm) if self.now < calm => Phase::Storm,
            Some(calm) if self.now < calm + AFTERMATH => Phase::Calm,
            Some(_) => Phase::Steady,
        }
    }

    /// Lets the next thing happen.
    fn step(&mut self) -> Result<(), String> {
        let due = self.due().ok_or("nothing is due, and it is not over")?;
        self.now = self.now.max(due);
        if let Some((_, fault)) = self.faults.pop_front_if(|(due, _)| *due <= self.now) {
            return self.fault(fault);
        }
        if let Some(arrival) = self.network.arrival(self.now) {
            return self.arrive(arrival);
        }
        if let Some(index) = self.lookups.iter().position(|(due, _)| *due <= self.now) {
            let (_, query) = self.lookups.remove(index);
            return self.tell(&Input::Resolved(query, Err(Why::Unreachable)));
        }
        if let Some(ready) = self.line.starts.filter(|ready| self.sim && *ready < self.now) {
            return Err(format!("the modem should be ready since {ready:?}"));
        }
        let acts = |client: &Client| self.line.plain.is_none() && client.due().is_some_and(|due| due <= self.now);
        if let Some(index) = self.clients.iter().position(acts) {
            return self.act(index);
        }
        if self.modem.deadline().is_some_and(|due| due <= self.now) {
            return self.tell(&Input::Tick);
        }
        if self.gateway.deadline().is_some_and(|due| due <= self.now) {
            return self.tell_gateway(gateway::Input::Tick);
        }
        self.check_watches()
    }

    fn check_watches(&self) -> Result<(), String> {
        (101..)
            .zip(&self.watches)
            .try_for_each(|(id, watch)| watch.check(self.now).map_err(|what| format!("{id}: {what}")))
    }

    fn fault(&mut self, fault: Fault) -> Result<(), String> {
        self.network.log(self.now, format_args!("  {fault:?}"));
        match fault {
            Fault::Silence(silent) => self.network.silent = silent,
            Fault::Restart => {
                self.summary.restarts += 1;
                self.gateway = Gateway::new(self.config.clone());
                self.network.restart(self.now);
                self.wills.restarted(&self.network.arrived);
            }
            Fault::Sim(sim) => {
                self.sim = sim;
                if let Some(ready) = &mut self.line.starts {
                    *ready = (*ready).max(self.now + Duration::from_secs(1));
                }
                return self.tell(&Input::Bearer(Change::Sim(if sim { Sim::Ready } else { Sim::Absent })));
            }
            Fault::Unasked => {
                let index = self.random.between(0, 1);
                if let Some(watch) = self.watches.get(index).filter(|watch| watch.is_connected()) {
                    let packet = draw::strange(watch.strange_id(), &mut self.random);
                    let link = Link(if index == 0 { 101 } else { 102 });
                    self.network.unasked(self.now, link, &packet);
                }
            }
            Fault::Reset if self.sim && self.line.starts.is_none() => {
                let line = self.random.pick(RESETS);
                return self.types(line.into(), Whose::Reset);
            }
            Fault::Echo(echo) if self.line.starts.is_none() => {
                return self.types(format!("ATE{}", u8::from(echo)), Whose::Echo(echo));
            }
            Fault::Reset | Fault::Echo(_) => {}
        }
        if self.faults.is_empty() {
            self.network.calm();
        }
        Ok(())
    }

    /// A client, and what it needs to know.
    fn client(&mut self, index: usize) -> Option<(&mut Client, &mut Random, Scene<'_>)> {
        let phase = self.phase();
        let scene = Scene {
            now: self.now,
            phase,
            carried: self.sim,
            arrived: &self.network.arrived,
            messages: &mut self.messages,
            watch: self.watches.get_mut(index)?,
            summary: &mut self.summary,
        };
        Some((self.clients.get_mut(index)?, &mut self.random, scene))
    }

    /// The host, or somebody at the broker, does the next thing of a client's script.
    fn act(&mut self, index: usize) -> Result<(), String> {
        let starts = self.line.starts;
        let now = self.now;
        let Some((client, random, mut scene)) = self.client(index) else { return Ok(()) };
        if starts.is_some() {
            client.waits(now);
            return Ok(());
        }
        match client.act(random, &mut scene)? {
            Doing::Nothing => Ok(()),
            Doing::Type(line, data) => {
                self.line.data = data;
                self.types(line, Whose::Client(index))
            }
            Doing::Publish { topic, qos, payload } => {
                self.network.publish(self.now, &topic, qos, &payload);
                Ok(())
            }
            Doing::Vanish => {
                self.network.cut(index);
                Ok(())
            }
        }
    }

    fn types(&mut self, text: String, whose: Whose) -> Result<(), String> {
        self.network.log(self.now, format_args!("> {text}"));
        let bytes = format!("{text}\r");
        self.line.typed = Some(Typed { text, whose, echo: self.line.echo });
        self.tell(&Input::Serial(bytes.as_bytes()))?;
        match &self.line.typed {
            Some(Typed { text, .. }) => Err(format!("no final result code of {text:?}")),
            None => Ok(()),
        }
    }

    fn arrive(&mut self, arrival: Arrival) -> Result<(), String> {
        match arrival {
            Arrival::AtGateway(peer, bytes) => {
                self.wills.came(self.now, peer, &bytes);
                return self.tell_gateway(gateway::Input::Datagram(peer, &bytes));
            }
            Arrival::AtModem(link, bytes) if self.modem.wants(Port::Link(link)) => return self.receive(link, &bytes),
            // It waits in the system for a while.
            Arrival::AtModem(link, bytes) => self.network.wait(self.now, link, bytes),
            Arrival::Opened(link) => return self.tell_gateway(gateway::Input::Opened(link)),
            Arrival::Bytes(link, bytes) if self.gateway.wants(link) => {
                return self.tell_gateway(gateway::Input::Received(link, &bytes));
            }
            Arrival::Bytes(link, bytes) => self.network.hold(self.now, link, bytes),
            Arrival::Ended(link) => return self.tell_gateway(gateway::Input::Closed(link, Why::Ended)),
            Arrival::Moved => {}
        }
        Ok(())
    }

    /// A datagram comes to the modem.
    fn receive(&mut self, link: Link, bytes: &[u8]) -> Result<(), String> {
        let now = self.now;
        if let Some((watch, unanswered)) = self.watch(link)
            && watch.came(now, bytes, unanswered)
        {
            self.again = index(link);
        }
        let told = self.tell(&Input::Received(link, bytes));
        self.again = None;
        told?;
        self.check_watches()
    }

    /// Who looks at the datagrams of a link, and what of its session is not answered.
    fn watch(&mut self, link: Link) -> Option<(&mut Watch, &mut Unanswered)> {
        let index = index(link)?;
        let session = if self.rivals { 0 } else { index };
        Some((self.watches.get_mut(index)?, self.unanswered.get_mut(session)?))
    }

    /// Brings an input to the modem and carries out what it asks for.
    fn tell(&mut self, input: &Input<'_>) -> Result<(), String> {
        let mut out = std::mem::take(&mut self.out);
        out.clear();
        self.modem.handle(self.now, input.clone(), &mut out);
        if let Some(recorder) = &mut self.recorder {
            recorder.modem(self.now, 0, input, &self.modem, &out);
        }
        if self.modem.deadline().is_some_and(|deadline| deadline <= self.now) {
            return Err("the modem's deadline does not move".into());
        }
        let now = self.now;
        let mut opened = Vec::new();
        for effect in out.effects() {
            match effect {
                Effect::Serial(_, marked) => self.line.bytes.extend_from_slice(marked.bytes()),
                Effect::Open { link, .. } => {
                    self.network.open(link);
                    opened.push(link);
                    if let Some((watch, _)) = self.watch(link) {
                        watch.link_opened();
                    }
                }
                Effect::Send(link, marked) => {
                    self.network.up(now, link, marked.bytes());
                    if let Some((watch, unanswered)) = self.watch(link) {
                        watch.sent(now, marked.bytes(), unanswered).map_err(|what| format!("{link}: {what}"))?;
                    }
                }
                Effect::Close(link) => {
                    self.network.close(link);
                    if let Some((watch, _)) = self.watch(link) {
                        watch.link_closed();
                    }
                }
                Effect::Resolve(query, ..) => self.lookups.push((now, query)),
                Effect::Line(_) => {}
                Effect::Note(note) => self.network.log(now, format_args!("  {note}")),
            }
        }
        self.out = out;
        self.read()?;
        // UDP: there is nothing to wait for.
        opened.into_iter().try_for_each(|link: Link| self.tell(&Input::Opened(link)))
    }

    /// The host reads whole lines.
    fn read(&mut self) -> Result<(), String> {
        while let Some(end) = self.line.bytes.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.line.bytes.drain(..=end).collect();
            let line = String::from_utf8_lossy(&line).trim().to_owned();
            if !line.is_empty() {
                self.network.log(self.now, format_args!("< {line}"));
                self.reads(&line)?;
            }
        }
        Ok(())
    }

    fn reads(&mut self, line: &str) -> Result<(), String> {
        if let Some(typed) = self.line.typed.as_mut().filter(|typed| typed.text == line) {
            return if std::mem::take(&mut typed.echo) { Ok(()) } else { Err(format!("{line:?} is echoed")) };
        }
        match line {
            "OK" | "ERROR" => self.answered(line == "OK"),
            _ if line.starts_with("+CME ERROR: ") => self.answered(false),
            ">" => {
                let data = std::mem::take(&mut self.line.data);
                if data.is_empty() {
                    return Err("a prompt, for no reason".into());
                }
                self.tell(&Input::Serial(&data))
            }
            "+SIM READY" => {
                self.line.starts = None;
                Ok(())
            }
            _ if line.starts_with("+MIPCALL: ") && self.calm.is_some() => Ok(()),
            _ => self.unsolicited(line),
        }
    }

    fn unsolicited(&mut self, line: &str) -> Result<(), String> {
        if let Some(lines) = &mut self.line.plain {
            lines.push(line.into());
            return Ok(());
        }
        let again = self.again;
        for index in [0, 1] {
            let Some((client, _, mut scene)) = self.client(index) else { continue };
            if client.reads(line, &mut scene)? {
                if again == Some(index) && line.starts_with("+MQTTMSG: ") {
                    return Err(format!("a message that was not released is told once more: {line:.60}"));
                }
                return Ok(());
            }
        }
        Err(format!("nobody expects {line:?}"))
    }

    /// The final result code.
    fn answered(&mut self, accepted: bool) -> Result<(), String> {
        let Some(Typed { text, whose, echo }) = self.line.typed.take() else {
            return Err("a final result code of nothing".into());
        };
        if echo {
            return Err(format!("{text:?} is not echoed"));
        }
        match whose {
            Whose::Client(index) => {
                let Some((client, _, mut scene)) = self.client(index) else { return Ok(()) };
                return client.answered(accepted, &mut scene);
            }
            Whose::Echo(echo) => self.line.echo = echo,
            Whose::Reset => {
                self.summary.resets += 1;
                self.line.echo = self.settings.echo;
                self.line.starts = Some(self.now + self.settings.boot + Duration::from_secs(1));
                self.clients.iter_mut().for_each(|client| client.reset(self.now));
                self.watches.iter_mut().for_each(Watch::reset);
            }
            Whose::Plain => {
                let line = if accepted { "OK" } else { "ERROR" };
                self.line.plain.get_or_insert_default().push(line.into());
            }
        }
        if accepted { Ok(()) } else { Err(format!("{text:?} is refused")) }
    }

    fn tell_gateway(&mut self, input: gateway::Input<'_>) -> Result<(), String> {
        self.gateway_out.clear();
        self.gateway.handle(self.now, input, &mut self.gateway_out);
        for effect in self.gateway_out.effects() {
            match effect {
                gateway::Effect::Send(Peer(to), bytes) => self.network.down(self.now, to, bytes),
                gateway::Effect::Open(link) => self.network.connect(self.now, link),
                gateway::Effect::Write(link, bytes) => self.network.write(self.now, link, bytes),
                gateway::Effect::Close(link) => self.network.hang_up(self.now, link),
                gateway::Effect::Note(note) => {
                    self.wills.told(self.now, note)?;
                    match note {
                        gateway::Note::Will { .. } => self.summary.wills += 1,
                        gateway::Note::Ended { why: gateway::End::TakenOver(_), .. } => self.summary.takeovers += 1,
                        _ => {}
                    }
                    self.network.log(self.now, format_args!("  gateway: {note}"));
                }
            }
        }
        Ok(())
    }
}

/// The place of a link's client.
fn index(link: Link) -> Option<usize> {
    usize::from(link.0).checked_sub(101)
}
