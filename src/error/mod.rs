//! The errors, and what an error may show of text from outside. It does not depend on HTTP.

mod api;
mod page;
mod sanitize;
mod status;
mod text;
mod transport;
mod unreadable;

use std::fmt;
use std::io;
use std::time::Duration;

pub use api::{ApiError, ApiMessage};
pub(crate) use page::Page;
pub(crate) use sanitize::{MAX_SHOWN, is_visible_by_itself, sanitize_line};
pub(crate) use status::Status;
pub(crate) use text::date;
pub use transport::{TransportError, TransportErrorKind};
pub use unreadable::UnreadableResponse;

/// The result of every function in this library that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a call failed.
///
/// The text of an error ([`Display`](std::fmt::Display)) says what was tried, what came back, and
/// what to do. An error never contains a password, a token, or a part of one.
///
/// | kind | was a request sent? | what to do |
/// | --- | --- | --- |
/// | [`Invalid`](Error::Invalid) | no | correct the option, setting or variable that it names |
/// | [`Malformed`](Error::Malformed) | not related to a request | inspect the date or JWT |
/// | [`Api`](Error::Api) | yes; the response is an HTTP error | look at [`status`](Error::status) and the messages |
/// | [`UnreadableResponse`](Error::UnreadableResponse) | yes; the response cannot be understood | check the base URL and any proxy in between |
/// | [`Transport`](Error::Transport) | see [`outcome_unknown`](Error::outcome_unknown) | check the network, then call again |
///
/// The guide to [errors](crate::docs::errors) says what is retried.
///
/// # Examples
///
/// ```
/// use ionoscloud_auth::Error;
///
/// fn advice(error: &Error) -> &'static str {
///     match error.status() {
///         Some(401) => "log in again",
///         Some(403) => "ask the owner of the contract",
///         Some(404) => "no such token",
///         Some(429) => "slow down",
///         _ if error.outcome_unknown() => "list the tokens to see what happened",
///         _ => "give up",
///     }
/// }
///
/// let error = ionoscloud_auth::key_id("not a token").unwrap_err();
/// assert_eq!(advice(&error), "give up");
/// assert!(error.to_string().starts_with("jwt: "));
/// ```
#[derive(Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An option, a setting, an environment variable or a JWT that you passed is not usable. No
    /// request was sent.
    #[error("{what}: {reason}")]
    #[non_exhaustive]
    Invalid {
        /// The name of the option, setting or variable, such as `ttl`, `base_url`,
        /// `IONOS_API_URL` or `jwt`.
        what: &'static str,
        /// What is wrong with it. This never contains a secret.
        reason: String,
    },

    /// A JWT, a claim or a date from a successful response is not readable.
    #[error("{what}: {reason}")]
    #[non_exhaustive]
    Malformed {
        /// What it is: `jwt`, `created_date` or `expiration_date`.
        what: &'static str,
        /// What is wrong with it. This never contains a secret.
        reason: String,
    },

    /// The response is an HTTP error, from the service or from a gateway in front of it.
    #[error(transparent)]
    Api(Box<ApiError>),

    /// The response claims success but cannot be understood, or it is not HTTP. Examples are
    /// truncated JSON, a proxy's page, or an empty response to a deletion. The outcome is then
    /// usually [unknown](Error::outcome_unknown).
    #[error(transparent)]
    UnreadableResponse(Box<UnreadableResponse>),

    /// There was no response: DNS, connection or TLS failure, lost connection, timeout, or
    /// [shutdown](crate::Client::shutdown) of the client.
    #[error(transparent)]
    Transport(Box<TransportError>),
}

impl Error {
    /// Returns the HTTP status of the response, if there was an HTTP response.
    ///
    /// The vendor documents 401 (not authenticated), 403 (not permitted), 404 (no such token) and
    /// 500. A gateway in front of the service adds 429 (too many requests), 502, 503 and 504.
    pub fn status(&self) -> Option<u16> {
        match self {
            Error::Api(error) => Some(error.status),
            Error::UnreadableResponse(error) => error.status,
            _ => None,
        }
    }

