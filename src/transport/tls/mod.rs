//! TLS on a connection, and which certificates it trusts. It does not depend on sockets.

#[cfg(feature = "native-tls")]
mod by_platform;
#[cfg(any(not(feature = "native-tls"), feature = "pinned-cert"))]
mod by_rustls;
mod client_refused;
#[cfg(any(not(feature = "native-tls"), feature = "pinned-cert"))]
mod explained;
mod handshake;
#[cfg_attr(not(feature = "pinned-cert"), path = "unpinned.rs")]
mod pinned;
mod records;
mod roots;

use super::given::Given;
use super::server::Server;
use crate::error::{Error, Result};

#[cfg(feature = "native-tls")]
use by_platform::PlatformTls as DefaultTls;
#[cfg(not(feature = "native-tls"))]
use by_rustls::RustlsTls as DefaultTls;

pub(super) use client_refused::ClientRefused;
pub(super) use handshake::Handshake;
pub(crate) use pinned::Fingerprint;
pub(crate) use roots::RootCertificates;

/// Returns the handshake for this server, or nothing without TLS. It trusts the pinned certificate,
/// else these roots, else the default ones.
pub(super) fn handshake(
    server: &Server,
    pin: Option<Fingerprint>,
    roots: Option<&Given<RootCertificates>>,
) -> Result<Option<Box<dyn Handshake>>> {
    let Some(name) = &server.tls_name else {
        return Ok(None);
    };
    let handshake: std::result::Result<Box<dyn Handshake>, _> = match pin {
        Some(fingerprint) => fingerprint.handshake(name.clone()),
        None => DefaultTls::new(name.clone(), roots).map(|tls| Box::new(tls) as _),
    };
    handshake
        .map(Some)
        .map_err(|reason| Error::invalid("TLS", reason))
}
