//! Accepts only a pinned certificate. It does not depend on where the pin comes from.

use std::fmt;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{DigitallySignedStruct, SignatureScheme};

use super::by_rustls::{RustlsTls, provider};
use super::handshake::Handshake;

/// The SHA-256 of a certificate's DER.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// Reads a fingerprint in hex, with or without colons and white space.
    pub(crate) fn parse(text: &str) -> Result<Fingerprint, &'static str> {
        const NONE: &str =
            "is not a valid SHA-256 fingerprint (64 hexadecimal digits, with or without colons)";
        let mut digits = text
            .chars()
            .filter(|c| *c != ':' && !c.is_whitespace())
            .map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok()));
        let mut bytes = [0; 32];
        for byte in &mut bytes {
            let mut digit = || digits.next().flatten().ok_or(NONE);
            *byte = digit()? << 4 | digit()?;
        }
        match digits.next() {
            None => Ok(Fingerprint(bytes)),
            Some(_) => Err(NONE),
        }
    }

    /// Trusts only the certificate with this fingerprint.
    pub(super) fn handshake(self, name: ServerName<'static>) -> Result<Box<dyn Handshake>, String> {
        let provider = provider();
        let verifier = Arc::new(Verifier {
            fingerprint: self,
            provider: Arc::clone(&provider),
        });
        let tls = RustlsTls::with_trust(name, provider, |config| {
            config
                .dangerous()
                .with_custom_certificate_verifier(verifier)
        })?;
        Ok(Box::new(tls))
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

/// Accepts the pinned certificate regardless of names, dates and authority. The server must still
/// prove that it has the key.
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
    ) -> Result<ServerCertVerified, rustls::Error> {
        let seen = Fingerprint::of(end_entity);
        if seen == self.fingerprint {
            return Ok(ServerCertVerified::assertion());
        }
        Err(rustls::Error::General(format!(
            "the server's certificate has the SHA-256 fingerprint {seen}, but another one is pinned"
        )))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprints_are_read_in_every_form() {
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
            assert_eq!(Fingerprint::parse(text).unwrap(), empty, "{text}");
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
            assert!(Fingerprint::parse(text).is_err(), "{text}");
        }
    }
}
