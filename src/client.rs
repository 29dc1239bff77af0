//! The client: a handle to what calls share, and to who makes them.

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

/// What calls the service: credentials, settings, and the connections that are kept open between
/// calls.
///
/// A clone is cheap, and shares connections and shutdown with the client that it was made of. One
/// client serves any number of threads.
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

/// How long a call takes at most that is to leave things in order after a shutdown.
const CLEAN_UP_TIMEOUT: Duration = Duration::from_secs(5);

struct Shared {
    transport: Transport,
    base_url: BaseUrl,
    /// Where it was given, if it is not the default one.
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
    /// A client for `https://api.ionos.com/auth/v1` with the default settings of [`ClientBuilder`].
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`](crate::Error::Invalid) if the credentials can't be sent: empty, with line
    /// breaks, a colon in the user name.
    pub fn new(credentials: Credentials) -> Result<Client> {
        Client::builder().credentials(credentials).build()
    }

    /// A client with the credentials and settings of the environment: see
    /// [`ClientBuilder::from_env`].
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`](crate::Error::Invalid), naming the variable, if a variable can't be used
    /// or there are no credentials.
    pub fn from_env() -> Result<Client> {
        ClientBuilder::from_env()?.build()
    }

    /// A client with the credentials and settings of the environment, or of the config file of the
    /// vendor's tools where the environment has none: see [`ClientBuilder::from_env_or_config`].
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`](crate::Error::Invalid), naming the variable or the file and its line, if
    /// something can't be used or there are no credentials.
    #[cfg(feature = "config-file")]
    pub fn from_env_or_config() -> Result<Client> {
        ClientBuilder::from_env_or_config()?.build()
    }

    /// A builder with the default settings and no credentials.
    pub fn builder() -> ClientBuilder {
        ClientBuilder::default()
    }

    /// A client with the same settings, connections and shutdown, and another identity.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`](crate::Error::Invalid) if the credentials can't be sent.
    ///
    /// # Examples
    ///
    /// A token deletes itself:
    ///
    /// ```no_run
    /// use ionoscloud_auth::{Client, Credentials, DeleteTokenByIdOptions, delete_token_by_id, key_id};
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

    /// A client with the same settings, connections, shutdown and identity, and another
    /// [`timeout`](ClientBuilder::timeout): for one call that may take longer, or must not take as
    /// long.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`](crate::Error::Invalid) if it is zero, in which nothing can be done.
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

    /// The Key ID of the client's own token. `None` if the client has a user name and a password,
    /// or a token that is not a JWT with a Key ID.
    ///
    /// # Examples
    ///
    /// Deletes every token that is due, but the one it uses:
    ///
    /// ```no_run
    /// use std::time::{Duration, SystemTime};
    /// use ionoscloud_auth::{
    ///     Client, DeleteTokenByIdOptions, GetAllTokensOptions, delete_token_by_id, get_all_tokens,
    /// };
    ///
    /// let client = Client::from_env()?;
    /// let own = client.key_id();
    /// let tokens = get_all_tokens(&client, &GetAllTokensOptions::new())?;
    /// for token in tokens.due(Duration::ZERO, SystemTime::now()).tokens {
    ///     if own.as_ref() != Some(&token.id) {
    ///         delete_token_by_id(&client, &DeleteTokenByIdOptions::new(&token.id))?;
    ///     }
    /// }
    /// # Ok::<(), ionoscloud_auth::Error>(())
    /// ```
    pub fn key_id(&self) -> Option<KeyId> {
        key_id(self.token()?).ok()
    }

    /// Where the credentials came from, for a tool that shows it.
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

    /// Ends what is in flight, from any thread, and makes every later call fail with
    /// [`TransportErrorKind::ShutDown`](crate::TransportErrorKind::ShutDown). All clones are shut
    /// down with it.
    ///
    /// Calls that are under way return at once, whatever they wait for. What such a call says is
    /// what was recorded: if it had a connection in hand,
    /// [`outcome_unknown()`](crate::Error::outcome_unknown) is true. Where it waited for an address
    /// or a connection, the system may be busy with that for a while yet, in a thread of its own.
    pub fn shutdown(&self) {
        self.shutdown.set();
        self.shared.transport.close_pool();
    }

    /// The same client for a call that leaves things in order: a shutdown does not end it, but
    /// [`CLEAN_UP_TIMEOUT`] does.
    pub(crate) fn for_clean_up(&self) -> Client {
        Client {
            timeout: self.timeout.min(CLEAN_UP_TIMEOUT),
            shutdown: Arc::default(),
            ..self.clone()
        }
    }

    /// The client's own token; `None` if it has a user name and a password.
    pub(crate) fn token(&self) -> Option<&str> {
        self.identity.credentials.as_token()
    }

    /// Who makes a call, for this contract or else for the client's own.
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
    /// Makes the client. Nothing is sent.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`](crate::Error::Invalid), naming the option or variable, if there are no
    /// credentials or a setting can't be used.
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
