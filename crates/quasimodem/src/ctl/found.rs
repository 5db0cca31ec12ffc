//! Which run is meant, and what its last wait returned.

use std::env;
use std::fs;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::PathBuf;

use rustix::process::{Pid, getuid, test_kill_process};
use serde_json::{Value as Json, json};

use super::client::Failed;
use crate::control::{BASE, Where};

/// Where control answers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Address {
    /// A name or an address, and a port.
    Tcp(String),
    /// A socket.
    Unix(PathBuf),
}

/// A run that is meant.
pub(super) struct Target {
    address: Address,
    token: Option<String>,
}

const CONTROL: &str = "QUASIMODEM_CONTROL";
const TOKEN_FILE: &str = "QUASIMODEM_TOKEN_FILE";

impl Target {
    /// The one that was named, that the environment names, or the only one there is.
    pub(super) fn find(named: Option<String>, token_file: Option<PathBuf>) -> Result<Target, Failed> {
        let named = named.or_else(|| env::var(CONTROL).ok().filter(|named| !named.is_empty()));
        let address = match named {
            Some(named) => Address::read(&named).ok_or_else(|| {
                let expected = "expected http://HOST:PORT, HOST:PORT, PORT or unix:PATH";
                Failed::Usage(format!("--control is {named:?}, {expected}"))
            })?,
            None => only()?,
        };
        let token_file = token_file.or_else(|| env::var_os(TOKEN_FILE).map(PathBuf::from));
        let token = token_file.map(|path| {
            let text = fs::read_to_string(&path);
            let text =
                text.map_err(|error| Failed::Usage(format!("can't read the token in {}: {error}", path.display())))?;
            Ok(text.trim().to_owned())
        });
        Ok(Target { address, token: token.transpose()? })
    }

    pub(super) fn address(&self) -> &Address {
        &self.address
    }

    pub(super) fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    /// What it is called in requests.
    pub(super) fn host(&self) -> &str {
        match &self.address {
            Address::Tcp(at) => at,
            Address::Unix(_) => "localhost",
        }
    }

    /// Nobody answers there, and why.
    pub(super) fn nobody(&self, why: &str) -> Failed {
        match &self.address {
            Address::Tcp(at) => Failed::Nobody(format!("nobody answers at {at}: {why}")),
            Address::Unix(path) => Failed::Nobody(format!("nobody answers at unix:{}: {why}", path.display())),
        }
    }
}

impl Address {
    fn read(text: &str) -> Option<Address> {
        if let Some(path) = text.strip_prefix("unix:") {
            return (!path.is_empty()).then(|| Address::Unix(path.into()));
        }
        let text = text.strip_prefix("http://").unwrap_or(text).trim_end_matches('/');
        let text = text.strip_suffix(BASE).unwrap_or(text);
        if text.parse::<u16>().is_ok() {
            return Some(Address::Tcp(format!("127.0.0.1:{text}")));
        }
        let (host, port) = text.rsplit_once(':')?;
        (!host.is_empty() && port.parse::<u16>().is_ok()).then(|| Address::Tcp(text.into()))
    }
}

/// The only run of this user.
fn only() -> Result<Address, Failed> {
    let runs: Vec<Json> = runs().into_iter().flatten().collect();
    let api = |run: &Json| run.get("api").and_then(Json::as_str).unwrap_or_default().to_owned();
    match runs.as_slice() {
        [run] => Address::read(&api(run)).ok_or_else(|| Failed::Nobody("the run that is there can't be found".into())),
        [] => Err(Failed::Nobody(
            "no run of yours has control: start one with --control 0, or name one with --control".into(),
        )),
        runs => {
            let all: Vec<String> = runs.iter().map(|run| format!("--control {}", api(run))).collect();
            Err(Failed::Usage(format!("there are {} runs with control: {}", all.len(), all.join(" or "))))
        }
    }
}

