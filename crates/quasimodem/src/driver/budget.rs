//! What a station costs in real time, counted by the allocator: a connected modem with its driver, its link and its host.
#![expect(unsafe_code, reason = "a global allocator that counts can't be written without")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::future::poll_fn;
use std::io::{self, Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::thread;
use std::time::Duration;

use quasimodem_core::{ClientId, Connection, Imei, Modem, Settings};
use quasimodem_lab::event::Names;
use quasimodem_lab::order::Inbox;
use quasimodem_lab::script::{Host, Mode, Program, Who};
use tokio::runtime::Builder;
use tokio::time::timeout;

use super::{Desk, Driver};
use crate::host_map::HostMap;
use crate::serial::{Event, SerialEnd};
use crate::tls::Tls;
use crate::watching::Watching;

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

/// What a connected station may hold of our own memory, with its script.
const STATION_MAX: usize = 2048;

/// A host that types once and listens.
struct Types {
    line: Option<Vec<u8>>,
    opened: bool,
}

impl SerialEnd for Types {
    const OUTLIVES_HOST: bool = false;
    const IS_A_PERSON: bool = false;

    fn place(&self) -> String {
        String::new()
    }

    fn way_in(&self) -> String {
        String::new()
    }

    fn poll_event(&mut self, _: &mut Context<'_>, wants: bool, chunk: &mut [u8]) -> Poll<io::Result<Event>> {
        if !std::mem::replace(&mut self.opened, true) {
            return Poll::Ready(Ok(Event::Opened));
        }
        let Some(line) = self.line.take_if(|_| wants) else { return Poll::Pending };
        chunk[..line.len()].copy_from_slice(&line);
        Poll::Ready(Ok(Event::Bytes(line.len())))
    }

    fn poll_write(&mut self, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }

    fn hang_up(&mut self) -> io::Result<()> {
        Ok(())
    }
}

const STATIONS: usize = 64;

/// A broker that accepts everybody and says no more.
fn broker() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        let clients: Vec<_> = listener
            .incoming()
            .take(STATIONS)
            .map(|client| {
                let mut client = client.unwrap();
                client.read_exact(&mut [0; 14]).unwrap();
                client.write_all(b"\x20\x02\x00\x00").unwrap();
                client
            })
            .collect();
        // Until the others are gone.
        clients.into_iter().for_each(|mut client| drop(client.read_to_end(&mut Vec::new())));
    });
    port
}

#[test]
fn a_connected_station_costs_little() {
    let port = broker();
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let watching = Watching::new(tokio::time::Instant::now(), Vec::new());
        let mut desk = Desk::new(watching.clone(), Inbox::new(Names::default()), 0);
        let (hosts, tls, settings): (Arc<HostMap>, _, Arc<Settings>) =
            (Arc::default(), Arc::new(Tls::new(None, None)), Arc::default());
        let mut drivers = Vec::with_capacity(STATIONS);
        let before = HELD.get();
        for station in 0..STATIONS {
            let line = format!("AT+MQTTOPEN=1,\"127.0.0.1\",{port},1,300\r").into_bytes();
            let end = Types { line: Some(line), opened: false };
            let modem = Modem::new(settings.clone(), Imei::default());
            drivers.push(Driver::new(station, modem, end, hosts.clone(), tls.clone(), watching.start()));
        }
        let client = ClientId::from_number(1).unwrap();
        let connected = poll_fn(|cx| {
            for driver in &mut drivers {
                assert!(driver.poll(cx, &mut desk).is_pending());
            }
            let all = drivers.iter().all(|driver| driver.modem.connection(client) == Some(Connection::Open));
            if all { Poll::Ready(()) } else { Poll::Pending }
        });
        timeout(Duration::from_secs(20), connected).await.unwrap();
        let heap = HELD.get().wrapping_sub(before) / STATIONS;
        let station = heap + size_of::<Driver<Types>>() - size_of::<Types>();
        let script = size_of::<Host>() + {
            let program: Arc<Program> = Program::parse("> AT\n", &[]).unwrap().into();
            let before = HELD.get();
            let who = Who { modem: "modem".into(), index: 0, imei: Imei::default(), seed: 0 };
            let host = Host::new(program, who, Mode::Tolerant);
            let held = HELD.get().wrapping_sub(before);
            drop(host);
            held
        };
        println!("{station} bytes a connected station, {heap} of them on the heap; {script} more with a script");
        assert!(station + script <= STATION_MAX, "{station} + {script}");
    });
}
