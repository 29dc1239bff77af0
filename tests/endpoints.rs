//! What each endpoint sends, header by header, and what it makes of what comes back.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ionoscloud_auth::*;
use mockito::{Matcher, Server, ServerGuard};

const ID: &str = "f13a5c54-8228-4b7e-9414-61313ce723d1";
const TOKEN: &str = "eyJ0eXAiOiJKV1QifQ.e30.c2ln";
const BEARER: &str = "Bearer eyJ0eXAiOiJKV1QifQ.e30.c2ln";

type Headers = BTreeMap<String, String>;
type Seen = Arc<Mutex<Vec<(String, Headers)>>>;

/// A server that answers everything alike, and keeps what it was sent.
fn server(status: usize, body: &str) -> (ServerGuard, Seen) {
    let mut server = Server::new();
    let seen = Seen::default();
    for method in ["GET", "DELETE"] {
        let seen = Arc::clone(&seen);
        server
            .mock(method, Matcher::Any)
            .with_status_code_from_request(move |request| {
                let mut headers = Headers::new();
                for (name, value) in request.headers() {
                    let value = value.to_str().unwrap().to_owned();
                    let twice = headers.insert(name.to_string(), value);
                    assert_eq!(twice, None, "{name} was sent twice");
                }
                assert!(request.body().unwrap().is_empty());
                let line = format!("{} {}", request.method(), request.path_and_query());
                seen.lock().unwrap().push((line, headers));
                status
            })
            .with_body(body)
            .create();
    }
    (server, seen)
}

fn client_of(server: &ServerGuard) -> ClientBuilder {
    Client::builder()
        .base_url(server.url())
        .credentials(Credentials::token(TOKEN))
        .retry(RetryPolicy::none())
}

fn id() -> KeyId {
    KeyId::new(ID).unwrap()
}

/// A call, with its answer as text.
type Call = Box<dyn Fn(&Client) -> Result<String>>;

fn call<T: std::fmt::Debug>(call: impl Fn(&Client) -> Result<T> + 'static) -> Call {
    Box::new(move |client| call(client).map(|answer| format!("{answer:?}")))
}

fn create(options: CreateTokenOptions) -> Call {
    call(move |client| create_token(client, &options))
}

fn list(options: GetAllTokensOptions) -> Call {
    call(move |client| get_all_tokens(client, &options))
}

fn get(options: GetTokenByIdOptions) -> Call {
    call(move |client| get_token_by_id(client, &options))
}

fn delete(options: DeleteTokenByIdOptions) -> Call {
    call(move |client| delete_token_by_id(client, &options))
}

fn delete_by(options: DeleteTokenByCriteriaOptions) -> Call {
    call(move |client| delete_token_by_criteria(client, &options))
}

/// Every endpoint without options, with a name.
fn endpoints() -> Vec<(&'static str, Call)> {
    let by = DeleteTokenByCriteriaOptions::new;
    vec![
        ("create", create(CreateTokenOptions::new())),
        ("list", list(GetAllTokensOptions::new())),
        ("get", get(GetTokenByIdOptions::new(id()))),
        ("delete", delete(DeleteTokenByIdOptions::new(id()))),
        ("delete ALL", delete_by(by(Criteria::All))),
        ("delete EXPIRED", delete_by(by(Criteria::Expired))),
        ("delete CURRENT", delete_by(by(Criteria::Current))),
    ]
}