    /// Returns whether the service may have carried out the request although no response says so.
    ///
    /// `false` means that the service cannot have acted (there was no connection, or the response
    /// was 429 or the service's own 503), or that the service said what it did. `true` means
    /// anything else, in the last attempt or in an earlier one: the connection was lost, the time
    /// limit was reached, or the response does not tell (500, 502, a gateway's 503, 504, or a
    /// success that is not readable). This is recorded as it happens, and not inferred from the
    /// kind of error.
    ///
    /// If it is `true` after [`create_token`](crate::create_token), there may be an orphaned token:
    /// [list](crate::get_all_tokens) the tokens and delete it. After a call that only reads, it
    /// does not matter.
    pub fn outcome_unknown(&self) -> bool {
        match self {
            Error::Invalid { .. } | Error::Malformed { .. } => false,
            Error::Api(error) => error.outcome_unknown,
            Error::UnreadableResponse(error) => error.outcome_unknown,
            Error::Transport(error) => error.outcome_unknown,
        }
    }

    /// Returns how long the service asks to wait before the next request.
    ///
    /// This is the response's `Retry-After`, in seconds or as an HTTP date, limited to a year.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Error::Api(error) => error.retry_after,
            _ => None,
        }
    }

    /// Returns the request ID of the response, to quote in a support ticket.
    ///
    /// This is the first of the headers `X-RequestId`, `X-Request-Id` and `X-Correlation-Id` that
    /// the response has. The error's text contains it, too.
    pub fn request_id(&self) -> Option<&str> {
        match self {
            Error::Invalid { .. } | Error::Malformed { .. } => None,
            Error::Api(error) => error.request_id.as_deref(),
            Error::UnreadableResponse(error) => error.request_id.as_deref(),
            Error::Transport(error) => error.request_id.as_deref(),
        }
    }

    pub(crate) fn invalid(what: &'static str, reason: impl Into<String>) -> Error {
        Error::Invalid {
            what,
            reason: reason.into(),
        }
    }

    pub(crate) fn malformed(what: &'static str, reason: impl Into<String>) -> Error {
        Error::Malformed {
            what,
            reason: reason.into(),
        }
    }
}

/// Writes the text that [`Display`](fmt::Display) writes, and then the kind. A program whose `main`
/// returns an error prints it this way, so it does not add every field: their `Debug` would be a
/// part of each such program. To see them, print the [`ApiError`], [`TransportError`] or
/// [`UnreadableResponse`].
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self {
            Error::Invalid { .. } => "Invalid",
            Error::Malformed { .. } => "Malformed",
            Error::Api(_) => "Api",
            Error::UnreadableResponse(_) => "UnreadableResponse",
            Error::Transport(_) => "Transport",
        };
        write!(f, "{self} [Error::{kind}]")
    }
}

/// Converts the error for a function that returns [`io::Result`]. [`io::Error::get_ref`] returns
/// the original.
///
/// # Examples
///
/// ```
/// use std::io;
/// use ionoscloud_auth::{Client, Error};
///
/// fn client() -> io::Result<Client> {
///     Ok(Client::builder().build()?)
/// }
///
/// let error = client().unwrap_err();
/// assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
/// assert!(error.get_ref().is_some_and(|error| error.is::<Error>()));
/// ```
impl From<Error> for io::Error {
    fn from(error: Error) -> io::Error {
        io::Error::new(io_kind(&error), error)
    }
}

fn io_kind(error: &Error) -> io::ErrorKind {
    use TransportErrorKind as Kind;
    match error {
        Error::Invalid { .. } => io::ErrorKind::InvalidInput,
        Error::Malformed { .. } | Error::UnreadableResponse(_) => io::ErrorKind::InvalidData,
        Error::Api(error) => match error.status {
            401 | 403 => io::ErrorKind::PermissionDenied,
            404 => io::ErrorKind::NotFound,
            _ => io::ErrorKind::Other,
        },
        Error::Transport(error) => match (error.kind, error.io_kind) {
            (Kind::TimedOut, _) => io::ErrorKind::TimedOut,
            (Kind::AddressNotFound | Kind::TlsFailed, _) => io::ErrorKind::Other,
            // Not `Interrupted`, because much of the standard library retries on that.
            (Kind::ShutDown, _) => io::ErrorKind::ConnectionAborted,
            (Kind::ConnectFailed | Kind::ConnectionLost, kind) => {
                kind.unwrap_or(io::ErrorKind::Other)
            }
        },
    }
}
