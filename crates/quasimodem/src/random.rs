//! Random numbers of the operating system.

use rustix::rand::{GetRandomFlags, getrandom};

/// A random number. The error is a sentence.
pub(crate) fn number() -> Result<u64, String> {
    let mut bytes = [0; size_of::<u64>()];
    // So few bytes come all at once.
    getrandom(&mut bytes, GetRandomFlags::empty())
        .map_err(|error| format!("the system has no random numbers: {error}"))?;
    Ok(u64::from_ne_bytes(bytes))
}
