//! Reads a response to its end. It does not depend on what it means.

use std::time::Duration;

use ureq_proto::http::header::{
    CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderName, RETRY_AFTER, SERVER,
    TRANSFER_ENCODING,
};
use ureq_proto::http::{HeaderMap, StatusCode};
use zeroize::{Zeroize as _, Zeroizing};

use super::connection::Connection;
use super::exchange::{Body, Broken, Incoming};
use super::failure::Failure;
use super::headers::REQUEST_IDS;
use super::record::{Pooling, Record};
use super::retry_after::retry_after;
use crate::auth::have_in_common;
use crate::error::{MAX_SHOWN, Page, Status, sanitize_line};

/// The maximum size of a successful response's body, in bytes: about 40,000 tokens.
const MAX_BODY: usize = 8 * 1024 * 1024;
/// How much of any other body is read, in bytes.
const MAX_ERROR_BODY: usize = 64 * 1024;

/// How much of an identifying header is shown, in bytes.
const MAX_HEADER: usize = 80;

/// The result of one attempt.
pub(crate) type AttemptResult = Result<Response, Failure>;

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
    /// Whether to zeroize the body.
    pub(crate) may_be_token: bool,
    headers: HeaderMap,
}

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
            may_be_token: false,
            headers: HeaderMap::new(),
        }
    }

    /// Returns what identifies the sender, for a response that is not the service's own.
    pub(crate) fn page(&self) -> Page {
        // It may be a new token, which must not be shown.
        let of = |name| {
            let body = || String::from_utf8_lossy(&self.body);
            shown(&self.headers, name, MAX_HEADER)
                .filter(|value| !self.may_be_token || !have_in_common(value, &body()))
        };
        Page {
            server: of(&SERVER),
            content_type: of(&CONTENT_TYPE),
            content_encoding: self.encoding(),
            length: self.body.len(),
            is_complete: self.is_complete,
        }
    }

    /// Returns the body's compression, if it has one. The library does not request any.
    pub(crate) fn encoding(&self) -> Option<String> {
        shown(&self.headers, &CONTENT_ENCODING, MAX_HEADER)
            .filter(|encoding| !encoding.eq_ignore_ascii_case("identity") && !self.body.is_empty())
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

    /// Whether the server does not serve at the moment.
    pub(super) fn is_overloaded_or_broken(&self) -> bool {
        self.status.code == 429 || self.status.code >= 500
    }

    /// Whether the response declares that it has no body.
    pub(crate) fn is_empty(&self) -> bool {
        self.body.is_empty() && self.is_complete && self.has_length
    }
}

impl Drop for Response {
    fn drop(&mut self) {
        if self.may_be_token {
            self.body.zeroize();
        }
    }
}

/// Reads the body. Also returns whether the connection can be used again.
pub(super) fn read(
    incoming: Incoming,
    connection: &mut Connection,
    record: &Record,
    failed: impl FnOnce(Broken) -> Failure,
) -> Result<(Response, bool), Failure> {
    let status = status(incoming.head.status);
    let is_success = is_success(status.code);
    let limit = if is_success { MAX_BODY } else { MAX_ERROR_BODY };
    // The body of a create contains a token, which the request ID may not repeat.
    let may_be_token = is_success && record.pooling == Pooling::Own;
    let (head, Body { bytes, end }) = incoming.read(limit, may_be_token, connection);
    let headers = head.headers;
    let request_id = request_id(&headers)
        .filter(|id| !may_be_token || !have_in_common(id, &String::from_utf8_lossy(&bytes)));
    let (is_complete, is_reusable) = match end {
        Ok(is_reusable) => (true, is_reusable),
        // The status is enough, even with a part of the body.
        Err(_) if !is_success => (false, false),
        Err(broken) => {
            // It may be a part of a response with a token.
            drop(Zeroizing::new(bytes));
            let mut failure = failed(broken);
            failure.status = Some(status);
            failure.request_id = request_id;
            return Err(failure);
        }
    };
    let response = Response {
        status,
        retry_after: headers
            .get(RETRY_AFTER)
            .and_then(|value| retry_after(value.to_str().ok()?)),
        request_id,
        body: bytes,
        is_complete,
        has_length: status.code == 204
            || headers.contains_key(CONTENT_LENGTH) && !headers.contains_key(TRANSFER_ENCODING),
        may_be_token,
        headers,
    };
    Ok((response, is_reusable))
}

fn status(status: StatusCode) -> Status {
    Status {
        code: status.as_u16(),
        reason_phrase: status.canonical_reason().unwrap_or_default(),
    }
}

fn is_success(code: u16) -> bool {
    (200..300).contains(&code)
}

fn request_id(headers: &HeaderMap) -> Option<String> {
    REQUEST_IDS
        .iter()
        .find(|name| headers.contains_key(*name))
        .and_then(|name| shown(headers, name, MAX_SHOWN))
}

/// Returns the value of a header as one line.
fn shown(headers: &HeaderMap, name: &HeaderName, max: usize) -> Option<String> {
    let value = headers.get(name)?;
    let line = sanitize_line(&String::from_utf8_lossy(value.as_bytes()), max);
    (!line.is_empty()).then_some(line)
}
