//! The client: a handle to the credentials, settings and connections that calls share.

use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;
use std::time::Duration;

use crate::credentials::{Credentials, Secrets};
use crate::error::{Error, Result};
use crate::retry::{Attempt, RetryPolicy};
use crate::settings::BASE_URL;
use crate::token::{KeyId, key_id};
use crate::transport::{Headers, Transport};

/// A client of the Auth API: credentials, settings, and a pool of connections.
///
/// Cloning is cheap. A clone shares connections and shutdown with the original. A client can be
/// used from any number of threads at once.
///
/// # Examples
///
/// ```no_run
/// use ionoscloud_auth::{Client, GetAllTokensOptions, get_all_tokens};
///
/// let client = Client::from_env()?;
/// for token in get_all_tokens(&client, &GetAllTokensOptions::new())?.tokens {
///     println!("{} expires {}", token.id, token.expiration_date);
/// }
/// # Ok::<(), ionoscloud_auth::Error>(())
/// ```
#[derive(Clone)]
pub struct Client {
    pub(crate) shared: Arc<Shared>,
    pub(crate) transport: Arc<Transport>,
    pub(crate) identity: Arc<Identity>,
    pub(crate) timeout: Duration,
}

/// Where credentials or a base URL come from that no variable or file has set.
const OWN: &str = "the program itself";

/// The time limit of a call that cleans up after a shutdown, when somebody waits for the end.
const CLEAN_UP_TIMEOUT: Duration = Duration::from_secs(5);

pub(crate) type OnAttempt = dyn Fn(&Attempt<'_>) + Send + Sync;

/// The settings that all clones share.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) base_url: String,
    /// The variable or file that set the base URL.
    pub(crate) base_url_source: Option<String>,
    pub(crate) contract_number: Option<u32>,
    pub(crate) retry: RetryPolicy,
    pub(crate) on_attempt: Option<Arc<OnAttempt>>,
}

pub(crate) struct Identity {
    credentials: Credentials,
    /// The variables or file that the credentials came from.
    pub(crate) source: Option<String>,
    pub(crate) headers: Headers,
    pub(crate) secrets: Secrets,
}

impl Identity {
    pub(crate) fn new(
        shared: &Shared,
        transport: &Transport,
        credentials: Credentials,
        source: Option<String>,
    ) -> Result<Identity> {
        credentials
            .validate()
            .map_err(|(part, reason)| match &source {
                Some(source) => Error::invalid(source, format!("the {part} {reason}")),
                None => Error::invalid(part, reason),
            })?;
        let from = source.as_deref().unwrap_or(OWN);
        let url = shared.base_url.as_str();
        let default = if url == BASE_URL { "the default" } else { OWN };
        let by = shared.base_url_source.as_deref().unwrap_or(default);
        log::debug!("calls go to {url} ({by}), with credentials from {from}");
        Ok(Identity {
            headers: transport.headers(&credentials)?,
            secrets: Secrets::new(
                [Some(&credentials), transport.proxy_credentials().as_ref()],
                transport.secret_headers(),
            ),
            credentials,
            source,
        })
    }
}

/// Returns the contract number if the service accepts it: a positive int32.
pub(crate) fn contract_number(number: u32) -> Result<u32> {
    let max = i32::MAX.unsigned_abs();
    if !(1..=max).contains(&number) {
        let reason = format!("is {number}, but must be from 1 to {max}");
        return Err(Error::invalid("contract_number", reason));
    }
    Ok(number)
}

pub(crate) fn validate_timeout(timeout: Duration) -> Result<()> {
    if timeout.is_zero() {
        let reason = "is zero; for no limit, use Duration::MAX";
        return Err(Error::invalid("timeout", reason));
    }
    Ok(())
}

// A call that panicked leaves nothing half done that another call sees.
impl UnwindSafe for Client {}
impl RefUnwindSafe for Client {}

impl Client {
    /// Returns a client with other credentials. It shares settings and shutdown with this one, and
    /// has idle connections of its own.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`](crate::Error::Invalid) if the credentials are not usable. See
    /// [`Client::new`].
    ///
    /// # Examples
    ///
    /// Go on with the token that another job has put into a file:
    ///
    /// ```no_run
    /// use ionoscloud_auth::{Client, Credentials};
    ///
    /// # fn renewed(client: &Client) -> Result<Client, Box<dyn std::error::Error>> {
    /// let token = std::fs::read_to_string("token")?;
    /// let client = client.with_credentials(Credentials::token(token))?;
    /// # Ok(client)
    /// # }
    /// ```
    pub fn with_credentials(&self, credentials: Credentials) -> Result<Client> {
        let identity = Identity::new(&self.shared, &self.transport, credentials, None)?;
        Ok(Client {
            identity: Arc::new(identity),
            transport: Arc::new(self.transport.separate()),
            ..self.clone()
        })
    }

