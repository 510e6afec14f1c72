//! Fuzzes the reader of weights: safetensors.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| terroir_fuzz::weights::safetensors(bytes));
