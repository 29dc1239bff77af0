//! A mock server of the API for your own tests. It does not depend on the client.

mod fault;
mod jwt;
mod server;
mod service;
mod user;

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use crate::credentials::Credentials;
use crate::token::KeyId;

use fault::Next;
use server::{Response, Server, lock};
use service::State;
use user::{CONTRACT_NUMBER, PASSWORD, USERNAME};

pub use fault::MockFault;

/// A mock server of the IONOS Cloud Auth API for your own tests, on a port of 127.0.0.1.
///
/// It keeps state as the service does: a token that it creates can be listed, read, deleted, and
/// used as a credential. It responds with the documented statuses and the service's own error
/// model. You can order [other responses](MockAuthApi::answer_next) and
/// [faults](MockAuthApi::fail_next), including faults that occur after it has acted. It speaks
/// HTTP/1.1 with any client.
///
/// Dropping it stops the server. Its port may be reused, so discard any client that points to it.
///
/// | request | response |
/// | --- | --- |
/// | with user name and password, or a token that it issued and that is valid | as documented |
/// | with other credentials, or without | 401 |
/// | with another [contract number](MockAuthApi::contract_number) | 403 |
/// | with an unknown Key ID or path | 404 |
/// | `CURRENT` with user name and password | 401 |
/// | with an undocumented `ttl` or `criteria` | 400 |
///
/// It has one user, [with](MockAuthApi::with_two_factor_authentication) or without two-factor
/// authentication, and does not limit the number of tokens. The guide to
/// [testing](crate::docs::testing) has more examples.
///
/// # Examples
///
/// Test a function that deletes expired tokens:
///
/// ```
/// use ionoscloud_auth::mock::MockAuthApi;
/// use ionoscloud_auth::{Client, CreateTokenOptions, Criteria, DeleteTokenByCriteriaOptions};
/// use ionoscloud_auth::{create_token, delete_token_by_criteria};
///
/// fn clean_up(client: &Client) -> ionoscloud_auth::Result<()> {
///     delete_token_by_criteria(client, &DeleteTokenByCriteriaOptions::new(Criteria::Expired))?;
///     Ok(())
/// }
///
/// // In your test:
/// let api = MockAuthApi::start();
/// let client = Client::builder().base_url(api.base_url()).credentials(api.credentials()).build()?;
/// let old = create_token(&client, &CreateTokenOptions::new())?.key_id()?;
/// let new = create_token(&client, &CreateTokenOptions::new())?.key_id()?;
/// api.expire(&old);
///
/// clean_up(&client)?;
///
/// assert_eq!(api.key_ids(), [new]);
/// # Ok::<(), ionoscloud_auth::Error>(())
/// ```
///
/// Test how your code handles an error:
///
/// ```
/// # use ionoscloud_auth::mock::MockAuthApi;
/// # use ionoscloud_auth::{Client, GetAllTokensOptions, RetryPolicy, get_all_tokens};
/// # use std::time::Duration;
/// let api = MockAuthApi::start();
/// let client = Client::builder()
///     .base_url(api.base_url())
///     .credentials(api.credentials())
///     .retry(RetryPolicy::none())
///     .build()?;
/// api.answer_next(1, 429, &[("Retry-After", "60")], "slow down");
///
/// let error = get_all_tokens(&client, &GetAllTokensOptions::new()).unwrap_err();
/// assert_eq!(error.status(), Some(429));
/// assert_eq!(error.retry_after(), Some(Duration::from_secs(60)));
/// assert!(get_all_tokens(&client, &GetAllTokensOptions::new()).is_ok());
/// # Ok::<(), ionoscloud_auth::Error>(())
/// ```
///
/// Test how your code handles an unknown outcome:
///
/// ```
/// # use ionoscloud_auth::mock::{MockAuthApi, MockFault};
/// # use ionoscloud_auth::{Client, CreateTokenOptions, create_token};
/// let api = MockAuthApi::start();
/// let client = Client::builder().base_url(api.base_url()).credentials(api.credentials()).build()?;
/// api.fail_next_create(MockFault::LoseAnswer);
///
/// let error = create_token(&client, &CreateTokenOptions::new()).unwrap_err();
/// assert!(error.outcome_unknown());
/// assert_eq!(api.key_ids().len(), 1, "the token was created");
/// # Ok::<(), ionoscloud_auth::Error>(())
/// ```
pub struct MockAuthApi {
    /// Stops when this is dropped.
    _server: Server,
    state: Arc<Mutex<State>>,
    base_url: String,
}

impl MockAuthApi {
    /// Starts a mock server without tokens.
    ///
    /// # Panics
    ///
    /// If no port on 127.0.0.1 is available.
    #[must_use]
    #[allow(clippy::expect_used)] // Documented: a test without its server can only fail.
    pub fn start() -> MockAuthApi {
        let state = Arc::<Mutex<State>>::default();
        let answering = Arc::clone(&state);
        let server = Server::start(move |request| service::answer(&mut lock(&answering), request))
            .expect("a port on 127.0.0.1 for the mock server");
        let base_url = format!("http://{}/auth/v1", server.address());
        lock(&state).base_url.clone_from(&base_url);
        MockAuthApi {
            _server: server,
            state,
            base_url,
        }
    }

