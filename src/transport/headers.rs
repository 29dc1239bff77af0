//! The headers of a request, and which of them a caller may set. It does not depend on connections.

use bytes::Bytes;
use ureq_proto::http::HeaderMap;
use ureq_proto::http::header::{
    ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, HOST, HeaderName, HeaderValue, USER_AGENT,
};
use zeroize::Zeroizing;

use crate::auth::{ContractNumber, Credentials};
use crate::error::{Error, MAX_SHOWN, Result, sanitize_line};

/// The maximum size of a header section, in bytes. Servers accept 8 to 64 KiB.
pub(super) const MAX_HEAD: usize = 16 * 1024;
/// The part of it for the request line, the contract number, and the headers that never change.
const MAX_OF_ITS_OWN: usize = 512;

const CONTRACT_NUMBER: HeaderName = HeaderName::from_static("x-contract-number");

/// The headers for a request ID, in order of precedence.
pub(super) const REQUEST_IDS: [HeaderName; 3] = [
    HeaderName::from_static("x-requestid"),
    HeaderName::from_static("x-request-id"),
    HeaderName::from_static("x-correlation-id"),
];

/// Headers that a caller may not set: the library's own, those that determine the end of a request,
/// those that change the response, and the one that would send a proxy's password to the service.
/// Headers that begin with `if-` also change the response: a create could return a 304 without the
/// token.
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

/// The headers of every request with these credentials.
///
/// The only copy of the credentials is zeroized after its last use.
pub(crate) struct Authorization(HeaderMap);

impl Authorization {
    /// Returns an error if a request with these credentials and this path of the base URL would be
    /// too large.
    pub(super) fn new(
        credentials: &Credentials,
        headers: &Headers,
        path: usize,
    ) -> Result<Authorization> {
        let value = secret_value(credentials.authorization())
            .map_err(|reason| Error::invalid("credentials", reason))?;
        headers.validate_size(value.len(), path)?;
        let mut headers = headers.map.clone();
        headers.insert(AUTHORIZATION, value);
        Ok(Authorization(headers))
    }

    pub(crate) fn as_str(&self) -> &str {
        let value = self.0.get(AUTHORIZATION);
        value
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }

    /// Returns the headers of a request.
    pub(super) fn headers(&self, contract_number: Option<ContractNumber>) -> HeaderMap {
        let mut headers = self.0.clone();
        if let Some(number) = contract_number {
            headers.insert(CONTRACT_NUMBER, HeaderValue::from(number.get()));
        }
        headers
    }
}

/// The `User-Agent` of a client.
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

/// A caller's header for every request.
#[derive(Clone)]
pub(crate) struct ExtraHeader(HeaderName, HeaderValue);

impl ExtraHeader {
    pub(crate) fn new(name: &str, value: &str) -> std::result::Result<ExtraHeader, String> {
        let refuse = |reason: &str| format!("{:?} {reason}", sanitize_line(name, MAX_SHOWN));
        let name = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| refuse("is not a valid header name (letters, digits and hyphens)"))?;
        if RESERVED.contains(&name.as_str()) || name.as_str().starts_with("if-") {
            let reason = "cannot be set: the library sets it, or requires it to be unset";
            return Err(refuse(reason));
        }
        let mut value = secret_value(Zeroizing::new(value.trim_matches(' ').to_owned()))
            .map_err(|reason| refuse(&format!("has a value that {reason}")))?;
        // A request ID is meant to be repeated in the response.
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

/// The headers of every request of a client.
pub(super) struct Headers {
    map: HeaderMap,
    host_size: usize,
    /// The size of the user agent and the caller's own headers.
    size: usize,
}

impl Headers {
    /// Of several headers with the same name, the last one counts.
    pub(super) fn new(
        host: HeaderValue,
        user_agent: UserAgent,
        extra: Vec<ExtraHeader>,
    ) -> Result<Headers> {
        let mut headers = Headers {
            map: HeaderMap::new(),
            host_size: host.len(),
            size: size(&USER_AGENT, &user_agent.0),
        };
        headers.validate_size(0, 0)?;
        headers.map.insert(HOST, host);
        headers.map.insert(USER_AGENT, user_agent.0);
        let json = HeaderValue::from_static("application/json");
        headers.map.insert(ACCEPT, json);
        let identity = HeaderValue::from_static("identity");
        headers.map.insert(ACCEPT_ENCODING, identity);
        for ExtraHeader(name, value) in extra {
            headers.size += size(&name, &value);
            if let Some(old) = headers.map.insert(name.clone(), value) {
                headers.size -= size(&name, &old);
            }
            // A header map has a maximum size.
            headers.validate_size(0, 0)?;
        }
        Ok(headers)
    }

    /// Returns an error if a request with these credentials and this path of the base URL would be
    /// too large.
    fn validate_size(&self, credentials: usize, path: usize) -> Result<()> {
        let (headers, base_url) = (self.size, self.host_size + path);
        if headers + credentials + base_url + MAX_OF_ITS_OWN <= MAX_HEAD {
            return Ok(());
        }
        let reason = format!(
            "is larger than {MAX_HEAD} bytes: {credentials} for the credentials, {headers} for \
             headers and user agent, {base_url} for the base URL, and {MAX_OF_ITS_OWN} more"
        );
        Err(Error::invalid("request", reason))
    }

    /// Returns the values of the caller's headers that may be secret.
    pub(super) fn secrets(&self) -> impl Iterator<Item = &str> {
        let secret = self.map.values().filter(|value| value.is_sensitive());
        secret.filter_map(|value| value.to_str().ok())
    }
}

/// Returns the size of a header on the wire.
fn size(name: &HeaderName, value: &HeaderValue) -> usize {
    name.as_str().len() + value.len() + ": \r\n".len()
}
