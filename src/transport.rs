//! The only room that knows ureq: the agent, one try, and what its failure means. Knows nothing of
//! endpoints or retries.

use std::io::{self, Read as _};
use std::time::Duration;

use bytes::Bytes;
use ureq::http::header::{AUTHORIZATION, HeaderName, HeaderValue, RETRY_AFTER};
use ureq::tls::{PemItem, RootCerts, TlsConfig};
use ureq::{Agent, Timeout, http};
use zeroize::Zeroizing;

use crate::base_url::BaseUrl;
use crate::credentials::Credentials;
use crate::error::{Error, Result, SHORT, printable};
use crate::retry::{self, Seen};

/// The longest answer that is read, in bytes: some forty thousand tokens.
const LONGEST_ANSWER: u64 = 8 * 1024 * 1024;
/// How much is read of an answer that is no success.
const LONGEST_ERROR: u64 = 64 * 1024;

/// ureq gives a request whose buffers have another size than the agent's a connection of its own,
/// which is not kept either.
const SHARED_BUFFER: usize = 128 * 1024;
const OWN_BUFFER: usize = SHARED_BUFFER - 1024;

const CONTRACT_NUMBER: HeaderName = HeaderName::from_static("x-contract-number");

pub(crate) struct Transport {
    agent: Agent,
    base_url: BaseUrl,
}

pub(crate) struct Settings<'a> {
    pub(crate) base_url: BaseUrl,
    pub(crate) timeout: Option<Duration>,
    pub(crate) user_agent: &'a str,
    pub(crate) root_certificates_pem: Option<&'a [u8]>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Method {
    Get,
    Delete,
}

impl Method {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Method::Get => "GET",
            Method::Delete => "DELETE",
        }
    }
}

/// The value of the `Authorization` header. Its one copy is wiped when the last request that uses
/// it is gone.
pub(crate) struct Authorization(HeaderValue);

impl Authorization {
    pub(crate) fn new(credentials: &Credentials) -> Result<Authorization> {
        let value = Bytes::from_owner(credentials.authorization());
        let mut value = HeaderValue::from_maybe_shared(value)
            .map_err(|_| Error::invalid("credentials", "can't be put into a header"))?;
        value.set_sensitive(true);
        Ok(Authorization(value))
    }
}

pub(crate) struct Request<'a> {
    pub(crate) method: Method,
    /// Path and query below the base URL.
    pub(crate) target: &'a str,
    pub(crate) authorization: &'a Authorization,
    pub(crate) contract_number: Option<u32>,
    /// Not a pooled connection, whose silent death would leave the outcome unknown.
    pub(crate) own_connection: bool,
    /// What is left of the call's time, where that is less than [`Settings::timeout`].
    pub(crate) remaining: Option<Duration>,
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) retry_after: Option<Duration>,
    pub(crate) body: Vec<u8>,
}

/// Why one try brought no answer.
pub(crate) struct Failure {
    pub(crate) seen: Seen,
    pub(crate) status: Option<u16>,
    pub(crate) reason: String,
    pub(crate) source: Option<io::Error>,
}

impl Transport {
    pub(crate) fn new(settings: Settings) -> Result<Transport> {
        let Settings {
            base_url,
            timeout,
            user_agent,
            root_certificates_pem,
        } = settings;
        let mut tls = TlsConfig::builder();
        if let Some(pem) = root_certificates_pem {
            tls = tls.root_certs(root_certificates(pem)?);
        }
        let mut config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .https_only(base_url.https)
            .user_agent(user_agent)
            .accept("application/json")
            .input_buffer_size(SHARED_BUFFER)
            .output_buffer_size(SHARED_BUFFER)
            .tls_config(tls.build());
        if base_url.is_loopback() {
            // No proxy reaches this machine's own loopback; and plain http would show it the
            // credentials.
            config = config.proxy(None);
        }
        if let Some(timeout) = timeout {
            let limits = Limits::of(timeout);
            config = config
                .timeout_global(Some(timeout))
                .timeout_resolve(Some(limits.resolve))
                .timeout_connect(Some(limits.connect));
        }
        Ok(Transport {
            agent: config.build().new_agent(),
            base_url,
        })
    }

    /// Ends what is in flight; later requests fail.
    pub(crate) fn shut_down(&self) {
        self.agent.clone().shutdown();
    }

