//! The interface of both TLS implementations. It does not depend on either.

use std::io;

use crate::transport::record::Record;
use crate::transport::stream::Stream;

/// Explains a peer whose first byte cannot be TLS.
pub(super) const NO_TLS: &str =
    "it does not speak TLS: check the port, or whether its URL must begin with http://";

/// A TLS client for one server with its trusted certificates.
pub(in crate::transport) trait Handshake: Send + Sync {
    /// Completes a handshake over `stream`.
    fn agree(&self, stream: Box<dyn Stream>, record: &Record) -> io::Result<Box<dyn Stream>>;
}
