//! What a caller can be told of every attempt.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use crate::error::TransportErrorKind;

/// What became of one attempt of a call: see
/// [`ClientBuilder::on_attempt`](crate::ClientBuilder::on_attempt).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Attempt<'a> {
    /// The method and the path, with a placeholder for the Key ID: `GET /tokens/{tokenId}`. There
    /// are five of them.
    pub endpoint: &'static str,
    /// Which attempt of its call this was: 1 for the first.
    pub number: u32,
    /// What came back.
    pub outcome: AttemptOutcome,
    /// How long this attempt took, without the wait before it.
    pub elapsed: Duration,
    /// The response's request id: of `X-RequestId`, `X-Request-Id` and `X-Correlation-Id` the first
    /// that is there.
    pub request_id: Option<&'a str>,
}

/// What came back in an [`Attempt`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum AttemptOutcome {
    /// A response with this HTTP status.
    Status(u16),
    /// A response that can't be understood.
    Unreadable,
    /// No response.
    NoResponse(TransportErrorKind),
}

type Hook = dyn Fn(&Attempt<'_>) + Send + Sync;

#[derive(Clone)]
pub(crate) struct OnAttempt(Arc<Hook>);

impl OnAttempt {
    pub(crate) fn new(hook: impl Fn(&Attempt<'_>) + Send + Sync + 'static) -> OnAttempt {
        OnAttempt(Arc::new(hook))
    }

    pub(crate) fn call(&self, attempt: &Attempt<'_>) {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| (self.0)(attempt))) {
            // To drop what it panicked with may panic, too.
            if let Err(second) = catch_unwind(AssertUnwindSafe(|| drop(panic))) {
                std::mem::forget(second);
            }
            log::warn!("the on_attempt hook panicked; the call goes on");
        }
    }
}

impl fmt::Debug for OnAttempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OnAttempt")
    }
}
