//! Any text as a JWT: `cargo fuzz run jwt`. What is read must be a Key ID, and no error may repeat the text.

#![no_main]

use ionoscloud_auth::{KeyId, claims, key_id};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    match key_id(text) {
        Ok(id) => assert_eq!(KeyId::new(id.as_str()).unwrap(), id),
        Err(error) => harmless(&error, text),
    }
    match claims(text) {
        Ok(claims) => drop(format!("{claims:?}")),
        Err(error) => harmless(&error, text),
    }
});

fn harmless(error: &ionoscloud_auth::Error, text: &str) {
    let shown = error.to_string();
    assert!(!shown.chars().any(char::is_control) && shown.len() < 400);
    for part in text.split(['.', ' ', '\n']).filter(|part| part.len() > 30) {
        assert!(!shown.contains(part));
    }
}
