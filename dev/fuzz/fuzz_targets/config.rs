//! `cargo fuzz run config`: see [`ionoscloud_auth_fuzz::config`].

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| ionoscloud_auth_fuzz::config(bytes));
