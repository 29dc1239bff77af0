//! How a connection is made, and what it need not ask the system. Knows nothing of requests. Stands
//! on ureq's `unversioned` API, as resolver.rs and pinned_cert.rs do, and no other file.
//!
//! ureq's error for a connection that broke is the same during the TLS handshake, when nothing had
//! been sent, and after it: here the first is marked. And for every request ureq tells the socket
//! twice what is left of the time, and asks it twice whether it is still open: once is enough.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use ureq::Error;
#[cfg(feature = "native-tls")]
use ureq::unversioned::transport::NativeTlsConnector;
use ureq::unversioned::transport::time::Duration;
use ureq::unversioned::transport::{
    Buffers, ConnectProxyConnector, ConnectionDetails, Connector, Either, NextTimeout,
    RustlsConnector, TcpConnector, Transport,
};

use crate::resolver::Kept;

/// What ureq's own connector does, with the sockets of this file.
pub(crate) fn new(
    kept: Arc<Kept>,
    #[cfg(feature = "pinned-cert")] pinned: crate::pinned_cert::PinnedTls,
) -> impl Connector {
    let inner = ().chain(ConnectProxyConnector::default()).chain(Sockets::default());
    // Whoever opens TLS first does so alone.
    #[cfg(feature = "pinned-cert")]
    let inner = inner.chain(pinned);
    let inner = inner.chain(RustlsConnector::default());
    #[cfg(feature = "native-tls")]
    let inner = inner.chain(NativeTlsConnector::default());
    Connecting { inner, kept }
}

/// An error from before the request was sent.
#[derive(Debug)]
pub(crate) struct BeforeSending(Error);

impl BeforeSending {
    /// The error that says so. One that already does, of a proxy's connection, stays as it is.
    pub(crate) fn wrap(error: Error) -> Error {
        match error {
            Error::Other(inner) if inner.is::<BeforeSending>() => Error::Other(inner),
            error => Error::Other(Box::new(BeforeSending(error))),
        }
    }
}

/// The error itself, and whether the request had been sent when it happened.
pub(crate) fn sent(error: Error) -> (Error, Option<bool>) {
    match error {
        Error::Other(inner) => match inner.downcast::<BeforeSending>() {
            Ok(before) => (before.0, Some(false)),
            Err(inner) => (Error::Other(inner), Some(true)),
        },
        error => (error, Some(true)),
    }
}

impl fmt::Display for BeforeSending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for BeforeSending {}

#[derive(Debug)]
struct Connecting<C> {
    inner: C,
    kept: Arc<Kept>,
}

impl<C: Connector<()>> Connector<()> for Connecting<C> {
    type Out = C::Out;

    fn connect(
        &self,
        details: &ConnectionDetails,
        chained: Option<()>,
    ) -> Result<Option<Self::Out>, Error> {
        self.inner.connect(details, chained).map_err(|error| {
            // The host may have moved.
            self.kept.forget_all();
            BeforeSending::wrap(error)
        })
    }
}

/// Opens a socket, where a proxy has not brought a connection.
#[derive(Debug, Default)]
struct Sockets(TcpConnector);

impl<In: Transport> Connector<In> for Sockets {
    type Out = Either<In, Socket<<TcpConnector as Connector<()>>::Out>>;

    fn connect(
        &self,
        details: &ConnectionDetails,
        chained: Option<In>,
    ) -> Result<Option<Self::Out>, Error> {
        if let Some(connection) = chained {
            return Ok(Some(Either::A(connection)));
        }
        let opened = Connector::<()>::connect(&self.0, details, None)?;
        Ok(opened.map(|inner| {
            Either::B(Socket {
                inner,
                has_just_read: false,
            })
        }))
    }
}

#[derive(Debug)]
struct Socket<T> {
    inner: T,
    has_just_read: bool,
}

/// A little less, and the same for a while: of 30 s for the first 1.3 s. The system is told of a time
/// limit only when it changes.
fn rounded(left: Duration) -> Duration {
    let Duration::Exact(exact) = left else {
        return left;
    };
    let millis = u64::try_from(exact.as_millis()).unwrap_or(u64::MAX);
    // The four highest bits remain: at most an eighth is lost.
    let low = u64::BITS.saturating_sub(millis.leading_zeros() + 4);
    match millis >> low << low {
        0 => left,
        millis => Duration::from_millis(millis),
    }
}

impl<T: Transport> Transport for Socket<T> {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.inner.buffers()
    }

    fn transmit_output(&mut self, amount: usize, mut timeout: NextTimeout) -> Result<(), Error> {
        // Half of what was to be sent may have been: no second try of the rest of the time. A request
        // fits into the system's own buffer, so nobody waits here.
        timeout.after = rounded(timeout.after);
        self.inner.transmit_output(amount, timeout)
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        let started = Instant::now();
        let mut limit = timeout;
        limit.after = rounded(timeout.after);
        let mut tried = self.inner.await_input(limit);
        if let (Err(Error::Timeout(_)), Duration::Exact(after)) = (&tried, timeout.after) {
            limit.after = Duration::Exact(after.saturating_sub(started.elapsed()));
            tried = self.inner.await_input(limit);
        }
        self.has_just_read = tried.is_ok();
        tried
    }

    /// ureq asks when a connection goes back into the pool, and when it is taken out again. The
    /// first tells nothing that the second does not.
    fn is_open(&mut self) -> bool {
        std::mem::take(&mut self.has_just_read) || self.inner.is_open()
    }

    fn is_tls(&self) -> bool {
        self.inner.is_tls()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_limit_is_rounded_down_and_hardly_changes() {
        for (left, expected) in [
            (0, 0),
            (1, 1),
            (15, 15),
            (31, 30),
            (399, 384),
            (29_999, 28_672),
            (29_000, 28_672),
            (30_000, 28_672),
            (u64::MAX, 15 << 60),
        ] {
            assert_eq!(
                rounded(Duration::from_millis(left)),
                Duration::from_millis(expected),
                "{left}"
            );
        }
        let short = Duration::Exact(std::time::Duration::from_micros(1));
        assert_eq!(rounded(short), short);
        assert_eq!(rounded(Duration::NotHappening), Duration::NotHappening);
    }
}
