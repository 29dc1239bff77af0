//! A response that cannot be understood. It does not depend on HTTP.

use std::fmt;

use super::page::Page;
use super::status::Status;
use super::text::{Attempts, write_advice, write_request_id};

/// A response that claims success but cannot be understood, or that is not HTTP.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct UnreadableResponse {
    /// The HTTP status, or `None` if the response is not HTTP.
    pub status: Option<u16>,
    /// The method and path of the request, such as `GET /tokens`.
    pub request: String,
    /// What is wrong with the response. This never quotes the response, which may contain a token.
    pub reason: String,
    /// The request ID: see [`Error::request_id`](crate::Error::request_id).
    pub request_id: Option<String>,
    /// The number of attempts, including those that did not get a connection.
    pub attempts: u32,
    /// The standard reason phrase of the status, or empty.
    pub(crate) reason_phrase: &'static str,
    /// Set if the response is HTTP.
    pub(crate) page: Option<Page>,
    pub(crate) outcome_unknown: bool,
    /// What to do, or empty.
    pub(crate) advice: String,
}

impl fmt::Display for UnreadableResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}: ", self.request, Attempts(self.attempts))?;
        match self.status {
            Some(code) => {
                let reason_phrase = self.reason_phrase;
                let status = Status {
                    code,
                    reason_phrase,
                };
                write!(f, "the response {status} is not readable")?;
            }
            None => f.write_str("the response is not readable")?,
        }
        if let Some(page) = &self.page {
            write!(f, " {page}")?;
        }
        write!(f, ": {}", self.reason)?;
        write_request_id(f, self.request_id.as_deref())?;
        write_advice(f, &self.advice)
    }
}

impl std::error::Error for UnreadableResponse {}
