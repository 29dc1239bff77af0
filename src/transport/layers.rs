//! What stands in ureq's chain of connectors, from the socket to the request:
//!
//! ConnectProxy → [`Dial`] → [`Below`] TLS → pin → Rustls → [`Above`] TLS
//!
//! With a proxy the chain runs twice: ConnectProxy runs all of it to reach the proxy, and the rest
//! of it runs on the tunnel to reach the service.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use ureq::Error;
use ureq::config::Config;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, NextTimeout, ShutdownHandle, TcpConnector, Transport,
};

use super::record::{Record, Step};

/// Whether the chain runs to reach the proxy: ConnectProxy then takes the proxy out of the config.
pub(super) fn is_to_proxy(has_proxy: bool, details: &ConnectionDetails) -> bool {
    has_proxy && details.config.proxy().is_none()
}

/// ureq looks up a name even where it has an idle connection (docs/ureq.md 1): [`Dial`] does it.
#[derive(Debug)]
pub(super) struct NoLookup;

impl Resolver for NoLookup {
    fn resolve(
        &self,
        _: &ureq::http::Uri,
        _: &Config,
        _: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, Error> {
        Ok(self.empty())
    }
}

/// Looks up the host and connects, in a thread of its own (docs/ureq.md 2), which is left behind
/// when the time is over or the client is shut down.
#[derive(Debug)]
pub(super) struct Dial;

enum News {
    Connecting,
    Connected(Result<Box<dyn Transport>, Error>),
    ShutDown,
}

struct Waker(Sender<News>);

impl ShutdownHandle for Waker {
    fn shutdown(&self) {
        let _ = self.0.send(News::ShutDown);
    }
}

impl<In: Transport> Connector<In> for Dial {
    type Out = Box<dyn Transport>;

    fn connect(
        &self,
        details: &ConnectionDetails,
        tunnel: Option<In>,
    ) -> Result<Option<Self::Out>, Error> {
        if let Some(tunnel) = tunnel {
            return Ok(Some(Box::new(tunnel)));
        }
        let record = Record::current()?;
        record.reached(Step::Lookup);
        let by = Instant::now() + record.time_left()?;
        let (tell, told) = channel();
        let waker: Arc<dyn ShutdownHandle> = Arc::new(Waker(tell.clone()));
        (details.register_shutdown)(Arc::downgrade(&waker))?;
        let (uri, config, now) = (details.uri.clone(), details.config.clone(), details.now);
        let current_time = Arc::clone(&details.current_time);
        let run_connector = Arc::clone(&details.run_connector);
        let register_shutdown = Arc::clone(&details.register_shutdown);
        let dial = move || {
            let resolver = DefaultResolver::default();
            let details = ConnectionDetails {
                uri: &uri,
                addrs: resolver.empty(),
                config: &config,
                request_level: false,
                resolver: &resolver,
                now,
                timeout: NextTimeout::default(),
                current_time,
                run_connector,
                register_shutdown,
            };
            let connected = look_up_and_connect(details, by, &tell);
            let _ = tell.send(News::Connected(connected));
        };
        let thread = thread::Builder::new().name("ionoscloud-auth".to_owned());
        if let Err(error) = thread.spawn(dial) {
            record.reached(Step::Connect);
            let text = format!("could not start a thread for the connection: {error}");
            return Err(io::Error::new(error.kind(), text).into());
        }
        loop {
            match told.recv_timeout(record.time_left()?) {
                Ok(News::Connecting) => record.reached(Step::Connect),
                Ok(News::Connected(stream)) => return stream.map(Some),
                // The record says which.
                Ok(News::ShutDown) | Err(_) => {}
            }
        }
    }
}

/// Tries each address for 250 ms, then those that were silent for 1 s, for 4 s, and for what is
/// left, so that a dead IPv6 address costs little even on a slow line (docs/ureq.md 10).
fn look_up_and_connect(
    mut details: ConnectionDetails,
    by: Instant,
    tell: &Sender<News>,
) -> Result<Box<dyn Transport>, Error> {
    let resolver = details.resolver;
    let found = resolver.resolve(details.uri, details.config, details.timeout)?;
    let mut addresses: Vec<SocketAddr> = found.iter().copied().collect();
    let mut rounds = [250, 1000, 4000].map(Duration::from_millis).into_iter();
    let mut failed = Error::HostNotFound;
    loop {
        let round = match addresses.len() {
            1 => Duration::MAX,
            _ => rounds.next().unwrap_or(Duration::MAX),
        };
        let mut silent = Vec::new();
        for address in addresses {
            let left = by.saturating_duration_since(Instant::now());
            let is_given_up = tell.send(News::Connecting).is_err();
            if left.is_zero() || is_given_up {
                return Err(Error::Timeout(ureq::Timeout::Connect));
            }
            details.timeout.after = round.min(left).into();
            details.addrs = resolver.empty();
            details.addrs.push(address);
            match TcpConnector::default().connect(&details, None::<()>) {
                Ok(Some(stream)) => return Ok(Box::new(stream)),
                Ok(None) | Err(Error::Timeout(_)) => silent.push(address),
                Err(error) => failed = error,
            }
        }
        if silent.is_empty() {
            return Err(failed);
        }
        addresses = silent;
    }
}

#[derive(Debug)]
pub(super) struct WatchBelow {
    pub(super) has_proxy: bool,
}

impl<In: Transport> Connector<In> for WatchBelow {
    type Out = Below;

