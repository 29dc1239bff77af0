//! The platform's TLS: OpenSSL, Schannel or Secure Transport. It does not depend on sockets.

use std::io::{self, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use native_tls::{Certificate, HandshakeError, TlsConnector, TlsStream};
use rustls::pki_types::ServerName;

use super::handshake::{Handshake, NO_TLS};
use super::records::{Framing, Records};
use super::roots::{RootCertificates, untrusted};
use crate::transport::given::Given;
use crate::transport::record::Record;
use crate::transport::stream::Stream;

pub(super) struct PlatformTls {
    connector: TlsConnector,
    host: String,
    /// The explanation for a certificate from an untrusted authority.
    untrusted: String,
}

impl PlatformTls {
    /// Trusts these certificates, else the platform's (feature `platform-verifier`) or Mozilla's.
    pub(super) fn new(
        name: ServerName<'static>,
        roots: Option<&Given<RootCertificates>>,
    ) -> Result<PlatformTls, String> {
        let connector = match roots {
            Some(roots) => connector(roots.value.iter().map(|certificate| &**certificate)),
            None if cfg!(feature = "platform-verifier") => TlsConnector::new(),
            None => connector(
                webpki_root_certs::TLS_SERVER_ROOT_CERTS
                    .iter()
                    .map(|der| &**der),
            ),
        };
        Ok(PlatformTls {
            connector: connector.map_err(|error| error.to_string())?,
            host: name.to_str().into_owned(),
            untrusted: untrusted(roots),
        })
    }
}

fn connector<'a>(roots: impl Iterator<Item = &'a [u8]>) -> native_tls::Result<TlsConnector> {
    let mut builder = TlsConnector::builder();
    builder.disable_built_in_roots(true);
    for der in roots {
        builder.add_root_certificate(Certificate::from_der(der)?);
    }
    builder.build()
}

impl Handshake for PlatformTls {
    /// The platform does not report the cause of a failed handshake in a form that can be matched.
    /// Which side gave up is visible in the records.
    fn agree(&self, stream: Box<dyn Stream>, record: &Record) -> io::Result<Box<dyn Stream>> {
        let seen = Arc::<Seen>::default();
        let records = OneRecord {
            records: Records::new(stream),
            seen: Arc::clone(&seen),
        };
        match self.connector.connect(&self.host, records) {
            Ok(stream) => Ok(Box::new(NativeStream(stream))),
            Err(HandshakeError::Failure(error)) => {
                record.time_left()?;
                if seen.is_no_tls.load(Ordering::Relaxed) {
                    return Err(io::Error::other(NO_TLS));
                }
                if seen.wrote_last.load(Ordering::Relaxed) {
                    record.refused_for_good();
                    let untrusted = &self.untrusted;
                    let reason = format!("{error}; perhaps its certificate is {untrusted}");
                    return Err(io::Error::other(reason));
                }
                Err(io::Error::other(error))
            }
            Err(HandshakeError::WouldBlock(_)) => {
                Err(io::Error::other("the handshake was interrupted"))
            }
        }
    }
}

/// Reads at most to the end of a record, because the platform's TLS may read several at once
/// without reporting it.
struct OneRecord {
    records: Records,
    seen: Arc<Seen>,
}

/// What was seen of a handshake, even if it failed.
#[derive(Default)]
struct Seen {
    is_no_tls: AtomicBool,
    /// Whether this side sent the last record. A side that gives up sends an alert.
    wrote_last: AtomicBool,
}

impl Read for OneRecord {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.seen.wrote_last.store(false, Ordering::Relaxed);
        let max = rest(&self.records.framing).min(buffer.len());
        let amount = self
            .records
            .read(buffer.get_mut(..max).unwrap_or_default())?;
        let is_no_tls = !self.records.began_as_tls();
        self.seen.is_no_tls.store(is_no_tls, Ordering::Relaxed);
        Ok(amount)
    }
}

impl Write for OneRecord {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let written = self.records.write(buffer);
        self.seen
            .wrote_last
            .store(written.is_ok(), Ordering::Relaxed);
        written
    }

    fn flush(&mut self) -> io::Result<()> {
        self.records.flush()
    }
}

/// Returns how many bytes are missing from the record's header, or else from the record.
fn rest(framing: &Framing) -> usize {
    match framing.payload_left {
        0 => usize::from(5 - framing.header_bytes),
        left => left,
    }
}

struct NativeStream(TlsStream<OneRecord>);

impl Read for NativeStream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Write for NativeStream {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.0.write(buffer)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl Stream for NativeStream {
    fn is_quiet(&mut self) -> bool {
        matches!(self.0.buffered_read_size(), Ok(0)) && self.0.get_mut().records.is_quiet()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_read_of_the_rest_stays_within_a_record(
            lengths in proptest::collection::vec(0..700_u16, 1..6), pieces in 1..50_usize
        ) {
            let mut framing = Framing::default();
            let mut bytes = Vec::new();
            let mut ends = vec![0];
            for length in lengths {
                bytes.extend([23, 3, 3]);
                bytes.extend(length.to_be_bytes());
                bytes.extend(vec![0xff; usize::from(length)]);
                ends.push(bytes.len());
            }
            let mut passed = 0;
            for piece in bytes.chunks(pieces) {
                framing.pass(piece);
                passed += piece.len();
                let next = passed + rest(&framing);
                prop_assert!(!ends.iter().any(|end| (passed + 1..next).contains(end)));
            }
        }
    }
}
