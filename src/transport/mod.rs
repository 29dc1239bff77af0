//! One attempt: a request goes out, and what comes back is a response or a failure, with what that
//! failure says of the request. The only folder that names ureq, http and rustls.

mod connection;
mod connector;
mod dial;
mod failure;
mod headers;
#[cfg(feature = "native-tls")]
mod native;
#[cfg(feature = "pinned-cert")]
mod pinned;
mod pool;
mod proxy;
mod record;
mod response;
mod retry_after;
mod shutdown;
mod socket;
mod stream;
mod tls;
mod tunnel;

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use ureq::Agent;
use ureq::http::header::{AUTHORIZATION, HeaderValue};
use ureq::http::uri::{Authority, PathAndQuery, Scheme};
use ureq::http::{self, HeaderMap, Uri};

use crate::base_url::BaseUrl;
use crate::credentials::Credentials;
use crate::error::{Error, Result};

use connector::{Connections, NoLookup, Route, Security};
use dial::without_brackets;
use failure::failure;
use headers::MAX_HEAD;
#[cfg(feature = "native-tls")]
use native::NativeTls;
use pool::Pool;
use proxy::ProxyServer;
use record::Record;
use tls::Tls;

pub(crate) use failure::{Failure, FailureKind};
pub(crate) use headers::ExtraHeader;
#[cfg(feature = "pinned-cert")]
pub(crate) use pinned::Fingerprint;
pub(crate) use proxy::ProxyChoice;
pub(crate) use record::Pooling;
use response::AttemptResult;
pub(crate) use response::Response;
pub(crate) use shutdown::Shutdown;
pub(crate) use tls::RootCertificates;

/// More than the longest head, or ureq could not tell that one is too long. The list of all the
/// tokens that a user may hold is read at once.
const INPUT_BUFFER: usize = 2 * MAX_HEAD;
/// Every header that is sent fits.
const OUTPUT_BUFFER: usize = 16 * 1024;

pub(crate) struct Transport {
    agent: Agent,
    pool: Arc<Pool>,
    shutdown: Arc<Shutdown>,
    scheme: Scheme,
    authority: Authority,
    /// Of the base URL.
    path: String,
    /// Those of every request.
    headers: HeaderMap,
}

pub(crate) struct Settings<'a> {
    pub(crate) base_url: BaseUrl,
    pub(crate) user_agent: &'a str,
    pub(crate) root_certificates: Option<RootCertificates>,
    #[cfg(feature = "pinned-cert")]
    pub(crate) pinned_certificate: Option<Fingerprint>,
    pub(crate) headers: Vec<ExtraHeader>,
    pub(crate) proxy: &'a ProxyChoice,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Method {
    Get,
    Delete,
}

impl Method {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Method::Get => "GET",
            Method::Delete => "DELETE",
        }
    }
}

/// The value of the `Authorization` header. Its one copy is wiped when the last request that uses
/// it is gone.
pub(crate) struct Authorization(HeaderValue);

impl Authorization {
    pub(crate) fn new(credentials: &Credentials) -> Result<Authorization> {
        let value = Bytes::from_owner(credentials.authorization());
        let mut value = HeaderValue::from_maybe_shared(value)
            .map_err(|_| Error::invalid("credentials", "can't be put into a header"))?;
        value.set_sensitive(true);
        Ok(Authorization(value))
    }
}

/// The library to whose log target ureq writes every byte of the wire, at trace level.
pub(crate) const WIRE_LOG: &str = "ureq_proto";

/// Whether the installed logger would take that. Where it takes no trace at all, this is two
/// comparisons.
pub(crate) fn wire_is_logged() -> bool {
    // The first is what filters name, the second what the lines are written to.
    log::log_enabled!(target: WIRE_LOG, log::Level::Trace)
        || log::log_enabled!(target: "ureq_proto::util", log::Level::Trace)
}

pub(crate) struct Request<'a> {
    pub(crate) method: Method,
    /// Path and query below the base URL.
    pub(crate) target: &'a str,
    pub(crate) authorization: &'a Authorization,
    pub(crate) contract_number: Option<u32>,
    pub(crate) pooling: Pooling,
    pub(crate) deadline: Option<Instant>,
}

