//! A call that got no response.

use std::fmt;
use std::io;

use super::text::{Attempts, write_advice, write_request_id};

/// No response came.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct TransportError {
    /// What failed.
    pub kind: TransportErrorKind,
    /// The method and the path of the request, such as `GET /tokens`.
    pub request: String,
    /// The host and the port that were tried, such as `api.ionos.com:443`: those of the proxy, if
    /// the way to it is what failed.
    pub peer: String,
    /// What was seen, in words, and with whom: `could not connect to proxy.example:3128 (the proxy
    /// from HTTPS_PROXY): Connection refused`.
    pub reason: String,
    /// What the system calls it, if it was the system that said so: such as
    /// [`ConnectionRefused`](io::ErrorKind::ConnectionRefused).
    pub io_kind: Option<io::ErrorKind>,
    /// If the response had begun, the id that it gives the request: see
    /// [`Error::request_id`](crate::Error::request_id).
    pub request_id: Option<String>,
    /// How many times the request was sent, or tried to be: 1 if it was not repeated.
    pub attempts: u32,
    pub(crate) outcome_unknown: bool,
    /// What to do; empty if there is nothing.
    pub(crate) advice: String,
}

/// What failed when no response came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TransportErrorKind {
    /// The host name has no address, or the name server did not answer.
    AddressNotFound,
    /// No connection could be made: refused, unreachable, or the proxy opened no tunnel.
    ConnectFailed,
    /// There was no TLS: the certificate is not trusted, is for another host or has expired; or the
    /// server demands a certificate of the client, or speaks no TLS. The first four are not tried
    /// again. Revocation is not checked, and so is never the cause.
    TlsFailed,
    /// The call's [`timeout`](crate::ClientBuilder::timeout) passed.
    TimedOut,
    /// The connection broke before the whole response was there.
    ConnectionLost,
    /// [`Client::shutdown`](crate::Client::shutdown) was called, before this call or while it was
    /// under way.
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

/// There is no source: the text says all of it.
impl std::error::Error for TransportError {}

impl TransportErrorKind {
    /// Its name in snake case, such as `connect_failed`: for the label of a metric. It stays as it
    /// is in later versions.
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

/// As [`as_str`](TransportErrorKind::as_str) gives it.
impl fmt::Display for TransportErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
