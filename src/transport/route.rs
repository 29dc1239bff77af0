//! The steps to a connection with the service, directly or through a proxy. It does not depend on
//! requests.

use std::io;

use zeroize::Zeroizing;

use super::dial::dial;
use super::known_address::KnownAddress;
use super::record::{Record, Step};
use super::server::Server;
use super::stream::Stream;
use super::tls::{ClientRefused, Handshake};
use super::tunnel;

/// The route to the service, the same for every connection.
pub(super) struct Route {
    pub(super) server: Server,
    pub(super) tls: Option<Box<dyn Handshake>>,
    pub(super) proxy: Option<ProxyHop>,
    /// The address of the proxy, else of the service.
    pub(super) known: KnownAddress,
}

/// A proxy on the route.
pub(super) struct ProxyHop {
    pub(super) server: Server,
    pub(super) tls: Option<Box<dyn Handshake>>,
    /// The value of `Proxy-Authorization`.
    pub(super) authorization: Option<Zeroizing<String>>,
    /// The `User-Agent` for the proxy.
    pub(super) user_agent: String,
    /// The option or variable that configures the proxy.
    pub(super) source: String,
}

impl Route {
    pub(super) fn open(&self, record: &Record) -> io::Result<Box<dyn Stream>> {
        let stream: Box<dyn Stream> = match &self.proxy {
            None => Box::new(dial(&self.server, &self.known, record)?),
            Some(proxy) => proxy.open(&self.server, &self.known, record)?,
        };
        agree(self.tls.as_deref(), stream, record, Step::Tls)
    }

    /// Returns the proxy, if it is the peer in this step.
    fn proxy_in(&self, step: Step) -> Option<&ProxyHop> {
        match step {
            Step::Lookup | Step::Connect | Step::ProxyTls | Step::Tunnel => self.proxy.as_ref(),
            Step::Start | Step::Tls | Step::HandedOver => None,
        }
    }

    /// Returns the host and port of the peer in this step.
    pub(super) fn peer(&self, step: Step) -> String {
        let proxy = self.proxy_in(step);
        proxy
            .map_or(&self.server, |proxy| &proxy.server)
            .authority()
    }

    /// Describes the peer in this step, including where a proxy was configured.
    pub(super) fn described(&self, step: Step) -> String {
        match (self.proxy_in(step), &self.proxy) {
            (Some(proxy), _) => proxy.described(),
            (None, Some(proxy)) if step != Step::Start => {
                format!("{} through {}", self.server.authority(), proxy.described())
            }
            (None, _) => self.server.authority(),
        }
    }
}

impl ProxyHop {
    fn open(
        &self,
        to: &Server,
        known: &KnownAddress,
        record: &Record,
    ) -> io::Result<Box<dyn Stream>> {
        let socket = Box::new(dial(&self.server, known, record)?);
        let mut stream = agree(self.tls.as_deref(), socket, record, Step::ProxyTls)?;
        record.reached(Step::Tunnel);
        let authorization = self.authorization.as_ref();
        let asked = tunnel::Asked {
            authority: &to.authority(),
            user_agent: &self.user_agent,
            authorization: authorization.map(|value| value.as_str()),
            source: &self.source,
        };
        tunnel::open(&mut *stream, &asked, record).inspect_err(|error| {
            if ClientRefused::is_in(error) {
                record.refused_for_good();
            }
        })?;
        Ok(stream)
    }

    fn described(&self) -> String {
        format!(
            "{} (the proxy from {})",
            self.server.authority(),
            self.source
        )
    }
}

fn agree(
    tls: Option<&dyn Handshake>,
    stream: Box<dyn Stream>,
    record: &Record,
    step: Step,
) -> io::Result<Box<dyn Stream>> {
    match tls {
        None => Ok(stream),
        Some(tls) => {
            record.reached(step);
            tls.agree(stream, record)
        }
    }
}
