//! Fuzzes the reader of weights: pth.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| terroir_fuzz::weights::pth(bytes));
