//! The network between callers and a listener in virtual time: connections that take time, cut bytes at arbitrary
//! places, fill up, stand still, and break so that one side learns it later than the other.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use quasimodem_core::{Instant, Why};

use crate::pipe::{Conditions, Pipe};
use crate::random::Random;
use crate::timers::Timers;

/// A connection or an attempt at one. A name is never used again.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Wire(pub u64);

/// The two ends of a wire.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Side {
    /// Who asked for the connection: a modem.
    Caller,
    /// Who took it: a broker.
    Listener,
}

/// What becomes of attempts to connect.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Answer {
    /// They succeed.
    #[default]
    Accept,
    /// Nobody listens.
    Refuse,
    /// Nobody answers.
    Silence,
}

/// What one end has to be told.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Event {
    /// The connection is there, for this side. The listener is told first.
    Opened(Side),
    /// This side has written more than it should, or may write again.
    Full(Side, bool),
    /// There may be something to [`read`](Network::read) for this side, or the [end](Network::take_end) of it.
    Readable(Side),
    /// The connection broke, for this side. What it had not read is lost.
    Broken(Side, Why),
}

/// All wires. Does nothing by itself: the owner calls [`settle`](Self::settle) at the [`deadline`](Self::deadline).
#[derive(Debug)]
pub struct Network {
    random: Random,
    wires: BTreeMap<Wire, Connection>,
    timers: Timers<Wire>,
    /// Wires that were touched since the last `settle`.
    touched: BTreeSet<Wire>,
    last: u64,
}

#[derive(Debug)]
struct Connection {
    /// From the caller to the listener, and back.
    up: Pipe,
    down: Pipe,
    answer: Answer,
    caller: End,
    listener: End,
    held: bool,
    /// Whatever is written, nothing arrives any more.
    cut: bool,
}

/// What one side knows of its connection.
#[derive(Debug)]
struct End {
    phase: Phase,
    /// When it learns that the connection broke, and why.
    breaks: Option<(Instant, Why)>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
    /// It is told at that time.
    Opening(Instant),
    Open,
    /// It closed the connection, or was told of its end.
    Over,
}

impl Network {
    /// No wires; delays are drawn from this chance.
    pub fn new(random: Random) -> Network {
        let (wires, timers, touched) = (BTreeMap::new(), Timers::default(), BTreeSet::new());
        Network { random, wires, timers, touched, last: 0 }
    }

    /// Somebody calls the listener. Whether that succeeds is decided now, and told later.
    pub fn connect(&mut self, now: Instant, conditions: Conditions, answer: Answer) -> Wire {
        self.last += 1;
        let wire = Wire(self.last);
        let accepted = now + self.random.time(conditions.delay.0, conditions.delay.1);
        let opened = accepted + self.random.time(conditions.delay.0, conditions.delay.1);
        let connection = Connection {
            up: Pipe::new(conditions),
            down: Pipe::new(conditions),
            answer,
            caller: End { phase: Phase::Opening(opened), breaks: None },
            listener: End { phase: Phase::Opening(accepted), breaks: None },
            held: false,
            cut: false,
        };
        self.wires.insert(wire, connection);
        self.touched.insert(wire);
        wire
    }

    /// One side writes. What it writes to a connection that the other side left is lost.
    pub fn write(&mut self, now: Instant, wire: Wire, side: Side, bytes: &[u8]) {
        if let Some(connection) = self.wires.get_mut(&wire) {
            let gone = connection.end(side.other()).phase == Phase::Over;
            if !gone {
                connection.out(side).write(now, bytes, &mut self.random);
            }
            self.touched.insert(wire);
        }
    }

    /// Takes out what arrived for one side.
    pub fn read(&mut self, now: Instant, wire: Wire, side: Side, max: usize) -> Vec<u8> {
        let Some(connection) = self.wires.get_mut(&wire) else { return Vec::new() };
        self.touched.insert(wire);
        connection.out(side.other()).read(now, max, &mut self.random)
    }

    /// Whether something arrived for one side.
    pub fn is_readable(&self, wire: Wire, side: Side) -> bool {
        self.wires.get(&wire).is_some_and(|connection| connection.source(side).is_readable())
    }

    /// Whether the other side closed the connection in order and everything was read. Told once.
    pub fn take_end(&mut self, wire: Wire, side: Side) -> bool {
        let Some(connection) = self.wires.get_mut(&wire) else { return false };
        let over = connection.end(side).phase == Phase::Open && connection.source(side).is_over();
        if over {
            connection.end(side).phase = Phase::Over;
            self.touched.insert(wire);
        }
        over
    }

    /// One side closes: what it wrote still arrives, what was written to it is lost.
    pub fn close(&mut self, wire: Wire, side: Side) {
        if let Some(connection) = self.wires.get_mut(&wire) {
            connection.end(side).phase = Phase::Over;
            connection.end(side).breaks = None;
            if !connection.cut {
                connection.out(side).end();
            }
            connection.out(side.other()).clear();
            self.touched.insert(wire);
        }
    }

    /// The connection breaks. Each side learns it at its time; `None`: it never does by itself.
    pub fn cut(&mut self, now: Instant, wire: Wire, caller: Option<Duration>, listener: Option<Duration>) {
        if let Some(connection) = self.wires.get_mut(&wire) {
            connection.up.clear();
            connection.down.clear();
            connection.hold(true);
            connection.cut = true;
            connection.caller.breaks = caller.map(|after| (now + after, Why::Reset));
            connection.listener.breaks = listener.map(|after| (now + after, Why::Reset));
            self.touched.insert(wire);
        }
    }

