//! What the project is made of: which of its crates uses which, and on what terms others are used.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

/// Terms under which a dependency may be used. Of several to choose from, one must be here.
const LICENCES: [&str; 11] = [
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "Unicode-3.0",
    "Zlib",
];

/// The crates that make the product; `benches` and `fuzz` may use what they like.
const PRODUCT: [&str; 3] = ["quasimodem-core", "quasimodem-lab", "quasimodem"];

#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Package {
    name: String,
    version: String,
    licence: String,
}

#[test]
fn crates_use_each_other_in_one_direction() {
    for (index, name) in PRODUCT.iter().enumerate() {
        let own = tree(&["-p", name]).into_iter().map(|package| package.name);
        let own = own.filter(|name| name.starts_with("quasimodem")).collect::<BTreeSet<_>>();
        let wrong = own.iter().filter(|used| !PRODUCT[..=index].contains(&used.as_str())).collect::<Vec<_>>();
        assert!(wrong.is_empty(), "{name} must not use {wrong:?}: host → lab → core, never back");
    }
}

#[test]
fn licences_are_permissive() {
    for Package { name, version, licence } in tree(&["--workspace"]) {
        let allowed = licence.replace(['(', ')'], "").replace('/', " OR ").replace(" or ", " OR ");
        let allowed = allowed.split(" AND ").all(|part| part.split(" OR ").any(|one| LICENCES.contains(&one.trim())));
        assert!(allowed, "{name} {version} is under {licence:?}");
    }
}

#[test]
fn no_crate_comes_in_two_versions() {
    // What only tests use is not in the program: proptest and ring go with their own versions of getrandom.
    let mut versions = BTreeMap::<_, BTreeSet<_>>::new();
    for package in PRODUCT.iter().flat_map(|name| edges(&["-p", name], "normal,build")) {
        versions.entry(package.name).or_default().insert(package.version);
    }
    versions.retain(|_, versions| versions.len() > 1);
    assert!(versions.is_empty(), "more than one version of {versions:?}");
}

#[test]
fn only_ring_does_cryptography() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../Cargo.lock");
    let lock = fs::read_to_string(path).expect("Cargo.lock can be read");
    // Not openssl-probe: it knows where systems keep their roots, and no more.
    for name in ["openssl", "openssl-sys", "aws-lc-rs", "aws-lc-sys"] {
        let named = lock.contains(&format!("name = \"{name}\"\n"));
        assert!(!named, "Cargo.lock names {name}; rustls with ring does it here");
    }
}

/// What the packages that `which` selects are built and tested from, themselves included, on this platform.
fn tree(which: &[&str]) -> BTreeSet<Package> {
    edges(which, "normal,build,dev")
}

/// The same along these edges only.
fn edges(which: &[&str], edges: &str) -> BTreeSet<Package> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["tree", "--locked", "--edges", edges, "--prefix", "none", "--format", "{p}|{l}|"]);
    let output = cargo.args(which).current_dir(env!("CARGO_MANIFEST_DIR")).output().expect("cargo can be started");
    assert!(output.status.success(), "cargo tree: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("cargo writes text");
    let lines = text.lines().filter(|line| !line.is_empty());
    let packages = lines.map(|line| {
        let (package, licence) = line.split_once('|').expect("the format has a |");
        let mut words = package.split(' ');
        let mut word = || words.next().unwrap_or_default().into();
        Package { name: word(), version: word(), licence: licence.split('|').next().unwrap_or_default().into() }
    });
    packages.collect()
}
