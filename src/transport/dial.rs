//! DNS lookup and connecting, the two steps that cannot be interrupted. Unless the address is known
//! and answers soon, they run in a thread of their own, and the attempt waits for that thread, its
//! deadline or the shutdown. It does not depend on TLS.

use std::io;
use std::net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs as _};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

use super::known_address::KnownAddress;
use super::record::{Record, Step};
use super::server::Server;
use super::shutdown::Interrupt;
use super::socket::Socket;

/// The shortest time limit for connecting, because the system does not accept zero.
const MIN_TIME: Duration = Duration::from_millis(10);

/// How long an attempt waits for an address without being interrupted, and for one address before
/// it tries the next one in parallel.
const SOON: Duration = Duration::from_millis(250);

pub(super) fn dial(server: &Server, known: &KnownAddress, record: &Record) -> io::Result<Socket> {
    record.reached(Step::Lookup);
    record.time_left()?;
    let stream = match connect_soon(server, known, record)? {
        Some(stream) => stream,
        None => {
            let stream = connect_in_a_thread(server, record)?;
            if let Ok(address) = stream.peer_addr() {
                known.keep(address);
            }
            stream
        }
    };
    Socket::new(stream, record)
}

/// Connects without a thread. Returns nothing if the address is not known or does not answer soon.
fn connect_soon(
    server: &Server,
    known: &KnownAddress,
    record: &Record,
) -> io::Result<Option<TcpStream>> {
    let own = server.host.parse::<IpAddr>().ok();
    let own = own.map(|address| SocketAddr::new(address, server.port));
    let address = own.or_else(|| known.get());
    let Some(address) = address.filter(|address| !known.is_slow(*address)) else {
        return Ok(None);
    };
    record.reached(Step::Connect);
    record.address_known(own.is_none());
    // Half of the time, so that there is time for a lookup.
    let soon = record.time_left()?.map_or(SOON, |left| SOON.min(left / 2));
    match TcpStream::connect_timeout(&address, soon.max(MIN_TIME)) {
        Ok(stream) => Ok(Some(stream)),
        Err(error) if own.is_some() && error.kind() != io::ErrorKind::TimedOut => {
            connected(Some(Err(error)), record).map(Some)
        }
        Err(error) => {
            // The service may have another address by now.
            known.forget();
            if error.kind() == io::ErrorKind::TimedOut {
                known.was_slow(address);
            }
            record.address_known(false);
            record.time_left()?;
            record.reached(Step::Lookup);
            Ok(None)
        }
    }
}

fn connect_in_a_thread(server: &Server, record: &Record) -> io::Result<TcpStream> {
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
                format!("could not start a thread for the connection: {error}"),
            )
        })?;
    let (step, stream) = slot.wait(by);
    record.reached(step);
    connected(stream, record)
}

/// The thread has the same deadline as the attempt, and may report it first: so the record is asked
/// even if there is an error.
fn connected(result: Option<io::Result<TcpStream>>, record: &Record) -> io::Result<TcpStream> {
    match result {
        Some(Ok(stream)) => Ok(stream),
        failed => {
            // Records whether it was the deadline or the shutdown.
            record.time_left()?;
            Err(failed.and_then(Result::err).unwrap_or_else(gone))
        }
    }
}

/// Where the attempt waits for the thread's result.
#[derive(Default)]
struct Slot {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// Whether the DNS lookup has finished.
    connecting: bool,
    stream: Option<io::Result<TcpStream>>,
    /// Whether the attempt no longer waits.
    given_up: bool,
}

impl Interrupt for Slot {
    fn interrupt(&self) {
        self.lock().given_up = true;
        self.changed.notify_one();
    }
}

impl Slot {
    fn is_given_up(&self) -> bool {
        self.lock().given_up
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the result. Returns the step that was reached, and the result if it came in time.
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

    /// Connects to the first address that answers. If one neither answers nor refuses, the next one
    /// is tried in parallel after a while (RFC 8305), so that an unreachable IPv6 address does not
    /// use up the call's time.
    fn connect(&self, addresses: &[SocketAddr], by: Option<Instant>) -> io::Result<TcpStream> {
        if let [address] = addresses {
            if self.is_given_up() {
                return Err(gone());
            }
            return connect(*address, by);
        }
        let race = Arc::new(Race::default());
        for address in addresses {
            if self.is_given_up() || race.is_won() {
                break;
            }
            race.enter(*address, by);
            race.wait(Some(SOON));
        }
        race.wait(by.map(|by| by.saturating_duration_since(Instant::now())));
        race.end()
    }
}

/// Parallel attempts to connect to the addresses of a host. The first that answers is used.
#[derive(Default)]
struct Race {
    state: Mutex<RaceState>,
    changed: Condvar,
}

#[derive(Default)]
struct RaceState {
    running: usize,
    result: Option<io::Result<TcpStream>>,
    is_over: bool,
}

impl Race {
    fn lock(&self) -> MutexGuard<'_, RaceState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Connects in a new thread, or in this one if no thread can be started.
    fn enter(self: &Arc<Race>, address: SocketAddr, by: Option<Instant>) {
        self.lock().running += 1;
        let entered = Arc::clone(self);
        let run = move |race: &Race| race.finish(connect(address, by));
        let thread = thread::Builder::new()
            .name("ionoscloud-auth".to_owned())
            .spawn(move || run(&entered));
        if thread.is_err() {
            self.finish(connect(address, by));
        }
    }