    /// All connections and attempts.
    pub fn wires(&self) -> Vec<Wire> {
        self.wires.keys().copied().collect()
    }

    /// Bytes and attempts stand still (`true`), or go on.
    pub fn hold(&mut self, wire: Wire, held: bool) {
        if let Some(connection) = self.wires.get_mut(&wire) {
            connection.hold(held);
            self.touched.insert(wire);
        }
    }

    /// From here on other conditions hold for this wire.
    pub fn change(&mut self, wire: Wire, conditions: Conditions) {
        if let Some(connection) = self.wires.get_mut(&wire) {
            connection.up.change(conditions);
            connection.down.change(conditions);
        }
    }

    /// When to call [`settle`](Self::settle).
    pub fn deadline(&self) -> Option<Instant> {
        if self.touched.is_empty() { self.timers.first().map(|(due, _)| due) } else { Some(Instant::START) }
    }

    /// Lets happen what is due, and tells whom it concerns.
    pub fn settle(&mut self, now: Instant, events: &mut Vec<(Wire, Event)>) {
        while let Some((due, wire)) = self.timers.first()
            && due <= now
        {
            self.timers.set(wire, None);
            self.touched.insert(wire);
        }
        for wire in std::mem::take(&mut self.touched) {
            let Some(connection) = self.wires.get_mut(&wire) else { continue };
            connection.settle(now, |event| events.push((wire, event)));
            let due = connection.deadline();
            self.timers.set(wire, due);
            if connection.caller.phase == Phase::Over && connection.listener.phase == Phase::Over {
                self.timers.set(wire, None);
                self.wires.remove(&wire);
            }
        }
    }
}

impl Side {
    /// The other one.
    pub const fn other(self) -> Side {
        match self {
            Side::Caller => Side::Listener,
            Side::Listener => Side::Caller,
        }
    }
}

impl Connection {
    fn settle(&mut self, now: Instant, mut tell: impl FnMut(Event)) {
        if !self.held {
            self.open(now, &mut tell);
        }
        for side in [Side::Caller, Side::Listener] {
            if let Some((_, why)) = self.end(side).breaks.take_if(|(at, _)| *at <= now) {
                self.end(side).phase = Phase::Over;
                self.out(side.other()).clear();
                tell(Event::Broken(side, why));
            }
        }
        self.up.settle(now);
        self.down.settle(now);
        for side in [Side::Caller, Side::Listener] {
            let turned = self.out(side).turned();
            if self.end(side).phase != Phase::Open {
                continue;
            }
            if let Some(full) = turned {
                tell(Event::Full(side, full));
            }
            if self.source(side).is_readable() || self.source(side).is_over() {
                tell(Event::Readable(side));
            }
        }
    }

    /// The handshake. A caller that gave up before the listener heard of it leaves no trace.
    fn open(&mut self, now: Instant, tell: &mut impl FnMut(Event)) {
        let due = |phase| matches!(phase, Phase::Opening(at) if at <= now);
        let refused = self.answer == Answer::Refuse && due(self.caller.phase);
        match self.answer {
            Answer::Accept if due(self.listener.phase) && self.caller.phase == Phase::Over => {
                self.listener.phase = Phase::Over;
            }
            Answer::Accept if due(self.listener.phase) => {
                self.listener.phase = Phase::Open;
                tell(Event::Opened(Side::Listener));
            }
            Answer::Refuse | Answer::Silence if self.caller.phase == Phase::Over || refused => {
                self.listener.phase = Phase::Over;
            }
            Answer::Accept | Answer::Refuse | Answer::Silence => {}
        }
        if refused {
            self.caller.phase = Phase::Over;
            tell(Event::Broken(Side::Caller, Why::Refused));
        }
        if self.answer == Answer::Accept && due(self.caller.phase) {
            self.caller.phase = Phase::Open;
            tell(Event::Opened(Side::Caller));
        }
    }

    fn deadline(&self) -> Option<Instant> {
        let ends = [&self.caller, &self.listener];
        let told = match self.answer {
            Answer::Accept => 2,
            Answer::Refuse => 1,
            Answer::Silence => 0,
        };
        let opens = ends.into_iter().take(told).filter_map(|end| match end.phase {
            Phase::Opening(at) if !self.held => Some(at),
            _ => None,
        });
        let breaks = ends.into_iter().filter_map(|end| end.breaks.as_ref().map(|(at, _)| *at));
        opens.chain(breaks).chain(self.up.deadline()).chain(self.down.deadline()).min()
    }

    fn hold(&mut self, held: bool) {
        if !self.cut {
            self.held = held;
            self.up.hold(held);
            self.down.hold(held);
        }
    }

    fn end(&mut self, side: Side) -> &mut End {
        match side {
            Side::Caller => &mut self.caller,
            Side::Listener => &mut self.listener,
        }
    }

    /// What a side writes to.
    fn out(&mut self, side: Side) -> &mut Pipe {
        match side {
            Side::Caller => &mut self.up,
            Side::Listener => &mut self.down,
        }
    }

    /// What a side reads from.
    fn source(&self, side: Side) -> &Pipe {
        match side {
            Side::Caller => &self.down,
            Side::Listener => &self.up,
        }
    }
}
