//! The modem: one call in, one outbox out.

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::fmt;

use crate::at::Gate;
use crate::bearer::Bearer;
use crate::client::{Client, SnClient, SnClients, User};
use crate::client_id::ClientId;
use crate::console::Console;
use crate::errand::{Clouds, Errand};
use crate::failure::Failure;
use crate::imei::Imei;
use crate::input::Input;
use crate::mqtt::{KeptSessions, PacketIds, Wire};
use crate::net::{Link, Port, Why};
use crate::outbox::Outbox;
use crate::owner::Owner;
use crate::profile::{Context, HostClock, Profile, Shown, Stored};
use crate::radio::{Radio, Sim};
use crate::reports::{Report, Reports};
use crate::settings::Settings;
use crate::sn;
use crate::ticket::{Stage, Tickets};
use crate::time::Instant;
use crate::tls::TlsProfile;
use crate::turn::Turn;
use crate::will::StoredWill;

/// Bytes of topics and payloads that may wait for the host, or to be sent again.
const POOL: usize = 64 * 1024;

/// Messages of one client that may wait for the host.
const INBOX: usize = 32;

/// Lines for the host that may wait before no further command is read.
const REPORTS_MAX: usize = 256;

/// A cellular module.
///
/// It does nothing by itself: a driver tells it what happened with [`handle`](Self::handle), carries out what the
/// outbox then says, and comes back at the [`deadline`](Self::deadline). See the crate's documentation.
pub struct Modem {
    pub(crate) settings: Arc<Settings>,
    pub(crate) imei: Imei,
    pub(crate) state: State,
    pub(crate) bearer: Bearer,
    pub(crate) profile: Profile,
    pub(crate) clients: [Client; ClientId::MQTT],
    pub(crate) ids: PacketIds,
    /// The MQTT-SN clients, while there is something of them.
    pub(crate) sn: Option<Box<SnClients>>,
    /// What few modems have; it is there only while there is something of it.
    rare: Option<Box<Rare>>,
    /// What TLS connections are made with; shared with the settings until the host changes it.
    pub(crate) tls: Arc<TlsProfile>,
    /// Why the last connection failed or was lost, for `AT+CEER`.
    pub(crate) last_failure: Option<Box<Failure>>,
    pub(crate) tickets: Tickets,
    pub(crate) reports: Reports,
    pub(crate) console: Console,
}

/// What few modems have.
#[derive(Default)]
pub(crate) struct Rare {
    context: Option<Context>,
    cloud: Clouds,
    /// What the host set that only answers show.
    pub(crate) shown: Shown,
    /// What `AT&W` stored.
    pub(crate) stored: Option<Box<Stored>>,
    /// `AT+CCLK=`.
    pub(crate) clock: Option<HostClock>,
    /// The [code](crate::TlsFailure::code) of the last TLS connection, 0 if it came about.
    pub(crate) tls_error: i16,
    /// `AT+GTGPSPOWER=1`.
    pub(crate) gnss: bool,
    /// Settings that count from the next start on.
    settings: Option<Arc<Settings>>,
    kept: KeptSessions,
}

/// Whether the module runs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    On,
    /// It starts, and hears nothing until then.
    Booting(Instant),
    /// Switched off by the host; the next host that attaches switches it on.
    Off,
}

/// How far a client's connection is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Connection {
    /// The broker or gateway has not accepted it yet.
    Opening,
    /// The broker or gateway has accepted it.
    Open,
    /// The host closes it, and the gateway has not confirmed that.
    Closing,
}

/// Whether a module runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Condition {
    /// It is switched off: a host that comes, or [`Power::On`](crate::Power::On), switches it on.
    Off,
    /// It starts, and hears nothing yet.
    Starting,
    /// It runs.
    On,
}

impl Modem {
    /// A module that was just switched on, with nobody at its serial end.
    pub fn new(settings: Arc<Settings>, imei: Imei) -> Modem {
        let mut modem = Modem {
            profile: Profile::new(&settings),
            bearer: Bearer::new(Sim::Ready, settings.bearer, settings.coverage, Instant::START, settings.search),
            tls: settings.tls.clone(),
            ids: PacketIds::new(settings.seed, imei),
            settings,
            imei,
            state: State::On,
            clients: Default::default(),
            sn: None,
            rare: None,
            last_failure: None,
            tickets: Tickets::default(),
            reports: Reports::default(),
            console: Console::new(),
        };
        modem.announce();
        modem
    }

