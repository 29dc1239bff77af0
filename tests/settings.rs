//! Settings from code and from the environment: what is taken, what is refused, and with which
//! words.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod support;

use std::time::Duration;

use ionoscloud_auth::mock::MockAuthApi;
use ionoscloud_auth::*;

fn builder() -> ClientBuilder {
    Client::builder().credentials(Credentials::token("a.b.c"))
}

#[test]
fn what_makes_a_client() {
    let year = Duration::from_secs(31_536_000);
    for (builder, reason) in [
        (builder(), "the defaults"),
        (builder().base_url("api.example/"), "https by default"),
        (
            builder().base_url("http://127.0.0.1:1"),
            "plain http to this machine",
        ),
        (builder().base_url("http://localhost"), "by name"),
        (builder().base_url("http://[::1]:8080/auth/v1"), "by IPv6"),
        (
            builder()
                .base_url("http://api.example")
                .allow_insecure_http(true),
            "plain http by permission",
        ),
        (builder().contract_number(1), "the least contract number"),
        (builder().contract_number(2_147_483_647), "the greatest"),
        (
            builder().timeout(Duration::from_nanos(1)),
            "a timeout that nothing meets is still one",
        ),
        (builder().timeout(year * 100), "no limit"),
        (builder().timeout(Duration::MAX), "no limit either"),
        (builder().user_agent(""), "no product"),
        (
            builder().user_agent("sync/1.2 (nightly; +https://x.example)"),
            "a product with a comment",
        ),
        (builder().retry(RetryPolicy::none()), "no retries"),
    ] {
        if let Err(error) = builder.build() {
            panic!("{reason}: {error}");
        }
    }
}

#[test]
fn what_makes_none() {
    for (builder, says) in [
        (Client::builder(), "credentials: there are none"),
        (
            builder().credentials(Credentials::token("")),
            "token: is empty",
        ),
        (
            builder().credentials(Credentials::token("SECRET\r\nx: y")),
            "token: holds white space",
        ),
        (
            builder().credentials(Credentials::basic("us:er", "SECRET")),
            "username: holds a colon",
        ),
        (
            builder().credentials(Credentials::basic("user", "SECRET\0")),
            "password: holds a line break",
        ),
        (builder().base_url(""), "base_url: has no host"),
        (
            builder().base_url("ftp://api.example"),
            "base_url: its scheme",
        ),
        (
            builder().base_url("https://user:SECRET@api.example"),
            "base_url: has a user name",
        ),
        (
            builder().base_url("https://api.example?x"),
            "base_url: has a query",
        ),
        (
            builder().base_url("https://api.example#x"),
            "base_url: has a fragment",
        ),
        (
            builder().base_url("http://api.example"),
            "base_url: is plain http",
        ),
        (
            builder().base_url("http://127.0.0.1.evil.example"),
            "base_url: is plain http",
        ),
        (
            builder().base_url("http://localhost.evil.example"),
            "base_url: is plain http",
        ),
        (
            builder().base_url("http://0.0.0.0"),
            "base_url: is plain http",
        ),
        (builder().contract_number(0), "contract_number: is 0"),
        (
            builder().contract_number(2_147_483_648),
            "contract_number: is 2147483648",
        ),
        (builder().timeout(Duration::ZERO), "timeout: is zero"),
        (
            builder().user_agent("sync\r\nx: y"),
            "user_agent: holds a line break",
        ),
        (
            builder().user_agent("sync\0"),
            "user_agent: holds a line break",
        ),
        (
            builder().user_agent("x".repeat(1001)),
            "user_agent: is longer than 1000",
        ),
        (
            builder().user_agent("sÿnc"),
            "user_agent: holds a line break",
        ),
        (
            builder().root_certificates_pem(""),
            "root_certificates_pem: holds no certificate",
        ),
        (
            builder().root_certificates_pem("SECRET"),
            "root_certificates_pem: holds no certificate",
        ),
        (
            builder().root_certificates_pem(
                "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n",
            ),
            "root_certificates_pem: is no valid PEM",
        ),
    ] {
        let debug = format!("{builder:?}");
        let error = builder.build().unwrap_err();
        assert!(
            matches!(error, Error::Invalid { .. }) && error.to_string().starts_with(says),
            "{says}: {error}"
        );
        assert!(
            !debug.contains("SECRET") && !error.to_string().contains("SECRET"),
            "{debug} {error}"
        );
    }
    let error = Client::new(Credentials::basic("", "p")).unwrap_err();
    assert!(
        error.to_string().starts_with("username: is empty"),
        "{error}"
    );
    let client = builder().build().unwrap();
    let error = client
        .with_credentials(Credentials::token(" "))
        .unwrap_err();
    assert!(error.to_string().starts_with("token: holds"), "{error}");
}

