//! The settings of a transport, and certificates in PEM.

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use ureq::Proxy;
use ureq::tls::{Certificate, RootCerts};
use zeroize::Zeroizing;

/// The SHA-256 of a certificate's DER.
pub(crate) type Fingerprint = [u8; 32];

/// The text next to a setting names the variable or file that it comes from. `None` means that the
/// program made it.
pub(crate) struct Settings {
    pub(crate) base_url: String,
    /// The host and port of the service.
    pub(crate) service: String,
    pub(crate) user_agent: String,
    pub(crate) root_certificates: Option<(RootCerts, Option<String>)>,
    #[cfg_attr(not(feature = "pinned-cert"), allow(dead_code))]
    pub(crate) pinned_certificate: Option<Fingerprint>,
    /// The caller's headers. Of several with the same name, the last one counts.
    pub(crate) headers: Vec<(String, Zeroizing<String>)>,
    pub(crate) proxy: Option<(Proxy, Option<String>)>,
}

/// What PEM contains, or what is wrong with it.
pub(crate) type Roots = std::result::Result<RootCerts, String>;

/// Reads certificates in PEM, even if they are run together or indented.
pub(crate) fn root_certificates(pem: &[u8]) -> Roots {
    // The parser skips what does not begin with a marker at the start of a line, without an error.
    let pem = String::from_utf8_lossy(pem).replace("-----END", "\n-----END");
    let is_certificate = |block: &&str| {
        let label = block.split('-').next();
        label.is_some_and(|label| label.ends_with("CERTIFICATE"))
    };
    let mut certificates = Vec::new();
    for (block, number) in pem.split("BEGIN ").skip(1).filter(is_certificate).zip(1..) {
        let pem = format!("-----BEGIN {block}");
        // ureq would ignore it, and the handshake would then blame the roots.
        let is_readable = |der: &CertificateDer| RootCertStore::empty().add(der.to_owned()).is_ok();
        let der = CertificateDer::from_pem_slice(pem.as_bytes()).ok();
        let der = der.filter(is_readable);
        let der = der.ok_or_else(|| format!("certificate {number} is not readable"))?;
        certificates.push(Certificate::from_der(&der).to_owned());
    }
    if certificates.is_empty() {
        let reason = "contains no certificate, which begins with -----BEGIN CERTIFICATE-----";
        return Err(reason.to_owned());
    }
    Ok(certificates.into())
}