    fn finish(&self, connected: io::Result<TcpStream>) {
        let mut state = self.lock();
        state.running -= 1;
        // A second connection is closed.
        if !state.is_over && !matches!(state.result, Some(Ok(_))) {
            state.result = Some(connected);
        }
        self.changed.notify_one();
    }

    fn is_won(&self) -> bool {
        matches!(self.lock().result, Some(Ok(_)))
    }

    /// Waits until one has connected, all have failed, or the time is over.
    fn wait(&self, time: Option<Duration>) {
        let state = self.lock();
        let goes_on =
            |state: &mut RaceState| state.running > 0 && !matches!(state.result, Some(Ok(_)));
        match time {
            Some(time) => drop(self.changed.wait_timeout_while(state, time, goes_on)),
            None => drop(self.changed.wait_while(state, goes_on)),
        }
    }

    fn end(&self) -> io::Result<TcpStream> {
        let mut state = self.lock();
        state.is_over = true;
        match state.result.take() {
            Some(Ok(stream)) => Ok(stream),
            Some(failed) if state.running == 0 => failed,
            // At least one address has not answered in time.
            _ => Err(gone()),
        }
    }
}

fn connect(address: SocketAddr, by: Option<Instant>) -> io::Result<TcpStream> {
    match by.map(|by| by.saturating_duration_since(Instant::now())) {
        None => TcpStream::connect(address),
        Some(left) => TcpStream::connect_timeout(&address, left.max(MIN_TIME)),
    }
}

/// Returns an error that is not reported, because the attempt has already ended.
fn gone() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "the attempt has ended")
}

