//! A mock server of the API in this process, for a user's own tests.

mod jwt;
mod service;
mod user;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use mockito::{Matcher, ServerGuard};

use crate::auth::Credentials;
use crate::token::KeyId;

use service::{State, next_order, record, reply};
use user::{CONTRACT_NUMBER, PASSWORD, USERNAME};

/// What mockito must be told one by one.
const METHODS: [&str; 5] = ["GET", "DELETE", "POST", "PUT", "PATCH"];

/// A mock server of the IONOS Cloud Auth API, in this process, on a port of 127.0.0.1: for the
/// tests of what you build on this library.
///
/// It keeps state as the service does: what it creates can be listed, read, used to log in, and
/// deleted. It answers errors in the service's own shape with the documented statuses, and can be
/// [told to answer something else](MockAuthApi::answer_next). When it is dropped it is over: its
/// address may serve another one from then on, so a client of it is of no use any more.
///
/// Up to 50 can be there at once (20 on macOS); a further one waits until one of them is dropped.
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
/// It knows one user, no two-factor authentication, and no limit to the number of tokens.
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
pub struct MockAuthApi {
    server: Mutex<ServerGuard>,
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
        // mockito starts a runtime in the calling thread, which is not possible inside of another
        // one.
        let mut server = std::thread::spawn(mockito::Server::new)
            .join()
            .expect("a port of 127.0.0.1 for the mock of the Auth API");
        let state = Arc::new(Mutex::new(State::default()));
        let base_url = format!("{}/auth/v1", server.url());
        for method in METHODS {
            let (at_status, at_body) = (Arc::clone(&state), Arc::clone(&state));
            let base_url = base_url.clone();
            // mockito asks for the status and then for the body of a request, and answers one
            // request at a time.
            server
                .mock(method, Matcher::Any)
                .expect_at_least(0)
                .with_header("content-type", "application/json")
                .with_status_code_from_request(move |request| {
                    let mut state = lock(&at_status);
                    let (status, body) = reply(&mut state, request, &base_url);
                    state.body = body.to_string();
                    usize::from(status)
                })
                .with_body_from_request(move |_| std::mem::take(&mut lock(&at_body).body).into())
                .create();
        }
        MockAuthApi {
            server: Mutex::new(server),
            state,
            base_url,
        }
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

    /// Answers the next `n` requests, whatever they are, with this status, these headers and this
    /// body, and does nothing of what they ask.
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
        headers: &[(&'static str, &str)],
        body: impl Into<String>,
    ) {
        assert!(
            (200..600).contains(&status),
            "{status} is not a status from 200 to 599"
        );
        let order = {
            let mut state = lock(&self.state);
            state.orders += 1;
            let order = state.orders;
            state.ordered.push_back((order, n));
            order
        };
        let body = body.into();
        let mut server = lock(&self.server);
        for method in METHODS {
            let (at_match, at_status) = (Arc::clone(&self.state), Arc::clone(&self.state));
            let mut mock = server
                .mock(method, Matcher::Any)
                .expect_at_least(0)
                .match_request(move |_| next_order(&mut lock(&at_match)) == Some(order))
                .with_status_code_from_request(move |request| {
                    let mut state = lock(&at_status);
                    record(&mut state, request);
                    if let Some((_, left)) = state.ordered.front_mut() {
                        *left -= 1;
                    }
                    usize::from(status)
                })
                .with_body(&body);
            for (name, value) in headers {
                mock = mock.with_header(*name, value);
            }
            mock.create();
        }
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

/// A test that failed while it held the lock must not make the next one fail.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
