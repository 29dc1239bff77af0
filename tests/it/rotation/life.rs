//! The lifetime of a new token, and what a shutdown leaves behind.

use super::*;

use crate::support::faults::FAULTS;

/// Returns the requests of a rotation whose create is refused, for a token with these dates.
fn asked_for(options: &RotateTokenOptions, dates: (&str, &str)) -> Vec<String> {
    let (created, expires) = dates;
    let token =
        format!(r#"{{"id":"{ID}","createdDate":"{created}","expirationDate":"{expires}"}}"#);
    let server = FaultServer::start(vec![
        Play::Write(response(200, "", &token)),
        Play::Write(response(403, "", "")),
    ]);
    let client = client_with(&server.url(), Credentials::basic("user", "password"));
    rotate_token(&client, options, |_| Ok::<_, Full>(())).unwrap_err();
    server.requests()
}

#[test]
fn new_token_lives_as_long_as_the_old_one() {
    // The token contains its lifetime: no request is sent for it.
    let api = MockAuthApi::start();
    let basic = client_with(api.base_url(), api.credentials());
    let hour = CreateTokenOptions::new().ttl(Duration::from_secs(3600));
    let jwt = create_token(&basic, &hour).unwrap();
    let own = client_with(api.base_url(), Credentials::token(jwt.token()));
    let before = api.requests().len();
    let _ = rotate_token(&own, &RotateTokenOptions::current(), |_| Ok::<_, Full>(())).unwrap();
    assert_eq!(
        api.requests()[before].to_string(),
        "GET /auth/v1/tokens/generate?ttl=3600"
    );

    // The service knows the lifetime.
    let generate = |ttl: &str| format!("GET /auth/v1/tokens/generate{ttl} HTTP/1.1");
    let named = RotateTokenOptions::replacing(id());
    for (dates, ttl, reason) in [
        (
            ("2025-01-01T00:00:00Z", "2025-01-01T01:00:00Z"),
            "?ttl=3600",
            "an hour",
        ),
        (
            ("2025-01-01T00:00:00Z", "2035-01-01T00:00:00Z"),
            "?ttl=31536000",
            "longer than one can be made",
        ),
        (
            ("2025-01-01T00:00:00Z", "2025-01-01T00:00:01Z"),
            "?ttl=60",
            "shorter than one can be made",
        ),
        (("", "2025-01-01T00:00:00Z"), "", "a date is missing"),
        (
            ("2026-01-01T00:00:00Z", "2025-01-01T00:00:00Z"),
            "",
            "it expired before it was created",
        ),
    ] {
        let requests = asked_for(&named, dates);
        assert_eq!(
            requests,
            [format!("GET /auth/v1/tokens/{ID} HTTP/1.1"), generate(ttl)],
            "{reason}"
        );
    }

    // The caller sets the lifetime: no request is sent for it.
    let options = named.ttl(Duration::from_secs(7200));
    let requests = asked_for(&options, ("2025-01-01T00:00:00Z", "2025-01-01T01:00:00Z"));
    assert_eq!(requests[0], generate("?ttl=7200"));
}

#[test]
fn shutdown_orphans_no_token() {
    // During `store`, which then fails.
    let (api, client, old) = service();
    let error = rotate_token(&client, &RotateTokenOptions::current(), |_| {
        client.shutdown();
        Err(Full)
    });
    let error = error.unwrap_err();
    assert!(
        matches!(&error, RotateError::NotStored { orphan: None, .. }),
        "{error}"
    );
    assert_eq!(api.key_ids(), [old]);

    // During `store`, which then succeeds: both tokens are valid, and the old one is reported.
    let (api, client, old) = service();
    let rotation = rotate_token(&client, &RotateTokenOptions::current(), |_| {
        client.shutdown();
        Ok::<_, Full>(())
    });
    let rotation = rotation.unwrap();
    let Some(Error::Call(error)) = rotation.leftover else {
        panic!("{rotation:?}");
    };
    assert_eq!(error.kind, ErrorKind::ShutDown);
    assert_eq!(api.key_ids(), [old, rotation.key_id]);

    // While the new token is read back.
    let (api, _, old) = service();
    let jwt = new_jwt(&client_with(api.base_url(), api.credentials())).unwrap();
    let silence = FAULTS.iter().find(|fault| fault.name == "silence").unwrap();
    let relay = FaultServer::before(api.base_url(), move |n| match n {
        1 => Step::Fault(silence, true),
        _ => Step::Pass,
    });
    let client = client_with(&relay.url(), Credentials::token(jwt.token()));
    let error = std::thread::scope(|scope| {
        let rotating = scope.spawn(|| {
            rotate_token(&client, &RotateTokenOptions::current(), |_| {
                Ok::<_, Full>(())
            })
        });
        relay.await_requests(2);
        client.shutdown();
        rotating.join().unwrap().unwrap_err()
    });
    assert!(
        matches!(&error, RotateError::NotVerified { orphan: None, .. }),
        "{error}"
    );
    assert_eq!(api.key_ids(), [old, jwt.key_id().unwrap()]);

    // Before the create.
    let before = api.requests().len();
    let error = rotate_token(&client, &RotateTokenOptions::current(), |_| {
        Ok::<_, Full>(())
    });
    let error = error.unwrap_err();
    assert!(
        !error.outcome_unknown() && error.orphan().is_none(),
        "{error}"
    );
    assert_eq!(api.requests().len(), before, "nothing is sent");
}
