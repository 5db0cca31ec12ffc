//! TLS for the links of all modems: what profiles are built into, shared by content, and the check of files that hosts load.

mod failure;
mod handshake;
mod names;
mod pem;
mod roots;
mod system;
mod witness;
mod words;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, LazyLock, Mutex, OnceLock, PoisonError, Weak};

use quasimodem_core::{TlsFailure, TlsProfile, TlsVersions, Verify};
use quasimodem_lab::watch::Weight;
use ring::digest::{Context, SHA256, SHA256_OUTPUT_LEN};
use rustls::client::Resumption;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;
use rustls::sign::CertifiedKey;
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, RootCertStore};

pub(crate) use self::handshake::{Stream, connect};
pub(crate) use self::pem::{key_der, roots};
use self::roots::Roots;
use self::system::{Environment, System};
use self::witness::Anybody;
pub(crate) use self::words::{of_client, x509};

/// What the TLS links of a process share. Everything that is built of certificates is found again by their content for as
/// long as somebody uses it, so that thousands of modems with the same roots hold them once.
pub(crate) struct Tls {
    /// Trusted where the host has loaded no roots; `None`: the operating system's.
    ca: Option<Vec<CertificateDer<'static>>>,
    /// Trusted beside those: the root of the lab.
    lab: Option<CertificateDer<'static>>,
    own_roots: OnceLock<Verifier>,
    /// To whom it says which roots are trusted.
    report: Report,
    loaded_roots: Shared<Roots>,
    templates: Shared<Template>,
}

/// What all connections of one profile have in common.
pub(crate) struct Template {
    config: ClientConfig,
    verifier: Verifier,
    certificate: Option<Arc<CertifiedKey>>,
}

type Verifier = Arc<dyn ServerCertVerifier>;

