//! The short selection of the fault table: the whole of it is made by `tests/faults/run.py`.
#![cfg(target_os = "linux")]

use std::process::Command;

use crate::program::{repository, terroir};

#[test]
fn a_selection_of_the_fault_table_holds() {
    holds(&["--short"]);
}

/// A driver of our own stands between the program and the software rasteriser, and breaks.
#[test]
fn a_lost_graphics_device_is_told_and_the_job_goes_on_or_ends() {
    let arguments =
        "--fault,no graphics device,--fault,graphics device lost,--operation,embed,--one-in,8";
    holds(&arguments.split(',').collect::<Vec<_>>());
}

#[test]
fn memory_that_runs_out_is_told() {
    let arguments =
        "--fault,little memory (ulimit),--operation,predict (map),--operation,train,--one-in,9";
    holds(&arguments.split(',').collect::<Vec<_>>());
}

fn holds(arguments: &[&str]) {
    let told = Command::new("python3")
        .arg(repository().join("tests/faults/run.py"))
        .args(arguments)
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
