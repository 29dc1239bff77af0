//! Where the service is, and whether credentials may be sent there. Knows nothing of HTTP.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use crate::error::{Error, Result};

/// The base URL of the API, in its parts.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct BaseUrl {
    pub(crate) https: bool,
    /// Host and port, as they go into the URL.
    pub(crate) authority: String,
    /// `/auth/v1`, with whatever stands before it. No slash at its end.
    pub(crate) path: String,
    loopback: bool,
}

/// The longest base URL that is taken, in bytes: servers take 8,000 in all.
const LONGEST: usize = 2000;

/// What every base URL ends with.
const API: &str = "/auth/v1";

impl BaseUrl {
    /// Reads `https://host`, `host`, `host:port` and so on, with and without `/auth/v1`, with and
    /// without a slash at the end. `what` names the setting in errors, which never repeat the text:
    /// it may hold a password.
    pub(crate) fn parse(what: &'static str, text: &str) -> Result<BaseUrl> {
        let refuse = |reason: &str| Error::invalid(what, reason);
        let text = text.trim();
        if text.len() > LONGEST {
            return Err(Error::invalid(
                what,
                format!("is longer than {LONGEST} characters"),
            ));
        }
        let (https, rest) = match text.split_once("://") {
            None => (true, text),
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("https") => (true, rest),
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => (false, rest),
            Some(_) => return Err(refuse("its scheme is neither https nor http")),
        };
        if rest.contains('?') {
            return Err(refuse("has a query; a base URL has none"));
        }
        if rest.contains('#') {
            return Err(refuse("has a fragment; a base URL has none"));
        }
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        if authority.contains('@') {
            return Err(refuse(
                "has a user name or password in it; give them as credentials",
            ));
        }
        let loopback = host_is_loopback(authority).map_err(refuse)?;
        let path = path.trim_end_matches('/');
        if !path
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-._~/%!$&'()*+,;=:".contains(&byte))
        {
            return Err(refuse("its path holds a character that no URL has"));
        }
        if path
            .split('/')
            .any(|segment| segment == "." || segment == "..")
        {
            return Err(refuse("its path holds \".\" or \"..\""));
        }
        // What stands before is a gateway's business; but /auth, /auth/v2 or /auth/v1/tokens is an address
        // that was meant otherwise.
        let before = path.strip_suffix(API).unwrap_or(path);
        if before.split('/').any(|segment| segment == "auth") {
            return Err(refuse(
                "its path is neither empty nor /auth/v1; give the host alone, or all up to /auth/v1",
            ));
        }
        Ok(BaseUrl {
            https,
            authority: authority.to_owned(),
            path: format!("{before}{API}"),
            loopback,
        })
    }

    /// Whether the host is this machine: an address in 127.0.0.0/8, ::1, or exactly `localhost`.
    pub(crate) fn is_loopback(&self) -> bool {
        self.loopback
    }

    /// Whether the host is in a list such as `NO_PROXY` is: hosts with all that is below them, with or
    /// without a port, with commas between; `*` is every host.
    pub(crate) fn is_in(&self, list: &str) -> bool {
        let (host, port) = host_and_port(&self.authority);
        let port = port.unwrap_or(if self.https { "443" } else { "80" });
        let is_address = host.parse::<Ipv4Addr>().is_ok();
        list.split(',').map(str::trim).any(|entry| {
            let (name, only) = host_and_port(entry);
            let name = name.strip_prefix('*').unwrap_or(name);
            let domain = name.strip_prefix('.').unwrap_or(name);
            let is_below = |at: usize| {
                let (above, below) = (host.get(..at), host.get(at..));
                below.is_some_and(|below| below.eq_ignore_ascii_case(domain))
                    && above.is_some_and(|above| {
                        above.is_empty() || above.ends_with('.') && !is_address
                    })
            };
            entry == "*"
                || (!domain.is_empty()
                    && only.is_none_or(|only| only == port)
                    && host.len().checked_sub(domain.len()).is_some_and(is_below))
        })
    }
}

/// `host:port`, `[::1]:port`, or either without the port; or an IPv6 address alone.
fn host_and_port(text: &str) -> (&str, Option<&str>) {
    if let Some((address, rest)) = text.strip_prefix('[').and_then(|text| text.split_once(']')) {
        return (address, rest.strip_prefix(':'));
    }
    match text.split_once(':') {
        Some((host, port)) if !port.contains(':') => (host, Some(port)),
        _ => (text, None),
    }
}

