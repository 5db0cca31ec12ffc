//! Faults at work on the links of one station.

use std::collections::{BTreeMap, VecDeque};

use quasimodem_core::{
    Change, ClientId, Form, Gate, Input, Instant, Kind, Link, Modem, Query, Radio, Transport, Verdict,
};

use super::item::{Item, Packet};
use super::overlaid::Overlaid;
use super::plan::{Happened, Outcome, Plan, Unhit};
use super::row::{Act, Due};
use crate::frames::{Frames, Piece};
use crate::transcript;

/// What stands between a modem and its links while there are faults. Packets that none is about pass byte for byte.
pub struct Filters {
    plan: Plan,
    ways: BTreeMap<(Link, bool), Frames>,
    /// How often each link was opened, and whether it is open.
    connections: BTreeMap<Link, (u64, bool)>,
    /// What is to be done next in the name of faults.
    due: VecDeque<Due>,
    radio: Overlaid,
}

impl Filters {
    /// Lets these faults work.
    pub fn new(plan: Plan) -> Filters {
        Filters {
            plan,
            ways: BTreeMap::new(),
            connections: BTreeMap::new(),
            due: VecDeque::new(),
            radio: Overlaid::default(),
        }
    }

    /// Lets these faults work at a modem that has these links already.
    pub fn around(plan: Plan, links: impl IntoIterator<Item = Link>) -> Filters {
        let mut filters = Filters::new(plan);
        links.into_iter().for_each(|link| filters.opened(link));
        filters
    }

    /// A link is opened anew.
    pub fn opened(&mut self, link: Link) {
        let (connection, is_open) = self.connections.entry(link).or_default();
        (*connection, *is_open) = (*connection + 1, true);
        self.ways.retain(|(of, _), _| *of != link);
    }

    /// The modem closed a link.
    pub fn closed(&mut self, link: Link) {
        self.connections.entry(link).or_default().1 = false;
    }

    /// Which of the connections of a link there is; `None`: there is none. What came over one must reach no other.
    pub fn connection(&self, link: Link) -> Option<u64> {
        self.connections.get(&link).filter(|(_, is_open)| *is_open).map(|(connection, _)| *connection)
    }

    /// What the modem sends over a link, as it goes on: over UDP each is a datagram.
    pub fn up(&mut self, now: Instant, link: Link, bytes: &[u8], tell: Tell<'_>) -> Vec<Vec<u8>> {
        self.pass(now, link, true, bytes, tell)
    }

    /// What came for the modem over a link, as it goes on: over UDP each is a datagram, over TCP a chunk of
    /// [`Input::CHUNK`] at most. `aligned` says whether the modem waits for the beginning of a packet: the rest of one that
    /// began before there were faults passes as it is.
    pub fn down(&mut self, now: Instant, link: Link, bytes: &[u8], aligned: bool, tell: Tell<'_>) -> Vec<Vec<u8>> {
        if !aligned && !self.ways.contains_key(&(link, false)) {
            return vec![bytes.to_vec()];
        }
        let on = self.pass(now, link, false, bytes, tell);
        if is_stream(link) { chunks(&on.concat()) } else { on }
    }

    /// A link ended: what came of a packet that is not complete, in such chunks.
    pub fn ended(&mut self, link: Link) -> Vec<Vec<u8>> {
        self.closed(link);
        chunks(&self.ways.get_mut(&(link, false)).map(Frames::take_partial).unwrap_or_default())
    }

    /// The faults that did not hit as often as was expected.
    pub fn unhit(&self) -> Vec<Unhit> {
        self.plan.unhit()
    }

    /// Says which faults there are.
    pub fn announce(&self, tell: Tell<'_>) {
        self.plan.announce(tell);
    }

    /// The faults.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The radio side without what faults make of it, of a modem that finds this.
    pub fn base(&self, modem: Radio) -> Radio {
        self.radio.base(modem)
    }

    /// The faults, to be changed.
    pub fn plan_mut(&mut self) -> &mut Plan {
        &mut self.plan
    }

    /// What the host reads in the place of a piece that the modem prints.
    pub fn printed(&mut self, now: Instant, kind: Kind, bytes: &[u8], tell: Tell<'_>) -> Vec<Vec<u8>> {
        let text = String::from_utf8_lossy(bytes);
        let mut pieces = vec![bytes.to_vec()];
        let item = Item::Piece(kind, text.trim_matches(['\r', '\n']));
        self.plan.judge(now, &item, 0, tell, &mut |act, values| match act {
            Act::Pieces(_, act) => change(&mut pieces, |pieces| act(values, pieces)),
            _ => Outcome::Same,
        });
        pieces
    }

    /// Whether an attempt to connect is made; what becomes of it otherwise is due.
    pub fn connects(
        &mut self,
        now: Instant,
        link: Link,
        transport: &Transport,
        (host, port): (&str, u16),
        tell: Tell<'_>,
    ) -> bool {
        let client = ClientId::from_number(link.0.into());
        let item = Item::Connect(client, host, port, transcript::transport(transport));
        let mut may = true;
        let due = &mut self.due;
        self.plan.judge(now, &item, 0, tell, &mut |act, values| {
            may = false;
            let why = match act {
                Act::Connects(act) => act(values),
                Act::Names(act) => Some(act(values, host)),
                _ => None,
            };
            due.extend(why.map(|why| Due::Input(Input::Closed(link, why))));
            Outcome::Gone
        });
        may
    }