    /// Takes in what happened at `now`, and puts all that it causes behind what the outbox holds.
    ///
    /// First settles what was due at `now`. `now` must not be earlier than at the call before.
    pub fn handle(&mut self, now: Instant, input: Input<'_>, out: &mut Outbox) {
        Turn::new(self, now, out, None).take(input);
    }

    /// The same, and asks `gate` before each command of the host.
    pub fn handle_through(&mut self, now: Instant, input: Input<'_>, out: &mut Outbox, gate: &mut dyn Gate) {
        Turn::new(self, now, out, Some(gate)).take(input);
    }

    /// When [`handle`](Self::handle) must be called again, with [`Input::Tick`] if nothing else happened. `None`:
    /// not before something happens. A call at the deadline always moves it.
    pub fn deadline(&self) -> Option<Instant> {
        let boot = match self.state {
            State::Booting(until) => Some(until),
            State::On | State::Off => None,
        };
        let printing = if self.reports.is_ready() { self.free_at() } else { None };
        let sessions = self.clients.iter().filter_map(|client| client.session.as_ref());
        let sessions = sessions.map(|session| session.deadline()).min();
        let sn_sessions = self.sn.iter().flat_map(|clients| &**clients).filter_map(|client| client.session.as_ref());
        let sn_sessions = sn_sessions.map(|session| session.deadline()).min();
        let search = self.bearer.deadline(&self.settings);
        let errand = self.errand().and_then(Errand::deadline);
        [boot, printing, self.reports.deadline(), self.console.deadline(), sessions, sn_sessions, search, errand]
            .into_iter()
            .flatten()
            .min()
    }

    /// Whether the driver may bring bytes from this port: from a TCP link only as far as there is room for messages
    /// and for what they are answered with, from a UDP link as long as the client uses it.
    pub fn wants(&self, port: Port) -> bool {
        match port {
            Port::Serial => self.console.wants(self.reports.len() >= REPORTS_MAX),
            Port::Link(link) => match Owner::of(link) {
                Some(Owner::Errand) => self.errand().is_some_and(Errand::is_listening),
                Some(Owner::MqttSn(id)) => {
                    let session = self.sn_client(id).and_then(|client| client.session.as_ref());
                    session.is_some_and(|session| session.wants())
                }
                Some(Owner::Mqtt(id)) => {
                    let session = self.client(id).and_then(|client| client.session.as_ref());
                    session.is_some_and(|session| session.wants())
                }
                None => false,
            },
        }
    }

    /// Whether the host is still to be told something: an answer, the result of a command, an event. Results come
    /// within the times of their commands, so this ends by itself if the host reads.
    pub fn owes(&self) -> bool {
        let owed =
            self.console.pending().is_some() || self.reports.owes() || self.errand().is_some_and(Errand::is_owed);
        owed && self.state != State::Off
    }

    /// From the module's next start on it has these settings; until then all stays as it is.
    pub fn configure(&mut self, settings: Arc<Settings>) {
        self.change_rare(|rare| rare.settings = Some(settings));
    }

    /// How far a client's connection is; `None`: it has none.
    pub fn connection(&self, client: ClientId) -> Option<Connection> {
        Some(match self.stage(client)? {
            Stage::Opening(_) => Connection::Opening,
            Stage::Open(_) => Connection::Open,
            Stage::Closing(_) => Connection::Closing,
        })
    }

    /// Whether the module runs.
    pub fn condition(&self) -> Condition {
        match self.state {
            State::Off => Condition::Off,
            State::Booting(_) => Condition::Starting,
            State::On => Condition::On,
        }
    }

    fn errand(&self) -> Option<&Errand> {
        self.rare.as_ref()?.cloud.errand.as_ref()
    }

    /// What it has to do with clouds, if it has.
    pub(crate) fn cloud(&mut self) -> Option<&mut Clouds> {
        self.rare.as_deref_mut().map(|rare| &mut rare.cloud)
    }

