//! Fuzzes the readers of the group "project".
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| terroir_fuzz::read("project", bytes));
