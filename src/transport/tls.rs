//! TLS by rustls: whom to trust, the handshake, and a connection that knows what it still holds.

// With the platform's TLS, a pinned certificate alone needs all of it.
#![cfg_attr(feature = "native-tls", allow(dead_code))]

use std::fmt;
use std::io::{self, Read, Write};
use std::sync::Arc;

#[cfg(any(feature = "pinned-cert", feature = "platform-verifier"))]
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{
    AlertDescription, ClientConfig, ClientConnection, ProtocolVersion, RootCertStore, StreamOwned,
};

use super::record::Record;
use super::stream::Stream;
use crate::error::{Error, Result};

/// The certificates of a private authority.
#[derive(Clone)]
pub(crate) struct RootCertificates(pub(super) Arc<[CertificateDer<'static>]>);

impl RootCertificates {
    pub(crate) fn from_pem(pem: &[u8]) -> std::result::Result<RootCertificates, &'static str> {
        let certificates: Vec<_> = CertificateDer::pem_slice_iter(pem)
            .collect::<std::result::Result<_, _>>()
            .map_err(|_| "is no valid PEM")?;
        if certificates.is_empty() {
            return Err("holds no certificate");
        }
        // A CA that can't be used would be found out only by calls that fail.
        store(&certificates).map_err(|_| "holds a certificate that can't be read")?;
        Ok(RootCertificates(certificates.into()))
    }
}

fn store(
    certificates: &[CertificateDer<'static>],
) -> std::result::Result<RootCertStore, rustls::Error> {
    let mut store = RootCertStore::empty();
    for certificate in certificates {
        store.add(certificate.clone())?;
    }
    Ok(store)
}

/// Where TLS goes to: a name or an address, and whom to trust there.
#[derive(Debug, Clone)]
pub(super) struct Tls {
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
}

impl Tls {
    /// Trusts these certificates, else those of the platform (feature `platform-verifier`) or of
    /// Mozilla.
    pub(super) fn new(
        what: &'static str,
        host: &str,
        roots: Option<&RootCertificates>,
    ) -> Result<Tls> {
        let provider = provider();
        let Some(RootCertificates(certificates)) = roots else {
            #[cfg(feature = "platform-verifier")]
            let verifier = rustls_platform_verifier::Verifier::new(Arc::clone(&provider));
            #[cfg(feature = "platform-verifier")]
            return Tls::with_verifier(what, host, provider, Arc::new(verifier.map_err(refused)?));
            #[cfg(not(feature = "platform-verifier"))]
            return Tls::with_roots(
                what,
                host,
                provider,
                RootCertStore {
                    roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
                },
            );
        };
        Tls::with_roots(what, host, provider, store(certificates).map_err(refused)?)
    }

    /// Trusts the one certificate with this fingerprint.
    #[cfg(feature = "pinned-cert")]
    pub(super) fn pinned(
        what: &'static str,
        host: &str,
        fingerprint: super::pinned::Fingerprint,
    ) -> Result<Tls> {
        let provider = provider();
        let verifier = super::pinned::Verifier::new(fingerprint, Arc::clone(&provider));
        Tls::with_verifier(what, host, provider, Arc::new(verifier))
    }

    fn with_roots(
        what: &'static str,
        host: &str,
        provider: Arc<CryptoProvider>,
        roots: RootCertStore,
    ) -> Result<Tls> {
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(refused)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Tls::to(what, host, config)
    }

    #[cfg(any(feature = "pinned-cert", feature = "platform-verifier"))]
    fn with_verifier(
        what: &'static str,
        host: &str,
        provider: Arc<CryptoProvider>,
        verifier: Arc<dyn ServerCertVerifier>,
    ) -> Result<Tls> {
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(refused)?
            .dangerous()
            .with_custom_certificate_verifier(verifier)
            .with_no_client_auth();
        Tls::to(what, host, config)
    }

    fn to(what: &'static str, host: &str, config: ClientConfig) -> Result<Tls> {
        let name = ServerName::try_from(host.to_owned())
            .map_err(|_| Error::invalid(what, "its host is no name that TLS takes"))?;
        Ok(Tls {
            config: Arc::new(config),
            name,
        })
    }

    /// The handshake.
    pub(super) fn agree(
        &self,
        stream: Box<dyn Stream>,
        record: &Record,
    ) -> io::Result<Box<dyn Stream>> {
        let mut connection = ClientConnection::new(Arc::clone(&self.config), self.name.clone())
            .map_err(io::Error::other)?;
        let mut records = Records::new(stream);
        if let Err(error) = connection.complete_io(&mut records) {
            return Err(explained(error, record));
        }
        Ok(Box::new(TlsStream {
            agreed_at: records.framing.ended,
            stream: StreamOwned::new(connection, records),
        }))
    }
}

/// The process's own, if it has set one.
fn provider() -> Arc<CryptoProvider> {
    CryptoProvider::get_default().map_or_else(
        || Arc::new(rustls::crypto::ring::default_provider()),
        Arc::clone,
    )
}

fn refused(error: rustls::Error) -> Error {
    Error::invalid("TLS", error.to_string())
}

/// Records what the same handshake would meet again, in the verifier's own words.
fn explained(error: io::Error, record: &Record) -> io::Error {
    match rustls_error(&error) {
        Some(rustls::Error::InvalidCertificate(_)) => {
            record.refused_for_good();
            sealed(error)
        }
        Some(rustls::Error::General(reason)) => {
            record.refused_for_good();
            io::Error::new(io::ErrorKind::InvalidData, reason.clone())
        }
        _ if is_certificate_alert(&error) => {
            record.refused_for_good();
            io::Error::new(io::ErrorKind::InvalidData, ClientRefused)
        }
        _ => sealed(error),
    }
}

/// The error of TLS that refuses this client for want of a certificate, before it reads anything.
#[derive(Debug)]
pub(super) struct ClientRefused;

impl ClientRefused {
    pub(super) fn is_in(error: &io::Error) -> bool {
        error
            .get_ref()
            .is_some_and(|inner| inner.is::<ClientRefused>())
    }
}

impl fmt::Display for ClientRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "the server demands a certificate of the client, and this library has none to give",
        )
    }
}

