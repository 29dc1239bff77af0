//! `cargo fuzz run config`: see [`ionoscloud_auth_fuzz::config`].

#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| ionoscloud_auth_fuzz::config(text));