    fn connect(
        &self,
        details: &ConnectionDetails,
        stream: Option<In>,
    ) -> Result<Option<Below>, Error> {
        let Some(mut stream) = stream else {
            return Ok(None);
        };
        if !stream.buffers().input().is_empty() {
            // docs/ureq.md 7: they would pass for the service's.
            let text = "it sent more than its response to CONNECT";
            return Err(Error::ConnectProxyFailed(text.to_owned()));
        }
        let is_tls = details.needs_tls();
        if is_tls {
            Record::current()?.reached(match is_to_proxy(self.has_proxy, details) {
                true => Step::ProxyTls,
                false => Step::Tls,
            });
        }
        Ok(Some(Below {
            stream: Box::new(stream),
            records: is_tls.then(TlsRecords::default),
        }))
    }
}

/// Below TLS: ends every wait with the record's deadline (docs/ureq.md 5), and counts TLS records.
#[derive(Debug)]
pub(super) struct Below {
    stream: Box<dyn Transport>,
    records: Option<TlsRecords>,
}

/// On Windows a shutdown does not end a read (docs/ureq.md 19).
const LONGEST_READ: Duration = match cfg!(windows) {
    true => Duration::from_millis(500),
    false => Duration::MAX,
};

/// Returns the limit of the next wait in ureq's terms, from the time that is left.
fn limit(of: impl Fn(Duration) -> Duration) -> Result<NextTimeout, Error> {
    Ok(NextTimeout {
        after: of(Record::current()?.time_left()?).into(),
        ..NextTimeout::default()
    })
}

impl Transport for Below {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.stream.buffers()
    }

    /// A write that is stuck half-way waits for its limit once more (docs/ureq.md 18).
    fn transmit_output(&mut self, amount: usize, _: NextTimeout) -> Result<(), Error> {
        self.stream.transmit_output(amount, limit(|left| left / 2)?)
    }

    fn await_input(&mut self, _: NextTimeout) -> Result<bool, Error> {
        let held = self.buffers().input().len();
        let progress = loop {
            match self
                .stream
                .await_input(limit(|left| left.min(LONGEST_READ))?)
            {
                // The limit may be shorter than the time.
                Err(Error::Timeout(_)) => {}
                Ok(true) => break true,
                end => {
                    // After a shutdown the socket looks like one that the peer has closed.
                    Record::current()?.time_left()?;
                    break end?;
                }
            }
        };
        if let Some(records) = &mut self.records {
            let input = self.stream.buffers().input();
            records.pass(input.get(held..).unwrap_or_default());
        }
        Ok(progress)
    }

    /// ureq looks only at the socket (docs/ureq.md 8).
    fn is_open(&mut self) -> bool {
        let is_between = self.records.as_ref().is_none_or(TlsRecords::is_between);
        is_between && self.buffers().input().is_empty() && self.stream.is_open()
    }

    fn is_tls(&self) -> bool {
        self.stream.is_tls()
    }
}

