//! `cargo fuzz run jwt`: see [`ionoscloud_auth_fuzz::jwt`].

#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| ionoscloud_auth_fuzz::jwt(text));
