//! The errors, and what they may show of text from outside.

use std::fmt;
use std::time::Duration;

/// The result of a function that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a function of this library failed.
///
/// The text of an error ([`Display`](fmt::Display)) says in one line what was tried, what came
/// back, and what to do. It never contains a password or a token.
///
/// # Examples
///
/// ```
/// use ionoscloud_auth::Error;
///
/// fn advice(error: &Error) -> &'static str {
///     match error.status() {
///         _ if error.outcome_unknown() => "list the tokens to see what happened",
///         Some(401) => "log in again",
///         Some(403) => "ask the owner of the contract",
///         Some(404) => "no such token, or a gateway's page",
///         Some(429) => "slow down",
///         _ => "see the text",
///     }
/// }
///
/// let error = ionoscloud_auth::key_id("not a token").unwrap_err();
/// assert_eq!(advice(&error), "see the text");
/// assert!(error.to_string().starts_with("jwt: "));
/// ```
#[derive(Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An option, a setting, an environment variable or a JWT that you passed is not usable. The
    /// function that returns it has sent no request.
    ///
    /// Inside [`RotateError::NotVerified`](crate::RotateError::NotVerified) it is about the new
    /// token, which was created.
    #[error("{what}: {reason}")]
    #[non_exhaustive]
    Invalid {
        /// The option, the variable, or the file and key, such as `ttl`, `IONOS_API_URL` or `jwt`.
        what: String,
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

    /// The call failed.
    #[error(transparent)]
    Call(Box<CallError>),
}

/// A failed call: what was tried, what came back, and what became of the request.
///
/// It is one struct, whatever failed, because a program asks the same of each error: may the
/// service have acted, is another try worthwhile, and when? What differs is for people, and is all
/// in the text. So it has no [`source`](std::error::Error::source): a program that prints the chain
/// would say everything twice.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct CallError {
    /// What failed in the last attempt.
    pub kind: ErrorKind,
    /// The method and path, such as `GET /tokens`.
    pub request: String,
    /// The HTTP status, even if the rest of the response did not arrive.
    pub status: Option<u16>,
    /// The service's own messages, or empty if the response is not in its error model.
    pub messages: Vec<ApiMessage>,
    /// What happened, with which peer, and what to do.
    pub reason: String,
    /// The request ID of the response: see [`Error::request_id`].
    pub request_id: Option<String>,
    /// How long to wait before the next request: see [`Error::retry_after`].
    pub retry_after: Option<Duration>,
    /// The number of attempts, including those that did not get a connection.
    pub attempts: u32,
    /// Whether something may have changed: see [`Error::outcome_unknown`].
    pub outcome_unknown: bool,
}

/// A message of the service's error model.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ApiMessage {
    /// The service's `errorCode`, such as `501`. Usually a number, but not always. Empty if the
    /// service sent none.
    pub error_code: String,
    /// The service's `message`, cut after 500 bytes. Empty if the service sent none.
    pub message: String,
}

impl fmt::Display for ApiMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.error_code.as_str(), self.message.as_str()) {
            ("", text) => f.write_str(text),
            (code, "") => write!(f, "error code {code}"),
            (code, text) => write!(f, "{text} (error code {code})"),
        }
    }
}

/// What failed in a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The status of the response is an error or a redirect, from the service or from a gateway in
    /// front of it, or the response says that nothing was deleted.
    Api,
    /// The response claims success but cannot be understood, or it is not HTTP.
    Unreadable,
    /// The DNS lookup failed.
    AddressNotFound,
    /// The connection was refused, the host is unreachable, or the proxy did not open a tunnel.
    ConnectFailed,
    /// The TLS handshake failed. The certificate is not trusted, is for another host, or has
    /// expired, or the server does not speak TLS.
    TlsFailed,
    /// The call reached its [`timeout`](crate::ClientBuilder::timeout).
    TimedOut,
    /// The connection was lost before the response was complete.
    ConnectionLost,
    /// [`Client::shutdown`](crate::Client::shutdown) was called before or during this call.
    ShutDown,
}

impl ErrorKind {
    /// Returns the kind's name in snake case, such as `connect_failed`, for the label of a metric.
    /// The names do not change in later versions.
    pub fn as_str(self) -> &'static str {
        match self {
            ErrorKind::Api => "api",
            ErrorKind::Unreadable => "unreadable",
            ErrorKind::AddressNotFound => "address_not_found",
            ErrorKind::ConnectFailed => "connect_failed",
            ErrorKind::TlsFailed => "tls_failed",
            ErrorKind::TimedOut => "timed_out",
            ErrorKind::ConnectionLost => "connection_lost",
            ErrorKind::ShutDown => "shut_down",
        }
    }
}

