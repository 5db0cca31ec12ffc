//! What faults make of what goes over links: of packets, and of the bytes that carry them.

use std::collections::BTreeMap;

use quasimodem_core::{ClientId, Input, Instant, Link, Modem, Port, Why};

use super::filters::{Filters, Tell, change};
use super::hand::{Parcel, Then, Wait};
use super::held::{Held, Lane, takes};
use super::item::{Item, Packet};
use super::plan::Outcome;
use super::row::{Act, Due, Manner};
use crate::frames::{Frames, Piece};

/// What is under way on links, in each direction (`true`: up).
#[derive(Default)]
pub(super) struct Carried(BTreeMap<(Link, bool), Way>);

/// One direction of a connection.
#[derive(Default)]
struct Way {
    /// Where packets begin, once that is known.
    frames: Option<Frames>,
    lane: Lane,
    /// Bytes that went by.
    offset: u64,
    /// Nothing comes any more.
    dead: bool,
    /// Nothing comes for now.
    stalled: bool,
    /// What waits was slowed down.
    slowed: bool,
}

impl Carried {
    pub(super) fn forget(&mut self, link: Link) {
        self.0.retain(|(of, _), _| *of != link);
    }

    /// What the modem sent over a link that it closes, and that may still go out.
    pub(super) fn last_words(&mut self, link: Link) -> Vec<Vec<u8>> {
        let way = self.0.get_mut(&(link, true)).filter(|way| !way.dead && !way.stalled);
        way.map(|way| way.lane.drain()).unwrap_or_default()
    }

    /// Nothing goes over a link any more.
    pub(super) fn silence(&mut self, link: Link) {
        for up in [true, false] {
            let way = self.0.entry((link, up)).or_default();
            (way.dead, way.lane) = (true, Lane::default());
        }
    }

    /// When something is let go, as far as links are wanted.
    pub(super) fn deadline(&self, wants: impl Fn(Link) -> bool) -> Option<Instant> {
        let may = self.0.iter().filter(|((link, up), way)| !way.stalled && (*up || wants(*link)));
        may.flat_map(|(_, way)| [way.lane.deadline(), way.lane.deadline_aside()]).flatten().min()
    }
}

impl Filters {
    /// What the modem sends over a link, as it goes on now: over UDP each is a datagram.
    pub fn up(&mut self, now: Instant, link: Link, bytes: &[u8], tell: Tell<'_>) -> Vec<Vec<u8>> {
        self.pass(now, (link, true), bytes, true, tell)
    }

    /// What came for the modem over a link, as it goes on now: over UDP each is a datagram, over TCP a chunk of
    /// [`Input::CHUNK`] at most. `aligned` says whether the modem waits for the beginning of a packet: the rest of one that
    /// began before there were faults passes as it is.
    pub fn down(&mut self, now: Instant, link: Link, bytes: &[u8], aligned: bool, tell: Tell<'_>) -> Vec<Vec<u8>> {
        let on = self.pass(now, (link, false), bytes, aligned, tell);
        if is_stream(link) { chunks(&on.concat()) } else { on }
    }

    /// Whether more may be read from a link: not while as much is held back as may be.
    pub fn reads(&self, link: Link) -> bool {
        self.carried.0.get(&(link, false)).is_none_or(|way| !way.lane.is_full())
    }

    /// A link ended: what comes before that, in such chunks, and the end itself, unless it is held back or never seen.
    pub fn ended(&mut self, now: Instant, link: Link, why: Why, tell: Tell<'_>) -> (Vec<Vec<u8>>, Option<Why>) {
        let frames = self.carried.0.get_mut(&(link, false)).and_then(|way| way.frames.as_mut());
        let rest = frames.map(Frames::take_partial).unwrap_or_default();
        let rest = if rest.is_empty() { Vec::new() } else { vec![Parcel::new(rest)] };
        let on = chunks(&self.carry(now, (link, false), rest, tell).concat());
        // Nothing may have come while it lasted that would have shown it.
        let manner = self.manner(now, (link, false), tell);
        let way = self.carried.0.entry((link, false)).or_default();
        (way.dead, way.stalled) = (way.dead || manner.dead, manner.stalled);
        if way.dead {
            return (on, None);
        }
        if way.stalled || !way.lane.is_empty() {
            way.lane.put_end(now, why);
            return (on, None);
        }
        self.is_over(link);
        (on, Some(why))
    }