    /// Returns a client with another [`timeout`](crate::ClientBuilder::timeout), for calls that may
    /// take longer or must end sooner. It shares everything else with this one.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`](crate::Error::Invalid) if the timeout is zero.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use std::time::Duration;
    /// use ionoscloud_auth::{Client, GetAllTokensOptions, get_all_tokens};
    ///
    /// let client = Client::from_env()?;
    /// let patient = client.with_timeout(Duration::from_secs(120))?;
    /// let tokens = get_all_tokens(&patient, &GetAllTokensOptions::new())?;
    /// # Ok::<(), ionoscloud_auth::Error>(())
    /// ```
    pub fn with_timeout(&self, timeout: Duration) -> Result<Client> {
        validate_timeout(timeout)?;
        Ok(Client {
            timeout,
            ..self.clone()
        })
    }

    /// Returns the Key ID of the client's own token. Returns `None` if the client uses a user name
    /// and password, or if the token is not a JWT with a Key ID.
    ///
    /// # Examples
    ///
    /// Delete every expired token except the client's own:
    ///
    /// ```no_run
    /// use std::time::SystemTime;
    /// use ionoscloud_auth::{
    ///     Client, DeleteTokenByIdOptions, GetAllTokensOptions, delete_token_by_id, get_all_tokens,
    /// };
    ///
    /// let client = Client::from_env()?;
    /// let own = client.key_id();
    /// let tokens = get_all_tokens(&client, &GetAllTokensOptions::new())?;
    /// for token in &tokens {
    ///     let is_expired = token.expires_at()? <= SystemTime::now();
    ///     if is_expired && own.as_ref() != Some(&token.id) {
    ///         delete_token_by_id(&client, &DeleteTokenByIdOptions::new(&token.id))?;
    ///     }
    /// }
    /// # Ok::<(), ionoscloud_auth::Error>(())
    /// ```
    pub fn key_id(&self) -> Option<KeyId> {
        key_id(self.token()?).ok()
    }

    /// Returns where the credentials came from, for people: `IONOS_TOKEN`, `IONOS_USERNAME and
    /// IONOS_PASSWORD`, a profile of a config file, or `the program itself`.
    ///
    /// # Examples
    ///
    /// ```
    /// use ionoscloud_auth::{Client, Credentials};
    ///
    /// let client = Client::new(Credentials::token("eyJ0eXAiOiJKV1QifQ.e30.c2ln"))?;
    /// assert_eq!(client.credentials_source(), "the program itself");
    /// # Ok::<(), ionoscloud_auth::Error>(())
    /// ```
    pub fn credentials_source(&self) -> &str {
        self.identity.source.as_deref().unwrap_or(OWN)
    }

    /// Ends all calls in flight, and makes every later call fail with
    /// [`ErrorKind::ShutDown`](crate::ErrorKind::ShutDown). This also shuts down all clones, every
    /// client that [`with_credentials`](Client::with_credentials) or
    /// [`with_timeout`](Client::with_timeout) made from this one, and the client that this one was
    /// made from. It can be called from any thread.
    ///
    /// A call in flight returns at once, whatever it is waiting for (on Windows within half a
    /// second). If it changes something, its
    /// [`outcome_unknown()`](crate::Error::outcome_unknown) is true if its request was handed to a
    /// connection and no response said that it was refused. A DNS lookup or an attempt to connect
    /// cannot be interrupted; it continues for a while in a thread of its own.
    ///
    /// # Examples
    ///
    /// ```
    /// use ionoscloud_auth::{Client, Credentials, GetAllTokensOptions, get_all_tokens};
    ///
    /// let client = Client::new(Credentials::token("eyJ0eXAiOiJKV1QifQ.e30.c2ln"))?;
    /// client.shutdown();
    /// let error = get_all_tokens(&client, &GetAllTokensOptions::new()).unwrap_err();
    /// assert!(error.to_string().contains("shut down"));
    /// # Ok::<(), ionoscloud_auth::Error>(())
    /// ```
    pub fn shutdown(&self) {
        self.transport.common.shut_down();
    }

    /// Returns a client whose calls are for this contract, or without a number, for its own.
    pub(crate) fn for_contract(&self, number: Option<u32>) -> Result<Client> {
        let mut shared = Shared::clone(&self.shared);
        let number = number.map(contract_number).transpose()?;
        shared.contract_number = number.or(shared.contract_number);
        Ok(Client {
            shared: Arc::new(shared),
            ..self.clone()
        })
    }

    /// Returns a client for calls that clean up. A shutdown does not end them.
    pub(crate) fn for_clean_up(&self) -> Client {
        let timeout = match self.transport.common.is_shut_down() {
            true => self.timeout.min(CLEAN_UP_TIMEOUT),
            false => self.timeout,
        };
        Client {
            timeout,
            transport: Arc::new(self.transport.renewed()),
            ..self.clone()
        }
    }

    /// Returns the client's own token, or `None` if it uses a user name and password.
    pub(crate) fn token(&self) -> Option<&str> {
        self.identity.credentials.as_token()
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("base_url", &self.shared.base_url)
            .field("credentials", &self.identity.credentials)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}
