//! Fuzzes the readers of the group "journal".
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| terroir_fuzz::read("journal", bytes));
