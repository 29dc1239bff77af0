//! Looks up the host and connects, in threads of their own (docs/ureq.md 2). They are left behind
//! when the time is over or the client is shut down.

use std::net::{SocketAddr, ToSocketAddrs as _};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};
use std::{io, process, thread};

use ureq::Error;
use ureq::config::Config;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{
    ConnectionDetails, Connector, NextTimeout, ShutdownHandle, TcpConnector, Transport,
};

use super::record::{Common, Found, Record, Step};

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

#[derive(Debug)]
pub(super) struct Dial;

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
        let addresses = addresses(details, &record)?;
        record.reached(Step::Connect);
        let by = Instant::now() + record.time_left()?;
        let (uri, config, now) = (details.uri.clone(), details.config.clone(), details.now);
        let current_time = Arc::clone(&details.current_time);
        let run_connector = Arc::clone(&details.run_connector);
        let common = Arc::clone(&record.common);
        let stream = receive(&record, |sender, waker| {
            start(move || {
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
                    register_shutdown: Arc::new(move |socket| common.add(socket)),
                };
                let is_given_up = || waker.strong_count() == 0;
                let _ = sender.send(Some(connect(details, addresses, by, is_given_up)));
            })
        });
        stream?.map(Some)
    }
}

/// Wakes a call that waits for a thread.
struct Waker<T>(Sender<Option<T>>);

impl<T: Send> ShutdownHandle for Waker<T> {
    fn shutdown(&self) {
        let _ = self.0.send(None);
    }
}

/// Waits for what a thread sends, until the attempt must end. The waker is gone after that.
fn receive<T: Send + 'static>(
    record: &Record,
    start: impl FnOnce(Sender<Option<T>>, Weak<dyn ShutdownHandle>) -> Result<(), Error>,
) -> Result<T, Error> {
    let (sender, receiver) = channel();
    let waker: Arc<dyn ShutdownHandle> = Arc::new(Waker(sender.clone()));
    record.common.add(Arc::downgrade(&waker))?;
    start(sender, Arc::downgrade(&waker))?;
    loop {
        if let Ok(Some(value)) = receiver.recv_timeout(record.time_left()?) {
            return Ok(value);
        }
    }
}

fn start(work: impl FnOnce() + Send + 'static) -> Result<(), Error> {
    let thread = thread::Builder::new().name("ionoscloud-auth".to_owned());
    let failed = |error| io::Error::other(format!("could not start a thread for it: {error}"));
    Ok(thread.spawn(work).map(drop).map_err(failed)?)
}

/// Tries each address for 250 ms, then those that were silent for 1 s, for 4 s, and for what is
/// left, so that a dead IPv6 address costs little even on a slow line (docs/ureq.md 10).
fn connect(
    mut details: ConnectionDetails,
    mut addresses: Vec<SocketAddr>,
    by: Instant,
    is_given_up: impl Fn() -> bool,
) -> Result<Box<dyn Transport>, Error> {
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
            if left.is_zero() || is_given_up() {
                return Err(Error::Timeout(ureq::Timeout::Connect));
            }
            details.timeout.after = round.min(left).into();
            details.addrs = details.resolver.empty();
            details.addrs.push(address);
            match TcpConnector::default().connect(&details, None::<()>) {
                Ok(Some(stream)) => return Ok(Box::new(stream)),
                Ok(None) | Err(Error::Timeout(_)) => silent.push(address),
                // A later address may just have no route.
                Err(error) if !matches!(failed, Error::Io(_)) => failed = error,
                Err(_) => {}
            }
        }
        if silent.is_empty() {
            return Err(failed);
        }
        addresses = silent;
    }
}

/// Returns the addresses of the host. One lookup runs at a time. Calls that need it while it runs
/// wait for its result, which goes to nobody later: a resolver that hangs costs one thread, and not
/// one for each call.
fn addresses(details: &ConnectionDetails, record: &Record) -> Result<Vec<SocketAddr>, Error> {
    let parts = details.uri.scheme().zip(details.uri.authority());
    let host = parts.and_then(|(scheme, host)| DefaultResolver::host_and_port(scheme, host));
    let host = host.ok_or(Error::HostNotFound)?;
    if let Ok(address) = host.parse() {
        return Ok(vec![address]);
    }
    let found = receive(record, |sender, _| look_up(host, sender, &record.common))?;
    found.map_err(|(kind, text)| io::Error::new(kind, text).into())
}

/// Joins the lookup that runs, or starts one.
fn look_up(host: String, sender: Sender<Option<Found>>, common: &Arc<Common>) -> Result<(), Error> {
    let mut state = common.lock();
    if let Some((process, waiting)) = &mut state.lookup {
        if *process == process::id() {
            waiting.push(sender);
            return Ok(());
        }
    }
    let common = Arc::clone(common);
    // ureq's resolver does the same, but logs, and a logger may panic.
    start(move || {
        let found = host.to_socket_addrs().map(|found| found.take(16).collect());
        let found: Found = found.map_err(|error| (error.kind(), error.to_string()));
        let lookup = common.lock().lookup.take();
        for sender in lookup.into_iter().flat_map(|(_, waiting)| waiting) {
            let _ = sender.send(Some(found.clone()));
        }
    })?;
    state.lookup = Some((process::id(), vec![sender]));
    Ok(())
}
