//! What any TLS is asked for.

use std::io;

use crate::transport::record::Record;
use crate::transport::stream::Stream;

/// Knows one server, and whom to trust there.
pub(in crate::transport) trait Handshake: Send + Sync {
    /// Agrees on TLS over `stream`.
    fn agree(&self, stream: Box<dyn Stream>, record: &Record) -> io::Result<Box<dyn Stream>>;
}
