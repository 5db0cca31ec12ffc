//! The roots that are trusted where nobody names others: those of `SSL_CERT_FILE` and `SSL_CERT_DIR`, which OpenSSL reads too,
//! else the operating system's, else Mozilla's.

use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use quasimodem_core::pem;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;

/// Roots, and what is to be said of them.
pub(super) struct System {
    pub(super) store: RootCertStore,
    /// How many there are and whose, for those who want to know.
    pub(super) summary: String,
    /// What everybody should know: others are trusted than it seems.
    pub(super) warning: Option<String>,
}

/// What the environment says of roots: it stands for what its user has chosen.
#[derive(Default)]
pub(super) struct Environment {
    file: Option<PathBuf>,
    directories: Option<Vec<PathBuf>>,
}

impl Environment {
    pub(super) fn read() -> Environment {
        Environment {
            file: env::var_os(FILE).map(PathBuf::from),
            directories: env::var_os(DIRECTORIES).map(|paths| env::split_paths(&paths).collect()),
        }
    }

    /// Whether it says anything.
    pub(super) fn is_set(&self) -> bool {
        self.file.is_some() || self.directories.is_some()
    }

    /// The roots that it names. All that is named must be there and hold some; else the error says what is not.
    pub(super) fn roots(&self) -> Result<System, String> {
        let mut found = Found::default();
        if let Some(file) = &self.file {
            if file.as_os_str().is_empty() {
                return Err(format!("{FILE} is set, and empty"));
            }
            let place = format!("{FILE} {}", file.display());
            let text = fs::read(file).map_err(|error| format!("{place} can't be read: {error}"))?;
            if found.take_in(&text) == 0 {
                let words = match pem::certificates(&text) {
                    Ok(_) => "none of its certificates can be read".into(),
                    Err(bad) => bad.to_string(),
                };
                return Err(format!("{place} can't be used: {words}"));
            }
        }
        if self.directories.as_ref().is_some_and(|all| all.iter().all(|path| path.as_os_str().is_empty())) {
            return Err(format!("{DIRECTORIES} is set, and empty"));
        }
        // An empty one among others is a colon too many.
        for directory in self.directories.iter().flatten().filter(|path| !path.as_os_str().is_empty()) {
            let place = format!("{DIRECTORIES} {}", directory.display());
            let count = found.take_in_all(directory).map_err(|error| format!("{place} can't be read: {error}"))?;
            if count == 0 {
                return Err(format!("{place} can't be used: none of its files holds a certificate that can be read"));
            }
        }
        let names: Vec<_> = [self.file.as_ref().map(|_| FILE), self.directories.as_ref().map(|_| DIRECTORIES)]
            .into_iter()
            .flatten()
            .collect();
        let names = names.join(" and ");
        Ok(System {
            summary: format!("trusted roots: {} of {names}", found.store.len()),
            warning: found.broken().map(|broken| format!("{names}: {broken}")),
            store: found.store,
        })
    }
}

/// The operating system's roots, or Mozilla's if it has none that can be used.
pub(super) fn roots() -> System {
    let found = rustls_native_certs::load_native_certs();
    let errors = found.errors.iter().map(ToString::to_string).collect();
    of_system(found.certs, errors)
}

fn of_system(certificates: Vec<CertificateDer<'static>>, errors: Vec<String>) -> System {
    let mut found = Found { unreadable: errors, ..Found::default() };
    let (_, broken) = found.store.add_parsable_certificates(certificates);
    found.bad += broken;
    let broken = found.broken();
    if !found.store.is_empty() {
        return System {
            summary: format!("trusted roots: {} of the operating system", found.store.len()),
            warning: broken.map(|broken| format!("the operating system's roots: {broken}")),
            store: found.store,
        };
    }
    let why = broken.unwrap_or_else(|| "there are none".into());
    found.store.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    System {
        summary: format!("trusted roots: {} of Mozilla", found.store.len()),
        warning: Some(format!("the operating system's roots can't be used, Mozilla's are trusted instead: {why}")),
        store: found.store,
    }
}

