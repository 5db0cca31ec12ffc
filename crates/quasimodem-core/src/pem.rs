//! PEM text as hosts and files bring it, by the lax grammar of RFC 7468: blanks and line ends of any kind may be anywhere
//! between the boundaries, or nowhere, and text around them is skipped.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// How the DER of a private key is to be read, by its label.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum KeyForm {
    /// `PRIVATE KEY` (RFC 5958).
    Pkcs8,
    /// `RSA PRIVATE KEY` (RFC 8017, appendix A.1.2).
    Pkcs1,
    /// `EC PRIVATE KEY` (RFC 5915).
    Sec1,
}

/// What a PEM text should hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wanted {
    /// At least one certificate.
    Certificates,
    /// A private key.
    PrivateKey,
}

/// Why a PEM text can't be used. The words show nothing of what is between the boundaries.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum BadPem {
    /// It is empty, or blank.
    Empty,
    /// It is DER.
    Der(Wanted),
    /// It is a PKCS #12 bundle.
    Pkcs12,
    /// It is UTF-16.
    Utf16,
    /// Something begins, but not with five hyphens around it.
    Hyphens,
    /// Nothing begins.
    NoBegin(Wanted),
    /// The boundary at this line, from 1, is not complete.
    BadBegin(usize),
    /// What begins with this label does not end.
    Unclosed(Box<str>),
    /// The label at the end is another than that at the beginning.
    Mismatch(Box<str>, Box<str>),
    /// There is nothing between the boundaries with this label.
    Blank(Box<str>),
    /// There is a backslash and an `n` where lines should end.
    EscapedLineEnds,
    /// This line, from 1, holds what is not Base64 (RFC 4648 4).
    NotBase64(usize),
    /// The Base64 text with this label lacks its end.
    CutShort(Box<str>),
    /// The private key needs a passphrase.
    Encrypted,
    /// The private key is in OpenSSH's own form.
    OpenSsh,
    /// It holds this, and nothing that was wanted.
    Other(Box<str>, Wanted),
}

/// The certificates of a text as DER, in their order: at least one.
pub fn certificates(text: &[u8]) -> Result<Vec<Vec<u8>>, BadPem> {
    let (mut found, mut other) = (Vec::new(), None);
    for section in sections(text) {
        let section = section?;
        if Wanted::Certificates.labels().contains(&section.label) {
            found.push(section.decode()?);
        } else {
            other.get_or_insert(section.label);
        }
    }
    match other {
        _ if !found.is_empty() => Ok(found),
        Some(label) => Err(BadPem::Other(label.into(), Wanted::Certificates)),
        None => Err(without_sections(text, Wanted::Certificates)),
    }
}

/// The certificates of a collection as DER, and how many of it can't be read: those that are broken are left out. What begins
/// and does not end hides what is after it, and counts as one.
pub fn readable_certificates(text: &[u8]) -> (Vec<Vec<u8>>, usize) {
    let is_wanted = |section: &Result<Section<'_>, BadPem>| {
        section.as_ref().map_or(true, |section| Wanted::Certificates.labels().contains(&section.label))
    };
    let (mut found, mut broken) = (Vec::new(), 0);
    for section in sections(text).filter(is_wanted) {
        match section.and_then(|section| section.decode()) {
            Ok(der) => found.push(der),
            Err(_) => broken += 1,
        }
    }
    (found, broken)
}

/// The first private key of a text as DER.
pub fn private_key(text: &[u8]) -> Result<(KeyForm, Vec<u8>), BadPem> {
    let (mut found, mut other) = (None, None);
    for section in sections(text) {
        let section = section?;
        let form = match section.label {
            "PRIVATE KEY" => KeyForm::Pkcs8,
            "RSA PRIVATE KEY" => KeyForm::Pkcs1,
            "EC PRIVATE KEY" => KeyForm::Sec1,
            // They say more than what else is in the file, such as its certificate.
            "ENCRYPTED PRIVATE KEY" => {
                other = Some(BadPem::Encrypted);
                continue;
            }
            "OPENSSH PRIVATE KEY" => {
                other = Some(BadPem::OpenSsh);
                continue;
            }
            label => {
                other.get_or_insert_with(|| BadPem::Other(label.into(), Wanted::PrivateKey));
                continue;
            }
        };
        if found.is_none() {
            found = Some((form, section.decode()?));
        }
    }
    found.ok_or_else(|| other.unwrap_or_else(|| without_sections(text, Wanted::PrivateKey)))
}

