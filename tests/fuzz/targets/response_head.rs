//! libFuzzer's entry to [`holdoff_fuzz::response_head`].

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| holdoff_fuzz::response_head(bytes));
