//! Which proxy is used: the one that the program names, or the one of the environment.

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
    /// The proxy on the way to this service. None reaches this machine's own loopback; and over
    /// plain http it would see the credentials.
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

/// The proxy that the environment names for such a service. It is read here because ureq takes any
/// of the variables for any scheme, and ignores one that it can't read.
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
        format!("{reason}: correct or unset it, or name the service's host in NO_PROXY")
    });
    Ok(Some(Setting::new(Source::Variable(name), server)))
}

/// The first of these variables that is set.
fn first(names: impl Iterator<Item = &'static str>) -> Result<Option<(&'static str, String)>> {
    for name in names {
        if let Some(value) = variable(name)? {
            return Ok(Some((name, value)));
        }
    }
    Ok(None)
}
