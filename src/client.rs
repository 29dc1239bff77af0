//! The client and its settings, from code and from the environment. Knows nothing of endpoints.

use std::env::VarError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::base_url::BaseUrl;
use crate::credentials::{Credentials, Names};
use crate::error::{Error, Result};
use crate::exchange::check_contract_number;
use crate::retry::RetryPolicy;
use crate::shutdown::ShutdownSignal;
use crate::transport::{Authorization, Settings, Transport};

const BASE_URL: &str = "https://api.ionos.com/auth/v1";
const TIMEOUT: Duration = Duration::from_secs(30);
/// From here on a timeout is none: the clocks of some systems end within some hundred years.
const NO_TIMEOUT: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);
const LONGEST_PRODUCT: usize = 1000;
const USER_AGENT: &str = concat!("ionoscloud-auth/", env!("CARGO_PKG_VERSION"));

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
}

struct Shared {
    transport: Transport,
    base_url: BaseUrl,
    contract_number: Option<u32>,
    timeout: Option<Duration>,
    retry: RetryPolicy,
    shutdown: Arc<ShutdownSignal>,
    allow_secrets_in_trace_log: bool,
}

struct Identity {
    credentials: Credentials,
    authorization: Authorization,
}

impl Identity {
    fn new(credentials: Credentials, names: &Names) -> Result<Arc<Identity>> {
        credentials.check(names)?;
        let authorization = Authorization::new(&credentials)?;
        Ok(Arc::new(Identity {
            credentials,
            authorization,
        }))
    }
}

impl Client {
    /// A client for `https://api.ionos.com/auth/v1` with the default settings of [`ClientBuilder`].
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] if the credentials can't be sent: empty, with line breaks, a colon in the
    /// user name.
    pub fn new(credentials: Credentials) -> Result<Client> {
        Client::builder().credentials(credentials).build()
    }

    /// A client with the credentials and settings of the environment: see
    /// [`ClientBuilder::from_env`].
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`], naming the variable, if a variable can't be used or there are no
    /// credentials.
    pub fn from_env() -> Result<Client> {
        ClientBuilder::from_env()?.build()
    }

    /// A builder with the default settings and no credentials.
    pub fn builder() -> ClientBuilder {
        ClientBuilder::default()
    }

    /// A client with the same settings, connections and shutdown, and another identity.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] if the credentials can't be sent.
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
        Ok(Client {
            shared: Arc::clone(&self.shared),
            identity: Identity::new(credentials, &Names::OPTIONS)?,
        })
    }

    /// Ends what is in flight, from any thread, and makes every later call fail with
    /// [`TransportErrorKind::ShutDown`](crate::TransportErrorKind::ShutDown). All clones are shut
    /// down with it.
    ///
    /// Calls that are under way return at once, whatever they wait for. Where that was an address or
    /// a connection, the system may be busy with it for a while yet, in a thread of its own.
    pub fn shutdown(&self) {
        self.shared.shutdown.set();
        self.shared.transport.shut_down();
    }

    pub(crate) fn transport(&self) -> &Transport {
        &self.shared.transport
    }

    pub(crate) fn authorization(&self) -> &Authorization {
        &self.identity.authorization
    }

    pub(crate) fn credentials(&self) -> &Credentials {
        &self.identity.credentials
    }

    pub(crate) fn contract_number(&self) -> Option<u32> {
        self.shared.contract_number
    }

    pub(crate) fn allows_secrets_in_trace_log(&self) -> bool {
        self.shared.allow_secrets_in_trace_log
    }

    pub(crate) fn timeout(&self) -> Option<Duration> {
        self.shared.timeout
    }

    pub(crate) fn retry_policy(&self) -> &RetryPolicy {
        &self.shared.retry
    }

    pub(crate) fn shutdown_signal(&self) -> &ShutdownSignal {
        &self.shared.shutdown
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("base_url", &self.shared.base_url.to_string())
            .field("credentials", &self.identity.credentials)
            .field("contract_number", &self.shared.contract_number)
            .field("timeout", &self.shared.timeout)
            .field("retry", &self.shared.retry)
            .finish_non_exhaustive()
    }
}

/// The settings of a [`Client`].
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use ionoscloud_auth::{Client, Credentials};
///
/// let client = Client::builder()
///     .credentials(Credentials::basic("user@example.com", "correct horse"))
///     .contract_number(31952746)
///     .timeout(Duration::from_secs(10))
///     .user_agent("token-sync/1.2")
///     .build()?;
/// # Ok::<(), ionoscloud_auth::Error>(())
/// ```
#[derive(Clone, Default)]
#[must_use]
pub struct ClientBuilder {
    credentials: Option<(Credentials, Names)>,
    base_url: Option<(&'static str, String)>,
    contract_number: Option<u32>,
    timeout: Option<Duration>,
    retry: RetryPolicy,
    user_agent: Option<String>,
    root_certificates_pem: Option<Vec<u8>>,
    allow_insecure_http: bool,
    allow_secrets_in_trace_log: bool,
}

impl ClientBuilder {
    /// Reads the environment variables that the vendor's own tools read.
    ///
    /// | variable | setting |
    /// | --- | --- |
    /// | `IONOS_TOKEN` | a token; wins over user name and password |
    /// | `IONOS_USERNAME`, `IONOS_PASSWORD` | a user name and a password |
    /// | `IONOS_API_URL` | [`base_url`](ClientBuilder::base_url) |
    /// | `IONOS_CONTRACT_NUMBER` | [`contract_number`](ClientBuilder::contract_number) |
    ///
    /// White space around a value is ignored, also around a password; a variable that is empty
    /// counts as unset. What is set on the builder afterwards wins. Without any credentials it is
    /// [`build`](ClientBuilder::build) that fails.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`], naming the variable, if a value can't be used: a URL or number that is
    /// none, a user name without a password or a password without a user name (where no token is
    /// set), text that is no UTF-8. So it is if `IONOS_PINNED_CERT` is set: this library does not
    /// pin certificates, and nobody should believe in a pin that is not there.
    pub fn from_env() -> Result<ClientBuilder> {
        ClientBuilder::from_variables(std::env::var)
    }

