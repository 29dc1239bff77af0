//! The proxy: its address and credentials. It does not depend on where they come from.

use bytes::Bytes;
use percent_encoding::percent_decode_str;
use ureq_proto::http::Uri;
use zeroize::Zeroizing;

use super::server::{Server, default_port};
use crate::auth::Credentials;

/// A proxy that opens tunnels.
#[derive(Clone)]
pub(crate) struct ProxyServer {
    pub(super) server: Server,
    /// The value of `Proxy-Authorization`.
    pub(super) authorization: Option<Zeroizing<String>>,
}

impl ProxyServer {
    /// Reads `http://user:password@host:port`, of which all but the host is optional. The error
    /// does not quote the URL, which may contain a password.
    pub(crate) fn parse(url: &str) -> Result<ProxyServer, &'static str> {
        const NOT_VALID: &str = "is not a valid proxy URL, such as http://proxy.example:3128";
        let url = Bytes::from_owner(Zeroizing::new(url.trim().to_owned()));
        let uri = Uri::from_maybe_shared(url).map_err(|_| NOT_VALID)?;
        let authority = uri.authority().ok_or(NOT_VALID)?;
        let scheme = uri.scheme_str().unwrap_or("http").to_ascii_lowercase();
        let is_https = match scheme.as_str() {
            "http" => false,
            "https" => true,
            "socks" | "socks4" | "socks4a" | "socks5" | "socks5h" => {
                return Err("is a SOCKS proxy, but only http and https proxies are supported");
            }
            _ => return Err(NOT_VALID),
        };
        let text = authority.as_str();
        let (user_info, host_and_port) = match text.rsplit_once('@') {
            None => (None, text),
            Some((user_info, rest)) => (Some(user_info), rest),
        };
        let authorization = match user_info {
            None => None,
            Some(user_info) => Some(authorization(user_info).ok_or(NOT_VALID)?),
        };
        let port = host_and_port.strip_prefix(authority.host());
        let port = match port.and_then(|rest| rest.strip_prefix(':')) {
            None | Some("") => default_port(is_https),
            Some(port) => port.parse().map_err(|_| NOT_VALID)?,
        };
        Ok(ProxyServer {
            server: Server::new(is_https, authority.host(), port)?,
            authorization,
        })
    }
}

/// Returns the value of `Proxy-Authorization` for the `user:password` of a URL.
fn authorization(user_info: &str) -> Option<Zeroizing<String>> {
    let (username, password) = user_info.split_once(':').unwrap_or((user_info, ""));
    let (username, password) = (decode(username)?, decode(password)?);
    Some(Credentials::basic(username.as_str(), password.as_str()).authorization())
}

/// Decodes a part of a URL. Returns `None` if the result is not UTF-8.
fn decode(part: &str) -> Option<Zeroizing<String>> {
    let mut decoded = Zeroizing::new(Vec::with_capacity(part.len()));
    decoded.extend(percent_decode_str(part));
    let text = std::str::from_utf8(&decoded).ok()?;
    Some(Zeroizing::new(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proxy_urls_are_read_in_every_form() {
        let basic = |username, password| Some(Credentials::basic(username, password));
        for (url, expected, credentials) in [
            ("http://proxy.example:3128", "proxy.example:3128", None),
            ("proxy.example:3128", "proxy.example:3128", None),
            ("proxy.example", "proxy.example:80", None),
            (" HTTP://proxy.example ", "proxy.example:80", None),
            ("https://proxy.example/", "proxy.example:443 with TLS", None),
            ("http://[::1]:3128", "[::1]:3128", None),
            ("http://[::1]", "[::1]:80", None),
            ("http://proxy.example:", "proxy.example:80", None),
            ("http://a:b@p:1", "p:1", basic("a", "b")),
            ("a:b@p:1", "p:1", basic("a", "b")),
            ("http://a:b:c@p:1", "p:1", basic("a", "b:c")),
            ("http://a@p:1", "p:1", basic("a", "")),
            ("http://:b@p:1", "p:1", basic("", "b")),
            (
                "http://a%40b:%25%3a+%C3%A4@p:1",
                "p:1",
                basic("a@b", "%:+ä"),
            ),
        ] {
            let ProxyServer {
                server,
                authorization,
            } = ProxyServer::parse(url).unwrap();
            let tls = server.tls_name.as_ref().map_or("", |_| " with TLS");
            assert_eq!(format!("{}{tls}", server.authority()), expected, "{url}");
            let expected = credentials.map(|credentials| credentials.authorization());
            assert_eq!(authorization, expected, "{url}");
        }
    }

    #[test]
    fn other_proxy_urls_are_refused() {
        for (url, says) in [
            ("socks5h://p:1", "SOCKS"),
            ("SOCKS://p:1", "SOCKS"),
            ("ftp://p:1", "not a valid proxy URL"),
            ("http://a:%ff@p:1", "not a valid proxy URL"),
            ("http://", "not a valid proxy URL"),
            ("/proxy", "not a valid proxy URL"),
            ("http://p:99999", "not a valid proxy URL"),
            ("http://p:x", "not a valid proxy URL"),
            ("a b", "not a valid proxy URL"),
            ("", "not a valid proxy URL"),
        ] {
            let refused = ProxyServer::parse(url).err().unwrap_or("accepted");
            assert!(refused.contains(says), "{url}: {refused}");
        }
    }
}
