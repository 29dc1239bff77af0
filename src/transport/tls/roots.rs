//! The trusted root certificates of a program. They do not depend on the TLS library.

use std::sync::Arc;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use crate::transport::given::Given;

/// Explains a certificate from an untrusted authority, and what to do.
pub(super) fn untrusted(roots: Option<&Given<RootCertificates>>) -> String {
    match roots {
        Some(roots) => format!(
            "not signed by an authority in {}, and no others are trusted: add the one that signed \
             it",
            roots.source
        ),
        None if cfg!(feature = "platform-verifier") => {
            "not signed by an authority that this system trusts: add the one that signed it to the \
             system's trust store, or pass it to root_certificates_pem"
                .to_owned()
        }
        None => {
            "not signed by an authority that Mozilla trusts: for a private authority, or a proxy \
             that inspects TLS, pass its certificate to root_certificates_pem, or use the system's \
             trust store (feature platform-verifier)"
                .to_owned()
        }
    }
}

#[derive(Clone)]
pub(crate) struct RootCertificates(Arc<[CertificateDer<'static>]>);

impl RootCertificates {
    pub(crate) fn from_pem(pem: &[u8]) -> Result<RootCertificates, &'static str> {
        let certificates: Vec<_> = CertificateDer::pem_slice_iter(pem)
            .collect::<Result<_, _>>()
            .map_err(|_| "is not valid PEM")?;
        if certificates.is_empty() {
            return Err("contains no certificate");
        }
        let certificates = RootCertificates(certificates.into());
        // An unusable certificate would otherwise only show in failing calls.
        match certificates.store() {
            Ok(_) => Ok(certificates),
            Err(_) => Err("contains a certificate that is not readable"),
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &CertificateDer<'static>> {
        self.0.iter()
    }

    pub(super) fn store(&self) -> Result<RootCertStore, rustls::Error> {
        let mut store = RootCertStore::empty();
        for certificate in self.iter() {
            store.add(certificate.clone())?;
        }
        Ok(store)
    }
}
