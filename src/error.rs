//! What can go wrong, as a caller acts on it. Knows nothing of HTTP libraries, endpoints or
//! retries.

use std::fmt;
use std::time::Duration;

pub(crate) use crate::printable::{LONG, SHORT, printable};

/// The result of everything in this library that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a call failed, in the few kinds that a caller can act on.
///
/// The text that [`Display`](fmt::Display) gives says what was tried, what came back and what to
/// do. No variant ever holds a password, a token, or a part of one.
///
/// | kind | was anything sent? | what to do |
/// | --- | --- | --- |
/// | [`Invalid`](Error::Invalid) | no | correct what it names: an option, a setting, a JWT, a date |
/// | [`Api`](Error::Api) | yes, and an answer came that is not success | look at [`status`](Error::status) and the messages |
/// | [`UnreadableAnswer`](Error::UnreadableAnswer) | yes, and something else came back | look at the base URL and at what stands between |
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
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Something that the caller gave can't be used: an option, a setting, an environment variable,
    /// a JWT, a date. Nothing was sent.
    #[error("{what}: {reason}")]
    #[non_exhaustive]
    Invalid {
        /// Which option, setting or variable, by its name: `ttl`, `base_url`, `IONOS_API_URL`,
        /// `jwt`.
        what: &'static str,
        /// What is wrong with it. It never repeats a secret.
        reason: String,
    },

    /// An answer came, from the service or from a gateway before it, and it is not success.
    #[error(transparent)]
    Api(Box<ApiError>),

    /// The answer says success, or is no HTTP at all, and can't be understood: a truncated or
    /// foreign JSON, a proxy's page, a deletion that ends without a word. What the request did is
    /// then mostly [not known](Error::outcome_unknown).
    #[error(transparent)]
    UnreadableAnswer(Box<UnreadableAnswer>),

    /// There was no answer: no address, no connection, no TLS, the connection was lost or took too
    /// long, or the client was [shut down](crate::Client::shutdown).
    #[error(transparent)]
    Transport(Box<TransportError>),
}

impl Error {
    /// The HTTP status of the answer, if there was one that could be read as HTTP.
    ///
    /// Documented by the vendor are 401 (who are you?), 403 (you may not), 404 (no such token) and
    /// 500; a gateway before the service adds 429 (too many requests), 502, 503 and 504.
    pub fn status(&self) -> Option<u16> {
        match self {
            Error::Api(error) => Some(error.status),
            Error::UnreadableAnswer(error) => error.status,
            _ => None,
        }
    }

    /// Whether the service may have carried out the request although no answer says so.
    ///
    /// `false` means that it can't have (there was no connection, or the answer was 429 or the
    /// service's own 503), or that the service said what became of the request. Both are recorded
    /// where they happen. `true` is everything else: the connection broke, time ran out, or an answer
    /// came that does not tell (500, 502, a gateway's 503, 504, a success that can't be read), in the
    /// last try or in one before it.
    ///
    /// After a [`create_token`](crate::create_token) there may then be a token that nobody knows:
    /// [list](crate::get_all_tokens) the tokens and delete it. After a call that only reads, it is
    /// of no consequence.
    pub fn outcome_unknown(&self) -> bool {
        match self {
            Error::Invalid { .. } => false,
            Error::Api(error) => error.outcome_unknown,
            Error::UnreadableAnswer(error) => error.outcome_unknown,
            Error::Transport(error) => error.outcome_unknown,
        }
    }

    /// How long the service asks to wait before the next request, if it said so.
    ///
    /// From the answer's `Retry-After`, in seconds or as an HTTP date; never more than a year.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Error::Api(error) => error.retry_after,
            _ => None,
        }
    }

    /// The id that the answer gives the request, if there is one, for the vendor's support: of
    /// `X-RequestId`, `X-Request-Id` and `X-Correlation-Id` the first that is there. It is in the
    /// error's text, too.
    pub fn request_id(&self) -> Option<&str> {
        match self {
            Error::Invalid { .. } => None,
            Error::Api(error) => error.request_id.as_deref(),
            Error::UnreadableAnswer(error) => error.request_id.as_deref(),
            Error::Transport(error) => error.request_id.as_deref(),
        }
    }

    pub(crate) fn invalid(what: &'static str, reason: impl Into<String>) -> Error {
        Error::Invalid {
            what,
            reason: reason.into(),
        }
    }
}

