//! The settings of a client, and their checks.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use zeroize::Zeroizing;

use crate::client::{Client, Identity, OnAttempt, Shared, contract_number};
use crate::credentials::Credentials;
use crate::error::{Error, Result, sanitize_line};
use crate::retry::{Attempt, RetryPolicy};
use crate::settings::{BaseUrl, ProxyChoice, Setting};
use crate::transport::{self, Fingerprint, RootCerts, Roots, Transport, root_certificates};

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
    /// With the variables or file that they are from.
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
    /// The scheme (default `https`), the path `/auth/v1` and a slash at the end are optional. Plain
    /// `http` is refused except to a loopback address (127.0.0.0/8, `::1`, or exactly `localhost`)
    /// or with [`allow_insecure_http`](ClientBuilder::allow_insecure_http). User names, queries and
    /// fragments are refused.
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
        // Read here, so that a program that does not call this has no parser for PEM.
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
    /// `openssl x509 -in server.pem -noout -fingerprint -sha256` prints the fingerprint. The pin
    /// applies to the service, not to an https proxy. It is an error with plain `http`.
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
    /// least 12 characters, it is replaced where a response repeats it.
    ///
    /// [`build`](ClientBuilder::build) refuses headers that the library sets itself or that would
    /// change the response, such as `Authorization`, `Host`, `User-Agent`, `Accept`,
    /// `Accept-Encoding`, `X-Contract-Number`, `Connection` and `Content-Length`.
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
    /// The library opens a proxy tunnel (`CONNECT`), so with https the proxy sees neither
    /// credentials nor tokens. No proxy is used for a loopback address.
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
    /// It runs in the thread of the call, and the call waits for it. It cannot see secrets. If it
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

    /// Builds the client. No request is sent.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] if there are no credentials, or if a setting is not usable. The error
    /// names the option, the variable, or the file and key.
    pub fn build(self) -> Result<Client> {
        let timeout = self.timeout.unwrap_or(TIMEOUT);
        validate_timeout(timeout)?;
        let Some((credentials, source)) = self.credentials else {
            return Err(no_credentials(
                self.has_read_environment,
                &self.missing_files,
            ));
        };
        let base_url = match &self.base_url {
            Some(setting) => {
                BaseUrl::parse(&setting.text).map_err(|fault| setting.refuse("base_url", fault))?
            }
            None => BaseUrl::parse(BASE_URL).map_err(|fault| Error::invalid("base_url", fault))?,
        };
        if !base_url.is_https && !base_url.is_loopback() && !self.allow_insecure_http {
            return Err(plain_http(self.base_url.as_ref()));
        }
        let contract_number = self.contract_number.map(|setting| {
            let number = setting.text.parse();
            let number = number.map_err(|_| "is not a number from 1 to 2147483647".to_owned());
            let number = number.and_then(contract_number);
            number.map_err(|fault| setting.refuse("contract_number", fault))
        });
        let headers = self.headers.iter().map(|(name, value)| header(name, value));
        let transport = Transport::new(transport::Settings {
            base_url: base_url.to_string(),
            service: base_url.service(),
            user_agent: user_agent(&self.product)?,
            root_certificates: roots(self.root_certificates, self.certificates_of_file)?,
            pinned_certificate: self
                .pinned_certificate
                .map(|pin| pin_of(&pin, &base_url))
                .transpose()?,
            headers: headers.collect::<Result<_>>()?,
            proxy: self.proxy.for_service(&base_url)?,
        })?;
        let identity = Identity::new(&transport, credentials, source)?;
        Ok(Client {
            shared: Arc::new(Shared {
                base_url: base_url.to_string(),
                base_url_source: self.base_url.and_then(|setting| setting.source),
                contract_number: contract_number.transpose()?,
                retry: self.retry,
                on_attempt: self.on_attempt,
            }),
            transport: Arc::new(transport),
            identity: Arc::new(identity),
            timeout,
        })
    }
}

const BASE_URL: &str = "https://api.ionos.com/auth/v1";
const TIMEOUT: Duration = Duration::from_secs(30);

fn no_credentials(has_read_environment: bool, missing_files: &[String]) -> Error {
    let mut reason = match has_read_environment {
        true => "none found: set IONOS_TOKEN, or IONOS_USERNAME and IONOS_PASSWORD",
        false => "none set: call credentials(), or start with from_env()",
    }
    .to_owned();
    if !missing_files.is_empty() {
        let places = missing_files.join(" or ");
        reason += &format!("; there is no config file at {places} either");
    }
    Error::invalid("credentials", reason)
}

fn plain_http(base_url: Option<&Setting>) -> Error {
    let source = base_url.and_then(|setting| setting.source.clone());
    let or = match source {
        None => ", or allow_insecure_http(true)",
        Some(_) => "",
    };
    let reason = format!(
        "is plain http, which shows the credentials to everybody on the network path: use https{or}"
    );
    Error::invalid(source.unwrap_or_else(|| "base_url".to_owned()), reason)
}

