//! Addresses that are kept for a while: with a deadline ureq starts a thread for the address of every
//! request, also of one on a pooled connection. Stands on ureq's `unversioned` API, as connector.rs
//! and pinned_cert.rs do, and no other file.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;
use ureq::{Agent, Error};

use crate::connector::{self, BeforeSending};
#[cfg(feature = "pinned-cert")]
use crate::pinned_cert::PinnedTls;

/// How long an address is kept.
const LIFETIME: Duration = Duration::from_secs(30);

pub(crate) fn agent(config: Config, #[cfg(feature = "pinned-cert")] pinned: PinnedTls) -> Agent {
    agent_with(
        config,
        DefaultResolver::default(),
        LIFETIME,
        #[cfg(feature = "pinned-cert")]
        pinned,
    )
}

fn agent_with(
    config: Config,
    resolver: impl Resolver,
    lifetime: Duration,
    #[cfg(feature = "pinned-cert")] pinned: PinnedTls,
) -> Agent {
    let kept = Arc::new(Kept::default());
    let connector = connector::new(
        Arc::clone(&kept),
        #[cfg(feature = "pinned-cert")]
        pinned,
    );
    let resolving = Resolving {
        inner: resolver,
        kept,
        lifetime,
    };
    Agent::with_parts(config, connector, resolving)
}

/// The addresses of the service, and of the proxy before it: a handful at most.
#[derive(Debug, Default)]
pub(crate) struct Kept(Mutex<Vec<Entry>>);

#[derive(Debug)]
struct Entry {
    of: Uri,
    addresses: ResolvedSocketAddrs,
    until: Instant,
}

/// One host, as the base URL or the proxy names it.
fn same_host(a: &Uri, b: &Uri) -> bool {
    a.scheme() == b.scheme() && a.authority() == b.authority()
}

impl Kept {
    fn get(&self, uri: &Uri) -> Option<ResolvedSocketAddrs> {
        let entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = entries.iter().find(|entry| same_host(&entry.of, uri))?;
        (entry.until > Instant::now()).then(|| entry.addresses.clone())
    }

    fn put(&self, uri: &Uri, addresses: &ResolvedSocketAddrs, lifetime: Duration) {
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        entries.retain(|entry| !same_host(&entry.of, uri));
        entries.push(Entry {
            of: uri.clone(),
            addresses: addresses.clone(),
            until: Instant::now() + lifetime,
        });
    }

    pub(crate) fn forget_all(&self) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }
}

#[derive(Debug)]
struct Resolving<R> {
    inner: R,
    kept: Arc<Kept>,
    lifetime: Duration,
}

impl<R: Resolver> Resolver for Resolving<R> {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, Error> {
        if let Some(addresses) = self.kept.get(uri) {
            return Ok(addresses);
        }
        // The lock is not held meanwhile: two threads may ask twice.
        let addresses = self
            .inner
            .resolve(uri, config, timeout)
            .map_err(BeforeSending::wrap)?;
        self.kept.put(uri, &addresses, self.lifetime);
        Ok(addresses)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connector::sent;
    use std::io::{Read as _, Write as _};
    use std::net::{SocketAddr, TcpListener};
    use std::sync::atomic::{AtomicUsize, Ordering};

    fn agent_with(config: Config, resolver: impl Resolver, lifetime: Duration) -> Agent {
        super::agent_with(
            config,
            resolver,
            lifetime,
            #[cfg(feature = "pinned-cert")]
            PinnedTls::new(None).unwrap(),
        )
    }

    /// Knows one address, and counts how often it was asked.
    #[derive(Debug, Clone)]
    struct Counting {
        address: Arc<Mutex<SocketAddr>>,
        asked: Arc<AtomicUsize>,
    }

    impl Resolver for Counting {
        fn resolve(
            &self,
            _: &Uri,
            _: &Config,
            _: NextTimeout,
        ) -> Result<ResolvedSocketAddrs, Error> {
            self.asked.fetch_add(1, Ordering::SeqCst);
            let mut addresses = self.empty();
            addresses.push(*self.address.lock().unwrap());
            Ok(addresses)
        }
    }

    /// A server that answers each connection's requests until the connection ends.
    fn server() -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                std::thread::spawn(move || {
                    while stream.read(&mut [0; 4096]).is_ok_and(|n| n > 0) {
                        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
                    }
                });
            }
        });
        address
    }

    fn counting(address: SocketAddr) -> Counting {
        Counting {
            address: Arc::new(Mutex::new(address)),
            asked: Arc::default(),
        }
    }

    fn get(agent: &Agent, pooled: bool) -> Result<(), Error> {
        let request = agent.get("http://auth.example.test:80/");
        // Of another size, it has a connection of its own.
        let size = if pooled { 128 * 1024 } else { 1024 };
        let mut answer = request.config().output_buffer_size(size).build().call()?;
        answer.body_mut().read_to_vec().map(drop)
    }

    fn no_proxy() -> Config {
        Agent::config_builder().proxy(None).build()
    }

    #[test]
    fn an_address_is_asked_for_once_in_its_lifetime() {
        let resolver = counting(server());
        let agent = agent_with(no_proxy(), resolver.clone(), Duration::from_secs(3600));
        for n in 0..100 {
            get(&agent, n % 2 == 0).unwrap();
        }
        assert_eq!(resolver.asked.load(Ordering::SeqCst), 1);

        let resolver = counting(server());
        let agent = agent_with(no_proxy(), resolver.clone(), Duration::ZERO);
        for _ in 0..3 {
            get(&agent, true).unwrap();
        }
        assert_eq!(resolver.asked.load(Ordering::SeqCst), 3);
    }

    #[test]
    fn an_address_is_forgotten_when_nobody_is_there() {
        let closed = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap();
        let resolver = counting(closed);
        let agent = agent_with(no_proxy(), resolver.clone(), Duration::from_secs(3600));
        let error = get(&agent, true).unwrap_err();
        assert!(matches!(sent(error), (Error::Io(_), Some(false))));
        // The host has moved.
        *resolver.address.lock().unwrap() = server();
        get(&agent, true).unwrap();
        get(&agent, false).unwrap();
        assert_eq!(resolver.asked.load(Ordering::SeqCst), 2);
    }

    #[test]
    fn hosts_are_told_apart() {
        let kept = Kept::default();
        let [a, b] = ["http://a.example:80/x", "http://b.example:80/x"].map(Uri::from_static);
        let addresses = counting(server())
            .resolve(&a, &no_proxy(), NextTimeout::default())
            .unwrap();
        kept.put(&a, &addresses, Duration::from_secs(3600));
        assert!(
            kept.get(&Uri::from_static("http://a.example:80/y"))
                .is_some()
        );
        assert!(kept.get(&b).is_none());
        assert!(
            kept.get(&Uri::from_static("http://a.example:81/x"))
                .is_none()
        );
        kept.put(&a, &addresses, Duration::ZERO);
        assert!(kept.get(&a).is_none());
    }

    #[test]
    fn an_error_after_sending_is_no_error_before() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let resolver = counting(listener.local_addr().unwrap());
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let _ = stream.read(&mut [0; 4096]);
        });
        let agent = agent_with(no_proxy(), resolver, Duration::from_secs(3600));
        let error = get(&agent, true).unwrap_err();
        assert!(matches!(sent(error), (Error::Io(_), Some(true))));
    }
}
