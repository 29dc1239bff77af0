//! That the other side has refused this client.

use std::fmt;
use std::io;

/// The error of TLS that refuses this client because it has no certificate, before it reads
/// anything.
#[derive(Debug)]
pub(in crate::transport) struct ClientRefused;

impl ClientRefused {
    pub(in crate::transport) fn is_in(error: &io::Error) -> bool {
        error
            .get_ref()
            .is_some_and(|inner| inner.is::<ClientRefused>())
    }
}

impl fmt::Display for ClientRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "it demands a certificate of the client, and this library has none to give: the service must be reached some other way",
        )
    }
}

impl std::error::Error for ClientRefused {}
