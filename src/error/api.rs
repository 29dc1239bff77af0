//! A response that is not success.

use std::fmt;
use std::time::Duration;

use super::page::Page;
use super::status::Status;
use super::text::{Attempts, write_advice, write_request_id};

/// A response that is not success.
///
/// The service answers `{"httpStatus": 401, "messages": [{"errorCode": "…", "message": "…"}]}`.
/// What stands before it (a gateway, a proxy) answers what it likes: then the error's text says
/// which `Server`, `Content-Type` and length the response has, and [`excerpt`](ApiError::excerpt)
/// may hold its beginning.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ApiError {
    /// The HTTP status, as it stood in the status line.
    pub status: u16,
    /// What the service said, in its order: at most 16 messages, of at most 2 KiB in all. Empty if
    /// the response was not in the service's own error model, and must not be quoted for the reason
    /// that [`excerpt`](ApiError::excerpt) gives.
    pub messages: Vec<ApiMessage>,
    /// How long to wait before the next request, from `Retry-After` in seconds or as a date; never
    /// more than a year.
    pub retry_after: Option<Duration>,
    /// The id that the response gives the request: see
    /// [`Error::request_id`](crate::Error::request_id).
    pub request_id: Option<String>,
    /// The method and the path of the request, such as `GET /tokens`.
    pub request: String,
    /// If there are no messages: the beginning of the body, as one line of at most 200 bytes of
    /// printable characters, without the tags of HTML.
    ///
    /// `None` for a client with a user name and a password, or with another secret that holds
    /// anything but letters, digits, `-`, `.` and `_`: a page that repeats such a secret may write
    /// it in ways that can't be recognized.
    pub excerpt: Option<String>,
    /// How many times the request was sent, or tried to be: 1 if it was not repeated.
    pub attempts: u32,
    /// The usual name of the status; empty if it has none.
    pub(crate) reason_phrase: &'static str,
    /// If the response is not in the service's own error model.
    pub(crate) page: Option<Page>,
    pub(crate) outcome_unknown: bool,
    /// What to do; empty if there is nothing.
    pub(crate) advice: String,
}

/// One of the messages of an [`ApiError`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ApiMessage {
    /// The service's `errorCode`: a text, mostly of digits, such as `501`. Empty if it sent none.
    pub error_code: String,
    /// The service's `message`, cut after 1,000 bytes. Empty if it sent none.
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
        if let Some(page) = &self.page {
            write!(f, " {page}")?;
        }
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
        if let Some(wait) = self.retry_after {
            write!(f, "; it asks to wait {} s", wait.as_secs())?;
        }
        write_request_id(f, self.request_id.as_deref())?;
        write_advice(f, &self.advice)
    }
}

impl std::error::Error for ApiError {}
