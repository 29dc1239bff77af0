//! Address lookup and connecting, the two steps that nothing can interrupt: they run in a thread of
//! their own, and the attempt waits for it, for its deadline and for the shutdown.

use std::io;
use std::net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs as _};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

use super::record::{Record, Step};
use super::server::Server;
use super::shutdown::Interrupt;
use super::socket::Socket;

/// The shortest time that one of several addresses gets.
const MIN_PER_ADDRESS: Duration = Duration::from_millis(10);

pub(super) fn dial(server: &Server, record: &Record) -> io::Result<Socket> {
    record.reached(Step::Lookup);
    record.time_left()?;
    let by = record.connect_by;
    let slot = Arc::new(Slot::default());
    let waits: Weak<Slot> = Arc::downgrade(&slot);
    record.interrupts(waits)?;
    let filled = Arc::clone(&slot);
    let (host, port) = (server.host.clone(), server.port);
    thread::Builder::new()
        .name("ionoscloud-auth".to_owned())
        .spawn(move || filled.fill(&host, port, by))
        .map_err(|error| {
            record.reached(Step::Connect);
            io::Error::new(
                error.kind(),
                format!("no thread could be started to connect in: {error}"),
            )
        })?;
    let (step, stream) = slot.wait(by);
    record.reached(step);
    match stream {
        Some(stream) => Socket::new(stream?, record),
        None => {
            // Over is the time, or the client: this records which.
            record.time_left()?;
            Err(io::Error::new(io::ErrorKind::TimedOut, "it was given up"))
        }
    }
}

/// Where the attempt waits for what the thread brings.
#[derive(Default)]
struct Slot {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// Whether the host's addresses are known.
    connecting: bool,
    stream: Option<io::Result<TcpStream>>,
    /// Nobody waits any more.
    given_up: bool,
}

impl Interrupt for Slot {
    fn interrupt(&self) {
        self.lock().given_up = true;
        self.changed.notify_one();
    }
}

impl Slot {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How far it came, and what it brought, if it did in time.
    fn wait(&self, by: Option<Instant>) -> (Step, Option<io::Result<TcpStream>>) {
        let mut state = self.lock();
        while state.stream.is_none() && !state.given_up {
            state = match by.map(|by| by.saturating_duration_since(Instant::now())) {
                None => self
                    .changed
                    .wait(state)
                    .unwrap_or_else(PoisonError::into_inner),
                Some(Duration::ZERO) => break,
                Some(left) => {
                    let waited = self.changed.wait_timeout(state, left);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
        state.given_up = true;
        let step = if state.connecting {
            Step::Connect
        } else {
            Step::Lookup
        };
        (step, state.stream.take())
    }

    fn fill(&self, host: &str, port: u16, by: Option<Instant>) {
        let stream = addresses(host, port).and_then(|addresses| {
            self.lock().connecting = true;
            self.connect(&addresses, by)
        });
        let mut state = self.lock();
        if !state.given_up {
            state.stream = Some(stream);
            self.changed.notify_one();
        }
    }

    /// The first of the addresses that answers. Each has half of what is left, and the last has
    /// all.
    fn connect(&self, addresses: &[SocketAddr], by: Option<Instant>) -> io::Result<TcpStream> {
        let mut failed = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
        let mut rest = addresses;
        while let [address, others @ ..] = rest {
            if self.lock().given_up {
                break;
            }
            let connected = match by.map(|by| by.saturating_duration_since(Instant::now())) {
                None => TcpStream::connect(address),
                Some(left) if others.is_empty() => {
                    TcpStream::connect_timeout(address, left.max(MIN_PER_ADDRESS))
                }
                Some(left) => TcpStream::connect_timeout(address, (left / 2).max(MIN_PER_ADDRESS)),
            };
            match connected {
                Ok(stream) => return Ok(stream),
                Err(error) => failed = error,
            }
            rest = others;
        }
        Err(failed)
    }
}

fn addresses(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    let addresses: Vec<_> = (host, port).to_socket_addrs()?.collect();
    if addresses.is_empty() {
        return Err(io::Error::new(
            io::ErrorKind::NotFound,
            "the name server knows no address of it",
        ));
    }
    Ok(addresses)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    fn listener() -> (TcpListener, SocketAddr) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        (listener, address)
    }

    #[test]
    fn a_live_address_is_reached_after_dead_ones() {
        let (_alive, live) = listener();
        let dead = listener().1;
        let by = Instant::now() + Duration::from_secs(20);
        for (addresses, connects, reason) in [
            (vec![live], true, "it is alive"),
            (vec![dead, live], true, "the second is"),
            (vec![dead, dead, dead, live], true, "the last is"),
            (vec![live, dead], true, "the first is"),
            (vec![dead, dead], false, "none is"),
            (vec![], false, "there is none"),
        ] {
            for by in [Some(by), None] {
                let connected = Slot::default().connect(&addresses, by);
                assert_eq!(connected.is_ok(), connects, "{reason}");
            }
        }
    }

    #[test]
    fn an_interrupted_attempt_connects_no_more() {
        let (_alive, live) = listener();
        let slot = Slot::default();
        slot.interrupt();
        assert!(slot.connect(&[live], None).is_err());
        let (step, stream) = slot.wait(None);
        assert!(step == Step::Lookup && stream.is_none());
    }

    #[test]
    fn the_wait_ends_with_a_connection_or_the_deadline() {
        let (_alive, live) = listener();
        let slot = Slot::default();
        slot.fill("127.0.0.1", live.port(), None);
        let (step, stream) = slot.wait(None);
        assert!(step == Step::Connect && stream.unwrap().is_ok());

        let (step, stream) = Slot::default().wait(Some(Instant::now()));
        assert!(step == Step::Lookup && stream.is_none());
    }

    #[test]
    fn an_address_is_not_looked_up() {
        for host in ["::1", "127.0.0.1"] {
            let expected = SocketAddr::new(host.parse().unwrap(), 7);
            assert_eq!(addresses(host, 7).unwrap(), [expected]);
        }
    }
}
