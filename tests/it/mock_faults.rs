//! The faults that the mock server can produce, and that it serves any client.

use crate::support::*;

fn client_for(api: &MockAuthApi) -> Client {
    builder_for(api).retry(RetryPolicy::none()).build().unwrap()
}

#[test]
fn each_fault_is_produced_as_documented() {
    use ErrorKind::ConnectionLost;
    let status = |error: &Error| error.status();
    let lost = |error: &Error| {
        matches!(error, Error::Call(error) if error.kind == ConnectionLost).then_some(0)
    };
    // (fault, whether a token is still created, what the client sees, its kind)
    type See = fn(&Error) -> Option<u16>;
    let cases: [(MockFault, bool, See, u16, bool); 7] = [
        (MockFault::HangUp, false, lost, 0, true),
        (MockFault::LoseAnswer, true, lost, 0, true),
        (MockFault::Truncate, true, lost, 0, true),
        (MockFault::Status(503), false, status, 503, false),
        (MockFault::Status(500), false, status, 500, true),
        (MockFault::Gateway(503), false, status, 503, true),
        (MockFault::GatewayAfterActing(504), true, status, 504, true),
    ];
    for (fault, acts, see, expected, unknown) in cases {
        let api = MockAuthApi::start();
        let client = client_for(&api);
        api.fail_next(fault.clone());
        let error = new_jwt(&client).unwrap_err();
        assert_eq!(see(&error), Some(expected), "{fault:?}: {error}");
        assert_eq!(error.outcome_unknown(), unknown, "{fault:?}: {error}");
        assert_eq!(api.key_ids().len(), usize::from(acts), "{fault:?}");
        // The fault occurs once.
        let _ = new_jwt(&client).unwrap();
    }

    let api = MockAuthApi::start();
    let delay = Duration::from_millis(200);
    api.fail_next(MockFault::Delay(delay));
    let started = Instant::now();
    list_tokens(&client_for(&api)).unwrap();
    assert!(started.elapsed() >= delay);
    // Longer than the client waits: the server has acted.
    api.fail_next_create(MockFault::Delay(LONG));
    let impatient = client_for(&api);
    thread::scope(|scope| {
        let call = scope.spawn(|| new_jwt(&impatient));
        while api.key_ids().is_empty() && !call.is_finished() {
            thread::sleep(Duration::from_millis(1));
        }
        impatient.shutdown();
        assert!(call.join().unwrap().unwrap_err().outcome_unknown());
    });
    assert_eq!(api.key_ids().len(), 1);
}

#[test]
fn fault_is_for_the_request_it_is_ordered_for() {
    let api = MockAuthApi::start();
    let client = client_for(&api);
    let id = new_jwt(&client).unwrap().key_id().unwrap();
    let list = || list_tokens(&client).err().and_then(|error| error.status());

    api.fail_nth(3, MockFault::Gateway(502));
    assert_eq!([list(), list(), list(), list()], [None, None, Some(502), None]);

    // Faults for a number come before the one for the next deletion, which stays ordered.
    api.fail_next_delete(MockFault::Status(403));
    api.fail_next_create(MockFault::Status(401));
    api.answer_next(1, 404, &[], "");
    api.fail_nth(2, MockFault::Gateway(502));
    api.answer_next(1, 429, &[], "");
    assert_eq!([list(), list(), list(), list()], [Some(404), Some(502), Some(429), None]);
    let error = delete_token(&client, &id).unwrap_err();
    assert_eq!(error.status(), Some(403));
    assert_eq!(new_jwt(&client).unwrap_err().status(), Some(401));
    assert!(delete_token(&client, &id).unwrap().success);
    assert!(api.key_ids().is_empty());
}

#[test]
fn answer_of_a_deletion_that_is_lost_is_a_success_at_the_next_attempt() {
    let api = MockAuthApi::start();
    let client = builder_for(&api).build().unwrap();
    let id = new_jwt(&client).unwrap().key_id().unwrap();
    api.fail_next_delete(MockFault::LoseAnswer);
    assert!(delete_token(&client, &id).unwrap().success);
    let requests = api.requests();
    let deletions = requests.iter().filter(|r| r.method == "DELETE").count();
    assert_eq!(deletions, 2);
}

