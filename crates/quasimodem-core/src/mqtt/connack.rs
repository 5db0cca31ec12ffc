//! Return codes of CONNACK.

/// The words of a CONNACK return code (MQTT 3.2.2.3), as the manual has them for its codes 700 to 704 (manual 2.1).
pub(crate) const fn connack_words(code: u8) -> &'static str {
    match code {
        1 => "Unacceptable protocol version",
        2 => "Identifier rejected",
        3 => "Server unavailable",
        4 => "Bad user name or password",
        5 => "Not authorized",
        _ => "reserved return code",
    }
}
