//! `quasimodem run` and `quasimodem lab`: one modem, from its start to its orderly end.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::SystemTime;

use anyhow::{Context as _, Error, Result, bail};
use quasimodem_core::{Modem, Uart};
use quasimodem_lab::event::{Event, Names};
use quasimodem_lab::fault::Plan;
use quasimodem_lab::flat::Bad;
use quasimodem_lab::order::{For, Inbox, Mail, Order};
use quasimodem_lab::script::Who;
use quasimodem_lab::watch::Of;
use tokio::runtime::Builder;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{self, sleep_until, timeout};

use crate::Unusable;
use crate::board::Board;
use crate::cli::At;
use crate::config::Config;
use crate::control::{BASE, Bound, Scene};
use crate::descriptors;
use crate::driver::{Desk, Driver, Ended};
use crate::events::{self, Ready};
use crate::host_map::HostMap;
use crate::lab::{self, Greeting, Lab, Peers};
use crate::log;
use crate::notify::Notify;
use crate::reload::{self, Fresh, Reload};
use crate::serial::SerialEnd;
use crate::serial::paced::Paced;
use crate::serial::pty::Pty;
use crate::serial::rfc2217::Rfc2217;
use crate::serial::script::Script;
use crate::serial::stdio::Stdio;
use crate::serial::tcp::Tcp;
use crate::serial::uart::UartPort;
use crate::socket;
use crate::tls::Tls;
use crate::watching::Watching;

/// Runs a modem until its host leaves for good or a signal comes; with a lab broker beside it, if asked for.
pub(crate) fn run(config: Config, lab: Option<lab::Options>) -> Result<()> {
    let runtime = Builder::new_current_thread().enable_all().build().context("can't start")?;
    let result = runtime.block_on(start(config, lab));
    // A thread may be waiting for stdin, or for the resolver, and nobody for it.
    runtime.shutdown_background();
    result
}

async fn start(config: Config, lab: Option<lab::Options>) -> Result<()> {
    let Config { at, pace, imei, mut settings, board, mut hosts, ca, plan, events, trace, control, log, again } =
        config;
    if let Some(fault) = plan.needs_lab().filter(|_| lab.is_none()) {
        return Err(Unusable(format!("--fault: {}", Bad::NeedsLab(fault))).into());
    }
    if let Some(fault) = plan.needs_clouds().filter(|_| lab.as_ref().is_none_or(|lab| !lab.has_clouds())) {
        return Err(Unusable(format!("--fault: {}", Bad::NoClouds(fault))).into());
    }
    let is_test = matches!(at, At::Script(_));
    // Before the serial end is made: a signal must not leave a link or a raw terminal behind.
    let again = again.filter(|_| reload::is_wanted());
    let signals = Signals::new().context("can't watch for signals")?.reloading(again.is_some());
    let (start, wall) = (time::Instant::now(), SystemTime::now());
    let names = Names::from_iter([MODEM]);
    if let Some(path) = log {
        log::open(&path)?;
    }
    let mut watches = log::watches(&names);
    if let Some(target) = events {
        watches.push(events::open(&target, names.clone())?);
    }
    if let Some(trace) = trace {
        watches.push(trace.open(names.clone(), &settings, imei, wall)?);
    }
    let control = control.map(Bound::new).transpose()?;
    if let Some(control) = &control {
        watches.extend(control.watches(&names, &settings, imei));
    }
    let watching = Watching::new(start, watches);
    let mut ready = Ready { seed: settings.seed, ..Ready::default() };
    let voice = watching.voice(Of::Part("TLS"));
    let mut reload = again.map(|again| Reload::new(again, settings.seed, voice.clone()));
    let seed = settings.seed.unwrap_or_default();
    let (greeting, lab_root, given, peers) = match lab {
        Some(lab) => {
            let Lab { peers, greeting, root, clouds } = lab::start(lab, &settings, &watching).await?;
            (ready.broker, ready.gateway) = (Some(peers.broker_at), Some(peers.gateway_at));
            if let Some(reload) = &mut reload {
                (reload.mappings, reload.root) = (clouds.mappings.clone(), root.clone());
            }
            // What the user leads elsewhere counts more.
            hosts.0.extend(clouds.mappings);
            (Some(greeting), root, clouds.given, Some(peers))
        }
        None => (None, None, Vec::new(), None),
    };
    let follows =
        Board::follow(board, &watching.voice(Of::Part("board"))).context("can't ask the kernel about interfaces")?;
    settings.coverage = follows.coverage.unwrap_or(settings.coverage);
    let uart = settings.uart;
    let who = Who { modem: MODEM.into(), index: 0, imei, seed };
    // The modem beside a lab trusts it.
    let tls = Tls::new(ca, lab_root).reporting_to(move |weight, words| voice.say(weight, words));
    let tls = tls.into();
    let modem = Modem::new(settings.into(), imei);
    let hosts = hosts.into();
    let inbox = Inbox::new(names.clone());
    let parts = Parts {
        modem,
        hosts,
        tls,
        signals,
        greeting,
        pace,
        plan,
        seed,
        is_test,
        watching,
        inbox,
        names: names.clone(),
        peers,
        control,
        reload,
        ready,
        follows,
    };
    let voice = parts.watching.voice(Of::Station(0));
    match at {
        At::Stdio => drive(Stdio::open().context("can't use the terminal")?, parts).await,
        At::Pty(link) => {
            let pty = Pty::open(link.as_deref()).with_context(|| match &link {
                Some(link) => format!("can't make a pseudo-terminal at {}", link.display()),
                None => "can't make a pseudo-terminal".into(),
            })?;
            drive(pty, parts).await
        }
        At::Script(path) => {
            let script = Script::open(&path, &given, who, parts.inbox.clone(), parts.peers.is_some())?;
            if let Some(ears) = script.ears(names) {
                parts.watching.hang(ears);
            }
            drive(script, parts).await
        }
        At::Tcp(address) => {
            let tcp = Tcp::listen(address, voice).await.with_context(|| format!("can't listen on {address}"))?;
            drive(tcp, parts).await
        }
        At::Rfc2217(address) => {
            let port =
                Rfc2217::listen(address, uart, voice).await.with_context(|| format!("can't listen on {address}"))?;
            drive(port, parts).await
        }
        At::Serial(path, uart) => drive(UartPort::open(&path, uart, voice).map_err(Error::msg)?, parts).await,
    }
}

