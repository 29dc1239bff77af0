//! The record of one attempt: how far it has come, when it must end, and what it has in common with
//! the others. It is in a thread-local, where the layers of a connection reach it.

use std::cell::{Cell, RefCell};
use std::io;
use std::mem::{self, ManuallyDrop};
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::mpsc::Sender;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use ureq::unversioned::transport::{ConnectionDetails, ShutdownHandle};
use ureq::{Error, Timeout};

type Current = ManuallyDrop<Rc<Record>>;

thread_local! {
    /// Has no destructor, so that a call in the destructor of another thread-local works.
    static CURRENT: RefCell<Option<Current>> = const { RefCell::new(None) };
}

/// How far an attempt has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Start,
    Lookup,
    Connect,
    /// The TLS handshake with an https proxy.
    ProxyTls,
    Tunnel,
    /// The TLS handshake with the service.
    Tls,
    /// The request was handed to a ready connection: from here on the service may act.
    HandedOver,
}

pub(super) struct Record {
    step: Cell<Step>,
    deadline: Option<Instant>,
    /// The deadline for having a connection, once the addresses are known.
    connect_by: Cell<Option<Instant>>,
    /// Whether no other attempt may follow.
    is_last: bool,
    has_proxy: bool,
    pub(super) common: Arc<Common>,
}

impl Record {
    pub(super) fn new(
        deadline: Option<Instant>,
        is_last: bool,
        has_proxy: bool,
        common: &Arc<Common>,
    ) -> Rc<Record> {
        Rc::new(Record {
            step: Cell::new(Step::Start),
            deadline,
            connect_by: Cell::new(deadline),
            is_last,
            has_proxy,
            common: Arc::clone(common),
        })
    }

    /// Makes this the record of the current thread until the guard is dropped.
    pub(super) fn enter(self: &Rc<Record>) -> Entered {
        Entered(CURRENT.replace(Some(ManuallyDrop::new(Rc::clone(self)))))
    }

    pub(super) fn current() -> Result<Rc<Record>, Error> {
        let current = CURRENT.with_borrow(|current| current.as_deref().cloned());
        current
            .ok_or_else(|| io::Error::other("a connection was used outside of an attempt").into())
    }

    pub(super) fn reached(&self, step: Step) {
        if step == Step::Connect && !self.is_last {
            // Half of the time, so that another attempt can connect, too.
            let now = Instant::now();
            let half = |deadline: Instant| now + deadline.saturating_duration_since(now) / 2;
            self.connect_by.set(self.deadline.map(half));
        }
        self.step.set(step);
    }

    pub(super) fn step(&self) -> Step {
        self.step.get()
    }

    /// Whether the chain runs to reach the proxy: ConnectProxy takes the proxy out of the config
    /// for that.
    pub(super) fn leads_to_proxy(&self, details: &ConnectionDetails) -> bool {
        self.has_proxy && details.config.proxy().is_none()
    }

    /// Returns the rest of the time for this step, or `None` without a limit.
    fn left(&self) -> Option<Duration> {
        let limit = match self.step() {
            Step::HandedOver => self.deadline,
            _ => self.connect_by.get(),
        };
        limit.map(|limit| limit.saturating_duration_since(Instant::now()))
    }

    /// Whether the time for this step is over.
    pub(super) fn is_late(&self) -> bool {
        self.left().is_some_and(|left| left.is_zero())
    }

    /// Returns the time that the next wait may take: at most an hour, because a wait without any
    /// limit ends with a signal (docs/ureq.md 13). An error means that the attempt must end.
    pub(super) fn time_left(&self) -> Result<Duration, Error> {
        const HOUR: Duration = Duration::from_secs(3600);
        if self.common.is_shut_down() {
            return Err(io::Error::from(io::ErrorKind::NotConnected).into());
        }
        match self.left() {
            None => Ok(HOUR),
            Some(Duration::ZERO) => Err(Error::Timeout(Timeout::Global)),
            Some(left) => Ok(left.min(HOUR)),
        }
    }
}

/// Restores the record of the enclosing attempt, if there is one: a logger may make calls.
pub(super) struct Entered(Option<Current>);

impl Drop for Entered {
    fn drop(&mut self) {
        let own = CURRENT.replace(self.0.take());
        drop(own.map(ManuallyDrop::into_inner));
    }
}

