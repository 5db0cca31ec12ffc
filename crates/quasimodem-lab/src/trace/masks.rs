//! What of a packet is no trace's business, found by its protocol: what peers send is marked by nobody, and what faults
//! made of a packet no more.

use crate::judged::stars;

// Packet types (MQTT 2.2.1).
const CONNECT: u8 = 1;
const PUBLISH: u8 = 3;

/// Whether it begins as a PUBLISH does.
pub(super) fn is_publish(packet: &[u8]) -> bool {
    packet.first().is_some_and(|byte| byte >> 4 == PUBLISH)
}

/// Hides the password of a CONNECT; `cloud`: on the link to a cloud also what messages say.
pub(super) fn mqtt(packet: &mut [u8], cloud: bool) {
    let kind = packet.first().map_or(0, |byte| byte >> 4);
    let secret = match kind {
        CONNECT => password(packet),
        PUBLISH if cloud => payload(packet),
        _ => None,
    };
    if let Some(secret) = secret.and_then(|start| packet.get_mut(start..)) {
        secret.fill(b'*');
    }
}

/// Where the password of a CONNECT begins, which is the last field (MQTT 3.1.3).
fn password(packet: &[u8]) -> Option<usize> {
    const WILL: u8 = 0x04;
    const USER: u8 = 0x80;
    const PASSWORD: u8 = 0x40;
    let skip = |at: usize| Some(at + 2 + usize::from(u16::from_be_bytes([*packet.get(at)?, *packet.get(at + 1)?])));
    let at = skip(body(packet)?)?;
    let flags = *packet.get(at + 1)?;
    // Level, flags, two bytes of keep-alive.
    let mut at = skip(at + 4)?;
    if flags & WILL != 0 {
        at = skip(skip(at)?)?;
    }
    if flags & USER != 0 {
        at = skip(at)?;
    }
    (flags & PASSWORD != 0).then_some(at + 2)
}

/// Where the payload of a PUBLISH begins.
fn payload(packet: &[u8]) -> Option<usize> {
    let at = body(packet)?;
    let at = at + 2 + usize::from(u16::from_be_bytes([*packet.get(at)?, *packet.get(at + 1)?]));
    let has_id = packet.first()? & 0x06 != 0;
    Some(if has_id { at + 2 } else { at })
}

/// Where the fixed header ends.
fn body(packet: &[u8]) -> Option<usize> {
    Some(packet.iter().skip(1).take(4).position(|byte| byte & 0x80 == 0)? + 2)
}

/// Headers whose values may be seen.
const SHOWN: [&[u8]; 6] = [b"connection", b"content-length", b"content-type", b"date", b"host", b"transfer-encoding"];

/// Whether it begins as an answer does.
pub(super) fn is_answer(bytes: &[u8]) -> bool {
    bytes.starts_with(b"HTTP/")
}

/// Whether it begins as a request of a module does.
pub(super) fn is_request(bytes: &[u8]) -> bool {
    bytes.starts_with(b"POST ")
}

/// Hides the query, the values of headers but for the usual ones, and the body of a request or an answer. What tells lengths
/// stays.
pub(super) fn http(message: &mut [u8]) {
    if !is_answer(message) && !is_request(message) {
        return message.fill(b'*');
    }
    let end = message.windows(4).position(|window| window == b"\r\n\r\n").map_or(message.len(), |at| at + 4);
    let Some((head, body)) = message.split_at_mut_checked(end) else { return };
    let mut chunked = false;
    for (index, line) in head.split_mut(|byte| *byte == b'\n').enumerate() {
        let end = line.strip_suffix(b"\r").unwrap_or(line).len();
        let line = line.get_mut(..end).unwrap_or_default();
        let secret = if index == 0 {
            let length = line.iter().rposition(|byte| *byte == b' ').unwrap_or(end);
            line.iter().position(|byte| *byte == b'?').map(|query| query + 1..length.max(query + 1))
        } else {
            let colon = line.iter().position(|byte| *byte == b':');
            let name = line.get(..colon.unwrap_or(0)).unwrap_or_default().to_ascii_lowercase();
            chunked |= name == b"transfer-encoding" && line.to_ascii_lowercase().ends_with(b"chunked");
            let value = colon.map_or(0, |colon| colon + 1);
            let blanks = line.get(value..).unwrap_or_default().iter().take_while(|byte| **byte == b' ').count();
            (!SHOWN.contains(&name.as_slice())).then_some(value + blanks..end)
        };
        if let Some(secret) = secret.and_then(|secret| line.get_mut(secret)) {
            secret.fill(b'*');
        }
    }
    if chunked {
        chunks(body);
    } else {
        body.fill(b'*');
    }
}

