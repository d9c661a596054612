//! libFuzzer's entry to [`holdoff_fuzz::hint_value`].

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| holdoff_fuzz::hint_value(bytes));