impl std::error::Error for ClientRefused {}

fn is_certificate_alert(error: &io::Error) -> bool {
    matches!(
        rustls_error(error),
        Some(rustls::Error::AlertReceived(
            AlertDescription::CertificateRequired | AlertDescription::BadCertificate
        ))
    )
}

fn rustls_error(error: &io::Error) -> Option<&rustls::Error> {
    error.get_ref()?.downcast_ref()
}

/// The error in words alone: TLS inside this TLS must not take it for its own.
fn sealed(error: io::Error) -> io::Error {
    match rustls_error(&error) {
        Some(inner) => io::Error::new(error.kind(), inner.to_string()),
        None => error,
    }
}

#[derive(Debug)]
struct TlsStream {
    stream: StreamOwned<ClientConnection, Records>,
    /// How many records had come when the handshake was over.
    agreed_at: u64,
}

impl TlsStream {
    /// Whether the other side has refused this client in its part of the handshake, and so before it
    /// read a request. Under TLS 1.3 this side learns of it only afterwards, where it waits for the
    /// response: RFC 8446, sections 4.4.2.4 and 6.2. (This client does not offer to be asked later.)
    /// The alert is then the first that comes: whoever has agreed sends something else before, be it
    /// a session ticket, and an alert after that says nothing of the request.
    fn client_is_refused(&self, error: &io::Error) -> bool {
        is_certificate_alert(error)
            && self.stream.conn.protocol_version() == Some(ProtocolVersion::TLSv1_3)
            && self.stream.sock.framing.ended <= self.agreed_at + 1
    }
}