    fn from_variables(
        get: impl Fn(&'static str) -> std::result::Result<String, VarError>,
    ) -> Result<ClientBuilder> {
        let variable = |name: &'static str| match get(name) {
            Ok(value) => Ok(Some(value.trim().to_owned()).filter(|value| !value.is_empty())),
            Err(VarError::NotPresent) => Ok(None),
            Err(VarError::NotUnicode(_)) => Err(Error::invalid(name, "is no UTF-8")),
        };
        let names = Names {
            token: "IONOS_TOKEN",
            username: "IONOS_USERNAME",
            password: "IONOS_PASSWORD",
        };
        let mut builder = ClientBuilder::default();
        let credentials = match variable(names.token)? {
            Some(token) => Some(Credentials::token(token)),
            None => match (variable(names.username)?, variable(names.password)?) {
                (Some(username), Some(password)) => Some(Credentials::basic(username, password)),
                (None, None) => None,
                (Some(_), None) => {
                    return Err(Error::invalid(
                        names.password,
                        "is not set, and IONOS_USERNAME is",
                    ));
                }
                (None, Some(_)) => {
                    return Err(Error::invalid(
                        names.username,
                        "is not set, and IONOS_PASSWORD is",
                    ));
                }
            },
        };
        if let Some(credentials) = credentials {
            credentials.check(&names)?;
            builder.credentials = Some((credentials, names));
        }
        let name = "IONOS_API_URL";
        if let Some(url) = variable(name)? {
            BaseUrl::parse(name, &url)?;
            builder.base_url = Some((name, url));
        }
        let name = "IONOS_CONTRACT_NUMBER";
        if let Some(number) = variable(name)? {
            let number = number.parse().map_err(|_| {
                Error::invalid(name, format!("is no number from 1 to {}", i32::MAX))
            })?;
            check_contract_number(name, number)?;
            builder.contract_number = Some(number);
        }
        let name = "IONOS_PINNED_CERT";
        if variable(name)?.is_some() {
            return Err(Error::invalid(
                name,
                "is set, and this library does not pin certificates: unset it",
            ));
        }
        Ok(builder)
    }

    /// Who calls. There is no default: without credentials, [`build`](ClientBuilder::build) fails.
    pub fn credentials(mut self, credentials: Credentials) -> ClientBuilder {
        self.credentials = Some((credentials, Names::OPTIONS));
        self
    }

    /// Where the service is. Default `https://api.ionos.com/auth/v1`.
    ///
    /// Taken with or without a scheme (`https` if there is none), with or without `/auth/v1`, with
    /// or without a slash at the end. `http` is refused except to this machine (an address in
    /// 127.0.0.0/8, `::1`, or exactly `localhost`) or with
    /// [`allow_insecure_http`](ClientBuilder::allow_insecure_http); so are user names, queries and
    /// fragments.
    ///
    /// A proxy of the environment (`https_proxy`, `no_proxy` and so on) is used for any host but
    /// this machine.
    pub fn base_url(mut self, url: impl Into<String>) -> ClientBuilder {
        self.base_url = Some(("base_url", url.into()));
        self
    }

    /// The contract that calls are for, sent as `X-Contract-Number`: 1 to 2147483647. Default none.
    ///
    /// A user with several contracts must send one. A call's own contract number wins over this
    /// one.
    pub fn contract_number(mut self, number: u32) -> ClientBuilder {
        self.contract_number = Some(number);
        self
    }

    /// How long a call may take in all: address lookup, connecting, TLS, every try, every wait and
    /// the body. Default 30 s.
    ///
    /// Finding the address may take up to 45 % of what is left, and connecting up to 50 %: so a
    /// call that got no connection is tried again while there is time. [`Duration::MAX`], or
    /// anything over a hundred years, is no limit.
    pub fn timeout(mut self, timeout: Duration) -> ClientBuilder {
        self.timeout = Some(timeout);
        self
    }

    /// How often calls are tried again, and after what waits. Default [`RetryPolicy::default`]:
    /// three times.
    pub fn retry(mut self, policy: RetryPolicy) -> ClientBuilder {
        self.retry = policy;
        self
    }

