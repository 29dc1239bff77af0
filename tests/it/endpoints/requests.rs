//! What each endpoint sends, header by header.

use super::*;
use crate::support::list_tokens;

#[test]
fn options_change_the_request_line_and_the_headers() {
    let ttl = |seconds| CreateTokenOptions::new().ttl(Duration::from_secs(seconds));
    let by = DeleteTokenByCriteriaOptions::new;
    let generate = |query: &str| format!("GET /auth/v1/tokens/generate{query}");
    let deletes = |criteria: &str| format!("DELETE /auth/v1/tokens?criteria={criteria}");
    let [gets, removes] = ["GET", "DELETE"].map(|method| format!("{method} /auth/v1/tokens/{ID}"));
    // (call, request line, the call's X-Contract-Number)
    #[rustfmt::skip]
    let cases: Vec<(Call, String, Option<&str>)> = vec![
        (create(CreateTokenOptions::new()), generate(""), None),
        (create(CreateTokenOptions::default()), generate(""), None),
        (create(ttl(60)), generate("?ttl=60"), None),
        (create(ttl(31_536_000)), generate("?ttl=31536000"), None),
        (create(CreateTokenOptions::new().ttl(Duration::from_millis(3_600_900))),
         generate("?ttl=3600"), None),
        (create(ttl(90).contract_number(31_952_746)), generate("?ttl=90"), Some("31952746")),
        (list(GetAllTokensOptions::new()), "GET /auth/v1/tokens".to_owned(), None),
        (list(GetAllTokensOptions::default()), "GET /auth/v1/tokens".to_owned(), None),
        (list(GetAllTokensOptions::new().contract_number(1)), "GET /auth/v1/tokens".to_owned(),
         Some("1")),
        (get(GetTokenByIdOptions::new(id())), gets.clone(), None),
        (get(GetTokenByIdOptions::new(id()).contract_number(2_147_483_647)),
         gets.clone(), Some("2147483647")),
        (get(GetTokenByIdOptions::new(KeyId::new("A.b-c_d~9").unwrap())),
         "GET /auth/v1/tokens/A.b-c_d~9".into(), None),
        (delete(DeleteTokenByIdOptions::new(id())), removes.clone(), None),
        (delete(DeleteTokenByIdOptions::new(id()).contract_number(7)), removes.clone(), Some("7")),
        (delete_by(by(Criteria::All)), deletes("ALL"), None),
        (delete_by(by(Criteria::Expired)), deletes("EXPIRED"), None),
        (delete_by(by(Criteria::Current)), deletes("CURRENT"), None),
        (delete_by(by(Criteria::Expired).contract_number(7)), deletes("EXPIRED"), Some("7")),
    ];
    for (call, line, number) in &cases {
        // The call's contract number overrides the client's. Without either none is sent.
        for (clients, expected) in [(None, *number), (Some(4711), Some(number.unwrap_or("4711")))] {
            let (server, seen) = server(403, "");
            let mut builder = builder_for(&server);
            if let Some(clients) = clients {
                builder = builder.contract_number(clients);
            }
            let error = call(&builder.build().unwrap()).unwrap_err();
            assert_eq!(error.status(), Some(403), "{line}: {error}");

            let mut headers: Headers = [
                ("accept", "application/json"),
                ("accept-encoding", "identity"),
                ("authorization", BEARER),
                ("host", &server.host_with_port()),
                ("user-agent", concat!("ionoscloud-auth/", env!("CARGO_PKG_VERSION"))),
            ]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into();
            if let Some(expected) = expected {
                headers.insert("x-contract-number".to_owned(), expected.to_owned());
            }
            assert_eq!(*seen.lock().unwrap(), [(line.clone(), headers)], "{clients:?}");
        }
    }
}

