//! libFuzzer's entry to [`holdoff_fuzz::decide`].

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| holdoff_fuzz::decide(bytes));