/// An answer that is not success.
///
/// The service answers `{"httpStatus": 401, "messages": [{"errorCode": "…", "message": "…"}]}`;
/// what stands before it (a gateway, a proxy) answers what it likes, and that is in
/// [`excerpt`](ApiError::excerpt).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ApiError {
    /// The HTTP status, as it stood in the status line.
    pub status: u16,
    /// What the service said, in its order. Empty if the answer was not the service's own.
    pub messages: Vec<ApiMessage>,
    /// How long to wait before the next request, from `Retry-After` in seconds or as a date; never
    /// more than a year.
    pub retry_after: Option<Duration>,
    /// The id that the answer gives the request: see [`Error::request_id`].
    pub request_id: Option<String>,
    /// The method and the path of the request, such as `GET /tokens`.
    pub request: String,
    /// If there are no messages: the beginning of the body, as one short line of printable
    /// characters.
    pub excerpt: Option<String>,
    /// How many times the request was sent, or tried to be: 1 if it was not repeated.
    pub tries: u32,
    pub(crate) outcome_unknown: bool,
    /// What to do about an unknown outcome; empty if there is nothing.
    pub(crate) advice: &'static str,
}

/// One of the messages of an [`ApiError`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ApiMessage {
    /// The service's `errorCode`: a text, mostly of digits, such as `501`. Empty if it sent none.
    pub error_code: String,
    /// The service's `message`. Empty if it sent none.
    pub message: String,
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}{}: the answer was {}",
            self.request,
            Tries(self.tries),
            Status(self.status)
        )?;
        for (index, message) in self.messages.iter().enumerate() {
            f.write_str(if index == 0 { ": " } else { "; " })?;
            match (message.error_code.as_str(), message.message.as_str()) {
                ("", text) => f.write_str(text)?,
                (code, "") => write!(f, "error code {code}")?,
                (code, text) => write!(f, "{text} (error code {code})")?,
            }
        }
        if let Some(excerpt) = &self.excerpt {
            write!(f, ": {excerpt}")?;
        }
        f.write_str(match self.status {
            300..=399 => "; redirects are not followed, check the base URL",
            401 | 403 => {
                "; check the credentials and the contract number. For users with two-factor authentication, user name and \
                 password do not work, nor can a token made through this API create or delete tokens"
            }
            404 if self.request.contains("/tokens/") => {
                "; this user has no such token, or the base URL is not that of the Auth API"
            }
            404 => "; the base URL is not that of the Auth API",
            429 | 503 if self.retry_after.is_none() => "; try again later",
            200..=299 => "; nothing was deleted, as it says",
            _ => "",
        })?;
        if let Some(wait) = self.retry_after {
            write!(f, "; it asks to wait {} s", wait.as_secs())?;
        }
        write_request_id(f, self.request_id.as_deref())?;
        write_advice(f, self.advice)
    }
}

impl std::error::Error for ApiError {}

/// An answer that says success or is no HTTP, and that can't be understood.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct UnreadableAnswer {
    /// The HTTP status; `None` if what came back is no HTTP.
    pub status: Option<u16>,
    /// The method and the path of the request, such as `GET /tokens`.
    pub request: String,
    /// What is wrong with the answer. It never repeats the answer, which may hold a token.
    pub reason: String,
    /// The id that the answer gives the request: see [`Error::request_id`].
    pub request_id: Option<String>,
    /// How many times the request was sent, or tried to be: 1 if it was not repeated.
    pub tries: u32,
    pub(crate) outcome_unknown: bool,
    /// What to do about an unknown outcome; empty if there is nothing.
    pub(crate) advice: &'static str,
}

