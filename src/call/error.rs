//! The error that a failed call becomes.

use std::io;

use super::attempt::{Came, Finished};
use super::description::{Call, Caller};
use super::service_error::ServiceError;
use crate::error::{
    ApiError, ApiMessage, Error, MAX_MESSAGE, MAX_SHOWN, TransportError, TransportErrorKind,
    UnreadableResponse,
};
use crate::transport::{Failure, FailureKind, Response};

/// A call that failed, but for what its last attempt brought.
pub(super) struct Failed<'a> {
    pub(super) caller: &'a Caller<'a>,
    pub(super) call: &'a Call<'a>,
    pub(super) attempts: u32,
    pub(super) outcome_unknown: bool,
}

impl Failed<'_> {
    /// The one place that makes it.
    pub(super) fn into_error(self, attempt: Finished) -> Error {
        let Finished { came, facts, .. } = attempt;
        let request_id = self.caller.secrets.show_id(facts.request_id);
        match came {
            _ if facts.shut_down => {
                let reason = "make a new one to call again".to_owned();
                self.no_response(TransportErrorKind::ShutDown, reason, None, request_id)
            }
            Came::Response(response, service_error) => {
                self.api_error(response, service_error, request_id)
            }
            Came::Failure(failure) => match failure.kind {
                FailureKind::NoResponse(kind) => {
                    self.no_response(kind, failure.reason, failure.source, request_id)
                }
                FailureKind::Unreadable => self.unreadable(failure, request_id),
            },
        }
    }

    fn advice(&self) -> &'static str {
        if self.outcome_unknown {
            self.call.unknown_advice
        } else {
            ""
        }
    }

    fn no_response(
        &self,
        kind: TransportErrorKind,
        reason: String,
        source: Option<io::Error>,
        request_id: Option<String>,
    ) -> Error {
        Error::Transport(Box::new(TransportError {
            kind,
            request: self.call.name(),
            reason,
            request_id,
            attempts: self.attempts,
            outcome_unknown: self.outcome_unknown,
            advice: self.advice(),
            source,
        }))
    }

    fn unreadable(&self, failure: Failure, request_id: Option<String>) -> Error {
        Error::UnreadableResponse(Box::new(UnreadableResponse {
            status: failure.status.map(|status| status.code),
            reason_phrase: failure.status.map_or("", |status| status.reason_phrase),
            request: self.call.name(),
            reason: failure.reason,
            request_id,
            attempts: self.attempts,
            outcome_unknown: self.outcome_unknown,
            advice: self.advice(),
        }))
    }

    pub(super) fn api_error(
        &self,
        response: Response,
        service_error: ServiceError,
        request_id: Option<String>,
    ) -> Error {
        let secrets = self.caller.secrets;
        let messages: Vec<_> = service_error
            .messages
            .iter()
            .map(|(code, text)| ApiMessage {
                error_code: secrets.show(code, MAX_MESSAGE),
                message: secrets.show(text, MAX_MESSAGE),
            })
            .filter(|message| !message.error_code.is_empty() || !message.message.is_empty())
            .collect();
        let excerpt = messages
            .is_empty()
            .then(|| secrets.show(&String::from_utf8_lossy(&response.body), MAX_SHOWN))
            .filter(|excerpt| !excerpt.is_empty());
        Error::Api(Box::new(ApiError {
            status: response.status.code,
            reason_phrase: response.status.reason_phrase,
            messages,
            retry_after: response.retry_after,
            request_id,
            request: self.call.name(),
            excerpt,
            attempts: self.attempts,
            outcome_unknown: self.outcome_unknown,
            advice: self.advice(),
        }))
    }
}
