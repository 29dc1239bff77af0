//! A rotation: its steps, what `store` may do, and responses that would lose a token.

mod faults;
mod life;

use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::support::*;

fn client_with(url: &str, credentials: Credentials) -> Client {
    builder_of(url).credentials(credentials).build().unwrap()
}

/// Returns a mock server with one token, a client that uses it, and its Key ID.
fn service() -> (MockAuthApi, Client, KeyId) {
    let api = MockAuthApi::start();
    let jwt = new_jwt(&client_with(api.base_url(), api.credentials())).unwrap();
    let client = client_with(api.base_url(), Credentials::token(jwt.token()));
    let id = jwt.key_id().unwrap();
    (api, client, id)
}

/// Returns a client that uses a new token, through a relay that plays the fault in the place of the
/// requests with these numbers.
fn through(
    api: &MockAuthApi,
    at: impl std::ops::RangeBounds<usize> + Send + Sync + 'static,
    fault: &'static Fault,
    acted: bool,
) -> (FaultServer, Client, KeyId) {
    let jwt = new_jwt(&client_with(api.base_url(), api.credentials())).unwrap();
    let relay = FaultServer::with_fault(api.base_url(), at, fault, acted);
    let client = client_with(&relay.url(), Credentials::token(jwt.token()));
    (relay, client, jwt.key_id().unwrap())
}

#[derive(Debug, thiserror::Error)]
#[error("the disk is full")]
struct Full;

/// Rotates with a `store` that succeeds.
fn rotate(
    client: &Client,
    options: &RotateTokenOptions,
) -> std::result::Result<Rotation, RotateError> {
    rotate_token(client, options, |_| Ok::<_, Full>(()))
}

fn rotate_current(client: &Client) -> std::result::Result<Rotation, RotateError> {
    rotate(client, &RotateTokenOptions::current())
}

#[test]
fn token_is_created_verified_stored_and_the_old_one_deleted() {
    let (api, client, old) = service();
    let before = api.requests().len();
    let options = RotateTokenOptions::current().ttl(Duration::from_secs(3600));
    let mut stored = String::new();
    let rotation = rotate_token(&client, &options, |jwt| {
        // The old token is still valid while the new one is stored.
        assert_eq!(api.key_ids(), [old.clone(), jwt.key_id().unwrap()]);
        stored = jwt.token().to_owned();
        Ok::<_, Infallible>(())
    })
    .unwrap();
    assert!(rotation.leftover.is_none());
    assert_eq!(api.key_ids(), std::slice::from_ref(&rotation.key_id));
    assert_eq!(stored, rotation.jwt.token());
    assert_eq!(rotation.jwt.key_id().unwrap(), rotation.key_id);
    let new = &rotation.key_id;
    let expected = [
        "GET /auth/v1/tokens/generate?ttl=3600".to_owned(),
        format!("GET /auth/v1/tokens/{new}"),
        format!("DELETE /auth/v1/tokens/{old}"),
    ];
    assert_eq!(lines_of(&api.requests()[before..]), expected);
    assert!(!format!("{rotation:?}").contains(&stored));
}

#[test]
fn current_or_named_token_is_replaced() {
    // A client with a user name and password does not have a token of its own.
    let (api, own, old) = service();
    let basic = client_with(api.base_url(), api.credentials());
    let before = api.requests().len();
    let error = rotate_current(&basic).unwrap_err();
    assert!(matches!(error, RotateError::NotStarted(Error::Invalid { .. })), "{error}");
    assert!(error.to_string().contains("RotateTokenOptions::replacing"), "{error}");
    assert_eq!(api.requests().len(), before, "nothing is sent");

    // Either client can replace a named token.
    for client in [&basic, &own] {
        let named = new_jwt(&basic).unwrap().key_id().unwrap();
        let options = RotateTokenOptions::replacing(named.clone());
        let options = options.contract_number(api.contract_number());
        let rotation = rotate(client, &options).unwrap();
        assert!(rotation.leftover.is_none());
        let ids = api.key_ids();
        assert!(ids.contains(&old) && ids.contains(&rotation.key_id) && !ids.contains(&named));
    }

    // A token that does not exist is noticed before the create if the service is asked for its
    // lifetime, and afterwards otherwise.
    let ids = api.key_ids();
    let options = RotateTokenOptions::replacing(KeyId::new("no-such-token").unwrap());
    let error = rotate(&own, &options).unwrap_err();
    assert!(matches!(&error, RotateError::NotStarted(error) if error.status() == Some(404)));
    assert_eq!((error.status(), error.outcome_unknown()), (Some(404), false));
    assert_eq!(error.kind(), Some(ErrorKind::Api));
    assert_eq!(format!("{error:?}"), error.to_string());
    assert_eq!(api.key_ids(), ids);
    let options = options.ttl(Duration::from_secs(3600));
    let rotation = rotate(&own, &options).unwrap();
    assert_eq!(rotation.leftover.unwrap().status(), Some(404));

    // Options are validated, and the contract number is sent with every request.
    let short = RotateTokenOptions::current().ttl(Duration::from_secs(59));
    let error = rotate(&own, &short).unwrap_err();
    assert!(error.to_string().contains("ttl: is 59 s"), "{error}");
    api.answer_next(1, 403, &[("Retry-After", "7"), ("X-RequestId", "9")], "");
    let error = rotate(&own, &options).unwrap_err();
    assert_eq!(error.retry_after(), Some(Duration::from_secs(7)));
    assert_eq!(error.request_id(), Some("9"));
    let other = RotateTokenOptions::current().contract_number(1);
    let error = rotate(&own, &other).unwrap_err();
    assert!(matches!(&error, RotateError::NotCreated(error) if error.status() == Some(403)));
}

