//! The proxy on the way to the service: where it is, and what it must be told.

use ureq::{Proxy, ProxyProtocol};
use zeroize::Zeroizing;

use super::server::Server;
use crate::auth::Credentials;

/// A proxy that opens tunnels.
#[derive(Clone)]
pub(crate) struct ProxyServer {
    pub(super) server: Server,
    /// The value of `Proxy-Authorization`.
    pub(super) authorization: Option<Zeroizing<String>>,
}

impl ProxyServer {
    /// The error repeats nothing of the URL, which may hold a password.
    pub(crate) fn parse(url: &str) -> Result<ProxyServer, &'static str> {
        let proxy = Proxy::new(url.trim())
            .map_err(|_| "is not the address of a proxy, such as http://proxy.example:3128")?;
        let is_https = match proxy.protocol() {
            ProxyProtocol::Http => false,
            ProxyProtocol::Https => true,
            _ => {
                return Err("names a SOCKS proxy, and only http and https proxies are supported");
            }
        };
        let authorization = (proxy.username().is_some() || proxy.password().is_some()).then(|| {
            let username = proxy.username().unwrap_or_default();
            let password = proxy.password().unwrap_or_default();
            Credentials::basic(username, password).authorization()
        });
        Ok(ProxyServer {
            server: Server::new(is_https, proxy.host(), proxy.port())?,
            authorization,
        })
    }
}
