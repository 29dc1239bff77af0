//! Turns a failed call into its error. It does not depend on HTTP.

use std::io;

use super::attempt::{Came, Finished};
use super::description::{Call, Caller};
use super::service_error::ServiceError;
use crate::error::{
    ApiError, ApiMessage, Error, MAX_SHOWN, Page, Status, TransportError, TransportErrorKind,
    UnreadableResponse,
};
use crate::transport::{FailureKind, Response};

/// The number of bytes kept of an error code and of a message.
const MAX_CODE: usize = 100;
const MAX_MESSAGE: usize = 1000;
/// The number of bytes kept of all messages. With path, request ID and advice, the text of an error
/// has at most 4 KiB.
const MAX_MESSAGES: usize = 2048;

/// A failed call, without the result of its last attempt.
pub(super) struct Failed<'a> {
    pub(super) caller: &'a Caller<'a>,
    pub(super) call: &'a Call<'a>,
    pub(super) attempts: u32,
    pub(super) outcome_unknown: bool,
}

impl Failed<'_> {
    /// Makes the error. Errors of calls are made only here.
    pub(super) fn into_error(self, attempt: Finished) -> Error {
        let Finished { came, facts, .. } = attempt;
        let request_id = facts.request_id;
        match came {
            _ if facts.shut_down => self.shut_down(came, request_id),
            Came::Response(response, service_error) => {
                self.api_error(response, service_error, request_id)
            }
            Came::Unreadable(response, reason) => {
                let page = self.page(&response);
                self.unreadable(Some(response.status), Some(page), reason, request_id)
            }
            Came::Failure(failure) => match failure.kind {
                FailureKind::NoResponse(kind) => self.no_response(
                    kind,
                    failure.peer,
                    failure.reason,
                    failure.io_kind,
                    request_id,
                ),
                FailureKind::Unreadable => {
                    self.unreadable(failure.status, None, failure.reason, request_id)
                }
            },
        }
    }

    fn shut_down(&self, came: Came, request_id: Option<String>) -> Error {
        let peer = match came {
            Came::Failure(failure) => failure.peer,
            Came::Response(..) | Came::Unreadable(..) => self.caller.transport.service().to_owned(),
        };
        let reason = "the client was shut down: create a new one to call again".to_owned();
        self.no_response(TransportErrorKind::ShutDown, peer, reason, None, request_id)
    }

    fn no_response(
        &self,
        kind: TransportErrorKind,
        peer: String,
        reason: String,
        io_kind: Option<io::ErrorKind>,
        request_id: Option<String>,
    ) -> Error {
        Error::Transport(Box::new(TransportError {
            kind,
            request: self.call.name(),
            peer,
            reason,
            request_id,
            attempts: self.attempts,
            outcome_unknown: self.outcome_unknown,
            advice: self.about_outcome(),
            io_kind,
        }))
    }

    fn unreadable(
        &self,
        status: Option<Status>,
        page: Option<Page>,
        reason: String,
        request_id: Option<String>,
    ) -> Error {
        let is_compressed = page
            .as_ref()
            .is_some_and(|page| page.content_encoding.is_some());
        Error::UnreadableResponse(Box::new(UnreadableResponse {
            status: status.map(|status| status.code),
            reason_phrase: status.map_or("", |status| status.reason_phrase),
            request: self.call.name(),
            reason,
            request_id,
            attempts: self.attempts,
            page,
            outcome_unknown: self.outcome_unknown,
            advice: self.advice_on_unreadable(is_compressed),
        }))
    }

    pub(super) fn api_error(
        &self,
        response: Response,
        service_error: ServiceError,
        request_id: Option<String>,
    ) -> Error {
        let by_service = service_error.is_service;
        let may_be_quoted = by_service || !self.caller.secrets.can_be_disguised();
        let messages = match may_be_quoted {
            true => self.messages(service_error),
            false => Vec::new(),
        };
        let page = (!by_service).then(|| self.page(&response));
        let excerpt = page
            .as_ref()
            .filter(|page| may_be_quoted && messages.is_empty() && page.content_encoding.is_none())
            .map(|_| without_tags(&String::from_utf8_lossy(&response.body)))
            .map(|text| self.caller.secrets.show(&text, MAX_SHOWN))
            .filter(|excerpt| !excerpt.is_empty());
        let status = response.status.code;
        Error::Api(Box::new(ApiError {
            status,
            reason_phrase: response.status.reason_phrase,
            messages,
            retry_after: response.retry_after,
            request_id,
            request: self.call.name(),
            excerpt,
            attempts: self.attempts,
            page,
            outcome_unknown: self.outcome_unknown,
            advice: self.advice_on(status, by_service, response.retry_after.is_some()),
        }))
    }

    /// Returns as many messages as fit.
    fn messages(&self, service_error: ServiceError) -> Vec<ApiMessage> {
        let secrets = self.caller.secrets;
        let mut room = MAX_MESSAGES;
        let mut messages = Vec::new();
        for (code, text) in service_error.messages {
            let error_code = secrets.show(&code, MAX_CODE.min(room));
            room = room.saturating_sub(error_code.len());
            let message = secrets.show(&text, MAX_MESSAGE.min(room));
            room = room.saturating_sub(message.len());
            if !error_code.is_empty() || !message.is_empty() {
                messages.push(ApiMessage {
                    error_code,
                    message,
                });
            }
            if room == 0 {
                break;
            }
        }
        messages
    }

    fn page(&self, response: &Response) -> Page {
        let secrets = self.caller.secrets;
        let page = response.page();
        Page {
            server: secrets.if_shown(page.server),
            content_type: secrets.if_shown(page.content_type),
            content_encoding: secrets.if_shown(page.content_encoding),
            ..page
        }
    }
}

