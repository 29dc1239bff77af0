//! `cargo fuzz run list`: see [`ionoscloud_auth_fuzz::list`].

#![no_main]

libfuzzer_sys::fuzz_target!(|body: &[u8]| ionoscloud_auth_fuzz::list(body));
