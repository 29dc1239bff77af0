//! The settings that a program makes. They do not depend on where others come from.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use zeroize::Zeroizing;

use super::base_url::BaseUrl;
use super::header::{Header, header, header_value};
use super::proxy::{self, ProxyChoice};
use super::source::{Given, Setting, Source};
use crate::auth::{ContractNumber, Credentials, CredentialsSource};
use crate::call::{Attempt, FinishedCall, Hooks, RetryPolicy};
use crate::transport::{Fingerprint, RootCertificates};

/// Configures a [`Client`](crate::Client).
///
/// A setting made here takes precedence over the environment and the config file. The guide to
/// [settings](crate::docs::settings) has all of them in a table.
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
    pub(super) credentials: Option<(Credentials, CredentialsSource)>,
    pub(super) service: Option<Setting<Service>>,
    pub(super) contract_number: Option<Setting<ContractNumber>>,
    pub(super) timeout: Option<Duration>,
    pub(super) retry: RetryPolicy,
    pub(super) user_agent: Option<Setting<String>>,
    pub(super) root_certificates: Option<Setting<RootCertificates>>,
    pub(super) pinned_certificate: Option<Setting<Fingerprint>>,
    pub(super) headers: Vec<Setting<Header>>,
    pub(super) proxy: ProxyChoice,
    pub(super) hooks: Hooks,
    /// Where a config file was looked for but not found.
    pub(super) missing_files: Vec<String>,
    pub(super) allow_insecure_http: bool,
    pub(super) allow_secrets_in_trace_log: bool,
}

/// The address of the service.
#[derive(Clone)]
pub(super) struct Service {
    pub(super) base_url: BaseUrl,
    /// The certificates that a config file lists for this address only.
    pub(super) certificates: Option<Given<RootCertificates>>,
}

impl Service {
    pub(super) fn at(base_url: BaseUrl) -> Service {
        Service {
            base_url,
            certificates: None,
        }
    }
}

impl ClientBuilder {
    /// Sets the credentials. Required: without them [`build`](ClientBuilder::build) fails.
    pub fn credentials(mut self, credentials: Credentials) -> ClientBuilder {
        self.credentials = Some((credentials, CredentialsSource::Program));
        self
    }

    /// Sets the address of the service. Default: `https://api.ionos.com/auth/v1`.
    ///
    /// The scheme (default `https`), the path `/auth/v1` and a slash at the end are optional. Plain
    /// `http` is refused except to a loopback address (127.0.0.0/8, `::1`, or exactly `localhost`)
    /// or with [`allow_insecure_http`](ClientBuilder::allow_insecure_http). User names, queries and
    /// fragments are refused.
    pub fn base_url(mut self, url: impl Into<String>) -> ClientBuilder {
        let service = BaseUrl::parse(&url.into()).map(Service::at);
        self.service = Some(Setting::new(Source::Option("base_url"), service));
        self
    }

    /// Sets the contract that calls are for, from 1 to 2147483647. It is sent as
    /// `X-Contract-Number`. Default: none.
    ///
    /// Required for users with several contracts. The contract number of a single call takes
    /// precedence.
    pub fn contract_number(mut self, number: u32) -> ClientBuilder {
        let number = ContractNumber::new(number);
        self.contract_number = Some(Setting::new(Source::Option("contract_number"), number));
        self
    }

    /// Sets the time limit of a call. Default: 30 s. It includes DNS lookup, proxy, connecting,
    /// TLS, every attempt, every wait, and the body.
    ///
    /// Until it has a connection, an attempt may use half of the remaining time, so that there is
    /// time for another attempt. [`Duration::MAX`], or any time that is out of the clock's range,
    /// means that there is no limit. Zero is an error.
    pub fn timeout(mut self, timeout: Duration) -> ClientBuilder {
        self.timeout = Some(timeout);
        self
    }

    /// Sets how often and when calls are retried. Default: three times, see
    /// [`RetryPolicy::default`].
    pub fn retry(mut self, policy: RetryPolicy) -> ClientBuilder {
        self.retry = policy;
        self
    }

