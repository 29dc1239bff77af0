//! A mock server of the API, to test a program that uses this library without an account.
//!
//! Requires the [feature](crate#features) `mock`, which adds no crate. Enable it for tests only:
//!
//! ```toml
//! [dev-dependencies]
//! ionoscloud-auth = { path = "../ionoscloud-auth", features = ["mock"] }
//! ```
//!
//! [`MockAuthApi`] runs inside your test and keeps state as the service does: a created token can
//! be listed, read and deleted, works as a credential, and expires. Each server has a port of its
//! own, so tests can run in parallel.
//!
//! ```
//! use ionoscloud_auth::mock::MockAuthApi;
//! use ionoscloud_auth::{
//!     Client, CreateTokenOptions, GetAllTokensOptions, create_token, get_all_tokens,
//! };
//!
//! let api = MockAuthApi::start();
//! let client =
//!     Client::builder().base_url(api.base_url()).credentials(api.credentials()).build()?;
//!
//! let jwt = create_token(&client, &CreateTokenOptions::new())?;
//! let tokens = get_all_tokens(&client, &GetAllTokensOptions::new())?;
//! assert_eq!(tokens.tokens[0].id, jwt.key_id()?);
//! assert_eq!(api.requests().len(), 2);
//! # Ok::<(), ionoscloud_auth::Error>(())
//! ```
//!
//! # What to test
//!
//! | situation | how |
//! | --- | --- |
//! | an error status | [`answer_next`](MockAuthApi::answer_next), or [`MockFault::Status`] |
//! | a gateway's page | [`MockFault::Gateway`] |
//! | a gateway's page after the service acted | [`MockFault::GatewayAfterActing`] |
//! | a lost connection | [`HangUp`](MockFault::HangUp), [`LoseAnswer`](MockFault::LoseAnswer) |
//! | a response that is cut off | [`MockFault::Truncate`] |
//! | a time limit | [`MockFault::Delay`], and a client with a shorter `timeout` |
//! | what your program sends | [`requests`](MockAuthApi::requests) |
//! | an expired token | [`expire`](MockAuthApi::expire) |
//! | a refused `CURRENT` | [`refuse_current`](MockAuthApi::refuse_current) |
//! | two-factor authentication | [`MockAuthApi::with_two_factor_authentication`] |
//!
//! The server accepts plain HTTP on a loopback address, which is the only place where the library
//! allows it by default. It cannot test TLS, proxies, or the reuse of connections. For another mock
//! server, such as mockito, the guide to [errors](crate::docs::errors#test-it) says which body
//! makes an error the service's own.
//!
//! # Test a whole program
//!
//! A program that takes its settings from the environment needs only `IONOS_API_URL`
//! (`base_url()`), `IONOS_USERNAME` (`username()`) and `IONOS_PASSWORD` (`password()`). To try one
//! by hand, run this in a clone of the repository. It prints these variables, and then each
//! request, until you press Ctrl-C:
//!
//! ```sh
//! cargo run --example mock_server
//! ```

mod fault;
mod server;
mod service;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use serde_json::json;

use crate::credentials::Credentials;
use crate::token::{Jwt, KeyId};

use server::Server;
use service::{CONTRACT_NUMBER, PASSWORD, State, USERNAME, YEAR};

pub use fault::MockFault;
pub use server::MockRequest;

