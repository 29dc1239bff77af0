//! The settings of a client, as the program gives them.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use zeroize::Zeroizing;

use super::base_url::BaseUrl;
use super::proxy::ProxyChoice;
use super::source::{Setting, Source};
use crate::auth::{ContractNumber, Credentials, CredentialsSource};
use crate::call::{Attempt, FinishedCall, Hooks, RetryPolicy};
use crate::transport::{ExtraHeader, Fingerprint, Given, ProxyServer, RootCertificates, UserAgent};

/// The settings of a [`Client`](crate::Client).
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
    pub(super) user_agent: Option<Setting<UserAgent>>,
    pub(super) root_certificates: Option<Setting<RootCertificates>>,
    pub(super) pinned_certificate: Option<Setting<Fingerprint>>,
    pub(super) headers: Vec<Setting<ExtraHeader>>,
    pub(super) proxy: ProxyChoice,
    pub(super) hooks: Hooks,
    /// Where a config file was looked for, and there was none.
    pub(super) missing_files: Vec<String>,
    pub(super) allow_insecure_http: bool,
    pub(super) allow_secrets_in_trace_log: bool,
}

/// Where the service is.
#[derive(Clone)]
pub(super) struct Service {
    pub(super) base_url: BaseUrl,
    /// Those that a config file gives for this address, and for no other.
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
    /// Who calls. There is no default: without credentials, [`build`](ClientBuilder::build) fails.
    pub fn credentials(mut self, credentials: Credentials) -> ClientBuilder {
        self.credentials = Some((credentials, CredentialsSource::Program));
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
        let service = BaseUrl::parse(&url.into()).map(Service::at);
        self.service = Some(Setting::new(Source::Option("base_url"), service));
        self
    }

    /// The contract that calls are for, sent as `X-Contract-Number`: 1 to 2147483647. Default none.
    ///
    /// A user with several contracts must send one. A call's own contract number wins over this
    /// one.
    pub fn contract_number(mut self, number: u32) -> ClientBuilder {
        let number = ContractNumber::new(number);
        self.contract_number = Some(Setting::new(Source::Option("contract_number"), number));
        self
    }

    /// How long a call may take in all: address lookup, proxy, connecting, TLS, every attempt,
    /// every wait and the body. Default 30 s.
    ///
    /// An attempt may take half of what is left until it has a connection: one that gets none is
    /// made again while there is time. [`Duration::MAX`], or anything that the clock of the
    /// system does not reach, is no limit.
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
        let user_agent = UserAgent::new(&user_agent(&product.into()));
        self.user_agent = Some(Setting::new(Source::Option("user_agent"), user_agent));
        self
    }

    /// The certificates of a private certificate authority, in PEM. They replace the default: the
    /// root certificates of Mozilla, which are part of the library, or with the feature
    /// `platform-verifier` those of the platform.
    ///
    /// Whether a certificate has been revoked is not checked: there is no CRL and no OCSP. (On
    /// Windows and macOS, the feature `platform-verifier` leaves it to the system, if these are not
    /// given.)
    pub fn root_certificates_pem(mut self, pem: impl Into<Vec<u8>>) -> ClientBuilder {
        let certificates = RootCertificates::from_pem(&pem.into());
        let source = Source::Option("root_certificates_pem");
        self.root_certificates = Some(Setting::new(source, certificates));
        self
    }

    /// The one certificate of the server that is accepted: the SHA-256 fingerprint of its DER, in
    /// hex; colons, white space and case do not matter. Default none.
    ///
    /// As with the vendor's SDK, that replaces the checks of the certificate's authority, names and
    /// dates, and with them [`root_certificates_pem`](ClientBuilder::root_certificates_pem); that
    /// the server holds the certificate's key is verified as ever. It must be the server's own
    /// certificate, not that of an authority. With another one nothing is sent, and the error gives
    /// the fingerprint that was seen.
    ///
    /// `openssl x509 -in server.pem -noout -fingerprint -sha256` prints it. The pin is of the
    /// service, not of an https proxy, and it can't be used with plain `http`. TLS is rustls's
    /// then, also with the feature `native-tls`.
    #[cfg(feature = "pinned-cert")]
    pub fn pinned_certificate_sha256(mut self, fingerprint: impl Into<String>) -> ClientBuilder {
        let fingerprint = Fingerprint::parse(&fingerprint.into());
        let source = Source::Option("pinned_certificate_sha256");
        self.pinned_certificate = Some(Setting::new(source, fingerprint));
        self
    }

    /// A header for every request, for a gateway before the service. Default none. Of several with
    /// one name, the last counts.
    ///
    /// The value may be secret: it is in no `Debug` output and no log, and a response that repeats
    /// it is not quoted in errors (from 12 characters on: shorter ones stand in any text). The
    /// headers that this library sets itself, and those that would change what comes back, are
    /// refused by [`build`](ClientBuilder::build): `Authorization`, `Host`, `User-Agent`, `Accept`
    /// and `Accept-Encoding`, `X-Contract-Number`, `Connection`, `Content-Length` and so on.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> ClientBuilder {
        let value = Zeroizing::new(value.into());
        let header = ExtraHeader::new(&name.into(), &value);
        self.headers
            .push(Setting::new(Source::Option("header"), header));
        self
    }

    /// The proxy on the way to the service: `http://` or `https://`, with user name and password in
    /// it if it wants them. Default: that of the environment (`HTTPS_PROXY` for an `https` base
    /// URL, else `ALL_PROXY`; not for the hosts in `NO_PROXY`).
    ///
    /// It is asked for a tunnel (`CONNECT`), so over https it sees neither credentials nor tokens.
    /// To this machine itself, no proxy is used.
    pub fn proxy(mut self, url: impl Into<String>) -> ClientBuilder {
        let server = ProxyServer::parse(&url.into());
        self.proxy = ProxyChoice::Server(Setting::new(Source::Option("proxy"), server));
        self
    }

    /// Uses no proxy, whatever the environment says.
    pub fn no_proxy(mut self) -> ClientBuilder {
        self.proxy = ProxyChoice::None;
        self
    }

    /// Called after every attempt, with what became of it: for metrics and tracing. Default none.
    ///
    /// It is called in the thread of the call, and the call waits for it. It can't see a secret,
    /// and if it panics, that is logged and the call goes on.
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

    /// Called at the end of every call that was made, with what it came to: for a metric of calls,
    /// as [`on_attempt`](ClientBuilder::on_attempt) is for one of requests. Default none.
    ///
    /// A call that fails before anything is attempted, such as one with an option that can't be
    /// used, is not told of. The hook is called after that of the last attempt, in the thread of the
    /// call, and the call waits for it; if it panics, that is logged.
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
}

/// What is sent as `User-Agent` for a program of this name.
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
            let name = header.get().map(ExtraHeader::name);
            name.unwrap_or(REFUSED)
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
                &format_args!("{}", shown(&self.user_agent, |a| a.as_str().to_owned())),
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

/// In place of a setting that can't be used, because it may hold a password.
const REFUSED: &str = "[refused]";

fn shown<T, S: fmt::Debug>(setting: &Option<Setting<T>>, show: impl Fn(&T) -> S) -> String {
    match setting.as_ref().map(Setting::get) {
        None => "None".to_owned(),
        Some(Ok(value)) => format!("Some({:?})", show(value)),
        Some(Err(_)) => format!("Some({REFUSED})"),
    }
}
