//! A mock server of the API in this process, for a user's own tests.

mod fault;
mod jwt;
mod server;
mod service;
mod user;

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use crate::auth::Credentials;
use crate::token::KeyId;

use fault::Next;
use server::{Response, Server, lock};
use service::State;
use user::{CONTRACT_NUMBER, PASSWORD, USERNAME};

pub use fault::MockFault;

/// A mock server of the IONOS Cloud Auth API, in this process, on a port of 127.0.0.1: for the
/// tests of what you build on this library.
///
/// It keeps state as the service does: what it creates can be listed, read, used to log in, and
/// deleted. It answers errors in the service's own shape with the documented statuses, and can be
/// told to [answer something else](MockAuthApi::answer_next) or to [break](MockAuthApi::fail_next),
/// also after it has acted. It speaks HTTP/1.1, to any client and not only to this library's.
///
/// Dropping it stops the server. Its port may be reused, so discard any client that points to it.
///
/// | request | response |
/// | --- | --- |
/// | user name and password, or a token that it issued and that is neither deleted nor expired | as documented |
/// | other credentials, or none | 401 |
/// | another [contract number](MockAuthApi::contract_number) | 403 |
/// | an unknown Key ID, an unknown path | 404 |
/// | `CURRENT` with user name and password | 401 |
/// | a `ttl` or `criteria` that the service does not document | 400 |
///
/// It knows one user, [with](MockAuthApi::with_two_factor_authentication) or without two-factor
/// authentication, and no limit to the number of tokens.
///
/// # Examples
///
/// A test of a function that deletes what has expired:
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
/// And of how your code takes an error:
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
/// And of what your code does where nobody knows what became of a request:
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
/// assert_eq!(api.key_ids().len(), 1, "it was created all the same");
/// # Ok::<(), ionoscloud_auth::Error>(())
/// ```
pub struct MockAuthApi {
    /// Held, so that it ends with this.
    _server: Server,
    state: Arc<Mutex<State>>,
    base_url: String,
}

impl MockAuthApi {
    /// Starts one with no tokens.
    ///
    /// # Panics
    ///
    /// If no port of 127.0.0.1 can be had.
    #[must_use]
    #[allow(clippy::expect_used)] // Documented: a test without its server can only fail.
    pub fn start() -> MockAuthApi {
        let state = Arc::<Mutex<State>>::default();
        let answering = Arc::clone(&state);
        let server = Server::start(move |request| service::answer(&mut lock(&answering), request))
            .expect("a port of 127.0.0.1 for the mock of the Auth API");
        let base_url = format!("http://{}/auth/v1", server.address());
        lock(&state).base_url.clone_from(&base_url);
        MockAuthApi {
            _server: server,
            state,
            base_url,
        }
    }

    /// Starts one whose user has two-factor authentication: the password is refused with 401, and a
    /// token that was made through the API can neither create nor delete tokens, which is answered
    /// 401, too. [`console_credentials`](MockAuthApi::console_credentials) can.
    ///
    /// # Panics
    ///
    /// If no port of 127.0.0.1 can be had.
    #[must_use]
    pub fn with_two_factor_authentication() -> MockAuthApi {
        let api = MockAuthApi::start();
        lock(&api.state).has_two_factors = true;
        api
    }

    /// Where it is: what [`ClientBuilder::base_url`](crate::ClientBuilder::base_url) or
    /// `IONOS_API_URL` takes.
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// The user name that it accepts.
    pub fn username(&self) -> &'static str {
        USERNAME
    }

    /// The password that it accepts.
    pub fn password(&self) -> &'static str {
        PASSWORD
    }

    /// [`username`](MockAuthApi::username) and [`password`](MockAuthApi::password), ready for a
    /// client.
    pub fn credentials(&self) -> Credentials {
        Credentials::basic(USERNAME, PASSWORD)
    }

    /// A new token as the vendor's web console makes one, for a year: with two-factor
    /// authentication, what can create and delete tokens.
    ///
    /// # Panics
    ///
    /// Never: a token can always be made.
    #[allow(clippy::expect_used)]
    pub fn console_credentials(&self) -> Credentials {
        let token = service::console_token(&mut lock(&self.state));
        Credentials::token(token.expect("a token"))
    }

    /// The user's only contract: any other number is answered 403.
    pub fn contract_number(&self) -> u32 {
        CONTRACT_NUMBER
    }

    /// The Key IDs of the tokens that are there, expired ones among them, oldest first.
    pub fn key_ids(&self) -> Vec<KeyId> {
        let state = lock(&self.state);
        state.tokens.iter().map(|token| token.id.clone()).collect()
    }

    /// Makes a token one that expired a second ago, whatever the token itself says. `false` if
    /// there is none with this Key ID.
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

    /// Answers the next `n` requests for which nothing is ordered yet, whatever they are, with this
    /// status, these headers and this body, and does nothing of what they ask. There is no
    /// `Content-Type` unless it is among the headers; the vendor's SDK needs one.
    ///
    /// Orders are carried out one after another. To see one come through the library's own retries,
    /// order more of them, or give the client [`RetryPolicy::none`](crate::RetryPolicy::none).
    ///
    /// # Panics
    ///
    /// If `status` is not from 200 to 599, or a header can't be one.
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

    /// Has the next request go wrong, whatever it is.
    pub fn fail_next(&self, fault: MockFault) {
        self.fail_nth(1, fault);
    }

    /// Has the `n`-th request from now on go wrong, whatever it is; 1 is the next. It takes the
    /// place of what was ordered for that request.
    ///
    /// # Panics
    ///
    /// If `n` is 0, or the fault has a status that is not from 200 to 599.
    pub fn fail_nth(&self, n: usize, fault: MockFault) {
        assert!(n > 0, "the next request is number 1");
        assert_status(&fault);
        lock(&self.state).orders.fault(n, fault);
    }

    /// Has the next request that creates a token go wrong, whatever comes before it.
    ///
    /// # Panics
    ///
    /// If the fault has a status that is not from 200 to 599.
    pub fn fail_next_create(&self, fault: MockFault) {
        assert_status(&fault);
        let mut state = lock(&self.state);
        state.orders.fault_of_next(Next::Create, fault);
    }

    /// Has the next request that deletes something go wrong, whatever comes before it.
    ///
    /// # Panics
    ///
    /// If the fault has a status that is not from 200 to 599.
    pub fn fail_next_delete(&self, fault: MockFault) {
        assert_status(&fault);
        let mut state = lock(&self.state);
        state.orders.fault_of_next(Next::Delete, fault);
    }

    /// The requests that came, oldest first, as method and path with query: `GET /auth/v1/tokens`.
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
