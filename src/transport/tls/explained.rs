//! What a failed handshake means, in words that say what to do. It knows errors of rustls, and
//! nothing of how they came about.

use std::time::{Duration, SystemTime};

use rustls::pki_types::{ServerName, UnixTime};
use rustls::{CertificateError, Error};

use crate::error;

/// How many of a certificate's names are told.
const MAX_NAMES: usize = 5;

pub(super) const NO_TLS: &str =
    "it does not speak TLS: either the port is another one, or its URL must begin with http://";

/// Why the certificate of `server` is not accepted. `untrusted` is what to say of one that nobody
/// trusted has signed.
pub(super) fn certificate(
    error: &CertificateError,
    server: &ServerName<'_>,
    untrusted: &str,
) -> String {
    match error {
        CertificateError::UnknownIssuer => format!("its certificate is {untrusted}"),
        CertificateError::ExpiredContext { time, not_after } => format!(
            "its certificate expired at {}, and this machine's clock says {}",
            date(*not_after),
            date(*time)
        ),
        CertificateError::NotValidYetContext { time, not_before } => format!(
            "its certificate is not valid before {}, and this machine's clock says {}",
            date(*not_before),
            date(*time)
        ),
        CertificateError::Expired => {
            "its certificate has expired, or ends before it begins".to_owned()
        }
        CertificateError::NotValidForNameContext { presented, .. } => format!(
            "its certificate is not valid for {}, but for {}",
            server.to_str(),
            names(presented)
        ),
        CertificateError::Other(other) if is_of_ca(&other.0.to_string()) => {
            "its certificate is that of a certificate authority, which is not taken for a server's: \
             make one without CA:TRUE, or pin this one (feature pinned-cert)"
                .to_owned()
        }
        error => format!("its certificate is not accepted: {error}"),
    }
}

/// Why there is no TLS, if the error is not about the certificate.
pub(super) fn other(error: &Error) -> String {
    match error {
        Error::PeerIncompatible(reason) => format!(
            "it offers nothing that this client takes, which is TLS 1.2 and 1.3 with modern \
             ciphers ({reason:?})"
        ),
        Error::AlertReceived(alert) => format!("it refused, with the alert {alert:?}"),
        error => error.to_string(),
    }
}

/// webpki's own error, which rustls passes on as one that it has no name for.
fn is_of_ca(text: &str) -> bool {
    text == "CaUsedAsEndEntity"
}

fn date(time: UnixTime) -> String {
    let time = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(time.as_secs()));
    time.map_or_else(|| "a time that no clock reaches".to_owned(), error::date)
}

/// As they are in the certificate: `DnsName("api.example")`.
fn names(presented: &[String]) -> String {
    let bare = |name: &String| match name.split('"').nth(1) {
        Some(bare) => bare.to_owned(),
        None => name.clone(),
    };
    let shown: Vec<_> = presented.iter().take(MAX_NAMES).map(bare).collect();
    match presented.len().checked_sub(MAX_NAMES) {
        _ if shown.is_empty() => "no name at all".to_owned(),
        None | Some(0) => shown.join(", "),
        Some(more) => format!("{}, and {more} more", shown.join(", ")),
    }
}
