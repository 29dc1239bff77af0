//! Hooks: what they see of each attempt, and that they can do no harm.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ionoscloud_auth::*;

use crate::support::faults::service_error;
use crate::support::*;

const SECRET: &str = "eyJhbGciOiJSUzI1NiJ9.U0VDUkVU.c2ln";

/// What the hook saw: endpoint, number, outcome, request ID.
type Seen = Arc<Mutex<Vec<(&'static str, u32, AttemptOutcome, Option<String>)>>>;

fn watched(url: &str) -> (ClientBuilder, Seen) {
    let seen = Seen::default();
    let writing = Arc::clone(&seen);
    let builder = builder_of(url).credentials(Credentials::token(SECRET));
    let builder = builder.on_attempt(move |attempt| {
        assert!(!format!("{attempt:?}").contains(SECRET));
        assert!(attempt.elapsed < LONG);
        let id = attempt.request_id.map(str::to_owned);
        let entry = (attempt.endpoint, attempt.number, attempt.outcome, id);
        writing.lock().unwrap().push(entry);
    });
    (builder, seen)
}

#[test]
fn hook_sees_each_attempt() {
    for endpoint in ENDPOINTS {
        let server = FaultServer::start(vec![
            service_error(503, "X-RequestId: first\r\n"),
            Play::Write(response(
                429,
                "x-request-id: second\r\nx-correlation-id: x\r\n",
                "",
            )),
            Play::Write(response(200, "X-Correlation-Id: third\r\n", endpoint.body)),
        ]);
        let (builder, seen) = watched(&server.url());
        (endpoint.run)(&builder.build().unwrap()).unwrap();
        let entry = |number, status, id: &str| {
            (
                endpoint.endpoint,
                number,
                AttemptOutcome::Status(status),
                Some(id.to_owned()),
            )
        };
        let expected = [
            entry(1, 503, "first"),
            entry(2, 429, "second"),
            entry(3, 200, "third"),
        ];
        assert_eq!(*seen.lock().unwrap(), expected, "{}", endpoint.name);
    }
}

/// What the hook of a call saw: endpoint, attempts, outcome, text of the error.
type Calls = Arc<Mutex<Vec<(&'static str, u32, &'static str, Option<String>)>>>;

#[test]
fn hook_sees_each_call_after_its_attempts() {
    use TransportErrorKind as Kind;
    let second = || service_error(503, "");
    for endpoint in ENDPOINTS {
        for (last, outcome, reason) in [
            (Play::Write(endpoint.success()), "success", "a success"),
            (service_error(403, ""), "client_error", "a refusal"),
            (service_error(500, ""), "server_error", "a failure"),
            (Play::Write(response(302, "", "")), "redirect", "a redirect"),
            (
                Play::Write(response(600, "", "")),
                "other_status",
                "no status of HTTP",
            ),
            (Play::Write(response(200, "", "<>")), "unreadable", "a page"),
            (
                Play::WriteAndReset(vec![]),
                Kind::ConnectionLost.as_str(),
                "a reset",
            ),
        ] {
            let case = format!("{reason} × {}", endpoint.name);
            let server = FaultServer::start(vec![second(), last]);
            let calls = Calls::default();
            let attempts = Arc::<Mutex<Vec<Option<Duration>>>>::default();
            let (writing, counting) = (Arc::clone(&calls), Arc::clone(&attempts));
            let client = builder_of(&server.url())
                .retry(
                    RetryPolicy::default()
                        .max_retries(1)
                        .base_delay(Duration::from_millis(1)),
                )
                .on_attempt(move |attempt| counting.lock().unwrap().push(attempt.retry_in))
                .on_call(move |call| {
                    let error = call.error.map(ToString::to_string);
                    let entry = (call.endpoint, call.attempts, call.outcome(), error);
                    assert!(call.elapsed < LONG);
                    writing.lock().unwrap().push(entry);
                })
                .build()
                .unwrap();
            let error = (endpoint.run)(&client).err().map(|error| error.to_string());
            let expected = [(endpoint.endpoint, 2, outcome, error)];
            assert_eq!(*calls.lock().unwrap(), expected, "{case}");
            let attempts = attempts.lock().unwrap();
            assert!(
                matches!(attempts[..], [Some(_), None]),
                "{case}: {attempts:?}"
            );
        }
    }

    // A call without an attempt is not reported.
    let calls = Calls::default();
    let writing = Arc::clone(&calls);
    let client = builder_of("http://127.0.0.1:9")
        .on_call(move |_| writing.lock().unwrap().push(("", 0, "", None)))
        .build()
        .unwrap();
    create_token(&client, &CreateTokenOptions::new().ttl(Duration::ZERO)).unwrap_err();
    assert!(calls.lock().unwrap().is_empty());
}

#[test]
fn success_false_is_reported_as_not_done() {
    let server = FaultServer::start(vec![Play::Write(response(200, "", r#"{"success":false}"#))]);
    let outcome = Arc::<Mutex<&'static str>>::default();
    let writing = Arc::clone(&outcome);
    let client = builder_of(&server.url())
        .on_call(move |call| *writing.lock().unwrap() = call.outcome())
        .build()
        .unwrap();
    delete_token_by_id(&client, &DeleteTokenByIdOptions::new(id())).unwrap_err();
    assert_eq!(*outcome.lock().unwrap(), "not_done");
}

#[test]
fn hook_sees_why_an_attempt_failed() {
    use TransportErrorKind as Kind;
    let with_id = |body: &str| {
        let head = "HTTP/1.1 200 OK\r\nX-RequestId: 7\r\nContent-Length: 9\r\n\r\n";
        Play::WriteAndClose(format!("{head}{body}").into_bytes())
    };
    let echoed = format!("X-RequestId: {SECRET}\r\n");
    for (play, expected, id, reason) in [
        (
            Play::WriteAndReset(vec![]),
            AttemptOutcome::NoResponse(Kind::ConnectionLost),
            None,
            "a reset",
        ),
        (
            Play::Silence,
            AttemptOutcome::NoResponse(Kind::TimedOut),
            None,
            "silence",
        ),
        (
            Play::Write(response(200, "", "SECRET")),
            AttemptOutcome::Unreadable,
            None,
            "no JSON",
        ),
        (
            with_id("<a page/>"),
            AttemptOutcome::Unreadable,
            Some("7"),
            "a page, with an id",
        ),
        (
            with_id("{"),
            AttemptOutcome::NoResponse(Kind::ConnectionLost),
            Some("7"),
            "half of a response",
        ),
        (
            Play::WriteAndClose(b"SSH-2.0\r\n\r\n".to_vec()),
            AttemptOutcome::Unreadable,
            None,
            "no HTTP",
        ),
        (
            Play::Write(response(403, "X-RequestId: 7\r\n", "")),
            AttemptOutcome::Status(403),
            Some("7"),
            "refused",
        ),
        (
            Play::Write(response(403, &echoed, "")),
            AttemptOutcome::Status(403),
            None,
            "the token sent back",
        ),
        (
            Play::Write(response(403, "X-RequestId: \r\n", "")),
            AttemptOutcome::Status(403),
            None,
            "an empty id",
        ),
    ] {
        let timeout = match play {
            Play::Silence => SHORT,
            _ => LONG,
        };
        let server = FaultServer::start(vec![play]);
        let (builder, seen) = watched(&server.url());
        let builder = builder.timeout(timeout);
        let client = builder.retry(RetryPolicy::none()).build().unwrap();
        let error = list_tokens(&client).unwrap_err();
        let expected = ("GET /tokens", 1, expected, id.map(str::to_owned));
        assert_eq!(*seen.lock().unwrap(), [expected], "{reason}: {error}");
        assert_eq!(error.request_id(), id, "{reason}");
        assert_eq!(
            error.to_string().contains("request ID 7"),
            id.is_some(),
            "{reason}: {error}"
        );
        assert!(!error.to_string().contains(SECRET), "{reason}: {error}");
    }
}

#[test]
fn hook_sees_each_attempt_to_connect() {
    let (_taken, port) = closed_port();
    let (builder, seen) = watched(&format!("http://127.0.0.1:{port}"));
    let retry = RetryPolicy::default().base_delay(Duration::from_millis(1));
    assert!(list_tokens(&builder.retry(retry).build().unwrap()).is_err());
    let seen: Vec<_> = seen
        .lock()
        .unwrap()
        .iter()
        .map(|attempt| (attempt.1, attempt.2))
        .collect();
    let refused = AttemptOutcome::NoResponse(TransportErrorKind::ConnectFailed);
    assert_eq!(seen, [1, 2, 3, 4].map(|number| (number, refused)));
}

/// A response repeats a gateway's key or the new token.
#[test]
fn echoed_secrets_are_not_shown_as_request_id() {
    const KEY: &str = "SECRET-of-the-gateway";
    let jwt = "eyJraWQiOiJhIn0.eyJleHAiOjQ3MDAwMDAwMDB9.c2lnbmF0dXJlc2ln";
    let message = format!(r#"{{"messages":[{{"errorCode":"1","message":"no such key {KEY}"}}]}}"#);
    let id = |id: &str| format!("X-RequestId: {id}\r\n");
    let token = format!(r#"{{"token":"{jwt}"}}"#);
    let half = format!(
        "HTTP/1.1 200 OK\r\n{}Content-Length: 900\r\n\r\n{token}",
        id(jwt)
    );
    for (play, shown, reason) in [
        (
            Play::Write(response(403, &id(KEY), "")),
            None,
            "the key as an id",
        ),
        (
            Play::Write(response(403, &id("fine"), KEY)),
            Some("fine"),
            "in a page",
        ),
        (
            Play::Write(response(403, &id("fine"), &message)),
            Some("fine"),
            "in a message",
        ),
        (
            Play::Write(response(403, &id("fine-in-test"), "")),
            Some("fine-in-test"),
            "a short value occurs in any text",
        ),
        (
            Play::Write(response(403, &id("the-caller-s-own-id"), "")),
            Some("the-caller-s-own-id"),
            "an id is there to be sent back",
        ),
        (
            Play::Write(response(200, &id(jwt), &token)),
            None,
            "the new token as an id",
        ),
        (
            Play::Write(response(200, &id(&jwt[20..40]), &token)),
            None,
            "a piece of it",
        ),
        (
            Play::Write(response(200, &id("fine"), &token)),
            Some("fine"),
            "an id",
        ),
        (
            Play::WriteAndClose(half.into_bytes()),
            None,
            "the new token as an id, in half of a response",
        ),
    ] {
        let server = FaultServer::start(vec![play]);
        let (builder, seen) = watched(&server.url());
        let builder = builder
            .header("X-Gateway-Key", KEY)
            .header("X-Stage", "test")
            .header("X-Request-Id", "the-caller-s-own-id");
        let client = builder.retry(RetryPolicy::none()).build().unwrap();
        if let Err(error) = (CREATE.run)(&client) {
            assert_eq!(error.request_id(), shown, "{reason}: {error}");
            assert!(!everything(&error).contains("SECRET"), "{reason}: {error}");
        }
        assert_eq!(seen.lock().unwrap()[0].3.as_deref(), shown, "{reason}");
    }
}

#[test]
fn payload_of_a_hooks_panic_is_dropped() {
    struct Payload(Arc<AtomicUsize>);
    impl Drop for Payload {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    let dropped = Arc::<AtomicUsize>::default();
    let count = Arc::clone(&dropped);
    let server = FaultServer::start(vec![Play::Write(response(503, "", ""))]);
    let client = builder_of(&server.url())
        .on_attempt(move |_| std::panic::panic_any(Payload(Arc::clone(&count))))
        .build()
        .unwrap();
    list_tokens(&client).unwrap_err();
    assert_eq!(dropped.load(Ordering::SeqCst), 3);
}

#[test]
fn panicking_hook_does_not_fail_the_call() {
    /// A payload that panics when it is dropped.
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("when its payload is dropped");
        }
    }

    let hooks: [fn(); 2] = [|| panic!("at each attempt"), || std::panic::panic_any(Bomb)];
    for hook in hooks {
        let list = r#"{"tokens":[{"id":"a"}]}"#;
        let server = FaultServer::start(vec![
            Play::Write(response(503, "", "")),
            Play::Write(response(200, "", list)),
        ]);
        let client = builder_of(&server.url())
            .on_attempt(move |_| hook())
            .on_call(move |_| hook())
            .build()
            .unwrap();
        let tokens = list_tokens(&client).unwrap();
        assert_eq!((tokens.tokens.len(), server.requests().len()), (1, 2));
    }
}
