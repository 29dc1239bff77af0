//! A connection that is ready: a stream, and what was read of it and not yet used.

use ureq::unversioned::transport::{Buffers as _, LazyBuffers};

use super::stream::{Closed, Stream};

pub(super) struct Connection {
    pub(super) stream: Box<dyn Stream>,
    pub(super) buffers: LazyBuffers,
}

impl Connection {
    /// In place of one that went elsewhere.
    pub(super) fn closed() -> Connection {
        Connection {
            stream: Box::new(Closed),
            buffers: LazyBuffers::new(1, 1),
        }
    }

    /// Whether it is open, and holds not one byte that nobody asked for.
    pub(super) fn is_quiet(&mut self) -> bool {
        self.buffers.input().is_empty() && self.stream.is_quiet()
    }
}
