//! The proxy: the program's or the environment's.

use std::net::Ipv4Addr;

use super::base_url::BaseUrl;
use super::environment::{Setting, variable};
use crate::error::Result;
use crate::transport::{Proxy, ProxyProtocol};

#[derive(Clone, Default)]
pub(crate) enum ProxyChoice {
    #[default]
    Environment,
    None,
    Url(Setting),
}

impl ProxyChoice {
    /// Returns the proxy for this service, with the variable that it is from. There is none for a
    /// loopback address, which a proxy cannot reach, and over plain http it would see the
    /// credentials.
    pub(crate) fn for_service(
        &self,
        base_url: &BaseUrl,
    ) -> Result<Option<(Proxy, Option<String>)>> {
        let setting = match self {
            ProxyChoice::None => return Ok(None),
            ProxyChoice::Environment if base_url.is_loopback() => return Ok(None),
            ProxyChoice::Environment => match of_environment(base_url)? {
                None => return Ok(None),
                Some(setting) => setting,
            },
            ProxyChoice::Url(setting) => setting.clone(),
        };
        let proxy = parse(&setting.text).map_err(|fault| match &setting.source {
            None => setting.refuse("proxy", fault),
            Some(_) => setting.refuse(
                "proxy",
                format!("{fault}: correct or unset it, or add the service's host to NO_PROXY"),
            ),
        })?;
        Ok(Some((proxy, setting.source)).filter(|_| !base_url.is_loopback()))
    }
}

/// Returns the environment's proxy for this service.
fn of_environment(base_url: &BaseUrl) -> Result<Option<Setting>> {
    let own = match base_url.is_https {
        true => ["HTTPS_PROXY", "https_proxy"],
        false => ["HTTP_PROXY", "http_proxy"],
    };
    let Some(setting) = first(own.into_iter().chain(["ALL_PROXY", "all_proxy"]))? else {
        return Ok(None);
    };
    let exceptions = first(["NO_PROXY", "no_proxy"].into_iter())?;
    let is_exception = exceptions.is_some_and(|list| lists(&list.text, base_url));
    Ok(Some(setting).filter(|_| !is_exception))
}

/// Returns the first of these variables that is set.
fn first(names: impl Iterator<Item = &'static str>) -> Result<Option<Setting>> {
    for name in names {
        if let Some(setting) = variable(name)? {
            return Ok(Some(setting));
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

/// Whether a list such as `NO_PROXY` contains this server. Entries are separated by commas. Each is
/// a host with an optional port and includes its subdomains; `*` matches every host.
pub(super) fn lists(list: &str, base_url: &BaseUrl) -> bool {
    let host = base_url.host.as_str();
    let is_address = host.parse::<Ipv4Addr>().is_ok();
    list.split(',').map(str::trim).any(|entry| {
        let (name, port) = host_and_port(entry);
        let name = name.strip_prefix('*').unwrap_or(name);
        let domain = name.strip_prefix('.').unwrap_or(name);
        let is_below = |at: usize| {
            let (above, below) = (host.get(..at), host.get(at..));
            below.is_some_and(|below| below.eq_ignore_ascii_case(domain))
                && above
                    .is_some_and(|above| above.is_empty() || above.ends_with('.') && !is_address)
        };
        entry == "*"
            || (!domain.is_empty()
                && port.is_none_or(|port| port.parse() == Ok(base_url.port))
                && host.len().checked_sub(domain.len()).is_some_and(is_below))
    })
}

/// Splits `host:port` or `[::1]:port`. The port is optional, and an IPv6 address without a port
/// needs no brackets.
fn host_and_port(text: &str) -> (&str, Option<&str>) {
    if let Some((address, rest)) = text.strip_prefix('[').and_then(|text| text.split_once(']')) {
        return (address, rest.strip_prefix(':'));
    }
    match text.split_once(':') {
        Some((host, port)) if !port.contains(':') => (host, Some(port)),
        _ => (text, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn hosts_in_no_proxy_are_recognized() {
        for (url, list, expected, reason) in [
            ("api.ionos.com", "api.ionos.com", true, "the host"),
            ("api.ionos.com", "API.ionos.COM", true, "case is ignored"),
            (
                "api.ionos.com",
                " a.example , api.ionos.com ",
                true,
                "surrounding white space is ignored",
            ),
            ("api.ionos.com", "ionos.com", true, "a subdomain"),
            ("api.ionos.com", ".ionos.com", true, "with the dot"),
            ("api.ionos.com", "*.ionos.com", true, "with a star"),
            ("api.ionos.com", "*", true, "every host"),
            ("api.ionos.com", "", false, "no entry"),
            ("api.ionos.com", ",,", false, "empty entries"),
            ("api.ionos.com", ".", false, "only a dot"),
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
                "a non-default port",
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
            let url_read = BaseUrl::parse(url).unwrap();
            assert_eq!(
                lists(list, &url_read),
                expected,
                "{reason}: {url} in {list:?}"
            );
        }
    }

    proptest! {
        #[test]
        fn any_list_of_hosts_is_read_without_a_panic(list in "[a-c.:,*\\[\\] ü]{0,20}") {
            let _ = lists(&list, &BaseUrl::parse("a.b.c").unwrap());
        }
    }
}
