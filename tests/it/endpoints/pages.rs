//! The errors for responses that are not the service's own: they identify the sender, and do not
//! quote what may be an encoded secret.

use std::time::{Duration, SystemTime};

use ionoscloud_auth::*;

use super::*;
use crate::support::{
    CREATE, DELETE, FaultServer, LIST, Play, everything, for_a_password, response,
};

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

/// A token that a page may repeat in another form, because it has other characters than a JWT.
fn with_odd_token() -> ClientBuilder {
    Client::builder().credentials(Credentials::token("YWJj+ZGVm/Z2hpamts=="))
}

/// Forms in which a page may repeat the password.
const DISGUISES: &[(&str, &str)] = &[
    ("p@ss &lt;w0rd&gt; &amp; &auml;-hunter2-hunter2", "as HTML"),
    (
        "p%40ss%20%3Cw0rd%3E%20%26%20%C3%A4-hunter2-hunter2",
        "percent-encoded",
    ),
    (
        r"p@ss \u003cw0rd\u003e & \u00e4-hunter2-hunter2",
        "escaped as in JSON",
    ),
    ("hunter2-hunter2", "its end"),
    ("dXNlcjpwQHNz", "the beginning of the header"),
    ("cEBzcyA8dzByZD4gJiDDpC1odW50", "its own base64"),
    ("70407373203c773072643e", "hex"),
];

#[test]
fn page_is_not_quoted_to_a_client_with_a_password() {
    for (disguise, reason) in DISGUISES {
        let model = |status| {
            format!(
                r#"{{"httpStatus":{status},"messages":[{{"errorCode":"1","message":"WORDS {disguise}"}}]}}"#
            )
        };
        let html = format!("<html><body>WORDS {disguise}</body></html>");
        let no_status = r#"{"messages":[{"message":"WORDS"}]}"#.to_owned();
        for body in [html, disguise.to_string(), model(500), no_status] {
            for builder in [
                with_password(),
                with_odd_token(),
                with_token().header("X-Gateway-Key", PASSWORD.replace('ä', "a")),
            ] {
                for endpoint in for_a_password() {
                    let play = response(403, "Server: gate/1\r\n", &body);
                    let error = error_of(builder.clone(), endpoint, play);
                    let text = everything(&error);
                    assert!(!text.contains("hunter2"), "{reason}: {text}");
                    assert!(!text.contains("WORDS"), "{reason}: {text}");
                    assert!(!text.contains(disguise), "{reason}: {text}");
                    let says = format!("(Server: gate/1, {} bytes)", body.len());
                    assert!(text.contains(&says), "{reason}: {text}");
                }
            }
        }
    }
}

#[test]
fn service_s_own_error_is_quoted_to_every_client() {
    let own = r#"{"httpStatus":403,"messages":[{"errorCode":"315","message":"Not for you."}]}"#;
    for builder in [with_token(), with_password()] {
        let error = error_of(builder, LIST, response(403, "Server: gate/1\r\n", own));
        let text = error.to_string();
        assert!(
            text.contains("403 Forbidden: Not for you. (error code 315)"),
            "{text}"
        );
        assert!(!text.contains("gate/1"), "{text}");
    }
}

#[test]
fn page_is_identified_and_its_text_shown_to_a_client_with_a_token() {
    let headers = "Server: nginx/1.22.1\r\nContent-Type: text/html\r\n";
    let page =
        "<!DOCTYPE html>\n<html><head><title>413</title></head><body>too large</body></html>";
    let error = error_of(with_token(), LIST, response(413, headers, page));
    let text = error.to_string();
    let says = format!(
        "413 Payload Too Large (Server: nginx/1.22.1, Content-Type: text/html, {} bytes): 413 too \
         large",
        page.len()
    );
    assert!(text.contains(&says), "{text}");
    let page = "X".repeat(100_000);
    let error = error_of(with_token(), LIST, response(400, "", &page));
    assert!(
        error.to_string().contains("(at least 65536 bytes): XXX"),
        "{error}"
    );
    // A success that is not readable is never quoted.
    let error = error_of(with_token(), LIST, response(200, headers, "<html>X</html>"));
    let text = error.to_string();
    let says = "200 OK is not readable (Server: nginx/1.22.1, Content-Type: text/html, 14 bytes): \
         it is not JSON";
    assert!(text.contains(says), "{text}");
}

