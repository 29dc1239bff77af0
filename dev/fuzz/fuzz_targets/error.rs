//! `cargo fuzz run error`: see [`ionoscloud_auth_fuzz::error`].

#![no_main]

libfuzzer_sys::fuzz_target!(|body: &[u8]| ionoscloud_auth_fuzz::error(body));
