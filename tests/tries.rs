//! What callers add to the calls of a client: headers, a proxy, a hook; and what they are told.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod support;

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ionoscloud_auth::*;
use support::faults::service_error;
use support::{ENDPOINTS, FaultServer, Play, answer};

const SECRET: &str = "eyJhbGciOiJSUzI1NiJ9.U0VDUkVU.c2ln";

fn builder(url: &str) -> ClientBuilder {
    Client::builder()
        .base_url(url)
        .credentials(Credentials::token(SECRET))
        .timeout(Duration::from_secs(20))
        .retry(RetryPolicy::default().base_delay(Duration::from_millis(1)))
}

/// What the hook saw: endpoint, number, outcome, request id.
type Seen = Arc<Mutex<Vec<(&'static str, u32, TryOutcome, Option<String>)>>>;

fn watched(url: &str) -> (ClientBuilder, Seen) {
    let seen = Seen::default();
    let writing = Arc::clone(&seen);
    let builder = builder(url).on_try(move |tried| {
        assert!(!format!("{tried:?}").contains(SECRET));
        assert!(tried.elapsed < Duration::from_secs(20));
        let id = tried.request_id.map(str::to_owned);
        let entry = (tried.endpoint, tried.number, tried.outcome, id);
        writing.lock().unwrap().push(entry);
    });
    (builder, seen)
}

#[test]
fn the_hook_sees_every_try() {
    let names = [
        "GET /tokens/generate",
        "GET /tokens",
        "GET /tokens/{tokenId}",
        "DELETE /tokens/{tokenId}",
        "DELETE /tokens",
        "DELETE /tokens",
        "DELETE /tokens",
    ];
    for (endpoint, name) in ENDPOINTS.iter().zip(names) {
        let server = FaultServer::start(vec![
            service_error(503, "X-RequestId: first\r\n"),
            Play::Write(answer(
                429,
                "x-request-id: second\r\nx-correlation-id: x\r\n",
                "",
            )),
            Play::Write(answer(200, "X-Correlation-Id: third\r\n", endpoint.body)),
        ]);
        let (builder, seen) = watched(&server.url());
        (endpoint.run)(&builder.build().unwrap()).unwrap();
        let entry = |number, status, id: &str| {
            (
                name,
                number,
                TryOutcome::Status(status),
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

#[test]
fn the_hook_is_told_what_failed() {
    use TransportErrorKind as Kind;
    let with_id = |body: &str| {
        let head = "HTTP/1.1 200 OK\r\nX-RequestId: 7\r\nContent-Length: 9\r\n\r\n";
        Play::WriteAndClose(format!("{head}{body}").into_bytes())
    };
    let echoed = format!("X-RequestId: {SECRET}\r\n");
    for (play, expected, id, reason) in [
        (
            Play::WriteAndReset(vec![]),
            TryOutcome::NoAnswer(Kind::ConnectionLost),
            None,
            "a reset",
        ),
        (
            Play::Silence,
            TryOutcome::NoAnswer(Kind::TimedOut),
            None,
            "silence",
        ),
        (
            Play::Write(answer(200, "", "SECRET")),
            TryOutcome::Unreadable,
            None,
            "no JSON",
        ),
        (
            with_id("<a page/>"),
            TryOutcome::Unreadable,
            Some("7"),
            "a page, with an id",
        ),
        (
            with_id("{"),
            TryOutcome::NoAnswer(Kind::ConnectionLost),
            Some("7"),
            "half of an answer",
        ),
        (
            Play::WriteAndClose(b"SSH-2.0\r\n\r\n".to_vec()),
            TryOutcome::Unreadable,
            None,
            "no HTTP",
        ),
        (
            Play::Write(answer(403, "X-RequestId: 7\r\n", "")),
            TryOutcome::Status(403),
            Some("7"),
            "refused",
        ),
        (
            Play::Write(answer(403, &echoed, "")),
            TryOutcome::Status(403),
            None,
            "the token sent back",
        ),
        (
            Play::Write(answer(403, "X-RequestId: \r\n", "")),
            TryOutcome::Status(403),
            None,
            "an empty id",
        ),
    ] {
        let server = FaultServer::start(vec![play]);
        let (builder, seen) = watched(&server.url());
        let builder = builder.timeout(Duration::from_millis(500));
        let client = builder.retry(RetryPolicy::none()).build().unwrap();
        let error = get_all_tokens(&client, &GetAllTokensOptions::new()).unwrap_err();
        let expected = ("GET /tokens", 1, expected, id.map(str::to_owned));
        assert_eq!(*seen.lock().unwrap(), [expected], "{reason}: {error}");
        assert_eq!(error.request_id(), id, "{reason}");
        assert_eq!(
            error.to_string().contains("request id 7"),
            id.is_some(),
            "{reason}: {error}"
        );
        assert!(!error.to_string().contains(SECRET), "{reason}: {error}");
    }

    let nobody = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let (builder, seen) = watched(&format!("http://{nobody}"));
    let client = builder.build().unwrap();
    assert!(get_all_tokens(&client, &GetAllTokensOptions::new()).is_err());
    let seen: Vec<_> = seen
        .lock()
        .unwrap()
        .iter()
        .map(|tried| (tried.1, tried.2))
        .collect();
    let refused = TryOutcome::NoAnswer(Kind::ConnectFailed);
    assert_eq!(seen, [1, 2, 3, 4].map(|number| (number, refused)));
}

/// A gateway's key, or a new token, that somebody on the way sends back.
#[test]
fn no_secret_that_is_sent_back_is_shown() {
    const KEY: &str = "SECRET-of-the-gateway";
    let jwt = "eyJraWQiOiJhIn0.eyJleHAiOjQ3MDAwMDAwMDB9.c2lnbmF0dXJlc2ln";
    let message = format!(r#"{{"messages":[{{"errorCode":"1","message":"no such key {KEY}"}}]}}"#);
    let create = ENDPOINTS
        .iter()
        .find(|endpoint| endpoint.name == "create")
        .unwrap();
    let id = |id: &str| format!("X-RequestId: {id}\r\n");
    let token = format!(r#"{{"token":"{jwt}"}}"#);
    let half = format!(
        "HTTP/1.1 200 OK\r\n{}Content-Length: 900\r\n\r\n{token}",
        id(jwt)
    );
    for (play, shown, reason) in [
        (
            Play::Write(answer(403, &id(KEY), "")),
            None,
            "the key as an id",
        ),
        (
            Play::Write(answer(403, &id("fine"), KEY)),
            Some("fine"),
            "in a page",
        ),
        (
            Play::Write(answer(403, &id("fine"), &message)),
            Some("fine"),
            "in a message",
        ),
        (
            Play::Write(answer(403, &id("fine-in-test"), "")),
            Some("fine-in-test"),
            "a short value stands in any text",
        ),
        (
            Play::Write(answer(403, &id("the-caller-s-own-id"), "")),
            Some("the-caller-s-own-id"),
            "an id is there to be sent back",
        ),
        (
            Play::Write(answer(200, &id(jwt), &token)),
            None,
            "the new token as an id",
        ),
        (
            Play::Write(answer(200, &id(&jwt[20..40]), &token)),
            None,
            "a piece of it",
        ),
        (
            Play::Write(answer(200, &id("fine"), &token)),
            Some("fine"),
            "an id",
        ),
        (
            Play::WriteAndClose(half.into_bytes()),
            None,
            "the new token as an id, in half of an answer",
        ),
    ] {
        let server = FaultServer::start(vec![play]);
        let (builder, seen) = watched(&server.url());
        let builder = builder
            .header("X-Gateway-Key", KEY)
            .header("X-Stage", "test")
            .header("X-Request-Id", "the-caller-s-own-id");
        let client = builder.retry(RetryPolicy::none()).build().unwrap();
        if let Err(error) = (create.run)(&client) {
            assert_eq!(error.request_id(), shown, "{reason}: {error}");
            assert!(
                !format!("{error} {error:?}").contains("SECRET"),
                "{reason}: {error}"
            );
        }
        assert_eq!(seen.lock().unwrap()[0].3.as_deref(), shown, "{reason}");
    }
}

#[test]
fn a_hook_that_panics_breaks_no_call() {
    /// What it panics with panics once more when it is dropped.
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("at the drop of what it panicked with");
        }
    }

    let hooks: [fn(); 2] = [|| panic!("at every try"), || std::panic::panic_any(Bomb)];
    for hook in hooks {
        let list = r#"{"tokens":[{"id":"a"}]}"#;
        let server = FaultServer::start(vec![
            Play::Write(answer(503, "", "")),
            Play::Write(answer(200, "", list)),
        ]);
        let client = builder(&server.url())
            .on_try(move |_| hook())
            .build()
            .unwrap();
        let tokens = get_all_tokens(&client, &GetAllTokensOptions::new()).unwrap();
        assert_eq!((tokens.tokens.len(), server.requests().len()), (1, 2));
    }
}

/// A server or proxy that keeps what it is sent and answers each request with this.
fn keeping(answer: &'static [u8]) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let seen = Arc::<Mutex<Vec<String>>>::default();
    let keep = Arc::clone(&seen);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = Vec::new();
            let mut byte = [0];
            while let Ok(1) = stream.read(&mut byte) {
                request.push(byte[0]);
                if !request.ends_with(b"\r\n\r\n") {
                    continue;
                }
                let request = String::from_utf8(std::mem::take(&mut request)).unwrap();
                let tunnel = request.starts_with("CONNECT ");
                keep.lock().unwrap().push(request);
                let answer = if tunnel {
                    b"HTTP/1.1 200 OK\r\n\r\n"
                } else {
                    answer
                };
                stream.write_all(answer).unwrap();
            }
        }
    });
    (address, seen)
}

const EMPTY: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n{\"tokens\":[]}";

#[test]
fn extra_headers_are_on_every_request() {
    let (address, seen) = keeping(EMPTY);
    let client = builder(&format!("http://{address}"))
        .header("X-Gateway-Key", " SECRET-key ")
        .header("x-trace", "one")
        .header("X-Trace", "two")
        .header("x-empty", "")
        .build()
        .unwrap();
    for _ in 0..2 {
        get_all_tokens(&client, &GetAllTokensOptions::new()).unwrap();
    }
    let other = client
        .with_credentials(Credentials::basic("a", "b"))
        .unwrap();
    get_all_tokens(&other, &GetAllTokensOptions::new().contract_number(7)).unwrap();
    let seen = seen.lock().unwrap();
    assert_eq!(seen.len(), 3);
    for request in seen.iter() {
        let lines: Vec<String> = request.lines().map(str::to_lowercase).collect();
        for (name, value) in [
            ("x-gateway-key", "secret-key"),
            ("x-trace", "two"),
            ("x-empty", ""),
            ("accept", "application/json"),
        ] {
            let of_name = |line: &&String| line.starts_with(&format!("{name}:"));
            let there: Vec<_> = lines.iter().filter(of_name).collect();
            assert_eq!(there.len(), 1, "{name}: {request}");
            assert_eq!(
                there[0].split_once(':').unwrap().1.trim(),
                value,
                "{request}"
            );
        }
    }
    assert!(!format!("{client:?}").contains("SECRET"));
}

#[test]
fn headers_that_are_no_callers_to_set() {
    let long = "x".repeat(8 * 1024 + 1);
    for (name, value, says) in [
        ("Authorization", "SECRET", "\"Authorization\" can't be set"),
        ("HOST", "SECRET", "can't be set"),
        ("accept-Encoding", "SECRET", "can't be set"),
        ("User-Agent", "SECRET", "can't be set"),
        ("X-Contract-Number", "SECRET", "can't be set"),
        ("Connection", "SECRET", "can't be set"),
        ("Content-Length", "SECRET", "can't be set"),
        ("Transfer-Encoding", "SECRET", "can't be set"),
        ("Proxy-Authorization", "SECRET", "can't be set"),
        ("Expect", "SECRET", "can't be set"),
        ("If-None-Match", "SECRET", "can't be set"),
        ("X-HTTP-Method-Override", "SECRET", "can't be set"),
        ("", "SECRET", "is no name of a header"),
        ("x y", "SECRET", "is no name of a header"),
        ("x:", "SECRET", "is no name of a header"),
        ("x\r\ny", "SECRET", "is no name of a header"),
        ("ü", "SECRET", "is no name of a header"),
        ("x", "SECRET\r\ny: z", "has a value with a line break"),
        ("x", "SECRET\0", "has a value with a line break"),
        ("x", "SECRETü", "has a value with a line break"),
        ("x", &long, "more than 8 KiB"),
    ] {
        let builder = builder("http://127.0.0.1:1").header(name, value);
        assert!(!format!("{builder:?}").contains("SECRET"));
        let error = builder.build().unwrap_err().to_string();
        assert!(
            error.starts_with("header: ") && error.contains(says),
            "{name}: {error}"
        );
        assert!(!error.contains("SECRET"), "{error}");
    }
}

#[test]
fn headers_without_end() {
    let many = (0..100_000).fold(builder("http://127.0.0.1:1"), |builder, n| {
        builder.header(format!("x-{n}"), "x")
    });
    let error = many.build().unwrap_err().to_string();
    assert!(
        error.starts_with("header: there are more than 64"),
        "{error}"
    );
}

#[test]
fn an_explicit_proxy() {
    let (proxy, seen) = keeping(EMPTY);
    let through =
        |url: &str, proxy: &str| builder(url).allow_insecure_http(true).proxy(proxy).build();
    let url = format!("http://user:pass@{proxy}");
    let client = through("http://auth.example.test", &url).unwrap();
    get_all_tokens(&client, &GetAllTokensOptions::new()).unwrap();
    {
        let seen = seen.lock().unwrap();
        assert!(
            seen[0].starts_with("CONNECT auth.example.test:80 "),
            "{}",
            seen[0]
        );
        assert!(
            seen[0]
                .to_lowercase()
                .contains("proxy-authorization: basic dxnlcjpwyxnz"),
            "{}",
            seen[0]
        );
        assert!(!seen[0].contains(SECRET), "{}", seen[0]);
        assert!(seen[1].starts_with("GET /auth/v1/tokens "), "{}", seen[1]);
        assert!(
            !seen[1].to_lowercase().contains("proxy-authorization"),
            "{}",
            seen[1]
        );
    }
    // This machine itself is not reached by way of a proxy.
    let (server, direct) = keeping(EMPTY);
    let client = through(&format!("http://{server}"), &url).unwrap();
    get_all_tokens(&client, &GetAllTokensOptions::new()).unwrap();
    assert_eq!(
        (direct.lock().unwrap().len(), seen.lock().unwrap().len()),
        (1, 2)
    );

    for (proxy, says) in [
        ("socks5://127.0.0.1:1", "proxy: names a SOCKS proxy"),
        ("", "proxy: is no address"),
        ("http://", "proxy: is no address"),
        ("ftp://user:SECRET@x", "proxy: is no address"),
        ("http://a b:SECRET@c", "proxy: is no address"),
    ] {
        let error = through("https://auth.example.test", proxy)
            .unwrap_err()
            .to_string();
        assert!(error.starts_with(says), "{proxy}: {error}");
        assert!(!error.contains("SECRET"), "{error}");
    }
}

/// In a process of its own, with a proxy in the environment that is not there.
#[test]
fn child_without_a_proxy() {
    if std::env::var_os("CHILD").is_none() {
        return;
    }
    let url = "http://auth.invalid";
    let builder = builder(url)
        .allow_insecure_http(true)
        .retry(RetryPolicy::none());
    let kind = |builder: ClientBuilder| {
        let client = builder.build().unwrap();
        match get_all_tokens(&client, &GetAllTokensOptions::new()) {
            Err(Error::Transport(error)) => error.kind,
            other => panic!("{other:?}"),
        }
    };
    println!(
        "{:?}, then {:?}",
        kind(builder.clone()),
        kind(builder.no_proxy())
    );
}

#[test]
fn no_proxy_at_all() {
    let variables = [("HTTP_PROXY", "http://127.0.0.1:1")];
    let output = support::in_a_child("child_without_a_proxy", &variables);
    assert!(
        output.contains("ConnectFailed, then AddressNotFound"),
        "{output}"
    );
}
