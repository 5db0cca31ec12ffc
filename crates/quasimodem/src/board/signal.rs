//! The signal of this machine's radio: what a file says, or what ModemManager knows.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::str::FromStr;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::mpsc::Sender;
use tokio::task::spawn_blocking;
use tokio::time::{MissedTickBehavior, interval};

use super::{News, UNKNOWN};
use crate::watching::Voice;

/// Who knows the signal.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum SignalFrom {
    /// A file with one number, which others write.
    File(PathBuf),
    /// ModemManager, asked by its `mmcli`.
    ModemManager,
}

/// The word for the latter; a file of this name is `./modemmanager`.
const MODEM_MANAGER: &str = "modemmanager";

impl FromStr for SignalFrom {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<SignalFrom, &'static str> {
        match text {
            "" => Err("expected the name of a file, or modemmanager"),
            MODEM_MANAGER => Ok(SignalFrom::ModemManager),
            path => Ok(SignalFrom::File(path.into())),
        }
    }
}

/// How often each is asked. A file may be replaced, or lie where nobody is told of changes (sysfs, a network).
const FILE_EACH: Duration = Duration::from_secs(1);
const MANAGER_EACH: Duration = Duration::from_secs(10);

/// No file with a number is longer.
const LONGEST: u64 = 64;

impl SignalFrom {
    /// The same, a file being meant beside the file that names it.
    pub(crate) fn beside(self, folder: &Path) -> SignalFrom {
        match self {
            SignalFrom::File(path) => SignalFrom::File(folder.join(path)),
            SignalFrom::ModemManager => SignalFrom::ModemManager,
        }
    }

    /// `<rssi>` now, as far as it is known at once; from then on `tell` hears what changes.
    pub(super) fn follow(self, tell: Sender<News>, voice: Voice) -> u8 {
        let (each, first) = match &self {
            SignalFrom::File(_) => (FILE_EACH, Some(self.ask())),
            // It may take its time.
            SignalFrom::ModemManager => (MANAGER_EACH, None),
        };
        let mut said = Said { voice, last: None };
        let first = first.map_or(UNKNOWN, |asked| said.take(asked));
        tokio::spawn(async move {
            let mut last = first;
            let mut ticks = interval(each);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                ticks.tick().await;
                let from = self.clone();
                let Ok(asked) = spawn_blocking(move || from.ask()).await else { return };
                let now = said.take(asked);
                if now != last && tell.send(News::Signal(now)).await.is_err() {
                    return;
                }
                last = now;
            }
        });
        first
    }

    /// `<rssi>`, or a sentence that tells why it is not known.
    fn ask(&self) -> Result<u8, String> {
        match self {
            SignalFrom::File(path) => read(path).map_err(|words| format!("signal from {}: {words}", path.display())),
            SignalFrom::ModemManager => ask_manager().map_err(|words| format!("signal from ModemManager: {words}")),
        }
    }
}

/// What went wrong is said once, until it is well or otherwise wrong.
struct Said {
    voice: Voice,
    last: Option<String>,
}

impl Said {
    fn take(&mut self, asked: Result<u8, String>) -> u8 {
        match asked {
            Ok(rssi) => {
                self.last = None;
                rssi
            }
            Err(words) => {
                if self.last.as_ref() != Some(&words) {
                    self.voice.warning(format_args!("{words}; AT+CSQ answers {UNKNOWN}"));
                    self.last = Some(words);
                }
                UNKNOWN
            }
        }
    }
}

fn read(path: &Path) -> Result<u8, String> {
    let mut text = String::new();
    let file = File::open(path).map_err(|error| error.to_string())?;
    // A pipe without a writer would keep the thread for good.
    if !file.metadata().is_ok_and(|data| data.is_file()) {
        return Err("expected a file".into());
    }
    file.take(LONGEST).read_to_string(&mut text).map_err(|error| error.to_string())?;
    parse(text.trim())
}