    /// One try. `Ok` is whatever the other side answered in HTTP.
    pub(crate) fn send(&self, request: &Request) -> std::result::Result<Answer, Failure> {
        let mut builder = http::Request::builder()
            .method(request.method.as_str())
            .uri(format!("{}{}", self.base_url, request.target))
            .header(AUTHORIZATION, request.authorization.0.clone());
        if let Some(number) = request.contract_number {
            builder = builder.header(CONTRACT_NUMBER, HeaderValue::from(number));
        }
        let mut http_request = builder
            .body(())
            .map_err(|error| Failure::from(ureq::Error::from(error)))?;
        if request.own_connection || request.remaining.is_some() {
            let mut config = self.agent.configure_request(http_request);
            if request.own_connection {
                config = config.output_buffer_size(OWN_BUFFER);
            }
            if let Some(remaining) = request.remaining {
                let limits = Limits::of(remaining);
                config = config
                    .timeout_global(Some(remaining))
                    .timeout_resolve(Some(limits.resolve))
                    .timeout_connect(Some(limits.connect));
            }
            http_request = config.build();
        }
        let response = self.agent.run(http_request)?;

        let status = response.status().as_u16();
        let retry_after = response
            .headers()
            .get(RETRY_AFTER)
            .and_then(|value| retry::retry_after(value.to_str().ok()?));
        let success = (200..300).contains(&status);
        let limit = if success {
            LONGEST_ANSWER
        } else {
            LONGEST_ERROR
        };
        let body = response.into_body();
        // The usual answer fits at once: a buffer that grows leaves copies behind.
        let expected = body.content_length().unwrap_or(4096).min(LONGEST_ERROR);
        let mut bytes = Vec::with_capacity(usize::try_from(expected).unwrap_or_default() + 1);
        let read = body
            .into_with_config()
            .limit(limit)
            .reader()
            .read_to_end(&mut bytes);
        match read {
            Err(error) if success => {
                // It may be half of an answer that holds a token.
                drop(Zeroizing::new(bytes));
                let mut failure = Failure::from(ureq::Error::from(error));
                failure.status = Some(status);
                Err(failure)
            }
            // The status says enough, with however much of the body.
            _ => Ok(Answer {
                status,
                retry_after,
                body: bytes,
            }),
        }
    }
}

/// How long the phases before sending may take. Together they take less than the whole, so that a
/// time-out tells by its phase whether the request had been sent.
struct Limits {
    resolve: Duration,
    connect: Duration,
}

impl Limits {
    fn of(whole: Duration) -> Limits {
        Limits {
            resolve: whole * 9 / 20,
            connect: whole / 2,
        }
    }
}

fn root_certificates(pem: &[u8]) -> Result<RootCerts> {
    let refuse = |reason: &str| Error::invalid("root_certificates_pem", reason);
    let mut certificates = Vec::new();
    for item in ureq::tls::parse_pem(pem) {
        match item {
            Ok(PemItem::Certificate(certificate)) => certificates.push(certificate),
            Ok(_) => {}
            Err(_) => return Err(refuse("is no valid PEM")),
        }
    }
    if certificates.is_empty() {
        return Err(refuse("holds no certificate"));
    }
    Ok(RootCerts::new_with_certs(&certificates))
}

impl From<ureq::Error> for Failure {
    fn from(error: ureq::Error) -> Failure {
        let seen = match &error {
            ureq::Error::HostNotFound => Seen::AddressNotFound,
            ureq::Error::ConnectionFailed | ureq::Error::ConnectProxyFailed(_) => {
                Seen::ConnectFailed
            }
            ureq::Error::Rustls(_) | ureq::Error::Tls(_) | ureq::Error::TlsRequired => {
                Seen::TlsFailed
            }
            ureq::Error::Timeout(Timeout::Resolve | Timeout::Connect) => {
                Seen::TimedOutBeforeSending
            }
            ureq::Error::Timeout(_) => Seen::TimedOutAfterSending,
            ureq::Error::Io(error) => seen_in(error),
            _ => Seen::Unreadable,
        };
        let (reason, source) = match error {
            ureq::Error::Timeout(Timeout::Resolve) => {
                ("the host's address was not found in time".to_owned(), None)
            }
            ureq::Error::Timeout(Timeout::Connect) => {
                ("no connection was made in time".to_owned(), None)
            }
            ureq::Error::Timeout(_) => ("no whole answer came in time".to_owned(), None),
            ureq::Error::BodyExceedsLimit(limit) => {
                (format!("it is longer than {} MiB", limit >> 20), None)
            }
            ureq::Error::Io(error) => (error.to_string(), Some(error)),
            other => (other.to_string(), None),
        };
        Failure {
            seen,
            status: None,
            reason: printable(&reason, SHORT),
            source,
        }
    }
}

/// Which step an I/O error belongs to. What could also have happened after sending counts as that.
fn seen_in(error: &io::Error) -> Seen {
    use io::ErrorKind;
    match error.kind() {
        ErrorKind::ConnectionRefused
        | ErrorKind::HostUnreachable
        | ErrorKind::NetworkUnreachable
        | ErrorKind::NetworkDown
        | ErrorKind::AddrNotAvailable => Seen::ConnectFailed,
        // ureq's own word for an agent that was shut down; a socket's has the system's number.
        ErrorKind::NotConnected if error.raw_os_error().is_none() => Seen::ConnectFailed,
        // rustls reports a certificate that it does not trust as invalid data.
        ErrorKind::InvalidData if error.to_string().starts_with("invalid peer certificate") => {
            Seen::TlsFailed
        }
        _ if is_lookup(error) => Seen::AddressNotFound,
        _ => Seen::ConnectionLost,
    }
}

/// Whether a host's address was not found, which has no `ErrorKind`: Windows has numbers for it,
/// the others a text.
fn is_lookup(error: &io::Error) -> bool {
    if cfg!(windows) {
        matches!(error.raw_os_error(), Some(11001..=11004))
    } else {
        error
            .to_string()
            .starts_with("failed to lookup address information")
    }
}
