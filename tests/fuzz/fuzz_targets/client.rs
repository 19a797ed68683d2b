//! Runs `chatproto_tests::fuzz::client` under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| chatproto_tests::fuzz::client(data));
