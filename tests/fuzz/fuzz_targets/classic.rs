//! Runs `chatproto_tests::fuzz::classic` under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| chatproto_tests::fuzz::classic(data));
