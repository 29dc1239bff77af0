//! The address of the service, and whether it is on this machine.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

/// The default.
pub(crate) const BASE_URL: &str = "https://api.ionos.com/auth/v1";

/// The base URL of the API, in its parts.
#[derive(Clone)]
pub(crate) struct BaseUrl {
    pub(crate) is_https: bool,
    /// A name, or an address without brackets.
    pub(super) host: String,
    pub(super) port: u16,
    /// The host, in brackets if it is an IPv6 address.
    shown: String,
    /// `/auth/v1`, with an optional prefix, without a slash at the end.
    path: String,
}

/// The end of every base URL.
const API: &str = "/auth/v1";

impl BaseUrl {
    /// Reads `https://host`, `host`, `host:port` and so on, with or without `/auth/v1` and a slash
    /// at the end. The error does not quote the text, because it may contain a password.
    pub(crate) fn parse(text: &str) -> Result<BaseUrl, &'static str> {
        let text = text.trim();
        let (is_https, rest) = match text.split_once("://") {
            None => (true, text),
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("https") => (true, rest),
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => (false, rest),
            Some(_) => return Err("its scheme is neither https nor http"),
        };
        // First of all, because a password may contain any of the other characters.
        if rest.contains('@') {
            return Err("contains a user name or password; pass them as credentials");
        }
        if rest.contains(['?', '#']) {
            return Err("has a query or a fragment; a base URL has neither");
        }
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let (host, port) = split(authority)?;
        let path = path.trim_end_matches('/');
        let is_valid = |byte| b"-._~/%!$&'()*+,;=:".contains(&byte) || byte.is_ascii_alphanumeric();
        let mut segments = path.split('/');
        if !path.bytes().all(is_valid) || segments.any(|part| part == "." || part == "..") {
            return Err("its path contains a character or \"..\" that is not valid in a URL");
        }
        // Any prefix may belong to a gateway, but /auth, /auth/v2 or /auth/v1/tokens is a mistake.
        let before = path.strip_suffix(API).unwrap_or(path);
        // The vendor's examples set /cloudapi/v6 for all APIs, but the Auth API is not below it.
        let version = before.strip_prefix("/cloudapi/v");
        let is_cloud_api = version.is_some_and(|version| version.parse::<u8>().is_ok());
        let before = if is_cloud_api { "" } else { before };
        if before.split('/').any(|segment| segment == "auth") {
            return Err(
                "its path has an /auth other than /auth/v1 at its end; pass only the host, or all \
                 up to /auth/v1",
            );
        }
        Ok(BaseUrl {
            is_https,
            host: host.to_owned(),
            shown: match host.contains(':') {
                true => format!("[{host}]"),
                false => host.to_owned(),
            },
            port: port.unwrap_or(if is_https { 443 } else { 80 }),
            path: format!("{before}{API}"),
        })
    }

    /// Returns the host and port in the form that errors and proxies use.
    pub(crate) fn service(&self) -> String {
        format!("{}:{}", self.shown, self.port)
    }

    /// Whether the host is a loopback address: 127.0.0.0/8, ::1, or the name `localhost`.
    pub(crate) fn is_loopback(&self) -> bool {
        let address = self.host.parse::<IpAddr>();
        address.is_ok_and(|address| address.is_loopback())
            || self.host.eq_ignore_ascii_case("localhost")
    }
}

