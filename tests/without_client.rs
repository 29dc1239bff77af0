//! What a program can do without the feature `client`. The tests of this repository always have it,
//! because they enable the mock server. `.ci/run` runs this one in the packaged crate, without it.

#![allow(clippy::unwrap_used)]

use std::time::{Duration, SystemTime};

use ionoscloud_auth::{Criteria, DeleteResponse, Error, Jwt, KeyId, Tokens, claims, key_id};

/// `{"kid":"f13a5c54-8228-4b7e-9414-61313ce723d1"}`, and `exp` and a contract number.
const TOKEN: &str = "eyJraWQiOiJmMTNhNWM1NC04MjI4LTRiN2UtOTQxNC02MTMxM2NlNzIzZDEifQ.\
                     eyJleHAiOjE3NTg2MTI1ODQsImlkZW50aXR5Ijp7ImNvbnRyYWN0TnVtYmVyIjozMTk1Mjc0Nn19.\
                     c2ln";
const ID: &str = "f13a5c54-8228-4b7e-9414-61313ce723d1";

#[test]
fn token_is_read() {
    assert_eq!(key_id(TOKEN).unwrap(), KeyId::new(ID).unwrap());
    let claims = claims(TOKEN).unwrap();
    assert_eq!(claims.exp, Some(1_758_612_584));
    let contract = claims.identity.unwrap().contract_number;
    assert_eq!(contract, Some(31_952_746));

    let error = key_id("SECRET").unwrap_err();
    assert!(matches!(error, Error::Invalid { .. }) && !error.outcome_unknown());
    assert!(!error.to_string().contains("SECRET"), "{error}");
}

#[test]
fn models_are_read_and_written() {
    let json = format!(r#"{{"tokens":[{{"id":"{ID}","expirationDate":"2025-09-23T07:29:44Z"}}]}}"#);
    let tokens: Tokens = serde_json::from_str(&json).unwrap();
    for token in &tokens {
        let expires = SystemTime::UNIX_EPOCH + Duration::from_secs(1_758_612_584);
        assert_eq!(token.expires_at().unwrap(), expires);
        assert_eq!(token.id.as_str(), ID);
    }
    assert_eq!(serde_json::to_string(&tokens).unwrap(), json);

    let deleted: DeleteResponse = serde_json::from_str(r#"{"success":true}"#).unwrap();
    assert!(deleted.success);
    assert_eq!(Criteria::Expired.as_str(), "EXPIRED");
}

#[test]
fn new_token_is_read() {
    let jwt: Jwt = serde_json::from_str(&format!(r#"{{"token":"{TOKEN}"}}"#)).unwrap();
    assert_eq!(jwt.key_id().unwrap().as_str(), ID);
    assert_eq!(jwt.token(), TOKEN);
}
