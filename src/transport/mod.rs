//! One attempt: sends a request with ureq, and returns a response or a failure. This is the only
//! folder that names ureq, http and rustls.

mod failure;
mod layers;
#[cfg(feature = "pinned-cert")]
mod pinned;
mod record;
mod response;
mod settings;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use bytes::Bytes;
use ureq::Agent;
use ureq::config::Config;
use ureq::http::header::{
    ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, HeaderName, HeaderValue, USER_AGENT,
};
use ureq::http::uri::{Authority, Scheme};
use ureq::http::{self, HeaderMap, Uri};
use ureq::tls::TlsConfig;
use ureq::unversioned::transport::{ConnectProxyConnector, Connector as _, RustlsConnector};
use zeroize::Zeroizing;

use crate::credentials::{Credentials, Secrets};
use crate::error::{Error, ErrorKind, Result};

use failure::failure;
use layers::{Dial, NoLookup, WatchAbove, WatchBelow};
use record::{Record, Shutdown};
use response::REQUEST_IDS;

pub(crate) use failure::Failure;
pub(crate) use response::Response;
pub(crate) use settings::{Fingerprint, Roots, Settings, root_certificates};
pub(crate) use ureq::http::Method;
pub(crate) use ureq::tls::RootCerts;
pub(crate) use ureq::{Proxy, ProxyProtocol};

/// The maximum size of a header section, in bytes. Servers accept 8 to 64 KiB.
const MAX_HEAD: usize = 16 * 1024;
/// What of it is reserved for the request line, the contract number and the headers that never
/// change.
const RESERVED_HEAD: usize = 512;

const CONTRACT_NUMBER: HeaderName = HeaderName::from_static("x-contract-number");

/// The log target to which ureq-proto writes every byte of a connection, at trace level.
pub(crate) const WIRE_LOG: &str = "ureq_proto";

/// Whether the installed logger accepts that target. If it accepts no trace lines at all, this is
/// only two comparisons.
pub(crate) fn wire_is_logged() -> bool {
    // Filters name the first, the lines are written to the second.
    log::log_enabled!(target: WIRE_LOG, log::Level::Trace)
        || log::log_enabled!(target: "ureq_proto::util", log::Level::Trace)
}

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
    /// What must not be shown of the response.
    pub(crate) secrets: &'a Secrets,
}

/// The headers of every request with the same credentials.
///
/// Their copy of the credentials is zeroized after its last use.
pub(crate) struct Headers(HeaderMap);

/// What a renewed transport shares with the one that was shut down.
struct Setup {
    scheme: Scheme,
    authority: Authority,
    /// The path of the base URL.
    path: String,
    /// All but the credentials.
    headers: HeaderMap,
    settings: Settings,
}

pub(crate) struct Transport {
    /// Keeps idle connections.
    pooling: Agent,
    /// Opens a connection for each request.
    single: Agent,
    pub(crate) shutdown: Arc<Shutdown>,
    /// The number of connections that were lost. An older idle connection is not used again.
    losses: Arc<AtomicUsize>,
    setup: Arc<Setup>,
}

impl Transport {
    pub(crate) fn new(settings: Settings) -> Result<Transport> {
        let refused = |_| Error::invalid("base_url", "is not a valid URL");
        let base = Uri::try_from(&settings.base_url)
            .map_err(refused)?
            .into_parts();
        let (Some(scheme), Some(authority)) = (base.scheme, base.authority) else {
            return Err(Error::invalid("base_url", "has no host"));
        };
        let path = base.path_and_query;
        Ok(Transport::start(Arc::new(Setup {
            path: path.map_or_else(String::new, |path| path.to_string()),
            headers: default_headers(&settings)?,
            scheme,
            authority,
            settings,
        })))
    }

    fn start(setup: Arc<Setup>) -> Transport {
        let losses = Arc::default();
        Transport {
            pooling: setup.agent(16, &losses),
            single: setup.agent(0, &losses),
            shutdown: Arc::default(),
            losses,
            setup,
        }
    }