    /// What is under way at a cloud, and where its packet identifiers come from.
    pub(crate) fn errand_and_ids(&mut self) -> Option<(&mut Errand, &mut PacketIds)> {
        Some((self.rare.as_deref_mut()?.cloud.errand.as_mut()?, &mut self.ids))
    }

    /// What it has to do with clouds from now on. [`tidy`](Self::tidy) is due when that ends.
    pub(crate) fn new_cloud(&mut self) -> &mut Clouds {
        &mut self.rare.get_or_insert_default().cloud
    }

    /// What few modems have, if this one has something of it.
    pub(crate) fn rare(&self) -> Option<&Rare> {
        self.rare.as_deref()
    }

    /// Changes what few modems have.
    pub(crate) fn change_rare(&mut self, change: impl FnOnce(&mut Rare)) {
        change(self.rare.get_or_insert_default());
        self.tidy();
    }

    /// The radio side as the modem knows it.
    pub fn radio(&self) -> Radio {
        let Bearer { sim, fun, registration, signal, address, .. } = self.bearer;
        Radio { on: fun == 1, sim, registration, signal, address }
    }

    /// Whether what comes over a link next begins a packet, as far as it carries packets in a stream.
    pub fn is_between_packets(&self, link: Link) -> bool {
        let Some(Owner::Mqtt(id)) = Owner::of(link) else { return true };
        let session = self.client(id).and_then(|client| client.session.as_ref());
        session.is_none_or(|session| session.is_between_packets())
    }

    /// Messages that the host was told of, or is to be told of, and has not read (`AT+MQTTREAD`).
    pub fn unread(&self, client: ClientId) -> usize {
        self.reports.unread_messages(client)
    }

    /// Why a connection failed or ended the last time, as `AT+CEER` tells it; `None`: none did.
    pub fn last_failure(&self) -> Option<&Failure> {
        self.last_failure.as_deref()
    }

    /// Whether a host has the serial port open.
    pub fn has_host(&self) -> bool {
        self.console.has_host()
    }

    /// What time the host set with `AT+CCLK=`, in seconds since 1970, unless the clock follows the network. Whoever checks
    /// certificates for the modem goes by it, as the TLS of a real one does.
    pub fn host_clock(&self, now: Instant) -> Option<i64> {
        Some(self.rare()?.clock.as_ref()?.seconds(now))
    }

    /// What time it is by what the network said, in seconds since 1970, if it did.
    pub fn network_clock(&self, now: Instant) -> Option<i64> {
        self.bearer.clock(now)
    }

    /// What time it is by the module's clock, in seconds since 1970: what the host set, or what the network says.
    /// `None`: neither did.
    pub fn clock(&self, now: Instant) -> Option<i64> {
        self.host_clock(now).or_else(|| self.bearer.clock(now))
    }

    /// What time it is for clouds, in seconds since 1970; `None`: nobody knows.
    pub(crate) fn cloud_clock(&self, now: Instant) -> Option<i64> {
        self.settings.cloud.time.map(i64::from).or_else(|| self.clock(now))
    }

    /// What the host set with `AT+CGDCONT`.
    pub(crate) fn context(&self) -> Option<&Context> {
        self.rare.as_ref()?.context.as_ref()
    }

    /// Sets that.
    pub(crate) fn set_context(&mut self, context: Context) {
        self.rare.get_or_insert_default().context = Some(context);
    }

    /// Gives memory back that holds nothing any more.
    pub(crate) fn tidy(&mut self) {
        self.rare.take_if(|rare| {
            let Rare { context, cloud, shown, stored, clock, tls_error, gnss, settings, kept } = &**rare;
            let nothing_set = context.is_none() && shown.is_empty() && stored.is_none() && clock.is_none();
            let nothing_set = nothing_set && *tls_error == 0 && !gnss && settings.is_none();
            nothing_set && cloud.is_empty() && kept.is_empty()
        });
    }