impl fmt::Display for UnreadableAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}: ", self.request, Tries(self.tries))?;
        match self.status {
            Some(status) => write!(f, "the answer {} can't be understood", Status(status))?,
            None => f.write_str("the answer can't be understood")?,
        }
        write!(
            f,
            ": {}; check that the base URL is that of the Auth API",
            self.reason
        )?;
        write_request_id(f, self.request_id.as_deref())?;
        write_advice(f, self.advice)
    }
}

impl std::error::Error for UnreadableAnswer {}

/// No answer came.
#[derive(Debug)]
#[non_exhaustive]
pub struct TransportError {
    /// What failed.
    pub kind: TransportErrorKind,
    /// The method and the path of the request, such as `GET /tokens`.
    pub request: String,
    /// What was seen, in words.
    pub reason: String,
    /// If the answer had begun, the id that it gives the request: see [`Error::request_id`].
    pub request_id: Option<String>,
    /// How many times the request was sent, or tried to be: 1 if it was not repeated.
    pub tries: u32,
    pub(crate) outcome_unknown: bool,
    /// What to do about an unknown outcome; empty if there is nothing.
    pub(crate) advice: &'static str,
    pub(crate) source: Option<std::io::Error>,
}

/// What failed when no answer came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TransportErrorKind {
    /// The host name has no address, or the name server did not answer.
    AddressNotFound,
    /// No connection could be made: refused, unreachable, or the proxy opened no tunnel.
    ConnectFailed,
    /// TLS was not agreed: the certificate is not trusted, is for another host, has expired; or the
    /// server demands a certificate of the client.
    TlsFailed,
    /// The call's [`timeout`](crate::ClientBuilder::timeout) passed.
    TimedOut,
    /// The connection broke before the whole answer was there.
    ConnectionLost,
    /// [`Client::shutdown`](crate::Client::shutdown) was called, before this call or while it was
    /// under way.
    ShutDown,
}

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            TransportErrorKind::AddressNotFound => "the host has no address",
            TransportErrorKind::ConnectFailed => "no connection",
            TransportErrorKind::TlsFailed => "TLS was not agreed",
            TransportErrorKind::TimedOut => "timed out",
            TransportErrorKind::ConnectionLost => "the connection was lost",
            TransportErrorKind::ShutDown => "the client was shut down",
        };
        let tries = Tries(self.tries);
        write!(f, "{}{tries}: {kind}: {}", self.request, self.reason)?;
        write_request_id(f, self.request_id.as_deref())?;
        write_advice(f, self.advice)
    }
}

impl std::error::Error for TransportError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_ref().map(|source| source as _)
    }
}

fn write_request_id(f: &mut fmt::Formatter<'_>, id: Option<&str>) -> fmt::Result {
    match id {
        Some(id) => write!(f, "; request id {id}"),
        None => Ok(()),
    }
}

fn write_advice(f: &mut fmt::Formatter<'_>, advice: &str) -> fmt::Result {
    if advice.is_empty() {
        return Ok(());
    }
    write!(f, "; {advice}")
}

/// How often it was tried, where that was more than once.
struct Tries(u32);

impl fmt::Display for Tries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 | 1 => Ok(()),
            n => write!(f, " ({n} tries)"),
        }
    }
}

/// A status with its name, where it is one that this service or a gateway before it sends.
struct Status(u16);

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self.0 {
            200 => " OK",
            204 => " No Content",
            301 => " Moved Permanently",
            302 => " Found",
            303 => " See Other",
            307 => " Temporary Redirect",
            308 => " Permanent Redirect",
            400 => " Bad Request",
            401 => " Unauthorized",
            403 => " Forbidden",
            404 => " Not Found",
            405 => " Method Not Allowed",
            407 => " Proxy Authentication Required",
            429 => " Too Many Requests",
            500 => " Internal Server Error",
            502 => " Bad Gateway",
            503 => " Service Unavailable",
            504 => " Gateway Timeout",
            _ => "",
        };
        write!(f, "{}{name}", self.0)
    }
}
