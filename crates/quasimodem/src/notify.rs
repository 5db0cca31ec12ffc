//! What systemd wants to hear of a service: that it is ready, that it still runs, that it is about to end (sd_notify(3)).

use std::env;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::process;
use std::time::Duration;

use tokio::task::AbortHandle;
use tokio::time::{MissedTickBehavior, interval};

/// As long as this lives, systemd hears that the program runs, if it started it and wants to know. What it hears comes
/// from the thread that does all the work, so that silence means that this one hangs.
pub(crate) struct Notify {
    told: Option<(UnixDatagram, SocketAddr)>,
    watchdog: Option<AbortHandle>,
}

impl Notify {
    /// Tells that the program is ready.
    pub(crate) fn ready() -> Notify {
        let told = socket();
        tell(told.as_ref(), "READY=1");
        let watchdog = told.as_ref().zip(period()).and_then(|((socket, address), period)| {
            let told = Some((socket.try_clone().ok()?, address.clone()));
            let watchdog = tokio::spawn(async move {
                let mut ticks = interval(period);
                ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
                loop {
                    ticks.tick().await;
                    tell(told.as_ref(), "WATCHDOG=1");
                }
            });
            Some(watchdog.abort_handle())
        });
        Notify { told, watchdog }
    }

    /// Tells that the program is about to end.
    pub(crate) fn stopping(&self) {
        tell(self.told.as_ref(), "STOPPING=1");
    }
}

impl Drop for Notify {
    fn drop(&mut self) {
        if let Some(watchdog) = &self.watchdog {
            watchdog.abort();
        }
    }
}

/// Who listens has to keep up: a modem does not wait for it.
fn tell(told: Option<&(UnixDatagram, SocketAddr)>, words: &str) {
    if let Some((socket, address)) = told {
        let _ = socket.send_to_addr(words.as_bytes(), address);
    }
}

/// A path, or behind an @ an abstract name.
fn socket() -> Option<(UnixDatagram, SocketAddr)> {
    let name = env::var_os("NOTIFY_SOCKET")?;
    let address = match name.as_bytes().split_first()? {
        (b'@', name) => SocketAddr::from_abstract_name(name),
        _ => SocketAddr::from_pathname(&name),
    };
    let socket = UnixDatagram::unbound().ok()?;
    socket.set_nonblocking(true).ok()?;
    Some((socket, address.ok()?))
}

/// Half of the time after which systemd takes the program for hung, as sd_watchdog_enabled(3) advises.
fn period() -> Option<Duration> {
    let text = |name| env::var(name).ok();
    let other = text("WATCHDOG_PID").is_some_and(|pid| pid.parse() != Ok(process::id()));
    let micros = text("WATCHDOG_USEC")?.parse().ok().filter(|micros: &u64| *micros > 1 && !other)?;
    Some(Duration::from_micros(micros / 2))
}
