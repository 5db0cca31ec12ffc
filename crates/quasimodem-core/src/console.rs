//! The serial side of a modem: what is typed, what is waited for, and when the line is free.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::mem;
use core::time::Duration;

use crate::at::Assembler;
use crate::commands::{Pending, RawData};
use crate::time::Instant;

/// How long a half-typed line keeps unsolicited results waiting after its last byte.
const TYPING: Duration = Duration::from_millis(500);

/// Gaps that what waits for one may last, if the host types on.
const GAPS: u32 = 5;

/// Bytes of a line that `A/` can repeat.
const REPEAT_MAX: usize = 23;

/// One serial end, and the host there.
pub(crate) struct Console {
    pub(crate) line: Assembler,
    pub(crate) last_line: LastLine,
    doing: Doing,
    host: Attendance,
    /// The driver has more serial output waiting than it likes.
    pub(crate) full: bool,
    /// Until then no unsolicited result follows the last final one.
    quiet_until: Instant,
    /// When the gap is over for what waits, however fast the host types.
    patience: Option<Instant>,
}

/// What it is doing.
enum Doing {
    /// Nothing, or it carries out a line.
    Idle,
    /// A line is half typed; its last byte came then.
    Typing(Instant),
    /// The host was asked for raw data.
    Raw(RawData),
    /// The final result code of a command is still to come.
    Waiting(Box<Pending>),
}

/// Whether a host has the port open.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Attendance {
    Absent,
    /// It has written nothing yet and was told nothing, and may still empty its buffer.
    New,
    Here,
}

/// What `A/` repeats.
pub(crate) struct LastLine {
    bytes: [u8; REPEAT_MAX],
    length: u8,
}

impl Console {
    /// A serial end with nobody at it.
    pub(crate) fn new() -> Console {
        Console {
            line: Assembler::default(),
            last_line: LastLine { bytes: [0; REPEAT_MAX], length: 0 },
            doing: Doing::Idle,
            host: Attendance::Absent,
            full: false,
            quiet_until: Instant::START,
            patience: None,
        }
    }

    /// The same with what belongs to the host, who does not notice that the module starts anew.
    pub(crate) fn restarted(&self) -> Console {
        Console { host: self.host, full: self.full, quiet_until: self.quiet_until, ..Console::new() }
    }

    /// A host opened the port.
    pub(crate) fn attach(&mut self) {
        self.host = Attendance::New;
    }

    /// Nobody is there any more.
    pub(crate) fn detach(&mut self) {
        self.host = Attendance::Absent;
    }

    /// Whether somebody is there.
    pub(crate) fn has_host(&self) -> bool {
        self.host != Attendance::Absent
    }

    /// Forgets what the host has begun.
    pub(crate) fn reset(&mut self) {
        self.line.reset();
        self.doing = Doing::Idle;
    }

    /// Forgets a half-typed line.
    pub(crate) fn reset_line(&mut self) {
        self.line.reset();
        self.typed(None);
    }

    /// Lets everything unsolicited wait until a new host has set up its end and emptied its buffer. Gaps that began
    /// with the host before mean nothing to it.
    pub(crate) fn let_settle(&mut self, until: Instant) {
        if self.host == Attendance::New {
            self.quiet_until = until;
            self.patience = None;
        }
    }

    /// The host wrote something. It has emptied its buffer before.
    pub(crate) fn heard(&mut self, now: Instant) {
        if self.host == Attendance::New {
            self.host = Attendance::Here;
            self.quiet_until = now;
        }
    }

    /// The last byte of a half-typed line came then, if one is half typed. What is waited for stays.
    pub(crate) fn typed(&mut self, at: Option<Instant>) {
        if let Doing::Idle | Doing::Typing(_) = self.doing {
            self.doing = at.map_or(Doing::Idle, Doing::Typing);
        }
    }

    /// Waits for raw data.
    pub(crate) fn wait_for_raw(&mut self, raw: RawData) {
        debug_assert!(!self.waits(), "it waits for something already");
        self.doing = Doing::Raw(raw);
    }

    /// Waits for the end of a command.
    pub(crate) fn wait_for_command(&mut self, pending: Box<Pending>) {
        debug_assert!(!self.waits(), "it waits for something already");
        self.doing = Doing::Waiting(pending);
    }

