//! The client and its settings, from code and from the environment. Knows nothing of endpoints.

use std::env::VarError;
use std::fmt;
#[cfg(feature = "config-file")]
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::base_url::BaseUrl;
use crate::call::{Caller, OnTry, RetryPolicy, Secrets, Try, check_contract_number};
#[cfg(feature = "config-file")]
use crate::config_file::{self, Needed};
use crate::credentials::{Credentials, CredentialsSource, Names};
use crate::error::{Error, Result};
#[cfg(feature = "pinned-cert")]
use crate::transport::Fingerprint;
use crate::transport::{
    Authorization, ExtraHeader, ProxyChoice, RootCertificates, Settings, Transport,
};

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
    allow_secrets_in_trace_log: bool,
    on_try: Option<OnTry>,
}

struct Identity {
    credentials: Credentials,
    source: CredentialsSource,
    authorization: Authorization,
}

impl Identity {
    fn new(
        credentials: Credentials,
        names: &Names,
        source: CredentialsSource,
    ) -> Result<Arc<Identity>> {
        credentials.check(names)?;
        let authorization = Authorization::new(&credentials)?;
        log::debug!("the credentials come from {source}");
        Ok(Arc::new(Identity {
            credentials,
            source,
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

    /// A client with the credentials and settings of the environment, or of the config file of the
    /// vendor's tools where the environment has none: see [`ClientBuilder::from_env_or_config`].
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`], naming the variable or the file and its line, if something can't be used
    /// or there are no credentials.
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
            identity: Identity::new(credentials, &Names::OPTIONS, CredentialsSource::Program)?,
        })
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
    /// Calls that are under way return at once, whatever they wait for. What such a call says is what
    /// was recorded: if it had a connection in hand,
    /// [`outcome_unknown()`](crate::Error::outcome_unknown) is true. Where it waited for an address or
    /// a connection, the system may be busy with that for a while yet, in a thread of its own.
    pub fn shutdown(&self) {
        self.shared.transport.shut_down();
    }

    pub(crate) fn credentials(&self) -> &Credentials {
        &self.identity.credentials
    }

    /// What every call needs of it.
    pub(crate) fn caller(&self) -> Caller<'_> {
        Caller {
            transport: &self.shared.transport,
            authorization: &self.identity.authorization,
            secrets: self,
            contract_number: self.shared.contract_number,
            timeout: self.shared.timeout,
            retry: &self.shared.retry,
            on_try: self.shared.on_try.as_ref(),
            allow_secrets_in_trace_log: self.shared.allow_secrets_in_trace_log,
        }
    }
}

impl Secrets for Client {
    fn are_repeated_in(&self, text: &str) -> bool {
        self.identity.credentials.are_repeated_in(text)
            || self.shared.transport.headers_are_repeated_in(text)
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("base_url", &self.shared.base_url.to_string())
            .field("credentials", &self.identity.credentials)
            .field("credentials_source", &self.identity.source)
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
    credentials: Option<(Credentials, Names, CredentialsSource)>,
    base_url: Option<UrlSetting>,
    contract_number: Option<u32>,
    timeout: Option<Duration>,
    retry: RetryPolicy,
    user_agent: Option<String>,
    root_certificates: Option<RootCertificates>,
    /// They are the file's own endpoint's.
    #[cfg(feature = "config-file")]
    file_certificates: Option<RootCertificates>,
    #[cfg(feature = "pinned-cert")]
    pinned_certificate: Option<(&'static str, String)>,
    headers: Vec<ExtraHeader>,
    proxy: ProxyChoice,
    on_try: Option<OnTry>,
    allow_insecure_http: bool,
    allow_secrets_in_trace_log: bool,
    /// The first setting that can't be used, and why. What reads a setting is only in programs that
    /// make it.
    refused: Option<(&'static str, String)>,
}

/// A base URL, and where it was set, for errors.
#[derive(Clone)]
struct UrlSetting {
    what: &'static str,
    /// The file and the line, if it was a file.
    place: Option<String>,
    url: String,
}

impl UrlSetting {
    fn new(what: &'static str, url: impl Into<String>) -> UrlSetting {
        let (place, url) = (None, url.into());
        UrlSetting { what, place, url }
    }

    fn refused(&self, reason: &str) -> Error {
        match &self.place {
            Some(place) => Error::invalid(self.what, format!("{place}: {reason}")),
            None => Error::invalid(self.what, reason),
        }
    }
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
    /// | `IONOS_PINNED_CERT` | `pinned_certificate_sha256`, with the feature `pinned-cert`; else an error |
    ///
    /// White space around a value is ignored, also around a password; a variable that is empty
    /// counts as unset. What is set on the builder afterwards wins. Without any credentials it is
    /// [`build`](ClientBuilder::build) that fails.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`], naming the variable, if a value can't be used: a URL or number that is
    /// none, a user name without a password or a password without a user name (where no token is
    /// set), text that is no UTF-8. So it is if `IONOS_PINNED_CERT` is set and the feature
    /// `pinned-cert` is off: nobody should believe in a pin that is not there.
    pub fn from_env() -> Result<ClientBuilder> {
        let names = Names {
            token: "IONOS_TOKEN",
            username: "IONOS_USERNAME",
            password: "IONOS_PASSWORD",
        };
        let mut builder = ClientBuilder::default();
        let credentials = match variable(names.token)? {
            Some(token) => Some((Credentials::token(token), CredentialsSource::TokenVariable)),
            None => match (variable(names.username)?, variable(names.password)?) {
                (Some(username), Some(password)) => Some((
                    Credentials::basic(username, password),
                    CredentialsSource::PasswordVariables,
                )),
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
        if let Some((credentials, source)) = credentials {
            credentials.check(&names)?;
            builder.credentials = Some((credentials, names, source));
        }
        let name = "IONOS_API_URL";
        if let Some(url) = variable(name)? {
            BaseUrl::parse(name, &url)?;
            builder.base_url = Some(UrlSetting::new(name, url));
        }
        let name = "IONOS_CONTRACT_NUMBER";
        if let Some(number) = variable(name)? {
            let number = number.parse().map_err(|_| {
                Error::invalid(name, format!("is no number from 1 to {}", i32::MAX))
            })?;
            check_contract_number(name, number)?;
            builder.contract_number = Some(number);
        }
        builder.take_pin()?;
        Ok(builder)
    }

    /// Reads the config file that the vendor's CLI writes at `ionosctl login`: a profile's
    /// credentials, and of its environment the endpoint of the product `auth`.
    ///
    /// The profile is the one that `IONOS_CURRENT_PROFILE` names, else the file's `currentProfile`;
    /// case does not matter. Its token wins over its user name and password. The endpoint's `name` is
    /// the [`base_url`](ClientBuilder::base_url), and its `certificateAuthData`, else that of its
    /// environment, are the [root certificates](ClientBuilder::root_certificates_pem); with another
    /// base URL they are not used. Of other variables only `IONOS_PINNED_CERT` is read, as in
    /// [`from_env`](ClientBuilder::from_env). What is set on the builder afterwards wins.
    ///
    /// Where a file with credentials can be read by others (on Unix), a warning is logged.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`], naming the file and mostly the line, and never a value that may be secret:
    /// if the file can't be read, is longer than 1 MiB, is no YAML, does not have the profile or the
    /// environment, or the profile has no credentials; and if the endpoint has `skipTlsVerify: true`,
    /// as that would show the credentials to whoever stands on the way.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use ionoscloud_auth::ClientBuilder;
    ///
    /// let client = ClientBuilder::from_config_file("/etc/token-sync/ionos.yaml")?.build()?;
    /// println!("{}", client.credentials_source());
    /// # Ok::<(), ionoscloud_auth::Error>(())
    /// ```
    #[cfg(feature = "config-file")]
    pub fn from_config_file(path: impl AsRef<Path>) -> Result<ClientBuilder> {
        let profile = variable("IONOS_CURRENT_PROFILE")?;
        let needed = Needed {
            credentials: true,
            endpoint: true,
        };
        let what = "config file";
        let file = config_file::read(what, path.as_ref(), profile.as_deref(), needed)?;
        let mut builder = ClientBuilder::default();
        builder.take_pin()?;
        builder.take_from(what, file);
        Ok(builder)
    }

    /// Reads the environment, and the config file of the vendor's tools for what is not there.
    ///
    /// Credentials are looked for in the order of the vendor's CLI: `IONOS_TOKEN`; `IONOS_USERNAME`
    /// and `IONOS_PASSWORD`; the file's token; the file's user name and password.
    /// [`credentials_source`](Client::credentials_source) tells which it was. `IONOS_API_URL` wins
    /// over the file's endpoint, which is then not looked at: its certificates are its own. For the
    /// rest see [`from_env`](ClientBuilder::from_env) and
    /// [`from_config_file`](ClientBuilder::from_config_file).
    ///
    /// The file is the one that `IONOS_CONFIG_FILE` names, which must be there; else
    /// `.ionos/config` in the home directory, if it is there.
    ///
    /// # Errors
    ///
    /// As those two; but a file without a profile, or a profile without credentials that can be used,
    /// is none where the environment has credentials.
    #[cfg(feature = "config-file")]
    pub fn from_env_or_config() -> Result<ClientBuilder> {
        let mut builder = ClientBuilder::from_env()?;
        let home = if cfg!(windows) { "USERPROFILE" } else { "HOME" };
        let (what, path) = match path_variable("IONOS_CONFIG_FILE") {
            Some(path) => ("IONOS_CONFIG_FILE", path),
            None => match path_variable(home).and_then(|home| config_file::default_path(&home)) {
                Some(path) => ("config file", path),
                None => return Ok(builder),
            },
        };
        let profile = variable("IONOS_CURRENT_PROFILE")?;
        let needed = Needed {
            credentials: builder.credentials.is_none(),
            endpoint: builder.base_url.is_none(),
        };
        let file = config_file::read(what, &path, profile.as_deref(), needed)?;
        builder.take_from(what, file);
        Ok(builder)
    }

    /// What is there already wins.
    #[cfg(feature = "config-file")]
    fn take_from(&mut self, what: &'static str, file: config_file::Settings) {
        if self.credentials.is_none() {
            self.credentials = file
                .credentials
                .map(|(credentials, source)| (credentials, Names::OPTIONS, source));
        }
        if self.base_url.is_none() {
            self.base_url = file.base_url.map(|(url, place)| UrlSetting {
                what,
                place: Some(place),
                url,
            });
            self.file_certificates = file.certificates;
        }
    }

    fn take_pin(&mut self) -> Result<()> {
        let name = "IONOS_PINNED_CERT";
        let Some(pin) = variable(name)? else {
            return Ok(());
        };
        #[cfg(feature = "pinned-cert")]
        {
            Fingerprint::parse(name, &pin)?;
            self.pinned_certificate = Some((name, pin));
            Ok(())
        }
        #[cfg(not(feature = "pinned-cert"))]
        {
            let _ = pin;
            Err(Error::invalid(
                name,
                "is set, and this program was built without the feature pinned-cert: unset it, or build with the feature",
            ))
        }
    }

    /// Who calls. There is no default: without credentials, [`build`](ClientBuilder::build) fails.
    pub fn credentials(mut self, credentials: Credentials) -> ClientBuilder {
        self.credentials = Some((credentials, Names::OPTIONS, CredentialsSource::Program));
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
    /// For the proxy on the way there, see [`proxy`](ClientBuilder::proxy).
    pub fn base_url(mut self, url: impl Into<String>) -> ClientBuilder {
        self.base_url = Some(UrlSetting::new("base_url", url));
        #[cfg(feature = "config-file")]
        {
            self.file_certificates = None;
        }
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

    /// How long a call may take in all: address lookup, proxy, connecting, TLS, every attempt,
    /// every wait and the body. Default 30 s.
    ///
    /// An attempt may take half of what is left until it has a connection: one that gets none is
    /// made again while there is time. [`Duration::MAX`], or anything over a hundred years, is no
    /// limit.
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
        match RootCertificates::from_pem(&pem.into()) {
            Ok(certificates) => self.root_certificates = Some(certificates),
            Err(reason) => self.refuse("root_certificates_pem", reason.to_owned()),
        }
        self
    }

    fn refuse(&mut self, what: &'static str, reason: String) {
        self.refused.get_or_insert((what, reason));
    }

    /// The one certificate of the server that is accepted: the SHA-256 fingerprint of its DER, in hex;
    /// colons, white space and case do not matter. Default none.
    ///
    /// As with the vendor's SDK, that replaces the checks of the certificate's authority, names and
    /// dates, and with them [`root_certificates_pem`](ClientBuilder::root_certificates_pem); that the
    /// server holds the certificate's key is verified as ever. It must be the server's own
    /// certificate, not that of an authority. With another one nothing is sent, and the error gives
    /// the fingerprint that was seen.
    ///
    /// `openssl x509 -in server.pem -noout -fingerprint -sha256` prints it. The pin is of the service,
    /// not of an https proxy, and it can't be used with plain `http`. TLS is rustls's then, also with
    /// the feature `native-tls`.
    #[cfg(feature = "pinned-cert")]
    pub fn pinned_certificate_sha256(mut self, fingerprint: impl Into<String>) -> ClientBuilder {
        self.pinned_certificate = Some(("pinned_certificate_sha256", fingerprint.into()));
        self
    }

    /// A header for every request, for a gateway before the service. Default none. Of several with one
    /// name, the last counts.
    ///
    /// The value may be secret: it is in no `Debug` output and no log, and an answer that repeats it is
    /// not quoted in errors (from 12 characters on: shorter ones stand in any text). The headers that this library
    /// sets itself, and those that would change what comes back, are refused by
    /// [`build`](ClientBuilder::build): `Authorization`, `Host`, `User-Agent`, `Accept` and
    /// `Accept-Encoding`, `X-Contract-Number`, `Connection`, `Content-Length` and so on.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> ClientBuilder {
        match ExtraHeader::new(&name.into(), &value.into()) {
            Ok(header) => self.headers.push(header),
            Err(reason) => self.refuse("header", reason),
        }
        self
    }

    /// The proxy on the way to the service: `http://` or `https://`, with user name and password in it
    /// if it wants them. Default: that of the environment (`HTTPS_PROXY` for an `https` base URL, else
    /// `ALL_PROXY`; not for the hosts in `NO_PROXY`).
    ///
    /// It is asked for a tunnel (`CONNECT`), so over https it sees neither credentials nor tokens. To
    /// this machine itself, no proxy is used.
    pub fn proxy(mut self, url: impl Into<String>) -> ClientBuilder {
        self.proxy = ProxyChoice::Url(url.into());
        self
    }

    /// Uses no proxy, whatever the environment says.
    pub fn no_proxy(mut self) -> ClientBuilder {
        self.proxy = ProxyChoice::None;
        self
    }

    /// Called after every try, with what became of it: for metrics and tracing. Default none.
    ///
    /// It is called in the thread of the call, and the call waits for it. It can't see a secret, and
    /// if it panics, that is logged and the call goes on.
    ///
    /// # Examples
    ///
    /// ```
    /// use ionoscloud_auth::{Client, Credentials};
    ///
    /// let client = Client::builder()
    ///     .credentials(Credentials::token("eyJ0eXAiOiJKV1QifQ.e30.c2ln"))
    ///     .on_try(|tried| {
    ///         println!("{} #{}: {:?} in {:?}", tried.endpoint, tried.number, tried.outcome, tried.elapsed);
    ///     })
    ///     .build()?;
    /// # Ok::<(), ionoscloud_auth::Error>(())
    /// ```
    pub fn on_try(mut self, hook: impl Fn(&Try<'_>) + Send + Sync + 'static) -> ClientBuilder {
        self.on_try = Some(OnTry::new(hook));
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
        if let Some((what, reason)) = self.refused {
            return Err(Error::invalid(what, reason));
        }
        let Some((credentials, names, source)) = self.credentials else {
            return Err(Error::invalid(
                "credentials",
                "there are none: set IONOS_TOKEN, or IONOS_USERNAME and IONOS_PASSWORD, and use from_env(), or call credentials()",
            ));
        };
        let identity = Identity::new(credentials, &names, source)?;
        let url = self
            .base_url
            .unwrap_or(UrlSetting::new("base_url", BASE_URL));
        let base_url = BaseUrl::parse(url.what, &url.url)?;
        if !base_url.https && !base_url.is_loopback() && !self.allow_insecure_http {
            return Err(url.refused(
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
        #[cfg(feature = "pinned-cert")]
        let pinned_certificate = match &self.pinned_certificate {
            None => None,
            Some((name, _)) if !base_url.https => {
                return Err(Error::invalid(
                    name,
                    "is set, and the base URL is plain http, where there is no certificate",
                ));
            }
            Some((name, pin)) => Some(Fingerprint::parse(name, pin)?),
        };
        let root_certificates = self.root_certificates;
        #[cfg(feature = "config-file")]
        let root_certificates = root_certificates.or(self.file_certificates);
        let transport = Transport::new(Settings {
            base_url: base_url.clone(),
            user_agent: &user_agent,
            root_certificates,
            #[cfg(feature = "pinned-cert")]
            pinned_certificate,
            headers: self.headers,
            proxy: &self.proxy,
        })?;
        Ok(Client {
            shared: Arc::new(Shared {
                transport,
                base_url,
                contract_number: self.contract_number,
                timeout,
                retry: self.retry,
                allow_secrets_in_trace_log: self.allow_secrets_in_trace_log,
                on_try: self.on_try,
            }),
            identity,
        })
    }
}

impl fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A base URL that is refused may hold a password.
        let base_url = self.base_url.as_ref().map(|setting| {
            let parsed = BaseUrl::parse(setting.what, &setting.url);
            parsed.map_or("[refused]".to_owned(), |url| url.to_string())
        });
        let names: Vec<&str> = self.headers.iter().map(ExtraHeader::name).collect();
        let mut f = f.debug_struct("ClientBuilder");
        #[cfg(feature = "config-file")]
        f.field("file_certificates", &self.file_certificates.is_some());
        f.field("base_url", &base_url)
            .field(
                "credentials",
                &self
                    .credentials
                    .as_ref()
                    .map(|(credentials, _, source)| (credentials, source)),
            )
            .field("contract_number", &self.contract_number)
            .field("timeout", &self.timeout)
            .field("retry", &self.retry)
            .field("user_agent", &self.user_agent)
            .field("headers", &names)
            .field("allow_insecure_http", &self.allow_insecure_http)
            .field(
                "allow_secrets_in_trace_log",
                &self.allow_secrets_in_trace_log,
            )
            .finish_non_exhaustive()
    }
}

/// A variable that names a file or a folder, which need not be UTF-8.
#[cfg(feature = "config-file")]
fn path_variable(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os(name)?;
    let path = match path.to_str() {
        Some(text) => text.trim().into(),
        None => path,
    };
    (!path.is_empty()).then(|| path.into())
}

/// A variable of the environment, without the white space around it; `None` if it is empty, too.
fn variable(name: &'static str) -> Result<Option<String>> {
    match std::env::var(name) {
        Ok(value) => Ok(Some(value.trim().to_owned()).filter(|value| !value.is_empty())),
        Err(VarError::NotPresent) => Ok(None),
        Err(VarError::NotUnicode(_)) => Err(Error::invalid(name, "is no UTF-8")),
    }
}