/// The addresses of a host, or why there are none.
pub(super) type Found = Result<Vec<SocketAddr>, (io::ErrorKind, String)>;

/// What the attempts of a client have in common.
#[derive(Default)]
pub(crate) struct Common {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
pub(super) struct State {
    is_shut_down: bool,
    /// What a shutdown ends.
    handles: Vec<Weak<dyn ShutdownHandle>>,
    /// The number of connections that were lost. An older idle connection is not used again.
    pub(super) losses: usize,
    /// Who waits for the lookup that runs, and its process: after a fork its thread is missing.
    pub(super) lookup: Option<(u32, Vec<Sender<Option<Found>>>)>,
}

impl Common {
    /// Ends everything that waits, and refuses every later attempt. ureq's own shutdown is for one
    /// agent, and there are several.
    pub(crate) fn shut_down(&self) {
        let mut state = self.lock();
        state.is_shut_down = true;
        let handles = mem::take(&mut state.handles);
        drop(state);
        self.changed.notify_all();
        for handle in handles.iter().filter_map(Weak::upgrade) {
            handle.shutdown();
        }
    }

    pub(crate) fn is_shut_down(&self) -> bool {
        self.lock().is_shut_down
    }

    /// Adds what a shutdown ends.
    pub(super) fn add(&self, handle: Weak<dyn ShutdownHandle>) -> Result<(), Error> {
        let mut state = self.lock();
        state.handles.retain(|handle| handle.strong_count() > 0);
        state.handles.push(handle);
        Ok(())
    }

    /// Waits for this delay. Returns whether the client is shut down.
    pub(crate) fn wait(&self, delay: Duration) -> bool {
        let is_running = |state: &mut State| !state.is_shut_down;
        let state = self.lock();
        drop(self.changed.wait_timeout_while(state, delay, is_running));
        self.is_shut_down()
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is wrong with a logger that takes what ureq-proto writes at trace level, and what to do.
pub(crate) const LOGS_THE_WIRE: &str = "accepts the target ureq_proto at trace level, which logs \
    every byte of a connection, including credentials and new tokens: limit that target to debug \
    (env_logger: RUST_LOG=trace,ureq_proto=debug; tracing: the directive ureq_proto=debug)";

/// Whether the installed logger takes that. If it accepts no trace lines at all, this is only two
/// comparisons.
pub(crate) fn wire_is_logged() -> bool {
    // Filters name the first, the lines are written to the second.
    log::log_enabled!(target: "ureq_proto", log::Level::Trace)
        || log::log_enabled!(target: "ureq_proto::util", log::Level::Trace)
}

/// A logger that takes the wire must not see what follows.
pub(super) fn check_logger() -> Result<(), Error> {
    if wire_is_logged() {
        return Err(io::Error::other(format!("the installed logger {LOGS_THE_WIRE}")).into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A logger that makes calls does so within an attempt.
    #[test]
    fn record_of_the_enclosing_attempt_is_restored() {
        let [outer, inner] = [(); 2].map(|()| Record::new(None, true, false, &Arc::default()));
        let entered = outer.enter();
        drop(inner.enter());
        assert!(Rc::ptr_eq(&Record::current().unwrap(), &outer));
        drop(entered);
        assert!(Record::current().is_err());
    }

    #[test]
    fn only_from_connect_on_the_time_is_halved() {
        let deadline = Instant::now() + Duration::from_secs(600);
        let record = Record::new(Some(deadline), false, false, &Arc::default());
        let half = Duration::from_secs(300);
        for (step, is_halved) in [
            (Step::Lookup, false),
            (Step::Connect, true),
            (Step::Tls, true),
        ] {
            record.reached(step);
            assert_eq!(record.left().unwrap() <= half, is_halved, "{step:?}");
        }
    }

    #[derive(Debug)]
    struct Socket;

    impl ShutdownHandle for Socket {
        fn shutdown(&self) {}
    }

    #[test]
    fn closed_sockets_are_forgotten() {
        let common = Common::default();
        for _ in 0..3 {
            let socket: Arc<dyn ShutdownHandle> = Arc::new(Socket);
            common.add(Arc::downgrade(&socket)).unwrap();
        }
        assert_eq!(common.lock().handles.len(), 1);
    }
}
