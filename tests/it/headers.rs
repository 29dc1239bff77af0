//! Headers that a caller adds to each request.

use crate::support::*;

#[test]
fn extra_headers_are_on_every_request() {
    let server = FaultServer::start(vec![LIST.works()]);
    let client = builder_of(&server.url())
        .header("X-Gateway-Key", " SECRET-key ")
        .header("x-trace", "one")
        .header("X-Trace", "two")
        .header("x-last", "1".repeat(7000))
        .header("x-last", "2".repeat(7000))
        .header("x-last", "three")
        .header("x-empty", "")
        .build()
        .unwrap();
    for _ in 0..2 {
        list_tokens(&client).unwrap();
    }
    let other = client.with_credentials(Credentials::basic("a", "b")).unwrap();
    get_all_tokens(&other, &GetAllTokensOptions::new().contract_number(7)).unwrap();
    let seen = server.heads();
    assert_eq!(seen.len(), 3);
    for request in seen.iter() {
        let lines: Vec<String> = request.lines().map(str::to_lowercase).collect();
        for (name, value) in [
            ("x-gateway-key", "secret-key"),
            ("x-trace", "two"),
            ("x-last", "three"),
            ("x-empty", ""),
            ("accept", "application/json"),
        ] {
            let of_name = |line: &&String| line.starts_with(&format!("{name}:"));
            let there: Vec<_> = lines.iter().filter(of_name).collect();
            assert_eq!(there.len(), 1, "{name}: {request}");
            assert_eq!(there[0].split_once(':').unwrap().1.trim(), value, "{request}");
        }
    }
    assert!(!format!("{client:?}").contains("SECRET"));
}

#[test]
fn reserved_and_malformed_headers_are_refused() {
    for (name, value, says) in [
        ("Authorization", "SECRET", "\"Authorization\" cannot be set"),
        ("HOST", "SECRET", "cannot be set"),
        ("accept-Encoding", "SECRET", "cannot be set"),
        ("User-Agent", "SECRET", "cannot be set"),
        ("X-Contract-Number", "SECRET", "cannot be set"),
        ("Connection", "SECRET", "cannot be set"),
        ("Content-Length", "SECRET", "cannot be set"),
        ("Transfer-Encoding", "SECRET", "cannot be set"),
        ("Proxy-Authorization", "SECRET", "cannot be set"),
        ("Range", "SECRET", "cannot be set"),
        ("If-Range", "SECRET", "cannot be set"),
        ("Expect", "SECRET", "cannot be set"),
        ("If-None-Match", "SECRET", "cannot be set"),
        ("X-HTTP-Method-Override", "SECRET", "cannot be set"),
        ("", "SECRET", "is not a valid header name"),
        ("x y", "SECRET", "is not a valid header name"),
        ("x:", "SECRET", "is not a valid header name"),
        ("x\r\ny", "SECRET", "is not a valid header name"),
        ("ü", "SECRET", "is not a valid header name"),
        ("x", "SECRET\r\ny: z", "has a value that contains a line break"),
        ("x", "SECRET\n", "has a value that contains a line break"),
        ("x", "\r\nSECRET", "has a value that contains a line break"),
        ("x", "SECRET\0", "has a value that contains a line break"),
        ("x", "SECRETü", "has a value that contains a line break"),
    ] {
        let builder = builder_of("http://127.0.0.1:1").header(name, value);
        assert!(!format!("{builder:?}").contains("SECRET"));
        let error = builder.build().unwrap_err().to_string();
        assert!(error.starts_with("header: ") && error.contains(says), "{name}: {error}");
        assert!(!error.contains("SECRET"), "{error}");
    }
}

#[test]
fn request_head_of_over_16_kib_is_refused() {
    let builder = || builder_of("http://127.0.0.1:1");
    let header = builder().header("x", "x".repeat(16 * 1024));
    let headers = (0..40_000).fold(builder(), |builder, n| builder.header(format!("x-{n}"), "x"));
    let half = "x".repeat(8 * 1024);
    let sum = builder().header("x", &half).user_agent(&half);
    for (builder, reason) in [
        (header, "one long header"),
        (
            builder().credentials(Credentials::basic("u", "p".repeat(13 * 1024))),
            "a password that fits as it is, and not in base64",
        ),
        (headers, "more headers than a map of them contains"),
        (sum, "a header and a user agent, each of which would fit"),
    ] {
        let error = builder.build().unwrap_err().to_string();
        assert!(error.starts_with("request: is larger than 16384 bytes"), "{reason}: {error}");
    }
}