    /// The calling program, such as `token-sync/1.2`. Default none.
    ///
    /// It is sent as the first part of `User-Agent`, before this library's own `ionoscloud-auth/`
    /// and version.
    pub fn user_agent(mut self, product: impl Into<String>) -> ClientBuilder {
        self.user_agent = Some(product.into());
        self
    }

    /// The certificates of a private certificate authority, in PEM. They replace the default: the
    /// root certificates of Mozilla, which are part of the library, or with the feature
    /// `platform-verifier` those of the platform.
    pub fn root_certificates_pem(mut self, pem: impl Into<Vec<u8>>) -> ClientBuilder {
        self.root_certificates_pem = Some(pem.into());
        self
    }

    /// Whether plain `http` may be used to any host. Default `false`: to this machine alone.
    ///
    /// With `true`, everybody between here and the service can read the credentials.
    pub fn allow_insecure_http(mut self, allow: bool) -> ClientBuilder {
        self.allow_insecure_http = allow;
        self
    }

    /// Whether calls may be made while the installed logger takes the target `ureq_proto` at trace
    /// level. Default `false`: they fail before anything is sent.
    ///
    /// There the library below this one writes every byte of the wire: the `Authorization` header
    /// and every new token. It can't be told not to, but the logger can be: for `env_logger`,
    /// `RUST_LOG=trace,ureq_proto=debug`. With `true`, the secrets are in the log.
    pub fn allow_secrets_in_trace_log(mut self, allow: bool) -> ClientBuilder {
        self.allow_secrets_in_trace_log = allow;
        self
    }

    /// Makes the client. Nothing is sent.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`], naming the option or variable, if there are no credentials or a setting
    /// can't be used.
    pub fn build(self) -> Result<Client> {
        let Some((credentials, names)) = self.credentials else {
            return Err(Error::invalid(
                "credentials",
                "there are none: set IONOS_TOKEN, or IONOS_USERNAME and IONOS_PASSWORD, and use from_env(), or call credentials()",
            ));
        };
        let identity = Identity::new(credentials, &names)?;
        let (url_name, url) = self.base_url.unwrap_or(("base_url", BASE_URL.to_owned()));
        let base_url = BaseUrl::parse(url_name, &url)?;
        if !base_url.https && !base_url.is_loopback() && !self.allow_insecure_http {
            return Err(Error::invalid(
                url_name,
                "is plain http, which shows the credentials to everybody on the way: use https, or allow_insecure_http(true)",
            ));
        }
        if let Some(number) = self.contract_number {
            check_contract_number("contract_number", number)?;
        }
        let timeout = self.timeout.unwrap_or(TIMEOUT);
        if timeout.is_zero() {
            return Err(Error::invalid(
                "timeout",
                "is zero, in which nothing can be done; for no limit give Duration::MAX",
            ));
        }
        let timeout = Some(timeout).filter(|timeout| *timeout < NO_TIMEOUT);
        let user_agent = match self.user_agent.as_deref().map(str::trim) {
            None | Some("") => USER_AGENT.to_owned(),
            Some(product) if product.len() > LONGEST_PRODUCT => {
                return Err(Error::invalid(
                    "user_agent",
                    format!("is longer than {LONGEST_PRODUCT} characters"),
                ));
            }
            Some(product) if product.bytes().all(|byte| matches!(byte, b' '..=b'~')) => {
                format!("{product} {USER_AGENT}")
            }
            Some(_) => {
                return Err(Error::invalid(
                    "user_agent",
                    "holds a line break or another character that is no printable ASCII",
                ));
            }
        };
        let shutdown = Arc::<ShutdownSignal>::default();
        let transport = Transport::new(Settings {
            base_url: base_url.clone(),
            timeout,
            user_agent: &user_agent,
            root_certificates_pem: self.root_certificates_pem.as_deref(),
            shutdown: Arc::clone(&shutdown),
        })?;
        Ok(Client {
            shared: Arc::new(Shared {
                transport,
                base_url,
                contract_number: self.contract_number,
                timeout,
                retry: self.retry,
                shutdown,
                allow_secrets_in_trace_log: self.allow_secrets_in_trace_log,
            }),
            identity,
        })
    }
}

impl fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A base URL that is refused may hold a password.
        let base_url = self.base_url.as_ref().map(|(name, url)| {
            BaseUrl::parse(name, url).map_or("[refused]".to_owned(), |url| url.to_string())
        });
        f.debug_struct("ClientBuilder")
            .field("base_url", &base_url)
            .field(
                "credentials",
                &self
                    .credentials
                    .as_ref()
                    .map(|(credentials, _)| credentials),
            )
            .field("contract_number", &self.contract_number)
            .field("timeout", &self.timeout)
            .field("retry", &self.retry)
            .field("user_agent", &self.user_agent)
            .field("allow_insecure_http", &self.allow_insecure_http)
            .field(
                "allow_secrets_in_trace_log",
                &self.allow_secrets_in_trace_log,
            )
            .finish_non_exhaustive()
    }
}
