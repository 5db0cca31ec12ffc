//! The certificates of the lab: a root of its own, and what that signs.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::net::SocketAddr;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Error, Result, anyhow, bail};
use quasimodem_core::TlsProfile;
use rcgen::{
    BasicConstraints, Certificate, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};
use rustix::fs::{FlockOperation, flock};
use rustls::pki_types::{CertificateDer, UnixTime};
use webpki::{EndEntityCert, KeyUsage, anchor_from_trusted_cert};

use crate::log;
use crate::tls::{self, PROVIDER};

/// The lab's root with its key.
pub(super) struct Root {
    certificate: CertificateDer<'static>,
    /// The same as a file.
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate that the root signed, and its key.
pub(super) struct Signed {
    pub(super) certificate: Certificate,
    pub(super) key: KeyPair,
}

/// A certificate and its key as files.
pub(super) struct Files {
    pub(super) certificate: PathBuf,
    pub(super) key: PathBuf,
}

impl Root {
    /// A new root, which nobody knows yet.
    pub(super) fn new() -> Result<Root> {
        Root::of(KeyPair::generate()?)
    }

    /// The root of this key.
    fn of(key: KeyPair) -> Result<Root> {
        let params = root_params();
        let certificate = params.self_signed(&key)?;
        let pem = certificate.pem();
        Ok(Root { certificate: certificate.into(), pem, issuer: Issuer::new(params, key) })
    }

    /// The root of a directory, which is made there if there is none. One that is there is used again, so that those who
    /// trust it go on to do so.
    pub(super) fn open(directory: &Path) -> Result<Root> {
        let files = Files { certificate: directory.join(CA), key: directory.join("ca.key") };
        fs::create_dir_all(directory).with_context(|| format!("can't make {}", directory.display()))?;
        let _lock = lock(directory)?;
        match files.read()? {
            Found::Both(certificate, key) => Root::from_pem(&certificate, &key).with_context(|| {
                let (certificate, key) = (files.certificate.display(), files.key.display());
                format!("can't use {certificate} and {key}: the lab needs a root that it made itself")
            }),
            // Whoever trusts the certificate that was there trusts this one, too: it has the same name and the same key.
            Found::Key(key) => {
                let unusable = || format!("can't use {}", files.key.display());
                let root = Root::of(KeyPair::from_pem(&key).with_context(unusable)?)?;
                write(&files.certificate, &root.pem, PUBLIC)?;
                Ok(root)
            }
            Found::Nothing => {
                let root = Root::new()?;
                files.write(&root.pem, root.issuer.key())?;
                Ok(root)
            }
        }
    }

    fn from_pem(certificate: &str, key: &str) -> Result<Root> {
        let (pem, certificate) = (certificate.into(), first(certificate)?);
        let key = tls::key_der(key.as_bytes()).map_err(Error::msg)?;
        let root = Root { certificate, pem, issuer: Issuer::new(root_params(), KeyPair::try_from(&key)?) };
        // The certificate may have another name, and the key may be that of another.
        root.check_client(root.sign_client()?.certificate.der())?;
        Ok(root)
    }

    /// Its certificate.
    pub(super) fn certificate(&self) -> &CertificateDer<'static> {
        &self.certificate
    }

    /// Its certificate as a file.
    pub(super) fn pem(&self) -> &str {
        &self.pem
    }

    /// Signs a certificate for a server that listens there and has these names as well.
    pub(super) fn sign_server(&self, listen: SocketAddr, names: &[String]) -> Result<Signed> {
        let mut all: Vec<String> = ["localhost", "127.0.0.1", "::1"].map(String::from).into();
        if !listen.ip().is_unspecified() {
            all.push(listen.ip().to_string());
        }
        all.extend_from_slice(names);
        all.sort_unstable();
        all.dedup();
        self.sign(
            KeyPair::generate()?,
            CertificateParams::new(all)?,
            "quasimodem lab broker",
            ExtendedKeyUsagePurpose::ServerAuth,
        )
    }

    /// The client certificate of a directory, which is made there if there is none.
    pub(super) fn open_client(&self, directory: &Path) -> Result<Files> {
        let files = Files { certificate: directory.join("client.pem"), key: directory.join("client.key") };
        let _lock = lock(directory)?;
        match files.read()? {
            Found::Both(chain, key) => {
                let unusable = || format!("can't use {} and {}", files.certificate.display(), files.key.display());
                let certificate = first(&chain).with_context(unusable)?;
                self.check_client(&certificate).with_context(unusable)?;
                let [chain, key] = [chain, key].map(|file| Some(file.into_bytes().into()));
                let checked = tls::check(&TlsProfile { chain, key, ..TlsProfile::default() });
                checked.map_err(Error::msg).with_context(unusable)?;
            }
            Found::Key(key) => {
                let unusable = || format!("can't use {}", files.key.display());
                let client = self.sign_client_of(KeyPair::from_pem(&key).with_context(unusable)?)?;
                write(&files.certificate, &client.certificate.pem(), PUBLIC)?;
            }
            Found::Nothing => {
                let client = self.sign_client()?;
                files.write(&client.certificate.pem(), &client.key)?;
            }
        }
        Ok(files)
    }

