//! Fuzzes the readers of the group "fitted".
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| terroir_fuzz::read("fitted", bytes));
