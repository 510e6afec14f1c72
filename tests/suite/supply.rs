//! What the program is made of, checked without a network: every crate comes from one registry with its checksum, states a
//! licence that `deny.toml` allows, and is none it forbids; the list of doubled crates does not grow; the bill of materials
//! names them all.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

use crate::program::repository;

/// Crates the lock file has in several versions, because the libraries below want them so. A new one needs a look.
const MOST_DOUBLED: usize = 73;

/// Name and licence of every crate that is compiled for the workspace on this system; `None`, said aloud, where cargo cannot
/// tell without a network.
fn crates() -> Option<BTreeMap<String, String>> {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--workspace", "--locked", "--offline"])
        .args(["--edges", "normal,build", "--prefix", "none"])
        .args(["--target", "x86_64-unknown-linux-gnu"])
        .args(["--format", "{p};{l}"])
        .current_dir(repository())
        .output()
        .unwrap();
    if !output.status.success() {
        let words = String::from_utf8_lossy(&output.stderr);
        eprintln!("SKIPPED the parts of the program: cargo cannot list them offline: {words}");
        return None;
    }
    let lines = String::from_utf8_lossy(&output.stdout).into_owned();
    let parts = lines.lines().filter_map(|line| line.split_once(';'));
    Some(
        parts
            .map(|(part, licence)| {
                let licence = licence.trim_end_matches(" (*)").trim();
                (part.trim().to_owned(), licence.to_owned())
            })
            .collect(),
    )
}

fn deny() -> toml::Table {
    let text = std::fs::read_to_string(repository().join("deny.toml")).unwrap();
    text.parse().unwrap()
}

fn words<'a>(table: &'a toml::Table, section: &str, key: &str) -> Vec<&'a str> {
    table[section][key]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|value| value.as_str().or_else(|| value.get("crate")?.as_str()))
        .collect()
}

/// Whether an SPDX expression can be fulfilled with licences of the list: one side of `OR`, both of `AND`.
fn is_allowed(expression: &str, allowed: &[&str]) -> bool {
    let spaced = expression
        .replace('/', " OR ")
        .replace('(', " ( ")
        .replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut at = 0;
    let is_fulfilled = any_of(&words, &mut at, allowed);
    is_fulfilled && at == words.len()
}

fn any_of(words: &[&str], at: &mut usize, allowed: &[&str]) -> bool {
    let mut is_one = all_of(words, at, allowed);
    while words.get(*at) == Some(&"OR") {
        *at += 1;
        is_one |= all_of(words, at, allowed);
    }
    is_one
}

fn all_of(words: &[&str], at: &mut usize, allowed: &[&str]) -> bool {
    let mut are_all = licence(words, at, allowed);
    while words.get(*at) == Some(&"AND") {
        *at += 1;
        are_all &= licence(words, at, allowed);
    }
    are_all
}

fn licence(words: &[&str], at: &mut usize, allowed: &[&str]) -> bool {
    let Some(word) = words.get(*at) else {
        return false;
    };
    *at += 1;
    if *word == "(" {
        let inside = any_of(words, at, allowed);
        *at += 1;
        return inside;
    }
    let mut name = (*word).to_owned();
    if words.get(*at) == Some(&"WITH") {
        name = format!("{name} WITH {}", words.get(*at + 1).unwrap_or(&""));
        *at += 2;
    }
    allowed.contains(&name.as_str())
}

#[test]
fn licences_are_told_apart() {
    let allowed = ["MIT", "Apache-2.0", "Apache-2.0 WITH LLVM-exception", "ISC"];
    for (expression, is_good) in [
        ("MIT", true),
        ("MIT/GPL-3.0", true),
        ("GPL-3.0", false),
        ("MIT AND GPL-3.0", false),
        ("(MIT OR GPL-3.0) AND ISC", true),
        ("Apache-2.0 WITH LLVM-exception", true),
        ("GPL-3.0 WITH Classpath-exception-2.0", false),
        ("", false),
    ] {
        assert_eq!(is_allowed(expression, &allowed), is_good, "{expression}");
    }
}

