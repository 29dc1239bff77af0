//! One attempt: sends a request and returns a response or a failure. This is the only folder that
//! uses ureq-proto, http and rustls. It does not depend on retries or endpoints.

mod connection;
mod dial;
mod exchange;
mod failure;
mod given;
mod headers;
mod known_address;
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

use std::io;
use std::sync::Arc;
use std::time::Instant;

use ureq_proto::client::Call;
use ureq_proto::client::state::Prepare;
use ureq_proto::http::uri::PathAndQuery;
use ureq_proto::http::{self, Uri};

use crate::auth::{ContractNumber, Credentials};
use crate::error::Result;

use connection::Connection;
use exchange::{Broken, exchange};
use failure::failure;
use headers::Headers;
use known_address::KnownAddress;
use pool::Pool;
use record::{Record, Step};
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

pub(crate) struct Transport {
    route: Route,
    pool: Pool,
    /// The path of the base URL.
    path: String,
    headers: Headers,
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
    pub(crate) method: Method,
    /// The path and query below the base URL.
    pub(crate) target: &'a str,
    pub(crate) authorization: &'a Authorization,
    pub(crate) contract_number: Option<ContractNumber>,
    pub(crate) pooling: Pooling,
    /// When the attempt started.
    pub(crate) started: Instant,
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
        let roots = root_certificates.as_ref();
        let Origin {
            host_header,
            server,
            ..
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
        let route = Route {
            tls: tls::handshake(&server, pinned_certificate, roots)?,
            server,
            proxy,
            known: KnownAddress::default(),
        };
        Ok(Transport {
            route,
            pool: Pool::default(),
            path,
            headers: Headers::new(host_header, user_agent, headers)?,
        })
    }

    /// Returns the headers for these credentials, or an error if they would be too large.
    pub(crate) fn authorize(&self, credentials: &Credentials) -> Result<Authorization> {
        Authorization::new(credentials, &self.headers, self.path.len())
    }

    /// Returns the values of headers that may be secret.
    pub(crate) fn secret_headers(&self) -> impl Iterator<Item = &str> {
        self.headers.secrets()
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
        let record = Record::new(request.pooling, request.started, request.deadline, shutdown);
        let _entered = record.enter();
        let result = self.attempt(request, &record);
        if result
            .as_ref()
            .map_or(true, Response::is_overloaded_or_broken)
        {
            // Another address may do better.
            self.route.known.forget();
        }
        if result.as_ref().is_err_and(Failure::connection_was_lost) {
            // The others have been idle even longer.
            self.pool.clear();
        }
        result
    }

    fn attempt(&self, request: &Request, record: &Record) -> AttemptResult {
        let failed = |broken| failure(broken, record, &self.route);
        let unsent = |error| failed(Broken::Connection(error));
        let call = self.prepare(request).map_err(unsent)?;
        let mut connection = self.connection(record).map_err(unsent)?;
        record.reached(Step::HandedOver);
        let incoming = exchange(call, &mut connection).map_err(failed)?;
        let (response, is_reusable) = response::read(incoming, &mut connection, record, failed)?;
        if is_reusable && connection.received().is_empty() && record.connection_is_kept() {
            self.keep(connection, record);
        }
        Ok(response)
    }

    fn prepare(&self, request: &Request) -> io::Result<Call<Prepare>> {
        let mut path = String::with_capacity(self.path.len() + request.target.len());
        path.push_str(&self.path);
        path.push_str(request.target);
        let path = PathAndQuery::try_from(path).map_err(io::Error::other)?;
        let mut prepared = http::Request::new(());
        *prepared.uri_mut() = Uri::from(path);
        *prepared.method_mut() = match request.method {
            Method::Get => http::Method::GET,
            Method::Delete => http::Method::DELETE,
        };
        *prepared.headers_mut() = request.authorization.headers(request.contract_number);
        Call::new(prepared).map_err(io::Error::other)
    }

    /// Returns an idle connection, if the attempt may use one and there is one, or else a new one.
    fn connection(&self, record: &Record) -> io::Result<Connection> {
        record.time_left()?;
        let idle = match record.pooling {
            Pooling::Any => self.pool.take(record.started),
            Pooling::Fresh | Pooling::Own => None,
        };
        match idle {
            Some(connection) => Ok(connection),
            None => self.route.open(record).map(Connection::new),
        }
    }

    /// Keeps a connection that can be used again.
    fn keep(&self, connection: Connection, record: &Record) {
        self.pool.put(connection);
        if record.shutdown.is_set() {
            // The pool may have been closed just before.
            self.pool.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;
    use std::thread;

    fn transport(port: u16, proxy: Option<&str>) -> Transport {
        Transport::new(Settings {
            origin: Origin::new(false, &format!("localhost:{port}")).unwrap(),
            path: String::new(),
            user_agent: UserAgent::new("test").unwrap(),
            root_certificates: None,
            pinned_certificate: None,
            headers: Vec::new(),
            proxy: proxy.map(|url| Given {
                value: ProxyServer::parse(url).unwrap(),
                source: "test".to_owned(),
            }),
        })
        .unwrap()
    }

    /// Makes an attempt, to which the listener responds.
    fn attempt(transport: &Transport, listener: &TcpListener, response: &str) -> AttemptResult {
        let authorization = transport.authorize(&Credentials::token("a.b.c"));
        thread::scope(|scope| {
            scope.spawn(|| {
                let mut stream = listener.accept().unwrap().0;
                assert!(stream.read(&mut [0; 1024]).unwrap() > 0);
                stream.write_all(response.as_bytes()).unwrap();
            });
            transport.send(&Request {
                method: Method::Get,
                target: "/tokens",
                authorization: &authorization.unwrap(),
                contract_number: None,
                pooling: Pooling::Own,
                started: Instant::now(),
                deadline: None,
                shutdown: &Arc::default(),
            })
        })
    }

    #[test]
    fn an_address_is_known_until_a_connection_to_it_fails() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let transport = transport(address.port(), None);
        for (response, known, reason) in [
            ("HTTP/1.1 204 X\r\n\r\n", Some(address), "it works"),
            ("HTTP/1.1 404 X\r\n\r\n", Some(address), "that works, too"),
            ("HTTP/1.1 503 X\r\n\r\n", None, "another may work"),
            ("HTTP/1.1 429 X\r\n\r\n", None, "another may have time"),
            ("", None, "the connection is lost"),
        ] {
            transport.route.known.keep(address);
            let result = attempt(&transport, &listener, response);
            assert_eq!(result.is_ok(), !response.is_empty());
            assert_eq!(transport.route.known.get(), known, "{reason}");
        }
    }

    #[test]
    fn a_refusal_is_final_only_from_an_address_that_was_looked_up() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let proxy = format!("http://localhost:{}", address.port());
        let transport = transport(1, Some(&proxy));
        transport.route.known.keep(address);
        for is_final in [false, true] {
            let refused = attempt(&transport, &listener, "HTTP/1.1 403 X\r\n\r\n");
            assert_eq!(refused.err().unwrap().would_fail_again, is_final);
        }
    }
}
