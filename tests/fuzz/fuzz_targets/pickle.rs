//! Fuzzes the reader of weights: pickle.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| terroir_fuzz::weights::pickle(bytes));