#[test]
fn echoed_secrets_are_not_shown_as_the_sender_of_a_page() {
    let jwt = r#"{"token":"eyJraWQiOiJhIn0.eyJleHAiOjd9.c2lnbmF0dXJl","token":""}"#;
    for (play, reason) in [
        (
            response(403, &format!("Server: {TOKEN}\r\n"), ""),
            "the server's name",
        ),
        (
            response(403, &format!("Content-Type: a/{TOKEN}\r\n"), ""),
            "the type",
        ),
        (
            response(403, &format!("Content-Encoding: {TOKEN}\r\n"), "x"),
            "the encoding",
        ),
        (
            response(200, "Server: eyJraWQiOiJhIn0.eyJleHAiOjd9\r\n", jwt),
            "the new token",
        ),
    ] {
        let error = error_of(with_token(), CREATE, play);
        let text = everything(&error);
        assert!(!text.contains("eyJ"), "{reason}: {text}");
    }
}

#[test]
fn compressed_response_is_named() {
    let bytes = "\u{1f}\u{8b}..............";
    for (status, headers, says, reason) in [
        (
            200,
            "Content-Encoding: gzip\r\n",
            "it is compressed (Content-Encoding: gzip), which was not requested; a proxy or \
             gateway in between",
            "a success",
        ),
        (
            502,
            "Content-Encoding: br\r\n",
            "502 Bad Gateway (Content-Encoding: br, 17 bytes)",
            "a page",
        ),
    ] {
        for endpoint in ENDPOINTS {
            let error = error_of(with_token(), endpoint, response(status, headers, bytes));
            assert!(error.to_string().contains(says), "{reason}: {error}");
            assert!(!error.to_string().contains("...."), "{reason}: {error}");
            assert!(error.outcome_unknown(), "{reason}: {error}");
        }
    }
    let server = FaultServer::start(vec![Play::Write(response(
        200,
        "Content-Encoding: identity\r\n",
        LIST.body,
    ))]);
    (LIST.run)(&builder_of(&server.url()).build().unwrap()).unwrap();
    assert!(server.heads()[0].contains("\r\naccept-encoding: identity\r\n"));
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
    let expired =
        "the client's token expired at 2025-09-23T07:29:44Z according to its exp claim: replace it";
    for (token, status, body, says, reason) in [
        (jwt(1_758_612_584), 401, own, expired, "it has expired"),
        (
            jwt(1_758_612_584),
            401,
            "",
            expired,
            "also behind a gateway",
        ),
        (
            jwt(hour_ago),
            401,
            own,
            "the client's token expired at 20",
            "an hour ago",
        ),
        (
            jwt(hour_ago + 7200),
            401,
            own,
            "check the credentials and the contract number; for users with two-factor",
            "it has not",
        ),
        (
            jwt(1_758_612_584),
            403,
            own,
            "check the credentials",
            "403 is about something else",
        ),
        (
            "a.b.c".into(),
            401,
            own,
            "check the credentials",
            "not a JWT",
        ),
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
    let own = |status| {
        format!(r#"{{"httpStatus":{status},"messages":[{{"errorCode":"1","message":"no"}}]}}"#)
    };
    let no_such = "this user has no such token";
    let base_url = "check that the base URL, from ClientBuilder::base_url, is that of the Auth API";
    // (endpoint, status, body, the advice, what it must not contain)
    for (endpoint, status, body, says, not) in [
        (DELETE, 404, own(404), no_such, base_url),
        (DELETE, 404, String::new(), base_url, "\0"),
        (CREATE, 404, own(404), base_url, no_such),
        (LIST, 404, String::new(), base_url, no_such),
        (LIST, 302, String::new(), base_url, no_such),
        (LIST, 200, String::new(), base_url, no_such),
        (
            LIST,
            403,
            "<html>blocked</html>".to_owned(),
            "a proxy or gateway in between may have refused",
            "two-factor",
        ),
        (LIST, 403, own(403), "two-factor", "between here"),
        (LIST, 503, own(503), "try again later", "list the tokens"),
        // It must not advise to create again.
        (
            CREATE,
            503,
            String::new(),
            "list the tokens",
            "try again later",
        ),
        (CREATE, 503, own(503), "try again later", "list the tokens"),
    ] {
        let error = error_of(with_token(), endpoint, response(status, "", &body));
        let text = error.to_string();
        assert!(text.contains(says) && !text.contains(not), "{says}: {text}");
    }
}
