//! Certificates and versions for TLS, as hosts in the field use them; the manual does not tell of these commands.

use alloc::boxed::Box;
use alloc::string::ToString;
use alloc::sync::Arc;
use core::fmt::Write;

use super::raw::{RawData, Use};
use crate::at::{Answer, Args, Command, ErrorStyle, Param, ParamKind, Problem};
use crate::failure::Failure;
use crate::note::StoredNote;
use crate::pem;
use crate::tls::{TlsVersions, Verify};
use crate::turn::Turn;

const TLS: Command = Command { on: |model| model.tls, errors: ErrorStyle::Plain, ..Command::ROW };

pub(super) const GTSSLMODE: Command = Command {
    name: "+GTSSLMODE",
    source: "Fibocom +GTSSLMODE",
    summary: "Sets whether the server's certificate is checked: 1, or not: 0.",
    params: &[Param::number("mode", 0, 1)],
    set: Some(|turn, args| {
        let verify = if args.flag(0) { Verify::Server } else { Verify::Nothing };
        if turn.modem.tls.verify != verify {
            Arc::make_mut(&mut turn.modem.tls).verify = verify;
        }
        Ok(Answer::Done)
    }),
    read: Some(|turn, _| {
        let mode = u8::from(turn.modem.tls.verify == Verify::Server);
        turn.info(|line| write!(line, "+GTSSLMODE: {mode}"));
        Ok(Answer::Done)
    }),
    ..TLS
};

/// `<version>` and what it offers. 4 is what hosts in the field use.
const VERSIONS: [(u32, TlsVersions); 3] = [(0, TlsVersions::Any), (4, TlsVersions::V12), (5, TlsVersions::V13)];

pub(super) const GTSSLVER: Command = Command {
    name: "+GTSSLVER",
    source: "Fibocom +GTSSLVER",
    summary: "Sets the TLS versions on offer: 0 for 1.2 and 1.3, 4 for 1.2 only, 5 for 1.3 only.",
    params: &[Param::new("version", ParamKind::OneOf(&[VERSIONS[0].0, VERSIONS[1].0, VERSIONS[2].0]))],
    set: Some(|turn, args| {
        let version = VERSIONS.into_iter().find(|(number, _)| args.number(0) == Some(*number));
        if let Some((_, versions)) = version
            && turn.modem.tls.versions != versions
        {
            Arc::make_mut(&mut turn.modem.tls).versions = versions;
        }
        Ok(Answer::Done)
    }),
    read: Some(|turn, _| {
        let versions = turn.modem.tls.versions;
        let number = VERSIONS.into_iter().find(|(_, offer)| *offer == versions).map_or(0, |(number, _)| number);
        turn.info(|line| write!(line, "+GTSSLVER: {number}"));
        Ok(Answer::Done)
    }),
    ..TLS
};

/// A file of `AT+GTSSLFILE`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum File {
    /// Trusted roots.
    Trust,
    /// The client's own certificate, with the chain to its root.
    Chain,
    /// The private key of the client.
    Key,
}

/// Their names, in the order of [`FILES`].
const FILE_NAMES: &[&str] = &["TRUSTFILE", "CAFILE", "KEYFILE"];
const FILES: [File; 3] = [File::Trust, File::Chain, File::Key];

pub(super) const GTSSLFILE: Command = Command {
    name: "+GTSSLFILE",
    source: "Fibocom +GTSSLFILE",
    summary: "Loads so many bytes of PEM behind a prompt: TRUSTFILE is trusted roots, CAFILE the client's own \
              certificate and its chain, KEYFILE the key of that. They stay until a reset.",
    params: &[Param::new("file", ParamKind::Word(FILE_NAMES)), Param::number("size", 4, 8192)],
    set: Some(load),
    read: Some(list),
    ..TLS
};

fn load(turn: &mut Turn<'_>, args: &Args<'_>) -> Result<Answer, Problem> {
    let named = |name: &&str| name.eq_ignore_ascii_case(args.text(0));
    let file = FILE_NAMES.iter().position(named).and_then(|index| FILES.get(index).copied());
    let (Some(file), Some(size)) = (file, args.number(1)) else { return Err(Problem::Missing("file")) };
    Ok(Answer::Raw(RawData::new(turn.now, size, Use::Tls(file))))
}

/// Puts a file in the place of the former one, if it is of any use.
///
/// A key must belong to the certificate that is loaded. A certificate need not belong to the key, since hosts that
/// change both load it first; it sends a key away that is not its own.
pub(super) fn store(turn: &mut Turn<'_>, file: File, bytes: Box<[u8]>) -> Result<Answer, Problem> {
    let checked = match file {
        File::Trust | File::Chain => pem::certificates(&bytes).map(drop),
        File::Key => pem::private_key(&bytes).map(drop),
    };
    if let Err(bad) = checked {
        return Err(unusable(turn, bad.to_string().into()));
    }
    let mut profile = (*turn.modem.tls).clone();
    match file {
        File::Trust => profile.roots = Some(bytes),
        File::Chain => profile.chain = Some(bytes),
        File::Key => profile.key = Some(bytes),
    }
    let check = turn.modem.settings.check_files;
    let mut checked = check(&profile);
    if file == File::Chain && checked.is_err() && profile.key.take().is_some() {
        checked = check(&profile);
        if checked.is_ok() {
            turn.out.note(StoredNote::KeyForgotten);
        }
    }
    if let Err(said) = checked {
        return Err(unusable(turn, said));
    }
    turn.modem.tls = Arc::new(profile);
    Ok(Answer::Done)
}

/// Keeps in words what is wrong with a file, for `AT+CEER` and the log.
fn unusable(turn: &mut Turn<'_>, said: Box<str>) -> Problem {
    let failure = Failure::BadFile(said);
    turn.out.note(StoredNote::BadFile(failure.clone()));
    turn.modem.last_failure = Some(Box::new(failure));
    Problem::BadFile
}

fn list(turn: &mut Turn<'_>, _: &Args<'_>) -> Result<Answer, Problem> {
    for (name, file) in FILE_NAMES.iter().zip(FILES) {
        let tls = &turn.modem.tls;
        let loaded = match file {
            File::Trust => tls.roots.is_some(),
            File::Chain => tls.chain.is_some(),
            File::Key => tls.key.is_some(),
        };
        turn.info(|line| write!(line, "+GTSSLFILE: {name},{}", u8::from(loaded)));
    }
    Ok(Answer::Done)
}

pub(super) const GTSSLERR: Command = Command {
    name: "+GTSSLERR",
    source: "Fibocom +GTSSLERR",
    summary: "Tells why the last TLS connection failed, as a negative number; 0 if it came about. AT+CEER has the words.",
    read: Some(|turn, _| {
        let code = turn.modem.rare().map_or(0, |rare| rare.tls_error);
        turn.info(|line| write!(line, "+GTSSLERR: {code}"));
        Ok(Answer::Done)
    }),
    ..TLS
};