/// What was found so far.
struct Found {
    store: RootCertStore,
    /// Certificates that can't be read.
    bad: usize,
    /// Files that can't be read, and why.
    unreadable: Vec<String>,
}

impl Default for Found {
    fn default() -> Found {
        Found { store: RootCertStore::empty(), bad: 0, unreadable: Vec::new() }
    }
}

impl Found {
    /// Takes the certificates of a text in, and returns how many are good.
    fn take_in(&mut self, text: &[u8]) -> usize {
        let (certificates, broken) = pem::readable_certificates(text);
        let (good, bad) = self.store.add_parsable_certificates(certificates.into_iter().map(CertificateDer::from));
        self.bad += broken + bad;
        good
    }

    /// The same for all files of a directory. Links that lead nowhere are usual there.
    fn take_in_all(&mut self, directory: &Path) -> io::Result<usize> {
        let mut paths = fs::read_dir(directory)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
        // Links under names for OpenSSL lead to the same files.
        paths.retain_mut(|path| {
            if let Ok(whole) = path.canonicalize() {
                *path = whole;
            }
            path.is_file()
        });
        paths.sort();
        paths.dedup();
        let mut good = 0;
        for path in paths {
            match fs::read(&path) {
                Ok(text) => good += self.take_in(&text),
                Err(error) => self.unreadable.push(format!("{}: {error}", path.display())),
            }
        }
        Ok(good)
    }

    /// What is missing, in words.
    fn broken(&self) -> Option<String> {
        let bad = match self.bad {
            0 => None,
            1 => Some("1 certificate can't be read".into()),
            count => Some(format!("{count} certificates can't be read")),
        };
        let unreadable = self.unreadable.first().map(|first| match self.unreadable.len() {
            1 => first.clone(),
            count => format!("{first}, and {} more like it", count - 1),
        });
        let all: Vec<String> = bad.into_iter().chain(unreadable).collect();
        (!all.is_empty()).then(|| all.join(", "))
    }
}

