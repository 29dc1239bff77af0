//! Any text as the config file: `cargo fuzz run config`. It is read or refused, and what is said of it is one short line.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Err(error) = ionoscloud_auth::fuzzing::fuzzed_config_file(text) {
        let said = error.to_string();
        assert!(said.chars().count() < 6000, "{said}");
        assert!(!said.chars().any(char::is_control), "{said}");
    }
});
