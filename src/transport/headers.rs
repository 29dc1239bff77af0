//! The headers of a request: those of every request, and which of them a caller may set.

use bytes::Bytes;
use ureq::http::HeaderMap;
use ureq::http::header::{ACCEPT, ACCEPT_ENCODING, HeaderName, HeaderValue, USER_AGENT};
use zeroize::Zeroizing;

use crate::auth::Credentials;
use crate::error::{Error, MAX_SHOWN, Result, sanitize_line};

/// The longest head of a request or of a response, in bytes. Servers take 8 to 64 KiB.
pub(super) const MAX_HEAD: usize = 16 * 1024;
/// Of it, what comes to the headers that are set here: the method, the longest target, the contract
/// number, and what ureq adds.
const MAX_OF_ITS_OWN: usize = 512;

pub(super) const CONTRACT_NUMBER: HeaderName = HeaderName::from_static("x-contract-number");

/// Where gateways put the id of a request, in the order in which they are looked at.
pub(super) const REQUEST_IDS: [HeaderName; 3] = [
    HeaderName::from_static("x-requestid"),
    HeaderName::from_static("x-request-id"),
    HeaderName::from_static("x-correlation-id"),
];

/// Headers that a caller may not set: this library's own, those that say where a request ends,
/// those that change what comes back, and the one that would show a proxy's password to the
/// service. All that begin with `if-` change what comes back: the response to a creation could be a
/// 304 without the token.
const RESERVED: [&str; 16] = [
    "accept",
    "accept-encoding",
    "authorization",
    "connection",
    "content-length",
    "expect",
    "host",
    "proxy-authorization",
    "range",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "x-contract-number",
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
];

/// The value of the `Authorization` header. Its one copy is wiped when the last request that uses
/// it is gone.
pub(crate) struct Authorization(pub(super) HeaderValue);

impl Authorization {
    pub(super) fn new(credentials: &Credentials) -> Result<Authorization> {
        secret_value(credentials.authorization())
            .map(Authorization)
            .map_err(|reason| Error::invalid("credentials", reason))
    }

    pub(crate) fn as_str(&self) -> &str {
        self.0.to_str().unwrap_or_default()
    }
}

/// What a client says that it is.
#[derive(Clone)]
pub(crate) struct UserAgent(HeaderValue);

impl UserAgent {
    pub(crate) fn new(text: &str) -> std::result::Result<UserAgent, &'static str> {
        value(Bytes::copy_from_slice(text.as_bytes())).map(UserAgent)
    }

    pub(crate) fn as_str(&self) -> &str {
        self.0.to_str().unwrap_or_default()
    }
}

/// A header of a caller, for every request.
#[derive(Clone)]
pub(crate) struct ExtraHeader(HeaderName, HeaderValue);

impl ExtraHeader {
    pub(crate) fn new(name: &str, value: &str) -> std::result::Result<ExtraHeader, String> {
        let refuse = |reason: &str| format!("{:?} {reason}", sanitize_line(name, MAX_SHOWN));
        let name = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| refuse("is not the name of a header: letters, digits and hyphens"))?;
        if RESERVED.contains(&name.as_str()) || name.as_str().starts_with("if-") {
            let reason = "can't be set: this library sets it, or requires it to be unset";
            return Err(refuse(reason));
        }
        let mut value = secret_value(Zeroizing::new(value.trim_matches(' ').to_owned()))
            .map_err(|reason| refuse(&format!("has a value that {reason}")))?;
        // An id of the request is there to be sent back.
        value.set_sensitive(!REQUEST_IDS.contains(&name));
        Ok(ExtraHeader(name, value))
    }

    pub(crate) fn name(&self) -> &str {
        self.0.as_str()
    }
}

fn secret_value(text: Zeroizing<String>) -> std::result::Result<HeaderValue, &'static str> {
    let mut value = value(Bytes::from_owner(text))?;
    value.set_sensitive(true);
    Ok(value)
}

fn value(text: Bytes) -> std::result::Result<HeaderValue, &'static str> {
    let is_printable = text.iter().all(|byte| matches!(byte, b' '..=b'~'));
    let value = HeaderValue::from_maybe_shared(text);
    value
        .ok()
        .filter(|_| is_printable)
        .ok_or("contains a line break or another character that is not printable ASCII")
}

/// The headers of every request. Of several of one name, the last counts.
pub(super) fn prepare(user_agent: UserAgent, extra: Vec<ExtraHeader>) -> Result<HeaderMap> {
    let mut headers = HeaderMap::new();
    headers.insert(USER_AGENT, user_agent.0);
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    for ExtraHeader(name, value) in extra {
        headers.insert(name, value);
        // A map of headers can't hold any number of them.
        validate_head(&headers, 0, 0)?;
    }
    Ok(headers)
}

/// Says whether a head fits that has these headers, and so many bytes of credentials and of the
/// base URL.
pub(super) fn validate_head(
    headers: &HeaderMap,
    credentials: usize,
    base_url: usize,
) -> Result<()> {
    let lengths = headers.iter();
    let lengths = lengths.map(|(name, value)| name.as_str().len() + value.len() + ": \r\n".len());
    let headers = lengths.sum::<usize>();
    if headers + credentials + base_url + MAX_OF_ITS_OWN <= MAX_HEAD {
        return Ok(());
    }
    let reason = format!(
        "its head would be longer than the {MAX_HEAD} bytes that are sent: {credentials} of credentials, {headers} of \
         headers and user agent, {base_url} of the base URL, and {MAX_OF_ITS_OWN} more"
    );
    Err(Error::invalid("request", reason))
}

/// The values that a caller has added and that may be secret, such as a gateway's key.
pub(super) fn secrets(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let secret = headers.values().filter(|value| value.is_sensitive());
    secret.filter_map(|value| value.to_str().ok())
}
