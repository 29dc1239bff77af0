//! The settings of a client.

mod build;

use std::fmt;
#[cfg(feature = "config-file")]
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use zeroize::Zeroizing;

use crate::client::OnAttempt;
use crate::credentials::Credentials;
use crate::error::Result;
use crate::retry::{Attempt, RetryPolicy};
use crate::settings::{self, ProxyChoice, Setting};
#[cfg(feature = "config-file")]
use crate::settings::{ConfigFile, FileSettings};
use crate::transport::{Roots, root_certificates};

/// Configures a [`Client`](crate::Client).
///
/// A setting made here takes precedence over the environment and the config file, but does not undo
/// an error of reading them. The guide to [settings](crate::docs::settings) has all settings in a
/// table.
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
    /// The credentials, and the variables or file that set them.
    pub(crate) credentials: Option<(Credentials, Option<String>)>,
    pub(crate) base_url: Option<Setting>,
    /// The certificates that a config file lists for its base URL only.
    pub(crate) certificates_of_file: Option<(Roots, Option<String>)>,
    pub(crate) contract_number: Option<Setting>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) retry: RetryPolicy,
    /// The name of the calling program.
    pub(crate) product: String,
    pub(crate) root_certificates: Option<Roots>,
    pub(crate) pinned_certificate: Option<Setting>,
    pub(crate) headers: Vec<(String, Zeroizing<String>)>,
    pub(crate) proxy: ProxyChoice,
    pub(crate) on_attempt: Option<Arc<OnAttempt>>,
    pub(crate) allow_insecure_http: bool,
    pub(crate) has_read_environment: bool,
    /// Where a config file was looked for but not found.
    pub(crate) missing_files: Vec<String>,
}

impl ClientBuilder {
    /// Sets the credentials. Required: without them [`build`](ClientBuilder::build) fails.
    pub fn credentials(mut self, credentials: Credentials) -> ClientBuilder {
        self.credentials = Some((credentials, None));
        self
    }

    /// Sets the address of the service. Default: `https://api.ionos.com/auth/v1`.
    ///
    /// The scheme (default `https`), the path `/auth/v1` and a slash at the end are optional, and
    /// `/cloudapi/v6` counts as no path. Any other path is the prefix of a gateway, in front of
    /// `/auth/v1`. User names, queries and fragments are refused, and so is plain `http`, except to
    /// a loopback address (127.0.0.0/8, `::1` or `localhost`) or with
    /// [`allow_insecure_http`](ClientBuilder::allow_insecure_http).
    pub fn base_url(mut self, url: impl Into<String>) -> ClientBuilder {
        self.base_url = Some(Setting::of_program(url));
        self.certificates_of_file = None;
        self
    }

    /// Sets the contract that calls are for, from 1 to 2147483647. It is sent as
    /// `X-Contract-Number`. Default: none.
    ///
    /// Required for users with several contracts. The contract number of a single call takes
    /// precedence.
    pub fn contract_number(mut self, number: u32) -> ClientBuilder {
        self.contract_number = Some(Setting::of_program(number.to_string()));
        self
    }

    /// Sets the time limit of a call. Default: 30 s. It includes DNS lookup, proxy, connecting,
    /// TLS, every attempt, every wait, and the body.
    ///
    /// A lookup has all of this time. Then connecting and TLS have half of what is left, if another
    /// attempt may follow. [`Duration::MAX`], or any time that is out of the clock's range, means
    /// that there is no limit. Zero is an error.
    pub fn timeout(mut self, timeout: Duration) -> ClientBuilder {
        self.timeout = Some(timeout);
        self
    }

    /// Sets how often and when calls are retried. Default: [`RetryPolicy::default`].
    pub fn retry(mut self, policy: RetryPolicy) -> ClientBuilder {
        self.retry = policy;
        self
    }

    /// Sets the name of the calling program, such as `token-sync/1.2`. Default: none.
    ///
    /// It becomes the first part of `User-Agent`, in front of `ionoscloud-auth/` and the version.
    pub fn user_agent(mut self, product: impl Into<String>) -> ClientBuilder {
        self.product = product.into();
        self
    }