    /// Puts something among what is on its way, unless nothing comes that way, or too much.
    pub(super) fn inject(&mut self, now: Instant, way: (Link, bool), bytes: &[u8]) {
        if self.connection(way.0).is_none() {
            return;
        }
        let way = self.carried.0.entry(way).or_default();
        if !way.dead && !way.lane.is_full() {
            way.lane.hold(now, bytes.into());
        }
    }

    /// Whether nothing goes out for now to where a link leads, or to any resolver.
    pub(super) fn is_stalled(&mut self, now: Instant, link: Link, tell: Tell<'_>) -> bool {
        self.manner(now, (link, true), tell).stalled
    }

    /// Lets go what is due of what is held back.
    pub(super) fn let_go(&mut self, now: Instant, modem: &Modem, tell: Tell<'_>) {
        let ways: Vec<(Link, bool)> = self.carried.0.keys().copied().collect();
        for (link, up) in ways {
            // What is let go causes something, which must not overtake what is held elsewhere.
            if !self.due.is_empty() {
                break;
            }
            let asks = self.carried.0.get(&(link, up)).is_some_and(|way| way.stalled || way.slowed);
            let manner = if asks { self.manner(now, (link, up), tell) } else { Manner::default() };
            let Some(way) = self.carried.0.get_mut(&(link, up)) else { continue };
            let still = way.stalled && manner.stalled;
            way.stalled = still;
            if way.slowed && manner.rate == 0 && manner.slice.0 == 0 {
                way.slowed = false;
                way.lane.release(now);
            }
            let may = !still && (up || modem.wants(Port::Link(link)));
            match may.then(|| way.lane.take(now, true)).flatten() {
                Some(Held::Bytes(bytes)) if up => self.due.push_back(Due::Send(link, bytes.into())),
                Some(Held::Bytes(bytes)) if is_stream(link) => {
                    self.due.extend(chunks(&bytes).into_iter().map(|chunk| Due::Arrive(link, chunk.into())));
                }
                Some(Held::Bytes(bytes)) => self.due.push_back(Due::Arrive(link, bytes.into())),
                Some(Held::End(why)) => {
                    self.due.push_back(Due::Input(Input::Closed(link, why)));
                    self.is_over(link);
                    continue;
                }
                None => {}
            }
            let (is_full, is_free) = (up && way.lane.is_full(), up && way.lane.is_empty());
            self.due.extend(self.marks.held(Port::Link(link), is_full, is_free).map(Due::Input));
        }
    }

    fn manner(&mut self, now: Instant, (link, up): (Link, bool), tell: Tell<'_>) -> Manner {
        let offset = self.carried.0.get(&(link, up)).map(|way| way.offset).unwrap_or_default();
        let (client, connection) = (ClientId::from_number(link.0.into()), self.last_connection(link));
        let mut manner = Manner::default();
        let apply = |act: &Act, values: &_, draws: &mut _, manner: &mut Manner| match act {
            Act::Links(act) => act(values, up, draws, manner),
            Act::Freeze(freezes) => manner.stalled |= freezes(values),
            _ => {}
        };
        self.plan.shape(now, (client, connection), ("the link", offset), &mut manner, &apply, tell);
        manner
    }

