//! The error that a failed call becomes.

use std::io;

use super::attempt::{Attempt, Came};
use super::description::{Call, Caller};
use super::service_error::ServiceError;
use crate::error::{
    ApiError, ApiMessage, Error, LONG, SHORT, TransportError, TransportErrorKind, UnreadableAnswer,
    printable,
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
    pub(super) fn into_error(self, attempt: Attempt) -> Error {
        let Attempt {
            came,
            request_id,
            shut_down,
            ..
        } = attempt;
        let request_id = request_id.filter(|id| !self.caller.secrets.are_repeated_in(id));
        match came {
            _ if shut_down => {
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
            tries: self.attempts,
            outcome_unknown: self.outcome_unknown,
            advice: self.advice(),
            source,
        }))
    }

    fn unreadable(&self, failure: Failure, request_id: Option<String>) -> Error {
        Error::UnreadableAnswer(Box::new(UnreadableAnswer {
            status: failure.status,
            request: self.call.name(),
            reason: failure.reason,
            request_id,
            tries: self.attempts,
            outcome_unknown: self.outcome_unknown,
            advice: self.advice(),
        }))
    }

    fn api_error(
        &self,
        response: Response,
        service_error: ServiceError,
        request_id: Option<String>,
    ) -> Error {
        let shown = |text: &str, most| shown(self.caller, text, most);
        let messages: Vec<_> = service_error
            .messages
            .iter()
            .map(|(code, text)| ApiMessage {
                error_code: shown(code, LONG),
                message: shown(text, LONG),
            })
            .filter(|message| !message.error_code.is_empty() || !message.message.is_empty())
            .collect();
        let excerpt = messages
            .is_empty()
            .then(|| shown(&String::from_utf8_lossy(&response.body), SHORT))
            .filter(|excerpt| !excerpt.is_empty());
        Error::Api(Box::new(ApiError {
            status: response.status,
            messages,
            retry_after: response.retry_after,
            request_id,
            request: self.call.name(),
            excerpt,
            tries: self.attempts,
            outcome_unknown: self.outcome_unknown,
            advice: self.advice(),
        }))
    }
}

fn shown(caller: &Caller, text: &str, most: usize) -> String {
    let text = printable(text, most);
    if caller.secrets.are_repeated_in(&text) {
        return "[not shown: it repeats what is secret in the request]".to_owned();
    }
    text
}

/// The error that a refusal with this body becomes, as text.
#[cfg(fuzzing)]
pub(crate) fn refusal(caller: &Caller, body: &[u8]) -> String {
    let call = Call {
        endpoint: "GET /tokens",
        method: crate::transport::Method::Get,
        target: "/tokens",
        contract_number: None,
        idempotency: super::retry::Idempotency::Idempotent,
        gone_is_success: false,
        unknown_advice: "",
    };
    let failed = Failed {
        caller,
        call: &call,
        attempts: 1,
        outcome_unknown: false,
    };
    let response = Response::refusal(403, body);
    let service_error = ServiceError::read(&response);
    let error = failed.api_error(response, service_error, None);
    format!("{error} {error:?}")
}