/// Hides the data of chunks, and not their sizes (RFC 9112 7.1).
fn chunks(body: &mut [u8]) {
    let mut rest = body;
    loop {
        let digits = rest.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
        let size = rest.get(..digits).and_then(|size| std::str::from_utf8(size).ok());
        let size = size.and_then(|size| usize::from_str_radix(size, 16).ok());
        let line = rest.windows(2).position(|window| window == b"\r\n");
        let (Some(size), Some(line)) = (size, line) else { break };
        if let Some(extensions) = rest.get_mut(digits..line) {
            extensions.fill(b'*');
        }
        let start = line + 2;
        let end = start.saturating_add(size).min(rest.len());
        if let Some(data) = rest.get_mut(start..end) {
            data.fill(b'*');
        }
        let Some((_, behind)) = rest.split_at_mut_checked(end) else { return };
        if size == 0 {
            // Trailers.
            rest = behind;
            break;
        }
        let ends = if behind.starts_with(b"\r\n") { 2 } else { 0 };
        rest = behind.get_mut(ends..).unwrap_or_default();
    }
    let shown = stars(rest);
    rest.copy_from_slice(&shown);
}

#[cfg(test)]
mod tests {
    use quasimodem_core::mqtt::parse_words;

    use super::*;

    fn shown(packet: &[u8], mask: impl Fn(&mut [u8])) -> String {
        let mut masked = packet.to_vec();
        mask(&mut masked);
        assert_eq!(masked.len(), packet.len());
        String::from_utf8_lossy(&masked).into_owned()
    }

    #[test]
    fn passwords_of_connects() {
        for words in [
            r#"connect "id" clean keepalive 60 user "me" password "geheim""#,
            r#"connect "id" keepalive 60 will "t" q1 "gone" user "me" password "geheim""#,
        ] {
            let packet = parse_words(words).unwrap();
            let shown = shown(&packet, |packet| mqtt(packet, false));
            assert!(shown.ends_with("\u{6}******") && shown.contains("me"), "{shown:?}");
        }
        for length in 0..20 {
            let mut packet = parse_words(r#"connect "id" clean keepalive 60 user "me""#).unwrap();
            packet.truncate(length);
            mqtt(&mut packet, true);
        }
    }

    #[test]
    fn what_clouds_publish() {
        let packet = parse_words(r#"publish "t" q1 #1 "geheim""#).unwrap();
        assert!(shown(&packet, |packet| mqtt(packet, true)).ends_with("t\0\u{1}******"));
        assert!(shown(&packet, |packet| mqtt(packet, false)).ends_with("geheim"));
    }

    #[test]
    fn requests_and_answers() {
        assert_eq!(
            shown(b"POST /x?sign=ab HTTP/1.1\r\nHost: h\r\nSign: ab\r\nContent-Length: 2\r\n\r\nab", http),
            "POST /x?******* HTTP/1.1\r\nHost: h\r\nSign: **\r\nContent-Length: 2\r\n\r\n**"
        );
        assert_eq!(
            shown(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nA;x\r\n0123456789\r\n0\r\nt: u\r\n\r\n", http),
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n***\r\nA**\r\n**********\r\n0\r\n****\r\n\r\n"
        );
        assert_eq!(shown(b"HTTP/1.1 200 OK\r\nKey: secret", http), "HTTP/1.1 200 OK\r\nKey: ******");
        assert_eq!(shown(b"no http", http), "*******");
    }
}