    /// The owner switches the module off: connections are closed in order, everything else is forgotten but the count of
    /// packet identifiers.
    ///
    /// What the outbox then holds is the last that the modem has to say; the modem must not be used any more.
    pub fn power_off(&mut self, now: Instant, out: &mut Outbox) {
        for (id, client) in ClientId::mqtt().zip(&mut self.clients) {
            if let Some(mut session) = client.session.take() {
                session.disconnect(&mut Wire { now, link: id.link(), ids: &mut self.ids, out });
                out.close(id.link());
            }
        }
        if self.errand().is_some_and(Errand::is_listening) {
            out.close(Errand::LINK);
        }
        let (retry, retries) = (self.settings.sn_retry, self.settings.sn_retries);
        for (id, client) in ClientId::mqtt_sn().zip(self.sn.iter_mut().flat_map(|clients| &mut **clients)) {
            if let Some(mut session) = client.session.take() {
                let ids = &mut self.ids;
                session.disconnect(&mut sn::Wire { now, link: id.link(), ids, out, retry, retries, sent: false });
                out.close(id.link());
            }
        }
        let coverage = self.bearer.coverage;
        *self = Modem { ids: self.ids, state: State::Off, ..Modem::new(self.settings.clone(), self.imei) };
        self.bearer.coverage = coverage;
    }

    /// Forgets everything, as a module does that is reset, but for what belongs to the world around it, and for what
    /// counts on.
    pub(crate) fn restart(&mut self, now: Instant) {
        let (sim, coverage) = (self.bearer.sim, self.bearer.coverage);
        if let Some(settings) = self.rare.as_mut().and_then(|rare| rare.settings.take()) {
            self.settings = settings;
        }
        let mut fresh = Modem::new(self.settings.clone(), self.imei);
        fresh.bearer = Bearer::new(sim, self.settings.bearer, coverage, now + self.settings.boot, self.settings.search);
        // What was named before is not taken for what comes.
        fresh.tickets = self.tickets;
        fresh.reports = Reports::default();
        fresh.ids = self.ids;
        fresh.announce();
        fresh.bearer.keep_clock(&self.bearer);
        // The serial port stays as it is set.
        fresh.profile.uart = self.profile.uart;
        if let Some(rare) = &mut self.rare {
            let (stored, clock) = (rare.stored.take(), rare.clock.take());
            fresh.change_rare(|rare| (rare.stored, rare.clock) = (stored, clock));
            fresh.recall_profile();
        }
        fresh.console = self.console.restarted();
        *self = fresh;
    }

    /// Forgets what a restart would keep, but for the numbers of what is still to be answered, and for the network's time.
    pub(crate) fn forget_stored(&mut self) {
        self.change_rare(|rare| (rare.stored, rare.clock) = (None, None));
        self.ids = PacketIds::new(self.settings.seed, self.imei);
        self.bearer.sim = Sim::Ready;
    }

    /// Tells that the module has started.
    fn announce(&mut self) {
        if self.settings.banner.is_some() {
            self.reports.push(Report::Banner);
        }
        if self.bearer.sim.is_ready() {
            self.reports.push(Report::Ready);
        }
    }

    /// Keeps why something failed, for `AT+CEER` and `AT+GTSSLERR`.
    pub(crate) fn failed(&mut self, failure: Failure) {
        if let Failure::Link(Why::Tls(failure)) = &failure {
            let code = failure.code();
            self.change_rare(|rare| rare.tls_error = code);
        }
        self.last_failure = Some(Box::new(failure));
    }

    /// The MQTT client with that id.
    pub(crate) fn client(&self, id: ClientId) -> Option<&Client> {
        self.clients.get(id.mqtt_place()?)
    }

    /// The same, to be changed.
    pub(crate) fn client_mut(&mut self, id: ClientId) -> Option<&mut Client> {
        self.clients.get_mut(id.mqtt_place()?)
    }

    /// The MQTT-SN client with that id, if there is something of such clients.
    pub(crate) fn sn_client(&self, id: ClientId) -> Option<&SnClient> {
        self.sn.as_ref()?.get(id.sn_place()?)
    }

    /// The same, to be changed.
    pub(crate) fn sn_client_mut(&mut self, id: ClientId) -> Option<&mut SnClient> {
        self.sn.as_mut()?.get_mut(id.sn_place()?)
    }

    /// The MQTT-SN client with that id, which the host is about to use.
    pub(crate) fn new_sn_client(&mut self, id: ClientId) -> Option<&mut SnClient> {
        let place = id.sn_place()?;
        self.sn.get_or_insert_default().get_mut(place)
    }

