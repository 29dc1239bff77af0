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
    let reserved = "Authorization HOST accept-Encoding User-Agent X-Contract-Number Connection \
                    Content-Length Transfer-Encoding Proxy-Authorization Range If-Range Expect \
                    If-None-Match X-HTTP-Method-Override Accept Upgrade X-HTTP-Method \
                    X-Method-Override";
    let line_break = "has a value that contains a line break";
    let names = reserved.split(' ').map(|name| (name, "SECRET", format!("{name:?} cannot be set")));
    // A name that is not valid may be a whole header, and is not quoted.
    let malformed = ["", "x y", "x:", "x\r\ny", "ü", "X-Api-Key: SECRET"]
        .map(|name| (name, "SECRET", "has a name that is not valid".to_owned()));
    let values = ["SECRET\r\ny: z", "SECRET\n", "\r\nSECRET", "SECRET\0", "SECRETü"]
        .map(|value| ("x", value, line_break.to_owned()));
    for (name, value, says) in names.chain(malformed).chain(values) {
        let builder = builder_of("http://127.0.0.1:1").header(name, value);
        assert!(name.contains("SECRET") || !format!("{builder:?}").contains("SECRET"));
        let error = builder.build().unwrap_err().to_string();
        assert!(error.starts_with("header: ") && error.contains(&says), "{name}: {error}");
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
