//! Explains a failed TLS handshake, and what to do. It does not depend on how the handshake is
//! made.

use std::time::{Duration, SystemTime};

use rustls::pki_types::{ServerName, UnixTime};
use rustls::{CertificateError, Error};

use crate::error;

/// How many of a certificate's names are shown.
const MAX_NAMES: usize = 5;

/// Explains why the certificate of `server` is not accepted. `untrusted` explains an untrusted
/// authority.
pub(super) fn certificate(
    error: &CertificateError,
    server: &ServerName<'_>,
    untrusted: &str,
) -> String {
    match error {
        CertificateError::UnknownIssuer => format!("its certificate is {untrusted}"),
        CertificateError::ExpiredContext { time, not_after } => format!(
            "its certificate expired at {}; this machine's clock is at {}",
            date(*not_after),
            date(*time)
        ),
        CertificateError::NotValidYetContext { time, not_before } => format!(
            "its certificate is not valid before {}; this machine's clock is at {}",
            date(*not_before),
            date(*time)
        ),
        CertificateError::Expired => {
            "its certificate has expired, or ends before it begins".to_owned()
        }
        CertificateError::NotValidForNameContext { presented, .. } => format!(
            "its certificate is not valid for {}, only for {}",
            server.to_str(),
            names(presented)
        ),
        CertificateError::Other(other) if is_of_ca(&other.0.to_string()) => {
            "its certificate is that of a certificate authority and not accepted for a server: \
             create one without CA:TRUE, or pin this one (feature pinned-cert)"
                .to_owned()
        }
        error => format!("its certificate is not accepted: {error}"),
    }
}

/// Explains an error that is not about the certificate.
pub(super) fn other(error: &Error) -> String {
    match error {
        Error::PeerIncompatible(reason) => format!(
            "it does not support what this client requires, TLS 1.2 or 1.3 with modern ciphers \
             ({reason:?})"
        ),
        Error::AlertReceived(alert) => format!("it refused with the alert {alert:?}"),
        error => error.to_string(),
    }
}

/// Recognizes an error of webpki that has no counterpart in rustls.
fn is_of_ca(text: &str) -> bool {
    text == "CaUsedAsEndEntity"
}

fn date(time: UnixTime) -> String {
    let time = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(time.as_secs()));
    time.map_or_else(|| "a time out of range".to_owned(), error::date)
}

/// Lists names that rustls writes like `DnsName("api.example")`.
fn names(presented: &[String]) -> String {
    let bare = |name: &String| match name.split('"').nth(1) {
        Some(bare) => bare.to_owned(),
        None => name.clone(),
    };
    let shown: Vec<_> = presented.iter().take(MAX_NAMES).map(bare).collect();
    match presented.len().checked_sub(MAX_NAMES) {
        _ if shown.is_empty() => "no name".to_owned(),
        None | Some(0) => shown.join(", "),
        Some(more) => format!("{}, and {more} more", shown.join(", ")),
    }
}