/// Returns the text of an HTML page without its tags.
fn without_tags(text: &str) -> String {
    if !text.trim_start().starts_with('<') {
        return text.to_owned();
    }
    let mut bare = String::with_capacity(text.len());
    for piece in text.split('<') {
        let behind = piece.split_once('>').map_or("", |(_, behind)| behind);
        bare.push_str(behind);
        bare.push(' ');
    }
    bare
}

#[cfg(test)]
mod tests {
    use crate::auth::HASHED;
    use crate::call::fuzzing::refusal;
    use crate::{Client, Credentials};

    #[test]
    fn work_on_a_response_is_bounded() {
        // The longest header section that is sent.
        let token = "aB3.".repeat(2_500);
        let mut builder = Client::builder().credentials(Credentials::token(token.as_str()));
        for n in 0..64 {
            builder = builder.header(format!("x-{n:02}"), format!("{n:02}-{}", "k".repeat(60)));
        }
        let client = builder.build().unwrap();
        let caller = client.caller(None).unwrap();
        let model = |status, message: &str| {
            let messages = vec![message; 64 * 1024 / message.len()].join(",");
            format!(r#"{{"httpStatus":{status},"messages":[{messages}]}}"#)
        };
        // Everything except each last character is a piece of the token.
        let near = "aB3.aB3.aB3_".repeat(80);
        for (body, reason) in [
            (model(403, r#"{"message":"m"}"#), "many messages"),
            (
                model(
                    403,
                    &format!(r#"{{"errorCode":"{near}","message":"{near}"}}"#),
                ),
                "long ones",
            ),
            (
                model(500, &format!(r#"{{"message":"{near}"}}"#)),
                "another error model",
            ),
            (near.repeat(70), "a page"),
            (format!("<html>{}", near.repeat(70)), "a page of HTML"),
            ("\u{200b}".repeat(20_000), "invisible characters"),
            ("[".repeat(64 * 1024), "deep nesting"),
        ] {
            HASHED.set(0);
            let error = refusal(&caller, body.as_bytes());
            // Only what is shown is hashed, however long the body and the secrets are.
            assert!(HASHED.get() < 3_000, "{reason}: {}", HASHED.get());
            assert!(error.to_string().len() <= 4096, "{reason}: {error}");
        }
    }
}
