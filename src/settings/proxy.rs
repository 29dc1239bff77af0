//! The proxy: the program's or the environment's.

use std::net::IpAddr;

use super::base_url::{self, BaseUrl};
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
    /// Returns the proxy for this service, with the variable that it is from. A loopback address
    /// has none: a proxy cannot reach it, and over plain http it would see the credentials.
    pub(crate) fn for_service(
        &self,
        base_url: &BaseUrl,
    ) -> Result<Option<(Proxy, Option<String>)>> {
        let setting = match self {
            ProxyChoice::Environment if !base_url.is_loopback() => of_environment(base_url)?,
            ProxyChoice::Environment | ProxyChoice::None => None,
            ProxyChoice::Url(setting) => Some(setting.clone()),
        };
        let Some(setting) = setting else {
            return Ok(None);
        };
        let proxy = parse(&setting.text).map_err(|fault| {
            let cure = ": correct or unset it, or add the service's host to NO_PROXY";
            let cure = setting.source.as_ref().map_or("", |_| cure);
            setting.refuse("proxy", format!("{fault}{cure}"))
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
    let is_exception = exceptions.is_some_and(|list| is_excepted_by(&list.text, base_url));
    Ok(Some(setting).filter(|_| !is_exception))
}

/// Returns the first of these variables that is set.
fn first(mut names: impl Iterator<Item = &'static str>) -> Result<Option<Setting>> {
    names
        .find_map(|name| variable(name).transpose())
        .transpose()
}

/// Reads `http://user:password@host:port`, of which all but the host is optional. The error does
/// not quote the URL, which may contain a password.
pub(super) fn parse(url: &str) -> std::result::Result<Proxy, &'static str> {
    const NOT_VALID: &str = "is not a valid proxy URL, such as http://proxy.example:3128 (in a \
        user name or password, write %23 for #, %25 for %, %2F for /, %3F for ? and %40 for @)";
    let url = url.trim();
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    // The part of a password in front of it would be taken for the host and shown in errors.
    if rest.contains(['?', '#']) || path.contains('@') {
        return Err(NOT_VALID);
    }
    let proxy = Proxy::new(url).map_err(|_| NOT_VALID)?;
    match proxy.protocol() {
        ProxyProtocol::Http | ProxyProtocol::Https => {}
        _ => return Err("is a SOCKS proxy, but only http and https proxies are supported"),
    }
    // ureq takes the default port for one that is no number.
    base_url::split(authority.rsplit('@').next().unwrap_or(authority))?;
    Ok(proxy)
}

/// Whether a list such as `NO_PROXY` contains this server. Entries are separated by commas or white
/// space. Each is a host with its subdomains, an address or a network, with an optional port; `*`
/// matches every host.
pub(super) fn is_excepted_by(list: &str, base_url: &BaseUrl) -> bool {
    let list = list.to_ascii_lowercase();
    let host = base_url.host.trim_end_matches('.').to_ascii_lowercase();
    let address = host.parse().ok();
    list.split(|c: char| c == ',' || c.is_whitespace())
        .any(|entry| {
            if entry.contains('/') && network(entry).is_none() {
                let reason = "is neither a host nor a network such as 10.0.0.0/8";
                log::warn!("NO_PROXY: an entry with a slash {reason}, and is ignored");
            }
            let (name, port) = host_and_port(entry);
            let domain = name.trim_start_matches('*').trim_matches('.');
            let is_host = match address {
                Some(address) => network(domain).is_some_and(|network| is_in(address, network)),
                None => host
                    .strip_suffix(domain)
                    .is_some_and(|above| above.is_empty() || above.ends_with('.')),
            };
            entry == "*" || is_host && port.is_none_or(|port| port.parse() == Ok(base_url.port))
        })
}

/// Reads an address, or a network such as `10.0.0.0/8` or `fd00::/8` with its length.
fn network(text: &str) -> Option<(IpAddr, u32)> {
    let (first, length) = text.split_once('/').unwrap_or((text, "128"));
    let (first, length) = (first.parse::<IpAddr>().ok()?, length.parse().ok()?);
    let is_too_long = length > 32 && first.is_ipv4() && text.contains('/');
    Some((first, length)).filter(|_| !is_too_long && length <= 128)
}

/// Whether the address is this one, or in this network.
fn is_in(address: IpAddr, (first, length): (IpAddr, u32)) -> bool {
    let bits = |address| match address {
        IpAddr::V4(address) => u128::from(u32::from(address)) << 96,
        IpAddr::V6(address) => u128::from(address),
    };
    let common_bits = (bits(address) ^ bits(first)).leading_zeros();
    address.is_ipv4() == first.is_ipv4() && common_bits >= length
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
    fn proxy_urls_are_read_or_refused_without_a_password_in_the_error() {
        type Parts<'a> = (&'a str, u16, Option<&'a str>, Option<&'a str>);
        let read = |host, port, user, password| Ok::<Parts, &str>((host, port, user, password));
        let encode = Err("%23 for #");
        let with_password = read("p.test", 3128, Some("svc"), Some("SECRET"));
        for (url, expected, reason) in [
            (
                "http://p.test",
                read("p.test", 80, None, None),
                "the default port",
            ),
            (
                "https://p.test",
                read("p.test", 443, None, None),
                "the default port of https",
            ),
            ("p.test:3128", read("p.test", 3128, None, None), "no scheme"),
            (
                "HTTP://P.test:3128/",
                read("P.test", 3128, None, None),
                "in upper case",
            ),
            (
                " http://p.test:3128/x\n",
                read("p.test", 3128, None, None),
                "a path is ignored",
            ),
            (
                "http://[::1]:3128",
                read("[::1]", 3128, None, None),
                "an IPv6 address",
            ),
            (
                "http://u:p@[::1]",
                read("[::1]", 80, Some("u"), Some("p")),
                "with a password",
            ),
            ("http://svc:SECRET@p.test:3128", with_password, "a password"),
            ("svc:SECRET@p.test:3128", with_password, "without a scheme"),
            (
                "http://user@p.test",
                read("p.test", 80, Some("user"), None),
                "no password",
            ),
            (
                "http://:p@p.test",
                read("p.test", 80, Some(""), Some("p")),
                "no user name",
            ),
            (
                "http://@p.test",
                read("p.test", 80, Some(""), None),
                "neither",
            ),
            (
                "http://u:%23%2f%3F%40@p.test",
                read("p.test", 80, Some("u"), Some("#/?@")),
                "encoded",
            ),
            (
                "http://u:a@b:c@p.test",
                read("p.test", 80, Some("u"), Some("a@b:c")),
                "the last @ counts",
            ),
            (
                "http://u:[a]%zz@p.test",
                read("p.test", 80, Some("u"), Some("[a]%zz")),
                "as it is",
            ),
            ("http://svc:2024#SECRET@p.test:3128", encode, "not encoded"),
            ("http://svc:2024?SECRET@p.test:3128", encode, "not encoded"),
            ("http://svc:2024/SECRET@p.test:3128", encode, "not encoded"),
            ("svc:2024#SECRET@p.test:3128", encode, "without a scheme"),
            (
                "http://svc:2024#SECRET%40p.test",
                encode,
                "the @ is encoded, the # is not",
            ),
            ("http://SECRET/:pass@p.test", encode, "in the user name"),
            ("http://svc:a@2024#SECRET@p.test", encode, "after another @"),
            (
                "http://svc:x://SECRET@p.test",
                encode,
                "it looks like a scheme",
            ),
            ("http://svc:SECRET\\@p.test", encode, "a backslash"),
            ("http://svc:SECRET x@p.test", encode, "a space"),
            ("http://svc:[SECRET@p.test", encode, "a bracket alone"),
            ("http://svc:SECRETü@p.test", encode, "not ASCII"),
            ("http://svc:SECRET%FF@p.test", encode, "not UTF-8"),
            ("http://svc:SECRET@", encode, "no host"),
            ("http://svc:SECRET@:3128", Err("has no host"), "only a port"),
            (
                "http://svc:SECRET",
                Err("its port is not a number"),
                "no host after it",
            ),
            (
                "http://p.test:0",
                Err("its port is not a number from 1"),
                "port 0",
            ),
            (
                "http://p.test:65536",
                Err("its port is not a number from 1"),
                "too large",
            ),
            (
                "http://p.test:+80",
                Err("its port is not a number from 1"),
                "a sign",
            ),
            (
                "http://[SECRET]:3128",
                Err("not an IPv6 address"),
                "a name in brackets",
            ),
            (
                "http://::1:3128",
                encode,
                "an IPv6 address without brackets",
            ),
            (
                "socks5h://svc:SECRET@p.test",
                Err("is a SOCKS proxy"),
                "SOCKS",
            ),
            ("ftp://svc:SECRET@p.test", encode, "another scheme"),
        ] {
            let proxy = parse(url);
            let parts = proxy.as_ref().map(|proxy| {
                (
                    proxy.host(),
                    proxy.port(),
                    proxy.username(),
                    proxy.password(),
                )
            });
            match (parts, expected) {
                (Err(fault), Err(says)) => {
                    assert!(fault.contains(says), "{reason}: {url}: {fault}")
                }
                (parts, expected) => {
                    assert_eq!(parts.map_err(|fault| *fault), expected, "{reason}: {url}")
                }
            }
        }
    }

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
            (
                "https://[2001:db8::1]",
                "2001:DB8:0::1",
                true,
                "in another spelling",
            ),
            (
                "https://[2001:db8::1]",
                "[2001:DB8:0::1]:443",
                true,
                "with a port",
            ),
            (
                "https://[2001:db8::1]",
                "[2001:DB8:0::1]:80",
                false,
                "another port",
            ),
            ("10.1.2.3", "10.0.0.0/8", true, "a network"),
            ("10.1.2.3", "10.9.9.9/8", true, "its other bits are ignored"),
            ("11.1.2.3", "10.0.0.0/8", false, "outside of it"),
            (
                "172.31.255.255",
                "172.16.0.0/12",
                true,
                "not at a byte's end",
            ),
            ("172.32.0.0", "172.16.0.0/12", false, "just outside of it"),
            ("10.1.2.3", "10.1.2.3/32", true, "of one address"),
            ("10.1.2.4", "10.1.2.3/32", false, "of another address"),
            ("10.1.2.3", "0.0.0.0/0", true, "of every address"),
            (
                "https://[::1:0]",
                "0.0.0.0/0",
                false,
                "but not of the other kind",
            ),
            ("0.0.0.1", "::/0", false, "and the other way round"),
            ("https://[fd12::1]", "FD00::/8", true, "an IPv6 network"),
            ("https://[fe80::1]", "fd00::/8", false, "outside of it"),
            ("https://[fd12::1]", "::/0", true, "every IPv6 address"),
            ("10.1.2.3", "10.0.0.0/", false, "no length"),
            ("10.1.2.3", "10.0.0.0/x", false, "not a length"),
            ("10.1.2.3", "10.0.0.0/129", false, "too long a length"),
            ("10.1.2.3", "10.1.2.3/33", false, "too long for IPv4"),
            ("10.1.2.3", "10/8", false, "not an address"),
            (
                "10.ionos.com",
                "10.0.0.0/8",
                false,
                "a name is not looked up",
            ),
            (
                "api.ionos.com.",
                "ionos.com",
                true,
                "a dot at the end of the host",
            ),
            ("api.ionos.com", "ionos.com.", true, "or of the entry"),
            ("api.ionos.com.", "api.ionos.com.:443", true, "or of both"),
            (
                "http://10.1.2.3.",
                "10.0.0.0/8",
                true,
                "an address with a dot at the end",
            ),
            (
                "api.ionos.com",
                "a.example ionos.com",
                true,
                "white space separates, too",
            ),
        ] {
            let url_read = BaseUrl::parse(url).unwrap();
            assert_eq!(
                is_excepted_by(list, &url_read),
                expected,
                "{reason}: {url} in {list:?}"
            );
        }
    }

    proptest! {
        #[test]
        fn any_list_of_hosts_is_read_without_a_panic(list in "[a-c0-9.:,*/\\[\\] ü]{0,20}") {
            for host in ["a.b.c", "10.0.0.1", "[a::1]"] {
                let _ = is_excepted_by(&list, &BaseUrl::parse(host).unwrap());
            }
        }

        #[test]
        fn any_password_is_used_or_refused(password in "[a-z0-9:@/?#\\[\\]%\\\\ .é-]{0,12}") {
            if let Ok(proxy) = parse(&format!("http://user:{password}@proxy.invalid:3128")) {
                prop_assert_eq!((proxy.host(), proxy.port()), ("proxy.invalid", 3128));
                prop_assert_eq!(proxy.username(), Some("user"));
            }
        }
    }
}
