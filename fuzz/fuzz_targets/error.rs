//! Any bytes as the body of a refusal: `cargo fuzz run error`. What is shown of it is short and harmless, and repeats no credentials.

#![no_main]

use libfuzzer_sys::fuzz_target;

const TOKEN: &str = "eyJraWQiOiJhIn0.eyJleHAiOjd9.c2lnbmF0dXJl";

fuzz_target!(|body: &[u8]| {
    let shown = ionoscloud_auth::fuzzing::refusal(body, TOKEN);
    assert!(shown.chars().count() < 400 + 2100 * body.len());
    assert!(!shown.chars().any(char::is_control));
    assert!(!shown.contains(TOKEN) && !shown.contains(&TOKEN[..20]));
});