    /// Sets the trusted certificate authorities, in PEM. They replace the default: Mozilla's root
    /// certificates, which are part of the library, or the system's with the
    /// [feature](crate#features) `platform-verifier`. `SSL_CERT_FILE` is read only with that
    /// feature, on Linux.
    ///
    /// The library does not check whether a certificate has been revoked. (With the default of the
    /// feature `platform-verifier`, the system decides on Windows and macOS.)
    pub fn root_certificates_pem(mut self, pem: impl Into<Vec<u8>>) -> ClientBuilder {
        // `build` would bring the parser for PEM into programs that never call this.
        self.root_certificates = Some(root_certificates(&pem.into()));
        self
    }

    /// Sets the only server certificate to accept, by the SHA-256 fingerprint of its DER form in
    /// hex. Colons, white space and case are ignored. Default: none.
    ///
    /// As in the vendor's SDK, the pin replaces the checks of authority, host name and dates, and
    /// [`root_certificates_pem`](ClientBuilder::root_certificates_pem). The server must still prove
    /// that it has the certificate's key. Use the server's own certificate, not an authority's. If
    /// the server has another certificate, no request is sent, and the error contains the
    /// fingerprint of that certificate.
    ///
    /// `openssl x509 -in server.pem -noout -fingerprint -sha256` prints it; its label may stay. The
    /// pin applies to the service, not to an https proxy. It is an error with plain `http`.
    ///
    /// Requires the [feature](crate#features) `pinned-cert`.
    #[cfg(feature = "pinned-cert")]
    pub fn pinned_certificate_sha256(mut self, fingerprint: impl Into<String>) -> ClientBuilder {
        self.pinned_certificate = Some(Setting::of_program(fingerprint));
        self
    }

    /// Adds a header to every request, for a gateway in front of the service. Default: none. If you
    /// add several with the same name, the last one counts.
    ///
    /// The value may be secret. It is redacted from `Debug` output and never logged. If it has at
    /// least 12 characters, it is replaced where an error would quote it from a response.
    ///
    /// It is not replaced in a request ID (`X-RequestId`, `X-Request-Id`, `X-Correlation-Id`).
    ///
    /// [`build`](ClientBuilder::build) refuses headers that the library sets itself or that would
    /// change the request or the response: `Accept`, `Accept-Encoding`, `Authorization`,
    /// `Connection`, `Content-Length`, `Expect`, `Host`, `Proxy-Authorization`, `Range`,
    /// `Transfer-Encoding`, `Upgrade`, `User-Agent`, `X-Contract-Number`, those that replace the
    /// method (`X-HTTP-Method`, `X-HTTP-Method-Override`, `X-Method-Override`), and all that begin
    /// with `If-`.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> ClientBuilder {
        self.headers
            .push((name.into(), Zeroizing::new(value.into())));
        self
    }

    /// Sets the proxy, an `http://` or `https://` URL with an optional user name and password.
    /// Default: the environment's (`HTTPS_PROXY` for an `https` base URL, `HTTP_PROXY` for an
    /// `http` one, else `ALL_PROXY`, except for the hosts in `NO_PROXY`).
    ///
    /// Special characters in the user name and password must be percent-encoded: `#` is `%23`, `@`
    /// is `%40`.
    ///
    /// The library opens a proxy tunnel (`CONNECT`), so with https the proxy sees the host, the
    /// port and the user agent, but neither credentials nor tokens. No proxy is used for a loopback
    /// address.
    pub fn proxy(mut self, url: impl Into<String>) -> ClientBuilder {
        self.proxy = ProxyChoice::Url(Setting::of_program(url));
        self
    }

    /// Disables the proxy, including the environment's.
    pub fn no_proxy(mut self) -> ClientBuilder {
        self.proxy = ProxyChoice::None;
        self
    }

    /// Sets a hook that is called after every attempt, for metrics and tracing. An attempt that is
    /// refused before it connects counts, for example after a shutdown. Default: none.
    ///
    /// It runs in the thread of the call, and the call waits for it. It sees no secrets. If it
    /// panics, that is logged and the call continues. During a call, do not hold a lock that your
    /// hook takes.
    ///
    /// # Examples
    ///
    /// ```
    /// use ionoscloud_auth::{Client, Credentials};
    ///
    /// let client = Client::builder()
    ///     .credentials(Credentials::token("eyJ0eXAiOiJKV1QifQ.e30.c2ln"))
    ///     .on_attempt(|attempt| {
    ///         println!(
    ///             "{} #{}: {} in {:?}",
    ///             attempt.endpoint, attempt.number, attempt.label, attempt.elapsed
    ///         );
    ///     })
    ///     .build()?;
    /// # Ok::<(), ionoscloud_auth::Error>(())
    /// ```
    pub fn on_attempt(
        mut self,
        hook: impl Fn(&Attempt<'_>) + Send + Sync + 'static,
    ) -> ClientBuilder {
        self.on_attempt = Some(Arc::new(hook));
        self
    }

    /// Sets whether plain `http` is allowed to any host. Default: `false`, only to a loopback
    /// address.
    ///
    /// With `true`, everybody on the network path can read the credentials.
    pub fn allow_insecure_http(mut self, allow: bool) -> ClientBuilder {
        self.allow_insecure_http = allow;
        self
    }
}