    /// Sets the name of the calling program, such as `token-sync/1.2`. Default: none.
    ///
    /// It becomes the first part of `User-Agent`, in front of `ionoscloud-auth/` and the version.
    pub fn user_agent(mut self, product: impl Into<String>) -> ClientBuilder {
        let user_agent = header_value(&user_agent(&product.into())).map(str::to_owned);
        self.user_agent = Some(Setting::new(Source::Option("user_agent"), user_agent));
        self
    }

    /// Sets the trusted certificate authorities, in PEM. They replace the default: Mozilla's root
    /// certificates, which are part of the library, or the platform's with the feature
    /// `platform-verifier`.
    ///
    /// The library does not check whether a certificate has been revoked. (With the default of the
    /// feature `platform-verifier`, the system decides on Windows and macOS.)
    pub fn root_certificates_pem(mut self, pem: impl Into<Vec<u8>>) -> ClientBuilder {
        let certificates = RootCertificates::from_pem(&pem.into());
        let source = Source::Option("root_certificates_pem");
        self.root_certificates = Some(Setting::new(source, certificates));
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
    /// `openssl x509 -in server.pem -noout -fingerprint -sha256` prints the fingerprint. The pin
    /// applies to the service, not to an https proxy. It is an error with plain `http`. With a pin
    /// the library uses rustls, even with the feature `native-tls`.
    #[cfg(feature = "pinned-cert")]
    pub fn pinned_certificate_sha256(mut self, fingerprint: impl Into<String>) -> ClientBuilder {
        let fingerprint = super::fingerprint::parse(&fingerprint.into());
        let source = Source::Option("pinned_certificate_sha256");
        self.pinned_certificate = Some(Setting::new(source, fingerprint));
        self
    }

    /// Adds a header to every request, for a gateway in front of the service. Default: none. If you
    /// add several with the same name, the last one counts.
    ///
    /// The value may be secret. It is redacted from `Debug` output and never logged. If it has at
    /// least 12 characters, a response that repeats it is not quoted in errors.
    ///
    /// [`build`](ClientBuilder::build) refuses headers that the library sets itself or that would
    /// change the response, such as `Authorization`, `Host`, `User-Agent`, `Accept`,
    /// `Accept-Encoding`, `X-Contract-Number`, `Connection` and `Content-Length`.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> ClientBuilder {
        let value = Zeroizing::new(value.into());
        let header = header(&name.into(), &value);
        self.headers
            .push(Setting::new(Source::Option("header"), header));
        self
    }

    /// Sets the proxy, an `http://` or `https://` URL with an optional user name and password.
    /// Default: the environment's (`HTTPS_PROXY` for an `https` base URL, else `ALL_PROXY`, except
    /// for the hosts in `NO_PROXY`).
    ///
    /// The library opens a proxy tunnel (`CONNECT`), so with https the proxy sees neither
    /// credentials nor tokens. No proxy is used for a loopback address.
    pub fn proxy(mut self, url: impl Into<String>) -> ClientBuilder {
        let server = proxy::parse(&Zeroizing::new(url.into()));
        self.proxy = ProxyChoice::Server(Setting::new(Source::Option("proxy"), server));
        self
    }

    /// Disables the proxy, including the environment's.
    pub fn no_proxy(mut self) -> ClientBuilder {
        self.proxy = ProxyChoice::None;
        self
    }

