//! A ready connection: a stream, and the bytes that were read but not used yet. It does not depend
//! on TLS or sockets.

use ureq::unversioned::transport::{Buffers as _, LazyBuffers};

use super::stream::{Closed, Stream};

pub(super) struct Connection {
    pub(super) stream: Box<dyn Stream>,
    pub(super) buffers: LazyBuffers,
}

impl Connection {
    /// Returns a placeholder for a connection that was moved.
    pub(super) fn closed() -> Connection {
        Connection {
            stream: Box::new(Closed),
            buffers: LazyBuffers::new(1, 1),
        }
    }

    /// Whether the connection is open and has no unexpected bytes.
    pub(super) fn is_quiet(&mut self) -> bool {
        self.buffers.input().is_empty() && self.stream.is_quiet()
    }
}
