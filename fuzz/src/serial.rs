//! What a host types.

use std::time::Duration;

use quasimodem_core::Settings;

use crate::rig::Rig;

/// Types the bytes at a modem whose client 1 is connected to a broker that answers everything. After each line there
/// is time for its result.
pub fn serial(data: &[u8]) {
    let mut rig = Rig::new(Settings::default(), true);
    rig.types(b"AT+MQTTOPEN=1,\"broker\",1883,1,60\r");
    rig.passes(PAUSE);
    for line in data.split_inclusive(|byte| *byte == b'\r') {
        rig.types(line);
        rig.passes(PAUSE);
    }
}

/// Longer than the quiet time after a final result code.
const PAUSE: Duration = Duration::from_millis(50);