/// Whether a host, with or without a port, is this machine; an error says what is wrong with it.
fn host_is_loopback(authority: &str) -> std::result::Result<bool, &'static str> {
    let (loopback, rest) = match authority.strip_prefix('[') {
        Some(bracketed) => {
            let (address, rest) = bracketed
                .split_once(']')
                .ok_or("its host has a '[' without a ']'")?;
            let address: Ipv6Addr = address.parse().map_err(|_| "its host is no IPv6 address")?;
            (address.is_loopback(), rest)
        }
        None => {
            let (host, rest) = authority.split_at(authority.find(':').unwrap_or(authority.len()));
            if host.is_empty() {
                return Err("has no host");
            }
            if !host
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte))
            {
                return Err(
                    "its host holds a space or another character that no host name has; write international names in punycode",
                );
            }
            let address = host.parse::<Ipv4Addr>();
            let loopback = address.is_ok_and(|address| address.is_loopback())
                || host.eq_ignore_ascii_case("localhost");
            (loopback, rest)
        }
    };
    match rest.strip_prefix(':') {
        None if rest.is_empty() => Ok(loopback),
        Some(port)
            if port.bytes().all(|byte| byte.is_ascii_digit())
                && port.parse::<u16>().is_ok_and(|port| port > 0) =>
        {
            Ok(loopback)
        }
        _ => Err("its port is no number from 1 to 65535"),
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.https { "https" } else { "http" };
        write!(f, "{scheme}://{}{}", self.authority, self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_form_of_a_base_url() {
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
            ("http://[::1]:80", "http://[::1]:80/auth/v1", true),
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
            let url =
                BaseUrl::parse("base_url", text).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(
                (url.to_string().as_str(), url.is_loopback()),
                (expected, loopback),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_no_base_url() {
        let long = format!("https://api.ionos.com/{}", "a".repeat(LONGEST));
        for (text, says) in [
            (long.as_str(), "longer than 2000"),
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
            ("https://api.ionos.com?x=1", "query"),
            ("https://api.ionos.com/auth/v1#x", "fragment"),
            (
                "https://api.ionos.com\\@evil.example",
                "user name or password",
            ),
            ("https://api.ionos.com\\evil", "host holds"),
            ("https://api ionos.com", "host holds"),
            ("https://api.ionos.com\r\nX: y", "host holds"),
            ("https://ıonos.com", "punycode"),
            ("https://127.0.0.1%2eevil.example", "host holds"),
            ("https://api.ionos.com:", "port"),
            ("https://api.ionos.com:0", "port"),
            ("https://api.ionos.com:65536", "port"),
            ("https://api.ionos.com:+80", "port"),
            ("https://api.ionos.com:80:80", "port"),
            ("https://[::1", "']'"),
            ("https://[::g]", "IPv6"),
            ("https://[::1]x", "port"),
            ("https://api.ionos.com/a b", "path holds a character"),
            ("https://api.ionos.com/auth", "up to /auth/v1"),
            ("https://api.ionos.com/auth/v2", "up to /auth/v1"),
            ("https://api.ionos.com/auth/v1/tokens", "up to /auth/v1"),
            ("https://api.ionos.com/auth/v1/auth/v1", "up to /auth/v1"),
            ("https://api.ionos.com/../x", "\"..\""),
        ] {
            let error = BaseUrl::parse("IONOS_API_URL", text)
                .map(|url| url.to_string())
                .unwrap_err()
                .to_string();
            assert!(
                error.starts_with("IONOS_API_URL: ") && error.contains(says),
                "{text}: {error}"
            );
            assert!(!error.contains("SECRET"), "{error}");
        }
    }

    #[test]
    fn a_host_that_needs_no_proxy() {
        for (url, list, expected, reason) in [
            ("api.ionos.com", "api.ionos.com", true, "the host"),
            (
                "api.ionos.com",
                "API.ionos.COM",
                true,
                "case does not matter",
            ),
            (
                "api.ionos.com",
                " a.example , api.ionos.com ",
                true,
                "white space around an entry",
            ),
            ("api.ionos.com", "ionos.com", true, "what is below a domain"),
            ("api.ionos.com", ".ionos.com", true, "with the dot"),
            ("api.ionos.com", "*.ionos.com", true, "with a star"),
            ("api.ionos.com", "*", true, "every host"),
            ("api.ionos.com", "", false, "no entry"),
            ("api.ionos.com", ",,", false, "empty entries"),
            ("api.ionos.com", ".", false, "a dot alone"),
            ("api.ionos.com", "nos.com", false, "not a part of a name"),
            (
                "api.ionos.com",
                "api.ionos.com.evil.example",
                false,
                "a longer name",
            ),
            ("api.ionos.com", "api", false, "the beginning of a name"),
            (
                "api.ionos.com",
                "api.ionos.com:443",
                true,
                "the port of https",
            ),
            ("api.ionos.com", "api.ionos.com:80", false, "another port"),
            (
                "http://api.ionos.com",
                "api.ionos.com:80",
                true,
                "the port of http",
            ),
            (
                "api.ionos.com:8443",
                "ionos.com:8443",
                true,
                "a port of its own",
            ),
            ("api.ionos.com:8443", "ionos.com", true, "every port"),
            (
                "api.ionos.com:8443",
                "ionos.com:443",
                false,
                "not that port",
            ),
            ("10.0.0.1", "10.0.0.1", true, "an address"),
            ("10.0.0.1", "0.0.1", false, "a part of it"),
            (
                "https://[2001:db8::1]:8443",
                "2001:db8::1",
                true,
                "an IPv6 address",
            ),
            (
                "https://[2001:db8::1]",
                "[2001:db8::1]:443",
                true,
                "in brackets",
            ),
            ("https://[2001:db8::1]", "db8::1", false, "a part of it"),
        ] {
            let base_url = BaseUrl::parse("base_url", url).unwrap();
            assert_eq!(
                base_url.is_in(list),
                expected,
                "{reason}: {url} in {list:?}"
            );
        }
    }

    proptest! {
        #[test]
        fn no_list_of_hosts_panics(list in "[a-c.:,*\\[\\] ü]{0,20}") {
            let _ = BaseUrl::parse("base_url", "a.b.c").unwrap().is_in(&list);
        }


        #[test]
        fn no_text_panics_and_what_is_taken_is_stable(text in "(https?://)?[a-z0-9.:@\\[\\]/?#%é -]{0,40}") {
            if let Ok(url) = BaseUrl::parse("base_url", &text) {
                let again = BaseUrl::parse("base_url", &url.to_string()).unwrap();
                prop_assert_eq!(again.to_string(), url.to_string());
            }
        }
    }
}
