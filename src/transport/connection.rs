//! A ready connection: a stream, and the bytes that were read but not used yet. It does not depend
//! on TLS, sockets or HTTP.

use std::io::{self, Read as _, Write as _};
use std::ops::Range;

use zeroize::Zeroize as _;

use super::headers::MAX_HEAD;
use super::stream::Stream;

/// The size of the buffer, in bytes. Every request fits, and a head that is too large is noticed.
const BUFFER: usize = 2 * MAX_HEAD;

pub(super) struct Connection {
    stream: Box<dyn Stream>,
    /// For a request and then its response. Allocated before the first request.
    buffer: Vec<u8>,
    /// The bytes of the buffer that were not used yet.
    unused: Range<usize>,
    /// The number of bytes of the buffer that were ever written to.
    touched: usize,
}

impl Connection {
    pub(super) fn new(stream: Box<dyn Stream>) -> Connection {
        Connection {
            stream,
            buffer: Vec::new(),
            unused: 0..0,
            touched: 0,
        }
    }

    /// Sends what `write` writes into the buffer, which leaves no copy there. Nothing may have been
    /// received that was not used.
    pub(super) fn send<E: From<io::Error>>(
        &mut self,
        write: impl FnOnce(&mut [u8]) -> Result<usize, E>,
    ) -> Result<(), E> {
        self.allocate();
        let amount = write(&mut self.buffer)?;
        self.touched = self.touched.max(amount);
        let bytes = self.buffer.get_mut(..amount).unwrap_or_default();
        self.stream.write_all(bytes)?;
        self.stream.flush()?;
        bytes.zeroize();
        Ok(())
    }

    /// Returns the bytes that were read but not used yet.
    pub(super) fn received(&self) -> &[u8] {
        self.buffer.get(self.unused.clone()).unwrap_or_default()
    }

    pub(super) fn consume(&mut self, amount: usize) {
        self.unused.start = (self.unused.start + amount).min(self.unused.end);
    }

    /// Whether the buffer has no space for more bytes until some are used.
    pub(super) fn is_full(&self) -> bool {
        self.unused.len() == BUFFER
    }

    /// Waits for more bytes. Returns false if the peer has closed the connection. The buffer must
    /// not be full.
    pub(super) fn receive(&mut self) -> io::Result<bool> {
        self.allocate();
        if self.unused.start > 0 {
            self.buffer.copy_within(self.unused.clone(), 0);
            self.unused = 0..self.unused.len();
        }
        let free = self.buffer.get_mut(self.unused.end..).unwrap_or_default();
        let amount = match self.stream.read(free) {
            // TLS without close_notify.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => 0,
            read => read?,
        };
        self.unused.end += amount;
        self.touched = self.touched.max(self.unused.end);
        Ok(amount > 0)
    }

    fn allocate(&mut self) {
        if self.buffer.is_empty() {
            self.buffer = vec![0; BUFFER];
        }
    }

    /// Whether the connection is open and has no unexpected bytes.
    pub(super) fn is_quiet(&mut self) -> bool {
        self.unused.is_empty() && self.stream.is_quiet()
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // The response may have contained a new token.
        let touched = self.buffer.get_mut(..self.touched).unwrap_or_default();
        touched.zeroize();
    }
}
