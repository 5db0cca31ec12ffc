//! What stands in certificates, in words: names, and why a key or a signature won't do.

use std::borrow::Cow;
use std::net::IpAddr;

use quasimodem_core::literal_address;
use rustls::pki_types::CertificateDer;
use webpki::{EndEntityCert, anchor_from_trusted_cert};

/// The issuer that a chain leads to and that is not in it: whoever should have been a root.
pub(super) fn missing_issuer(end_entity: &CertificateDer<'_>, intermediates: &[CertificateDer<'_>]) -> Option<String> {
    let end_entity = EndEntityCert::try_from(end_entity).ok()?;
    let chain: Vec<_> = intermediates.iter().filter_map(|der| EndEntityCert::try_from(der).ok()).collect();
    let mut last = &end_entity;
    // A chain can't be longer than what it is made of, though its names may go in a circle.
    for _ in 0..chain.len() {
        let own = last.issuer() == last.subject();
        match chain.iter().find(|issuer| !own && issuer.subject() == last.issuer()) {
            Some(issuer) => last = issuer,
            None => break,
        }
    }
    Some(in_words(last.issuer()))
}

/// Whose certificate it is.
pub(super) fn subject(certificate: &CertificateDer<'_>) -> Option<String> {
    EndEntityCert::try_from(certificate).ok().map(|certificate| in_words(certificate.subject()))
}

/// Whether a certificate has one name for its issuer and its subject, as those do that sign themselves.
pub(super) fn is_self_issued(certificate: &CertificateDer<'_>) -> bool {
    EndEntityCert::try_from(certificate).is_ok_and(|certificate| certificate.issuer() == certificate.subject())
}

/// Whether one certificate has the name that the other one gives as its issuer's.
pub(super) fn is_issuer(issuer: &CertificateDer<'_>, certificate: &CertificateDer<'_>) -> bool {
    match (anchor_from_trusted_cert(issuer), EndEntityCert::try_from(certificate)) {
        (Ok(issuer), Ok(certificate)) => issuer.subject.as_ref() == certificate.issuer(),
        _ => false,
    }
}

/// The bits of the key of a certificate, if it is one of RSA with fewer than [`RSA_BITS`].
pub(super) fn short_rsa(certificate: &CertificateDer<'_>) -> Option<usize> {
    let certificate = anchor_from_trusted_cert(certificate).ok()?;
    let mut info = certificate.subject_public_key_info.as_ref();
    let (_, mut algorithm) = take(&mut info)?;
    if take(&mut algorithm)? != (OID, RSA) {
        return None;
    }
    let (_, bits) = take(&mut info)?;
    // In front of the key stands how many bits of its last byte are of no use: none.
    let mut key = bits.get(1..)?;
    let (_, mut numbers) = take(&mut key)?;
    let (_, modulus) = take(&mut numbers)?;
    let zeros = modulus.iter().take_while(|byte| **byte == 0).count();
    let first = modulus.get(zeros)?;
    let bits = (modulus.len() - zeros) * 8 - first.leading_zeros() as usize;
    (bits < RSA_BITS).then_some(bits)
}

/// The bytes that there are of one DER sequence, and those that it says it has; `None`: it is not one.
pub(super) fn length(der: &[u8]) -> Option<(usize, usize)> {
    let (&[SEQUENCE, length], rest) = der.split_first_chunk()? else { return None };
    let (length, rest) = long_length(length, rest)?;
    Some((der.len(), der.len() - rest.len() + length))
}

/// A signature algorithm, from the DER contents of its identifier.
pub(super) fn signature(mut algorithm: &[u8]) -> &'static str {
    let known = take(&mut algorithm).and_then(|(_, oid)| SIGNATURES.iter().find(|(known, _)| *known == oid));
    known.map_or("an algorithm that is not supported", |(_, name)| name)
}

