//! The lifecycle of tokens on the mock server, and the behavior that users' tests rely on.

use crate::support::*;

fn client_for(api: &MockAuthApi) -> Client {
    builder_for(api).retry(RetryPolicy::none()).build().unwrap()
}

fn new_token(client: &Client) -> (Jwt, KeyId) {
    let jwt = new_jwt(client).unwrap();
    let id = jwt.key_id().unwrap();
    (jwt, id)
}

fn listed(client: &Client) -> Vec<KeyId> {
    let tokens = list_tokens(client).unwrap().tokens;
    tokens.into_iter().map(|token| token.id).collect()
}

/// Creates, reads, lists and deletes a token. The tokens `others` existed before.
fn lifecycle(client: &Client, others: &[KeyId]) {
    let options =
        CreateTokenOptions::new().ttl(Duration::from_secs(3600)).contract_number(31_952_746);
    let jwt = create_token(client, &options).unwrap();
    let id = key_id(jwt.token()).unwrap();
    assert_eq!(jwt.key_id().unwrap(), id);
    assert_eq!(id.as_str().len(), 36);

    let claims = claims(jwt.token()).unwrap();
    assert_eq!(jwt.claims().unwrap(), claims);
    assert_eq!(claims.iss.as_deref(), Some("ionoscloud"));
    assert_eq!(claims.exp.unwrap() - claims.iat.unwrap(), 3600);
    let identity = claims.identity.unwrap();
    assert_eq!(identity.contract_number, Some(31_952_746));
    assert_eq!(identity.role.as_deref(), Some("owner"));

    let token = get_token(client, &id).unwrap();
    assert_eq!(token.id, id);
    assert!(token.href.ends_with(&format!("/auth/v1/tokens/{id}")));
    let life = token.expires_at().unwrap().duration_since(token.created_at().unwrap()).unwrap();
    assert_eq!(life.as_secs(), 3600);
    assert!(token.created_at().unwrap() <= SystemTime::now());

    let all = [others, std::slice::from_ref(&id)].concat();
    assert_eq!(listed(client), all);

    // The new token works as a credential, and can delete itself.
    let itself = with_token(client, &jwt);
    assert_eq!(listed(&itself), all);
    assert!(delete_token(&itself, &id).unwrap().success);
    assert_eq!(list_tokens(&itself).unwrap_err().status(), Some(401));
    assert_eq!(get_token(client, &id).unwrap_err().status(), Some(404));
    assert_eq!(delete_token(client, &id).unwrap_err().status(), Some(404));
    assert_eq!(listed(client), others);
}

#[test]
fn token_lifecycle_works_with_a_password_and_with_a_token() {
    let api = MockAuthApi::start();
    let client = client_for(&api);
    lifecycle(&client, &[]);
    let (jwt, id) = new_token(&client);
    lifecycle(&with_token(&client, &jwt), &[id]);
}

#[test]
fn delete_by_criteria_deletes_what_matches() {
    let api = MockAuthApi::start();
    let basic = client_for(&api);
    let (_, old) = new_token(&basic);
    let (jwt, current) = new_token(&basic);
    let (_, other) = new_token(&basic);
    let bearer = with_token(&basic, &jwt);

    assert!(delete_by(&basic, Criteria::Expired).unwrap().success);
    let all = [old.clone(), current.clone(), other.clone()];
    assert_eq!(listed(&basic), all, "no token had expired");

    assert!(api.expire(&old).is_some());
    assert_eq!(api.key_ids(), all, "expired tokens are still listed");
    let token = get_token(&basic, &old).unwrap();
    assert!(token.expires_at().unwrap() < SystemTime::now());
    assert!(delete_by(&bearer, Criteria::Expired).unwrap().success);
    assert_eq!(listed(&basic), [current, other.clone()]);
    assert!(api.expire(&old).is_none(), "it is gone");

    assert!(delete_by(&bearer, Criteria::Current).unwrap().success);
    assert_eq!(listed(&basic), [other]);
    let error = delete_by(&bearer, Criteria::Current).unwrap_err();
    assert_eq!(error.status(), Some(401), "it deleted itself");

    let _ = new_token(&basic);
    assert!(delete_by(&basic, Criteria::All).unwrap().success);
    assert!(listed(&basic).is_empty());
}

#[test]
fn only_valid_credentials_are_accepted() {
    let api = MockAuthApi::start();
    let client = client_for(&api);
    let (before, id) = new_token(&client);
    let expired = api.expire(&id).unwrap();
    let (deleted, id) = new_token(&client);
    delete_token(&client, &id).unwrap();
    let elsewhere = new_token(&client_for(&MockAuthApi::start())).0;
    for (credentials, status, reason) in [
        (Credentials::basic(api.username(), api.password()), None, "the user"),
        (Credentials::basic(api.username(), "wrong"), Some(401), "a wrong password"),
        (Credentials::basic("other@example.com", api.password()), Some(401), "another user"),
        (Credentials::token(before.token()), Some(401), "an expired token"),
        (Credentials::token(expired.token()), Some(401), "an expired token that says so"),
        (Credentials::token(deleted.token()), Some(401), "a deleted token"),
        (Credentials::token(elsewhere.token()), Some(401), "another service's token"),
        (Credentials::token("a.b.c"), Some(401), "no token at all"),
    ] {
        let client = client.with_credentials(credentials).unwrap();
        let error = list_tokens(&client).err();
        assert_eq!(error.as_ref().and_then(Error::status), status, "{reason}");
        if let Some(error) = error {
            let message = &call_error(&error).messages[0];
            assert!(!message.error_code.is_empty() && !message.message.is_empty(), "{reason}");
        }
    }
    for (number, status) in [(api.contract_number(), None), (1, Some(403))] {
        let result = get_all_tokens(&client, &GetAllTokensOptions::new().contract_number(number));
        assert_eq!(result.err().and_then(|error| error.status()), status, "contract {number}");
    }
}

