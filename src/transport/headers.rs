//! The headers of a request: those of every request, and which of them are a caller's to set.

use ureq::http::HeaderMap;
use ureq::http::header::{ACCEPT, HeaderName, HeaderValue, USER_AGENT};

use crate::credentials::{TELLING, repeats};
use crate::error::{Error, Result, SHORT, printable};

/// The longest status line and headers that are read, in bytes: of the service or of a proxy.
pub(super) const MAX_HEAD: usize = 16 * 1024;

pub(super) const CONTRACT_NUMBER: HeaderName = HeaderName::from_static("x-contract-number");

/// Where gateways put the id of a request, in the order in which they are looked at.
pub(super) const REQUEST_IDS: [HeaderName; 3] = [
    HeaderName::from_static("x-requestid"),
    HeaderName::from_static("x-request-id"),
    HeaderName::from_static("x-correlation-id"),
];

/// Headers that are no caller's to set: this library's own, and those that change how an answer comes.
const RESERVED: [&str; 27] = [
    "accept",
    "accept-encoding",
    "authorization",
    "connection",
    "content-length",
    "content-type",
    "cookie",
    "expect",
    "host",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "if-unmodified-since",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "range",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "x-contract-number",
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
];
/// How many a caller may set.
const MOST_HEADERS: usize = 64;
/// The longest header of a caller, in bytes.
const LONGEST_HEADER: usize = 8 * 1024;

pub(super) fn prepared_headers(user_agent: &str, extra: Vec<ExtraHeader>) -> Result<HeaderMap> {
    let mut headers = HeaderMap::new();
    let user_agent = HeaderValue::from_str(user_agent)
        .map_err(|_| Error::invalid("user_agent", "can't be put into a header"))?;
    headers.insert(USER_AGENT, user_agent);
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    if extra.len() > MOST_HEADERS {
        let reason = format!("there are more than {MOST_HEADERS}");
        return Err(Error::invalid("header", reason));
    }
    for ExtraHeader(name, value) in extra {
        headers.insert(name, value);
    }
    Ok(headers)
}

/// Whether `text` repeats what a caller has put into every request, such as a gateway's key. An
/// id of the request is there to be repeated, and a short value stands in any text.
pub(super) fn are_repeated_in(headers: &HeaderMap, text: &str) -> bool {
    let mut secrets = headers
        .iter()
        .filter(|(name, value)| value.is_sensitive() && !REQUEST_IDS.contains(name))
        .filter_map(|(_, value)| value.to_str().ok())
        .filter(|value| value.len() >= TELLING);
    secrets.any(|secret| repeats(text, secret))
}

/// A header of a caller, for every request.
#[derive(Clone)]
pub(crate) struct ExtraHeader(HeaderName, HeaderValue);

impl ExtraHeader {
    pub(crate) fn new(name: &str, value: &str) -> std::result::Result<ExtraHeader, String> {
        let refuse = |reason: &str| format!("{:?} {reason}", printable(name, SHORT));
        let name = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| refuse("is no name of a header: letters, digits and hyphens"))?;
        if RESERVED.contains(&name.as_str()) {
            return Err(refuse(
                "can't be set: this library sets it, or needs it unset",
            ));
        }
        if value.len() > LONGEST_HEADER {
            return Err(refuse("has a value of more than 8 KiB"));
        }
        let mut value = value
            .bytes()
            .all(|byte| matches!(byte, b' '..=b'~'))
            .then(|| HeaderValue::from_str(value.trim()).ok())
            .flatten()
            .ok_or_else(|| {
                refuse(
                    "has a value with a line break or another character that is no printable ASCII",
                )
            })?;
        value.set_sensitive(true);
        Ok(ExtraHeader(name, value))
    }

    pub(crate) fn name(&self) -> &str {
        self.0.as_str()
    }
}
