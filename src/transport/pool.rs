//! The idle connections of a client. It does not depend on requests.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::connection::Connection;

/// The maximum number of idle connections.
const MAX_IDLE: usize = 16;
/// How long a connection may be idle.
const MAX_IDLE_AGE: Duration = Duration::from_secs(15);

#[derive(Default)]
pub(super) struct Pool(Mutex<State>);

#[derive(Default)]
struct State {
    idle: Vec<Idle>,
    is_closed: bool,
}

struct Idle {
    connection: Connection,
    since: Instant,
}

impl Pool {
    /// Takes the connection that was used last, if it is open and has no unexpected bytes.
    pub(super) fn take(&self, now: Instant) -> Option<Connection> {
        loop {
            // The lock is not held while a connection is checked.
            let mut idle = self.lock().idle.pop()?;
            if now.saturating_duration_since(idle.since) < MAX_IDLE_AGE
                && idle.connection.is_quiet()
            {
                return Some(idle.connection);
            }
        }
    }

    pub(super) fn put(&self, connection: Connection) {
        let since = Instant::now();
        let mut state = self.lock();
        if state.is_closed {
            return;
        }
        let idle = &mut state.idle;
        let gone: Vec<_> = {
            let old = idle
                .iter()
                .take_while(|idle| since.duration_since(idle.since) >= MAX_IDLE_AGE);
            let surplus = old.count().max((idle.len() + 1).saturating_sub(MAX_IDLE));
            idle.drain(..surplus).collect()
        };
        idle.push(Idle { connection, since });
        // Closed without holding the lock.
        drop(state);
        drop(gone);
    }

    pub(super) fn clear(&self) {
        let idle = std::mem::take(&mut self.lock().idle);
        drop(idle);
    }

    /// Closes all connections, and does not accept further ones.
    pub(super) fn close(&self) {
        self.lock().is_closed = true;
        self.clear();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::stream::Stream;
    use std::io::{self, Read, Write};

    /// A stream that is silent, and open or closed.
    struct Silent {
        is_open: bool,
    }

    impl Read for Silent {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Ok(0)
        }
    }

    impl Write for Silent {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Stream for Silent {
        fn is_quiet(&mut self) -> bool {
            self.is_open
        }
    }

    fn connection(is_open: bool) -> Connection {
        Connection::new(Box::new(Silent { is_open }))
    }

    #[test]
    fn at_most_sixteen_idle_connections_are_kept() {
        let pool = Pool::default();
        for n in 1..=3 * MAX_IDLE {
            pool.put(connection(false));
            assert_eq!(pool.lock().idle.len(), n.min(MAX_IDLE));
        }
        assert!(
            pool.take(Instant::now()).is_none(),
            "all of them are closed"
        );
        assert!(pool.lock().idle.is_empty(), "closed ones are removed");
    }

    #[test]
    fn idle_connections_that_are_too_old_are_dropped() {
        let pool = Pool::default();
        let Some(long_ago) = Instant::now().checked_sub(MAX_IDLE_AGE) else {
            return; // The machine has only just started.
        };
        let old = || Idle {
            connection: connection(true),
            since: long_ago,
        };
        pool.lock().idle.extend([old(), old(), old()]);
        assert!(
            pool.take(Instant::now()).is_none(),
            "removed when one is taken"
        );

        pool.lock().idle.extend([old(), old(), old()]);
        pool.put(connection(true));
        assert_eq!(pool.lock().idle.len(), 1, "removed when one is put back");
        assert!(
            pool.take(Instant::now()).is_some(),
            "the one put back is not old"
        );
    }
}
