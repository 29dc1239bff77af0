//! One attempt: sends a request and returns a response or a failure. This is the only folder that
//! uses ureq, http and rustls. It does not depend on retries or endpoints.

mod connection;
mod connector;
mod dial;
mod failure;
mod given;
mod headers;
mod pool;
mod proxy;
mod record;
mod response;
mod retry_after;
mod route;
mod server;
mod shutdown;
mod socket;
mod stream;
mod tls;
mod tunnel;

use std::sync::Arc;
use std::time::Instant;

use ureq::Agent;
use ureq::http::header::{AUTHORIZATION, HeaderValue};
use ureq::http::uri::{Authority, PathAndQuery, Scheme};
use ureq::http::{self, HeaderMap, Uri};

use crate::auth::{ContractNumber, Credentials};
use crate::error::Result;

use connector::{Connections, NoLookup};
use failure::failure;
use headers::MAX_HEAD;
use pool::Pool;
use record::Record;
use route::{ProxyHop, Route};

pub(crate) use failure::{Failure, FailureKind};
pub(crate) use given::Given;
pub(crate) use headers::{Authorization, ExtraHeader, UserAgent};
pub(crate) use proxy::ProxyServer;
pub(crate) use record::Pooling;
pub(crate) use response::{AttemptResult, Response};
pub(crate) use server::Origin;
pub(crate) use shutdown::Shutdown;
pub(crate) use tls::{Fingerprint, RootCertificates};

/// Larger than the maximum header section, so that ureq can detect one that is too large. A list of
/// 100 tokens fits, too.
const INPUT_BUFFER: usize = 2 * MAX_HEAD;
/// Every header section that is sent fits.
const OUTPUT_BUFFER: usize = MAX_HEAD;

pub(crate) struct Transport {
    agent: Agent,
    route: Arc<Route>,
    pool: Arc<Pool>,
    scheme: Scheme,
    authority: Authority,
    /// The path of the base URL.
    path: String,
    /// The headers of every request.
    headers: HeaderMap,
}

/// The settings of a transport.
pub(crate) struct Settings {
    pub(crate) origin: Origin,
    /// The path of the base URL.
    pub(crate) path: String,
    pub(crate) user_agent: UserAgent,
    pub(crate) root_certificates: Option<Given<RootCertificates>>,
    pub(crate) pinned_certificate: Option<Fingerprint>,
    pub(crate) headers: Vec<ExtraHeader>,
    pub(crate) proxy: Option<Given<ProxyServer>>,
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

/// The log target to which ureq writes every byte of a connection, at trace level.
pub(crate) const WIRE_LOG: &str = "ureq_proto";

/// Whether the installed logger accepts that target. If it accepts no trace lines at all, this is
/// only two comparisons.
pub(crate) fn wire_is_logged() -> bool {
    // Filters name the first, the lines are written to the second.
    log::log_enabled!(target: WIRE_LOG, log::Level::Trace)
        || log::log_enabled!(target: "ureq_proto::util", log::Level::Trace)
}

pub(crate) struct Request<'a> {
    pub(crate) method: Method,
    /// The path and query below the base URL.
    pub(crate) target: &'a str,
    pub(crate) authorization: &'a Authorization,
    pub(crate) contract_number: Option<ContractNumber>,
    pub(crate) pooling: Pooling,
    pub(crate) deadline: Option<Instant>,
    /// Ends the attempt.
    pub(crate) shutdown: &'a Arc<Shutdown>,
}

impl Transport {
    pub(crate) fn new(settings: Settings) -> Result<Transport> {
        let Settings {
            origin,
            path,
            user_agent,
            root_certificates,
            pinned_certificate,
            headers,
            proxy,
        } = settings;
        // Time limits, pooling and proxies are handled by the connector, not by ureq.
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .https_only(origin.is_https())
            .max_response_header_size(MAX_HEAD)
            .input_buffer_size(INPUT_BUFFER)
            .output_buffer_size(OUTPUT_BUFFER)
            .max_idle_connections(0)
            .proxy(None)
            .build();
        let roots = root_certificates.as_ref();
        let Origin {
            scheme,
            authority,
            server,
        } = origin;
        let proxy = match proxy {
            None => None,
            Some(Given { value, source }) => Some(ProxyHop {
                tls: tls::handshake(&value.server, None, roots)?,
                server: value.server,
                authorization: value.authorization,
                user_agent: user_agent.as_str().to_owned(),
                source,
            }),
        };
        let route = Arc::new(Route {
            tls: tls::handshake(&server, pinned_certificate, roots)?,
            server,
            proxy,
        });
        let pool = Arc::<Pool>::default();
        let connections = Connections::new(Arc::clone(&route), Arc::clone(&pool));
        Ok(Transport {
            agent: Agent::with_parts(config, connections, NoLookup),
            route,
            pool,
            scheme,
            authority,
            path,
            headers: headers::prepare(user_agent, headers)?,
        })
    }

    /// Returns the `Authorization` header for these credentials, or an error if it would be too
    /// long.
    pub(crate) fn authorize(&self, credentials: &Credentials) -> Result<Authorization> {
        let authorization = Authorization::new(credentials)?;
        let base_url = self.authority.as_str().len() + self.path.len();
        headers::validate_head(&self.headers, authorization.as_str().len(), base_url)?;
        Ok(authorization)
    }

    /// Returns the values of headers that may be secret.
    pub(crate) fn secret_headers(&self) -> impl Iterator<Item = &str> {
        headers::secrets(&self.headers)
    }

    /// Returns the host and port of the service.
    pub(crate) fn service(&self) -> String {
        self.route.server.authority()
    }

    /// Closes the idle connections, and does not keep further ones.
    pub(crate) fn close_pool(&self) {
        self.pool.close();
    }

    /// Makes one attempt, in the caller's thread.
    pub(crate) fn send(&self, request: &Request) -> AttemptResult {
        let shutdown = Arc::clone(request.shutdown);
        let record = Record::new(request.pooling, request.deadline, shutdown);
        let _entered = record.enter();
        let result = self
            .prepare(request)
            .map_err(ureq::Error::Http)
            .and_then(|prepared| self.agent.run(prepared))
            .map_err(|error| failure(error, &record, &self.route))
            .and_then(|response| response::read(response, &record, &self.route));
        if result.as_ref().is_err_and(Failure::connection_was_lost) {
            // The others have been idle even longer.
            self.pool.clear();
        }
        result
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
            headers.insert(headers::CONTRACT_NUMBER, HeaderValue::from(number.get()));
        }
        Ok(prepared)
    }
}
