//! The words of transcripts for TLS: what a connection is made with, and why it failed.

use quasimodem_core::{TlsFailure, TlsProfile, TlsVersions, Verify};

use crate::recorder::one_line;

/// `tls`, and what of the profile is not as usual.
pub(crate) fn profile(profile: &TlsProfile) -> String {
    let mut words = String::from("tls");
    let mut add = |is_so: bool, word: &str| {
        if is_so {
            words.push('+');
            words.push_str(word);
        }
    };
    add(profile.roots.is_some(), "roots");
    match (&profile.chain, &profile.key) {
        (Some(_), Some(_)) => add(true, "identity"),
        (chain, key) => {
            add(chain.is_some(), "chain");
            add(key.is_some(), "key");
        }
    }
    add(profile.verify == Verify::Nothing, "unverified");
    add(profile.versions == TlsVersions::V12, "1.2");
    add(profile.versions == TlsVersions::V13, "1.3");
    for name in &profile.alpn {
        add(true, &format!("alpn={name}"));
    }
    if let Some(name) = &profile.name {
        add(true, &format!("name={name}"));
    }
    words
}

/// A failure as [`parse`] reads it.
pub(crate) fn put(failure: &TlsFailure) -> String {
    match failure {
        TlsFailure::Expired { authority, not_after, now } => dates("expired", authority.as_deref(), *not_after, *now),
        TlsFailure::NotYetValid { authority, not_before, now } => {
            dates("not yet valid", authority.as_deref(), *not_before, *now)
        }
        TlsFailure::WrongName { asked, presented } => {
            format!("wrong name {} {}", one_line(asked), one_line(presented))
        }
        TlsFailure::UnknownRoot(issuer) => format!("unknown root {}", one_line(issuer)),
        TlsFailure::SelfSigned(subject) => format!("self-signed {}", one_line(subject)),
        TlsFailure::OtherRoot(subject) => format!("other root {}", one_line(subject)),
        TlsFailure::Broken(said) => format!("broken {}", one_line(said)),
        TlsFailure::NoRoots(said) => format!("no roots {}", one_line(said)),
        TlsFailure::NotTls(first) => {
            let bytes: Vec<String> = first.iter().map(|byte| format!("{byte:02x}")).collect();
            format!("not tls {}", bytes.join(" "))
        }
        TlsFailure::ClientCertificateRefused(code) => format!("client certificate refused {code}"),
        TlsFailure::Alert(code) => format!("alert {code}"),
        TlsFailure::BadProfile(said) => format!("bad profile {}", one_line(said)),
        TlsFailure::Other(said) => format!("other {}", one_line(said)),
        plain => {
            let named = PLAIN.iter().find(|(_, failure)| failure == plain);
            named.map_or_else(|| format!("other {}", one_line(&plain.to_string())), |(name, _)| (*name).into())
        }
    }
}

fn dates(what: &str, authority: Option<&str>, limit: i64, now: i64) -> String {
    let authority = authority.map_or_else(String::new, |name| format!(" {}", one_line(name)));
    format!("{what} {limit} {now}{authority}")
}

/// A failure by its words; `None`: there is none of this name.
pub(crate) fn parse(words: &str) -> Option<TlsFailure> {
    if let Some((_, failure)) = PLAIN.iter().find(|(name, _)| *name == words) {
        return Some(failure.clone());
    }
    let rest = |name| words.strip_prefix(name).map(str::trim_start);
    let times = |rest: &str| {
        let mut words = rest.splitn(3, ' ');
        let (first, second) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        Some((first, second, words.next().map(Into::into)))
    };
    if let Some(rest) = rest("expired ") {
        let (not_after, now, authority) = times(rest)?;
        return Some(TlsFailure::Expired { authority, not_after, now });
    }
    if let Some(rest) = rest("not yet valid ") {
        let (not_before, now, authority) = times(rest)?;
        return Some(TlsFailure::NotYetValid { authority, not_before, now });
    }
    if let Some((asked, presented)) = rest("wrong name ").and_then(|rest| rest.split_once(' ')) {
        return Some(TlsFailure::WrongName { asked: asked.into(), presented: presented.into() });
    }
    if let Some(bytes) = rest("not tls") {
        let bytes = bytes.split_whitespace().map(|byte| u8::from_str_radix(byte, 16).ok());
        return bytes.collect::<Option<Vec<u8>>>().map(|bytes| TlsFailure::NotTls(bytes.into()));
    }
    if let Some(code) = rest("client certificate refused ") {
        return code.parse().ok().map(TlsFailure::ClientCertificateRefused);
    }
    if let Some(code) = rest("alert ") {
        return code.parse().ok().map(TlsFailure::Alert);
    }
    let said = |name| rest(name).map(Into::into);
    said("unknown root")
        .map(TlsFailure::UnknownRoot)
        .or_else(|| said("bad profile ").map(TlsFailure::BadProfile))
        .or_else(|| said("self-signed ").map(TlsFailure::SelfSigned))
        .or_else(|| said("other root ").map(TlsFailure::OtherRoot))
        .or_else(|| said("broken ").map(TlsFailure::Broken))
        .or_else(|| said("no roots ").map(TlsFailure::NoRoots))
        .or_else(|| said("other ").map(TlsFailure::Other))
}

/// The failures that are all said with their name.
const PLAIN: [(&str, TlsFailure); 6] = [
    ("client certificate missing", TlsFailure::ClientCertificateMissing),
    ("no common version", TlsFailure::NoCommonVersion),
    ("no common cipher", TlsFailure::NoCommonCipher),
    ("closed in handshake", TlsFailure::ClosedInHandshake { answered: true }),
    ("closed unanswered", TlsFailure::ClosedInHandshake { answered: false }),
    ("timed out", TlsFailure::TimedOut),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_read_as_they_are_written() {
        let others = [
            TlsFailure::Expired { authority: None, not_after: 1, now: 2 },
            TlsFailure::NotYetValid { authority: None, not_before: 3, now: -4 },
            TlsFailure::NotYetValid { authority: Some("CN=some authority".into()), not_before: 3, now: 4 },
            TlsFailure::WrongName { asked: "a.example".into(), presented: "b.example, c.example".into() },
            TlsFailure::UnknownRoot("CN=some root".into()),
            TlsFailure::UnknownRoot("".into()),
            TlsFailure::SelfSigned("CN=itself".into()),
            TlsFailure::OtherRoot("CN=some server".into()),
            TlsFailure::Broken("peer unreachable".into()),
            TlsFailure::NoRoots("SSL_CERT_FILE can't be read".into()),
            TlsFailure::NotTls(b"HTTP".as_slice().into()),
            TlsFailure::NotTls(Box::default()),
            TlsFailure::ClientCertificateRefused(42),
            TlsFailure::Alert(80),
            TlsFailure::BadProfile("no key".into()),
            TlsFailure::Other("words".into()),
        ];
        let plain = PLAIN.iter().map(|(_, failure)| failure.clone());
        for failure in plain.chain(others) {
            assert_eq!(parse(&put(&failure)), Some(failure));
        }
        assert_eq!(parse("words"), None);
    }
}