#[test]
fn debug_output_shows_settings_and_no_secret() {
    let builder = builder()
        .credentials(Credentials::basic("user@example.com", "SECRET"))
        .base_url("api.example")
        .contract_number(7);
    let client = builder.clone().build().unwrap();
    for debug in [format!("{builder:?}"), format!("{client:?}")] {
        assert!(
            debug.contains("https://api.example/auth/v1") && debug.contains('7'),
            "{debug}"
        );
        assert!(
            !debug.contains("SECRET") && !debug.contains("user@example.com"),
            "{debug}"
        );
    }
}

#[test]
fn types_can_be_shared_between_threads() {
    fn shared<T: Send + Sync + std::fmt::Debug>() {}
    shared::<(Client, ClientBuilder, Credentials, RetryPolicy)>();
    shared::<(
        Error,
        ApiError,
        ApiMessage,
        TransportError,
        UnreadableAnswer,
    )>();
    shared::<(
        Jwt,
        KeyId,
        Token,
        Tokens,
        DeleteResponse,
        Criteria,
        Claims,
        Identity,
    )>();
    shared::<(CreateTokenOptions, GetAllTokensOptions, GetTokenByIdOptions)>();
    shared::<(
        CredentialsSource,
        Try<'static>,
        TryOutcome,
        DueTokens<'static>,
    )>();
    shared::<(RotateTokenOptions, Rotation, RotateError<Error>, Leftover)>();
    shared::<(
        DeleteTokenByIdOptions,
        DeleteTokenByCriteriaOptions,
        MockAuthApi,
    )>();
}

/// In a process of its own, as the environment is the whole process's: makes a client of the
/// environment and says what came of it.
#[test]
fn child_that_reads_the_environment() {
    if std::env::var_os("CHILD").is_none() {
        return;
    }
    let answer = Client::from_env().and_then(|client| {
        println!("client: {client:?}");
        get_all_tokens(&client, &GetAllTokensOptions::new())
    });
    match answer {
        Ok(tokens) => println!("result: {} tokens", tokens.tokens.len()),
        Err(error) => println!("result: {error}"),
    }
}

fn in_a_child<V: AsRef<std::ffi::OsStr>>(variables: &[(&str, V)]) -> String {
    support::in_a_child("child_that_reads_the_environment", variables)
}