#[test]
fn other_credentials_keep_the_settings() {
    let (server, seen) = server(200, r#"{"tokens":[]}"#);
    let other = builder_for(&server).user_agent(" sync/1.2 ").build().unwrap();
    // Base64 in the standard alphabet, not in that of URLs.
    list_tokens(&other.with_credentials(Credentials::basic("u", "?>?>")).unwrap()).unwrap();
    let headers = &seen.lock().unwrap()[0].1;
    assert_eq!(headers["authorization"], "Basic dTo/Pj8+");
    let user_agent = concat!("sync/1.2 ionoscloud-auth/", env!("CARGO_PKG_VERSION"));
    assert_eq!(headers["user-agent"], user_agent);
}

/// 512 bytes of the maximum of 16 KiB are reserved for what the library adds.
#[test]
fn header_sections_of_up_to_16_kib_are_sent() {
    let id = KeyId::new("k".repeat(256)).unwrap();
    let (server, seen) = server(200, &format!(r#"{{"id":"{id}"}}"#));
    let product = "x".repeat(1000);
    let path = format!("/{}/auth/v1", "p".repeat(2000));
    let builder = || {
        builder_for(&server)
            .base_url(format!("{}{path}", server.url()))
            .user_agent(&product)
            .header("x-key", "k".repeat(1000))
    };
    let client = builder().build().unwrap();
    let fits = |length| client.with_credentials(Credentials::token("A".repeat(length))).is_ok();
    let (mut longest, mut too_long) = (1, 16 * 1024);
    while too_long - longest > 1 {
        let middle = (longest + too_long) / 2;
        *(if fits(middle) { &mut longest } else { &mut too_long }) = middle;
    }
    let client = builder().credentials(Credentials::token("A".repeat(longest))).build().unwrap();
    let options = GetTokenByIdOptions::new(id);
    let options = options.contract_number(i32::MAX as u32);
    get_token_by_id(&client, &options).unwrap();

    let seen = seen.lock().unwrap();
    let (line, headers) = &seen[0];
    assert_eq!(headers["authorization"].len(), "Bearer ".len() + longest);
    assert_eq!(line.len(), "GET ".len() + path.len() + "/tokens/".len() + 256);
    let headers = headers.iter();
    let sent = headers.map(|(name, value)| name.len() + value.len() + 4);
    let sent = line.len() + " HTTP/1.1\r\n".len() + sent.sum::<usize>() + 2;
    assert!((16 * 1024 - 512..=16 * 1024).contains(&sent), "{sent}");
}

#[test]
fn invalid_options_are_refused_before_anything_is_sent() {
    let (server, seen) = server(200, "");
    let token = builder_for(&server).build().unwrap();
    let basic = token.with_credentials(Credentials::basic("u", "p")).unwrap();
    let ttl = |ttl| create(CreateTokenOptions::new().ttl(ttl));
    let by = DeleteTokenByCriteriaOptions::new;
    #[rustfmt::skip]
    let cases = [
        (&token, ttl(Duration::ZERO), "ttl: is 0 s"),
        (&token, ttl(Duration::from_millis(59_999)), "ttl: is 59 s"),
        (&token, ttl(Duration::from_secs(31_536_001)), "ttl: is 31536001 s"),
        (&token, ttl(Duration::MAX), "ttl: is 18446744073709551615 s"),
        (&token, create(CreateTokenOptions::new().contract_number(0)), "contract_number: is 0"),
        (&token, list(GetAllTokensOptions::new().contract_number(0)), "contract_number: is 0"),
        (&token, get(GetTokenByIdOptions::new(id()).contract_number(1 << 31)),
         "contract_number: is 2147483648"),
        (&token, delete(DeleteTokenByIdOptions::new(id()).contract_number(u32::MAX)),
         "contract_number: is 4294967295"),
        (&token, delete_by(by(Criteria::All).contract_number(0)), "contract_number: is 0"),
        (&basic, delete_by(by(Criteria::Current)), "criteria: is CURRENT"),
    ];
    for (client, call, says) in cases {
        let error = call(client).unwrap_err();
        assert!(
            matches!(error, Error::Invalid { .. }) && error.to_string().starts_with(says),
            "{says}: {error}"
        );
        assert!(!error.outcome_unknown() && error.status().is_none(), "{says}: {error}");
    }
    assert_eq!(*seen.lock().unwrap(), []);
}