    fn pass(&mut self, now: Instant, way: (Link, bool), bytes: &[u8], aligned: bool, tell: Tell<'_>) -> Vec<Vec<u8>> {
        let mut then = None;
        let parcels = self.judged(now, way, bytes, aligned, &mut then, tell);
        let on = self.carry(now, way, parcels, tell);
        match then {
            Some(Then::Stalls) => self.carried.0.entry(way).or_default().dead = true,
            Some(Then::Ends(why)) => self.due.push_back(Due::End(Some(way.0.0), why)),
            None => {}
        }
        on
    }

    /// What packets become.
    fn judged(
        &mut self,
        now: Instant,
        (link, up): (Link, bool),
        bytes: &[u8],
        aligned: bool,
        then: &mut Option<Then>,
        tell: Tell<'_>,
    ) -> Vec<Parcel> {
        let connection = self.last_connection(link);
        // What the module does for itself is no client's.
        let Some(client) = ClientId::from_number(link.0.into()) else { return vec![Parcel::new(bytes)] };
        let Filters { plan, carried, .. } = self;
        let mut judge = |packet: &[u8], then: &mut Option<Then>| {
            let mut parcels = vec![Parcel::new(packet)];
            let item = Item::Packet(Packet::new(client, up, packet));
            plan.judge(now, &item, connection, &mut *tell, &mut |act, values, draws| match act {
                Act::Packets(_, act) => change(*act, values, draws, &mut parcels, then),
                _ => Outcome::Same,
            });
            parcels
        };
        if client.is_sn() {
            return judge(bytes, then);
        }
        let way = carried.0.entry((link, up)).or_default();
        if way.frames.is_none() && !aligned {
            return vec![Parcel::new(bytes)];
        }
        let mut on = Vec::new();
        way.frames.get_or_insert_default().push(bytes, &mut |piece| match piece {
            // What comes after a packet that was cut would be read as its rest.
            _ if then.is_some() => {}
            Piece::Packet(packet) => on.append(&mut judge(packet, then)),
            Piece::Long(bytes, _) | Piece::Rest(bytes) => on.push(Parcel::new(bytes)),
        });
        on
    }

    /// What of it goes on now; the rest is held back, or lost.
    fn carry(&mut self, now: Instant, at: (Link, bool), parcels: Vec<Parcel>, tell: Tell<'_>) -> Vec<Vec<u8>> {
        if parcels.is_empty() {
            return Vec::new();
        }
        let manner = self.manner(now, at, tell);
        let is_stream = is_stream(at.0);
        let way = self.carried.0.entry(at).or_default();
        way.dead |= manner.dead;
        way.stalled = manner.stalled && is_stream;
        let Manner { delay, rate, slice: (size, gap), stalled, .. } = manner;
        way.slowed |= rate > 0 || size > 0;
        if way.dead || (stalled && !is_stream) {
            way.lane = Lane::default();
            return Vec::new();
        }
        let mut on = Vec::new();
        for parcel in parcels {
            way.offset += u64::try_from(parcel.bytes.len()).unwrap_or_default();
            let wait = match parcel.wait {
                Wait::Long(time) => time,
                Wait::Not => std::time::Duration::ZERO,
                Wait::Aside(_) | Wait::Passed(..) => {
                    on.extend(way.lane.put(now, 0, parcel));
                    continue;
                }
            };
            let size = if is_stream && size > 0 { size } else { parcel.bytes.len().max(1) };
            for slice in parcel.bytes.chunks(size) {
                let begins = (now + wait + delay).max(way.lane.last_at(gap).unwrap_or(now));
                let due = if rate > 0 { begins + takes(slice.len(), rate) } else { begins };
                if stalled {
                    way.lane.hold(due, slice.to_vec());
                } else {
                    on.extend(way.lane.put_at(now, due, slice.to_vec()));
                }
            }
        }
        on
    }
}

fn is_stream(link: Link) -> bool {
    !ClientId::from_number(link.0.into()).is_some_and(ClientId::is_sn)
}

fn chunks(bytes: &[u8]) -> Vec<Vec<u8>> {
    bytes.chunks(Input::CHUNK).map(<[u8]>::to_vec).collect()
}
