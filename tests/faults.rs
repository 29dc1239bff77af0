//! Every fault of a network against every endpoint: how many requests arrived, what the caller got,
//! whether the outcome is unknown, and that it was in time.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod support;

use std::thread;
use std::time::{Duration, Instant};

use ionoscloud_auth::*;
use support::faults::{
    ANSWERED, FAULTS, Fault, Says, UNKNOWN, gateway, service_error, status, whole,
};
use support::*;

/// What the library promises is 250 ms; a machine that is busy with other tests may need more.
const SLACK: Duration = Duration::from_millis(1500);
const LONG: Duration = Duration::from_secs(20);
const SHORT: Duration = Duration::from_millis(400);

struct Seen {
    requests: usize,
    error: Option<Error>,
    elapsed: Duration,
}

fn run(endpoint: &Endpoint, script: Vec<Play>, timeout: Duration) -> Seen {
    let server = FaultServer::start(script);
    let client = client_of(&server.url(), timeout);
    let started = Instant::now();
    let error = (endpoint.run)(&client).err();
    Seen {
        requests: server.requests().len(),
        error,
        elapsed: started.elapsed(),
    }
}

fn check(endpoint: &Endpoint, fault: &Fault) {
    let case = format!("{} × {}", fault.name, endpoint.name);
    let timeout = if fault.says == Says::TimedOut {
        SHORT
    } else {
        LONG
    };
    let tries = 3;

    // The fault for as long as it is asked for.
    let lasting = run(endpoint, vec![(fault.play)(endpoint)], timeout);
    let again = match fault.says {
        Says::Refused => true,
        Says::Unknown => endpoint.repeatable,
        _ => false,
    };
    let outcome_unknown = matches!(
        fault.says,
        Says::Unknown | Says::UnknownForGood | Says::TimedOut
    );
    println!(
        "{case:45} {} requests, {:5} ms, {}",
        lasting.requests,
        lasting.elapsed.as_millis(),
        lasting
            .error
            .as_ref()
            .map_or("Ok".to_owned(), ToString::to_string)
    );
    assert_eq!(lasting.requests, if again { tries } else { 1 }, "{case}");
    assert!(
        lasting.elapsed < timeout + SLACK,
        "{case}: {:?}",
        lasting.elapsed
    );
    match &lasting.error {
        None => assert_eq!(fault.says, Says::Success, "{case}"),
        Some(error) => {
            assert_ne!(fault.says, Says::Success, "{case}: {error}");
            assert_eq!(error.outcome_unknown(), outcome_unknown, "{case}: {error}");
            assert!(error.to_string().contains(fault.text), "{case}: {error}");
        }
    }

    // The fault once, and then what should be.
    if fault.says == Says::TimedOut {
        return;
    }
    let once = run(
        endpoint,
        vec![(fault.play)(endpoint), Play::Write(whole(endpoint))],
        timeout,
    );
    assert_eq!(once.requests, if again { 2 } else { 1 }, "{case}, once");
    let succeeds = again || fault.says == Says::Success;
    assert_eq!(
        once.error.is_none(),
        succeeds,
        "{case}, once: {:?}",
        once.error
    );
}

#[test]
fn every_fault_against_every_endpoint() {
    thread::scope(|scope| {
        for endpoint in &ENDPOINTS {
            scope.spawn(move || FAULTS.iter().for_each(|fault| check(endpoint, fault)));
        }
    });
}

#[test]
fn a_connection_that_is_reset_as_soon_as_it_is_made() {
    for endpoint in &ENDPOINTS {
        let server = FaultServer::resetting();
        let error = (endpoint.run)(&client_of(&server.url(), LONG)).unwrap_err();
        // The request may have been on its way: the client can't know that nobody read it.
        assert!(error.outcome_unknown(), "{}: {error}", endpoint.name);
        let expected = if endpoint.repeatable { 3 } else { 1 };
        assert_eq!(server.connections(), expected, "{}", endpoint.name);
    }
}

