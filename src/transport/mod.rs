//! One attempt: sends a request with ureq, and returns a response or a failure. This is the only
//! folder that names ureq, http and rustls.

mod dial;
mod failure;
mod layers;
#[cfg(feature = "pinned-cert")]
mod pinned;
mod record;
mod response;
mod settings;

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use ureq::Agent;
use ureq::config::Config;
use ureq::http::header::{
    ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, HeaderName, HeaderValue, USER_AGENT,
};
use ureq::http::{self, HeaderMap, Uri};
use ureq::tls::TlsConfig;
use ureq::unversioned::transport::{ConnectProxyConnector, Connector as _};
use zeroize::Zeroizing;

use crate::credentials::{Credentials, Secrets};
use crate::error::{Error, ErrorKind, Result};

use dial::{Dial, NoLookup};
use failure::failure;
use layers::{SharedTls, WatchAbove, WatchBelow};
use record::{Common, Record};
use response::REQUEST_IDS;

pub(crate) use failure::Failure;
pub(crate) use record::{LOGS_THE_WIRE, wire_is_logged};
pub(crate) use response::Response;
pub(crate) use settings::{Fingerprint, Roots, Settings, root_certificates};
pub(crate) use ureq::http::Method;
pub(crate) use ureq::tls::RootCerts;
pub(crate) use ureq::{Proxy, ProxyProtocol};

/// The maximum size of a header section, in bytes. Servers accept 8 to 64 KiB.
const MAX_HEAD: usize = 16 * 1024;
const TOO_LARGE: &str =
    "is larger than 16384 bytes, with credentials, headers, user agent and base URL";
/// What of it is reserved for the request line, the contract number and the headers that never
/// change.
const RESERVED_HEAD: usize = 512;

const CONTRACT_NUMBER: HeaderName = HeaderName::from_static("x-contract-number");

pub(crate) struct Request<'a> {
    pub(crate) method: &'a Method,
    /// The path and query below the base URL.
    pub(crate) target: &'a str,
    pub(crate) headers: &'a Headers,
    pub(crate) contract_number: Option<u32>,
    /// Whether an idle connection may be used. It may be stale, or hold a response that nobody
    /// asked for yet.
    pub(crate) may_use_idle: bool,
    /// Whether the response contains a new token.
    pub(crate) returns_secret: bool,
    pub(crate) deadline: Option<Instant>,
    /// Whether no other attempt may follow.
    pub(crate) is_last: bool,
    /// What must not be shown of the response.
    pub(crate) secrets: &'a Secrets,
}

/// The headers of every request with the same credentials.
///
/// Their copy of the credentials is zeroized after its last use.
pub(crate) struct Headers(HeaderMap);

/// What the transports of a client and of those made from it share.
struct Setup {
    /// All but the credentials.
    headers: HeaderMap,
    settings: Settings,
    tls: SharedTls,
}

#[derive(Clone)]
pub(crate) struct Transport {
    /// Keeps idle connections.
    pooling: Agent,
    /// Opens a connection for each request.
    single: Agent,
    pub(crate) common: Arc<Common>,
    setup: Arc<Setup>,
}

impl Transport {
    pub(crate) fn new(settings: Settings) -> Result<Transport> {
        let setup = Arc::new(Setup {
            headers: default_headers(&settings)?,
            settings,
            tls: SharedTls::default(),
        });
        Ok(Transport::start(setup, Arc::default()))
    }

    fn start(setup: Arc<Setup>, common: Arc<Common>) -> Transport {
        Transport {
            pooling: setup.agent(16),
            single: setup.agent(0),
            common,
            setup,
        }
    }

    /// Returns a transport for other credentials: no connection, and no cookie that another crate
    /// may have turned on in ureq, serves both.
    pub(crate) fn separate(&self) -> Transport {
        Transport::start(Arc::clone(&self.setup), Arc::clone(&self.common))
    }

    /// Returns a transport that works even after a shutdown of this one.
    pub(crate) fn renewed(&self) -> Transport {
        Transport {
            common: Arc::default(),
            ..self.clone()
        }
    }

    /// Returns the headers for these credentials, or an error if a request would be too large.
    pub(crate) fn headers(&self, credentials: &Credentials) -> Result<Headers> {
        let mut headers = self.setup.headers.clone();
        let authorization = header_value(credentials.authorization())
            .map_err(|fault| Error::invalid("credentials", fault))?;
        headers.insert(AUTHORIZATION, authorization);
        let sizes = headers
            .iter()
            .map(|(name, value)| name.as_str().len() + value.len() + 4);
        let base = self.setup.settings.base_url.len() + RESERVED_HEAD;
        if sizes.sum::<usize>() + base > MAX_HEAD {
            return Err(Error::invalid("request", TOO_LARGE));
        }
        Ok(Headers(headers))
    }