    /// Whether a name is looked up; what is answered otherwise is due.
    pub fn looks_up(&mut self, now: Instant, query: Query, name: &str, tell: Tell<'_>) -> bool {
        let (mut may, due) = (true, &mut self.due);
        self.plan.judge(now, &Item::Lookup(name), 0, tell, &mut |act, values| {
            if let Act::Lookups(act) = act {
                may = false;
                due.push_back(Due::Input(Input::Resolved(query, act(values, name))));
            }
            Outcome::Gone
        });
        may
    }

    /// Decides about commands, while the modem works.
    pub fn gate<'a>(&'a mut self, now: Instant, tell: Tell<'a>) -> impl Gate + 'a {
        Commands { plan: &mut self.plan, now, tell }
    }

    /// The next thing that is to be done in the name of a fault, if it is time.
    pub fn take_due(&mut self, now: Instant, modem: &Modem, tell: Tell<'_>) -> Option<Due> {
        let mut more = Vec::new();
        let connections = &self.connections;
        let meets = |due: &Due| match due {
            Due::Input(Input::Bearer(Change::DataCall(None))) => modem.radio().address.is_some(),
            Due::Input(_) => true,
            Due::End(client, _) => {
                connections.iter().any(|(link, (_, is_open))| *is_open && client.is_none_or(|client| client == link.0))
            }
            Due::Print(_) => modem.has_host(),
        };
        let overlay = self.plan.settle(now, &meets, tell, &mut more);
        self.due.extend(more);
        self.due.extend(
            self.radio.follow(overlay, modem.radio()).into_iter().map(|change| Due::Input(Input::Bearer(change))),
        );
        self.due.pop_front()
    }

    /// When [`take_due`](Self::take_due) may have something.
    pub fn deadline(&self, now: Instant, modem: &Modem) -> Option<Instant> {
        let is_due = !self.due.is_empty() || self.radio.is_stale(modem.radio());
        if is_due { Some(now) } else { self.plan.deadline(now) }
    }

    /// What of a change of the radio side reaches the modem now: what faults hide comes when they are over.
    pub fn changes(&mut self, change: Change) -> Option<Change> {
        self.radio.change(change)
    }

    fn pass(&mut self, now: Instant, link: Link, up: bool, bytes: &[u8], tell: Tell<'_>) -> Vec<Vec<u8>> {
        // What the module does for itself is no client's.
        let Some(client) = ClientId::from_number(link.0.into()) else { return vec![bytes.to_vec()] };
        let (connection, _) = self.connections.get(&link).copied().unwrap_or_default();
        let Filters { plan, ways, .. } = self;
        let mut judge = |packet: &[u8]| {
            let mut packets = vec![packet.to_vec()];
            let item = Item::Packet(Packet::new(client, up, packet));
            plan.judge(now, &item, connection, &mut *tell, &mut |act, values| match act {
                Act::Packets(_, act) => change(&mut packets, |packets| act(values, packets)),
                _ => Outcome::Same,
            });
            packets
        };
        if client.is_sn() {
            return judge(bytes);
        }
        let mut on = Vec::new();
        ways.entry((link, up)).or_default().push(bytes, &mut |piece| match piece {
            Piece::Packet(packet) => on.append(&mut judge(packet)),
            Piece::Long(bytes, _) | Piece::Rest(bytes) => on.push(bytes.to_vec()),
        });
        on
    }
}

/// Who hears of what faults do.
pub(super) type Tell<'a> = &'a mut dyn FnMut(Happened<'_>);

/// Faults of commands, while the modem works.
struct Commands<'a> {
    plan: &'a mut Plan,
    now: Instant,
    tell: Tell<'a>,
}

impl Gate for Commands<'_> {
    fn command(&mut self, name: &'static str, form: Form) -> Verdict {
        let mut verdict = Verdict::Pass;
        self.plan.judge(self.now, &Item::Command(name, form), 0, self.tell, &mut |act, values| {
            if let Act::Commands(act) = act {
                verdict = act(values);
            }
            if verdict == Verdict::Pass { Outcome::Same } else { Outcome::Gone }
        });
        verdict
    }
}

/// Changes something, and says what came of it.
fn change(things: &mut Vec<Vec<u8>>, act: impl FnOnce(&mut Vec<Vec<u8>>)) -> Outcome {
    let before = things.clone();
    act(things);
    match things.is_empty() {
        true => Outcome::Gone,
        false if *things == before => Outcome::Same,
        false => Outcome::Changed,
    }
}

fn is_stream(link: Link) -> bool {
    !ClientId::from_number(link.0.into()).is_some_and(ClientId::is_sn)
}

fn chunks(bytes: &[u8]) -> Vec<Vec<u8>> {
    bytes.chunks(Input::CHUNK).map(<[u8]>::to_vec).collect()
}
