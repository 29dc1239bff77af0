//! Clients with settings that suit a test.

use ionoscloud_auth::mock::MockRequest;

use super::*;

/// At most three attempts, with almost no wait between them and enough time for all of them.
pub fn builder_of(url: &str) -> ClientBuilder {
    Client::builder()
        .base_url(url)
        .credentials(Credentials::token("a.b.c"))
        .timeout(LONG)
        .retry(retries(2))
}

/// This many retries, with almost no wait.
pub fn retries(n: u32) -> RetryPolicy {
    RetryPolicy::default().max_retries(n).base_delay(Duration::from_millis(1))
}

/// With the mock server's user name and password.
pub fn builder_for(api: &MockAuthApi) -> ClientBuilder {
    builder_of(api.base_url()).credentials(api.credentials())
}

pub fn client_of(url: &str) -> Client {
    builder_of(url).build().unwrap()
}

pub fn client_with_timeout(url: &str, timeout: Duration) -> Client {
    builder_of(url).timeout(timeout).build().unwrap()
}

/// Uses a proxy, for a tunnel to a host that does not exist.
pub fn builder_through_proxy(proxy: &str) -> ClientBuilder {
    builder_of("http://auth.example.test").allow_insecure_http(true).proxy(proxy)
}

pub fn list_tokens(client: &Client) -> Result<Tokens> {
    get_all_tokens(client, &GetAllTokensOptions::new())
}

pub fn new_jwt(client: &Client) -> Result<Jwt> {
    create_token(client, &CreateTokenOptions::new())
}

pub fn get_token(client: &Client, id: &KeyId) -> Result<Token> {
    get_token_by_id(client, &GetTokenByIdOptions::new(id))
}

pub fn delete_token(client: &Client, id: &KeyId) -> Result<DeleteResponse> {
    delete_token_by_id(client, &DeleteTokenByIdOptions::new(id))
}

pub fn delete_by(client: &Client, criteria: Criteria) -> Result<DeleteResponse> {
    delete_token_by_criteria(client, &DeleteTokenByCriteriaOptions::new(criteria))
}

/// Returns a client with the same settings that uses this token.
pub fn with_token(client: &Client, jwt: &Jwt) -> Client {
    client.with_credentials(Credentials::token(jwt.token())).unwrap()
}

/// Returns the methods and targets of requests to a mock server.
pub fn lines_of(requests: &[MockRequest]) -> Vec<String> {
    requests.iter().map(MockRequest::to_string).collect()
}