#[test]
fn what_goes_out() {
    let ttl = |seconds| CreateTokenOptions::new().ttl(Duration::from_secs(seconds));
    let by = DeleteTokenByCriteriaOptions::new;
    let token_path = format!("/auth/v1/tokens/{ID}");
    // (call, request line, the X-Contract-Number that the call asks for)
    let cases: Vec<(Call, String, Option<&str>)> = vec![
        (
            create(CreateTokenOptions::new()),
            "GET /auth/v1/tokens/generate".into(),
            None,
        ),
        (
            create(CreateTokenOptions::default()),
            "GET /auth/v1/tokens/generate".into(),
            None,
        ),
        (
            create(ttl(60)),
            "GET /auth/v1/tokens/generate?ttl=60".into(),
            None,
        ),
        (
            create(ttl(31_536_000)),
            "GET /auth/v1/tokens/generate?ttl=31536000".into(),
            None,
        ),
        (
            create(CreateTokenOptions::new().ttl(Duration::from_millis(3_600_900))),
            "GET /auth/v1/tokens/generate?ttl=3600".into(),
            None,
        ),
        (
            create(ttl(90).contract_number(31_952_746)),
            "GET /auth/v1/tokens/generate?ttl=90".into(),
            Some("31952746"),
        ),
        (
            list(GetAllTokensOptions::new()),
            "GET /auth/v1/tokens".into(),
            None,
        ),
        (
            list(GetAllTokensOptions::default()),
            "GET /auth/v1/tokens".into(),
            None,
        ),
        (
            list(GetAllTokensOptions::new().contract_number(1)),
            "GET /auth/v1/tokens".into(),
            Some("1"),
        ),
        (
            get(GetTokenByIdOptions::new(id())),
            format!("GET {token_path}"),
            None,
        ),
        (
            get(GetTokenByIdOptions::new(id()).contract_number(2_147_483_647)),
            format!("GET {token_path}"),
            Some("2147483647"),
        ),
        (
            get(GetTokenByIdOptions::new(KeyId::new("A.b-c_d~9").unwrap())),
            "GET /auth/v1/tokens/A.b-c_d~9".into(),
            None,
        ),
        (
            delete(DeleteTokenByIdOptions::new(id())),
            format!("DELETE {token_path}"),
            None,
        ),
        (
            delete(DeleteTokenByIdOptions::new(id()).contract_number(7)),
            format!("DELETE {token_path}"),
            Some("7"),
        ),
        (
            delete_by(by(Criteria::All)),
            "DELETE /auth/v1/tokens?criteria=ALL".into(),
            None,
        ),
        (
            delete_by(by(Criteria::Expired)),
            "DELETE /auth/v1/tokens?criteria=EXPIRED".into(),
            None,
        ),
        (
            delete_by(by(Criteria::Current)),
            "DELETE /auth/v1/tokens?criteria=CURRENT".into(),
            None,
        ),
        (
            delete_by(by(Criteria::Expired).contract_number(7)),
            "DELETE /auth/v1/tokens?criteria=EXPIRED".into(),
            Some("7"),
        ),
    ];
    for (call, line, number) in &cases {
        // The call's own contract number wins over the client's, and none is sent that nobody gave.
        for (clients, expected) in [
            (None, *number),
            (Some(4711), Some(number.unwrap_or("4711"))),
        ] {
            let (server, seen) = server(403, "");
            let mut builder = client_of(&server);
            if let Some(clients) = clients {
                builder = builder.contract_number(clients);
            }
            let error = call(&builder.build().unwrap()).unwrap_err();
            assert_eq!(error.status(), Some(403));

            let mut headers: Headers = [
                ("accept", "application/json"),
                ("authorization", BEARER),
                ("host", &server.host_with_port()),
                (
                    "user-agent",
                    concat!("ionoscloud-auth/", env!("CARGO_PKG_VERSION")),
                ),
            ]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into();
            if let Some(expected) = expected {
                headers.insert("x-contract-number".to_owned(), expected.to_owned());
            }
            assert_eq!(*seen.lock().unwrap(), [(line.clone(), headers)]);
        }
    }
}