#[test]
fn failed_store_deletes_the_new_token() {
    let (api, client, old) = service();
    let options = RotateTokenOptions::current();
    let error = rotate_token(&client, &options, |_| Err(Full)).unwrap_err();
    assert!(
        matches!(&error, RotateError::NotStored { orphan: None, .. }) && !error.outcome_unknown(),
        "{error}"
    );
    assert!(error.to_string().contains("the disk is full; it was deleted again"), "{error}");
    // The text already contains it.
    assert!(std::error::Error::source(&error).is_none());
    assert_eq!(api.key_ids(), std::slice::from_ref(&old));

    // If it cannot be deleted again, the error names it.
    let mut new = None;
    let error = rotate_token(&client, &options, |jwt| {
        new = jwt.key_id().ok();
        api.answer_next(1, 403, &[], "{}");
        Err(Full)
    })
    .unwrap_err();
    let orphan = error.orphan().unwrap();
    assert_eq!((orphan.key_id.as_ref(), orphan.error.status()), (new.as_ref(), Some(403)));
    assert!(error.to_string().contains(new.unwrap().as_str()), "{error}");
    assert!(api.key_ids().contains(&old));
}

/// Rotates with a `store` that panics. The service responds with this status to the next request.
fn panic_in_store(api: &MockAuthApi, client: &Client, status: Option<u16>) {
    let store = |_: &Jwt| -> std::result::Result<(), Full> {
        if let Some(status) = status {
            api.answer_next(1, status, &[], "{}");
        }
        panic!("in the store")
    };
    let rotating = || rotate_token(client, &RotateTokenOptions::current(), store);
    let panic = catch_unwind(AssertUnwindSafe(rotating)).unwrap_err();
    assert_eq!(panic.downcast_ref(), Some(&"in the store"), "the panic continues");
}

#[test]
fn panicking_store_deletes_the_new_token() {
    let (api, client, old) = service();
    panic_in_store(&api, &client, None);
    assert_eq!(api.key_ids(), [old]);
}

/// Prints the log lines if the new token cannot be deleted, and its Key ID.
#[test]
#[ignore = "the program of other tests"]
fn child_logs_to_stdout() {
    assert_child();
    let (api, client, old) = service();
    logger::install_printer(log::LevelFilter::Error);
    panic_in_store(&api, &client, Some(403));
    let ids = api.key_ids();
    assert_eq!(ids.len(), 2);
    let new = ids.iter().find(|id| **id != old).unwrap();
    println!("new: {new}");
}

#[test]
fn panicking_store_logs_a_token_that_can_not_be_deleted() {
    let printed = run_child("rotation::child_logs_to_stdout", &[("", ""); 0]);
    let (logged, new) = printed.split_once("new: ").unwrap();
    let new = new.lines().next().unwrap();
    let error = logged.lines().find(|line| line.starts_with("ERROR "));
    assert!(error.is_some_and(|line| line.contains(new)), "the Key ID is in the log: {logged}");
}

