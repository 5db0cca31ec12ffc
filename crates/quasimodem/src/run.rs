//! `quasimodem run`: one modem, from its start to its orderly end.

use std::future::poll_fn;
use std::task::{Context, Poll};

use anyhow::{Context as _, Result, bail};
use quasimodem_core::{Modem, Outbox, Settings};
use tokio::runtime::Builder;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::timeout;

use crate::cli::{At, Run};
use crate::driver::{Driver, Ended};
use crate::link::Links;
use crate::log;
use crate::serial::SerialEnd;
use crate::serial::pty::Pty;
use crate::serial::stdio::Stdio;
use crate::serial::tcp::Tcp;

/// Runs a modem until its host leaves for good or a signal comes.
pub(crate) fn run(options: Run) -> Result<()> {
    let runtime = Builder::new_current_thread().enable_all().build().context("can't start")?;
    let result = runtime.block_on(start(options));
    // A thread may be waiting for stdin, or for the resolver, and nobody for it.
    runtime.shutdown_background();
    result
}

async fn start(Run { at, model, imei, gap, .. }: Run) -> Result<()> {
    // Before the serial end is made: a signal must not leave a link or a raw terminal behind.
    let signals = Signals::new().context("can't watch for signals")?;
    let modem = Modem::new(Settings { model, gap, ..Settings::default() }.into(), imei);
    match at {
        At::Stdio => drive(modem, Stdio::open().context("can't use the terminal")?, signals).await,
        At::Pty(link) => {
            let pty = Pty::open(link.as_deref()).with_context(|| match &link {
                Some(link) => format!("can't make a pseudo-terminal at {}", link.display()),
                None => "can't make a pseudo-terminal".into(),
            })?;
            drive(modem, pty, signals).await
        }
        At::Tcp(address) => {
            let tcp = Tcp::listen(address).await.with_context(|| format!("can't listen on {address}"))?;
            drive(modem, tcp, signals).await
        }
    }
}

async fn drive<E: SerialEnd>(modem: Modem, end: E, mut signals: Signals) -> Result<()> {
    let mut outbox = Outbox::default();
    let mut driver = Driver::new(modem, end);
    log::say(format_args!("modem ready on {}", driver.end().place()));

    let ended = poll_fn(|cx| match signals.poll(cx) {
        Poll::Ready(()) => Poll::Ready(Ok(Ended::Interrupted)),
        Poll::Pending => driver.poll(cx, &mut outbox),
    });
    let ended = ended.await;

    // The brokers hear of it in any case, so that they don't publish wills.
    driver.power_off(&mut outbox);
    let off = poll_fn(|cx| match signals.poll(cx) {
        Poll::Ready(()) => Poll::Ready(Ok(Ended::Interrupted)),
        Poll::Pending => driver.poll_off(cx),
    });
    // Who does not take what is due to it in this time will not take it.
    let off = timeout(Links::FLUSH, off).await;

    ended.with_context(|| format!("{} failed", driver.end().place()))?;
    if let Ok(Ok(Ended::Interrupted)) = off {
        bail!("ended by a second signal, before all links were closed");
    }
    Ok(())
}

/// The signals that ask for an end. SIGHUP is one of them: it comes when the terminal is closed.
struct Signals([Signal; 3]);

impl Signals {
    fn new() -> Result<Signals> {
        let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
        let [interrupt, terminate, hangup] = kinds.map(signal);
        Ok(Signals([interrupt?, terminate?, hangup?]))
    }

    /// Ready for each signal once.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        for signal in &mut self.0 {
            if signal.poll_recv(cx).is_ready() {
                return Poll::Ready(());
            }
        }
        Poll::Pending
    }
}
