//! Reads a response to its end, with limits.

use std::cell::OnceCell;
use std::io::Read as _;
use std::time::{Duration, SystemTime};

use ureq::http::header::{CONTENT_TYPE, DATE, HeaderName, RETRY_AFTER, SERVER};
use ureq::http::{self, HeaderMap};
use ureq::{Body, Error};
use zeroize::Zeroize as _;

use super::failure::Failure;
use crate::credentials::Secrets;
use crate::error::ApiMessage;
use crate::retry::retry_after;
use crate::token::read_jwt;

/// The maximum size of a successful response's body, in bytes: about 40,000 tokens.
const MAX_BODY: u64 = 8 << 20;
/// How much of any other body is read, in bytes.
const MAX_ERROR_BODY: u64 = 64 << 10;
/// The first allocation for a body of unknown length: larger than the response to a create, of
/// which a growing buffer would leave copies.
const UNKNOWN_LENGTH: u64 = 8 << 10;
/// How much of a header is shown, in bytes.
const MAX_HEADER: usize = 120;
/// The headers for a request ID, in order of precedence.
pub(super) static REQUEST_IDS: [HeaderName; 3] = [
    HeaderName::from_static("x-requestid"),
    HeaderName::from_static("x-request-id"),
    HeaderName::from_static("x-correlation-id"),
];

/// Of what others see of it, only the body may contain a secret.
pub(crate) struct Response<'a> {
    pub(crate) status: u16,
    pub(crate) retry_after: Option<Duration>,
    /// The time of the response by the sender's clock, or else by this machine's.
    pub(crate) date: SystemTime,
    /// The body, as far as it came.
    pub(crate) body: Vec<u8>,
    /// Why the body is not complete.
    pub(crate) cut_off: Option<Failure>,
    /// The messages of the service's own error model, once they are read.
    pub(crate) messages: OnceCell<Vec<ApiMessage>>,
    /// What may not be shown of the response.
    pub(crate) secrets: &'a Secrets,
    returns_secret: bool,
    headers: HeaderMap,
}

impl Response<'_> {
    /// Returns the status and its standard name.
    pub(crate) fn status_line(&self) -> String {
        let name = http::StatusCode::from_u16(self.status).ok();
        match name.and_then(|status| status.canonical_reason()) {
            Some(name) => format!("{} {name}", self.status),
            None => self.status.to_string(),
        }
    }

    pub(crate) fn request_id(&self) -> Option<String> {
        let mut names = REQUEST_IDS.iter();
        let name = names.find(|name| self.headers.contains_key(*name))?;
        self.shown(name)
    }

    /// Returns what identifies the sender of a response that is not the service's own, in
    /// parentheses. Nothing of it comes from the body.
    pub(crate) fn sender(&self) -> String {
        let mut sender = String::new();
        for (label, name) in [("Server", SERVER), ("Content-Type", CONTENT_TYPE)] {
            if let Some(value) = self.shown(&name) {
                sender += &format!("{label}: {value}, ");
            }
        }
        let at_least = self.cut_off.as_ref().map_or("", |_| "at least ");
        format!(" ({sender}{at_least}{} bytes)", self.body.len())
    }

    /// Returns a header as one line, unless it repeats a new token.
    fn shown(&self, name: &HeaderName) -> Option<String> {
        let value = String::from_utf8_lossy(self.headers.get(name)?.as_bytes());
        let line = self.secrets.show(&value, MAX_HEADER);
        // A body that is not UTF-8 would be copied to become a text.
        let mut parts = self.body.windows(value.len().max(1));
        let is_own = self.returns_secret
            && (parts.any(|part| part == value.as_bytes())
                || read_jwt(&self.body).is_ok_and(|jwt| value.contains(jwt.token())));
        (!line.is_empty() && !is_own).then_some(line)
    }
}

impl Drop for Response<'_> {
    fn drop(&mut self) {
        if self.returns_secret {
            self.body.zeroize();
        }
    }
}

/// Reads the body, `Retry-After` and `Date`. The other headers are filtered when they are shown.
pub(super) fn read<'a>(
    response: http::Response<Body>,
    returns_secret: bool,
    secrets: &'a Secrets,
    failed: impl FnOnce(Error) -> Failure,
) -> Response<'a> {
    let (head, body) = response.into_parts();
    let is_success = head.status.is_success();
    let headers = head.headers;
    let text = |name| headers.get(name)?.to_str().ok().map(str::trim);
    let date = text(DATE).and_then(|date| httpdate::parse_http_date(date).ok());
    let date = date.unwrap_or_else(SystemTime::now);
    let (body, end) = read_body(body, if is_success { MAX_BODY } else { MAX_ERROR_BODY });
    Response {
        status: head.status.as_u16(),
        retry_after: text(RETRY_AFTER).and_then(|value| retry_after(value, date)),
        date,
        body,
        cut_off: end.err().map(failed),
        messages: OnceCell::new(),
        secrets,
        returns_secret: returns_secret && is_success,
        headers,
    }
}

/// Reads at most `limit` bytes. An error means that there are more, or that they did not come.
fn read_body(body: Body, limit: u64) -> (Vec<u8>, Result<(), Error>) {
    let expected = body.content_length().unwrap_or(UNKNOWN_LENGTH).min(limit);
    let mut bytes = Vec::with_capacity(usize::try_from(expected).unwrap_or_default());
    let mut reader = body.into_with_config().limit(limit).reader();
    let end = reader.read_to_end(&mut bytes).map(drop);
    (bytes, end.map_err(Error::from))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A buffer that grows leaves copies of a new token behind.
    #[test]
    fn response_to_a_create_of_unknown_length_fits_the_first_buffer() {
        let body = Body::builder().reader(&[b' '; 4000][..]);
        let (bytes, end) = read_body(body, MAX_BODY);
        assert_eq!((bytes.len(), bytes.capacity()), (4000, 8192));
        assert!(end.is_ok());
    }
}