const FILE: &str = "SSL_CERT_FILE";
/// More than one, with colons between them.
const DIRECTORIES: &str = "SSL_CERT_DIR";

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use rcgen::{CertificateParams, KeyPair};
    use rustls_native_certs as native;

    use super::*;

    fn root() -> String {
        CertificateParams::default().self_signed(&KeyPair::generate().unwrap()).unwrap().pem()
    }

    fn with(file: Option<&Path>, directories: Option<&[&Path]>) -> Result<System, String> {
        let directories = directories.map(|paths| paths.iter().map(PathBuf::from).collect());
        Environment { file: file.map(Into::into), directories }.roots()
    }

    fn error(found: Result<System, String>) -> String {
        found.err().expect("an error")
    }

    #[test]
    fn a_file_that_is_named_must_be_of_use() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("roots.pem");
        let place = file.display();
        assert_eq!(
            error(with(Some(&file), None)),
            format!("SSL_CERT_FILE {place} can't be read: No such file or directory (os error 2)")
        );
        assert_eq!(error(with(Some(Path::new("")), None)), "SSL_CERT_FILE is set, and empty");
        for (text, words) in [
            ("", "it is empty"),
            (
                "-----BEGIN CERTIFICATE-----\nAAAA",
                "it is cut short: the END CERTIFICATE line is missing or not complete",
            ),
            ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", "none of its certificates can be read"),
        ] {
            fs::write(&file, text).unwrap();
            assert_eq!(error(with(Some(&file), None)), format!("SSL_CERT_FILE {place} can't be used: {words}"));
        }
        // One that is broken does not take the others away, but is reported.
        let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        fs::write(&file, format!("{}{broken}{}", root(), root().replace('\n', ""))).unwrap();
        let found = with(Some(&file), None).unwrap();
        assert_eq!((found.store.len(), &*found.summary), (2, "trusted roots: 2 of SSL_CERT_FILE"));
        assert_eq!(found.warning.as_deref(), Some("SSL_CERT_FILE: 1 certificate can't be read"));
        fs::write(&file, root()).unwrap();
        assert_eq!(with(Some(&file), None).unwrap().warning, None);
    }

    #[test]
    fn directories_that_are_named_must_be_of_use() {
        let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (one, other) = (one.path(), other.path());
        fs::write(one.join("root.pem"), root()).unwrap();
        symlink("root.pem", one.join("0123abcd.0")).unwrap();
        symlink("nowhere", one.join("4567abcd.0")).unwrap();
        fs::write(one.join("README"), "nothing").unwrap();
        let found = with(None, Some(&[one])).unwrap();
        assert_eq!((found.store.len(), found.warning), (1, None));
        assert_eq!(
            error(with(None, Some(&[one, other]))),
            format!(
                "SSL_CERT_DIR {} can't be used: none of its files holds a certificate that can be read",
                other.display()
            )
        );
        let words = error(with(Some(&one.join("root.pem")), Some(&[&other.join("none")])));
        assert!(words.ends_with("none can't be read: No such file or directory (os error 2)"), "{words}");
        for empty in [&[][..], &[Path::new("")]] {
            assert_eq!(error(with(None, Some(empty))), "SSL_CERT_DIR is set, and empty");
        }
        assert!(with(None, Some(&[one, Path::new("")])).is_ok());
        // Both count.
        fs::write(other.join("root.pem"), root()).unwrap();
        fs::write(other.join("bad.pem"), root().replace("\nM", "\n!")).unwrap();
        let found = with(Some(&one.join("root.pem")), Some(&[other])).unwrap();
        assert_eq!((found.store.len(), &*found.summary), (2, "trusted roots: 2 of SSL_CERT_FILE and SSL_CERT_DIR"));
        assert_eq!(found.warning.as_deref(), Some("SSL_CERT_FILE and SSL_CERT_DIR: 1 certificate can't be read"));
    }

    #[test]
    fn the_operating_systems_roots_and_those_in_their_place() {
        let directory = tempfile::tempdir().unwrap();
        let place = directory.path().join("roots.pem");
        let load = || native::load_certs_from_paths(Some(&place), None);
        let of = |found: native::CertificateResult| {
            of_system(found.certs, found.errors.iter().map(ToString::to_string).collect())
        };
        let found = of(load());
        assert_eq!(found.summary, format!("trusted roots: {} of Mozilla", webpki_roots::TLS_SERVER_ROOTS.len()));
        let instead = "the operating system's roots can't be used, Mozilla's are trusted instead: ";
        let warning = found.warning.unwrap();
        assert!(warning.starts_with(instead) && warning.contains("No such file or directory"), "{warning}");
        fs::write(&place, "").unwrap();
        assert_eq!(of(load()).warning, Some(format!("{instead}there are none")));
        fs::write(&place, root() + "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").unwrap();
        let found = of(load());
        assert_eq!((found.store.len(), &*found.summary), (1, "trusted roots: 1 of the operating system"));
        assert_eq!(found.warning.as_deref(), Some("the operating system's roots: 1 certificate can't be read"));
        fs::write(&place, root()).unwrap();
        assert_eq!(of(load()).warning, None);
    }

    /// Memory looks like a file, and nobody can read it at 0.
    #[test]
    fn files_that_cannot_be_read_are_reported() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        fs::write(path.join("a.pem"), root()).unwrap();
        symlink("/proc/self/mem", path.join("b.pem")).unwrap();
        let found = with(None, Some(&[path])).unwrap();
        let words = found.warning.unwrap();
        assert!(words.starts_with("SSL_CERT_DIR: /proc/") && words.contains("/mem: "), "{words}");
        symlink("/proc/thread-self/mem", path.join("c.pem")).unwrap();
        let found = with(None, Some(&[path])).unwrap();
        let words = found.warning.unwrap();
        assert!(words.ends_with(", and 1 more like it"), "{words}");
        assert_eq!(found.store.len(), 1);
    }
}