fn runs() -> Option<Vec<Json>> {
    let mut runs = Vec::new();
    for entry in fs::read_dir(folder()?).ok()?.flatten() {
        let path = entry.path();
        let alive = |number: i32| Pid::from_raw(number).is_some_and(|pid| test_kill_process(pid).is_ok());
        if path.extension().is_none_or(|end| end != "json") {
            let name = entry.file_name().to_string_lossy().into_owned();
            let of = name.split_once('-').and_then(|(pid, _)| pid.parse().ok());
            if of.is_some_and(|pid| !alive(pid)) {
                // Nobody waits at that run any more.
                let _ = fs::remove_file(path);
            }
            continue;
        }
        let Some(run) = fs::read_to_string(&path).ok().and_then(|text| serde_json::from_str::<Json>(&text).ok()) else {
            continue;
        };
        let pid = run.get("pid").and_then(Json::as_i64).and_then(|pid| i32::try_from(pid).ok());
        if pid.is_some_and(alive) {
            runs.push(run);
        } else {
            // It was killed.
            let _ = fs::remove_file(path);
        }
    }
    Some(runs)
}

/// The place of what runs of this user leave for each other; `None`: there is none that nobody else can write to.
fn folder() -> Option<PathBuf> {
    let folder = match env::var_os("XDG_RUNTIME_DIR").filter(|folder| !folder.is_empty()) {
        Some(folder) => PathBuf::from(folder).join("quasimodem"),
        None => env::temp_dir().join(format!("quasimodem-{}", getuid().as_raw())),
    };
    // It may be there.
    let _ = fs::DirBuilder::new().mode(0o700).create(&folder);
    let metadata = fs::symlink_metadata(&folder).ok()?;
    let is_ours = metadata.is_dir() && metadata.uid() == getuid().as_raw() && metadata.mode() & 0o022 == 0;
    is_ours.then_some(folder)
}

/// A run with control, as long as this lives, for those who look for one.
pub(crate) struct Entry(Option<PathBuf>);

impl Entry {
    /// Leaves word of it. Without a place for that it has to be named.
    pub(crate) fn of(at: &Where, api: &str) -> Entry {
        let api = match at {
            // Whoever looks for it is elsewhere.
            Where::Unix(path) => {
                std::path::absolute(path).map_or_else(|_| api.into(), |path| format!("unix:{}", path.display()))
            }
            Where::Tcp(_) => api.to_owned(),
        };
        let run = json!({ "pid": std::process::id(), "api": api });
        let path = folder().map(|folder| folder.join(format!("{}.json", std::process::id())));
        Entry(path.filter(|path| fs::write(path, format!("{run}\n")).is_ok()))
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        if let Some(path) = &self.0 {
            // It may be gone.
            let _ = fs::remove_file(path);
        }
    }
}

/// What the last wait at a run returned.
pub(super) struct Since {
    path: Option<PathBuf>,
    seq: u64,
}

impl Since {
    /// Of the run that says this of itself.
    pub(super) fn of(run: &Json) -> Since {
        // A seed is of one run, where it was not chosen, and a process is of one at a time.
        let number = |key| run.get(key).and_then(Json::as_u64).unwrap_or_default();
        let name = format!("{}-{}.since", number("pid"), number("seed"));
        let path = folder().map(|folder| folder.join(name));
        let kept =
            path.as_ref().and_then(|path| fs::read_to_string(path).ok()?.trim().parse().ok()).unwrap_or_default();
        // What is of another run, of which the numbers were higher, is not of this one.
        Since { path, seq: if kept <= number("seq") { kept } else { 0 } }
    }

    pub(super) fn seq(&self) -> u64 {
        self.seq
    }

    /// The next wait goes on behind this one.
    pub(super) fn keep(&mut self, seq: u64) {
        self.seq = seq;
        if let Some(path) = &self.path {
            // Without it the next wait says which it means.
            let _ = fs::write(path, format!("{seq}\n"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_in_each_form() {
        let tcp = |at: &str| Some(Address::Tcp(at.into()));
        for (text, due) in [
            ("http://127.0.0.1:80/api/v1", tcp("127.0.0.1:80")),
            ("http://[::1]:8080/", tcp("[::1]:8080")),
            ("localhost:8080", tcp("localhost:8080")),
            ("8080", tcp("127.0.0.1:8080")),
            ("unix:/run/m.sock", Some(Address::Unix("/run/m.sock".into()))),
            ("unix:", None),
            ("host", None),
            (":80", None),
            ("host:99999", None),
        ] {
            assert_eq!(Address::read(text), due, "{text}");
        }
    }
}