type Report = Box<dyn Fn(Weight, fmt::Arguments<'_>) + Send + Sync>;

impl Tls {
    /// Where the host has loaded no roots, trusts these, or the operating system's if there are none; and the lab's.
    pub(crate) fn new(ca: Option<Vec<CertificateDer<'static>>>, lab: Option<CertificateDer<'static>>) -> Tls {
        let (loaded_roots, templates) = (Shared::default(), Shared::default());
        Tls { ca, lab, own_roots: OnceLock::new(), report: Box::new(|_, _| ()), loaded_roots, templates }
    }

    /// Says there which roots are trusted, once they are read.
    pub(crate) fn reporting_to(self, report: impl Fn(Weight, fmt::Arguments<'_>) + Send + Sync + 'static) -> Tls {
        Tls { report: Box::new(report), ..self }
    }

    /// Reads the roots that the environment names, if it names any, so that a mistake is found before it is needed. It ends
    /// nothing: whoever set it may have meant other programs, and a modem may never speak TLS.
    pub(crate) fn check_environment(&self) {
        if self.ca.is_none()
            && Environment::read().is_set()
            && let Err(failure) = self.own_roots()
        {
            self.warn(format_args!("{failure}"));
        }
    }

    /// What connections of this profile are made of.
    pub(crate) fn template(&self, profile: &TlsProfile) -> Result<Arc<Template>, TlsFailure> {
        self.templates.get(digest(profile), || {
            let verifier = self.verifier(profile)?;
            let certificate = pem::identity(profile).map_err(TlsFailure::BadProfile)?.map(Arc::new);
            let versions = match profile.versions {
                TlsVersions::Any => &[&TLS13, &TLS12][..],
                TlsVersions::V12 => &[&TLS12],
                TlsVersions::V13 => &[&TLS13],
            };
            let config = ClientConfig::builder_with_provider(PROVIDER.clone()).with_protocol_versions(versions);
            let config = config.map_err(|error| TlsFailure::Other(words::protocol(&error).into()))?;
            let config = config.dangerous().with_custom_certificate_verifier(verifier.clone());
            let mut config = config.with_no_client_auth();
            config.alpn_protocols = profile.alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
            // Tickets would cost each modem more memory than a new handshake costs time.
            config.resumption = Resumption::disabled();
            Ok(Arc::new(Template { config, verifier, certificate }))
        })
    }

    fn verifier(&self, profile: &TlsProfile) -> Result<Verifier, TlsFailure> {
        match (profile.verify, &profile.roots) {
            (Verify::Nothing, _) => Ok(Arc::new(Anybody)),
            (Verify::Server, Some(roots)) => {
                let mut context = Context::new(&SHA256);
                context.update(roots);
                let verifier = self.loaded_roots.get(finish(context), || {
                    let chosen = pem::roots(roots).map_err(TlsFailure::BadProfile)?;
                    verifier(RootCertStore::empty(), chosen)
                });
                Ok(verifier?)
            }
            (Verify::Server, None) => self.own_roots(),
        }
    }

    /// For hosts that have loaded none. A failure is not kept: the next connection may find the file in order.
    fn own_roots(&self) -> Result<Verifier, TlsFailure> {
        if let Some(verifier) = self.own_roots.get() {
            return Ok(verifier.clone());
        }
        let store = match &self.ca {
            Some(_) => RootCertStore::empty(),
            None => self.system_roots()?,
        };
        let roots = verifier(store, self.ca.iter().flatten().chain(&self.lab).cloned().collect())?;
        Ok(self.own_roots.get_or_init(|| roots).clone())
    }

    /// What the environment names is not replaced by anything: it may be less than what the operating system trusts, and that
    /// on purpose. The lab's own root needs none beside it.
    fn system_roots(&self) -> Result<RootCertStore, TlsFailure> {
        let environment = Environment::read();
        let found = match environment.is_set() {
            true => environment.roots(),
            false => Ok(system::roots()),
        };
        match found {
            Ok(System { store, summary, warning }) => {
                (self.report)(Weight::Detail, format_args!("{summary}"));
                if let Some(warning) = warning {
                    self.warn(format_args!("{warning}"));
                }
                Ok(store)
            }
            Err(words) if self.lab.is_some() => {
                self.warn(format_args!("only the lab's root is trusted: {words}"));
                Ok(RootCertStore::empty())
            }
            Err(words) => Err(TlsFailure::NoRoots(words.into())),
        }
    }

    fn warn(&self, words: fmt::Arguments<'_>) {
        (self.report)(Weight::Warning, words);
    }
}

fn verifier(store: RootCertStore, chosen: Vec<CertificateDer<'static>>) -> Result<Arc<Roots>, TlsFailure> {
    let roots = Roots::new(store, chosen).map_err(|error| TlsFailure::BadProfile(error.to_string().into()))?;
    Ok(Arc::new(roots))
}

/// Whether the files of a profile can be used: each that is there, and key and chain together. The error says in words what
/// is wrong.
pub(crate) fn check(profile: &TlsProfile) -> Result<(), Box<str>> {
    if let Some(roots) = &profile.roots {
        pem::roots(roots)?;
    }
    pem::identity(profile)?;
    Ok(())
}

/// Stands for all that a template is built of.
fn digest(TlsProfile { roots, chain, key, verify, versions, alpn, name: _ }: &TlsProfile) -> Digest {
    let mut context = Context::new(&SHA256);
    let mut add = |part: &[u8]| {
        context.update(&part.len().to_be_bytes());
        context.update(part);
    };
    for file in [roots, chain, key] {
        add(&[u8::from(file.is_some())]);
        add(file.as_deref().unwrap_or_default());
    }
    add(format!("{verify:?} {versions:?}").as_bytes());
    alpn.iter().for_each(|name| add(name.as_bytes()));
    finish(context)
}

fn finish(context: Context) -> Digest {
    let mut digest = [0; SHA256_OUTPUT_LEN];
    digest.copy_from_slice(context.finish().as_ref());
    digest
}

type Digest = [u8; SHA256_OUTPUT_LEN];

/// Things by the digest of what they are built of, for as long as somebody else holds them.
struct Shared<T>(Mutex<BTreeMap<Digest, Weak<T>>>);

impl<T> Default for Shared<T> {
    fn default() -> Shared<T> {
        Shared(Mutex::default())
    }
}

impl<T> Shared<T> {
    /// The one that is there, or one that is built now.
    fn get<E>(&self, digest: Digest, build: impl FnOnce() -> Result<Arc<T>, E>) -> Result<Arc<T>, E> {
        let mut things = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(thing) = things.get(&digest).and_then(Weak::upgrade) {
            return Ok(thing);
        }
        let thing = build()?;
        // Entries cost little, and building costs more than looking at them all.
        things.retain(|_, thing| thing.strong_count() > 0);
        things.insert(digest, Arc::downgrade(&thing));
        Ok(thing)
    }
}

/// What all cryptography is done with.
pub(crate) static PROVIDER: LazyLock<Arc<CryptoProvider>> =
    LazyLock::new(|| rustls::crypto::ring::default_provider().into());

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair};

    use super::*;

    fn pem() -> (String, String) {
        let key = KeyPair::generate().unwrap();
        (CertificateParams::default().self_signed(&key).unwrap().pem(), key.serialize_pem())
    }

    fn profile(roots: &str, identity: Option<&(String, String)>) -> TlsProfile {
        let bytes = |text: &str| Some(text.as_bytes().into());
        TlsProfile {
            roots: bytes(roots),
            chain: identity.and_then(|(chain, _)| bytes(chain)),
            key: identity.and_then(|(_, key)| bytes(key)),
            ..TlsProfile::default()
        }
    }

    #[test]
    fn what_is_the_same_is_built_once_and_freed_with_its_last_user() {
        let tls = Tls::new(None, None);
        let ((roots, _), one, other) = (pem(), pem(), pem());
        let first = tls.template(&profile(&roots, Some(&one))).unwrap();
        let same = tls.template(&profile(&roots, Some(&one))).unwrap();
        assert!(Arc::ptr_eq(&first, &same));
        // The roots are shared also by those who have other keys, or none.
        for identity in [Some(&other), None] {
            let template = tls.template(&profile(&roots, identity)).unwrap();
            assert!(!Arc::ptr_eq(&first, &template));
            assert!(Arc::ptr_eq(&first.verifier, &template.verifier));
        }
        let freed = [Arc::downgrade(&first), Arc::downgrade(&same)];
        let roots = Arc::downgrade(&first.verifier);
        drop((first, same));
        assert!(freed.iter().all(|template| template.strong_count() == 0) && roots.strong_count() == 0);
        // Nothing is left of them but an entry, which goes when something else is built.
        tls.template(&profile(&pem().0, None)).unwrap();
        assert_eq!(tls.templates.0.lock().unwrap().len(), 1);
    }

    /// Whoever names roots trusts no others.
    #[test]
    fn chosen_roots_stand_alone() {
        let chosen = pem::roots(pem().0.as_bytes()).unwrap();
        let tls = Tls::new(Some(chosen), None).reporting_to(|_, words| panic!("{words}"));
        tls.check_environment();
        assert!(tls.template(&TlsProfile::default()).is_ok());
    }

    #[test]
    fn all_that_makes_a_difference_is_in_the_digest() {
        let (roots, identity) = (pem().0, pem());
        let usual = profile(&roots, Some(&identity));
        let changed = [
            TlsProfile { roots: None, ..usual.clone() },
            TlsProfile { chain: None, ..usual.clone() },
            TlsProfile { key: None, ..usual.clone() },
            TlsProfile { verify: Verify::Nothing, ..usual.clone() },
            TlsProfile { versions: TlsVersions::V12, ..usual.clone() },
            TlsProfile { alpn: Box::new(["a".into(), "b".into()]), ..usual.clone() },
            TlsProfile { alpn: Box::new(["ab".into()]), ..usual.clone() },
        ];
        let digests: BTreeMap<_, _> = changed.iter().chain([&usual]).map(|profile| (digest(profile), ())).collect();
        assert_eq!(digests.len(), changed.len() + 1);
        // The name is not built into anything.
        assert_eq!(digest(&TlsProfile { name: Some("a".into()), ..usual.clone() }), digest(&usual));
    }

    #[test]
    fn files_are_checked_alone_and_together() {
        let ((roots, _), one, other) = (pem(), pem(), pem());
        let usual = profile(&roots, Some(&one));
        assert_eq!(check(&usual), Ok(()));
        assert_eq!(check(&TlsProfile { chain: None, ..usual.clone() }), Ok(()));
        assert_eq!(check(&TlsProfile { key: None, ..usual.clone() }), Ok(()));
        let words = check(&TlsProfile { key: Some(other.1.as_bytes().into()), ..usual.clone() }).unwrap_err();
        assert_eq!(&*words, "the private key does not belong to the first certificate of the chain");
        // The error shows nothing of what was read.
        let secret = "-----BEGIN PRIVATE KEY-----\nhunter2!\n-----END PRIVATE KEY-----\n";
        let words = check(&TlsProfile { key: Some(secret.as_bytes().into()), ..usual }).unwrap_err();
        assert!(!words.contains("hunter2"), "{words}");
    }
}
