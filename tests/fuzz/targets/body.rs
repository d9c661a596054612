//! libFuzzer's entry to [`holdoff_fuzz::body`].

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| holdoff_fuzz::body(bytes));
