//! Headers that a caller adds to each request.

use zeroize::Zeroizing;

use crate::error::{MAX_SHOWN, sanitize_line};

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

/// A header's name, in lower case, and its value.
pub(super) type Header = (String, Zeroizing<String>);

pub(super) fn header(name: &str, value: &str) -> Result<Header, String> {
    let refuse = |reason: &str| format!("{:?} {reason}", sanitize_line(name, MAX_SHOWN));
    let name = name.to_ascii_lowercase();
    // RFC 9110, section 5.6.2.
    let is_valid = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if name.is_empty() || !name.bytes().all(is_valid) {
        return Err(refuse(
            "is not a valid header name (letters, digits and hyphens)",
        ));
    }
    if RESERVED.contains(&name.as_str()) || name.starts_with("if-") {
        return Err(refuse(
            "cannot be set: the library sets it, or requires it to be unset",
        ));
    }
    let value = header_value(value.trim_matches(' '));
    let value = value.map_err(|reason| refuse(&format!("has a value that {reason}")))?;
    Ok((name, Zeroizing::new(value.to_owned())))
}

/// Returns the text, if a header may have it as its value.
pub(super) fn header_value(text: &str) -> Result<&str, &'static str> {
    match text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        true => Ok(text),
        false => Err("contains a line break or another character that is not printable ASCII"),
    }
}
