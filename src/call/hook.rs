//! What a caller can be told of every attempt, and of every call.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use crate::error::{Error, TransportErrorKind};

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
    /// How long the call waits before it tries again, unless it is shut down meanwhile. `None` if
    /// this attempt was the last.
    pub retry_in: Option<Duration>,
}

/// What came back in an [`Attempt`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AttemptOutcome {
    /// A response with this HTTP status.
    Status(u16),
    /// A response that can't be understood.
    Unreadable,
    /// No response.
    NoResponse(TransportErrorKind),
}

impl AttemptOutcome {
    /// Its name in snake case, for the label of a metric: `success` for a status of 200 to 299,
    /// `redirect`, `client_error` and `server_error` for those of 300, 400 and 500, `other_status`
    /// for any other, `unreadable`, or the [name](TransportErrorKind::as_str) of what failed. It
    /// stays as it is in later versions.
    pub fn as_str(self) -> &'static str {
        match self {
            AttemptOutcome::Status(200..=299) => "success",
            AttemptOutcome::Status(300..=399) => "redirect",
            AttemptOutcome::Status(400..=499) => "client_error",
            AttemptOutcome::Status(500..=599) => "server_error",
            AttemptOutcome::Status(_) => "other_status",
            AttemptOutcome::Unreadable => "unreadable",
            AttemptOutcome::NoResponse(kind) => kind.as_str(),
        }
    }
}

/// As [`as_str`](AttemptOutcome::as_str) gives it.
impl fmt::Display for AttemptOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What a call came to: see [`ClientBuilder::on_call`](crate::ClientBuilder::on_call).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct FinishedCall<'a> {
    /// The method and the path, as in [`Attempt::endpoint`].
    pub endpoint: &'static str,
    /// How many attempts it took, at least 1.
    pub attempts: u32,
    /// How long it took in all, waits included.
    pub elapsed: Duration,
    /// Why it failed; `None` if it succeeded.
    pub error: Option<&'a Error>,
}

impl FinishedCall<'_> {
    /// What it came to, in snake case, for the label of a metric: `success`, or of the last
    /// response or failure what [`AttemptOutcome::as_str`] says. A response that is refused for
    /// what it says, such as `{"success": false}`, is `not_done`. It stays as it is in later
    /// versions.
    pub fn outcome(&self) -> &'static str {
        match self.error {
            None => "success",
            Some(Error::Api(error)) if (200..300).contains(&error.status) => "not_done",
            Some(Error::Api(error)) => AttemptOutcome::Status(error.status).as_str(),
            Some(Error::Transport(error)) => error.kind.as_str(),
            Some(_) => AttemptOutcome::Unreadable.as_str(),
        }
    }
}

type OnAttempt = dyn Fn(&Attempt<'_>) + Send + Sync;
type OnCall = dyn Fn(&FinishedCall<'_>) + Send + Sync;

/// Those of a client.
#[derive(Clone, Default)]
pub(crate) struct Hooks {
    pub(crate) on_attempt: Option<Arc<OnAttempt>>,
    pub(crate) on_call: Option<Arc<OnCall>>,
}

impl Hooks {
    pub(super) fn tell_of_attempt(&self, attempt: &Attempt<'_>) {
        if let Some(hook) = &self.on_attempt {
            guarded("on_attempt", || hook(attempt));
        }
    }

    pub(super) fn tell_of_call(&self, call: &FinishedCall<'_>) {
        if let Some(hook) = &self.on_call {
            guarded("on_call", || hook(call));
        }
    }
}

/// A hook that panics does not end the call.
fn guarded(name: &str, hook: impl FnOnce()) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(hook)) {
        // To drop what it panicked with may panic, too.
        if let Err(second) = catch_unwind(AssertUnwindSafe(|| drop(panic))) {
            std::mem::forget(second);
        }
        log::warn!("the {name} hook panicked; the call goes on");
    }
}

impl fmt::Debug for Hooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hooks")
            .field("on_attempt", &self.on_attempt.is_some())
            .field("on_call", &self.on_call.is_some())
            .finish()
    }
}
