//! Each cloud has all that a cloud has.

use std::fs;
use std::path::{Path, PathBuf};

use quasimodem_core::cloud::Cloud;
use quasimodem_core::{COMMANDS, Case, ParamKind};
use quasimodem_lab::cloud::{Parameters, samples};

fn file(cloud: Cloud, folder: &str, ending: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    root.join(folder).join(cloud.name()).with_extension(ending)
}

/// The form of `AT+MQTTAUTHCFG` for each cloud, in their order.
fn cases() -> impl Iterator<Item = (Cloud, &'static Case)> {
    let row = COMMANDS.iter().find(|row| row.name == "+MQTTAUTHCFG").unwrap();
    assert_eq!(row.cases.len(), Cloud::ALL.len());
    Cloud::ALL.into_iter().zip(row.cases)
}

#[test]
fn each_has_its_case_and_marks_its_secret() {
    for (cloud, case) in cases() {
        let number = u32::from(cloud.number());
        assert!(matches!(case.params[0].kind, ParamKind::Number { min, max, .. } if (min, max) == (number, number)));
        let Some(names) = Parameters::of(cloud) else { continue };
        for name in [names.product, Some(names.name), Some(names.secret), names.account].into_iter().flatten() {
            let param = case.params.iter().find(|param| param.name == name);
            let param = param.unwrap_or_else(|| panic!("{cloud} has no <{name}>"));
            assert_eq!(param.secret, name == names.secret, "{cloud}: <{name}>");
        }
    }
}

#[test]
fn each_has_a_device_vectors_that_are_read_and_a_conversation() {
    let readers = ["crates/quasimodem-core/tests/vectors.rs", "crates/quasimodem-lab/tests/cloud/logins.rs"];
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let readers = readers.map(|reader| (reader, fs::read_to_string(root.join(reader)).unwrap()));
    let (_, devices) = samples();
    for cloud in Cloud::ALL {
        assert!(file(cloud, "examples", "chat").exists(), "examples/{cloud}.chat");
        if Parameters::of(cloud).is_none() {
            continue;
        }
        assert!(devices.iter().any(|device| device.cloud == cloud), "no device of {cloud} in samples.rs");
        let vectors = file(cloud, "crates/quasimodem-core/tests/vectors", "json");
        assert!(vectors.exists(), "{}", vectors.display());
        for (reader, text) in &readers {
            assert!(text.contains(&format!("\"{cloud}\"")), "{reader} does not read the vectors of {cloud}");
        }
    }
}
