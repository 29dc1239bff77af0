//! One finished attempt of a call. It does not depend on retries.

use std::time::Duration;

use super::description::Unread;
use super::hook::AttemptOutcome;
use super::outcome::Shown;
use super::service_error::ServiceError;
use crate::auth::Secrets;
use crate::error::{Status, TransportErrorKind};
use crate::transport::{AttemptResult, Failure, FailureKind, Response};

/// An attempt that has a response or has failed.
pub(super) enum Sent {
    /// The response claims success. The endpoint has to read it.
    Success(Success),
    Other(Finished),
}

pub(super) struct Success {
    /// Empty if the service says that the token to delete is gone.
    pub(super) response: Response,
    facts: Facts,
}

/// A finished attempt, and what it has shown.
pub(super) struct Finished {
    pub(super) shown: Shown,
    pub(super) came: Came,
    pub(super) facts: Facts,
}

pub(super) struct Facts {
    /// `None` if it repeats a secret.
    pub(super) request_id: Option<String>,
    pub(super) elapsed: Duration,
    /// Whether the client was shut down before the attempt ended.
    pub(super) shut_down: bool,
}

/// The result of an attempt, from which an error is made.
pub(super) enum Came {
    Response(Response, ServiceError),
    /// A success that is not readable, and why.
    Unreadable(Response, String),
    Failure(Failure),
}

impl Sent {
    pub(super) fn new(
        mut result: AttemptResult,
        secrets: &Secrets,
        elapsed: Duration,
        shut_down: bool,
        gone_is_success: bool,
    ) -> Sent {
        let request_id = match &mut result {
            Ok(response) => response.request_id.take(),
            Err(failure) => failure.request_id.take(),
        };
        let facts = Facts {
            request_id: secrets.if_shown(request_id),
            elapsed,
            shut_down,
        };
        let (shown, came) = match result {
            Ok(response) if response.is_success() => {
                let encoding = response.encoding();
                let success = Success { response, facts };
                return match encoding {
                    None => Sent::Success(success),
                    Some(encoding) => Sent::Other(success.unread(Unread::Unreadable(format!(
                        "it is compressed (Content-Encoding: {encoding}), which was not requested"
                    )))),
                };
            }
            Ok(mut response) => {
                let service_error = ServiceError::read(&response);
                let by_service = service_error.is_service;
                let code = response.status.code;
                if code == 404 && by_service && gone_is_success {
                    response.empty();
                    return Sent::Success(Success { response, facts });
                }
                let shown = Shown::Status { code, by_service };
                (shown, Came::Response(response, service_error))
            }
            Err(failure) => {
                let shown = match failure.kind {
                    FailureKind::Unreadable => Shown::Unreadable,
                    FailureKind::NoResponse(_) => Shown::NoResponse {
                        may_have_acted: failure.may_have_acted,
                        would_fail_again: failure.is_final,
                    },
                };
                (shown, Came::Failure(failure))
            }
        };
        Sent::Other(Finished { shown, came, facts })
    }
}

impl Success {
    /// Called if the endpoint has read the response.
    pub(super) fn read(self) -> Finished {
        Finished {
            shown: Shown::Done,
            came: Came::Response(self.response, ServiceError::default()),
            facts: self.facts,
        }
    }

    /// Called if the endpoint could not read the response.
    pub(super) fn unread(self, unread: Unread) -> Finished {
        let Success { response, facts } = self;
        let (shown, came) = match unread {
            Unread::NotDone => {
                let service_error = ServiceError::read(&response);
                (Shown::NotDone, Came::Response(response, service_error))
            }
            Unread::Unreadable(reason) => (Shown::Unreadable, Came::Unreadable(response, reason)),
        };
        Finished { shown, came, facts }
    }
}

impl Finished {
    pub(super) fn status(&self) -> Option<Status> {
        match &self.came {
            Came::Response(response, _) | Came::Unreadable(response, _) => Some(response.status),
            Came::Failure(failure) => failure.status,
        }
    }

    pub(super) fn retry_after(&self) -> Option<Duration> {
        match &self.came {
            Came::Response(response, _) => response.retry_after,
            Came::Unreadable(..) | Came::Failure(_) => None,
        }
    }

    pub(super) fn connection_was_lost(&self) -> bool {
        matches!(&self.came, Came::Failure(failure) if failure.connection_was_lost())
    }

    /// Returns what hooks and the log get to see.
    pub(super) fn reported(&self) -> AttemptOutcome {
        match &self.came {
            _ if self.shown != Shown::Done && self.facts.shut_down => {
                AttemptOutcome::NoResponse(TransportErrorKind::ShutDown)
            }
            Came::Response(response, _) => AttemptOutcome::Status(response.status.code),
            Came::Unreadable(..) => AttemptOutcome::Unreadable,
            Came::Failure(failure) => match failure.kind {
                FailureKind::NoResponse(kind) => AttemptOutcome::NoResponse(kind),
                FailureKind::Unreadable => AttemptOutcome::Unreadable,
            },
        }
    }
}
