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
/// The maximum `Retry-After`. Larger values make no sense, and could overflow a caller's clock.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// Nothing of it but the body may contain a secret.
pub(crate) struct Response<'a> {
    pub(crate) status: u16,
    pub(crate) retry_after: Option<Duration>,
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

/// Reads the body, and of the headers what may be shown.
pub(super) fn read<'a>(
    response: http::Response<Body>,
    returns_secret: bool,
    secrets: &'a Secrets,
    failed: impl FnOnce(Error) -> Failure,
) -> Response<'a> {
    let (head, body) = response.into_parts();
    let is_success = head.status.is_success();
    let headers = head.headers;
    let (body, end) = read_body(body, if is_success { MAX_BODY } else { MAX_ERROR_BODY });
    Response {
        status: head.status.as_u16(),
        retry_after: retry_after(&headers),
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

/// Reads `Retry-After`, in seconds or as an HTTP date (RFC 9110, section 10.2.3). A date is
/// relative to the response's own `Date`, whatever this machine's clock says.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name| headers.get(name)?.to_str().ok().map(str::trim);
    let date = |text: &str| httpdate::parse_http_date(text).ok();
    let value = text(RETRY_AFTER)?;
    let wait = if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        Duration::from_secs(value.parse().unwrap_or(u64::MAX))
    } else {
        let now = text(DATE).and_then(date).unwrap_or_else(SystemTime::now);
        date(value)?.duration_since(now).ok()?
    };
    Some(wait.min(MAX_RETRY_AFTER))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::time::SystemTime;

    fn with(retry_after: &str, date: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in [(RETRY_AFTER, retry_after), (DATE, date)] {
            if let Ok(value) = value.parse() {
                headers.insert(name, value);
            }
        }
        headers
    }

    #[test]
    fn retry_after_is_read_as_seconds_or_as_a_date() {
        let seconds = |n| Some(Duration::from_secs(n));
        let no_date = "";
        for (value, date, expected, reason) in [
            ("0", no_date, seconds(0), "now"),
            ("120", no_date, seconds(120), "seconds"),
            (" 7 ", no_date, seconds(7), "surrounding white space"),
            ("007", no_date, seconds(7), "leading zeros"),
            (
                "31536001",
                no_date,
                Some(MAX_RETRY_AFTER),
                "more than a year",
            ),
            (
                "99999999999999999999999",
                no_date,
                Some(MAX_RETRY_AFTER),
                "more than a u64",
            ),
            (
                "Sun, 06 Nov 1994 08:49:37 GMT",
                no_date,
                None,
                "in the past",
            ),
            (
                "Fri, 31 Dec 9999 23:59:59 GMT",
                no_date,
                Some(MAX_RETRY_AFTER),
                "in the distant future",
            ),
            (
                "Sun, 06 Nov 1994 08:49:37 GMT",
                "Sun, 06 Nov 1994 08:49:36 GMT",
                seconds(1),
                "the server's clock counts, however late it is",
            ),
            (
                "Thu, 06 Nov 2194 08:49:37 GMT",
                "Thu, 06 Nov 2194 08:49:30 GMT",
                seconds(7),
                "the server's clock counts, however early it is",
            ),
            (
                "Thu, 06 Nov 2194 08:49:37 GMT",
                "yesterday",
                Some(MAX_RETRY_AFTER),
                "a date that is none does not count",
            ),
            ("-1", no_date, None, "negative"),
            ("1.5", no_date, None, "RFC 9110 requires whole seconds"),
            ("", no_date, None, "empty"),
            ("soon", no_date, None, "garbage"),
        ] {
            assert_eq!(
                retry_after(&with(value, date)),
                expected,
                "{reason}: {value}"
            );
        }
        let date = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(60));
        let wait = retry_after(&with(&date, no_date)).unwrap();
        assert!(
            wait > Duration::from_secs(30) && wait <= Duration::from_secs(60),
            "{wait:?}"
        );
    }

    proptest! {
        #[test]
        fn any_retry_after_is_at_most_a_year(
            value in "[0-9]{0,25}|\\PC*|\
                      [A-Z][a-z]{2}, [0-9]{2} [A-Z][a-z]{2} [0-9]{4} \
                      [0-9]{2}:[0-9]{2}:[0-9]{2} GMT",
        ) {
            let wait = retry_after(&with(&value, "")).unwrap_or_default();
            prop_assert!(wait <= MAX_RETRY_AFTER);
        }
    }
}