/// Splits `host:port` or `[::1]:port`. The host has no brackets.
pub(super) fn split(authority: &str) -> Result<(&str, Option<u16>), &'static str> {
    let (host, rest) = match authority.strip_prefix('[') {
        Some(bracketed) => {
            let closed = bracketed.split_once(']');
            let (address, rest) = closed.ok_or("its host has a '[' without a ']'")?;
            if address.parse::<Ipv6Addr>().is_err() {
                return Err("its host is not an IPv6 address");
            }
            (address, rest)
        }
        None => {
            let (host, rest) = authority.split_at(authority.find(':').unwrap_or(authority.len()));
            if host.is_empty() {
                return Err("has no host");
            }
            let is_valid = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
            if !host.bytes().all(is_valid) {
                return Err(
                    "its host contains a space or another character that is not valid in a host \
                     name; write international names in punycode",
                );
            }
            (host, rest)
        }
    };
    if rest.is_empty() {
        return Ok((host, None));
    }
    let port = rest
        .strip_prefix(':')
        .filter(|port| port.bytes().all(|b| b.is_ascii_digit()));
    match port.and_then(|port| port.parse().ok()) {
        Some(port @ 1..) => Ok((host, Some(port))),
        _ => Err("its port is not a number from 1 to 65535"),
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, port) = match self.is_https {
            true => ("https", 443),
            false => ("http", 80),
        };
        match self.port == port {
            true => write!(f, "{scheme}://{}{}", self.shown, self.path),
            false => write!(f, "{scheme}://{}{}", self.service(), self.path),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn base_urls_are_read_in_every_form() {
        for (text, expected, loopback) in [
            (
                "https://api.ionos.com/auth/v1",
                "https://api.ionos.com/auth/v1",
                false,
            ),
            (
                "https://api.ionos.com/auth/v1/",
                "https://api.ionos.com/auth/v1",
                false,
            ),
            (
                "https://api.ionos.com",
                "https://api.ionos.com/auth/v1",
                false,
            ),
            (
                "https://api.ionos.com/",
                "https://api.ionos.com/auth/v1",
                false,
            ),
            ("api.ionos.com", "https://api.ionos.com/auth/v1", false),
            ("api.ionos.com/", "https://api.ionos.com/auth/v1", false),
            (
                "api.ionos.com/auth/v1",
                "https://api.ionos.com/auth/v1",
                false,
            ),
            (
                "api.ionos.com/auth/v1//",
                "https://api.ionos.com/auth/v1",
                false,
            ),
            (
                " https://api.ionos.com\n",
                "https://api.ionos.com/auth/v1",
                false,
            ),
            (
                "HTTPS://API.ionos.com",
                "https://API.ionos.com/auth/v1",
                false,
            ),
            (
                "gateway.example:8443",
                "https://gateway.example:8443/auth/v1",
                false,
            ),
            (
                "https://gateway.example/ionos",
                "https://gateway.example/ionos/auth/v1",
                false,
            ),
            (
                "https://gateway.example/ionos/auth/v1",
                "https://gateway.example/ionos/auth/v1",
                false,
            ),
            (
                "https://api.ionos.com/cloudapi/v6/",
                "https://api.ionos.com/auth/v1",
                false,
            ),
            (
                "gateway.example/cloudapi/v10/auth/v1",
                "https://gateway.example/auth/v1",
                false,
            ),
            (
                "https://gateway.example/cloudapi/v",
                "https://gateway.example/cloudapi/v/auth/v1",
                false,
            ),
            (
                "https://gateway.example/ionos/cloudapi/v6",
                "https://gateway.example/ionos/cloudapi/v6/auth/v1",
                false,
            ),
            (
                "https://gateway.example/myauth/v1",
                "https://gateway.example/myauth/v1/auth/v1",
                false,
            ),
            ("localhost:8080", "https://localhost:8080/auth/v1", true),
            ("http://localhost", "http://localhost/auth/v1", true),
            (
                "http://127.0.0.1:1234/auth/v1",
                "http://127.0.0.1:1234/auth/v1",
                true,
            ),
            ("http://127.255.0.9", "http://127.255.0.9/auth/v1", true),
            ("http://[::1]:80", "http://[::1]/auth/v1", true),
            ("http://[::2]", "http://[::2]/auth/v1", false),
            (
                "http://127.0.0.1.evil.example",
                "http://127.0.0.1.evil.example/auth/v1",
                false,
            ),
            (
                "http://localhost.evil.example",
                "http://localhost.evil.example/auth/v1",
                false,
            ),
            ("http://127.1", "http://127.1/auth/v1", false),
            ("http://0.0.0.0", "http://0.0.0.0/auth/v1", false),
            ("http://128.0.0.1", "http://128.0.0.1/auth/v1", false),
        ] {
            let url = BaseUrl::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(
                (url.to_string().as_str(), url.is_loopback()),
                (expected, loopback),
                "{text}"
            );
        }
    }

    #[test]
    fn texts_that_are_not_a_base_url_are_refused() {
        for (text, says) in [
            ("", "has no host"),
            ("https://", "has no host"),
            ("https:///auth/v1", "has no host"),
            ("https://:443", "has no host"),
            ("ftp://api.ionos.com", "scheme"),
            ("://api.ionos.com", "scheme"),
            ("https://user:SECRET@api.ionos.com", "user name or password"),
            ("user:SECRET@api.ionos.com", "user name or password"),
            (
                "https://api.ionos.com@evil.example",
                "user name or password",
            ),
            (
                "https://svc:2024#SECRET@api.ionos.com",
                "user name or password",
            ),
            (
                "https://svc:2024?SECRET@api.ionos.com",
                "user name or password",
            ),
            (
                "https://svc:2024/SECRET@api.ionos.com",
                "user name or password",
            ),
            ("svc:2024/SECRET@api.ionos.com", "user name or password"),
            (
                "https://svc:SECRET\\@api.ionos.com",
                "user name or password",
            ),
            ("https://[SECRET@api.ionos.com", "user name or password"),
            ("https://svc:SECRET", "port"),
            ("SECRET://api.ionos.com", "scheme"),
            ("https://api.ionos.com?x=1", "query"),
            ("https://api.ionos.com/auth/v1#x", "fragment"),
            (
                "https://api.ionos.com\\@evil.example",
                "user name or password",
            ),
            ("https://api.ionos.com\\evil", "host contains"),
            ("https://api ionos.com", "host contains"),
            ("https://api.ionos.com\r\nX: y", "host contains"),
            ("https://ıonos.com", "punycode"),
            ("https://127.0.0.1%2eevil.example", "host contains"),
            ("https://api.ionos.com:", "port"),
            ("https://api.ionos.com:0", "port"),
            ("https://api.ionos.com:65536", "port"),
            ("https://api.ionos.com:+80", "port"),
            ("https://api.ionos.com:80:80", "port"),
            ("https://[::1", "']'"),
            ("https://[::g]", "IPv6"),
            ("https://[::1]x", "port"),
            ("https://api.ionos.com/a b", "path contains a character"),
            ("https://api.ionos.com/auth", "up to /auth/v1"),
            ("https://api.ionos.com/auth/v2", "up to /auth/v1"),
            ("https://api.ionos.com/auth/v1/tokens", "up to /auth/v1"),
            ("https://api.ionos.com/auth/v1/auth/v1", "up to /auth/v1"),
            ("https://api.ionos.com/../x", "\"..\""),
        ] {
            let error = BaseUrl::parse(text).map(|url| url.to_string()).unwrap_err();
            assert!(error.contains(says), "{text}: {error}");
            assert!(!error.contains("SECRET"), "{text}: {error}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_refused_or_reads_the_same_after_it_is_written(
            text in "(https?://)?[a-z0-9.:@\\[\\]/?#%é -]{0,40}",
        ) {
            if let Ok(url) = BaseUrl::parse(&text) {
                let again = BaseUrl::parse(&url.to_string()).unwrap();
                prop_assert_eq!(again.to_string(), url.to_string());
            }
        }
    }
}
