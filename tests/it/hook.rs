//! Hooks: what they see of each attempt, and that they can do no harm.

use crate::support::*;

const SECRET: &str = "eyJhbGciOiJSUzI1NiJ9.U0VDUkVU.c2ln";

/// What the hook saw: endpoint, number, label and status, request ID.
type Seen = Arc<Mutex<Vec<(&'static str, u32, (&'static str, Option<u16>), Option<String>)>>>;

fn watched(url: &str) -> (ClientBuilder, Seen) {
    let seen = Seen::default();
    let writing = Arc::clone(&seen);
    let builder = builder_of(url).credentials(Credentials::token(SECRET));
    let builder = builder.on_attempt(move |attempt| {
        assert!(!format!("{attempt:?}").contains(SECRET));
        assert!(attempt.elapsed < LONG);
        let id = attempt.request_id.map(str::to_owned);
        let how = (attempt.label, attempt.status);
        let entry = (attempt.endpoint, attempt.number, how, id);
        writing.lock().unwrap().push(entry);
    });
    (builder, seen)
}

#[test]
fn hook_sees_each_attempt() {
    for endpoint in ENDPOINTS {
        let server = FaultServer::start(vec![
            service_error(503, "X-RequestId: first\r\n"),
            Play::Write(response(429, "x-request-id: second\r\nx-correlation-id: x\r\n", "")),
            Play::Write(response(200, "X-Correlation-Id: third\r\n", endpoint.body)),
        ]);
        let (builder, seen) = watched(&server.url());
        (endpoint.run)(&builder.build().unwrap()).unwrap();
        let entry = |number, status, id: &str| {
            let how = (if status == 200 { "success" } else { "api" }, Some(status));
            (endpoint.endpoint, number, how, Some(id.to_owned()))
        };
        let expected = [entry(1, 503, "first"), entry(2, 429, "second"), entry(3, 200, "third")];
        assert_eq!(*seen.lock().unwrap(), expected, "{}", endpoint.name);
    }
}

#[test]
fn hook_sees_why_an_attempt_failed() {
    let with_id = |body: &str| {
        let head = "HTTP/1.1 200 OK\r\nX-RequestId: 7\r\nContent-Length: 9\r\n\r\n";
        Play::WriteAndClose(format!("{head}{body}").into_bytes())
    };
    let echoed = format!("X-RequestId: {SECRET}\r\n");
    #[rustfmt::skip]
    let cases = [
        (Play::WriteAndReset(vec![]), ("connection_lost", None), None, "a reset"),
        (Play::Silence, ("timed_out", None), None, "silence"),
        (answer(200, "SECRET"), ("unreadable", Some(200)), None, "no JSON"),
        (with_id("<a page/>"), ("unreadable", Some(200)), Some("7"), "a page, with an id"),
        (with_id("{"), ("connection_lost", Some(200)), Some("7"), "half of a response"),
        (close("SSH-2.0\r\n\r\n"), ("unreadable", None), None, "no HTTP"),
        (Play::Write(response(403, "X-RequestId: 7\r\n", "")), ("api", Some(403)), Some("7"),
         "refused"),
        (Play::Write(response(403, &echoed, "")), ("api", Some(403)), Some("[redacted]"),
         "the token sent back"),
        (Play::Write(response(403, "X-RequestId: \r\n", "")), ("api", Some(403)), None,
         "an empty id"),
    ];
    in_parallel(cases, |(play, expected, id, reason)| {
        let timeout = if let Play::Silence = play { SHORT / 8 } else { LONG };
        let server = FaultServer::start(vec![play]);
        let (builder, seen) = watched(&server.url());
        let client = builder.timeout(timeout).retry(RetryPolicy::none()).build().unwrap();
        let error = list_tokens(&client).unwrap_err();
        let expected = ("GET /tokens", 1, expected, id.map(str::to_owned));
        assert_eq!(*seen.lock().unwrap(), [expected], "{reason}: {error}");
        assert_eq!(error.request_id(), id, "{reason}");
        let says = error.to_string().contains("request ID 7");
        assert_eq!(says, id == Some("7"), "{reason}: {error}");
        assert!(!error.to_string().contains(SECRET), "{reason}: {error}");
    });
}

#[test]
fn hook_sees_each_attempt_to_connect() {
    let (_taken, port) = closed_port();
    let (builder, seen) = watched(&format!("http://127.0.0.1:{port}"));
    assert!(list_tokens(&builder.retry(retries(3)).build().unwrap()).is_err());
    let seen: Vec<_> = seen.lock().unwrap().iter().map(|attempt| (attempt.1, attempt.2)).collect();
    let refused = ("connect_failed", None);
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
    let half = format!("HTTP/1.1 200 OK\r\n{}Content-Length: 900\r\n\r\n{token}", id(jwt));
    #[rustfmt::skip]
    let cases = [
        (Play::Write(response(403, &id(KEY), "")), Some("[redacted]"), "the key as an id"),
        (Play::Write(response(403, &id("fine"), KEY)), Some("fine"), "in a page"),
        (Play::Write(response(403, &id("fine"), &message)), Some("fine"), "in a message"),
        (Play::Write(response(403, &id("fine-in-test"), "")), Some("fine-in-test"),
         "a short value occurs in any text"),
        (Play::Write(response(403, &id("the-caller-s-own-id"), "")), Some("the-caller-s-own-id"),
         "an id is there to be sent back"),
        (Play::Write(response(403, &id("fine"), "fine")), Some("fine"), "an id that the page shows"),
        (Play::Write(response(200, &id(jwt), &token)), None, "the new token as an id"),
        (Play::Write(response(200, &id(&jwt[20..40]), &token)), None, "a piece of it"),
        (Play::Write(response(200, &id(&format!("issued {jwt}")), &token)), None,
         "the new token among other words"),
        (Play::Write(response(200, &id("fine"), &token)), Some("fine"), "an id"),
        (Play::WriteAndClose(half.into_bytes()), None,
         "the new token as an id, in half of a response"),
    ];
    for (play, shown, reason) in cases {
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
    let server = FaultServer::start(vec![answer(503, "")]);
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
        let server = FaultServer::start(vec![answer(503, ""), answer(200, list)]);
        let client = builder_of(&server.url()).on_attempt(move |_| hook()).build().unwrap();
        let tokens = list_tokens(&client).unwrap();
        assert_eq!((tokens.tokens.len(), server.requests().len()), (1, 2));
    }
}