#[test]
fn user_with_two_factors_needs_a_token_of_the_console() {
    let api = MockAuthApi::with_two_factor_authentication();
    let basic = client_for(&api);
    assert_eq!(list_tokens(&basic).unwrap_err().status(), Some(401));
    let console = basic.with_credentials(api.console_credentials()).unwrap();
    let jwt = new_jwt(&console).unwrap();
    let own = with_token(&basic, &jwt);
    assert_eq!(list_tokens(&own).unwrap().tokens.len(), 2);
    let id = jwt.key_id().unwrap();
    for error in [
        new_jwt(&own).map(drop),
        delete_token(&own, &id).map(drop),
        delete_by(&own, Criteria::All).map(drop),
    ] {
        assert_eq!(error.unwrap_err().status(), Some(401));
    }
    // A rotation leaves the console's token, because its replacement cannot delete it.
    let rotation =
        rotate_token(&console, &RotateTokenOptions::current(), |_| Ok::<_, std::io::Error>(()));
    let leftover = rotation.unwrap().leftover.unwrap();
    assert_eq!(leftover.status(), Some(401));
    assert_eq!(api.key_ids().len(), 3);
}

/// Sends a raw request. Returns the response up to the end of the connection.
fn ask(api: &MockAuthApi, request: &str) -> String {
    let host = api.base_url().strip_prefix("http://").unwrap();
    let host = host.strip_suffix("/auth/v1").unwrap();
    let mut stream = TcpStream::connect(host).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn any_client_of_http_is_served() {
    let api = MockAuthApi::start();
    let long = "x".repeat(1024 * 1024);
    let long_body = format!("POST /x HTTP/1.1\r\nContent-Length: 1048576\r\n\r\n{long}");
    let two = "GET /auth/v1/tokens HTTP/1.1\r\n\r\n".repeat(2);
    for (request, reason) in [
        ("GET /auth/v1/tokens HTTP/1.0\r\n\r\n", "HTTP/1.0"),
        (&two, "only the first of two requests on a connection"),
        ("POST /x HTTP/1.1\r\nContent-Length: 4\r\n\r\nbody", "a body is skipped"),
        (&long_body, "a long body does not reset the connection"),
        ("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n", "chunks"),
        ("GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n", "a length that is none"),
        ("GET / HTTP/1.0\nHost: x\n\n", "bare line feeds"),
        ("GET / HTTP/1.1\r\nno colon\r\n\r\n", "a line that is no header"),
    ] {
        let answer = ask(&api, request);
        assert_eq!(answer.matches("HTTP/1.1 401 \r\n").count(), 1, "{reason}: {answer}");
        assert!(answer.contains("\r\nConnection: close\r\n"), "{reason}: {answer}");
        let body = answer.split_once("\r\n\r\n").unwrap().1;
        assert!(body.contains("\"httpStatus\":401"), "{reason}: {answer}");
        let length = format!("\r\nContent-Length: {}\r\n", body.len());
        assert!(answer.contains(&length), "{reason}: {answer}");
    }
    assert_eq!(api.requests().len(), 8);
    let endless = format!("GET /{long} HTTP/1.1\r\n\r\n");
    for (request, reason) in [
        ("", "nothing"),
        ("HELLO\r\n\r\n", "no request"),
        ("GET /auth/v1/tokens HTTP/1.1\r\nHost: x\r\n", "cut off"),
        (&endless, "more than 64 KiB before the body"),
    ] {
        assert_eq!(ask(&api, request), "", "{reason}");
    }
    assert_eq!(api.requests().len(), 8, "none of them is acted on");
}

#[test]
fn other_parameters_of_a_query_are_ignored() {
    let api = MockAuthApi::start();
    let jwt = new_jwt(&client_for(&api)).unwrap();
    for (request, status, reason) in [
        ("GET /auth/v1/tokens?pretty=true", 200, "a list"),
        ("GET /auth/v1/tokens/generate?pretty=true", 200, "no ttl"),
        ("GET /auth/v1/tokens/generate?pretty=true&ttl=60", 200, "a ttl"),
        ("GET /auth/v1/tokens/generate?ttl=59&pretty=true", 400, "a short one"),
        ("DELETE /auth/v1/tokens?pretty=true", 400, "no criteria"),
        ("DELETE /auth/v1/tokens?criteria=all", 400, "in lower case"),
        ("DELETE /auth/v1/tokens?criteria=EXPIRED&depth=1", 200, "criteria"),
    ] {
        let token = jwt.token();
        let head = format!("{request} HTTP/1.0\r\nAuthorization: Bearer {token}\r\n\r\n");
        let answer = ask(&api, &head);
        let expected = format!("HTTP/1.1 {status} ");
        assert!(answer.starts_with(&expected), "{reason}: {answer}");
    }
}

#[test]
fn dropped_mock_server_closes_its_port() {
    let api = MockAuthApi::start();
    let client = client_for(&api);
    list_tokens(&client).unwrap();
    drop(api);
    let error = list_tokens(&client).unwrap_err();
    assert_eq!(kind(&error), ErrorKind::ConnectFailed, "{error}");
}
