//! TLS that accepts only a pinned certificate. ureq has no hook for a verifier (docs/ureq.md 9).

use std::fmt;
use std::io::{Read as _, Write as _};
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, ClientConnection, DigitallySignedStruct, OtherError,
    SignatureScheme, StreamOwned,
};
use ureq::Error;
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, Either, LazyBuffers, NextTimeout, Transport,
    TransportAdapter,
};

use super::record::Record;
use super::settings::Fingerprint;

/// Makes the TLS connection to the service, if there is a pin. A proxy has a certificate of its
/// own.
#[derive(Debug)]
pub(super) struct Pinned(pub(super) Option<Fingerprint>);

impl<In: Transport> Connector<In> for Pinned {
    type Out = Either<In, PinnedTls>;

    fn connect(
        &self,
        details: &ConnectionDetails,
        stream: Option<In>,
    ) -> Result<Option<Self::Out>, Error> {
        let Some(stream) = stream else {
            return Ok(None);
        };
        let pin = match self.0 {
            Some(pin) if details.needs_tls() && !Record::current()?.leads_to_proxy(details) => pin,
            _ => return Ok(Some(Either::A(stream))),
        };
        let host = details.uri.host().unwrap_or_default();
        let name = ServerName::try_from(host.trim_matches(['[', ']']).to_owned())
            .map_err(|_| Error::Tls("the host is not a valid name for TLS"))?;
        let mut connection = ClientConnection::new(Arc::new(config(pin)?), name)?;
        let mut stream = TransportAdapter::new(
            Box::new(stream) as Box<dyn Transport>,
            Arc::clone(&details.current_time),
        );
        connection.complete_io(&mut stream)?;
        let sizes = details.config;
        Ok(Some(Either::B(PinnedTls {
            buffers: LazyBuffers::new(sizes.input_buffer_size(), sizes.output_buffer_size()),
            stream: StreamOwned::new(connection, stream),
        })))
    }
}

fn config(pin: Fingerprint) -> Result<ClientConfig, rustls::Error> {
    let ring = || Arc::new(rustls::crypto::ring::default_provider());
    let provider = CryptoProvider::get_default().map_or_else(ring, Arc::clone);
    let verifier = Arc::new(Verifier {
        pin,
        provider: Arc::clone(&provider),
    });
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth())
}

pub(super) struct PinnedTls {
    buffers: LazyBuffers,
    stream: StreamOwned<ClientConnection, TransportAdapter>,
}

impl fmt::Debug for PinnedTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PinnedTls").finish_non_exhaustive()
    }
}

impl Transport for PinnedTls {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, _: NextTimeout) -> Result<(), Error> {
        let output = self.buffers.output().get(..amount).unwrap_or_default();
        Ok(self.stream.write_all(output)?)
    }

    fn await_input(&mut self, _: NextTimeout) -> Result<bool, Error> {
        let amount = self.stream.read(self.buffers.input_append_buf())?;
        self.buffers.input_appended(amount);
        Ok(amount > 0)
    }

    fn is_open(&mut self) -> bool {
        self.stream.sock.get_mut().is_open()
    }

    fn is_tls(&self) -> bool {
        true
    }
}

#[derive(Debug, thiserror::Error)]
#[error("the certificate's SHA-256 fingerprint is {0}, and not the pinned one: ask its operator")]
struct NotPinned(String);

/// Accepts the pinned certificate regardless of names, dates and authority. The server must still
/// prove that it has the key.
#[derive(Debug)]
struct Verifier {
    pin: Fingerprint,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let seen = ring::digest::digest(&ring::digest::SHA256, end_entity);
        if seen.as_ref() == self.pin {
            return Ok(ServerCertVerified::assertion());
        }
        let bytes = seen.as_ref().iter();
        let hex: Vec<_> = bytes.map(|byte| format!("{byte:02X}")).collect();
        Err(CertificateError::Other(OtherError(Arc::new(NotPinned(hex.join(":"))))).into())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}
