//! What a driver's TLS library says of loaded files, and who shares them.

mod common;

use std::sync::Arc;

use common::Bench;
use quasimodem_core::{Effect, Settings, TlsProfile, Transport};

const ROOT: &str = "-----BEGIN CERTIFICATE-----\nroot\n-----END CERTIFICATE-----\n";
const OLD_CHAIN: &str = "-----BEGIN CERTIFICATE-----\nb2xk\n-----END CERTIFICATE-----\n";
const NEW_CHAIN: &str = "-----BEGIN CERTIFICATE-----\nbmV3\n-----END CERTIFICATE-----\n";
const OLD_KEY: &str = "-----BEGIN PRIVATE KEY-----\nb2xk\n-----END PRIVATE KEY-----\n";
const NEW_KEY: &str = "-----BEGIN PRIVATE KEY-----\nbmV3\n-----END PRIVATE KEY-----\n";

/// A library for which a key belongs to the certificate with the same text.
fn check(profile: &TlsProfile) -> Result<(), Box<str>> {
    let body = |pem: &Option<Box<[u8]>>| pem.as_ref()?.split(|byte| *byte == b'\n').nth(1).map(<[u8]>::to_vec);
    match (body(&profile.chain), body(&profile.key)) {
        (Some(chain), Some(key)) if chain != key => Err("the key is of another certificate".into()),
        _ => Ok(()),
    }
}

fn load(bench: &mut Bench, file: &str, pem: &str) -> String {
    bench.types(&format!("AT+GTSSLFILE=\"{file}\",{}", pem.len()));
    bench.sends(pem.as_bytes())
}

fn profile(bench: &mut Bench) -> Arc<TlsProfile> {
    bench.types("AT+MQTTOPEN=1,\"broker.example\",8883,1,60,2");
    let profile = bench.outbox.effects().find_map(|effect| match effect {
        Effect::Open { transport: Transport::Tls(profile), .. } => Some(profile),
        _ => None,
    });
    bench.types("AT+MQTTCLOSE=1");
    profile.unwrap()
}

#[test]
fn a_key_must_belong_to_the_certificate() {
    let mut bench = Bench::new(&Settings { check_files: check, ..Settings::default() });
    assert_eq!(load(&mut bench, "CAFILE", OLD_CHAIN), "\r\nOK\r\n");
    assert_eq!(load(&mut bench, "KEYFILE", OLD_KEY), "\r\nOK\r\n");
    assert_eq!(load(&mut bench, "KEYFILE", NEW_KEY), "\r\nERROR\r\n");
    assert!(bench.log().contains("can't be used: the key is of another certificate"), "{}", bench.log());
    let ceer = bench.types("AT+CEER");
    assert!(ceer.contains("3,\"TLS: the file can't be used: the key is of another certificate\""), "{ceer}");
    assert_eq!(profile(&mut bench).key.as_deref(), Some(OLD_KEY.as_bytes()), "the former key stays");
}

#[test]
fn certificate_and_key_are_changed_one_after_the_other() {
    let mut bench = Bench::new(&Settings { check_files: check, ..Settings::default() });
    for (chain, key) in [(OLD_CHAIN, OLD_KEY), (NEW_CHAIN, NEW_KEY)] {
        assert_eq!(load(&mut bench, "CAFILE", chain), "\r\nOK\r\n");
        let forgotten = bench.log().contains("the former key does not belong to the new certificate, and is forgotten");
        assert_eq!(forgotten, chain == NEW_CHAIN, "{}", bench.log());
        assert_eq!(load(&mut bench, "KEYFILE", key), "\r\nOK\r\n");
    }
    let profile = profile(&mut bench);
    assert_eq!(profile.chain.as_deref(), Some(NEW_CHAIN.as_bytes()));
    assert_eq!(profile.key.as_deref(), Some(NEW_KEY.as_bytes()));
}

#[test]
fn a_file_that_the_library_refuses_leaves_the_former_one() {
    let refuse = |profile: &TlsProfile| match profile.roots.as_deref() {
        Some(roots) if roots != ROOT.as_bytes() => Err("bad base64".into()),
        _ => Ok(()),
    };
    let mut bench = Bench::new(&Settings { check_files: refuse, ..Settings::default() });
    assert_eq!(load(&mut bench, "TRUSTFILE", ROOT), "\r\nOK\r\n");
    assert_eq!(load(&mut bench, "TRUSTFILE", NEW_CHAIN), "\r\nERROR\r\n");
    assert_eq!(profile(&mut bench).roots.as_deref(), Some(ROOT.as_bytes()));
}

#[test]
fn modems_share_the_profile_of_their_settings_until_their_hosts_change_it() {
    let settings = Settings::default();
    let mut bench = Bench::new(&settings);
    assert!(Arc::ptr_eq(&profile(&mut bench), &settings.tls));
    bench.types("AT+GTSSLMODE=1;+GTSSLVER=0");
    assert!(Arc::ptr_eq(&profile(&mut bench), &settings.tls), "nothing was changed");
    bench.types("AT+GTSSLVER=4");
    assert!(!Arc::ptr_eq(&profile(&mut bench), &settings.tls));
    bench.types("AT+CFUN=1,1");
    assert!(Arc::ptr_eq(&profile(&mut bench), &settings.tls), "a reset frees what the host loaded");
}

#[test]
fn no_log_shows_a_key() {
    let mut bench = Bench::new(&Settings::default());
    // Some keep it in one file with the certificate.
    for (file, pem) in [("KEYFILE", NEW_KEY.to_owned()), ("CAFILE", NEW_CHAIN.to_owned() + NEW_KEY)] {
        load(&mut bench, file, &pem.replace("bmV3", "hunter2"));
        assert!(!bench.log().contains("hunter2") && bench.log().contains("secret bytes"), "{}", bench.log());
    }
    let profile = profile(&mut bench);
    assert!(profile.key.is_some() && !bench.log().contains("hunter2"), "{}", bench.log());
}
