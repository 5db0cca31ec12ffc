//! What TLS costs a modem: time for each connection, and bytes on the heap for each idle one, beside those of rustls without
//! us.
//!
//! `cargo run --release -p quasimodem --example tls_cost [CONNECTIONS]`: 1000 connections of each kind, unless told
//! otherwise, one after the other, to a server in another thread of the same process. Only what the client's thread holds
//! and computes is counted; the connections a second are those of both together, and of whatever else the machine does.
#![expect(unsafe_code, reason = "a global allocator that counts can't be written without")]
#![allow(dead_code, unused_imports, reason = "of the program's modules only some parts are used here")]

#[path = "../src/resolve.rs"]
mod resolve;
#[path = "../src/tls/mod.rs"]
mod tls;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use quasimodem_core::{TlsProfile, TlsVersions};
use rustls::client::Resumption;
use rustls::pki_types::{PrivatePkcs8KeyDer, ServerName};
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Builder;
use tokio_rustls::{TlsAcceptor, TlsConnector};

thread_local! {
    static HELD: Cell<usize> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: every call goes to the system's allocator unchanged; the counter is a plain cell of the thread.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let _ = HELD.try_with(|held| held.set(held.get().wrapping_add(layout.size())));
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        let _ = HELD.try_with(|held| held.set(held.get().wrapping_sub(layout.size())));
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result<()> {
    let count = std::env::args().nth(1).map_or(Ok(1000), |count| count.parse())?;
    let signed = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
    let root = signed.cert.pem();
    let key = PrivatePkcs8KeyDer::from(signed.signing_key.serialize_der());
    let config = ServerConfig::builder_with_provider(tls::PROVIDER.clone()).with_safe_default_protocol_versions()?;
    let mut config = config.with_no_client_auth().with_single_cert(vec![signed.cert.der().clone()], key.into())?;
    config.send_tls13_tickets = 0;
    let (plain, secured) = serve(TlsAcceptor::from(Arc::new(config)))?;

    let runtime = Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let tcp = measure("TCP alone", count, 0, || async { Ok(TcpStream::connect(plain).await?) }).await?;
        for (name, versions) in [("1.3", TlsVersions::V13), ("1.2", TlsVersions::V12)] {
            let config = alone(&root, versions)?;
            measure(&format!("TLS {name}, rustls alone"), count, tcp, || async {
                let connector = TlsConnector::from(config.clone());
                let stream = TcpStream::connect(secured).await?;
                Ok(connector.connect(ServerName::try_from("localhost")?, stream).await?)
            })
            .await?;
            let profile = TlsProfile { roots: Some(root.as_bytes().into()), versions, ..TlsProfile::default() };
            let shared = tls::Tls::new(None, None);
            let template = shared.template(&profile).map_err(|failure| failure.to_string())?;
            measure(&format!("TLS {name}, of a modem"), count, tcp, || async {
                let stream = TcpStream::connect(secured).await?;
                let deadline = tokio::time::Instant::now() + Duration::from_secs(5);
                let stream = tls::connect(template.clone(), "localhost", None, stream, deadline).await;
                stream.map_err(|why| why.to_string().into())
            })
            .await?;
        }
        let (held, start) = (HELD.get(), Instant::now());
        let shared = tls::Tls::new(None, None);
        let template = shared.template(&TlsProfile::default()).map_err(|failure| failure.to_string())?;
        println!("roots of the operating system, once a process: {} bytes, {:?}", HELD.get() - held, start.elapsed());
        drop(template);
        Ok(())
    })
}

/// Opens connections one after the other, sends a little both ways over each, and keeps them. Returns the bytes that each
/// holds; prints those beyond `less`.
async fn measure<S, F>(name: &str, count: usize, less: usize, connect: impl Fn() -> F) -> Result<usize>
where
    S: AsyncRead + AsyncWrite + Unpin,
    F: Future<Output = Result<S>>,
{
    let mut streams = Vec::with_capacity(count);
    let (held, start, computed) = (HELD.get(), Instant::now(), computed()?);
    for _ in 0..count {
        // In a box of its own, as the links of a modem hold it.
        streams.push(Box::new(connect().await?));
    }
    let (time, computed) = (start.elapsed(), self::computed()? - computed);
    for stream in &mut streams {
        stream.write_all(&[7; 64]).await?;
        stream.flush().await?;
        stream.read_exact(&mut [0; 64]).await?;
    }
    let each = (HELD.get() - held) / count;
    let rate = count as f64 / time.as_secs_f64();
    let cpu = computed / count as f64 * 1e6;
    println!("{name}: {rate:.0} connections a second, {cpu:.0} µs of the client's CPU and {} bytes each", each - less);
    Ok(each)
}

/// Seconds that this thread has computed (Linux).
fn computed() -> Result<f64> {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    let nanoseconds: f64 = stat.split(' ').next().unwrap_or_default().parse()?;
    Ok(nanoseconds / 1e9)
}

/// What every program with rustls has.
fn alone(root: &str, versions: TlsVersions) -> Result<Arc<ClientConfig>> {
    use rustls::pki_types::{CertificateDer, pem::PemObject};
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(root.as_bytes())?)?;
    let versions = if versions == TlsVersions::V12 { [&TLS12] } else { [&TLS13] };
    let config = ClientConfig::builder_with_provider(tls::PROVIDER.clone()).with_protocol_versions(&versions)?;
    let mut config = config.with_root_certificates(roots).with_no_client_auth();
    config.resumption = Resumption::disabled();
    Ok(config.into())
}

/// Starts a server that sends back what it gets, without and with TLS.
fn serve(acceptor: TlsAcceptor) -> Result<(SocketAddr, SocketAddr)> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let plain = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
            let secured = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
            let _ = sender.send((plain.local_addr(), secured.local_addr()));
            tokio::spawn(async move {
                while let Ok((stream, _)) = plain.accept().await {
                    tokio::spawn(echo(stream));
                }
            });
            while let Ok((stream, _)) = secured.accept().await {
                let handshake = acceptor.accept(stream);
                tokio::spawn(async move {
                    if let Ok(stream) = handshake.await {
                        echo(stream).await;
                    }
                });
            }
        });
    });
    let (plain, secured) = receiver.recv()?;
    Ok((plain?, secured?))
}

async fn echo(mut stream: impl AsyncRead + AsyncWrite + Unpin) {
    let mut chunk = [0; 256];
    while let Ok(count @ 1..) = stream.read(&mut chunk).await {
        if stream.write_all(&chunk[..count]).await.is_err() || stream.flush().await.is_err() {
            return;
        }
    }
}
