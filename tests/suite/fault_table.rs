//! The short selection of the fault table: the whole of it is made by `tests/faults/run.py`.
#![cfg(target_os = "linux")]

use std::process::Command;

use crate::program::{repository, terroir};

#[test]
fn a_selection_of_the_fault_table_holds() {
    let told = Command::new("python3")
        .arg(repository().join("tests/faults/run.py"))
        .arg("--short")
        .arg("--program")
        .arg(terroir())
        .arg("--suite")
        .arg(std::env::current_exe().unwrap())
        .env_remove("TERROIR_MODELS")
        .output();
    let Ok(told) = told else {
        eprintln!("SKIPPED: python3 is not installed");
        return;
    };
    let words = String::from_utf8_lossy(&told.stdout);
    for line in words.lines().filter(|line| line.contains("SKIPPED")) {
        eprintln!("{line}");
    }
    assert!(
        told.status.success(),
        "{words}\n{}",
        String::from_utf8_lossy(&told.stderr)
    );
}
