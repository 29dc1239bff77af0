//! One call: its tries, the waits between them, its deadline and its end by `shutdown`. Knows
//! nothing of what is asked or answered.

use std::time::Instant;

use serde::Deserialize;
use zeroize::Zeroize as _;

use crate::client::Client;
use crate::error::{
    ApiError, ApiMessage, Error, LONG, Result, SHORT, TransportError, TransportErrorKind,
    UnreadableAnswer, printable,
};
use crate::json;
use crate::retry::{self, Outcome, Repeat, Seen};
use crate::transport::{Answer, Failure, Method, Request, WIRE_LOG, wire_is_logged};
use crate::tries::{Try, TryOutcome};

/// What an endpoint asks for, and what may be done for it.
pub(crate) struct Call<'a> {
    /// Method and path, with placeholders.
    pub(crate) endpoint: &'static str,
    pub(crate) method: Method,
    /// Path and query below the base URL.
    pub(crate) target: &'a str,
    pub(crate) contract_number: Option<u32>,
    pub(crate) repeat: Repeat,
    /// The answer holds a new token: it has a connection of its own, and is wiped.
    pub(crate) creates: bool,
    /// A 404 after a try that may have worked means that it did.
    pub(crate) gone_is_success: bool,
    /// What a caller should do when the outcome is unknown.
    pub(crate) unknown_advice: &'static str,
}

impl Call<'_> {
    fn name(&self) -> String {
        format!("{} {}", self.method.as_str(), self.target)
    }
}

/// What the tries of a call have come to.
#[derive(Clone, Copy, Default)]
struct SoFar {
    tries: u32,
    /// Once a try's outcome is unknown, that of the call is, until a success tells.
    outcome_unknown: bool,
}

impl SoFar {
    fn advice(self, call: &Call) -> &'static str {
        if self.outcome_unknown {
            call.unknown_advice
        } else {
            ""
        }
    }
}

/// Why the body of a success brings no value.
pub(crate) enum Unread {
    /// In a few words, none of them the body's.
    Unreadable(String),
    /// It says itself that it is no success.
    NoSuccess,
}

/// Makes the call. `read` gets the body of a success; a 404 that counts as one reads as an empty
/// body.
pub(crate) fn run<T>(
    client: &Client,
    call: &Call,
    read: impl Fn(&[u8]) -> Result<T, Unread>,
) -> Result<T> {
    let mut value = None;
    // The loop is compiled once, not once for every type of answer.
    run_until(client, call, &mut |body| {
        value = Some(read(body)?);
        Ok(())
    })?;
    value.ok_or_else(|| Error::invalid("answer", "was not read"))
}

type Read<'a> = dyn FnMut(&[u8]) -> Result<(), Unread> + 'a;

