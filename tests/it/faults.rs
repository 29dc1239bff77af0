//! What a call reports after each fault, how many requests it sends, and that it ends in time.

use crate::support::*;

struct Seen {
    requests: usize,
    error: Option<Error>,
    elapsed: Duration,
}

fn run(endpoint: &Endpoint, script: Vec<Play>, timeout: Duration) -> Seen {
    let server = FaultServer::start(script);
    let client = client_with_timeout(&server.url(), timeout);
    let started = Clock::start();
    let error = (endpoint.run)(&client).err();
    Seen { requests: server.requests().len(), error, elapsed: started.elapsed() }
}

fn check(endpoint: &Endpoint, fault: &Fault) {
    let case = format!("{} × {}", fault.name, endpoint.name);
    let timeout = if fault.outcome == Outcome::TimedOut { SHORT } else { LONG };

    // The fault at each attempt.
    let lasting = run(endpoint, vec![(fault.play)(endpoint.body)], timeout);
    let again = match fault.outcome {
        Outcome::Refused => true,
        Outcome::Unknown => endpoint.repeatable,
        _ => false,
    };
    let outcome_unknown =
        matches!(fault.outcome, Outcome::Unknown | Outcome::UnknownForGood | Outcome::TimedOut);
    println!(
        "{case:45} {} requests, {:5} ms, {}",
        lasting.requests,
        lasting.elapsed.as_millis(),
        lasting.error.as_ref().map_or("Ok".to_owned(), ToString::to_string)
    );
    assert_eq!(lasting.requests, if again { 3 } else { 1 }, "{case}");
    assert!(
        lasting.elapsed < timeout.min(Duration::from_secs(20)) + SLACK,
        "{case}: {:?}",
        lasting.elapsed
    );
    match &lasting.error {
        None => assert_eq!(fault.outcome, Outcome::Success, "{case}"),
        Some(error) => {
            assert_ne!(fault.outcome, Outcome::Success, "{case}: {error}");
            assert_eq!(
                error.outcome_unknown(),
                endpoint.reports(outcome_unknown),
                "{case}: {error}"
            );
            assert!(error.to_string().contains(fault.text), "{case}: {error}");
        }
    }

    // The fault once, and then a success.
    if fault.outcome == Outcome::TimedOut {
        return;
    }
    let once = run(endpoint, vec![(fault.play)(endpoint.body), endpoint.works()], timeout);
    assert_eq!(once.requests, if again { 2 } else { 1 }, "{case}, once");
    let succeeds = again || fault.outcome == Outcome::Success;
    assert_eq!(once.error.is_none(), succeeds, "{case}, once: {:?}", once.error);
}

#[test]
fn each_fault_is_retried_only_where_safe() {
    let cases = FAULTS.iter().flat_map(|fault| ENDPOINTS.iter().map(move |row| (row, fault)));
    in_parallel(cases, |(endpoint, fault)| check(endpoint, fault));
}

/// Whether a status leaves the outcome unknown, and whether a call that may be repeated is. This is
/// the documentation's table, written a second time.
fn expected(code: u16, by_service: bool) -> (bool, bool) {
    let refused = code == 429 || code == 503 && by_service;
    let before_passing_on =
        [400, 401, 405, 407, 411, 413, 414, 415, 417, 421, 426, 428, 431, 501, 505, 511];
    let answered = before_passing_on.contains(&code)
        || by_service && code / 100 == 4 && code != 408 && code != 425;
    let passes = [408, 425, 429, 502, 503, 504].contains(&code)
        || (520..530).contains(&code)
        // A lost connection, and a success that cannot be read.
        || code / 100 == 1 && code != 101
        || code / 100 == 2;
    (!refused && !answered, passes)
}