/// Reads `<rssi>`, or decibels with their unit.
fn parse(text: &str) -> Result<u8, String> {
    let expected = || format!("found {text:?}, expected 0 to 31 or 99, or decibels such as -85 dBm");
    let dbm = text.strip_suffix("dBm").or_else(|| text.strip_suffix("dbm"));
    match dbm {
        Some(dbm) => dbm.trim().parse().ok().filter(|dbm: &f64| dbm.is_finite()).map(from_dbm).ok_or_else(expected),
        None => text.parse().ok().filter(|rssi| matches!(rssi, 0..=31 | 99)).ok_or_else(expected),
    }
}

/// 27.007 8.5: 0 is -113 dBm or less, 31 is -51 dBm or more, and 2 dB are between them and each other.
fn from_dbm(dbm: f64) -> u8 {
    (0..31).rev().find(|rssi| dbm >= f64::from(*rssi) * 2.0 - 113.0).map_or(
        0,
        |rssi| {
            if dbm >= -51.0 { 31 } else { rssi }
        },
    )
}

/// Asks it for the modem that it has. Of several it takes the first that answers to `any`.
fn ask_manager() -> Result<u8, String> {
    let mut asking = Command::new("mmcli");
    let output = asking.args(["-m", "any", "-J"]).stdin(Stdio::null()).output();
    let output = match output {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err("there is no mmcli in the path: install the package modemmanager".into());
        }
        output => output.map_err(|error| format!("can't run mmcli: {error}"))?,
    };
    if !output.status.success() {
        let words = String::from_utf8_lossy(&output.stderr);
        return Err(format!("mmcli says {:?}", words.lines().next().unwrap_or_default().trim()));
    }
    let answer: Value = serde_json::from_slice(&output.stdout).map_err(|error| format!("mmcli's answer: {error}"))?;
    quality(&answer).map(from_percent).ok_or_else(|| "mmcli's answer has no signal-quality".into())
}

/// The percents, wherever in the answer they stand: as a number, as its digits, or either as `value`.
fn quality(answer: &Value) -> Option<u8> {
    let Value::Object(object) = answer else { return None };
    let number = |value: &Value| match value {
        Value::String(text) => text.trim().trim_end_matches('%').parse().ok(),
        value => value.as_u64().and_then(|number| number.try_into().ok()),
    };
    let found = object.get("signal-quality").and_then(|found| number(found.get("value").unwrap_or(found)));
    found.filter(|percent| *percent <= 100).or_else(|| object.values().find_map(quality))
}

/// ModemManager makes percents of `<rssi>` by `rssi * 100 / 31`, where it has no better; this is the way back.
fn from_percent(percent: u8) -> u8 {
    u8::try_from((u32::from(percent) * 31 + 50) / 100).unwrap_or(UNKNOWN)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_file_has_rssi_or_decibels() {
        let cases =
            [("0", 0), ("31", 31), ("99", 99), ("-113 dBm", 0), ("-111dBm", 1), ("-112.5 dBm", 0), ("-85 dBm", 14)];
        for (text, rssi) in cases.into_iter().chain([("-120 dBm", 0), ("-52 dBm", 30), ("-51 dBm", 31), ("0 dBm", 31)])
        {
            assert_eq!(parse(text), Ok(rssi), "{text}");
        }
        for text in ["", "32", "-85", "dBm", "NaN dBm", "1 2", "-1"] {
            assert!(parse(text).is_err_and(|words| words.contains("expected 0 to 31")), "{text}");
        }
    }

    #[test]
    fn percents_are_found_wherever_they_stand() {
        for answer in [
            json!({"modem": {"generic": {"signal-quality": {"recent": "yes", "value": "58"}}}}),
            json!({"modem": {"signal-quality": 58}}),
            json!({"signal-quality": "58%"}),
        ] {
            assert_eq!(quality(&answer).map(from_percent), Some(18), "{answer}");
        }
        for answer in
            [json!({}), json!([58]), json!({"signal-quality": {"value": "--"}}), json!({"signal-quality": 101})]
        {
            assert_eq!(quality(&answer), None, "{answer}");
        }
        assert_eq!((from_percent(0), from_percent(100)), (0, 31));
    }
}