/// All of a modem but its serial end.
struct Parts {
    modem: Modem,
    hosts: Arc<HostMap>,
    tls: Arc<Tls>,
    signals: Signals,
    greeting: Option<Greeting>,
    pace: Option<Uart>,
    plan: Plan,
    /// From which faults draw.
    seed: u64,
    /// A fault that never hits is a failure.
    is_test: bool,
    watching: Watching,
    /// Orders to the modem, and to the broker.
    inbox: Arc<Inbox>,
    /// Broker and gateway beside the modem, if they are there.
    peers: Option<Peers>,
    names: Names,
    control: Option<Bound>,
    reload: Option<Reload>,
    ready: Ready,
    /// What the radio side follows.
    follows: Board,
}

/// Orders that are carried out before others of this thread have their turn.
const ORDERS: usize = 16;

/// Who says what is no modem's and no peer's.
pub(crate) const PROGRAM: Of = Of::Part(env!("CARGO_PKG_NAME"));

/// The name of the only modem.
pub(crate) const MODEM: &str = "modem";

async fn drive<E: SerialEnd>(end: E, parts: Parts) -> Result<()> {
    match parts.pace {
        Some(pace) => {
            let voice = parts.watching.voice(Of::Station(0));
            drive_end(Paced::new(end, pace, voice), parts).await
        }
        None => drive_end(end, parts).await,
    }
}

