//! What a caller can be told of every attempt.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use crate::error::TransportErrorKind;

/// What became of one try of a call: see [`ClientBuilder::on_try`](crate::ClientBuilder::on_try).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Try<'a> {
    /// The method and the path, with a placeholder for the Key ID: `GET /tokens/{tokenId}`. There are
    /// five of them.
    pub endpoint: &'static str,
    /// Which try of its call this was: 1 for the first.
    pub number: u32,
    /// What came back.
    pub outcome: TryOutcome,
    /// How long this try took, without the wait before it.
    pub elapsed: Duration,
    /// The answer's request id: of `X-RequestId`, `X-Request-Id` and `X-Correlation-Id` the first
    /// that is there.
    pub request_id: Option<&'a str>,
}

/// What came back in a [`Try`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TryOutcome {
    /// An answer with this HTTP status.
    Status(u16),
    /// An answer that can't be understood.
    Unreadable,
    /// No answer.
    NoAnswer(TransportErrorKind),
}

type Hook = dyn Fn(&Try<'_>) + Send + Sync;

#[derive(Clone)]
pub(crate) struct OnTry(Arc<Hook>);

impl OnTry {
    pub(crate) fn new(hook: impl Fn(&Try<'_>) + Send + Sync + 'static) -> OnTry {
        OnTry(Arc::new(hook))
    }

    pub(crate) fn call(&self, tried: &Try<'_>) {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| (self.0)(tried))) {
            // To drop what it panicked with could panic, too.
            std::mem::forget(panic);
            log::warn!("the on_try hook panicked; the call goes on");
        }
    }
}

impl fmt::Debug for OnTry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OnTry")
    }
}