    /// Returns a transport to the same service that works even after a shutdown of this one.
    pub(crate) fn renewed(&self) -> Transport {
        Transport::start(Arc::clone(&self.setup))
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
            return Err(too_large());
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

    /// Ends everything that waits, and refuses every later request.
    pub(crate) fn shut_down(&self) {
        self.shutdown.set();
        // A logger that panics may end this early (docs/ureq.md 3, 17): first what changes
        // something.
        self.single.clone().shutdown();
        self.pooling.clone().shutdown();
    }

    /// Makes one attempt.
    pub(crate) fn send<'a>(
        &self,
        request: &Request<'a>,
    ) -> std::result::Result<Response<'a>, Failure> {
        let record = Record::new(request.deadline, &self.shutdown);
        let _entered = record.enter();
        let failed = |error| failure(error, &record, &self.setup.settings, request.secrets);
        let agent = match request.may_use_idle {
            true => &self.pooling,
            false => &self.single,
        };
        let prepared = self.setup.request(request).map_err(failed)?;
        let head = agent.run(prepared).map_err(failed);
        let result =
            head.map(|head| response::read(head, request.returns_secret, request.secrets, failed));
        let failure = match &result {
            Ok(response) => response.cut_off.as_ref(),
            Err(failure) => Some(failure),
        };
        if failure.is_some_and(|failure| failure.kind == ErrorKind::ConnectionLost) {
            self.losses.fetch_add(1, Ordering::SeqCst);
        }
        result
    }
}

impl Setup {
    /// Returns an agent whose connections the record of an attempt watches. ureq's own time limits
    /// stay off: they cost a thread a call (docs/ureq.md 1).
    fn agent(&self, max_idle: usize, losses: &Arc<AtomicUsize>) -> Agent {
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
        let has_proxy = settings.proxy.is_some();
        let chain =
            ().chain(ConnectProxyConnector::default())
                .chain(Dial)
                .chain(WatchBelow { has_proxy });
        #[cfg(feature = "pinned-cert")]
        let chain = chain.chain(pinned::Pinned {
            pin: settings.pinned_certificate,
            has_proxy,
        });
        let chain = chain.chain(RustlsConnector::default()).chain(WatchAbove {
            has_proxy,
            losses: Arc::clone(losses),
        });
        Agent::with_parts(config, chain, NoLookup)
    }

    fn request(&self, request: &Request) -> std::result::Result<http::Request<()>, ureq::Error> {
        let path = [&self.path, request.target].concat();
        let uri = Uri::builder()
            .scheme(self.scheme.clone())
            .authority(self.authority.clone())
            .path_and_query(path)
            .build()?;
        let mut prepared = http::Request::new(());
        *prepared.uri_mut() = uri;
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
    let user_agent = HeaderValue::from_str(&settings.user_agent);
    let user_agent = user_agent.map_err(|_| Error::invalid("user_agent", "is not valid"))?;
    headers.insert(USER_AGENT, user_agent);
    for (name, text) in &settings.headers {
        let name = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| Error::invalid("header", "has a name that is not valid"))?;
        let mut value =
            header_value(text.clone()).map_err(|fault| Error::invalid("header", fault))?;
        // A request ID is meant to be repeated in the response.
        value.set_sensitive(!REQUEST_IDS.contains(&name));
        headers.try_insert(name, value).map_err(|_| too_large())?;
    }
    Ok(headers)
}

fn too_large() -> Error {
    let reason = format!(
        "is larger than {MAX_HEAD} bytes, with credentials, headers, user agent and base URL"
    );
    Error::invalid("request", reason)
}

/// Returns a value that is zeroized when it is dropped, and not shown by `Debug`.
fn header_value(text: Zeroizing<String>) -> std::result::Result<HeaderValue, &'static str> {
    let mut value = HeaderValue::from_maybe_shared(Bytes::from_owner(text))
        .map_err(|_| "contains a character that is not valid in a header")?;
    value.set_sensitive(true);
    Ok(value)
}
