//! A response that is an HTTP error. It does not depend on HTTP.

use std::fmt;
use std::time::Duration;

use super::page::Page;
use super::status::Status;
use super::text::{Attempts, write_advice, write_request_id};

/// An HTTP error, from the service or from a gateway in front of it.
///
/// The service responds with `{"httpStatus": 401, "messages": [{"errorCode": "…", "message":
/// "…"}]}`. For any other response, such as a gateway's page, the error's text shows `Server`,
/// `Content-Type` and length, and [`excerpt`](ApiError::excerpt) may contain its beginning.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ApiError {
    /// The HTTP status of the response.
    pub status: u16,
    /// The service's messages, at most 16 of at most 2 KiB in total. Empty if the response is not
    /// in the service's own error model and may not be quoted; see
    /// [`excerpt`](ApiError::excerpt).
    pub messages: Vec<ApiMessage>,
    /// How long to wait before the next request: see
    /// [`Error::retry_after`](crate::Error::retry_after).
    pub retry_after: Option<Duration>,
    /// The request ID: see [`Error::request_id`](crate::Error::request_id).
    pub request_id: Option<String>,
    /// The method and path of the request, such as `GET /tokens`.
    pub request: String,
    /// If there are no messages, the beginning of the body: one line of at most 200 printable
    /// bytes, without HTML tags.
    ///
    /// `None` for a client that uses a password, or another secret with characters other than
    /// letters, digits, `-`, `.` and `_`. A page may repeat such a secret in a form that is not
    /// recognizable.
    pub excerpt: Option<String>,
    /// The number of attempts, including those that did not get a connection.
    pub attempts: u32,
    /// The standard reason phrase of the status, or empty.
    pub(crate) reason_phrase: &'static str,
    /// Set if the response is not in the service's own error model.
    pub(crate) page: Option<Page>,
    pub(crate) outcome_unknown: bool,
    /// What to do, or empty.
    pub(crate) advice: String,
}

/// A message in an [`ApiError`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ApiMessage {
    /// The service's `errorCode`, such as `501`. Usually a number, but not always. Empty if the
    /// service sent none.
    pub error_code: String,
    /// The service's `message`, cut after 1,000 bytes. Empty if the service sent none.
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
            write!(f, "; Retry-After: {} s", wait.as_secs())?;
        }
        write_request_id(f, self.request_id.as_deref())?;
        write_advice(f, &self.advice)
    }
}

impl std::error::Error for ApiError {}
