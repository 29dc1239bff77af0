//! The lifetime of a new token, and what a shutdown leaves behind.

use super::*;

/// Returns the requests of a rotation whose create is refused, for a token with these dates.
fn asked_for(options: &RotateTokenOptions, dates: (&str, &str)) -> Vec<String> {
    let (created, expires) = dates;
    let token =
        format!(r#"{{"id":"{ID}","createdDate":"{created}","expirationDate":"{expires}"}}"#);
    let server = FaultServer::start(vec![answer(200, &token), answer(403, "")]);
    let client = client_with(&server.url(), Credentials::basic("user", "password"));
    rotate(&client, options).unwrap_err();
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
    let _ = rotate_current(&own).unwrap();
    assert_eq!(api.requests()[before].to_string(), "GET /auth/v1/tokens/generate?ttl=3600");

    // The service knows the lifetime.
    let generate = |ttl: &str| format!("GET /auth/v1/tokens/generate{ttl} HTTP/1.1");
    let named = RotateTokenOptions::replacing(id());
    #[rustfmt::skip]
    let cases = [
        (("2025-01-01T00:00:00Z", "2025-01-01T01:00:00Z"), "?ttl=3600", "an hour"),
        (("2025-01-01T00:00:00Z", "2035-01-01T00:00:00Z"), "?ttl=31536000",
         "longer than one can be made"),
        (("2025-01-01T00:00:00Z", "2025-01-01T00:00:01Z"), "?ttl=60",
         "shorter than one can be made"),
        (("", "2025-01-01T00:00:00Z"), "", "a date is missing"),
        (("2026-01-01T00:00:00Z", "2025-01-01T00:00:00Z"), "", "it expired before it was created"),
    ];
    for (dates, ttl, reason) in cases {
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
    assert!(matches!(&error, RotateError::NotStored { orphan: None, .. }), "{error}");
    assert_eq!(api.key_ids(), [old]);

    // During `store`, which then succeeds: both tokens are valid, and the old one is reported.
    let (api, client, old) = service();
    let rotation = rotate_token(&client, &RotateTokenOptions::current(), |_| {
        client.shutdown();
        Ok::<_, Full>(())
    });
    let rotation = rotation.unwrap();
    assert_eq!(rotation.leftover.as_ref().map(kind), Some(ErrorKind::ShutDown), "{rotation:?}");
    assert_eq!(api.key_ids(), [old, rotation.key_id]);

    // While the new token is read back.
    let (api, _, old) = service();
    let (relay, client, own) = through(&api, 1..2, named("silence"), true);
    let error = std::thread::scope(|scope| {
        let rotating = scope.spawn(|| rotate_current(&client));
        relay.await_requests(2);
        client.shutdown();
        rotating.join().unwrap().unwrap_err()
    });
    assert!(matches!(&error, RotateError::NotVerified { orphan: None, .. }), "{error}");
    assert_eq!(api.key_ids(), [old, own]);

    // Before the create.
    let before = api.requests().len();
    let error = rotate_current(&client).unwrap_err();
    assert!(!error.outcome_unknown() && error.orphan().is_none(), "{error}");
    assert_eq!(api.requests().len(), before, "nothing is sent");
}

/// The old token's lifetime is asked for before anything is created. Only the service's own refusal
/// ends the rotation.
#[test]
fn unknown_lifetime_does_not_end_a_rotation() {
    // (fault, at how many attempts, whether the rotation goes on)
    let cases = [
        ("404", 1, false),
        ("403", 1, false),
        ("401", 1, false),
        ("404 of a gateway", 1, true),
        ("403 of a gateway", 1, true),
        ("302", 1, true),
        ("500", 1, true),
        ("502", 2, true),
        ("a page", 2, true),
        ("closed before the head", 2, true),
        ("no HTTP", 2, true),
    ];
    in_parallel(cases, |(name, times, goes_on)| {
        let fault = named(name);
        let (api, _, old) = service();
        // The first response is lost, so that the outcome of that call is unknown.
        let lost = named("reset in the head");
        let relay = FaultServer::before(api.base_url(), move |n| match n {
            0 => Step::Fault(lost, false),
            n if n <= times => Step::Fault(fault, false),
            _ => Step::Pass,
        });
        let basic = client_with(&relay.url(), api.credentials());
        let options = RotateTokenOptions::replacing(&old);
        let rotated = rotate(&basic, &options);
        let creates = |line: &String| line.contains("/generate");
        match rotated {
            Ok(rotation) => {
                assert!(goes_on && rotation.leftover.is_none(), "{name}");
                assert_eq!(api.key_ids(), [rotation.key_id], "{name}");
            }
            Err(error) => {
                assert!(!goes_on, "{name}: {error}");
                assert!(matches!(error, RotateError::NotStarted(_)), "{name}: {error}");
                // What the call for the lifetime left open is about nothing.
                assert!(!error.outcome_unknown(), "{name}: {error}");
                let text = error.to_string();
                assert!(text.starts_with("no new token was created: "), "{text}");
                assert!(!relay.requests().iter().any(creates), "{name}: {error}");
                assert_eq!(api.key_ids(), std::slice::from_ref(&old), "{name}");
            }
        }
    });
}

#[test]
fn waits_have_limits() {
    at_once([clean_up_has_a_limit_after_a_shutdown, new_key_may_need_a_moment]);
}

/// What is left to clean up after a shutdown has 5 s, and else the caller's limit: whether a wait
/// for as long as the service asks for fits into that shows which it is.
fn clean_up_has_a_limit_after_a_shutdown() {
    // (whether there is a shutdown, the caller's limit, what the service asks for, whether it fits)
    let cases = [
        (true, LONG, "3", true),
        (true, LONG, "5", false),
        (true, Duration::from_secs(4), "4", false),
        (false, LONG, "6", true),
    ];
    in_parallel(cases, |(shuts_down, timeout, seconds, fits)| {
        let (api, client, old) = service();
        let client = client.with_timeout(timeout).unwrap();
        let rotated = rotate_token(&client, &RotateTokenOptions::current(), |_| {
            if shuts_down {
                client.shutdown();
            }
            api.answer_next(1, 429, &[("Retry-After", seconds)], "{}");
            Err(Full)
        });
        let error = rotated.unwrap_err();
        let case = format!("{shuts_down}, {timeout:?}, {seconds} s: {error}");
        assert_eq!(error.orphan().is_none(), fits, "{case}");
        assert_eq!(api.key_ids().len(), if fits { 1 } else { 2 }, "{case}");
        assert!(api.key_ids().contains(&old), "{case}");
    });
}

/// Services of this kind answer 401 to a key that is seconds old. For 5 s that is not believed, and
/// it is asked again after half a second.
fn new_key_may_need_a_moment() {
    let seconds = Duration::from_secs;
    // (what reading back meets, how often, the time limit, whether it succeeds, the least time, the
    // most requests)
    let cases = [
        ("401", 2, LONG, true, seconds(1), 3),
        ("401", 1000, LONG, false, seconds(5), 11),
        ("401", 1000, seconds(3), false, seconds(3), 7),
        ("403", 1000, LONG, false, seconds(0), 1),
    ];
    in_parallel(cases, |(name, times, timeout, succeeds, least, most)| {
        let (api, _, _) = service();
        // Request 0 is the create.
        let (relay, client, _) = through(&api, 1..=times, named(name), false);
        let client = client.with_timeout(timeout).unwrap();
        let started = std::time::Instant::now();
        let rotated = rotate_current(&client);
        let took = started.elapsed();
        let reads = relay.requests().join("\n").matches("GET /auth/v1/tokens/").count() - 1;
        let case = format!("{name}, {times} times, {took:?}, {reads} reads: {rotated:?}");
        assert!(took >= least && reads <= most, "{case}");
        match rotated {
            Ok(_) => assert!(succeeds && reads == most, "{case}"),
            Err(error) => {
                assert!(!succeeds, "{case}");
                assert!(matches!(error, RotateError::NotVerified { .. }), "{case}");
                // Deleting it again is refused, too, so it is named.
                let orphan = error.orphan().unwrap();
                assert!(api.key_ids().contains(orphan.key_id.as_ref().unwrap()), "{case}");
            }
        }
    });
}

/// The key is not verified again, and the error says why.
#[test]
fn shutdown_ends_the_wait_for_a_new_key() {
    let (api, _, _) = service();
    let (relay, client, _) = through(&api, 1..=1000, named("401"), false);
    let error = std::thread::scope(|scope| {
        let rotating = scope.spawn(|| rotate_current(&client).unwrap_err());
        relay.await_requests(2);
        client.shutdown();
        rotating.join().unwrap()
    });
    let RotateError::NotVerified { error, .. } = error else { panic!("{error}") };
    assert_eq!(kind(&error), ErrorKind::ShutDown, "{error}");
}