/// Every status, from the service and from a gateway.
#[test]
fn each_status_is_retried_only_where_safe() {
    let cases = (100..1000).flat_map(|code| [(code, true), (code, false)]);
    in_parallel(cases, |(code, by_service)| {
        for endpoint in [CREATE, LIST] {
            let case = format!("{code} × {}, by the service: {by_service}", endpoint.name);
            let server =
                FaultServer::start(vec![
                    match if by_service { status(code) } else { gateway(code) } {
                        Play::Write(bytes) if code < 200 => Play::WriteAndClose(bytes),
                        play => play,
                    },
                ]);
            let retry = RetryPolicy::default().max_retries(1).base_delay(Duration::ZERO);
            let client = builder_of(&server.url()).retry(retry).build().unwrap();
            let error = (endpoint.run)(&client).unwrap_err();
            let (outcome_unknown, passes) = expected(code, by_service);
            assert_eq!(
                error.outcome_unknown(),
                endpoint.reports(outcome_unknown),
                "{case}: {error}"
            );
            let is_interim = code / 100 == 1 && code != 101;
            assert_eq!(error.status() == Some(code), !is_interim, "{case}: {error}");
            let again = passes && (endpoint.repeatable || !outcome_unknown);
            assert_eq!(server.requests().len(), 1 + usize::from(again), "{case}: {error}");
        }
    });
}

#[test]
fn not_found_after_a_lost_response_is_success_only_for_delete() {
    for (first, says) in [
        (Play::WriteAndReset(vec![]), "reset"),
        (status(502), "502"),
        (gateway(503), "a gateway's 503"),
        (answer(202, ""), "202"),
        (close("HTTP/1.1 200 OK\r\n\r\n"), "cut off"),
        (answer(200, "<html>"), "unreadable"),
    ] {
        for endpoint in ENDPOINTS {
            let error = run(endpoint, vec![first.clone(), status(404)], LONG).error;
            match endpoint.name {
                "delete" => assert!(error.is_none(), "{says}: {error:?}"),
                name => {
                    let error = error.unwrap_or_else(|| panic!("{says}: {name}"));
                    assert_eq!(error.status() == Some(404), endpoint.repeatable, "{says}: {name}");
                    // The 404 does not say what the first attempt did.
                    assert_eq!(error.outcome_unknown(), endpoint.reports(true), "{says}: {name}");
                }
            }
        }
        // A gateway's 404 does not say that the token is gone.
        let another = r#"{"httpStatus":404,"messages":[]}"#;
        for second in [gateway(404), answer(404, another)] {
            let error = run(DELETE, vec![first.clone(), second], LONG).error.unwrap();
            assert_eq!(error.status(), Some(404), "{says}: {error}");
            assert!(error.outcome_unknown(), "{says}: {error}");
        }
    }
    for first in [status(503), status(429)] {
        for endpoint in ENDPOINTS {
            let error = run(endpoint, vec![first.clone(), status(404)], LONG).error.unwrap();
            assert_eq!(error.status(), Some(404), "{error}");
            assert!(!error.outcome_unknown(), "{error}");
        }
    }
}

