//! Reads and chooses the proxy: the program's or the environment's.

use super::base_url::BaseUrl;
use super::no_proxy;
use super::source::{Given, Setting, Source};
use super::variable::variable;
use crate::error::Result;
use crate::transport::{Proxy, ProxyProtocol};

#[derive(Clone, Default)]
pub(crate) enum ProxyChoice {
    #[default]
    Environment,
    None,
    Server(Setting<Proxy>),
}

impl ProxyChoice {
    /// Returns the proxy for this service. There is none for a loopback address, which a proxy
    /// cannot reach, and over plain http it would see the credentials.
    pub(super) fn server(self, base_url: &BaseUrl) -> Result<Option<Given<Proxy>>> {
        let setting = match self {
            ProxyChoice::None => return Ok(None),
            ProxyChoice::Environment if base_url.is_loopback() => return Ok(None),
            ProxyChoice::Environment => match from_env(base_url)? {
                None => return Ok(None),
                Some(setting) => setting,
            },
            ProxyChoice::Server(setting) => setting,
        };
        let server = setting.into_given()?;
        Ok(Some(server).filter(|_| !base_url.is_loopback()))
    }
}

/// Returns the environment's proxy for this service.
fn from_env(base_url: &BaseUrl) -> Result<Option<Setting<Proxy>>> {
    let own = if base_url.is_https {
        ["HTTPS_PROXY", "https_proxy"]
    } else {
        ["HTTP_PROXY", "http_proxy"]
    };
    let Some((name, url)) = first(own.into_iter().chain(["ALL_PROXY", "all_proxy"]))? else {
        return Ok(None);
    };
    if let Some((_, list)) = first(["NO_PROXY", "no_proxy"].into_iter())? {
        if no_proxy::lists(&list, base_url) {
            return Ok(None);
        }
    }
    let server = parse(&url).map_err(|reason| {
        format!("{reason}: correct or unset it, or add the service's host to NO_PROXY")
    });
    Ok(Some(Setting::new(Source::Variable(name), server)))
}

/// Returns the first of these variables that is set.
fn first(names: impl Iterator<Item = &'static str>) -> Result<Option<(&'static str, String)>> {
    for name in names {
        if let Some(value) = variable(name)? {
            return Ok(Some((name, value)));
        }
    }
    Ok(None)
}

/// Reads `http://user:password@host:port`, of which all but the host is optional. The error does
/// not quote the URL, which may contain a password.
pub(super) fn parse(url: &str) -> std::result::Result<Proxy, &'static str> {
    const NOT_VALID: &str = "is not a valid proxy URL, such as http://proxy.example:3128";
    let proxy = Proxy::new(url.trim()).map_err(|_| NOT_VALID)?;
    match proxy.protocol() {
        ProxyProtocol::Http | ProxyProtocol::Https => {}
        _ => return Err("is a SOCKS proxy, but only http and https proxies are supported"),
    }
    let authority = proxy.uri().authority().ok_or(NOT_VALID)?.as_str();
    let host_and_port = authority
        .rsplit_once('@')
        .map_or(authority, |(_, rest)| rest);
    // ureq takes the default port for one that is no number.
    match host_and_port.strip_prefix(proxy.host()) {
        _ if proxy.host().is_empty() => Err(NOT_VALID),
        Some("" | ":") => Ok(proxy),
        Some(port)
            if port
                .strip_prefix(':')
                .is_some_and(|n| n.parse::<u16>().is_ok()) =>
        {
            Ok(proxy)
        }
        _ => Err(NOT_VALID),
    }
}