/// The names of a certificate for people, who read only so many of them. A name's kind is said where it does not show.
pub(super) fn list(names: &[String]) -> String {
    let shown: Vec<String> = names.iter().take(SHOWN).map(|name| shorten(&plain(name))).collect();
    match names.len().checked_sub(SHOWN) {
        None | Some(0) => shown.join(", "),
        Some(more) => format!("{} and {more} more", shown.join(", ")),
    }
}

/// The name that was asked for, beside such a list.
pub(super) fn asked(name: &str, list: &str) -> String {
    match literal_address(name) {
        Some(_) if list.contains(DNS_NAME) => format!("IP address {name}"),
        _ => name.into(),
    }
}

/// Without what rustls writes around it: `DnsName("a.example")`, `IpAddress(0::1)`, `Unsupported(0x01)`.
fn plain(name: &str) -> Cow<'_, str> {
    let inside = |kind: &str| name.strip_prefix(kind)?.strip_prefix('(')?.strip_suffix(')');
    let quoted = |kind: &str| inside(kind).map(|name| name.trim_matches('"'));
    if let Some(address) = inside("IpAddress") {
        return address.parse().map_or(address.into(), |address: IpAddr| address.to_string().into());
    }
    if let Some(name) = quoted("DnsName") {
        return if literal_address(name).is_some() { format!("{DNS_NAME}{name}").into() } else { name.into() };
    }
    if let Some(uri) = quoted("UniformResourceIdentifier") {
        return format!("URI {uri}").into();
    }
    match inside("Unsupported") {
        Some("0x01") => "an email address".into(),
        _ if name == "DirectoryName" => "a directory name".into(),
        _ => "a name of another kind".into(),
    }
}

/// A distinguished name (X.501), from the DER contents of its sequence: `CN=…, O=…`.
fn in_words(mut name: &[u8]) -> String {
    let mut words = Vec::new();
    while let Some((SET, mut attributes)) = take(&mut name) {
        while let Some((SEQUENCE, mut attribute)) = take(&mut attributes) {
            if let Some((OID, oid)) = take(&mut attribute)
                && let Some((_, known)) = ATTRIBUTES.iter().find(|(known, _)| *known == oid)
                && let Some((tag, value)) = take(&mut attribute)
            {
                words.push(format!("{known}={}", text(tag, value)));
            }
        }
    }
    if words.is_empty() { "somebody without a name".into() } else { shorten(&words.join(", ")) }
}

fn text(tag: u8, value: &[u8]) -> String {
    if tag == BMP_STRING {
        let units: Vec<u16> =
            value.chunks_exact(2).map(|unit| unit.iter().fold(0, |all, byte| all << 8 | u16::from(*byte))).collect();
        return String::from_utf16_lossy(&units);
    }
    String::from_utf8_lossy(value).into_owned()
}

/// Takes the first value of DER text: its tag and its contents.
fn take<'a>(der: &mut &'a [u8]) -> Option<(u8, &'a [u8])> {
    let (&[tag, length], rest) = der.split_first_chunk()?;
    let (length, rest) = long_length(length, rest)?;
    let (value, rest) = rest.split_at_checked(length)?;
    *der = rest;
    Some((tag, value))
}

/// The length of a value that begins with this byte of it, and what is after it.
fn long_length(first: u8, rest: &[u8]) -> Option<(usize, &[u8])> {
    match first {
        0..=0x7f => Some((usize::from(first), rest)),
        // Certificates and names are shorter than what three bytes can say.
        0x81..=0x83 => {
            let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            Some((bytes.iter().fold(0, |all, byte| all << 8 | usize::from(*byte)), rest))
        }
        _ => None,
    }
}

/// No longer than [`LONGEST`], however much of it is escaped when it is printed.
fn shorten(words: &str) -> String {
    let mut room = LONGEST;
    let mut left = |char: char| room.checked_sub(char.escape_debug().len()).inspect(|left| room = *left).is_some();
    match words.char_indices().find(|(_, char)| !left(*char)) {
        Some((end, _)) => format!("{}…", words.get(..end).unwrap_or_default()),
        None => words.into(),
    }
}