/// A mock server of the IONOS Cloud Auth API for your own tests, on a port of 127.0.0.1.
///
/// It keeps state as the service does: a token that it creates can be listed, read, deleted, and
/// used as a credential. It responds with the documented statuses and the service's own error
/// model. You can order [other responses](MockAuthApi::answer_next) and
/// [faults](MockAuthApi::fail_next), including faults that occur after it has acted. It speaks
/// HTTP/1.1 with any client, and closes the connection after each response.
///
/// Dropping it closes its port. The port may be reused, so discard any client that points to it.
///
/// | request | response |
/// | --- | --- |
/// | with user name and password, or a token that it issued and that is valid | as documented |
/// | with other credentials, or without | 401 |
/// | with another [contract number](MockAuthApi::contract_number) | 403 |
/// | with an unknown Key ID or path | 404 |
/// | `CURRENT` with user name and password, or [on demand](MockAuthApi::refuse_current) | 401 |
/// | with an undocumented `ttl` or `criteria` | 400 |
///
/// It has one user, [with](MockAuthApi::with_two_factor_authentication) or without two-factor
/// authentication, and does not limit the number of tokens.
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
        let server = Server::start(move |request| {
            let (response, delay) = lock(&answering).answer(request);
            thread::sleep(delay);
            response
        })
        .expect("a port on 127.0.0.1 for the mock server");
        let base_url = format!("http://{}/auth/v1", server.address);
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

    /// Returns a [`console_token`](MockAuthApi::console_token) as credentials.
    pub fn console_credentials(&self) -> Credentials {
        Credentials::token(self.console_token())
    }

    /// Returns a new token as the vendor's web console makes it, valid for a year, for a file or
    /// variable that your program reads. It can create and delete tokens even with two-factor
    /// authentication.
    pub fn console_token(&self) -> String {
        lock(&self.state).issue(YEAR, true)
    }

    /// Returns the number of the user's only contract. The response to any other number is 403.
    pub fn contract_number(&self) -> u32 {
        CONTRACT_NUMBER
    }

    /// Returns the Key IDs of all tokens, including expired ones, oldest first.
    pub fn key_ids(&self) -> Vec<KeyId> {
        let state = lock(&self.state);
        let tokens = state.tokens.iter();
        tokens.filter_map(|token| token.id.parse().ok()).collect()
    }

    /// Makes a token expire a second ago. Returns `None` if there is no token with this Key ID.
    ///
    /// The server lists the token as expired and responds with 401 to it. The JWT that your program
    /// already has still claims its old `exp`. To test a program that looks at the claims, give it
    /// the returned JWT, whose `exp` is that second ago.
    pub fn expire(&self, id: &KeyId) -> Option<Jwt> {
        let token = lock(&self.state).expire(id.as_str())?;
        serde_json::from_value(json!({ "token": token })).ok()
    }

    /// From now on, responds to `CURRENT` as the live service has done even to a valid token: 401
    /// with the code `501`, "Endpoint requires a higher level of authentication."
    pub fn refuse_current(&self) {
        lock(&self.state).refuses_current = true;
    }

    /// Orders this response for the next `n` requests that have no order by their number yet. It
    /// goes before [`fail_next_create`](MockAuthApi::fail_next_create) and
    /// [`fail_next_delete`](MockAuthApi::fail_next_delete), which then wait for a later request.
    /// The server does not act on these requests.
    ///
    /// The status is from 200 to 599. The response has no `Content-Type` unless you pass one; the
    /// vendor's SDK requires one. The library may retry, so order several responses to see an
    /// error, or give the client [`RetryPolicy::none`](crate::RetryPolicy::none).
    pub fn answer_next(&self, n: usize, status: u16, headers: &[(&str, &str)], body: &str) {
        let response = service::response(status, headers, body);
        lock(&self.state).orders.answer_next(n, &response);
    }

    /// Orders a fault for the next request.
    pub fn fail_next(&self, fault: MockFault) {
        self.fail_nth(1, fault);
    }

    /// Orders a fault for the `n`-th request from now on, where 1 is the next one. It replaces what
    /// was ordered for that request.
    ///
    /// # Panics
    ///
    /// If `n` is 0.
    pub fn fail_nth(&self, n: usize, fault: MockFault) {
        assert!(n > 0, "the next request is number 1");
        lock(&self.state).orders.fail_nth(n, fault);
    }

    /// Orders a fault for the next request that creates a token.
    pub fn fail_next_create(&self, fault: MockFault) {
        lock(&self.state).orders.next_creates.push_back(fault);
    }

    /// Orders a fault for the next request that deletes tokens.
    pub fn fail_next_delete(&self, fault: MockFault) {
        lock(&self.state).orders.next_deletes.push_back(fault);
    }

    /// Returns the requests so far, oldest first.
    pub fn requests(&self) -> Vec<MockRequest> {
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

/// Locks even after a panic, so that one failed test does not make others fail.
fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