impl ClientBuilder {
    /// Reads environment variables of the vendor's own tools.
    ///
    /// | variable | setting |
    /// | --- | --- |
    /// | `IONOS_TOKEN` | a token; takes precedence over user name and password |
    /// | `IONOS_USERNAME`, `IONOS_PASSWORD` | a user name and a password |
    /// | `IONOS_API_URL` | [`base_url`](ClientBuilder::base_url) |
    /// | `IONOS_CONTRACT_NUMBER` | [`contract_number`](ClientBuilder::contract_number) |
    /// | `IONOS_PINNED_CERT` | `pinned_certificate_sha256`; requires the feature `pinned-cert` |
    ///
    /// White space around a value is ignored, except in a user name and a password: of these only
    /// line breaks at the end are. A blank variable counts as unset. Settings that you make on the
    /// builder take precedence. If there are no credentials, [`build`](ClientBuilder::build) fails.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`](crate::Error::Invalid) if a variable is not UTF-8, or if there is,
    /// without `IONOS_TOKEN`, a user name without a password or a password without a user name.
    /// Values that are not usable, such as a URL or number that is not valid, are refused by
    /// [`build`](ClientBuilder::build). Without the feature `pinned-cert`, `IONOS_PINNED_CERT` is
    /// such a value, so a pin is never silently ignored. Each error names the variable.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use std::time::Duration;
    /// use ionoscloud_auth::ClientBuilder;
    ///
    /// let client = ClientBuilder::from_env()?.timeout(Duration::from_secs(10)).build()?;
    /// # Ok::<(), ionoscloud_auth::Error>(())
    /// ```
    pub fn from_env() -> Result<ClientBuilder> {
        Ok(ClientBuilder {
            credentials: settings::credentials()??,
            ..ClientBuilder::of_environment()?
        })
    }

    /// Reads all but the credentials.
    fn of_environment() -> Result<ClientBuilder> {
        Ok(ClientBuilder {
            base_url: settings::variable("IONOS_API_URL")?,
            contract_number: settings::variable("IONOS_CONTRACT_NUMBER")?,
            pinned_certificate: settings::variable("IONOS_PINNED_CERT")?,
            has_read_environment: true,
            ..ClientBuilder::default()
        })
    }
}

#[cfg(feature = "config-file")]
impl ClientBuilder {
    /// Reads a config file as `ionosctl login` writes it: a profile's credentials, and the endpoint
    /// of the product `auth` in the profile's environment, or, if the profile names none, in the
    /// first environment that has the product.
    ///
    /// The profile is the one that `IONOS_CURRENT_PROFILE` names, else the file's `currentProfile`,
    /// ignoring case. Its token takes precedence over its user name and password. The endpoint's
    /// `name` becomes the [`base_url`](ClientBuilder::base_url). Its `certificateAuthData` becomes
    /// the [root certificates](ClientBuilder::root_certificates_pem), but only for that base URL.
    /// `IONOS_PINNED_CERT` is also read, as in [`from_env`](ClientBuilder::from_env). Settings that
    /// you make on the builder take precedence. The guide to [settings](crate::docs::settings) says
    /// which host counts.
    ///
    /// On Unix a warning is logged if everybody can read a file that contains credentials.
    ///
    /// Requires the [feature](crate#features) `config-file`.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`](crate::Error::Invalid) if the file is not readable, longer than 64 KiB or
    /// not YAML, if the profile or environment is missing, if the profile has no credentials, or if
    /// the endpoint has `skipTlsVerify: true`. The error names the file and the line or key, and
    /// never contains a value that may be secret.
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
    pub fn from_config_file(path: impl AsRef<Path>) -> Result<ClientBuilder> {
        let mut builder = ClientBuilder {
            pinned_certificate: settings::variable("IONOS_PINNED_CERT")?,
            ..ClientBuilder::default()
        };
        builder.add(ConfigFile::at(path.as_ref()).read()?)?;
        Ok(builder)
    }