/// In front of a DNS name that looks like an address.
const DNS_NAME: &str = "DNS name ";
/// The shortest RSA keys that are accepted, in bits.
pub(super) const RSA_BITS: usize = 2048;
/// Characters of a name in words, as they are printed.
const LONGEST: usize = 120;
/// Names in a list.
const SHOWN: usize = 6;

const OID: u8 = 0x06;
const BMP_STRING: u8 = 0x1e;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;

/// Of keys (RFC 8017, appendix C).
const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1];

/// Signature algorithms that were usual, and are not accepted any more.
const SIGNATURES: &[(&[u8], &str)] = &[
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 4], "MD5, which is too weak"),
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 5], "SHA-1, which is too weak"),
    (&[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 1], "SHA-1, which is too weak"),
];

/// Attributes by their object identifiers, with the short names of RFC 4514 and of OpenSSL.
const ATTRIBUTES: &[(&[u8], &str)] = &[
    (&[0x55, 4, 3], "CN"),
    (&[0x55, 4, 6], "C"),
    (&[0x55, 4, 7], "L"),
    (&[0x55, 4, 8], "ST"),
    (&[0x55, 4, 10], "O"),
    (&[0x55, 4, 11], "OU"),
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 1], "emailAddress"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distinguished_names() {
        let name =
            b"\x31\x0b\x30\x09\x06\x03\x55\x04\x06\x13\x02DE\x31\x0c\x30\x0a\x06\x03\x55\x04\x03\x1e\x03\x00A\x00";
        assert_eq!(in_words(name), "C=DE, CN=A");
        // Cut short, with a length beyond its end, with an unknown attribute, and nothing.
        for length in 0..name.len() {
            assert!(in_words(&name[..length]).len() < 30);
        }
        assert_eq!(in_words(b"\x31\x84\x01\x01\x01\x01"), "somebody without a name");
        assert_eq!(in_words(b"\x31\x0a\x30\x08\x06\x03\x55\x04\x7f\x13\x01x"), "somebody without a name");
    }

    #[test]
    fn lists_end() {
        let names: Vec<String> = (0..9).map(|number| format!("DnsName(\"{number}.example\")")).collect();
        assert_eq!(list(&names[..2]), "0.example, 1.example");
        assert!(list(&names).ends_with("5.example and 3 more"));
        let addresses = ["IpAddress(0::1)", "IpAddress(127.0.0.1)"].map(String::from);
        assert_eq!(list(&addresses), "::1, 127.0.0.1");
        assert_eq!(list(&[format!("DnsName(\"{}\")", "x".repeat(1000))]).chars().count(), LONGEST + 1);
    }

    #[test]
    fn kinds_of_names_that_do_not_show() {
        let of = |name: &str| list(&[name.to_owned()]);
        assert_eq!(of("DnsName(\"127.0.0.1\")"), "DNS name 127.0.0.1");
        assert_eq!(of("DnsName(\"::1\")"), "DNS name ::1");
        assert_eq!(of("UniformResourceIdentifier(\"mqtt://a.example\")"), "URI mqtt://a.example");
        assert_eq!(of("Unsupported(0x01)"), "an email address");
        assert_eq!(of("Unsupported(0x00)"), "a name of another kind");
        assert_eq!(of("DirectoryName"), "a directory name");
        // More than one run of zeros is not written as an address is read.
        assert_eq!(of("IpAddress(1::2::3)"), "1::2::3");
        assert_eq!(asked("127.0.0.1", "DNS name 127.0.0.1"), "IP address 127.0.0.1");
        assert_eq!(asked("127.0.0.1", "a.example, 10.0.0.1"), "127.0.0.1");
        assert_eq!(asked("a.example", "DNS name 127.0.0.1"), "a.example");
    }
}