    fn waits(&self) -> bool {
        matches!(self.doing, Doing::Raw(_) | Doing::Waiting(_))
    }

    /// The raw data that the host was asked for.
    pub(crate) fn raw(&self) -> Option<&RawData> {
        if let Doing::Raw(raw) = &self.doing { Some(raw) } else { None }
    }

    pub(crate) fn raw_mut(&mut self) -> Option<&mut RawData> {
        if let Doing::Raw(raw) = &mut self.doing { Some(raw) } else { None }
    }

    pub(crate) fn take_raw(&mut self) -> Option<RawData> {
        match mem::replace(&mut self.doing, Doing::Idle) {
            Doing::Raw(raw) => Some(raw),
            other => {
                self.doing = other;
                None
            }
        }
    }

    /// The command whose final result code is still to come.
    pub(crate) fn pending(&self) -> Option<&Pending> {
        if let Doing::Waiting(pending) = &self.doing { Some(pending) } else { None }
    }

    pub(crate) fn pending_mut(&mut self) -> Option<&mut Pending> {
        if let Doing::Waiting(pending) = &mut self.doing { Some(pending) } else { None }
    }

    /// Takes that command if it is such a one.
    pub(crate) fn take_pending_if(&mut self, fits: impl FnOnce(&Pending) -> bool) -> Option<Box<Pending>> {
        match mem::replace(&mut self.doing, Doing::Idle) {
            Doing::Waiting(pending) if fits(&pending) => Some(pending),
            other => {
                self.doing = other;
                None
            }
        }
    }

    /// When what is waited for has taken too long.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        match &self.doing {
            Doing::Raw(raw) => Some(raw.until()),
            Doing::Waiting(pending) => Some(pending.until),
            Doing::Idle | Doing::Typing(_) => None,
        }
    }

    /// Whether the host's bytes may be brought; `crowded`: much waits to be told.
    pub(crate) fn wants(&self, crowded: bool) -> bool {
        !self.full
            && match self.doing {
                // Nothing is told before raw data is there, so that it must come, however much waits.
                Doing::Raw(_) => true,
                Doing::Waiting(_) => false,
                Doing::Idle | Doing::Typing(_) => !crowded,
            }
    }

    /// When the line is free for unsolicited results; `None`: not before something else happens.
    pub(crate) fn free_at(&self) -> Option<Instant> {
        if self.host == Attendance::Absent || self.full {
            return None;
        }
        match self.doing {
            Doing::Idle => Some(self.quiet_until),
            Doing::Typing(at) => Some(self.quiet_until.max(at + TYPING)),
            Doing::Raw(_) | Doing::Waiting(_) => None,
        }
    }

    /// A line was answered: the gap begins for what is `ready` to be told, but does not begin again and again.
    pub(crate) fn answered(&mut self, now: Instant, gap: Duration, ready: bool) {
        let mut quiet_until = now + gap;
        if ready {
            let patience = self.patience.get_or_insert(now + GAPS * gap);
            quiet_until = quiet_until.min(*patience);
        } else {
            // What it began for does not wait any more: it was discarded, or is held until the host has read.
            self.patience = None;
        }
        // The gap after an unsolicited result may be longer.
        self.quiet_until = self.quiet_until.max(quiet_until);
    }

    /// Something that waited is told.
    pub(crate) fn told(&mut self) {
        debug_assert!(!self.waits(), "nothing is told while it waits");
        self.patience = None;
    }

    /// The gap begins that is due after an unsolicited result.
    pub(crate) fn space(&mut self, until: Instant) {
        self.quiet_until = self.quiet_until.max(until);
        if self.host == Attendance::New {
            // It was waited for long enough.
            self.host = Attendance::Here;
        }
    }
}

impl LastLine {
    pub(crate) fn remember(&mut self, line: &[u8]) {
        self.length = 0;
        if let Some(bytes) = self.bytes.get_mut(..line.len()) {
            bytes.copy_from_slice(line);
            self.length = u8::try_from(line.len()).unwrap_or(0);
        }
    }

    /// The last line, if it was short enough to be kept.
    pub(crate) fn recall(&self, to: &mut Vec<u8>) {
        to.extend_from_slice(self.bytes.get(..usize::from(self.length)).unwrap_or_default());
    }
}