#[test]
fn who_calls() {
    for (credentials, expected, reason) in [
        (Credentials::token(TOKEN), BEARER, "a token as it is"),
        (
            Credentials::basic("Aladdin", "open sesame"),
            "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==",
            "the example of RFC 7617",
        ),
        (
            Credentials::basic("jörg@example.com", "pässwörd:€"),
            "Basic asO2cmdAZXhhbXBsZS5jb206cMOkc3N3w7ZyZDrigqw=",
            "UTF-8, and a colon in the password",
        ),
        (
            Credentials::basic("u", "?>?>"),
            "Basic dTo/Pj8+",
            "the standard alphabet, not that of URLs",
        ),
    ] {
        let (server, seen) = server(200, r#"{"tokens":[]}"#);
        let other = client_of(&server).user_agent(" sync/1.2 ").build().unwrap();
        let client = other.with_credentials(credentials).unwrap();
        get_all_tokens(&client, &GetAllTokensOptions::new()).unwrap();
        let seen = seen.lock().unwrap();
        assert_eq!(seen[0].1["authorization"], expected, "{reason}");
        let user_agent = concat!("sync/1.2 ionoscloud-auth/", env!("CARGO_PKG_VERSION"));
        assert_eq!(seen[0].1["user-agent"], user_agent, "settings are kept");
    }
}

#[test]
fn the_longest_of_everything_arrives() {
    let (server, seen) = server(200, r#"{"id":"x"}"#);
    let url = server.url();
    let url = format!("{url}/{}/auth/v1", "p".repeat(2000 - url.len() - 9));
    for credentials in [
        Credentials::token("A".repeat(12 * 1024)),
        Credentials::basic("u".repeat(4096), "p".repeat(4096)),
    ] {
        let client = Client::builder()
            .base_url(&url)
            .credentials(credentials)
            .user_agent("x".repeat(1000))
            .build()
            .unwrap();
        let id = KeyId::new("k".repeat(256)).unwrap();
        get_token_by_id(&client, &GetTokenByIdOptions::new(id)).unwrap();
    }
    let lengths: Vec<_> = seen
        .lock()
        .unwrap()
        .iter()
        .map(|(line, headers)| (line.len(), headers["authorization"].len()))
        .collect();
    let line = "GET ".len() + url.len() - server.url().len() + "/tokens/".len() + 256;
    assert_eq!(lengths, [(line, 7 + 12 * 1024), (line, 6 + 10_924)]);
}

#[test]
fn base_urls_with_a_path_of_their_own() {
    for (suffix, line) in [
        ("", "GET /auth/v1/tokens"),
        ("/", "GET /auth/v1/tokens"),
        ("/auth/v1", "GET /auth/v1/tokens"),
        ("/auth/v1/", "GET /auth/v1/tokens"),
        ("/gateway/auth/v1", "GET /gateway/auth/v1/tokens"),
        ("/gateway", "GET /gateway/auth/v1/tokens"),
    ] {
        let (server, seen) = server(200, r#"{"tokens":[]}"#);
        let url = format!("{}{suffix}", server.url());
        let client = client_of(&server).base_url(url).build().unwrap();
        get_all_tokens(&client, &GetAllTokensOptions::new()).unwrap();
        assert_eq!(seen.lock().unwrap()[0].0, line, "{suffix}");
    }
}

#[test]
fn what_comes_back() {
    let token = format!(
        r#"{{"id":"{ID}","href":"https://api.ionos.com/auth/v1/tokens/{ID}","createdDate":"2025-09-23T07:29:44Z","expirationDate":"2026-09-23T07:29:44Z[UTC]"}}"#
    );
    let read = format!(
        "Token {{ id: KeyId({ID}), href: \"https://api.ionos.com/auth/v1/tokens/{ID}\", created_date: \"2025-09-23T07:29:44Z\", expiration_date: \"2026-09-23T07:29:44Z[UTC]\" }}"
    );
    let endpoints = endpoints();
    let endpoint = |name: &str| {
        &endpoints
            .iter()
            .find(|(known, _)| *known == name)
            .unwrap()
            .1
    };
    let deleted = "DeleteResponse { success: true }";
    for (name, status, body, expected) in [
        (
            "create",
            200,
            r#"{"token":"a.b.c"}"#.to_owned(),
            "Jwt([redacted])".to_owned(),
        ),
        (
            "create",
            201,
            r#"{"more":[1],"token":"a.b.c"}"#.into(),
            "Jwt([redacted])".into(),
        ),
        (
            "list",
            200,
            r#"{"tokens":[]}"#.into(),
            "Tokens { tokens: [] }".into(),
        ),
        (
            "list",
            200,
            format!(r#"{{"tokens":[{token}],"more":1}}"#),
            format!("Tokens {{ tokens: [{read}] }}"),
        ),
        (
            "list",
            200,
            format!(r#"{{"tokens":[{token},{token}]}}"#),
            format!("Tokens {{ tokens: [{read}, {read}] }}"),
        ),
        ("get", 200, token.clone(), read.clone()),
        (
            "get",
            200,
            format!(
                " {}\n",
                token.replace(r#""href""#, r#""new":{"id":""},"href""#)
            ),
            read.clone(),
        ),
        (
            "get",
            200,
            format!(r#"{{"id":"{ID}"}}"#),
            format!(
                "Token {{ id: KeyId({ID}), href: \"\", created_date: \"\", expiration_date: \"\" }}"
            ),
        ),
        ("delete", 200, r#"{"success":true}"#.into(), deleted.into()),
        (
            "delete",
            200,
            r#"{"success":true,"more":null}"#.into(),
            deleted.into(),
        ),
        ("delete", 204, String::new(), deleted.into()),
        ("delete", 200, String::new(), deleted.into()),
        (
            "delete ALL",
            200,
            r#"{"success":true}"#.into(),
            deleted.into(),
        ),
        ("delete EXPIRED", 204, String::new(), deleted.into()),
        (
            "delete CURRENT",
            200,
            r#"{"success":true}"#.into(),
            deleted.into(),
        ),
    ] {
        let (server, _seen) = server(status, &body);
        let client = client_of(&server).build().unwrap();
        match endpoint(name)(&client) {
            Ok(answer) => assert_eq!(answer, expected, "{name}: {body}"),
            Err(error) => panic!("{name}: {body}: {error}"),
        }
    }
}

#[test]
fn a_new_token_is_handed_over_as_it_came() {
    let (server, _seen) = server(200, r#"{"token":"eyJraWQiOiJhIn0.eyJleHAiOjd9.c2ln"}"#);
    let client = client_of(&server).build().unwrap();
    let jwt = create_token(&client, &CreateTokenOptions::new()).unwrap();
    assert_eq!(jwt.token(), "eyJraWQiOiJhIn0.eyJleHAiOjd9.c2ln");
    assert_eq!(jwt.key_id().unwrap().as_str(), "a");
    assert_eq!(jwt.claims().unwrap().exp, Some(7));
}

#[test]
fn a_success_that_can_not_be_read() {
    // (endpoints, body, what the error says); none of the text SECRET may be repeated.
    let cases: &[(&[&str], &str, &str)] = &[
        (
            &["create", "list", "get"],
            "",
            "ends in the middle of its JSON",
        ),
        (
            &["create", "list", "get"],
            r#"{"token":"SECRET"#,
            "ends in the middle of its JSON",
        ),
        (
            &["create", "list", "get", "delete"],
            "<html>SECRET</html>",
            "is no JSON",
        ),
        (
            &["create", "list", "get", "delete"],
            r#""SECRET""#,
            "another type",
        ),
        (&["create"], "{}", "missing field `token`"),
        (&["create"], r#"{"token":""}"#, "token: is empty"),
        (&["create"], r#"{"token":null}"#, "another type"),
        (&["list"], "{}", "missing field `tokens`"),
        (
            &["list"],
            r#"{"tokens":[{"href":"SECRET"}]}"#,
            "missing field `id`",
        ),
        (&["list"], r#"{"tokens":[{"id":""}]}"#, "key_id: is empty"),
        (
            &["list"],
            r#"{"tokens":[{"id":"generate"}]}"#,
            "key_id: is \"generate\"",
        ),
        (&["get"], "{}", "missing field `id`"),
        (&["get"], r#"{"id":""}"#, "key_id: is empty"),
        (&["get"], r#"{"id":"../SECRET"}"#, "key_id: holds '/'"),
        (
            &["delete", "delete ALL", "delete EXPIRED", "delete CURRENT"],
            "{}",
            "missing field `success`",
        ),
        (&["delete"], r#"{"success":"SECRET"}"#, "another type"),
    ];
    for (names, body, says) in cases {
        for (name, call) in endpoints().iter().filter(|(name, _)| names.contains(name)) {
            let (server, _seen) = server(200, body);
            let error = call(&client_of(&server).build().unwrap()).unwrap_err();
            let text = error.to_string();
            assert!(
                matches!(error, Error::UnreadableAnswer(_)),
                "{name}: {body}: {text}"
            );
            assert!(
                text.contains(says) && text.contains("200 OK"),
                "{name}: {body}: {text}"
            );
            assert!(
                !text.contains("SECRET") && !format!("{error:?}").contains("SECRET"),
                "{text}"
            );
            assert_eq!(error.status(), Some(200));
            assert!(error.outcome_unknown(), "{name}: {body}");
        }
    }
}

#[test]
fn a_deletion_that_did_not_succeed_is_an_error() {
    for (name, call) in endpoints()
        .iter()
        .filter(|(name, _)| name.starts_with("delete"))
    {
        let (server, seen) = server(200, r#"{"success":false}"#);
        let error = call(
            &client_of(&server)
                .retry(RetryPolicy::default())
                .build()
                .unwrap(),
        )
        .unwrap_err();
        assert!(
            error.to_string().contains(r#"{"success":false}"#),
            "{name}: {error}"
        );
        assert!(
            matches!(error, Error::Api(_)) && error.status() == Some(200),
            "{name}"
        );
        assert!(!error.outcome_unknown(), "{name}");
        assert_eq!(
            seen.lock().unwrap().len(),
            1,
            "{name}: an answer is no reason to ask again"
        );
    }
}

#[test]
fn what_the_service_refuses() {
    let two = r#"{"httpStatus":403,"messages":[{"errorCode":"315","message":"No."},{"errorCode":"316","message":"Never\u001b[2J!"}]}"#;
    let level = r#"{"httpStatus":401,"messages":[{"errorCode":"501","message":"Endpoint requires a higher level of authentication."}]}"#;
    // (status, body, what the error says, its messages, whether the outcome is unknown)
    type Case<'a> = (
        usize,
        &'a str,
        &'a [&'a str],
        &'a [(&'a str, &'a str)],
        bool,
    );
    let cases: &[Case] = &[
        (
            401,
            level,
            &[
                "401 Unauthorized",
                "Endpoint requires a higher level of authentication.",
                "501",
                "credentials",
            ],
            &[("501", "Endpoint requires a higher level of authentication.")],
            false,
        ),
        (
            403,
            two,
            &["403 Forbidden", "315", "No.", "316", "Never [2J!"],
            &[("315", "No."), ("316", "Never [2J!")],
            false,
        ),
        (
            404,
            r#"{"httpStatus":404,"messages":[{"errorCode":"309","message":"Resource does not exist"}]}"#,
            &["404 Not Found", "309", "Resource does not exist"],
            &[("309", "Resource does not exist")],
            false,
        ),
        (
            500,
            r#"{"httpStatus":500,"messages":[{"errorCode":"1","message":"Oops"}]}"#,
            &["500 Internal Server Error", "Oops"],
            &[("1", "Oops")],
            true,
        ),
        (429, "", &["429 Too Many Requests"], &[], false),
        (
            401,
            r#"{"messages":[{"errorCode":315}]}"#,
            &["error code 315"],
            &[("315", "")],
            false,
        ),
        (
            401,
            r#"{"messages":[{"message":"m"},{},{"errorCode":null,"message":7,"x":[]}]}"#,
            &[": m; 7"],
            &[("", "m"), ("", "7")],
            false,
        ),
        (
            401,
            r#"{"messages":[{"message":"m"},"another model"]}"#,
            &[r#": {"messages":[{"message":"m"},"another model"]}"#],
            &[],
            false,
        ),
        (
            401,
            r#"{"messages":[]}"#,
            &[r#"{"messages":[]}"#],
            &[],
            false,
        ),
        (
            401,
            r#"{"messages":null}"#,
            &[r#"{"messages":null}"#],
            &[],
            false,
        ),
        (
            401,
            "\u{1b}]0;x\u{7}plain",
            &["401 Unauthorized: ]0;x plain"],
            &[],
            false,
        ),
        (
            502,
            "<html>\r\n<head><title>502 Bad Gateway</title></head>",
            &["502 Bad Gateway: <html> <head><title>"],
            &[],
            true,
        ),
        (
            301,
            "",
            &["301 Moved Permanently", "redirects are not followed"],
            &[],
            false,
        ),
        (418, "teapot", &["418: teapot"], &[], false),
    ];
    for (status, body, says, messages, outcome_unknown) in cases {
        for (name, call) in endpoints() {
            let (server, seen) = server(*status, body);
            let error = call(&client_of(&server).build().unwrap()).unwrap_err();
            let text = error.to_string();
            let line = &seen.lock().unwrap()[0].0.replace("/auth/v1", "");
            assert!(
                text.starts_with(&format!("{line}: the answer was ")),
                "{name}: {text}"
            );
            for says in *says {
                assert!(text.contains(says), "{name}: {says}: {text}");
            }
            assert!(!text.chars().any(char::is_control), "{text}");
            assert_eq!(error.status(), Some(*status as u16));
            assert_eq!(
                error.outcome_unknown(),
                *outcome_unknown,
                "{name}: {status}"
            );
            let Error::Api(api) = &error else {
                panic!("{name}: {error:?}");
            };
            let read: Vec<_> = api
                .messages
                .iter()
                .map(|m| (m.error_code.as_str(), m.message.as_str()))
                .collect();
            assert_eq!(read, *messages, "{name}: {body}");
            let advice = text.contains("list the tokens")
                || text.contains("delete it again")
                || text.contains("list them");
            assert_eq!(
                advice,
                *outcome_unknown && name != "list" && name != "get",
                "{name}: {text}"
            );
        }
    }
}

#[test]
fn a_page_instead_of_json_is_cut_to_a_line() {
    let page = format!(
        "<html>\n<body>{}</body>\n</html>",
        "lorem ipsum\t".repeat(10_000)
    );
    let (server, _seen) = server(403, &page);
    let error = get_all_tokens(
        &client_of(&server).build().unwrap(),
        &GetAllTokensOptions::new(),
    )
    .unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("<html> <body>lorem ipsum lorem ipsum") && text.contains('…'),
        "{text}"
    );
    assert!(text.len() < 600 && text.lines().count() == 1, "{text}");
}

#[test]
fn what_comes_back_of_the_credentials_is_not_shown() {
    for (body, says) in [
        (
            r#"{"messages":[{"errorCode":"1","message":"bad token eyJ0eXAiOiJKV1QifQ.e30.c2ln"}]}"#,
            "[not shown: it repeats what is secret in the request]",
        ),
        (
            "authorization: Bearer eyJ0eXAiOiJKV1QifQ.e30.c2ln",
            "[not shown: it repeats what is secret in the request]",
        ),
    ] {
        let (server, _seen) = server(403, body);
        let error = get_all_tokens(
            &client_of(&server).build().unwrap(),
            &GetAllTokensOptions::new(),
        )
        .unwrap_err();
        let text = error.to_string();
        assert!(
            text.contains(says) && !text.contains(TOKEN) && !format!("{error:?}").contains(TOKEN),
            "{text}"
        );
    }
}

#[test]
fn retry_after_is_passed_on() {
    let mut server = Server::new();
    server
        .mock("GET", "/auth/v1/tokens")
        .with_status(429)
        .with_header("retry-after", "120")
        .create();
    let client = client_of(&server).build().unwrap();
    let error = get_all_tokens(&client, &GetAllTokensOptions::new()).unwrap_err();
    assert_eq!(error.retry_after(), Some(Duration::from_secs(120)));
    assert!(error.to_string().contains("120 s"), "{error}");
}

#[test]
fn what_is_refused_before_anything_is_sent() {
    let (server, seen) = server(200, "");
    let token = client_of(&server).build().unwrap();
    let basic = token
        .with_credentials(Credentials::basic("u", "p"))
        .unwrap();
    let ttl = |ttl| create(CreateTokenOptions::new().ttl(ttl));
    let by = DeleteTokenByCriteriaOptions::new;
    for (client, call, says) in [
        (&token, ttl(Duration::ZERO), "ttl: is 0 s"),
        (&token, ttl(Duration::from_millis(59_999)), "ttl: is 59 s"),
        (
            &token,
            ttl(Duration::from_secs(31_536_001)),
            "ttl: is 31536001 s",
        ),
        (&token, ttl(Duration::MAX), "ttl: is 18446744073709551615 s"),
        (
            &token,
            create(CreateTokenOptions::new().contract_number(0)),
            "contract_number: is 0",
        ),
        (
            &token,
            list(GetAllTokensOptions::new().contract_number(0)),
            "contract_number: is 0",
        ),
        (
            &token,
            get(GetTokenByIdOptions::new(id()).contract_number(1 << 31)),
            "contract_number: is 2147483648",
        ),
        (
            &token,
            delete(DeleteTokenByIdOptions::new(id()).contract_number(u32::MAX)),
            "contract_number: is 4294967295",
        ),
        (
            &token,
            delete_by(by(Criteria::All).contract_number(0)),
            "contract_number: is 0",
        ),
        (
            &basic,
            delete_by(by(Criteria::Current)),
            "criteria: is CURRENT",
        ),
    ] {
        let error = call(client).unwrap_err();
        assert!(
            matches!(error, Error::Invalid { .. }) && error.to_string().starts_with(says),
            "{says}: {error}"
        );
        assert!(!error.outcome_unknown() && error.status().is_none());
    }
    assert_eq!(*seen.lock().unwrap(), []);
}
