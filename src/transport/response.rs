//! Reads a response to its end, with limits.

use std::io::Read as _;
use std::time::{Duration, SystemTime};

use ureq::http::header::{
    CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, DATE, RETRY_AFTER, SERVER, TRANSFER_ENCODING,
};
use ureq::http::{self, HeaderMap};
use ureq::{Body, Error};
use zeroize::Zeroize as _;

use super::failure::Failure;
use super::{REQUEST_IDS, Request};
use crate::auth::have_in_common;
use crate::error::{MAX_SHOWN, Page, Status, sanitize_line};

/// The maximum size of a successful response's body, in bytes: about 40,000 tokens.
const MAX_BODY: u64 = 8 << 20;
/// How much of any other body is read, in bytes.
const MAX_ERROR_BODY: u64 = 64 << 10;
/// The first allocation for a body of unknown length: larger than the response to a create, of
/// which a growing buffer would leave copies.
const UNKNOWN_LENGTH: u64 = 8 << 10;
/// How much of an identifying header is shown, in bytes.
const MAX_HEADER: usize = 80;
/// The maximum `Retry-After`. Larger values make no sense, and could overflow a caller's clock.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(365 * 24 * 60 * 60);

pub(crate) struct Response {
    pub(crate) status: Status,
    pub(crate) retry_after: Option<Duration>,
    pub(crate) request_id: Option<String>,
    pub(crate) body: Vec<u8>,
    /// Whether the body was read completely. Always true for a success.
    pub(crate) is_complete: bool,
    /// Whether the length of the body was declared. Otherwise a body that is cut off looks
    /// complete.
    pub(crate) has_length: bool,
    returns_secret: bool,
    server: Option<String>,
    content_type: Option<String>,
    content_encoding: Option<String>,
}

/// The result of one attempt.
pub(crate) type AttemptResult = Result<Response, Failure>;

impl Response {
    /// Returns a response without headers.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn of(status: Status, body: Vec<u8>) -> Response {
        Response {
            status,
            retry_after: None,
            request_id: None,
            body,
            is_complete: true,
            has_length: true,
            returns_secret: false,
            server: None,
            content_type: None,
            content_encoding: None,
        }
    }

    /// Returns what identifies the sender, for a response that is not the service's own.
    pub(crate) fn page(&self) -> Page {
        Page {
            server: self.server.clone(),
            content_type: self.content_type.clone(),
            content_encoding: self.encoding(),
            length: self.body.len(),
            is_complete: self.is_complete,
        }
    }

    /// Returns the body's compression, if it has one. The library does not request any.
    pub(crate) fn encoding(&self) -> Option<String> {
        let encoding = self.content_encoding.clone();
        encoding.filter(|name| !name.eq_ignore_ascii_case("identity") && !self.body.is_empty())
    }

    /// Removes the body, as if the response had declared an empty one.
    pub(crate) fn empty(&mut self) {
        self.body.clear();
        self.is_complete = true;
        self.has_length = true;
    }

    pub(crate) fn is_success(&self) -> bool {
        is_success(self.status.code)
    }

    /// Whether the response declares that it has no body.
    pub(crate) fn is_empty(&self) -> bool {
        self.body.is_empty() && self.is_complete && self.has_length
    }
}

impl Drop for Response {
    fn drop(&mut self) {
        if self.returns_secret {
            self.body.zeroize();
        }
    }
}

/// Reads the body, and of the headers what may be shown.
pub(super) fn read(
    response: http::Response<Body>,
    request: &Request,
    failed: impl FnOnce(Error) -> Failure,
) -> AttemptResult {
    let (head, body) = response.into_parts();
    let status = Status {
        code: head.status.as_u16(),
        reason_phrase: head.status.canonical_reason().unwrap_or_default(),
    };
    let is_success = is_success(status.code);
    let returns_secret = request.returns_secret && is_success;
    let headers = head.headers;
    let (body, end) = read_body(body, if is_success { MAX_BODY } else { MAX_ERROR_BODY });
    let mut response = Response {
        status,
        retry_after: retry_after(&headers),
        request_id: None,
        body,
        is_complete: end.is_ok(),
        has_length: status.code == 204
            || headers.contains_key(CONTENT_LENGTH) && !headers.contains_key(TRANSFER_ENCODING),
        returns_secret,
        server: None,
        content_type: None,
        content_encoding: None,
    };
    // A new token may be in the headers, too.
    let own = returns_secret.then(|| String::from_utf8_lossy(&response.body));
    let shown = |name: &str, max| {
        let value = String::from_utf8_lossy(headers.get(name)?.as_bytes());
        let is_own = own.as_ref().is_some_and(|own| have_in_common(&value, own));
        let line = request.secrets.if_shown(Some(sanitize_line(&value, max)))?;
        (!line.is_empty() && !is_own).then_some(line)
    };
    let request_id = REQUEST_IDS.iter().find(|name| headers.contains_key(**name));
    let request_id = request_id.and_then(|name| shown(name, MAX_SHOWN));
    let server = shown(SERVER.as_str(), MAX_HEADER);
    let content_type = shown(CONTENT_TYPE.as_str(), MAX_HEADER);
    let content_encoding = shown(CONTENT_ENCODING.as_str(), MAX_HEADER);
    drop(own);
    match end {
        Err(error) if is_success => Err(Failure {
            status: Some(status),
            request_id,
            ..failed(error)
        }),
        _ => {
            response.request_id = request_id;
            response.server = server;
            response.content_type = content_type;
            response.content_encoding = content_encoding;
            Ok(response)
        }
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

fn is_success(code: u16) -> bool {
    (200..300).contains(&code)
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
