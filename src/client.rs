//! The client: a handle to the credentials, settings and connections that calls share. It does not
//! depend on HTTP.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::auth::{ContractNumber, Credentials, CredentialsSource, Secrets};
use crate::call::{Caller, Hooks, RetryPolicy};
use crate::error::Result;
use crate::settings::{
    BaseUrl, ClientBuilder, Settings, Source, validate_credentials, validate_timeout,
};
use crate::token::{KeyId, key_id};
use crate::transport::{Authorization, Shutdown, Transport};

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
    shared: Arc<Shared>,
    identity: Arc<Identity>,
    timeout: Duration,
    shutdown: Arc<Shutdown>,
}

/// The time limit of a call that cleans up after a shutdown.
const CLEAN_UP_TIMEOUT: Duration = Duration::from_secs(5);

struct Shared {
    transport: Transport,
    base_url: BaseUrl,
    /// Where the base URL was set, if it is not the default.
    base_url_source: Option<String>,
    contract_number: Option<ContractNumber>,
    retry: RetryPolicy,
    hooks: Hooks,
    allow_secrets_in_trace_log: bool,
}

struct Identity {
    credentials: Credentials,
    source: CredentialsSource,
    authorization: Authorization,
    secrets: Secrets,
}

impl Identity {
    fn new(
        transport: &Transport,
        credentials: Credentials,
        source: CredentialsSource,
    ) -> Result<Identity> {
        let authorization = transport.authorize(&credentials)?;
        let headers = transport.secret_headers();
        let secrets = Secrets::new(&credentials, authorization.as_str(), headers);
        log::debug!("the credentials come from {source}");
        Ok(Identity {
            credentials,
            source,
            authorization,
            secrets,
        })
    }
}

impl Client {
    /// Creates a client for `https://api.ionos.com/auth/v1` with the default settings.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`](crate::Error::Invalid) if the credentials are empty or contain line
    /// breaks, or the user name contains a colon.
    pub fn new(credentials: Credentials) -> Result<Client> {
        Client::builder().credentials(credentials).build()
    }

