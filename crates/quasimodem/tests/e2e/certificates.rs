//! Certificates and keys that tests make for themselves.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use tempfile::TempDir;

/// An authority with a directory for what it signs.
pub(crate) struct Authority {
    directory: TempDir,
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

/// A certificate and its key as PEM files.
pub(crate) struct Files {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

impl Authority {
    pub(crate) fn new(name: &str) -> Authority {
        Authority::make(name, |_| (), |params, key| params.self_signed(key).unwrap().pem())
    }

    /// An authority that this one signed.
    pub(crate) fn below(&self, name: &str) -> Authority {
        self.below_with(name, |_| ())
    }

    /// The same, with a change.
    pub(crate) fn below_with(&self, name: &str, change: impl FnOnce(&mut CertificateParams)) -> Authority {
        Authority::make(name, change, |params, key| params.signed_by(key, &self.issuer).unwrap().pem())
    }

    fn make(
        name: &str,
        change: impl FnOnce(&mut CertificateParams),
        sign: impl FnOnce(&CertificateParams, &KeyPair) -> String,
    ) -> Authority {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let pem = sign(&params, &key);
        let directory = TempDir::new().unwrap();
        fs::write(directory.path().join("ca.pem"), &pem).unwrap();
        fs::write(directory.path().join("ca.key"), key.serialize_pem()).unwrap();
        Authority { directory, issuer: Issuer::new(params, key), pem }
    }

    /// Its certificate.
    pub(crate) fn pem(&self) -> &str {
        &self.pem
    }

    /// The same as a file.
    pub(crate) fn path(&self) -> PathBuf {
        self.directory.path().join("ca.pem")
    }

    /// Where its files are.
    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Signs a certificate for these names.
    pub(crate) fn sign(&self, names: &[&str]) -> Files {
        self.sign_with(names, |_| ())
    }

    /// The same, with a change.
    pub(crate) fn sign_with(&self, names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> Files {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.distinguished_name.push(DnType::CommonName, "a test");
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let files = Files::new(self.directory.path(), "signed");
        fs::write(&files.certificate, params.signed_by(&key, &self.issuer).unwrap().pem()).unwrap();
        fs::write(&files.key, key.serialize_pem()).unwrap();
        files
    }

    /// Signs a certificate for a client whose key OpenSSL makes with these arguments; another hand than ours.
    pub(crate) fn sign_client(&self, generate: &[&str]) -> Files {
        let [ca, ca_key] = ["ca.pem", "ca.key"].map(|name| self.directory.path().join(name));
        sign_by_openssl(&Files { certificate: ca, key: ca_key }, generate, &[])
    }
}

impl Files {
    fn new(directory: &Path, name: &str) -> Files {
        Files { certificate: directory.join(format!("{name}.pem")), key: directory.join(format!("{name}.key")) }
    }

    pub(crate) fn certificate(&self) -> String {
        fs::read_to_string(&self.certificate).unwrap()
    }

    /// Appends another certificate of the chain.
    pub(crate) fn followed_by(self, pem: &str) -> Files {
        fs::write(&self.certificate, self.certificate() + pem).unwrap();
        self
    }

    pub(crate) fn key(&self) -> String {
        fs::read_to_string(&self.key).unwrap()
    }
}

/// A certificate for "client" whose key OpenSSL makes with these arguments, signed by this authority; beside its files.
pub(crate) fn sign_by_openssl(authority: &Files, generate: &[&str], options: &[&str]) -> Files {
    let files = Files::new(authority.key.parent().unwrap(), "client");
    fs::write(&files.key, openssl(generate)).unwrap();
    let request = files.key.with_extension("csr");
    let [request, key, ca, ca_key] =
        [&request, &files.key, &authority.certificate, &authority.key].map(|path| path.to_str().unwrap());
    openssl(&["req", "-new", "-key", key, "-subj", "/CN=client", "-out", request]);
    let sign = ["x509", "-req", "-in", request, "-days", "2", "-set_serial", "7", "-CA", ca, "-CAkey", ca_key];
    fs::write(&files.certificate, openssl(&[&sign, options].concat())).unwrap();
    files
}

/// What OpenSSL prints for these arguments.
pub(crate) fn openssl(arguments: &[&str]) -> Vec<u8> {
    let output =
        Command::new("openssl").args(arguments).output().expect("these tests need openssl: apt-get install openssl");
    assert!(output.status.success(), "openssl {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}