    /// Returns the values of headers that may be secret.
    pub(crate) fn secret_headers(&self) -> impl Iterator<Item = &str> {
        let values = self.setup.headers.values();
        let secret = values.filter(|value| value.is_sensitive());
        secret.filter_map(|value| value.to_str().ok())
    }

    /// Returns the user name and password for the proxy.
    pub(crate) fn proxy_credentials(&self) -> Option<Credentials> {
        let (proxy, _) = self.setup.settings.proxy.as_ref()?;
        let username = proxy.username().unwrap_or_default();
        Some(Credentials::basic(username, proxy.password()?))
    }

    /// Makes one attempt.
    pub(crate) fn send<'a>(
        &self,
        request: &Request<'a>,
    ) -> std::result::Result<Response<'a>, Failure> {
        let has_proxy = self.setup.settings.proxy.is_some();
        let record = Record::new(request.deadline, request.is_last, has_proxy, &self.common);
        let _entered = record.enter();
        let failed = |error| {
            let made = failure(error, &record, &self.setup.settings, request.secrets);
            if made.kind == ErrorKind::ConnectionLost {
                self.common.lock().losses += 1;
            }
            made
        };
        let agent = match request.may_use_idle {
            true => &self.pooling,
            false => &self.single,
        };
        record.time_left().map_err(failed)?;
        let prepared = self.setup.request(request).map_err(failed)?;
        let head = agent.run(prepared).map_err(failed)?;
        let (returns_secret, secrets) = (request.returns_secret, request.secrets);
        Ok(response::read(head, returns_secret, secrets, failed))
    }
}

impl Setup {
    /// Returns an agent whose connections the record of an attempt watches. ureq's own time limits
    /// stay off: they cost a thread a call (docs/ureq.md 1).
    fn agent(&self, max_idle: usize) -> Agent {
        let settings = &self.settings;
        let roots = match &settings.root_certificates {
            Some((roots, _)) => roots.clone(),
            None if cfg!(feature = "platform-verifier") => RootCerts::PlatformVerifier,
            None => RootCerts::WebPki,
        };
        let config = Config::builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .proxy(settings.proxy.as_ref().map(|(proxy, _)| proxy.clone()))
            .tls_config(TlsConfig::builder().root_certs(roots).build())
            // For CONNECT: a request has it among its own headers, so that ureq adds none.
            .user_agent(&settings.user_agent)
            .max_response_header_size(MAX_HEAD)
            .input_buffer_size(2 * MAX_HEAD)
            .output_buffer_size(MAX_HEAD)
            .max_idle_connections(max_idle)
            .max_idle_connections_per_host(max_idle)
            .build();
        let chain = ().chain(ConnectProxyConnector::default()).chain(Dial).chain(WatchBelow);
        #[cfg(feature = "pinned-cert")]
        let chain = chain.chain(pinned::Pinned(settings.pinned_certificate));
        let chain = chain.chain(self.tls.clone()).chain(WatchAbove);
        Agent::with_parts(config, chain, NoLookup)
    }

    fn request(&self, request: &Request) -> std::result::Result<http::Request<()>, ureq::Error> {
        let mut prepared = http::Request::new(());
        *prepared.uri_mut() = Uri::try_from([&self.settings.base_url, request.target].concat())
            .map_err(http::Error::from)?;
        *prepared.method_mut() = request.method.clone();
        *prepared.headers_mut() = request.headers.0.clone();
        if let Some(number) = request.contract_number {
            let number = HeaderValue::from(number);
            prepared.headers_mut().insert(CONTRACT_NUMBER, number);
        }
        Ok(prepared)
    }
}

/// Returns the headers of every request, but for the credentials and what ureq adds.
fn default_headers(settings: &Settings) -> Result<HeaderMap> {
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    let user_agent = HeaderValue::from_str(&settings.user_agent)
        .map_err(|_| Error::invalid("user_agent", "is not valid"))?;
    headers.insert(USER_AGENT, user_agent);
    for (name, text) in &settings.headers {
        let name = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| Error::invalid("header", "has a name that is not valid"))?;
        let mut value =
            header_value(text.clone()).map_err(|fault| Error::invalid("header", fault))?;
        // A request ID is meant to be repeated in the response.
        value.set_sensitive(!REQUEST_IDS.contains(&name));
        headers
            .try_insert(name, value)
            .map_err(|_| Error::invalid("request", TOO_LARGE))?;
    }
    Ok(headers)
}

/// Returns a value that is zeroized when it is dropped, and not shown by `Debug`.
fn header_value(text: Zeroizing<String>) -> std::result::Result<HeaderValue, &'static str> {
    let mut value = HeaderValue::from_maybe_shared(Bytes::from_owner(text))
        .map_err(|_| "contains a character that is not valid in a header")?;
    value.set_sensitive(true);
    Ok(value)
}
