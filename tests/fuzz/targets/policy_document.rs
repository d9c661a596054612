//! libFuzzer's entry to [`holdoff_fuzz::policy_document`].

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| holdoff_fuzz::policy_document(bytes));
