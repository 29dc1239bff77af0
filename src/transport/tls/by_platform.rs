//! TLS by the platform: OpenSSL, Schannel or Secure Transport.

use std::io::{self, Read, Write};

use native_tls::{Certificate, HandshakeError, TlsConnector, TlsStream};
use rustls::pki_types::ServerName;

use super::handshake::Handshake;
use super::records::{Framing, Records};
use super::roots::RootCertificates;
use crate::transport::record::Record;
use crate::transport::stream::Stream;

pub(super) struct PlatformTls {
    connector: TlsConnector,
    host: String,
}

impl PlatformTls {
    /// Trusts these certificates, else those of the platform (feature `platform-verifier`) or of
    /// Mozilla.
    pub(super) fn new(
        name: ServerName<'static>,
        roots: Option<&RootCertificates>,
    ) -> Result<PlatformTls, String> {
        let connector = match roots {
            Some(roots) => connector(roots.iter().map(|certificate| &**certificate)),
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
    /// Why a handshake failed is not to be had in a form that tells one cause from another.
    fn agree(&self, stream: Box<dyn Stream>, record: &Record) -> io::Result<Box<dyn Stream>> {
        let records = OneRecord(Records::new(stream));
        match self.connector.connect(&self.host, records) {
            Ok(stream) => Ok(Box::new(NativeStream(stream))),
            Err(HandshakeError::Failure(error)) => {
                record.time_left()?;
                Err(io::Error::other(error))
            }
            Err(HandshakeError::WouldBlock(_)) => {
                Err(io::Error::other("the handshake was interrupted"))
            }
        }
    }
}

/// Reads no further than to the end of a record: this TLS takes several at once, and does not say
/// that it holds more than one.
struct OneRecord(Records);

impl Read for OneRecord {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let max = rest(&self.0.framing).min(buffer.len());
        self.0.read(buffer.get_mut(..max).unwrap_or_default())
    }
}

impl Write for OneRecord {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.0.write(buffer)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// How many bytes the header of a record, or else the record, still has.
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
        matches!(self.0.buffered_read_size(), Ok(0)) && self.0.get_mut().0.is_quiet()
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