async fn drive_end<E: SerialEnd>(end: E, parts: Parts) -> Result<()> {
    let Parts {
        modem,
        hosts,
        tls,
        mut signals,
        greeting,
        plan,
        seed,
        is_test,
        watching,
        inbox,
        names,
        peers,
        control,
        reload,
        mut ready,
        follows,
        ..
    } = parts;
    let mut desk = Desk::new(watching.clone(), inbox.clone(), seed);
    let mut driver = Driver::new(0, modem, end, hosts, tls.clone(), watching.start());
    driver.follow(follows, &mut desk);
    ready.modems.push((MODEM.into(), driver.end().port()));
    ready.api = control.as_ref().map(Bound::api);
    ready.tell(&watching);
    let control = control.map(|control| {
        let scene = Scene {
            inbox: inbox.clone(),
            names,
            ports: ready.modems.iter().map(|(_, port)| port.clone()).collect(),
            seed,
            peers: peers.clone(),
        };
        control.serve(scene)
    });
    let control = control.transpose()?;
    if let Some(api) = &ready.api {
        log::say(format_args!("control at {api}"));
        if let Some(page) = api.strip_suffix(BASE) {
            log::say(format_args!("its page, for browsers, at {page}/"));
        }
    }
    // Nothing is said before that, and this before people are told to begin.
    descriptors::tell(&watching.voice(PROGRAM));
    tls.check_environment();
    log::say(format_args!("modem ready on {}", driver.end().place()));
    if let Some(greeting) = greeting.filter(|_| E::IS_A_PERSON) {
        log::say(format_args!("{}", greeting.text(&driver.end().way_in())));
    }
    if !plan.is_empty() {
        driver.break_by(plan, &desk);
    }
    let notify = Notify::ready();
    // How often all began anew, and what faults draw from since.
    let (mut epoch, mut seed) = (0, seed);

    let mut alarm = pin!(sleep_until(watching.start()));
    let ended = poll_fn(|cx| {
        if signals.poll(cx).is_ready() {
            return Poll::Ready(Ok(Ended::Interrupted));
        }
        if signals.poll_reload(cx).is_ready()
            && let Some(Fresh { hosts, tls, settings }) = reload.as_ref().and_then(Reload::read)
        {
            driver.configure(hosts, tls, settings);
        }
        for left in (0..ORDERS).rev() {
            if let Poll::Ready(ended) = driver.poll(cx, &mut desk) {
                return Poll::Ready(ended);
            }
            let Some((_, mail)) = inbox.take(Some(cx.waker())) else { break };
            if left == 0 {
                // What is ordered may lead to the next order, and signals have their turn as well.
                cx.waker().wake_by_ref();
            }
            match mail {
                Mail::Look(look) => look(driver.state()),
                Mail::Order(order, answer) => {
                    let carried_out = match (lab::missing(&order, peers.as_ref()), order) {
                        (Some(bad), _) => Err(bad),
                        (None, Order::Reset(reset)) => {
                            driver.forget(&mut desk);
                            if let Some(peers) = peers.as_ref().filter(|_| !reset.keeps_peers) {
                                peers.empty();
                            }
                            epoch += 1;
                            seed = reset.seed.unwrap_or(seed);
                            desk.draw_from(seed);
                            watching.see(|watch| watch.run(watching.now(), &Event::Reset { epoch, seed }));
                            driver.begin_anew(seed, &mut desk);
                            Ok(())
                        }
                        (None, order) if order.whom() == For::Peer => {
                            peers.as_ref().map_or(Ok(()), |peers| peers.order(order))
                        }
                        (None, order) => driver.order(order, &mut desk),
                    };
                    match (answer, carried_out) {
                        (Some(answer), carried_out) => answer(carried_out),
                        (None, Err(bad)) => driver.refused(&bad),
                        (None, Ok(())) => {}
                    }
                }
            }
        }
        if let Some(at) = driver.wakes_at() {
            if alarm.deadline() != at {
                alarm.as_mut().reset(at);
            }
            if alarm.as_mut().poll(cx).is_ready() {
                // It came meanwhile. Others of this thread have their turn first.
                cx.waker().wake_by_ref();
            }
        }
        Poll::Pending
    });
    let ended = ended.await;

    notify.stopping();
    // The brokers hear of it in any case, so that they don't publish wills.
    driver.power_off(&mut desk);
    let off = poll_fn(|cx| match signals.poll(cx) {
        Poll::Ready(()) => Poll::Ready(Ok(Ended::Interrupted)),
        Poll::Pending => driver.poll_off(cx, &mut desk),
    });
    // Who does not take what is due to it in this time will not take it.
    let off = timeout(socket::FLUSH, off).await;
    watching.see(|watch| watch.run(watching.now(), &Event::End {}));
    inbox.close();
    if let Some(control) = control {
        control.end();
    }

    ended.with_context(|| format!("{} failed", driver.end().place()))?;
    if let Ok(Ok(Ended::Interrupted)) = off {
        bail!("ended by a second signal, before all links were closed");
    }
    driver.end().verdict().map_err(Error::msg)?;
    let unhit: Vec<String> = driver.unhit().iter().map(ToString::to_string).collect();
    if is_test && !unhit.is_empty() {
        bail!("{}", unhit.join("; "));
    }
    unhit.iter().for_each(|words| log::say(format_args!("{words}")));
    Ok(())
}

/// The signals that ask for an end. SIGHUP is one of them, since it comes when the terminal is closed, but for services.
pub(crate) struct Signals {
    ends: [Signal; 2],
    hangup: Signal,
    reloads: bool,
}

impl Signals {
    pub(crate) fn new() -> Result<Signals> {
        let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
        let [interrupt, terminate, hangup] = kinds.map(signal);
        Ok(Signals { ends: [interrupt?, terminate?], hangup: hangup?, reloads: false })
    }

    /// SIGHUP asks for the configuration to be read again.
    pub(crate) fn reloading(self, reloads: bool) -> Signals {
        Signals { reloads, ..self }
    }

    /// Ready for each signal once.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        for signal in &mut self.ends {
            if signal.poll_recv(cx).is_ready() {
                return Poll::Ready(());
            }
        }
        if self.reloads { Poll::Pending } else { self.hangup.poll_recv(cx).map(drop) }
    }

    /// Ready each time that the configuration is to be read again.
    pub(crate) fn poll_reload(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut any = false;
        while self.reloads && self.hangup.poll_recv(cx).is_ready() {
            any = true;
        }
        if any { Poll::Ready(()) } else { Poll::Pending }
    }
}