#[test]
fn replayed_or_unproven_token_is_not_stored() {
    // A cache sends the old token again: continuing would delete it.
    let (api, _, old) = service();
    let basic = client_with(api.base_url(), api.credentials());
    let jwt = new_jwt(&basic).unwrap();
    let own = client_with(api.base_url(), Credentials::token(jwt.token()));
    let cached = format!(r#"{{"token":"{}"}}"#, jwt.token());
    api.answer_next(1, 200, &[], &cached);
    assert_replayed(rotate_current(&own).unwrap_err());
    assert_eq!(api.key_ids(), [old.clone(), jwt.key_id().unwrap()]);

    // A cache sends the client's token while another is replaced: cleaning up would delete it.
    api.answer_next(1, 200, &[], &cached);
    let hour = Duration::from_secs(3600);
    let options = RotateTokenOptions::replacing(&old).ttl(hour);
    let error = rotate_token(&own, &options, |_| Err(Full)).unwrap_err();
    assert_replayed(error);
    assert_eq!(api.key_ids(), [old.clone(), jwt.key_id().unwrap()]);

    // The token that is read back is not the new one.
    static ANOTHER: Fault =
        fault("another token", Outcome::Unknown, "", |_| answer(200, r#"{"id":"another"}"#));
    // It is asked for three times.
    let relay = FaultServer::with_fault(api.base_url(), 1..=3, &ANOTHER, true);
    let through = client_with(&relay.url(), Credentials::token(jwt.token()));
    let error = rotate_current(&through).unwrap_err();
    assert!(
        matches!(
            &error,
            RotateError::NotVerified { error, orphan: None, .. }
                if kind(error) == ErrorKind::Unreadable
        ),
        "something was sent, and something came back: {error}"
    );
    assert_eq!(api.key_ids(), [old.clone(), jwt.key_id().unwrap()]);

    // A token that is not a JWT has no Key ID. It deletes itself, or the error reports it.
    api.answer_next(1, 200, &[], r#"{"token":"opaque"}"#);
    let error = rotate_current(&own).unwrap_err();
    assert!(
        matches!(&error, RotateError::NotVerified { error: Error::Malformed { .. }, .. }),
        "{error}"
    );
    assert!(error.orphan().unwrap().key_id.is_none());
    assert_eq!(
        api.requests().last().unwrap().to_string(),
        "DELETE /auth/v1/tokens?criteria=CURRENT"
    );
    assert!(!error.to_string().contains("opaque"), "{error}");
}

/// The request was sent, and the response does not say what it did.
fn assert_replayed(error: RotateError) {
    let RotateError::NotCreated(finding) = &error else {
        panic!("{error}");
    };
    assert!(kind(finding) == ErrorKind::Unreadable, "{error}");
    assert_eq!((finding.status(), finding.outcome_unknown()), (Some(200), true));
    assert!(error.to_string().contains("list the tokens"), "{error}");
}

/// A token that is not a JWT has no Key ID to compare. If a replayed response were taken for a new
/// token, the token in use would delete itself.
/// To undo that would delete the client's own token.
#[test]
fn replayed_own_token_is_not_deleted_when_another_one_is_replaced() {
    // Another token with the Key ID of the client's own.
    let server = FaultServer::start(vec![answer(200, r#"{"token":"eyJraWQiOiJhIn0.e30.bmV3"}"#)]);
    let client = client_with(&server.url(), Credentials::token("eyJraWQiOiJhIn0.e30.b3du"));
    let options = RotateTokenOptions::replacing(KeyId::new("b").unwrap()).ttl(LONG);
    assert_replayed(rotate_token(&client, &options, |_| Ok::<(), Full>(())).unwrap_err());
    assert_eq!(server.requests(), ["GET /auth/v1/tokens/generate?ttl=60 HTTP/1.1"]);
}

#[test]
fn replayed_opaque_token_is_not_deleted() {
    in_parallel(["opaque", " opaque "], |token| {
        let api = MockAuthApi::start();
        let own = client_with(api.base_url(), Credentials::token("opaque"));
        let before = api.requests().len();
        api.answer_next(1, 200, &[], &format!(r#"{{"token":"{token}"}}"#));
        let another = KeyId::new("another").unwrap();
        let options = RotateTokenOptions::replacing(another).ttl(Duration::from_secs(3600));
        let error = rotate(&own, &options).unwrap_err();
        assert_replayed(error);
        let sent = lines_of(&api.requests()[before..]);
        assert_eq!(sent, ["GET /auth/v1/tokens/generate?ttl=3600"], "nothing is deleted");
    });
}
