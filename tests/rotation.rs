//! A new token in, the old one out: that nothing on the way leaves a caller without a valid token, and
//! no token behind that nobody is told of.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod support;

use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use ionoscloud_auth::mock::MockAuthApi;
use ionoscloud_auth::*;
use proptest::prelude::*;
use support::faults::{FAULTS, Fault, Says};
use support::relay::Step;
use support::{FaultServer, Play, client_of};

fn client(url: &str, credentials: Credentials) -> Client {
    let client = client_of(url, Duration::from_secs(20));
    client.with_credentials(credentials).unwrap()
}

/// A service with one token, and a client that uses it.
fn service() -> (MockAuthApi, Client, KeyId) {
    let api = MockAuthApi::start();
    let jwt = create_token(
        &client(api.base_url(), api.credentials()),
        &CreateTokenOptions::new(),
    )
    .unwrap();
    let client = client(api.base_url(), Credentials::token(jwt.token()));
    let id = jwt.key_id().unwrap();
    (api, client, id)
}

#[derive(Debug, thiserror::Error)]
#[error("the disk is full")]
struct Full;

#[test]
fn five_steps() {
    let (api, client, old) = service();
    let before = api.requests().len();
    let options = RotateTokenOptions::current().ttl(Duration::from_secs(3600));
    let mut stored = String::new();
    let rotation = rotate_token(&client, &options, |jwt| {
        // The old one is still there while the new one is being stored.
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
    assert_eq!(api.requests()[before..], expected);
    assert!(!format!("{rotation:?}").contains(&stored));
}

#[test]
fn whose_token_is_replaced() {
    // With a user name and a password there is none of the client's own.
    let (api, own, old) = service();
    let basic = client(api.base_url(), api.credentials());
    let before = api.requests().len();
    let error = rotate_token(
        &basic,
        &RotateTokenOptions::current(),
        |_| Ok::<_, Full>(()),
    );
    let error = error.unwrap_err();
    assert!(
        matches!(error, RotateError::NotCreated(Error::Invalid { .. })),
        "{error}"
    );
    assert!(
        error.to_string().contains("RotateTokenOptions::replacing"),
        "{error}"
    );
    assert_eq!(api.requests().len(), before, "nothing is sent");

    // One that is named, by either.
    for client in [&basic, &own] {
        let named = create_token(&basic, &CreateTokenOptions::new())
            .unwrap()
            .key_id()
            .unwrap();
        let options = RotateTokenOptions::replacing(named.clone());
        let options = options.contract_number(api.contract_number());
        let rotation = rotate_token(client, &options, |_| Ok::<_, Full>(())).unwrap();
        assert!(rotation.leftover.is_none());
        let ids = api.key_ids();
        assert!(ids.contains(&old) && ids.contains(&rotation.key_id) && !ids.contains(&named));
    }

    // One that is not there is told, as nobody knows then which one lives on.
    let options = RotateTokenOptions::replacing(KeyId::new("no-such-token").unwrap());
    let rotation = rotate_token(&own, &options, |_| Ok::<_, Full>(())).unwrap();
    assert_eq!(rotation.leftover.unwrap().status(), Some(404));

    // The options are checked, and the contract number is sent with every request.
    let short = RotateTokenOptions::current().ttl(Duration::from_secs(59));
    let error = rotate_token(&own, &short, |_| Ok::<_, Full>(())).unwrap_err();
    assert!(error.to_string().contains("ttl: is 59 s"), "{error}");
    let other = RotateTokenOptions::current().contract_number(1);
    let error = rotate_token(&own, &other, |_| Ok::<_, Full>(())).unwrap_err();
    assert!(matches!(&error, RotateError::NotCreated(error) if error.status() == Some(403)));
}

#[test]
fn a_store_that_fails() {
    let (api, client, old) = service();
    let options = RotateTokenOptions::current();
    let error = rotate_token(&client, &options, |_| Err(Full)).unwrap_err();
    assert!(matches!(
        &error,
        RotateError::NotStored {
            error: Full,
            leftover: None,
            ..
        }
    ));
    assert!(
        error
            .to_string()
            .contains("the disk is full; it was deleted again"),
        "{error}"
    );
    assert_eq!(
        std::error::Error::source(&error).unwrap().to_string(),
        "the disk is full"
    );
    assert_eq!(api.key_ids(), std::slice::from_ref(&old));

    // It can't be deleted again: the error names it.
    let mut new = None;
    let error = rotate_token(&client, &options, |jwt| {
        new = jwt.key_id().ok();
        api.answer_next(1, 403, &[], "{}");
        Err(Full)
    })
    .unwrap_err();
    let leftover = error.leftover().unwrap();
    assert_eq!(
        (leftover.key_id.as_ref(), leftover.error.status()),
        (new.as_ref(), Some(403))
    );
    assert!(error.to_string().contains(new.unwrap().as_str()), "{error}");
    assert!(api.key_ids().contains(&old));
}

#[test]
fn a_store_that_panics() {
    let (api, client, old) = service();
    let panics = |answer: Option<u16>| {
        let store = |_: &Jwt| -> std::result::Result<(), Full> {
            if let Some(status) = answer {
                api.answer_next(1, status, &[], "{}");
            }
            panic!("in the store")
        };
        let rotating = || rotate_token(&client, &RotateTokenOptions::current(), store);
        let panic = catch_unwind(AssertUnwindSafe(rotating)).unwrap_err();
        assert_eq!(
            panic.downcast_ref(),
            Some(&"in the store"),
            "the panic goes on"
        );
    };
    panics(None);
    assert_eq!(
        api.key_ids(),
        std::slice::from_ref(&old),
        "the new token is deleted again"
    );

    log::set_logger(&LOG).unwrap();
    log::set_max_level(log::LevelFilter::Error);
    panics(Some(403));
    let ids = api.key_ids();
    assert_eq!(ids.len(), 2);
    let new = ids.iter().find(|id| **id != old).unwrap();
    let logged = LOG.0.lock().unwrap().join("\n");
    assert!(
        logged.contains(new.as_str()),
        "the Key ID is in the log: {logged}"
    );
}

struct Log(Mutex<Vec<String>>);

static LOG: Log = Log(Mutex::new(Vec::new()));

impl log::Log for Log {
    fn enabled(&self, metadata: &log::Metadata) -> bool {
        metadata.level() == log::Level::Error
    }

    fn log(&self, record: &log::Record) {
        if self.enabled(record.metadata()) {
            self.0.lock().unwrap().push(record.args().to_string());
        }
    }

    fn flush(&self) {}
}

#[test]
fn answers_that_would_lose_a_token() {
    // A cache between here and the service brings the old token once more: to go on would delete it.
    let (api, _, old) = service();
    let basic = client(api.base_url(), api.credentials());
    let jwt = create_token(&basic, &CreateTokenOptions::new()).unwrap();
    let own = client(api.base_url(), Credentials::token(jwt.token()));
    let cached = format!(r#"{{"token":"{}"}}"#, jwt.token());
    api.answer_next(1, 200, &[], &cached);
    let error = rotate_token(&own, &RotateTokenOptions::current(), |_| Ok::<_, Full>(()));
    assert_replayed(error.unwrap_err());
    assert_eq!(api.key_ids(), [old.clone(), jwt.key_id().unwrap()]);

    // Nor when another token was to be replaced: to undo it would delete the one that is in use.
    api.answer_next(1, 200, &[], &cached);
    let options = RotateTokenOptions::replacing(old.clone());
    let error = rotate_token(&own, &options, |_| Err(Full)).unwrap_err();
    assert_replayed(error);
    assert_eq!(api.key_ids(), [old.clone(), jwt.key_id().unwrap()]);

    // The proof is of the new token, and not of another.
    let relay = FaultServer::before(api.base_url(), |n| {
        static ANOTHER: Fault = Fault {
            name: "another token",
            says: Says::Unknown,
            text: "",
            play: |_| Play::Write(support::answer(200, "", r#"{"id":"another"}"#)),
        };
        if n == 1 {
            Step::Fault(&ANOTHER, true)
        } else {
            Step::Pass
        }
    });
    let through = client(&relay.url(), Credentials::token(jwt.token()));
    let error = rotate_token(&through, &RotateTokenOptions::current(), |_| {
        Ok::<_, Full>(())
    });
    let error = error.unwrap_err();
    assert!(
        matches!(
            &error,
            RotateError::NotProven {
                error: Error::UnreadableAnswer(_),
                leftover: None,
                ..
            }
        ),
        "something was sent, and something came back: {error}"
    );
    assert_eq!(api.key_ids(), [old.clone(), jwt.key_id().unwrap()]);

    // What is no JWT has no Key ID: it is asked to delete itself, and if it can't, that is told.
    api.answer_next(1, 200, &[], r#"{"token":"opaque"}"#);
    let error = rotate_token(&own, &RotateTokenOptions::current(), |_| Ok::<_, Full>(()));
    let error = error.unwrap_err();
    let RotateError::NotProven { error: finding, .. } = &error else {
        panic!("{error}");
    };
    assert_eq!(
        (finding.status(), finding.outcome_unknown()),
        (Some(200), false)
    );
    assert!(error.leftover().unwrap().key_id.is_none());
    assert_eq!(
        api.requests().last().unwrap(),
        "DELETE /auth/v1/tokens?criteria=CURRENT"
    );
    assert!(!error.to_string().contains("opaque"), "{error}");
}

/// The request was sent, and what came back does not say what it did.
fn assert_replayed(error: RotateError<Full>) {
    let RotateError::NotCreated(finding) = &error else {
        panic!("{error}");
    };
    assert!(matches!(finding, Error::UnreadableAnswer(_)), "{error}");
    assert_eq!(
        (finding.status(), finding.outcome_unknown()),
        (Some(200), true)
    );
    assert!(error.to_string().contains("list the tokens"), "{error}");
}

/// A token that is not a JWT has no Key ID to compare: a replayed answer that holds it would have it
/// delete itself, as what was just created and can't be read.
#[test]
fn an_opaque_token_that_is_answered_once_more_is_not_deleted() {
    for token in ["opaque", " opaque "] {
        let api = MockAuthApi::start();
        let own = client(api.base_url(), Credentials::token("opaque"));
        let before = api.requests().len();
        api.answer_next(1, 200, &[], format!(r#"{{"token":"{token}"}}"#));
        let options = RotateTokenOptions::replacing(KeyId::new("another").unwrap());
        let error = rotate_token(&own, &options, |_| Ok::<_, Full>(())).unwrap_err();
        assert_replayed(error);
        assert_eq!(
            api.requests()[before..],
            ["GET /auth/v1/tokens/generate"],
            "nothing is deleted"
        );
    }
}

/// Whether a service that was sent this can have acted on it, by decision 1 of the design. Where it
/// can't, a test in which it does would be one of a gateway that lies.
fn may_have_acted(fault: &Fault) -> bool {
    !matches!(fault.says, Says::Refused | Says::Answered)
}

/// Rotates by way of these steps, and checks the service's state against what the caller was told.
fn rotate_and_check(
    steps: impl Fn(usize) -> Step + Send + Sync + 'static,
    store_fails: bool,
    timeout: Duration,
    case: &str,
) {
    let (api, _, old) = service();
    let basic = client(api.base_url(), api.credentials());
    let jwt = create_token(&basic, &CreateTokenOptions::new()).unwrap();
    delete_token_by_id(&basic, &DeleteTokenByIdOptions::new(old)).unwrap();
    let old = jwt.key_id().unwrap();
    let relay = FaultServer::before(api.base_url(), steps);
    let client = client_of(&relay.url(), timeout)
        .with_credentials(Credentials::token(jwt.token()))
        .unwrap();
    let mut holds = old.clone();
    let result = rotate_token(&client, &RotateTokenOptions::current(), |jwt| {
        if store_fails {
            return Err(Full);
        }
        holds = jwt.key_id().unwrap();
        Ok(())
    });

    let ids = api.key_ids();
    assert!(
        ids.contains(&holds),
        "{case}: what the caller holds is not valid: {result:?}"
    );
    let mut known = vec![holds.clone()];
    let mut unnamed = 0;
    match &result {
        Ok(rotation) => {
            assert_eq!(rotation.key_id, holds, "{case}");
            match &rotation.leftover {
                None => assert!(!ids.contains(&old), "{case}: {result:?}"),
                Some(error) => {
                    assert!(
                        ids.contains(&old) || error.outcome_unknown(),
                        "{case}: {result:?}"
                    );
                    known.push(old.clone());
                }
            }
        }
        Err(error) => {
            assert_eq!(
                holds, old,
                "{case}: it says that nothing was stored: {error}"
            );
            if let RotateError::NotCreated(error) = error {
                unnamed = usize::from(error.outcome_unknown());
            }
            if let Some(leftover) = error.leftover() {
                known.extend(leftover.key_id.clone());
            }
            let text = error.to_string();
            assert!(!text.contains(jwt.token()), "{case}: {text}");
        }
    }
    let unknown: Vec<_> = ids.iter().filter(|id| !known.contains(id)).collect();
    assert!(
        unknown.len() <= unnamed,
        "{case}: nobody was told of {unknown:?}: {result:?}"
    );
}

fn time_for(fault: &Fault) -> Duration {
    Duration::from_millis(if fault.says == Says::TimedOut {
        300
    } else {
        20_000
    })
}

#[test]
fn every_fault_at_every_request() {
    let next = Arc::new(AtomicUsize::new(0));
    let cases = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..8 {
            let next = Arc::clone(&next);
            let cases = &cases;
            scope.spawn(move || {
                while let Some(fault) = FAULTS.get(next.fetch_add(1, Ordering::SeqCst)) {
                    for acted in [false, true] {
                        // A success that nobody carried out is one of a gateway that lies, too.
                        let possible = if acted { may_have_acted(fault) } else { fault.says != Says::Success };
                        // Create, read back, delete the old one or, if the store fails, the new one.
                        for at in 0..3 {
                            for lasting in [false, true] {
                                for store_fails in [false, true] {
                                    if !possible {
                                        continue;
                                    }
                                    let step = move |n: usize| {
                                        if n == at || lasting && n > at {
                                            Step::Fault(fault, acted)
                                        } else {
                                            Step::Pass
                                        }
                                    };
                                    let case = format!(
                                        "{} at request {at}, acted {acted}, lasting {lasting}, store fails {store_fails}",
                                        fault.name
                                    );
                                    rotate_and_check(step, store_fails, time_for(fault), &case);
                                    cases.fetch_add(1, Ordering::SeqCst);
                                }
                            }
                        }
                    }
                }
            });
        }
    });
    assert!(cases.into_inner() > 500);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_happens(
        script in prop::collection::vec((0..FAULTS.len(), any::<bool>(), any::<bool>()), 0..10),
        store_fails: bool,
    ) {
        let steps: Vec<Step> = script
            .iter()
            .map(|(index, acted, pass)| {
                let fault = &FAULTS[*index];
                let acted = if fault.says == Says::Success { true } else { *acted && may_have_acted(fault) };
                if *pass { Step::Pass } else { Step::Fault(fault, acted) }
            })
            .collect();
        let case = format!("{script:?}, store fails {store_fails}");
        let step = move |n: usize| steps.get(n).copied().unwrap_or(Step::Pass);
        rotate_and_check(step, store_fails, Duration::from_millis(300), &case);
    }
}