    /// How far a client's connection is, if it has one.
    pub(crate) fn stage(&self, id: ClientId) -> Option<Stage> {
        match Owner::from(id) {
            Owner::MqttSn(id) => Some(self.sn_client(id)?.session.as_ref()?.stage()),
            Owner::Mqtt(id) => self.client(id)?.stage(),
            Owner::Errand => None,
        }
    }

    pub(crate) fn is_open(&self, id: ClientId) -> bool {
        matches!(self.stage(id), Some(Stage::Open(_)))
    }

    /// Ends a client's connection, if it has one. Gives how many kept sessions were forgotten for what outlives it.
    pub(crate) fn end(&mut self, id: ClientId) -> usize {
        let session = self.client_mut(id).and_then(|client| client.session.take());
        let forgotten = match session.and_then(|session| session.end()) {
            Some(kept) => self.rare.get_or_insert_default().kept.push(kept),
            None => 0,
        };
        if let Some(client) = self.sn_client_mut(id) {
            client.end();
        }
        self.sn.take_if(|clients| clients.iter().all(SnClient::is_empty));
        forgotten
    }

    /// What MQTT sessions without a connection left, if anything. [`tidy`](Self::tidy) is due when that ends.
    pub(crate) fn kept(&mut self) -> Option<&mut KeptSessions> {
        self.rare.as_deref_mut().map(|rare| &mut rare.kept)
    }

    /// A TLS connection begins anew.
    pub(crate) fn forget_tls_error(&mut self) {
        if self.rare.is_some() {
            self.change_rare(|rare| rare.tls_error = 0);
        }
    }

    /// What `+MQTTUSER` stored for an MQTT client.
    pub(crate) fn user(&self, id: ClientId) -> Option<&User> {
        self.client(id)?.user.as_deref()
    }

    /// What `+MQTTSNCID` stored for an MQTT-SN client.
    pub(crate) fn own_sn_id(&self, id: ClientId) -> Option<&str> {
        self.sn_client(id)?.client_id.as_deref()
    }

    /// The will of a client's next connection.
    pub(crate) fn will(&self, id: ClientId) -> Option<&StoredWill> {
        let mqtt = self.client(id).and_then(|client| client.will.as_deref());
        mqtt.or_else(|| self.sn_client(id)?.will.as_deref())
    }

    /// Sets that.
    pub(crate) fn set_will(&mut self, id: ClientId, will: StoredWill) {
        let place = match Owner::from(id) {
            Owner::MqttSn(id) => self.new_sn_client(id).map(|client| &mut client.will),
            Owner::Mqtt(id) => self.client_mut(id).map(|client| &mut client.will),
            Owner::Errand => None,
        };
        if let Some(place) = place {
            *place = Some(Box::new(will));
        }
    }

    /// Bytes of the pool that are free. Messages both ways share it: those that wait for the host, and those that may
    /// have to be sent again; so do the topic names of MQTT-SN.
    pub(crate) fn pool_left(&self) -> usize {
        let (_, waiting) = self.reports.waiting(ClientId::ALL[0]);
        let kept = self.rare.as_ref().map_or(0, |rare| rare.kept.bytes());
        let kept = kept + self.clients.iter().map(Client::kept_bytes).sum::<usize>();
        let sn_clients = self.sn.iter().flat_map(|clients| &**clients);
        let kept = kept + sn_clients.map(SnClient::kept_bytes).sum::<usize>();
        POOL.saturating_sub(waiting + kept)
    }

    /// Whether a message of so many bytes may be taken in for a client. One alone always may.
    pub(crate) fn has_room(&self, client: ClientId, bytes: usize) -> bool {
        let (count, waiting) = self.reports.waiting(client);
        count < INBOX && (waiting == 0 || bytes <= self.pool_left())
    }

    /// When the line is free for unsolicited results; `None`: not before something else happens.
    pub fn free_at(&self) -> Option<Instant> {
        if self.state == State::On { self.console.free_at() } else { None }
    }
}

impl fmt::Debug for Modem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Modem({}, {})", self.settings.model.name, self.imei)
    }
}