/// Whoever sends them, and whatever stands in their body.
#[test]
fn every_status_against_every_endpoint() {
    thread::scope(|scope| {
        for endpoint in &ENDPOINTS {
            scope.spawn(move || {
                let unknown = UNKNOWN.iter().map(|code| (*code, true));
                let answered = ANSWERED.iter().map(|code| (*code, false));
                for (code, outcome_unknown) in unknown.chain(answered) {
                    for play in [status(code), gateway(code)] {
                        let case = format!("{code} × {}: {play:?}", endpoint.name);
                        let seen = run(endpoint, vec![play], LONG);
                        let error = seen.error.unwrap_or_else(|| panic!("{case}"));
                        assert_eq!(error.status(), Some(code), "{case}: {error}");
                        assert_eq!(error.outcome_unknown(), outcome_unknown, "{case}: {error}");
                        let again = outcome_unknown && endpoint.repeatable;
                        assert_eq!(seen.requests, if again { 3 } else { 1 }, "{case}");
                    }
                }
            });
        }
    });
}

#[test]
fn a_404_is_success_only_for_a_deletion_that_may_have_worked() {
    for (first, says) in [
        (Play::WriteAndReset(vec![]), "reset"),
        (status(502), "502"),
        (gateway(503), "a gateway's 503"),
        (Play::Write(answer(202, "", "")), "202"),
        (
            Play::WriteAndClose(b"HTTP/1.1 200 OK\r\n\r\n".to_vec()),
            "cut off",
        ),
        (Play::Write(answer(200, "", "<html>")), "unreadable"),
    ] {
        for endpoint in &ENDPOINTS {
            let seen = run(endpoint, vec![first.clone(), status(404)], LONG);
            let error = seen.error;
            match endpoint.name {
                "delete" => assert!(error.is_none(), "{says}: {error:?}"),
                name => {
                    let error = error.unwrap_or_else(|| panic!("{says}: {name}"));
                    assert_eq!(
                        error.status() == Some(404),
                        endpoint.repeatable,
                        "{says}: {name}"
                    );
                    // A 404 that follows does not say what the first try did.
                    assert!(error.outcome_unknown(), "{says}: {name}");
                }
            }
        }
        // Somebody else's 404 does not say that the token is gone.
        let another = r#"{"httpStatus":404,"messages":[]}"#;
        for second in [gateway(404), Play::Write(answer(404, "", another))] {
            let seen = run(&ENDPOINTS[3], vec![first.clone(), second], LONG);
            let error = seen.error.unwrap();
            assert_eq!(
                (error.status(), error.outcome_unknown()),
                (Some(404), true),
                "{says}: {error}"
            );
        }
    }
    for first in [status(503), status(429)] {
        for endpoint in &ENDPOINTS {
            let error = run(endpoint, vec![first.clone(), status(404)], LONG)
                .error
                .unwrap();
            assert_eq!(
                (error.status(), error.outcome_unknown()),
                (Some(404), false),
                "{}",
                endpoint.name
            );
        }
    }
}

