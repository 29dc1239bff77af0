//! Settings from code: which values are accepted, and the errors for others.

use crate::support::*;

fn builder() -> ClientBuilder {
    Client::builder().credentials(Credentials::token("a.b.c"))
}

#[test]
fn valid_settings_make_a_client() {
    let year = Duration::from_secs(31_536_000);
    #[rustfmt::skip]
    let cases = [
        (builder(), "the defaults"),
        (builder().base_url("api.example/"), "https by default"),
        (builder().base_url("http://127.0.0.1:1"), "plain http to this machine"),
        (builder().base_url("http://localhost"), "by name"),
        (builder().base_url("http://[::1]:8080/auth/v1"), "by IPv6"),
        (builder().base_url("http://api.example").allow_insecure_http(true),
         "plain http by permission"),
        (builder().contract_number(1), "the least contract number"),
        (builder().contract_number(2_147_483_647), "the greatest"),
        (builder().timeout(Duration::from_nanos(1)), "a timeout that nothing meets is still one"),
        (builder().timeout(year * 100), "no limit"),
        (builder().timeout(Duration::MAX), "no limit either"),
        (builder().user_agent(""), "no product"),
        (builder().user_agent("sync/1.2 (nightly; +https://x.example)"),
         "a product with a comment"),
        (builder().retry(RetryPolicy::none()), "no retries"),
    ];
    for (builder, reason) in cases {
        if let Err(error) = builder.build() {
            panic!("{reason}: {error}");
        }
    }
}

#[test]
fn invalid_settings_are_refused() {
    #[rustfmt::skip]
    let cases = [
        (Client::builder(), "credentials: none set"),
        (builder().credentials(Credentials::token("")), "token: is empty"),
        (builder().credentials(Credentials::token("SECRET\r\nx: y")),
         "token: contains white space"),
        (builder().credentials(Credentials::basic("us:er", "SECRET")),
         "username: contains a colon"),
        (builder().credentials(Credentials::basic("user", "SECRET\0")),
         "password: contains a line break"),
        (builder().base_url(""), "base_url: has no host"),
        (builder().base_url("ftp://api.example"), "base_url: its scheme"),
        (builder().base_url("https://user:SECRET@api.example"), "base_url: contains a user name"),
        (builder().base_url("https://api.example?x"), "base_url: has a query"),
        (builder().base_url("https://api.example#x"), "base_url: has a query or"),
        (builder().base_url("http://api.example"), "base_url: is plain http"),
        (builder().base_url("http://127.0.0.1.evil.example"), "base_url: is plain http"),
        (builder().base_url("http://localhost.evil.example"), "base_url: is plain http"),
        (builder().base_url("http://0.0.0.0"), "base_url: is plain http"),
        (builder().contract_number(0), "contract_number: is not a number from 1"),
        (builder().contract_number(2_147_483_648), "contract_number: is not a number"),
        (builder().timeout(Duration::ZERO), "timeout: is zero"),
        (builder().user_agent("sync\r\nx: y"), "user_agent: contains a line break"),
        (builder().user_agent("sync\0"), "user_agent: contains a line break"),
        (builder().user_agent("x".repeat(16 * 1024)), "request: is larger than"),
        (builder().user_agent("sÿnc"), "user_agent: contains a line break"),
    ];
    for (builder, says) in cases {
        let debug = format!("{builder:?}");
        let error = builder.build().unwrap_err();
        assert!(matches!(error, Error::Invalid { .. }), "{says}: {error}");
        let text = error.to_string();
        assert!(text.starts_with(says), "{says}: {text}");
        assert!(!debug.contains("SECRET") && !text.contains("SECRET"), "{debug} {text}");
    }
}

#[test]
fn invalid_credentials_are_refused_wherever_they_are_set() {
    let error = Client::new(Credentials::basic("", "p")).unwrap_err();
    assert!(error.to_string().starts_with("username: is empty"), "{error}");
    let client = builder().build().unwrap();
    let error = client.with_credentials(Credentials::token(" ")).unwrap_err();
    assert!(error.to_string().starts_with("token: is empty"), "{error}");
}

#[test]
fn debug_output_shows_settings_and_no_secret() {
    let builder = builder()
        .credentials(Credentials::basic("user@example.com", "SECRET"))
        .base_url("api.example");
    let client = builder.clone().build().unwrap();
    assert!(format!("{client:?}").contains("https://api.example/auth/v1"), "{client:?}");
    for debug in [format!("{builder:?}"), format!("{client:?}")] {
        assert!(!debug.contains("SECRET") && !debug.contains("user@example.com"), "{debug}");
    }
}

#[test]
fn public_types_are_send_sync_and_debug() {
    fn shared<T: Send + Sync + std::fmt::Debug>() {}
    shared::<(Client, ClientBuilder, Credentials, RetryPolicy)>();
    fn safe<T: std::panic::UnwindSafe + std::panic::RefUnwindSafe>() {}
    safe::<Client>();
    shared::<(Error, CallError, ApiMessage, ErrorKind)>();
    shared::<(Jwt, KeyId, Token, Tokens, DeleteResponse, Criteria, Claims, Identity)>();
    shared::<(CreateTokenOptions, GetAllTokensOptions, GetTokenByIdOptions)>();
    shared::<Attempt<'static>>();
    shared::<(RotateTokenOptions, Rotation, RotateError, Orphan)>();
    shared::<(DeleteTokenByIdOptions, DeleteTokenByCriteriaOptions, MockAuthApi)>();
}