    /// Reads the environment, and the vendor's config file for settings that are not in the
    /// environment.
    ///
    /// Credentials are looked for in the same order as in the vendor's CLI: `IONOS_TOKEN`,
    /// `IONOS_USERNAME` and `IONOS_PASSWORD`, the file's token, the file's user name and password.
    /// Beside a file, an `IONOS_USERNAME` without a password is only a warning in the log.
    /// [`credentials_source`](crate::Client::credentials_source) returns which was used.
    /// `IONOS_API_URL` takes precedence over the file's endpoint and its certificates. Everything
    /// else is as in [`from_env`](ClientBuilder::from_env) and
    /// [`from_config_file`](ClientBuilder::from_config_file).
    ///
    /// The file is the first of these:
    ///
    /// 1. the file that `IONOS_CONFIG_FILE` names, even if it does not exist
    /// 2. `ionosctl/config.yaml` in the settings folder, where `ionosctl login` writes it:
    ///    `$XDG_CONFIG_HOME` or `~/.config`, `~/Library/Application Support` on macOS, `%AppData%`
    ///    on Windows
    /// 3. `~/.ionos/config`
    ///
    /// `~` is `$HOME`, or `%USERPROFILE%` on Windows.
    ///
    /// Requires the [feature](crate#features) `config-file`.
    ///
    /// # Errors
    ///
    /// As [`from_env`](ClientBuilder::from_env) and
    /// [`from_config_file`](ClientBuilder::from_config_file). If the environment has credentials, a
    /// profile without usable credentials is not an error. If it also has `IONOS_API_URL`, whatever
    /// is wrong with the file is only a warning in the log.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use ionoscloud_auth::ClientBuilder;
    ///
    /// let client = ClientBuilder::from_env_or_config()?.user_agent("token-sync/1.2").build()?;
    /// println!("using {}", client.credentials_source());
    /// # Ok::<(), ionoscloud_auth::Error>(())
    /// ```
    pub fn from_env_or_config() -> Result<ClientBuilder> {
        let mut builder = ClientBuilder::of_environment()?;
        let found = ConfigFile::find().map(|file| file.read());
        builder.credentials = match settings::credentials()? {
            Err(incomplete) if found.is_ok() => {
                log::warn!("{incomplete} (ignored: there is a config file)");
                None
            }
            credentials => credentials?,
        };
        match found {
            Err(places) => builder.missing_files = places,
            Ok(Err(error)) if builder.credentials.is_some() && builder.base_url.is_some() => {
                log::warn!("{error} (ignored: IONOS_API_URL and the credentials are set)");
            }
            Ok(settings) => builder.add(settings?)?,
        }
        Ok(builder)
    }

    /// Adds the file's settings. Existing ones take precedence.
    fn add(&mut self, settings: FileSettings) -> Result<()> {
        if self.credentials.is_none() {
            let (credentials, source) = settings.credentials?;
            self.credentials = Some((credentials, Some(source)));
        }
        if self.base_url.is_none() {
            if let Some(endpoint) = settings.endpoint? {
                self.base_url = Some(endpoint.url);
                self.certificates_of_file = endpoint
                    .certificates_pem
                    .map(|pem| (root_certificates(pem.text.as_bytes()), pem.source));
            }
        }
        Ok(())
    }
}

impl fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The base URL is not checked yet: it may contain a password.
        f.debug_struct("ClientBuilder")
            .field("file_certificates", &self.certificates_of_file.is_some())
            .field("credentials", &self.credentials)
            .field("timeout", &self.timeout)
            .field("retry", &self.retry)
            .finish_non_exhaustive()
    }
}
