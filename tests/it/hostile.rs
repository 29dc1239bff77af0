//! Hostile responses: always an error, never a panic, unbounded memory, or output that harms a
//! terminal.

use crate::support::*;

fn call(endpoint: &Endpoint, status: u16, body: &[u8]) -> Result<String> {
    let head = format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\n\r\n", body.len());
    let server = FaultServer::start(vec![Play::Write([head.as_bytes(), body].concat())]);
    let client = builder_of(&server.url()).retry(RetryPolicy::none()).build().unwrap();
    (endpoint.run)(&client)
}

#[test]
fn hostile_success_body_is_an_unreadable_response() {
    let deep = |open: &str| {
        [r#"{"token":"#, r#"{"tokens":"#, r#"{"id":"#, r#"{"success":"#]
            .map(|start| format!("{start}{}", open.repeat(100_000)))
    };
    let mut bodies: Vec<Vec<u8>> = vec![
        b"[".repeat(1 << 18),
        br#"{"a":"#.repeat(1 << 16),
        b"{\"token\":\"\xff\xfe\",\"id\":\"\xff\",\"tokens\":\"\xff\",\"success\":\"\xff\"}".to_vec(),
        br#"{"token":"\ud800","id":"\ud800","tokens":"\ud800","success":"\ud800"}"#.to_vec(),
        br#"{"token":"a","token":"b","id":"a","id":"b","tokens":[],"tokens":[],"success":true,"success":true}"#.to_vec(),
        br#"{"token":NaN,"id":NaN,"tokens":NaN,"success":NaN}"#.to_vec(),
        br#"{"token":1e999,"id":1e999,"tokens":1e999,"success":1e999}"#.to_vec(),
        br#"{"token":true,"id":true,"tokens":true,"success":1}"#.to_vec(),
        br#"{"id":"a\u0000b","tokens":[{"id":"a\u0000b"}],"token":"","success":null}"#.to_vec(),
        b"\xef\xbb\xbf{}".to_vec(),
        b"\0".repeat(4096),
        b"null".to_vec(),
        vec![b' '; 1 << 18],
    ];
    bodies.extend(deep("[").into_iter().chain(deep(r#"{"a":"#)).map(String::into_bytes));
    let cases =
        bodies.iter().flat_map(|body| ENDPOINTS.iter().map(move |endpoint| (body, endpoint)));
    in_parallel(cases, |(body, endpoint)| {
        // Only white space is the same as an empty body.
        if body.iter().all(u8::is_ascii_whitespace) && endpoint.name.starts_with("delete") {
            return;
        }
        let shown = String::from_utf8_lossy(&body[..body.len().min(60)]).into_owned();
        let error = match call(endpoint, 200, body) {
            Err(error) => error,
            Ok(response) => panic!("{}: {shown}: {response}", endpoint.name),
        };
        assert!(kind(&error) == ErrorKind::Unreadable, "{}: {shown}: {error}", endpoint.name);
        assert_eq!(error.outcome_unknown(), endpoint.reports(true), "{error}");
        assert!(error.to_string().len() < 500, "{error}");
    });
}

#[test]
fn hostile_error_body_is_shortened_and_cleaned() {
    let many = format!(
        r#"{{"messages":[{}{{}}]}}"#,
        r#"{"errorCode":"\u001b[31m","message":"\u202e\u0007x"},"#.repeat(1000)
    );
    let long =
        format!(r#"{{"messages":[{{"errorCode":"{0}","message":"{0}"}}]}}"#, "é".repeat(20_000));
    let messages = |count, text: &str| {
        let message = format!(r#"{{"errorCode":"{text}","message":"{text}"}}"#);
        let messages = vec![message; count].join(",");
        format!(r#"{{"httpStatus":403,"messages":[{messages}]}}"#).into_bytes()
    };
    let bodies = [
        messages(17, "x"),
        messages(17, &"x".repeat(120)),
        messages(3, &"é".repeat(2000)),
        messages(1000, "long enough to say something"),
        b"[".repeat(1 << 20),
        br#"{"messages":"#.repeat(1 << 16),
        format!(r#"{{"messages":{}"#, "[".repeat(100_000)).into_bytes(),
        many.into_bytes(),
        long.into_bytes(),
        br#"{"messages":[{"errorCode":1e999,"message":NaN}]}"#.to_vec(),
        br#"{"messages":[{"errorCode":-0.0,"message":{"a":"b"}},[],7,null,"x"]}"#.to_vec(),
        br#"{"messages":[{"message":"a\ud800"}]}"#.to_vec(),
        b"\x1b]0;owned\x07\x1b[2J\x9b31m".to_vec(),
        "\u{202e}\u{200b}\u{feff}".as_bytes().to_vec(),
        vec![0xff; 10_000],
    ];
    in_parallel(bodies, |body| {
        for endpoint in ENDPOINTS {
            let error = call(endpoint, 403, &body).unwrap_err();
            assert_eq!(error.status(), Some(403), "{error}");
            let (text, debug) = (error.to_string(), format!("{error:?}"));
            for text in [&text, &debug] {
                assert!(
                    !text.chars().any(|c| c.is_control() || ('\u{202a}'..='\u{202e}').contains(&c)),
                    "{text}"
                );
                assert!(text.len() <= 4096, "{text}");
            }
            let messages = &call_error(&error).messages;
            assert!(messages.len() <= 8, "{text}");
        }
    });
}

#[test]
fn eight_messages_of_500_bytes_are_kept() {
    // (the number of messages, the letters of each, the numbers that are kept)
    for (count, letters, kept) in [(7, 499, (7, 499)), (8, 500, (8, 500)), (9, 501, (8, 500))] {
        let text = "x".repeat(letters);
        let message = format!(r#"{{"errorCode":"{text}","message":"{text}"}}"#);
        let body = model(403, &vec![message; count].join(","));
        let error = call(LIST, 403, body.as_bytes()).unwrap_err();
        let dots = if letters > kept.1 { "…" } else { "" };
        let expected = format!("{}{dots}", "x".repeat(kept.1));
        let messages = &call_error(&error).messages;
        assert_eq!(messages.len(), kept.0, "{count}");
        for message in messages {
            assert_eq!((&message.error_code, &message.message), (&expected, &expected));
        }
    }
}

#[test]
fn oversized_body_is_not_read_to_its_end() {
    let blanks = vec![b' '; 1 << 18];
    let cases = ["Content-Length: 1000000000000\r\n\r\n", "\r\n"]
        .iter()
        .flat_map(|first| [CREATE, LIST].map(|endpoint| (first, endpoint)));
    in_parallel(cases, |(first, endpoint)| {
        let head = format!("HTTP/1.1 200 OK\r\n{first}").into_bytes();
        let server = FaultServer::start(vec![Play::Flood(head, blanks.clone())]);
        let error = (endpoint.run)(&client_of(&server.url())).unwrap_err();
        assert!(error.to_string().contains("8388608"), "{error}");
        assert_eq!(error.outcome_unknown(), endpoint.reports(true), "{error}");
        let attempts = if endpoint.repeatable { 3 } else { 1 };
        assert_eq!(server.requests().len(), attempts, "{error}");
        // The system buffers some data that is never read.
        assert!(server.written() < attempts * (32 << 20), "{}", server.written());
    });
    // Much less is read of an error.
    let server = FaultServer::start(vec![Play::Flood(b"HTTP/1.1 403 X\r\n\r\n".to_vec(), blanks)]);
    let error = list_tokens(&client_of(&server.url())).unwrap_err();
    assert_eq!(error.status(), Some(403));
    assert!(server.written() < 32 << 20, "{}", server.written());
}

#[test]
fn malformed_token_is_returned_unchanged_and_has_no_key_id() {
    let long = "A".repeat(1 << 20);
    for (token, says) in [
        ("x", "three parts"),
        ("..", "ends in the middle"),
        ("a b.c.d", "is not base64url"),
        ("\u{1b}[2J.e30.s", "is not base64url"),
        ("eyJraWQiOiIuLiJ9.e30.s", "its kid is \".\", \"..\""),
        ("eyJraWQiOiJnZW5lcmF0ZSJ9.e30.s", "or \"generate\""),
        (&long, "longer than 16 KiB"),
    ] {
        let body = serde_json::json!({ "token": token }).to_string();
        let server = FaultServer::start(vec![answer(200, &body)]);
        let jwt = new_jwt(&client_of(&server.url())).unwrap();
        assert_eq!(jwt.token(), token, "{says}");
        let error = jwt.key_id().unwrap_err().to_string();
        assert!(error.contains(says) && !error.chars().any(char::is_control), "{says}: {error}");
        assert!(!format!("{jwt:?}").contains(token) || token == "x", "{says}");
    }
}
