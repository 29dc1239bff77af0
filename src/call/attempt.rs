//! One attempt of a call, when it is over.

use std::time::Duration;

use super::outcome::Shown;
use super::service_error::ServiceError;
use crate::transport::{Failure, Response};

/// One attempt, and what it has shown.
pub(super) struct Attempt {
    pub(super) shown: Shown,
    pub(super) came: Came,
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

impl Attempt {
    pub(super) fn status(&self) -> Option<u16> {
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
}