impl Read for TlsStream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream.read(buffer).map_err(|error| {
            if self.client_is_refused(&error) {
                return io::Error::new(io::ErrorKind::InvalidData, ClientRefused);
            }
            sealed(error)
        })
    }
}

impl Write for TlsStream {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.stream.write(buffer).map_err(sealed)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush().map_err(sealed)
    }
}

impl Stream for TlsStream {
    fn is_quiet(&mut self) -> bool {
        let packets = self.stream.conn.process_new_packets();
        let holds_nothing = packets
            .is_ok_and(|state| state.plaintext_bytes_to_read() == 0 && !state.peer_has_closed());
        holds_nothing && self.stream.sock.is_quiet()
    }
}

/// Counts what goes up to TLS, as TLS does not say whether it holds the beginning of a record.
#[derive(Debug)]
pub(super) struct Records {
    stream: Box<dyn Stream>,
    framing: Framing,
    one_at_a_time: bool,
}

impl Records {
    pub(super) fn new(stream: Box<dyn Stream>) -> Records {
        Records {
            stream,
            framing: Framing::default(),
            one_at_a_time: false,
        }
    }

    /// For a TLS that takes several records at once, and does not say that it holds more than one.
    #[cfg(feature = "native-tls")]
    pub(super) fn one_at_a_time(stream: Box<dyn Stream>) -> Records {
        Records {
            one_at_a_time: true,
            ..Records::new(stream)
        }
    }
}

impl Read for Records {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = match self.one_at_a_time {
            true => self.framing.rest().min(buffer.len()),
            false => buffer.len(),
        };
        let buffer = buffer.get_mut(..most).unwrap_or_default();
        let amount = self.stream.read(buffer)?;
        self.framing.pass(buffer.get(..amount).unwrap_or_default());
        Ok(amount)
    }
}

impl Write for Records {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.stream.write(buffer)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

impl Stream for Records {
    fn is_quiet(&mut self) -> bool {
        self.framing.is_between_records() && self.stream.is_quiet()
    }
}

/// Where a stream of TLS records stands: RFC 8446, section 5.1. One type, two of version, two of length.
#[derive(Debug, Default)]
struct Framing {
    header_bytes: u8,
    length: u16,
    payload_left: usize,
    /// How many records have come to their end.
    ended: u64,
}

impl Framing {
    fn pass(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let payload = self.payload_left.min(bytes.len());
            if payload > 0 {
                self.payload_left -= payload;
                self.ended += u64::from(self.payload_left == 0);
                bytes = bytes.get(payload..).unwrap_or_default();
            }
            let Some((byte, rest)) = bytes.split_first() else {
                return;
            };
            bytes = rest;
            self.length = self.length << 8 | u16::from(*byte);
            self.header_bytes += 1;
            if self.header_bytes == 5 {
                self.payload_left = usize::from(self.length);
                self.header_bytes = 0;
                self.ended += u64::from(self.payload_left == 0);
            }
        }
    }

    /// How many bytes the header, or else the record, still has.
    #[cfg_attr(not(feature = "native-tls"), allow(dead_code))]
    fn rest(&self) -> usize {
        match self.payload_left {
            0 => usize::from(5 - self.header_bytes),
            left => left,
        }
    }

    fn is_between_records(&self) -> bool {
        self.header_bytes == 0 && self.payload_left == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

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
            let mut framing = Framing::default();
            let mut passed = 0;
            for piece in bytes.chunks(pieces) {
                framing.pass(piece);
                passed += piece.len();
                let ended = ends.iter().filter(|end| **end <= passed).count() as u64 - 1;
                prop_assert_eq!(framing.ended, ended);
                // Nobody who reads no more than that reads beyond the end of a record.
                let next = passed + framing.rest();
                prop_assert!(!ends.iter().any(|end| (passed + 1..next).contains(end)));
                prop_assert_eq!(framing.is_between_records(), ends.contains(&passed));
            }
            prop_assert!(framing.is_between_records());
        }
    }
}
