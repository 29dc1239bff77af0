//! What bytes go through: a socket, or TLS on one.

use std::io::{self, Read, Write};

pub(super) trait Stream: Read + Write + Send + Sync {
    /// Whether it is open, and holds not one byte that nobody asked for, on any layer.
    fn is_quiet(&mut self) -> bool;
}

/// In place of a connection that went elsewhere.
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
