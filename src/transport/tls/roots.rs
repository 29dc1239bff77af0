//! The certificates of a private authority.

use std::sync::Arc;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use crate::transport::given::Given;

/// What is wrong with a certificate that nobody trusted has signed, and what to do.
pub(super) fn untrusted(roots: Option<&Given<RootCertificates>>) -> String {
    match roots {
        Some(roots) => format!(
            "signed by none of the authorities in {}, and no others are trusted: add the one that \
             signed it",
            roots.source
        ),
        None if cfg!(feature = "platform-verifier") => {
            "signed by none of the authorities that this system trusts: add the one that signed it \
             to them, or give it to the client (root_certificates_pem)"
                .to_owned()
        }
        None => {
            "signed by none of the authorities that Mozilla trusts. The certificate of a private \
             authority, or of a proxy that inspects TLS, must be given to the client \
             (root_certificates_pem), or be in this system's trust store (feature \
             platform-verifier)"
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
        // A CA that can't be used would be found out only by calls that fail.
        match certificates.store() {
            Ok(_) => Ok(certificates),
            Err(_) => Err("contains a certificate that can't be read"),
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
