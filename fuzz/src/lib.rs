//! The assertions of the fuzz targets, which must hold for any input. `cargo test` also runs them.

use ionoscloud_auth::{
    Client, ClientBuilder, Credentials, DeleteResponse, Error, Jwt, KeyId, Token, Tokens, claims,
    fuzzing, key_id,
};

/// The maximum length of the text of an error about a response, in bytes.
const MAX_TEXT: usize = 4096;
/// The maximum length for an error about a token or a file. Names of profiles may appear.
const MAX_REFUSAL: usize = 6000;

pub const TOKEN: &str = "eyJraWQiOiJhIn0.eyJleHAiOjd9.c2lnbmF0dXJl";
pub const PASSWORD: &str = "correct horse battery staple";

/// Any text as a JWT: the result is a valid Key ID, or an error that does not quote the text.
pub fn jwt(text: &str) {
    match key_id(text) {
        Ok(id) => assert_eq!(KeyId::new(id.as_str()).unwrap(), id),
        Err(error) => says_nothing_of(&error, text),
    }
    match claims(text) {
        Ok(claims) => drop(format!("{claims:?}")),
        Err(error) => says_nothing_of(&error, text),
    }
}

fn says_nothing_of(error: &Error, text: &str) {
    let said = harmless(error, 400);
    for part in text.split(['.', ' ', '\n']).filter(|part| part.len() > 30) {
        assert!(!said.contains(part), "{said}");
    }
}

/// Any bytes as the body of a success: the result has only valid Key IDs, and its dates are
/// readable or errors.
pub fn list(body: &[u8]) {
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
}

/// Any bytes as the body of a refusal: the error is short and harmless, and does not contain
/// credentials. A client with a password does not quote anything that is not the service's own.
pub fn error(body: &[u8]) {
    let basic = Credentials::basic("user", PASSWORD);
    for (credentials, secrets) in [
        (Credentials::token(TOKEN), [TOKEN, &TOKEN[..20]]),
        (basic, [PASSWORD, &PASSWORD[..16]]),
    ] {
        let has_password = secrets[0] == PASSWORD;
        let client = Client::new(credentials).unwrap();
        let error = fuzzing::refusal(&client, body).unwrap();
        let said = harmless(&error, MAX_TEXT);
        let Error::Api(error) = error else {
            panic!("{error}");
        };
        let debug = format!("{error:?}");
        for secret in secrets {
            assert!(!said.contains(secret) && !debug.contains(secret), "{said}");
        }
        assert!(error.messages.len() <= 16);
        if said.contains(" bytes)") && has_password {
            assert!(error.messages.is_empty() && error.excerpt.is_none());
        }
    }
}

/// Any bytes as the config file: it is read or refused with one short line.
pub fn config(bytes: &[u8]) {
    let thread = std::thread::current().id();
    let name = format!("ionoscloud-auth-fuzz-{}-{thread:?}", std::process::id());
    let path = std::env::temp_dir().join(name);
    std::fs::write(&path, bytes).unwrap();
    if let Err(error) = ClientBuilder::from_config_file(&path) {
        harmless(&error, MAX_REFUSAL);
    }
}

/// Returns the text of an error, which must be one line of at most `max` bytes.
fn harmless(error: &Error, max: usize) -> String {
    let said = error.to_string();
    assert!(said.len() <= max, "{said}");
    assert!(!said.chars().any(char::is_control), "{said:?}");
    said
}
