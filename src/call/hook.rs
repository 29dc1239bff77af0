//! Hooks that report every attempt and every call. They do not depend on how an attempt is made.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use crate::error::{Error, TransportErrorKind};

/// A finished attempt, as [`ClientBuilder::on_attempt`](crate::ClientBuilder::on_attempt) reports
/// it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Attempt<'a> {
    /// The method and path, with a placeholder for the Key ID: one of five values such as
    /// `GET /tokens/{tokenId}`.
    pub endpoint: &'static str,
    /// The number of the attempt in its call, from 1.
    pub number: u32,
    /// How the attempt ended.
    pub outcome: AttemptOutcome,
    /// How long the attempt took, without the wait before it.
    pub elapsed: Duration,
    /// The request ID of the response: see [`Error::request_id`].
    pub request_id: Option<&'a str>,
    /// How long the call waits before it retries, or `None` if this was the last attempt.
    pub retry_in: Option<Duration>,
}

/// How an [`Attempt`] ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AttemptOutcome {
    /// With a response with this HTTP status.
    Status(u16),
    /// With a response that cannot be understood.
    Unreadable,
    /// Without a response.
    NoResponse(TransportErrorKind),
}

impl AttemptOutcome {
    /// Returns a name in snake case, for the label of a metric.
    ///
    /// It is `success`, `redirect`, `client_error` or `server_error` for a status of 200 to 599,
    /// `other_status` for any other status, `unreadable`, or the
    /// [name](TransportErrorKind::as_str) of the transport error. The names do not change in later
    /// versions.
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

/// Writes [`as_str`](AttemptOutcome::as_str).
impl fmt::Display for AttemptOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A finished call, as [`ClientBuilder::on_call`](crate::ClientBuilder::on_call) reports it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct FinishedCall<'a> {
    /// The method and path, as in [`Attempt::endpoint`].
    pub endpoint: &'static str,
    /// The number of attempts, at least 1.
    pub attempts: u32,
    /// How long the call took, including waits.
    pub elapsed: Duration,
    /// The error, or `None` if the call succeeded.
    pub error: Option<&'a Error>,
}

impl FinishedCall<'_> {
    /// Returns how the call ended in snake case, for the label of a metric.
    ///
    /// It is `success`, `not_done` for a response with `{"success": false}`, or else what
    /// [`AttemptOutcome::as_str`] returns for the last attempt. The names do not change in later
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

/// The hooks of a client.
#[derive(Clone, Default)]
pub(crate) struct Hooks {
    pub(crate) on_attempt: Option<Arc<OnAttempt>>,
    pub(crate) on_call: Option<Arc<OnCall>>,
}

impl Hooks {
    pub(super) fn report_attempt(&self, attempt: &Attempt<'_>) {
        if let Some(hook) = &self.on_attempt {
            guarded("on_attempt", || hook(attempt));
        }
    }

    pub(super) fn report_call<'a>(&self, call: impl FnOnce() -> FinishedCall<'a>) {
        if let Some(hook) = &self.on_call {
            let call = call();
            guarded("on_call", || hook(&call));
        }
    }
}

/// Runs a hook. If it panics, the call continues.
fn guarded(name: &str, hook: impl FnOnce()) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(hook)) {
        // Dropping the payload of the panic may panic, too.
        if let Err(second) = catch_unwind(AssertUnwindSafe(|| drop(panic))) {
            std::mem::forget(second);
        }
        log::warn!("the {name} hook panicked; the call continues");
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