/// Writes [`as_str`](ErrorKind::as_str).
impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Error {
    /// Returns what failed in the call, or `None` if no call did: an option, setting or JWT is not
    /// usable, or a date or JWT of the service is not readable.
    pub fn kind(&self) -> Option<ErrorKind> {
        Some(self.call()?.kind)
    }

    /// Returns the HTTP status of the response, even if the rest of it did not arrive.
    ///
    /// The vendor documents 401 (not authenticated), 403 (not permitted), 404 (no such token) and
    /// 500. A gateway in front of the service adds 429 (too many requests), 502, 503 and 504, and
    /// may send any other. An error is the service's own only if it has
    /// [`messages`](CallError::messages).
    pub fn status(&self) -> Option<u16> {
        self.call()?.status
    }

    /// Returns whether something may have changed although no response says so.
    ///
    /// `false` means that no call failed, that the call only reads (list and get), that the request
    /// was not handed to a connection, that the service itself said what it did, or that the status
    /// is one that is only sent before a request is passed on. `true` means anything else, in the
    /// last attempt or in an earlier one: the connection was lost, the time limit was reached, or
    /// the response does not tell (500, 502, a gateway's 302, 404 or 503, or a success that is not
    /// readable). This is recorded as it happens, and not inferred from the kind of error.
    ///
    /// If it is `true` after [`create_token`](crate::create_token), there may be an orphaned token:
    /// [list](crate::get_all_tokens) the tokens and delete it.
    pub fn outcome_unknown(&self) -> bool {
        self.call().is_some_and(|call| call.outcome_unknown)
    }

    /// Returns how long the service asks to wait before the next request.
    ///
    /// This is the response's `Retry-After`, in seconds, of which a fraction is rounded up, or as
    /// an HTTP date, limited to a year.
    pub fn retry_after(&self) -> Option<Duration> {
        self.call()?.retry_after
    }

    /// Returns the request ID of the response, to quote in a support ticket.
    ///
    /// This is the first of the headers `X-RequestId`, `X-Request-Id` and `X-Correlation-Id` that
    /// the response has. The error's text contains it, too.
    pub fn request_id(&self) -> Option<&str> {
        self.call()?.request_id.as_deref()
    }

    fn call(&self) -> Option<&CallError> {
        match self {
            Error::Call(call) => Some(call),
            Error::Invalid { .. } | Error::Malformed { .. } => None,
        }
    }

    pub(crate) fn invalid(what: impl Into<String>, reason: impl Into<String>) -> Error {
        Error::Invalid {
            what: what.into(),
            reason: reason.into(),
        }
    }
}

/// Writes the text that [`Display`](fmt::Display) writes: a program whose `main` returns the error
/// shows that. The fields are in [`CallError`].
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.request)?;
        if self.attempts > 1 {
            write!(f, " ({} attempts)", self.attempts)?;
        }
        write!(f, ": {}", self.reason)?;
        if let Some(wait) = self.retry_after {
            write!(f, "; Retry-After: {} s", wait.as_secs())?;
        }
        match &self.request_id {
            Some(id) => write!(f, "; request ID {id}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for CallError {}

/// How much is shown of a text that may be anything, in bytes.
pub(crate) const MAX_SHOWN: usize = 200;

/// Returns `text` as one line that cannot harm a terminal. Control characters and runs of white
/// space become one space, invisible and bidirectional control characters are dropped, and the
/// result is cut after `max` bytes.
pub(crate) fn sanitize_line(text: &str, max: usize) -> String {
    // A text that grows would leave a copy of a secret behind.
    let mut line = String::with_capacity(text.len().min(max) + '…'.len_utf8());
    let mut gap = false;
    for character in text.chars() {
        if character.is_whitespace() || character.is_control() {
            gap = !line.is_empty();
            continue;
        }
        if is_invisible(character) {
            continue;
        }
        if line.len() + usize::from(gap) + character.len_utf8() > max {
            line.push('…');
            break;
        }
        if gap {
            line.push(' ');
            gap = false;
        }
        line.push(character);
    }
    line
}

/// Whether the character never shows, or changes the order of others.
fn is_invisible(character: char) -> bool {
    matches!(
        character,
        '\u{ad}'
            | '\u{61c}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{fff0}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn text_becomes_one_short_harmless_line() {
        let long = "x".repeat(500);
        let cut = format!("{}…", "x".repeat(200));
        for (text, expected, reason) in [
            ("plain", "plain", "unchanged"),
            ("", "", "empty"),
            (" \r\n\t ", "", "only white space"),
            ("<html>\r\n  <body>", "<html> <body>", "lines are joined"),
            (
                "a\u{1b}[31mred\u{7}",
                "a [31mred",
                "terminal escapes lose the escape character",
            ),
            (
                "a\u{9b}2Jb",
                "a 2Jb",
                "and so does their one-character form",
            ),
            (
                "user\u{202e}nimda",
                "usernimda",
                "bidirectional controls are dropped",
            ),
            (
                "a\u{200b}b\u{feff}c\u{ad}d",
                "abcd",
                "invisible characters are dropped",
            ),
            ("Grüße, 世界", "Grüße, 世界", "other languages are kept"),
            ("a \"b\" \\c 'd'", "a \"b\" \\c 'd'", "quotes are kept"),
            (
                "u\u{308}, สวัสดี, नमस्ते",
                "u\u{308}, สวัสดี, नमस्ते",
                "combining marks are kept",
            ),
            (
                "a\u{e0041}b\u{fe0f}c",
                "abc",
                "tags and selectors are dropped",
            ),
            (&long, &cut, "long text is cut and marked"),
        ] {
            assert_eq!(sanitize_line(text, 200), expected, "{reason}");
        }
    }

    proptest! {
        #[test]
        fn any_text_becomes_one_short_line(text in any::<String>(), max in 0..300_usize) {
            let line = sanitize_line(&text, max);
            prop_assert!(line.len() <= max + '…'.len_utf8());
            prop_assert!(!line.chars().any(|c| c.is_control() || is_invisible(c)));
            prop_assert_eq!(sanitize_line(&line, max + '…'.len_utf8()), line.trim_end());
        }
    }
}