#[test]
fn delete_succeeds_only_if_the_response_says_so() {
    let [chunked, end] = ["Transfer-Encoding: chunked\r\n", "\r\n0\r\n\r\n"];
    // (the response, whether it says that the token is gone, why)
    #[rustfmt::skip]
    let cases = [
        (answer(200, r#"{"success":true}"#), true, "it says so"),
        (answer(200, ""), false, "an empty body may be a gateway's"),
        (Play::Write(b"HTTP/1.1 204 X\r\n\r\n".to_vec()), false, "204 says nothing of tokens"),
        (answer(202, ""), false, "accepted, but not done"),
        (answer(202, r#"{"success":true}"#), false, "accepted, but not done"),
        (close("HTTP/1.1 200 X\r\n\r\n"), false, "it may be cut off"),
        (Play::Write(format!("HTTP/1.1 200 X\r\n{chunked}{end}").into()), false,
         "no length was declared"),
        (Play::Write(format!("HTTP/1.1 200 X\r\n{chunked}Content-Length: 0\r\n{end}").into()), false,
         "which of the two is its length?"),
        (answer(200, " "), false, "only a space"),
        (answer(200, "{}"), false, "it does not say so"),
        (answer(200, "null"), false, "it does not say so"),
        (answer(200, "[true]"), false, "an array is no object"),
    ];
    for (play, says, reason) in cases {
        for endpoint in deletions() {
            let seen = run(endpoint, vec![play.clone()], LONG);
            let unknown = seen.error.as_ref().map(Error::outcome_unknown);
            let expected = if says { None } else { Some(true) };
            assert_eq!(unknown, expected, "{reason}: {}: {:?}", endpoint.name, seen.error);
        }
    }
}

#[test]
fn unknown_outcome_persists_through_later_errors() {
    // After a reset the last response is the error, but the outcome of the first attempt is still
    // unknown.
    in_parallel([503, 401, 500], |code| {
        let script = vec![Play::WriteAndReset(vec![]), status(code)];
        let error = run(DELETE, script, LONG).error.unwrap();
        assert_eq!((error.status(), error.outcome_unknown()), (Some(code), true), "{error}");
    });
}

#[test]
fn refused_connection_leaves_the_outcome_known() {
    let (_taken, port) = closed_port();
    for endpoint in ENDPOINTS {
        let error = (endpoint.run)(&client_of(&format!("http://127.0.0.1:{port}"))).unwrap_err();
        assert!(!error.outcome_unknown(), "{error}");
        assert_eq!(kind(&error), ErrorKind::ConnectFailed, "{error}");
        // The text is in the system's language, the number is always the same.
        let econnrefused = if cfg!(windows) { 10061 } else { 111 };
        if cfg!(any(windows, target_os = "linux")) {
            let number = format!("(os error {econnrefused})");
            assert!(error.to_string().contains(&number), "{error}");
        }
    }
}

#[test]
fn unresolvable_host_leaves_the_outcome_known() {
    for endpoint in ENDPOINTS {
        let started = Instant::now();
        let timeout = Duration::from_secs(3);
        let error = (endpoint.run)(&client_with_timeout("https://no-such-host.invalid", timeout))
            .unwrap_err();
        assert!(started.elapsed() < timeout + SLACK, "{error}");
        assert!(!error.outcome_unknown(), "{error}");
        // If no name server is reachable, the call may time out instead.
        assert!(
            matches!(kind(&error), ErrorKind::AddressNotFound | ErrorKind::TimedOut),
            "{error}"
        );
    }
}

#[test]
fn failed_tls_handshake_leaves_the_outcome_known() {
    use ErrorKind::{TimedOut, TlsFailed};
    let no_tls =
        "it does not speak TLS: check the port, or whether its URL must begin with http://";
    let alert = |description: &str| close(&format!("\x15\x03\x03\x00\x02\x02{description}"));
    let drip = vec![0x16, 3, 3, 0xff, 0xff, 2, 0, 0xff, 0xff];
    let cases = [
        (Play::WriteAndReset(vec![]), TlsFailed, ""),
        (close(""), TlsFailed, "the peer closed the connection"),
        (close("HTTP/1.1 400 Bad Request\r\n\r\n"), TlsFailed, no_tls),
        (alert("\x28"), TlsFailed, "received fatal alert: HandshakeFailure"),
        (alert("\x46"), TlsFailed, "received fatal alert: ProtocolVersion"),
        (Play::Silence, TimedOut, ""),
        (Play::Drip(drip, Duration::from_millis(200)), TimedOut, ""),
    ];
    let cases =
        cases.iter().flat_map(|case| ENDPOINTS.iter().map(move |endpoint| (case, endpoint)));
    in_parallel(cases, |((play, expected, says), endpoint)| {
        let server = FaultServer::start(vec![play.clone()]);
        let timeout = if *expected == TimedOut { SHORT / 4 } else { LONG };
        let started = Clock::start();
        let error = (endpoint.run)(&client_with_timeout(&server.https_url(), timeout)).unwrap_err();
        assert!(started.elapsed() < timeout + SLACK, "{:?}", started.elapsed());
        assert!(!error.outcome_unknown(), "{}: {play:?}: {error}", endpoint.name);
        assert_eq!(kind(&error), *expected, "{play:?}: {error}");
        assert!(error.to_string().contains(says), "{play:?}: {error}");
        let speaks_no_tls = matches!(play, Play::WriteAndClose(page) if page.starts_with(b"HTTP"));
        // The time may be over before another attempt.
        if *expected != TimedOut {
            let connections = server.connections();
            assert_eq!(connections == 1, speaks_no_tls, "{play:?}: only that is final");
        }
    });
}
