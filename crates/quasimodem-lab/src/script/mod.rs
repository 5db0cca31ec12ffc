//! Scripts: a host program as text, and the host that runs it, without I/O or clock.
//!
//! `docs/SCRIPTS.md` has the language. A [`Program`] is read once and shared; a [`Host`] runs it, as a test that the first
//! difference ends, or in a world of faults, where it goes on ([`Mode`]).
//!
//! ```
//! use quasimodem_core::{Imei, Instant};
//! use quasimodem_lab::script::{Host, Input, Mode, Outbox, Program, Who};
//!
//! let program = Program::parse("> AT+CGSN\n< +CGSN: $number\n> AT+MQTTUSER=1,\"\",\"\",\"$number\"\n", &[])?;
//! let who = Who { modem: "modem".into(), index: 0, imei: Imei::default(), seed: 1 };
//! let mut host = Host::new(program.into(), who, Mode::Strict);
//! let mut out = Outbox::default();
//! host.handle(Instant::START, Input::Tick, &mut out);
//! host.handle(Instant::START, Input::Bytes(b"AT+CGSN\r\n+CGSN: 001\r\n\r\nOK\r\n"), &mut out);
//! assert_eq!(out.bytes, b"AT+CGSN\rAT+MQTTUSER=1,\"\",\"\",\"001\"\r");
//! host.handle(Instant::START, Input::Bytes(b"\r\nERROR\r\n"), &mut out);
//! assert_eq!(host.outcome().unwrap().unwrap_err().to_string(), "line 3: expected OK, got ERROR after 0 ms");
//! # Ok::<(), quasimodem_lab::script::Mistake>(())
//! ```
//!
//! # Contracts
//!
//! - A host begins with the first call of [`Host::handle`]. When a call returns, nothing is pending but the deadline,
//!   and a call at the deadline always moves it.
//! - It types one command at a time: what an `on` has to say waits for the final result of the last.
//! - What it keeps of what it reads is bounded, and a host at rest holds no buffer.

mod builtin;
mod failure;
mod heard;
mod host;
mod io;
mod lines;
mod mistake;
mod phrase;
mod program;
mod template;
mod text;
mod values;

pub use self::builtin::{BuiltInScript, EVERY, SCRIPTS};
pub use self::failure::Failure;
pub(crate) use self::failure::{shown, without_secrets};
pub use self::heard::{Heard, Kept};
pub use self::host::Host;
pub use self::io::{Event, Input, Mode, Outbox};
pub use self::mistake::Mistake;
pub use self::program::Program;
pub use self::text::TEXT_MAX;
pub use self::values::Who;
