//! TLS with the one server that has a certain certificate. Knows nothing of requests. Stands on
//! ureq's `unversioned` API, as connector.rs does.

use std::fmt;
use std::io;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, SignatureScheme, StreamOwned};
use ureq::http::uri::Authority;
use ureq::unversioned::transport::time::{Duration, Instant};
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, Either, LazyBuffers, NextTimeout, Transport,
    TransportAdapter,
};

use crate::error::{Error, Result};

/// The SHA-256 of a certificate's DER.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// Reads hex, with or without colons and white space. `what` names the setting in errors.
    pub(crate) fn parse(what: &'static str, text: &str) -> Result<Fingerprint> {
        let refuse = || {
            Error::invalid(
                what,
                "is no SHA-256 fingerprint: 64 hexadecimal digits, with or without colons",
            )
        };
        let mut digits = text
            .chars()
            .filter(|c| *c != ':' && !c.is_whitespace())
            .map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok()));
        let mut bytes = [0; 32];
        for byte in &mut bytes {
            let mut digit = || digits.next().flatten().ok_or_else(refuse);
            *byte = digit()? << 4 | digit()?;
        }
        match digits.next() {
            None => Ok(Fingerprint(bytes)),
            Some(_) => Err(refuse()),
        }
    }

    fn of(certificate: &[u8]) -> Fingerprint {
        let mut bytes = [0; 32];
        let digest = ring::digest::digest(&ring::digest::SHA256, certificate);
        for (byte, digest) in bytes.iter_mut().zip(digest.as_ref()) {
            *byte = *digest;
        }
        Fingerprint(bytes)
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, byte) in self.0.iter().enumerate() {
            let colon = if index == 0 { "" } else { ":" };
            write!(f, "{colon}{byte:02X}")?;
        }
        Ok(())
    }
}

/// Opens TLS where a certificate is pinned. A proxy before the service has its own, and is left to
/// the connectors after this one.
pub(crate) struct PinnedTls(Option<(Authority, Arc<ClientConfig>)>);

impl PinnedTls {
    pub(crate) fn new(pin: Option<(Authority, Fingerprint)>) -> Result<PinnedTls> {
        let Some((service, fingerprint)) = pin else {
            return Ok(PinnedTls(None));
        };
        // The one that ureq takes, too.
        let provider = CryptoProvider::get_default().map_or_else(
            || Arc::new(rustls::crypto::ring::default_provider()),
            Arc::clone,
        );
        let verifier = Verifier {
            fingerprint,
            provider: Arc::clone(&provider),
        };
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| Error::invalid("pinned certificate", error.to_string()))?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_no_client_auth();
        Ok(PinnedTls(Some((service, Arc::new(config)))))
    }
}

impl fmt::Debug for PinnedTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PinnedTls").finish_non_exhaustive()
    }
}

impl<In: Transport> Connector<In> for PinnedTls {
    type Out = Either<In, Connection>;

    fn connect(
        &self,
        details: &ConnectionDetails,
        chained: Option<In>,
    ) -> std::result::Result<Option<Self::Out>, ureq::Error> {
        let Some(transport) = chained else {
            return Ok(None);
        };
        let config = match &self.0 {
            Some((service, config))
                if details.needs_tls()
                    && !transport.is_tls()
                    && details.uri.authority() == Some(service) =>
            {
                Arc::clone(config)
            }
            _ => return Ok(Some(Either::A(transport))),
        };
        let host = details.uri.host().unwrap_or_default();
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let name = ServerName::try_from(host.to_owned())
            .map_err(|_| ureq::Error::Tls("the host has no name that TLS takes"))?;
        let mut connection = ClientConnection::new(config, name)?;
        let mut adapter = TransportAdapter::new(transport.boxed(), details.current_time.clone());
        adapter.set_timeout(left_of(details));
        connection.complete_io(&mut adapter).map_err(refusal)?;
        Ok(Some(Either::B(Connection {
            stream: StreamOwned::new(connection, adapter),
            buffers: LazyBuffers::new(
                details.config.input_buffer_size(),
                details.config.output_buffer_size(),
            ),
        })))
    }
}

/// What connecting has left of its time.
fn left_of(details: &ConnectionDetails) -> NextTimeout {
    let mut timeout = details.timeout;
    if let (Duration::Exact(after), Instant::Exact(then), Instant::Exact(now)) =
        (timeout.after, details.now, (details.current_time)())
    {
        let elapsed = now.saturating_duration_since(then);
        timeout.after = Duration::Exact(after.saturating_sub(elapsed));
    }
    timeout
}

/// The verifier's own words, without rustls's around them.
fn refusal(error: io::Error) -> ureq::Error {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref());
    match inner {
        Some(rustls::Error::General(reason)) => {
            ureq::Error::Io(io::Error::new(io::ErrorKind::InvalidData, reason.clone()))
        }
        _ => ureq::Error::from(error),
    }
}

pub(crate) struct Connection {
    stream: StreamOwned<ClientConnection, TransportAdapter>,
    buffers: LazyBuffers,
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").finish_non_exhaustive()
    }
}

impl Transport for Connection {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(
        &mut self,
        amount: usize,
        timeout: NextTimeout,
    ) -> std::result::Result<(), ureq::Error> {
        self.stream.get_mut().set_timeout(timeout);
        let output = self.buffers.output().get(..amount).unwrap_or_default();
        io::Write::write_all(&mut self.stream, output)?;
        Ok(())
    }

    fn await_input(&mut self, timeout: NextTimeout) -> std::result::Result<bool, ureq::Error> {
        self.stream.get_mut().set_timeout(timeout);
        let amount = io::Read::read(&mut self.stream, self.buffers.input_append_buf())?;
        self.buffers.input_appended(amount);
        Ok(amount > 0)
    }

    fn is_open(&mut self) -> bool {
        self.stream.get_mut().get_mut().is_open()
    }

    fn is_tls(&self) -> bool {
        true
    }
}

/// Takes the one certificate, whatever its names, dates and authority. That the server holds its key
/// is verified as ever.
#[derive(Debug)]
struct Verifier {
    fingerprint: Fingerprint,
    provider: Arc<CryptoProvider>,
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> std::result::Result<ServerCertVerified, rustls::Error> {
        let seen = Fingerprint::of(end_entity);
        if seen == self.fingerprint {
            return Ok(ServerCertVerified::assertion());
        }
        Err(rustls::Error::General(format!(
            "the server's certificate has the SHA-256 fingerprint {seen}, and another one is pinned"
        )))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_in_every_form() {
        let hex = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        let empty = Fingerprint::of(b"");
        let colons = empty.to_string();
        assert!(colons.starts_with("E3:B0:C4:42:") && colons.ends_with(":B8:55"));
        for text in [
            hex,
            &hex.to_uppercase(),
            &colons,
            &colons.to_lowercase(),
            &colons.replace(':', " "),
            &format!(" {hex}\n"),
        ] {
            assert_eq!(Fingerprint::parse("x", text).unwrap(), empty, "{text}");
        }
        for text in [
            "",
            ":",
            &hex[1..],
            &format!("{hex}0"),
            &format!("{hex}00"),
            &hex.replace('e', "g"),
            &format!("sha256:{hex}"),
            &hex.replace('e', "é"),
            &hex[..40],
        ] {
            let error = Fingerprint::parse("x", text).unwrap_err().to_string();
            assert!(
                error.starts_with("x: is no SHA-256 fingerprint"),
                "{text}: {error}"
            );
        }
    }
}
