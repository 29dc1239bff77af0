//! Chooses the proxy: the program's or the environment's. It does not depend on how a proxy is
//! used.

use super::base_url::BaseUrl;
use super::no_proxy;
use super::source::{Setting, Source};
use super::variable::variable;
use crate::error::Result;
use crate::transport::{Given, ProxyServer};

#[derive(Clone, Default)]
pub(crate) enum ProxyChoice {
    #[default]
    Environment,
    None,
    Server(Setting<ProxyServer>),
}

impl ProxyChoice {
    /// Returns the proxy for this service. There is none for a loopback address, which a proxy
    /// cannot reach, and over plain http it would see the credentials.
    pub(super) fn server(self, base_url: &BaseUrl) -> Result<Option<Given<ProxyServer>>> {
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
fn from_env(base_url: &BaseUrl) -> Result<Option<Setting<ProxyServer>>> {
    let own = if base_url.origin.is_https() {
        ["HTTPS_PROXY", "https_proxy"]
    } else {
        ["HTTP_PROXY", "http_proxy"]
    };
    let Some((name, url)) = first(own.into_iter().chain(["ALL_PROXY", "all_proxy"]))? else {
        return Ok(None);
    };
    if let Some((_, list)) = first(["NO_PROXY", "no_proxy"].into_iter())? {
        if no_proxy::lists(&list, &base_url.origin) {
            return Ok(None);
        }
    }
    let server = ProxyServer::parse(&url).map_err(|reason| {
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