fn run_until(client: &Client, call: &Call, read: &mut Read) -> Result<()> {
    let contract_number = call.contract_number.or(client.contract_number());
    if let Some(number) = contract_number {
        check_contract_number("contract_number", number)?;
    }
    if wire_is_logged() && !client.allows_secrets_in_trace_log() {
        return Err(Error::invalid(
            "logger",
            format!(
                "takes the target {WIRE_LOG} at trace level, where every byte of the wire goes, credentials and new tokens \
                 among them: silence it (for env_logger: RUST_LOG=trace,{WIRE_LOG}=debug), or \
                 allow_secrets_in_trace_log(true)"
            ),
        ));
    }
    let started = Instant::now();
    let deadline = client.timeout().map(|timeout| started + timeout);
    let mut so_far = SoFar::default();
    loop {
        if client.shutdown_signal().is_set() {
            return Err(shut_down(call, so_far));
        }
        let request = Request {
            method: call.method,
            target: call.target,
            authorization: client.authorization(),
            contract_number,
            own_connection: call.creates,
            remaining: match deadline {
                Some(deadline) if so_far.tries > 0 => {
                    Some(deadline.saturating_duration_since(Instant::now()))
                }
                _ => None,
            },
        };
        let tried_at = Instant::now();
        let mut tried = client.transport().send(&request);
        let elapsed = tried_at.elapsed();
        so_far.tries = so_far.tries.saturating_add(1);
        log::debug!(
            "{}: {} after {} ms, try {}",
            call.name(),
            match &tried {
                Ok(answer) => format!("status {}", answer.status),
                Err(failure) => format!("{:?}", failure.seen),
            },
            elapsed.as_millis(),
            so_far.tries,
        );
        let request_id = match &mut tried {
            Ok(answer) => answer.request_id.take(),
            Err(failure) => failure.request_id.take(),
        };
        let tell = |outcome| {
            if let Some(hook) = client.on_try() {
                hook.call(&Try {
                    endpoint: call.endpoint,
                    number: so_far.tries,
                    outcome,
                    elapsed,
                    request_id: request_id
                        .as_deref()
                        .filter(|id| !client.secrets_are_repeated_in(id)),
                });
            }
        };

        let failed = match tried {
            Ok(mut answer) if answer.is_success() => match read(&answer.body) {
                Ok(()) => {
                    if call.creates {
                        answer.body.zeroize();
                    }
                    tell(TryOutcome::Status(answer.status));
                    return Ok(());
                }
                Err(Unread::NoSuccess) => Failed::Answered(answer),
                Err(Unread::Unreadable(reason)) => {
                    let status = Some(answer.status);
                    answer.body.zeroize();
                    Failed::Transport(Failure {
                        status,
                        ..Failure::new(Seen::Unreadable, reason)
                    })
                }
            },
            Ok(answer) => {
                let gone = answer.status == 404 && so_far.outcome_unknown && call.gone_is_success;
                if gone && read(b"").is_ok() {
                    tell(TryOutcome::Status(answer.status));
                    return Ok(());
                }
                Failed::Answered(answer)
            }
            Err(failure) => Failed::Transport(failure),
        };
        let (seen, retry_after) = match &failed {
            Failed::Answered(answer) => (Seen::Status(answer.status), answer.retry_after),
            Failed::Transport(failure) => (failure.seen, None),
        };
        tell(match kind(seen) {
            _ if client.shutdown_signal().is_set() => {
                TryOutcome::NoAnswer(TransportErrorKind::ShutDown)
            }
            Some(kind) => TryOutcome::NoAnswer(kind),
            None => match seen {
                Seen::Status(status) => TryOutcome::Status(status),
                _ => TryOutcome::Unreadable,
            },
        });

        so_far.outcome_unknown |= retry::outcome(seen) == Outcome::Unknown;
        if client.shutdown_signal().is_set() {
            return Err(shut_down(call, so_far));
        }
        let delay = retry::may_be_sent_again(seen, call.repeat)
            .then(|| client.retry_policy().delay_after(so_far.tries, retry_after))
            .flatten()
            .filter(|delay| {
                deadline.is_none_or(|deadline| {
                    *delay < deadline.saturating_duration_since(Instant::now())
                })
            });
        let Some(delay) = delay else {
            return Err(failed.into_error(client, call, so_far, request_id));
        };
        log::warn!(
            "{}: trying again in {} ms, as try {} brought {seen:?}",
            call.name(),
            delay.as_millis(),
            so_far.tries,
        );
        if client.shutdown_signal().wait(delay) {
            return Err(shut_down(call, so_far));
        }
        if deadline.is_some_and(|deadline| deadline <= Instant::now()) {
            return Err(failed.into_error(client, call, so_far, request_id));
        }
    }
}

/// The service takes an int32, and a contract has a positive number.
pub(crate) fn check_contract_number(what: &'static str, number: u32) -> Result<()> {
    if number == 0 || i32::try_from(number).is_err() {
        return Err(Error::invalid(
            what,
            format!("is {number}; a contract number is from 1 to {}", i32::MAX),
        ));
    }
    Ok(())
}

fn shut_down(call: &Call, so_far: SoFar) -> Error {
    let reason = "make a new one to call again".to_owned();
    let error = no_answer(call, TransportErrorKind::ShutDown, reason, so_far);
    Error::Transport(Box::new(error))
}

enum Failed {
    Answered(Answer),
    Transport(Failure),
}

impl Failed {
    fn into_error(
        self,
        client: &Client,
        call: &Call,
        so_far: SoFar,
        request_id: Option<String>,
    ) -> Error {
        let request_id = request_id.filter(|id| !client.secrets_are_repeated_in(id));
        match self {
            Failed::Answered(answer) => api_error(client, call, &answer, so_far, request_id),
            Failed::Transport(failure) => transport_error(call, failure, so_far, request_id),
        }
    }
}

