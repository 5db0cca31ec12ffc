//! The server of control.

use std::convert::Infallible;
use std::fs;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use axum::Router;
use axum::body::Body;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use quasimodem_core::{Imei, Settings};
use quasimodem_lab::event::Names;
use quasimodem_lab::watch::Watch;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::runtime::Builder;
use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;
use tower_service::Service;

use super::guard::{Guard, Token};
use super::journal::Journal;
use super::recording::Recording;
use super::routes::router;
use super::{App, BASE, STREAMS, Scene, Shared, WAITS, Where};
use crate::ctl::Entry;
use crate::socket;

/// What control is to be.
pub(crate) struct Options {
    pub(crate) at: Where,
    pub(crate) token: Option<Token>,
    pub(crate) read_only: bool,
    /// Other names that it may be called by.
    pub(crate) hosts: Vec<String>,
}

/// Control that listens, and answers nobody yet.
pub(crate) struct Bound {
    options: Options,
    listener: Listener,
    journal: Arc<Journal>,
    packets: Recording,
    lines: Recording,
}

enum Listener {
    Tcp(TcpListener, SocketAddr),
    Unix(UnixListener, PathBuf),
}

/// Control that answers; when it goes, so does its socket.
pub(crate) struct Control {
    ending: watch::Sender<bool>,
    ended: Receiver<()>,
    /// The socket in the file system.
    path: Option<PathBuf>,
    /// For those who look for it.
    _entry: Entry,
}

/// Connections at one time, how long the head of a request may take, and how long who is being answered when the run ends.
const CONNECTIONS: usize = 128;
const PATIENCE: Duration = Duration::from_secs(10);
const FAREWELL: Duration = Duration::from_millis(500);

impl Options {
    /// Control there. The error says what it needs.
    pub(crate) fn new(at: Where, token: Option<Token>, read_only: bool, hosts: Vec<String>) -> Result<Options, String> {
        match &at {
            Where::Tcp(address) if !address.ip().is_loopback() && token.is_none() => Err(format!(
                "--control {address} can be reached from other machines: give it a token with --control-token-file FILE, or \
                 listen on 127.0.0.1:{}",
                address.port()
            )),
            _ => Ok(Options { at, token, read_only, hosts }),
        }
    }
}

impl Bound {
    /// Listens.
    pub(crate) fn new(options: Options) -> Result<Bound> {
        let listener = match &options.at {
            Where::Tcp(address) => {
                let socket =
                    TcpListener::bind(address).with_context(|| format!("can't listen on {address} for --control"))?;
                socket.set_nonblocking(true)?;
                let address = socket.local_addr()?;
                Listener::Tcp(socket, address)
            }
            Where::Unix(path) => {
                let socket = bind_unix(path)
                    .with_context(|| format!("can't listen on unix:{} for --control", path.display()))?;
                Listener::Unix(socket, path.clone())
            }
        };
        let (packets, lines) = Default::default();
        Ok(Bound { options, listener, journal: Journal::new(), packets, lines })
    }

    /// What has to watch modems of these names, before anything happens; settings and IMEI are those of the first.
    pub(crate) fn watches(&self, modems: &Names, settings: &Settings, imei: Imei) -> [Box<dyn Watch + Send>; 3] {
        [self.journal.watch(modems.clone()), self.packets.packets(modems.clone()), self.lines.lines(settings, imei)]
    }

    /// Where programs find it: the whole address.
    pub(crate) fn api(&self) -> String {
        match &self.listener {
            Listener::Tcp(_, address) => format!("http://{}{BASE}", socket::reachable(*address)),
            Listener::Unix(_, path) => format!("unix:{}", path.display()),
        }
    }

