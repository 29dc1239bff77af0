//! The error if the peer requires a client certificate. It does not depend on the TLS library.

use std::fmt;
use std::io;

/// The peer has refused this client because it has no certificate, before it read a request.
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
            "it requires a client certificate, which this library does not support: connect to the \
             service another way",
        )
    }
}

impl std::error::Error for ClientRefused {}