fn addresses(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    let addresses: Vec<_> = (host, port).to_socket_addrs()?.collect();
    if addresses.is_empty() {
        return Err(io::Error::new(
            io::ErrorKind::NotFound,
            "the name has no address",
        ));
    }
    Ok(addresses)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::record::{Ended, Pooling};
    use crate::transport::shutdown::Shutdown;
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
            (vec![live], true, "one live address"),
            (vec![dead, live], true, "the second is live"),
            (vec![dead, dead, dead, live], true, "the last is live"),
            (vec![live, dead], true, "the first is live"),
            (vec![dead, dead], false, "no live address"),
            (vec![], false, "no address"),
        ] {
            for by in [Some(by), None] {
                let connected = Slot::default().connect(&addresses, by);
                assert_eq!(connected.is_ok(), connects, "{reason}");
            }
        }
    }

    /// Returns an address that does not answer, because the listener's queue is full. Systems other
    /// than Linux may refuse instead.
    fn silent() -> (socket2::Socket, Vec<TcpStream>, SocketAddr) {
        use socket2::{Domain, Socket, Type};
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
        socket.bind(&any.into()).unwrap();
        socket.listen(1).unwrap();
        let address = socket.local_addr().unwrap().as_socket().unwrap();
        let mut queued = Vec::new();
        let short = Duration::from_millis(200);
        while let Ok(stream) = TcpStream::connect_timeout(&address, short) {
            queued.push(stream);
            assert!(queued.len() < 10_000, "the queue does not fill");
        }
        (socket, queued, address)
    }

    #[test]
    fn a_silent_address_costs_little() {
        let (_socket, _queued, silent) = silent();
        let (_alive, live) = listener();
        let dead = listener().1;
        let time = Duration::from_secs(60);
        for (addresses, connects, reason) in [
            (vec![silent, live], true, "the first is silent"),
            (
                vec![silent, silent, live],
                true,
                "the second is silent, too",
            ),
            (vec![silent, dead, live], true, "the second refuses"),
            (vec![live, silent], true, "the first answers"),
        ] {
            let started = Instant::now();
            let connected = Slot::default().connect(&addresses, Some(started + time));
            assert_eq!(connected.is_ok(), connects, "{reason}: {connected:?}");
            // Half of the time would be 30 s.
            assert!(
                started.elapsed() < time / 4,
                "{reason}: {:?}",
                started.elapsed()
            );
        }
        let by = Instant::now() + Duration::from_millis(600);
        let failed = Slot::default()
            .connect(&[silent, dead], Some(by))
            .unwrap_err();
        if cfg!(target_os = "linux") {
            assert_eq!(failed.kind(), io::ErrorKind::TimedOut);
        }
    }

    fn record(deadline: Duration) -> std::rc::Rc<Record> {
        let deadline = Instant::now() + deadline;
        Record::new(Pooling::Any, Instant::now(), Some(deadline), Arc::default())
    }

    #[test]
    fn a_known_address_is_used_until_it_fails() {
        let (_alive, live) = listener();
        let (_socket, _queued, silent) = silent();
        let dead = listener().1;
        let server = Server::new(false, "localhost", live.port()).unwrap();
        for (first, reason) in [
            (None, "the first connection"),
            (Some(live), "it answers"),
            (Some(dead), "it refuses"),
            (Some(silent), "it does not answer"),
        ] {
            let known = KnownAddress::default();
            if let Some(first) = first {
                known.keep(first);
            }
            let record = record(Duration::from_secs(60));
            let started = Instant::now();
            let connected = dial(&server, &known, &record);
            assert!(connected.is_ok(), "{reason}: {:?}", connected.err());
            assert_eq!(record.step(), Step::Connect, "{reason}");
            assert_eq!(known.get(), Some(live), "{reason}");
            assert!(started.elapsed() < Duration::from_secs(10), "{reason}");
        }
    }

    #[test]
    fn a_silent_address_is_waited_for_only_once_and_not_too_long() {
        let (_alive, live) = listener();
        let (_socket, _queued, silent) = silent();
        let server = Server::new(false, "localhost", live.port()).unwrap();
        let known = KnownAddress::default();
        for reason in ["half of the time is left", "it is known to be slow"] {
            known.keep(silent);
            let connected = dial(&server, &known, &record(Duration::from_millis(400)));
            assert!(connected.is_ok(), "{reason}: {:?}", connected.err());
            // Other systems may refuse.
            assert!(known.is_slow(silent) || cfg!(not(target_os = "linux")));
        }
    }

    #[test]
    fn a_known_address_is_not_looked_up() {
        let (_alive, live) = listener();
        let known = KnownAddress::default();
        known.keep(live);
        let server = Server::new(false, "name.invalid", live.port()).unwrap();
        let record = record(Duration::from_secs(60));
        assert!(dial(&server, &known, &record).is_ok());
    }

    #[test]
    fn an_address_in_the_url_is_reached_or_not() {
        let (_alive, live) = listener();
        let (_socket, _queued, silent) = silent();
        let dead = listener().1;
        for (address, expected, reason) in [
            (live, Ok(()), "it answers"),
            (dead, Err(io::ErrorKind::ConnectionRefused), "it refuses"),
            (silent, Err(io::ErrorKind::TimedOut), "it does not answer"),
        ] {
            if cfg!(not(target_os = "linux")) && address == silent {
                continue;
            }
            let server = Server::new(false, "127.0.0.1", address.port()).unwrap();
            let known = KnownAddress::default();
            let record = record(Duration::from_secs(2));
            let connected = dial(&server, &known, &record);
            let connected = connected.map(|_| ()).map_err(|error| error.kind());
            assert_eq!(connected, expected, "{reason}");
            assert_eq!(record.step(), Step::Connect, "{reason}");
        }
    }

    #[test]
    fn a_failure_at_the_deadline_or_after_a_shutdown_is_recorded_as_that() {
        let later = Some(Instant::now() + Duration::from_secs(60));
        let refused = || Some(Err(io::ErrorKind::ConnectionRefused.into()));
        let too_late = || Some(Err(io::ErrorKind::TimedOut.into()));
        for (result, deadline, shut_down, ended, reason) in [
            (refused(), later, false, None, "it was refused in time"),
            (
                too_late(),
                Some(Instant::now()),
                false,
                Some(Ended::TimedOut),
                "the thread's limit",
            ),
            (
                None,
                Some(Instant::now()),
                false,
                Some(Ended::TimedOut),
                "the attempt's limit",
            ),
            (
                refused(),
                later,
                true,
                Some(Ended::ShutDown),
                "refused after a shutdown",
            ),
            (None, later, true, Some(Ended::ShutDown), "interrupted"),
        ] {
            let shutdown = Arc::<Shutdown>::default();
            let record = Record::new(
                Pooling::Any,
                Instant::now(),
                deadline,
                Arc::clone(&shutdown),
            );
            if shut_down {
                shutdown.set();
            }
            assert!(connected(result, &record).is_err(), "{reason}");
            assert_eq!(record.ended(), ended, "{reason}");
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