    /// Answers, on a thread of its own, until it is told to end.
    pub(crate) fn serve(self, scene: Scene) -> Result<Control> {
        let entry = Entry::of(&self.options.at, &self.api());
        let Bound { options, listener, journal, packets, lines } = self;
        let path = if let Listener::Unix(_, path) = &listener { Some(path.clone()) } else { None };
        let mut hosts: Vec<String> = options.hosts.iter().map(|host| host.to_ascii_lowercase()).collect();
        match &listener {
            Listener::Tcp(_, address) => {
                let names = ["localhost".to_owned(), "127.0.0.1".to_owned(), "[::1]".to_owned()];
                let own = SocketAddr::new(address.ip(), address.port()).to_string();
                hosts.extend(names.into_iter().map(|name| format!("{name}:{}", address.port())));
                hosts.extend((!address.ip().is_unspecified()).then_some(own));
                if address.port() == 80 {
                    hosts.extend(["localhost", "127.0.0.1", "[::1]"].map(String::from));
                }
            }
            Listener::Unix(..) => hosts.push("localhost".into()),
        }
        hosts.sort_unstable();
        hosts.dedup();
        let guard = Guard { hosts, is_unix: path.is_some(), token: options.token, read_only: options.read_only };
        let (ending, is_ending) = watch::channel(false);
        let (end, ended) = sync_channel(0);
        let shared = Shared {
            scene,
            guard,
            journal,
            packets,
            lines,
            ordered: 0.into(),
            waits: Semaphore::new(WAITS),
            streams: Arc::new(Semaphore::new(STREAMS)),
            ending: is_ending.clone(),
        };
        let router = router(&App(shared.into()));
        let runtime = Builder::new_current_thread().enable_all().build().context("can't start control")?;
        thread::Builder::new().name("control".into()).spawn(move || {
            runtime.block_on(accept(listener, router, is_ending));
            // Tasks of clients that are there end with it.
            drop(runtime);
            drop(end);
        })?;
        Ok(Control { ending, ended, path, _entry: entry })
    }
}

impl Control {
    /// The run ends: whoever waits is told so, and has a moment to read it.
    pub(crate) fn end(&self) {
        self.ending.send_replace(true);
        if let Err(RecvTimeoutError::Timeout) = self.ended.recv_timeout(FAREWELL * 2) {
            crate::log::say(format_args!("control did not end in time"));
        }
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        if let Some(path) = &self.path {
            // Somebody may have removed it.
            let _ = fs::remove_file(path);
        }
    }
}

/// A socket that only its owner can open. One that nobody listens at any more is replaced.
fn bind_unix(path: &PathBuf) -> Result<UnixListener> {
    if let Ok(metadata) = fs::symlink_metadata(path) {
        if !metadata.file_type().is_socket() {
            bail!("there is something else of that name");
        }
        match UnixStream::connect(path) {
            Ok(_) => bail!("another run listens there"),
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => fs::remove_file(path)?,
            Err(error) => return Err(error.into()),
        }
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty() && !folder.is_dir());
    if let Some(folder) = folder {
        return Err(anyhow!("there is no folder {}", folder.display()));
    }
    // Its mode is set before its name is known, so that nobody else is in between.
    let beside = path.with_extension(format!("{}.new", std::process::id()));
    let socket = UnixListener::bind(&beside)?;
    fs::set_permissions(&beside, fs::Permissions::from_mode(0o600))?;
    fs::rename(&beside, path)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// Takes connections until the run ends.
async fn accept(listener: Listener, router: Router, mut ending: watch::Receiver<bool>) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let taking = async {
        match listener {
            Listener::Tcp(socket, _) => take(tokio::net::TcpListener::from_std(socket), router, &places).await,
            Listener::Unix(socket, _) => take(tokio::net::UnixListener::from_std(socket), router, &places).await,
        }
    };
    tokio::select! {
        () = taking => {}
        _ = ending.wait_for(|ending| *ending) => {}
    }
    // Whoever is being answered has a moment to read it.
    let all = u32::try_from(CONNECTIONS).unwrap_or(u32::MAX);
    let _ = timeout(FAREWELL, places.acquire_many(all)).await;
}

/// Takes connections as long as it is polled, while there are places. What is wrong with one is waited out.
async fn take(listener: io::Result<impl axum::serve::Listener>, router: Router, places: &Arc<Semaphore>) {
    let Ok(mut listener) = listener else { return };
    while let Ok(place) = places.clone().acquire_owned().await {
        let (stream, _) = listener.accept().await;
        spawn(stream, router.clone(), place);
    }
}

/// Serves a connection, which holds its place until it ends.
fn spawn<S>(stream: S, router: Router, place: tokio::sync::OwnedSemaphorePermit)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    tokio::spawn(async move {
        let service = service_fn(move |request: hyper::Request<Incoming>| {
            let mut router = router.clone();
            async move {
                Ok::<_, Infallible>(router.call(request.map(Body::new)).await.unwrap_or_else(|never| match never {}))
            }
        });
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new()).header_read_timeout(PATIENCE).max_buf_size(64 * 1024);
        // A client that breaks off, or speaks something else, has no answer to wait for.
        let _ = http.serve_connection(TokioIo::new(stream), service).await;
        drop(place);
    });
}
