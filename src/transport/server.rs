//! The host and port to connect to. It does not depend on how a connection is made.

use rustls::pki_types::ServerName;
use ureq_proto::http::HeaderValue;
use ureq_proto::http::uri::{Authority, Scheme};

/// A host and a port, for sockets and TLS.
#[derive(Clone)]
pub(super) struct Server {
    /// A name, or an address without brackets.
    pub(super) host: String,
    pub(super) port: u16,
    /// The host for TLS, or `None` without TLS.
    pub(super) tls_name: Option<ServerName<'static>>,
}

impl Server {
    pub(super) fn new(is_https: bool, host: &str, port: u16) -> Result<Server, &'static str> {
        let host = without_brackets(host);
        let tls_name = match is_https {
            true => Some(
                ServerName::try_from(host.clone())
                    .map_err(|_| "its host is not a valid name for TLS")?,
            ),
            false => None,
        };
        Ok(Server {
            host,
            port,
            tls_name,
        })
    }

    /// Returns the host and port in the form that requests use.
    pub(super) fn authority(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

/// Removes the brackets that an IPv6 address has in a URL.
fn without_brackets(host: &str) -> String {
    host.trim_start_matches('[')
        .trim_end_matches(']')
        .to_owned()
}

/// The scheme, host and port of a URL.
#[derive(Clone)]
pub(crate) struct Origin {
    scheme: Scheme,
    authority: Authority,
    /// The value of `Host`, which has the port only if it is not the default.
    pub(super) host_header: HeaderValue,
    pub(super) server: Server,
}

pub(super) fn default_port(is_https: bool) -> u16 {
    if is_https { 443 } else { 80 }
}

impl Origin {
    /// Reads `host` or `host:port`, or returns what is wrong with it.
    pub(crate) fn new(is_https: bool, authority: &str) -> Result<Origin, &'static str> {
        const NOT_VALID: &str = "its host is not valid in a URL";
        let authority = Authority::try_from(authority).map_err(|_| NOT_VALID)?;
        let default_port = default_port(is_https);
        let port = authority.port_u16().unwrap_or(default_port);
        let host = match port == default_port {
            true => authority.host(),
            false => authority.as_str(),
        };
        Ok(Origin {
            host_header: HeaderValue::from_str(host).map_err(|_| NOT_VALID)?,
            server: Server::new(is_https, authority.host(), port)?,
            scheme: if is_https {
                Scheme::HTTPS
            } else {
                Scheme::HTTP
            },
            authority,
        })
    }

    pub(crate) fn is_https(&self) -> bool {
        self.server.tls_name.is_some()
    }

    /// A name, or an address without brackets.
    pub(crate) fn host(&self) -> &str {
        &self.server.host
    }

    pub(crate) fn port(&self) -> u16 {
        self.server.port
    }

    /// Returns scheme, host and port as they were given.
    pub(crate) fn to_url(&self) -> String {
        format!("{}://{}", self.scheme, self.authority)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_has_brackets_only_in_a_url() {
        for (authority, host, port) in [
            ("[::1]:8443", "::1", 8443),
            ("[::1]", "::1", 443),
            ("127.0.0.1", "127.0.0.1", 443),
            ("api.ionos.com", "api.ionos.com", 443),
            ("api.ionos.com:80", "api.ionos.com", 80),
        ] {
            let origin = Origin::new(true, authority).unwrap();
            assert_eq!((origin.host(), origin.port()), (host, port));
            assert_eq!(origin.to_url(), format!("https://{authority}"));
            let connect = origin.server.authority();
            assert_eq!(Origin::new(true, &connect).unwrap().host(), host);
            assert!(connect.ends_with(&format!(":{port}")));
        }
    }

    #[test]
    fn the_host_header_has_the_port_only_if_it_is_not_the_default() {
        for (is_https, authority, expected) in [
            (true, "api.ionos.com", "api.ionos.com"),
            (true, "api.ionos.com:443", "api.ionos.com"),
            (true, "api.ionos.com:80", "api.ionos.com:80"),
            (false, "api.ionos.com:80", "api.ionos.com"),
            (false, "api.ionos.com:443", "api.ionos.com:443"),
            (true, "[::1]:443", "[::1]"),
            (true, "[::1]:8443", "[::1]:8443"),
        ] {
            let origin = Origin::new(is_https, authority).unwrap();
            assert_eq!(origin.host_header, expected, "{authority}");
        }
    }

    #[test]
    fn a_host_that_tls_does_not_accept_is_refused_only_with_https() {
        let long = format!("{}.example", "a".repeat(64));
        for host in [long.as_str(), "a..example", "-"] {
            assert!(Origin::new(true, host).is_err(), "{host}");
            assert!(Origin::new(false, host).is_ok(), "{host}");
        }
    }
}