#[test]
fn deleted_means_that_the_service_said_so() {
    // (what comes, whether it says that the token is gone, why)
    for (play, says, reason) in [
        (
            Play::Write(answer(200, "", r#"{"success":true}"#)),
            true,
            "it says so",
        ),
        (
            Play::Write(answer(200, "", "")),
            true,
            "an empty body of a declared length",
        ),
        (
            Play::Write(b"HTTP/1.1 204 X\r\n\r\n".to_vec()),
            true,
            "204 has no body",
        ),
        (
            Play::Write(answer(202, "", "")),
            false,
            "accepted is not done",
        ),
        (
            Play::Write(answer(202, "", r#"{"success":true}"#)),
            false,
            "accepted is not done",
        ),
        (
            Play::WriteAndClose(b"HTTP/1.1 200 X\r\n\r\n".to_vec()),
            false,
            "it may be cut off",
        ),
        (
            Play::Write(b"HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n".to_vec()),
            false,
            "no length was declared",
        ),
        (
            Play::Write(
                b"HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n0\r\n\r\n"
                    .to_vec(),
            ),
            false,
            "which of the two is its length?",
        ),
        (
            Play::Write(answer(200, "", " ")),
            false,
            "a blank is not an answer",
        ),
        (
            Play::Write(answer(200, "", "{}")),
            false,
            "it does not say so",
        ),
        (
            Play::Write(answer(200, "", "null")),
            false,
            "it does not say so",
        ),
    ] {
        for endpoint in ENDPOINTS.iter().filter(|e| e.name.starts_with("delete")) {
            let seen = run(endpoint, vec![play.clone()], LONG);
            match seen.error {
                None => assert!(says, "{reason}: {}", endpoint.name),
                Some(error) => assert!(
                    !says && error.outcome_unknown(),
                    "{reason}: {}: {error}",
                    endpoint.name
                ),
            }
        }
    }
    let refusal = Play::Write(answer(200, "", r#"{"success":false}"#));
    for endpoint in ENDPOINTS.iter().filter(|e| e.name.starts_with("delete")) {
        let seen = run(endpoint, vec![refusal.clone()], LONG);
        let error = seen.error.unwrap();
        assert_eq!(
            (seen.requests, error.outcome_unknown()),
            (1, false),
            "{error}"
        );
    }
}

#[test]
fn an_unknown_outcome_stays_unknown_until_an_answer_tells() {
    // (after a reset, this), for a list: the last answer is the error, and what the first try did
    // is as unknown as before.
    for (then, status_code) in [(status(503), 503), (status(401), 401), (status(500), 500)] {
        let seen = run(&ENDPOINTS[1], vec![Play::WriteAndReset(vec![]), then], LONG);
        let error = seen.error.unwrap();
        assert_eq!(
            (error.status(), error.outcome_unknown()),
            (Some(status_code), true),
            "{error}"
        );
    }
}

#[test]
fn nobody_listens() {
    let (_taken, port) = closed_port();
    for endpoint in &ENDPOINTS {
        let error =
            (endpoint.run)(&client_of(&format!("http://127.0.0.1:{port}"), LONG)).unwrap_err();
        assert!(!error.outcome_unknown(), "{error}");
        let Error::Transport(error) = error else {
            panic!("{error}");
        };
        assert_eq!(error.kind, TransportErrorKind::ConnectFailed);
        assert!(std::error::Error::source(&error).is_some());
    }
}

#[test]
fn a_name_without_an_address() {
    for endpoint in &ENDPOINTS {
        let started = Instant::now();
        let timeout = Duration::from_secs(3);
        let error =
            (endpoint.run)(&client_of("https://no-such-host.invalid", timeout)).unwrap_err();
        assert!(started.elapsed() < timeout + SLACK);
        assert!(!error.outcome_unknown(), "{error}");
        // Where no name server can be reached, it may be time that ends it.
        let Error::Transport(error) = error else {
            panic!("{error}");
        };
        assert!(
            matches!(
                error.kind,
                TransportErrorKind::AddressNotFound | TransportErrorKind::TimedOut
            ),
            "{error}"
        );
    }
}

#[test]
fn tls_that_is_not_agreed_leaves_nothing_unknown() {
    for (play, kind) in [
        (Play::WriteAndReset(vec![]), TransportErrorKind::TlsFailed),
        (Play::WriteAndClose(vec![]), TransportErrorKind::TlsFailed),
        (
            Play::WriteAndClose(b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec()),
            TransportErrorKind::TlsFailed,
        ),
        (
            Play::WriteAndClose(b"\x15\x03\x03\x00\x02\x02\x28".to_vec()),
            TransportErrorKind::TlsFailed,
        ),
        (Play::Silence, TransportErrorKind::TimedOut),
        (
            Play::Drip(
                vec![0x16, 3, 3, 0xff, 0xff, 2, 0, 0xff, 0xff],
                Duration::from_millis(100),
            ),
            TransportErrorKind::TimedOut,
        ),
    ] {
        for endpoint in &ENDPOINTS {
            let server = FaultServer::start(vec![play.clone()]);
            let timeout = if kind == TransportErrorKind::TimedOut {
                SHORT
            } else {
                LONG
            };
            let started = Instant::now();
            let error = (endpoint.run)(&client_of(&server.https_url(), timeout)).unwrap_err();
            assert!(
                started.elapsed() < timeout + SLACK,
                "{:?}",
                started.elapsed()
            );
            assert!(
                !error.outcome_unknown(),
                "{}: {play:?}: {error}",
                endpoint.name
            );
            let Error::Transport(error) = error else {
                panic!("{error}");
            };
            assert_eq!(error.kind, kind, "{play:?}: {error}");
            assert!(server.connections() > 1, "{play:?}: it is tried again");
        }
    }
}

#[test]
fn a_timeout_is_for_the_whole_call() {
    // 503 again and again: the tries and their waits end with the call's time.
    let server = FaultServer::start(vec![status(503)]);
    let client = Client::builder()
        .base_url(server.url())
        .credentials(Credentials::token("a.b.c"))
        .timeout(Duration::from_millis(500))
        .retry(
            RetryPolicy::default()
                .max_retries(u32::MAX)
                .base_delay(Duration::from_millis(60))
                .max_delay(Duration::from_millis(60)),
        )
        .build()
        .unwrap();
    let started = Instant::now();
    let error = get_all_tokens(&client, &GetAllTokensOptions::new()).unwrap_err();
    assert_eq!(error.status(), Some(503));
    assert!(started.elapsed() < Duration::from_millis(500) + SLACK);
    assert!(server.requests().len() > 2);

    // What the first try and the wait have taken is not there for the second try, on an open
    // connection or on a new one.
    for (endpoint, closes) in [(1, false), (1, true), (0, false)] {
        let busy = match service_error(503, "Retry-After: 2\r\n") {
            Play::Write(busy) if closes => Play::WriteAndClose(busy),
            busy => busy,
        };
        let server = FaultServer::start(vec![busy, Play::Silence]);
        let timeout = Duration::from_secs(3);
        let started = Instant::now();
        let error = (ENDPOINTS[endpoint].run)(&client_of(&server.url(), timeout)).unwrap_err();
        let elapsed = started.elapsed();
        assert!(
            elapsed > timeout / 2 && elapsed < timeout + SLACK,
            "{elapsed:?}"
        );
        assert!(error.outcome_unknown(), "{error}");
        assert_eq!(server.requests().len(), 2);
    }

    // An answer whose body drips long after its head was there.
    let body = Play::Drip(
        b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n{".to_vec(),
        Duration::ZERO,
    );
    let silent = FaultServer::start(vec![body]);
    let started = Instant::now();
    let error = get_all_tokens(
        &client_of(&silent.url(), SHORT),
        &GetAllTokensOptions::new(),
    )
    .unwrap_err();
    assert!(started.elapsed() < SHORT + SLACK);
    assert!(error.outcome_unknown());
    assert_eq!(error.status(), None);
}

#[test]
fn retry_after_is_obeyed_if_it_fits() {
    let busy = |value: &str| service_error(503, &format!("Retry-After: {value}\r\n"));
    let works = Play::Write(whole(&ENDPOINTS[1]));
    let list = |server: &FaultServer| {
        let started = Instant::now();
        let error =
            get_all_tokens(&client_of(&server.url(), LONG), &GetAllTokensOptions::new()).err();
        (error, started.elapsed())
    };

    let server = FaultServer::start(vec![busy("1"), works.clone()]);
    let (error, elapsed) = list(&server);
    assert!(error.is_none());
    assert!(elapsed >= Duration::from_secs(1), "{elapsed:?}");

    let date = httpdate_in(Duration::from_millis(2900));
    let server = FaultServer::start(vec![busy(&date), works.clone()]);
    let (error, elapsed) = list(&server);
    assert!(error.is_none());
    assert!(
        elapsed >= Duration::from_millis(1500),
        "{elapsed:?}: a date has whole seconds"
    );

    // It does not fit: the error comes at once, and says how long.
    for value in [
        "60",
        "99999999999999999999999",
        "Fri, 31 Dec 9999 23:59:59 GMT",
    ] {
        let server = FaultServer::start(vec![busy(value), works.clone()]);
        let (error, elapsed) = list(&server);
        let error = error.unwrap();
        assert!(
            error.retry_after().unwrap() >= Duration::from_secs(60),
            "{value}"
        );
        assert_eq!(
            (server.requests().len(), error.outcome_unknown()),
            (1, false),
            "{value}"
        );
        assert!(elapsed < Duration::from_secs(5), "{value}");
    }

    // Nonsense: as if it had not been sent.
    for value in [
        "-1",
        "soon",
        "1.5",
        "",
        "Sun, 06 Nov 1994 08:49:37 GMT",
        "\u{fc}",
    ] {
        let server = FaultServer::start(vec![busy(value), works.clone()]);
        let (error, _) = list(&server);
        assert!(error.is_none(), "{value}: {error:?}");
        assert_eq!(server.requests().len(), 2, "{value}");
    }
}

/// An HTTP date (RFC 9110) of so long from now.
fn httpdate_in(wait: Duration) -> String {
    httpdate::fmt_http_date(std::time::SystemTime::now() + wait)
}

#[test]
fn what_may_be_repeated_shares_a_connection_and_anything_else_has_its_own() {
    let list = &ENDPOINTS[1];
    let server = FaultServer::start((0..100).map(|_| Play::Write(whole(list))).collect());
    let client = client_of(&server.url(), LONG);
    for _ in 0..100 {
        (list.run)(&client).unwrap();
    }
    assert_eq!((server.requests().len(), server.connections()), (100, 1));

    let script: Vec<_> = ENDPOINTS
        .iter()
        .flat_map(|endpoint| [list, endpoint, list])
        .map(|endpoint| Play::Write(whole(endpoint)))
        .collect();
    let server = FaultServer::start(script);
    let client = client_of(&server.url(), LONG);
    let mut expected = 1;
    for endpoint in &ENDPOINTS {
        (list.run)(&client).unwrap();
        (endpoint.run)(&client).unwrap();
        expected += usize::from(!endpoint.repeatable);
        assert_eq!(server.connections(), expected, "{}", endpoint.name);
        (list.run)(&client).unwrap();
        assert_eq!(
            server.connections(),
            expected,
            "the pooled one is still there"
        );
    }
}

#[test]
fn a_pooled_connection_that_has_died() {
    for endpoint in &ENDPOINTS {
        // It ended in order while nobody looked: a new one is made, and nothing is sent twice.
        let server = FaultServer::start(vec![
            Play::WriteAndClose(whole(endpoint)),
            Play::Write(whole(endpoint)),
        ]);
        let client = client_of(&server.url(), LONG);
        (endpoint.run)(&client).unwrap();
        thread::sleep(Duration::from_millis(100));
        (endpoint.run)(&client).unwrap();
        assert_eq!(
            (server.requests().len(), server.connections()),
            (2, 2),
            "{}",
            endpoint.name
        );

        // It breaks as the next request arrives, which is then unknown; what may not be repeated
        // does not ride it.
        let list = &ENDPOINTS[1];
        let server = FaultServer::start(vec![
            Play::Write(whole(list)),
            Play::WriteAndReset(vec![]),
            Play::Write(whole(endpoint)),
        ]);
        let client = client_of(&server.url(), LONG);
        (list.run)(&client).unwrap();
        let error = (endpoint.run)(&client).err();
        assert_eq!(error.is_none(), endpoint.repeatable, "{}", endpoint.name);
        assert!(error.is_none_or(|error| error.outcome_unknown()));
        assert_eq!(
            server.requests().len(),
            if endpoint.repeatable { 3 } else { 2 }
        );
    }
}

#[test]
fn what_is_too_long_is_not_read_to_its_end() {
    let mebibyte = vec![b' '; 1 << 20];
    for first in ["Content-Length: 1000000000000\r\n\r\n", "\r\n"] {
        for endpoint in &ENDPOINTS[..2] {
            let head = format!("HTTP/1.1 200 OK\r\n{first}").into_bytes();
            let server = FaultServer::start(vec![Play::Flood(head, mebibyte.clone())]);
            let error = (endpoint.run)(&client_of(&server.url(), LONG)).unwrap_err();
            assert!(
                error.to_string().contains("longer than 8 MiB") && error.outcome_unknown(),
                "{error}"
            );
            let tries = if endpoint.repeatable { 3 } else { 1 };
            assert_eq!(server.requests().len(), tries);
            // What the systems' own buffers take is not read by anybody.
            assert!(
                server.written() < tries * (32 << 20),
                "{}",
                server.written()
            );
        }
    }
    // The longest error that is read is far shorter.
    let server = FaultServer::start(vec![Play::Flood(
        b"HTTP/1.1 403 X\r\n\r\n".to_vec(),
        mebibyte,
    )]);
    let error =
        get_all_tokens(&client_of(&server.url(), LONG), &GetAllTokensOptions::new()).unwrap_err();
    assert_eq!(error.status(), Some(403));
    assert!(server.written() < 32 << 20, "{}", server.written());
}

#[test]
fn a_list_of_ten_thousand_tokens() {
    let tokens: Vec<String> = (0..10_000)
        .map(|n| {
            format!(r#"{{"id":"f13a5c54-8228-4b7e-9414-{n:012}","href":"https://api.ionos.com/auth/v1/tokens/f13a5c54-8228-4b7e-9414-{n:012}","createdDate":"2025-09-23T07:29:44Z","expirationDate":"2026-09-23T07:29:44Z"}}"#)
        })
        .collect();
    let body = format!(r#"{{"tokens":[{}]}}"#, tokens.join(","));
    assert!(body.len() > 2_000_000 && body.len() < 8 << 20);
    let server = FaultServer::start(vec![Play::Write(answer(200, "", &body))]);
    let tokens = get_all_tokens(&client_of(&server.url(), LONG), &GetAllTokensOptions::new())
        .unwrap()
        .tokens;
    assert_eq!(tokens.len(), 10_000);
    assert_eq!(
        tokens[9_999].id.as_str(),
        "f13a5c54-8228-4b7e-9414-000000009999"
    );
}

#[test]
fn timeouts_at_the_edges() {
    let list = &ENDPOINTS[1];
    for timeout in [
        Duration::MAX,
        Duration::from_secs(u64::MAX),
        Duration::from_secs(99 * 365 * 86_400),
    ] {
        let server = FaultServer::start(vec![status(503), Play::Write(whole(list))]);
        (list.run)(&client_of(&server.url(), timeout)).unwrap();
    }
    // Nothing can be done in a nanosecond, and nothing was.
    let server = FaultServer::start(vec![Play::Write(whole(list))]);
    let error = (list.run)(&client_of(&server.url(), Duration::from_nanos(1))).unwrap_err();
    let Error::Transport(error) = error else {
        panic!("{error}");
    };
    assert_eq!(error.kind, TransportErrorKind::TimedOut);
    assert!(server.requests().is_empty() && !Error::Transport(error).outcome_unknown());
}
