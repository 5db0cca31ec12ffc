//! An interface of this machine as the network of the modem (docs/SPEC-NOTES.md, 141 to 144).

use std::fmt;
use std::io;
use std::str::FromStr;
use std::time::Duration;

use quasimodem_core::Coverage;
use tokio::sync::mpsc::Sender;
use tokio::time::sleep;

use super::News;
use super::rtnetlink::{Changes, coverage};
use crate::watching::Voice;

/// The name of an interface, which need not be there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Interface(Box<str>);

/// IFNAMSIZ without the NUL.
const LONGEST: usize = 15;

impl FromStr for Interface {
    type Err = &'static str;

    /// As the kernel takes them (`dev_valid_name`), but for those that are not UTF-8.
    fn from_str(name: &str) -> Result<Interface, &'static str> {
        let is_odd = |char: char| char == '/' || char == ':' || char.is_whitespace() || char.is_control();
        if name.is_empty() || name.len() > LONGEST || name == "." || name == ".." || name.contains(is_odd) {
            return Err("expected the name of an interface, of 1 to 15 characters, such as if:wwan0");
        }
        Ok(Interface(name.into()))
    }
}

/// A burst of changes, such as a link that comes with its addresses and routes, is looked at once it is over; and a router
/// whose routes change all the time is not asked for them all the time.
const SETTLES: Duration = Duration::from_millis(50);

impl Interface {
    /// What it has now; from then on `tell` hears what changes.
    pub(super) fn follow(self, tell: Sender<News>, voice: Voice) -> io::Result<Coverage> {
        // Before the first look, so that nothing is missed in between.
        let mut changes = Changes::new()?;
        let first = coverage(&self.0)?;
        voice.detail(format_args!("interface {}: {}", self.0, Words(first)));
        tokio::spawn(async move {
            let (mut last, mut failed) = (first, false);
            loop {
                let looked = match changes.next().await {
                    Ok(()) => {
                        sleep(SETTLES).await;
                        changes.skip().and_then(|()| coverage(&self.0))
                    }
                    Err(error) => Err(error),
                };
                let now = match looked {
                    Ok(now) => now,
                    Err(error) => {
                        voice.news(!failed, format_args!("can't ask the kernel about {}: {error}", self.0));
                        failed = true;
                        sleep(Duration::from_secs(1)).await;
                        continue;
                    }
                };
                failed = false;
                if now == last {
                    continue;
                }
                voice.detail(format_args!("interface {}: {}", self.0, Words(now)));
                // Nothing survives the change of an address: the call is a new one.
                let moved = matches!((last, now), (Coverage::Data(_), Coverage::Data(_)));
                last = now;
                for coverage in moved.then_some(Coverage::NoData).into_iter().chain([now]) {
                    if tell.send(News::Coverage(coverage)).await.is_err() {
                        return;
                    }
                }
            }
        });
        Ok(first)
    }
}

/// What an interface has, in words.
struct Words(Coverage);

impl fmt::Display for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Coverage::None => f.write_str("not there, or its link is down"),
            Coverage::NoData => f.write_str("up, without an IPv4 address and a default route"),
            Coverage::Data(address) => write!(f, "up, with {address} and a default route"),
        }
    }
}
