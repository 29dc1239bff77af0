//! A call without a response. It does not depend on HTTP.

use std::fmt;
use std::io;

use super::text::{Attempts, write_advice, write_request_id};

/// A call that got no response.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct TransportError {
    /// What failed.
    pub kind: TransportErrorKind,
    /// The method and path of the request, such as `GET /tokens`.
    pub request: String,
    /// The host and port that failed, such as `api.ionos.com:443`. This is the proxy if the
    /// connection to the proxy failed.
    pub peer: String,
    /// What happened, and with which peer: `could not connect to proxy.example:3128 (the proxy from
    /// HTTPS_PROXY): Connection refused`.
    pub reason: String,
    /// The operating system's kind of error, if the error came from there, such as
    /// [`ConnectionRefused`](io::ErrorKind::ConnectionRefused).
    pub io_kind: Option<io::ErrorKind>,
    /// The request ID, if the response had begun: see
    /// [`Error::request_id`](crate::Error::request_id).
    pub request_id: Option<String>,
    /// The number of attempts, including those that did not get a connection.
    pub attempts: u32,
    pub(crate) outcome_unknown: bool,
    /// What to do, or empty.
    pub(crate) advice: String,
}

/// What failed in a call that got no response.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TransportErrorKind {
    /// The DNS lookup failed.
    AddressNotFound,
    /// The connection was refused, the host is unreachable, or the proxy did not open a tunnel.
    ConnectFailed,
    /// The TLS handshake failed. The certificate is not trusted, is for another host, or has
    /// expired; the server requires a client certificate; or the server does not speak TLS. Only
    /// the last of these is retried. Revocation is not checked.
    TlsFailed,
    /// The call reached its [`timeout`](crate::ClientBuilder::timeout).
    TimedOut,
    /// The connection was lost before the response was complete.
    ConnectionLost,
    /// [`Client::shutdown`](crate::Client::shutdown) was called before or during this call.
    ShutDown,
}

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let attempts = Attempts(self.attempts);
        write!(f, "{}{attempts}: {}", self.request, self.reason)?;
        write_request_id(f, self.request_id.as_deref())?;
        write_advice(f, &self.advice)
    }
}

/// There is no source, because the text says everything.
impl std::error::Error for TransportError {}

impl TransportErrorKind {
    /// Returns the kind's name in snake case, such as `connect_failed`, for the label of a metric.
    /// The names do not change in later versions.
    pub fn as_str(self) -> &'static str {
        match self {
            TransportErrorKind::AddressNotFound => "address_not_found",
            TransportErrorKind::ConnectFailed => "connect_failed",
            TransportErrorKind::TlsFailed => "tls_failed",
            TransportErrorKind::TimedOut => "timed_out",
            TransportErrorKind::ConnectionLost => "connection_lost",
            TransportErrorKind::ShutDown => "shut_down",
        }
    }
}

/// Writes [`as_str`](TransportErrorKind::as_str).
impl fmt::Display for TransportErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
