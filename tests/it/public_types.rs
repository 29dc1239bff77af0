//! The public types: serialization, comparison, conversion and output.

use std::error::Error as StdError;
use std::io;

use crate::support::*;

#[test]
fn models_are_written_as_the_service_writes_them() {
    let token = |rest: &str| format!(r#"{{"id":"{ID}"{rest}}}"#);
    let dates = r#","href":"h","createdDate":"2025-09-23T07:29:44Z","expirationDate":"2026-09-23T07:29:44Z""#;
    fn same<T: serde::Serialize + serde::de::DeserializeOwned + PartialEq + std::fmt::Debug>(
        text: &str,
    ) {
        let value: T = serde_json::from_str(text).unwrap();
        let written = serde_json::to_string(&value).unwrap();
        assert_eq!(written, text);
        assert_eq!(serde_json::from_str::<T>(&written).unwrap(), value);
    }
    same::<Token>(&token(dates));
    same::<Token>(&token(""));
    same::<Tokens>(r#"{"tokens":[]}"#);
    same::<Tokens>(&format!(r#"{{"tokens":[{},{}]}}"#, token(dates), token("")));
    same::<DeleteResponse>(r#"{"success":true}"#);
    same::<KeyId>(&format!(r#""{ID}""#));
    same::<Claims>(
        r#"{"iss":"ionoscloud","iat":1,"exp":2,"client":"USER","identity":{"uuid":"u","contractNumber":31952746,"resellerId":1,"role":"owner","regDomain":"ionos.de","privileges":["DATA_CENTER_CREATE"],"isParent":false}}"#,
    );
    same::<Claims>(
        r#"{"iss":null,"iat":null,"exp":null,"client":null,"identity":{"uuid":null,"contractNumber":null,"resellerId":null,"role":null,"regDomain":null,"privileges":null,"isParent":null}}"#,
    );
}

#[test]
fn tokens_are_iterated_owned_and_borrowed() {
    let text = r#"{"tokens":[{"id":"a"},{"id":"b"}]}"#;
    let tokens: Tokens = serde_json::from_str(text).unwrap();
    let mut borrowed = Vec::new();
    for token in &tokens {
        borrowed.push(token.id.clone());
    }
    assert_eq!(borrowed, ["a", "b"].map(|id| KeyId::new(id).unwrap()));
    let owned: Vec<KeyId> = tokens.into_iter().map(|token| token.id).collect();
    assert_eq!(owned, borrowed);
}

#[test]
fn key_ids_and_criteria_are_converted() {
    let id = KeyId::new(ID).unwrap();
    assert_eq!(KeyId::try_from(ID).unwrap(), id);
    assert_eq!(ID.parse::<KeyId>().unwrap(), id);
    assert!(KeyId::try_from("generate").is_err());
    assert_eq!(KeyId::from(&id), id);
    assert_eq!(id.as_ref(), ID);
    assert!(HashSet::from([id.clone()]).contains(&id));
    assert!(
        id == ID && id == *ID && id != "a" && KeyId::new("a").unwrap() < KeyId::new("b").unwrap()
    );
    for criteria in [Criteria::All, Criteria::Expired, Criteria::Current] {
        let name = criteria.to_string();
        assert_eq!(name, criteria.as_str());
        assert_eq!(name.to_lowercase().parse::<Criteria>().unwrap(), criteria);
    }
    assert!("all ".parse::<Criteria>().unwrap_err().to_string().starts_with("criteria: is none"));
    assert_eq!(ErrorKind::TimedOut.to_string(), "timed_out");
    assert_ne!(
        DeleteTokenByIdOptions::new(&id),
        DeleteTokenByIdOptions::new(&id).contract_number(1)
    );
    assert_eq!(RotateTokenOptions::replacing(&id), RotateTokenOptions::replacing(id));

    for criteria in [Criteria::All, Criteria::Expired, Criteria::Current] {
        let options = DeleteTokenByCriteriaOptions::new(criteria);
        assert_eq!(options, DeleteTokenByCriteriaOptions::new(criteria));
    }
    let names = [Criteria::All, Criteria::Expired, Criteria::Current].map(Criteria::as_str);
    assert_eq!(names, ["ALL", "EXPIRED", "CURRENT"]);
}

/// An error of each kind.
fn errors() -> Vec<Error> {
    let (_taken, port) = closed_port();
    let refused = list_tokens(&client_of(&format!("http://127.0.0.1:{port}"))).unwrap_err();
    let answered = |status, body: &str| {
        let server = FaultServer::start(vec![answer(status, body)]);
        list_tokens(&client_of(&server.url())).unwrap_err()
    };
    let down = client_of("http://127.0.0.1:1");
    let hasty = down.with_timeout(Duration::from_nanos(1)).unwrap();
    let timed_out = list_tokens(&hasty).unwrap_err();
    down.shutdown();
    let token: Token = serde_json::from_str(r#"{"id":"a","expirationDate":"tomorrow"}"#).unwrap();
    vec![
        key_id("no JWT").unwrap_err(),
        token.expires_at().unwrap_err(),
        answered(401, ""),
        answered(200, "<"),
        refused,
        timed_out,
        list_tokens(&down).unwrap_err(),
    ]
}

#[test]
fn error_says_everything_once() {
    for error in errors() {
        let text = error.to_string();
        assert!(error.source().is_none(), "the text has said it: {text}");
        // The output of `fn main() -> Result<()>`.
        assert_eq!(format!("{error:?}"), text);
        assert_eq!(error.clone().to_string(), text);
    }
}

#[test]
fn bad_input_of_the_service_is_malformed_and_of_the_caller_invalid() {
    let api = MockAuthApi::start();
    let client = client_of(api.base_url());
    api.answer_next(1, 200, &[], r#"{"token":"opaque"}"#);
    let jwt = new_jwt(&client).unwrap();
    assert!(matches!(jwt.key_id(), Err(Error::Malformed { what: "jwt", .. })));
    assert!(matches!(jwt.claims(), Err(Error::Malformed { what: "jwt", .. })));
    assert!(matches!(key_id("opaque"), Err(Error::Invalid { .. })));
    assert!(matches!(claims("opaque"), Err(Error::Invalid { .. })));
}

/// The error of `store` can be recovered in its own type.
#[test]
fn store_may_return_any_error() {
    let api = MockAuthApi::start();
    let basic = client_of(api.base_url()).with_credentials(api.credentials()).unwrap();
    let jwt = new_jwt(&basic).unwrap();
    let client = with_token(&basic, &jwt);
    let options = RotateTokenOptions::current();
    fn question_mark(
        client: &Client,
        options: &RotateTokenOptions,
    ) -> std::result::Result<Rotation, Box<dyn StdError + Send + Sync>> {
        Ok(rotate_token(client, options, |_| Err(io::Error::other("full")))?)
    }

    let error = question_mark(&client, &options).unwrap_err();
    let error = error.downcast::<RotateError>().unwrap();
    let RotateError::NotStored { error: stored, .. } = &*error else {
        panic!("{error}");
    };
    let io = stored.downcast_ref::<io::Error>().unwrap();
    assert_eq!((io.kind(), io.to_string()), (io::ErrorKind::Other, "full".to_owned()));
    assert!(error.source().is_none());
    let error = rotate_token(&client, &options, |_| Err("a text".to_owned())).unwrap_err();
    assert!(error.to_string().contains("could not be stored: a text; it was deleted again"));
    // The causes of the caller's error are in the text.
    #[derive(Debug, thiserror::Error)]
    #[error("the outside")]
    struct Outside(#[source] io::Error);
    let cause = || Outside(io::Error::other("the cause"));
    let error = rotate_token(&client, &options, |_| Err(cause())).unwrap_err();
    assert!(error.to_string().contains("the outside: the cause"), "{error}");
    let error =
        rotate_token(&client, &options, |_| Err(Box::<dyn StdError + Send + Sync>::from("boxed")));
    assert!(error.unwrap_err().to_string().contains("boxed"));
}

#[test]
fn client_knows_its_own_token_and_takes_another_time_limit() {
    let api = MockAuthApi::start();
    let basic = client_of(api.base_url()).with_credentials(api.credentials()).unwrap();
    assert_eq!(basic.key_id(), None);
    let jwt = new_jwt(&basic).unwrap();
    let own = basic.with_credentials(Credentials::token(format!(" {}\n", jwt.token()))).unwrap();
    assert_eq!(own.key_id(), jwt.key_id().ok());
    let opaque = basic.with_credentials(Credentials::token("opaque")).unwrap();
    assert_eq!(opaque.key_id(), None);

    let error = own.with_timeout(Duration::ZERO).unwrap_err();
    assert!(error.to_string().starts_with("timeout: is zero"), "{error}");
    let server = FaultServer::start(vec![LIST.works()]);
    let patient = client_of(&server.url());
    list_tokens(&patient).unwrap();
    let hasty = patient.with_timeout(Duration::from_nanos(1)).unwrap();
    assert!(list_tokens(&hasty).unwrap_err().to_string().contains("timed out"));
    let other = hasty.with_timeout(2 * LONG).unwrap();
    list_tokens(&other).unwrap();
    assert_eq!(server.connections(), 1, "they share their connections");
    patient.shutdown();
    assert!(list_tokens(&other).unwrap_err().to_string().contains("shut down"));
}

#[test]
fn names_for_metrics_do_not_change() {
    use ErrorKind as Kind;
    for (kind, name) in [
        (Kind::Api, "api"),
        (Kind::Unreadable, "unreadable"),
        (Kind::AddressNotFound, "address_not_found"),
        (Kind::ConnectFailed, "connect_failed"),
        (Kind::TlsFailed, "tls_failed"),
        (Kind::TimedOut, "timed_out"),
        (Kind::ConnectionLost, "connection_lost"),
        (Kind::ShutDown, "shut_down"),
    ] {
        assert_eq!(kind.as_str(), name);
    }
}
