//! Any bytes as the answers of a success: `cargo fuzz run list`. What is read holds nothing but Key IDs, and its dates are read or refused.

#![no_main]

use ionoscloud_auth::{DeleteResponse, Jwt, KeyId, Token, Tokens};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| {
    let tokens = serde_json::from_slice::<Tokens>(body).map(|list| list.tokens);
    let token = serde_json::from_slice::<Token>(body).map(|token| vec![token]);
    for token in [tokens, token].into_iter().flatten().flatten() {
        assert!(KeyId::new(token.id.as_str()).is_ok());
        let _ = (token.created_at(), token.expires_at());
    }
    if let Ok(jwt) = serde_json::from_slice::<Jwt>(body) {
        assert!(!jwt.token().is_empty());
        let _ = (jwt.key_id(), jwt.claims());
    }
    let _ = serde_json::from_slice::<DeleteResponse>(body);
});
