//! How each endpoint reads a success.

use super::*;

#[test]
fn success_is_read() {
    let token = format!(
        r#"{{"id":"{ID}","href":"https://api.ionos.com/auth/v1/tokens/{ID}","createdDate":"2025-09-23T07:29:44Z","expirationDate":"2026-09-23T07:29:44Z[UTC]"}}"#
    );
    let read = format!(
        "Token {{ id: KeyId(\"{ID}\"), href: \"https://api.ionos.com/auth/v1/tokens/{ID}\", \
         created_date: \"2025-09-23T07:29:44Z\", expiration_date: \"2026-09-23T07:29:44Z[UTC]\" }}"
    );
    let bare = format!(
        r#"Token {{ id: KeyId("{ID}"), href: "", created_date: "", expiration_date: "" }}"#
    );
    let deleted = "DeleteResponse { success: true }";
    #[rustfmt::skip]
    let cases = [
        ("create", 200, r#"{"token":"a.b.c"}"#.to_owned(), "a.b.c".to_owned()),
        ("create", 201, r#"{"more":[1],"token":"a.b.c"}"#.into(), "a.b.c".into()),
        ("list", 200, r#"{"tokens":[]}"#.into(), "Tokens { tokens: [] }".into()),
        ("list", 200, format!(r#"{{"tokens":[{token}],"more":1}}"#),
         format!("Tokens {{ tokens: [{read}] }}")),
        ("list", 200, format!(r#"{{"tokens":[{token},{token}]}}"#),
         format!("Tokens {{ tokens: [{read}, {read}] }}")),
        ("get", 200, token.clone(), read.clone()),
        ("get", 200, format!(" {}\n", token.replace(r#""href""#, r#""new":{"id":""},"href""#)),
         read.clone()),
        ("get", 200, format!(r#"{{"id":"{ID}"}}"#), bare),
        ("delete", 200, r#"{"success":true}"#.into(), deleted.into()),
        ("delete", 200, r#"{"success":true,"more":null}"#.into(), deleted.into()),
        ("delete ALL", 200, r#"{"success":true}"#.into(), deleted.into()),
        ("delete EXPIRED", 200, r#"{"success":true}"#.into(), deleted.into()),
        ("delete CURRENT", 200, r#"{"success":true}"#.into(), deleted.into()),
    ];
    for (name, status, body, expected) in cases {
        let (server, _seen) = server(status, &body);
        let client = builder_for(&server).build().unwrap();
        let endpoint = ENDPOINTS.iter().find(|endpoint| endpoint.name == name).unwrap();
        assert_eq!((endpoint.run)(&client).ok(), Some(expected), "{name}: {body}");
    }
}

/// A response that is odd, but has the new token: dropping it would leave an orphan.
#[test]
fn received_token_is_not_thrown_away() {
    let json = r#"{"token":"d.e.f"}"#;
    for (head, body, reason) in [
        ("200 OK", format!("\u{feff}{json}"), "a byte order mark"),
        ("200 OK", format!(" \r\n{json}\r\n"), "white space"),
        ("200 OK\r\nContent-Type: text/html", json.to_owned(), "another type"),
        ("200 OK\r\nContent-Encoding: gzip", json.to_owned(), "an encoding that is not there"),
        ("200 OK", format!("{json}<!-- by a gateway -->"), "something after it"),
        ("200 OK", format!("{json}\0"), "a zero after it"),
        ("200 OK", r#"{"ttl":"\ud800","token":"d.e.f"}"#.to_owned(), "half a character elsewhere"),
        ("200 OK", r#"{"x":{"token":1},"token":"d.e.f","y":[]}"#.to_owned(), "other fields"),
        ("201 Created", json.to_owned(), "another status"),
        ("202 Accepted", json.to_owned(), "another status"),
        ("206 Partial", json.to_owned(), "another status"),
        ("299 X\r\nRetry-After: 60", json.to_owned(), "another status"),
    ] {
        let length = body.len();
        let response = format!("HTTP/1.1 {head}\r\nContent-Length: {length}\r\n\r\n{body}");
        let server = FaultServer::start(vec![Play::Write(response.into_bytes())]);
        let jwt = new_jwt(&client_of(&server.url()));
        assert_eq!(jwt.as_ref().map(Jwt::token).ok(), Some("d.e.f"), "{reason}: {jwt:?}");
    }
}

#[test]
fn list_of_ten_thousand_tokens_is_read() {
    let tokens: Vec<String> = (0..10_000)
        .map(|n| {
            format!(r#"{{"id":"f13a5c54-8228-4b7e-9414-{n:012}","href":"https://api.ionos.com/auth/v1/tokens/f13a5c54-8228-4b7e-9414-{n:012}","createdDate":"2025-09-23T07:29:44Z","expirationDate":"2026-09-23T07:29:44Z"}}"#)
        })
        .collect();
    let body = format!(r#"{{"tokens":[{}]}}"#, tokens.join(","));
    assert!(body.len() > 2_000_000 && body.len() < 8 << 20);
    let server = FaultServer::start(vec![answer(200, &body)]);
    let tokens = list_tokens(&client_of(&server.url())).unwrap().tokens;
    assert_eq!(tokens.len(), 10_000);
    assert_eq!(tokens[9_999].id.as_str(), "f13a5c54-8228-4b7e-9414-000000009999");
}

#[test]
fn unreadable_success_leaves_the_outcome_unknown() {
    // (endpoints, body, the error's text). The text SECRET must not appear.
    let cases: &[(&[&str], &str, &str)] = &[
        (&["create", "list", "get"], "", "ends in the middle of its JSON"),
        (&["create", "list", "get"], r#"{"token":"SECRET"#, "ends in the middle of its JSON"),
        (&["create", "list", "get", "delete"], "<html>SECRET</html>", "is not JSON"),
        (&["create", "list", "get", "delete"], r#""SECRET""#, "an unexpected value"),
        (&["create"], "{}", "lacks a field"),
        (&["create"], r#"{"token":""}"#, "an unexpected value"),
        (&["create"], r#"{"token":null}"#, "an unexpected value"),
        (&["list"], "{}", "lacks a field"),
        (&["list"], r#"{"tokens":[{"href":"SECRET"}]}"#, "lacks a field"),
        (&["list"], r#"{"tokens":[{"id":""}]}"#, "an unexpected value"),
        (&["list"], r#"{"tokens":[{"id":"generate"}]}"#, "an unexpected value"),
        (&["get"], "{}", "lacks a field"),
        (&["get"], r#"{"id":""}"#, "an unexpected value"),
        (&["get"], r#"{"id":"../SECRET"}"#, "an unexpected value"),
        (&["delete", "delete ALL", "delete EXPIRED", "delete CURRENT"], "{}", "lacks a field"),
        (&["delete"], r#"{"success":"SECRET"}"#, "an unexpected value"),
        // serde would read an array as the struct whose fields it has.
        (&["create"], r#"["SECRET"]"#, "an unexpected value"),
        (&["list"], "[[]]", "an unexpected value"),
        (&["list"], r#"{"tokens":[["SECRET","","",""]]}"#, "an unexpected value"),
        (&["get"], &format!(r#"["{ID}","SECRET","",""]"#), "an unexpected value"),
        (&["delete", "delete ALL", "delete EXPIRED"], "[true]", "an unexpected value"),
    ];
    for (names, body, says) in cases {
        for endpoint in ENDPOINTS.iter().filter(|e| names.contains(&e.name)) {
            let Endpoint { name, run, .. } = endpoint;
            let (server, _seen) = server(200, body);
            let error = run(&builder_for(&server).build().unwrap()).unwrap_err();
            let text = error.to_string();
            assert!(kind(&error) == ErrorKind::Unreadable, "{name}: {body}: {text}");
            assert!(text.contains(says) && text.contains("200 OK"), "{name}: {body}: {text}");
            assert!(!text.contains("SECRET") && !everything(&error).contains("SECRET"), "{text}");
            assert_eq!(error.status(), Some(200), "{name}: {body}");
            assert_eq!(error.outcome_unknown(), endpoint.reports(true), "{name}: {body}");
        }
    }
}

/// Only an object, with objects in it, is the service's own error model.
#[test]
fn array_is_not_the_service_s_refusal() {
    for body in [
        "[503,[[]]]",
        r#"[503,[{"message":"busy"}]]"#,
        r#"{"httpStatus":503,"messages":[["1","busy"]]}"#,
        r#"{"httpStatus":503,"messages":[[]]}"#,
        r#"{"httpStatus":503,"messages":["busy"]}"#,
    ] {
        let server = FaultServer::start(vec![answer(503, body)]);
        let error = (CREATE.run)(&client_of(&server.url())).unwrap_err();
        assert_eq!((server.requests().len(), error.outcome_unknown()), (1, true), "{body}");
        assert!(call_error(&error).messages.is_empty(), "{body}");
    }
}

#[test]
fn success_false_is_an_error_and_is_not_retried() {
    for Endpoint { name, run, .. } in deletions() {
        let (server, seen) = server(200, r#"{"success":false}"#);
        let error =
            run(&builder_for(&server).retry(RetryPolicy::default()).build().unwrap()).unwrap_err();
        assert!(
            error.to_string().contains("the service says that nothing was deleted"),
            "{name}: {error}"
        );
        assert!(kind(&error) == ErrorKind::Api && error.status() == Some(200), "{name}");
        assert!(!error.outcome_unknown(), "{name}");
        assert_eq!(seen.lock().unwrap().len(), 1, "{name}: it is not sent again");
    }
}
