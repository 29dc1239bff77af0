//! A response that is not success.

use std::fmt;
use std::time::Duration;

use super::status::Status;
use super::text::{Attempts, write_advice, write_request_id};

/// A response that is not success.
///
/// The service answers `{"httpStatus": 401, "messages": [{"errorCode": "…", "message": "…"}]}`;
/// what stands before it (a gateway, a proxy) answers what it likes, and that is in
/// [`excerpt`](ApiError::excerpt).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ApiError {
    /// The HTTP status, as it stood in the status line.
    pub status: u16,
    /// What the service said, in its order. Empty if the response was not the service's own.
    pub messages: Vec<ApiMessage>,
    /// How long to wait before the next request, from `Retry-After` in seconds or as a date; never
    /// more than a year.
    pub retry_after: Option<Duration>,
    /// The id that the response gives the request: see
    /// [`Error::request_id`](crate::Error::request_id).
    pub request_id: Option<String>,
    /// The method and the path of the request, such as `GET /tokens`.
    pub request: String,
    /// If there are no messages: the beginning of the body, as one short line of printable
    /// characters.
    pub excerpt: Option<String>,
    /// How many times the request was sent, or tried to be: 1 if it was not repeated.
    pub attempts: u32,
    /// The usual name of the status; empty if it has none.
    pub(crate) reason_phrase: &'static str,
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
            "{}{}: the response was {}",
            self.request,
            Attempts(self.attempts),
            Status {
                code: self.status,
                reason_phrase: self.reason_phrase,
            }
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
