//! The record of one attempt: how far it has come, when it must end, and whether the client was
//! shut down. It is in a thread-local, where the layers of a connection reach it.

use std::cell::{Cell, RefCell};
use std::io;
use std::mem::ManuallyDrop;
use std::rc::Rc;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

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
    /// The deadline for having a connection.
    connect_by: Option<Instant>,
    shutdown: Arc<Shutdown>,
}

impl Record {
    pub(super) fn new(deadline: Option<Instant>, shutdown: &Arc<Shutdown>) -> Rc<Record> {
        let now = Instant::now();
        // Half of the time, so that there is time for another attempt to connect.
        let half = |deadline: Instant| now + deadline.saturating_duration_since(now) / 2;
        Rc::new(Record {
            step: Cell::new(Step::Start),
            deadline,
            connect_by: deadline.map(half),
            shutdown: Arc::clone(shutdown),
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
        self.step.set(step);
    }

    pub(super) fn step(&self) -> Step {
        self.step.get()
    }

    /// Returns the rest of the time for this step, or `None` without a limit.
    fn left(&self) -> Option<Duration> {
        let limit = match self.step() {
            Step::HandedOver => self.deadline,
            _ => self.connect_by,
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
        if self.shutdown.is_set() {
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

/// Whether the client was shut down.
#[derive(Default)]
pub(crate) struct Shutdown {
    is_set: Mutex<bool>,
    changed: Condvar,
}

impl Shutdown {
    pub(super) fn set(&self) {
        *self.lock() = true;
        self.changed.notify_all();
    }

    pub(crate) fn is_set(&self) -> bool {
        *self.lock()
    }

    /// Waits for this delay. Returns whether the shutdown came before its end.
    pub(crate) fn wait(&self, delay: Duration) -> bool {
        let is_running = |is_set: &mut bool| !*is_set;
        let waited = self
            .changed
            .wait_timeout_while(self.lock(), delay, is_running);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }

    fn lock(&self) -> MutexGuard<'_, bool> {
        self.is_set.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
