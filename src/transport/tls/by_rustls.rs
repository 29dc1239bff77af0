//! TLS with rustls. It does not depend on sockets.

use std::io::{self, Read, Write};
use std::sync::Arc;

use rustls::client::{ResolvesClientCert, WantsClientCert};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::ServerName;
use rustls::sign::CertifiedKey;
use rustls::{
    AlertDescription, ClientConfig, ClientConnection, ConfigBuilder, ProtocolVersion,
    SignatureScheme, StreamOwned, WantsVerifier,
};

use super::client_refused::ClientRefused;
use super::explained;
use super::handshake::{Handshake, NO_TLS};
use super::records::Records;
use super::roots::{RootCertificates, untrusted};
use crate::transport::given::Given;
use crate::transport::record::Record;
use crate::transport::stream::Stream;

pub(super) struct RustlsTls {
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
    /// The explanation for a certificate from an untrusted authority.
    untrusted: String,
}

impl RustlsTls {
    /// Trusts these certificates, else the platform's (feature `platform-verifier`) or Mozilla's.
    #[cfg_attr(feature = "native-tls", allow(dead_code))] // rustls is then used only with a pin.
    pub(super) fn new(
        name: ServerName<'static>,
        roots: Option<&Given<RootCertificates>>,
    ) -> Result<RustlsTls, String> {
        let untrusted = untrusted(roots);
        let Some(roots) = roots else {
            let tls = RustlsTls::with_default_trust(name)?;
            return Ok(RustlsTls { untrusted, ..tls });
        };
        let store = roots.value.store().map_err(|error| error.to_string())?;
        let tls = RustlsTls::with_trust(name, provider(), |config| {
            config.with_root_certificates(store)
        })?;
        Ok(RustlsTls { untrusted, ..tls })
    }

    #[cfg(feature = "platform-verifier")]
    fn with_default_trust(name: ServerName<'static>) -> Result<RustlsTls, String> {
        let provider = provider();
        let verifier = rustls_platform_verifier::Verifier::new(Arc::clone(&provider))
            .map_err(|error| error.to_string())?;
        RustlsTls::with_trust(name, provider, |config| {
            let verifier = Arc::new(verifier);
            config
                .dangerous()
                .with_custom_certificate_verifier(verifier)
        })
    }

    #[cfg(not(feature = "platform-verifier"))]
    fn with_default_trust(name: ServerName<'static>) -> Result<RustlsTls, String> {
        let roots = webpki_roots::TLS_SERVER_ROOTS.to_vec();
        RustlsTls::with_trust(name, provider(), |config| {
            config.with_root_certificates(rustls::RootCertStore { roots })
        })
    }

    pub(super) fn with_trust(
        name: ServerName<'static>,
        provider: Arc<CryptoProvider>,
        trust: impl FnOnce(
            ConfigBuilder<ClientConfig, WantsVerifier>,
        ) -> ConfigBuilder<ClientConfig, WantsClientCert>,
    ) -> Result<RustlsTls, String> {
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?;
        let config = trust(config).with_client_cert_resolver(Arc::new(NoCertificate));
        Ok(RustlsTls {
            config: Arc::new(config),
            name,
            untrusted: String::new(),
        })
    }
}

impl Handshake for RustlsTls {
    fn agree(&self, stream: Box<dyn Stream>, record: &Record) -> io::Result<Box<dyn Stream>> {
        let mut connection = ClientConnection::new(Arc::clone(&self.config), self.name.clone())
            .map_err(io::Error::other)?;
        let mut records = Records::new(stream);
        if let Err(error) = shake_hands(&mut connection, &mut records) {
            return Err(self.explained(error, &records, record));
        }
        Ok(Box::new(TlsStream {
            agreed_at: records.framing.ended,
            stream: StreamOwned::new(connection, records),
        }))
    }
}

/// Returns the process's default provider, if it has set one, or else ring.
pub(super) fn provider() -> Arc<CryptoProvider> {
    CryptoProvider::get_default().map_or_else(
        || Arc::new(rustls::crypto::ring::default_provider()),
        Arc::clone,
    )
}

impl RustlsTls {
    /// Explains the error, and records whether a retry would fail the same way.
    fn explained(&self, error: io::Error, records: &Records, record: &Record) -> io::Error {
        let reason = match rustls_error(&error) {
            Some(rustls::Error::InvalidCertificate(reason)) => {
                explained::certificate(reason, &self.name, &self.untrusted)
            }
            // The error of the pin's verifier.
            Some(rustls::Error::General(reason)) => reason.clone(),
            Some(rustls::Error::AlertReceived(_)) if record.certificate_was_demanded() => {
                record.refused_for_good();
                return client_refused();
            }
            Some(_) if is_certificate_alert(&error) => {
                record.refused_for_good();
                return client_refused();
            }
            Some(_) if !records.began_as_tls() => return io::Error::other(NO_TLS),
            Some(inner) => return io::Error::new(error.kind(), explained::other(inner)),
            None => return error,
        };
        record.refused_for_good();
        io::Error::new(io::ErrorKind::InvalidData, reason)
    }
}

/// Completes the handshake.
fn shake_hands(connection: &mut ClientConnection, records: &mut Records) -> io::Result<()> {
    let Err(error) = connection.complete_io(records) else {
        return Ok(());
    };
    if rustls_error(&error).is_some() {
        return Err(error);
    }
    // If the peer closes the connection, a write may fail before its alert is read.
    while let Ok(1..) = connection.read_tls(records) {
        if let Err(alert) = connection.process_new_packets() {
            return Err(io::Error::new(io::ErrorKind::InvalidData, alert));
        }
    }
    Err(error)
}

/// Has no client certificate, but records that the peer asks for one.
#[derive(Debug)]
struct NoCertificate;

impl ResolvesClientCert for NoCertificate {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        if let Ok(record) = Record::current() {
            record.certificate_demanded();
        }
        None
    }

    fn has_certs(&self) -> bool {
        false
    }
}

fn client_refused() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, ClientRefused)
}

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

/// Turns the error into text, because an outer TLS must not mistake it for its own.
fn sealed(error: io::Error) -> io::Error {
    match rustls_error(&error) {
        Some(inner) => io::Error::new(error.kind(), inner.to_string()),
        None => error,
    }
}

struct TlsStream {
    stream: StreamOwned<ClientConnection, Records>,
    /// The number of records that had arrived at the end of the handshake.
    agreed_at: u64,
}

impl TlsStream {
    /// Whether the peer refused this client in its part of the handshake, before it read a request.
    ///
    /// With TLS 1.3 this side learns of that only while it waits for the response (RFC 8446,
    /// sections 4.4.2.4 and 6.2; this client does not offer post-handshake authentication). The
    /// alert is then the first record. A peer that has completed the handshake sends another record
    /// first, such as a session ticket; an alert after that does not say whether the request was
    /// read.
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
                return client_refused();
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
