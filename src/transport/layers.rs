//! What stands in ureq's chain of connectors, from the socket to the request:
//!
//! ConnectProxy → Dial → [`Below`] TLS → pin → Rustls → [`Above`] TLS
//!
//! With a proxy the chain runs twice: ConnectProxy runs all of it to reach the proxy, and the rest
//! of it runs on the tunnel to reach the service.

use std::process;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use ureq::Error;
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, NextTimeout, RustlsConnector, Transport,
};

use super::record::{Record, Step, check_logger};

#[derive(Debug)]
pub(super) struct WatchBelow;

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
            let record = Record::current()?;
            record.reached(match record.leads_to_proxy(details) {
                true => Step::ProxyTls,
                false => Step::Tls,
            });
            check_clock(SystemTime::now())?;
        }
        Ok(Some(Below {
            stream: Box::new(stream),
            records: is_tls.then(TlsRecords::default),
        }))
    }
}

/// rustls panics if the clock is before 1970 (docs/ureq.md 20).
fn check_clock(now: SystemTime) -> Result<(), Error> {
    let text = "this machine's clock is set before 1970, when no certificate was valid: set it";
    let since_1970 = now.duration_since(SystemTime::UNIX_EPOCH);
    since_1970.map(drop).map_err(|_| Error::Tls(text))
}

/// Below TLS: ends every wait with the record's deadline (docs/ureq.md 5), and counts TLS records.
#[derive(Debug)]
pub(super) struct Below {
    stream: Box<dyn Transport>,
    records: Option<TlsRecords>,
}

/// On Windows a shutdown does not end a read (docs/ureq.md 19).
const LONGEST_READ: Duration = Duration::from_millis(if cfg!(windows) { 500 } else { u64::MAX });

/// What a socket takes at once if nothing of an earlier request is left in its buffer, and how much
/// more it gets under one limit.
const FIRST_PIECE: usize = 4096;
const PIECE: usize = 512;

/// Returns the limit of the next wait in ureq's terms, from the time that is left. Whole seconds
/// where there are some, because each new limit costs ureq a system call.
fn limit(of: impl Fn(Duration) -> Duration) -> Result<NextTimeout, Error> {
    let left = of(Record::current()?.time_left()?);
    let after = match left.as_secs() {
        0 | 1 => left,
        seconds => Duration::from_secs(seconds),
    };
    Ok(NextTimeout {
        after: after.into(),
        ..NextTimeout::default()
    })
}