/// The position in a stream of TLS records: each has a header of five bytes, of which the last two
/// are the length of the rest (RFC 8446, section 5.1).
#[derive(Debug, Default)]
struct TlsRecords {
    header_bytes: u8,
    length: u16,
    left: usize,
}

impl TlsRecords {
    fn pass(&mut self, mut bytes: &[u8]) {
        while let Some((byte, rest)) = bytes.split_first() {
            if self.left > 0 {
                let passed = self.left.min(bytes.len());
                self.left -= passed;
                bytes = bytes.split_at(passed).1;
                continue;
            }
            bytes = rest;
            self.length = self.length << 8 | u16::from(*byte);
            self.header_bytes += 1;
            if self.header_bytes == 5 {
                self.header_bytes = 0;
                self.left = usize::from(self.length);
            }
        }
    }

    fn is_between(&self) -> bool {
        self.header_bytes == 0 && self.left == 0
    }
}

#[derive(Debug)]
pub(super) struct WatchAbove {
    pub(super) has_proxy: bool,
    /// The number of connections that were lost.
    pub(super) losses: Arc<AtomicUsize>,
}

impl<In: Transport> Connector<In> for WatchAbove {
    type Out = Above;

    fn connect(
        &self,
        details: &ConnectionDetails,
        stream: Option<In>,
    ) -> Result<Option<Above>, Error> {
        let leads_to_proxy = is_to_proxy(self.has_proxy, details);
        if leads_to_proxy {
            Record::current()?.reached(Step::Tunnel);
        }
        Ok(stream.map(|stream| Above {
            stream: Box::new(stream),
            leads_to_proxy,
            is_filled: false,
            losses_before: self.losses.load(Ordering::SeqCst),
            losses: Arc::clone(&self.losses),
        }))
    }
}

/// Above TLS: marks the request as handed over, and knows whether TLS may hold plaintext.
#[derive(Debug)]
pub(super) struct Above {
    stream: Box<dyn Transport>,
    leads_to_proxy: bool,
    /// Whether the last read filled the buffer to its end.
    is_filled: bool,
    /// The number of lost connections when this one was made, and now.
    losses_before: usize,
    losses: Arc<AtomicUsize>,
}

impl Transport for Above {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.stream.buffers()
    }

    /// The limit first, then the mark, then the bytes. Nothing takes the mark back.
    fn transmit_output(&mut self, amount: usize, limit: NextTimeout) -> Result<(), Error> {
        let record = Record::current()?;
        record.time_left()?;
        if !self.leads_to_proxy {
            record.reached(Step::HandedOver);
        }
        self.stream.transmit_output(amount, limit)
    }

    fn await_input(&mut self, limit: NextTimeout) -> Result<bool, Error> {
        let room = self.buffers().input_append_buf().len();
        let held = self.buffers().input().len();
        let progress = self.stream.await_input(limit)?;
        self.is_filled = self.buffers().input().len() - held == room;
        Ok(progress)
    }

    /// More plaintext may be left inside TLS (docs/ureq.md 8), and after another connection was
    /// lost this one may be as stale (docs/ureq.md 11).
    fn is_open(&mut self) -> bool {
        let may_hold_more = self.is_filled && self.is_tls();
        let is_fresh = self.losses_before == self.losses.load(Ordering::SeqCst);
        !may_hold_more && is_fresh && self.stream.is_open()
    }

    fn is_tls(&self) -> bool {
        self.stream.is_tls()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn only_whole_records_end_between_records(
            lengths in proptest::collection::vec(0..700_u16, 1..6), pieces in 1..50_usize
        ) {
            let mut bytes = Vec::new();
            let mut ends = vec![0];
            for length in lengths {
                bytes.extend([23, 3, 3]);
                bytes.extend(length.to_be_bytes());
                bytes.extend(vec![0xff; usize::from(length)]);
                ends.push(bytes.len());
            }
            let mut records = TlsRecords::default();
            let mut passed = 0;
            for piece in bytes.chunks(pieces) {
                records.pass(piece);
                passed += piece.len();
                prop_assert_eq!(records.is_between(), ends.contains(&passed));
            }
            prop_assert!(records.is_between());
        }
    }
}
