//! What can go wrong, as a caller acts on it; and text from outside, as an error may show it.

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
pub(crate) use sanitize::{MAX_SHOWN, sanitize_line, stands_alone};
pub(crate) use status::Status;
pub(crate) use text::date;
pub use transport::{TransportError, TransportErrorKind};
pub use unreadable::UnreadableResponse;

/// The result of everything in this library that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a call failed, in the few kinds that a caller can act on.
///
/// The text that [`Display`](std::fmt::Display) gives says what was tried, what came back and what
/// to do. No variant ever holds a password, a token, or a part of one.
///
/// | kind | was anything sent? | what to do |
/// | --- | --- | --- |
/// | [`Invalid`](Error::Invalid) | no | correct what it names: an option, a setting, a variable |
/// | [`Malformed`](Error::Malformed) | it does not say | look at the value: a JWT, a date |
/// | [`Api`](Error::Api) | yes, and a response came that is not success | look at [`status`](Error::status) and the messages |
/// | [`UnreadableResponse`](Error::UnreadableResponse) | yes, and something else came back | look at the base URL and at what stands between |
/// | [`Transport`](Error::Transport) | see [`outcome_unknown`](Error::outcome_unknown) | look at the network, then call again |
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
///         Some(404) => "there is no such token",
///         Some(429) => "slow down",
///         _ if error.outcome_unknown() => "list the tokens to see what happened",
///         _ => "give up",
///     }
/// }
///
/// let error = ionoscloud_auth::key_id("no token at all").unwrap_err();
/// assert_eq!(advice(&error), "give up");
/// assert!(error.to_string().starts_with("jwt: "));
/// ```
#[derive(Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Something that the caller gave can't be used: an option, a setting, an environment variable,
    /// the text of a JWT. Nothing was sent.
    #[error("{what}: {reason}")]
    #[non_exhaustive]
    Invalid {
        /// Which option, setting or variable, by its name: `ttl`, `base_url`, `IONOS_API_URL`,
        /// `jwt`.
        what: &'static str,
        /// What is wrong with it. It never repeats a secret.
        reason: String,
    },

    /// Something that the service has given can't be read: the JWT of a new token, a claim, a date.
    /// The call that brought it was a success.
    #[error("{what}: {reason}")]
    #[non_exhaustive]
    Malformed {
        /// What it is: `jwt`, `created_date`, `expiration_date`.
        what: &'static str,
        /// What is wrong with it. It never repeats a secret.
        reason: String,
    },

    /// A response came, from the service or from a gateway before it, and it is not success.
    #[error(transparent)]
    Api(Box<ApiError>),

    /// The response says success, or is not HTTP at all, and can't be understood: a truncated or
    /// foreign JSON, a proxy's page, a deletion that ends without a word. What the request did is
    /// then mostly [not known](Error::outcome_unknown).
    #[error(transparent)]
    UnreadableResponse(Box<UnreadableResponse>),

    /// There was no response: no address, no connection, no TLS, the connection was lost or took
    /// too long, or the client was [shut down](crate::Client::shutdown).
    #[error(transparent)]
    Transport(Box<TransportError>),
}

impl Error {
    /// The HTTP status of the response, if there was one that could be read as HTTP.
    ///
    /// Documented by the vendor are 401 (who are you?), 403 (you may not), 404 (no such token) and
    /// 500; a gateway before the service adds 429 (too many requests), 502, 503 and 504.
    pub fn status(&self) -> Option<u16> {
        match self {
            Error::Api(error) => Some(error.status),
            Error::UnreadableResponse(error) => error.status,
            _ => None,
        }
    }

    /// Whether the service may have carried out the request although no response says so.
    ///
    /// `false` means that it can't have (there was no connection, or the response was 429 or the
    /// service's own 503), or that the service said what became of the request. Both are recorded
    /// where they happen. `true` is everything else: the connection broke, time ran out, or a
    /// response came that does not tell (500, 502, a gateway's 503, 504, a success that can't be
    /// read), in the last attempt or in one before it.
    ///
    /// After a [`create_token`](crate::create_token) there may then be a token that nobody knows:
    /// [list](crate::get_all_tokens) the tokens and delete it. After a call that only reads, it is
    /// of no consequence.
    pub fn outcome_unknown(&self) -> bool {
        match self {
            Error::Invalid { .. } | Error::Malformed { .. } => false,
            Error::Api(error) => error.outcome_unknown,
            Error::UnreadableResponse(error) => error.outcome_unknown,
            Error::Transport(error) => error.outcome_unknown,
        }
    }

    /// How long the service asks to wait before the next request, if it said so.
    ///
    /// From the response's `Retry-After`, in seconds or as an HTTP date; never more than a year.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Error::Api(error) => error.retry_after,
            _ => None,
        }
    }

    /// The id that the response gives the request, if there is one, for the vendor's support: of
    /// `X-RequestId`, `X-Request-Id` and `X-Correlation-Id` the first that is there. It is in the
    /// error's text, too.
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

/// The text that [`Display`](fmt::Display) gives, and then the kind: a program whose `main` returns
/// an error prints it this way. The alternate form (`{:#?}`) goes on with every field.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, fields): (_, Option<&dyn fmt::Debug>) = match self {
            Error::Invalid { .. } => ("Invalid", None),
            Error::Malformed { .. } => ("Malformed", None),
            Error::Api(error) => ("Api", Some(error)),
            Error::UnreadableResponse(error) => ("UnreadableResponse", Some(error)),
            Error::Transport(error) => ("Transport", Some(error)),
        };
        write!(f, "{self} [Error::{kind}]")?;
        match fields {
            Some(fields) if f.alternate() => write!(f, " {fields:#?}"),
            _ => Ok(()),
        }
    }
}

/// The error as one of the system's kinds, for a function that returns [`io::Result`]:
/// [`io::Error::get_ref`] leads back to it.
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
            // Not `Interrupted`, which much of the standard library answers by trying again.
            (Kind::ShutDown, _) => io::ErrorKind::ConnectionAborted,
            (Kind::ConnectFailed | Kind::ConnectionLost, kind) => {
                kind.unwrap_or(io::ErrorKind::Other)
            }
        },
    }
}