    /// Starts a mock server whose user has two-factor authentication.
    ///
    /// It responds with 401 to the password, and to a create or delete with a token that was made
    /// through the API. [`console_credentials`](MockAuthApi::console_credentials) can do both.
    ///
    /// # Panics
    ///
    /// If no port on 127.0.0.1 is available.
    #[must_use]
    pub fn with_two_factor_authentication() -> MockAuthApi {
        let api = MockAuthApi::start();
        lock(&api.state).has_two_factors = true;
        api
    }

    /// Returns the base URL, for [`ClientBuilder::base_url`](crate::ClientBuilder::base_url) or
    /// `IONOS_API_URL`.
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// Returns the user name.
    pub fn username(&self) -> &'static str {
        USERNAME
    }

    /// Returns the password.
    pub fn password(&self) -> &'static str {
        PASSWORD
    }

    /// Returns [`username`](MockAuthApi::username) and [`password`](MockAuthApi::password) as
    /// credentials.
    pub fn credentials(&self) -> Credentials {
        Credentials::basic(USERNAME, PASSWORD)
    }

    /// Returns a new token as the vendor's web console makes it, valid for a year. It can create
    /// and delete tokens even with two-factor authentication.
    #[allow(clippy::expect_used)]
    pub fn console_credentials(&self) -> Credentials {
        let token = service::console_token(&mut lock(&self.state));
        Credentials::token(token.expect("a token"))
    }

    /// Returns the number of the user's only contract. The response to any other number is 403.
    pub fn contract_number(&self) -> u32 {
        CONTRACT_NUMBER
    }

    /// Returns the Key IDs of all tokens, including expired ones, oldest first.
    pub fn key_ids(&self) -> Vec<KeyId> {
        let state = lock(&self.state);
        state.tokens.iter().map(|token| token.id.clone()).collect()
    }

    /// Makes a token expire a second ago, regardless of its claims. Returns false if there is no
    /// token with this Key ID.
    pub fn expire(&self, id: &KeyId) -> bool {
        let mut state = lock(&self.state);
        let token = state.tokens.iter_mut().find(|token| token.id == *id);
        match token {
            Some(token) => {
                token.expires = SystemTime::now() - Duration::from_secs(1);
                true
            }
            None => false,
        }
    }

    /// Orders this response for the next `n` requests that have no order yet. The server does not
    /// act on them.
    ///
    /// The response has no `Content-Type` unless you pass one; the vendor's SDK requires one. The
    /// library may retry, so order several responses to see an error, or give the client
    /// [`RetryPolicy::none`](crate::RetryPolicy::none).
    ///
    /// # Panics
    ///
    /// If `status` is not from 200 to 599, or a header contains a line break.
    pub fn answer_next(
        &self,
        n: usize,
        status: u16,
        headers: &[(&str, &str)],
        body: impl Into<String>,
    ) {
        assert!(
            (200..600).contains(&status),
            "{status} is not a status from 200 to 599"
        );
        let body = body.into();
        let headers: Vec<_> = headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let is_line = |text: &str| !text.chars().any(char::is_control);
        assert!(
            headers
                .iter()
                .all(|(name, value)| !name.is_empty() && is_line(name) && is_line(value)),
            "a header contains a line break"
        );
        lock(&self.state).orders.answer(n, || Response {
            status,
            headers: headers.clone(),
            body: body.clone(),
        });
    }

    /// Orders a fault for the next request.
    ///
    /// # Panics
    ///
    /// If the fault has a status that is not from 200 to 599.
    pub fn fail_next(&self, fault: MockFault) {
        self.fail_nth(1, fault);
    }

    /// Orders a fault for the `n`-th request from now on, where 1 is the next one. It replaces what
    /// was ordered for that request.
    ///
    /// # Panics
    ///
    /// If `n` is 0, or the fault has a status that is not from 200 to 599.
    pub fn fail_nth(&self, n: usize, fault: MockFault) {
        assert!(n > 0, "the next request is number 1");
        assert_status(&fault);
        lock(&self.state).orders.fault(n, fault);
    }

    /// Orders a fault for the next request that creates a token.
    ///
    /// # Panics
    ///
    /// If the fault has a status that is not from 200 to 599.
    pub fn fail_next_create(&self, fault: MockFault) {
        assert_status(&fault);
        let mut state = lock(&self.state);
        state.orders.fault_of_next(Next::Create, fault);
    }

    /// Orders a fault for the next request that deletes tokens.
    ///
    /// # Panics
    ///
    /// If the fault has a status that is not from 200 to 599.
    pub fn fail_next_delete(&self, fault: MockFault) {
        assert_status(&fault);
        let mut state = lock(&self.state);
        state.orders.fault_of_next(Next::Delete, fault);
    }

    /// Returns the requests so far, oldest first, such as `GET /auth/v1/tokens`.
    pub fn requests(&self) -> Vec<String> {
        lock(&self.state).requests.clone()
    }
}

impl fmt::Debug for MockAuthApi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MockAuthApi")
            .field("base_url", &self.base_url)
            .field("key_ids", &self.key_ids())
            .finish_non_exhaustive()
    }
}

fn assert_status(fault: &MockFault) {
    if let MockFault::Status(status)
    | MockFault::Gateway(status)
    | MockFault::GatewayAfterActing(status) = fault
    {
        assert!(
            (200..600).contains(status),
            "{status} is not a status from 200 to 599"
        );
    }
}
