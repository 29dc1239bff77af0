//! The proxy: its address and credentials. It does not depend on where they come from.

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
    /// The error does not quote the URL, which may contain a password.
    pub(crate) fn parse(url: &str) -> Result<ProxyServer, &'static str> {
        let proxy = Proxy::new(url.trim())
            .map_err(|_| "is not a valid proxy URL, such as http://proxy.example:3128")?;
        let is_https = match proxy.protocol() {
            ProxyProtocol::Http => false,
            ProxyProtocol::Https => true,
            _ => {
                return Err("is a SOCKS proxy, but only http and https proxies are supported");
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