#[test]
fn expired_token_claims_that_it_expired() {
    let api = MockAuthApi::start();
    let (jwt, id) = new_token(&client_for(&api));
    let now = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
    assert!(jwt.claims().unwrap().exp.unwrap() > now);
    let expired = api.expire(&id).unwrap();
    assert_eq!(expired.key_id().unwrap(), id);
    assert!(expired.claims().unwrap().exp.unwrap() <= now);
    assert_eq!(api.key_ids(), [id], "it is the same token");
}

#[test]
fn current_is_refused_on_demand_as_by_the_live_service() {
    let api = MockAuthApi::start();
    let basic = client_for(&api);
    let (jwt, id) = new_token(&basic);
    let own = with_token(&basic, &jwt);
    api.refuse_current();
    for _ in 0..2 {
        // It is refused again and again.
        let error = delete_by(&own, Criteria::Current).unwrap_err();
        assert_eq!(error.status(), Some(401));
        let message = &call_error(&error).messages[0];
        assert_eq!(message.error_code, "501");
        assert_eq!(message.message, "Endpoint requires a higher level of authentication.");
    }
    assert_eq!(listed(&own), std::slice::from_ref(&id), "the token is still valid");
    assert!(delete_by(&own, Criteria::Expired).unwrap().success);
    // What the vendor's CLI does in its place.
    delete_token(&own, &id).unwrap();
    assert!(api.key_ids().is_empty());
}

#[test]
fn requests_have_headers_that_debug_does_not_show() {
    let api = MockAuthApi::start();
    let client = builder_for(&api)
        .user_agent("inventory/1.2")
        .contract_number(api.contract_number())
        .header("X-Gateway-Key", "a secret of a gateway")
        .build()
        .unwrap();
    list_tokens(&client).unwrap();
    let requests = api.requests();
    let [request] = requests.as_slice() else {
        panic!("{requests:?}");
    };
    for (name, value) in [
        ("X-Contract-Number", Some("31952746")),
        ("x-contract-number", Some("31952746")),
        ("X-GATEWAY-KEY", Some("a secret of a gateway")),
        ("X-Request-Id", None),
        ("GET /auth/v1/tokens HTTP/1.1", None),
    ] {
        assert_eq!(request.header(name), value, "{name}");
    }
    assert!(request.header("User-Agent").unwrap().starts_with("inventory/1.2 "));
    let authorization = request.header("authorization").unwrap();
    let pair = authorization.strip_prefix("Basic ").unwrap();
    for shown in [format!("{request:?} {request} {api:?}"), format!("{requests:#?}")] {
        assert!(shown.contains("GET /auth/v1/tokens"), "{shown}");
        for secret in [pair, api.password(), "secret of a gateway"] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }
}

#[test]
fn key_ids_are_distinct_uuids() {
    let api = MockAuthApi::start();
    let client = client_for(&api);
    let ids: HashSet<String> = (0..50).map(|_| new_token(&client).1.to_string()).collect();
    assert_eq!(ids.len(), 50);
    for id in ids {
        let groups: Vec<usize> = id.split('-').map(str::len).collect();
        assert_eq!(groups, [8, 4, 4, 4, 12], "{id}");
        assert!(id.bytes().all(|byte| b"-0123456789abcdef".contains(&byte)), "{id}");
        let [version, variant] = [14, 19].map(|at| id.as_bytes()[at]);
        assert!(version == b'4' && b"89ab".contains(&variant), "{id}: version 4");
    }
}

#[test]
fn queued_responses_are_sent_in_order_and_change_nothing() {
    let api = MockAuthApi::start();
    let client = client_for(&api);
    api.answer_next(2, 503, &[("Retry-After", "7"), ("x-request-id", "r")], "<html>busy</html>");
    api.answer_next(0, 418, &[], "never");
    api.answer_next(1, 200, &[], r#"{"token":"not kept"}"#);
    for _ in 0..2 {
        let error = new_jwt(&client).unwrap_err();
        assert_eq!(error.status(), Some(503));
        assert_eq!(error.retry_after(), Some(Duration::from_secs(7)));
        assert!(error.to_string().contains(" (17 bytes);"), "{error}");
    }
    let jwt = new_jwt(&client).unwrap();
    assert_eq!(jwt.token(), "not kept");
    assert!(api.key_ids().is_empty(), "nothing was created");
    let (_, id) = new_token(&client);
    assert_eq!(api.key_ids(), std::slice::from_ref(&id));
    delete_token(&client, &id).unwrap();
    let mut expected = vec!["GET /auth/v1/tokens/generate".to_owned(); 4];
    expected.push(format!("DELETE /auth/v1/tokens/{id}"));
    assert_eq!(lines_of(&api.requests()), expected);
}

#[test]
fn many_threads_can_use_one_mock() {
    let api = MockAuthApi::start();
    let client = client_for(&api);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..10 {
                    let (_, id) = new_token(&client);
                    let token = get_token(&client, &id).unwrap();
                    assert_eq!(token.id, id);
                }
            });
        }
    });
    assert_eq!(api.key_ids().len(), 80);
}