pub(crate) fn validate_timeout(timeout: Duration) -> Result<()> {
    if timeout.is_zero() {
        return Err(Error::invalid(
            "timeout",
            "is zero; for no limit, use Duration::MAX",
        ));
    }
    Ok(())
}

fn user_agent(product: &str) -> Result<String> {
    const OWN: &str = concat!("ionoscloud-auth/", env!("CARGO_PKG_VERSION"));
    validate_header_value(product).map_err(|fault| Error::invalid("user_agent", fault))?;
    Ok(match product.trim() {
        "" => OWN.to_owned(),
        product => format!("{product} {OWN}"),
    })
}

/// Returns the certificates of the program, else those that a file lists for the base URL.
fn roots(
    of_program: Option<Roots>,
    of_file: Option<(Roots, Option<String>)>,
) -> Result<Option<(RootCerts, Option<String>)>> {
    let of_program = of_program.map(|roots| (roots, None));
    let Some((roots, source)) = of_program.or(of_file) else {
        return Ok(None);
    };
    let what = source.as_deref().unwrap_or("root_certificates_pem");
    let roots = roots.map_err(|fault| Error::invalid(what, fault))?;
    Ok(Some((roots, source)))
}

fn pin_of(pin: &Setting, base_url: &BaseUrl) -> Result<Fingerprint> {
    let read = match base_url.is_https {
        _ if !cfg!(feature = "pinned-cert") => Err(
            "is set, but this program was built without the feature pinned-cert: unset it, or \
             build with the feature",
        ),
        false => Err("is set, but the base URL is plain http, which has no certificate"),
        true => fingerprint(&pin.text),
    };
    read.map_err(|fault| pin.refuse("pinned_certificate_sha256", fault))
}

/// Reads a SHA-256 in hex, with or without colons and white space.
fn fingerprint(text: &str) -> Result<Fingerprint, &'static str> {
    const NONE: &str =
        "is not a valid SHA-256 fingerprint (64 hexadecimal digits, with or without colons)";
    let digits = text.chars().filter(|c| *c != ':' && !c.is_whitespace());
    let digits: Option<Vec<u8>> = digits
        .map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
        .collect();
    let digits = digits.ok_or(NONE)?;
    let bytes: Vec<u8> = digits
        .chunks(2)
        .map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit))
        .collect();
    match digits.len() {
        64 => bytes.try_into().map_err(|_| NONE),
        _ => Err(NONE),
    }
}

/// Headers that a caller may not set: the library's own, those that determine the end of a request,
/// those that change the response, and the one that would send a proxy's password to the service.
/// Headers that begin with `if-` also change the response: a create could return a 304 without the
/// token.
const RESERVED: [&str; 16] = [
    "accept",
    "accept-encoding",
    "authorization",
    "connection",
    "content-length",
    "expect",
    "host",
    "proxy-authorization",
    "range",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "x-contract-number",
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
];

/// Returns a caller's header as it is sent.
fn header(name: &str, value: &str) -> Result<(String, Zeroizing<String>)> {
    let refuse =
        |fault: &str| Error::invalid("header", format!("{:?} {fault}", sanitize_line(name, 100)));
    let name = name.to_ascii_lowercase();
    // RFC 9110, section 5.6.2.
    let is_valid = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if name.is_empty() || !name.bytes().all(is_valid) {
        return Err(refuse(
            "is not a valid header name (letters, digits and hyphens)",
        ));
    }
    if RESERVED.contains(&name.as_str()) || name.starts_with("if-") {
        return Err(refuse(
            "cannot be set: the library sets it, or requires it to be unset",
        ));
    }
    validate_header_value(value).map_err(|fault| refuse(&format!("has a value that {fault}")))?;
    Ok((name, Zeroizing::new(value.trim_matches(' ').to_owned())))
}

fn validate_header_value(text: &str) -> Result<(), &'static str> {
    match text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        true => Ok(()),
        false => Err("contains a line break or another character that is not printable ASCII"),
    }
}

impl fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let base_url = self
            .base_url
            .as_ref()
            .map(|setting| BaseUrl::parse(&setting.text));
        let base_url =
            base_url.map(|url| url.map_or("[refused]".to_owned(), |url| url.to_string()));
        let headers: Vec<_> = self.headers.iter().map(|(name, _)| name).collect();
        f.debug_struct("ClientBuilder")
            .field("base_url", &base_url)
            .field("file_certificates", &self.certificates_of_file.is_some())
            .field("credentials", &self.credentials)
            .field(
                "contract_number",
                &self.contract_number.as_ref().map(|number| &*number.text),
            )
            .field("timeout", &self.timeout)
            .field("retry", &self.retry)
            .field("product", &self.product)
            .field("headers", &headers)
            .field("allow_insecure_http", &self.allow_insecure_http)
            .finish_non_exhaustive()
    }
}
