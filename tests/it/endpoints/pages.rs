//! The errors for responses that are not the service's own: they identify the sender, and quote
//! nothing.

use super::*;

const PASSWORD: &str = "p@ss <w0rd> & ä-hunter2-hunter2";

fn error_of(builder: ClientBuilder, endpoint: &crate::support::Endpoint, play: Vec<u8>) -> Error {
    let server = FaultServer::start(vec![Play::Write(play)]);
    let client = builder.base_url(server.url()).retry(RetryPolicy::none());
    (endpoint.run)(&client.build().unwrap()).unwrap_err()
}

fn with_token() -> ClientBuilder {
    Client::builder().credentials(Credentials::token(TOKEN))
}

fn with_password() -> ClientBuilder {
    Client::builder().credentials(Credentials::basic("user", PASSWORD))
}

#[test]
fn page_is_not_quoted() {
    for (body, reason) in [
        ("<html><body>WORDS</body></html>".to_owned(), "a page"),
        ("WORDS".to_owned(), "a text"),
        (model(500, r#"{"errorCode":"1","message":"WORDS"}"#), "another status"),
        (r#"{"messages":[{"message":"WORDS"}]}"#.to_owned(), "no status"),
    ] {
        for builder in [with_token(), with_password()] {
            for endpoint in for_a_password() {
                let play = response(403, "Server: gate/1\r\n", &body);
                let text = everything(&error_of(builder.clone(), endpoint, play));
                assert!(!text.contains("WORDS"), "{reason}: {text}");
                let says = format!("(Server: gate/1, {} bytes)", body.len());
                assert!(text.contains(&says), "{reason}: {text}");
            }
        }
    }
}

/// The password is in a message of the service's own error model.
#[test]
fn echoed_password_is_replaced() {
    for (message, says) in [
        (format!("you sent {PASSWORD}!"), "you sent [redacted]!"),
        (format!("{PASSWORD} and {PASSWORD}"), "[redacted] and [redacted]"),
        (format!("Basic {}=", base64_of("user", PASSWORD)), "Basic [redacted]"),
        ("connection".to_owned(), "connection"),
    ] {
        let messages = serde_json::json!([{"errorCode": "1", "message": message}]);
        let body = serde_json::json!({"httpStatus": 403, "messages": messages}).to_string();
        let error = error_of(with_password(), LIST, response(403, "Server: gate/1\r\n", &body));
        let text = everything(&error);
        assert!(text.contains(says), "{says}: {text}");
        assert!(!text.contains("hunter2") && !text.contains("gate/1"), "{says}: {text}");
    }
}

/// A shorter one would be found in words that have nothing to do with it.
#[test]
fn secret_is_looked_for_from_a_certain_length_on() {
    let password = |text| Client::builder().credentials(Credentials::basic("user", text));
    let token = |text| Client::builder().credentials(Credentials::token(text));
    let header = |text| with_token().header("x-key", text);
    for (builder, secret, is_shown) in [
        (password("xyz"), "xyz", true),
        (password("wxyz"), "wxyz", false),
        (token("xyz"), "xyz", true),
        (token("wxyz"), "wxyz", false),
        (header("a-key-of-11"), "a-key-of-11", true),
        (header("a-key-of--12"), "a-key-of--12", false),
    ] {
        let body = model(403, &format!(r#"{{"message":"you sent {secret}!"}}"#));
        let error = error_of(builder, LIST, response(403, "", &body)).to_string();
        let says = if is_shown { secret } else { "[redacted]" };
        assert!(error.contains(&format!("you sent {says}!")), "{secret}: {error}");
    }
}

fn base64_of(username: &str, password: &str) -> String {
    use base64::Engine as _;
    let pair = format!("{username}:{password}");
    let encoded = base64::engine::general_purpose::STANDARD.encode(pair);
    encoded.trim_end_matches('=').to_owned()
}

#[test]
fn page_is_identified() {
    let headers = "Server: nginx/1.22.1\r\nContent-Type: text/html\r\n";
    let page = "X".repeat(100_000);
    #[rustfmt::skip]
    let cases = [
        (413, "<html>",
         "413 Payload Too Large (Server: nginx/1.22.1, Content-Type: text/html, 6 bytes)"),
        (400, &page,
         "400 Bad Request (Server: nginx/1.22.1, Content-Type: text/html, at least 65536 bytes)"),
        (200, "<html>X</html>",
         "200 OK (Server: nginx/1.22.1, Content-Type: text/html, 14 bytes) is not readable: it is \
          not JSON"),
        (600, "", "600 (Server: nginx/1.22.1, Content-Type: text/html, 0 bytes)"),
    ];
    for (status, body, says) in cases {
        let error = error_of(with_token(), LIST, response(status, headers, body));
        assert!(error.to_string().contains(says), "{says}: {error}");
    }
}

#[test]
fn echoed_secrets_are_not_shown_as_the_sender_of_a_page() {
    let jwt = r#"{"token":"eyJraWQiOiJhIn0.eyJleHAiOjd9.c2lnbmF0dXJl","token":""}"#;
    for (play, reason) in [
        (response(403, &format!("Server: {TOKEN}\r\n"), ""), "the server's name"),
        (response(403, &format!("Content-Type: a/{TOKEN}\r\n"), ""), "the type"),
        (response(403, &format!("Content-Encoding: {TOKEN}\r\n"), "x"), "the encoding"),
        (response(200, "Server: eyJraWQiOiJhIn0.eyJleHAiOjd9\r\n", jwt), "the new token"),
    ] {
        let error = error_of(with_token(), CREATE, play);
        let text = everything(&error);
        assert!(!text.contains("eyJ"), "{reason}: {text}");
    }
}

#[test]
fn expired_token_of_the_client_explains_a_401() {
    let jwt = |exp: u64| {
        use base64::Engine as _;
        let payload = format!(r#"{{"exp":{exp}}}"#);
        let payload = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(payload);
        format!("eyJraWQiOiJhIn0.{payload}.c2ln")
    };
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let hour_ago = (now.unwrap() - Duration::from_secs(3600)).as_secs();
    let own = r#"{"httpStatus":401,"messages":[{"errorCode":"1","message":"no"}]}"#;
    let own_403 = r#"{"httpStatus":403,"messages":[{"errorCode":"1","message":"no"}]}"#;
    let expired = "the client's own token expired at 2025-09-23T07:29:44Z according to its exp claim: replace it";
    for (token, status, body, says, reason) in [
        (jwt(1_758_612_584), 401, own, expired, "it has expired"),
        (jwt(1_758_612_584), 401, "", expired, "also behind a gateway"),
        (jwt(hour_ago), 401, own, "the client's own token expired at 20", "an hour ago"),
        (jwt(hour_ago + 7200), 401, own, "no (error code 1); check the credentials", "it has not"),
        (jwt(1_758_612_584), 403, own_403, "check the credentials", "403 is about something else"),
        ("a.b.c".into(), 401, own, "check the credentials", "not a JWT"),
        (jwt(u64::MAX), 401, own, "check the credentials", "never"),
    ] {
        let builder = with_token().credentials(Credentials::token(token));
        let error = error_of(builder, LIST, response(status, "", body));
        assert!(error.to_string().contains(says), "{reason}: {error}");
        let is_expired = error.to_string().contains("expired");
        assert_eq!(is_expired, says.contains("expired"), "{reason}: {error}");
    }
}

#[test]
fn advice_depends_on_the_request_and_the_sender_of_the_response() {
    let own = |status| model(status, r#"{"errorCode":"1","message":"no"}"#);
    let no_such = "this user has no such token, or http://127.0.0.1:";
    let foreign = "it is not the Auth API's own response: check the base URL, and any proxy";
    let two_factor = "for users with two-factor authentication, a token made through this API";
    let level = r#"{"httpStatus":401,"messages":[{"errorCode":"501","message":"no"}]}"#;
    // (endpoint, status, body, the advice, what it must not contain)
    for (endpoint, status, body, says, not) in [
        (DELETE, 404, own(404), no_such, "own response"),
        (DELETE, 404, own(404), "/auth/v1 is not the Auth API: check the base URL", foreign),
        (DELETE, 404, String::new(), foreign, no_such),
        (CREATE, 404, own(404), "check the base URL", no_such),
        (LIST, 404, String::new(), foreign, no_such),
        (LIST, 302, String::new(), "redirects are not followed", no_such),
        (LIST, 200, String::new(), "if the Auth API sent it, this library cannot", foreign),
        (LIST, 403, "<html>blocked</html>".to_owned(), foreign, "two-factor"),
        (LIST, 403, own(403), "check the credentials", "two-factor"),
        (LIST, 403, own(403), "check the credentials", "contract"),
        (LIST, 400, own(400), "no (error code 1)", foreign),
        (LIST, 401, level.to_owned(), two_factor, foreign),
        (CREATE, 403, own(403), two_factor, foreign),
        (DELETE, 401, own(401), two_factor, foreign),
        (LIST, 503, own(503), "try again later", "list the tokens"),
        // It must not advise to create again.
        (CREATE, 503, String::new(), "list the tokens", "try again later"),
        (CREATE, 404, String::new(), "list the tokens", "try again later"),
        (CREATE, 503, own(503), "try again later", "list the tokens"),
    ] {
        let error = error_of(with_token(), endpoint, response(status, "", &body));
        let text = error.to_string();
        assert!(text.contains(says) && !text.contains(not), "{says}: {text}");
    }
}

/// With another base URL a 404 may be the Cloud API's, which has the same error model.
#[test]
fn only_the_default_base_url_is_certainly_the_auth_api() {
    let ca = authority("A test's CA");
    let identity = certificate("api.ionos.com", 2020..2100, Some(&ca));
    let missing = service_response(404, "");
    let port = listen(config(identity), move |mut stream| {
        read_head(&mut stream).unwrap();
        stream.write_all(&missing).unwrap();
    });
    let proxy = TunnelProxy::to(port);
    let builder = with_token().proxy(format!("http://127.0.0.1:{}", proxy.port));
    let client = builder.root_certificates_pem(ca.pem).build().unwrap();
    let error = delete_token(&client, &id()).unwrap_err().to_string();
    assert!(error.ends_with("; this user has no such token"), "{error}");
}
