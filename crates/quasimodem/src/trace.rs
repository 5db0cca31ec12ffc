//! Where `--trace` goes, and in which form.

use std::fmt;
use std::io::Write;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Result;
use quasimodem_core::{Effect, Imei, Input, Instant, Modem, Outbox, Power, Settings};
use quasimodem_lab::event::{Event, Names};
use quasimodem_lab::recorder::{Recorder, Secrets};
use quasimodem_lab::trace::{Blocks, Trace};
use quasimodem_lab::watch::Watch;

use crate::sink::{Sink, Target};

/// Where a trace goes, and in which form.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Traced {
    target: Target,
    form: Form,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Form {
    /// For Wireshark.
    Pcapng,
    /// Lines that replay.
    Transcript,
}

/// Reads FILE.pcapng, FILE.at or -.
pub(crate) fn parse(text: &str) -> Result<Traced, String> {
    let file = |form| Ok(Traced { target: Target::File(text.into()), form });
    let path = Path::new(text);
    match path.extension().map(|ending| ending.to_string_lossy().to_ascii_lowercase()).as_deref() {
        _ if text == "-" => Ok(Traced { target: Target::Stdout, form: Form::Pcapng }),
        Some("pcapng") => file(Form::Pcapng),
        Some("at") => file(Form::Transcript),
        _ => {
            let expected = "expected FILE.pcapng (for Wireshark), FILE.at (a transcript) or -";
            // No word of a descriptor: nobody sees by its number what it is to be.
            let nearest = path.with_extension("pcapng");
            match path.file_stem() {
                Some(_) if !text.starts_with("fd:") => Err(format!("{expected}, such as {}", nearest.display())),
                _ => Err(expected.into()),
            }
        }
    }
}

impl Traced {
    /// A watch that writes it, of the modems of these names; the settings and the IMEI are those of the first, which is just being made. `start` is what time it is at the
    /// start, by the clock of the system.
    pub(crate) fn open(
        &self,
        modems: Names,
        settings: &Settings,
        imei: Imei,
        start: SystemTime,
    ) -> Result<Box<dyn Watch + Send>> {
        Ok(match self.form {
            Form::Pcapng => {
                let packets = Packets(self.target.open("packets of the trace")?);
                Box::new(packets_of(modems, start, packets))
            }
            Form::Transcript => {
                let lines = Packets(self.target.open("lines of the trace")?);
                Box::new(transcript(settings, imei, lines))
            }
        })
    }

    /// A watch that writes it in virtual time, which waits for that: by what opens such a file.
    pub(crate) fn straight<W: Write + Send + 'static>(
        &self,
        modems: Names,
        settings: &Settings,
        imei: Imei,
        open: impl FnOnce(&Path, &str) -> Result<W>,
    ) -> Result<Box<dyn Watch + Send>> {
        let path = match &self.target {
            Target::File(path) => path.as_path(),
            Target::Stdout | Target::Descriptor(_) => Path::new("-"),
        };
        let to = Straight(open(path, "the trace")?);
        Ok(match self.form {
            Form::Pcapng => Box::new(packets_of(modems, UNIX_EPOCH, to)),
            Form::Transcript => Box::new(transcript(settings, imei, to)),
        })
    }

    /// Whether it is standard output.
    pub(crate) fn is_stdout(&self) -> bool {
        self.target.is_stdout()
    }

    /// A file that was named in a file means that one's neighbours.
    pub(crate) fn beside(self, folder: &Path) -> Traced {
        Traced { target: self.target.beside(folder), ..self }
    }
}

impl fmt::Display for Traced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.target.fmt(f)
    }
}

/// Writes each block of a trace at once, or each line of a transcript.
struct Packets(Sink);

impl Blocks for Packets {
    fn block(&mut self, block: Vec<u8>) {
        self.0.put(block);
    }

    fn end(&mut self) {
        self.0.end();
    }
}

/// Writes each block or line before anything else happens.
struct Straight<W>(W);

impl<W: Write> Blocks for Straight<W> {
    fn block(&mut self, block: Vec<u8>) {
        // Whoever reads a pipe may have had enough.
        let _ = self.0.write_all(&block);
    }

    fn end(&mut self) {
        let _ = self.0.flush();
    }
}

/// A watch that writes a trace for Wireshark.
pub(crate) fn packets_of<B: Blocks + Send + 'static>(modems: Names, start: SystemTime, blocks: B) -> impl Watch + Send {
    let start = start.duration_since(UNIX_EPOCH).unwrap_or_default().as_micros();
    Trace::new(modems, u64::try_from(start).unwrap_or_default(), blocks)
}

/// A watch that writes each line of a transcript once it is known how it may be shown.
pub(crate) fn transcript<B: Blocks + Send + 'static>(
    settings: &Settings,
    imei: Imei,
    lines: B,
) -> impl Watch + Send + use<B> {
    Transcript { recorder: Recorder::new(settings, imei, Secrets::Hidden), lines }
}

struct Transcript<B> {
    recorder: Recorder,
    lines: B,
}

impl<B: Blocks> Watch for Transcript<B> {
    fn modem(&mut self, now: Instant, station: usize, input: &Input<'_>, modem: &Modem, out: &Outbox) {
        // The end of the program: an orderly one, with a DISCONNECT, which no line of a transcript says.
        let mut effects = out.effects();
        if matches!(input, Input::Power(Power::Off)) && effects.any(|effect| matches!(effect, Effect::Send(..))) {
            return;
        }
        self.recorder.modem(now, station, input, modem, out);
        let text = self.recorder.take();
        if !text.is_empty() {
            self.lines.block(text.into_bytes());
        }
    }

    fn run(&mut self, _: Instant, event: &Event<'_>) {
        if let Event::End {} = event {
            self.lines.block(self.recorder.to_string().into_bytes());
            self.lines.end();
        }
    }
}