    /// Creates a client with the credentials and settings of the environment. See
    /// [`ClientBuilder::from_env`].
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`](crate::Error::Invalid) if a variable is not usable, or if there are no
    /// credentials. The error names the variable.
    pub fn from_env() -> Result<Client> {
        ClientBuilder::from_env()?.build()
    }

    /// Creates a client with the settings of the environment, or else of the vendor's config file.
    /// See [`ClientBuilder::from_env_or_config`].
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`](crate::Error::Invalid) if a setting is not usable, or if there are no
    /// credentials. The error names the variable, or the file and line.
    #[cfg(feature = "config-file")]
    pub fn from_env_or_config() -> Result<Client> {
        ClientBuilder::from_env_or_config()?.build()
    }

    /// Returns a builder with the default settings and without credentials.
    pub fn builder() -> ClientBuilder {
        ClientBuilder::default()
    }

    /// Returns a client with other credentials. It shares settings, connections and shutdown with
    /// this one.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`](crate::Error::Invalid) if the credentials are not usable. See
    /// [`Client::new`].
    ///
    /// # Examples
    ///
    /// A token deletes itself:
    ///
    /// ```no_run
    /// use ionoscloud_auth::{
    ///     Client, Credentials, DeleteTokenByIdOptions, delete_token_by_id, key_id,
    /// };
    ///
    /// # fn logout(client: &Client, token: &str) -> ionoscloud_auth::Result<()> {
    /// let client = client.with_credentials(Credentials::token(token))?;
    /// delete_token_by_id(&client, &DeleteTokenByIdOptions::new(key_id(token)?))?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn with_credentials(&self, credentials: Credentials) -> Result<Client> {
        validate_credentials(&credentials)?;
        let transport = &self.shared.transport;
        let identity = Identity::new(transport, credentials, CredentialsSource::Program)?;
        Ok(Client {
            identity: Arc::new(identity),
            ..self.clone()
        })
    }

    /// Returns a client with another [`timeout`](ClientBuilder::timeout), for calls that may take
    /// longer or must end sooner. It shares everything else with this one.
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

    /// Returns where the credentials came from, so that a tool can show it.
    ///
    /// # Examples
    ///
    /// ```
    /// use ionoscloud_auth::{Client, Credentials};
    ///
    /// let client = Client::new(Credentials::token("eyJ0eXAiOiJKV1QifQ.e30.c2ln"))?;
    /// assert_eq!(client.credentials_source().to_string(), "the program itself");
    /// # Ok::<(), ionoscloud_auth::Error>(())
    /// ```
    pub fn credentials_source(&self) -> &CredentialsSource {
        &self.identity.source
    }

    /// Ends all calls in flight, and makes every later call fail with
    /// [`TransportErrorKind::ShutDown`](crate::TransportErrorKind::ShutDown). This also shuts down
    /// all clones. It can be called from any thread.
    ///
    /// A call in flight returns at once, whatever it is waiting for, or within 250 ms if it is just
    /// connecting. Its [`outcome_unknown()`](crate::Error::outcome_unknown) is true if it already
    /// had a connection. A DNS lookup or an attempt to connect cannot be interrupted; if it takes
    /// longer, it continues for a while in a thread of its own.
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
        self.shutdown.set();
        self.shared.transport.close_pool();
    }

    /// Returns a client for calls that clean up. A shutdown does not end them, but
    /// [`CLEAN_UP_TIMEOUT`] does.
    pub(crate) fn for_clean_up(&self) -> Client {
        Client {
            timeout: self.timeout.min(CLEAN_UP_TIMEOUT),
            shutdown: Arc::default(),
            ..self.clone()
        }
    }

    /// Returns the client's own token, or `None` if it uses a user name and password.
    pub(crate) fn token(&self) -> Option<&str> {
        self.identity.credentials.as_token()
    }

    /// Returns what a call requires of the client, for this contract or else the client's own.
    pub(crate) fn caller(&self, contract_number: Option<u32>) -> Result<Caller<'_>> {
        let own = contract_number.map(ContractNumber::new).transpose();
        let own = own.map_err(|reason| Source::Option("contract_number").refuse(&reason))?;
        Ok(Caller {
            transport: &self.shared.transport,
            authorization: &self.identity.authorization,
            token: self.token(),
            credentials_source: &self.identity.source,
            base_url_source: self.shared.base_url_source.as_deref(),
            secrets: &self.identity.secrets,
            contract_number: own.or(self.shared.contract_number),
            timeout: self.timeout,
            shutdown: &self.shutdown,
            retry: &self.shared.retry,
            hooks: &self.shared.hooks,
            allow_secrets_in_trace_log: self.shared.allow_secrets_in_trace_log,
        })
    }
}

impl ClientBuilder {
    /// Builds the client. No request is sent.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`](crate::Error::Invalid) if there are no credentials, or if a setting is
    /// not usable. The error names the option or variable.
    pub fn build(self) -> Result<Client> {
        let Settings {
            credentials,
            credentials_source,
            base_url,
            base_url_source,
            transport,
            contract_number,
            timeout,
            retry,
            hooks,
            allow_secrets_in_trace_log,
        } = self.validate()?;
        let transport = Transport::new(transport)?;
        let identity = Identity::new(&transport, credentials, credentials_source)?;
        Ok(Client {
            shared: Arc::new(Shared {
                transport,
                base_url,
                base_url_source,
                contract_number,
                retry,
                hooks,
                allow_secrets_in_trace_log,
            }),
            identity: Arc::new(identity),
            timeout,
            shutdown: Arc::default(),
        })
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let contract_number = self.shared.contract_number;
        f.debug_struct("Client")
            .field("base_url", &self.shared.base_url.to_string())
            .field("credentials", &self.identity.credentials)
            .field("credentials_source", &self.identity.source)
            .field("contract_number", &contract_number.map(ContractNumber::get))
            .field("timeout", &self.timeout)
            .field("retry", &self.shared.retry)
            .finish_non_exhaustive()
    }
}
