//! A byte stream: a socket, or TLS on one. It does not depend on either.

use std::io::{Read, Write};

pub(super) trait Stream: Read + Write + Send + Sync {
    /// Whether the stream is open and has no unexpected bytes, on any layer.
    fn is_quiet(&mut self) -> bool;
}
