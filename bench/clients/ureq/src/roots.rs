//! The TLS settings of ureq that trust only these certificates.

use ureq::tls::{PemItem, RootCerts, TlsConfig};

pub fn only(pem: &[u8]) -> TlsConfig {
    let certificates: Vec<_> = ureq::tls::parse_pem(pem)
        .filter_map(|item| match item {
            Ok(PemItem::Certificate(certificate)) => Some(certificate),
            _ => None,
        })
        .collect();
    let roots = RootCerts::new_with_certs(&certificates);
    TlsConfig::builder().root_certs(roots).build()
}