impl Transport {
    pub(crate) fn new(settings: Settings) -> Result<Transport> {
        let Settings {
            base_url,
            user_agent,
            root_certificates,
            #[cfg(feature = "pinned-cert")]
            pinned_certificate,
            headers,
            proxy,
        } = settings;
        // No time limit, no pool and no proxy of ureq's: those are the connector's business.
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .https_only(base_url.https)
            .max_response_header_size(MAX_HEAD)
            .input_buffer_size(INPUT_BUFFER)
            .output_buffer_size(OUTPUT_BUFFER)
            .max_idle_connections(0)
            .proxy(None)
            .build();
        let authority = Authority::try_from(base_url.authority.as_str())
            .map_err(|_| Error::invalid("base_url", "its host can't be put into a request"))?;
        let roots = root_certificates.as_ref();
        let host = without_brackets(authority.host());
        let tls = match base_url.https {
            false => None,
            #[cfg(feature = "pinned-cert")]
            true if pinned_certificate.is_some() => pinned_certificate
                .map(|fingerprint| Tls::pinned("base_url", &host, fingerprint))
                .transpose()?
                .map(Security::Rustls),
            true => Some(security("base_url", &host, roots)?),
        };
        let default_port = if base_url.https { 443 } else { 80 };
        let route = Route {
            host,
            port: authority.port_u16().unwrap_or(default_port),
            tls,
            proxy: proxy_with_tls(proxy, &base_url, roots)?,
            user_agent: user_agent.to_owned(),
        };
        let pool = Arc::<Pool>::default();
        let connections = Connections::new(route, Arc::clone(&pool));
        Ok(Transport {
            agent: Agent::with_parts(config, connections, NoLookup),
            pool,
            shutdown: Arc::default(),
            scheme: if base_url.https {
                Scheme::HTTPS
            } else {
                Scheme::HTTP
            },
            authority,
            path: base_url.path,
            headers: headers::prepared_headers(user_agent, headers)?,
        })
    }

    pub(crate) fn shutdown(&self) -> &Shutdown {
        &self.shutdown
    }

    /// Ends what is in flight; later requests fail.
    pub(crate) fn shut_down(&self) {
        self.shutdown.set();
        self.pool.clear();
    }

    /// One attempt, in the thread of the caller.
    pub(crate) fn send(&self, request: &Request) -> AttemptResult {
        let record = Record::new(
            request.pooling,
            request.deadline,
            Arc::clone(&self.shutdown),
        );
        let _entered = record.enter();
        let result = self
            .prepare(request)
            .map_err(ureq::Error::Http)
            .and_then(|prepared| self.agent.run(prepared))
            .map_err(|error| failure(error, &record))
            .and_then(|response| response::read(response, &record));
        if result.as_ref().is_err_and(Failure::connection_was_lost) {
            // The others have been idle for longer.
            self.pool.clear();
        }
        result
    }

    pub(crate) fn headers_are_repeated_in(&self, text: &str) -> bool {
        headers::are_repeated_in(&self.headers, text)
    }

    fn uri(&self, target: &str) -> std::result::Result<Uri, http::Error> {
        let mut path = String::with_capacity(self.path.len() + target.len());
        path.push_str(&self.path);
        path.push_str(target);
        let mut parts = Uri::default().into_parts();
        parts.scheme = Some(self.scheme.clone());
        parts.authority = Some(self.authority.clone());
        parts.path_and_query = Some(PathAndQuery::try_from(path)?);
        Ok(Uri::from_parts(parts)?)
    }

    fn prepare(&self, request: &Request) -> std::result::Result<http::Request<()>, http::Error> {
        let mut prepared = http::Request::new(());
        *prepared.method_mut() = match request.method {
            Method::Get => http::Method::GET,
            Method::Delete => http::Method::DELETE,
        };
        *prepared.uri_mut() = self.uri(request.target)?;
        let headers = prepared.headers_mut();
        headers.clone_from(&self.headers);
        headers.insert(AUTHORIZATION, request.authorization.0.clone());
        if let Some(number) = request.contract_number {
            headers.insert(headers::CONTRACT_NUMBER, HeaderValue::from(number));
        }
        Ok(prepared)
    }
}

/// The proxy, and what its own TLS needs.
fn proxy_with_tls(
    choice: &ProxyChoice,
    base_url: &BaseUrl,
    roots: Option<&RootCertificates>,
) -> Result<Option<(ProxyServer, Option<Security>)>> {
    let Some(proxy) = proxy::chosen(choice, base_url)? else {
        return Ok(None);
    };
    let security = match proxy.https {
        true => Some(security(proxy.what, &proxy.host, roots)?),
        false => None,
    };
    Ok(Some((proxy, security)))
}

fn security(what: &'static str, host: &str, roots: Option<&RootCertificates>) -> Result<Security> {
    #[cfg(feature = "native-tls")]
    {
        let _ = what;
        Ok(Security::Native(NativeTls::new(host, roots)?))
    }
    #[cfg(not(feature = "native-tls"))]
    Ok(Security::Rustls(Tls::new(what, host, roots)?))
}