#[test]
fn every_crate_has_a_licence_that_is_allowed() {
    let Some(crates) = crates() else {
        return;
    };
    let deny = deny();
    let allowed = words(&deny, "licenses", "allow");
    let banned = words(&deny, "bans", "deny");
    let clarified: BTreeMap<&str, &str> = deny["licenses"]["clarify"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|part| Some((part["crate"].as_str()?, part["expression"].as_str()?)))
        .collect();
    assert!(crates.len() > 300, "{} crates", crates.len());
    let mut wrong = Vec::new();
    for (part, licence) in &crates {
        let name = part.split(' ').next().unwrap_or_default();
        if banned.contains(&name) {
            wrong.push(format!("{part} is forbidden"));
        }
        let licence = clarified.get(name).copied().unwrap_or(licence);
        if !is_allowed(licence, &allowed) {
            wrong.push(format!("{part}: licence {licence:?}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn crates_come_from_one_place_with_checksums_and_few_are_doubled() {
    let text = std::fs::read_to_string(repository().join("Cargo.lock")).unwrap();
    let lock: toml::Table = text.parse().unwrap();
    let deny = deny();
    let places = words(&deny, "sources", "allow-registry");
    let mut versions: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for package in lock["package"].as_array().unwrap() {
        let name = package["name"].as_str().unwrap();
        let is_ours = name.starts_with("terroir");
        assert_eq!(package.get("checksum").is_none(), is_ours, "{name}");
        let source = package.get("source").and_then(toml::Value::as_str);
        assert_eq!(source.is_none(), is_ours, "{name}");
        assert!(
            source.is_none_or(|source| places
                .iter()
                .any(|place| source == format!("registry+{place}"))),
            "{name} comes from {source:?}"
        );
        versions
            .entry(name)
            .or_default()
            .insert(package["version"].as_str().unwrap());
    }
    let doubled: Vec<_> = versions.iter().filter(|(_, of)| of.len() > 1).collect();
    eprintln!("{} crates in several versions: {doubled:?}", doubled.len());
    assert!(doubled.len() <= MOST_DOUBLED, "{doubled:#?}");
}

#[test]
fn the_bill_of_materials_names_every_linked_crate() {
    let made = Command::new("python3")
        .arg("packaging/supply/sbom.py")
        .env("SOURCE_DATE_EPOCH", "1700000000")
        .env("PATH", path_with_cargo())
        .current_dir(repository())
        .output();
    let made = match made {
        Ok(made) if made.status.success() => made,
        other => {
            eprintln!("SKIPPED the bill of materials: {other:?}");
            return;
        }
    };
    let bill: Value = serde_json::from_slice(&made.stdout).unwrap();
    assert_eq!(bill["bomFormat"], "CycloneDX");
    assert_eq!(bill["metadata"]["timestamp"], "2023-11-14T22:13:20Z");
    let parts = bill["components"].as_array().unwrap();
    assert!(parts.len() > 200, "{} parts", parts.len());
    let refs: BTreeSet<&str> = parts
        .iter()
        .chain([&bill["metadata"]["component"]])
        .map(|part| part["bom-ref"].as_str().unwrap())
        .collect();
    for needed in bill["dependencies"].as_array().unwrap() {
        for part in needed["dependsOn"].as_array().unwrap() {
            assert!(refs.contains(part.as_str().unwrap()), "{part}");
        }
    }
    for part in parts {
        let purl = part["purl"].as_str().unwrap_or_default();
        if purl.starts_with("pkg:cargo/") && !purl.contains("/terroir") {
            assert_eq!(part["hashes"][0]["content"].as_str().unwrap().len(), 64);
            assert!(!part["licenses"].as_array().unwrap().is_empty());
        }
    }
    for name in ["burn", "gdal", "wgpu", "rustls"] {
        assert!(parts.iter().any(|part| part["name"] == name), "{name}");
    }
}

/// The cargo these tests were built with goes first.
fn path_with_cargo() -> std::ffi::OsString {
    let own = std::path::Path::new(env!("CARGO")).parent().unwrap();
    let rest = std::env::var_os("PATH").unwrap_or_default();
    let all = std::iter::once(own.to_owned()).chain(std::env::split_paths(&rest));
    std::env::join_paths(all).unwrap()
}
