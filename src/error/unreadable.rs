//! A response that can't be understood.

use std::fmt;

use super::page::Page;
use super::status::Status;
use super::text::{Attempts, write_advice, write_request_id};

/// A response that says success or is not HTTP, and that can't be understood.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct UnreadableResponse {
    /// The HTTP status; `None` if what came back is not HTTP.
    pub status: Option<u16>,
    /// The method and the path of the request, such as `GET /tokens`.
    pub request: String,
    /// What is wrong with the response. It never repeats the response, which may hold a token.
    pub reason: String,
    /// The id that the response gives the request: see
    /// [`Error::request_id`](crate::Error::request_id).
    pub request_id: Option<String>,
    /// How many times the request was sent, or tried to be: 1 if it was not repeated.
    pub attempts: u32,
    /// The usual name of the status; empty if it has none.
    pub(crate) reason_phrase: &'static str,
    /// If there was a response of HTTP.
    pub(crate) page: Option<Page>,
    pub(crate) outcome_unknown: bool,
    /// What to do; empty if there is nothing.
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
                write!(f, "the response {status} can't be understood")?;
            }
            None => f.write_str("the response can't be understood")?,
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