fn transport_error(
    call: &Call,
    failure: Failure,
    so_far: SoFar,
    request_id: Option<String>,
) -> Error {
    match kind(failure.seen) {
        Some(kind) => Error::Transport(Box::new(TransportError {
            request_id,
            source: failure.source,
            ..no_answer(call, kind, failure.reason, so_far)
        })),
        None => Error::UnreadableAnswer(Box::new(UnreadableAnswer {
            status: failure.status,
            request: call.name(),
            reason: failure.reason,
            request_id,
            tries: so_far.tries,
            outcome_unknown: so_far.outcome_unknown,
            advice: so_far.advice(call),
        })),
    }
}

/// What a caller is told of a try without an answer.
fn kind(seen: Seen) -> Option<TransportErrorKind> {
    match seen {
        Seen::AddressNotFound => Some(TransportErrorKind::AddressNotFound),
        Seen::ConnectFailed => Some(TransportErrorKind::ConnectFailed),
        Seen::TlsFailed => Some(TransportErrorKind::TlsFailed),
        Seen::TimedOutBeforeSending | Seen::TimedOutAfterSending => {
            Some(TransportErrorKind::TimedOut)
        }
        Seen::ConnectionLost => Some(TransportErrorKind::ConnectionLost),
        Seen::Unreadable | Seen::Status(_) => None,
    }
}

fn no_answer(
    call: &Call,
    kind: TransportErrorKind,
    reason: String,
    so_far: SoFar,
) -> TransportError {
    TransportError {
        kind,
        request: call.name(),
        reason,
        request_id: None,
        tries: so_far.tries,
        outcome_unknown: so_far.outcome_unknown,
        advice: so_far.advice(call),
        source: None,
    }
}

fn api_error(
    client: &Client,
    call: &Call,
    answer: &Answer,
    so_far: SoFar,
    request_id: Option<String>,
) -> Error {
    let shown = |text: &str, most| {
        let text = printable(text, most);
        if client.secrets_are_repeated_in(&text) {
            return "[not shown: it repeats what is secret in the request]".to_owned();
        }
        text
    };
    let messages = messages(&answer.body, |text| shown(text, LONG));
    let excerpt = messages
        .is_empty()
        .then(|| shown(&String::from_utf8_lossy(&answer.body), SHORT))
        .filter(|excerpt| !excerpt.is_empty());
    Error::Api(Box::new(ApiError {
        status: answer.status,
        messages,
        retry_after: answer.retry_after,
        request_id,
        request: call.name(),
        excerpt,
        tries: so_far.tries,
        outcome_unknown: so_far.outcome_unknown,
        advice: so_far.advice(call),
    }))
}

/// The messages of the service's error model; none if the body is something else.
fn messages(body: &[u8], shown: impl Fn(&str) -> String) -> Vec<ApiMessage> {
    #[derive(Deserialize)]
    struct Body {
        messages: Vec<Message>,
    }
    #[derive(Deserialize)]
    struct Message {
        #[serde(
            default,
            rename = "errorCode",
            deserialize_with = "json::text_or_number"
        )]
        error_code: String,
        #[serde(default, deserialize_with = "json::text_or_number")]
        message: String,
    }

    let Ok(body) = json::read::<Body>(body) else {
        return Vec::new();
    };
    body.messages
        .iter()
        .map(|message| ApiMessage {
            error_code: shown(&message.error_code),
            message: shown(&message.message),
        })
        .filter(|message| !message.error_code.is_empty() || !message.message.is_empty())
        .collect()
}

/// The error that a refusal with this body becomes, as text, for a client with this token.
#[cfg(fuzzing)]
pub fn refusal(body: &[u8], token: &str) -> String {
    let Ok(client) = Client::new(crate::Credentials::token(token)) else {
        return String::new();
    };
    let call = Call {
        endpoint: "GET /tokens",
        method: Method::Get,
        target: "/tokens",
        contract_number: None,
        repeat: Repeat::IfUnknown,
        creates: false,
        gone_is_success: false,
        unknown_advice: "",
    };
    let answer = Answer {
        status: 403,
        retry_after: None,
        request_id: None,
        body: body.to_vec(),
    };
    let error = api_error(&client, &call, &answer, SoFar::default(), None);
    format!("{error} {error:?}")
}
