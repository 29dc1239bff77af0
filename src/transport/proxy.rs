//! The proxy on the way to the service: which one, if any, and what it must be told.

use std::env::VarError;

use ureq::{Proxy, ProxyProtocol};
use zeroize::Zeroizing;

use super::dial::without_brackets;
use crate::base_url::BaseUrl;
use crate::credentials::Credentials;
use crate::error::{Error, Result};

#[derive(Clone, Default)]
pub(crate) enum ProxyChoice {
    #[default]
    Environment,
    None,
    Url(String),
}

pub(super) struct ProxyServer {
    /// Where it was named, for errors.
    pub(super) what: &'static str,
    pub(super) https: bool,
    /// A name, or an address without brackets.
    pub(super) host: String,
    pub(super) port: u16,
    /// The value of `Proxy-Authorization`.
    pub(super) authorization: Option<Zeroizing<String>>,
}

impl ProxyServer {
    fn new(what: &'static str, proxy: &Proxy) -> ProxyServer {
        let authorization = (proxy.username().is_some() || proxy.password().is_some()).then(|| {
            let username = proxy.username().unwrap_or_default();
            let password = proxy.password().unwrap_or_default();
            Credentials::basic(username, password).authorization()
        });
        ProxyServer {
            what,
            https: proxy.protocol() == ProxyProtocol::Https,
            host: without_brackets(proxy.host()),
            port: proxy.port(),
            authorization,
        }
    }
}

const NO_PROXY_ADDRESS: &str = "is no address of a proxy, such as http://proxy.example:3128";

/// No proxy reaches this machine's own loopback; and over plain http it would see the credentials.
pub(super) fn chosen(choice: &ProxyChoice, base_url: &BaseUrl) -> Result<Option<ProxyServer>> {
    let (what, url) = match choice {
        ProxyChoice::None => return Ok(None),
        ProxyChoice::Environment if base_url.is_loopback() => return Ok(None),
        ProxyChoice::Environment => match proxy_variable(base_url)? {
            None => return Ok(None),
            Some(set) => set,
        },
        ProxyChoice::Url(url) => ("proxy", url.trim().to_owned()),
    };
    // ureq's error repeats the text, which may hold a password.
    let proxy = Proxy::new(&url).map_err(|_| Error::invalid(what, NO_PROXY_ADDRESS))?;
    if !matches!(proxy.protocol(), ProxyProtocol::Http | ProxyProtocol::Https) {
        return Err(Error::invalid(
            what,
            "names a SOCKS proxy, and only http and https proxies are supported: unset it, or name the host in NO_PROXY",
        ));
    }
    let proxy = ProxyServer::new(what, &proxy);
    Ok(Some(proxy).filter(|_| !base_url.is_loopback()))
}

/// The proxy that the environment names for such a service, and the variable. It is read here, as ureq
/// takes any of them for any scheme, and passes over one that it can't read: nobody who set a proxy
/// wants that.
fn proxy_variable(base_url: &BaseUrl) -> Result<Option<(&'static str, String)>> {
    let read = |name| match std::env::var(name) {
        Ok(value) => Ok(Some(value.trim().to_owned()).filter(|value| !value.is_empty())),
        Err(VarError::NotPresent) => Ok(None),
        Err(VarError::NotUnicode(_)) => Err(Error::invalid(name, NO_PROXY_ADDRESS)),
    };
    let own = if base_url.https {
        ["HTTPS_PROXY", "https_proxy"]
    } else {
        ["HTTP_PROXY", "http_proxy"]
    };
    for variable in own.into_iter().chain(["ALL_PROXY", "all_proxy"]) {
        if let Some(url) = read(variable)? {
            for name in ["NO_PROXY", "no_proxy"] {
                if let Some(list) = read(name)? {
                    return Ok(Some((variable, url)).filter(|_| !base_url.is_in(&list)));
                }
            }
            return Ok(Some((variable, url)));
        }
    }
    Ok(None)
}
