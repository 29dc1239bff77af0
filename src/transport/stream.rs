//! A byte stream: a socket, or TLS on one. It does not depend on either.

use std::io::{self, Read, Write};

pub(super) trait Stream: Read + Write + Send + Sync {
    /// Whether the stream is open and has no unexpected bytes, on any layer.
    fn is_quiet(&mut self) -> bool;
}

/// A placeholder for a stream that was moved.
pub(super) struct Closed;

impl Read for Closed {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(io::ErrorKind::NotConnected.into())
    }
}

impl Write for Closed {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::NotConnected.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Stream for Closed {
    fn is_quiet(&mut self) -> bool {
        false
    }
}