/// What is between two boundaries.
struct Section<'a> {
    label: &'a str,
    body: &'a [u8],
    /// The line of the text where the body begins, from 1.
    line: usize,
}

impl Section<'_> {
    fn decode(&self) -> Result<Vec<u8>, BadPem> {
        // The older form of encrypted keys (RFC 1421 4.6.1.1).
        if find(self.body, b"ENCRYPTED").is_some() && find(self.body, b"Proc-Type:").is_some() {
            return Err(BadPem::Encrypted);
        }
        let digits: Vec<u8> = self.body.iter().copied().filter(|byte| !is_blank(*byte)).collect();
        if digits.is_empty() {
            return Err(BadPem::Blank(self.label.into()));
        }
        LAX.decode(&digits).map_err(|_| match self.body.iter().position(|byte| !is_digit(*byte)) {
            Some(_) if find(self.body, b"\\n").is_some() => BadPem::EscapedLineEnds,
            Some(place) => {
                let before = self.body.get(..place).unwrap_or_default();
                BadPem::NotBase64(self.line + line_ends(before))
            }
            None => BadPem::CutShort(self.label.into()),
        })
    }
}

/// The sections of a text, up to the first that is not whole.
fn sections(text: &[u8]) -> impl Iterator<Item = Result<Section<'_>, BadPem>> {
    let mut rest = Some(text);
    core::iter::from_fn(move || {
        let from = rest.take()?;
        let begin = find(from, BEGIN)?;
        let labelled = from.get(begin + BEGIN.len()..)?;
        let line = 1 + line_ends(text.get(..text.len() - labelled.len()).unwrap_or_default());
        Some(section(labelled, line).map(|(section, after)| {
            rest = Some(after);
            section
        }))
    })
}

/// Reads a section from its label on, and returns what is after it.
fn section(labelled: &[u8], line: usize) -> Result<(Section<'_>, &[u8]), BadPem> {
    let (label, body) = label(labelled).ok_or(BadPem::BadBegin(line))?;
    let unclosed = || BadPem::Unclosed(label.into());
    let end = find(body, HYPHENS).ok_or_else(unclosed)?;
    let (body, boundary) = body.split_at_checked(end).ok_or_else(unclosed)?;
    let line = line + line_ends(labelled.get(..label.len()).unwrap_or_default());
    if let Some(labelled) = boundary.strip_prefix(END) {
        let (closing, after) = self::label(labelled).ok_or_else(unclosed)?;
        if closing != label {
            return Err(BadPem::Mismatch(label.into(), closing.into()));
        }
        return Ok((Section { label, body, line }, after));
    }
    // Another one begins, or the boundary itself is cut off.
    if boundary.starts_with(BEGIN) || END.starts_with(boundary) {
        return Err(unclosed());
    }
    Err(BadPem::NotBase64(line + line_ends(body)))
}

/// A label up to the hyphens after it, and what is after those.
fn label(labelled: &[u8]) -> Option<(&str, &[u8])> {
    let (label, after) = labelled.split_at_checked(find(labelled, HYPHENS)?)?;
    let label = core::str::from_utf8(label).ok()?;
    let fits = !label.is_empty() && label.len() <= LABEL_MAX && label.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    fits.then_some(label).zip(after.get(HYPHENS.len()..))
}

/// What a text is in which nothing begins.
fn without_sections(text: &[u8], wanted: Wanted) -> BadPem {
    let from_length = |length: &[u8]| match length {
        [0x81, _, rest @ ..] | [0x82, _, _, rest @ ..] | [0x83, _, _, _, rest @ ..] => {
            Some(rest.starts_with(VERSION_3))
        }
        [length, rest @ ..] if usize::from(*length) == rest.len() => Some(rest.starts_with(VERSION_3)),
        _ => None,
    };
    match text {
        [SEQUENCE, length @ ..] if from_length(length) == Some(true) => BadPem::Pkcs12,
        [SEQUENCE, length @ ..] if from_length(length) == Some(false) => BadPem::Der(wanted),
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [b'-', 0, ..] | [0, b'-', ..] => BadPem::Utf16,
        text if text.iter().all(|byte| is_blank(*byte) || *byte == 0) => BadPem::Empty,
        text if find(text, b"BEGIN").is_some() => BadPem::Hyphens,
        _ => BadPem::NoBegin(wanted),
    }
}