    /// Sets a hook that is called after every attempt, for metrics and tracing. Default: none.
    ///
    /// It runs in the thread of the call, and the call waits for it. It cannot see secrets. If it
    /// panics, that is logged and the call continues.
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
    ///             "{} #{}: {:?} in {:?}",
    ///             attempt.endpoint, attempt.number, attempt.outcome, attempt.elapsed
    ///         );
    ///     })
    ///     .build()?;
    /// # Ok::<(), ionoscloud_auth::Error>(())
    /// ```
    pub fn on_attempt(
        mut self,
        hook: impl Fn(&Attempt<'_>) + Send + Sync + 'static,
    ) -> ClientBuilder {
        self.hooks.on_attempt = Some(Arc::new(hook));
        self
    }

    /// Sets a hook that is called at the end of every call, for metrics. Default: none.
    ///
    /// It is not called for calls that fail before the first attempt, for example because an option
    /// is out of range. It runs after the [`on_attempt`](ClientBuilder::on_attempt) hook of the
    /// last attempt, in the thread of the call, and the call waits for it. If it panics, that is
    /// logged.
    ///
    /// # Examples
    ///
    /// ```
    /// use ionoscloud_auth::{Client, Credentials};
    ///
    /// let client = Client::builder()
    ///     .credentials(Credentials::token("eyJ0eXAiOiJKV1QifQ.e30.c2ln"))
    ///     .on_call(|call| {
    ///         println!(
    ///             "calls{{endpoint={:?}, outcome={:?}}} took {:?}",
    ///             call.endpoint, call.outcome(), call.elapsed
    ///         );
    ///     })
    ///     .build()?;
    /// # Ok::<(), ionoscloud_auth::Error>(())
    /// ```
    pub fn on_call(
        mut self,
        hook: impl Fn(&FinishedCall<'_>) + Send + Sync + 'static,
    ) -> ClientBuilder {
        self.hooks.on_call = Some(Arc::new(hook));
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

    /// Sets whether calls are allowed while the installed logger accepts the target `ureq_proto` at
    /// trace level. Default: `false`, such calls fail before a request is sent.
    ///
    /// The HTTP library logs every byte of a connection there, including the `Authorization` header
    /// and every new token. Configure your logger to reject that target, for example with
    /// `RUST_LOG=trace,ureq_proto=debug` for `env_logger`. With `true`, secrets are logged.
    pub fn allow_secrets_in_trace_log(mut self, allow: bool) -> ClientBuilder {
        self.allow_secrets_in_trace_log = allow;
        self
    }
}

/// Returns the value of `User-Agent` for a program with this name.
pub(super) fn user_agent(product: &str) -> String {
    const OWN: &str = concat!("ionoscloud-auth/", env!("CARGO_PKG_VERSION"));
    match product.trim() {
        "" => OWN.to_owned(),
        product => format!("{product} {OWN}"),
    }
}

impl fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let headers = self.headers.iter().map(|header| {
            let header = header.get();
            header.map_or(REFUSED, |(name, _)| name.as_str())
        });
        let service = self.service.as_ref().and_then(|service| service.get().ok());
        let file_certificates = service.is_some_and(|service| service.certificates.is_some());
        f.debug_struct("ClientBuilder")
            .field(
                "base_url",
                &format_args!("{}", shown(&self.service, |s| s.base_url.to_string())),
            )
            .field("file_certificates", &file_certificates)
            .field("credentials", &self.credentials)
            .field(
                "contract_number",
                &format_args!("{}", shown(&self.contract_number, |n| n.get())),
            )
            .field("timeout", &self.timeout)
            .field("retry", &self.retry)
            .field(
                "user_agent",
                &format_args!("{}", shown(&self.user_agent, String::clone)),
            )
            .field("headers", &headers.collect::<Vec<_>>())
            .field("allow_insecure_http", &self.allow_insecure_http)
            .field(
                "allow_secrets_in_trace_log",
                &self.allow_secrets_in_trace_log,
            )
            .finish_non_exhaustive()
    }
}

/// Shown instead of a setting that is not usable, because it may contain a password.
const REFUSED: &str = "[refused]";

fn shown<T, S: fmt::Debug>(setting: &Option<Setting<T>>, show: impl Fn(&T) -> S) -> String {
    match setting.as_ref().map(Setting::get) {
        None => "None".to_owned(),
        Some(Ok(value)) => format!("Some({:?})", show(value)),
        Some(Err(_)) => format!("Some({REFUSED})"),
    }
}
