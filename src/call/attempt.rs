//! One attempt of a call, when it is over.

use std::time::Duration;

use super::description::Unread;
use super::hook::AttemptOutcome;
use super::outcome::Shown;
use super::service_error::ServiceError;
use crate::error::{Status, TransportErrorKind};
use crate::transport::{AttemptResult, Failure, FailureKind, Response};

/// One attempt, and what it has shown.
pub(super) struct Finished {
    pub(super) shown: Shown,
    pub(super) came: Came,
    /// In place of the service's word that what is to be deleted is gone: as good as an empty
    /// success.
    gone: Option<Response>,
    pub(super) request_id: Option<String>,
    pub(super) elapsed: Duration,
    /// Whether the client was shut down before it was over.
    pub(super) shut_down: bool,
}

/// What came of it, for the error that is made of it.
pub(super) enum Came {
    Response(Response, ServiceError),
    Failure(Failure),
}

impl Finished {
    pub(super) fn new(
        result: AttemptResult,
        elapsed: Duration,
        shut_down: bool,
        gone_is_success: bool,
    ) -> Finished {
        let mut gone = None;
        let (shown, request_id, came) = match result {
            Ok(mut response) => {
                let request_id = response.request_id.take();
                let code = response.status.code;
                let (shown, service_error) = if response.is_success() {
                    (Shown::Done, ServiceError::default())
                } else {
                    let service_error = ServiceError::read(&response);
                    let by_service = service_error.is_service;
                    if code == 404 && by_service && gone_is_success {
                        gone = Some(Response::empty());
                        (Shown::Done, service_error)
                    } else {
                        (Shown::Status { code, by_service }, service_error)
                    }
                };
                (shown, request_id, Came::Response(response, service_error))
            }
            Err(mut failure) => {
                let request_id = failure.request_id.take();
                let shown = match failure.kind {
                    FailureKind::Unreadable => Shown::Unreadable,
                    FailureKind::NoResponse(_) => Shown::NoResponse {
                        may_have_acted: failure.may_have_acted,
                        would_fail_again: failure.would_fail_again,
                    },
                };
                (shown, request_id, Came::Failure(failure))
            }
        };
        Finished {
            shown,
            came,
            gone,
            request_id,
            elapsed,
            shut_down,
        }
    }

    /// What the endpoint is to read, if the service seems to have done what was asked.
    pub(super) fn success(&self) -> Option<&Response> {
        match &self.came {
            _ if self.gone.is_some() => self.gone.as_ref(),
            Came::Response(response, _) if response.is_success() => Some(response),
            _ => None,
        }
    }

    /// The endpoint could not read it.
    pub(super) fn unread(self, unread: Unread) -> Finished {
        let (shown, came) = match (unread, self.came) {
            (Unread::NotDone, Came::Response(response, _)) => {
                let service_error = ServiceError::read(&response);
                (Shown::NotDone, Came::Response(response, service_error))
            }
            (Unread::Unreadable(reason), Came::Response(response, _)) => {
                let failure = Failure {
                    kind: FailureKind::Unreadable,
                    may_have_acted: true,
                    would_fail_again: false,
                    status: Some(response.status),
                    request_id: None,
                    reason,
                    source: None,
                };
                (Shown::Unreadable, Came::Failure(failure))
            }
            (_, came) => (self.shown, came),
        };
        Finished {
            shown,
            came,
            ..self
        }
    }

    pub(super) fn status(&self) -> Option<Status> {
        match &self.came {
            Came::Response(response, _) => Some(response.status),
            Came::Failure(failure) => failure.status,
        }
    }

    pub(super) fn retry_after(&self) -> Option<Duration> {
        match &self.came {
            Came::Response(response, _) => response.retry_after,
            Came::Failure(_) => None,
        }
    }

    pub(super) fn connection_was_lost(&self) -> bool {
        matches!(&self.came, Came::Failure(failure) if failure.connection_was_lost())
    }

    /// What the caller's hook is told of it.
    pub(super) fn told(&self) -> AttemptOutcome {
        match &self.came {
            _ if self.shown != Shown::Done && self.shut_down => {
                AttemptOutcome::NoResponse(TransportErrorKind::ShutDown)
            }
            Came::Response(response, _) => AttemptOutcome::Status(response.status.code),
            Came::Failure(failure) => match failure.kind {
                FailureKind::NoResponse(kind) => AttemptOutcome::NoResponse(kind),
                FailureKind::Unreadable => AttemptOutcome::Unreadable,
            },
        }
    }
}