impl Transport for Below {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.stream.buffers()
    }

    /// A write of which a part is done waits for its limit once more (docs/ureq.md 18).
    fn transmit_output(&mut self, amount: usize, _: NextTimeout) -> Result<(), Error> {
        let (mut sent, mut piece) = (0, FIRST_PIECE);
        while sent < amount {
            let end = amount.min(sent + piece);
            self.buffers().output().copy_within(sent..end, 0);
            self.stream
                .transmit_output(end - sent, limit(|left| left / 2)?)?;
            (sent, piece) = (end, PIECE);
        }
        Ok(())
    }

    fn await_input(&mut self, _: NextTimeout) -> Result<bool, Error> {
        let held = self.buffers().input().len();
        let progress = loop {
            let wait = limit(|left| left.min(LONGEST_READ))?;
            match self.stream.await_input(wait) {
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

/// ureq's TLS, whose settings all agents share.
#[derive(Debug, Clone, Default)]
pub(super) struct SharedTls(Arc<RustlsConnector>);

impl<In: Transport> Connector<In> for SharedTls {
    type Out = <RustlsConnector as Connector<In>>::Out;

    fn connect(
        &self,
        details: &ConnectionDetails,
        stream: Option<In>,
    ) -> Result<Option<Self::Out>, Error> {
        self.0.connect(details, stream)
    }
}

#[derive(Debug)]
pub(super) struct WatchAbove;

impl<In: Transport> Connector<In> for WatchAbove {
    type Out = Above;

    fn connect(
        &self,
        details: &ConnectionDetails,
        stream: Option<In>,
    ) -> Result<Option<Above>, Error> {
        let record = Record::current()?;
        let leads_to_proxy = record.leads_to_proxy(details);
        if leads_to_proxy {
            record.reached(Step::Tunnel);
        }
        check_logger()?;
        Ok(stream.map(|stream| Above {
            stream: Box::new(stream),
            leads_to_proxy,
            is_filled: false,
            process: process::id(),
            losses_before: record.common.lock().losses,
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
    /// The process that made the connection.
    process: u32,
    /// The number of connections that had been lost when this one was made.
    losses_before: usize,
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
        check_logger()?;
        Ok(progress)
    }

    /// More plaintext may be left inside TLS (docs/ureq.md 8). After another connection was lost
    /// this one may be as stale (docs/ureq.md 11), and after a fork two processes have it.
    fn is_open(&mut self) -> bool {
        let may_hold_more = self.is_filled && self.is_tls();
        let is_fresh =
            Record::current().is_ok_and(|record| record.common.lock().losses == self.losses_before);
        let is_own = self.process == process::id();
        !may_hold_more && is_fresh && is_own && check_logger().is_ok() && self.stream.is_open()
    }

    fn is_tls(&self) -> bool {
        self.stream.is_tls()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::sync::Mutex;
    use std::time::Instant;
    use ureq::unversioned::transport::LazyBuffers;

    /// Is open, sends nothing, and keeps the limits of its writes.
    #[derive(Debug)]
    struct Open(LazyBuffers, Arc<Mutex<Vec<Duration>>>);

    impl Open {
        fn new(output: usize) -> Open {
            Open(LazyBuffers::new(64, output), Arc::default())
        }
    }

    impl Transport for Open {
        fn buffers(&mut self) -> &mut dyn Buffers {
            &mut self.0
        }

        fn transmit_output(&mut self, _: usize, limit: NextTimeout) -> Result<(), Error> {
            self.1.lock().unwrap().push(*limit.after);
            Ok(())
        }

        fn await_input(&mut self, _: NextTimeout) -> Result<bool, Error> {
            Ok(false)
        }

        fn is_open(&mut self) -> bool {
            true
        }
    }

    /// No test can fork without unsafe code.
    #[test]
    fn connection_is_open_only_in_the_process_that_made_it() {
        let record = Record::new(None, true, false, &Arc::default());
        let _entered = record.enter();
        let (own, other) = (process::id(), process::id() + 1);
        // Only TLS can hold more than the socket shows.
        for (process, is_filled, expected) in
            [(own, false, true), (own, true, true), (other, false, false)]
        {
            let mut connection = Above {
                stream: Box::new(Open::new(64)),
                leads_to_proxy: false,
                is_filled,
                process,
                losses_before: 0,
            };
            assert_eq!(connection.is_open(), expected);
        }
    }

    /// A peer that takes a part of a piece lets it wait for its limit twice.
    #[test]
    fn piece_of_a_request_may_wait_for_half_of_the_time() {
        let deadline = Instant::now() + Duration::from_secs(600);
        let record = Record::new(Some(deadline), true, false, &Arc::default());
        let _entered = record.enter();
        let stream = Open::new(FIRST_PIECE + PIECE + 1);
        let limits = Arc::clone(&stream.1);
        let mut below = Below {
            stream: Box::new(stream),
            records: None,
        };
        below
            .transmit_output(FIRST_PIECE + PIECE + 1, NextTimeout::default())
            .unwrap();
        let limits = limits.lock().unwrap();
        assert_eq!(limits.len(), 3);
        let half = Duration::from_secs(300);
        assert!(limits.iter().all(|limit| *limit <= half), "{limits:?}");
    }

    #[test]
    fn clock_before_1970_is_refused() {
        let epoch = SystemTime::UNIX_EPOCH;
        assert!(check_clock(epoch).is_ok());
        let error = check_clock(epoch - Duration::from_secs(1)).unwrap_err();
        // No other attempt follows an error of this kind.
        assert!(
            matches!(error, Error::Tls(text) if text.contains("clock")),
            "{error}"
        );
    }

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
