//! The record of one attempt: how far it has come, and what ended it. Each layer writes down what
//! it sees. The record is in a thread-local, where the socket below TLS can reach it. It does not
//! depend on those layers.

use std::cell::{Cell, RefCell};
use std::io;
use std::mem::ManuallyDrop;
use std::rc::Rc;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use super::shutdown::{Interrupt, Shutdown};

thread_local! {
    /// Has no destructor, so that it exists until the end of the thread: the destructor of another
    /// thread-local may make a call.
    static CURRENT: RefCell<Option<Current>> = const { RefCell::new(None) };
}

type Current = ManuallyDrop<Rc<Record>>;

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
    /// A ready connection was handed over to send the request: from here on the service may act.
    HandedOver,
}

/// Why this side ended an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    TimedOut,
    ShutDown,
}

/// The connections that an attempt may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pooling {
    /// An idle one, if there is one.
    Any,
    /// A new one that is kept afterwards, because an idle one has just been lost.
    Fresh,
    /// A new one for this attempt only, because a stale one would leave the outcome unknown.
    Own,
}

pub(super) struct Record {
    pub(super) pooling: Pooling,
    pub(super) shutdown: Arc<Shutdown>,
    pub(super) started: Instant,
    deadline: Option<Instant>,
    /// The deadline for having a connection.
    pub(super) connect_by: Option<Instant>,
    step: Cell<Step>,
    ended: Cell<Option<Ended>>,
    would_fail_again: Cell<bool>,
    address_was_known: Cell<bool>,
    client_was_refused: Cell<bool>,
    certificate_was_demanded: Cell<bool>,
}

impl Record {
    pub(super) fn new(
        pooling: Pooling,
        started: Instant,
        deadline: Option<Instant>,
        shutdown: Arc<Shutdown>,
    ) -> Rc<Record> {
        // Half of the time, so that there is time for another attempt to connect.
        let connect_by =
            deadline.map(|deadline| started + deadline.saturating_duration_since(started) / 2);
        Rc::new(Record {
            pooling,
            shutdown,
            started,
            deadline,
            connect_by,
            step: Cell::new(Step::Start),
            ended: Cell::new(None),
            would_fail_again: Cell::new(false),
            address_was_known: Cell::new(false),
            client_was_refused: Cell::new(false),
            certificate_was_demanded: Cell::new(false),
        })
    }

    /// Makes this the record of the current thread until the guard is dropped.
    pub(super) fn enter(self: &Rc<Record>) -> Entered {
        Entered(CURRENT.replace(Some(ManuallyDrop::new(Rc::clone(self)))))
    }

    /// Returns the record of the current thread's attempt.
    pub(super) fn current() -> io::Result<Rc<Record>> {
        CURRENT
            .with_borrow(|current| current.as_deref().cloned())
            .ok_or_else(|| io::Error::other("a connection was used outside of an attempt"))
    }

    pub(super) fn reached(&self, step: Step) {
        self.step.set(step);
    }

    pub(super) fn step(&self) -> Step {
        self.step.get()
    }

    pub(super) fn ended(&self) -> Option<Ended> {
        self.ended.get()
    }

    /// Records that a retry would only be refused again.
    pub(super) fn refused_for_good(&self) {
        self.would_fail_again.set(true);
    }

    /// Records that the address was not looked up: a retry may find another one.
    pub(super) fn address_known(&self, was_known: bool) {
        self.address_was_known.set(was_known);
    }

    pub(super) fn would_fail_again(&self) -> bool {
        self.would_fail_again.get() && !self.address_was_known.get()
    }

    /// Records that the peer has refused this client in the TLS handshake, before it read a
    /// request.
    pub(super) fn client_refused(&self) {
        self.client_was_refused.set(true);
        self.refused_for_good();
    }

    /// Records that the peer asks for a client certificate. The platform's TLS does not report
    /// that.
    #[cfg_attr(
        all(feature = "native-tls", not(feature = "pinned-cert")),
        allow(dead_code)
    )]
    pub(super) fn certificate_demanded(&self) {
        self.certificate_was_demanded.set(true);
    }

    #[cfg_attr(
        all(feature = "native-tls", not(feature = "pinned-cert")),
        allow(dead_code)
    )]
    pub(super) fn certificate_was_demanded(&self) -> bool {
        self.certificate_was_demanded.get()
    }

    pub(super) fn client_was_refused(&self) -> bool {
        self.client_was_refused.get()
    }

    /// Whether the connection may be used again after this attempt.
    pub(super) fn connection_is_kept(&self) -> bool {
        self.pooling != Pooling::Own && !self.shutdown.is_set()
    }

    /// Registers `waits` to be interrupted by a shutdown. Returns an error if the client is already
    /// shut down.
    pub(super) fn interrupts(&self, waits: Weak<dyn Interrupt>) -> io::Result<()> {
        if self.shutdown.register(waits) {
            return Ok(());
        }
        Err(self.end(Ended::ShutDown))
    }

    /// Returns the remaining time for this step, or an error if there is none or after a shutdown.
    pub(super) fn time_left(&self) -> io::Result<Option<Duration>> {
        if self.shutdown.is_set() {
            return Err(self.end(Ended::ShutDown));
        }
        let limit = match self.step() {
            Step::HandedOver => self.deadline,
            _ => self.connect_by,
        };
        let Some(limit) = limit else {
            return Ok(None);
        };
        let left = limit.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(self.end(Ended::TimedOut));
        }
        Ok(Some(left))
    }

    fn end(&self, ended: Ended) -> io::Error {
        self.ended.set(Some(ended));
        match ended {
            Ended::TimedOut => io::Error::new(io::ErrorKind::TimedOut, "timed out"),
            Ended::ShutDown => io::Error::new(io::ErrorKind::NotConnected, "shut down"),
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