#[test]
fn the_environment() {
    let api = MockAuthApi::start();
    let token = {
        let client = Client::builder()
            .base_url(api.base_url())
            .credentials(api.credentials())
            .build()
            .unwrap();
        create_token(&client, &CreateTokenOptions::new()).unwrap()
    };
    let url = ("IONOS_API_URL", api.base_url());
    let token = ("IONOS_TOKEN", token.token());
    let username = ("IONOS_USERNAME", api.username());
    let password = ("IONOS_PASSWORD", api.password());
    let host = api.base_url().strip_suffix("/auth/v1").unwrap();
    let padded = format!(" \t{}\r\n", api.password());
    let works = "result: 1 tokens";
    for (variables, says) in [
        (vec![url, token], works),
        (vec![url, username, password], works),
        (
            vec![url, token, username, ("IONOS_PASSWORD", "wrong")],
            works,
        ),
        (vec![url, token, username], works),
        (
            vec![url, ("IONOS_TOKEN", "wrong"), username, password],
            "401 Unauthorized",
        ),
        (vec![url, ("IONOS_TOKEN", ""), username, password], works),
        (vec![url, ("IONOS_TOKEN", " \n"), username, password], works),
        (vec![url, username, ("IONOS_PASSWORD", &padded)], works),
        (vec![("IONOS_API_URL", host), token], works),
        (vec![("IONOS_API_URL", &format!("{host}/")), token], works),
        (
            vec![url, token, ("IONOS_CONTRACT_NUMBER", " 31952746 ")],
            works,
        ),
        (vec![url, token, ("IONOS_CONTRACT_NUMBER", "")], works),
        (vec![url, token, ("IONOS_PINNED_CERT", "")], works),
        (
            vec![url, token, ("IONOS_CONTRACT_NUMBER", "1")],
            "403 Forbidden",
        ),
        (
            vec![url],
            "result: credentials: there are none: set IONOS_TOKEN, or IONOS_USERNAME and IONOS_PASSWORD",
        ),
        (
            vec![url, username],
            "result: IONOS_PASSWORD: is not set, and IONOS_USERNAME is",
        ),
        (
            vec![url, username, ("IONOS_PASSWORD", "")],
            "result: IONOS_PASSWORD: is not set",
        ),
        (
            vec![url, password],
            "result: IONOS_USERNAME: is not set, and IONOS_PASSWORD is",
        ),
        (
            vec![url, ("IONOS_TOKEN", "a b")],
            "result: IONOS_TOKEN: holds white space",
        ),
        (
            vec![url, ("IONOS_USERNAME", "a:b"), password],
            "result: IONOS_USERNAME: holds a colon",
        ),
        (
            vec![url, username, ("IONOS_PASSWORD", "a\u{7}b")],
            "result: IONOS_PASSWORD: holds a line break",
        ),
        (
            vec![url, token, ("IONOS_CONTRACT_NUMBER", "0")],
            "result: IONOS_CONTRACT_NUMBER: is 0",
        ),
        (
            vec![url, token, ("IONOS_CONTRACT_NUMBER", "-1")],
            "result: IONOS_CONTRACT_NUMBER: is no number",
        ),
        (
            vec![url, token, ("IONOS_CONTRACT_NUMBER", "12x")],
            "result: IONOS_CONTRACT_NUMBER: is no number",
        ),
        (
            vec![url, token, ("IONOS_CONTRACT_NUMBER", "2147483648")],
            "result: IONOS_CONTRACT_NUMBER: is 2147483648",
        ),
        (
            vec![token, ("IONOS_API_URL", "https://a:b@c")],
            "result: IONOS_API_URL: has a user name",
        ),
        (
            vec![token, ("IONOS_API_URL", "http://api.example")],
            "result: IONOS_API_URL: is plain http",
        ),
        (
            vec![url, token, ("IONOS_PINNED_CERT", "ab:cd")],
            "result: IONOS_PINNED_CERT: is ",
        ),
        (vec![token], "base_url: \"https://api.ionos.com/auth/v1\""),
        (
            vec![
                token,
                ("IONOS_API_URL", "auth.example.test"),
                ("ALL_PROXY", "socks5://127.0.0.1:1"),
            ],
            "result: ALL_PROXY: names a SOCKS proxy",
        ),
        (
            vec![
                token,
                ("IONOS_API_URL", "auth.example.test"),
                ("ALL_PROXY", "socks5://127.0.0.1:1"),
                ("HTTPS_PROXY", "http://127.0.0.1:1"),
            ],
            "Connection refused",
        ),
        (
            vec![
                token,
                ("IONOS_API_URL", "auth.example.test"),
                ("ALL_PROXY", "socks5h://127.0.0.1:1"),
                ("NO_PROXY", "auth.example.test"),
            ],
            "client: ",
        ),
        (
            vec![url, token, ("ALL_PROXY", "socks4://127.0.0.1:1")],
            works,
        ),
        (
            vec![
                token,
                ("IONOS_API_URL", "auth.example.test"),
                ("HTTPS_PROXY", " http://127.0.0.1:1 "),
            ],
            "Connection refused",
        ),
        (
            vec![
                token,
                ("IONOS_API_URL", "auth.example.test"),
                ("HTTPS_PROXY", "http://a b"),
            ],
            "result: HTTPS_PROXY: is no address of a proxy",
        ),
        (
            vec![
                token,
                ("IONOS_API_URL", "auth.example.test"),
                ("https_proxy", "htps://127.0.0.1:1"),
            ],
            "result: https_proxy: is no address of a proxy",
        ),
        (
            vec![
                token,
                ("IONOS_API_URL", "auth.example.test"),
                ("https_proxy", "htps://127.0.0.1:1"),
                ("NO_PROXY", "*"),
            ],
            "client: ",
        ),
        // Another scheme's.
        (
            vec![
                token,
                ("IONOS_API_URL", "auth.example.test"),
                ("HTTP_PROXY", "socks5://127.0.0.1:1"),
            ],
            "client: ",
        ),
        (
            vec![
                token,
                ("IONOS_API_URL", "auth.example.test"),
                ("HTTPS_PROXY", "http://127.0.0.1:1"),
            ],
            "Connection refused",
        ),
        // A proxy is for other hosts: it would be shown the credentials, and could not reach this
        // machine.
        (
            vec![
                url,
                token,
                ("HTTP_PROXY", "http://127.0.0.1:1"),
                ("ALL_PROXY", "http://127.0.0.1:1"),
            ],
            works,
        ),
    ] {
        // Only this case would leave this machine: it ends at a proxy that is not there.
        let mut variables = variables;
        if !variables.iter().any(|(name, _)| *name == "IONOS_API_URL") {
            variables.push(("HTTPS_PROXY", "http://127.0.0.1:1"));
        }
        let output = in_a_child(&variables);
        assert!(output.contains(says), "{says}: {output}");
        assert!(
            !output.contains(token.1) && !output.contains(password.1),
            "{output}"
        );
    }
}

#[cfg(unix)]
#[test]
fn a_variable_that_is_no_text() {
    use std::os::unix::ffi::OsStrExt as _;
    let output = in_a_child(&[("IONOS_TOKEN", std::ffi::OsStr::from_bytes(b"\xff"))]);
    assert!(
        output.contains("result: IONOS_TOKEN: is no UTF-8"),
        "{output}"
    );
}