impl Wanted {
    /// The labels of what is wanted, the usual one first. RFC 7468 5.3 has the other two for certificates.
    fn labels(self) -> &'static [&'static str] {
        match self {
            Wanted::Certificates => &["CERTIFICATE", "X509 CERTIFICATE", "X.509 CERTIFICATE"],
            Wanted::PrivateKey => &["PRIVATE KEY"],
        }
    }
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.labels().first().copied().unwrap_or_default())
    }
}

impl fmt::Display for BadPem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BadPem::Empty => f.write_str("it is empty"),
            BadPem::Der(Wanted::Certificates) => {
                f.write_str("it is DER, not PEM: openssl x509 -inform der converts it")
            }
            BadPem::Der(Wanted::PrivateKey) => f.write_str("it is DER, not PEM: openssl pkey -inform der converts it"),
            BadPem::Pkcs12 => f.write_str("it is a PKCS #12 file, not PEM: openssl pkcs12 -nodes converts it"),
            BadPem::Utf16 => f.write_str("it is UTF-16 text: save it as ASCII or UTF-8"),
            BadPem::Hyphens => f.write_str("it has no BEGIN with five hyphens before and after the label"),
            BadPem::NoBegin(wanted) => write!(f, "it is not PEM: the BEGIN {wanted} line is missing"),
            BadPem::BadBegin(line) => write!(f, "line {line}: BEGIN without a label and five hyphens after it"),
            BadPem::Unclosed(label) => write!(f, "it is cut short: the END {label} line is missing or not complete"),
            BadPem::Mismatch(begin, end) => write!(f, "what begins as {begin} ends as {end}"),
            BadPem::Blank(label) => write!(f, "there is nothing between BEGIN and END {label}"),
            BadPem::EscapedLineEnds => f.write_str("it has a backslash and an n where lines should end"),
            BadPem::NotBase64(line) => write!(f, "line {line} has a character that is not Base64"),
            BadPem::CutShort(label) => write!(f, "the Base64 text of the {label} is cut short"),
            BadPem::Encrypted => f.write_str("the private key is encrypted: openssl pkey removes the passphrase"),
            BadPem::OpenSsh => f.write_str("the private key is in OpenSSH's form: ssh-keygen -p -m PKCS8 converts it"),
            BadPem::Other(label, wanted) => write!(f, "it holds {label}, not {wanted}"),
        }
    }
}

impl core::error::Error for BadPem {}

fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    text.windows(what.len()).position(|window| window == what)
}

/// `W` of RFC 7468 3.
fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | 0x0b | 0x0c)
}

/// Whether Base64 text may hold it.
fn is_digit(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=') || is_blank(byte)
}

/// How many lines end in a text; each of CR LF, CR and LF ends one.
fn line_ends(text: &[u8]) -> usize {
    let in_pair = |index: usize| index.checked_sub(1).and_then(|before| text.get(before)) == Some(&b'\r');
    let ends = |(index, byte): (usize, &u8)| *byte == b'\r' || (*byte == b'\n' && !in_pair(index));
    text.iter().enumerate().filter(|place| ends(*place)).count()
}

const BEGIN: &[u8] = b"-----BEGIN ";
const END: &[u8] = b"-----END ";
const HYPHENS: &[u8] = b"-----";
/// Bytes of a label; longer ones are not known to anybody.
const LABEL_MAX: usize = 64;

const SEQUENCE: u8 = 0x30;
/// What PKCS #12 begins with after its length (RFC 7292 4).
const VERSION_3: &[u8] = &[2, 1, 3];

/// Padding may be missing, and its bits may be anything.
const LAX: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

#[cfg(test)]
mod tests;