    /// A certificate for a client, which is let in where those are asked for.
    pub(super) fn sign_client(&self) -> Result<Signed> {
        self.sign_client_of(KeyPair::generate()?)
    }

    fn sign_client_of(&self, key: KeyPair) -> Result<Signed> {
        self.sign(key, CertificateParams::default(), "quasimodem lab client", ExtendedKeyUsagePurpose::ClientAuth)
    }

    fn sign(
        &self,
        key: KeyPair,
        mut params: CertificateParams,
        name: &str,
        usage: ExtendedKeyUsagePurpose,
    ) -> Result<Signed> {
        set_name(&mut params, name);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![usage];
        params.use_authority_key_identifier_extension = true;
        Ok(Signed { certificate: params.signed_by(&key, &self.issuer)?, key })
    }

    /// Whether a client with this certificate would be let in.
    fn check_client(&self, certificate: &CertificateDer<'_>) -> Result<()> {
        let (algorithms, usage) = (PROVIDER.signature_verification_algorithms.all, KeyUsage::client_auth());
        let anchors = [anchor_from_trusted_cert(&self.certificate).map_err(|error| said("the root", &error))?];
        let certificate = EndEntityCert::try_from(certificate).map_err(|error| said("the certificate", &error))?;
        let checked = certificate.verify_for_usage(algorithms, &anchors, &[], UnixTime::now(), usage, None, None);
        checked.map_err(|error| said("the certificate", &error))?;
        Ok(())
    }
}

/// What there is of a certificate and its key.
enum Found {
    Nothing,
    /// A key, and its certificate is still to be made: a lab ended in between, or somebody removed it.
    Key(String),
    Both(String, String),
}

impl Files {
    /// What there is of them.
    fn read(&self) -> Result<Found> {
        let (certificate, key) = (read(&self.certificate)?, read(&self.key)?);
        if key.is_some() {
            warn_if_shared(&self.key);
        }
        match (certificate, key) {
            (Some(certificate), Some(key)) => Ok(Found::Both(certificate, key)),
            (None, Some(key)) => Ok(Found::Key(key)),
            (None, None) => Ok(Found::Nothing),
            (Some(_), None) => bail!("{} is there without {}", self.certificate.display(), self.key.display()),
        }
    }

    /// First the key: it is of use without its certificate.
    fn write(&self, certificate: &str, key: &KeyPair) -> Result<()> {
        write(&self.key, &key.serialize_pem(), SECRET)?;
        write(&self.certificate, certificate, PUBLIC)
    }
}

/// Always the same, so that a root can be used again without reading all of it.
fn root_params() -> CertificateParams {
    let mut params = CertificateParams::default();
    set_name(&mut params, "quasimodem lab root");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

/// Names a certificate and makes it valid for good: the clocks of devices in a lab may never have been set. What lies beyond
/// 2049 is written in another way, which not every device reads (RFC 5280 4.1.2.5).
fn set_name(params: &mut CertificateParams, name: &str) {
    params.distinguished_name.push(DnType::CommonName, name);
    (params.not_before, params.not_after) = (date_time_ymd(1975, 1, 1), date_time_ymd(2049, 12, 31));
}

/// What is wrong with a certificate, in words.
fn said(what: &str, error: &webpki::Error) -> Error {
    anyhow!("{what} {}", tls::x509(error))
}

/// The first certificate of a file.
fn first(text: &str) -> Result<CertificateDer<'static>> {
    let all = tls::roots(text.as_bytes()).map_err(Error::msg)?;
    all.into_iter().next().context("no certificate in it")
}

fn read(path: &Path) -> Result<Option<String>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("can't read {}", path.display())),
    }
}

/// Whoever can read the key of a root can make certificates that its users trust. The lab still starts: the user may have
/// shared it on purpose.
fn warn_if_shared(key: &Path) {
    let shared = fs::metadata(key).is_ok_and(|metadata| metadata.permissions().mode() & OTHERS != 0);
    if shared {
        let key = key.display();
        log::say(format_args!("{key} is a private key that others than its owner can use: chmod 600 {key}"));
    }
}

/// Writes a file that is not there yet, as a whole or not at all: half a key would be in the way of the next start.
fn write(path: &Path, text: &str, mode: u32) -> Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    let write = || {
        // What a program that was killed has left.
        match fs::remove_file(&beside) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&beside)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&beside, path)
    };
    write().with_context(|| {
        // The first error is the one to report.
        let _ = fs::remove_file(&beside);
        format!("can't write {}", path.display())
    })
}

/// Keeps other labs from making the same files at the same time. The system lets go of it however the program ends.
fn lock(directory: &Path) -> Result<File> {
    let lock = File::open(directory).and_then(|file| {
        flock(&file, FlockOperation::LockExclusive)?;
        Ok(file)
    });
    lock.with_context(|| format!("can't lock {}", directory.display()))
}

/// The name of the root's certificate in its directory.
pub(super) const CA: &str = "ca.pem";

const PUBLIC: u32 = 0o644;
const SECRET: u32 = 0o600;
/// What the group and all others may do.
const OTHERS: u32 = 0o077;
